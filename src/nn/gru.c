/*
 * gru.c: the gated recurrent unit.
 */
#include "hamnet/kernels.h"
#include "hamnet/layers.h"
#include "hamnet/linear.h"

void
hn_gru_forward(const HnCell *cell, int rows, const real *input,
			   const real *state, int ldstate,
			   real *gates, real *recurrent, real *output)
{
	const HnKernels *kernels = hn_kernels();
	int			dim = cell->hidden;
	size_t		width = 3 * (size_t) dim;

	/* r and z add both products; n keeps them apart, because r stands between. */
	hn_fill_rows(rows, 3 * dim, cell->bias_ih, gates, 3 * dim);
	for (int i = 0; i < rows; i++)
		for (int k = 0; k < 2 * dim; k++)
			gates[i * width + k] += cell->bias_hh[k];
	hn_gemm_nt(rows, 3 * dim, cell->in, 1, input, cell->in, cell->weight_ih, cell->in,
			   1, gates, 3 * dim);
	hn_gemm_nt(rows, 2 * dim, dim, 1, state, ldstate, cell->weight_hh, dim,
			   1, gates, 3 * dim);
	hn_fill_rows(rows, dim, cell->bias_hh + 2 * dim, recurrent, dim);
	hn_gemm_nt(rows, dim, dim, 1, state, ldstate, cell->weight_hh + 2 * (size_t) dim * dim, dim,
			   1, recurrent, dim);

	for (int i = 0; i < rows; i++)
	{
		real	   *r = gates + i * width;
		real	   *z = r + dim;
		real	   *n = z + dim;
		const real *h = state + (size_t) i * ldstate;
		const real *w = recurrent + (size_t) i * dim;
		real	   *out = output + (size_t) i * dim;

		kernels->sigmoid(r, 2 * (size_t) dim);
		for (int k = 0; k < dim; k++)
			n[k] += r[k] * w[k];
		kernels->tanh(n, (size_t) dim);
		for (int k = 0; k < dim; k++)
			out[k] = n[k] + z[k] * (h[k] - n[k]);
	}
}
