/*
 * model/similarity.c: how near two fingerprints are, on the scale of the model
 * that made them, and to make that scale.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "hamnet/similarity.h"

#include "model/admin.h"
#include "model/compute.h"
#include "server/core.h"
#include "type/distance.h"

/* The scale that this backend used last: rows of a query share it. */
static uint32 last_tag = HFP_UNKNOWN_MODEL;
static HnFingerprintConfig last_config;

/* The scale of the model that made a fingerprint, whose identity says all of it. */
static const HnFingerprintConfig *
ScaleOf(const Hfp *fingerprint)
{
	const CachedModel *model;

	if (fingerprint->model != HFP_UNKNOWN_MODEL && fingerprint->model == last_tag)
		return &last_config;
	model = fingerprint->model == HFP_UNKNOWN_MODEL ? NULL : GetModelByTag(fingerprint->model);
	if (model == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model of the fingerprint is not known"),
				 errdetail("A similarity is on the scale of the model that made both fingerprints."),
				 errhint("Load the model with hamnet_load_model(), or use a distance.")));
	if (!model->model.fingerprint_config.calibrated)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model %.8s has no scale of similarity", model->id),
				 errhint("Make a model that has one with hamnet_calibrate(), or use a distance.")));
	last_config = model->model.fingerprint_config;
	last_tag = fingerprint->model;
	return &last_config;
}

PG_FUNCTION_INFO_V1(hamnet_similarity);

/* hamnet_similarity(a hfp, b hfp) → double precision */
PGDLLEXPORT Datum
hamnet_similarity(PG_FUNCTION_ARGS)
{
	Hfp		   *a = PG_GETARG_HFP_P(0);
	Hfp		   *b = PG_GETARG_HFP_P(1);
	double		distance = HfpCosineDistance(a, b);

	PG_RETURN_FLOAT8(hn_similarity(ScaleOf(a->model != HFP_UNKNOWN_MODEL ? a : b), distance));
}

/* Fingerprints [rows, D] of molecules; those that are none, or that the model cannot take, are left out. */
static float *
FingerprintRows(const CachedModel *model, ArrayType *array, int *rows)
{
	int			dim = model->model.fingerprint_config.dim;
	Datum	   *elements;
	bool	   *nulls;
	int			count;
	char	  **smiles;
	Hfp		  **results;
	float	   *fingerprints;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &count);
	smiles = palloc((count + 1) * sizeof(char *));
	results = palloc((count + 1) * sizeof(Hfp *));
	for (int i = 0; i < count; i++)
		smiles[i] = nulls[i] ? NULL : TextDatumGetCString(elements[i]);
	ComputeFingerprints(model, &(Molecules) {.count = count, .smiles = (const char *const *) smiles}, true, results);
	fingerprints = palloc_extended(((Size) count * dim + 1) * sizeof(float), MCXT_ALLOC_HUGE);
	*rows = 0;
	for (int i = 0; i < count; i++)
		if (results[i])
			memcpy(fingerprints + (Size) (*rows)++ * dim, results[i]->x, dim * sizeof(float));
	return fingerprints;
}

PG_FUNCTION_INFO_V1(hamnet_calibrate);

/* hamnet_calibrate(name text, model text, smiles text[], replace boolean) → identity */
PGDLLEXPORT Datum
hamnet_calibrate(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const CachedModel *model;
	HnArena		arena;
	HnContext	context;
	HnModel		calibrated;
	float	   *fingerprints;
	bytea	   *weights;
	int			rows;
	char		id[MODEL_ID_LENGTH + 1];

	CheckModelName(name);
	hn_arena_init(&arena, ContextAllocator(CurrentMemoryContext));
	InitCoreContext(&context, &arena);
	model = GetModelByName(text_to_cstring(PG_GETARG_TEXT_PP(1)), false);
	fingerprints = FingerprintRows(model, PG_GETARG_ARRAYTYPE_P(2), &rows);
	calibrated = model->model;
	if (hn_similarity_calibrate(&context, fingerprints, calibrated.fingerprint_config.dim, rows,
								&calibrated.fingerprint_config) != HN_OK)
		ReportCoreError(&context, NULL);
	weights = ModelFile(&context, &calibrated);
	Sha256Hex(weights, id);
	SPI_connect();
	StoreModel(name, weights, &calibrated, PG_GETARG_BOOL(3));
	SPI_finish();
	PG_RETURN_TEXT_P(cstring_to_text(id));
}
