/*
 * server/table_owner.c: writing the extension's own tables on behalf of a caller.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_database.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "parser/analyze.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "server/extension.h"
#include "server/table_owner.h"

/*
 * The tables that the next statement to be analysed must be about, by OID.
 *
 * A statement has names, and the schema's owner can give a name to another
 * table: by renaming the schema and another one in the moment between our
 * writing the name and the parser's looking it up. The other table's triggers
 * would run as the owner of ours. After the analysis the server goes by OID,
 * and nothing has run yet, so this is where to look.
 */
static const Relation *expected_tables = NULL;
static post_parse_analyze_hook_type next_hook = NULL;

static bool
IsExpected(Oid relation, const Relation *tables)
{
	return relation == RelationGetRelid(tables[0]) ||
		(tables[1] != NULL && relation == RelationGetRelid(tables[1]));
}

static void
CheckTables(const Query *query)
{
	const Relation *tables = expected_tables;
	ListCell   *cell;

	if (tables == NULL)
		return;
	/* Only that one statement: others may follow while it runs. */
	expected_tables = NULL;
	foreach(cell, query->rtable)
	{
		RangeTblEntry *entry = lfirst(cell);

		if (entry->rtekind == RTE_RELATION && !IsExpected(entry->relid, tables))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_TABLE),
					 errmsg("the schema of extension \"hamnet\" was renamed concurrently"),
					 errhint("Try again.")));
	}
}

static void
#if PG_VERSION_NUM >= 190000
AfterAnalysis(ParseState *state, Query *query, const JumbleState *jumble)
#else
AfterAnalysis(ParseState *state, Query *query, JumbleState *jumble)
#endif
{
	CheckTables(query);
	if (next_hook)
		next_hook(state, query, jumble);
}

void
InitTableOwner(void)
{
	next_hook = post_parse_analyze_hook;
	post_parse_analyze_hook = AfterAnalysis;
}

Impersonation
ActAsTableOwner(Relation table)
{
	Impersonation before;

	GetUserIdAndSecContext(&before.user, &before.security);
	before.guc_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	SetUserIdAndSecContext(table->rd_rel->relowner,
						   before.security | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_RESTRICTED_OPERATION | SECURITY_NOFORCE_RLS);
	return before;
}

void
ActAsSelf(Impersonation before)
{
	AtEOXact_GUC(false, before.guc_level);
	SetUserIdAndSecContext(before.user, before.security);
}

static char *
QualifiedName(Relation table)
{
	return quote_qualified_identifier(get_namespace_name(RelationGetNamespace(table)),
									  RelationGetRelationName(table));
}

void
ExecuteOnTables(Relation table, Relation other, const char *format, int count, Oid *types,
				Datum *values, const char *nulls, int expected)
{
	const Relation tables[2] = {table, other};
	char	   *query = psprintf(format, QualifiedName(table), other ? QualifiedName(other) : "");

	expected_tables = tables;
	PG_TRY();
	{
		if (SPI_execute_with_args(query, count, types, values, nulls, false, 0) != expected)
			elog(ERROR, "unexpected result of \"%s\"", query);
	}
	PG_FINALLY();
	{
		expected_tables = NULL;
	}
	PG_END_TRY();
	pfree(query);
}

void
ExecuteOnTable(Relation table, const char *format, int count, Oid *types, Datum *values,
			   const char *nulls, int expected)
{
	ExecuteOnTables(table, NULL, format, count, types, values, nulls, expected);
}

void
ExecuteAsOwner(const char *table_name, const char *other_name, const char *format, int count, Oid *types,
			   Datum *values, const char *nulls, int expected)
{
	Relation	table = OpenExtensionTable(table_name, AccessShareLock);
	Relation	other = other_name ? OpenExtensionTable(other_name, AccessShareLock) : NULL;
	Impersonation before = ActAsTableOwner(table);

	ExecuteOnTables(table, other, format, count, types, values, nulls, expected);
	ActAsSelf(before);
	table_close(table, NoLock);
	if (other)
		table_close(other, NoLock);
}

bool
OwnsDatabase(Oid user)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(DatabaseRelationId, MyDatabaseId, user);
#else
	return pg_database_ownercheck(MyDatabaseId, user);
#endif
}
