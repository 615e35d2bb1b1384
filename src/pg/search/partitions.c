/*
 * search/partitions.c: hamnet_search, which asks every partition of a table at once.
 *
 * `ORDER BY fp <-> query LIMIT k` over partitions is a Merge Append, which asks
 * foreign partitions one after another. Here each partition is asked for its k
 * nearest rows, in a branch of its own under an Append, whose foreign scans the
 * server runs side by side, and the nearest of these are chosen after that.
 *
 * A branch names a partition, so the caller's rights on the partition decide, and
 * its policies. Where those are not the rights on the table that was named, the
 * query is run as anyone would write it, with the rights that it has.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"

#include "server/condition.h"
#include "server/extension.h"
#include "server/srf.h"

/* What the caller asked for, checked. Names are quoted where a statement needs it. */
typedef struct Search
{
	Oid			relation;
	const char *fp_column;		/* quoted */
	const char *operator;		/* with its schema */
	const char *filter;			/* an expression, or NULL */
	List	   *columns;		/* of the result's rows, not quoted */
	int			k;
} Search;

/* Of the result. */
#define CTID_COLUMN 1

static const char *const operators[] = {"<->", "<=>", "<#>", "<%>"};

/* Return the operator with the extension's schema. */
static const char *
ReadOperator(const char *name)
{
	for (int i = 0; i < lengthof(operators); i++)
		if (strcmp(name, operators[i]) == 0)
			return psprintf("OPERATOR(%s.%s)", quote_identifier(get_namespace_name(ExtensionSchema())), name);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unrecognized operator: \"%s\"", name),
			 errhint("The operators are <->, <=>, <#> and <%%>.")));
}

/* Return a column by name, quoted; it must hold fingerprints. */
static const char *
ReadFingerprintColumn(Relation relation, const char *name)
{
	AttrNumber	number = get_attnum(RelationGetRelid(relation), name);

	if (number <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist", name, RelationGetRelationName(relation))));
	if (getBaseType(TupleDescAttr(RelationGetDescr(relation), number - 1)->atttypid) != FingerprintType())
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" has type %s, but a fingerprint has type hfp", name,
						format_type_be(TupleDescAttr(RelationGetDescr(relation), number - 1)->atttypid))));
	return quote_identifier(name);
}

/* List the columns that an array names, which must be there, or all that hold no fingerprint. */
static List *
ReadColumns(Relation relation, ArrayType *names)
{
	TupleDesc	descriptor = RelationGetDescr(relation);
	Oid			fingerprint = FingerprintType();
	List	   *columns = NIL;
	Datum	   *elements;
	bool	   *nulls;
	int			count = 0;

	for (int i = 0; names == NULL && i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

		if (!attribute->attisdropped && getBaseType(attribute->atttypid) != fingerprint)
			columns = lappend(columns, pstrdup(NameStr(attribute->attname)));
	}
	if (names)
		deconstruct_array(names, NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR, &elements, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		char	   *name = nulls[i] ? NULL : NameStr(*DatumGetName(elements[i]));

		if (name == NULL || get_attnum(RelationGetRelid(relation), name) <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" of relation \"%s\" does not exist", name ? name : "NULL",
							RelationGetRelationName(relation))));
		columns = lappend(columns, name);
	}
	return columns;
}

/* Return whether naming a table itself gives the caller neither more nor less than naming what it is below. */
static bool
IsOpenToCaller(Oid table)
{
	return pg_class_aclcheck(table, GetUserId(), ACL_SELECT) == ACLCHECK_OK &&
		check_enable_rls(table, InvalidOid, true) != RLS_ENABLED;
}

/*
 * List the tables that are to be asked, each for itself: those below the relation
 * that hold rows, or the relation alone, to be asked with what is below it.
 */
static List *
ListBranches(Oid relation)
{
	List	   *tables = find_all_inheritors(relation, AccessShareLock, NULL);
	List	   *branches = NIL;
	ListCell   *cell;

	foreach(cell, tables)
	{
		/* Nobody sees what other sessions have in temporary tables. */
		if (isOtherTempNamespace(get_rel_namespace(lfirst_oid(cell))))
			continue;
		if (!IsOpenToCaller(lfirst_oid(cell)))
			return list_make1_oid(relation);
		if (get_rel_relkind(lfirst_oid(cell)) != RELKIND_PARTITIONED_TABLE)
			branches = lappend_oid(branches, lfirst_oid(cell));
	}
	return branches != NIL ? branches : list_make1_oid(relation);
}

