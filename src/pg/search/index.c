/*
 * search/index.c: what the parts of the access method share: the description of an
 * index, making rows, and rows on pages.
 */
#include "postgres.h"

#include <cblas.h>

#include "utils/rel.h"

#include "search/am.h"

/* Could these have been written by hamnet_build? */
static bool
IsPlausible(const HamnetMeta *meta)
{
	size_t		values;

	if (meta->metric > HN_METRIC_TANIMOTO || meta->dim < 0 || meta->dim > HFP_MAX_DIM ||
		meta->coordinates < HN_CODE_UNIT || meta->coordinates > HN_CODE_MAX || meta->coordinates % HN_CODE_UNIT != 0)
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
				 errhint("REINDEX it.")));
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
		cache->layout = HamnetGetLayout(meta.metric, meta.coordinates);
		cache->space.dim = meta.dim;
		cache->space.coordinates = meta.coordinates;
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

bool
HamnetIsNative(int dim, uint32 model, int index_dim, uint32 index_model)
{
	return dim == index_dim &&
		(model == index_model || model == HFP_UNKNOWN_MODEL || index_model == HFP_UNKNOWN_MODEL);
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
HamnetFormUncoded(HamnetRow *row, ItemPointer tid, bool isnull)
{
	memset(row, 0, sizeof(*row));
	row->tid = *tid;
	row->isnull = isnull;
	row->code.error = isnull ? HN_SHORT_NAN : HN_SHORT_INFINITY;
}

void
HamnetFormRow(const HamnetIndex *index, uint32 model, const Hfp *h, ItemPointer tid, HamnetRow *row)
{
	double		scratch[HN_CODE_MAX];
	double	   *x;

	HamnetFormUncoded(row, tid, false);
	if (!HamnetIsNative(h->dim, h->model, index->meta.dim, model))
		return;

	x = palloc(sizeof(double) * h->dim);
	row->norm = HamnetNormAbove(HamnetWiden(index->meta.metric, h, x));
	hn_code_encode(&index->space, x, 1, scratch, &row->code);
	pfree(x);
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

static void
PutRow(Page page, const HamnetLayout *layout, int i, const HamnetRow *row)
{
	HamnetRows	rows = HamnetPageGetRows(page, layout);
	int			rest = layout->coordinates - HN_CODE_LEAD;

	for (int j = 0; j < HN_CODE_LEAD; j++)
		rows.lead[j * layout->capacity + i] = row->code.codes[j];
	memcpy(rows.rest + i * rest, row->code.codes + HN_CODE_LEAD, rest);
	rows.height[i] = row->code.height;
	rows.error[i] = row->code.error;
	if (rows.norm)
		rows.norm[i] = row->norm;
	rows.tid[i] = row->tid;
}

void
HamnetPageGetRow(Page page, const HamnetLayout *layout, int i, HamnetRow *row)
{
	HamnetRows	rows = HamnetPageGetRows(page, layout);
	int			rest = layout->coordinates - HN_CODE_LEAD;

	memset(row, 0, sizeof(*row));
	for (int j = 0; j < HN_CODE_LEAD; j++)
		row->code.codes[j] = rows.lead[j * layout->capacity + i];
	memcpy(row->code.codes + HN_CODE_LEAD, rows.rest + i * rest, rest);
	row->code.height = rows.height[i];
	row->code.error = rows.error[i];
	if (rows.norm)
		row->norm = rows.norm[i];
	row->tid = rows.tid[i];
	row->isnull = isnan(hn_short_to_float(row->code.error));
}

void
HamnetPageAddRow(Page page, const HamnetLayout *layout, const HamnetRow *row)
{
	HamnetOpaque *opaque = HamnetPageGetOpaque(page);

	Assert(opaque->count < layout->capacity);
	PutRow(page, layout, opaque->count, row);
	opaque->count++;
	opaque->nulls += row->isnull;
}

void
HamnetPageRemoveRow(Page page, const HamnetLayout *layout, int i)
{
	HamnetOpaque *opaque = HamnetPageGetOpaque(page);
	HamnetRow	row;

	HamnetPageGetRow(page, layout, i, &row);
	opaque->nulls -= row.isnull;
	opaque->count--;
	if (i < opaque->count)
	{
		HamnetPageGetRow(page, layout, opaque->count, &row);
		PutRow(page, layout, i, &row);
	}
}

HnCodeBlock
HamnetPageGetBlock(Page page, const HamnetLayout *layout)
{
	HamnetRows	rows = HamnetPageGetRows(page, layout);

	return (HnCodeBlock)
	{
		.count = Min(HamnetPageGetOpaque(page)->count, layout->capacity),
		.columns = {layout->capacity, rows.lead, rows.height, rows.error, rows.norm},
		.rest = rows.rest,
		.ids = (const uint8 *) rows.tid
	};
}

bool
HamnetPageHasRows(Page page)
{
	return !PageIsNew(page) && HamnetPageGetOpaque(page)->kind == HAMNET_PAGE_ROWS;
}
