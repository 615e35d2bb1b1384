/*
 * type/op.c: distances and properties of fingerprints, as SQL sees them.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "type/distance.h"

/* Call a distance on the first two arguments, and free what was detoasted. */
static double
CallDistance(FunctionCallInfo fcinfo, double (*distance) (const Hfp *, const Hfp *))
{
	Hfp		   *a = PG_GETARG_HFP_P(0);
	Hfp		   *b = PG_GETARG_HFP_P(1);
	double		result = distance(a, b);

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

PG_FUNCTION_INFO_V1(hamnet_l2_distance);

/* hamnet_l2_distance(hfp, hfp) → double precision */
PGDLLEXPORT Datum
hamnet_l2_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(CallDistance(fcinfo, HfpL2Distance));
}

PG_FUNCTION_INFO_V1(hamnet_cosine_distance);

/* hamnet_cosine_distance(hfp, hfp) → double precision */
PGDLLEXPORT Datum
hamnet_cosine_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(CallDistance(fcinfo, HfpCosineDistance));
}

PG_FUNCTION_INFO_V1(hamnet_inner_product);

/* hamnet_inner_product(hfp, hfp) → double precision */
PGDLLEXPORT Datum
hamnet_inner_product(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(CallDistance(fcinfo, HfpInnerProduct));
}

PG_FUNCTION_INFO_V1(hamnet_negative_inner_product);

/* hamnet_negative_inner_product(hfp, hfp) → double precision */
PGDLLEXPORT Datum
hamnet_negative_inner_product(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(CallDistance(fcinfo, HfpNegativeInnerProduct));
}

PG_FUNCTION_INFO_V1(hamnet_tanimoto_distance);

/* hamnet_tanimoto_distance(hfp, hfp) → double precision */
PGDLLEXPORT Datum
hamnet_tanimoto_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(CallDistance(fcinfo, HfpTanimotoDistance));
}

PG_FUNCTION_INFO_V1(hamnet_norm);

/* hamnet_norm(hfp) → double precision */
PGDLLEXPORT Datum
hamnet_norm(PG_FUNCTION_ARGS)
{
	Hfp		   *h = PG_GETARG_HFP_P(0);
	double		norm = HfpNorm(h);

	PG_FREE_IF_COPY(h, 0);
	PG_RETURN_FLOAT8(norm);
}

PG_FUNCTION_INFO_V1(hamnet_dims);

/* hamnet_dims(hfp) → integer */
PGDLLEXPORT Datum
hamnet_dims(PG_FUNCTION_ARGS)
{
	Hfp		   *h = PG_GETARG_HFP_P(0);
	int			dim = h->dim;

	PG_FREE_IF_COPY(h, 0);
	PG_RETURN_INT32(dim);
}

/* The eight digits that the text form shows, or NULL. */
PG_FUNCTION_INFO_V1(hamnet_model_of);

/* hamnet_model_of(hfp) → text */
PGDLLEXPORT Datum
hamnet_model_of(PG_FUNCTION_ARGS)
{
	Hfp		   *h = PG_GETARG_HFP_P(0);
	uint32		model = h->model;

	PG_FREE_IF_COPY(h, 0);
	if (model == HFP_UNKNOWN_MODEL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("%08x", model)));
}
