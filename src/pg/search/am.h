/*
 * search/am.h: the hamnet index access method, between its files.
 *
 * doc/index-hamnet.md tells the whole; search/page.h the pages; hamnet/codes.h
 * the codes and the proof of their bounds.
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
#define HAMNET_STRATEGIES 2

/* Support functions: the distance that the operators compute. */
#define HAMNET_DISTANCE_PROC 1
#define HAMNET_PROCS 1

#define HAMNET_DEFAULT_COORDINATES 32

/*
 * Candidates that a search collects at first, and by how much it collects
 * more each time it has to pass over the index again, up to work_mem.
 */
#define HAMNET_FIRST_CANDIDATES 512
#define HAMNET_MORE_CANDIDATES 8

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

/* A row to store. */
typedef struct HamnetRow
{
	ItemPointerData tid;
	bool		isnull;
	float		norm;			/* at least the length */
	HnCode		code;
} HamnetRow;

/* search/handler.c */
extern HnMetric HamnetGetMetric(Relation index);
extern int	HamnetGetCoordinates(Relation index);

/* search/index.c: the parts that do not change, and rows on pages. */

/* What an index is. ereports if it is not one or of another version. */
extern const HamnetIndex *HamnetOpen(Relation index);

/* The model that the index is for, as of now. */
extern uint32 HamnetGetModel(Relation index);

/* True if a fingerprint of that kind has a code in an index for this one. */
extern bool HamnetIsNative(int dim, uint32 model, int index_dim, uint32 index_model);

/*
 * Widen a fingerprint to x [dim], at length 1 for the cosine, and give its
 * own length.
 */
extern double HamnetWiden(HnMetric metric, const Hfp *h, double *x);

/* A float not below the length. */
extern float HamnetNormAbove(double length);

/* A row without code: NULL, or one that every search has to consider. */
extern void HamnetFormUncoded(HamnetRow *row, ItemPointer tid, bool isnull);

/* Encode one fingerprint. */
extern void HamnetFormRow(const HamnetIndex *index, uint32 model, const Hfp *h, ItemPointer tid, HamnetRow *row);

extern void HamnetInitPage(Page page, HamnetPageKind kind);

/* Add a row to a page, which must have room. */
extern void HamnetPageAddRow(Page page, const HamnetLayout *layout, const HamnetRow *row);

/* Remove row i by moving the last one there. */
extern void HamnetPageRemoveRow(Page page, const HamnetLayout *layout, int i);

/* Row i of a page, as it was added. */
extern void HamnetPageGetRow(Page page, const HamnetLayout *layout, int i, HamnetRow *row);

/* The rows of a page as the core searches them. The page must hold rows. */
extern HnCodeBlock HamnetPageGetBlock(Page page, const HamnetLayout *layout);

/* True if the page holds rows; false if it is empty or not of that kind. */
extern bool HamnetPageHasRows(Page page);

static inline BlockNumber
HamnetFirstRowBlock(const HamnetMeta *meta)
{
	return HAMNET_META_BLOCK + 1 + meta->space_blocks;
}

/* The functions of the access method */
extern IndexBuildResult *hamnet_build(Relation heap, Relation index, struct IndexInfo *info);
extern void hamnet_buildempty(Relation index);
extern char *hamnet_buildphasename(int64 phase);
extern bool hamnet_insert(Relation index, Datum *values, bool *isnull, ItemPointer tid, Relation heap,
						  IndexUniqueCheck check,
#if PG_VERSION_NUM >= 140000
						  bool unchanged,
#endif
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

#endif
