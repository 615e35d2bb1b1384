/*
 * type/hfp.h: the fingerprint type.
 *
 * A value is a varlena with a header of eight bytes and its elements:
 *
 *	bytes 0-3	varlena length
 *	bytes 4-5	dimensions, 1 to HFP_MAX_DIM
 *	bytes 6-7	layout version, always zero
 *	bytes 8-11	first 32 bits of the model's SHA-256, 0 = unknown
 *	bytes 12-	one float4 a dimension
 *
 * Elements are finite and never -0, so two values are equal exactly if their
 * bytes are. Everything that makes a value ends in FinishHfp to keep that so.
 */
#ifndef HAMNET_TYPE_HFP_H
#define HAMNET_TYPE_HFP_H

#include "fmgr.h"
#include "nodes/nodes.h"
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/*
 * Every hfp can be cast to pgvector's vector, so the limit is vector's. It
 * also keeps a value (64 kB) and its text (256 kB) far from the limits of
 * palloc.
 */
#define HFP_MAX_DIM 16000

#define HFP_UNKNOWN_MODEL 0

typedef struct Hfp
{
	int32		vl_len_;		/* varlena header (do not touch directly!) */
	uint16		dim;			/* number of dimensions */
	uint16		version;		/* of the layout, always zero */
	uint32		model;			/* first 32 bits of the SHA-256, or HFP_UNKNOWN_MODEL */
	float		x[FLEXIBLE_ARRAY_MEMBER];
} Hfp;

/* No overflow: dim is at most HFP_MAX_DIM wherever this is used. */
#define HFP_SIZE(dim) (offsetof(Hfp, x) + sizeof(float) * (dim))

#define DatumGetHfp(d) ((Hfp *) PG_DETOAST_DATUM(d))
#define PG_GETARG_HFP_P(n) DatumGetHfp(PG_GETARG_DATUM(n))
#define PG_RETURN_HFP_P(h) PG_RETURN_POINTER(h)

/* A fingerprint of zeros. dim has passed CheckHfpDim. */
extern Hfp *InitHfp(int dim, uint32 model);

/*
 * A fingerprint with a copy of x[0..dim-1]. Errors: see CheckHfpDim and
 * FinishHfp.
 */
extern Hfp *MakeHfp(const float *x, int dim, uint32 model);

/*
 * Ensure 1 <= dim <= HFP_MAX_DIM, and dim = typmod unless that is -1. False,
 * after a soft error, if escontext asks for soft errors; else ereport.
 */
extern bool CheckHfpDim(int dim, int32 typmod, Node *escontext);

/* Text input and output, for types that contain a fingerprint. */
extern PGDLLEXPORT Datum hfp_in(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum hfp_out(PG_FUNCTION_ARGS);

/* Ensure finite elements, and turn each -0 into 0. Errors as in CheckHfpDim. */
extern bool FinishHfp(Hfp *h, Node *escontext);

#endif
