/*
 * kernel.h: the kernel between molecules, for fitting and predicting.
 */
#ifndef HAMNET_KERNEL_H
#define HAMNET_KERNEL_H

#include "hamnet/kernel_head.h"

/* Distances between so many training rows and the queries are formed at a time. */
#define HN_KERNEL_BLOCK 256

/*
 * Standardised and cut inputs of one molecule of a kernel head: 21 x [w],
 * not rounded.
 */
extern void hn_kernel_standardise(const HnKernelHead *kernel, const HnInputs *inputs, int row, real *steps);

/* Counts of training row i; offset is the sum of the lengths before it. */
extern HnCounts hn_kernel_counts(const HnKernelHead *kernel, int row, int offset);

/* g(d²) in place over distances [count]. */
extern void hn_kernel_function(HnKernelFunction function, real *distances, size_t count);

/*
 * Compare the counts of one molecule with those of every training row: t, and
 * Σ (log(1 + c_x) - log(1 + c_y))², [n] each.
 */
extern HnStatus hn_kernel_compare_counts(HnContext *context, const HnKernelHead *kernel, HnCounts counts,
										 real *similarities, real *distances);

/*
 * The kernel between queries and every training row, out [count, n]. Queries
 * are steps [count, w] as hn_kernel_standardise makes them, and counts [count];
 * each is NULL where the kernel does not use it.
 */
extern HnStatus hn_kernel_rows(HnContext *context, const HnKernelHead *kernel, int count,
							   const real *steps, const HnCounts *counts, real *out);

#endif
