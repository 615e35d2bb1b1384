/*
 * head_inputs.c: what the heads of a model get to see of molecules.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "hamnet/training.h"

#include "core.h"
#include "guc.h"
#include "head_inputs.h"

/* Atoms, and molecules, that go through the network together. */
#define BATCH_ATOMS 256

/* Molecules predicted together. */
#define PREDICT_ROWS 500

/* Where the inputs of molecules are collected. */
typedef struct Collection
{
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

/* Keep what describes molecule i, beyond the life of the scratch arena. */
static HnStatus
KeepDescription(HnContext *context, Collection *collection, const HnDescription *description, int i)
{
	uint16_t   *columns;
	uint8_t    *counts;

	if (collection->descriptors)
		memcpy(collection->descriptors + (Size) i * collection->needs.descriptors->count,
			   description->descriptors, collection->needs.descriptors->count * sizeof(real));
	if (collection->counts)
	{
		HN_NEW(context, columns, description->counts.length);
		HN_NEW(context, counts, description->counts.length);
		memcpy(columns, description->counts.columns, description->counts.length * sizeof(*columns));
		memcpy(counts, description->counts.counts, description->counts.length * sizeof(*counts));
		collection->counts[i] = (HnCounts)
		{
			description->counts.length, columns, counts
		};
	}
	return HN_OK;
}

/* Fingerprints of a batch of graphs, which belong to the molecules at `places`; one at a time if some break it. */
static HnStatus
AddFingerprints(HnContext *scratch, Collection *collection, const HnGraph *graphs, const int *places, int count)
{
	Size		dim = collection->model->fingerprint_config.dim;
	HnBatch		batch;
	real	   *numbers;
	HnStatus	status = hn_batch_build(scratch, graphs, count, &batch);

	if (status == HN_OK)
		status = hn_all_fingerprints(scratch, collection->model, &batch, &numbers);
	if (status == HN_OK)
	{
		for (int g = 0; g <= collection->model->other_count; g++)
			for (int i = 0; i < count; i++)
				memcpy(collection->fingerprints + ((Size) g * collection->count + places[i]) * dim,
					   numbers + ((Size) g * count + i) * dim, dim * sizeof(real));
		return HN_OK;
	}
	if (status != HN_NOT_FINITE)
		return status;
	if (count == 1)
		collection->valid[places[0]] = false;
	else
		for (int i = 0; i < count; i++)
			HN_TRY(AddFingerprints(scratch, collection, graphs + i, places + i, 1));
	return HN_OK;
}

void
ComputeHeadInputs(HnContext *context, const HnModel *model, HnNeeds needs,
			  const char *const *smiles, int count, HnInputs *inputs, bool *valid)
{
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "hamnet molecules", ALLOCSET_DEFAULT_SIZES);
	Collection	collection = {.model = model, .needs = needs, .count = count, .valid = valid};
	HnArena		arena;
	HnContext	scratch;
	HnGraph		graphs[BATCH_ATOMS];
	int			places[BATCH_ATOMS];
	int			next = 0;

	hn_arena_init(&arena, ContextAllocator(memory));
	InitCoreContext(&scratch, &arena);
	if (MakeCollection(context, &collection) != HN_OK)
		ReportCoreError(context, NULL);
	while (next < count)
	{
		int			waiting = 0;
		int			atoms = 0;

		CHECK_FOR_INTERRUPTS();
		hn_arena_reset(&arena);
		for (; next < count && waiting < BATCH_ATOMS && atoms < BATCH_ATOMS; next++)
		{
			HnDescription description;
			HnStatus	status = hn_describe_smiles(&scratch, smiles[next], model->features, needs,
													hamnet_max_atoms, &graphs[waiting], &description);

			valid[next] = status == HN_OK;
			if (status == HN_OK)
			{
				if (KeepDescription(context, &collection, &description, next) != HN_OK)
					ReportCoreError(context, NULL);
				atoms += graphs[waiting].atom_count;
				places[waiting++] = next;
			}
			else if (!IsMoleculeError(status) && status != HN_TOO_LARGE)
				ReportCoreError(&scratch, smiles[next]);
		}
		if (waiting > 0 && AddFingerprints(&scratch, &collection, graphs, places, waiting) != HN_OK)
			ReportCoreError(&scratch, NULL);
	}
	MemoryContextDelete(memory);
	*inputs = (HnInputs)
	{
		.count = count,
		.fingerprints = collection.fingerprints,
		.descriptors = collection.descriptors,
		.counts = collection.counts
	};
}

/* Predict some molecules; predictions [count, targets]. */
static void
PredictSome(HnContext *context, const HnModel *model, const char *const *smiles, int count, double *predictions)
{
	int			targets = hn_model_target_count(model);
	bool	   *valid = palloc(count * sizeof(bool));
	HnInputs	inputs;
	int			first = 0;

	ComputeHeadInputs(context, model, hn_model_needs(model), smiles, count, &inputs, valid);
	for (int h = 0; h < model->head_count; h++)
	{
		const HnHead *head = &model->heads[h];
		double	   *values = palloc((Size) count * head->target_count * sizeof(double));

		if (hn_predict(context, model, head, &inputs, values, NULL) != HN_OK)
			ReportCoreError(context, NULL);
		for (int i = 0; i < count; i++)
			for (int t = 0; t < head->target_count; t++)
				predictions[(Size) i * targets + first + t] = valid[i] ? values[(Size) i * head->target_count + t] : NAN;
		first += head->target_count;
		pfree(values);
	}
	pfree(valid);
}

double *
PredictSmiles(const HnModel *model, const char *const *smiles, int count)
{
	int			targets = hn_model_target_count(model);
	double	   *predictions = palloc_extended((Size) Max(count, 1) * targets * sizeof(double), MCXT_ALLOC_HUGE);
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "hamnet predictions", ALLOCSET_DEFAULT_SIZES);
	HnArena		arena;
	HnContext	context;

	hn_arena_init(&arena, ContextAllocator(memory));
	InitCoreContext(&context, &arena);
	for (int begin = 0; begin < count; begin += PREDICT_ROWS)
	{
		hn_arena_reset(&arena);
		PredictSome(&context, model, smiles + begin, Min(PREDICT_ROWS, count - begin),
					predictions + (Size) begin * targets);
	}
	MemoryContextDelete(memory);
	return predictions;
}
