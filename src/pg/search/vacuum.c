/*
 * search/vacuum.c: removing dead rows from an index, and finding their room again.
 */
#include "postgres.h"

#include "access/generic_xlog.h"
#include "commands/vacuum.h"
#include "storage/freespace.h"
#include "storage/indexfsm.h"

#include "search/am.h"

/* Remove the dead rows of a page. Returns how many there were. */
static int
VacuumPage(Relation index, const HamnetLayout *layout, Buffer buffer,
		   IndexBulkDeleteCallback callback, void *callback_state)
{
	Page		page = BufferGetPage(buffer);
	HamnetRows	rows = HamnetPageGetRows(page, layout);
	int			dead[HN_CODE_BLOCK];
	int			count = 0;
	GenericXLogState *record;

	for (int i = 0; i < HamnetPageGetOpaque(page)->count; i++)
		if (callback(&rows.tid[i], callback_state))
			dead[count++] = i;
	if (count == 0)
		return 0;

	record = GenericXLogStart(index);
	page = GenericXLogRegisterBuffer(record, buffer, 0);

	/* From the end, so that no dead row is moved to an earlier place */
	for (int i = count - 1; i >= 0; i--)
		HamnetPageRemoveRow(page, layout, dead[i]);
	GenericXLogFinish(record);

	return count;
}

/*
 * Pass over all pages: remove what callback says is dead, if there is one,
 * count the rest, and tell the free space map. Pages that are added meanwhile
 * hold no rows that were dead when the vacuum began.
 */
static void
VacuumIndex(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
			IndexBulkDeleteCallback callback, void *callback_state)
{
	Relation	index = info->index;
	HamnetLayout layout = HamnetOpen(index)->layout;
	BlockNumber first = HamnetFirstRowBlock(&HamnetOpen(index)->meta);
	BlockNumber end = RelationGetNumberOfBlocks(index);

	stats->num_pages = end;
	stats->num_index_tuples = 0;
	stats->estimated_count = false;
	stats->pages_free = 0;

	for (BlockNumber block = first; block < end; block++)
	{
		Buffer		buffer;
		Page		page;
		int			count = 0;

#if PG_VERSION_NUM >= 180000
		vacuum_delay_point(false);
#else
		vacuum_delay_point();
#endif
		buffer = ReadBufferExtended(index, MAIN_FORKNUM, block, RBM_NORMAL, info->strategy);
		LockBuffer(buffer, callback ? BUFFER_LOCK_EXCLUSIVE : BUFFER_LOCK_SHARE);
		page = BufferGetPage(buffer);
		if (HamnetPageHasRows(page))
		{
			if (callback)
				stats->tuples_removed += VacuumPage(index, &layout, buffer, callback, callback_state);
			count = HamnetPageGetOpaque(page)->count;
		}
		UnlockReleaseBuffer(buffer);

		stats->num_index_tuples += count;
		stats->pages_free += count == 0;
		RecordPageWithFreeSpace(index, block, (Size) (layout.capacity - count) * layout.row_size);
	}
}

IndexBulkDeleteResult *
hamnet_bulkdelete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
				  IndexBulkDeleteCallback callback, void *state)
{
	if (stats == NULL)
		stats = palloc0(sizeof(IndexBulkDeleteResult));
	VacuumIndex(info, stats, callback, state);
	return stats;
}

IndexBulkDeleteResult *
hamnet_vacuumcleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats)
{
	if (info->analyze_only)
		return stats;
	if (stats == NULL)
	{
		stats = palloc0(sizeof(IndexBulkDeleteResult));
		VacuumIndex(info, stats, NULL, NULL);
	}
	IndexFreeSpaceMapVacuum(info->index);
	return stats;
}
