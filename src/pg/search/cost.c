/*
 * search/cost.c: what a search costs.
 *
 * With ORDER BY, a search looks at the pages of rows of all groups that may be
 * near enough before it returns the first row; that is the startup cost. After
 * that a row costs what it takes to look it up at random and to compute its
 * distance, many times what a row of a sequential scan takes. The planner, which
 * spreads the pages of a whole table over the rows of a whole scan, would put it
 * at a fraction of a page; so each row returned is charged here.
 *
 * The planner's own estimate of a search in a GiST index knows none of this, and
 * comes to a few rows' worth. Where there is such an index on the same
 * fingerprints, it wins over a sequential scan in any case, and is slower than
 * this one; then the cost is just below what is said of the tree.
 *
 * Without a code space there are no bounds, and all rows are looked up before
 * the first is returned.
 */
#include "postgres.h"

#include <math.h>

#include "access/genam.h"
#include "catalog/pg_am.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "utils/float.h"
#include "utils/rel.h"
#include "utils/selfuncs.h"
#include "utils/spccache.h"

#include "search/am.h"

/* A row of a group costs so much of an operator: 1 to 2 ns, measured, where a cheap operator takes about 50. */
#define ROW_SHARE 0.03

/* A row that is returned costs so many of a sequential scan, measured with 250,000 rows in memory: 40 to 80. */
#define LOOKUP_ROWS 50

/* True if a GiST index has the same fingerprints in a column. */
static bool
HasTree(const IndexOptInfo *info)
{
	ListCell   *cell;

	foreach(cell, info->rel->indexlist)
	{
		const IndexOptInfo *other = lfirst(cell);

		for (int i = 0; other->relam == GIST_AM_OID && i < other->nkeycolumns; i++)
			if (other->indexkeys[i] == info->indexkeys[0] && other->opcintype[i] == info->opcintype[0])
				return true;
	}
	return false;
}

/* What a sequential scan costs for each row. */
static Cost
SequentialRowCost(const IndexOptInfo *info, double page_cost)
{
	return info->rel->pages * page_cost / Max(info->rel->tuples, 1) + cpu_tuple_cost;
}

/* Read what the planner's figures do not say. The planner has locked the index. */
static void
ReadIndex(const IndexOptInfo *info, bool *fitted, int *group_blocks)
{
	*fitted = true;
	*group_blocks = 5;
	if (!info->hypothetical)
	{
		Relation	index = index_open(info->indexoid, NoLock);

		*fitted = HamnetOpen(index)->meta.dim > 0;
		*group_blocks = HamnetOpen(index)->layout.group_blocks;
		index_close(index, NoLock);
	}
}

void
hamnet_costestimate(struct PlannerInfo *root, struct IndexPath *path, double loop_count,
					Cost *startup, Cost *total, Selectivity *selectivity,
					double *correlation, double *pages)
{
	IndexOptInfo *info = path->indexinfo;
	GenericCosts costs;
	double		page_cost;
	double		random_cost;
	double		rows;
	Cost		pass;
	Cost		lookup;
	bool		fitted;
	int			group_blocks;

	MemSet(&costs, 0, sizeof(costs));
	costs.numIndexPages = info->pages;
	costs.numIndexTuples = info->tuples;
	genericcostestimate(root, path, loop_count, &costs);
	get_tablespace_page_costs(info->reltablespace, &random_cost, &page_cost);
	ReadIndex(info, &fitted, &group_blocks);

	rows = costs.indexSelectivity * info->tuples;
	lookup = LOOKUP_ROWS * SequentialRowCost(info, page_cost);
	pass = ceil(info->pages / (double) group_blocks) * page_cost + info->tuples * cpu_operator_cost * ROW_SHARE;
	*startup = 0;
	*total = pass;
	if (path->indexorderbys != NIL && !fitted)
	{
		*startup = pass + info->tuples * lookup;
		*total = *startup;
	}
	else if (path->indexorderbys != NIL && HasTree(info))
	{
		*startup = cpu_operator_cost;
		*total = *startup + info->tuples * cpu_operator_cost;
	}
	else if (path->indexorderbys != NIL)
	{
		*startup = pass;
		*total = pass + rows * lookup;
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
		path->path.disabled_nodes = 2;	/* compared before costs; a scan that is switched off has 1 */
#endif
	}

	/* What is returned goes through the index's hands once more */
	*total += rows * cpu_index_tuple_cost;
	*selectivity = costs.indexSelectivity;
	*correlation = 0;
	*pages = info->pages;
}
