/*
 * gaussian_process.c: Gaussian processes for regression and classification
 * (Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006).
 *
 * Both are written with one weight W_i a row (their algorithm 3.1): the
 * reciprocal of the noise for a measurement, p (1 - p) for a class, and 0 for a
 * row without a label. Every system to solve is then B = I + √W K √W, whose
 * eigenvalues are at least 1, so that single precision suffices and one matrix
 * serves targets that are labelled in different rows.
 */
#include "gaussian_process.h"

#include <cblas.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "hamnet/cholesky.h"

#ifdef HAMNET_DOUBLE
#define cblas_symv cblas_dsymv
#else
#define cblas_symv cblas_ssymv
#endif

#define NEWTON_STEPS 50
#define LOG_2PI 1.8378770664093453

HnStatus
hn_process_work(HnContext *context, int n, HnProcessWork *work)
{
	work->n = n;
	HN_NEW(context, work->square, (size_t) n * n);
	HN_NEW(context, work->weight, n);
	HN_NEW_ZERO(context, work->alpha, n);
	HN_NEW(context, work->latent, n);
	HN_NEW(context, work->b, n);
	HN_NEW(context, work->c, n);
	return HN_OK;
}

/* Fill the lower triangle of the square [n, n] with I + √W v K √W and factorise it; tiles, because one side is read by columns. */
static HnStatus
factorise(HnContext *context, HnProcessWork *work, double variance, bool *positive)
{
	enum
	{
		TILE = 64
	};
	int			n = work->n;

	for (int i = 0; i < n; i++)
		work->c[i] = (real) sqrt(work->weight[i]);
	for (int row = 0; row < n; row += TILE)
		for (int column = 0; column <= row; column += TILE)
			for (int i = row; i < n && i < row + TILE; i++)
				for (int j = column; j < i && j < column + TILE; j++)
					work->square[(size_t) i * n + j] = (real) variance * work->c[i] * work->c[j]
						* work->square[(size_t) j * n + i];
	for (int i = 0; i < n; i++)
		work->square[(size_t) i * n + i] = 1 + (real) variance * work->weight[i];
	return hn_cholesky(context, n, work->square, positive);
}

/* out [n] = K [n, n] · x [n]; the square's diagonal is not K's. */
static void
multiply(const HnProcessWork *work, const real *x, real *out)
{
	int			n = work->n;

	cblas_symv(CblasRowMajor, CblasUpper, n, 1, work->square, n, x, 1, 0, out, 1);
	for (int i = 0; i < n; i++)
		out[i] += (1 - work->square[(size_t) i * n + i]) * x[i];
}

/* x [n] ← √W B⁻¹ √W x, with the factor of B. */
static void
solve(const HnProcessWork *work, real *x)
{
	for (int i = 0; i < work->n; i++)
		x[i] *= (real) sqrt(work->weight[i]);
	hn_cholesky_solve(work->n, work->square, x);
	for (int i = 0; i < work->n; i++)
		x[i] *= (real) sqrt(work->weight[i]);
}

/* Return Σ x_i y_i over n in double. */
static double
dot(const real *x, const real *y, int n)
{
	double		sum = 0;

	for (int i = 0; i < n; i++)
		sum += (double) x[i] * y[i];
	return sum;
}

/*
 * Regression: α = (K + λ)⁻¹ y over the labelled rows, λ = noise / variance.
 * The variance that maximises the likelihood is yᵀα / n, so it is not searched.
 */
