/*
 * search/am.h: the hamnet index access method, between its files.
 *
 * doc/index-hamnet.md tells the whole; search/page.h the pages; hamnet/codes.h
 * and hamnet/cells.h the codes and the proofs of their bounds.
 */
#ifndef HAMNET_SEARCH_AM_H
#define HAMNET_SEARCH_AM_H

#include "access/amapi.h"
#include "access/genam.h"
#include "nodes/pathnodes.h"
#include "storage/bufmgr.h"
#include "utils/relcache.h"

#include "search/page.h"
#include "type/hfp.h"

/* Strategies: one operator to order by, one to find what lies in a ball. */
#define HAMNET_ORDER_STRATEGY 1
#define HAMNET_BALL_STRATEGY 2

/* Columns after the fingerprint have the strategies of btree. */
#define HAMNET_STRATEGIES 5

/* Support functions: the distance that the operators compute; the comparison of btree. */
#define HAMNET_DISTANCE_PROC 1
#define HAMNET_COMPARE_PROC 2
#define HAMNET_PROCS 2

/* Chosen when the index is built */
#define HAMNET_DEFAULT_COORDINATES 0

/*
 * A search looks for so many nearest rows at first, and for so many times more
 * whenever it has to pass over the index again.
 */
#define HAMNET_FIRST_NEAREST 16
#define HAMNET_MORE_NEAREST 8

typedef struct HamnetOptions
{
	int32		vl_len_;		/* varlena header (do not touch directly!) */
	int			coordinates;
} HamnetOptions;

/* What an index is; cached in the relation's rd_amcache, so use it at once. */
typedef struct HamnetIndex
{
	HamnetMeta	meta;
	HamnetLayout layout;
	HnCodeSpace space;			/* values NULL without a code space */
} HamnetIndex;

/* A row to store, or one that was stored. */
typedef struct HamnetRow
{
	ItemPointerData tid;
	HamnetState state;
	HamnetKind	kind;			/* without a code */
	float		norm;			/* at least the length */
	HnCode		code;
	uint8		bytes[HN_BOX_POSITIONS];	/* its measures; only of a row to store */
	int64		filters[HAMNET_MAX_FILTERS];	/* see search/filter.c */
	uint8		nulls;			/* bit i: filter column i is NULL */
} HamnetRow;

/* A condition on a filter column: its integers are within low..high, or it is NULL. */
typedef struct HamnetFilter
{
	int			column;			/* 0 is the first after the fingerprint */
	bool		nulls;
	int64		low;
	int64		high;
} HamnetFilter;

typedef struct HamnetFilters
{
	int			count;
	bool		recheck;		/* they leave rows that do not meet them */
	HamnetFilter filter[2 * HAMNET_MAX_FILTERS];
} HamnetFilters;

/* search/handler.c */
extern HnMetric HamnetGetMetric(Relation index);
extern int	HamnetGetCoordinates(Relation index);

/* search/index.c: the parts that do not change, and rows on pages. */

/* What an index is. ereports if it is not one or of another version. */
extern const HamnetIndex *HamnetOpen(Relation index);

/* How rows are laid out in an index so described. */
extern HamnetLayout HamnetGetLayout(const HamnetMeta *meta);

/* The model that the index is for, as of now. */
extern uint32 HamnetGetModel(Relation index);

/* True if fingerprints of these kinds can be compared. */
static inline bool
HamnetIsComparable(HamnetKind a, HamnetKind b)
{
	return a.dim == b.dim &&
		(a.model == b.model || a.model == HFP_UNKNOWN_MODEL || b.model == HFP_UNKNOWN_MODEL);
}

static inline HamnetKind
HamnetKindOf(const Hfp *h)
{
	return (HamnetKind) {h->dim, h->model};
}

/*
 * Widen a fingerprint to x [dim], at length 1 for the cosine, and return its
 * own length.
 */
extern double HamnetWiden(HnMetric metric, const Hfp *h, double *x);

/* A float not below the length. */
extern float HamnetNormAbove(double length);

/* A row without a code, of a fingerprint or NULL. */
extern void HamnetFormUncoded(HamnetRow *row, ItemPointer tid, const Hfp *h);

/* Complete a row that has been encoded. */
extern void HamnetFormCoded(const HnCodeSpace *space, const HnCells *cells, HamnetRow *row);

/* Encode one fingerprint. */
extern void HamnetFormRow(const HamnetIndex *index, uint32 model, const Hfp *h, ItemPointer tid, HamnetRow *row);

extern void HamnetInitPage(Page page, HamnetPageKind kind);

/* Put a row at i of a page of rows, which must be free; and what else there is of one with a code on its page of codes. */
extern void HamnetPagePutRow(Page page, Page codes, const HamnetLayout *layout, const HnCodeSpace *space, const HnCells *cells,
							 int i, const HamnetRow *row);

/* Mark row i of a page as free. */
extern void HamnetPageFreeRow(Page page, const HamnetLayout *layout, int i);

/* The kind of row i of a page, which is HAMNET_UNCODED. */
extern HamnetKind HamnetPageGetKind(Page page, const HamnetLayout *layout, int i);

