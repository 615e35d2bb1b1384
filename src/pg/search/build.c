/*
 * search/build.c: building an index: a sample, axes, then a code for each row.
 *
 * The table is read twice: some blocks at random for the sample, then all of
 * it. Rows are encoded in batches, because BLAS projects many at a time
 * several times faster than one by one, and go to pages that are filled to the
 * end. Nothing is logged until the end, when all pages are, as full images.
 */
#include "postgres.h"

#include "access/generic_xlog.h"
#include "access/tableam.h"
#include "access/xloginsert.h"
#include "catalog/index.h"
#include "commands/progress.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/sampling.h"
#include "utils/snapmgr.h"

#include "search/am.h"
#include "server/core.h"

/*
 * The sample decides how tight bounds are, never whether they hold. More
 * than this changes little; maintenance_work_mem may allow less.
 */
#define SAMPLE_ROWS 16384

/* Rows for a product of matrices: enough for BLAS, and they stay in the cache. */
#define BATCH_ROWS 256

#define PHASE_SAMPLE 2
#define PHASE_AXES 3
#define PHASE_ENCODE 4

typedef struct BuildState
{
	Relation	heap;
	Relation	index;
	struct IndexInfo *info;
	HnMetric	metric;
	HamnetLayout layout;
	MemoryContext memory;		/* for one row, or one batch */

	/* The sample: vectors [sampled, dim], drawn from all that were seen */
	int			dim;			/* of the first, 0 before it */
	uint32		model;			/* of the first that has one */
	int			room;			/* rows that the sample may have */
	int			sampled;
	uint64		seen;
	uint64		random;
	double	   *sample;

	/* The code space, and the batch: vectors [BATCH_ROWS, dim] */
	HnCodeSpace space;
	HamnetRow  *rows;			/* [BATCH_ROWS] */
	double	   *batch;
	double	   *projected;		/* [BATCH_ROWS, k] */
	HnCode	   *codes;			/* [BATCH_ROWS] */
	int			batched;

	/* The page being filled */
	PGAlignedBlock page;
	double		index_rows;		/* all of them */
	double		coded_rows;
	double		heap_rows;
	uint64		heights[65536];	/* how often each distance to the box occurs, by its bits */
} BuildState;

char *
hamnet_buildphasename(int64 phase)
{
	switch (phase)
	{
		case PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE:
			return "initializing";
		case PHASE_SAMPLE:
			return "sampling rows";
		case PHASE_AXES:
			return "computing principal axes";
		case PHASE_ENCODE:
			return "encoding rows";
		default:
			return NULL;
	}
}

/* Put a page at the end of the index. Logged, if at all, at the end of the build. */
static void
AppendPage(Relation index, ForkNumber fork, Page page)
{
	Buffer		buffer = ReadBufferExtended(index, fork, P_NEW, RBM_NORMAL, NULL);

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	memcpy(BufferGetPage(buffer), page, BLCKSZ);
	MarkBufferDirty(buffer);
	UnlockReleaseBuffer(buffer);
}

static void
InitMetaPage(Relation index, Page page)
{
	HamnetMeta *meta = HamnetPageGetMeta(page);

	HamnetInitPage(page, HAMNET_PAGE_META);
	meta->magic = HAMNET_MAGIC;
	meta->version = HAMNET_INDEX_VERSION;
	meta->metric = HamnetGetMetric(index);
	meta->coordinates = HamnetGetCoordinates(index);
}

/* Cut the code space into pages. Returns how many. */
static BlockNumber
AppendSpace(Relation index, const HnCodeSpace *space)
{
	size_t		count = hn_code_space_values(space->dim, space->coordinates);
	const double *next = space->values;
	BlockNumber blocks = 0;
	PGAlignedBlock page;

	while (count > 0)
	{
		size_t		taken = Min(count, HAMNET_PAGE_VALUES);

		HamnetInitPage((Page) page.data, HAMNET_PAGE_SPACE);
		memcpy(PageGetContents((Page) page.data), next, taken * sizeof(double));
		AppendPage(index, MAIN_FORKNUM, (Page) page.data);
		next += taken;
		count -= taken;
		blocks++;
	}
	return blocks;
}

static uint64
NextRandom(BuildState *state)
{
	state->random = state->random * UINT64CONST(6364136223846793005) + UINT64CONST(1442695040888963407);
	return state->random >> 33;
}

/*
 * Draw a row into the sample: each one seen so far stays with the same
 * probability. The same table gives the same sample. Rows that are dead, and in
 * the index only for older snapshots, must not shape it: they may all be of the
 * model that was replaced.
 */
