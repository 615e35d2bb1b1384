/*
 * boosting.h: gradient-boosted trees over descriptors and substructure counts
 * (Friedman, Greedy function approximation: a gradient boosting machine, 2001), a
 * part of joint heads.
 *
 * A target's value is where it starts from plus the sum of the leaves that a
 * molecule comes to, one in each of its trees; for classes the logistic function
 * of it. See trees.h for how trees read molecules.
 */
#ifndef HAMNET_BOOSTING_H
#define HAMNET_BOOSTING_H

#include "hamnet/fit.h"
#include "hamnet/trees.h"

typedef struct HnBoosting
{
	HnTrees		trees;			/* the codes of leaves are 0 */
	double	   *starts;			/* [targets] the mean of the labels; of classes, its log odds */

	/* Table of the file. */
	float	   *leaves;			/* [(nodes + trees of all targets) / 2] their values, in the order of nodes */

	/* set when it is linked */
	float	   *values;			/* [node_count] of leaves; 0 elsewhere */
} HnBoosting;

static inline HnBoosting *
hn_boosting(const HnHead *head)
{
	return (HnBoosting *) head->parts[HN_BOOSTING];
}

/*
 * Fit the boosted trees of a head, see hn_fit.
 *
 * Each tree is fitted to the gradient of the loss, half the squared error or the
 * cross-entropy, at what the trees before it say, by Newton's step, with some of
 * the rows and of the columns that are not the same in all rows. It grows where
 * the loss falls most, by histograms of codes.
 *
 * Of very many rows it takes a sample. Memory as that of randomised trees. Cancellable.
 * HN_INVALID_ARGUMENT, naming the target, for no label, infinite ones, and
 * classes outside 0 to 1.
 */
extern HnStatus hn_boosting_fit(HnContext *context, const HnInputs *inputs, int fingerprint_dim, const real *labels,
								const HnFitOptions *options, HnHead *head, HnFitReport *report);

/* Find the roots, the nodes and the values of leaves, and check the trees, see hn_trees_link. */
extern HnStatus hn_boosting_link(HnContext *context, const HnHead *head);

#endif
