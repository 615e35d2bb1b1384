/*
 * enrich_batch.c: the work of hamnet_enrich, a transaction at a time.
 *
 * Everything goes through SQL with the rights of the caller, so privileges,
 * row-level security, triggers, constraints and indexes work as in any UPDATE.
 * Statements name operators, types and functions with their schema: the
 * caller's search path is not trusted to find the right ones.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/itemptr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "compute.h"
#include "enrich.h"
#include "extension.h"
#include "guc.h"

/* Rows that lack a fingerprint, and what is computed for them. */
typedef struct Batch
{
	int			count;
	int			room;
	ItemPointer *places;
	text	  **texts;			/* as SmilesExpression gives them */
	Hfp		  **fingerprints;	/* NULL: none */
	char	  **reasons;		/* why not */
} Batch;

/*
 * The SMILES of a row, as an expression. The parser refuses texts beyond a
 * length; a byte more than that is enough to be refused, and bounds the memory
 * of a batch whatever the column holds. The parser's own limit is in chem.h.
 */
static char *
SmilesExpression(const EnrichRequest *request)
{
	return psprintf("pg_catalog.left(t.%s::pg_catalog.text, %d)",
					quote_identifier(NameStr(request->smiles_column)), 32 * hamnet_max_atoms + 1025);
}

char *
EnrichCondition(const EnrichRequest *request)
{
	StringInfoData condition;

	initStringInfo(&condition);
	appendStringInfo(&condition, "t.%s IS NOT NULL", quote_identifier(NameStr(request->smiles_column)));
	appendStringInfo(&condition, " AND t.%s IS NULL", quote_identifier(NameStr(request->fp_column)));
	if (NameStr(request->error_column)[0] != '\0' && !request->retry)
		appendStringInfo(&condition, " AND t.%s IS NULL", quote_identifier(NameStr(request->error_column)));
	return condition.data;
}

/*
 * Lock a leaf for the rest of the transaction and give its name. It is looked
 * up in each transaction, because it may be renamed between two.
 */
static char *
LockLeaf(Oid leaf)
{
	Relation	relation = try_relation_open(leaf, RowExclusiveLock);
	char	   *name;

	if (relation == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("a table was dropped while hamnet_enrich worked on it")));
	name = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
									  RelationGetRelationName(relation));
	relation_close(relation, NoLock);
	return name;
}

/* The statement that writes $3 into rows at $1 whose SMILES is still $2. */
static char *
UpdateStatement(const EnrichRequest *request, const char *leaf, const char *assignments)
{
	return psprintf("UPDATE ONLY %s AS t SET %s"
					" FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3))"
					" AS v (place, smiles, value)"
					" WHERE t.ctid OPERATOR(pg_catalog.=) v.place"
					" AND %s OPERATOR(pg_catalog.=) v.smiles COLLATE pg_catalog.\"C\" AND %s",
					leaf, assignments, SmilesExpression(request), EnrichCondition(request));
}

static char *
FingerprintUpdate(const EnrichRequest *request, const char *leaf)
{
	char	   *assignments = psprintf("%s = v.value", quote_identifier(NameStr(request->fp_column)));

	if (NameStr(request->error_column)[0] != '\0' && request->retry)
		assignments = psprintf("%s, %s = NULL", assignments,
							   quote_identifier(NameStr(request->error_column)));
	return UpdateStatement(request, leaf, assignments);
}

static char *
ReasonUpdate(const EnrichRequest *request, const char *leaf)
{
	return UpdateStatement(request, leaf, psprintf("%s = v.value",
												   quote_identifier(NameStr(request->error_column))));
}

/* The array type of hfp. */
static Oid
FingerprintArrayType(void)
{
	return get_array_type(FingerprintType());
}

/* Run a statement, and come back to the caller's memory context, which SPI leaves. */
static void
Execute(const char *query, int count, Oid *types, Datum *values, const char *nulls, int expected)
{
	MemoryContext memory = CurrentMemoryContext;

	if (SPI_execute_with_args(query, count, types, values, nulls, false, 0) != expected)
		elog(ERROR, "unexpected result of \"%s\"", query);
	MemoryContextSwitchTo(memory);
}

