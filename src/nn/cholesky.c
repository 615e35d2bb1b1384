/*
 * cholesky.c: factors of positive definite matrices, through LAPACK and CBLAS.
 */
#include "hamnet/cholesky.h"

#include <cblas.h>
#include <math.h>

#include "hamnet/linear.h"

/* Columns of a block: at 10,000 rows, well below a second of work between two interrupt checks. */
#define BLOCK 256

/* LAPACK has no header in a BLAS package. Its matrices are column-major, so that our lower triangle is its upper. */
#ifdef HAMNET_DOUBLE
extern void dpotrf_(const char *triangle, const int *n, double *a, const int *lda, int *info);

#define potrf dpotrf_
#define cblas_syrk cblas_dsyrk
#define cblas_trsm cblas_dtrsm
#define cblas_trsv cblas_dtrsv
#else
extern void spotrf_(const char *triangle, const int *n, float *a, const int *lda, int *info);

#define potrf spotrf_
#define cblas_syrk cblas_ssyrk
#define cblas_trsm cblas_strsm
#define cblas_trsv cblas_strsv
#endif

HnStatus
hn_cholesky(HnContext *context, int n, real *a, bool *positive)
{
	*positive = true;
	for (int first = 0; first < n; first += BLOCK)
	{
		int			width = n - first < BLOCK ? n - first : BLOCK;
		int			below = n - first - width;
		real	   *diagonal = a + (size_t) first * n + first;
		real	   *panel = diagonal + (size_t) width * n;
		int			info;

		if (hn_interrupted(context))
			return HN_INTERRUPTED;
		/* Left-looking: take off what the columns to the left account for. */
		if (first > 0)
			cblas_syrk(CblasRowMajor, CblasLower, CblasNoTrans, width, first, -1, diagonal - first, n,
					   1, diagonal, n);
		potrf("U", &width, diagonal, &n, &info);
		if (info != 0)
		{
			*positive = false;
			return HN_OK;
		}
		if (below == 0)
			break;
		hn_gemm_nt(below, width, first, -1, a + (size_t) (first + width) * n, n, a + (size_t) first * n, n,
				   1, panel, n);
		cblas_trsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, below, width,
				   1, diagonal, n, panel, n);
	}
	return HN_OK;
}

void
hn_cholesky_solve(int n, const real *factor, real *x)
{
	cblas_trsv(CblasRowMajor, CblasLower, CblasNoTrans, CblasNonUnit, n, factor, n, x, 1);
	cblas_trsv(CblasRowMajor, CblasLower, CblasTrans, CblasNonUnit, n, factor, n, x, 1);
}

double
hn_cholesky_log_determinant(int n, const real *factor)
{
	double		sum = 0;

	for (int i = 0; i < n; i++)
		sum += 2 * log(factor[(size_t) i * n + i]);
	return sum;
}
