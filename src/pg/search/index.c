/*
 * search/index.c: what the parts of the access method share: the description of an
 * index, making rows, and rows on pages.
 */
#include "postgres.h"

#include <cblas.h>

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "search/am.h"

/* True if hamnet_build can have written them. */
static bool
IsPlausible(const HamnetMeta *meta)
{
	size_t		values;

	if (meta->metric > HN_METRIC_TANIMOTO || meta->dim < 0 || meta->dim > HFP_MAX_DIM ||
		meta->coordinates < HN_CODE_UNIT || meta->coordinates > HN_CODE_MAX || meta->coordinates % HN_CODE_UNIT != 0)
		return false;
	if (meta->lead != (meta->flat ? meta->coordinates : HN_CODE_LEAD) || (meta->flat && meta->lead < HN_CODE_LEAD))
		return false;
	if (meta->filters > HAMNET_MAX_FILTERS || (meta->dim > 0 && !hn_cells_are_sound(&meta->cells)) ||
		meta->directory_blocks != (meta->ordered_groups + HAMNET_PAGE_BOXES - 1) / HAMNET_PAGE_BOXES)
		return false;
	for (int i = 0; i < meta->filters; i++)
		if (meta->filter_width[i] < 1 || meta->filter_width[i] > sizeof(int64))
			return false;
	values = meta->dim == 0 ? 0 : hn_code_space_values(meta->dim, meta->coordinates);
	return meta->space_blocks == (values + HAMNET_PAGE_VALUES - 1) / HAMNET_PAGE_VALUES;
}

static void
CheckMeta(Relation index, Page page)
{
	HamnetMeta *meta = HamnetPageGetMeta(page);

	if (PageIsNew(page) || HamnetPageGetOpaque(page)->page_id != HAMNET_PAGE_ID ||
		HamnetPageGetOpaque(page)->kind != HAMNET_PAGE_META || meta->magic != HAMNET_MAGIC)
		ereport(ERROR,
				(errcode(ERRCODE_INDEX_CORRUPTED),
				 errmsg("index \"%s\" is not a hamnet index", RelationGetRelationName(index)),
				 errhint("REINDEX it.")));
	if (meta->version != HAMNET_INDEX_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("index \"%s\" has version %u, this hamnet reads version %d",
						RelationGetRelationName(index), meta->version, HAMNET_INDEX_VERSION),
				 errhint("REINDEX INDEX %s;",
						 quote_qualified_identifier(get_namespace_name(RelationGetNamespace(index)),
													RelationGetRelationName(index)))));
	if (!IsPlausible(meta))
		ereport(ERROR,
				(errcode(ERRCODE_INDEX_CORRUPTED),
				 errmsg("the first page of index \"%s\" is damaged", RelationGetRelationName(index)),
				 errhint("REINDEX it.")));
}

static HamnetMeta
ReadMeta(Relation index)
{
	Buffer		buffer = ReadBuffer(index, HAMNET_META_BLOCK);
	HamnetMeta	meta;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	CheckMeta(index, BufferGetPage(buffer));
	meta = *HamnetPageGetMeta(BufferGetPage(buffer));
	UnlockReleaseBuffer(buffer);

	return meta;
}

static void
ReadSpace(Relation index, const HamnetMeta *meta, HnCodeSpace *space)
{
	size_t		count = hn_code_space_values(meta->dim, meta->coordinates);
	double	   *next = space->values;

	for (BlockNumber block = 0; block < meta->space_blocks; block++)
	{
		Buffer		buffer = ReadBuffer(index, HAMNET_META_BLOCK + 1 + block);
		Page		page;
		size_t		taken = Min(count, HAMNET_PAGE_VALUES);

		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		page = BufferGetPage(buffer);
		if (PageIsNew(page) || HamnetPageGetOpaque(page)->kind != HAMNET_PAGE_SPACE)
			ereport(ERROR,
					(errcode(ERRCODE_INDEX_CORRUPTED),
					 errmsg("block %u of index \"%s\" does not hold axes",
							HAMNET_META_BLOCK + 1 + block, RelationGetRelationName(index)),
					 errhint("REINDEX it.")));
		memcpy(next, PageGetContents(page), taken * sizeof(double));
		UnlockReleaseBuffer(buffer);
		next += taken;
		count -= taken;
	}
}

