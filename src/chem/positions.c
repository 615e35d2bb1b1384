/*
 * positions.c: coordinates of a user's atoms in the order of the model's.
 */
#include "hamnet/conformer.h"

#include <math.h>

HnStatus
hn_order_positions(HnContext *context, const HnGraph *graph, const double *coordinates, int count,
				   real **positions)
{
	if (count != graph->atom_count)
		return hn_fail(context, HN_INVALID_ARGUMENT, "there are coordinates for %d atoms, but the molecule has %d",
					   count, graph->atom_count);
	HN_NEW(context, *positions, 3 * (size_t) count);
	for (int i = 0; i < count; i++)
		for (int k = 0; k < 3; k++)
		{
			/* A real is narrower, and what it cannot hold becomes infinite. */
			real		x = (real) coordinates[3 * (size_t) graph->source_atom[i] + k];

			if (!isfinite(x))
				return hn_fail(context, HN_INVALID_ARGUMENT, "a coordinate of atom %d is not finite",
							   graph->source_atom[i]);
			(*positions)[3 * i + k] = x;
		}
	return HN_OK;
}
