/*
 * search/write.c: writing the rows of an index that is built, part by part in an
 * order in which neighbours lie together.
 */
#include "postgres.h"

#include "access/generic_xlog.h"
#include "miscadmin.h"
#include "storage/buffile.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "search/build.h"
#include "server/core.h"

void
HamnetAppendPage(Relation index, ForkNumber fork, Page page)
{
	Buffer		buffer = ReadBufferExtended(index, fork, P_NEW, RBM_NORMAL, NULL);

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	memcpy(BufferGetPage(buffer), page, BLCKSZ);
	MarkBufferDirty(buffer);
	UnlockReleaseBuffer(buffer);
}

/* Bring the rows of a part into memory, and forget its file. */
static void
LoadPart(BuildState *state, Part *part)
{
	if (part->file == NULL)
		return;
	if (BufFileSeek(part->file, 0, 0, SEEK_SET) != 0)
		elog(ERROR, "could not rewind a temporary file of an index build");
	part->rows = MemoryContextAllocHuge(CurrentMemoryContext, Max(1, mul_size(part->count, state->waiting_size)));
	for (Size i = 0; i < part->count; i++)
	{
#if PG_VERSION_NUM >= 160000
		BufFileReadExact(part->file, part->rows + i * state->waiting_size, state->waiting_size);
#else
		if (BufFileRead(part->file, part->rows + i * state->waiting_size, state->waiting_size) != state->waiting_size)
			elog(ERROR, "could not read from a temporary file of an index build");
#endif
	}
	BufFileClose(part->file);
	part->file = NULL;
}

static WaitingRow *
GetWaitingRow(const BuildState *state, const Part *part, Size i)
{
	return (WaitingRow *) (part->rows + i * state->waiting_size);
}

/* The order in which the rows of a part are written. */
static uint32 *
OrderPart(BuildState *state, const Part *part)
{
	int			n = part->count;
	uint32	   *order = MemoryContextAllocHuge(CurrentMemoryContext, Max(1, sizeof(uint32) * part->count));
	uint32	   *scratch = MemoryContextAllocHuge(CurrentMemoryContext, Max(1, sizeof(uint32) * part->count));
	uint8	   *bytes = MemoryContextAllocHuge(CurrentMemoryContext, Max(1, HN_BOX_POSITIONS * part->count));
	HnArena		arena;
	HnContext	context;

	hn_arena_init(&arena, ContextAllocator(CurrentMemoryContext));
	InitCoreContext(&context, &arena);
	for (int i = 0; i < n; i++)
		memcpy(bytes + (Size) HN_BOX_POSITIONS * i, GetWaitingRow(state, part, i)->bytes, HN_BOX_POSITIONS);
	if (hn_cells_order(&context, &state->space, &state->cells, state->metric, bytes, n,
					   state->layout.capacity, order, scratch) != HN_OK)
		ReportCoreError(&context, NULL);
	pfree(scratch);
	pfree(bytes);
	return order;
}

/* The box of the next group. */
static HnCodeBox *
NextBox(BuildState *state)
{
	if (state->groups == state->box_room)
	{
		state->box_room = state->box_room ? 2 * state->box_room : 64;
		state->boxes = state->boxes ? repalloc_huge(state->boxes, mul_size(state->box_room, sizeof(HnCodeBox))) :
			palloc(state->box_room * sizeof(HnCodeBox));
	}
	hn_box_begin(&state->boxes[state->groups]);
	return &state->boxes[state->groups++];
}

/* Write a group of rows, whose numbers in their part are given. */
static void
WriteGroup(BuildState *state, const Part *part, const uint32 *numbers, int count)
{
	const HamnetLayout *layout = &state->layout;
	PGAlignedBlock *pages = state->group;
	HnCodeBox  *box = NextBox(state);

	for (int i = 0; i < layout->group_blocks; i++)
		HamnetInitPage((Page) pages[i].data, i == 0 ? HAMNET_PAGE_ROWS : HAMNET_PAGE_CODES);
	for (int i = 0; i < count; i++)
	{
		const WaitingRow *waiting = GetWaitingRow(state, part, numbers[i]);
		HamnetRow	row = {.tid = waiting->tid,.state = waiting->state,.kind = waiting->kind,.nulls = waiting->nulls};

		memcpy(row.filters, waiting->filters, sizeof(row.filters));
		memcpy(row.bytes, waiting->bytes, HN_BOX_POSITIONS);
		if (HamnetIsCoded(row.state))
			hn_code_load(waiting->record, layout->coordinates, layout->norms, &row.code, &row.norm);
		row.norm = waiting->norm;
		HamnetPagePutRow((Page) pages[0].data, HamnetIsCoded(row.state) ? (Page) pages[HamnetCodeBlock(layout, 0, i)].data : NULL,
						 layout, &state->space, &state->cells, i, &row);
		if (HamnetIsCoded(row.state))
			hn_box_add(box, row.bytes, hn_cells_norm(&state->space, &state->cells, row.bytes, row.norm));
	}
	for (int i = 0; i < layout->group_blocks; i++)
		HamnetAppendPage(state->index, MAIN_FORKNUM, (Page) pages[i].data);
}

static void
WritePart(BuildState *state, Part *part, bool ordered)
{
	uint32	   *order;

	LoadPart(state, part);
	if (ordered)
		order = OrderPart(state, part);
	else
	{
		order = MemoryContextAllocHuge(CurrentMemoryContext, Max(1, sizeof(uint32) * part->count));
		for (Size i = 0; i < part->count; i++)
			order[i] = i;
	}
	for (Size i = 0; i < part->count; i += state->layout.capacity)
	{
		CHECK_FOR_INTERRUPTS();
		WriteGroup(state, part, order + i, Min(state->layout.capacity, part->count - i));
	}
	pfree(order);
	if (part->rows)
		pfree(part->rows);
	part->rows = NULL;
}

/* Write the boxes of the groups so far. Returns the number of pages. */
static BlockNumber
AppendDirectory(BuildState *state)
{
	BlockNumber blocks = 0;
	PGAlignedBlock page;

	for (uint32 first = 0; first < state->groups; first += HAMNET_PAGE_BOXES, blocks++)
	{
		uint32		count = Min(HAMNET_PAGE_BOXES, state->groups - first);

		HamnetInitPage((Page) page.data, HAMNET_PAGE_DIRECTORY);
		memcpy(HamnetPageGetBoxes((Page) page.data), state->boxes + first, count * sizeof(HnCodeBox));
		HamnetPageGetOpaque((Page) page.data)->count = count;
		HamnetAppendPage(state->index, MAIN_FORKNUM, (Page) page.data);
	}
	return blocks;
}

void
HamnetWriteGroups(BuildState *state, HamnetMeta *meta)
{
	state->group = palloc(sizeof(PGAlignedBlock) * state->layout.group_blocks);
	for (int i = 0; i < state->part_count; i++)
		WritePart(state, &state->parts[i], true);
	meta->ordered_groups = state->groups;
	meta->directory_blocks = AppendDirectory(state);
	WritePart(state, &state->parts[state->part_count], false);
}
