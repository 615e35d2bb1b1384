/*
 * gp_job.h: the parts of fitting a Gaussian process.
 */
#ifndef HAMNET_GP_JOB_H
#define HAMNET_GP_JOB_H

#include "covariance.h"

/* Everything about one fit. */
typedef struct HnGpJob
{
	HnHead	   *head;
	HnGp *gp;
	const HnInputs *inputs;
	const real *labels;			/* [inputs->count, targets] */
	const HnFitOptions *options;
	int			n;
	int		   *rows;			/* [n] indices in inputs of the rows used */
	real	   *y;				/* scaled labels [targets, n] */
	int		   *label_counts;	/* [targets] */
	double	   *corrections;	/* [targets] of a class's offset for what a sample of the rows holds too much of */
} HnGpJob;

/*
 * A point of the search: logarithms of the weights, of the noise ratio or, for
 * classes, of the variance, and the share itself.
 */
typedef struct HnGpPoint
{
	double		fingerprint;
	double		descriptors;
	double		counts;
	double		share;
	double		scale;			/* λ, or v */
} HnGpPoint;

/* Notify the caller how far a step is. */
static inline void
hn_gp_progress(const HnFitOptions *options, const char *step, double done)
{
	if (options->progress)
		options->progress(options->progress_state, step, done < 1 ? done : 1);
}

/* gp_rows.c */

/* Collect the rows that have a label. */
extern HnStatus hn_gp_collect_rows(HnContext *context, HnGpJob *job);

/* Check the labels of one target, and scale them. */
extern HnStatus hn_gp_scale_target(HnContext *context, HnGpJob *job, int t);

/*
 * Choose rows for the search at random. For classes, up to half of them hold a
 * rare label: with one active in thirty, a plain sample would tell little.
 */
extern HnStatus hn_gp_choose_rows(HnContext *context, const HnGpJob *job, int wanted, int **chosen,
									  int *count);

/*
 * Fit to a sample of so many rows. It holds more of the rarer class than all
 * rows do, which adds the same number to the logarithm of the odds everywhere.
 */
extern HnStatus hn_gp_sample_rows(HnContext *context, HnGpJob *job, int wanted);

/* Allocate the covariance's tables but for weights and factors, and fill them. */
extern HnStatus hn_gp_prepare_inputs(HnContext *context, HnGpJob *job, int fingerprint_dim);

/* Store the inputs of the rows in the covariance, in the order of job->rows. */
extern HnStatus hn_gp_store_inputs(HnContext *context, HnGpJob *job);

/* offsets [n] = where the counts of each row begin; NULL without counts. */
extern HnStatus hn_gp_count_offsets(HnContext *context, const HnGp *gp, int **offsets);

/* The covariance between training rows first .. first + count - 1 and all of them, out [count, n]. */
extern HnStatus hn_gp_training_rows(HnContext *context, const HnGp *gp, const HnPackedGp *packed,
										const int *offsets, int first, int count, real *out);

/* gp_search.c */

/* Choose the hyper-parameters on a part of the rows. */
extern HnStatus hn_gp_choose_parameters(HnContext *context, HnGpJob *job, HnGpPoint *best,
											HnFitReport *result);

/* gp_variance.c */

/*
 * Partial Cholesky factor of K with pivots: each step takes the row that the
 * ones before explain least. The factor [n, rank] approximates K = L Lᵀ, and is
 * exact in the pivots' rows and columns; rank is set to the steps taken.
 */
extern HnStatus hn_gp_pivot(HnContext *context, const HnGpJob *job, const int *offsets, int *rank,
								int *pivots, real *factor);

/* Bring the pivots to the front of job->rows, of the labels and of the factor. */
extern HnStatus hn_gp_reorder(HnContext *context, HnGpJob *job, const int *pivots, int rank, real *factor,
								  int width);

/*
 * R of one target, the triangle as the head stores it: y [n] are its scaled
 * labels, factor [n, width] the partial factor after hn_gp_reorder, ratio
 * the noise over the variance.
 */
extern HnStatus hn_gp_variance_factor(HnContext *context, const HnGpJob *job, const real *y, int width,
										  const real *factor, double ratio, double variance, float *r);

#endif
