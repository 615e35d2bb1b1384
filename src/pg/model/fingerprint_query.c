/*
 * model/fingerprint_query.c: hamnet_fingerprint_query, which adds a fingerprint to
 * each row of a query.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "chem/standard.h"
#include "model/compute.h"
#include "server/extension.h"
#include "server/query.h"
#include "server/srf.h"

/* The column of the query that holds the SMILES, from 0: the one of that name. */
static int
FindSmilesColumn(TupleDesc query)
{
	int			column = SPI_fnumber(query, "smiles");

	if (column <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("the query has no column \"smiles\""),
				 errhint("Give the column with the SMILES this name: SELECT ... AS smiles.")));
	if (TypeCategory(getBaseType(SPI_gettypeid(query, column))) != TYPCATEGORY_STRING)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"smiles\" of the query has type %s, but a SMILES is a text",
						format_type_be(SPI_gettypeid(query, column)))));
	return column - 1;
}

/* The rows that the caller declares must be the query's, with a fingerprint at the end. */
static void
CheckRowType(TupleDesc declared, TupleDesc query)
{
	if (declared->natts != query->natts + 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("%d columns are declared, but the query has %d and a fingerprint is added to them",
						declared->natts, query->natts)));
	for (int i = 0; i < declared->natts; i++)
	{
		Oid			type = i < query->natts ? TupleDescAttr(query, i)->atttypid : FingerprintType();

		if (TupleDescAttr(declared, i)->atttypid != type)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" is declared with type %s, but has type %s",
							NameStr(TupleDescAttr(declared, i)->attname),
							format_type_be(TupleDescAttr(declared, i)->atttypid), format_type_be(type))));
	}
}

/* Compute the fetched rows and add them to the result. */
static void
AddFetched(RowSet *rows, const UserQuery *query, const char *model_id, HnStandard standard, int column)
{
	int			natts = query->columns->natts;
	char	   *smiles[FETCH_ROWS];
	Hfp		   *fingerprints[FETCH_ROWS];
	Datum	   *row = palloc((natts + 1) * sizeof(Datum));
	bool	   *nulls = palloc((natts + 1) * sizeof(bool));

	for (int i = 0; i < query->count; i++)
		smiles[i] = SPI_getvalue(query->rows->vals[i], query->columns, column + 1);

	/* The query may have pushed the model out of the cache. */
	ComputeFingerprints(GetModelById(model_id, false),
						&(Molecules) {.count = query->count, .smiles = (const char *const *) smiles, .standard = standard},
						true, fingerprints);
	for (int i = 0; i < query->count; i++)
	{
		heap_deform_tuple(query->rows->vals[i], query->columns, row, nulls);
		nulls[natts] = fingerprints[i] == NULL;
		row[natts] = PointerGetDatum(fingerprints[i]);
		AddRow(rows, row, nulls);
	}
}

PG_FUNCTION_INFO_V1(hamnet_fingerprint_query);

/* hamnet_fingerprint_query(query text [, model text [, standardize text]]) → the query's rows, each with a fingerprint */
PGDLLEXPORT Datum
hamnet_fingerprint_query(PG_FUNCTION_ARGS)
{
	HnStandard	standard = PG_NARGS() > 2 ? StandardByName(text_to_cstring(PG_GETARG_TEXT_PP(2))) : HN_AS_GIVEN;
	char	   *model_id = pstrdup(GetModelArgument(fcinfo, 1)->id);
	RowSet		rows;
	MemoryContext memory;
	MemoryContext old;
	UserQuery	query;
	int			column;

	if (get_call_result_type(fcinfo, NULL, NULL) != TYPEFUNC_COMPOSITE)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("hamnet_fingerprint_query needs a column definition list"),
				 errhint("Call it as SELECT * FROM hamnet_fingerprint_query('SELECT id, smiles FROM ...') "
						 "AS (id bigint, smiles text, fp hfp).")));
	rows = BeginRows(fcinfo);
	SPI_connect();
	PrepareUserQuery(&query, text_to_cstring(PG_GETARG_TEXT_PP(0)));
	CheckRowType(rows.descriptor, query.columns);
	column = FindSmilesColumn(query.columns);

	memory = AllocSetContextCreate(CurrentMemoryContext, "hamnet query batch", ALLOCSET_DEFAULT_SIZES);
	OpenUserQuery(&query);
	while (FetchRows(&query) > 0)
	{
		old = MemoryContextSwitchTo(memory);
		AddFetched(&rows, &query, model_id, standard, column);
		MemoryContextSwitchTo(old);
		MemoryContextReset(memory);
	}
	CloseUserQuery(&query);
	SPI_finish();
	return (Datum) 0;
}
