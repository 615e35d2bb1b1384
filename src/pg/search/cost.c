/*
 * search/cost.c: what a search costs.
 *
 * A search with ORDER BY reads all of the index before it returns the first
 * row. Pages are read in order, and a row costs far less than an operator, as
 * several are computed with one instruction and most have been abandoned by
 * then. After that every row returned costs what the planner adds for its
 * heap page. Some hundred rows are looked up before the executor can be sure of
 * the first, so they belong to the startup cost.
 *
 * Each time that the rows collected do not suffice, the search passes over the
 * index again; the number of passes grows with the logarithm of the rows
 * returned, so that few passes are spread over many rows, and the planner,
 * which interpolates between startup and total cost, charges a search with
 * a LIMIT for its share.
 *
 * Without a code space there are no bounds, and all rows are looked up before
 * the first is returned.
 */
#include "postgres.h"

#include <math.h>

#include "access/genam.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "utils/float.h"
#include "utils/rel.h"
#include "utils/selfuncs.h"
#include "utils/spccache.h"

#include "search/am.h"

/*
 * A row costs so much of an operator: 2.5 ns, measured, where a cheap operator
 * takes about 50.
 */
#define ROW_SHARE 0.05

/* Rows looked up for a few nearest ones; the median is about half of that. */
#define LOOKUPS 200

void
hamnet_costestimate(struct PlannerInfo *root, struct IndexPath *path, double loop_count,
					Cost *startup, Cost *total, Selectivity *selectivity,
					double *correlation, double *pages)
{
	IndexOptInfo *info = path->indexinfo;
	GenericCosts costs;
	double		page_cost;
	double		random_cost;
	double		pass;
	double		lookups = Min(LOOKUPS, info->tuples);
	bool		fitted = true;

	MemSet(&costs, 0, sizeof(costs));
	costs.numIndexPages = info->pages;
	costs.numIndexTuples = info->tuples;
	genericcostestimate(root, path, loop_count, &costs);
	get_tablespace_page_costs(info->reltablespace, &random_cost, &page_cost);

	if (!info->hypothetical)
	{
		/* The planner has locked it */
		Relation	index = index_open(info->indexoid, NoLock);

		fitted = HamnetOpen(index)->meta.dim > 0;
		index_close(index, NoLock);
	}

	pass = info->pages * page_cost + info->tuples * cpu_operator_cost * ROW_SHARE;
	*startup = 0;
	*total = pass;
	if (path->indexorderbys != NIL)
	{
		double		passes = 1;

		if (!fitted)
			lookups = info->tuples;
		if (info->tuples > HAMNET_FIRST_NEAREST)
			passes += ceil(log(info->tuples / HAMNET_FIRST_NEAREST) / log(HAMNET_MORE_NEAREST));
		*startup = pass + lookups * cpu_tuple_cost +
			index_pages_fetched(lookups, info->rel->pages, info->pages, root) * random_cost;
		*total = *startup + (passes - 1) * pass;
	}

	/*
	 * count(*) needs no column, which the planner takes for a chance of an
	 * index-only scan. That would need a pin on a page until its rows have
	 * been returned, lest VACUUM lets others use their identifiers; none is
	 * held.
	 */
	if (path->path.pathtype == T_IndexOnlyScan)
	{
		*startup = *total = get_float8_infinity();
#if PG_VERSION_NUM >= 180000
		/* Fewer disabled nodes win there, whatever they cost. */
		path->path.disabled_nodes = 2;
#endif
	}

	/* What is returned goes through the index's hands once more */
	*total += costs.indexSelectivity * info->tuples * cpu_index_tuple_cost;
	*selectivity = costs.indexSelectivity;
	*correlation = 0;
	*pages = info->pages;
}
