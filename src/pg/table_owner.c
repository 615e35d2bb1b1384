/*
 * table_owner.c: writing the extension's own tables on behalf of a caller.
 */
#include "postgres.h"

#include "catalog/pg_database.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "table_owner.h"

Impersonation
ActAsTableOwner(Relation table)
{
	Impersonation before;

	GetUserIdAndSecContext(&before.user, &before.security);
	before.guc_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	SetUserIdAndSecContext(table->rd_rel->relowner,
						   before.security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
	return before;
}

void
ActAsSelf(Impersonation before)
{
	AtEOXact_GUC(false, before.guc_level);
	SetUserIdAndSecContext(before.user, before.security);
}

void
ExecuteOnTable(Relation table, const char *format, int count, Oid *types, Datum *values,
			   const char *nulls, int expected)
{
	char	   *name = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(table)),
												  RelationGetRelationName(table));
	char	   *query = psprintf(format, name);

	if (SPI_execute_with_args(query, count, types, values, nulls, false, 0) != expected)
		elog(ERROR, "unexpected result of \"%s\"", query);
	pfree(query);
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
