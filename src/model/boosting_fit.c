/*
 * boosting_fit.c: growing boosted trees.
 *
 * Every leaf of a growing tree has a histogram: for each code of each column
 * that was drawn, how many rows there are and the sums of their derivatives. A
 * leaf that is divided leaves its histogram to the larger part, less that of the
 * smaller one, which alone is counted.
 */
#include "hamnet/boosting.h"

#include <math.h>
#include <string.h>

#include "hamnet/random.h"

#include "trees.h"

/* What was as good as any over several data sets, see models/REPORT.md. */
#define RATE 0.015				/* by which a tree is scaled */
#define MAX_LEAVES 15
#define MIN_LEAF_ROWS 5
#define ROW_SHARE 0.7			/* of the rows, for each tree anew */
#define COLUMN_SHARE 0.15		/* of the columns */
#define RIDGE 1.0				/* pseudo-rows of a leaf whose gradient is 0 */

#define MAX_NODES (2 * MAX_LEAVES - 1)

/* First and second derivative of the loss by the value, summed over rows. */
typedef struct Sums
{
	double		gradient;
	double		curvature;
	int			rows;
} Sums;

/* A division of a leaf: rows whose code exceeds this go to the right. */
typedef struct Division
{
	double		gain;			/* by which the loss falls, doubled; 0: there is none */
	int			draw;			/* the column is draw[draw] */
	int			code;
} Division;

/* A node of the tree that grows, with the rows order[begin .. end - 1]. */
typedef struct Node
{
	int			begin;
	int			end;
	Sums		sums;
	Sums	   *histogram;		/* [bins] of a leaf; lent to a child when it is divided */
	Division	division;		/* the best one of a leaf; of an inner node, its own */
	int			left;			/* its children; 0: a leaf */
	int			right;
} Node;

/* Everything that is needed while trees grow. */
typedef struct Booster
{
	HnContext  *context;
	const HnTreeRows *rows;
	HnBoosting *boosting;
	int			leaf_count;		/* that there are in boosting->leaves */
	int			drawn;			/* columns of a tree */
	int		   *codes;			/* [rows->width] codes of each column: one more than the largest */

	/* of one target */
	HnTreeLabels found;
	double	   *labels;			/* [found.count] */
	double	   *values;			/* [found.count] what the trees say so far */

	/* of one tree */
	uint64_t	random;
	int		   *draw;			/* [rows->width] the first `drawn` are the columns */
	int		   *bins;			/* [drawn + 1] where the histogram of each begins */
	Sums	   *derivatives;	/* [rows->count] */
	int		   *order;			/* [found.count] rows that the tree is fitted to, leaf by leaf */
	int		   *moved;			/* [found.count] rows that go to the right */
	Node		nodes[MAX_NODES];
	int			node_count;
} Booster;

static double
logistic(double x)
{
	return 1 / (1 + exp(-x));
}

static void
add_sums(Sums *to, const Sums *from, int sign)
{
	to->gradient += sign * from->gradient;
	to->curvature += sign * from->curvature;
	to->rows += sign * from->rows;
}

/*
 * One division
 */

/* Return twice the loss that Newton's step takes from a leaf. */
static double
worth(const Sums *sums)
{
	return sums->gradient * sums->gradient / (sums->curvature + RIDGE);
}

static const uint8_t *
column_of(const Booster *booster, int draw)
{
	return booster->rows->codes + (size_t) booster->draw[draw] * booster->rows->count;
}

/* Count the rows of a node into its histogram. Most codes are 0: those are what the others leave. */
static void
count_rows(const Booster *booster, Node *node)
{
	memset(node->histogram, 0, (size_t) booster->bins[booster->drawn] * sizeof(Sums));
	for (int k = 0; k < booster->drawn; k++)
	{
		const uint8_t *codes = column_of(booster, k);
		Sums	   *bins = node->histogram + booster->bins[k];

		for (int i = node->begin; i < node->end; i++)
		{
			int			row = booster->order[i];

			if (codes[row] > 0)
				add_sums(&bins[codes[row]], &booster->derivatives[row], 1);
		}
		bins[0] = node->sums;
		for (int code = 1; code < booster->bins[k + 1] - booster->bins[k]; code++)
			add_sums(&bins[0], &bins[code], -1);
	}
}

