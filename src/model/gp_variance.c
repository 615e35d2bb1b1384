/*
 * gp_variance.c: the factor that the variance of a process is computed
 * from, of low rank, by Cholesky's method with pivots.
 */
#include "gp_job.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

#include "hamnet/linear.h"

extern void dpotrf_(const char *triangle, const int *n, double *a, const int *lda, int *info);

/* Added to the diagonal of a matrix that may be singular, and has no eigenvalue above 1. */
#define MIN_JITTER 1e-12
#define MAX_JITTER 1e-6

HnStatus
hn_gp_pivot(HnContext *context, const HnGpJob *job, const int *offsets, int *rank, int *pivots, real *factor)
{
	int			n = job->n;
	int			most = *rank;
	real	   *rest;			/* variance of each row that is not yet explained */
	real	   *column;
	HnPackedGp packed;
	int			taken = 0;

	HN_NEW(context, rest, n);
	HN_NEW(context, column, n);
	HN_TRY(hn_covariance_pack(context, job->gp, &packed));
	for (int i = 0; i < n; i++)
		rest[i] = 1;
	while (taken < most)
	{
		int			best = 0;
		real		root;

		for (int i = 1; i < n; i++)
			if (rest[i] > rest[best])
				best = i;
		if (rest[best] < 1e-4)	/* rounding of the covariance is near */
			break;
		root = (real) sqrt(rest[best]);
		if (hn_interrupted(context))
			return HN_INTERRUPTED;
		HN_TRY(hn_gp_training_rows(context, job->gp, &packed, offsets, best, 1, column));
		hn_gemm_nt(1, n, taken, -1, factor + (size_t) best * most, most, factor, most, 1, column, n);
		for (int i = 0; i < n; i++)
		{
			real		value = i == best ? root : column[i] / root;

			factor[(size_t) i * most + taken] = value;
			rest[i] -= value * value;
		}
		rest[best] = 0;
		pivots[taken++] = best;
		hn_gp_progress(job->options, "choosing rows for the deviation", (double) taken / most);
	}
	*rank = taken;
	return HN_OK;
}

HnStatus
hn_gp_reorder(HnContext *context, HnGpJob *job, const int *pivots, int rank, real *factor, int width)
{
	int			n = job->n;
	int		   *order;
	bool	   *is_pivot;
	int		   *rows;
	real	   *y;
	real	   *copy;
	int			next = rank;

	HN_NEW(context, order, n);
	HN_NEW_ZERO(context, is_pivot, n);
	HN_NEW(context, rows, n);
	HN_NEW(context, y, (size_t) n * job->head->target_count);
	HN_NEW(context, copy, (size_t) n * width);
	for (int i = 0; i < rank; i++)
	{
		order[i] = pivots[i];
		is_pivot[pivots[i]] = true;
	}
	for (int i = 0; i < n; i++)
		if (!is_pivot[i])
			order[next++] = i;
	for (int i = 0; i < n; i++)
	{
		rows[i] = job->rows[order[i]];
		memcpy(copy + (size_t) i * width, factor + (size_t) order[i] * width, (size_t) width * sizeof(real));
		for (int t = 0; t < job->head->target_count; t++)
			y[(size_t) t * n + i] = job->y[(size_t) t * n + order[i]];
	}
	memcpy(factor, copy, (size_t) n * width * sizeof(real));
	memcpy(job->rows, rows, (size_t) n * sizeof(int));
	memcpy(job->y, y, (size_t) n * job->head->target_count * sizeof(real));
	return hn_gp_store_inputs(context, job);
}

/*
 * The lower triangular factor of M = I - XᵀX, X [m, m]. M is singular where a
 * target labels fewer rows than m: what pivots without a label would explain,
 * those with one leave nothing of. Where an eigenvalue is 0 the computed one is
 * the rounding error of XᵀX = (I + A W Aᵀ)⁻¹, about ε |I + A W Aᵀ| ≤ ε (1 + n / λ),
 * so that more than this has to be added: the smallest power of ten that makes M
 * positive definite. It takes as much of v off a variance, for |a|² is not above
 * 1: at most a hundredth of the least noise, which is in every deviation.
 */
