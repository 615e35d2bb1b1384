/*
 * search/page.h: what a hamnet index looks like on disk.
 *
 *	block 0					what the index is: HamnetMeta
 *	blocks 1 to m			the code space: mean, intervals and axes, as an array of double
 *							cut into pages (see hamnet/codes.h); m = 0 in an index built
 *							on an empty table, which has none
 *	ordered groups			rows as they were when the index was built, neighbours together
 *	directory				a box around each ordered group: HnCodeBox (see hamnet/cells.h)
 *	other groups			rows without a code, and rows that came later
 *
 * A group is a page of rows and the pages of their codes. The page of rows
 * holds `capacity` of them by columns:
 *
 *	cells	uint8 [near_columns, capacity]		what a search sees of most rows
 *	state	uint8 [capacity]					HamnetState
 *	tid		ItemPointerData [capacity]
 *	filter	for each filter column its values, integers in the order of the type
 *	null	uint8 [capacity]					bit i: filter column i is NULL; only with filters
 *
 * and row i has its code on page 1 + i / codes_per_page of the group, at
 * position i % codes_per_page: coordinates, height, error and, for metrics that
 * need it, the norm (hn_code_store). In a flat space, of which cells are all that
 * is kept, there is one such page, of the other columns of cells, [cell_columns -
 * near_columns, capacity]. Without a code space there are none.
 *
 * Every page ends with HamnetOpaque. A page of zeros, which a crash between
 * extension and first use leaves, holds nothing. The last group may lack its
 * last pages; they are added before they are written to.
 *
 * Life of a row: it goes to any unordered group with room, and stays where it
 * is; VACUUM marks the rows of ordered groups and others as free, and tells the
 * free space map of the latter, which are filled again. Ordered groups are not,
 * so their boxes and the directory never change.
 */
#ifndef HAMNET_SEARCH_PAGE_H
#define HAMNET_SEARCH_PAGE_H

#include "access/itup.h"
#include "storage/bufpage.h"
#include "storage/itemptr.h"

#include "hamnet/cells.h"

#define HAMNET_MAGIC 0x48616D4E /* "HamN" */
#define HAMNET_INDEX_VERSION 3

#define HAMNET_META_BLOCK 0

/* Filter columns, whose NULLs have a bit each. */
#define HAMNET_MAX_FILTERS 8

/* The most rows of a group; a multiple of HN_CELL_ROWS. */
#define HAMNET_MAX_ROWS 512

typedef struct HamnetMeta
{
	uint32		magic;
	uint32		version;
	uint16		metric;			/* HnMetric */
	uint16		coordinates;	/* k */
	uint16		lead;			/* of them with cells */
	bool		flat;			/* there are cells only */
	int32		dim;			/* of the fingerprints, 0 without a code space */
	uint32		model;			/* of the fingerprints, as in Hfp */
	BlockNumber space_blocks;	/* m */
	uint32		ordered_groups;
	BlockNumber directory_blocks;
	double		built_rows;		/* rows with codes when the index was built */
	double		built_height;	/* median of their distances to the box */
	uint8		filters;		/* filter columns, and the bytes of each */
	uint8		filter_width[HAMNET_MAX_FILTERS];
	HnCells		cells;
} HamnetMeta;

typedef enum HamnetPageKind
{
	HAMNET_PAGE_META = 1,
	HAMNET_PAGE_SPACE,
	HAMNET_PAGE_ROWS,
	HAMNET_PAGE_CODES,
	HAMNET_PAGE_DIRECTORY
} HamnetPageKind;

/* What a row of a group is. */
typedef enum HamnetState
{
	HAMNET_FREE,				/* none */
	HAMNET_CODED,				/* of the index's model */
	HAMNET_UNTAGGED,			/* coded, of unknown model */
	HAMNET_UNCODED,				/* of another model or length, too large, or without a code space */
	HAMNET_NULL
} HamnetState;

#define HAMNET_STATES (HAMNET_NULL + 1)

