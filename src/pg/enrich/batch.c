/*
 * enrich/batch.c: the work of hamnet_enrich, a transaction at a time.
 *
 * Everything goes through SQL with the rights of the caller, so privileges,
 * row-level security, triggers, constraints and indexes work as in any UPDATE.
 * Statements name operators, types and functions with their schema: the
 * caller's search path is not trusted to find the right ones.
 */
#include "postgres.h"

#include <math.h>

#include "access/relation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "rewrite/prs2lock.h"
#include "rewrite/rewriteDefine.h"
#include "storage/itemptr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "enrich/enrich.h"
#include "model/compute.h"
#include "server/extension.h"
#include "server/guc.h"
#include "server/query.h"

/* Columns that receive results. */
#define MAX_COLUMNS (1 + MAX_ENRICH_PREDICTIONS)

/* Rows that lack a result, and what is computed for them. */
typedef struct Batch
{
	int			count;
	int			capacity;
	ItemPointer *ctids;
	text	  **texts;			/* as EnrichSmiles gives them */
	Hfp		  **fingerprints;	/* by the first model */
	double	  **numbers[MAX_ENRICH_MODELS][PREDICTION_KINDS];	/* of every target; NULL: not wanted */
	char	  **reasons;		/* why there is no result; NULL elsewhere */
} Batch;

static bool
HasColumn(const NameData *column)
{
	return NameStr(*column)[0] != '\0';
}

/* The columns that receive results, fingerprint first. */
static int
ListColumns(const EnrichRequest *request, const char **columns)
{
	int			count = 0;

	if (HasColumn(&request->fp_column))
		columns[count++] = NameStr(request->fp_column);
	for (int p = 0; p < request->prediction_count; p++)
		columns[count++] = NameStr(request->predictions[p].column);
	return count;
}

/*
 * The SMILES of a row, as an expression. The parser refuses texts beyond a
 * length; a byte more than that is enough to be refused, and bounds the memory
 * of a batch whatever the column holds. The parser's own limit is in chem.h.
 */
char *
EnrichSmiles(const EnrichRequest *request)
{
	return psprintf("pg_catalog.left(t.%s::pg_catalog.text, %d)",
					quote_identifier(NameStr(request->smiles_column)), 32 * hamnet_max_atoms + 1025);
}

char *
EnrichCondition(const EnrichRequest *request)
{
	const char *columns[MAX_COLUMNS];
	int			count = ListColumns(request, columns);
	StringInfoData condition;

	initStringInfo(&condition);
	appendStringInfo(&condition, "t.%s IS NOT NULL AND (", quote_identifier(NameStr(request->smiles_column)));
	if (OidIsValid(request->conformers))
		appendStringInfoString(&condition, ConformerCondition(request));
	for (int c = 0; c < count; c++)
		appendStringInfo(&condition, "%st.%s IS NULL", c == 0 ? "" : " OR ", quote_identifier(columns[c]));
	appendStringInfoChar(&condition, ')');
	if (HasColumn(&request->error_column) && !request->retry)
		appendStringInfo(&condition, " AND t.%s IS NULL", quote_identifier(NameStr(request->error_column)));
	return condition.data;
}

