/*
 * search/page.h: what a hamnet index looks like on disk.
 *
 *	block 0					what the index is: HamnetMeta
 *	blocks 1 to m			the code space: mean, intervals and axes, as an array of double
 *							cut into pages (see hamnet/codes.h); m = 0 in an index built
 *							on an empty table, which has none
 *	blocks m + 1 and on		rows, in no order
 *
 * A page of rows holds `capacity` of them by columns, the used ones first:
 *
 *	lead	uint8 [8, capacity]			the leading coordinates
 *	height	uint16 [capacity]			distance to the box, a short float
 *	error	uint16 [capacity]			error of the code, a short float
 *	norm	float [capacity]			length, rounded up; only for metrics that need it
 *	tid		ItemPointerData [capacity]
 *	rest	uint8 [capacity, k - 8]		the other coordinates
 *
 * A search reads the first three and little of the rest. Two kinds of rows
 * have no code: NULL has NaN for its error; a fingerprint of other dimensions
 * or of another model than the index is for, or one whose elements are too
 * large, has an infinite error. The latter are candidates of every search, so
 * that the operator itself decides what becomes of them, or complains.
 *
 * Every page ends with HamnetOpaque. A page of zeros, which a crash between
 * extension and first use leaves, holds no rows.
 *
 * Life of a page of rows: a row is added to any page that has room, and only
 * to the end; VACUUM moves the last rows of the page into the places of dead
 * ones, and tells the free space map. Rows never move to another page, so
 * a search that passes over the pages in any order sees each row once.
 */
#ifndef HAMNET_SEARCH_PAGE_H
#define HAMNET_SEARCH_PAGE_H

#include "storage/bufpage.h"
#include "storage/itemptr.h"

#include "hamnet/codes.h"

#define HAMNET_MAGIC 0x48616D4E /* "HamN" */
#define HAMNET_INDEX_VERSION 1

#define HAMNET_META_BLOCK 0

typedef struct HamnetMeta
{
	uint32		magic;
	uint32		version;
	uint16		metric;			/* HnMetric */
	uint16		coordinates;	/* k */
	int32		dim;			/* of the fingerprints, 0 without a code space */
	uint32		model;			/* of the fingerprints, as in Hfp */
	BlockNumber space_blocks;	/* m */
	double		built_rows;		/* rows with codes when the index was built */
	double		built_height;	/* median of their distances to the box */
} HamnetMeta;

typedef enum HamnetPageKind
{
	HAMNET_PAGE_META = 1,
	HAMNET_PAGE_SPACE,
	HAMNET_PAGE_ROWS
} HamnetPageKind;

/* At the end of the page; page_id last, as tools expect it. */
typedef struct HamnetOpaque
{
	uint16		count;			/* rows */
	uint16		nulls;			/* of them NULL */
	uint16		kind;			/* HamnetPageKind */
	uint16		page_id;		/* HAMNET_PAGE_ID */
} HamnetOpaque;

#define HAMNET_PAGE_ID 0xFFA6

#define HamnetPageGetOpaque(page) ((HamnetOpaque *) PageGetSpecialPointer(page))
#define HamnetPageGetMeta(page) ((HamnetMeta *) PageGetContents(page))

/* Doubles of the code space on one page. */
#define HAMNET_CONTENT_SIZE \
	(BLCKSZ - MAXALIGN(SizeOfPageHeaderData) - MAXALIGN(sizeof(HamnetOpaque)))
#define HAMNET_PAGE_VALUES (HAMNET_CONTENT_SIZE / sizeof(double))

StaticAssertDecl(sizeof(ItemPointerData) == HN_CODE_ID_SIZE, "a tuple identifier is an id of a code");

typedef struct HamnetLayout
{
	int			coordinates;
	bool		norms;
	int			capacity;		/* a multiple of 8, at most HN_CODE_BLOCK */
	int			row_size;
} HamnetLayout;

static inline HamnetLayout
HamnetGetLayout(HnMetric metric, int coordinates)
{
	HamnetLayout layout = {coordinates, hn_metric_needs_norm(metric)};

	layout.row_size = coordinates + 2 * sizeof(uint16) + (layout.norms ? sizeof(float) : 0) + sizeof(ItemPointerData);
	/* Kernels may read 8 bytes beyond the last row. */
	layout.capacity = (HAMNET_CONTENT_SIZE - 8) / layout.row_size & ~7;
	if (layout.capacity > HN_CODE_BLOCK)
		layout.capacity = HN_CODE_BLOCK;
	return layout;
}

/* Pointers into a page of rows. */
typedef struct HamnetRows
{
	uint8	   *lead;
	uint16	   *height;
	uint16	   *error;
	float	   *norm;			/* NULL without norms */
	ItemPointerData *tid;
	uint8	   *rest;
} HamnetRows;

static inline HamnetRows
HamnetPageGetRows(Page page, const HamnetLayout *layout)
{
	char	   *next = (char *) page + MAXALIGN(SizeOfPageHeaderData);
	HamnetRows	rows;

	rows.lead = (uint8 *) next;
	next += HN_CODE_LEAD * layout->capacity;
	rows.height = (uint16 *) next;
	next += sizeof(uint16) * layout->capacity;
	rows.error = (uint16 *) next;
	next += sizeof(uint16) * layout->capacity;
	rows.norm = NULL;
	if (layout->norms)
	{
		rows.norm = (float *) next;
		next += sizeof(float) * layout->capacity;
	}
	rows.tid = (ItemPointerData *) next;
	next += sizeof(ItemPointerData) * layout->capacity;
	rows.rest = (uint8 *) next;
	return rows;
}

#endif
