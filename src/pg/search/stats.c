/*
 * search/stats.c: looking into an index: how good its bounds are, and whether all
 * of it is sound.
 */
#include "postgres.h"

#include <math.h>

#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "commands/defrem.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "search/am.h"

/* Queries by which the number of candidates is estimated, and for how many neighbours */
#define PROBES 8
#define NEIGHBOURS 10

/* When rows have moved this much further from the box, or so many have no code, REINDEX pays */
#define DRIFT_FACTOR 2
#define UNCODED_SHARE 0.01

static const char *const metric_names[] = {"l2", "cosine", "inner product", "tanimoto"};

/* Open an index of ours and lock it and its table; the caller must own it. */
static Relation
OpenIndex(Oid oid, Relation *heap)
{
	Oid			heap_oid;
	Relation	index;
	bool		owner;

	heap_oid = get_rel_relkind(oid) == RELKIND_INDEX ? IndexGetRelation(oid, true) : InvalidOid;
	*heap = OidIsValid(heap_oid) ? try_relation_open(heap_oid, AccessShareLock) : NULL;
	index = try_relation_open(oid, AccessShareLock);
	if (index == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("index with OID %u does not exist", oid)));
	if (*heap == NULL || index->rd_rel->relkind != RELKIND_INDEX ||
		index->rd_rel->relam != get_index_am_oid("hamnet", false))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a hamnet index", RelationGetRelationName(index)),
				 index->rd_rel->relkind == RELKIND_PARTITIONED_INDEX ?
				 errhint("It is partitioned: ask for the indexes of its partitions, which pg_partition_tree lists.") : 0));
#if PG_VERSION_NUM >= 160000
	owner = object_ownercheck(RelationRelationId, oid, GetUserId());
#else
	owner = pg_class_ownercheck(oid, GetUserId());
#endif
	if (!owner)
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_INDEX, RelationGetRelationName(index));
	if (RELATION_IS_OTHER_TEMP(index))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot access temporary indexes of other sessions")));
	return index;
}

static void
CloseIndex(Relation index, Relation heap)
{
	relation_close(index, AccessShareLock);
	table_close(heap, AccessShareLock);
}

/* Call visit for every page of rows, locked for reading. */
static void
VisitPages(Relation index, void (*visit) (Page page, BlockNumber block, void *state), void *state)
{
	BlockNumber end = RelationGetNumberOfBlocks(index);

	for (BlockNumber block = HamnetFirstRowBlock(&HamnetOpen(index)->meta); block < end; block++)
	{
		Buffer		buffer;

		CHECK_FOR_INTERRUPTS();
		buffer = ReadBuffer(index, block);
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		visit(BufferGetPage(buffer), block, state);
		UnlockReleaseBuffer(buffer);
	}
}

/* What hamnet_index_stats counts. */
typedef struct Statistics
{
	HamnetLayout layout;
	int64		rows;
	int64		nulls;
	int64		uncoded;
	int64		pages;
	int64		errors[65536];	/* how often each error occurs, by its bits */
	int64		heights[65536]; /* and each distance to the box */

	/* Every so many coded rows, one becomes a probe */
	int64		every;
	int			probes;
	HamnetRow	probe[PROBES];
} Statistics;

static void
CountPage(Page page, BlockNumber block, void *arg)
{
	Statistics *statistics = arg;

	if (!HamnetPageHasRows(page))
		return;
	statistics->pages++;
	for (int i = 0; i < HamnetPageGetOpaque(page)->count; i++)
	{
		HamnetRow	row;

		HamnetPageGetRow(page, &statistics->layout, i, &row);
		statistics->rows++;
		if (row.isnull)
			statistics->nulls++;
		else if (row.code.error == HN_SHORT_INFINITY)
			statistics->uncoded++;
		else
		{
			int64		coded = statistics->rows - statistics->nulls - statistics->uncoded;

			statistics->errors[row.code.error]++;
			statistics->heights[row.code.height]++;
			if (statistics->probes < PROBES && coded > statistics->probes * statistics->every)
				statistics->probe[statistics->probes++] = row;
		}
	}
}

/* The median of coded rows, of the short floats that were counted. */
static double
Median(const Statistics *statistics, const int64 *counts)
{
	int64		coded = statistics->rows - statistics->nulls - statistics->uncoded;
	int64		below = 0;

	for (int bits = 0; bits < HN_SHORT_INFINITY; bits++)
	{
		below += counts[bits];
		if (2 * below >= coded)
			return hn_short_to_float(bits);
	}
	return 0;
}

/*
 * The candidates of one probe: a row's code stands for the query, and the
 * distances between codes for the exact ones.
 */
