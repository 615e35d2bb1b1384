/*
 * server/condition.c: conditions that a caller gives as text, to be put into a statement.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"

#include "server/condition.h"

/* Say where in the condition a syntax error is, not where in the caller's statement. */
static void
MoveErrorPosition(void *text)
{
	int			position = geterrposition();

	if (position <= 0)
		return;
	errposition(0);
	internalerrposition(position);
	internalerrquery(text);
}

static List *
ParseCondition(char *text)
{
	ErrorContextCallback callback = {.callback = MoveErrorPosition, .arg = text, .previous = error_context_stack};
	List	   *statements;

	error_context_stack = &callback;
	statements = raw_parser(text, RAW_PARSE_DEFAULT);
	error_context_stack = callback.previous;
	return statements;
}

static bool
HasParameter(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return IsA(node, ParamRef) || raw_expression_tree_walker(node, HasParameter, context);
}

/* Return whether a statement is SELECT WHERE and an expression, and nothing else. */
static bool
IsCondition(const Node *node)
{
	const SelectStmt *select = (const SelectStmt *) node;

	return IsA(node, SelectStmt) && select->op == SETOP_NONE && select->whereClause != NULL &&
		select->distinctClause == NIL && select->intoClause == NULL && select->targetList == NIL &&
		select->fromClause == NIL && select->groupClause == NIL && select->havingClause == NULL &&
		select->windowClause == NIL && select->valuesLists == NIL && select->sortClause == NIL &&
		select->limitOffset == NULL && select->limitCount == NULL && select->lockingClause == NIL &&
		select->withClause == NULL;
}

void
CheckCondition(const char *name, const char *text)
{
	List	   *statements = ParseCondition(psprintf("SELECT WHERE\n%s\n", text));
	Node	   *statement = list_length(statements) == 1 ? linitial_node(RawStmt, statements)->stmt : NULL;

	if (statement == NULL || !IsCondition(statement) || HasParameter(((SelectStmt *) statement)->whereClause, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is not a condition: \"%s\"", name, pnstrdup(text, pg_mbcliplen(text, strlen(text), 200))),
				 errdetail("It must be one expression on the columns of the table, without parameters.")));
}
