/*
 * gru.c: the gated recurrent unit.
 */
#include "hamnet/simd.h"
#include "hamnet/layers.h"

HnStatus
hn_pack_gru(HnContext *context, const HnCell *cell, HnPackedGru *packed)
{
	int			dim = cell->hidden;
	size_t		step = (size_t) cell->hidden;
	const real *weight_n = cell->weight_hh + 2 * step * step;

	HN_TRY(hn_packed_allocate(context, 3 * dim, cell->in, true, &packed->input));
	HN_TRY(hn_packed_allocate(context, 2 * dim, dim, false, &packed->gates));
	HN_TRY(hn_packed_allocate(context, dim, dim, true, &packed->recurrent));
	hn_pack(packed->input.panels, cell->in, 0, 0, 3 * dim, cell->in, 1, cell->weight_ih, (size_t) cell->in, 1);
	hn_pack(packed->gates.panels, dim, 0, 0, 2 * dim, dim, 1, cell->weight_hh, step, 1);
	hn_pack(packed->recurrent.panels, dim, 0, 0, dim, dim, 1, weight_n, step, 1);
	for (int k = 0; k < dim; k++)
	{
		packed->input.bias[k] = cell->bias_ih[k] + cell->bias_hh[k];
		packed->input.bias[dim + k] = cell->bias_ih[dim + k] + cell->bias_hh[dim + k];
		packed->input.bias[2 * dim + k] = cell->bias_ih[2 * dim + k];
		packed->recurrent.bias[k] = cell->bias_hh[2 * dim + k];
	}
	return HN_OK;
}

void
hn_gru_forward(const HnPackedGru *cell, int rows, const real *input,
			   const real *state, int ldstate,
			   real *gates, real *recurrent, real *output)
{
	int			dim = cell->recurrent.out;
	size_t		step = (size_t) dim;

	hn_packed_product(&cell->input, rows, input, cell->input.in, gates, 3 * dim);
	hn_packed_product_add(&cell->gates, rows, state, ldstate, gates, 3 * dim);
	hn_packed_product(&cell->recurrent, rows, state, ldstate, recurrent, dim);
	for (int i = 0; i < rows; i++)
		hn_simd()->gru_gates(dim, gates + i * 3 * step, recurrent + i * step,
								state + (size_t) i * ldstate, output + i * step);
}
