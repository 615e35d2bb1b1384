/*
 * predict.h: from a molecule's fingerprint and descriptors to its properties,
 * whatever kind of head computes them.
 */
#ifndef HAMNET_PREDICT_H
#define HAMNET_PREDICT_H

#include "hamnet/descriptors.h"
#include "hamnet/model.h"

/* Molecules as the inputs of heads. G generators, D fingerprint.dim. */
typedef struct HnInputs
{
	int			count;
	const real *fingerprints;	/* [G, count, D] */
	const real *descriptors;	/* [count, set->count], NULL where no head needs them */
	const HnCounts *counts;		/* [count], NULL where no head needs them */
} HnInputs;

/* The answers of a head, or of a part of it, about count molecules. */
typedef struct HnPrediction
{
	double	   *values;			/* [count, targets] in the targets' units, or probabilities */
	double	   *sds;			/* [count, targets] standard deviations, NaN where none is known; NULL: not wanted */
	int32_t    *nearest;		/* [count] see hn_covariance_rows; NULL: not wanted */
} HnPrediction;

/*
 * Measure center and scale of what a head's networks shall read (standardised,
 * descriptors and counts say what) over some rows of the inputs, whose
 * fingerprints have dim columns. The tables come from the context's arena.
 */
extern HnStatus hn_inputs_measure(HnContext *context, const HnInputs *inputs, const int *rows, int count, int dim,
								  HnHeadInputs *config);

/* Return what the heads of a model need beside fingerprints. */
extern HnNeeds hn_model_needs(const HnModel *model);

/*
 * The first member of a network head: predictions [count, targets] in the
 * targets' units, or probabilities, from the fingerprints of the first
 * generator. See hn_predict for heads of every kind.
 */
extern HnStatus hn_head_predict(HnContext *context, const HnHead *head, const HnInputs *inputs,
								double *predictions);

/*
 * Predictions of a head [count, targets] in the targets' units, or
 * probabilities; and their standard deviations, if sds is not NULL, NaN where
 * the head knows none: a single network, or a Gaussian process classifier. For members
 * of an ensemble it is their spread, for a Gaussian process the deviation of a
 * new measurement, for both together see joint.h. A row does not depend on the rows beside it but for
 * rounding.
 *
 * HN_NOT_FINITE when the arithmetic overflows.
 */
extern HnStatus hn_predict(HnContext *context, const HnModel *model, const HnHead *head,
						   const HnInputs *inputs, double *values, double *sds);

/*
 * hn_predict, and what hn_known_novelty gives [count]: a head that compares
 * fingerprints passes over its training rows once for both.
 */
extern HnStatus hn_predict_novelty(HnContext *context, const HnModel *model, const HnHead *head,
								   const HnInputs *inputs, double *values, double *sds, double *novelties);

/*
 * Copy the columns of one head to where they belong among those of all heads:
 * all [count, targets] from column first on = values [count, head->target_count].
 */
extern void hn_scatter_targets(const HnHead *head, const double *values, int count, double *all, int targets, int first);

#endif
