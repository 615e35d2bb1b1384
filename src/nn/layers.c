/*
 * layers.c: linear layers, softmax, and the check for finite numbers.
 */
#include "hamnet/layers.h"

#include "hamnet/kernels.h"
#include "hamnet/linear.h"

void
hn_linear_forward(const HnLinear *layer, int rows, const real *x, int ldx,
				  real *out, int ldout)
{
	hn_fill_rows(rows, layer->out, layer->bias, out, ldout);
	hn_gemm_nt(rows, layer->out, layer->in, 1, x, ldx, layer->weight, layer->in, 1, out, ldout);
}

real
hn_dot(const real *w, const real *x, int n)
{
	real		sum = 0;

	for (int k = 0; k < n; k++)
		sum += w[k] * x[k];
	return sum;
}

void
hn_softmax(real *x, int n)
{
	real		largest;
	real		sum = 0;

	if (n == 0)
		return;

	/* Without the largest taken off, exp overflows for scores above 88. */
	largest = x[0];
	for (int k = 1; k < n; k++)
		largest = x[k] > largest ? x[k] : largest;
	for (int k = 0; k < n; k++)
		x[k] -= largest;
	hn_kernels()->exp(x, (size_t) n);
	for (int k = 0; k < n; k++)
		sum += x[k];
	for (int k = 0; k < n; k++)
		x[k] /= sum;
}

bool
hn_all_finite(const real *x, size_t n)
{
	real		sum = 0;

	/* x * 0 is 0 for a finite x and NaN otherwise, and NaN stays in a sum. */
	for (size_t k = 0; k < n; k++)
		sum += x[k] * 0;
	return sum == 0;
}
