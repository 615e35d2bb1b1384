/*
 * tree_rows.c: what trees learn from: rows as codes, and labels.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hamnet/random.h"

#include "trees.h"

/* Rows that trees learn from, of which each takes some kilobytes. */
#define MAX_ROWS 50000

/* Values whose difference is below this part of their size may be the same but for rounding. */
#define MIN_DIFFERENCE 0x1p-18

/* Rows with a label, or a sample of them in ascending order. */
static HnStatus
choose_rows(HnContext *context, const real *labels, int count, int targets, uint64_t seed, int **rows,
			HnFitReport *report)
{
	uint64_t	state = hn_derive_seed(seed, 0);
	int			left = 0;

	HN_NEW(context, *rows, count);
	for (int i = 0; i < count; i++)
	{
		bool		labelled = false;

		for (int t = 0; t < targets; t++)
			labelled |= !isnan(labels[(size_t) i * targets + t]);
		if (labelled)
			(*rows)[left++] = i;
	}
	report->labelled_rows = left;
	report->rows = 0;
	for (int i = 0; left > 0; i++, left--)
		if (hn_random_sample(&state, hn_random_below, left, MAX_ROWS - report->rows))
			(*rows)[report->rows++] = (*rows)[i];
	return HN_OK;
}

static int
compare_floats(const void *a, const void *b)
{
	float		x = *(const float *) a;
	float		y = *(const float *) b;

	return (x > y) - (x < y);
}

/* Return whether a value is above another, and not by rounding alone. */
static bool
is_above(float value, float other)
{
	return value - other > MIN_DIFFERENCE * fmaxf(fabsf(value), fabsf(other));
}

/* Thresholds between n ascending values: all that there are, or some that divide them into like parts. */
static void
set_thresholds(const float *values, int n, float *thresholds)
{
	int			gaps = 0;
	int			count = 0;

	for (int i = 1; i < n; i++)
		gaps += is_above(values[i], values[i - 1]);
	for (int i = 1; i < n && count < HN_TREE_THRESHOLDS; i++)
		if (is_above(values[i], values[i - 1]) &&
			(gaps <= HN_TREE_THRESHOLDS || (int64_t) i * HN_TREE_CODES >= (int64_t) (count + 1) * n))
			thresholds[count++] = values[i - 1] + (values[i] - values[i - 1]) / 2;
	while (count < HN_TREE_THRESHOLDS)
		thresholds[count++] = FLT_MAX;
}

static HnStatus
measure_descriptors(HnContext *context, const HnInputs *inputs, const int *rows, int n, HnTrees *trees)
{
	int			width = trees->descriptors->count;
	float	   *values;

	HN_NEW(context, values, n);
	for (int k = 0; k < width; k++)
	{
		int			known = 0;

		for (int i = 0; i < n; i++)
		{
			float		value = (float) inputs->descriptors[(size_t) rows[i] * width + k];

			if (isfinite(value))
				values[known++] = value;
		}
		qsort(values, known, sizeof(*values), compare_floats);
		set_thresholds(values, known, trees->thresholds + (size_t) k * HN_TREE_THRESHOLDS);
	}
	return HN_OK;
}

/* Encode the rows, column by column, and keep the columns that are not the same in all. */
static HnStatus
encode_rows(HnContext *context, const HnInputs *inputs, const HnTrees *trees, HnTreeRows *rows)
{
	int			n = rows->count;
	int			all = hn_trees_width(trees);
	uint8_t    *row;
	uint8_t    *first;
	bool	   *kept;			/* [all] whether rows differ in it */

	HN_NEW(context, row, all);
	HN_NEW(context, first, all);
	HN_NEW_ZERO(context, kept, all);
	HN_NEW(context, rows->columns, all);
	hn_trees_encode(trees, inputs, rows->rows[0], first);
	for (int i = 1; i < n; i++)
	{
		hn_trees_encode(trees, inputs, rows->rows[i], row);
		for (int k = 0; k < all; k++)
			kept[k] |= row[k] != first[k];
	}
	rows->width = 0;
	for (int k = 0; k < all; k++)
		if (kept[k])
			rows->columns[rows->width++] = (uint16_t) k;

	HN_NEW(context, rows->codes, (size_t) rows->width * n);
	for (int i = 0; i < n; i++)
	{
		if (hn_interrupted(context))
			return HN_INTERRUPTED;
		hn_trees_encode(trees, inputs, rows->rows[i], row);
		for (int k = 0; k < rows->width; k++)
			rows->codes[(size_t) k * n + i] = row[rows->columns[k]];
	}
	return HN_OK;
}

