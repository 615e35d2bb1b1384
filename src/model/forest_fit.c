/*
 * forest_fit.c: growing extremely randomised trees.
 *
 * Rows are kept as codes, column by column, without the columns that are the
 * same in all of them. A tree orders the rows so that those of each node are
 * neighbours: a node is a range of them, its children are the two parts of it.
 */
#include "hamnet/forest.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hamnet/random.h"

#define THRESHOLDS (HN_FOREST_CODES - 1)

/* Rows that a forest learns from, of which each takes some kilobytes. */
#define MAX_ROWS 50000

/* A leaf has at least so many rows, and one in so many of all: what bounds the size of trees. */
#define MIN_LEAF_ROWS 2
#define MAX_LEAVES 4096

/* Values whose difference is below this part of their size may be the same but for rounding. */
#define MIN_DIFFERENCE 0x1p-18

/* Everything that is needed while a forest grows. */
typedef struct Grower
{
	HnContext  *context;
	HnForest   *forest;
	int			rows;			/* n */
	int			width;			/* columns that are not the same in all rows */
	uint8_t    *codes;			/* [width, n] */
	uint16_t   *columns;		/* [width] their numbers in the forest */
	int			capacity;		/* nodes that there is room for */

	/* of one target */
	int			labelled;
	int			leaf_rows;
	HnLeafRange range;

	/* of one tree, or one node */
	uint64_t	random;
	int		   *order;			/* [n] rows, node by node */
	double	   *labels;			/* [n] of these rows */
	int		   *draw;			/* [width] columns in the order in which they are drawn */
	uint8_t    *column;			/* [n] codes of a column, of the rows of a node */
	uint8_t    *best_column;	/* [n] */
	int		   *moved;			/* [n] rows that go to the right */
	double	   *moved_labels;	/* [n] */
} Grower;

/* A node that is still to be made: the rows order[begin .. end - 1]. */
typedef struct Range
{
	int			begin;
	int			end;
} Range;

/* A division of the rows of a node: those whose code exceeds this go to the right. */
typedef struct Division
{
	double		score;			/* Σ over both parts of (Σ y)² / rows, which is largest where variance is least */
	int			column;			/* of the grower; -1: none */
	int			code;
} Division;

static void
swap(int *a, int *b)
{
	int			c = *a;

	*a = *b;
	*b = c;
}

/*
 * Rows and their codes
 */

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
	for (int i = 1; i < n && count < THRESHOLDS; i++)
		if (is_above(values[i], values[i - 1]) &&
			(gaps <= THRESHOLDS || (int64_t) i * HN_FOREST_CODES >= (int64_t) (count + 1) * n))
			thresholds[count++] = values[i - 1] + (values[i] - values[i - 1]) / 2;
	while (count < THRESHOLDS)
		thresholds[count++] = FLT_MAX;
}

static HnStatus
measure_descriptors(HnContext *context, const HnInputs *inputs, const int *rows, int n, HnForest *forest)
{
	int			width = forest->descriptors->count;
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
		set_thresholds(values, known, forest->thresholds + (size_t) k * THRESHOLDS);
	}
	return HN_OK;
}

/* Encode the rows, column by column, and keep the columns that are not the same in all. */
static HnStatus
encode_rows(Grower *grower, const HnInputs *inputs, const int *rows)
{
	HnContext  *context = grower->context;
	int			n = grower->rows;
	int			all = hn_forest_width(grower->forest);
	uint8_t    *row;
	uint8_t    *first;
	bool	   *kept;			/* [all] whether rows differ in it */

	HN_NEW(context, row, all);
	HN_NEW(context, first, all);
	HN_NEW_ZERO(context, kept, all);
	HN_NEW(context, grower->columns, all);
	hn_forest_encode(grower->forest, inputs, rows[0], first);
	for (int i = 1; i < n; i++)
	{
		hn_forest_encode(grower->forest, inputs, rows[i], row);
		for (int k = 0; k < all; k++)
			kept[k] |= row[k] != first[k];
	}
	grower->width = 0;
	for (int k = 0; k < all; k++)
		if (kept[k])
			grower->columns[grower->width++] = (uint16_t) k;

	HN_NEW(context, grower->codes, (size_t) grower->width * n);
	for (int i = 0; i < n; i++)
	{
		if (hn_interrupted(context))
			return HN_INTERRUPTED;
		hn_forest_encode(grower->forest, inputs, rows[i], row);
		for (int k = 0; k < grower->width; k++)
			grower->codes[(size_t) k * n + i] = row[grower->columns[k]];
	}
	return HN_OK;
}

