/*
 * linear.c: dense products, through CBLAS.
 *
 * An empty matrix may come with any pointer and distance between rows; CBLAS
 * rejects a distance of zero even then, so empty products do not reach it.
 */
#include "hamnet/linear.h"

#include "hamnet/simd.h"

#include <cblas.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#ifdef HAMNET_DOUBLE
#define cblas_gemm cblas_dgemm
#define cblas_gemv cblas_dgemv
#define cblas_syrk cblas_dsyrk
#else
#define cblas_gemm cblas_sgemm
#define cblas_gemv cblas_sgemv
#define cblas_syrk cblas_ssyrk
#endif

/* out = beta * out, where beta 0 does not read out. */
static void
scale_rows(int rows, int n, real beta, real *out, int ldout)
{
	for (int i = 0; i < rows; i++)
	{
		real	   *row = out + (size_t) i * ldout;

		for (int o = 0; o < n; o++)
			row[o] = beta == 0 ? 0 : beta * row[o];
	}
}

void
hn_gemm_nt(int rows, int outs, int ins, real alpha,
		   const real *x, int ldx, const real *w, int ldw,
		   real beta, real *out, int ldout)
{
	if (rows == 0 || outs == 0 || ins == 0)
		scale_rows(rows, outs, beta, out, ldout);
	else if (rows == 1)
		cblas_gemv(CblasRowMajor, CblasNoTrans, outs, ins, alpha, w, ldw, x, 1, beta, out, 1);
	else
		cblas_gemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, outs, ins,
				   alpha, x, ldx, w, ldw, beta, out, ldout);
}

void
hn_gemm_nn(int rows, int ins, int outs, real alpha,
		   const real *y, int ldy, const real *w, int ldw,
		   real beta, real *out, int ldout)
{
	if (rows == 0 || ins == 0 || outs == 0)
		scale_rows(rows, ins, beta, out, ldout);
	else if (rows == 1)
		cblas_gemv(CblasRowMajor, CblasTrans, outs, ins, alpha, w, ldw, y, 1, beta, out, 1);
	else
		cblas_gemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, ins, outs,
				   alpha, y, ldy, w, ldw, beta, out, ldout);
}

void
hn_gemm_tn(int outs, int ins, int rows, real alpha,
		   const real *y, int ldy, const real *x, int ldx,
		   real beta, real *out, int ldout)
{
	if (outs == 0 || ins == 0 || rows == 0)
		scale_rows(outs, ins, beta, out, ldout);
	else
		cblas_gemm(CblasRowMajor, CblasTrans, CblasNoTrans, outs, ins, rows,
				   alpha, y, ldy, x, ldx, beta, out, ldout);
}

void
hn_fill_rows(int rows, int n, const real *bias, real *out, int ldout)
{
	for (int i = 0; i < rows; i++)
	{
		real	   *row = out + (size_t) i * ldout;

		for (int o = 0; o < n; o++)
			row[o] = bias ? bias[o] : 0;
	}
}

size_t
hn_panels_size(int out, int in)
{
	return ((size_t) out + HN_PANEL - 1) / HN_PANEL * HN_PANEL * (size_t) in;
}

void
hn_pack(real *panels, int in, int out_first, int in_first, int outs, int ins, real alpha,
		const real *w, size_t out_step, size_t in_step)
{
	for (int begin = 0; begin < outs;)
	{
		/* Up to the end of a panel, so that what is written lies together. */
		int			lane = (out_first + begin) % HN_PANEL;
		int			count = outs - begin < HN_PANEL - lane ? outs - begin : HN_PANEL - lane;
		real	   *panel = panels + (size_t) (out_first + begin - lane) * in + (size_t) in_first * HN_PANEL + lane;

		for (int k = 0; k < ins; k++)
			for (int o = 0; o < count; o++)
				panel[(size_t) k * HN_PANEL + o] = alpha * w[(size_t) (begin + o) * out_step + (size_t) k * in_step];
		begin += count;
	}
}

void
hn_packed_product(const HnPacked *w, int rows, const real *x, int ldx, real *out, int ldout)
{
	hn_simd()->product(rows, w->out, w->in, x, (size_t) ldx, w->panels, w->bias, 0, out, (size_t) ldout);
}

void
hn_packed_product_add(const HnPacked *w, int rows, const real *x, int ldx, real *out, int ldout)
{
	hn_simd()->product(rows, w->out, w->in, x, (size_t) ldx, w->panels, out, (size_t) ldout, out, (size_t) ldout);
}

/* OpenBLAS describes itself as "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ..."; keep the first two words. */
const char *
hn_blas_version(void)
{
	static char version[64];
	const char *config = openblas_get_config();
	const char *end = strchr(config, ' ');

	if (end)
		end = strchr(end + 1, ' ');
	snprintf(version, sizeof(version), "%.*s", (int) (end ? (size_t) (end - config) : strlen(config)), config);
	return version;
}

/* What OpenBLAS maps at its first call; less on some processors. */
#define BLAS_BUFFER ((size_t) 128 * 1024 * 1024)

/*
 * OpenBLAS repeats a failed mapping for ever. So the mapping is tried here
 * first, and then OpenBLAS is made to do it by a product that always needs it.
 * It keeps the buffer, and one thread never needs a second.
 */
bool
hn_blas_reserve(void)
{
	static bool reserved = false;
	real		one = 1;
	real		square = 0;

	if (!reserved)
	{
		void	   *probe = mmap(NULL, BLAS_BUFFER, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (probe == MAP_FAILED)
			return false;
		munmap(probe, BLAS_BUFFER);
		cblas_syrk(CblasRowMajor, CblasLower, CblasNoTrans, 1, 1, 1, &one, 1, 0, &square, 1);
		reserved = true;
	}
	return true;
}

void
hn_blas_single_thread(void)
{
	openblas_set_num_threads(1);
}
