/*
 * search/vacuum.c: removing dead rows from an index, and finding their room again.
 */
#include "postgres.h"

#include "access/generic_xlog.h"
#include "commands/vacuum.h"
#include "storage/freespace.h"
#include "storage/indexfsm.h"

#include "search/am.h"

/* Free the dead rows of a page. Returns how many there were. */
static int
VacuumPage(Relation index, const HamnetLayout *layout, Buffer buffer,
		   IndexBulkDeleteCallback callback, void *callback_state)
{
	Page		page = BufferGetPage(buffer);
	uint8	   *states = HamnetPageGetStates(page, layout);
	ItemPointerData *tids = HamnetPageGetTids(page, layout);
	int			dead[HAMNET_MAX_ROWS];
	int			count = 0;
	GenericXLogState *record;

	for (int i = 0; i < HamnetPageGetOpaque(page)->count; i++)
		if (states[i] != HAMNET_FREE && callback(&tids[i], callback_state))
			dead[count++] = i;
	if (count == 0)
		return 0;

	record = GenericXLogStart(index);
	page = GenericXLogRegisterBuffer(record, buffer, 0);
	for (int i = 0; i < count; i++)
		HamnetPageFreeRow(page, layout, dead[i]);
	GenericXLogFinish(record);

	return count;
}

/*
 * Pass over all groups: free what callback says is dead, if there is one, count
 * the rest, and tell the free space map which groups may be added to. Groups
 * that are added meanwhile hold no rows that were dead when the vacuum began.
 */
static void
VacuumIndex(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
			IndexBulkDeleteCallback callback, void *callback_state)
{
	Relation	index = info->index;
	HamnetLayout layout = HamnetOpen(index)->layout;
	uint32		ordered = HamnetOpen(index)->meta.ordered_groups;
	uint32		groups;

	stats->num_pages = RelationGetNumberOfBlocks(index);
	stats->num_index_tuples = 0;
	stats->estimated_count = false;
	stats->pages_free = 0;
	groups = HamnetGroupCount(HamnetOpen(index), stats->num_pages);

	for (uint32 group = 0; group < groups; group++)
	{
		BlockNumber block = HamnetGroupBlock(HamnetOpen(index), group);
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
			count = HamnetPageGetOpaque(page)->in_use;
		}
		UnlockReleaseBuffer(buffer);

		stats->num_index_tuples += count;
		stats->pages_free += count == 0 ? layout.group_blocks : 0;
		if (group >= ordered)
			RecordPageWithFreeSpace(index, block, count < layout.capacity ? BLCKSZ - 1 : 0);
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