/*
 * One node
 */

/* Draw a code of one column at random and keep it if it divides the rows better than what there is. */
static void
try_column(Grower *grower, Range range, int column, Division *best)
{
	const uint8_t *codes = grower->codes + (size_t) column * grower->rows;
	int			n = range.end - range.begin;
	int			least = UINT8_MAX;
	int			most = 0;
	int			right = 0;
	double		sums[2] = {0, 0};	/* of the labels on both sides */
	double		score;
	int			code;

	for (int i = 0; i < n; i++)
	{
		int			value = codes[grower->order[range.begin + i]];

		grower->column[i] = (uint8_t) value;
		least = value < least ? value : least;
		most = value > most ? value : most;
	}
	if (least == most)
		return;
	code = least + hn_random_below(&grower->random, most - least);
	for (int i = 0; i < n; i++)
	{
		int			side = grower->column[i] > code;

		right += side;
		sums[side] += grower->labels[range.begin + i];
	}
	if (right < grower->leaf_rows || n - right < grower->leaf_rows)
		return;
	score = sums[0] * sums[0] / (n - right) + sums[1] * sums[1] / right;
	if (best->column < 0 || score > best->score)
	{
		uint8_t    *kept = grower->best_column;

		*best = (Division) {score, column, code};
		grower->best_column = grower->column;
		grower->column = kept;
	}
}

/* The best of some columns, drawn without replacement until enough were tried and one divides the rows. */
static Division
choose_division(Grower *grower, Range range)
{
	Division	best = {.column = -1};
	int			enough = (int) ceil(sqrt(grower->width));

	for (int k = 0; k < grower->width && (k < enough || best.column < 0); k++)
	{
		swap(&grower->draw[k], &grower->draw[k + hn_random_below(&grower->random, grower->width - k)]);
		try_column(grower, range, grower->draw[k], &best);
	}
	return best;
}

/* Bring the rows of both parts together, in their order; returns where the right part begins. */
static int
divide(Grower *grower, Range range, int code)
{
	int			left = range.begin;
	int			moved = 0;

	for (int i = range.begin; i < range.end; i++)
	{
		bool		right = grower->best_column[i - range.begin] > code;
		int			row = grower->order[i];
		double		label = grower->labels[i];

		if (right)
		{
			grower->moved[moved] = row;
			grower->moved_labels[moved++] = label;
		}
		else
		{
			grower->order[left] = row;
			grower->labels[left++] = label;
		}
	}
	memcpy(grower->order + left, grower->moved, (size_t) moved * sizeof(*grower->order));
	memcpy(grower->labels + left, grower->moved_labels, (size_t) moved * sizeof(*grower->labels));
	return left;
}

/* The byte that stands for the mean of the rows. */
static uint8_t
leaf_value(const Grower *grower, Range range)
{
	double		spread = grower->range.most - grower->range.least;
	double		sum = 0;

	for (int i = range.begin; i < range.end; i++)
		sum += grower->labels[i];
	/* Labels were moved by the least of them, so that the mean is 0 to spread. */
	return spread > 0 ? (uint8_t) fmin(floor(255 * (sum / (range.end - range.begin) / spread) + 0.5), 255) : 0;
}

static bool
is_pure(const Grower *grower, Range range)
{
	for (int i = range.begin + 1; i < range.end; i++)
		if (grower->labels[i] != grower->labels[range.begin])
			return false;
	return true;
}

/*
 * Trees
 */

