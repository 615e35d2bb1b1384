/*
 * search/scan.c: searching an index; search/visit.c looks at its groups.
 *
 * ORDER BY distance. A pass over the index collects the candidates with the
 * least lower bounds. The groups nearest by their boxes come first; then those
 * that may still hold something, as they lie on disk. Of a group's rows, cells
 * leave a few, and their codes fewer. Estimates of the exact distances tell how
 * far to look: as far as the nearest few are believed to lie. Candidates are
 * returned in the order of their bounds, with the bound as the value to order
 * by; the executor computes the exact distance of each and holds it back until
 * the bounds have come up to it. So a LIMIT is met when no row that the index
 * has not returned yet can be nearer. Should the executor want more than were
 * collected, because of a filter, a cursor or a large LIMIT, the next pass
 * collects what comes after, and looks for more. The order of candidates, by
 * bound and tuple identifier, is total and a row's rank in it does not change,
 * so passes neither repeat nor lose a row. NULLs come last.
 *
 * In parallel, each process searches groups of its own, and returns their rows in
 * order, so that all of them are, when merged. Each looks for as many nearest rows
 * as one alone would, for all that are wanted may be its own.
 *
 * Without ORDER BY. Groups are searched one after the other for what may lie in
 * the ball asked for, or for everything if there is none.
 *
 * No lock or pin is held between calls, nor a lock on a page of rows while codes
 * are read. A row may die, be vacuumed, and its identifier or its code's room
 * be used again in between; the snapshot does not see what was stored there
 * later. That takes an MVCC snapshot, as every query has.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "pgstat.h"
#include "portability/instr_time.h"
#include "utils/float.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "search/scan.h"
#include "type/ball.h"

/* Groups visited in the order of their bounds, before the others */
#define NEAREST_GROUPS 64

/* The most rows that estimates are kept of */
#define MAX_NEAREST (HAMNET_FIRST_NEAREST * 8 * 8 * 8 * 8)

/* Candidates that there is room for at first; it grows up to work_mem */
#define FIRST_ROOM 1024

IndexScanDesc
hamnet_beginscan(Relation index, int keys, int orders)
{
	IndexScanDesc scan = RelationGetIndexScan(index, keys, orders);
	HamnetScan *state = palloc0(sizeof(HamnetScan));

	state->memory = AllocSetContextCreate(CurrentMemoryContext, "hamnet index scan", ALLOCSET_DEFAULT_SIZES);
	scan->opaque = state;
	if (orders > 0)
	{
		scan->xs_orderbyvals = palloc0(sizeof(Datum) * orders);
		scan->xs_orderbynulls = palloc(sizeof(bool) * orders);
		memset(scan->xs_orderbynulls, true, sizeof(bool) * orders);
	}
	return scan;
}

void
hamnet_rescan(IndexScanDesc scan, ScanKey keys, int key_count, ScanKey orders, int order_count)
{
	HamnetScan *state = scan->opaque;

	if (keys && scan->numberOfKeys > 0)
		memmove(scan->keyData, keys, sizeof(ScanKeyData) * scan->numberOfKeys);
	if (orders && scan->numberOfOrderBys > 0)
		memmove(scan->orderByData, orders, sizeof(ScanKeyData) * scan->numberOfOrderBys);
	state->stage = STAGE_START;
}

void
hamnet_endscan(IndexScanDesc scan)
{
	HamnetScan *state = scan->opaque;

	if (state->strategy)
		FreeAccessStrategy(state->strategy);
	MemoryContextDelete(state->memory);
	pfree(state);
	scan->opaque = NULL;
}

#if PG_VERSION_NUM >= 180000
#define AM_OFFSET(parallel) ((parallel)->ps_offset_am)
#else
#define AM_OFFSET(parallel) ((parallel)->ps_offset)
#endif

/* What the processes of a parallel scan share; NULL if it is not parallel. */
static HamnetParallelScan *
GetShared(IndexScanDesc scan)
{
	return scan->parallel_scan ? OffsetToPointer(scan->parallel_scan, AM_OFFSET(scan->parallel_scan)) : NULL;
}

Size
#if PG_VERSION_NUM >= 180000
hamnet_estimateparallelscan(Relation index, int keys, int orders)
#elif PG_VERSION_NUM >= 170000
hamnet_estimateparallelscan(int keys, int orders)
#else
hamnet_estimateparallelscan(void)
#endif
{
	return sizeof(HamnetParallelScan);
}

void
hamnet_initparallelscan(void *target)
{
	pg_atomic_init_u32(&((HamnetParallelScan *) target)->claimed, 0);
}