static void
SampleRow(Relation index, ItemPointer tid, Datum *values, bool *isnull, bool alive, void *arg)
{
	BuildState *state = arg;
	MemoryContext old;
	Hfp		   *h;
	uint64		place;

	if (isnull[0] || !alive)
		return;

	old = MemoryContextSwitchTo(state->memory);
	h = DatumGetHfp(values[0]);
	if (state->dim == 0)
	{
		Size		most = maintenance_work_mem * (Size) 1024 / 2 / (sizeof(double) * h->dim);

		state->dim = h->dim;
		state->room = Max(HN_CODE_MAX, Min(SAMPLE_ROWS, most));
		MemoryContextSwitchTo(old);
		state->sample = MemoryContextAllocHuge(CurrentMemoryContext,
											   mul_size(mul_size(state->room, h->dim), sizeof(double)));
		MemoryContextSwitchTo(state->memory);
	}
	if (state->model == HFP_UNKNOWN_MODEL && h->dim == state->dim)
		state->model = h->model;
	if (HamnetIsNative(h->dim, h->model, state->dim, state->model))
	{
		place = state->seen++;
		if (place >= state->room)
			place = NextRandom(state) % state->seen;
		if (place < state->room)
		{
			double	   *x = state->sample + place * state->dim;
			double		length = HamnetWiden(state->metric, h, x);

			if (place == state->sampled && length <= HN_CODE_MAX_LENGTH)
				state->sampled++;
			else if (length > HN_CODE_MAX_LENGTH)
			{
				/* It will have no code, so it must not shape the codes of others */
				state->seen--;
				memset(x, 0, sizeof(double) * state->dim);
			}
		}
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(state->memory);
}

/* Read blocks at random until the sample has seen enough rows. */
static void
SampleHeap(BuildState *state)
{
	BlockSamplerData sampler;
	BlockNumber blocks = RelationGetNumberOfBlocks(state->heap);

	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, PHASE_SAMPLE);

	/* A block holds a few wide rows or many narrow ones: a quarter as many blocks as rows are wanted */
	BlockSampler_Init(&sampler, blocks, SAMPLE_ROWS / 4, 1);
	while (BlockSampler_HasMore(&sampler))
	{
		BlockNumber block = BlockSampler_Next(&sampler);

		table_index_build_range_scan(state->heap, state->index, state->info, false, false, false,
									 block, 1, SampleRow, state, NULL);
	}
}

static void
FitSpace(BuildState *state)
{
	HnArena		arena;
	HnContext	context;
	MemoryContext memory;

	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, PHASE_AXES);

	state->space.dim = state->dim;
	state->space.coordinates = state->layout.coordinates;
	state->space.values = MemoryContextAllocHuge(CurrentMemoryContext,
												 sizeof(double) * hn_code_space_values(state->dim, state->layout.coordinates));

	memory = AllocSetContextCreate(CurrentMemoryContext, "hamnet principal axes", ALLOCSET_DEFAULT_SIZES);
	hn_arena_init(&arena, ContextAllocator(memory));
	InitCoreContext(&context, &arena);
	if (hn_code_space_fit(&context, state->sample, state->sampled, &state->space) != HN_OK)
		ReportCoreError(&context, NULL);
	MemoryContextDelete(memory);
	pfree(state->sample);
	state->sample = NULL;
}

static void
AppendRow(BuildState *state, const HamnetRow *row)
{
	Page		page = (Page) state->page.data;

	if (HamnetPageGetOpaque(page)->count == state->layout.capacity)
	{
		AppendPage(state->index, MAIN_FORKNUM, page);
		HamnetInitPage(page, HAMNET_PAGE_ROWS);
	}
	HamnetPageAddRow(page, &state->layout, row);
	state->index_rows++;
	if (!row->isnull && row->code.error != HN_SHORT_INFINITY)
	{
		state->coded_rows++;
		state->heights[row->code.height]++;
	}
}

static void
FlushBatch(BuildState *state)
{
	CHECK_FOR_INTERRUPTS();
	if (state->batched > 0)
		hn_code_encode(&state->space, state->batch, state->batched, state->projected, state->codes);
	for (int i = 0; i < state->batched; i++)
	{
		state->rows[i].code = state->codes[i];
		AppendRow(state, &state->rows[i]);
	}
	state->batched = 0;
	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, (int64) state->index_rows);
}

static void
EncodeRow(Relation index, ItemPointer tid, Datum *values, bool *isnull, bool alive, void *arg)
{
	BuildState *state = arg;
	HamnetRow  *row = &state->rows[state->batched];
	bool		coded = false;

	HamnetFormUncoded(row, tid, isnull[0]);
	if (!isnull[0])
	{
		MemoryContext old = MemoryContextSwitchTo(state->memory);
		Hfp		   *h = DatumGetHfp(values[0]);

		if (state->space.values &&
			state->model == HFP_UNKNOWN_MODEL && h->dim == state->dim)
			state->model = h->model;
		coded = state->space.values && HamnetIsNative(h->dim, h->model, state->dim, state->model);
		if (coded)
			row->norm = HamnetNormAbove(HamnetWiden(state->metric, h, state->batch + (size_t) state->batched * state->dim));
		MemoryContextSwitchTo(old);
		MemoryContextReset(state->memory);
	}
	if (!coded)
		AppendRow(state, row);
	else if (++state->batched == BATCH_ROWS)
		FlushBatch(state);
}