HnStatus
hn_tree_rows_make(HnContext *context, const HnInputs *inputs, const real *labels, int targets, uint64_t seed,
				  HnTrees *trees, HnTreeRows *rows, HnFitReport *report)
{
	*rows = (HnTreeRows) {.rows = NULL};
	HN_NEW(context, trees->thresholds, (size_t) trees->descriptors->count * HN_TREE_THRESHOLDS);
	HN_TRY(choose_rows(context, labels, inputs->count, targets, seed, &rows->rows, report));
	rows->count = report->rows;
	if (rows->count == 0)
		return HN_OK;
	HN_TRY(measure_descriptors(context, inputs, rows->rows, rows->count, trees));
	return encode_rows(context, inputs, trees, rows);
}

HnStatus
hn_tree_rows_label(HnContext *context, const HnTreeRows *rows, const HnHead *head, int t, const real *labels,
				   HnTreeLabels *found)
{
	found->count = 0;
	found->least = INFINITY;
	found->most = -INFINITY;
	for (int i = 0; i < rows->count; i++)
	{
		double		label = labels[(size_t) rows->rows[i] * head->target_count + t];

		if (isnan(label))
			continue;
		found->numbers[found->count++] = i;
		found->least = fmin(found->least, label);
		found->most = fmax(found->most, label);
	}
	if (found->count == 0)
		return hn_fail(context, HN_INVALID_ARGUMENT, "target \"%s\" has no label to learn from",
					   head->targets[t].name);
	if (!isfinite(found->most - found->least) ||
		(head->task == HN_CLASSIFICATION && (found->least < 0 || found->most > 1)))
		return hn_fail(context, HN_INVALID_ARGUMENT, "target \"%s\" has labels from %g to %g",
					   head->targets[t].name, found->least, found->most);
	return HN_OK;
}

HnStatus
hn_trees_keep(HnContext *context, const HnTrees *grown, HnTrees *kept)
{
	size_t		thresholds = (size_t) grown->descriptors->count * HN_TREE_THRESHOLDS;
	size_t		nodes = (size_t) grown->node_count;

	HN_ASSERT(grown->columns != NULL && grown->codes != NULL);
	*kept = *grown;
	HN_NEW(context, kept->thresholds, thresholds);
	HN_NEW(context, kept->columns, nodes);
	HN_NEW(context, kept->codes, nodes);
	memcpy(kept->thresholds, grown->thresholds, thresholds * sizeof(*kept->thresholds));
	memcpy(kept->columns, grown->columns, nodes * sizeof(*kept->columns));
	memcpy(kept->codes, grown->codes, nodes * sizeof(*kept->codes));
	return HN_OK;
}

HnStatus
hn_trees_fit(HnContext *context, const HnInputs *inputs, const real *labels, const HnFitOptions *options,
			 HnGrowTrees grow, HnKeepTrees keep, void *grown, HnHead *head, HnFitReport *report)
{
	HnArena    *own = context->arena;
	HnArena		work;
	HnStatus	status;

	memset(report, 0, sizeof(*report));
	hn_arena_init(&work, own->allocator);
	context->arena = &work;
	status = grow(context, inputs, labels, options, head, grown, report);
	context->arena = own;
	if (status == HN_OK)
		status = keep(context, grown, head);
	hn_arena_destroy(&work);
	return status;
}
