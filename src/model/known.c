/*
 * known.c: how far a molecule is from those that a head has learned from.
 */
#include "hamnet/known.h"

#include <math.h>
#include <stdlib.h>

#include "hamnet/kernel_head.h"
#include "packed_head.h"
#include "standardise.h"

/* The part of the measured distances that lie within the one that counts as 1. */
#define WITHIN 0.95

/* The rows that a head compares with, wherever they lie. */
typedef struct Rows
{
	HnColumns	columns;		/* of fingerprints only */
	const int8_t *first;
	int			count;
	int			stride;			/* from one row to the next */
	HnByteRows	packed;
} Rows;

bool
hn_known_by_kernel(const HnHead *head)
{
	return head->kernel && head->kernel->fingerprint_weight > 0;
}

static HnStatus
rows_of(HnContext *context, const HnHead *head, Rows *rows)
{
	const HnKnown *known = head->known;
	const HnKernelHead *kernel = head->kernel;

	if (hn_known_by_kernel(head))
		*rows = (Rows)
	{
		.columns = {known->width, known->width, kernel->center, kernel->scale},
			.first = kernel->inputs, .count = kernel->rows, .stride = kernel->width
	};
	else
		*rows = (Rows)
	{
		.columns = {known->width, known->width, known->center, known->scale},
			.first = known->inputs, .count = known->rows, .stride = known->width
	};
	if (head->packed)
		rows->packed = hn_known_by_kernel(head) ? head->packed->kernel->fingerprints : *head->packed->known;
	else
		HN_TRY(hn_byte_rows_pack(context, rows->first, rows->stride, rows->count, known->width, &rows->packed));
	return HN_OK;
}

/* Fingerprint number row in whole steps [width]. */
static void
round_row(const HnColumns *columns, const real *fingerprints, int row, real *steps)
{
	HnInputs	inputs = {.fingerprints = fingerprints};

	hn_standardise(columns, &inputs, row, steps);
	for (int k = 0; k < columns->width; k++)
		steps[k] = (real) rint(steps[k]);
}

/* Least Σ (x - y)² from a row, which is not row number `except`. */
static HnStatus
nearest(HnContext *context, const HnByteRows *rows, const real *steps, int except, int32_t *least)
{
	HnArenaMark mark = hn_arena_mark(context->arena);
	HnByteQuery query;
	int32_t		sums[HN_BYTE_BLOCK];

	*least = INT32_MAX;
	HN_TRY(hn_byte_query(context, steps, rows->width, &query));
	for (int first = 0; first < rows->count; first += HN_BYTE_BLOCK)
	{
		int			count = rows->count - first < HN_BYTE_BLOCK ? rows->count - first : HN_BYTE_BLOCK;

		hn_byte_distances(rows, &query, first, count, sums, 0, NULL);
		for (int i = 0; i < count; i++)
			if (sums[i] < *least && first + i != except)
				*least = sums[i];
	}
	hn_arena_rewind(context->arena, mark);
	return HN_OK;
}

/* In standard deviations. */
static double
distance_of(int32_t squared_steps, int width)
{
	return sqrt((double) squared_steps / width) / HN_KERNEL_STEPS;
}

static HnStatus
held_distances(HnContext *context, const Rows *rows, const real *fingerprints, int count, double *distances)
{
	real	   *steps;

	HN_NEW(context, steps, rows->columns.width);
	for (int i = 0; i < count; i++)
	{
		int32_t		least;

		if (hn_interrupted(context))
			return HN_INTERRUPTED;
		round_row(&rows->columns, fingerprints, i, steps);
		HN_TRY(nearest(context, &rows->packed, steps, -1, &least));
		distances[i] = distance_of(least, rows->columns.width);
	}
	return HN_OK;
}

