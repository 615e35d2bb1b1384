/*
 * model/compute.c: from SMILES to the network's results, as SQL functions need them.
 */
#include "postgres.h"

#include "hamnet/training.h"

#include "model/compute.h"
#include "model/molecule_batch.h"
#include "server/guc.h"

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
	const real *coordinates;

	ComputeBatchOfOne(model, smiles, computed);
	if (hn_coordinates(computed->context, &model->model, &computed->batch, &computed->engine, &coordinates) != HN_OK ||
		hn_fingerprint_forward(computed->context, &model->model, &computed->batch, coordinates,
							   &computed->fingerprint) != HN_OK)
		ReportCoreError(computed->context, smiles);
}

/* Parse the molecule as a feature set sees it, with what needs says. */
static HnStatus
ParseMolecule(ParsedMolecule *molecule, const HnFeatureSet *features, HnNeeds needs, HnDescription *description)
{
	HN_TRY(hn_describe_smiles(molecule->context, molecule->smiles, features, needs, hamnet_max_atoms,
							  &molecule->graph, description));
	HN_TRY(hn_batch_build(molecule->context, &molecule->graph, 1, &molecule->batch));
	molecule->features = features;
	return HN_OK;
}

HnStatus
ParseForModels(const CachedModel *const *models, int count, const char *smiles, ParsedMolecule *molecule)
{
	HnNeeds		needs = {.descriptors = NULL};

	for (int i = 0; i < count; i++)
	{
		HnNeeds		own = hn_model_needs(&models[i]->model);

		if (own.descriptors)
			needs.descriptors = own.descriptors;
		needs.counts |= own.counts;
	}
	molecule->context = BeginCore();
	molecule->smiles = smiles;
	return ParseMolecule(molecule, models[0]->model.features, needs, &molecule->description);
}

HnStatus
ComputeModelInputs(const CachedModel *model, ParsedMolecule *molecule, HnInputs *inputs)
{
	HnDescription none;
	real	   *fingerprints;

	if (model->model.features != molecule->features)
		HN_TRY(ParseMolecule(molecule, model->model.features, (HnNeeds) {.descriptors = NULL}, &none));
	HN_TRY(hn_all_fingerprints(molecule->context, &model->model, &molecule->batch, &fingerprints));
	*inputs = (HnInputs)
	{
		.count = 1,
		.fingerprints = fingerprints,
		.descriptors = molecule->description.descriptors,
		.counts = &molecule->description.counts
	};
	return HN_OK;
}

Hfp *
MakeFingerprint(const CachedModel *model, const real *numbers)
{
	return MakeHfp(numbers, model->model.fingerprint_config.dim, model->tag);
}

/* Where ComputeFingerprints puts what becomes of its molecules; the last two may be NULL. */
typedef struct Outcomes
{
	const CachedModel *model;
	bool		lenient;
	Hfp		  **fingerprints;
	double	  **predictions;
	char	  **reasons;
} Outcomes;

static HnStatus
KeepOutcomes(void *state, const MoleculeBatch *batch)
{
	Outcomes   *outcomes = state;
	const HnModel *model = &outcomes->model->model;
	int			count = batch->inputs.count;
	int			targets = hn_model_target_count(model);
	double	   *predictions = NULL;

	if (outcomes->predictions)
	{
		HN_NEW(batch->context, predictions, (size_t) count * targets);
		HN_TRY(PredictHeads(batch->context, model, &batch->inputs, predictions, NULL));
	}
	for (int i = 0; i < count; i++)
	{
		int			index = batch->indexes[i];

		outcomes->fingerprints[index] =
			MakeFingerprint(outcomes->model, batch->inputs.fingerprints + (size_t) i * model->fingerprint_config.dim);
		if (predictions)
		{
			outcomes->predictions[index] = palloc(targets * sizeof(double));
			memcpy(outcomes->predictions[index], predictions + (size_t) i * targets, targets * sizeof(double));
		}
	}
	return HN_OK;
}

static void
NoteFailure(void *state, const HnContext *context, int index, const char *smiles)
{
	Outcomes   *outcomes = state;

	ReportFailure(context, smiles, outcomes->lenient);
	if (outcomes->reasons)
		outcomes->reasons[index] = pstrdup(context->message);
}

void
ComputeFingerprints(const CachedModel *model, const Molecules *molecules, bool lenient,
					Hfp **results, double **predictions, char **reasons)
{
	Outcomes	outcomes = {model, lenient, results, predictions, reasons};
	HnNeeds		needs = {.descriptors = NULL};

	memset(results, 0, molecules->count * sizeof(Hfp *));
	if (reasons)
		memset(reasons, 0, molecules->count * sizeof(char *));
	if (predictions)
		needs = hn_model_needs(&model->model);
	VisitMolecules(&model->model, needs, predictions ? model->model.other_count + 1 : 1, molecules,
				   (BatchVisitor) {KeepOutcomes, NoteFailure, &outcomes});
}
