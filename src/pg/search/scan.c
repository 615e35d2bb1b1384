/*
 * search/scan.c: searching an index.
 *
 * ORDER BY distance. A pass over all pages collects the candidates with the
 * least lower bounds, a few hundred at first. They are returned in the order
 * of their bounds, with the bound as the value to order by; the executor
 * computes the exact distance of each and holds it back until the bounds have
 * come up to it. So a LIMIT is met when no row that the index has not returned
 * yet can be nearer. Should the executor want more than were collected,
 * because of a filter, a cursor or a large LIMIT, the next pass collects the
 * least candidates after the last one returned, and more of them. The order of
 * candidates, by bound and tuple identifier, is total and a row's place in it
 * does not change, so passes neither repeat nor lose a row. NULLs come last.
 *
 * Without ORDER BY. Pages are searched one after the other for what may lie in
 * the ball asked for, or for everything if there is none.
 *
 * No lock or pin is held between calls. A row may die, be vacuumed and its
 * identifier be used again in between; the snapshot does not see what was
 * stored there later. That takes an MVCC snapshot, as every query has.
 */
#include "postgres.h"

#include "access/relscan.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/predicate.h"
#include "utils/float.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "search/am.h"
#include "type/ball.h"

/* Bytes that processors fetch at once, or half of that */
#define CACHE_LINE 64

typedef enum ScanStage
{
	STAGE_START,
	STAGE_CANDIDATES,			/* ORDER BY: candidates by their bounds */
	STAGE_PAGES,				/* page by page */
	STAGE_END
} ScanStage;

typedef struct HamnetScan
{
	ScanStage	stage;
	HnMetric	metric;
	HamnetLayout layout;
	BlockNumber first_block;	/* with rows */
	BlockNumber end_block;
	BufferAccessStrategy strategy;

	bool		ordered;		/* by the distance from the query */
	HnCodeQuery query;
	double		radius;			/* of the ball, infinite without one */

	/* The rows collected last, and the next of them to return */
	HnCandidates candidates;
	HnCandidate *items;
	int			next;
	bool		more;			/* there are candidates that were not collected */

	/* By pages */
	BlockNumber block;			/* to search next */
	bool		nulls_only;
	MemoryContext memory;		/* of the items and the query */
} HamnetScan;

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

/* Encode the query fingerprint. One that the index is not for has no bounds. */
static void
PrepareUserQuery(IndexScanDesc scan, const Hfp *h)
{
	HamnetScan *state = scan->opaque;
	uint32		model = HamnetGetModel(scan->indexRelation);
	const HamnetIndex *index = HamnetOpen(scan->indexRelation);
	double		scratch[HN_CODE_MAX];
	double	   *x;
	double		length;

	memset(&state->query, 0, sizeof(state->query));
	state->query.coordinates = index->layout.coordinates;
	if (!HamnetIsNative(h->dim, h->model, index->meta.dim, model))
		return;

	x = palloc(sizeof(double) * h->dim);
	length = HamnetWiden(state->metric, h, x);
	hn_code_query(&index->space, x, length, scratch, &state->query);
	pfree(x);
}

/* True if both are the same fingerprint. */
static bool
IsSame(const Hfp *a, const Hfp *b)
{
	return VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0;
}

