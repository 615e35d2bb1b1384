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

/* Add the row to a page, if it has room. */
static bool
TryPage(Relation index, const HamnetLayout *layout, BlockNumber block, const HamnetRow *row)
{
	Buffer		buffer = ReadBuffer(index, block);
	Page		page = BufferGetPage(buffer);
	GenericXLogState *record;
	bool		is_new;

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	is_new = PageIsNew(page);
	if (!is_new && !(HamnetPageHasRows(page) && HamnetPageGetOpaque(page)->count < layout->capacity))
	{
		UnlockReleaseBuffer(buffer);
		return false;
	}

	record = GenericXLogStart(index);
	page = GenericXLogRegisterBuffer(record, buffer, is_new ? GENERIC_XLOG_FULL_IMAGE : 0);
	if (is_new)
		HamnetInitPage(page, HAMNET_PAGE_ROWS);
	HamnetPageAddRow(page, layout, row);
	GenericXLogFinish(record);
	UnlockReleaseBuffer(buffer);

	return true;
}

/* Add a page at the end of the index, for somebody to fill. */
static BlockNumber
ExtendIndex(Relation index)
{
	bool		need_lock = !RELATION_IS_LOCAL(index);
	Buffer		buffer;
	BlockNumber block;

	if (need_lock)
		LockRelationForExtension(index, ExclusiveLock);
	buffer = ReadBuffer(index, P_NEW);
	block = BufferGetBlockNumber(buffer);
	ReleaseBuffer(buffer);
	if (need_lock)
		UnlockRelationForExtension(index, ExclusiveLock);

	return block;
}

static void
InsertRow(Relation index, const HamnetIndex *open, const HamnetRow *row)
{
	HamnetLayout layout = open->layout;
	BlockNumber first = HamnetFirstRowBlock(&open->meta);
	BlockNumber block = RelationGetTargetBlock(index);

	if (block != InvalidBlockNumber && block >= first && TryPage(index, &layout, block, row))
		return;

	/*
	 * What VACUUM has freed comes first. The map may be stale, so each page
	 * that turns out to be full is marked as such. Then the last page, where
	 * the previous backend left off; then a new one.
	 */
	while ((block = GetPageWithFreeSpace(index, layout.row_size)) != InvalidBlockNumber)
	{
		if (block >= first && block < RelationGetNumberOfBlocks(index) && TryPage(index, &layout, block, row))
			break;
		RecordPageWithFreeSpace(index, block, 0);
	}
	if (block == InvalidBlockNumber)
	{
		BlockNumber count = RelationGetNumberOfBlocks(index);

		block = count - 1;
		if (count <= first || !TryPage(index, &layout, block, row))
		{
			/* Others may fill a new page before its maker comes to it */
			do
				block = ExtendIndex(index);
			while (!TryPage(index, &layout, block, row));
		}
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
#if PG_VERSION_NUM >= 140000
			  bool unchanged,
#endif
			  struct IndexInfo *info)
{
	HamnetRow	row;

	if (isnull[0])
		HamnetFormUncoded(&row, tid, true);
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
	InsertRow(index, HamnetOpen(index), &row);

	/* Uniqueness is never checked */
	return false;
}