const HamnetIndex *
HamnetOpen(Relation index)
{
	if (index->rd_amcache == NULL)
	{
		HamnetMeta	meta = ReadMeta(index);
		size_t		values = meta.dim == 0 ? 0 : hn_code_space_values(meta.dim, meta.coordinates);

		/* One piece, which is what the relation cache can free */
		HamnetIndex *cache = MemoryContextAllocHuge(index->rd_indexcxt, sizeof(HamnetIndex) + values * sizeof(double));

		cache->meta = meta;
		cache->layout = HamnetGetLayout(&meta);
		cache->space.dim = meta.dim;
		cache->space.coordinates = meta.coordinates;
		cache->space.flat = meta.flat;
		cache->space.lead = meta.lead;
		cache->space.values = (double *) (cache + 1);
		PG_TRY();
		{
			ReadSpace(index, &meta, &cache->space);
		}
		PG_CATCH();
		{
			pfree(cache);
			PG_RE_THROW();
		}
		PG_END_TRY();
		index->rd_amcache = cache;
	}
	return index->rd_amcache;
}

uint32
HamnetGetModel(Relation index)
{
	return ReadMeta(index).model;
}

/* Capacities are multiples of it, so that every column is aligned. */
#define CAPACITY_UNIT 8

/*
 * The capacity of groups of a flat space, of which others is what a page of rows
 * holds of a row beside cells: two pages, equally full, and as many columns on the
 * first as it has room for.
 */
static void
ChooseFlatCapacity(HamnetLayout *layout, int others)
{
	int			row_size = (layout->cell_columns + others + 1) / 2;

	layout->group_blocks = 2;
	layout->capacity = HAMNET_CONTENT_SIZE / Max(row_size, others + (int) sizeof(HamnetKind)) / CAPACITY_UNIT * CAPACITY_UNIT;
	layout->near_columns = Min(layout->cell_columns, HAMNET_CONTENT_SIZE / layout->capacity - others);
	layout->codes_per_page = layout->capacity;
}

/* The capacity of groups: as many rows a page as can be. */
static void
ChooseCapacity(HamnetLayout *layout, int row_size)
{
	const int	unit = CAPACITY_UNIT;
	int			most = Min(HAMNET_CONTENT_SIZE / row_size, HAMNET_MAX_ROWS) / unit * unit;

	for (int capacity = unit; capacity <= most; capacity += unit)
	{
		int			blocks = 1 + (capacity + layout->codes_per_page - 1) / layout->codes_per_page;

		if (layout->capacity == 0 || capacity * layout->group_blocks >= layout->capacity * blocks)
		{
			layout->capacity = capacity;
			layout->group_blocks = blocks;
		}
	}
}

HamnetLayout
HamnetGetLayout(const HamnetMeta *meta)
{
	HamnetLayout layout = {.coordinates = meta->coordinates,.flat = meta->flat};
	int			others;
	int			start;

	layout.norms = hn_metric_needs_norm(meta->metric);
	layout.cell_columns = HN_CELL_COLUMNS(meta->lead);
	layout.near_columns = layout.cell_columns;
	others = sizeof(uint8) + sizeof(ItemPointerData);

	layout.filters = meta->filters;
	for (int i = 0; i < meta->filters; i++)
		others += layout.filter_width[i] = meta->filter_width[i];
	others += meta->filters > 0;
	layout.record_size = hn_code_record_size(meta->metric, meta->coordinates);
	layout.codes_per_page = HAMNET_CONTENT_SIZE / layout.record_size;
	if (layout.flat)
		ChooseFlatCapacity(&layout, others);
	else
		ChooseCapacity(&layout, layout.cell_columns + others);
	if (meta->dim == 0)
		layout.group_blocks = 1;

	start = layout.capacity * (layout.near_columns + sizeof(uint8) + sizeof(ItemPointerData));
	for (int i = 0; i < meta->filters; i++)
	{
		layout.filter_start[i] = start;
		start += layout.capacity * layout.filter_width[i];
	}
	layout.null_start = start;
	return layout;
}

