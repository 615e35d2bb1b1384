/*
 * type/within.c: range search, "all fingerprints within this distance".
 *
 * hamnet_within(fp, q, r) is (fp <-> q) <= r, and would be a filter only. Its
 * planner support function derives an index condition from it, fp <@->
 * hfp_ball(q, r), for any index whose operator family has such an operator.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "type/distance.h"

/*
 * Share of a table that a range search is taken to find, as far as the
 * planner is concerned. A fingerprint of 256 dimensions is too wide for
 * ANALYZE to keep samples of, so nothing is known; 1 % is what PostgreSQL
 * assumes of other matching operators (DEFAULT_MATCHING_SEL).
 */
#define WITHIN_SELECTIVITY 0.01

/* Call a distance on the first two arguments: is it within the third? */
static bool
CallWithin(FunctionCallInfo fcinfo, double (*distance) (const Hfp *, const Hfp *))
{
	Hfp		   *a = PG_GETARG_HFP_P(0);
	Hfp		   *b = PG_GETARG_HFP_P(1);
	double		radius = PG_GETARG_FLOAT8(2);
	bool		result;

	/* With or without an index, as in MakeHfpBall */
	if (isnan(radius))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("radius must not be NaN")));

	result = distance(a, b) <= radius;

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

PG_FUNCTION_INFO_V1(hamnet_within);

/* hamnet_within(fp hfp, query hfp, radius double precision) → boolean */
PGDLLEXPORT Datum
hamnet_within(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CallWithin(fcinfo, HfpL2Distance));
}

PG_FUNCTION_INFO_V1(hamnet_within_cosine);

/* hamnet_within_cosine(fp hfp, query hfp, radius double precision) → boolean */
PGDLLEXPORT Datum
hamnet_within_cosine(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CallWithin(fcinfo, HfpCosineDistance));
}

PG_FUNCTION_INFO_V1(hamnet_within_tanimoto);

/* hamnet_within_tanimoto(fp hfp, query hfp, radius double precision) → boolean */
PGDLLEXPORT Datum
hamnet_within_tanimoto(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CallWithin(fcinfo, HfpTanimotoDistance));
}

/*
 * The operator (hfp, hfp_ball) in an operator family, and its right type;
 * InvalidOid if there is none. The operator belongs to the function being
 * planned if both name the same support function: so each access method may
 * number its strategies as it likes, and no name is looked up.
 */
static Oid
FindBallOperator(Oid family, Oid support, Oid *ball_type)
{
	CatCList   *members = SearchSysCacheList1(AMOPSTRATEGY, ObjectIdGetDatum(family));
	Oid			operator = InvalidOid;

	for (int i = 0; i < members->n_members; i++)
	{
		Form_pg_amop member = (Form_pg_amop) GETSTRUCT(&members->members[i]->tuple);

		if (member->amoppurpose == AMOP_SEARCH &&
			get_func_support(get_opcode(member->amopopr)) == support)
		{
			operator = member->amopopr;
			*ball_type = member->amoprighttype;
			break;
		}
	}
	ReleaseSysCacheList(members);

	return operator;
}

/*
 * The expression hfp_ball(centre, radius); hfp_ball stands beside function. It is
 * looked up by the OID of the schema, whose name may change its meaning.
 */
static Expr *
MakeBallExpression(Oid function, Oid ball_type, Node *centre, Node *radius)
{
	Oid			types[2];
	Oid			ball;

	types[0] = exprType(centre);
	types[1] = exprType(radius);
	ball = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum("hfp_ball"),
						   PointerGetDatum(buildoidvector(types, 2)),
						   ObjectIdGetDatum(get_func_namespace(function)));
	if (!OidIsValid(ball))
		elog(ERROR, "function hfp_ball(%u, %u) does not exist", types[0], types[1]);
	return (Expr *) makeFuncExpr(ball, ball_type, list_make2(centre, radius),
								 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

static bool
IsPseudoConstant(SupportRequestIndexCondition *request, Node *node)
{
	return is_pseudo_constant_for_index(request->root, node, request->index);
}

/* The index condition for a call of hamnet_within and its kin, or NIL. */
static List *
DeriveIndexCondition(SupportRequestIndexCondition *request, Oid support)
{
	List	   *args;
	Node	   *indexed;
	Node	   *centre;
	Node	   *radius;
	Oid			operator;
	Oid			ball_type;

	if (!IsA(request->node, FuncExpr))
		return NIL;

	/* The first two arguments can be exchanged; the third is no fingerprint */
	args = ((FuncExpr *) request->node)->args;
	if (list_length(args) != 3 || request->indexarg > 1)
		return NIL;

	indexed = list_nth(args, request->indexarg);
	centre = list_nth(args, 1 - request->indexarg);
	radius = lthird(args);
	if (!IsPseudoConstant(request, centre) || !IsPseudoConstant(request, radius))
		return NIL;

	operator = FindBallOperator(request->opfamily, support, &ball_type);
	if (!OidIsValid(operator))
		return NIL;

	/*
	 * The operator also holds where the function is an error; then the
	 * function, as a filter beside others, decides whether it is one.
	 */
	request->lossy = true;

	return list_make1(make_opclause(operator, BOOLOID, false, (Expr *) indexed,
									MakeBallExpression(request->funcid, ball_type, centre, radius),
									InvalidOid, InvalidOid));
}

/*
 * Planner support of hamnet_within, hamnet_within_cosine and
 * hamnet_within_tanimoto. Each has an SQL function of its own here, by which
 * FindBallOperator tells the metrics apart.
 */
static Node *
SupportWithin(Node *request, Oid support)
{
	if (IsA(request, SupportRequestSelectivity))
	{
		((SupportRequestSelectivity *) request)->selectivity = WITHIN_SELECTIVITY;
		return request;
	}

	if (IsA(request, SupportRequestIndexCondition))
		return (Node *) DeriveIndexCondition((SupportRequestIndexCondition *) request, support);

	return NULL;
}

PG_FUNCTION_INFO_V1(hamnet_within_support);

/* hamnet_within_support(internal) → internal and others */
PGDLLEXPORT Datum
hamnet_within_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(SupportWithin((Node *) PG_GETARG_POINTER(0), fcinfo->flinfo->fn_oid));
}