/* Find the division of a leaf by which the loss falls most. */
static void
find_division(const Booster *booster, Node *node)
{
	double		whole = worth(&node->sums);

	node->division.gain = 0;
	if (node->end - node->begin < 2 * MIN_LEAF_ROWS)
		return;
	for (int k = 0; k < booster->drawn; k++)
	{
		const Sums *bins = node->histogram + booster->bins[k];
		Sums		left = {0, 0, 0};

		for (int code = 0; code < booster->bins[k + 1] - booster->bins[k] - 1; code++)
		{
			Sums		right = node->sums;
			double		gain;

			if (bins[code].rows == 0)
				continue;
			add_sums(&left, &bins[code], 1);
			add_sums(&right, &left, -1);
			if (left.rows < MIN_LEAF_ROWS)
				continue;
			if (right.rows < MIN_LEAF_ROWS)
				break;
			gain = worth(&left) + worth(&right) - whole;
			if (gain > node->division.gain)
				node->division = (Division) {gain, k, code};
		}
	}
}

/* Bring the rows of both parts together, in their order; returns where the right part begins. */
static int
divide_rows(Booster *booster, const Node *node)
{
	const uint8_t *codes = column_of(booster, node->division.draw);
	int			left = node->begin;
	int			moved = 0;

	for (int i = node->begin; i < node->end; i++)
	{
		int			row = booster->order[i];

		if (codes[row] > node->division.code)
			booster->moved[moved++] = row;
		else
			booster->order[left++] = row;
	}
	memcpy(booster->order + left, booster->moved, (size_t) moved * sizeof(*booster->order));
	return left;
}

static Sums
sum_rows(const Booster *booster, int begin, int end)
{
	Sums		sums = {0, 0, 0};

	for (int i = begin; i < end; i++)
		add_sums(&sums, &booster->derivatives[booster->order[i]], 1);
	return sums;
}

/* Divide a leaf. */
static HnStatus
divide(Booster *booster, Node *node)
{
	HnContext  *context = booster->context;
	int			middle = divide_rows(booster, node);
	Node	   *left = &booster->nodes[booster->node_count];
	Node	   *right = left + 1;
	bool		left_is_small = middle - node->begin < node->end - middle;
	Node	   *small = left_is_small ? left : right;
	Node	   *large = left_is_small ? right : left;

	node->left = booster->node_count;
	node->right = booster->node_count + 1;
	booster->node_count += 2;
	*left = (Node) {.begin = node->begin, .end = middle, .sums = sum_rows(booster, node->begin, middle)};
	*right = (Node) {.begin = middle, .end = node->end, .sums = sum_rows(booster, middle, node->end)};
	HN_NEW(context, small->histogram, booster->bins[booster->drawn]);
	count_rows(booster, small);
	large->histogram = node->histogram;
	for (int bin = 0; bin < booster->bins[booster->drawn]; bin++)
		add_sums(&large->histogram[bin], &small->histogram[bin], -1);
	find_division(booster, left);
	find_division(booster, right);
	return HN_OK;
}

/*
 * One tree
 */

/* Set the derivatives of the loss of half the squared error, or of the cross-entropy. */
static void
set_derivatives(Booster *booster, HnTask task)
{
	for (int i = 0; i < booster->found.count; i++)
	{
		double		p = task == HN_CLASSIFICATION ? logistic(booster->values[i]) : booster->values[i];

		booster->derivatives[booster->found.numbers[i]] =
			(Sums) {p - booster->labels[i], task == HN_CLASSIFICATION ? p * (1 - p) : 1, 1};
	}
}

/* Draw the columns of a tree and plan their histograms. */
static void
draw_columns(Booster *booster)
{
	int			width = booster->rows->width;

	booster->bins[0] = 0;
	for (int k = 0; k < booster->drawn; k++)
	{
		int			other = k + hn_random_below(&booster->random, width - k);
		int			column = booster->draw[other];

		booster->draw[other] = booster->draw[k];
		booster->draw[k] = column;
		booster->bins[k + 1] = booster->bins[k] + booster->codes[column];
	}
}

