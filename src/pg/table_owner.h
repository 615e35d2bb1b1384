/*
 * table_owner.h: writing the extension's own tables on behalf of a caller.
 */
#ifndef HAMNET_TABLE_OWNER_H
#define HAMNET_TABLE_OWNER_H

#include "utils/rel.h"

/* Where the caller stood before it acted as a table's owner. */
typedef struct Impersonation
{
	Oid			user;
	int			security;
	int			guc_level;
} Impersonation;

/*
 * Become the table's owner, with a search path that only the system's own
 * objects are on. An error on the way restores both by itself.
 */
extern Impersonation ActAsTableOwner(Relation table);
extern void ActAsSelf(Impersonation before);

/*
 * Run one statement on a table through SPI; "%s" in the format is its
 * qualified name. nulls is as in SPI_execute_with_args.
 */
extern void ExecuteOnTable(Relation table, const char *format, int count, Oid *types, Datum *values,
						   const char *nulls, int expected);

/* Whether the user owns the database, as itself or by membership. */
extern bool OwnsDatabase(Oid user);

#endif
