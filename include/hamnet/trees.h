/*
 * trees.h: decision trees over descriptors and substructure counts, of which
 * parts of heads are made.
 *
 * Trees read bytes, a row of codes for each molecule:
 *
 *   descriptor k   how many of its thresholds are below the value; 0 if that is not known
 *   count column   the count
 *
 * A node sends rows whose code exceeds its own to the right, others to the
 * left. A target has trees of its own.
 */
#ifndef HAMNET_TREES_H
#define HAMNET_TREES_H

#include "hamnet/predict.h"

/* Nodes of all trees of a head. */
#define HN_MAX_TREE_NODES (1 << 28)

/* Codes of a descriptor: one more than it has thresholds. */
#define HN_TREE_CODES 64
#define HN_TREE_THRESHOLDS (HN_TREE_CODES - 1)

/* In place of a column: the node is a leaf. */
#define HN_TREE_LEAF UINT16_MAX

/*
 * A node as a descent reads it, from one line of the cache. The left child of
 * an inner node is the next node; a leaf is its own right child, and its column
 * is any.
 */
typedef struct HnTreeNode
{
	int32_t		right;
	uint16_t	column;
	uint8_t		code;
} HnTreeNode;

typedef struct HnTrees
{
	const HnDescriptorSet *descriptors;
	int			tree_count;		/* of each target */
	int			node_count;		/* of all trees of all targets */

	/*
	 * Tables of the file. Trees stand one after another, those of the first
	 * target first; a tree in the order node, left subtree, right subtree.
	 */
	float	   *thresholds;		/* [descriptors, HN_TREE_THRESHOLDS] ascending; FLT_MAX where there are fewer */
	uint16_t   *columns;		/* [node_count] descriptors, then counts; HN_TREE_LEAF */
	uint8_t    *codes;			/* [node_count] of a leaf, what it stands for */

	/* set by hn_trees_link */
	HnTreeNode *nodes;			/* [node_count] */
	int32_t    *roots;			/* [targets * tree_count] */
} HnTrees;

/* Codes of one row of the inputs: [hn_trees_width]. */
extern int	hn_trees_width(const HnTrees *trees);
extern void hn_trees_encode(const HnTrees *trees, const HnInputs *inputs, int row, uint8_t *codes);

/*
 * Find the roots and the nodes, and check what a file holds beyond the shapes of
 * its tables: HN_INVALID_MODEL, naming the part, unless nodes form just these
 * trees, over columns that there are, and thresholds ascend.
 */
extern HnStatus hn_trees_link(HnContext *context, const HnHead *head, const char *part, HnTrees *trees);

#endif
