/*
 * type/cast.c: fingerprints from and to arrays.
 *
 * An element of an array becomes what a cast to real makes of it, so that
 * casting in one step or by way of real[] gives the same fingerprint. An
 * array says nothing about a model: a fingerprint made from one has none.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "type/hfp.h"

/* To real, refusing what has no value there. */
static float
NarrowFloat(double value)
{
	float		result = (float) value;

	if ((isinf(result) && !isinf(value)) || (result == 0 && value != 0))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("\"%.17g\" is out of range for type hfp", value)));

	return result;
}

static float
DatumToElement(Datum element, Oid type)
{
	switch (type)
	{
		case INT2OID:
			return DatumGetInt16(element);
		case INT8OID:
			return (float) DatumGetInt64(element);
		case INT4OID:
			return DatumGetInt32(element);
		case FLOAT4OID:
			return DatumGetFloat4(element);
		case FLOAT8OID:
			return NarrowFloat(DatumGetFloat8(element));
		case NUMERICOID:
			return DatumGetFloat4(DirectFunctionCall1(numeric_float4, element));
		default:
			elog(ERROR, "unsupported element type %u", type);
	}
}

/* Cast hfp to hfp(n): check the dimensions. */
PG_FUNCTION_INFO_V1(hfp);

/* hfp(hfp, integer, boolean) → hfp */
PGDLLEXPORT Datum
hfp(PG_FUNCTION_ARGS)
{
	Hfp		   *h = PG_GETARG_HFP_P(0);

	CheckHfpDim(h->dim, PG_GETARG_INT32(1), NULL);

	PG_RETURN_HFP_P(h);
}

/* Cast an array of smallint, integer, bigint, real, double precision or numeric. */
PG_FUNCTION_INFO_V1(hfp_from_array);

/* hfp_from_array(real[], integer, boolean) → hfp and others */
PGDLLEXPORT Datum
hfp_from_array(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	Oid			type = ARR_ELEMTYPE(array);
	int			dim;
	int16		length;
	bool		by_value;
	char		alignment;
	Datum	   *elements;
	Hfp		   *h;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("array for hfp must have one dimension, not %d", ARR_NDIM(array))));

	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("array for hfp must not contain nulls")));

	/* Before the elements are taken apart */
	CheckHfpDim(ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)), PG_GETARG_INT32(1), NULL);

	get_typlenbyvalalign(type, &length, &by_value, &alignment);
	deconstruct_array(array, type, length, by_value, alignment, &elements, NULL, &dim);

	h = InitHfp(dim, HFP_UNKNOWN_MODEL);
	for (int i = 0; i < dim; i++)
		h->x[i] = DatumToElement(elements[i], type);
	FinishHfp(h, NULL);

	pfree(elements);
	PG_FREE_IF_COPY(array, 0);
	PG_RETURN_HFP_P(h);
}

PG_FUNCTION_INFO_V1(hfp_to_float4);

/* hfp_to_float4(hfp) → real[] */
PGDLLEXPORT Datum
hfp_to_float4(PG_FUNCTION_ARGS)
{
	Hfp		   *h = PG_GETARG_HFP_P(0);
	Datum	   *elements = palloc(sizeof(Datum) * h->dim);

	for (int i = 0; i < h->dim; i++)
		elements[i] = Float4GetDatum(h->x[i]);

	PG_RETURN_ARRAYTYPE_P(construct_array(elements, h->dim, FLOAT4OID,
										  sizeof(float4), true, TYPALIGN_INT));
}

PG_FUNCTION_INFO_V1(hfp_to_float8);

/* hfp_to_float8(hfp) → double precision[] */
PGDLLEXPORT Datum
hfp_to_float8(PG_FUNCTION_ARGS)
{
	Hfp		   *h = PG_GETARG_HFP_P(0);
	Datum	   *elements = palloc(sizeof(Datum) * h->dim);

	for (int i = 0; i < h->dim; i++)
		elements[i] = Float8GetDatum((double) h->x[i]);

	PG_RETURN_ARRAYTYPE_P(construct_array(elements, h->dim, FLOAT8OID,
										  sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}
