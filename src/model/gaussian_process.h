/*
 * gaussian_process.h: Gaussian processes on the covariance between their rows.
 *
 * That matrix lies in a square [n, n]: K above the diagonal, where it stays (its
 * diagonal is 1), and B = I + √W K √W, then its factor, in the lower triangle.
 */
#ifndef HAMNET_GAUSSIAN_PROCESS_H
#define HAMNET_GAUSSIAN_PROCESS_H

#include <stdbool.h>

#include "hamnet/context.h"
#include "hamnet/real.h"

/* Labels of one target over the rows of a fit. */
typedef struct HnProcessLabels
{
	const real *y;				/* [n] scaled value, or class 0 or 1; NaN: none */
	int			count;
	double		offset;			/* mean of the process */
} HnProcessLabels;

/* A square matrix as above, and vectors of its size to work with. */
typedef struct HnProcessWork
{
	int			n;
	real	   *square;			/* [n, n] */
	real	   *weight;			/* W */
	real	   *alpha;
	real	   *latent;			/* K α, times the variance */
	real	   *b;
	real	   *c;
} HnProcessWork;

/* The result of fitting one target. */
typedef struct HnProcessFit
{
	double		log_likelihood; /* marginal, over all labels */
	double		variance;		/* of the process that α belongs to */
	bool		failed;			/* numerically */
} HnProcessFit;

/* Allocate the matrix and the vectors of n rows; α is 0. */
extern HnStatus hn_process_work(HnContext *context, int n, HnProcessWork *work);

/*
 * Regression with the covariance above the diagonal of the square, λ = ratio: leaves
 * α = (K + λ)⁻¹ y in work. The variance is the one that maximises the likelihood.
 */
extern HnStatus hn_process_regression(HnContext *context, HnProcessWork *work, const HnProcessLabels *labels,
									  double ratio, HnProcessFit *fit);

/*
 * Classification with the process variance v K: leaves α at the mode in work,
 * which it looks for from the α there. The likelihood is Laplace's approximation.
 */
extern HnStatus hn_process_classification(HnContext *context, HnProcessWork *work, const HnProcessLabels *labels,
										  double variance, HnProcessFit *fit);

#endif
