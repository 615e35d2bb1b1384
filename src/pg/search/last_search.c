/*
 * search/last_search.c: hamnet_last_search: what the last search of this session did.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"

#include "search/am.h"

HamnetSearch last_search;

#define SEARCH_COLUMNS 6

PG_FUNCTION_INFO_V1(hamnet_last_search);

/* hamnet_last_search() → (index, pages, rows_coded, rows_looked_up, passes, milliseconds), NULL before the first */
PGDLLEXPORT Datum
hamnet_last_search(PG_FUNCTION_ARGS)
{
	TupleDesc	descriptor;
	Datum		values[SEARCH_COLUMNS];
	bool		nulls[SEARCH_COLUMNS] = {false};

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (!OidIsValid(last_search.index))
		PG_RETURN_NULL();
	values[0] = ObjectIdGetDatum(last_search.index);
	values[1] = Int64GetDatum(last_search.pages);
	values[2] = Int64GetDatum(last_search.rows_coded);
	values[3] = Int64GetDatum(last_search.rows_looked_up);
	values[4] = Int32GetDatum(last_search.passes);
	values[5] = Float8GetDatum(last_search.milliseconds);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}
