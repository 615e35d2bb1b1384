/*
 * type/ball.h: a ball of fingerprints, the right operand of range search.
 *
 * An index condition has one operand, and a range has two: the centre and the
 * radius. hfp_ball packs them. The planner makes balls out of calls of
 * hamnet_within and its kin (type/within.c); nobody needs to write one.
 *
 * Index access methods take the operators <@->, <@=> and <@%> into their
 * families, one for each metric; fp <@-> ball means (fp <-> centre) <= radius,
 * to the last bit, ends included, or that they cannot be compared.
 */
#ifndef HAMNET_TYPE_BALL_H
#define HAMNET_TYPE_BALL_H

#include "type/hfp.h"

typedef struct HfpBall
{
	int32		vl_len_;		/* varlena header (do not touch directly!) */
	int32		version;		/* of the layout, always zero */
	double		radius;			/* never NaN; may be infinite, or negative for an empty ball */
	Hfp			centre;			/* a whole hfp, its own varlena header included */
} HfpBall;

#define HFP_BALL_SIZE(dim) (offsetof(HfpBall, centre) + HFP_SIZE(dim))

#define DatumGetHfpBall(d) ((HfpBall *) PG_DETOAST_DATUM(d))
#define PG_GETARG_HFP_BALL_P(n) DatumGetHfpBall(PG_GETARG_DATUM(n))

/* The ball of that centre and radius. Errors: a radius of NaN. */
extern HfpBall *MakeHfpBall(const Hfp *centre, double radius);

#endif