void
hamnet_parallelrescan(IndexScanDesc scan)
{
	pg_atomic_write_u32(&GetShared(scan)->claimed, 0);
}

/* Encode the query fingerprint. One that the index is not for has no bounds. */
static void
PrepareQuery(IndexScanDesc scan, const Hfp *h)
{
	HamnetScan *state = scan->opaque;
	uint32		model = HamnetGetModel(scan->indexRelation);
	const HamnetIndex *index = HamnetOpen(scan->indexRelation);
	double		scratch[HN_CODE_MAX];
	double	   *x;
	double		length;

	memset(&state->query, 0, sizeof(state->query));
	state->query.coordinates = index->layout.coordinates;
	state->kind = HamnetKindOf(h);
	state->index_kind = (HamnetKind) {index->meta.dim, model};
	if (!HamnetIsComparable(state->kind, state->index_kind))
		return;

	x = palloc(sizeof(double) * h->dim);
	length = HamnetWiden(state->metric, h, x);
	hn_code_query(&index->space, x, length, scratch, &state->query);
	pfree(x);
	if (!state->query.bounded)
		return;
	state->cells = index->meta.cells;
	hn_cell_query(&index->space, &state->cells, &state->query, state->metric, &state->cell_query);
}

/* Compute the bounds of all boxes. */
static void
BoundBoxes(IndexScanDesc scan)
{
	HamnetScan *state = scan->opaque;

	state->bounds = MemoryContextAllocHuge(state->memory, Max(1, sizeof(double) * state->ordered));
	for (uint32 first = 0; first < state->ordered; first += HAMNET_PAGE_BOXES)
	{
		Buffer		buffer = HamnetPinScanPage(scan, HamnetBoxBlock(HamnetOpen(scan->indexRelation), first));
		Page		page = BufferGetPage(buffer);

		/* It never changes */
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		if (PageIsNew(page) || HamnetPageGetOpaque(page)->kind != HAMNET_PAGE_DIRECTORY)
			ereport(ERROR,
					(errcode(ERRCODE_INDEX_CORRUPTED),
					 errmsg("block %u of index \"%s\" does not hold boxes",
							BufferGetBlockNumber(buffer), RelationGetRelationName(scan->indexRelation)),
					 errhint("REINDEX it.")));
		for (uint32 i = 0; i < Min(HAMNET_PAGE_BOXES, state->ordered - first); i++)
			state->bounds[first + i] = hn_box_bound(&state->cell_query, &HamnetPageGetBoxes(page)[i]);
		UnlockReleaseBuffer(buffer);
	}
}

/* Find the groups with the least bounds, by insertion. */
static void
FindNearestGroups(HamnetScan *state)
{
	Visit	   *nearest = palloc(sizeof(Visit) * NEAREST_GROUPS);
	int			count = 0;

	for (uint32 group = 0; group < state->ordered; group++)
	{
		double		bound = state->bounds[group];
		int			i;

		if (count == NEAREST_GROUPS && bound >= nearest[count - 1].bound)
			continue;
		count = Min(count + 1, NEAREST_GROUPS);
		for (i = count - 1; i > 0 && nearest[i - 1].bound > bound; i--)
			nearest[i] = nearest[i - 1];
		nearest[i] = (Visit) {bound, group};
	}
	state->nearest = nearest;
	state->nearest_count = count;
	state->is_nearest = palloc0(Max(1, state->ordered));
	for (int i = 0; i < count; i++)
		state->is_nearest[nearest[i].group] = true;
}

/* True if both are the same fingerprint. */
static bool
IsSame(const Hfp *a, const Hfp *b)
{
	return VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0;
}

/* Find the query and the ball. Returns false if a condition is NULL, which nothing meets. */
static bool
ReadKeys(IndexScanDesc scan, Hfp **centre)
{
	HamnetScan *state = scan->opaque;
	ScanKey		order = scan->numberOfOrderBys > 0 ? &scan->orderByData[0] : NULL;

	state->radius = get_float8_infinity();
	state->by_distance = order && !(order->sk_flags & SK_ISNULL);
	*centre = state->by_distance ? DatumGetHfp(order->sk_argument) : NULL;
	state->in_ball = false;
	state->filters.count = 0;
	state->filters.recheck = false;
	state->no_nulls = false;
	state->no_others = false;
	for (int i = 0; i < scan->numberOfKeys; i++)
	{
		ScanKey		key = &scan->keyData[i];
		HfpBall    *ball;

		if (key->sk_attno == 1 && (key->sk_flags & (SK_SEARCHNULL | SK_SEARCHNOTNULL)))
		{
			state->no_nulls |= (key->sk_flags & SK_SEARCHNOTNULL) != 0;
			state->no_others |= (key->sk_flags & SK_SEARCHNULL) != 0;
			continue;
		}

		/* The operators are strict */
		if ((key->sk_flags & SK_ISNULL) && !(key->sk_flags & (SK_SEARCHNULL | SK_SEARCHNOTNULL)))
			return false;
		if (key->sk_attno > 1)
		{
			if (!HamnetReadFilter(scan->indexRelation, key, &state->filters))
				return false;
			continue;
		}
		ball = DatumGetHfpBall(key->sk_argument);
		state->in_ball = true;
		if (*centre == NULL)
			*centre = &ball->centre;
		if (IsSame(*centre, &ball->centre))
			state->radius = Min(state->radius, ball->radius);
	}
	return !(state->no_nulls && state->no_others);
}

