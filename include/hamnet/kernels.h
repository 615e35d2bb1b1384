/*
 * kernels.h: the inner loops that are worth a processor's vector registers.
 *
 * src/nn/kernels.c is compiled once for each instruction set; hn_kernels()
 * chooses one when it is first called. src/nn/kernels_naive.c holds the same
 * functions, written as their definitions, for the tests to compare with.
 *
 * Stated error bounds hold for every finite input.
 */
#ifndef HAMNET_KERNELS_H
#define HAMNET_KERNELS_H

#include <stddef.h>

#include "hamnet/real.h"

typedef struct HnKernels
{
	const char *name;			/* "portable", "avx2", "avx512", "naive" */

	/* Activations in place. Error at most 4 units in the last place, or 1e-7 absolute. */
	void		(*sigmoid) (real *x, size_t n);
	void		(*tanh) (real *x, size_t n);
	void		(*elu) (real *x, size_t n);	/* alpha 1 */
	void		(*leaky_relu) (real *x, size_t n);	/* slope 0.01 */
	void		(*relu) (real *x, size_t n);
	void		(*exp) (real *x, size_t n);
	void		(*softplus) (real *x, size_t n);	/* log(1 + exp(x)) */

	/*
	 * Between atoms of a molecule, over columns of y [width, n], i < n:
	 *
	 *   out[j] = Σ_k (y[k, j] − y[k, i])²          [n]
	 *   out[k] = Σ_j weight[j] (y[k, i] − y[k, j])   [width]
	 */
	void		(*squared_distances) (const real *y, int n, int width, int i, real *out);
	void		(*weighted_differences) (const real *y, int n, int width, int i,
										 const real *weight, real *out);

	/* Distances between fingerprints; sums in float over blocks, in double across them. */
	double		(*l2_squared) (const float *a, const float *b, size_t n);
	double		(*dot) (const float *a, const float *b, size_t n);
	/* out = a·b, a·a, b·b in one pass */
	void		(*dot3) (const float *a, const float *b, size_t n, double out[3]);
} HnKernels;

/* The kernels for this processor. */
extern const HnKernels *hn_kernels(void);

/* The plain definitions, for tests. */
extern const HnKernels hn_kernels_naive;

/* Every set this processor can run, NULL-terminated, for tests and benchmarks. */
extern const HnKernels *const *hn_kernels_available(void);

#endif
