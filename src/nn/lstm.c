/*
 * lstm.c: the long short-term memory, over several sequences at once.
 */
#include <string.h>

#include "hamnet/kernels.h"
#include "hamnet/layers.h"
#include "hamnet/linear.h"

/* Gates [4H] hold sums when this is called and activations afterwards. */
static void
lstm_cell(int hidden, real *gates, const real *previous, real *memory, real *output)
{
	const HnKernels *kernels = hn_kernels();
	real	   *i = gates;
	real	   *f = i + hidden;
	real	   *g = f + hidden;
	real	   *o = g + hidden;

	kernels->sigmoid(i, 2 * (size_t) hidden);
	kernels->tanh(g, (size_t) hidden);
	kernels->sigmoid(o, (size_t) hidden);
	for (int k = 0; k < hidden; k++)
	{
		memory[k] = i[k] * g[k] + (previous ? f[k] * previous[k] : 0);
		output[k] = memory[k];
	}
	kernels->tanh(output, (size_t) hidden);
	for (int k = 0; k < hidden; k++)
		output[k] *= o[k];
}

HnStatus
hn_lstm_forward(HnContext *context, const HnCell *cell,
				int sequence_count, const int *offset, const real *input,
				real *gates, real *memory, real *output)
{
	size_t		hidden = (size_t) cell->hidden;
	int			width = 4 * cell->hidden;
	int			rows = offset[sequence_count];
	int			longest = 0;
	int		   *row;			/* row at this step of each sequence that reaches it */
	real	   *before;			/* their outputs one step earlier [sequence_count, H] */
	real	   *recurrent;		/* W_hh of those [sequence_count, 4H] */

	HN_NEW(context, row, sequence_count);
	HN_NEW(context, before, sequence_count * hidden);
	HN_NEW(context, recurrent, sequence_count * 4 * hidden);

	hn_fill_rows(rows, width, cell->bias_ih, gates, width);
	for (int i = 0; i < rows; i++)
		for (int k = 0; k < width; k++)
			gates[(size_t) i * width + k] += cell->bias_hh[k];
	hn_gemm_nt(rows, width, cell->in, 1, input, cell->in, cell->weight_ih, cell->in, 1, gates, width);

	for (int s = 0; s < sequence_count; s++)
		if (offset[s + 1] - offset[s] > longest)
			longest = offset[s + 1] - offset[s];

	for (int step = 0; step < longest; step++)
	{
		int			active = 0;

		if (hn_interrupted(context))
			return context->status;
		for (int s = 0; s < sequence_count; s++)
			if (offset[s] + step < offset[s + 1])
				row[active++] = offset[s] + step;
		if (step > 0)
		{
			for (int a = 0; a < active; a++)
				memcpy(before + a * hidden, output + (row[a] - 1) * hidden, hidden * sizeof(real));
			hn_gemm_nt(active, width, cell->hidden, 1, before, cell->hidden,
					   cell->weight_hh, cell->hidden, 0, recurrent, width);
		}
		for (int a = 0; a < active; a++)
		{
			real	   *sums = gates + (size_t) row[a] * width;
			real	   *c = memory + row[a] * hidden;

			for (int k = 0; step > 0 && k < width; k++)
				sums[k] += recurrent[(size_t) a * width + k];
			lstm_cell(cell->hidden, sums, step > 0 ? c - hidden : NULL, c, output + row[a] * hidden);
		}
	}
	return HN_OK;
}