/*
 * Decide how to search. Balls are rechecked by the executor, so one may be
 * left out of account; that is what happens to all but the one that can be
 * used: the first, or with ORDER BY the first around the same fingerprint.
 */
static void
StartScan(IndexScanDesc scan)
{
	HamnetScan *state = scan->opaque;
	const HamnetIndex *index = HamnetOpen(scan->indexRelation);
	BlockNumber blocks = RelationGetNumberOfBlocks(scan->indexRelation);
	MemoryContext old = MemoryContextSwitchTo(state->memory);
	Hfp		   *centre;

	HamnetBeginPages(scan->indexRelation, blocks);
	last_search = (HamnetSearch) {.index = RelationGetRelid(scan->indexRelation)};
	MemoryContextReset(state->memory);
	memset(&state->candidates, 0, sizeof(state->candidates));
	state->items = NULL;
	state->room = 0;
	state->wanted = 0;
	state->next = 0;
	state->more = true;
	state->metric = index->meta.metric;
	state->layout = index->layout;
	state->ordered = index->meta.ordered_groups;
	state->groups = HamnetGroupCount(index, blocks);
	state->walk = (HamnetWalk) {0};
	state->nulls_only = false;
	state->bounds = NULL;
	state->nearest_count = 0;
	state->is_nearest = NULL;
	state->shared = GetShared(scan);
	state->claimed = 0;
	state->units = NULL;
	state->unit_count = 0;
	state->unit_room = 0;

	/* Do not flush the buffers for an index that would fill them */
	if (blocks > NBuffers / 4 && state->strategy == NULL)
	{
		MemoryContextSwitchTo(old);
		state->strategy = GetAccessStrategy(BAS_BULKREAD);
		MemoryContextSwitchTo(state->memory);
	}
	if (ReadKeys(scan, &centre))
		state->stage = state->by_distance ? STAGE_CANDIDATES : STAGE_GROUPS;
	else
		state->stage = STAGE_END;
	if (centre)
		PrepareQuery(scan, centre);
	if (centre && state->query.bounded && state->stage != STAGE_END)
	{
		BoundBoxes(scan);
		FindNearestGroups(state);
	}
	MemoryContextSwitchTo(old);

	pgstat_count_index_scan(scan->indexRelation);
}

/*
 * Pass over the index for the candidates after those that were returned. Beyond
 * MAX_NEAREST rows only the room for candidates limits them, so that a pass
 * always finds some.
 */
static void
CollectCandidates(IndexScanDesc scan)
{
	HamnetScan *state = scan->opaque;
	HnCandidate after = {-get_float8_infinity(), 0};
	double	   *estimates = NULL;

	if (state->wanted > 0)
		after = state->candidates.last;
	state->wanted = state->wanted == 0 ? HAMNET_FIRST_NEAREST : state->wanted * HAMNET_MORE_NEAREST;
	state->wanted = Min(state->wanted, MAX_NEAREST + 1);
	HamnetMakeRoom(state, Min(HamnetMaxCandidates(), FIRST_ROOM));
	hn_candidates_begin(&state->candidates, state->items, state->room, after, state->radius);
	if (state->wanted <= MAX_NEAREST)
	{
		estimates = MemoryContextAlloc(state->memory, sizeof(double) * state->wanted);
		hn_candidates_estimate(&state->candidates, estimates, state->wanted);
	}
	last_search.passes++;
	HamnetVisitGroups(scan);
	state->more = hn_candidates_finish(&state->candidates);
	state->next = 0;
	if (estimates)
		pfree(estimates);
}

