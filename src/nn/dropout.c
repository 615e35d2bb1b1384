/*
 * dropout.c: random zeros that depend on where a number stands, not on who
 * computes it.
 */
#include "hamnet/backward.h"
#include "hamnet/simd.h"
#include "hamnet/random.h"

void
hn_dropout_apply(const HnDropout *dropout, int site, int graph_count, const int *row_offset,
				 int n, real *x, int ldx)
{
	uint64_t	run;
	uint32_t	threshold;
	real		scale;

	if (dropout == NULL || dropout->rate <= 0)
		return;
	run = hn_derive_seed(hn_derive_seed(dropout->seed, dropout->step), (uint64_t) site);
	threshold = (uint32_t) (dropout->rate * 0x1p32);
	scale = (real) (1 / (1 - dropout->rate));
	for (int g = 0; g < graph_count; g++)
	{
		int			begin = row_offset ? row_offset[g] : g;
		int			end = row_offset ? row_offset[g + 1] : g + 1;
		uint64_t	molecule = hn_derive_seed(run, dropout->molecule[g]);

		/* A key for each row, so that rows need not lie side by side. */
		for (int i = begin; i < end; i++)
			hn_simd()->dropout(x + (size_t) i * ldx, (size_t) n,
								  hn_derive_seed(molecule, (uint64_t) (i - begin)), threshold, scale);
	}
}
