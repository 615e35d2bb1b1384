/*
 * enrich/conformers.c: filling a table of conformers.
 *
 * A row of the table of molecules is done when the table of conformers has its
 * key. All conformers of a batch are inserted by one statement, which takes only
 * those of rows that are still what was read.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "storage/itemptr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "chem/conformers.h"
#include "enrich/enrich.h"
#include "server/core.h"
#include "server/guc.h"
#include "server/options.h"

/* Columns of the table of conformers, and what a statement is given for them. */
#define PARAMETERS 6

static const Oid parameter_types[PARAMETERS] = {
	TIDARRAYOID, TEXTARRAYOID, INT4ARRAYOID, FLOAT8ARRAYOID, FLOAT8ARRAYOID, TEXTARRAYOID
};

/* What option "conformers" of hamnet_enrich holds. */
typedef struct ConformerOptions
{
	char	   *table;
	char	   *key;
	int64		n;
	Jsonb	   *options;
} ConformerOptions;

static const Option conformer_options[] = {
	{"table", OPTION_TEXT, offsetof(ConformerOptions, table)},
	{"key", OPTION_TEXT, offsetof(ConformerOptions, key), .text = {"id"}},
	{"n", OPTION_INTEGER, offsetof(ConformerOptions, n), .integer = {10, 1, HN_CONFORMATIONS_MAX}},
	{"options", OPTION_JSON, offsetof(ConformerOptions, options)},
};

void
ReadConformers(EnrichRequest *request, const Jsonb *json)
{
	static const char *const columns[] = {"conformer", "energy", "weight", "molblock"};
	ConformerOptions options;
	Jsonb	   *empty = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));

	ReadOptions(json, conformer_options, lengthof(conformer_options), &options);
	if (options.table == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"conformers\" names no table"),
				 errhint("Write it as {\"table\": \"conformation\", \"key\": \"id\", \"n\": 10}.")));
	request->conformers = DatumGetObjectId(DirectFunctionCall1(regclassin, CStringGetDatum(options.table)));
	CheckTableKind(request->conformers);
	namestrcpy(&request->key_column, options.key);
	CheckColumn(request->table, options.key);
	CheckColumn(request->conformers, options.key);
	for (int c = 0; c < lengthof(columns); c++)
		CheckColumn(request->conformers, columns[c]);
	request->conformer_options = ReadConformerOptions(options.options ? options.options : empty, options.n);
}

char *
ConformerCondition(const EnrichRequest *request)
{
	const char *key = quote_identifier(NameStr(request->key_column));

	return psprintf("t.%s IS NOT NULL AND NOT EXISTS (SELECT FROM %s AS c WHERE c.%s OPERATOR(pg_catalog.=) t.%s)",
					key, RelationName(request->conformers), key, key);
}

/* Insert conformers of rows at $1 whose SMILES is still $2; returns the number of each in its row. */
static char *
InsertStatement(const EnrichRequest *request, const char *leaf)
{
	const char *key = quote_identifier(NameStr(request->key_column));

	return psprintf("INSERT INTO %s (%s, conformer, energy, weight, molblock)"
					" SELECT t.%s, v.conformer, v.energy, v.weight, v.molblock"
					" FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3),"
					" pg_catalog.unnest($4), pg_catalog.unnest($5), pg_catalog.unnest($6))"
					" AS v (ctid, smiles, conformer, energy, weight, molblock)"
					" JOIN ONLY %s AS t ON t.ctid OPERATOR(pg_catalog.=) v.ctid"
					" AND %s OPERATOR(pg_catalog.=) v.smiles COLLATE pg_catalog.\"C\" AND %s RETURNING conformer",
					RelationName(request->conformers), key, key, leaf, EnrichSmiles(request), EnrichCondition(request));
}

