/*
 * search/check.c: hamnet_index_check: whether all of an index is sound.
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
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "search/am.h"

Relation
OpenHamnetIndex(Oid oid, Relation *heap)
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

void
CloseHamnetIndex(Relation index, Relation heap)
{
	relation_close(index, AccessShareLock);
	table_close(heap, AccessShareLock);
}

/* A row of the index and where it is. */
typedef struct Entry
{
	uint64		id;
	BlockNumber block;
	int			i;				/* number of the row on the page */
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

static void
ReportMissing(CheckState *state, ItemPointer tid)
{
	ereport(ERROR,
			(errcode(ERRCODE_INDEX_CORRUPTED),
			 errmsg("index \"%s\" is corrupted", RelationGetRelationName(state->index)),
			 errdetail("Row (%u,%u) of the table is not in the index.",
					   ItemPointerGetBlockNumber(tid), ItemPointerGetOffsetNumber(tid)),
			 errhint("REINDEX it.")));
}

/* Check a page by itself. */
static void
CheckPage(CheckState *state, Page page, BlockNumber block, bool ordered)
{
	HamnetOpaque *opaque = HamnetPageGetOpaque(page);
	uint8	   *states;
	int			counts[HAMNET_STATES] = {0};

	if (opaque->page_id != HAMNET_PAGE_ID || opaque->kind != HAMNET_PAGE_ROWS)
		Corrupt(state, block, "not a page of rows");
	if (opaque->count > state->layout.capacity)
		Corrupt(state, block, "more rows than there is room for");
	states = HamnetPageGetStates(page, &state->layout);
	for (int i = 0; i < opaque->count; i++)
	{
		if (states[i] >= HAMNET_STATES || (ordered && !HamnetIsCoded(states[i]) && states[i] != HAMNET_FREE))
			Corrupt(state, block, "a row of an impossible state");
		if (states[i] != HAMNET_FREE && !ItemPointerIsValid(&HamnetPageGetTids(page, &state->layout)[i]))
			Corrupt(state, block, "a row without a tuple identifier");
		counts[states[i]]++;
	}
	if (counts[HAMNET_NULL] != opaque->nulls || opaque->count - counts[HAMNET_FREE] != opaque->in_use ||
		counts[HAMNET_UNCODED] != opaque->uncoded)
		Corrupt(state, block, "a wrong number of rows");
}

/* Check all pages of rows. */
static void
CheckPages(CheckState *state)
{
	uint32		groups = HamnetGroupCount(HamnetOpen(state->index), RelationGetNumberOfBlocks(state->index));

	for (uint32 group = 0; group < groups; group++)
	{
		BlockNumber block = HamnetGroupBlock(HamnetOpen(state->index), group);
		bool		ordered = group < HamnetOpen(state->index)->meta.ordered_groups;
		Buffer		buffer = ReadBuffer(state->index, block);

		CHECK_FOR_INTERRUPTS();
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		if (!PageIsNew(BufferGetPage(buffer)))
			CheckPage(state, BufferGetPage(buffer), block, ordered);
		else if (ordered)
			Corrupt(state, block, "an empty page");
		UnlockReleaseBuffer(buffer);
	}
}

/* The cell at a position of row i of a page of rows, which has it. */
static int
GetCell(Page page, const HamnetLayout *layout, int position, int i)
{
	HnCellColumns columns = HamnetPageGetColumns(page, NULL, layout);

	return hn_cells_get(&columns, position, i);
}

/* Note a row, and check that its cells belong to its code. */
static void
NoteRow(const HamnetRow *row, Page page, BlockNumber block, int i, void *arg)
{
	CheckState *state = arg;
	const HamnetMeta *meta = &HamnetOpen(state->index)->meta;

	if (HamnetIsCoded(row->state) && !(hn_short_to_float(row->code.error) >= 0))
		Corrupt(state, block, "a negative error");
	for (int j = 0; j < Min(HN_CODE_LEAD, state->layout.coordinates) && !state->layout.flat && HamnetIsCoded(row->state); j++)
		if (GetCell(page, &state->layout, HN_CELL_LEAD + j, i) !=
			hn_cell_of(&meta->cells, HN_CELL_LEAD + j, row->code.codes[j]))
			Corrupt(state, block, "a cell that is not of its code");
	if (state->count == state->room)
	{
		state->room = 2 * state->room + HAMNET_MAX_ROWS;
		state->entries = state->entries ?
			repalloc_huge(state->entries, mul_size(state->room, sizeof(Entry))) :
			MemoryContextAllocHuge(CurrentMemoryContext, mul_size(state->room, sizeof(Entry)));
	}
	state->entries[state->count++] = (Entry)
	{
		hn_code_id((const uint8 *) &row->tid), block, i
	};
}

static int
CompareEntries(const void *a, const void *b)
{
	uint64		x = ((const Entry *) a)->id;
	uint64		y = ((const Entry *) b)->id;

	return (x > y) - (x < y);
}

/* True if a byte may be that of a range of bytes; computed anew, it may differ by one. */
static bool
IsNear(int byte, int low, int high)
{
	return byte >= low - 1 && byte <= high + 1;
}

/* Check the box of an ordered group against a row of it. */
static void
CheckBox(CheckState *state, BlockNumber block, const HamnetRow *row)
{
	const HamnetIndex *index = HamnetOpen(state->index);
	uint32		group = (block - HamnetGroupBlock(index, 0)) / index->layout.group_blocks;
	Buffer		buffer;
	HnCodeBox	box;

	if (block >= HamnetGroupBlock(index, index->meta.ordered_groups))
		return;
	buffer = ReadBuffer(state->index, HamnetBoxBlock(index, group));
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	box = HamnetPageGetBoxes(BufferGetPage(buffer))[group % HAMNET_PAGE_BOXES];
	UnlockReleaseBuffer(buffer);
	for (int p = 0; p < HN_BOX_POSITIONS; p++)
		if (!IsNear(row->bytes[p], box.low[p], box.high[p]))
			Corrupt(state, block, "a row outside of its box");
	if (box.norm < row->norm * (1 - 1e-6))
		Corrupt(state, block, "a box whose limits are too small");
}

/* Check the cells of a row that was read by those of one that was formed anew. */
static void
CheckCells(CheckState *state, Page page, BlockNumber block, int i, const HamnetRow *read, const HamnetRow *row)
{
	const HnCells *cells = &HamnetOpen(state->index)->meta.cells;

	for (int p = 0; p < (state->layout.flat ? HN_CELL_LEAD : HN_BOX_POSITIONS); p++)
	{
		int			cell = GetCell(page, &state->layout, p, i);

		if (!IsNear(row->bytes[p], cell == 0 ? 0 : cells->edges[p][cell - 1],
					cell == HN_CELLS - 1 ? 255 : cells->edges[p][cell]))
			Corrupt(state, block, "a cell that is not of its row");
	}
	for (int j = 0; j < state->layout.coordinates && state->layout.flat; j++)
		if (!IsNear(row->code.codes[j], read->code.codes[j], read->code.codes[j]))
			Corrupt(state, block, "a code that is not of its row");
	if (HamnetPageGetOpaque(page)->norm < row->norm * (1 - 1e-6))
		Corrupt(state, block, "a page whose limits are too small");
}

/* Check that the code of a fingerprint is sound, and everything that was made of it. */
static void
CheckCode(CheckState *state, Page page, const Entry *entry, const HamnetRow *row, const Hfp *h)
{
	const HamnetIndex *index = HamnetOpen(state->index);
	double		scratch[HN_CODE_MAX];
	double	   *x = palloc(sizeof(double) * h->dim);
	double		length = HamnetWiden(index->meta.metric, h, x);
	HamnetRow	again = *row;

	if (index->layout.norms && row->norm < length * (1 - 1e-9))
		Corrupt(state, entry->block, "a length that is too small");
	if (!index->layout.flat && hn_code_shortfall(&index->space, x, scratch, &row->code) > 0)
		Corrupt(state, entry->block, "an error that is too small");
	again.norm = HamnetNormAbove(HamnetWiden(index->meta.metric, h, x));
	hn_code_encode(&index->space, x, 1, scratch, &again.code);
	HamnetFormCoded(&index->space, &index->meta.cells, &again);
	CheckCells(state, page, entry->block, entry->i, row, &again);
	CheckBox(state, entry->block, &again);
}

/* Compare a row of the index with that of the table. The page of the row is locked. */
static void
CheckRow(CheckState *state, Page page, const Entry *entry, ItemPointer tid, const Datum *values, const bool *isnull)
{
	HamnetRow	row;
	HamnetRow	formed = {0};

	if (entry->i >= HamnetPageGetOpaque(page)->count ||
		!ItemPointerEquals(&HamnetPageGetTids(page, &state->layout)[entry->i], tid))
		ReportMissing(state, tid);
	HamnetReadRow(state->index, page, entry->block, entry->i, &row);
	if ((row.state == HAMNET_NULL) != isnull[0])
		Corrupt(state, entry->block, "a row that is wrong about NULL");
	HamnetFormFilters(state->index, values, isnull, &formed);
	if (row.nulls != formed.nulls || memcmp(row.filters, formed.filters, sizeof(row.filters)) != 0)
		Corrupt(state, entry->block, "a filter column that is not of its row");
	if (HamnetIsCoded(row.state))
	{
		Hfp		   *h = DatumGetHfp(values[0]);

		if (h->dim != HamnetOpen(state->index)->meta.dim)
			Corrupt(state, entry->block, "a code of a fingerprint of other dimensions");
		CheckCode(state, page, entry, &row, h);
	}
}

/* Check that a row of the table is in the index, once, and that its code is sound. */
static void
CheckTuple(Relation relation, ItemPointer tid, Datum *values, bool *isnull, bool alive, void *arg)
{
	CheckState *state = arg;
	MemoryContext old = MemoryContextSwitchTo(state->memory);
	Entry		key = {hn_code_id((uint8 *) tid)};
	Entry	   *entry = state->count == 0 ? NULL :
		bsearch(&key, state->entries, state->count, sizeof(Entry), CompareEntries);
	Buffer		buffer;

	if (entry == NULL)
		ReportMissing(state, tid);
	if ((entry > state->entries && entry[-1].id == key.id) ||
		(entry + 1 < state->entries + state->count && entry[1].id == key.id))
		Corrupt(state, entry->block, "a row that is in the index twice");
	buffer = ReadBuffer(state->index, entry->block);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	CheckRow(state, BufferGetPage(buffer), entry, tid, values, isnull);
	UnlockReleaseBuffer(buffer);
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
PGDLLEXPORT Datum
hamnet_index_check(PG_FUNCTION_ARGS)
{
	CheckState	state = {0};
	Snapshot	snapshot;
	Relation	heap;

	state.index = OpenHamnetIndex(PG_GETARG_OID(0), &heap);
	state.layout = HamnetOpen(state.index)->layout;
	state.memory = AllocSetContextCreate(CurrentMemoryContext, "hamnet index check", ALLOCSET_DEFAULT_SIZES);
	snapshot = RegisterSnapshot(GetTransactionSnapshot());

	CheckSpace(&state);
	CheckPages(&state);
	HamnetVisitRows(state.index, NoteRow, &state);
	if (state.count > 0)
		qsort(state.entries, state.count, sizeof(Entry), CompareEntries);

	CheckTableAsOwner(&state, heap, snapshot);

	UnregisterSnapshot(snapshot);
	CloseHamnetIndex(state.index, heap);
	PG_RETURN_INT64(state.checked);
}
