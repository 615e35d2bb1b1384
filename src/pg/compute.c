/*
 * compute.c: from SMILES to the network's results, as SQL functions need them.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "hamnet/training.h"

#include "compute.h"
#include "guc.h"

/*
 * Atoms of a batch: enough that the matrix products run at full speed, few
 * enough that the activations of one layer stay in the processor's cache.
 */
#define BATCH_ATOMS 256

static void
RequireEngine(const CachedModel *model)
{
	if (!model->model.engine_config.enabled)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("model %.8s has no Hamiltonian Engine", model->id),
				 errdetail("It was made with the engine switched off, so it has no positions or energies.")));
}

static void
ComputeBatchOfOne(const CachedModel *model, const char *smiles, Computed *computed)
{
	computed->context = BeginCore();
	ParseSmiles(computed->context, smiles, model->model.features, &computed->graph);
	if (hn_batch_build(computed->context, &computed->graph, 1, &computed->batch) != HN_OK)
		ReportCoreError(computed->context, smiles);
}

void
ComputeEngine(const CachedModel *model, const char *smiles, Computed *computed)
{
	RequireEngine(model);
	ComputeBatchOfOne(model, smiles, computed);
	if (hn_engine_forward(computed->context, &model->model, &computed->batch,
						  &computed->engine) != HN_OK)
		ReportCoreError(computed->context, smiles);
}

void
ComputeAll(const CachedModel *model, const char *smiles, Computed *computed)
{
	const real *coordinates = NULL;

	if (model->model.engine_config.enabled)
	{
		ComputeEngine(model, smiles, computed);
		coordinates = computed->engine.coordinates;
	}
	else
		ComputeBatchOfOne(model, smiles, computed);
	if (hn_fingerprint_forward(computed->context, &model->model, &computed->batch, coordinates,
							   &computed->fingerprint) != HN_OK)
		ReportCoreError(computed->context, smiles);
}

void
ComputeModelInputs(const CachedModel *model, const char *smiles, ModelInputs *inputs)
{
	HnContext  *context = BeginCore();
	HnGraph		graph;
	HnBatch		batch;
	HnDescription description;
	real	   *fingerprints;

	if (hn_describe_smiles(context, smiles, model->model.features, hn_model_needs(&model->model),
						   hamnet_max_atoms, &graph, &description) != HN_OK ||
		hn_batch_build(context, &graph, 1, &batch) != HN_OK ||
		hn_all_fingerprints(context, &model->model, &batch, &fingerprints) != HN_OK)
		ReportCoreError(context, smiles);
	inputs->context = context;
	inputs->counts = description.counts;
	inputs->inputs.count = 1;
	inputs->inputs.fingerprints = fingerprints;
	inputs->inputs.descriptors = description.descriptors;
	inputs->inputs.counts = &inputs->counts;
}

Hfp *
MakeFingerprint(const CachedModel *model, const real *numbers)
{
	return MakeHfp(numbers, model->model.fingerprint_config.dim, model->tag);
}

/* What becomes of the molecules of a batch; predictions may be NULL. */
typedef struct Outcomes
{
	Hfp		  **fingerprints;
	double	  **predictions;
	char	  **reasons;
} Outcomes;

/* What the heads read of several molecules, whose fingerprints [G, count, D] are computed. */
static HnStatus
CollectInputs(HnContext *context, const HnModel *model, const HnDescription *descriptions, int count,
			  const real *fingerprints, HnInputs *inputs)
{
	const HnDescriptorSet *set = hn_model_needs(model).descriptors;
	HnCounts   *counts;
	real	   *descriptors = NULL;

	HN_NEW(context, counts, count);
	if (set)
		HN_NEW(context, descriptors, (size_t) count * set->count);
	for (int g = 0; g < count; g++)
	{
		counts[g] = descriptions[g].counts;
		if (set)
			memcpy(descriptors + (size_t) g * set->count, descriptions[g].descriptors,
				   set->count * sizeof(real));
	}
	*inputs = (HnInputs) {count, fingerprints, descriptors, counts};
	return HN_OK;
}

/* Predictions of every head, each molecule's in an array of its own. */
static HnStatus
PredictBatch(HnContext *context, const HnModel *model, const HnInputs *inputs, double **predictions)
{
	int			targets = hn_model_target_count(model);
	int			first = 0;

	for (int g = 0; g < inputs->count; g++)
		predictions[g] = palloc(targets * sizeof(double));
	for (int h = 0; h < model->head_count; h++)
	{
		const HnHead *head = &model->heads[h];
		double	   *values;

		HN_NEW(context, values, (size_t) inputs->count * head->target_count);
		HN_TRY(hn_predict(context, model, head, inputs, values, NULL));
		for (int g = 0; g < inputs->count; g++)
			memcpy(predictions[g] + first, values + (size_t) g * head->target_count,
				   head->target_count * sizeof(double));
		first += head->target_count;
	}
	return HN_OK;
}