/* True if the page holds rows; false if it is empty or not of that kind. */
extern bool HamnetPageHasRows(Page page);

/* Where a group begins; where the first begins that is not ordered; how many there are. */
extern BlockNumber HamnetGroupBlock(const HamnetIndex *index, uint32 group);
extern uint32 HamnetGroupCount(const HamnetIndex *index, BlockNumber blocks);

/* The block of the code of row i of a group. */
static inline BlockNumber
HamnetCodeBlock(const HamnetLayout *layout, BlockNumber group_block, int i)
{
	return group_block + 1 + i / layout->codes_per_page;
}

/* The block of the box of an ordered group. */
extern BlockNumber HamnetBoxBlock(const HamnetIndex *index, uint32 group);

/*
 * Call visit for every row of the index, the code included. The page of the row,
 * at block, is locked for reading; the row is number i of it.
 */
typedef void (*HamnetVisitRow) (const HamnetRow *row, Page page, BlockNumber block, int i, void *state);
extern void HamnetVisitRows(Relation index, HamnetVisitRow visit, void *state);

/* Read row i of the group whose page of rows is at block, and which is locked. */
extern void HamnetReadRow(Relation index, Page page, BlockNumber block, int i, HamnetRow *row);

/* search/pages.c: pin a page of an index; before many of them, say how many blocks it has. */
extern void HamnetBeginPages(Relation index, BlockNumber blocks);
extern Buffer HamnetPinPage(Relation index, BlockNumber block, BufferAccessStrategy strategy);

/* search/filter.c: columns after the fingerprint. */

/* True if a btree comparison is of a type that filter columns may have. */
extern bool HamnetIsFilterComparison(PGFunction compare);

/* Enter the filter columns of an index into its description. */
extern void HamnetDescribeFilters(Relation index, HamnetMeta *meta);

/* Complete a row by its filter columns; the first value is the fingerprint. */
extern void HamnetFormFilters(Relation index, const Datum *values, const bool *isnull, HamnetRow *row);

/* Add a condition, which is for NULLs or has an argument that is not NULL. Returns false if no row can meet it. */
extern bool HamnetReadFilter(Relation index, ScanKey key, HamnetFilters *filters);

/* Set keep[i] to 1 for the rows of a page that meet all conditions, else to 0. */
extern void HamnetFilterRows(Page page, const HamnetLayout *layout, const HamnetFilters *filters, int count, uint8 *keep);

/* Write and read the filter columns of row i of a page. */
extern void HamnetPagePutFilters(Page page, const HamnetLayout *layout, int i, const HamnetRow *row);
extern void HamnetPageGetFilters(Page page, const HamnetLayout *layout, int i, HamnetRow *row);

/* search/last_search.c: what the last search of this session did. */
typedef struct HamnetSearch
{
	Oid			index;			/* InvalidOid: there was none */
	int64		pages;			/* of the index */
	int64		rows_coded;		/* whose codes were read */
	int64		rows_looked_up;	/* returned to the executor, which reads them in the table */
	int32		passes;
	double		milliseconds;	/* in the index */
} HamnetSearch;

extern HamnetSearch last_search;

/* search/check.c: open a hamnet index and lock it and its table; the caller must own it. */
extern Relation OpenHamnetIndex(Oid oid, Relation *heap);
extern void CloseHamnetIndex(Relation index, Relation heap);

/* The functions of the access method */
extern IndexBuildResult *hamnet_build(Relation heap, Relation index, struct IndexInfo *info);
extern void hamnet_buildempty(Relation index);
extern char *hamnet_buildphasename(int64 phase);
extern bool hamnet_insert(Relation index, Datum *values, bool *isnull, ItemPointer tid, Relation heap,
						  IndexUniqueCheck check,
						  bool unchanged,
						  struct IndexInfo *info);
extern IndexBulkDeleteResult *hamnet_bulkdelete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
												IndexBulkDeleteCallback callback, void *state);
extern IndexBulkDeleteResult *hamnet_vacuumcleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats);
extern void hamnet_costestimate(struct PlannerInfo *root, struct IndexPath *path, double loop_count,
								Cost *startup, Cost *total, Selectivity *selectivity,
								double *correlation, double *pages);
extern IndexScanDesc hamnet_beginscan(Relation index, int keys, int orders);
extern void hamnet_rescan(IndexScanDesc scan, ScanKey keys, int key_count, ScanKey orders, int order_count);
extern bool hamnet_gettuple(IndexScanDesc scan, ScanDirection direction);
extern int64 hamnet_getbitmap(IndexScanDesc scan, TIDBitmap *bitmap);
extern void hamnet_endscan(IndexScanDesc scan);
#if PG_VERSION_NUM >= 180000
extern Size hamnet_estimateparallelscan(Relation index, int keys, int orders);
#elif PG_VERSION_NUM >= 170000
extern Size hamnet_estimateparallelscan(int keys, int orders);
#else
extern Size hamnet_estimateparallelscan(void);
#endif
extern void hamnet_initparallelscan(void *target);
extern void hamnet_parallelrescan(IndexScanDesc scan);

#endif
