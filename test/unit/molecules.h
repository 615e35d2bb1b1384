/*
 * molecules.h: graphs of SMILES, for tests.
 */
#ifndef HAMNET_TEST_MOLECULES_H
#define HAMNET_TEST_MOLECULES_H

#include "fixture.h"
#include "hamnet/chem.h"

#define MAX_ATOMS 1000

static inline HnStatus
read_graph(const char *smiles, HnGraph *graph)
{
	return hn_graph_from_smiles(&context, smiles, &hn_features_2021, MAX_ATOMS, graph);
}

static inline void
read_valid(const char *smiles, HnGraph *graph)
{
	if (read_graph(smiles, graph) != HN_OK)
		fail_msg("%s: %s", smiles, context.message);
}

#endif
