/*
 * fuzz_molblock.c: MOL blocks to a graph with coordinates, and from there to
 * the gradient of the engine's training, as such blocks are used.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "hamnet/conformer.h"
#include "hamnet/training.h"

#define MAX_ATOMS 60

/* HN_INTERNAL is how exceptions of RDKit come out that say nothing about the molecule. */
const HnStatus fuzz_failures[] = {HN_INVALID_SMILES, HN_TOO_LARGE, HN_INTERNAL, HN_OK};

static HnStatus
train(HnContext *context, const HnGraph *graph, const real *positions, FuzzDigest *digest)
{
	const HnModel *model = fuzz_model(&hn_features_2021);
	HnTraining	training = hn_training_defaults;
	HnExample	example = {.graph = graph, .conformation_count = 1, .conformations = positions};
	HnLossSum	sum = {0};
	real	   *gradient;

	training.trained = HN_TRAIN_ENGINE;
	HN_NEW_ZERO(context, gradient, model->parameter_count);
	HN_TRY(hn_gradient_add(context, model, &training, 0, &example, 1, gradient, &sum));
	FUZZ_CHECK(sum.count + (double) sum.skipped == 1);
	FUZZ_CHECK(isfinite(sum.loss) && sum.loss >= 0);

	/* The loss is finite, and so is its gradient, unless coordinates are astronomical. */
	if (sum.loss < 1e12)
		fuzz_check_finite(gradient, (size_t) model->parameter_count);
	fuzz_digest(digest, &sum.loss, sizeof(sum.loss));
	return HN_OK;
}

static HnStatus
try_block(HnContext *context, const char *block, FuzzDigest *digest)
{
	HnGraph		graph;
	real	   *positions;

	HN_TRY(hn_graph_from_molblock(context, block, &hn_features_2021, MAX_ATOMS, &graph, &positions));
	FUZZ_CHECK(graph.atom_count >= 1 && graph.atom_count <= MAX_ATOMS);
	fuzz_check_finite(graph.atom_features, (size_t) graph.atom_count * (size_t) graph.features->atom_columns);
	fuzz_check_finite(positions, 3 * (size_t) graph.atom_count);
	fuzz_digest(digest, positions, 3 * (size_t) graph.atom_count * sizeof(real));
	return train(context, &graph, positions, digest);
}

HnStatus
fuzz_input(HnContext *context, const uint8_t *data, size_t size, FuzzDigest *digest)
{
	char	   *block = fuzz_text(data, size);
	HnStatus	status = try_block(context, block, digest);

	free(block);
	return status;
}
