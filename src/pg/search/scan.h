/*
 * search/scan.h: a search in an index, between its files.
 */
#ifndef HAMNET_SEARCH_SCAN_H
#define HAMNET_SEARCH_SCAN_H

#include "access/relscan.h"
#include "port/atomics.h"

#include "search/am.h"

/* Identifiers of rows whose state tells that they cannot be compared with the query come after others */
#define INCOMPARABLE (UINT64CONST(1) << 48)

typedef enum ScanStage
{
	STAGE_START,
	STAGE_CANDIDATES,			/* ORDER BY: candidates by their bounds */
	STAGE_GROUPS,				/* group by group */
	STAGE_END
} ScanStage;

/* A group to visit, and the least value that any of its rows may have */
typedef struct Visit
{
	double		bound;
	uint32		group;
} Visit;

/*
 * The groups of an index are divided into units: those nearest to the query, one
 * by one, then the others, many together, as they lie on disk. A process that
 * takes part in a parallel scan claims one unit after the other, and whatever it
 * has claimed is its own in every pass of the scan; alone, it claims all of them.
 */
#define HAMNET_UNIT_GROUPS 32

/* What processes share. All compute the same units: the boxes they go by never change. */
typedef struct HamnetParallelScan
{
	pg_atomic_uint32 claimed;	/* units */
} HamnetParallelScan;

/* A walk through the groups of the units that are this process's own. */
typedef struct HamnetWalk
{
	int			unit;			/* number among them of the next */
	bool		nearest;		/* in one of the nearest groups */
	uint32		group;			/* to visit next */
	uint32		end;			/* of the unit */
} HamnetWalk;

typedef struct HamnetScan
{
	ScanStage	stage;
	HnMetric	metric;
	HamnetLayout layout;
	uint32		ordered;		/* groups with a box */
	uint32		groups;			/* all of them */
	BufferAccessStrategy strategy;

	bool		by_distance;	/* ORDER BY a fingerprint that is not NULL */
	HnCodeQuery query;
	HnCells		cells;
	HnCellQuery cell_query;
	HamnetKind	kind;			/* of the query */
	HamnetKind	index_kind;
	bool		in_ball;		/* there is a ball */
	double		radius;			/* of the ball, infinite without one */
	HamnetFilters filters;
	bool		no_nulls;		/* fingerprints that are NULL are not wanted */
	bool		no_others;		/* nothing else is */
	double	   *bounds;			/* [ordered] of the boxes */
	Visit	   *nearest;		/* [nearest_count] in the order of their bounds */
	int			nearest_count;
	bool	   *is_nearest;		/* [ordered], or NULL */

	HamnetParallelScan *shared;	/* NULL: this process is alone */
	uint32		claimed;		/* units, if it is */
	uint32	   *units;			/* [unit_count] its own */
	int			unit_count;
	int			unit_room;

	/* The rows collected last, and the next of them to return */
	HnCandidates candidates;
	HnCandidate *items;
	int			room;			/* the candidates that items has room for */
	int			wanted;			/* nearest rows, in the present pass */
	int			next;
	bool		more;			/* there are candidates that were not collected */

	/* By groups */
	HamnetWalk	walk;
	bool		nulls_only;
	MemoryContext memory;		/* of all this */
} HamnetScan;

/* search/visit.c: groups of an index. */

/* Pin a page, and count it. */
extern Buffer HamnetPinScanPage(IndexScanDesc scan, BlockNumber block);

/* Make room for so many candidates, of which none has been collected; and the most that work_mem has room for. */
extern void HamnetMakeRoom(HamnetScan *state, int room);
extern int	HamnetMaxCandidates(void);

/* Find the next group of a walk, which begins with zeros. Returns false at the end. */
extern bool HamnetNextGroup(HamnetScan *state, HamnetWalk *walk, uint32 *group);

/* Collect the candidates of one group; or of all that may hold one, the nearest first. */
extern void HamnetVisitGroup(IndexScanDesc scan, uint32 group);
extern void HamnetVisitGroups(IndexScanDesc scan);

/* Take the rows of a group whatever they are, or the NULLs. */
extern void HamnetTakeRows(IndexScanDesc scan, uint32 group);

#endif
