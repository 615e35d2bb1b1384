/*
 * known.c: how far a molecule is from those that a head has learned from.
 */
#include "hamnet/known.h"

#include <math.h>
#include <stdlib.h>

#include "hamnet/gp.h"
#include "compare.h"
#include "covariance.h"
#include "parts.h"
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
hn_known_by_gp(const HnHead *head)
{
	const HnGp *gp = hn_gp(head);

	return gp && gp->fingerprint_weight > 0;
}

static HnStatus
rows_of(HnContext *context, const HnHead *head, Rows *rows)
{
	const HnKnown *known = hn_known(head);
	const HnGp *gp = hn_gp(head);

	if (hn_known_by_gp(head))
		*rows = (Rows)
	{
		.columns = {known->width, known->width, gp->center, gp->scale},
			.first = gp->inputs, .count = gp->rows, .stride = gp->width
	};
	else
		*rows = (Rows)
	{
		.columns = {known->width, known->width, known->center, known->scale},
			.first = known->inputs, .count = known->rows, .stride = known->width
	};
	if (head->packed)
		rows->packed = hn_known_by_gp(head) ? ((const HnPackedGp *) hn_packed_part(head, HN_GP))->fingerprints
			: *(const HnByteRows *) hn_packed_part(head, HN_KNOWN);
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
	return sqrt((double) squared_steps / width) / HN_BYTE_STEPS;
}

/* distances [count] of fingerprints [count, D] from the nearest row. */
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

/* distances [rows] of each row from the nearest other. */
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

/* Make the table of fingerprints [count, D]: scales, and rows in whole steps. */
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
	head->parts[HN_KNOWN] = known;
	if (!hn_known_by_gp(head))
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
		qsort(distances, (size_t) measured, sizeof(double), hn_compare_doubles);
		known->distance = distances[(int) ceil(WITHIN * measured) - 1];
	}
	if (known->distance == 0)
		head->parts[HN_KNOWN] = NULL;
	return HN_OK;
}

double
hn_known_scaled(const HnHead *head, int32_t least)
{
	const HnKnown *known = hn_known(head);

	return known ? distance_of(least, known->width) / known->distance : NAN;
}

HnStatus
hn_known_novelty(HnContext *context, const HnHead *head, const real *fingerprints, int count, double *novelties)
{
	HnArenaMark mark = hn_arena_mark(context->arena);
	Rows		rows;

	if (hn_known(head) == NULL)
	{
		for (int i = 0; i < count; i++)
			novelties[i] = NAN;
		return HN_OK;
	}
	HN_TRY(rows_of(context, head, &rows));
	HN_TRY(held_distances(context, &rows, fingerprints, count, novelties));
	for (int i = 0; i < count; i++)
		novelties[i] /= hn_known(head)->distance;
	hn_arena_rewind(context->arena, mark);
	return HN_OK;
}

/*
 * In a model file
 */

/* Read the part; rows are absent where a Gaussian process has them. */
static HnStatus
read_known(HnContext *context, const HnSection *head_section, HnHead *head)
{
	static const char *const own_keys[] = {"distance", "rows", NULL};
	HnSection	section;
	HnKnown    *known;

	HN_TRY(hn_section_enter_key(context, head_section, "known", own_keys, &section));
	HN_NEW_ZERO(context, known, 1);
	head->parts[HN_KNOWN] = known;
	HN_TRY(hn_section_double(context, &section, "distance", &known->distance));
	if (!hn_known_by_gp(head))
		return hn_section_int(context, &section, "rows", &known->rows);
	if (json_object_get(section.object, "rows"))
		return hn_fail(context, HN_INVALID_MODEL, "%s has rows, which its kernel has already", section.name);
	return HN_OK;
}

static json_t *
write_known(const HnHead *head, json_t *object)
{
	const HnKnown *known = hn_known(head);
	json_t	   *own = json_pack("{s:f}", "distance", known->distance);

	if (known->rows > 0)
		own = hn_json_with(own, "rows", json_integer(known->rows));
	return hn_json_with(object, "known", own);
}

/* One step in one column of the widest fingerprint is farther than this: 1 / (21 · 64). */
#define MIN_DISTANCE 1e-4

static HnStatus
check_known(HnContext *context, const HnHead *head)
{
	const HnKnown *known = hn_known(head);
	bool		by_gp = hn_known_by_gp(head);

	HN_TRY(hn_check_number(context, head, "the distance of known molecules", known->distance, MIN_DISTANCE,
						   HN_MAX_WEIGHT));
	return hn_check_count(context, head, "number of known molecules", known->rows, by_gp ? 0 : 1,
						  by_gp ? 0 : HN_MAX_KNOWN);
}

static HnStatus
shape_known(HnContext *context, const HnModel *model, HnHead *head)
{
	(void) context;
	hn_known(head)->width = model->fingerprint_config.dim;
	return HN_OK;
}

static void
list_tables(HnTableList *list, const HnHead *head)
{
	HnKnown    *known = hn_known(head);

	if (known->rows == 0)
		return;
	hn_list_table(list, head, "known_center", HN_F32, 1, known->width, 1, &known->center);
	hn_list_table(list, head, "known_scale", HN_F32, 1, known->width, 1, &known->scale);
	hn_list_table(list, head, "known_inputs", HN_I8, 2, known->rows, known->width, &known->inputs);
}

static HnStatus
link_known(HnContext *context, const HnHead *head)
{
	const HnKnown *known = hn_known(head);

	for (int k = 0; known->rows > 0 && k < known->width; k++)
		if (known->scale[k] < 0)
			return hn_fail(context, HN_INVALID_MODEL, "known_scale %d of head \"%s\" is negative", k, head->name);
	return HN_OK;
}

static HnStatus
pack_known(HnContext *context, const HnModel *model, const HnHead *head, void **packed)
{
	const HnKnown *known = hn_known(head);
	HnByteRows *rows;

	(void) model;
	if (known->rows == 0)
		return HN_OK;
	HN_NEW(context, rows, 1);
	HN_TRY(hn_byte_rows_pack(context, known->inputs, known->width, known->rows, known->width, rows));
	*packed = rows;
	return HN_OK;
}

static const char *const keys[] = {"known", NULL};

extern const HnHeadPart hn_known_part;
const HnHeadPart hn_known_part = {
	.keys = keys,
	.read = read_known,
	.write = write_known,
	.check = check_known,
	.shape = shape_known,
	.list_tables = list_tables,
	.link = link_known,
	.pack = pack_known
};
