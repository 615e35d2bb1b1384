/*
 * gru_backward.c: back through the gated recurrent unit.
 */
#include "hamnet/backward.h"
#include "hamnet/linear.h"

/*
 * One row. With w = W_hn h + b_hn and output = n + z ∘ (h − n):
 *
 *   d_n = d ∘ (1 − z),  d_z = d ∘ (h − n),  and d ∘ z reaches h at once;
 *   n = tanh(a + r ∘ w) sends d_n ∘ (1 − n²) to a, that ∘ w to r, that ∘ r to w.
 *
 * Gates become the derivatives of their sums, w that of W_hn h + b_hn.
 */
static void
gru_row_backward(int dim, const real *h, const real *d_output, real *r, real *w, real *d_state)
{
	real	   *z = r + dim;
	real	   *n = z + dim;

	for (int k = 0; k < dim; k++)
	{
		real		d = d_output[k];
		real		d_n = d * (1 - z[k]) * (1 - n[k] * n[k]);
		real		d_z = d * (h[k] - n[k]) * z[k] * (1 - z[k]);
		real		d_r = d_n * w[k] * r[k] * (1 - r[k]);

		d_state[k] += d * z[k];
		w[k] = d_n * r[k];
		r[k] = d_r;
		z[k] = d_z;
		n[k] = d_n;
	}
}

void
hn_gru_backward(const HnCell *cell, int rows, const real *input,
				const real *state, int ldstate, real *gates, real *recurrent,
				const real *d_output, real *d_input, real *d_state, int ldd,
				HnCell *gradient)
{
	int			dim = cell->hidden;
	int			width = 3 * dim;
	size_t		last = 2 * (size_t) dim;	/* first row of n in the weights */

	for (int i = 0; i < rows; i++)
		gru_row_backward(dim, state + (size_t) i * ldstate, d_output + (size_t) i * dim,
						 gates + (size_t) i * width, recurrent + (size_t) i * dim,
						 d_state + (size_t) i * ldd);

	hn_gemm_tn(width, cell->in, rows, 1, gates, width, input, cell->in, 1, gradient->weight_ih, cell->in);
	hn_add_rows(rows, width, gates, width, gradient->bias_ih);
	hn_gemm_tn(2 * dim, dim, rows, 1, gates, width, state, ldstate, 1, gradient->weight_hh, dim);
	hn_add_rows(rows, 2 * dim, gates, width, gradient->bias_hh);
	hn_gemm_tn(dim, dim, rows, 1, recurrent, dim, state, ldstate, 1, gradient->weight_hh + last * dim, dim);
	hn_add_rows(rows, dim, recurrent, dim, gradient->bias_hh + last);

	hn_gemm_nn(rows, cell->in, width, 1, gates, width, cell->weight_ih, cell->in, 0, d_input, cell->in);
	hn_gemm_nn(rows, dim, 2 * dim, 1, gates, width, cell->weight_hh, dim, 1, d_state, ldd);
	hn_gemm_nn(rows, dim, dim, 1, recurrent, dim, cell->weight_hh + last * dim, dim, 1, d_state, ldd);
}