static double
MedianHeight(const BuildState *state)
{
	uint64		below = 0;

	for (int bits = 0; bits < HN_SHORT_INFINITY; bits++)
	{
		below += state->heights[bits];
		if (2 * below >= state->coded_rows)
			return hn_short_to_float(bits);
	}
	return 0;
}

static void
EncodeHeap(BuildState *state)
{
	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, PHASE_ENCODE);
	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_TOTAL, (int64) Max(state->heap->rd_rel->reltuples, 0));

	state->rows = palloc(sizeof(HamnetRow) * BATCH_ROWS);
	state->codes = palloc(sizeof(HnCode) * BATCH_ROWS);
	state->batch = palloc(sizeof(double) * BATCH_ROWS * Max(state->dim, 1));
	state->projected = palloc(sizeof(double) * BATCH_ROWS * state->layout.coordinates);
	HamnetInitPage((Page) state->page.data, HAMNET_PAGE_ROWS);
	state->heap_rows = table_index_build_scan(state->heap, state->index, state->info, true, true,
											  EncodeRow, state, NULL);
	FlushBatch(state);
	if (HamnetPageGetOpaque((Page) state->page.data)->count > 0)
		AppendPage(state->index, MAIN_FORKNUM, (Page) state->page.data);
}

/* Complete the first page, now that all is known. */
static void
FinishMeta(BuildState *state, BlockNumber space_blocks)
{
	Buffer		buffer = ReadBuffer(state->index, HAMNET_META_BLOCK);
	HamnetMeta *meta;

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	meta = HamnetPageGetMeta(BufferGetPage(buffer));
	meta->dim = space_blocks > 0 ? state->dim : 0;
	meta->model = state->model;
	meta->space_blocks = space_blocks;
	meta->built_rows = state->coded_rows;
	meta->built_height = MedianHeight(state);
	MarkBufferDirty(buffer);
	UnlockReleaseBuffer(buffer);
}

IndexBuildResult *
hamnet_build(Relation heap, Relation index, struct IndexInfo *info)
{
	IndexBuildResult *result = palloc(sizeof(IndexBuildResult));
	BuildState *state = palloc0(sizeof(BuildState));
	BlockNumber space_blocks = 0;

	if (RelationGetNumberOfBlocks(index) != 0)
		elog(ERROR, "index \"%s\" already contains data", RelationGetRelationName(index));

	state->heap = heap;
	state->index = index;
	state->info = info;
	state->metric = HamnetGetMetric(index);
	state->layout = HamnetGetLayout(state->metric, HamnetGetCoordinates(index));
	state->random = 1;
	state->memory = AllocSetContextCreate(CurrentMemoryContext, "hamnet index build", ALLOCSET_DEFAULT_SIZES);

	InitMetaPage(index, (Page) state->page.data);
	AppendPage(index, MAIN_FORKNUM, (Page) state->page.data);

	SampleHeap(state);
	if (state->sampled > 0)
	{
		FitSpace(state);
		space_blocks = AppendSpace(index, &state->space);
	}
	else
		ereport(NOTICE,
				(errmsg("hamnet index \"%s\" is built without data", RelationGetRelationName(index)),
				 errdetail("It is fitted to the fingerprints that it finds. Until then every search has to look at all rows."),
				 errhint("REINDEX it when the table has been filled.")));
	EncodeHeap(state);
	FinishMeta(state, space_blocks);

	if (RelationNeedsWAL(index))
		log_newpage_range(index, MAIN_FORKNUM, 0, RelationGetNumberOfBlocks(index), true);

	result->heap_tuples = state->heap_rows;
	result->index_tuples = state->index_rows;

	MemoryContextDelete(state->memory);
	return result;
}

/* The index of an unlogged table, as it is after a crash. */
void
hamnet_buildempty(Relation index)
{
	PGAlignedBlock page;
	Buffer		buffer;

	InitMetaPage(index, (Page) page.data);
	buffer = ReadBufferExtended(index, INIT_FORKNUM, P_NEW, RBM_NORMAL, NULL);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);

	START_CRIT_SECTION();
	memcpy(BufferGetPage(buffer), page.data, BLCKSZ);
	MarkBufferDirty(buffer);
	log_newpage_buffer(buffer, true);
	END_CRIT_SECTION();

	UnlockReleaseBuffer(buffer);
}