char *
WaitingCondition(const EnrichRequest *request)
{
	char	   *condition = EnrichCondition(request);

	return request->where[0] == '\0' ? condition : psprintf("%s AND (\n%s\n)", condition, request->where);
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

/* The statement that writes count values, $3 and on, into rows at $1 whose SMILES is still $2. */
static char *
UpdateStatement(const EnrichRequest *request, const char *leaf, int count, const char *assignments)
{
	StringInfoData statement;

	initStringInfo(&statement);
	appendStringInfo(&statement, "UPDATE ONLY %s AS t SET %s"
					 " FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)", leaf, assignments);
	for (int c = 0; c < count; c++)
		appendStringInfo(&statement, ", pg_catalog.unnest($%d)", c + 3);
	appendStringInfoString(&statement, ") AS v (ctid, smiles");
	for (int c = 0; c < count; c++)
		appendStringInfo(&statement, ", value%d", c);
	appendStringInfo(&statement, ") WHERE t.ctid OPERATOR(pg_catalog.=) v.ctid"
					 " AND %s OPERATOR(pg_catalog.=) v.smiles COLLATE pg_catalog.\"C\" AND %s",
					 EnrichSmiles(request), EnrichCondition(request));
	return statement.data;
}

/* Whether all columns have a result, as an expression: a trigger may have taken it away. */
static char *
AllFilled(const char *const *columns, int count)
{
	StringInfoData condition;

	initStringInfo(&condition);
	for (int c = 0; c < count; c++)
		appendStringInfo(&condition, "%st.%s IS NOT NULL", c == 0 ? "" : " AND ", quote_identifier(columns[c]));
	return condition.data;
}

/* Results go where there is none yet: an earlier call may have written some of them. */
static char *
ResultUpdate(const EnrichRequest *request, Oid leaf, const char *name)
{
	const char *columns[MAX_COLUMNS];
	int			count = ListColumns(request, columns);
	StringInfoData assignments;

	initStringInfo(&assignments);
	for (int c = 0; c < count; c++)
	{
		Oid			type;
		int32		typmod;
		Oid			collation;

		get_atttypetypmodcoll(leaf, get_attnum(leaf, columns[c]), &type, &typmod, &collation);
		appendStringInfo(&assignments, "%s%s = COALESCE(t.%s, CAST(v.value%d AS %s))", c == 0 ? "" : ", ",
						 quote_identifier(columns[c]), quote_identifier(columns[c]), c,
						 format_type_extended(type, typmod, FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY));
	}
	if (HasColumn(&request->error_column) && request->retry)
		appendStringInfo(&assignments, ", %s = NULL", quote_identifier(NameStr(request->error_column)));
	return psprintf("%s RETURNING %s", UpdateStatement(request, name, count, assignments.data), AllFilled(columns, count));
}

/* A reason that stays the same is not written again: the new row would be met again, and counted twice. */
static char *
ReasonUpdate(const EnrichRequest *request, const char *name)
{
	const char *column = quote_identifier(NameStr(request->error_column));

	return psprintf("%s AND (t.%s OPERATOR(pg_catalog.=) v.value0 COLLATE pg_catalog.\"C\") IS NOT TRUE",
					UpdateStatement(request, name, 1, psprintf("%s = v.value0", column)), column);
}

/* Types of the parameters of ResultUpdate; returns their number. */
static int
ResultTypes(const EnrichRequest *request, Oid *types)
{
	int			count = 0;

	types[count++] = TIDARRAYOID;
	types[count++] = TEXTARRAYOID;
	if (HasColumn(&request->fp_column))
		types[count++] = get_array_type(FingerprintType());
	for (int p = 0; p < request->prediction_count; p++)
		types[count++] = FLOAT8ARRAYOID;
	return count;
}

static const Oid reason_types[3] = {TIDARRAYOID, TEXTARRAYOID, TEXTARRAYOID};

/* Run a statement, and come back to the caller's memory context, which SPI leaves. */
static void
Execute(const char *query, int count, const Oid *types, Datum *values, const char *nulls, int expected)
{
	MemoryContext memory = CurrentMemoryContext;

	if (SPI_execute_with_args(query, count, (Oid *) types, values, nulls, false, 0) != expected)
		elog(ERROR, "unexpected result of \"%s\"", query);
	MemoryContextSwitchTo(memory);
}

/*
 * EXPLAIN prepares a statement for execution, which checks columns, types and
 * privileges. Whoever may not write need not see the statement.
 */
static void
Explain(const char *query, int count, const Oid *types)
{
	Datum		values[MAX_COLUMNS + 2] = {(Datum) 0};
	char		nulls[MAX_COLUMNS + 2];
	char	   *explain = psprintf("EXPLAIN %s", query);
	MemoryContext memory = CurrentMemoryContext;

	memset(nulls, 'n', sizeof(nulls));
	PG_TRY();
	{
		Execute(explain, count, types, values, nulls, SPI_OK_UTILITY);
	}
	PG_CATCH();
	{
		RethrowWithoutQuery(explain, memory);
	}
	PG_END_TRY();
}

/* Refuse a table whose updates become something else: what hamnet_enrich writes would not arrive. */
static void
CheckRules(Oid leaf)
{
	Relation	relation = relation_open(leaf, AccessShareLock);
	RuleLock   *rules = relation->rd_rules;

	for (int i = 0; rules != NULL && i < rules->numLocks; i++)
		if (rules->rules[i]->event == CMD_UPDATE && rules->rules[i]->isInstead &&
			rules->rules[i]->enabled != RULE_DISABLED)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("table \"%s\" has a rule that does something else instead of UPDATE",
							RelationGetRelationName(relation)),
					 errdetail("hamnet_enrich writes into the rows of the table by UPDATE."),
					 errhint("Disable the rule meanwhile: ALTER TABLE ... DISABLE RULE.")));
	relation_close(relation, NoLock);
}

