/*
 * lstm.c: the long short-term memory, over several sequences at once.
 */
#include "hamnet/simd.h"
#include "hamnet/layers.h"

HnStatus
hn_pack_lstm(HnContext *context, const HnCell *cell, HnPackedLstm *packed)
{
	int			width = 4 * cell->hidden;
	int			hidden = cell->hidden;

	HN_TRY(hn_packed_allocate(context, width, cell->in, true, &packed->input));
	HN_TRY(hn_packed_allocate(context, width, hidden, false, &packed->recurrent));
	hn_pack(packed->input.panels, cell->in, 0, 0, width, cell->in, 1, cell->weight_ih, (size_t) cell->in, 1);
	hn_pack(packed->recurrent.panels, hidden, 0, 0, width, hidden, 1, cell->weight_hh, (size_t) hidden, 1);
	for (int k = 0; k < width; k++)
		packed->input.bias[k] = cell->bias_ih[k] + cell->bias_hh[k];
	return HN_OK;
}

HnStatus
hn_lstm_forward(HnContext *context, const HnPackedLstm *cell,
				int sequence_count, const int *offset, const real *input,
				real *gates, real *memory, real *output)
{
	size_t		hidden = (size_t) cell->recurrent.in;
	size_t		width = 4 * hidden;
	int			rows = offset[sequence_count];

	hn_packed_product(&cell->input, rows, input, cell->input.in, gates, cell->input.out);

	for (int s = 0; s < sequence_count; s++)
	{
		if (hn_interrupted(context))
			return context->status;
		for (int row = offset[s]; row < offset[s + 1]; row++)
		{
			bool		first = row == offset[s];
			real	   *sums = gates + row * width;
			real	   *c = memory + row * hidden;
			real	   *out = output + row * hidden;

			if (!first)
				hn_packed_product_add(&cell->recurrent, 1, out - hidden, cell->recurrent.in,
									  sums, cell->recurrent.out);
			hn_simd()->lstm_gates(cell->recurrent.in, sums, first ? NULL : c - hidden, c, out);
		}
	}
	return HN_OK;
}
