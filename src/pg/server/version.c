/*
 * server/version.c: what this build consists of.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "hamnet/chem.h"
#include "hamnet/simd.h"
#include "hamnet/linear.h"

PG_FUNCTION_INFO_V1(hamnet_version);

/* hamnet_version() → (hamnet, rdkit, blas, kernels) */
PGDLLEXPORT Datum
hamnet_version(PG_FUNCTION_ARGS)
{
	TupleDesc	descriptor;
	Datum		values[4];
	bool		nulls[4] = {false};

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = CStringGetTextDatum(HAMNET_VERSION);
	values[1] = CStringGetTextDatum(hn_rdkit_version());
	values[2] = CStringGetTextDatum(hn_blas_version());
	values[3] = CStringGetTextDatum(hn_simd()->name);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}