/* At the end of the page; page_id last, as tools expect it. */
typedef struct HamnetOpaque
{
	uint16		count;			/* rows up to the last in use, or boxes */
	uint16		in_use;			/* of them not HAMNET_FREE */
	uint16		uncoded;		/* of them HAMNET_UNCODED */
	uint16		nulls;			/* of them HAMNET_NULL */
	float		norm;			/* the greatest */
	uint16		kind;			/* HamnetPageKind */
	uint16		page_id;		/* HAMNET_PAGE_ID */
} HamnetOpaque;

StaticAssertDecl(sizeof(HamnetOpaque) == MAXALIGN(sizeof(HamnetOpaque)), "page_id ends the page");

#define HAMNET_PAGE_ID 0xFFA6

#define HamnetPageGetOpaque(page) ((HamnetOpaque *) PageGetSpecialPointer(page))
#define HamnetPageGetMeta(page) ((HamnetMeta *) PageGetContents(page))
#define HamnetPageGetBoxes(page) ((HnCodeBox *) PageGetContents(page))

/* What fits on a page: bytes, doubles of the code space, boxes. */
#define HAMNET_CONTENT_SIZE \
	(BLCKSZ - MAXALIGN(SizeOfPageHeaderData) - MAXALIGN(sizeof(HamnetOpaque)))
#define HAMNET_PAGE_VALUES (HAMNET_CONTENT_SIZE / sizeof(double))
#define HAMNET_PAGE_BOXES (HAMNET_CONTENT_SIZE / sizeof(HnCodeBox))

StaticAssertDecl(sizeof(ItemPointerData) == HN_CODE_ID_SIZE, "a tuple identifier is an id of a code");
StaticAssertDecl(sizeof(HamnetMeta) <= HAMNET_CONTENT_SIZE, "the description fits on a page");

typedef struct HamnetLayout
{
	int			coordinates;
	bool		flat;
	int			cell_columns;
	int			near_columns;	/* of them on the page of rows */
	bool		norms;
	int			capacity;		/* rows of a group */
	int			record_size;	/* of a code */
	int			codes_per_page;
	int			group_blocks;	/* the page of rows and those of codes */
	int			filters;
	int			filter_width[HAMNET_MAX_FILTERS];
	int			filter_start[HAMNET_MAX_FILTERS];	/* in a page's contents */
	int			null_start;
} HamnetLayout;

static inline bool
HamnetIsCoded(HamnetState state)
{
	return state == HAMNET_CODED || state == HAMNET_UNTAGGED;
}

/* What fingerprints can be compared by; of a row without a code it is kept in place of its cells. */
typedef struct HamnetKind
{
	int			dim;
	uint32		model;
} HamnetKind;

/* Contents of a page of rows. */
static inline uint8 *
HamnetPageGetCells(Page page)
{
	return (uint8 *) PageGetContents(page);
}

static inline uint8 *
HamnetPageGetStates(Page page, const HamnetLayout *layout)
{
	return HamnetPageGetCells(page) + layout->near_columns * layout->capacity;
}

static inline ItemPointerData *
HamnetPageGetTids(Page page, const HamnetLayout *layout)
{
	return (ItemPointerData *) (HamnetPageGetStates(page, layout) + layout->capacity);
}

/* The cells of a page of rows and of the rest of them on a page of codes, or NULL. */
static inline HnCellColumns
HamnetPageGetColumns(Page page, Page codes, const HamnetLayout *layout)
{
	HnCellColumns columns = {HamnetPageGetCells(page), NULL, layout->near_columns, layout->capacity};

	if (layout->flat && codes)
		columns.rest = (uint8 *) PageGetContents(codes);
	return columns;
}

/* The code of row i, on its page of codes; not in a flat space. */
static inline uint8 *
HamnetPageGetRecord(Page page, const HamnetLayout *layout, int i)
{
	return (uint8 *) PageGetContents(page) + (i % layout->codes_per_page) * layout->record_size;
}

#endif
