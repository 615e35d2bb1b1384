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

/* What ComputeMolecules works with. */
typedef struct Computation
{
	const CachedModel *model;
	bool		lenient;
	const MoleculeResults *results;
} Computation;

/* Keep the numbers of all targets of a batch's molecules, numbers [count, targets]. */
static void
KeepNumbers(const MoleculeBatch *batch, const double *numbers, int targets, double **results)
{
	for (int i = 0; results != NULL && i < batch->inputs.count; i++)
	{
		double	   *copy = palloc(targets * sizeof(double));

		memcpy(copy, numbers + (Size) i * targets, targets * sizeof(double));
		results[batch->indexes[i]] = copy;
	}
}

static HnStatus
KeepPredictions(const HnModel *model, const MoleculeBatch *batch, const MoleculeResults *results)
{
	int			targets = hn_model_target_count(model);
	size_t		count = (size_t) batch->inputs.count * targets;
	double	   *predictions;
	double	   *sds = NULL;
	double	   *novelties = NULL;

	HN_NEW(batch->context, predictions, count);
	if (results->sds)
		HN_NEW(batch->context, sds, count);
	if (results->novelties)
		HN_NEW(batch->context, novelties, count);
	HN_TRY(PredictHeads(batch->context, model, &batch->inputs, predictions, sds, novelties));
	KeepNumbers(batch, predictions, targets, results->predictions);
	KeepNumbers(batch, sds, targets, results->sds);
	KeepNumbers(batch, novelties, targets, results->novelties);
	return HN_OK;
}

static HnStatus
KeepResults(void *state, const MoleculeBatch *batch)
{
	Computation *computation = state;
	const HnModel *model = &computation->model->model;

	if (computation->results->predictions)
		HN_TRY(KeepPredictions(model, batch, computation->results));
	for (int i = 0; i < batch->inputs.count; i++)
		computation->results->fingerprints[batch->indexes[i]] =
			MakeFingerprint(computation->model, batch->inputs.fingerprints + (size_t) i * model->fingerprint_config.dim);
	return HN_OK;
}

static void
NoteFailure(void *state, const HnContext *context, int index, const char *smiles)
{
	Computation *computation = state;

	ReportFailure(context, smiles, computation->lenient);
	if (computation->results->reasons)
		computation->results->reasons[index] = pstrdup(context->message);
}

void
ComputeMolecules(const CachedModel *model, const Molecules *molecules, bool lenient, const MoleculeResults *results)
{
	Computation computation = {model, lenient, results};
	HnNeeds		needs = {.descriptors = NULL};

	memset(results->fingerprints, 0, molecules->count * sizeof(Hfp *));
	if (results->reasons)
		memset(results->reasons, 0, molecules->count * sizeof(char *));
	if (results->predictions)
		needs = hn_model_needs(&model->model);
	VisitMolecules(&model->model, needs, results->predictions ? model->model.other_count + 1 : 1, molecules,
				   (BatchVisitor) {KeepResults, NoteFailure, &computation});
}

void
ComputeFingerprints(const CachedModel *model, const Molecules *molecules, bool lenient, Hfp **fingerprints)
{
	ComputeMolecules(model, molecules, lenient, &(MoleculeResults) {.fingerprints = fingerprints});
}