void
CheckConformerLeaf(const EnrichRequest *request, const char *leaf)
{
	Datum		values[PARAMETERS] = {(Datum) 0};
	MemoryContext memory = CurrentMemoryContext;

	if (SPI_execute_with_args(psprintf("EXPLAIN %s", InsertStatement(request, leaf)), PARAMETERS,
							  (Oid *) parameter_types, values, "nnnnnn", false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "conformers cannot be checked");
	MemoryContextSwitchTo(memory);
}

/* Conformers of a batch, as columns. */
typedef struct Columns
{
	int			count;
	int			capacity;
	Datum	   *values[PARAMETERS];
	bool	   *unknown;		/* whether there is no energy */
} Columns;

static void
InitColumns(Columns *columns)
{
	columns->count = 0;
	columns->capacity = 1024;
	for (int p = 0; p < PARAMETERS; p++)
		columns->values[p] = palloc(columns->capacity * sizeof(Datum));
	columns->unknown = palloc(columns->capacity * sizeof(bool));
}

static void
AddConformer(Columns *columns, ItemPointer ctid, text *smiles, int number, const HnConformer *conformer)
{
	int			place = columns->count++;

	if (place == columns->capacity)
	{
		columns->capacity *= 2;
		for (int p = 0; p < PARAMETERS; p++)
			columns->values[p] = repalloc_huge(columns->values[p], columns->capacity * sizeof(Datum));
		columns->unknown = repalloc_huge(columns->unknown, columns->capacity * sizeof(bool));
	}
	columns->values[0][place] = PointerGetDatum(ctid);
	columns->values[1][place] = PointerGetDatum(smiles);
	columns->values[2][place] = Int32GetDatum(number);
	columns->values[3][place] = Float8GetDatum(conformer->energy);
	columns->values[4][place] = Float8GetDatum(conformer->weight);
	columns->values[5][place] = CStringGetTextDatum(conformer->molblock);
	columns->unknown[place] = isnan(conformer->energy);
}

/* Make the conformers of one row; returns why there are none, or NULL. */
static char *
MakeConformers(const EnrichRequest *request, Columns *columns, ItemPointer ctid, text *smiles)
{
	char	   *string = text_to_cstring(smiles);
	HnContext  *context = BeginCore();
	HnConformers conformers;

	if (hn_standardize(context, string, request->standard, hamnet_max_atoms, (const char **) &string) != HN_OK ||
		hn_conformers(context, string, &request->conformer_options, hamnet_max_atoms, &conformers) != HN_OK)
	{
		ReportFailure(context, string, true);
		return pstrdup(context->message);
	}
	for (int c = 0; c < conformers.count; c++)
		AddConformer(columns, ctid, smiles, c + 1, &conformers.members[c]);
	return NULL;
}

static Datum
ColumnArray(const Columns *columns, int parameter)
{
	static const struct
	{
		Oid			type;
		int			length;
		bool		by_value;
		char		alignment;
	}			elements[PARAMETERS] = {
		{TIDOID, sizeof(ItemPointerData), false, TYPALIGN_SHORT}, {TEXTOID, -1, false, TYPALIGN_INT},
		{INT4OID, sizeof(int32), true, TYPALIGN_INT}, {FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE},
		{FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE}, {TEXTOID, -1, false, TYPALIGN_INT}
	};
	int			dimensions[1] = {columns->count};
	int			bounds[1] = {1};

	return PointerGetDatum(construct_md_array(columns->values[parameter], parameter == 3 ? columns->unknown : NULL, 1,
											  dimensions, bounds, elements[parameter].type, elements[parameter].length,
											  elements[parameter].by_value, elements[parameter].alignment));
}

/* Insert what was made; returns the number of rows that got conformers. */
static uint64
InsertConformers(const EnrichRequest *request, const char *leaf, const Columns *columns)
{
	MemoryContext memory = CurrentMemoryContext;
	Datum		values[PARAMETERS];
	uint64		rows = 0;
	bool		isnull;

	if (columns->count == 0)
		return 0;
	for (int p = 0; p < PARAMETERS; p++)
		values[p] = ColumnArray(columns, p);
	PushActiveSnapshot(GetTransactionSnapshot());
	if (SPI_execute_with_args(InsertStatement(request, leaf), PARAMETERS, (Oid *) parameter_types, values, NULL,
							  false, 0) != SPI_OK_INSERT_RETURNING)
		elog(ERROR, "conformers cannot be inserted");
	for (uint64 i = 0; i < SPI_processed; i++)
		rows += DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull)) == 1;
	SPI_freetuptable(SPI_tuptable);
	PopActiveSnapshot();
	MemoryContextSwitchTo(memory);
	return rows;
}

uint64
FillConformers(const EnrichRequest *request, const char *leaf, const ItemPointer *ctids, text **smiles, int count,
			   char **reasons)
{
	Columns		columns;

	InitColumns(&columns);
	for (int i = 0; i < count; i++)
		reasons[i] = MakeConformers(request, &columns, ctids[i], smiles[i]);
	return InsertConformers(request, leaf, &columns);
}
