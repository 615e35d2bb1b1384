/*
 * search/build.c: building an index: a sample, axes, then a code for each row, and
 * the rows in an order in which neighbours lie together.
 *
 * The table is read twice: some blocks at random for the sample, then all of
 * it. Rows are encoded in batches, because BLAS projects many at a time
 * several times faster than one by one, and wait in parts of which each fits
 * into maintenance_work_mem: in memory if there is one part, else in temporary
 * files. Each part is put in order and written as groups, which are filled to
 * the end. Nothing is logged until the end, when all pages are, as full images.
 */
#include "postgres.h"

#include <math.h>

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

#include "hamnet/random.h"
#include "search/build.h"
#include "server/core.h"
#include "server/distributed.h"

/*
 * The sample decides how tight bounds are, never whether they hold. More
 * than this changes little; maintenance_work_mem may allow less.
 */
#define SAMPLE_ROWS 16384

/* Of an index without data, which has no use for them. */
#define EMPTY_COORDINATES HN_CODE_UNIT

/* Rows for a product of matrices: enough for BLAS, and they stay in the cache. */
#define BATCH_ROWS 256

/* Parts of which each has a file open, with a buffer of its own. */
#define MAX_PARTS 512

#define PHASE_SAMPLE 2
#define PHASE_AXES 3
#define PHASE_ENCODE 4
#define PHASE_WRITE 5

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
		case PHASE_WRITE:
			return "writing groups";
		default:
			return NULL;
	}
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
	meta->lead = HN_CODE_LEAD;
	if (meta->coordinates == 0)
		meta->coordinates = EMPTY_COORDINATES;
	HamnetDescribeFilters(index, meta);
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
		HamnetAppendPage(index, MAIN_FORKNUM, (Page) page.data);
		next += taken;
		count -= taken;
		blocks++;
	}
	return blocks;
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
	uint64		slot;

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
	if (HamnetIsComparable(HamnetKindOf(h), (HamnetKind) {state->dim, state->model}))
	{
		slot = state->seen++;
		if (slot >= state->room)
			slot = hn_next_random(&state->random) % state->seen;
		if (slot < state->room)
		{
			double	   *x = state->sample + slot * state->dim;
			double		length = HamnetWiden(state->metric, h, x);

			if (slot == state->sampled && length <= HN_CODE_MAX_LENGTH)
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
		state->sampled_blocks++;
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
	state->space.coordinates = HamnetGetCoordinates(state->index);
	state->space.values = MemoryContextAllocHuge(CurrentMemoryContext,
												 sizeof(double) * hn_code_space_values(state->dim, HN_CODE_MAX));

	memory = AllocSetContextCreate(CurrentMemoryContext, "hamnet principal axes", ALLOCSET_DEFAULT_SIZES);
	hn_arena_init(&arena, ContextAllocator(memory));
	InitCoreContext(&context, &arena);
	if (hn_code_space_fit(&context, state->sample, state->sampled, &state->space) != HN_OK)
		ReportCoreError(&context, NULL);
	MemoryContextDelete(memory);
}

/*
 * Encode the sample, which the fit has left without its mean, choose cells by
 * it, and divide all vectors into parts.
 */
static void
FitCells(BuildState *state)
{
	int			n = state->sampled;
	int			measured = 0;
	HnCode	   *codes = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(HnCode) * n);
	float	   *norms = palloc(sizeof(float) * n);
	uint8	   *bytes = palloc(HN_BOX_POSITIONS * n);
	uint32	   *scratch = palloc(sizeof(uint32) * 2 * n);

	for (int i = 0; i < n; i++)
	{
		double	   *x = state->sample + (Size) i * state->dim;
		double		length = 0;

		for (int j = 0; j < state->dim; j++)
		{
			x[j] += hn_code_mean(&state->space)[j];
			length += x[j] * x[j];
		}
		norms[i] = HamnetNormAbove(sqrt(length));
		hn_code_encode(&state->space, x, 1, state->projected, &codes[i]);
	}
	hn_cells_fit(&state->space, state->metric, codes, norms, n, (float *) scratch, &state->cells);
	for (int i = 0; i < n; i++)
		measured += hn_cells_measure(&state->space, &state->cells, &codes[i], norms[i], bytes + HN_BOX_POSITIONS * measured);
	state->part_count = Max(1, Min(state->part_count, measured));
	state->division.nodes = palloc(sizeof(HnPartNode) * 2 * state->part_count);
	hn_cells_divide(&state->space, &state->cells, state->metric, bytes, measured, state->part_count,
					scratch, scratch + n, &state->division);
	pfree(codes);
	pfree(norms);
	pfree(bytes);
	pfree(scratch);
	pfree(state->sample);
	state->sample = NULL;
}

