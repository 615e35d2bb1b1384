/*
 * enrich/request.c: what a caller of hamnet_enrich asks for, read and checked.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#include "enrich/enrich.h"
#include "server/distributed.h"
#include "server/extension.h"

char *
RelationName(Oid relation)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)),
									  get_rel_name(relation));
}

/* Find a column of the table, which must exist and be none of the system's. The caller releases the tuple. */
static Form_pg_attribute
GetColumn(Oid table, const char *name, HeapTuple *tuple)
{
	Form_pg_attribute attribute;

	*tuple = SearchSysCacheAttName(table, name);
	if (!HeapTupleIsValid(*tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist", name, get_rel_name(table))));
	attribute = (Form_pg_attribute) GETSTRUCT(*tuple);
	if (attribute->attnum < 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("\"%s\" is a system column", name)));
	return attribute;
}

void
CheckColumn(Oid table, const char *name)
{
	HeapTuple	tuple;

	(void) GetColumn(table, name, &tuple);
	ReleaseSysCache(tuple);
}

static void
RejectGenerated(Oid table, Form_pg_attribute attribute)
{
	if (attribute->attgenerated != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_GENERATED_ALWAYS),
				 errmsg("column \"%s\" of relation \"%s\" is a generated column",
						NameStr(attribute->attname), get_rel_name(table)),
				 errdetail("The server fills it whenever a row is written."),
				 errhint("To make it a plain column that keeps its values: ALTER TABLE ... ALTER COLUMN ... DROP EXPRESSION.")));
}

void
CheckSmilesColumn(Oid table, const char *name)
{
	HeapTuple	tuple;
	Form_pg_attribute attribute = GetColumn(table, name, &tuple);

	if (TypeCategory(getBaseType(attribute->atttypid)) != TYPCATEGORY_STRING)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" has type %s, but a SMILES is a text", name,
						format_type_be(attribute->atttypid))));
	ReleaseSysCache(tuple);
}

static void
CheckFingerprintColumn(Oid table, const char *name, int dim)
{
	HeapTuple	tuple;
	Form_pg_attribute attribute = GetColumn(table, name, &tuple);
	int32		typmod = attribute->atttypmod;

	if (getBaseTypeAndTypmod(attribute->atttypid, &typmod) != FingerprintType())
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" has type %s, but a fingerprint has type hfp", name,
						format_type_be(attribute->atttypid))));
	if (typmod >= 0 && typmod != dim)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" has %d dimensions, but the model's fingerprints have %d", name, typmod, dim)));
	RejectGenerated(table, attribute);
	ReleaseSysCache(tuple);
}

static void
CheckErrorColumn(Oid table, const char *name)
{
	HeapTuple	tuple;
	Form_pg_attribute attribute = GetColumn(table, name, &tuple);

	if (getBaseType(attribute->atttypid) != TEXTOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" has type %s, but a reason has type text", name,
						format_type_be(attribute->atttypid))));
	RejectGenerated(table, attribute);
	ReleaseSysCache(tuple);
}

static void
CheckPredictionColumn(Oid table, const char *name)
{
	HeapTuple	tuple;
	Form_pg_attribute attribute = GetColumn(table, name, &tuple);

	if (TypeCategory(getBaseType(attribute->atttypid)) != TYPCATEGORY_NUMERIC)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" has type %s, but a prediction is a number", name,
						format_type_be(attribute->atttypid))));
	RejectGenerated(table, attribute);
	ReleaseSysCache(tuple);
}

/* Refuse a table whose rows Citus keeps in shards. */
static void
RejectDistributed(Oid relation)
{
	if (IsDistributed(relation))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("the rows of \"%s\" are in the shards of a distributed table", get_rel_name(relation)),
				 errhint("Call hamnet_enrich on each of them: SELECT run_command_on_shards('%s', $$CALL hamnet_enrich('%%s', ...)$$).",
						 RelationName(relation))));
}

void
CheckTableKind(Oid relation)
{
	char		kind = get_rel_relkind(relation);

	if (kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE)
	{
		RejectDistributed(relation);
		return;
	}
	if (kind == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relation)));
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("\"%s\" is not a table", get_rel_name(relation)),
			 kind == RELKIND_FOREIGN_TABLE ?
			 errhint("Enrich a foreign table on the server that stores it.") :
			 kind == RELKIND_VIEW || kind == RELKIND_MATVIEW ?
			 errhint("Enrich the table behind it, or compute with hamnet_fingerprint_query().") : 0));
}

List *
ListLeaves(Oid table, List **foreign)
{
	List	   *leaves = NIL;
	ListCell   *cell;

	*foreign = NIL;
	foreach(cell, find_all_inheritors(table, AccessShareLock, NULL))
	{
		Oid			relation = lfirst_oid(cell);

		/* Nobody sees what other sessions have in temporary tables. */
		if (isOtherTempNamespace(get_rel_namespace(relation)))
			continue;
		if (get_rel_relkind(relation) == RELKIND_FOREIGN_TABLE)
		{
			*foreign = lappend_oid(*foreign, relation);
			continue;
		}
		CheckTableKind(relation);
		if (get_rel_relkind(relation) == RELKIND_RELATION)
			leaves = lappend_oid(leaves, relation);
	}
	return leaves;
}

/* Say which partitions are left out because another server stores them; an error if nothing else is there. */
static void
ReportForeign(Oid table, List *leaves, List *foreign)
{
	if (foreign == NIL)
		return;
	ereport(leaves == NIL ? ERROR : NOTICE,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 leaves == NIL ? errmsg("all rows of \"%s\" are stored by other servers", get_rel_name(table)) :
			 errmsg_plural("hamnet_enrich leaves out %d foreign partition of \"%s\"",
						   "hamnet_enrich leaves out %d foreign partitions of \"%s\"",
						   list_length(foreign), list_length(foreign), get_rel_name(table)),
			 errdetail("The first is \"%s\".", get_rel_name(linitial_oid(foreign))),
			 errhint("Call hamnet_enrich on the servers that store them.")));
}

/*
 * Policies of a parent do not apply to its children when these are worked on
 * one by one, so a caller who is subject to them must name the children.
 */
static void
CheckPolicies(Oid table, List *leaves)
{
	if (list_member_oid(leaves, table) && list_length(leaves) == 1)
		return;
	if (check_enable_rls(table, InvalidOid, true) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("row-level security of \"%s\" does not reach the tables below it", get_rel_name(table)),
				 errhint("Call hamnet_enrich for each of its partitions.")));
}

List *
CheckRequest(const EnrichRequest *request, int dim)
{
	List	   *leaves;
	List	   *foreign;
	ListCell   *cell;

	leaves = ListLeaves(request->table, &foreign);
	ReportForeign(request->table, leaves, foreign);
	CheckSmilesColumn(request->table, NameStr(request->smiles_column));
	if (NameStr(request->fp_column)[0] != '\0')
		CheckFingerprintColumn(request->table, NameStr(request->fp_column), dim);
	for (int p = 0; p < request->prediction_count; p++)
		CheckPredictionColumn(request->table, NameStr(request->predictions[p].column));
	if (NameStr(request->error_column)[0] != '\0')
		CheckErrorColumn(request->table, NameStr(request->error_column));
	CheckPolicies(request->table, leaves);
	foreach(cell, leaves)
		CheckEnrichLeaf(request, lfirst_oid(cell));
	return leaves;
}
