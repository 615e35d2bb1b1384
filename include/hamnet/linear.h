/*
 * linear.h: dense products, through CBLAS.
 *
 * A "strided" matrix is row-major with its own distance between rows, so that
 * column blocks of a weight matrix or of a state are used where they lie.
 *
 * With beta 0 the output is not read. A product over no terms is 0. BLAS picks
 * a code path by the number of rows, so the last bits of one row may depend on
 * how many others are computed with it.
 */
#ifndef HAMNET_LINEAR_H
#define HAMNET_LINEAR_H

#include <stdbool.h>
#include <stddef.h>

#include "hamnet/real.h"

/*
 * A weight matrix and its bias in the order in which hn_simd()->product reads
 * them, which is worth a copy: a forward pass then reads them in sequence, and
 * spares what BLAS spends on each call to put them in an order of its own.
 */
typedef struct HnPacked
{
	int			out;
	int			in;
	real	   *panels;			/* [ceil(out / HN_PANEL), in, HN_PANEL], zeros beyond out */
	real	   *bias;			/* [out], NULL without */
} HnPacked;

/* Numbers in the panels of a matrix [out, in]. */
extern size_t hn_panels_size(int out, int in);

/*
 * Put alpha times a matrix w [outs, ins], w[o, k] at w[o * out_step + k *
 * in_step], into panels of `in` inputs, with its first element at (out_first, in_first).
 */
extern void hn_pack(real *panels, int in, int out_first, int in_first, int outs, int ins, real alpha,
					const real *w, size_t out_step, size_t in_step);

/* out [rows, w->out] = x [rows, w->in] Wᵀ + b; ld* are distances between rows. */
extern void hn_packed_product(const HnPacked *w, int rows, const real *x, int ldx, real *out, int ldout);

/* out += x Wᵀ, for the leading w->out columns of out. */
extern void hn_packed_product_add(const HnPacked *w, int rows, const real *x, int ldx, real *out, int ldout);

/*
 * out[i, o] = beta * out[i, o] + alpha * sum over k of x[i, k] * w[o, k],
 * i < rows, o < outs, k < ins; ld* are distances between rows.
 */
extern void hn_gemm_nt(int rows, int outs, int ins, real alpha,
					   const real *x, int ldx, const real *w, int ldw,
					   real beta, real *out, int ldout);

/* out[i, k] = beta * out[i, k] + alpha * sum over o of y[i, o] * w[o, k]: back through the layer above. */
extern void hn_gemm_nn(int rows, int ins, int outs, real alpha,
					   const real *y, int ldy, const real *w, int ldw,
					   real beta, real *out, int ldout);

/* out[o, k] = beta * out[o, k] + alpha * sum over i of y[i, o] * x[i, k]: the gradient of its weights. */
extern void hn_gemm_tn(int outs, int ins, int rows, real alpha,
					   const real *y, int ldy, const real *x, int ldx,
					   real beta, real *out, int ldout);

/* Set every row of out [rows, n] to bias [n], or to zero if bias is NULL. */
extern void hn_fill_rows(int rows, int n, const real *bias, real *out, int ldout);

/* BLAS's name and version, as "OpenBLAS 0.3.21". */
extern const char *hn_blas_version(void);

/*
 * Take the memory that BLAS works in, once and for the life of the process;
 * false if there is none. Until then a call of BLAS in a process without free
 * address space would not return.
 */
extern bool hn_blas_reserve(void);

/* Make BLAS compute in the calling thread alone. */
extern void hn_blas_single_thread(void);

#endif
