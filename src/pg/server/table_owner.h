/*
 * server/table_owner.h: writing the extension's own tables on behalf of a caller.
 *
 * The tables belong to whoever owns what the extension's script made: of a
 * trusted extension, a superuser. So nothing that a user can have made may run
 * between ActAsTableOwner and ActAsSelf: the search path has the system's
 * objects only, tables are named by ExecuteOnTables, and types and functions
 * with the schema pg_catalog.
 */
#ifndef HAMNET_SERVER_TABLE_OWNER_H
#define HAMNET_SERVER_TABLE_OWNER_H

#include "utils/rel.h"

/* Where the caller stood before it acted as a table's owner. */
typedef struct Impersonation
{
	Oid			user;			/* with whose rights the caller acts: who is asked for permission */
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
 * Run one statement on one or two tables of the extension, which the caller has
 * opened, through SPI. Each "%s" in the format stands for the qualified name
 * of one of them, in order. nulls is as in SPI_execute_with_args. It is an error,
 * before anything runs, if the statement turns out to be about other tables.
 */
extern void ExecuteOnTables(Relation table, Relation other, const char *format, int count, Oid *types,
							Datum *values, const char *nulls, int expected);
extern void ExecuteOnTable(Relation table, const char *format, int count, Oid *types, Datum *values,
						   const char *nulls, int expected);

/* Open one or two tables of the extension by name, and run a statement on them as the owner of the first. */
extern void ExecuteAsOwner(const char *table_name, const char *other_name, const char *format, int count,
						   Oid *types, Datum *values, const char *nulls, int expected);

/* Return whether the user owns the database, as itself or by membership. */
extern bool OwnsDatabase(Oid user);

/* To be called when the module is loaded. */
extern void InitTableOwner(void);

#endif