static HnStatus
explained_factor(HnContext *context, int m, const double *x, double *factor)
{
	double		jitter = MIN_JITTER;
	int			info;

	do
	{
		memset(factor, 0, (size_t) m * m * sizeof(double));
		for (int k = 0; k < m; k++)
			factor[(size_t) k * m + k] = 1 + jitter;
		cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, m, m, -1, x, m, 1, factor, m);
		dpotrf_("U", &m, factor, &m, &info);
		jitter *= 10;
	} while (info != 0 && jitter <= MAX_JITTER);
	if (info != 0)
		return hn_fail(context, HN_INTERNAL, "the explained part of rank %d is not positive definite", m);
	return HN_OK;
}

/*
 * R of one target. With A = L_m⁻¹ K_mn, which is the transpose of the partial
 * factor, the process conditioned on the data through the m pivots has the
 * variance v (1 - |a|² + aᵀ (I + A W Aᵀ)⁻¹ a) at x, a = L_m⁻¹ k_m(x) and W = 1/λ
 * in labelled rows. Through fewer rows than all, it is never less than what the
 * exact process leaves, and far from the data it is v. So
 * R = √v C L_m⁻¹ with CᵀC = I - (I + A W Aᵀ)⁻¹, and C lower triangular makes
 * R so.
 */
HnStatus
hn_gp_variance_factor(HnContext *context, const HnGpJob *job, const real *y, int width,
						  const real *factor, double ratio, double variance, float *r)
{
	HnArenaMark mark = hn_arena_mark(context->arena);
	int			n = job->n;
	int			m = job->gp->rank;
	double	   *labelled;		/* rows of A Lᵀ that have a label */
	double	   *matrix;
	double	   *inverse;
	double	   *reversed;
	int			count = 0;
	int			info;

	HN_ASSERT(factor != NULL);
	HN_NEW(context, labelled, (size_t) n * m);
	HN_NEW_ZERO(context, matrix, (size_t) m * m);
	HN_NEW_ZERO(context, inverse, (size_t) m * m);
	HN_NEW(context, reversed, (size_t) m * m);
	for (int i = 0; i < n; i++)
		if (!isnan(y[i]))
		{
			for (int k = 0; k < m; k++)
				labelled[(size_t) count * m + k] = factor[(size_t) i * width + k];
			count++;
		}
	for (int k = 0; k < m; k++)
		matrix[(size_t) k * m + k] = inverse[(size_t) k * m + k] = 1;
	if (count > 0)
		cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, m, count, 1 / ratio, labelled, m, 1, matrix, m);
	dpotrf_("U", &m, matrix, &m, &info);	/* lower of our order */
	if (info != 0)
		return hn_fail(context, HN_INTERNAL, "the deviation's matrix of rank %d is not positive definite", m);
	cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, m, m, 1, matrix, m, inverse, m);
	/*
	 * inverse = L⁻¹, so that (I + A W Aᵀ)⁻¹ = L⁻ᵀ L⁻¹. Cholesky's factor L' of
	 * M = CᵀC with rows and columns reversed gives C, reversed and transposed.
	 */
	for (int i = 0; i < m; i++)
		for (int k = 0; k < m; k++)
			reversed[(size_t) i * m + k] = inverse[(size_t) i * m + m - 1 - k];
	HN_TRY(explained_factor(context, m, reversed, matrix));
	for (int i = 0; i < m; i++)
		for (int k = 0; k < m; k++)
		{
			inverse[(size_t) i * m + k] = k <= i ? matrix[(size_t) (m - 1 - k) * m + m - 1 - i] : 0;
			reversed[(size_t) i * m + k] = k <= i ? factor[(size_t) i * width + k] : 0;
		}
	/* R = √v C L_m⁻¹, of which the lower triangle is stored, row by row */
	cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasNoTrans, CblasNonUnit, m, m, sqrt(variance),
				reversed, m, inverse, m);
	for (int i = 0; i < m; i++)
		for (int k = 0; k <= i; k++)
			*r++ = (float) inverse[(size_t) i * m + k];
	hn_arena_rewind(context->arena, mark);
	return HN_OK;
}
