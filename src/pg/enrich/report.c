/*
 * enrich/report.c: hamnet_enrich_report, which lists the rows without a fingerprint.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "enrich/enrich.h"
#include "server/core.h"
#include "server/query.h"
#include "server/srf.h"

/* Add what was fetched of a row, its table, ctid and SMILES, and what is wrong with the SMILES. */
static void
AddReportRow(RowSet *rows, HeapTuple fetched, TupleDesc columns)
{
	Datum		row[4];
	bool		nulls[4];
	char	   *smiles;
	const char *reason;

	heap_deform_tuple(fetched, columns, row, nulls);
	smiles = TextDatumGetCString(row[2]);
	reason = SmilesError(smiles);
	nulls[3] = reason == NULL;
	row[3] = reason ? CStringGetTextDatum(ReasonBeside(reason)) : (Datum) 0;
	AddRow(rows, row, nulls);
	pfree(smiles);
	if (reason)
		pfree(DatumGetPointer(row[3]));
}

/* Run the query, whose text is no concern of a caller without the right to read the table. */
static void
OpenReport(UserQuery *query, const char *text)
{
	MemoryContext memory = CurrentMemoryContext;

	PG_TRY();
	{
		PrepareUserQuery(query, text);
		OpenUserQuery(query);
	}
	PG_CATCH();
	{
		RethrowWithoutQuery(text, memory);
	}
	PG_END_TRY();
}

PG_FUNCTION_INFO_V1(hamnet_enrich_report);

/* hamnet_enrich_report(table regclass, smiles_column name, fp_column name) → (relation, ctid, smiles, reason) */
PGDLLEXPORT Datum
hamnet_enrich_report(PG_FUNCTION_ARGS)
{
	Oid			table = PG_GETARG_OID(0);
	const char *smiles_column = NameStr(*PG_GETARG_NAME(1));
	const char *fp_column = NameStr(*PG_GETARG_NAME(2));
	const char *smiles = quote_identifier(smiles_column);
	RowSet		rows = BeginRows(fcinfo);
	HeapTuple	tuple;
	UserQuery	query;

	CheckTableKind(table);
	CheckSmilesColumn(table, smiles_column);
	CheckColumn(table, fp_column);
	SPI_connect();
	OpenReport(&query, psprintf("SELECT t.tableoid::pg_catalog.regclass, t.ctid, t.%s::pg_catalog.text"
								" FROM %s AS t WHERE t.%s IS NOT NULL AND t.%s IS NULL",
								smiles, RelationName(table), smiles, quote_identifier(fp_column)));
	while ((tuple = NextRow(&query)) != NULL)
		AddReportRow(&rows, tuple, query.columns);
	CloseUserQuery(&query);
	SPI_finish();
	return (Datum) 0;
}