/* The molecules of a batch, parsed. */
typedef struct Parsed
{
	HnGraph    *graphs;
	HnDescription *descriptions;
} Parsed;

/* Run molecules 0 .. count - 1 as one batch. */
static HnStatus
TryBatch(HnContext *context, const CachedModel *model, Parsed parsed, int count, Outcomes outcomes)
{
	HnBatch		batch;
	HnInputs	inputs;
	real	   *numbers;

	HN_TRY(hn_batch_build(context, parsed.graphs, count, &batch));
	if (outcomes.predictions)
	{
		HN_TRY(hn_all_fingerprints(context, &model->model, &batch, &numbers));
		HN_TRY(CollectInputs(context, &model->model, parsed.descriptions, count, numbers, &inputs));
		HN_TRY(PredictBatch(context, &model->model, &inputs, outcomes.predictions));
	}
	else
		HN_TRY(hn_fingerprints(context, &model->model, &batch, &numbers));
	for (int g = 0; g < count; g++)
	{
		outcomes.fingerprints[g] = MakeFingerprint(model, numbers + (size_t) g * model->model.fingerprint_config.dim);
		outcomes.reasons[g] = NULL;
	}
	return HN_OK;
}

/*
 * Run a batch. Should one of its molecules break the arithmetic, each is run
 * alone, so that it cannot take the others with it; it has a reason then, and
 * no result.
 */
static void
RunBatch(HnContext *context, const CachedModel *model, Parsed parsed, int count, Outcomes outcomes)
{
	HnArenaMark mark = hn_arena_mark(context->arena);
	HnStatus	status = TryBatch(context, model, parsed, count, outcomes);

	hn_arena_rewind(context->arena, mark);
	if (status == HN_OK)
		return;
	if (!IsMoleculeError(status))
		ReportCoreError(context, NULL);
	if (count == 1)
	{
		outcomes.fingerprints[0] = NULL;
		outcomes.reasons[0] = pstrdup(context->message);
		return;
	}
	for (int g = 0; g < count; g++)
		RunBatch(context, model, (Parsed) {parsed.graphs + g, parsed.descriptions + g}, 1,
				 (Outcomes) {outcomes.fingerprints + g,
					 outcomes.predictions ? outcomes.predictions + g : NULL,
					 outcomes.reasons + g});
}

/* Whether a failure is noted beside the molecule rather than thrown. */
static bool
IsNoted(HnStatus status, char **reasons)
{
	return IsMoleculeError(status) || (reasons && status == HN_TOO_LARGE);
}

void
ComputeFingerprints(const CachedModel *model, char **smiles, int count,
					Hfp **results, double **predictions, char **reasons)
{
	HnNeeds		needs = {NULL, false};
	HnGraph		graphs[BATCH_ATOMS];
	HnDescription descriptions[BATCH_ATOMS];
	Hfp		   *computed[BATCH_ATOMS];
	double	   *predicted[BATCH_ATOMS];
	char	   *failures[BATCH_ATOMS];
	int			place[BATCH_ATOMS]; /* of each graph in smiles */
	int			next = 0;

	if (predictions)
		needs = hn_model_needs(&model->model);
	while (next < count)
	{
		HnContext  *context = BeginCore();
		int			waiting = 0;
		int			atoms = 0;

		CHECK_FOR_INTERRUPTS();
		for (; next < count && waiting < BATCH_ATOMS && atoms < BATCH_ATOMS; next++)
		{
			HnStatus	status;

			results[next] = NULL;
			if (reasons)
				reasons[next] = NULL;
			if (smiles[next] == NULL)
				continue;
			status = hn_describe_smiles(context, smiles[next], model->model.features, needs,
										hamnet_max_atoms, &graphs[waiting], &descriptions[waiting]);
			if (status == HN_OK)
			{
				atoms += graphs[waiting].atom_count;
				place[waiting++] = next;
			}
			else if (!IsNoted(status, reasons))
				ReportCoreError(context, smiles[next]);
			else if (reasons)
				reasons[next] = pstrdup(context->message);
		}
		if (waiting > 0)
			RunBatch(context, model, (Parsed) {graphs, descriptions}, waiting,
					 (Outcomes) {computed, predictions ? predicted : NULL, failures});
		for (int g = 0; g < waiting; g++)
		{
			results[place[g]] = computed[g];
			if (predictions)
				predictions[place[g]] = predicted[g];
			if (reasons)
				reasons[place[g]] = failures[g];
		}
	}
}