void
CheckEnrichLeaf(const EnrichRequest *request, Oid leaf)
{
	Oid			types[3] = {TIDARRAYOID, TEXTARRAYOID, FingerprintArrayType()};
	Datum		values[3] = {(Datum) 0};
	char	   *name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(leaf)),
												  get_rel_name(leaf));

	/* EXPLAIN prepares the statement for execution, which checks columns, types and privileges. */
	Execute(psprintf("EXPLAIN %s", FingerprintUpdate(request, name)), 3, types, values, "nnn", SPI_OK_UTILITY);
	if (NameStr(request->error_column)[0] == '\0')
		return;
	types[2] = TEXTARRAYOID;
	Execute(psprintf("EXPLAIN %s", ReasonUpdate(request, name)), 3, types, values, "nnn", SPI_OK_UTILITY);
}

static void
InitBatch(Batch *batch)
{
	batch->count = 0;
	batch->room = 512;
	batch->places = palloc(batch->room * sizeof(ItemPointer));
	batch->texts = palloc(batch->room * sizeof(text *));
}

static void
AddToBatch(Batch *batch, ItemPointer place, text *smiles)
{
	if (batch->count == batch->room)
	{
		batch->room *= 2;
		batch->places = repalloc(batch->places, batch->room * sizeof(ItemPointer));
		batch->texts = repalloc(batch->texts, batch->room * sizeof(text *));
	}
	batch->places[batch->count] = palloc(sizeof(ItemPointerData));
	ItemPointerCopy(place, batch->places[batch->count]);
	batch->texts[batch->count++] = smiles;
}

/* The rows of blocks first <= block < end, as a condition. */
static char *
BlockCondition(BlockNumber first, BlockNumber end)
{
#if PG_VERSION_NUM >= 140000
	return psprintf("t.ctid OPERATOR(pg_catalog.>=) '(%u,0)'::pg_catalog.tid"
					" AND t.ctid OPERATOR(pg_catalog.<) '(%u,0)'::pg_catalog.tid", first, end);
#else
	/* No range scans on ctid yet: name every place that a row can have. */
	return psprintf("t.ctid OPERATOR(pg_catalog.=) ANY (ARRAY("
					"SELECT pg_catalog.format('(%%s,%%s)', b, i)::pg_catalog.tid"
					" FROM pg_catalog.generate_series(%u::pg_catalog.int8, %u) AS b,"
					" pg_catalog.generate_series(1, %d) AS i))", first, end - 1, (int) MaxHeapTuplesPerPage);
#endif
}

/* Add the rows of one chunk that lack a fingerprint. */
static void
SelectChunk(const EnrichJob *job, const EnrichLeaf *leaf, const char *name, uint64 chunk, Batch *batch)
{
	BlockNumber first = (BlockNumber) (chunk - leaf->first_chunk) * job->chunk_blocks;
	BlockNumber end = Min(first + job->chunk_blocks, leaf->blocks);
	char	   *query = psprintf("SELECT t.ctid, %s FROM ONLY %s AS t WHERE %s AND %s",
								 SmilesExpression(&job->request), name, BlockCondition(first, end),
								 EnrichCondition(&job->request));
	SPITupleTable *rows;

	/* Values may lie out of line; a snapshot keeps them there until they are copied. */
	PushActiveSnapshot(GetTransactionSnapshot());
	Execute(query, 0, NULL, NULL, NULL, SPI_OK_SELECT);
	rows = SPI_tuptable;
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		Datum		place = SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &isnull);
		Datum		smiles = SPI_getbinval(rows->vals[i], rows->tupdesc, 2, &isnull);

		AddToBatch(batch, (ItemPointer) DatumGetPointer(place), DatumGetTextPCopy(smiles));
	}
	SPI_freetuptable(rows);
	PopActiveSnapshot();
}

static void
ComputeBatch(const EnrichJob *job, Batch *batch)
{
	char	  **smiles = palloc(batch->count * sizeof(char *));
	const CachedModel *model;

	batch->fingerprints = palloc(batch->count * sizeof(Hfp *));
	batch->reasons = palloc(batch->count * sizeof(char *));
	for (int i = 0; i < batch->count; i++)
		smiles[i] = text_to_cstring(batch->texts[i]);

	/* A stored model may have to be read from its table. */
	PushActiveSnapshot(GetTransactionSnapshot());
	model = GetModelById(job->request.model_id);
	PopActiveSnapshot();
	ComputeFingerprints(model, smiles, batch->count, batch->fingerprints, batch->reasons);
}

