/*
 * forest.h: extremely randomised trees over descriptors and substructure counts
 * (Geurts, Ernst and Wehenkel, Extremely randomized trees, 2006), a part of
 * joint heads.
 *
 * A target has trees of its own; its value is the mean of the leaves that a
 * molecule comes to, one in each tree. See trees.h for how they read molecules.
 */
#ifndef HAMNET_FOREST_H
#define HAMNET_FOREST_H

#include "hamnet/fit.h"
#include "hamnet/trees.h"

/* The values that bytes 0 and 255 of the leaves of one target stand for: those of its labels. */
typedef struct HnLeafRange
{
	double		least;			/* 0 for classes */
	double		most;			/* 1 for classes */
} HnLeafRange;

typedef struct HnForest
{
	HnTrees		trees;			/* the code of a leaf is its value, on the scale of its target's range */
	HnLeafRange *ranges;		/* [targets] */
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

#endif
