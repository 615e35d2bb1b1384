/*
 * search/paths.c: what a parallel search costs.
 *
 * The server asks an index what a scan costs without saying whether it is to be
 * parallel, and divides among processes what comes after the first row only. Nearly
 * all of a search comes before it. So the paths of parallel searches are changed
 * here, before the planner puts a Gather Merge on top of them.
 */
#include "postgres.h"

#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"

#include "search/am.h"
#include "search/reloptions.h"

/*
 * Launching workers takes so many times longer, beside a pass over an index in
 * memory, than the planner believes.
 */
#define MORE_SETUP 2

static set_rel_pathlist_hook_type previous_hook;

/* True if the path is a parallel search in the order of distances. */
static bool
IsParallelSearch(const Path *path)
{
	return IsA(path, IndexPath) && path->parallel_workers > 0 && ((const IndexPath *) path)->indexorderbys != NIL &&
		(pg_funcptr_t) ((const IndexPath *) path)->indexinfo->amcostestimate == (pg_funcptr_t) hamnet_costestimate;
}

/* Processes among which a scan is divided, as the planner counts the leader, which has other work too. */
static double
Processes(const Path *path)
{
	double		leader = parallel_leader_participation ? 1 - 0.3 * path->parallel_workers : 0;

	return path->parallel_workers + Max(leader, 0);
}

static void
DivideSearches(PlannerInfo *root, RelOptInfo *rel, Index number, RangeTblEntry *entry)
{
	List	   *searches = NIL;
	ListCell   *cell;

	if (previous_hook)
		previous_hook(root, rel, number, entry);
	foreach(cell, rel->partial_pathlist)
		if (IsParallelSearch(lfirst(cell)))
			searches = lappend(searches, lfirst(cell));
	foreach(cell, searches)
	{
		Path	   *path = lfirst(cell);
		Cost		saved = path->startup_cost * (1 - 1 / Processes(path)) - MORE_SETUP * parallel_setup_cost;

		if (saved <= 0)
			continue;
		rel->partial_pathlist = list_delete_ptr(rel->partial_pathlist, path);
		path->startup_cost -= saved;
		path->total_cost -= saved;
		add_partial_path(rel, path);
	}
	list_free(searches);
}

void
InitSearchPaths(void)
{
	previous_hook = set_rel_pathlist_hook;
	set_rel_pathlist_hook = DivideSearches;
}
