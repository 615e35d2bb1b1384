/*
 * server/extension.c: where the extension's own objects are.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "server/extension.h"

/* Return a copy of the extension's row in pg_extension, NULL where there is none. */
static HeapTuple
ExtensionRow(TupleDesc *columns)
{
	Relation	catalog = table_open(ExtensionRelationId, AccessShareLock);
	HeapTuple	row;
	ScanKeyData key;
	SysScanDesc scan;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ, CStringGetDatum("hamnet"));
	scan = systable_beginscan(catalog, ExtensionNameIndexId, true, NULL, 1, &key);
	row = systable_getnext(scan);
	if (HeapTupleIsValid(row))
		row = heap_copytuple(row);
	*columns = CreateTupleDescCopy(RelationGetDescr(catalog));
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return row;
}

Oid
ExtensionSchema(void)
{
	TupleDesc	columns;
	HeapTuple	row = ExtensionRow(&columns);

	if (row == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("extension \"hamnet\" does not exist")));
	return ((Form_pg_extension) GETSTRUCT(row))->extnamespace;
}

char *
ExtensionVersion(void)
{
	TupleDesc	columns;
	HeapTuple	row = ExtensionRow(&columns);
	bool		isnull;
	Datum		version;

	if (row == NULL)
		return NULL;
	version = heap_getattr(row, Anum_pg_extension_extversion, columns, &isnull);
	return TextDatumGetCString(version);
}

static void
ReportMissing(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_TABLE),
			 errmsg("relation \"%s\" of extension \"hamnet\" does not exist", name)));
}

Oid
ExtensionRelation(const char *name)
{
	Oid			relation = get_relname_relid(name, ExtensionSchema());

	if (!OidIsValid(relation))
		ReportMissing(name);
	return relation;
}

Relation
OpenExtensionTable(const char *name, LOCKMODE mode)
{
	Relation	table = try_relation_open(ExtensionRelation(name), mode);

	if (table == NULL)
		ReportMissing(name);
	return table;
}

Relation
OpenExtensionTableNoWait(const char *name, LOCKMODE mode)
{
	Oid			relation = ExtensionRelation(name);
	Relation	table;

	if (!ConditionalLockRelationOid(relation, mode))
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("could not obtain lock on relation \"%s\"", name)));
	table = try_relation_open(relation, NoLock);
	if (table == NULL)
		ReportMissing(name);
	return table;
}

Oid
IndexOfTable(Relation table, const char *name)
{
	List	   *indexes = RelationGetIndexList(table);
	Oid			found = InvalidOid;
	ListCell   *cell;

	foreach(cell, indexes)
	{
		char	   *index = get_rel_name(lfirst_oid(cell));

		if (index && strcmp(index, name) == 0)
			found = lfirst_oid(cell);
	}
	list_free(indexes);
	return found;
}

Oid
FingerprintType(void)
{
	Oid			type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("hfp"),
									   ObjectIdGetDatum(ExtensionSchema()));

	if (!OidIsValid(type))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("type \"hfp\" of extension \"hamnet\" does not exist")));
	return type;
}
