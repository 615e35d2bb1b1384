/*
 * search/pages.c: pinning pages of an index, of which a search reads thousands.
 *
 * Most of the time that it takes to pin a page in shared buffers goes to finding
 * which buffer that is. So each backend remembers it for the index that it
 * searched last, and looks there first. That does not count as use, by which the
 * server decides what to keep; so some searches find pages the usual way.
 */
#include "postgres.h"

#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "search/am.h"

/* One in so many searches does without. */
#define USUAL_SEARCHES 8

#if PG_VERSION_NUM >= 160000
#define FILE_OF(index) ((index)->rd_locator)
typedef RelFileLocator FileOfIndex;
#else
#define FILE_OF(index) ((index)->rd_node)
typedef RelFileNode FileOfIndex;
#endif

static struct
{
	FileOfIndex file;			/* of the index */
	BlockNumber blocks;
	Buffer	   *buffers;		/* [blocks] InvalidBuffer: not known */
	uint32		searches;
	bool		usual;
}			recent;

static bool
IsSameFile(const FileOfIndex *a, const FileOfIndex *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

void
HamnetBeginPages(Relation index, BlockNumber blocks)
{
	if (recent.blocks < blocks)
	{
		Buffer	   *buffers = MemoryContextAllocHuge(TopMemoryContext, sizeof(Buffer) * (Size) blocks);

		if (recent.buffers)
			pfree(recent.buffers);
		recent.buffers = buffers;
		recent.blocks = blocks;
		memset(&recent.file, 0, sizeof(recent.file));
	}
	if (!IsSameFile(&recent.file, &FILE_OF(index)))
	{
		memset(recent.buffers, 0, sizeof(Buffer) * (Size) recent.blocks);
		recent.file = FILE_OF(index);
	}
	recent.usual = recent.searches++ % USUAL_SEARCHES == USUAL_SEARCHES - 1;
}

Buffer
HamnetPinPage(Relation index, BlockNumber block, BufferAccessStrategy strategy)
{
	/* A file of a temporary table may have the name of another, and is in other buffers */
	bool		known = block < recent.blocks && !RelationUsesLocalBuffers(index) && IsSameFile(&recent.file, &FILE_OF(index));
	Buffer		buffer;

	if (known && !recent.usual && recent.buffers[block] != InvalidBuffer &&
		ReadRecentBuffer(FILE_OF(index), MAIN_FORKNUM, block, recent.buffers[block]))
		return recent.buffers[block];
	buffer = ReadBufferExtended(index, MAIN_FORKNUM, block, RBM_NORMAL, strategy);
	if (known)
		recent.buffers[block] = buffer;
	return buffer;
}