/* Room for so many more nodes. */
static HnStatus
reserve(Grower *grower, int more)
{
	HnContext  *context = grower->context;
	HnForest   *forest = grower->forest;
	uint16_t   *columns;
	uint8_t    *codes;

	if (forest->node_count > HN_MAX_FOREST_NODES - more)
		return hn_fail(context, HN_TOO_LARGE, "a forest of %d trees for each target has more than %d nodes",
					   forest->tree_count, HN_MAX_FOREST_NODES);
	if (forest->node_count + more <= grower->capacity)
		return HN_OK;
	grower->capacity = 2 * forest->node_count + more;
	HN_NEW(context, columns, grower->capacity);
	HN_NEW(context, codes, grower->capacity);
	if (forest->node_count > 0)
	{
		memcpy(columns, forest->columns, (size_t) forest->node_count * sizeof(*columns));
		memcpy(codes, forest->codes, (size_t) forest->node_count * sizeof(*codes));
	}
	forest->columns = columns;
	forest->codes = codes;
	return HN_OK;
}

/* Grow one tree over the rows that are in order, with stack for as many ranges. */
static HnStatus
grow_tree(Grower *grower, Range *stack)
{
	HnForest   *forest = grower->forest;
	int			height = 0;

	/* Each leaf has a row of its own, and there is one inner node less than leaves. */
	HN_TRY(reserve(grower, 2 * grower->labelled - 1));
	HN_ASSERT(forest->columns != NULL && forest->codes != NULL);
	for (int k = 0; k < grower->width; k++)
		grower->draw[k] = k;
	stack[height++] = (Range) {0, grower->labelled};
	while (height > 0)
	{
		Range		range = stack[--height];
		int			node = forest->node_count++;
		Division	division = {.column = -1};
		int			middle;

		if (hn_interrupted(grower->context))
			return HN_INTERRUPTED;
		if (range.end - range.begin >= 2 * grower->leaf_rows && !is_pure(grower, range))
			division = choose_division(grower, range);
		if (division.column < 0)
		{
			forest->columns[node] = HN_FOREST_LEAF;
			forest->codes[node] = leaf_value(grower, range);
			continue;
		}
		forest->columns[node] = grower->columns[division.column];
		forest->codes[node] = (uint8_t) division.code;
		middle = divide(grower, range, division.code);
		stack[height++] = (Range) {middle, range.end};
		stack[height++] = (Range) {range.begin, middle};
	}
	return HN_OK;
}

/* Find the rows that have a label of target t, and the range of these. */
static HnStatus
take_labels(Grower *grower, const HnHead *head, int t, const real *labels, const int *rows, int *numbers)
{
	double		least = INFINITY;
	double		most = -INFINITY;

	grower->labelled = 0;
	for (int i = 0; i < grower->rows; i++)
	{
		double		label = labels[(size_t) rows[i] * head->target_count + t];

		if (isnan(label))
			continue;
		numbers[grower->labelled++] = i;
		least = fmin(least, label);
		most = fmax(most, label);
	}
	if (grower->labelled == 0)
		return hn_fail(grower->context, HN_INVALID_ARGUMENT, "target \"%s\" has no label to learn from",
					   head->targets[t].name);
	if (!isfinite(most - least) || (head->task == HN_CLASSIFICATION && (least < 0 || most > 1)))
		return hn_fail(grower->context, HN_INVALID_ARGUMENT, "target \"%s\" has labels from %g to %g",
					   head->targets[t].name, least, most);
	grower->range = head->task == HN_CLASSIFICATION ? (HnLeafRange) {0, 1} : (HnLeafRange) {least, most};
	grower->forest->ranges[t] = grower->range;
	return HN_OK;
}