void
CheckEnrichLeaf(const EnrichRequest *request, Oid leaf)
{
	Oid			types[MAX_COLUMNS + 2];
	int			count = ResultTypes(request, types);
	char	   *name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(leaf)),
												  get_rel_name(leaf));

	CheckRules(leaf);
	if (OidIsValid(request->conformers))
		CheckConformerLeaf(request, name);
	else
		Explain(ResultUpdate(request, leaf, name), count, types);
	if (HasColumn(&request->error_column))
		Explain(ReasonUpdate(request, name), lengthof(reason_types), reason_types);
}

static void
InitBatch(Batch *batch)
{
	batch->count = 0;
	batch->capacity = 512;
	batch->ctids = palloc(batch->capacity * sizeof(ItemPointer));
	batch->texts = palloc(batch->capacity * sizeof(text *));
}

static void
AddToBatch(Batch *batch, ItemPointer ctid, text *smiles)
{
	if (batch->count == batch->capacity)
	{
		batch->capacity *= 2;
		batch->ctids = repalloc(batch->ctids, batch->capacity * sizeof(ItemPointer));
		batch->texts = repalloc(batch->texts, batch->capacity * sizeof(text *));
	}
	batch->ctids[batch->count] = palloc(sizeof(ItemPointerData));
	ItemPointerCopy(ctid, batch->ctids[batch->count]);
	batch->texts[batch->count++] = smiles;
}

/* The rows of blocks first <= block < end, as a condition. */
static char *
BlockCondition(BlockNumber first, BlockNumber end)
{
	return psprintf("t.ctid OPERATOR(pg_catalog.>=) '(%u,0)'::pg_catalog.tid"
					" AND t.ctid OPERATOR(pg_catalog.<) '(%u,0)'::pg_catalog.tid", first, end);
}

/* Add the rows of one chunk that lack a result. */
static void
SelectChunk(const EnrichJob *job, const EnrichLeaf *leaf, const char *name, uint64 chunk, Batch *batch)
{
	BlockNumber first = (BlockNumber) (chunk - leaf->first_chunk) * job->chunk_blocks;
	BlockNumber end = Min(first + job->chunk_blocks, leaf->blocks);
	char	   *query = psprintf("SELECT t.ctid, %s FROM ONLY %s AS t WHERE %s AND %s",
								 EnrichSmiles(&job->request), name, BlockCondition(first, end),
								 WaitingCondition(&job->request));
	SPITupleTable *rows;

	/* Values may lie out of line; a snapshot keeps them there until they are copied. */
	PushActiveSnapshot(GetTransactionSnapshot());
	Execute(query, 0, NULL, NULL, NULL, SPI_OK_SELECT);
	rows = SPI_tuptable;
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		Datum		ctid = SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &isnull);
		Datum		smiles = SPI_getbinval(rows->vals[i], rows->tupdesc, 2, &isnull);

		AddToBatch(batch, (ItemPointer) DatumGetPointer(ctid), DatumGetTextPCopy(smiles));
	}
	SPI_freetuptable(rows);
	PopActiveSnapshot();
}

/* Find one of the request's models. */
static const CachedModel *
GetRequestModel(const EnrichRequest *request, int index)
{
	const CachedModel *model;

	/* A stored model may have to be read from its table. */
	PushActiveSnapshot(GetTransactionSnapshot());
	model = GetModelById(request->models[index], true);
	PopActiveSnapshot();
	if (model == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the model was dropped or replaced while hamnet_enrich worked with it"),
				 errdetail("Its identity was %s.", request->models[index]),
				 errhint("Fingerprints that are stored are of that model.")));
	return model;
}

