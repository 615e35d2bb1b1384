/*
 * search/handler.c: the access method as the server sees it: its functions, its
 * options and its operator classes.
 */
#include "postgres.h"

#include "access/amvalidate.h"
#include "access/htup_details.h"
#include "access/reloptions.h"
#include "access/stratnum.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "commands/vacuum.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "search/am.h"
#include "search/reloptions.h"

static relopt_kind options_kind;

/* The SQL functions behind the operators, which name the metric of an operator class */
extern PGDLLEXPORT Datum hamnet_l2_distance(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum hamnet_cosine_distance(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum hamnet_negative_inner_product(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum hamnet_tanimoto_distance(PG_FUNCTION_ARGS);

static const struct
{
	PGFunction	distance;
	HnMetric	metric;
}			metrics[] =
{
	{hamnet_l2_distance, HN_METRIC_L2},
	{hamnet_cosine_distance, HN_METRIC_COSINE},
	{hamnet_negative_inner_product, HN_METRIC_INNER_PRODUCT},
	{hamnet_tanimoto_distance, HN_METRIC_TANIMOTO},
};

static bool
FindMetric(PGFunction distance, HnMetric *metric)
{
	for (int i = 0; i < lengthof(metrics); i++)
		if (metrics[i].distance == distance)
		{
			*metric = metrics[i].metric;
			return true;
		}
	return false;
}

HnMetric
HamnetGetMetric(Relation index)
{
	HnMetric	metric;

	if (!OidIsValid(index_getprocid(index, 1, HAMNET_DISTANCE_PROC)))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the first column of hamnet index \"%s\" is not a fingerprint", RelationGetRelationName(index))));
	if (!FindMetric(index_getprocinfo(index, 1, HAMNET_DISTANCE_PROC)->fn_addr, &metric))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("access method hamnet has no bounds for the distance of index \"%s\"",
						RelationGetRelationName(index))));
	return metric;
}

void
InitIndexOptions(void)
{
	options_kind = add_reloption_kind();
	add_int_reloption(options_kind, "coordinates",
					  "Coordinates of the codes, a multiple of 8.",
					  HAMNET_DEFAULT_COORDINATES, HN_CODE_UNIT, HN_CODE_MAX_WIDE,
					  AccessExclusiveLock);
}

static bytea *
hamnet_options(Datum options, bool validate)
{
	static const relopt_parse_elt table[] = {
		{"coordinates", RELOPT_TYPE_INT, offsetof(HamnetOptions, coordinates)},
	};
	HamnetOptions *parsed = build_reloptions(options, validate, options_kind, sizeof(HamnetOptions),
											 table, lengthof(table));

	if (parsed && parsed->coordinates % HN_CODE_UNIT != 0)
	{
		if (validate)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("value %d for option \"coordinates\" is not a multiple of %d",
							parsed->coordinates, HN_CODE_UNIT)));
		parsed->coordinates = HAMNET_DEFAULT_COORDINATES;
	}
	return (bytea *) parsed;
}

int
HamnetGetCoordinates(Relation index)
{
	HamnetOptions *options = (HamnetOptions *) index->rd_options;

	return options ? options->coordinates : HAMNET_DEFAULT_COORDINATES;
}

/* Report a flaw of an operator family. */
static bool
Complain(const char *family, const char *flaw)
{
	ereport(INFO,
			(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
			 errmsg("operator family \"%s\" of access method hamnet %s", family, flaw)));
	return false;
}

/* Check an operator of a family of distances. */
static bool
ValidateDistanceOperator(Form_pg_amop member, const char *family)
{
	Oid			type = member->amoplefttype;

	switch (member->amopstrategy)
	{
		case HAMNET_ORDER_STRATEGY:
			if (member->amoppurpose != AMOP_ORDER ||
				!check_amop_signature(member->amopopr, FLOAT8OID, type, type) ||
				!opfamily_can_sort_type(member->amopsortfamily, FLOAT8OID))
				return Complain(family, "has a strategy 1 that does not order by double precision");
			return true;
		case HAMNET_BALL_STRATEGY:
			if (member->amoppurpose != AMOP_SEARCH ||
				!check_amop_signature(member->amopopr, BOOLOID, type, member->amoprighttype))
				return Complain(family, "has a strategy 2 that is not boolean");
			return true;
		default:
			return Complain(family, "has an operator of an unknown strategy");
	}
}

/* Check an operator of a family of filters. */
static bool
ValidateFilterOperator(Form_pg_amop member, const char *family)
{
	if (member->amopstrategy < BTLessStrategyNumber || member->amopstrategy > BTGreaterStrategyNumber ||
		member->amoppurpose != AMOP_SEARCH ||
		!check_amop_signature(member->amopopr, BOOLOID, member->amoplefttype, member->amoprighttype))
		return Complain(family, "has an operator that is not one of btree");
	return true;
}

