/*
 * model/head_inputs.c: what the heads of a model get to see of molecules.
 */
#include "postgres.h"

#include <math.h>

#include "hamnet/training.h"

#include "model/head_inputs.h"
#include "model/molecule_batch.h"
#include "server/core.h"

/* Where the inputs of molecules are collected. */
typedef struct Collection
{
	HnContext  *context;		/* whose arena holds them */
	const HnModel *model;
	HnNeeds		needs;
	int			count;
	real	   *fingerprints;	/* [G, count, D] */
	real	   *descriptors;	/* [count, set->count] */
	HnCounts   *counts;			/* [count] */
	bool	   *valid;			/* [count] */
} Collection;

static HnStatus
MakeCollection(HnContext *context, Collection *collection)
{
	Size		count = collection->count;

	HN_NEW_ZERO(context, collection->fingerprints,
				(collection->model->other_count + 1) * count * collection->model->fingerprint_config.dim);
	if (collection->needs.descriptors)
		HN_NEW_ZERO(context, collection->descriptors, count * collection->needs.descriptors->count);
	if (collection->needs.counts)
		HN_NEW_ZERO(context, collection->counts, count);
	return HN_OK;
}

/* Keep what describes molecule i of a batch, beyond the life of the batch's arena. */
static HnStatus
KeepDescription(Collection *collection, const HnInputs *inputs, int i, int index)
{
	uint16_t   *columns;
	uint8_t    *counts;
	int			length = inputs->counts[i].length;

	if (collection->descriptors)
	{
		Size		width = collection->needs.descriptors->count;

		memcpy(collection->descriptors + index * width, inputs->descriptors + i * width, width * sizeof(real));
	}
	if (collection->counts)
	{
		HN_NEW(collection->context, columns, length);
		HN_NEW(collection->context, counts, length);
		memcpy(columns, inputs->counts[i].columns, length * sizeof(*columns));
		memcpy(counts, inputs->counts[i].counts, length * sizeof(*counts));
		collection->counts[index] = (HnCounts)
		{
			length, columns, counts
		};
	}
	return HN_OK;
}

static HnStatus
KeepInputs(void *state, const MoleculeBatch *batch)
{
	Collection *collection = state;
	const HnInputs *inputs = &batch->inputs;
	Size		dim = collection->model->fingerprint_config.dim;

	for (int i = 0; i < inputs->count; i++)
	{
		int			index = batch->indexes[i];

		for (int g = 0; g <= collection->model->other_count; g++)
			memcpy(collection->fingerprints + ((Size) g * collection->count + index) * dim,
				   inputs->fingerprints + ((Size) g * inputs->count + i) * dim, dim * sizeof(real));
		if (KeepDescription(collection, inputs, i, index) != HN_OK)
			ReportCoreError(collection->context, NULL);
		collection->valid[index] = true;
	}
	return HN_OK;
}

/* Such a molecule keeps its zeros. */
static void
PassOver(void *state, const HnContext *context, int index, const char *smiles)
{
}

void
ComputeHeadInputs(HnContext *context, const HnModel *model, HnNeeds needs,
				  const Molecules *molecules, HnInputs *inputs, bool *valid)
{
	int			count = molecules->count;
	Collection	collection = {.context = context, .model = model, .needs = needs, .count = count, .valid = valid};

	memset(valid, 0, count * sizeof(bool));
	if (MakeCollection(context, &collection) != HN_OK)
		ReportCoreError(context, NULL);
	VisitMolecules(model, needs, model->other_count + 1, molecules,
				   (BatchVisitor) {KeepInputs, PassOver, &collection});
	*inputs = (HnInputs)
	{
		.count = count,
		.fingerprints = collection.fingerprints,
		.descriptors = collection.descriptors,
		.counts = collection.counts
	};
}

/* Where PredictMolecules puts its numbers. */
typedef struct Predictions
{
	const HnModel *model;
	int			targets;
	double	   *values;			/* [count, targets] */
	double	   *sds;			/* NULL: not wanted */
} Predictions;

static HnStatus
KeepPredictions(void *state, const MoleculeBatch *batch)
{
	Predictions *predictions = state;
	Size		targets = predictions->targets;
	double	   *values;
	double	   *sds = NULL;

	HN_NEW(batch->context, values, batch->inputs.count * targets);
	if (predictions->sds)
		HN_NEW(batch->context, sds, batch->inputs.count * targets);
	HN_TRY(PredictHeads(batch->context, predictions->model, &batch->inputs, values, sds, NULL));
	for (int i = 0; i < batch->inputs.count; i++)
	{
		memcpy(predictions->values + batch->indexes[i] * targets, values + i * targets, targets * sizeof(double));
		if (sds)
			memcpy(predictions->sds + batch->indexes[i] * targets, sds + i * targets, targets * sizeof(double));
	}
	return HN_OK;
}

/* Numbers that are not known yet. */
static double *
MakeUnknown(Size count)
{
	double	   *numbers = palloc_extended(Max(count, 1) * sizeof(double), MCXT_ALLOC_HUGE);

	for (Size i = 0; i < count; i++)
		numbers[i] = NAN;
	return numbers;
}

double *
PredictMolecules(const HnModel *model, const Molecules *molecules, double **sds)
{
	Predictions predictions = {.model = model, .targets = hn_model_target_count(model)};
	Size		total = (Size) molecules->count * predictions.targets;

	predictions.values = MakeUnknown(total);
	if (sds)
		predictions.sds = *sds = MakeUnknown(total);
	VisitMolecules(model, hn_model_needs(model), model->other_count + 1, molecules,
				   (BatchVisitor) {KeepPredictions, PassOver, &predictions});
	return predictions.values;
}