/* Prepare for the numbers that columns want of a model. The heads give values wherever they give others. */
static void
InitNumbers(const EnrichRequest *request, int model, Batch *batch)
{
	memset(batch->numbers[model], 0, sizeof(batch->numbers[model]));
	for (int p = 0; p < request->prediction_count; p++)
	{
		const EnrichPrediction *prediction = &request->predictions[p];

		if (prediction->model == model && batch->numbers[model][prediction->kind] == NULL)
			batch->numbers[model][prediction->kind] = palloc(batch->count * sizeof(double *));
	}
}

/* Compute what columns want of one model. A row that has failed with an earlier one is passed over. */
static void
ComputeWithModel(const EnrichRequest *request, int index, const char **smiles, Batch *batch)
{
	const CachedModel *model = GetRequestModel(request, index);
	MoleculeResults results = {.fingerprints = palloc(batch->count * sizeof(Hfp *)),
	.reasons = palloc(batch->count * sizeof(char *))};

	InitNumbers(request, index, batch);
	results.predictions = batch->numbers[index][PREDICTION_VALUE];
	results.sds = batch->numbers[index][PREDICTION_SD];
	results.novelties = batch->numbers[index][PREDICTION_NOVELTY];
	ComputeMolecules(model, &(Molecules) {.count = batch->count, .smiles = smiles, .standard = request->standard},
					 true, &results);
	for (int i = 0; i < batch->count; i++)
		if (results.reasons[i])
		{
			batch->reasons[i] = results.reasons[i];
			smiles[i] = NULL;
		}
	if (index == 0)
		batch->fingerprints = results.fingerprints;
}

static void
ComputeBatch(const EnrichRequest *request, Batch *batch)
{
	const char **smiles = palloc(batch->count * sizeof(char *));

	batch->reasons = palloc0(batch->count * sizeof(char *));
	for (int i = 0; i < batch->count; i++)
		smiles[i] = text_to_cstring(batch->texts[i]);
	for (int m = 0; m < request->model_count; m++)
		ComputeWithModel(request, m, smiles, batch);
}

/* The rows of a batch that have a result, or, if failed is true, those that have none. */
static int *
ChooseRows(const Batch *batch, bool failed, int *count)
{
	int		   *rows = palloc(batch->count * sizeof(int));

	*count = 0;
	for (int i = 0; i < batch->count; i++)
		if ((batch->reasons[i] != NULL) == failed)
			rows[(*count)++] = i;
	return rows;
}

