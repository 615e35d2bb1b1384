/*
 * type/cmp.c: the order and the equality of fingerprints.
 *
 * Two values are equal if dimensions, elements and model are: exactly if
 * their texts are. A known model therefore differs from an unknown one. To
 * let an unknown model equal every other would not be transitive (A = unknown
 * = B, yet A <> B), and DISTINCT, GROUP BY and indexes need it to be.
 *
 * The order has no chemical meaning. It is total, and never an error: by
 * dimensions, then elements, then model.
 */
#include "postgres.h"

#include "common/hashfn.h"

#include "type/hfp.h"

static int
CompareHfp(const Hfp *a, const Hfp *b)
{
	if (a->dim != b->dim)
		return a->dim < b->dim ? -1 : 1;

	for (int i = 0; i < a->dim; i++)
	{
		if (a->x[i] != b->x[i])
			return a->x[i] < b->x[i] ? -1 : 1;
	}

	if (a->model != b->model)
		return a->model < b->model ? -1 : 1;

	return 0;
}

static int
CallCompare(FunctionCallInfo fcinfo)
{
	Hfp		   *a = PG_GETARG_HFP_P(0);
	Hfp		   *b = PG_GETARG_HFP_P(1);
	int			result = CompareHfp(a, b);

	/* An index calls these in bulk */
	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

PG_FUNCTION_INFO_V1(hfp_lt);

/* hfp_lt(hfp, hfp) → boolean */
PGDLLEXPORT Datum
hfp_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CallCompare(fcinfo) < 0);
}

PG_FUNCTION_INFO_V1(hfp_le);

/* hfp_le(hfp, hfp) → boolean */
PGDLLEXPORT Datum
hfp_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CallCompare(fcinfo) <= 0);
}

PG_FUNCTION_INFO_V1(hfp_eq);

/* hfp_eq(hfp, hfp) → boolean */
PGDLLEXPORT Datum
hfp_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CallCompare(fcinfo) == 0);
}

PG_FUNCTION_INFO_V1(hfp_ne);

/* hfp_ne(hfp, hfp) → boolean */
PGDLLEXPORT Datum
hfp_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CallCompare(fcinfo) != 0);
}

PG_FUNCTION_INFO_V1(hfp_ge);

/* hfp_ge(hfp, hfp) → boolean */
PGDLLEXPORT Datum
hfp_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CallCompare(fcinfo) >= 0);
}

PG_FUNCTION_INFO_V1(hfp_gt);

/* hfp_gt(hfp, hfp) → boolean */
PGDLLEXPORT Datum
hfp_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CallCompare(fcinfo) > 0);
}

PG_FUNCTION_INFO_V1(hfp_cmp);

/* hfp_cmp(hfp, hfp) → integer */
PGDLLEXPORT Datum
hfp_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(CallCompare(fcinfo));
}

/* Equal values have equal bytes, so the bytes are what is hashed. */
PG_FUNCTION_INFO_V1(hfp_hash);

/* hfp_hash(hfp) → integer */
PGDLLEXPORT Datum
hfp_hash(PG_FUNCTION_ARGS)
{
	Hfp		   *h = PG_GETARG_HFP_P(0);
	Datum		hash = hash_any((unsigned char *) VARDATA(h), VARSIZE(h) - VARHDRSZ);

	PG_FREE_IF_COPY(h, 0);
	return hash;
}

PG_FUNCTION_INFO_V1(hfp_hash_extended);

/* hfp_hash_extended(hfp, bigint) → bigint */
PGDLLEXPORT Datum
hfp_hash_extended(PG_FUNCTION_ARGS)
{
	Hfp		   *h = PG_GETARG_HFP_P(0);
	Datum		hash = hash_any_extended((unsigned char *) VARDATA(h), VARSIZE(h) - VARHDRSZ,
										 PG_GETARG_INT64(1));

	PG_FREE_IF_COPY(h, 0);
	return hash;
}
