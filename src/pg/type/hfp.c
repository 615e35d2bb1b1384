/*
 * type/hfp.c: making fingerprints, and the checks every new one passes.
 */
#include "postgres.h"

#include <math.h>

#include "server/soft_error.h"
#include "type/hfp.h"

Hfp *
InitHfp(int dim, uint32 model)
{
	/* Bytes are compared and hashed: none may be left to chance. */
	Hfp		   *h = palloc0(HFP_SIZE(dim));

	SET_VARSIZE(h, HFP_SIZE(dim));
	h->dim = dim;
	h->model = model;

	return h;
}

Hfp *
MakeHfp(const float *x, int dim, uint32 model)
{
	Hfp		   *h;

	CheckHfpDim(dim, -1, NULL);
	h = InitHfp(dim, model);
	memcpy(h->x, x, sizeof(float) * dim);
	FinishHfp(h, NULL);

	return h;
}

bool
CheckHfpDim(int dim, int32 typmod, Node *escontext)
{
	if (dim < 1)
		ereturn(escontext, false,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("hfp must have at least 1 dimension")));

	if (dim > HFP_MAX_DIM)
		ereturn(escontext, false,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("hfp cannot have more than %d dimensions, found %d", HFP_MAX_DIM, dim)));

	if (typmod != -1 && typmod != dim)
		ereturn(escontext, false,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("expected %d dimensions, not %d", typmod, dim)));

	return true;
}

bool
FinishHfp(Hfp *h, Node *escontext)
{
	for (int i = 0; i < h->dim; i++)
	{
		if (!isfinite(h->x[i]))
			ereturn(escontext, false,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("%s is not allowed in hfp", isnan(h->x[i]) ? "NaN" : "infinity"),
					 errdetail("Element %d is not finite.", i + 1)));

		/* IEEE 754: -0 + 0 = 0, any other value stays as it is */
		h->x[i] += 0.0f;
	}

	return true;
}