/* The first two parameters of an update: where the rows are, and what was read there. */
static void
SetRows(const Batch *batch, const int *rows, int count, Datum *values)
{
	Datum	   *elements = palloc(count * sizeof(Datum));

	for (int i = 0; i < count; i++)
		elements[i] = PointerGetDatum(batch->ctids[rows[i]]);
	values[0] = PointerGetDatum(construct_array(elements, count, TIDOID, sizeof(ItemPointerData),
												false, TYPALIGN_SHORT));
	for (int i = 0; i < count; i++)
		elements[i] = PointerGetDatum(batch->texts[rows[i]]);
	values[1] = PointerGetDatum(construct_array(elements, count, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Count the rows that an update returned with their results in place. */
static uint64
CountFilled(void)
{
	SPITupleTable *rows = SPI_tuptable;
	uint64		filled = 0;

	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;

		filled += DatumGetBool(SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &isnull));
	}
	SPI_freetuptable(rows);
	return filled;
}

/* Run an update; returns the number of rows that were as they had been read, and have what was written. */
static uint64
Update(const char *query, int count, const Oid *types, Datum *values, int expected)
{
	PushActiveSnapshot(GetTransactionSnapshot());
	Execute(query, count, types, values, NULL, expected);
	PopActiveSnapshot();
	return expected == SPI_OK_UPDATE_RETURNING ? CountFilled() : SPI_processed;
}

/* Return the fingerprints of some rows as an array. */
static Datum
FingerprintArray(const Batch *batch, const int *rows, int count)
{
	Datum	   *elements = palloc(count * sizeof(Datum));

	for (int i = 0; i < count; i++)
		elements[i] = PointerGetDatum(batch->fingerprints[rows[i]]);
	return PointerGetDatum(construct_array(elements, count, FingerprintType(), -1, false, TYPALIGN_INT));
}

/* Return the numbers of some rows for a column as an array, NULL where one is not known. */
static Datum
NumberArray(const EnrichPrediction *prediction, const Batch *batch, const int *rows, int count)
{
	double	  **numbers = batch->numbers[prediction->model][prediction->kind];
	Datum	   *elements = palloc(count * sizeof(Datum));
	bool	   *nulls = palloc(count * sizeof(bool));
	int			lower = 1;

	for (int i = 0; i < count; i++)
	{
		elements[i] = Float8GetDatum(numbers[rows[i]][prediction->target]);
		nulls[i] = isnan(numbers[rows[i]][prediction->target]);
	}
	return PointerGetDatum(construct_md_array(elements, nulls, 1, &count, &lower, FLOAT8OID, sizeof(float8),
											  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static uint64
WriteResults(const EnrichRequest *request, const EnrichLeaf *leaf, const char *name, const Batch *batch)
{
	int			count;
	int		   *rows = ChooseRows(batch, false, &count);
	Oid			types[MAX_COLUMNS + 2];
	Datum		values[MAX_COLUMNS + 2];
	int			parameters = 2;

	if (count == 0)
		return 0;
	SetRows(batch, rows, count, values);
	if (HasColumn(&request->fp_column))
		values[parameters++] = FingerprintArray(batch, rows, count);
	for (int p = 0; p < request->prediction_count; p++)
		values[parameters++] = NumberArray(&request->predictions[p], batch, rows, count);
	return Update(ResultUpdate(request, leaf->relation, name), ResultTypes(request, types), types, values,
				  SPI_OK_UPDATE_RETURNING);
}

static uint64
WriteReasons(const EnrichRequest *request, const char *name, const Batch *batch)
{
	int			count;
	int		   *rows = ChooseRows(batch, true, &count);
	Datum	   *elements = palloc(batch->count * sizeof(Datum));
	Datum		values[3];

	if (count == 0)
		return 0;
	SetRows(batch, rows, count, values);
	for (int i = 0; i < count; i++)
		elements[i] = CStringGetTextDatum(ReasonBeside(batch->reasons[rows[i]]));
	values[2] = PointerGetDatum(construct_array(elements, count, TEXTOID, -1, false, TYPALIGN_INT));
	return Update(ReasonUpdate(request, name), lengthof(reason_types), reason_types, values, SPI_OK_UPDATE);
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

static uint64
CountReasons(const Batch *batch)
{
	uint64		count = 0;

	for (int i = 0; i < batch->count; i++)
		count += batch->reasons[i] != NULL;
	return count;
}

/* Compute and write the results of a batch; returns the number of rows that were as they had been read. */
static uint64
FillBatch(const EnrichJob *job, const EnrichLeaf *leaf, const char *name, Batch *batch)
{
	if (OidIsValid(job->request.conformers))
	{
		batch->reasons = palloc(batch->count * sizeof(char *));
		return FillConformers(&job->request, name, batch->ctids, batch->texts, batch->count, batch->reasons);
	}
	ComputeBatch(&job->request, batch);
	return WriteResults(&job->request, leaf, name, batch);
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
		uint64		share = (job->chunk_count - chunk) / (2 * job->processes);
		uint64		taken = 0;
		uint64		filled;
		uint64		invalid;
		char	   *name;
		Batch		batch;

		MemoryContextSwitchTo(memory);
		name = LockLeaf(leaf->relation);
		InitBatch(&batch);
		/* At most half of an even share of what is left, so that all end together. */
		do
		{
			CHECK_FOR_INTERRUPTS();
			SelectChunk(job, leaf, name, chunk, &batch);
			chunk = pg_atomic_fetch_add_u64(&job->next_chunk, 1);
		} while (++taken < share && batch.count < job->request.batch_rows &&
				 chunk < job->chunk_count && LeafOfChunk(job, chunk) == leaf);

		filled = FillBatch(job, leaf, name, &batch);
		invalid = CountReasons(&batch);
		if (HasColumn(&job->request.error_column))
		{
			uint64		written = WriteReasons(&job->request, name, &batch);

			/* Rows whose reason stays are not written; others that were not have changed meanwhile. */
			if (!job->request.retry)
				invalid = written;
		}

		MemoryContextReset(memory);
		batch_done(job, state);
		MemoryContextSwitchTo(caller);
		pg_atomic_fetch_add_u64(&job->filled, filled);
		pg_atomic_fetch_add_u64(&job->invalid, invalid);
	}
	MemoryContextDelete(memory);
}
