/*
 * forest_fit.c: growing extremely randomised trees.
 *
 * A tree orders the rows so that those of each node are neighbours: a node is a
 * range of them, its children are the two parts of it.
 */
#include "hamnet/forest.h"

#include <math.h>
#include <string.h>

#include "hamnet/random.h"

#include "trees.h"

/* A leaf has at least so many rows, and one in so many of all: what bounds the size of trees. */
#define MIN_LEAF_ROWS 2
#define MAX_LEAVES 4096

/* Everything that is needed while a forest grows. */
typedef struct Grower
{
	HnContext  *context;
	HnForest   *forest;
	const HnTreeRows *rows;		/* n of them */
	int			capacity;		/* nodes that there is room for */

	/* of one target */
	int			labelled;		/* rows */
	int			leaf_rows;
	HnLeafRange range;

	/* of one tree, or one node */
	uint64_t	random;
	int		   *order;			/* [n] rows, node by node */
	double	   *labels;			/* [n] of these rows */
	int		   *draw;			/* [rows->width] columns in the order in which they are drawn */
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
 * One node
 */

/* Draw a code of one column at random and keep it if it divides the rows better than what there is. */
static void
try_column(Grower *grower, Range range, int column, Division *best)
{
	const uint8_t *codes = grower->rows->codes + (size_t) column * grower->rows->count;
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
	int			enough = (int) ceil(sqrt(grower->rows->width));

	for (int k = 0; k < grower->rows->width && (k < enough || best.column < 0); k++)
	{
		swap(&grower->draw[k], &grower->draw[k + hn_random_below(&grower->random, grower->rows->width - k)]);
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
	HnTrees    *trees = &grower->forest->trees;
	uint16_t   *columns;
	uint8_t    *codes;

	if (trees->node_count > HN_MAX_TREE_NODES - more)
		return hn_fail(context, HN_TOO_LARGE, "a forest of %d trees for each target has more than %d nodes",
					   trees->tree_count, HN_MAX_TREE_NODES);
	if (trees->node_count + more <= grower->capacity)
		return HN_OK;
	grower->capacity = 2 * trees->node_count + more;
	HN_NEW(context, columns, grower->capacity);
	HN_NEW(context, codes, grower->capacity);
	if (trees->node_count > 0)
	{
		memcpy(columns, trees->columns, (size_t) trees->node_count * sizeof(*columns));
		memcpy(codes, trees->codes, (size_t) trees->node_count * sizeof(*codes));
	}
	trees->columns = columns;
	trees->codes = codes;
	return HN_OK;
}

/* Grow one tree over the rows that are in order, with stack for as many ranges. */
static HnStatus
grow_tree(Grower *grower, Range *stack)
{
	HnTrees    *trees = &grower->forest->trees;
	int			height = 0;

	/* Each leaf has a row of its own, and there is one inner node less than leaves. */
	HN_TRY(reserve(grower, 2 * grower->labelled - 1));
	HN_ASSERT(trees->columns != NULL && trees->codes != NULL);
	for (int k = 0; k < grower->rows->width; k++)
		grower->draw[k] = k;
	stack[height++] = (Range) {0, grower->labelled};
	while (height > 0)
	{
		Range		range = stack[--height];
		int			node = trees->node_count++;
		Division	division = {.column = -1};
		int			middle;

		if (hn_interrupted(grower->context))
			return HN_INTERRUPTED;
		if (range.end - range.begin >= 2 * grower->leaf_rows && !is_pure(grower, range))
			division = choose_division(grower, range);
		if (division.column < 0)
		{
			trees->columns[node] = HN_TREE_LEAF;
			trees->codes[node] = leaf_value(grower, range);
			continue;
		}
		trees->columns[node] = grower->rows->columns[division.column];
		trees->codes[node] = (uint8_t) division.code;
		middle = divide(grower, range, division.code);
		stack[height++] = (Range) {middle, range.end};
		stack[height++] = (Range) {range.begin, middle};
	}
	return HN_OK;
}

/* Set the range of a target's labels, and the least rows of a leaf. */
static void
take_labels(Grower *grower, const HnHead *head, int t, const HnTreeLabels *found)
{
	grower->labelled = found->count;
	grower->leaf_rows = MIN_LEAF_ROWS + found->count / MAX_LEAVES;
	grower->range = head->task == HN_CLASSIFICATION ? (HnLeafRange) {0, 1} : (HnLeafRange) {found->least, found->most};
	grower->forest->ranges[t] = grower->range;
}

/* Grow the trees of all targets; labels are [inputs, targets]. */
static HnStatus
grow_trees(Grower *grower, const HnHead *head, const real *labels, const HnFitOptions *options)
{
	HnContext  *context = grower->context;
	const HnTreeRows *rows = grower->rows;
	int			trees = head->target_count * options->trees;
	HnTreeLabels found = {.count = 0};
	Range	   *stack;

	HN_NEW(context, found.numbers, rows->count);
	HN_NEW(context, stack, rows->count + 1);
	HN_NEW(context, grower->order, rows->count);
	HN_NEW(context, grower->labels, rows->count);
	HN_NEW(context, grower->draw, rows->width);
	HN_NEW(context, grower->column, rows->count);
	HN_NEW(context, grower->best_column, rows->count);
	HN_NEW(context, grower->moved, rows->count);
	HN_NEW(context, grower->moved_labels, rows->count);
	for (int k = 0; k < trees; k++)
	{
		int			t = k / options->trees;

		if (k % options->trees == 0)
		{
			HN_TRY(hn_tree_rows_label(context, rows, head, t, labels, &found));
			take_labels(grower, head, t, &found);
		}
		for (int i = 0; i < grower->labelled; i++)
		{
			int			row = rows->rows[found.numbers[i]];

			grower->order[i] = found.numbers[i];
			grower->labels[i] = labels[(size_t) row * head->target_count + t] - grower->range.least;
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
	 const HnHead *head, void *grown, HnFitReport *report)
{
	HnForest   *forest = grown;
	HnTreeRows	rows;
	Grower		grower = {.context = context, .forest = forest, .rows = &rows};

	*forest = (HnForest) {.trees = {.descriptors = options->descriptors, .tree_count = options->trees}};
	HN_NEW(context, forest->ranges, head->target_count);
	HN_TRY(hn_tree_rows_make(context, inputs, labels, head->target_count, options->seed, &forest->trees, &rows, report));
	HN_TRY(grow_trees(&grower, head, labels, options));
	report->nodes = forest->trees.node_count;
	return HN_OK;
}

/* Copy a forest to where it stays. */
static HnStatus
keep(HnContext *context, const void *from, HnHead *head)
{
	const HnForest *grown = from;
	HnForest   *forest;

	HN_NEW(context, forest, 1);
	HN_NEW(context, forest->ranges, head->target_count);
	memcpy(forest->ranges, grown->ranges, (size_t) head->target_count * sizeof(*forest->ranges));
	HN_TRY(hn_trees_keep(context, &grown->trees, &forest->trees));
	memset(head->parts, 0, sizeof(head->parts));
	head->parts[HN_FOREST] = forest;
	head->packed = NULL;
	return hn_trees_link(context, head, "forest", &forest->trees);
}

HnStatus
hn_forest_fit(HnContext *context, const HnInputs *inputs, int fingerprint_dim, const real *labels,
			  const HnFitOptions *options, HnHead *head, HnFitReport *report)
{
	HnForest	grown;

	(void) fingerprint_dim;
	return hn_trees_fit(context, inputs, labels, options, grow, keep, &grown, head, report);
}
