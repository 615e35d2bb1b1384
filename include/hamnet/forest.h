/*
 * forest.h: extremely randomised trees over descriptors and substructure counts
 * (Geurts, Ernst and Wehenkel, Extremely randomized trees, 2006), a part of
 * joint heads.
 *
 * Trees read bytes, a row of codes for each molecule:
 *
 *   descriptor k   how many of its thresholds are below the value; 0 if that is not known
 *   count column   the count
 *
 * A node sends rows whose code exceeds its own to the right, others to the
 * left. A target has trees of its own; its value is the mean of the leaves that
 * a molecule comes to, one in each tree.
 */
#ifndef HAMNET_FOREST_H
#define HAMNET_FOREST_H

#include "hamnet/fit.h"

/* Nodes of all trees of a head. */
#define HN_MAX_FOREST_NODES (1 << 28)

/* Codes of a descriptor: one more than it has thresholds. */
#define HN_FOREST_CODES 64

/* In place of a column: the node is a leaf. */
#define HN_FOREST_LEAF UINT16_MAX

/* The values that bytes 0 and 255 of the leaves of one target stand for: those of its labels. */
typedef struct HnLeafRange
{
	double		least;			/* 0 for classes */
	double		most;			/* 1 for classes */
} HnLeafRange;

/*
 * A node as a descent reads it, from one line of the cache. The left child of
 * an inner node is the next node; a leaf is its own right child, and its column
 * is any.
 */
typedef struct HnForestNode
{
	int32_t		right;
	uint16_t	column;
	uint8_t		code;
} HnForestNode;

typedef struct HnForest
{
	const HnDescriptorSet *descriptors;
	int			tree_count;		/* of each target */
	int			node_count;		/* of all trees of all targets */
	HnLeafRange *ranges;		/* [targets] */

	/*
	 * Tables of the file. Trees stand one after another, those of the first
	 * target first; a tree in the order node, left subtree, right subtree.
	 */
	float	   *thresholds;		/* [descriptors, HN_FOREST_CODES - 1] ascending; FLT_MAX where there are fewer */
	uint16_t   *columns;		/* [node_count] descriptors, then counts; HN_FOREST_LEAF */
	uint8_t    *codes;			/* [node_count] of a leaf, its value */

	/* set by hn_forest_link */
	HnForestNode *nodes;		/* [node_count] */
	int32_t    *roots;			/* [targets * tree_count] */
} HnForest;

static inline HnForest *
hn_forest(const HnHead *head)
{
	return (HnForest *) head->parts[HN_FOREST];
}

/*
 * Fit the forest of a head, see hn_fit.
 *
 * Each node draws columns, the square root of the number of those that are not
 * the same in all rows, and more until one of them divides the rows; in each a
 * code at random. It keeps the one that leaves the least variance, which for
 * classes is Gini's impurity. Sums are those of integers or have one order.
 *
 * Of very many rows it takes a sample. Memory: a byte for each row and column
 * while fitting. Cancellable. HN_INVALID_ARGUMENT, naming the target, for no
 * label, infinite ones, and classes outside 0 to 1.
 */
extern HnStatus hn_forest_fit(HnContext *context, const HnInputs *inputs, int fingerprint_dim, const real *labels,
							  const HnFitOptions *options, HnHead *head, HnFitReport *report);

/* Codes of one row of the inputs: [hn_forest_width]. */
extern int	hn_forest_width(const HnForest *forest);
extern void hn_forest_encode(const HnForest *forest, const HnInputs *inputs, int row, uint8_t *codes);

/*
 * Find the roots and the nodes, and check what a file holds beyond
 * the shapes of its tables: HN_INVALID_MODEL unless nodes form just these
 * trees, over columns that there are, and thresholds ascend.
 */
extern HnStatus hn_forest_link(HnContext *context, const HnHead *head);

#endif