static ScanKey
FirstOrder(IndexScanDesc scan)
{
	return scan->numberOfOrderBys > 0 ? &scan->orderByData[0] : NULL;
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
	ScanKey		order = FirstOrder(scan);
	Hfp		   *centre = NULL;
	MemoryContext old;

	MemoryContextReset(state->memory);
	state->items = NULL;
	memset(&state->candidates, 0, sizeof(state->candidates));
	state->next = 0;
	state->more = true;
	state->metric = index->meta.metric;
	state->layout = index->layout;
	state->first_block = HamnetFirstRowBlock(&index->meta);
	state->end_block = RelationGetNumberOfBlocks(scan->indexRelation);
	state->block = state->first_block;
	state->radius = get_float8_infinity();
	state->nulls_only = false;
	state->ordered = false;

	/* Do not flush the buffers for an index that would fill them */
	if (state->end_block > NBuffers / 4 && state->strategy == NULL)
		state->strategy = GetAccessStrategy(BAS_BULKREAD);

	old = MemoryContextSwitchTo(state->memory);
	if (order && !(order->sk_flags & SK_ISNULL))
	{
		centre = DatumGetHfp(order->sk_argument);
		state->ordered = true;
	}
	state->stage = state->ordered ? STAGE_CANDIDATES : STAGE_PAGES;
	for (int i = 0; i < scan->numberOfKeys; i++)
	{
		HfpBall    *ball;

		/* The operator is strict */
		if (scan->keyData[i].sk_flags & SK_ISNULL)
		{
			state->stage = STAGE_END;
			break;
		}
		ball = DatumGetHfpBall(scan->keyData[i].sk_argument);
		if (centre == NULL)
			centre = &ball->centre;
		if (IsSame(centre, &ball->centre))
			state->radius = Min(state->radius, ball->radius);
	}
	if (centre)
		PrepareUserQuery(scan, centre);
	MemoryContextSwitchTo(old);

	pgstat_count_index_scan(scan->indexRelation);
}

static Buffer
PinPage(IndexScanDesc scan, BlockNumber block)
{
	HamnetScan *state = scan->opaque;

	return ReadBufferExtended(scan->indexRelation, MAIN_FORKNUM, block, RBM_NORMAL, state->strategy);
}

/*
 * Have the processor fetch what a search reads of every row, and the page's
 * ends. Rows lie by columns, which it does not recognise as a stream by itself.
 */
static void
PrefetchColumns(Buffer buffer, const HamnetLayout *layout)
{
	Page		page = BufferGetPage(buffer);
	const char *end = (const char *) HamnetPageGetRows(page, layout).tid;

	for (const char *line = (const char *) page; line < end; line += CACHE_LINE)
		__builtin_prefetch(line);
	__builtin_prefetch((const char *) page + BLCKSZ - sizeof(HamnetOpaque));
}

/* Begin to collect candidates after a given one. */
static void
BeginCandidates(HamnetScan *state, int wanted, HnCandidate after)
{
	if (state->items == NULL || wanted != state->candidates.wanted)
	{
		if (state->items)
			pfree(state->items);
		state->items = MemoryContextAlloc(state->memory, sizeof(HnCandidate) * 2 * wanted);
	}
	hn_candidates_begin(&state->candidates, state->items, wanted, after);
	state->candidates.last.value = state->radius;
	state->next = 0;
}

/* Pass over the index for the candidates after those that were returned. */
static void
CollectCandidates(IndexScanDesc scan)
{
	HamnetScan *state = scan->opaque;
	int			most = Min(work_mem * (Size) 1024, MaxAllocSize) / (2 * sizeof(HnCandidate));
	int			wanted = HAMNET_FIRST_CANDIDATES;
	HnCandidate after = {-get_float8_infinity(), 0};
	Buffer		buffer = InvalidBuffer;

	if (state->candidates.wanted > 0)
	{
		after = state->candidates.items[state->candidates.count - 1];
		wanted = Max(wanted, Min(most, state->candidates.wanted * HAMNET_MORE_CANDIDATES));
	}
	BeginCandidates(state, wanted, after);
	if (state->first_block < state->end_block)
		buffer = PinPage(scan, state->first_block);
	for (BlockNumber block = state->first_block; block < state->end_block; block++)
	{
		Buffer		next = InvalidBuffer;

		CHECK_FOR_INTERRUPTS();

		/* While this page is searched, the next one comes from memory */
		if (block + 1 < state->end_block)
		{
			next = PinPage(scan, block + 1);
			PrefetchColumns(next, &state->layout);
		}
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		if (HamnetPageHasRows(BufferGetPage(buffer)))
		{
			HnCodeBlock codes = HamnetPageGetBlock(BufferGetPage(buffer), &state->layout);

			hn_code_search(&codes, &state->query, state->metric, &state->candidates);
		}
		UnlockReleaseBuffer(buffer);
		buffer = next;
	}
	state->more = hn_candidates_finish(&state->candidates);
}

