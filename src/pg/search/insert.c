/*
 * search/insert.c: adding one row to an index.
 */
#include "postgres.h"

#include "access/generic_xlog.h"
#include "storage/freespace.h"
#include "storage/indexfsm.h"
#include "storage/lmgr.h"
#include "utils/rel.h"

#include "search/am.h"

/* Make the index have all pages of a group. */
static void
CompleteGroup(Relation index, const HamnetLayout *layout, BlockNumber block)
{
	bool		need_lock = !RELATION_IS_LOCAL(index);

	if (RelationGetNumberOfBlocks(index) >= block + layout->group_blocks)
		return;
	if (need_lock)
		LockRelationForExtension(index, ExclusiveLock);
	while (RelationGetNumberOfBlocks(index) < block + layout->group_blocks)
		ReleaseBuffer(ReadBuffer(index, P_NEW));
	if (need_lock)
		UnlockRelationForExtension(index, ExclusiveLock);
}

/* The first free row of a page; -1 if there is none. */
static int
FindFreeRow(Page page, const HamnetLayout *layout)
{
	HamnetOpaque *opaque = HamnetPageGetOpaque(page);
	uint8	   *states;

	if (PageIsNew(page))
		return 0;
	if (!HamnetPageHasRows(page))
		return -1;
	if (opaque->in_use == opaque->count)
		return opaque->count < layout->capacity ? opaque->count : -1;
	states = HamnetPageGetStates(page, layout);
	for (int i = 0; i < opaque->count; i++)
		if (states[i] == HAMNET_FREE)
			return i;
	return -1;
}

/* Take part in a record with a page, which is new or not. */
static Page
RegisterPage(GenericXLogState *record, Buffer buffer, HamnetPageKind kind)
{
	bool		is_new = PageIsNew(BufferGetPage(buffer));
	Page		page = GenericXLogRegisterBuffer(record, buffer, is_new ? GENERIC_XLOG_FULL_IMAGE : 0);

	if (is_new)
		HamnetInitPage(page, kind);
	return page;
}

/* Add the row to the group at block, if it has room. */
static bool
TryGroup(Relation index, const HamnetLayout *layout, BlockNumber block, const HamnetRow *row)
{
	Buffer		buffer;
	Buffer		code_buffer = InvalidBuffer;
	GenericXLogState *record;
	Page		page;
	Page		codes = NULL;
	int			i;

	CompleteGroup(index, layout, block);
	buffer = ReadBuffer(index, block);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	i = FindFreeRow(BufferGetPage(buffer), layout);
	if (i < 0)
	{
		UnlockReleaseBuffer(buffer);
		return false;
	}

	if (HamnetIsCoded(row->state))
	{
		code_buffer = ReadBuffer(index, HamnetCodeBlock(layout, block, i));
		LockBuffer(code_buffer, BUFFER_LOCK_EXCLUSIVE);
	}
	record = GenericXLogStart(index);
	page = RegisterPage(record, buffer, HAMNET_PAGE_ROWS);
	if (BufferIsValid(code_buffer))
		codes = RegisterPage(record, code_buffer, HAMNET_PAGE_CODES);
	HamnetPagePutRow(page, codes, layout, &HamnetOpen(index)->space, &HamnetOpen(index)->meta.cells, i, row);
	GenericXLogFinish(record);
	if (BufferIsValid(code_buffer))
		UnlockReleaseBuffer(code_buffer);
	UnlockReleaseBuffer(buffer);
	return true;
}

/* True if a group that may be added to begins at that block. */
static bool
IsOpenGroup(Relation index, BlockNumber block)
{
	const HamnetIndex *open = HamnetOpen(index);
	BlockNumber first = HamnetGroupBlock(open, open->meta.ordered_groups);

	return block >= first && block < RelationGetNumberOfBlocks(index) &&
		(block - first) % open->layout.group_blocks == 0;
}

static void
InsertRow(Relation index, const HamnetRow *row)
{
	HamnetLayout layout = HamnetOpen(index)->layout;
	BlockNumber block = RelationGetTargetBlock(index);
	uint32		group;

	if (block != InvalidBlockNumber && IsOpenGroup(index, block) && TryGroup(index, &layout, block, row))
		return;

	/*
	 * What VACUUM has freed comes first. The map may be stale, so each group
	 * that turns out to be full is marked as such. Then the last group, where
	 * the previous backend left off; then a new one.
	 */
	while ((block = GetPageWithFreeSpace(index, layout.record_size)) != InvalidBlockNumber)
	{
		if (IsOpenGroup(index, block) && TryGroup(index, &layout, block, row))
			break;
		RecordPageWithFreeSpace(index, block, 0);
	}
	if (block == InvalidBlockNumber)
	{
		/* Others may fill a new group before its maker comes to it */
		group = HamnetGroupCount(HamnetOpen(index), RelationGetNumberOfBlocks(index));
		group = Max(group, HamnetOpen(index)->meta.ordered_groups + 1) - 1;
		while (!TryGroup(index, &layout, block = HamnetGroupBlock(HamnetOpen(index), group), row))
			group++;
	}
	RelationSetTargetBlock(index, block);
}

/*
 * An index for fingerprints of unknown model becomes one for a model with the
 * first that has one. Returns the model it is for.
 */
static uint32
AdoptModel(Relation index, uint32 model)
{
	Buffer		buffer = ReadBuffer(index, HAMNET_META_BLOCK);
	HamnetMeta *meta;

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	meta = HamnetPageGetMeta(BufferGetPage(buffer));
	if (meta->model == HFP_UNKNOWN_MODEL)
	{
		GenericXLogState *record = GenericXLogStart(index);

		meta = HamnetPageGetMeta(GenericXLogRegisterBuffer(record, buffer, 0));
		meta->model = model;
		GenericXLogFinish(record);
	}
	else
		model = meta->model;
	UnlockReleaseBuffer(buffer);

	return model;
}

bool
hamnet_insert(Relation index, Datum *values, bool *isnull, ItemPointer tid, Relation heap,
			  IndexUniqueCheck check,
			  bool unchanged,
			  struct IndexInfo *info)
{
	HamnetRow	row;

	if (isnull[0])
		HamnetFormUncoded(&row, tid, NULL);
	else
	{
		Hfp		   *h = DatumGetHfp(values[0]);
		uint32		model = HamnetGetModel(index);

		if (model == HFP_UNKNOWN_MODEL && h->model != HFP_UNKNOWN_MODEL &&
			h->dim == HamnetOpen(index)->meta.dim)
			model = AdoptModel(index, h->model);
		HamnetFormRow(HamnetOpen(index), model, h, tid, &row);
		if ((Pointer) h != DatumGetPointer(values[0]))
			pfree(h);
	}
	HamnetFormFilters(index, values, isnull, &row);
	InsertRow(index, &row);

	/* Uniqueness is never checked */
	return false;
}
