/*
 * search/visit.c: the groups of an index that a search looks at, and what it takes
 * of them. search/scan.c says in what order, and why that is enough.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/float.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "search/scan.h"

/* Bytes that processors fetch at once, or half of that */
#define CACHE_LINE 64

/* Columns of the second page of cells after which few rows are left */
#define FIRST_COLUMNS 16

/* True if row i of a page can be compared with the query; else the operator would raise an error. */
static bool
IsComparable(const HamnetScan *state, Page page, int i)
{
	switch (HamnetPageGetStates(page, &state->layout)[i])
	{
		case HAMNET_CODED:
			return HamnetIsComparable(state->kind, state->index_kind);
		case HAMNET_UNTAGGED:
			return state->kind.dim == state->index_kind.dim;
		default:
			return HamnetIsComparable(state->kind, HamnetPageGetKind(page, &state->layout, i));
	}
}

Buffer
HamnetPinScanPage(IndexScanDesc scan, BlockNumber block)
{
	HamnetScan *state = scan->opaque;

	last_search.pages++;
	return HamnetPinPage(scan->indexRelation, block, state->strategy);
}

void
HamnetMakeRoom(HamnetScan *state, int room)
{
	if (room <= state->room)
		return;
	if (state->items)
		pfree(state->items);
	state->items = MemoryContextAllocHuge(state->memory, sizeof(HnCandidate) * 2 * room);
	state->room = room;
}

int
HamnetMaxCandidates(void)
{
	return Min(work_mem * (Size) 1024, MaxAllocSize) / (2 * sizeof(HnCandidate));
}

/* Make more room for candidates if it is short of what a group may add. */
static void
GrowRoom(HamnetScan *state)
{
	HnCandidates *candidates = &state->candidates;
	int			room = Min(HamnetMaxCandidates(), 2 * state->room);

	if (candidates->count + HAMNET_MAX_ROWS < 2 * candidates->wanted || room <= state->room)
		return;
	state->items = repalloc_huge(state->items, sizeof(HnCandidate) * 2 * room);
	state->room = room;
	candidates->items = state->items;
	candidates->wanted = room;
}

/* Find the rows of a page that meet the filters. Returns false if there are none. */
static bool
FindKept(HamnetScan *state, Page page, uint8 *keep)
{
	int			count = Min(HamnetPageGetOpaque(page)->count, state->layout.capacity);

	HamnetFilterRows(page, &state->layout, &state->filters, count, keep);
	return state->filters.count == 0 ? count > 0 : memchr(keep, 1, count) != NULL;
}

/* Consider the rows of a group without a code, all of them if the query has no bounds. */
static void
ConsiderUncoded(HamnetScan *state, Page page, const uint8 *keep)
{
	const uint8 *states = HamnetPageGetStates(page, &state->layout);
	ItemPointerData *tids = HamnetPageGetTids(page, &state->layout);

	for (int i = 0; i < HamnetPageGetOpaque(page)->count; i++)
		if (keep[i] && states[i] != HAMNET_FREE && states[i] != HAMNET_NULL &&
			(states[i] == HAMNET_UNCODED || !state->query.bounded))
			hn_candidates_add(&state->candidates, -get_float8_infinity(),
							  hn_code_id((uint8 *) &tids[i]) | (IsComparable(state, page, i) ? 0 : INCOMPARABLE));
}

/*
 * The rows of a group that its cells leave, with their identifiers; the rest of a
 * flat space's cells may not be at hand. Returns how many.
 */
static int
SelectRows(HamnetScan *state, Page page, Page codes, const uint8 *keep, uint16 *rows, uint64 *ids)
{
	HnCellColumns columns = HamnetPageGetColumns(page, codes, &state->layout);
	HamnetOpaque *opaque = HamnetPageGetOpaque(page);
	const uint8 *states = HamnetPageGetStates(page, &state->layout);
	ItemPointerData *tids = HamnetPageGetTids(page, &state->layout);
	int			count = hn_cell_search(&state->cell_query, &columns, Min(opaque->count, state->layout.capacity),
									   opaque->norm, state->candidates.last.value, rows);
	int			kept = 0;

	for (int i = 0; i < count; i++)
		if (keep[rows[i]] && HamnetIsCoded(states[rows[i]]))
		{
			rows[kept] = rows[i];
			ids[kept++] = hn_code_id((uint8 *) &tids[rows[i]]);
		}
	return kept;
}

