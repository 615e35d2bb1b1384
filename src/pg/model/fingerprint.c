/*
 * model/fingerprint.c: SQL functions that compute fingerprints.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "model/compute.h"
#include "model/recent.h"

/* Compute a fingerprint; a lenient form gives NULL where the molecule has none. */
static Hfp *
ComputeFingerprint(const CachedModel *model, const char *smiles, bool lenient)
{
	Hfp		   *fingerprint;

	ComputeFingerprints(model, &(Molecules) {.count = 1, .smiles = &smiles}, lenient, &fingerprint);
	return fingerprint;
}

/* The same, computed once for a molecule that is asked for again and again. */
static Hfp *
FingerprintOf(const CachedModel *model, const text *smiles, bool lenient)
{
	const Hfp  *known = RecentFingerprint(model, smiles);
	Hfp		   *result;

	if (known)
		return memcpy(palloc(VARSIZE(known)), known, VARSIZE(known));
	result = ComputeFingerprint(model, text_to_cstring(smiles), lenient);
	if (result)
		RememberFingerprint(model, smiles, result);
	return result;
}

PG_FUNCTION_INFO_V1(hamnet_fingerprint);

/* hamnet_fingerprint(smiles text [, model text]) → hfp */
PGDLLEXPORT Datum
hamnet_fingerprint(PG_FUNCTION_ARGS)
{
	PG_RETURN_HFP_P(FingerprintOf(GetModelArgument(fcinfo, 1), PG_GETARG_TEXT_PP(0), false));
}

PG_FUNCTION_INFO_V1(hamnet_fingerprint_pinned);

/* hamnet_fingerprint_pinned(smiles text, model_id text) → hfp */
PGDLLEXPORT Datum
hamnet_fingerprint_pinned(PG_FUNCTION_ARGS)
{
	const CachedModel *model = GetModelById(text_to_cstring(PG_GETARG_TEXT_PP(1)), false);

	PG_RETURN_HFP_P(FingerprintOf(model, PG_GETARG_TEXT_PP(0), false));
}

PG_FUNCTION_INFO_V1(hamnet_try_fingerprint);

/* hamnet_try_fingerprint(smiles text [, model text]) → hfp, or NULL */
PGDLLEXPORT Datum
hamnet_try_fingerprint(PG_FUNCTION_ARGS)
{
	Hfp		   *fingerprint = FingerprintOf(GetModelArgument(fcinfo, 1), PG_GETARG_TEXT_PP(0), true);

	if (fingerprint == NULL)
		PG_RETURN_NULL();
	PG_RETURN_HFP_P(fingerprint);
}

/* The type hfp, from the declared result hfp[] of the function being called. */
static Oid
ElementOfResult(FunctionCallInfo fcinfo)
{
	return get_element_type(get_func_rettype(fcinfo->flinfo->fn_oid));
}

PG_FUNCTION_INFO_V1(hamnet_fingerprints);

/* hamnet_fingerprints(smiles text[] [, model text]) → hfp[] of the same shape */
PGDLLEXPORT Datum
hamnet_fingerprints(PG_FUNCTION_ARGS)
{
	const CachedModel *model = GetModelArgument(fcinfo, 1);
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	Datum	   *elements;
	bool	   *nulls;
	int			count;
	char	  **smiles;
	Hfp		  **results;
	ArrayType  *result;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &count);
	if (count == 0)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(ElementOfResult(fcinfo)));

	smiles = palloc(count * sizeof(char *));
	results = palloc(count * sizeof(Hfp *));
	for (int i = 0; i < count; i++)
		smiles[i] = nulls[i] ? NULL : TextDatumGetCString(elements[i]);
	ComputeFingerprints(model, &(Molecules) {.count = count, .smiles = (const char *const *) smiles}, true, results);
	for (int i = 0; i < count; i++)
	{
		nulls[i] = results[i] == NULL;
		elements[i] = PointerGetDatum(results[i]);
	}
	result = construct_md_array(elements, nulls, ARR_NDIM(array), ARR_DIMS(array), ARR_LBOUND(array),
								ElementOfResult(fcinfo), -1, false, TYPALIGN_INT);
	PG_RETURN_ARRAYTYPE_P(result);
}