static bool
ValidateFunction(Form_pg_amproc member, const char *family)
{
	Oid			type = member->amproclefttype;
	FmgrInfo	function;
	HnMetric	metric;

	fmgr_info(member->amproc, &function);
	if (member->amprocnum == HAMNET_DISTANCE_PROC)
	{
		if (!check_amproc_signature(member->amproc, FLOAT8OID, true, 2, 2, type, type))
			return Complain(family, "has a function 1 other than a distance");
		if (!FindMetric(function.fn_addr, &metric))
			return Complain(family, "has a distance without bounds");
		return true;
	}
	if (member->amprocnum != HAMNET_COMPARE_PROC ||
		!check_amproc_signature(member->amproc, INT4OID, true, 2, 2, type, type))
		return Complain(family, "has a support function other than a distance or a comparison");
	if (!HamnetIsFilterComparison(function.fn_addr))
		return Complain(family, "compares values of a type that cannot be a filter");
	return true;
}

/* Check that an operator class has what it needs, and nothing that makes no sense. */
static bool
hamnet_validate(Oid class)
{
	HeapTuple	tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(class));
	HeapTuple	family_tuple;
	Form_pg_opclass form;
	char	   *family;
	CatCList   *operators;
	CatCList   *functions;
	bool		valid = true;
	bool		ordered = false;
	bool		distance = false;
	bool		comparison = false;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator class %u", class);
	form = (Form_pg_opclass) GETSTRUCT(tuple);
	family_tuple = SearchSysCache1(OPFAMILYOID, ObjectIdGetDatum(form->opcfamily));
	if (!HeapTupleIsValid(family_tuple))
		elog(ERROR, "cache lookup failed for operator family %u", form->opcfamily);
	family = NameStr(((Form_pg_opfamily) GETSTRUCT(family_tuple))->opfname);
	operators = SearchSysCacheList1(AMOPSTRATEGY, ObjectIdGetDatum(form->opcfamily));
	functions = SearchSysCacheList1(AMPROCNUM, ObjectIdGetDatum(form->opcfamily));

	for (int i = 0; i < functions->n_members; i++)
	{
		Form_pg_amproc member = (Form_pg_amproc) GETSTRUCT(&functions->members[i]->tuple);

		valid &= ValidateFunction(member, family);
		distance |= member->amprocnum == HAMNET_DISTANCE_PROC && member->amproclefttype == form->opcintype;
		comparison |= member->amprocnum == HAMNET_COMPARE_PROC && member->amproclefttype == form->opcintype;
	}
	for (int i = 0; i < operators->n_members; i++)
	{
		Form_pg_amop member = (Form_pg_amop) GETSTRUCT(&operators->members[i]->tuple);

		valid &= comparison ? ValidateFilterOperator(member, family) : ValidateDistanceOperator(member, family);
		ordered |= member->amopstrategy == HAMNET_ORDER_STRATEGY && member->amoplefttype == form->opcintype;
	}
	if (!comparison && (!ordered || !distance))
		valid = Complain(family, "lacks its distance, as operator 1 or as function 1");

	ReleaseSysCacheList(operators);
	ReleaseSysCacheList(functions);
	ReleaseSysCache(family_tuple);
	ReleaseSysCache(tuple);
	return valid;
}

PG_FUNCTION_INFO_V1(hamnet_handler);
PGDLLEXPORT Datum
hamnet_handler(PG_FUNCTION_ARGS)
{
	IndexAmRoutine *routine = makeNode(IndexAmRoutine);

	/* What is not set here is false, 0 or NULL: makeNode clears */
	routine->amstrategies = HAMNET_STRATEGIES;
	routine->amsupport = HAMNET_PROCS;
	routine->amcanorderbyop = true;
	routine->amcanmulticol = true;
	routine->amcanparallel = true;
	routine->amoptionalkey = true;
	routine->amsearchnulls = true;
	routine->amkeytype = InvalidOid;
	routine->amparallelvacuumoptions = VACUUM_OPTION_PARALLEL_BULKDEL | VACUUM_OPTION_PARALLEL_COND_CLEANUP;

	routine->ambuild = hamnet_build;
	routine->ambuildempty = hamnet_buildempty;
	routine->aminsert = hamnet_insert;
	routine->ambulkdelete = hamnet_bulkdelete;
	routine->amvacuumcleanup = hamnet_vacuumcleanup;
	routine->amcostestimate = hamnet_costestimate;
	routine->amoptions = hamnet_options;
	routine->ambuildphasename = hamnet_buildphasename;
	routine->amvalidate = hamnet_validate;
	routine->ambeginscan = hamnet_beginscan;
	routine->amrescan = hamnet_rescan;
	routine->amgettuple = hamnet_gettuple;
	routine->amgetbitmap = hamnet_getbitmap;
	routine->amendscan = hamnet_endscan;
	routine->amestimateparallelscan = hamnet_estimateparallelscan;
	routine->aminitparallelscan = hamnet_initparallelscan;
	routine->amparallelrescan = hamnet_parallelrescan;

	PG_RETURN_POINTER(routine);
}