/* Draw the rows that a tree is fitted to; returns how many. */
static int
draw_rows(Booster *booster)
{
	int			wanted = (int) ceil(ROW_SHARE * booster->found.count);
	int			count = 0;

	for (int i = 0; i < booster->found.count; i++)
		if (hn_random_sample(&booster->random, hn_random_below, booster->found.count - i, wanted - count))
			booster->order[count++] = booster->found.numbers[i];
	return count;
}

/* Grow a tree, leaf by leaf, in booster->nodes. */
static HnStatus
grow_tree(Booster *booster)
{
	HnContext  *context = booster->context;
	Node	   *root = booster->nodes;

	draw_columns(booster);
	*root = (Node) {.end = draw_rows(booster)};
	root->sums = sum_rows(booster, 0, root->end);
	booster->node_count = 1;
	HN_NEW(context, root->histogram, booster->bins[booster->drawn]);
	count_rows(booster, root);
	find_division(booster, root);
	while (booster->node_count < MAX_NODES)
	{
		Node	   *best = NULL;

		if (hn_interrupted(context))
			return HN_INTERRUPTED;
		for (int k = 0; k < booster->node_count; k++)
			if (booster->nodes[k].left == 0 && booster->nodes[k].division.gain > (best ? best->division.gain : 0))
				best = &booster->nodes[k];
		if (best == NULL)
			break;
		HN_TRY(divide(booster, best));
	}
	return HN_OK;
}

static float
leaf_value(const Node *node)
{
	return (float) (-RATE * node->sums.gradient / (node->sums.curvature + RIDGE));
}

/* Add the tree to what all rows with a label are said to be, whether it was fitted to them or not. */
static void
add_tree(Booster *booster)
{
	for (int i = 0; i < booster->found.count; i++)
	{
		const Node *node = booster->nodes;

		while (node->left > 0)
			node = &booster->nodes[column_of(booster, node->division.draw)[booster->found.numbers[i]] > node->division.code
								   ? node->right : node->left];
		booster->values[i] += leaf_value(node);
	}
}

/* Write the tree from a node on: node, left subtree, right subtree. */
static void
write_tree(Booster *booster, int number)
{
	const Node *node = &booster->nodes[number];
	HnTrees    *trees = &booster->boosting->trees;
	int			at = trees->node_count++;

	if (node->left == 0)
	{
		trees->columns[at] = HN_TREE_LEAF;
		trees->codes[at] = 0;
		booster->boosting->leaves[booster->leaf_count++] = leaf_value(node);
		return;
	}
	trees->columns[at] = booster->rows->columns[booster->draw[node->division.draw]];
	trees->codes[at] = (uint8_t) node->division.code;
	write_tree(booster, node->left);
	write_tree(booster, node->right);
}

/*
 * All trees
 */

/* Take the labels of target t, and start from their mean. */
static HnStatus
start_target(Booster *booster, const HnHead *head, int t, const real *labels)
{
	HnTreeLabels *found = &booster->found;
	double		mean = 0;

	HN_TRY(hn_tree_rows_label(booster->context, booster->rows, head, t, labels, found));
	for (int i = 0; i < found->count; i++)
	{
		booster->labels[i] = labels[(size_t) booster->rows->rows[found->numbers[i]] * head->target_count + t];
		mean += booster->labels[i] / found->count;
	}
	if (head->task == HN_CLASSIFICATION)
	{
		/* Half a row more of each class, so that there is one of both. */
		mean = (mean * found->count + 0.5) / (found->count + 1.0);
		mean = log(mean / (1 - mean));
	}
	booster->boosting->starts[t] = mean;
	for (int i = 0; i < found->count; i++)
		booster->values[i] = mean;
	return HN_OK;
}

