/*
 * gp.h: heads that compare a molecule with training molecules.
 *
 * Regression is an exact Gaussian process, classification the Gaussian
 * process classifier at its mode, which is covariance logistic regression. Both
 * use one covariance over three blocks of inputs:
 *
 *   k(x, y) = (1 - s) g(d²) + s t(x, y)
 *   d² = Σ over blocks b of weight_b |x_b - y_b|² / width_b + weight_c Σ (log(1 + c_x) - log(1 + c_y))²
 *
 * where blocks are the fingerprint and the descriptors, the last sum goes over
 * substructures and their counts c, g(d²) is exp(-d²) or Matérn's
 * (1 + r + r²/3) exp(-r) with r² = d², and t is the MinMax (Tanimoto) covariance
 * Σ min / Σ max of the same counts. k(x, x) = 1.
 *
 * Fingerprint and descriptors are standardised and cut:
 *
 *   x = clip((v - center) * scale, -127, 127) / 21,  v = log(1 + fingerprint) or the descriptor,
 *
 * with scale = 21 / standard deviation, and 0 for a descriptor that is NaN.
 * Training rows are rounded to multiples of 1 / 21, so that they cost a byte a
 * column in the model file, and the process is fitted to the rounded rows.
 */
#ifndef HAMNET_GP_H
#define HAMNET_GP_H

#include "hamnet/fit.h"

/* Training rows of one head. */
#define HN_MAX_GP_ROWS 10000

/* Steps of the bytes above in one standard deviation: 127 of them reach to six deviations. */
#define HN_BYTE_STEPS 21.0f

/* Rows that the variance of a process is computed from. */
#define HN_MAX_GP_RANK 1024

/* Numbers in a triangle with m rows. */
#define HN_TRIANGLE(m) ((size_t) (m) * ((m) + 1) / 2)

typedef enum HnCovariance
{
	HN_GAUSSIAN,				/* of models that older versions fitted */
	HN_MATERN
} HnCovariance;

/*
 * The process of one target, in the unit of the scaled target: y = (value -
 * mean) / std for regression, the logarithm of the odds for classes.
 */
typedef struct HnProcess
{
	double		variance;
	double		noise;			/* variance of a measurement; 0 for classes */
	double		offset;			/* mean of the process; 0 for regression */
	double		least;			/* of regression, what predictions are held between: */
	double		most;			/* the labels of the training rows; both 0: nothing */
} HnProcess;

typedef struct HnGp
{
	HnCovariance function;
	double		fingerprint_weight; /* 0: the block is not used */
	double		descriptor_weight;	/* 0: the block is not used */
	double		count_weight;	/* weight_c; 0: d² does not see the counts */
	double		count_share;	/* s, 0 to 1; 0: there is no t */
	const HnDescriptorSet *descriptors; /* NULL if the block is not used */
	int			rows;			/* n */
	int			rank;			/* m of factors; 0: no deviation is known */
	int			entry_count;	/* of the counts of all rows; 0 if they are not used */
	HnProcess  *processes;		/* [targets] */

	/* set by hn_model_shape */
	int			fingerprint_width;	/* D, or 0 */
	int			width;			/* w of both blocks, fingerprint first */

	/* tables of the file */
	float	   *center;			/* [w] */
	float	   *scale;			/* [w] not negative; 0 for a constant column */
	int8_t	   *inputs;			/* [n, w] 21 x */
	uint16_t   *count_lengths;	/* [n] */
	uint16_t   *count_columns;	/* [entry_count] ascending in a row */
	uint8_t	   *count_values;	/* [entry_count] */
	float	   *weights;		/* [targets, n] α; 0 where a row has no label */
	float	   *factors;		/* R [targets, m (m + 1) / 2], lower triangles row by row: the
								 * variance of the process at x is variance - |R k|², k the
								 * covariance with the first m rows */
} HnGp;

static inline HnGp *
hn_gp(const HnHead *head)
{
	return (HnGp *) head->parts[HN_GP];
}

/* Return whether the covariance looks at substructures. */
static inline bool
hn_gp_uses_counts(const HnGp *gp)
{
	return gp->count_weight > 0 || gp->count_share > 0;
}

/*
 * Fit a Gaussian process, see hn_fit. Sets each target's mean and std, too.
 * Hyper-parameters maximise the marginal likelihood (Laplace's approximation for
 * classes), summed over the targets, by a deterministic search.
 *
 * Of more labelled rows than options->rows it takes a sample: for classes up to
 * half of it rows with a label of the rarer class, others at random by the
 * seed; the offset of a class is corrected for that. Mean and std are those of
 * all rows.
 *
 * Memory: n² doubles while fitting, from the context's arena. Cancellable.
 * HN_INVALID_ARGUMENT, naming the target, for fewer than 3 labels, a constant target, a
 * target with one class only, labels that are infinite, or of a class other
 * than 0 and 1.
 */
extern HnStatus hn_gp_fit(HnContext *context, const HnInputs *inputs, int fingerprint_dim,
						  const real *labels, const HnFitOptions *options, HnHead *head, HnFitReport *report);

#endif
