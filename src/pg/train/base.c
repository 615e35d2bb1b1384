/*
 * train/base.c: the model that a training begins with.
 */
#include "postgres.h"

#include "model/cache.h"
#include "server/core.h"
#include "train/train.h"

HnStatus
MakeGenerator(HnContext *context, const TrainOptions *options, const HnModel *base, uint64 seed, HnModel *model)
{
	const HnFeatureSet *features = base ? base->features : &hn_features_2021;
	HnFingerprintConfig shape = {
		.dim = options->dim, .edge_dim = options->edge_dim > 0 ? options->edge_dim : Max(options->dim / 2, 1),
		.layers = options->layers > 0 ? options->layers : 3, .rounds = 2, .bond_messages = options->bond_messages,
		.projection = options->projection || options->fingerprint_counts > 0, .counts = options->fingerprint_counts
	};

	if (options->features)
		features = hn_feature_set(options->features);
	return hn_model_with_generator(context, base, features, &shape, seed, model);
}

void
ReadBase(Trainer *trainer)
{
	const TrainOptions *options = &trainer->options;
	const CachedModel *base = NULL;
	HnStatus	status;

	hn_arena_init(&trainer->arena, ContextAllocator(CurrentMemoryContext));
	InitCoreContext(&trainer->context, &trainer->arena);
	trainer->scratch = HasNewGenerator(options);
	if (options->base == NULL)
		base = GetDefaultModel();
	else if (strcmp(options->base, "scratch") != 0)
		base = GetModelByName(options->base, false);
	if (base && options->engine)
		trainer->procedure.base_id = pstrdup(base->id);
	if (trainer->scratch)
		status = MakeGenerator(&trainer->context, options, base && options->engine ? &base->model : NULL,
							   options->seed, &trainer->model);
	else
		status = hn_model_with_heads(&trainer->context, &base->model, NULL, 0, 0, &trainer->model);
	if (status != HN_OK)
		ReportCoreError(&trainer->context, NULL);
}
