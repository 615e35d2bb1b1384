/*
 * trees.h: what parts of heads that are made of trees share.
 */
#ifndef HAMNET_MODEL_TREES_H
#define HAMNET_MODEL_TREES_H

#include "hamnet/fit.h"
#include "hamnet/trees.h"

#include "parts.h"

/*
 * Predictions and files
 */

/* Return the value of target t by the leaves [tree_count], numbers of nodes, that a row comes to. */
typedef double (*HnLeafSum) (const HnHead *head, int t, const int32_t *leaves);

/* Predict by linked trees. They know no deviation. */
extern HnStatus hn_trees_predict(HnContext *context, const HnHead *head, const HnTrees *trees, const HnInputs *inputs,
								 HnLeafSum sum, const HnPrediction *prediction);

/* Read and write the keys "descriptors", "trees" and "nodes" of a part's object, check them, and list the tables. */
extern HnStatus hn_trees_read(HnContext *context, const HnSection *section, HnTrees *trees);
extern json_t *hn_trees_write(const HnTrees *trees);
extern HnStatus hn_trees_check(HnContext *context, const HnHead *head, const HnTrees *trees);
extern void hn_trees_list(HnTableList *list, const HnHead *head, const char *part, HnTrees *trees);

/*
 * Fitting
 */

/* Rows that trees learn from, as codes, column by column, without the columns that are the same in all of them. */
typedef struct HnTreeRows
{
	int			count;			/* n */
	int		   *rows;			/* [n] their numbers among the inputs, ascending */
	int			width;
	uint16_t   *columns;		/* [width] their numbers in the trees */
	uint8_t    *codes;			/* [width, n] */
} HnTreeRows;

/* The labels of one target among such rows. */
typedef struct HnTreeLabels
{
	int			count;
	int		   *numbers;		/* [count] of rows that have a label */
	double		least;
	double		most;
} HnTreeLabels;

/*
 * Choose rows with a label, a sample if there are very many, set the thresholds
 * by them, and encode them. trees->descriptors is set. Labels are [inputs, targets].
 */
extern HnStatus hn_tree_rows_make(HnContext *context, const HnInputs *inputs, const real *labels, int targets,
								  uint64_t seed, HnTrees *trees, HnTreeRows *rows, HnFitReport *report);

/*
 * Find the rows that have a label of target t; labels->numbers has room for all.
 * HN_INVALID_ARGUMENT, naming the target, for no label, infinite ones, and
 * classes outside 0 to 1.
 */
extern HnStatus hn_tree_rows_label(HnContext *context, const HnTreeRows *rows, const HnHead *head, int t,
								   const real *labels, HnTreeLabels *found);

/* How a part made of trees is fitted: grow it in one arena, and copy it into a head from there to another. */
typedef HnStatus (*HnGrowTrees) (HnContext *context, const HnInputs *inputs, const real *labels, const HnFitOptions *options,
								 const HnHead *head, void *grown, HnFitReport *report);
typedef HnStatus (*HnKeepTrees) (HnContext *context, const void *grown, HnHead *head);

/* Fit a part; *grown has room for it. The codes of all rows are too much to keep, so what grows has an arena of its own. */
extern HnStatus hn_trees_fit(HnContext *context, const HnInputs *inputs, const real *labels, const HnFitOptions *options,
							 HnGrowTrees grow, HnKeepTrees keep, void *grown, HnHead *head, HnFitReport *report);

/* Copy the tables of trees to where they stay. */
extern HnStatus hn_trees_keep(HnContext *context, const HnTrees *grown, HnTrees *kept);

#endif