BlockNumber
HamnetGroupBlock(const HamnetIndex *index, uint32 group)
{
	BlockNumber block = HAMNET_META_BLOCK + 1 + index->meta.space_blocks + group * index->layout.group_blocks;

	return group < index->meta.ordered_groups ? block : block + index->meta.directory_blocks;
}

uint32
HamnetGroupCount(const HamnetIndex *index, BlockNumber blocks)
{
	BlockNumber first = HamnetGroupBlock(index, index->meta.ordered_groups);

	/* A replica sees the last group grow page by page */
	return index->meta.ordered_groups +
		(blocks > first ? (blocks - first + index->layout.group_blocks - 1) / index->layout.group_blocks : 0);
}

BlockNumber
HamnetBoxBlock(const HamnetIndex *index, uint32 group)
{
	return HamnetGroupBlock(index, index->meta.ordered_groups) - index->meta.directory_blocks + group / HAMNET_PAGE_BOXES;
}

double
HamnetWiden(HnMetric metric, const Hfp *h, double *x)
{
	double		length;

	for (int i = 0; i < h->dim; i++)
		x[i] = h->x[i];
	length = cblas_dnrm2(h->dim, x, 1);
	if (metric == HN_METRIC_COSINE && length > 0)
		cblas_dscal(h->dim, 1 / length, x, 1);
	return length;
}

float
HamnetNormAbove(double length)
{
	/* Overflow gives infinity, which is above */
	return (float) (length * (1 + 1e-6));
}

void
HamnetFormUncoded(HamnetRow *row, ItemPointer tid, const Hfp *h)
{
	memset(row, 0, sizeof(*row));
	row->tid = *tid;
	row->state = h ? HAMNET_UNCODED : HAMNET_NULL;
	if (h)
		row->kind = HamnetKindOf(h);
	row->code.error = HN_SHORT_INFINITY;
}

void
HamnetFormCoded(const HnCodeSpace *space, const HnCells *cells, HamnetRow *row)
{
	if (hn_cells_measure(space, cells, &row->code, row->norm, row->bytes))
		row->state = row->kind.model == HFP_UNKNOWN_MODEL ? HAMNET_UNTAGGED : HAMNET_CODED;
}

void
HamnetFormRow(const HamnetIndex *index, uint32 model, const Hfp *h, ItemPointer tid, HamnetRow *row)
{
	double		scratch[HN_CODE_MAX];
	double	   *x;

	HamnetFormUncoded(row, tid, h);
	if (!HamnetIsComparable(row->kind, (HamnetKind) {index->meta.dim, model}))
		return;

	x = palloc(sizeof(double) * h->dim);
	row->norm = HamnetNormAbove(HamnetWiden(index->meta.metric, h, x));
	hn_code_encode(&index->space, x, 1, scratch, &row->code);
	pfree(x);
	HamnetFormCoded(&index->space, &index->meta.cells, row);
}

void
HamnetInitPage(Page page, HamnetPageKind kind)
{
	HamnetOpaque *opaque;

	PageInit(page, BLCKSZ, sizeof(HamnetOpaque));
	opaque = HamnetPageGetOpaque(page);
	opaque->kind = kind;
	opaque->page_id = HAMNET_PAGE_ID;

	/* No hole: generic WAL records would leave it out */
	((PageHeader) page)->pd_lower = ((PageHeader) page)->pd_special;
	((PageHeader) page)->pd_upper = ((PageHeader) page)->pd_special;
}

/* Count a row of that state in or out of a page. */
static void
CountRow(HamnetOpaque *opaque, HamnetState state, int count)
{
	opaque->in_use += count;
	opaque->nulls += state == HAMNET_NULL ? count : 0;
	opaque->uncoded += state == HAMNET_UNCODED ? count : 0;
}

/* A kind lies in the columns of cells, a byte in each. */
static void
PutKind(Page page, const HamnetLayout *layout, int i, HamnetKind kind)
{
	const uint8 *bytes = (const uint8 *) &kind;

	for (int c = 0; c < sizeof(kind); c++)
		HamnetPageGetCells(page)[c * layout->capacity + i] = bytes[c];
}

HamnetKind
HamnetPageGetKind(Page page, const HamnetLayout *layout, int i)
{
	HamnetKind	kind;
	uint8	   *bytes = (uint8 *) &kind;

	for (int c = 0; c < sizeof(kind); c++)
		bytes[c] = HamnetPageGetCells(page)[c * layout->capacity + i];
	return kind;
}

