/*
 * layers_backward.c: back through linear layers.
 */
#include "hamnet/backward.h"
#include "hamnet/simd.h"
#include "hamnet/linear.h"

void
hn_add_rows(int rows, int n, const real *x, int ldx, real *sum)
{
	for (int i = 0; i < rows; i++)
		hn_simd()->add_scaled(sum, 1, x + (size_t) i * ldx, (size_t) n);
}

void
hn_linear_backward(const HnLinear *layer, int rows, const real *x, int ldx,
				   const real *d_y, int ldy, real beta, real *d_x, int ldd,
				   HnLinear *gradient)
{
	hn_gemm_tn(layer->out, layer->in, rows, 1, d_y, ldy, x, ldx, 1, gradient->weight, layer->in);
	if (layer->bias)
		hn_add_rows(rows, layer->out, d_y, ldy, gradient->bias);
	if (d_x)
		hn_gemm_nn(rows, layer->in, layer->out, 1, d_y, ldy, layer->weight, layer->in, beta, d_x, ldd);
}