typedef struct Probe
{
	HamnetLayout layout;
	double		step[HN_CODE_MAX];
	HamnetRow	row;
	float		nearest[NEIGHBOURS];	/* in ascending order */
	bool		counting;
	int64		candidates;
} Probe;

/* Keep a distance if it is among the nearest. */
static void
AddNearest(Probe *probe, float distance)
{
	int			place = NEIGHBOURS - 1;

	if (distance >= probe->nearest[place])
		return;
	for (; place > 0 && probe->nearest[place - 1] > distance; place--)
		probe->nearest[place] = probe->nearest[place - 1];
	probe->nearest[place] = distance;
}

static void
ProbePage(Page page, BlockNumber block, void *arg)
{
	Probe	   *probe = arg;

	if (!HamnetPageHasRows(page))
		return;
	for (int i = 0; i < HamnetPageGetOpaque(page)->count; i++)
	{
		HamnetRow	row;
		double		off;
		double		sum;

		HamnetPageGetRow(page, &probe->layout, i, &row);
		if (row.isnull)
			continue;
		off = hn_short_to_float(row.code.height) - hn_short_to_float(probe->row.code.height);
		sum = off * off;
		for (int j = 0; j < probe->layout.coordinates; j++)
		{
			off = probe->step[j] * (row.code.codes[j] - probe->row.code.codes[j]);
			sum += off * off;
		}
		if (probe->counting)
			probe->candidates += sqrt(sum) - hn_short_to_float(row.code.error) <= probe->nearest[NEIGHBOURS - 1];
		else if (row.code.error != HN_SHORT_INFINITY)
			AddNearest(probe, sqrt(sum));
	}
}

/* The mean number of candidates of the probes. */
static double
MeanCandidates(Relation index, const Statistics *statistics)
{
	double		sum = 0;

	for (int i = 0; i < statistics->probes; i++)
	{
		const HamnetIndex *open = HamnetOpen(index);
		Probe		probe = {.layout = statistics->layout, .row = statistics->probe[i]};

		memcpy(probe.step, hn_code_step(&open->space), sizeof(double) * open->layout.coordinates);
		for (int j = 0; j < NEIGHBOURS; j++)
			probe.nearest[j] = INFINITY;
		VisitPages(index, ProbePage, &probe);
		probe.counting = true;
		VisitPages(index, ProbePage, &probe);
		sum += probe.candidates;
	}
	return sum / statistics->probes;
}

static const char *
Advice(const HamnetMeta *meta, const Statistics *statistics)
{
	int64		filled = statistics->rows - statistics->nulls;

	if (meta->dim == 0)
		return filled > 0 ? "REINDEX: the index was built without data" : NULL;
	if (statistics->uncoded > UNCODED_SHARE * filled)
		return "REINDEX: many fingerprints are of another model or size than the index is for";
	if (Median(statistics, statistics->heights) > DRIFT_FACTOR * meta->built_height)
		return "REINDEX: the data has drifted away from what the index is fitted to";
	return NULL;
}

#define STATS_COLUMNS 15

PG_FUNCTION_INFO_V1(hamnet_index_stats);
Datum
hamnet_index_stats(PG_FUNCTION_ARGS)
{
	Relation	heap;
	Relation	index = OpenIndex(PG_GETARG_OID(0), &heap);
	HamnetMeta	meta = HamnetOpen(index)->meta;
	uint32		model = HamnetGetModel(index);
	Statistics *statistics = palloc0(sizeof(Statistics));
	const char *advice;
	TupleDesc	descriptor;
	Datum		values[STATS_COLUMNS];
	bool		nulls[STATS_COLUMNS] = {false};
	int			next = 0;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");

	statistics->layout = HamnetOpen(index)->layout;
	statistics->every = Max(1, (int64) Max(meta.built_rows, 0) / PROBES);
	VisitPages(index, CountPage, statistics);
	advice = Advice(&meta, statistics);

	values[next++] = Int32GetDatum(meta.version);
	values[next++] = CStringGetTextDatum(metric_names[meta.metric]);
	nulls[next] = meta.dim == 0;
	values[next++] = Int32GetDatum(meta.dim);
	nulls[next] = model == HFP_UNKNOWN_MODEL;
	values[next++] = CStringGetTextDatum(psprintf("%08x", model));
	values[next++] = Int32GetDatum(meta.coordinates);
	values[next++] = Int64GetDatum(statistics->rows);
	values[next++] = Int64GetDatum(statistics->nulls);
	values[next++] = Int64GetDatum(statistics->uncoded);
	values[next++] = Int64GetDatum((int64) RelationGetNumberOfBlocks(index) * BLCKSZ);
	values[next++] = Float8GetDatum(statistics->pages == 0 ? 0 :
									(double) statistics->rows / (statistics->pages * statistics->layout.capacity));
	for (int i = 0; i < 4; i++)
		nulls[next + i] = statistics->probes == 0;
	values[next++] = Float8GetDatum(Median(statistics, statistics->errors));
	values[next++] = Float8GetDatum(meta.built_height);
	values[next++] = Float8GetDatum(Median(statistics, statistics->heights));
	values[next++] = Float8GetDatum(statistics->probes == 0 ? 0 : MeanCandidates(index, statistics));
	nulls[next] = advice == NULL;
	values[next++] = advice ? CStringGetTextDatum(advice) : (Datum) 0;
	Assert(next == STATS_COLUMNS);

	CloseIndex(index, heap);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}

