/*
 * known.c: how far a molecule is from those that a head has learned from.
 */
#include "hamnet/known.h"

#include <math.h>
#include <stdlib.h>

#include "hamnet/kernel_head.h"
#include "standardise.h"

/* The part of the measured distances that lie within the one that counts as 1. */
#define WITHIN 0.95

/* Columns that are compared before a row is given up that is farther than the nearest. */
#define STRETCH 64

/* The rows that a head compares with, wherever they lie. */
typedef struct Rows
{
	HnColumns	columns;		/* of fingerprints only */
	const int8_t *first;
	int			count;
	int			stride;			/* from one row to the next */
} Rows;

bool
hn_known_by_kernel(const HnHead *head)
{
	return head->kernel && head->kernel->fingerprint_weight > 0;
}

static Rows
rows_of(const HnHead *head)
{
	const HnKnown *known = head->known;
	const HnKernelHead *kernel = head->kernel;

	if (hn_known_by_kernel(head))
		return (Rows)
	{
		.columns = {known->width, known->width, kernel->center, kernel->scale},
			.first = kernel->inputs, .count = kernel->rows, .stride = kernel->width
	};
	return (Rows)
	{
		.columns = {known->width, known->width, known->center, known->scale},
			.first = known->inputs, .count = known->rows, .stride = known->width
	};
}

/* Fingerprint number row as bytes [width]; steps is scratch of the same size. */
static void
round_row(const HnColumns *columns, const real *fingerprints, int row, real *steps, int8_t *bytes)
{
	HnInputs	inputs = {.fingerprints = fingerprints};

	hn_standardise(columns, &inputs, row, steps);
	for (int k = 0; k < columns->width; k++)
		bytes[k] = (int8_t) rint(steps[k]);
}

/* Σ (a - b)²: below 2^28 for the widest rows. */
static int32_t
squared_steps(const int8_t *a, const int8_t *b, int width)
{
	int32_t		sum = 0;

	for (int k = 0; k < width; k++)
	{
		int16_t		step = (int16_t) (a[k] - b[k]);

		sum += step * step;
	}
	return sum;
}

/* Distance from the nearest row, which is not row number `except`. */
static double
nearest(const Rows *rows, const int8_t *bytes, int except)
{
	int			width = rows->columns.width;
	int32_t		least = INT32_MAX;

	for (int i = 0; i < rows->count; i++)
	{
		const int8_t *row = rows->first + (size_t) i * rows->stride;
		int32_t		sum = 0;

		if (i == except)
			continue;
		for (int k = 0; k < width && sum < least; k += STRETCH)
			sum += squared_steps(bytes + k, row + k, width - k < STRETCH ? width - k : STRETCH);
		if (sum < least)
			least = sum;
	}
	return sqrt((double) least / width) / HN_KERNEL_STEPS;
}

static HnStatus
held_distances(HnContext *context, const Rows *rows, const real *fingerprints, int count, double *distances)
{
	real	   *steps;
	int8_t	   *bytes;

	HN_NEW(context, steps, rows->columns.width);
	HN_NEW(context, bytes, rows->columns.width);
	for (int i = 0; i < count; i++)
	{
		if (hn_interrupted(context))
			return HN_INTERRUPTED;
		round_row(&rows->columns, fingerprints, i, steps, bytes);
		distances[i] = nearest(rows, bytes, -1);
	}
	return HN_OK;
}

/* Of each row from the nearest other. */
static HnStatus
own_distances(HnContext *context, const Rows *rows, double *distances)
{
	for (int i = 0; i < rows->count; i++)
	{
		if (hn_interrupted(context))
			return HN_INTERRUPTED;
		distances[i] = nearest(rows, rows->first + (size_t) i * rows->stride, i);
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
		round_row(&columns, fingerprints, i, steps, known->inputs + (size_t) i * known->width);
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
	rows = rows_of(head);
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
	rows = rows_of(head);
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