/* Write the search of one table; `only` leaves out what is below it. */
static void
AppendBranch(StringInfo query, const Search *search, Oid table, bool only)
{
	const char *alias = quote_identifier(get_rel_name(search->relation));
	char		kind = get_rel_relkind(table);
	bool		has_ctid = kind == RELKIND_MATVIEW || (kind == RELKIND_RELATION && (only || !has_subclass(table)));
	int			number = 0;
	ListCell   *cell;

	appendStringInfo(query, "(SELECT %u::pg_catalog.oid::pg_catalog.regclass AS relation, %s AS ctid, %s.%s %s $1 AS distance",
					 table, has_ctid ? psprintf("%s.ctid", alias) : "NULL::pg_catalog.tid",
					 alias, search->fp_column, search->operator);
	foreach(cell, search->columns)
		appendStringInfo(query, ", %s.%s AS c%d", alias, quote_identifier(lfirst(cell)), number++);
	appendStringInfo(query, " FROM %s%s AS %s WHERE %s.%s IS NOT NULL", only ? "ONLY " : "",
					 quote_qualified_identifier(get_namespace_name(get_rel_namespace(table)), get_rel_name(table)),
					 alias, alias, search->fp_column);
	if (search->filter)
		appendStringInfo(query, " AND (\n%s\n)", search->filter);
	appendStringInfo(query, " ORDER BY %s.%s %s $1 LIMIT %d)", alias, search->fp_column, search->operator, search->k);
}

/*
 * Write the whole query. Its order is by something that the planner does not
 * know the branches to be sorted by, or it would merge them, one after another.
 */
static char *
SearchQuery(const Search *search)
{
	List	   *branches = ListBranches(search->relation);
	bool		only = linitial_oid(branches) != search->relation || list_length(branches) > 1;
	StringInfoData query;
	int			number = 0;
	ListCell   *cell;

	initStringInfo(&query);
	appendStringInfoString(&query, "SELECT x.relation, x.ctid, x.distance, pg_catalog.to_jsonb(r) FROM (");
	foreach(cell, branches)
	{
		appendStringInfoString(&query, foreach_current_index(cell) == 0 ? "" : "\nUNION ALL ");
		AppendBranch(&query, search, lfirst_oid(cell), only);
	}
	appendStringInfoString(&query, ") AS x CROSS JOIN LATERAL (SELECT");
	foreach(cell, search->columns)
	{
		appendStringInfo(&query, "%s x.c%d AS %s", number == 0 ? "" : ",", number, quote_identifier(lfirst(cell)));
		number++;
	}
	appendStringInfo(&query, ") AS r ORDER BY x.distance OPERATOR(pg_catalog.+) 0::pg_catalog.float8 LIMIT %d", search->k);
	return query.data;
}

/* Run the search, with the caller's rights and what its statement sees, and add the rows that it returns. */
static void
RunSearch(RowSet *rows, const char *query, Datum fingerprint)
{
	Oid			types[1] = {FingerprintType()};
	int			level = NewGUCNestLevel();

	/* Partitions that the filter excludes are left out, as they are where the table is named. */
	(void) set_config_option("constraint_exclusion", "on", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (SPI_execute_with_args(query, 1, types, &fingerprint, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "unexpected result of \"%s\"", query);
	AtEOXact_GUC(true, level);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		Datum		row[4];
		bool		nulls[4];

		for (int column = 0; column < lengthof(row); column++)
			row[column] = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, column + 1, &nulls[column]);

		/* PostgreSQL 18 loses the ctid of a row that waited in an index scan for its turn. */
		if (!nulls[CTID_COLUMN] && !ItemPointerIsValid((ItemPointer) DatumGetPointer(row[CTID_COLUMN])))
			nulls[CTID_COLUMN] = true;
		AddRow(rows, row, nulls);
	}
}

static void
ReadSearch(FunctionCallInfo fcinfo, Search *search)
{
	Relation	relation = try_relation_open(PG_GETARG_OID(0), AccessShareLock);

	if (relation == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", PG_GETARG_OID(0))));
	search->relation = RelationGetRelid(relation);
	search->fp_column = ReadFingerprintColumn(relation, NameStr(*PG_GETARG_NAME(1)));
	search->k = PG_GETARG_INT32(3);
	if (search->k < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k must not be negative: %d", search->k)));
	search->filter = PG_ARGISNULL(4) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(4));
	if (search->filter)
		CheckCondition("filter", search->filter);
	search->operator = ReadOperator(text_to_cstring(PG_GETARG_TEXT_PP(5)));
	search->columns = ReadColumns(relation, PG_ARGISNULL(6) ? NULL : PG_GETARG_ARRAYTYPE_P(6));
	relation_close(relation, NoLock);
}

PG_FUNCTION_INFO_V1(hamnet_search);

/* hamnet_search(table regclass, fp_column name, query hfp, k int, filter text, operator text, columns name[]) → (relation, ctid, distance, row) */
PGDLLEXPORT Datum
hamnet_search(PG_FUNCTION_ARGS)
{
	RowSet		rows = BeginRows(fcinfo);
	Search		search;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(3) || PG_ARGISNULL(5))
		return (Datum) 0;
	SPI_connect();
	ReadSearch(fcinfo, &search);
	RunSearch(&rows, SearchQuery(&search), PG_GETARG_DATUM(2));
	SPI_finish();
	return (Datum) 0;
}