/* Choose how many parts the rows wait in, before any is known but by the sample. */
static void
BeginParts(BuildState *state)
{
	double		blocks = RelationGetNumberOfBlocks(state->heap);
	double		rows = state->sampled_blocks > 0 ? state->seen / state->sampled_blocks * blocks : 0;
	Size		row_size = offsetof(WaitingRow, record) + state->layout.record_size;
	double		wanted;

	state->waiting_size = MAXALIGN(row_size);

	/* Each row also has two numbers and its bytes while its part is put in order */
	wanted = rows * (state->waiting_size + 2 * sizeof(uint32) + HN_BOX_POSITIONS) / (maintenance_work_mem * 1024.0);
	state->part_count = Max(1, Min(Min(MAX_PARTS, state->sampled), ceil(wanted)));
	state->parts = palloc0(sizeof(Part) * (state->part_count + 1));
	for (int i = 0; state->part_count > 1 && i <= state->part_count; i++)
		state->parts[i].file = BufFileCreateTemp(false);
}

static void
AddToPart(BuildState *state, Part *part, const WaitingRow *row)
{
	if (part->file)
		BufFileWrite(part->file, (void *) row, state->waiting_size);
	else
	{
		if (part->count == part->room)
		{
			part->room = part->room ? 2 * part->room : 1024;
			part->rows = part->rows ? repalloc_huge(part->rows, mul_size(part->room, state->waiting_size)) :
				MemoryContextAllocHuge(CurrentMemoryContext, mul_size(part->room, state->waiting_size));
		}
		memcpy(part->rows + part->count * state->waiting_size, row, state->waiting_size);
	}
	part->count++;
}

/* Have a row wait in the part that it belongs to. */
static void
AddRow(BuildState *state, const HamnetRow *row)
{
	WaitingRow *waiting = state->waiting;
	int			part = state->part_count;

	waiting->tid = row->tid;
	waiting->state = row->state;
	waiting->nulls = row->nulls;
	memcpy(waiting->filters, row->filters, sizeof(row->filters));
	waiting->kind = row->kind;
	if (HamnetIsCoded(row->state))
	{
		memcpy(waiting->bytes, row->bytes, HN_BOX_POSITIONS);
		waiting->norm = row->norm;
		hn_code_store(&row->code, state->layout.coordinates, row->bytes, row->norm, state->layout.norms, waiting->record);
		part = hn_part_of(&state->division, row->bytes);
		state->coded_rows++;
		state->heights[row->code.height]++;
	}
	AddToPart(state, &state->parts[part], waiting);
	state->index_rows++;
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
		HamnetFormCoded(&state->space, &state->cells, &state->rows[i]);
		AddRow(state, &state->rows[i]);
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

	HamnetFormUncoded(row, tid, NULL);
	if (!isnull[0])
	{
		MemoryContext old = MemoryContextSwitchTo(state->memory);
		Hfp		   *h = DatumGetHfp(values[0]);

		if (state->space.values &&
			state->model == HFP_UNKNOWN_MODEL && h->dim == state->dim)
			state->model = h->model;
		HamnetFormUncoded(row, tid, h);
		coded = state->space.values && HamnetIsComparable(row->kind, (HamnetKind) {state->dim, state->model});
		if (coded)
			row->norm = HamnetNormAbove(HamnetWiden(state->metric, h, state->batch + (size_t) state->batched * state->dim));
		MemoryContextSwitchTo(old);
		MemoryContextReset(state->memory);
	}
	HamnetFormFilters(index, values, isnull, row);
	if (!coded)
		AddRow(state, row);
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
BeginBatch(BuildState *state)
{
	state->rows = palloc(sizeof(HamnetRow) * BATCH_ROWS);
	state->codes = palloc(sizeof(HnCode) * BATCH_ROWS);
	state->batch = palloc(sizeof(double) * BATCH_ROWS * Max(state->dim, 1));
	state->projected = palloc(sizeof(double) * BATCH_ROWS * state->layout.coordinates);
	state->waiting = palloc0(state->waiting_size);
}

static void
EncodeHeap(BuildState *state)
{
	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, PHASE_ENCODE);
	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_TOTAL, (int64) Max(state->heap->rd_rel->reltuples, 0));

	state->heap_rows = table_index_build_scan(state->heap, state->index, state->info, true, true,
											  EncodeRow, state, NULL);
	FlushBatch(state);
}

