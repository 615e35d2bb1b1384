/*
 * batch.c: several molecules as one graph, with its directed edges.
 */
#include "hamnet/graph.h"

#include <limits.h>
#include <string.h>

/* Sum the sizes of the graphs; false if a count leaves the range of int. */
static bool
add_sizes(const HnGraph *graphs, int count, HnBatch *batch)
{
	batch->features = graphs[0].features;
	batch->graph_count = count;
	batch->atom_count = 0;
	batch->bond_count = 0;
	batch->largest = 0;
	for (int g = 0; g < count; g++)
	{
		/* atom_offset has one entry more than atoms; a bond is two edges. */
		if (graphs[g].atom_count > INT_MAX - 1 - batch->atom_count ||
			graphs[g].bond_count > INT_MAX / 2 - batch->bond_count)
			return false;
		batch->atom_count += graphs[g].atom_count;
		batch->bond_count += graphs[g].bond_count;
		if (graphs[g].atom_count > batch->largest)
			batch->largest = graphs[g].atom_count;
	}
	return true;
}

/* Where the atoms of each graph lie in the batch. */
static HnStatus
index_atoms(HnContext *context, const HnGraph *graphs, HnBatch *batch)
{
	int		   *atom_offset;
	int		   *graph_of_atom;
	int			atom = 0;

	HN_NEW(context, atom_offset, (size_t) batch->graph_count + 1);
	HN_NEW(context, graph_of_atom, batch->atom_count);
	for (int g = 0; g < batch->graph_count; g++)
	{
		atom_offset[g] = atom;
		for (int i = 0; i < graphs[g].atom_count; i++)
			graph_of_atom[atom++] = g;
	}
	atom_offset[batch->graph_count] = atom;

	batch->atom_offset = atom_offset;
	batch->graph_of_atom = graph_of_atom;
	return HN_OK;
}

/* Let the batch point to the arrays of its only graph. */
static void
share_arrays(const HnGraph *graph, HnBatch *batch)
{
	batch->bonds = (const int (*)[2]) graph->bonds;
	batch->atom_features = graph->atom_features;
	batch->bond_features = graph->bond_features;
	batch->mass = graph->mass;
}

/* Put the arrays of all graphs behind each other. */
static HnStatus
concatenate_arrays(HnContext *context, const HnGraph *graphs, HnBatch *batch)
{
	size_t		atom_columns = (size_t) batch->features->atom_columns;
	size_t		bond_columns = (size_t) batch->features->bond_columns;
	int			(*bonds)[2];
	real	   *atom_features;
	real	   *bond_features;
	real	   *mass;
	size_t		atom = 0;
	size_t		bond = 0;

	HN_NEW(context, bonds, batch->bond_count);
	HN_NEW(context, atom_features, (size_t) batch->atom_count * atom_columns);
	HN_NEW(context, bond_features, (size_t) batch->bond_count * bond_columns);
	HN_NEW(context, mass, batch->atom_count);
	for (int g = 0; g < batch->graph_count; g++)
	{
		const HnGraph *graph = &graphs[g];
		size_t		n = (size_t) graph->atom_count;
		size_t		m = (size_t) graph->bond_count;

		memcpy(atom_features + atom * atom_columns, graph->atom_features,
			   n * atom_columns * sizeof(real));
		memcpy(bond_features + bond * bond_columns, graph->bond_features,
			   m * bond_columns * sizeof(real));
		memcpy(mass + atom, graph->mass, n * sizeof(real));
		for (size_t k = 0; k < m; k++)
		{
			bonds[bond + k][0] = graph->bonds[k][0] + (int) atom;
			bonds[bond + k][1] = graph->bonds[k][1] + (int) atom;
		}
		atom += n;
		bond += m;
	}

	batch->bonds = (const int (*)[2]) bonds;
	batch->atom_features = atom_features;
	batch->bond_features = bond_features;
	batch->mass = mass;
	return HN_OK;
}

/*
 * Both directions of every bond, grouped by receiver.
 *
 * Senders come out ascending without sorting. Bonds (u, v), u < v, are sorted
 * within a graph, and graphs follow each other, so they are sorted in the
 * batch. An atom's lower neighbours are the u of its bonds (u, atom), met in
 * order of u; its higher ones the v of (atom, v), met in order of v. All of
 * the former are met before any of the latter, because u < atom.
 */
static HnStatus
build_edges(HnContext *context, HnBatch *batch)
{
	HnEdge	   *edges;
	int		   *edge_offset;
	int		   *next;			/* where the next edge of each receiver goes */

	HN_NEW(context, edges, 2 * (size_t) batch->bond_count);
	HN_NEW_ZERO(context, edge_offset, (size_t) batch->atom_count + 1);
	HN_NEW(context, next, batch->atom_count);

	for (int k = 0; k < batch->bond_count; k++)
	{
		edge_offset[batch->bonds[k][0] + 1]++;
		edge_offset[batch->bonds[k][1] + 1]++;
	}
	for (int i = 0; i < batch->atom_count; i++)
	{
		next[i] = edge_offset[i];
		edge_offset[i + 1] += edge_offset[i];
	}
	for (int k = 0; k < batch->bond_count; k++)
	{
		int			u = batch->bonds[k][0];
		int			v = batch->bonds[k][1];

		edges[next[u]++] = (HnEdge) {u, v, k};
		edges[next[v]++] = (HnEdge) {v, u, k};
	}

	batch->edges = edges;
	batch->edge_offset = edge_offset;
	return HN_OK;
}

/* The counts of each graph, which stay where they are. */
static HnStatus
gather_counts(HnContext *context, const HnGraph *graphs, HnBatch *batch)
{
	HnCounts   *counts;

	batch->counts = NULL;
	if (!batch->features->counts)
		return HN_OK;
	HN_NEW(context, counts, batch->graph_count);
	for (int g = 0; g < batch->graph_count; g++)
		counts[g] = graphs[g].counts;
	batch->counts = counts;
	return HN_OK;
}

HnStatus
hn_batch_build(HnContext *context, const HnGraph *graphs, int count, HnBatch *batch)
{
	if (!add_sizes(graphs, count, batch))
		return hn_fail(context, HN_TOO_LARGE, "batch of %d molecules has too many atoms or bonds",
					   count);
	HN_TRY(index_atoms(context, graphs, batch));
	if (count == 1)
		share_arrays(&graphs[0], batch);
	else
		HN_TRY(concatenate_arrays(context, graphs, batch));
	HN_TRY(gather_counts(context, graphs, batch));
	return build_edges(context, batch);
}