static HnStatus
make_booster(Booster *booster, int targets)
{
	HnContext  *context = booster->context;
	const HnTreeRows *rows = booster->rows;
	HnTrees    *trees = &booster->boosting->trees;
	int64_t		nodes = (int64_t) targets * trees->tree_count * MAX_NODES;

	if (nodes > HN_MAX_TREE_NODES)
		return hn_fail(context, HN_TOO_LARGE, "%d trees for each of %d targets may have more than %d nodes",
					   trees->tree_count, targets, HN_MAX_TREE_NODES);
	booster->drawn = (int) ceil(COLUMN_SHARE * rows->width);
	HN_NEW(context, trees->columns, nodes);
	HN_NEW(context, trees->codes, nodes);
	HN_NEW(context, booster->boosting->leaves, nodes);
	HN_NEW(context, booster->boosting->starts, targets);
	HN_NEW(context, booster->found.numbers, rows->count);
	HN_NEW(context, booster->labels, rows->count);
	HN_NEW(context, booster->values, rows->count);
	HN_NEW(context, booster->derivatives, rows->count);
	HN_NEW(context, booster->order, rows->count);
	HN_NEW(context, booster->moved, rows->count);
	HN_NEW(context, booster->bins, booster->drawn + 1);
	HN_NEW(context, booster->draw, rows->width);
	HN_NEW(context, booster->codes, rows->width);
	for (int k = 0; k < rows->width; k++)
	{
		const uint8_t *codes = rows->codes + (size_t) k * rows->count;

		booster->draw[k] = k;
		booster->codes[k] = 1;
		for (int i = 0; i < rows->count; i++)
			booster->codes[k] = codes[i] < booster->codes[k] ? booster->codes[k] : codes[i] + 1;
	}
	return HN_OK;
}

/* Choose rows, encode them and grow the trees of all targets in the working arena. */
static HnStatus
grow(HnContext *context, const HnInputs *inputs, const real *labels, const HnFitOptions *options, const HnHead *head,
	 void *grown, HnFitReport *report)
{
	HnBoosting *boosting = grown;
	HnTreeRows	rows;
	Booster		booster = {.context = context, .rows = &rows, .boosting = boosting};
	int			trees = head->target_count * options->boosting;

	*boosting = (HnBoosting) {.trees = {.descriptors = options->descriptors, .tree_count = options->boosting}};
	HN_TRY(hn_tree_rows_make(context, inputs, labels, head->target_count, options->seed, &boosting->trees, &rows,
							 report));
	HN_TRY(make_booster(&booster, head->target_count));
	for (int k = 0; k < trees; k++)
	{
		HnArenaMark mark = hn_arena_mark(context->arena);

		if (k % options->boosting == 0)
			HN_TRY(start_target(&booster, head, k / options->boosting, labels));
		booster.random = hn_derive_seed(options->seed, (uint64_t) k + 1);
		set_derivatives(&booster, head->task);
		HN_TRY(grow_tree(&booster));
		add_tree(&booster);
		write_tree(&booster, 0);
		hn_arena_rewind(context->arena, mark);
		if (options->progress)
			options->progress(options->progress_state, "growing trees", (k + 1.0) / trees);
	}
	report->nodes = boosting->trees.node_count;
	return HN_OK;
}

/* Copy boosted trees to where they stay. */
static HnStatus
keep(HnContext *context, const void *from, HnHead *head)
{
	const HnBoosting *grown = from;
	HnBoosting *boosting;
	size_t		targets = (size_t) head->target_count;
	size_t		leaves = ((size_t) grown->trees.node_count + targets * (size_t) grown->trees.tree_count) / 2;

	HN_NEW(context, boosting, 1);
	HN_NEW(context, boosting->starts, targets);
	HN_NEW(context, boosting->leaves, leaves);
	memcpy(boosting->starts, grown->starts, targets * sizeof(*boosting->starts));
	memcpy(boosting->leaves, grown->leaves, leaves * sizeof(*boosting->leaves));
	HN_TRY(hn_trees_keep(context, &grown->trees, &boosting->trees));
	memset(head->parts, 0, sizeof(head->parts));
	head->parts[HN_BOOSTING] = boosting;
	head->packed = NULL;
	return hn_boosting_link(context, head);
}

HnStatus
hn_boosting_fit(HnContext *context, const HnInputs *inputs, int fingerprint_dim, const real *labels,
				const HnFitOptions *options, HnHead *head, HnFitReport *report)
{
	HnBoosting	grown;

	(void) fingerprint_dim;
	return hn_trees_fit(context, inputs, labels, options, grow, keep, &grown, head, report);
}
