/*
 * type/ball.c: the type hfp_ball and its operators.
 *
 * Text: <hfp,radius>, as in <[0.5,0,1.25],0.3>. A ball exists while a query
 * runs; the text is what EXPLAIN shows.
 */
#include "postgres.h"

#include <math.h>

#include "utils/builtins.h"
#include "utils/float.h"

#include "server/soft_error.h"
#include "type/ball.h"
#include "type/distance.h"

HfpBall *
MakeHfpBall(const Hfp *centre, double radius)
{
	HfpBall    *ball;

	if (isnan(radius))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("radius must not be NaN")));

	ball = palloc0(HFP_BALL_SIZE(centre->dim));
	SET_VARSIZE(ball, HFP_BALL_SIZE(centre->dim));
	ball->radius = radius;
	memcpy(&ball->centre, centre, HFP_SIZE(centre->dim));

	return ball;
}

PG_FUNCTION_INFO_V1(hfp_ball);

/* hfp_ball(centre hfp, radius double precision) → hfp_ball */
PGDLLEXPORT Datum
hfp_ball(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(MakeHfpBall(PG_GETARG_HFP_P(0), PG_GETARG_FLOAT8(1)));
}

PG_FUNCTION_INFO_V1(hfp_ball_in);

/* hfp_ball_in(cstring) → hfp_ball */
PGDLLEXPORT Datum
hfp_ball_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);
	char	   *comma = strrchr(text, ',');
	int			length = strlen(text);
	Hfp		   *centre;
	double		radius;

	if (text[0] != '<' || text[length - 1] != '>' || comma == NULL)
		ereturn(fcinfo->context, (Datum) 0,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type hfp_ball"),
				 errdetail("It must look like \"<[0.5,0,1.25],0.3>\".")));

	/* Of the parts, each input function reports its own errors */
	centre = DatumGetHfp(DirectFunctionCall3(hfp_in, CStringGetDatum(pnstrdup(text + 1, comma - text - 1)),
											 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	radius = DatumGetFloat8(DirectFunctionCall1(float8in,
												CStringGetDatum(pnstrdup(comma + 1, text + length - comma - 2))));

	PG_RETURN_POINTER(MakeHfpBall(centre, radius));
}

PG_FUNCTION_INFO_V1(hfp_ball_out);

/* hfp_ball_out(hfp_ball) → cstring */
PGDLLEXPORT Datum
hfp_ball_out(PG_FUNCTION_ARGS)
{
	HfpBall    *ball = PG_GETARG_HFP_BALL_P(0);
	char	   *centre = DatumGetCString(DirectFunctionCall1(hfp_out, PointerGetDatum(&ball->centre)));

	PG_RETURN_CSTRING(psprintf("<%s,%s>", centre, float8out_internal(ball->radius)));
}

/*
 * Call a distance on a fingerprint and a ball's centre, and compare it with the
 * radius. A fingerprint that cannot be compared with the centre counts as within:
 * the call of hamnet_within that the ball was made of decides about it, after
 * filters that may discard it.
 */
static bool
CallWithin(FunctionCallInfo fcinfo, double (*distance) (const Hfp *, const Hfp *))
{
	Hfp		   *h = PG_GETARG_HFP_P(0);
	HfpBall    *ball = PG_GETARG_HFP_BALL_P(1);
	bool		result = !HfpIsComparable(h, &ball->centre) || distance(h, &ball->centre) <= ball->radius;

	PG_FREE_IF_COPY(h, 0);
	PG_FREE_IF_COPY(ball, 1);
	return result;
}

PG_FUNCTION_INFO_V1(hfp_in_l2_ball);

/* hfp_in_l2_ball(hfp, hfp_ball) → boolean */
PGDLLEXPORT Datum
hfp_in_l2_ball(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CallWithin(fcinfo, HfpL2Distance));
}

PG_FUNCTION_INFO_V1(hfp_in_cosine_ball);

/* hfp_in_cosine_ball(hfp, hfp_ball) → boolean */
PGDLLEXPORT Datum
hfp_in_cosine_ball(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CallWithin(fcinfo, HfpCosineDistance));
}

PG_FUNCTION_INFO_V1(hfp_in_tanimoto_ball);

/* hfp_in_tanimoto_ball(hfp, hfp_ball) → boolean */
PGDLLEXPORT Datum
hfp_in_tanimoto_ball(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CallWithin(fcinfo, HfpTanimotoDistance));
}
