/*
 * search/build.h: building an index, between its files.
 */
#ifndef HAMNET_SEARCH_BUILD_H
#define HAMNET_SEARCH_BUILD_H

#include "storage/buffile.h"

#include "search/am.h"

/* A row that waits for its turn, with the record of its code behind it. */
typedef struct WaitingRow
{
	ItemPointerData tid;
	uint8		state;			/* HamnetState */
	uint8		bytes[HN_BOX_POSITIONS];
	uint8		nulls;
	HamnetKind	kind;
	float		norm;
	int64		filters[HAMNET_MAX_FILTERS];
	uint8		record[FLEXIBLE_ARRAY_MEMBER];
} WaitingRow;

/* Rows that are put in order together. */
typedef struct Part
{
	BufFile    *file;			/* NULL: in memory */
	char	   *rows;			/* [room] waiting rows */
	Size		room;
	Size		count;
} Part;

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
	double		sampled_blocks;
	double	   *sample;

	/* The code space, and the batch: vectors [BATCH_ROWS, dim] */
	HnCodeSpace space;
	HamnetRow  *rows;			/* [BATCH_ROWS] */
	double	   *batch;
	double	   *projected;		/* [BATCH_ROWS, k] */
	HnCode	   *codes;			/* [BATCH_ROWS] */
	int			batched;
	WaitingRow *waiting;		/* the one that is added */

	/* Rows that wait: in parts, and last those without a code */
	Size		waiting_size;	/* of one row */
	HnCells		cells;
	HnParts		division;
	int			part_count;
	Part	   *parts;			/* [part_count + 1] */

	/* What was written */
	PGAlignedBlock *group;		/* [group_blocks] the one that is written */
	HnCodeBox  *boxes;			/* [groups] of the groups written */
	uint32		groups;
	uint32		box_room;
	double		index_rows;		/* all of them */
	double		coded_rows;
	double		heap_rows;
	uint64		heights[65536];	/* how often each distance to the box occurs, by its bits */
} BuildState;

/* search/write.c: pages of an index that is built. */

/* Put a page at the end of the index. Logged, if at all, at the end of the build. */
extern void HamnetAppendPage(Relation index, ForkNumber fork, Page page);

/* Write all groups: those in order, their directory, and the rows without a code. */
extern void HamnetWriteGroups(BuildState *state, HamnetMeta *meta);

#endif
