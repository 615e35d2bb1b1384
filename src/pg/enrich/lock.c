/*
 * enrich/lock.c: one call of hamnet_enrich at a time for the columns of a table, and one for its conformers.
 *
 * Two would compute the same rows, and each would move rows away from under the
 * other. The lock is on an object of the server's lock table that nothing else
 * locks: a lock on the table itself would keep VACUUM away as long as the call
 * runs. A failed transaction releases it, also where it outlives transactions.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/lsyscache.h"

#include "enrich/enrich.h"

/* "HM" and "HC", where the lock table has the number of a column for other objects. */
#define COLUMN_LOCK 0x484d
#define CONFORMER_LOCK 0x4843

static void
SetTag(LOCKTAG *tag, const EnrichRequest *request, Oid leaf)
{
	SET_LOCKTAG_OBJECT(*tag, MyDatabaseId, RelationRelationId, leaf,
					   OidIsValid(request->conformers) ? CONFORMER_LOCK : COLUMN_LOCK);
}

void
LockLeaves(const EnrichRequest *request, List *leaves, bool session)
{
	ListCell   *cell;

	foreach(cell, leaves)
	{
		LOCKTAG		tag;

		SetTag(&tag, request, lfirst_oid(cell));
		if (LockAcquire(&tag, ExclusiveLock, session, true) == LOCKACQUIRE_NOT_AVAIL)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("hamnet_enrich is already running on table \"%s\"", get_rel_name(lfirst_oid(cell))),
					 errhint("hamnet_enrich_progress() shows how far it is. Option \"workers\" makes one call faster.")));
	}
}

void
UnlockLeaves(const EnrichRequest *request, List *leaves)
{
	ListCell   *cell;

	foreach(cell, leaves)
	{
		LOCKTAG		tag;

		SetTag(&tag, request, lfirst_oid(cell));
		LockRelease(&tag, ExclusiveLock, true);
	}
}
