/*
 * model/fingerprint_query.c: hamnet_fingerprint_query, which adds a fingerprint to
 * each row of a query.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "model/compute.h"
#include "server/extension.h"
#include "server/srf.h"

/* Rows fetched and computed at a time: the memory needed, whatever the query returns. */
#define FETCHED_ROWS 256

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

/*
 * Compute the fetched rows and add them to the result. One molecule that is
 * too large would stop a load of millions; it has no fingerprint, like others
 * that are no use, and hamnet_smiles_error() tells why.
 */
static void
AddFetched(RowSet *rows, const char *model_id, int column)
{
	TupleDesc	query = SPI_tuptable->tupdesc;
	int			count = (int) SPI_processed;
	char	   *smiles[FETCHED_ROWS];
	Hfp		   *fingerprints[FETCHED_ROWS];
	char	   *reasons[FETCHED_ROWS];
	Datum	   *row = palloc(rows->descriptor->natts * sizeof(Datum));
	bool	   *nulls = palloc(rows->descriptor->natts * sizeof(bool));

	for (int i = 0; i < count; i++)
		smiles[i] = SPI_getvalue(SPI_tuptable->vals[i], query, column + 1);

	/* The query may have pushed the model out of the cache. */
	ComputeFingerprints(GetModelById(model_id, false), smiles, count, fingerprints, NULL, reasons);
	for (int i = 0; i < count; i++)
	{
		heap_deform_tuple(SPI_tuptable->vals[i], query, row, nulls);
		nulls[query->natts] = fingerprints[i] == NULL;
		row[query->natts] = PointerGetDatum(fingerprints[i]);
		AddRow(rows, row, nulls);
	}
}

PG_FUNCTION_INFO_V1(hamnet_fingerprint_query);

/* hamnet_fingerprint_query(query text [, model text]) → the query's rows, each with a fingerprint */
PGDLLEXPORT Datum
hamnet_fingerprint_query(PG_FUNCTION_ARGS)
{
	char	   *query = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *model_id = pstrdup(GetModelArgument(fcinfo, 1)->id);
	RowSet		rows;
	MemoryContext memory;
	SPIPlanPtr	plan;
	Portal		cursor;
	int			column;

	if (get_call_result_type(fcinfo, NULL, NULL) != TYPEFUNC_COMPOSITE)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("hamnet_fingerprint_query needs a column definition list"),
				 errhint("Call it as SELECT * FROM hamnet_fingerprint_query('SELECT id, smiles FROM ...') "
						 "AS (id bigint, smiles text, fp hfp).")));
	rows = BeginRows(fcinfo);
	SPI_connect();
	plan = SPI_prepare(query, 0, NULL);
	if (plan == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_CURSOR_DEFINITION),
				 errmsg("cannot read the rows of \"%s\"", query)));
	cursor = SPI_cursor_open(NULL, plan, NULL, NULL, true);
	CheckRowType(rows.descriptor, cursor->tupDesc);
	column = FindSmilesColumn(cursor->tupDesc);

	memory = AllocSetContextCreate(CurrentMemoryContext, "hamnet query batch", ALLOCSET_DEFAULT_SIZES);
	for (;;)
	{
		SPI_cursor_fetch(cursor, true, FETCHED_ROWS);
		if (SPI_processed == 0)
			break;
		MemoryContextSwitchTo(memory);
		AddFetched(&rows, model_id, column);
		MemoryContextReset(memory);
		SPI_freetuptable(SPI_tuptable);
	}
	/* An open cursor would keep the query's tables in use for the rest of the transaction. */
	SPI_cursor_close(cursor);
	SPI_finish();
	return (Datum) 0;
}