/* Take the rows of one page that the search wants, all of them or the NULLs. */
static void
TakeRows(HamnetScan *state, Page page, bool with_ball)
{
	HnCodeBlock codes = HamnetPageGetBlock(page, &state->layout);

	if (with_ball)
	{
		hn_code_search(&codes, &state->query, state->metric, &state->candidates);
		return;
	}
	for (int i = 0; i < codes.count; i++)
		if (!state->nulls_only || isnan(hn_short_to_float(codes.columns.error[i])))
			state->items[state->candidates.count++].id = hn_code_id(codes.ids + i * HN_CODE_ID_SIZE);
}

/* Go on to the next page with rows that the search wants. False at the end. */
static bool
NextPage(IndexScanDesc scan)
{
	HamnetScan *state = scan->opaque;
	HnCandidate after = {-get_float8_infinity(), 0};

	while (state->block < state->end_block)
	{
		Buffer		buffer;

		CHECK_FOR_INTERRUPTS();
		/* As many as a page may hold, so that none is thrown away */
		BeginCandidates(state, HN_CODE_BLOCK, after);
		buffer = PinPage(scan, state->block++);
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		if (HamnetPageHasRows(BufferGetPage(buffer)))
			TakeRows(state, BufferGetPage(buffer), scan->numberOfKeys > 0);
		UnlockReleaseBuffer(buffer);
		if (state->candidates.count > 0)
			return true;
	}
	return false;
}

static void
IdToTid(uint64 id, ItemPointer tid)
{
	BlockIdSet(&tid->ip_blkid, (BlockNumber) (id >> 16));
	ItemPointerSetOffsetNumber(tid, (OffsetNumber) (id & 0xFFFF));
}

/*
 * The values that the executor compares with the exact ones. Those after the
 * first are as low as can be, which is always right.
 */
static void
StoreOrder(IndexScanDesc scan, bool isnull, double bound)
{
	Oid			types[INDEX_MAX_KEYS];
	IndexOrderByDistance values[INDEX_MAX_KEYS];

	for (int i = 0; i < scan->numberOfOrderBys; i++)
	{
		types[i] = FLOAT8OID;
		values[i].value = i == 0 ? bound : -get_float8_infinity();
		values[i].isnull = i == 0 && isnull;
	}
	index_store_float8_orderby_distances(scan, types, values, true);
}

bool
hamnet_gettuple(IndexScanDesc scan, ScanDirection direction)
{
	HamnetScan *state = scan->opaque;

	Assert(ScanDirectionIsForward(direction));
	if (state->stage == STAGE_START)
		StartScan(scan);

	for (;;)
	{
		if (state->stage == STAGE_END)
			return false;
		if (state->next < state->candidates.count)
			break;
		if (state->stage == STAGE_CANDIDATES && state->more)
			CollectCandidates(scan);
		else if (state->stage == STAGE_CANDIDATES)
		{
			/* NULLs, unless there is a ball, which has none in it */
			state->stage = scan->numberOfKeys > 0 ? STAGE_END : STAGE_PAGES;
			state->nulls_only = true;
		}
		else if (!NextPage(scan))
			state->stage = STAGE_END;
	}

	IdToTid(state->items[state->next].id, &scan->xs_heaptid);
	scan->xs_recheck = scan->numberOfKeys > 0;
	if (scan->numberOfOrderBys > 0)
		StoreOrder(scan, state->stage == STAGE_PAGES, state->items[state->next].value);
	state->next++;
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
	while (NextPage(scan))
	{
		for (int i = 0; i < state->candidates.count; i++)
		{
			ItemPointerData tid;

			IdToTid(state->items[i].id, &tid);
			tbm_add_tuples(bitmap, &tid, 1, scan->numberOfKeys > 0);
		}
		count += state->candidates.count;
	}
	return count;
}
