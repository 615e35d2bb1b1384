/*
 * metrics.h: how good predictions are. n pairs; values that have no meaning
 * for the data (R² of a constant, an area without a positive or, for the ROC,
 * without a negative, a score that is NaN, n = 0) are NaN.
 */
#ifndef HAMNET_METRICS_H
#define HAMNET_METRICS_H

#include "hamnet/context.h"
#include "hamnet/graph.h"

extern double hn_rmse(const double *predicted, const double *actual, size_t n);
extern double hn_mae(const double *predicted, const double *actual, size_t n);

/* 1 − Σ (predicted − actual)² / Σ (actual − mean)² */
extern double hn_r_squared(const double *predicted, const double *actual, size_t n);

/*
 * Area under the receiver operating characteristic: the probability that a
 * positive scores higher than a negative, ties counting half. Labels are
 * positive above one half.
 */
extern HnStatus hn_roc_auc(HnContext *context, const double *score, const double *label, size_t n, double *area);

/*
 * Area under the precision-recall curve as average precision: Σ over distinct
 * thresholds of (gain in recall) · precision, equal scores entering together.
 */
extern HnStatus hn_pr_auc(HnContext *context, const double *score, const double *label, size_t n, double *area);

/* Root of the weighted mean square distance of positions [n, 3] from a reference, after the best proper rotation. */
extern double hn_superposed_rmsd(int n, const real *mass, const real *positions, const real *reference);

typedef struct HnConformationError
{
	double		rmsd;			/* mass-weighted, after the best proper rotation, Å */
	double		adj3;			/* ADJ-3 of the specification, Å² */
	double		distance;		/* mean absolute error of the interatomic distances, Å; 0 for a single atom */
} HnConformationError;

/*
 * Compare predicted positions [n, 3] with a reference of the same atoms [n, 3]
 * (model specification, section 6). If d_positions is not NULL, the derivative
 * of rmsd + adj3_weight · adj3 by the positions is ADDED to it, times scale.
 * Where the loss has a kink (rmsd 0, two atoms in one place) it adds nothing
 * for the term.
 */
extern HnStatus hn_conformation_error(HnContext *context, const HnGraph *graph, const real *positions,
									  const real *reference, double adj3_weight, double scale,
									  real *d_positions, HnConformationError *error);

#endif
