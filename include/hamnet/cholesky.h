/*
 * cholesky.h: factors of positive definite matrices, through LAPACK and CBLAS.
 *
 * Matrices are row-major [n, n]. Only the lower triangle, with the diagonal, is
 * read and written: a caller may keep something else in the upper one.
 */
#ifndef HAMNET_CHOLESKY_H
#define HAMNET_CHOLESKY_H

#include <stdbool.h>

#include "hamnet/context.h"
#include "hamnet/real.h"

/*
 * Replace the lower triangle of A by L with A = L Lᵀ. *positive is false, and
 * the triangle spoilt, if A is not positive definite to rounding. Works on
 * blocks of columns and asks the interrupt callback between them.
 */
extern HnStatus hn_cholesky(HnContext *context, int n, real *a, bool *positive);

/* Solve A x = b in place, x [n], with the factor of A. */
extern void hn_cholesky_solve(int n, const real *factor, real *x);

/* log |A| from the factor of A. */
extern double hn_cholesky_log_determinant(int n, const real *factor);

#endif