/*
 * Write the fingerprints of a batch, or, if reasons is true, the reasons of
 * the rows without. Returns the number of rows that were as they had been read.
 */
static uint64
WriteBatch(const EnrichRequest *request, const char *leaf, const Batch *batch, bool reasons)
{
	Oid			types[3] = {TIDARRAYOID, TEXTARRAYOID, reasons ? TEXTARRAYOID : FingerprintArrayType()};
	Datum	   *columns[3];
	Datum		values[3];
	char	   *query = reasons ? ReasonUpdate(request, leaf) : FingerprintUpdate(request, leaf);
	int			count = 0;

	for (int c = 0; c < 3; c++)
		columns[c] = palloc(batch->count * sizeof(Datum));
	for (int i = 0; i < batch->count; i++)
	{
		if ((batch->reasons[i] != NULL) != reasons)
			continue;
		columns[0][count] = PointerGetDatum(batch->places[i]);
		columns[1][count] = PointerGetDatum(batch->texts[i]);
		columns[2][count] = reasons ? CStringGetTextDatum(batch->reasons[i]) :
			PointerGetDatum(batch->fingerprints[i]);
		count++;
	}
	if (count == 0)
		return 0;
	values[0] = PointerGetDatum(construct_array(columns[0], count, TIDOID, sizeof(ItemPointerData),
												false, TYPALIGN_SHORT));
	values[1] = PointerGetDatum(construct_array(columns[1], count, TEXTOID, -1, false, TYPALIGN_INT));
	values[2] = PointerGetDatum(construct_array(columns[2], count, get_element_type(types[2]),
												-1, false, TYPALIGN_INT));
	PushActiveSnapshot(GetTransactionSnapshot());
	Execute(query, 3, types, values, NULL, SPI_OK_UPDATE);
	PopActiveSnapshot();
	return SPI_processed;
}

/* The leaf that a chunk belongs to; chunks come in ascending order. */
static const EnrichLeaf *
LeafOfChunk(const EnrichJob *job, uint64 chunk)
{
	int			low = 0;
	int			high = job->leaf_count - 1;

	while (low < high)
	{
		int			middle = low + (high - low + 1) / 2;

		if (job->leaves[middle].first_chunk <= chunk)
			low = middle;
		else
			high = middle - 1;
	}
	return &job->leaves[low];
}

void
RunEnrichBatches(EnrichJob *job, void (*batch_done) (EnrichJob *job, void *state), void *state)
{
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "hamnet enrich batch",
												 ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = CurrentMemoryContext;
	uint64		chunk = pg_atomic_fetch_add_u64(&job->next_chunk, 1);

	while (chunk < job->chunk_count)
	{
		const EnrichLeaf *leaf = LeafOfChunk(job, chunk);
		uint64		filled;
		uint64		invalid = 0;
		char	   *name;
		Batch		batch;

		MemoryContextSwitchTo(memory);
		name = LockLeaf(leaf->relation);
		InitBatch(&batch);
		do
		{
			CHECK_FOR_INTERRUPTS();
			SelectChunk(job, leaf, name, chunk, &batch);
			chunk = pg_atomic_fetch_add_u64(&job->next_chunk, 1);
		} while (batch.count < job->request.batch_rows && chunk < job->chunk_count &&
				 LeafOfChunk(job, chunk) == leaf);

		ComputeBatch(job, &batch);
		filled = WriteBatch(&job->request, name, &batch, false);
		if (NameStr(job->request.error_column)[0] != '\0')
			invalid = WriteBatch(&job->request, name, &batch, true);
		else
			for (int i = 0; i < batch.count; i++)
				invalid += batch.reasons[i] != NULL;

		MemoryContextReset(memory);
		batch_done(job, state);
		MemoryContextSwitchTo(caller);
		pg_atomic_fetch_add_u64(&job->filled, filled);
		pg_atomic_fetch_add_u64(&job->invalid, invalid);
	}
	MemoryContextDelete(memory);
}