/* Go on to the next group with rows that the search wants. Returns false at the end. */
static bool
NextGroup(IndexScanDesc scan)
{
	HamnetScan *state = scan->opaque;
	HnCandidate after = {-get_float8_infinity(), 0};
	uint32		group;

	while (HamnetNextGroup(state, &state->walk, &group))
	{
		/* Ordered groups have no NULLs */
		if ((state->nulls_only || state->no_others) && group < state->ordered)
			continue;

		/* As many as a group may hold, so that none is thrown away */
		HamnetMakeRoom(state, HAMNET_MAX_ROWS + 1);
		hn_candidates_begin(&state->candidates, state->items, state->room, after, state->radius);
		state->next = 0;
		if (!state->in_ball || state->nulls_only)
			HamnetTakeRows(scan, group);
		else if (group >= state->ordered || state->bounds == NULL || state->bounds[group] <= state->radius)
			HamnetVisitGroup(scan, group);
		if (state->candidates.count > 0)
			return true;
	}
	return false;
}

static void
IdToTid(uint64 id, ItemPointer tid)
{
	id &= ~INCOMPARABLE;
	BlockIdSet(&tid->ip_blkid, (BlockNumber) (id >> 16));
	ItemPointerSetOffsetNumber(tid, (OffsetNumber) (id & 0xFFFF));
}

/*
 * The values that the executor compares with the exact ones. Those after the
 * first are as low as can be, which is always right. Of a row that cannot be
 * compared with the query the executor need not know the distance: a filter may
 * discard it, and if none does, the distance is computed, and is an error, when
 * the row is returned.
 */
static void
StoreOrder(IndexScanDesc scan, bool isnull, const HnCandidate *candidate)
{
	Oid			types[INDEX_MAX_KEYS];
	IndexOrderByDistance values[INDEX_MAX_KEYS];

	for (int i = 0; i < scan->numberOfOrderBys; i++)
	{
		types[i] = FLOAT8OID;
		values[i].value = i == 0 ? candidate->value : -get_float8_infinity();
		values[i].isnull = i == 0 && isnull;
	}
	index_store_float8_orderby_distances(scan, types, values, (candidate->id & INCOMPARABLE) == 0);
}

/* Find the next rows to return. Returns false at the end. */
static bool
FindRows(IndexScanDesc scan)
{
	HamnetScan *state = scan->opaque;

	if (state->stage == STAGE_START)
		StartScan(scan);
	while (state->stage != STAGE_END && state->next >= state->candidates.count)
	{
		if (state->stage == STAGE_CANDIDATES && state->more && !state->no_others)
			CollectCandidates(scan);
		else if (state->stage == STAGE_CANDIDATES)
		{
			/* NULLs, unless there is a ball, which has none in it */
			state->stage = state->in_ball || state->no_nulls ? STAGE_END : STAGE_GROUPS;
			state->nulls_only = true;
			state->walk = (HamnetWalk) {0};
		}
		else if (!NextGroup(scan))
			state->stage = STAGE_END;
	}
	return state->stage != STAGE_END;
}

/* The same, and take the time. */
static bool
TimeFindRows(IndexScanDesc scan)
{
	instr_time	start;
	instr_time	end;
	bool		found;

	INSTR_TIME_SET_CURRENT(start);
	found = FindRows(scan);
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, start);
	last_search.milliseconds += INSTR_TIME_GET_MILLISEC(end);
	return found;
}

bool
hamnet_gettuple(IndexScanDesc scan, ScanDirection direction)
{
	HamnetScan *state = scan->opaque;

	Assert(ScanDirectionIsForward(direction));
	if ((state->stage == STAGE_START || state->next >= state->candidates.count) && !TimeFindRows(scan))
		return false;

	IdToTid(state->candidates.items[state->next].id, &scan->xs_heaptid);
	scan->xs_recheck = state->in_ball || state->filters.recheck;
	if (scan->numberOfOrderBys > 0)
		StoreOrder(scan, state->stage == STAGE_GROUPS, &state->candidates.items[state->next]);
	state->next++;
	last_search.rows_looked_up++;
	return true;
}

int64
hamnet_getbitmap(IndexScanDesc scan, TIDBitmap *bitmap)
{
	HamnetScan *state = scan->opaque;
	int64		count = 0;

	StartScan(scan);
	if (state->stage == STAGE_END)
		return 0;
	while (NextGroup(scan))
	{
		for (int i = 0; i < state->candidates.count; i++)
		{
			ItemPointerData tid;

			IdToTid(state->candidates.items[i].id, &tid);
			tbm_add_tuples(bitmap, &tid, 1, state->in_ball || state->filters.recheck);
		}
		count += state->candidates.count;
	}
	last_search.rows_looked_up = count;
	return count;
}
