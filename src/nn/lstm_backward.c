/*
 * lstm_backward.c: back through the long short-term memory.
 */
#include <string.h>

#include "hamnet/backward.h"
#include "hamnet/simd.h"
#include "hamnet/linear.h"

/*
 * One step of one sequence, c = f ∘ previous + i ∘ g, output = o ∘ tanh(c).
 * d_memory is what c gets from the step that follows, and becomes what
 * previous gets from this one. Gates become the derivatives of their sums.
 * tanh_c [H] is scratch.
 */
static void
lstm_cell_backward(int hidden, real *gates, const real *previous, const real *memory, const real *d_output,
				   real *d_memory, real *tanh_c)
{
	real	   *i = gates;
	real	   *f = i + hidden;
	real	   *g = f + hidden;
	real	   *o = g + hidden;

	memcpy(tanh_c, memory, (size_t) hidden * sizeof(real));
	hn_simd()->tanh(tanh_c, (size_t) hidden);
	for (int k = 0; k < hidden; k++)
	{
		real		t = tanh_c[k];
		real		d_c = d_memory[k] + d_output[k] * o[k] * (1 - t * t);
		real		d_i = d_c * g[k] * i[k] * (1 - i[k]);
		real		d_g = d_c * i[k] * (1 - g[k] * g[k]);

		d_memory[k] = d_c * f[k];
		f[k] = previous ? d_c * previous[k] * f[k] * (1 - f[k]) : 0;
		o[k] = d_output[k] * t * o[k] * (1 - o[k]);
		i[k] = d_i;
		g[k] = d_g;
	}
}

/* Outputs one step earlier [N, H], zero where a sequence begins. */
static void
shift_outputs(int sequence_count, const int *offset, size_t hidden, const real *output, real *before)
{
	for (int s = 0; s < sequence_count; s++)
	{
		real	   *first = before + offset[s] * hidden;
		size_t		length = (size_t) (offset[s + 1] - offset[s]);

		if (length == 0)
			continue;
		memset(first, 0, hidden * sizeof(real));
		memcpy(first + hidden, output + offset[s] * hidden, (length - 1) * hidden * sizeof(real));
	}
}

/* The derivatives of the weights and the input, from those of all gates' sums. */
static void
gates_backward(const HnCell *cell, int rows, const real *input, const real *before, const real *d_gates,
			   real *d_input, HnCell *gradient)
{
	int			width = 4 * cell->hidden;

	hn_gemm_tn(width, cell->in, rows, 1, d_gates, width, input, cell->in, 1, gradient->weight_ih, cell->in);
	hn_gemm_tn(width, cell->hidden, rows, 1, d_gates, width, before, cell->hidden,
			   1, gradient->weight_hh, cell->hidden);
	hn_add_rows(rows, width, d_gates, width, gradient->bias_ih);
	hn_add_rows(rows, width, d_gates, width, gradient->bias_hh);
	hn_gemm_nn(rows, cell->in, width, 1, d_gates, width, cell->weight_ih, cell->in, 0, d_input, cell->in);
}

HnStatus
hn_lstm_backward(HnContext *context, const HnCell *cell,
				 int sequence_count, const int *offset, const real *input,
				 real *gates, const real *memory, const real *output,
				 real *d_output, real *d_input, HnCell *gradient)
{
	size_t		hidden = (size_t) cell->hidden;
	size_t		width = 4 * hidden;
	int			rows = offset[sequence_count];
	int			longest = 0;
	int		   *row;			/* row at this step of each sequence that reaches it */
	real	   *d_memory;		/* [sequence_count, H] */
	real	   *tanh_c;			/* [H] */
	real	   *dense;			/* derivatives of the active rows' sums [sequence_count, 4H] */
	real	   *d_before;		/* and of their outputs one step earlier [sequence_count, H] */
	real	   *before;			/* [N, H] */

	HN_NEW(context, row, sequence_count);
	HN_NEW_ZERO(context, d_memory, sequence_count * hidden);
	HN_NEW(context, tanh_c, hidden);
	HN_NEW(context, dense, sequence_count * width);
	HN_NEW(context, d_before, sequence_count * hidden);
	HN_NEW(context, before, rows * hidden);

	for (int s = 0; s < sequence_count; s++)
		if (offset[s + 1] - offset[s] > longest)
			longest = offset[s + 1] - offset[s];

	for (int step = longest - 1; step >= 0; step--)
	{
		int			active = 0;

		if (hn_interrupted(context))
			return context->status;
		for (int s = 0; s < sequence_count; s++)
		{
			size_t		at = (size_t) offset[s] + (size_t) step;
			const real *c;

			if (offset[s] + step >= offset[s + 1])
				continue;
			c = memory + at * hidden;
			lstm_cell_backward(cell->hidden, gates + at * width, step > 0 ? c - hidden : NULL, c,
							   d_output + at * hidden, d_memory + s * hidden, tanh_c);
			memcpy(dense + active * width, gates + at * width, width * sizeof(real));
			row[active++] = (int) at;
		}
		if (step == 0)
			break;
		hn_gemm_nn(active, cell->hidden, (int) width, 1, dense, (int) width,
				   cell->weight_hh, cell->hidden, 0, d_before, cell->hidden);
		for (int a = 0; a < active; a++)
			hn_simd()->add_scaled(d_output + (row[a] - 1) * hidden, 1, d_before + a * hidden, hidden);
	}

	shift_outputs(sequence_count, offset, hidden, output, before);
	gates_backward(cell, rows, input, before, gates, d_input, gradient);
	return HN_OK;
}