/* Have the processor fetch the cells of a page, which it does not recognise as streams by itself. */
static void
FetchCells(Page page, int columns, const HamnetLayout *layout)
{
	const char *end = (const char *) PageGetContents(page) + columns * layout->capacity;

	for (const char *line = (const char *) page; line < end; line += CACHE_LINE)
		__builtin_prefetch(line);
}

/* Consider rows of a group of a flat space, by all their cells. The page of rows is locked, as it is by those who add a row. */
static void
ConsiderCells(IndexScanDesc scan, Page page, BlockNumber block, const uint8 *keep)
{
	HamnetScan *state = scan->opaque;
	Buffer		buffer = HamnetPinScanPage(scan, HamnetCodeBlock(&state->layout, block, 0));
	HnCellColumns columns = HamnetPageGetColumns(page, BufferGetPage(buffer), &state->layout);
	uint16		rows[HAMNET_MAX_ROWS];
	uint64		ids[HAMNET_MAX_ROWS];
	int			count;

	FetchCells(BufferGetPage(buffer), Min(FIRST_COLUMNS, state->layout.cell_columns - state->layout.near_columns), &state->layout);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	count = SelectRows(state, page, BufferGetPage(buffer), keep, rows, ids);
	last_search.rows_coded += count;
	for (int i = 0; i < count; i++)
		hn_cell_consider(&state->cell_query, &columns, rows[i], ids[i], &state->candidates);
	UnlockReleaseBuffer(buffer);
}

/* Consider rows of a group by their codes. */
static void
ConsiderCodes(IndexScanDesc scan, BlockNumber block, const uint16 *rows, const uint64 *ids, int count)
{
	HamnetScan *state = scan->opaque;
	Buffer		buffer = InvalidBuffer;
	BlockNumber current = InvalidBlockNumber;

	last_search.rows_coded += count;
	for (int i = 0; i < count; i++)
	{
		BlockNumber wanted = HamnetCodeBlock(&state->layout, block, rows[i]);

		if (wanted != current)
		{
			if (BufferIsValid(buffer))
				UnlockReleaseBuffer(buffer);
			buffer = HamnetPinScanPage(scan, current = wanted);
			LockBuffer(buffer, BUFFER_LOCK_SHARE);
			for (int j = i; j < count && HamnetCodeBlock(&state->layout, block, rows[j]) == wanted; j++)
				__builtin_prefetch(HamnetPageGetRecord(BufferGetPage(buffer), &state->layout, rows[j]));
		}
		hn_code_consider(&state->cell_query, HamnetPageGetRecord(BufferGetPage(buffer), &state->layout, rows[i]),
						 ids[i], &state->candidates);
	}
	if (BufferIsValid(buffer))
		UnlockReleaseBuffer(buffer);
}

/* Pin the page of rows of a group, and have its cells fetched; with filters they may not be needed. */
static Buffer
PinGroup(IndexScanDesc scan, uint32 group)
{
	HamnetScan *state = scan->opaque;
	Buffer		buffer = HamnetPinScanPage(scan, HamnetGroupBlock(HamnetOpen(scan->indexRelation), group));
	Page		page = BufferGetPage(buffer);

	if (state->filters.count == 0)
		FetchCells(page, state->layout.near_columns, &state->layout);
	__builtin_prefetch((const char *) page + BLCKSZ - sizeof(HamnetOpaque));
	return buffer;
}

/* Collect the candidates of the group whose page of rows is pinned, and release it. */
static void
VisitGroup(IndexScanDesc scan, Buffer buffer)
{
	HamnetScan *state = scan->opaque;
	BlockNumber block = BufferGetBlockNumber(buffer);
	Page		page = BufferGetPage(buffer);
	uint16		rows[HAMNET_MAX_ROWS];
	uint64		ids[HAMNET_MAX_ROWS];
	uint8		keep[HAMNET_MAX_ROWS];
	int			count = 0;

	CHECK_FOR_INTERRUPTS();
	GrowRoom(state);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	if (HamnetPageHasRows(page) && FindKept(state, page, keep))
	{
		if (!state->query.bounded || HamnetPageGetOpaque(page)->uncoded > 0)
			ConsiderUncoded(state, page, keep);
		if (state->query.bounded)
			count = SelectRows(state, page, NULL, keep, rows, ids);
		if (state->layout.flat && count > 0)
			ConsiderCells(scan, page, block, keep);
	}
	UnlockReleaseBuffer(buffer);
	if (!state->layout.flat)
		ConsiderCodes(scan, block, rows, ids, count);
}