/* A row of the index and where it is. */
typedef struct Entry
{
	uint64		id;
	BlockNumber block;
} Entry;

typedef struct CheckState
{
	Relation	index;
	HamnetLayout layout;
	Entry	   *entries;
	size_t		count;
	size_t		room;
	int64		checked;
	MemoryContext memory;		/* for one row */
} CheckState;

static void
Corrupt(CheckState *state, BlockNumber block, const char *flaw)
{
	ereport(ERROR,
			(errcode(ERRCODE_INDEX_CORRUPTED),
			 errmsg("index \"%s\" is corrupted", RelationGetRelationName(state->index)),
			 errdetail("Block %u: %s.", block, flaw),
			 errhint("REINDEX it.")));
}

/* Check a page by itself, and note its rows. */
static void
CheckPage(Page page, BlockNumber block, void *arg)
{
	CheckState *state = arg;
	HamnetOpaque *opaque;
	HamnetRows	rows;
	int			nulls = 0;

	if (PageIsNew(page))
		return;
	opaque = HamnetPageGetOpaque(page);
	if (opaque->page_id != HAMNET_PAGE_ID || opaque->kind != HAMNET_PAGE_ROWS)
		Corrupt(state, block, "not a page of rows");
	if (opaque->count > state->layout.capacity)
		Corrupt(state, block, "more rows than there is room for");
	rows = HamnetPageGetRows(page, &state->layout);
	if (state->count + opaque->count > state->room)
	{
		state->room = 2 * state->room + HN_CODE_BLOCK;
		state->entries = state->entries ?
			repalloc_huge(state->entries, mul_size(state->room, sizeof(Entry))) :
			MemoryContextAllocHuge(CurrentMemoryContext, mul_size(state->room, sizeof(Entry)));
	}
	for (int i = 0; i < opaque->count; i++)
	{
		if (!ItemPointerIsValid(&rows.tid[i]))
			Corrupt(state, block, "a row without a tuple identifier");
		if (hn_short_to_float(rows.error[i]) < 0)
			Corrupt(state, block, "a negative error");
		nulls += isnan(hn_short_to_float(rows.error[i])) != 0;
		state->entries[state->count++] = (Entry)
		{
			hn_code_id((uint8 *) &rows.tid[i]), block
		};
	}
	if (nulls != opaque->nulls)
		Corrupt(state, block, "a wrong number of NULLs");
}

static int
CompareEntries(const void *a, const void *b)
{
	uint64		x = ((const Entry *) a)->id;
	uint64		y = ((const Entry *) b)->id;

	return (x > y) - (x < y);
}

/* Find the row of a tuple on a page; it may have moved within the page. */
static bool
FetchRow(CheckState *state, BlockNumber block, ItemPointer tid, HamnetRow *row)
{
	Buffer		buffer = ReadBuffer(state->index, block);
	Page		page = BufferGetPage(buffer);
	bool		found = false;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	for (int i = 0; !found && i < HamnetPageGetOpaque(page)->count; i++)
	{
		HamnetPageGetRow(page, &state->layout, i, row);
		found = ItemPointerEquals(&row->tid, tid);
	}
	UnlockReleaseBuffer(buffer);
	return found;
}

/* Is the code of a fingerprint, which is neither NULL nor without a code, sound? */
static void
CheckCode(CheckState *state, BlockNumber block, const HamnetRow *row, const Hfp *h)
{
	const HamnetIndex *index = HamnetOpen(state->index);
	double		scratch[HN_CODE_MAX];
	double	   *x = palloc(sizeof(double) * h->dim);
	double		length = HamnetWiden(index->meta.metric, h, x);

	if (index->layout.norms && row->norm < length * (1 - 1e-9))
		Corrupt(state, block, "a length that is too small");
	if (hn_code_shortfall(&index->space, x, scratch, &row->code) > 0)
		Corrupt(state, block, "an error that is too small");
}

