/*
 * server/distributed.c: tables of Citus, whose rows lie in tables of other names.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "catalog/pg_namespace.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "server/distributed.h"

/* Citus lists its tables in a catalog of its own, which is small. */
bool
IsDistributed(Oid table)
{
	Oid			catalog = get_relname_relid("pg_dist_partition", PG_CATALOG_NAMESPACE);
	AttrNumber	column = OidIsValid(catalog) ? get_attnum(catalog, "logicalrelid") : InvalidAttrNumber;
	bool		found = false;
	Relation	relation;
	SysScanDesc scan;
	HeapTuple	tuple;

	if (column == InvalidAttrNumber)
		return false;
	relation = table_open(catalog, AccessShareLock);
	scan = systable_beginscan(relation, InvalidOid, false, NULL, 0, NULL);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;
		Datum		listed = heap_getattr(tuple, column, RelationGetDescr(relation), &isnull);

		found = !isnull && DatumGetObjectId(listed) == table;
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return found;
}
