/*
 * training_model.h: small molecules and a small model that learns from them.
 */
#ifndef HAMNET_TEST_TRAINING_MODEL_H
#define HAMNET_TEST_TRAINING_MODEL_H

#include "fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hamnet/chem.h"
#include "hamnet/simd.h"
#include "hamnet/training.h"

#define COUNT(array) (int) (sizeof(array) / sizeof((array)[0]))

static const char *const molecules[] = {
	"C", "CC", "CCC", "CCCC", "CCO", "CCCO", "CO", "CN", "CCN", "CCCN", "C=C", "CC=C", "C#C", "CC#N", "CC=O",
	"CC(=O)O", "C1CC1", "C1CCC1", "c1ccccc1", "Cc1ccccc1", "Oc1ccccc1", "c1ccncc1", "CCl", "CCBr", "CF", "[Na+].[Cl-]",
	"O", "N", "CSC", "C[C@H](N)C(=O)O"
};

#define MOLECULES COUNT(molecules)
#define TARGETS 2

static HnModel model;
static HnExample examples[MOLECULES];

/* Number of heavy atoms, which a network should learn, and whether there is a ring or a nitrogen. */
static inline void
make_examples(void)
{
	for (int i = 0; i < MOLECULES; i++)
	{
		HnGraph    *graph = get(1, sizeof(*graph));
		double	   *targets = get(TARGETS, sizeof(*targets));
		real	   *conformation;

		must(hn_graph_from_smiles(&context, molecules[i], &hn_features_2021, 100, graph));
		targets[0] = i % 7 == 6 ? NAN : graph->atom_count;
		targets[1] = i % 5 == 4 ? NAN : graph->bond_count >= graph->atom_count || strchr(molecules[i], 'N') != NULL;
		conformation = get(3 * (size_t) graph->atom_count, sizeof(*conformation));
		for (int k = 0; k < 3 * graph->atom_count; k++)
			conformation[k] = (real) ((7 * k + 5 * k * k) % 11) / 3;
		examples[i] = (HnExample)
		{
			.graph = graph, .number = (uint64_t) i, .targets = targets,
				.conformation_count = 1, .conformations = conformation
		};
	}
}

static inline void
make_model(void)
{
	static HnTarget size = {.name = "size", .unit = "atoms", .mean = 0, .std = 1};
	static HnTarget kind = {.name = "kind", .unit = "", .mean = 0, .std = 1};
	HnTensor   *tensors = NULL;
	int			count = 0;

	memset(&model, 0, sizeof(model));
	model.features = &hn_features_2021;
	model.engine_config = (HnEngineConfig)
	{
		.enabled = true, .dim = 4, .hidden = 8, .steps = 3, .tau = 0.025, .dissipate = true,
			.potential_width = 4, .dissipation_width = 4
	};
	model.fingerprint_config = (HnFingerprintConfig)
	{
		.dim = 16, .edge_dim = 8, .layers = 2, .rounds = 2
	};
	model.head_count = 2;
	model.heads = get(2, sizeof(*model.heads));
	model.heads[0] = (HnHead)
	{
		.name = "size", .task = HN_REGRESSION, .target_count = 1, .targets = &size, .parts = {get(1, sizeof(HnNetworks))}
	};
	*hn_networks(&model.heads[0]) = (HnNetworks) {.layer_count = 2, .layers = get(2, sizeof(HnLinear))};
	hn_networks(&model.heads[0])->layers[0].out = 8;
	model.heads[1] = (HnHead)
	{
		.name = "kind", .task = HN_CLASSIFICATION, .target_count = 1, .targets = &kind, .parts = {get(1, sizeof(HnNetworks))}
	};
	*hn_networks(&model.heads[1]) = (HnNetworks) {.layer_count = 1, .layers = get(1, sizeof(HnLinear))};
	must(hn_model_allocate(&context, &model));
	must(hn_model_tensors(&context, &model, &tensors, &count));
	hn_model_initialise(tensors, count, 2);
	must(hn_training_standardise(&context, &model, examples, MOLECULES));
}

/* A fresh model and fresh examples for each test. */
static inline int
setup(void **state)
{
	set_up(state);
	make_examples();
	make_model();
	return 0;
}

#endif