/* Of each row from the nearest other. */
static HnStatus
own_distances(HnContext *context, const Rows *rows, double *distances)
{
	real	   *steps;

	HN_NEW(context, steps, rows->columns.width);
	for (int i = 0; i < rows->count; i++)
	{
		int32_t		least;

		if (hn_interrupted(context))
			return HN_INTERRUPTED;
		for (int k = 0; k < rows->columns.width; k++)
			steps[k] = rows->first[(size_t) i * rows->stride + k];
		HN_TRY(nearest(context, &rows->packed, steps, i, &least));
		distances[i] = distance_of(least, rows->columns.width);
	}
	return HN_OK;
}

static HnStatus
make_table(HnContext *context, HnKnown *known, const real *fingerprints, int count)
{
	HnColumns	columns = {.fingerprint = known->width, .width = known->width};
	HnInputs	inputs = {.count = count, .fingerprints = fingerprints};
	int		   *all;
	real	   *steps;

	known->rows = count;
	HN_NEW(context, known->center, known->width);
	HN_NEW(context, known->scale, known->width);
	HN_NEW(context, known->inputs, (size_t) count * known->width);
	HN_NEW(context, all, count);
	HN_NEW(context, steps, known->width);
	for (int i = 0; i < count; i++)
		all[i] = i;
	columns.center = known->center;
	columns.scale = known->scale;
	hn_measure_columns(&columns, &inputs, all, count);
	for (int i = 0; i < count; i++)
	{
		round_row(&columns, fingerprints, i, steps);
		for (int k = 0; k < known->width; k++)
			known->inputs[(size_t) i * known->width + k] = (int8_t) steps[k];
	}
	return HN_OK;
}

static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

HnStatus
hn_known_make(HnContext *context, HnHead *head, int dim, const real *fingerprints, int count,
			  const real *held, int held_count)
{
	HnKnown    *known;
	double	   *distances;
	Rows		rows;
	int			measured;

	HN_NEW_ZERO(context, known, 1);
	known->width = dim;
	head->known = known;
	if (!hn_known_by_kernel(head))
		HN_TRY(make_table(context, known, fingerprints, count));
	head->packed = NULL;
	HN_TRY(rows_of(context, head, &rows));
	measured = held_count > 0 ? held_count : rows.count > 1 ? rows.count : 0;
	HN_NEW(context, distances, measured);
	if (held_count > 0)
		HN_TRY(held_distances(context, &rows, held, held_count, distances));
	else if (measured > 0)
		HN_TRY(own_distances(context, &rows, distances));
	if (measured > 0 && rows.count > 0)
	{
		qsort(distances, (size_t) measured, sizeof(double), compare_doubles);
		known->distance = distances[(int) ceil(WITHIN * measured) - 1];
	}
	if (known->distance == 0)
		head->known = NULL;
	return HN_OK;
}

double
hn_known_scaled(const HnHead *head, int32_t least)
{
	const HnKnown *known = head->known;

	return known ? distance_of(least, known->width) / known->distance : NAN;
}

HnStatus
hn_known_novelty(HnContext *context, const HnHead *head, const real *fingerprints, int count, double *novelties)
{
	HnArenaMark mark = hn_arena_mark(context->arena);
	Rows		rows;

	if (head->known == NULL)
	{
		for (int i = 0; i < count; i++)
			novelties[i] = NAN;
		return HN_OK;
	}
	HN_TRY(rows_of(context, head, &rows));
	HN_TRY(held_distances(context, &rows, fingerprints, count, novelties));
	for (int i = 0; i < count; i++)
		novelties[i] /= head->known->distance;
	hn_arena_rewind(context->arena, mark);
	return HN_OK;
}

HnStatus
hn_known_check(HnContext *context, const HnHead *head)
{
	const HnKnown *known = head->known;

	for (int k = 0; known && known->rows > 0 && k < known->width; k++)
		if (known->scale[k] < 0)
			return hn_fail(context, HN_INVALID_MODEL, "known_scale %d of head \"%s\" is negative", k, head->name);
	return HN_OK;
}