/*
 * Claim the next unit. Returns false if there is none left. Processes may see
 * different numbers of groups; those that not all see hold no row that the
 * snapshot sees.
 */
static bool
ClaimUnit(HamnetScan *state)
{
	uint32		units = state->nearest_count + (state->groups + HAMNET_UNIT_GROUPS - 1) / HAMNET_UNIT_GROUPS;
	uint32		unit = state->shared ? pg_atomic_fetch_add_u32(&state->shared->claimed, 1) : state->claimed++;

	if (unit >= units)
		return false;
	if (state->unit_count == state->unit_room)
	{
		state->unit_room = 2 * state->unit_room + 64;
		state->units = state->units ? repalloc(state->units, sizeof(uint32) * state->unit_room) :
			MemoryContextAlloc(state->memory, sizeof(uint32) * state->unit_room);
	}
	state->units[state->unit_count++] = unit;
	return true;
}

bool
HamnetNextGroup(HamnetScan *state, HamnetWalk *walk, uint32 *group)
{
	for (;;)
	{
		while (walk->group < walk->end)
		{
			*group = walk->group++;
			if (walk->nearest || state->is_nearest == NULL || *group >= state->ordered || !state->is_nearest[*group])
				return true;
		}
		if (walk->unit == state->unit_count && !ClaimUnit(state))
			return false;
		walk->group = state->units[walk->unit++];
		walk->nearest = walk->group < state->nearest_count;
		if (walk->nearest)
			walk->end = 1 + (walk->group = state->nearest[walk->group].group);
		else
		{
			walk->group = (walk->group - state->nearest_count) * HAMNET_UNIT_GROUPS;
			walk->end = Min(state->groups, walk->group + HAMNET_UNIT_GROUPS);
		}
	}
}

/* Find the next group that may hold a candidate. Returns false if there is none. */
static bool
NextVisit(HamnetScan *state, HamnetWalk *walk, uint32 *group)
{
	while (HamnetNextGroup(state, walk, group))
		if (*group >= state->ordered || state->bounds == NULL || state->bounds[*group] <= state->candidates.last.value)
			return true;
	return false;
}

void
HamnetVisitGroup(IndexScanDesc scan, uint32 group)
{
	VisitGroup(scan, PinGroup(scan, group));
}

/* Each is visited while the next one's cells are fetched. */
void
HamnetVisitGroups(IndexScanDesc scan)
{
	HamnetScan *state = scan->opaque;
	HamnetWalk	walk = {0};
	Buffer		waiting = InvalidBuffer;
	uint32		group;

	while (NextVisit(state, &walk, &group))
	{
		Buffer		buffer = PinGroup(scan, group);

		if (BufferIsValid(waiting))
			VisitGroup(scan, waiting);
		waiting = buffer;
	}
	if (BufferIsValid(waiting))
		VisitGroup(scan, waiting);
}

/* True if a row of that state is wanted without regard to its distance. */
static bool
IsWanted(const HamnetScan *state, HamnetState of_row)
{
	if (state->nulls_only || state->no_others)
		return of_row == HAMNET_NULL;
	return of_row != HAMNET_FREE && !(state->no_nulls && of_row == HAMNET_NULL);
}

void
HamnetTakeRows(IndexScanDesc scan, uint32 group)
{
	HamnetScan *state = scan->opaque;
	Buffer		buffer = HamnetPinScanPage(scan, HamnetGroupBlock(HamnetOpen(scan->indexRelation), group));
	Page		page = BufferGetPage(buffer);
	uint8		keep[HAMNET_MAX_ROWS];

	CHECK_FOR_INTERRUPTS();
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	if (HamnetPageHasRows(page) && FindKept(state, page, keep))
	{
		const uint8 *states = HamnetPageGetStates(page, &state->layout);
		ItemPointerData *tids = HamnetPageGetTids(page, &state->layout);

		for (int i = 0; i < HamnetPageGetOpaque(page)->count; i++)
			if (keep[i] && IsWanted(state, states[i]))
				hn_candidates_add(&state->candidates, -get_float8_infinity(), hn_code_id((uint8 *) &tids[i]));
	}
	UnlockReleaseBuffer(buffer);
}