/* Check that a row of the table is in the index, once, and that its code is sound. */
static void
CheckTuple(Relation relation, ItemPointer tid, Datum *values, bool *isnull, bool alive, void *arg)
{
	CheckState *state = arg;
	MemoryContext old = MemoryContextSwitchTo(state->memory);
	Entry		key = {hn_code_id((uint8 *) tid)};
	Entry	   *entry = bsearch(&key, state->entries, state->count, sizeof(Entry), CompareEntries);
	HamnetRow	row;

	if (entry == NULL || !FetchRow(state, entry->block, tid, &row))
		ereport(ERROR,
				(errcode(ERRCODE_INDEX_CORRUPTED),
				 errmsg("index \"%s\" is corrupted", RelationGetRelationName(state->index)),
				 errdetail("Row (%u,%u) of the table is not in the index.",
						   ItemPointerGetBlockNumber(tid), ItemPointerGetOffsetNumber(tid)),
				 errhint("REINDEX it.")));
	if ((entry > state->entries && entry[-1].id == key.id) ||
		(entry + 1 < state->entries + state->count && entry[1].id == key.id))
		Corrupt(state, entry->block, "a row that is in the index twice");
	if (row.isnull != isnull[0])
		Corrupt(state, entry->block, "a row that is wrong about NULL");
	if (!row.isnull && row.code.error != HN_SHORT_INFINITY)
	{
		Hfp		   *h = DatumGetHfp(values[0]);

		if (h->dim != HamnetOpen(state->index)->meta.dim)
			Corrupt(state, entry->block, "a code of a fingerprint of other dimensions");
		CheckCode(state, entry->block, &row, h);
	}
	state->checked++;
	MemoryContextSwitchTo(old);
	MemoryContextReset(state->memory);
}

static void
CheckSpace(CheckState *state)
{
	const HamnetIndex *index = HamnetOpen(state->index);

	if (index->meta.dim == 0)
		return;
	if (!(hn_code_space_skew(&index->space) <= HN_CODE_SKEW))
		Corrupt(state, HAMNET_META_BLOCK + 1, "axes that are not orthonormal");
	for (int j = 0; j < index->layout.coordinates; j++)
		if (!(hn_code_step(&index->space)[j] >= 0 && isfinite(hn_code_low(&index->space)[j])))
			Corrupt(state, HAMNET_META_BLOCK + 1, "an interval that is none");
}

/* Compare the table with the index, whose expressions and predicate are computed for it. */
static void
CheckTable(CheckState *state, Relation heap, Snapshot snapshot)
{
	IndexInfo  *info = BuildIndexInfo(state->index);

	info->ii_Concurrent = true; /* rows by the snapshot */
	table_index_build_scan(heap, state->index, info, true, false, CheckTuple, state,
						   table_beginscan_strat(heap, snapshot, 0, NULL, true, true));
}

/*
 * The same as the owner of the table, as when the index was built: a function in
 * an index must not get the rights of a superuser who checks it.
 */
static void
CheckTableAsOwner(CheckState *state, Relation heap, Snapshot snapshot)
{
	Oid			user;
	int			security;
	int			guc_level;

	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(heap->rd_rel->relowner, security | SECURITY_RESTRICTED_OPERATION);
	guc_level = NewGUCNestLevel();
#if PG_VERSION_NUM >= 170000
	RestrictSearchPath();
#endif
	CheckTable(state, heap, snapshot);
	AtEOXact_GUC(false, guc_level);
	SetUserIdAndSecContext(user, security);
}

/*
 * The rows that the snapshot sees were in the index before it was taken, and
 * cannot be vacuumed while it is held; so the index is read first, then the
 * table, and no lock keeps anybody from writing.
 */
PG_FUNCTION_INFO_V1(hamnet_index_check);
Datum
hamnet_index_check(PG_FUNCTION_ARGS)
{
	CheckState	state = {0};
	Snapshot	snapshot;
	Relation	heap;

	state.index = OpenIndex(PG_GETARG_OID(0), &heap);
	state.layout = HamnetOpen(state.index)->layout;
	state.memory = AllocSetContextCreate(CurrentMemoryContext, "hamnet index check", ALLOCSET_DEFAULT_SIZES);
	snapshot = RegisterSnapshot(GetTransactionSnapshot());

	CheckSpace(&state);
	VisitPages(state.index, CheckPage, &state);
	if (state.count > 0)
		qsort(state.entries, state.count, sizeof(Entry), CompareEntries);

	CheckTableAsOwner(&state, heap, snapshot);

	UnregisterSnapshot(snapshot);
	CloseIndex(state.index, heap);
	PG_RETURN_INT64(state.checked);
}