HnStatus
hn_process_regression(HnContext *context, HnProcessWork *work, const HnProcessLabels *labels,
					  double ratio, HnProcessFit *fit)
{
	int			n = work->n;
	bool		positive;
	double		determinant;

	for (int i = 0; i < n; i++)
	{
		work->weight[i] = isnan(labels->y[i]) ? 0 : (real) (1 / ratio);
		work->alpha[i] = isnan(labels->y[i]) ? 0 : labels->y[i];
	}
	memcpy(work->b, work->alpha, (size_t) n * sizeof(real));
	HN_TRY(factorise(context, work, 1, &positive));
	fit->failed = !positive;
	if (!positive)
		return HN_OK;
	solve(work, work->alpha);
	fit->variance = dot(work->b, work->alpha, n) / labels->count;
	fit->failed = !(fit->variance > 0 && isfinite(fit->variance));
	determinant = hn_cholesky_log_determinant(n, work->square) + labels->count * log(ratio);
	fit->log_likelihood = -0.5 * (labels->count * (log(fit->variance) + 1 + LOG_2PI) + determinant);
	return HN_OK;
}

/* log(1 + exp(x)) */
static double
log1p_exp(double x)
{
	return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

/* ψ = Σ log p(y | f) - ½ αᵀ v K α, with the latent values of α. */
static double
objective(const HnProcessWork *work, const HnProcessLabels *labels)
{
	double		sum = -0.5 * dot(work->alpha, work->latent, work->n);

	for (int i = 0; i < work->n; i++)
		if (!isnan(labels->y[i]))
		{
			double		f = work->latent[i] + labels->offset;

			sum -= log1p_exp(labels->y[i] > 0 ? -f : f);
		}
	return sum;
}

static void
set_latent(HnProcessWork *work, double variance)
{
	multiply(work, work->alpha, work->latent);
	for (int i = 0; i < work->n; i++)
		work->latent[i] *= (real) variance;
}

/* Set W [n] and b [n] = W (f - mean) + ∇ log p(y | f). */
static void
set_newton(HnProcessWork *work, const HnProcessLabels *labels)
{
	for (int i = 0; i < work->n; i++)
	{
		double		p = 1 / (1 + exp(-(work->latent[i] + labels->offset)));
		bool		labelled = !isnan(labels->y[i]);

		work->weight[i] = labelled ? (real) (p * (1 - p)) : 0;
		work->b[i] = labelled ? (real) (p * (1 - p) * work->latent[i] + labels->y[i] - p) : 0;
	}
}

/*
 * Classification: the mode, by Newton's method from the present α, which
 * shortens a step that would lower the objective. At the mode α = y - p.
 */
HnStatus
hn_process_classification(HnContext *context, HnProcessWork *work, const HnProcessLabels *labels,
						  double variance, HnProcessFit *fit)
{
	int			n = work->n;
	real	   *before;
	double		best;
	bool		positive = true;
	HnArenaMark mark = hn_arena_mark(context->arena);

	HN_NEW(context, before, n);
	set_latent(work, variance);
	best = objective(work, labels);
	if (!isfinite(best))
	{
		memset(work->alpha, 0, (size_t) n * sizeof(real));
		set_latent(work, variance);
		best = objective(work, labels);
	}
	for (int step = 0; step < NEWTON_STEPS && positive; step++)
	{
		double		gain = -DBL_MAX;

		set_newton(work, labels);
		HN_TRY(factorise(context, work, variance, &positive));
		memcpy(before, work->alpha, (size_t) n * sizeof(real));
		/* a = b - √W B⁻¹ √W v K b */
		multiply(work, work->b, work->alpha);
		for (int i = 0; i < n; i++)
			work->alpha[i] *= (real) variance;
		solve(work, work->alpha);
		for (int i = 0; i < n; i++)
			work->alpha[i] = work->b[i] - work->alpha[i];
		for (int halving = 0; halving < 10; halving++)
		{
			set_latent(work, variance);
			gain = objective(work, labels) - best;
			if (gain >= 0)
				break;
			for (int i = 0; i < n; i++)
				work->alpha[i] = (work->alpha[i] + before[i]) / 2;
		}
		best += gain;
		if (fabs(gain) < 1e-6 * labels->count)
			break;
	}
	fit->failed = !positive || !isfinite(best);
	fit->variance = variance;
	fit->log_likelihood = best - 0.5 * hn_cholesky_log_determinant(n, work->square);
	hn_arena_rewind(context->arena, mark);
	return HN_OK;
}
