/*
 * server/query.c: the rows of a user's query, read by a cursor.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/memutils.h"
#include "utils/plancache.h"

#include "server/query.h"

/* Whether a query changes or locks rows, itself or in a part of it. */
static bool
ChangesRows(Node *node, void *state)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		Query	   *query = (Query *) node;

		return query->hasModifyingCTE || query->rowMarks != NIL || query_tree_walker(query, ChangesRows, state, 0);
	}
	return expression_tree_walker(node, ChangesRows, state);
}

void
PrepareUserQuery(UserQuery *query, const char *text)
{
	CachedPlanSource *source = NULL;

	memset(query, 0, sizeof(UserQuery));
	query->plan = SPI_prepare(text, 0, NULL);
	if (query->plan && SPI_is_cursor_plan(query->plan))
		source = linitial(SPI_plan_get_plan_sources(query->plan));
	if (source == NULL || source->commandTag != CMDTAG_SELECT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("query must be a single SELECT"),
				 errdetail("The query is \"%.200s\".", text)));
	if (ChangesRows((Node *) source->query_list, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("query must neither change nor lock rows"),
				 errdetail("The query is \"%.200s\".", text)));
	query->columns = source->resultDesc;
	if (query->columns == NULL || query->columns->natts == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("query must return columns")));
}

void
OpenUserQuery(UserQuery *query)
{
	query->cursor = SPI_cursor_open(NULL, query->plan, NULL, NULL, true);
}

int
FetchRows(UserQuery *query)
{
	MemoryContext memory = CurrentMemoryContext;

	CHECK_FOR_INTERRUPTS();
	if (query->rows)
		SPI_freetuptable(query->rows);
	SPI_cursor_fetch(query->cursor, true, FETCH_ROWS);
	query->rows = SPI_tuptable;
	query->count = (int) SPI_processed;
	query->next = 0;

	/* SPI leaves its caller in a context of its own. */
	MemoryContextSwitchTo(memory);
	return query->count;
}

HeapTuple
NextRow(UserQuery *query)
{
	if (query->next == query->count && FetchRows(query) == 0)
		return NULL;
	return query->rows->vals[query->next++];
}

void
CloseUserQuery(UserQuery *query)
{
	SPI_freetuptable(query->rows);
	SPI_cursor_close(query->cursor);
	SPI_freeplan(query->plan);
	memset(query, 0, sizeof(UserQuery));
}

void
RethrowWithoutQuery(const char *query, MemoryContext memory)
{
	ErrorData  *error;
	char	   *found;

	MemoryContextSwitchTo(memory);
	error = CopyErrorData();
	FlushErrorState();
	found = error->context ? strstr(error->context, query) : NULL;
	if (found)
	{
		/* The line ends after the quotation mark; others are of the caller's functions. */
		found += strlen(query) + 1;
		error->context = *found == '\n' ? found + 1 : NULL;
	}
	error->internalquery = NULL;
	error->internalpos = 0;
	ReThrowError(error);
	pg_unreachable();
}