/* Grow the trees of all targets over rows [n] with labels [inputs, targets]. */
static HnStatus
grow_trees(Grower *grower, const HnHead *head, const real *labels, const int *rows,
			const HnFitOptions *options)
{
	HnContext  *context = grower->context;
	int			trees = head->target_count * options->trees;
	int		   *numbers;		/* of the rows with a label */
	Range	   *stack;

	HN_NEW(context, numbers, grower->rows);
	HN_NEW(context, stack, grower->rows + 1);
	HN_NEW(context, grower->order, grower->rows);
	HN_NEW(context, grower->labels, grower->rows);
	HN_NEW(context, grower->draw, grower->width);
	HN_NEW(context, grower->column, grower->rows);
	HN_NEW(context, grower->best_column, grower->rows);
	HN_NEW(context, grower->moved, grower->rows);
	HN_NEW(context, grower->moved_labels, grower->rows);
	for (int k = 0; k < trees; k++)
	{
		int			t = k / options->trees;

		if (k % options->trees == 0)
		{
			HN_TRY(take_labels(grower, head, t, labels, rows, numbers));
			grower->leaf_rows = MIN_LEAF_ROWS + grower->labelled / MAX_LEAVES;
		}
		for (int i = 0; i < grower->labelled; i++)
		{
			grower->order[i] = numbers[i];
			grower->labels[i] = labels[(size_t) rows[numbers[i]] * head->target_count + t] - grower->range.least;
		}
		grower->random = hn_derive_seed(options->seed, (uint64_t) k + 1);
		HN_TRY(grow_tree(grower, stack));
		if (options->progress)
			options->progress(options->progress_state, "growing trees", (k + 1.0) / trees);
	}
	return HN_OK;
}

/* Choose rows, encode them and grow a forest in the working arena. */
static HnStatus
grow(HnContext *context, const HnInputs *inputs, const real *labels, const HnFitOptions *options,
	 const HnHead *head, HnForest *forest, HnFitReport *report)
{
	Grower		grower = {.context = context, .forest = forest};
	int		   *rows = NULL;

	*forest = (HnForest) {.descriptors = options->descriptors, .tree_count = options->trees};
	HN_NEW(context, forest->ranges, head->target_count);
	HN_NEW(context, forest->thresholds, (size_t) forest->descriptors->count * THRESHOLDS);
	HN_TRY(choose_rows(context, labels, inputs->count, head->target_count, options->seed, &rows, report));
	grower.rows = report->rows;
	if (grower.rows > 0)
	{
		HN_TRY(measure_descriptors(context, inputs, rows, grower.rows, forest));
		HN_TRY(encode_rows(&grower, inputs, rows));
	}
	HN_TRY(grow_trees(&grower, head, labels, rows, options));
	report->nodes = forest->node_count;
	return HN_OK;
}

/* Copy a forest to where it stays. */
static HnStatus
keep(HnContext *context, const HnForest *grown, HnHead *head)
{
	HnForest   *forest;
	size_t		thresholds = (size_t) grown->descriptors->count * THRESHOLDS;
	size_t		nodes = (size_t) grown->node_count;

	HN_ASSERT(grown->columns != NULL && grown->codes != NULL);
	HN_NEW(context, forest, 1);
	*forest = *grown;
	HN_NEW(context, forest->ranges, head->target_count);
	HN_NEW(context, forest->thresholds, thresholds);
	HN_NEW(context, forest->columns, nodes);
	HN_NEW(context, forest->codes, nodes);
	memcpy(forest->ranges, grown->ranges, (size_t) head->target_count * sizeof(*forest->ranges));
	memcpy(forest->thresholds, grown->thresholds, thresholds * sizeof(*forest->thresholds));
	memcpy(forest->columns, grown->columns, nodes * sizeof(*forest->columns));
	memcpy(forest->codes, grown->codes, nodes * sizeof(*forest->codes));
	memset(head->parts, 0, sizeof(head->parts));
	head->parts[HN_FOREST] = forest;
	head->packed = NULL;
	return hn_forest_link(context, head);
}

HnStatus
hn_forest_fit(HnContext *context, const HnInputs *inputs, int fingerprint_dim, const real *labels,
			  const HnFitOptions *options, HnHead *head, HnFitReport *report)
{
	HnArena    *own = context->arena;
	HnArena		work;			/* the codes of all rows are too much to keep */
	HnForest	grown;
	HnStatus	status;

	(void) fingerprint_dim;
	memset(report, 0, sizeof(*report));
	hn_arena_init(&work, own->allocator);
	context->arena = &work;
	status = grow(context, inputs, labels, options, head, &grown, report);
	context->arena = own;
	if (status == HN_OK)
		status = keep(context, &grown, head);
	hn_arena_destroy(&work);
	return status;
}