/* Complete the first page, now that all is known. */
static void
WriteMeta(BuildState *state, const HamnetMeta *meta)
{
	Buffer		buffer = ReadBuffer(state->index, HAMNET_META_BLOCK);

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	*HamnetPageGetMeta(BufferGetPage(buffer)) = *meta;
	MarkBufferDirty(buffer);
	UnlockReleaseBuffer(buffer);
}

/*
 * Whether to say no more that an index has no data: the server empties a temporary
 * table ON COMMIT DELETE ROWS, and builds its indexes anew, at every commit.
 */
static bool
IsKnownToBeEmpty(Relation index)
{
	static Oid	last = InvalidOid;
	bool		known = index->rd_rel->relpersistence == RELPERSISTENCE_TEMP &&
		(index->rd_createSubid == InvalidSubTransactionId || RelationGetRelid(index) == last);

	last = RelationGetRelid(index);
	return known;
}

/* Build the axes and cells, if there is a row to fit them to; else say so. */
static void
BeginSpace(BuildState *state, HamnetMeta *meta)
{
	if (state->sampled == 0)
	{
		state->layout = HamnetGetLayout(meta);
		BeginParts(state);
		BeginBatch(state);
		/* Citus builds the index on each shard, from the shard's rows. */
		ereport(IsKnownToBeEmpty(state->index) || IsDistributed(state->index->rd_index->indrelid) ? DEBUG1 : NOTICE,
				(errmsg("hamnet index \"%s\" is built without data", RelationGetRelationName(state->index)),
				 errdetail("The index learns its axes from existing rows; until it is rebuilt, searches read every row."),
				 errhint("REINDEX it when the table has been filled.")));
		return;
	}
	FitSpace(state);
	meta->dim = state->dim;
	meta->coordinates = state->space.coordinates;
	meta->flat = state->space.flat;
	meta->lead = state->space.lead;
	state->layout = HamnetGetLayout(meta);
	BeginParts(state);
	BeginBatch(state);
	FitCells(state);
	meta->space_blocks = AppendSpace(state->index, &state->space);
	meta->cells = state->cells;
}

IndexBuildResult *
hamnet_build(Relation heap, Relation index, struct IndexInfo *info)
{
	IndexBuildResult *result = palloc(sizeof(IndexBuildResult));
	BuildState *state = palloc0(sizeof(BuildState));
	PGAlignedBlock page;
	HamnetMeta	meta;

	if (RelationGetNumberOfBlocks(index) != 0)
		elog(ERROR, "index \"%s\" already contains data", RelationGetRelationName(index));

	InitMetaPage(index, (Page) page.data);
	meta = *HamnetPageGetMeta((Page) page.data);
	HamnetAppendPage(index, MAIN_FORKNUM, (Page) page.data);

	state->heap = heap;
	state->index = index;
	state->info = info;
	state->metric = meta.metric;
	state->memory = AllocSetContextCreate(CurrentMemoryContext, "hamnet index build", ALLOCSET_DEFAULT_SIZES);

	SampleHeap(state);
	meta.dim = 0;
	BeginSpace(state, &meta);
	EncodeHeap(state);
	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, PHASE_WRITE);
	HamnetWriteGroups(state, &meta);
	meta.model = state->model;
	meta.built_rows = state->coded_rows;
	meta.built_height = MedianHeight(state);
	WriteMeta(state, &meta);

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