void
HamnetPagePutRow(Page page, Page codes, const HamnetLayout *layout, const HnCodeSpace *space, const HnCells *cells, int i,
				 const HamnetRow *row)
{
	HamnetOpaque *opaque = HamnetPageGetOpaque(page);
	HnCellColumns columns = HamnetPageGetColumns(page, codes, layout);

	HamnetPageGetStates(page, layout)[i] = row->state;
	HamnetPageGetTids(page, layout)[i] = row->tid;
	HamnetPagePutFilters(page, layout, i, row);
	opaque->count = Max(opaque->count, i + 1);
	CountRow(opaque, row->state, 1);
	if (row->state == HAMNET_UNCODED)
		PutKind(page, layout, i, row->kind);
	if (!HamnetIsCoded(row->state))
		return;
	hn_cells_store(space, cells, row->bytes, row->code.codes, &columns, i);
	opaque->norm = Max(opaque->norm, row->norm);
	if (!layout->flat)
		hn_code_store(&row->code, layout->coordinates, row->bytes, row->norm, layout->norms,
					  HamnetPageGetRecord(codes, layout, i));
}

void
HamnetPageFreeRow(Page page, const HamnetLayout *layout, int i)
{
	HamnetOpaque *opaque = HamnetPageGetOpaque(page);
	uint8	   *states = HamnetPageGetStates(page, layout);

	CountRow(opaque, states[i], -1);
	states[i] = HAMNET_FREE;
	ItemPointerSetInvalid(&HamnetPageGetTids(page, layout)[i]);
	while (opaque->count > 0 && states[opaque->count - 1] == HAMNET_FREE)
		opaque->count--;
	if (opaque->count == 0)
		opaque->norm = 0;
}

bool
HamnetPageHasRows(Page page)
{
	return !PageIsNew(page) && HamnetPageGetOpaque(page)->kind == HAMNET_PAGE_ROWS;
}

void
HamnetReadRow(Relation index, Page page, BlockNumber block, int i, HamnetRow *row)
{
	HamnetLayout layout = HamnetOpen(index)->layout;
	Buffer		buffer;

	memset(row, 0, sizeof(*row));
	row->tid = HamnetPageGetTids(page, &layout)[i];
	row->state = HamnetPageGetStates(page, &layout)[i];
	row->code.error = HN_SHORT_INFINITY;
	HamnetPageGetFilters(page, &layout, i, row);
	if (!HamnetIsCoded(row->state))
		return;
	buffer = ReadBuffer(index, HamnetCodeBlock(&layout, block, i));
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	if (layout.flat)
	{
		const HamnetIndex *open = HamnetOpen(index);
		HnCellColumns columns = HamnetPageGetColumns(page, BufferGetPage(buffer), &layout);

		hn_cells_load(&open->space, &open->meta.cells, &columns, i, &row->code, &row->norm);
	}
	else
		hn_code_load(HamnetPageGetRecord(BufferGetPage(buffer), &layout, i), layout.coordinates, layout.norms,
					 &row->code, &row->norm);
	UnlockReleaseBuffer(buffer);
}

void
HamnetVisitRows(Relation index, HamnetVisitRow visit, void *state)
{
	HamnetLayout layout = HamnetOpen(index)->layout;
	uint32		groups = HamnetGroupCount(HamnetOpen(index), RelationGetNumberOfBlocks(index));

	for (uint32 group = 0; group < groups; group++)
	{
		BlockNumber block = HamnetGroupBlock(HamnetOpen(index), group);
		Buffer		buffer = ReadBuffer(index, block);
		Page		page = BufferGetPage(buffer);

		CHECK_FOR_INTERRUPTS();
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		for (int i = 0; HamnetPageHasRows(page) && i < Min(HamnetPageGetOpaque(page)->count, layout.capacity); i++)
		{
			HamnetRow	row;

			if (HamnetPageGetStates(page, &layout)[i] == HAMNET_FREE)
				continue;
			HamnetReadRow(index, page, block, i, &row);
			visit(&row, page, block, i, state);
		}
		UnlockReleaseBuffer(buffer);
	}
}
