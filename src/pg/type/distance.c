/*
 * type/distance.c: distances between fingerprints, over the core's kernels.
 *
 * The kernels sum blocks in single precision. Squares of elements beyond
 * about 1e19 overflow there and squares below about 1e-19 vanish. Network
 * outputs are never so large or small, but a user's array may be, so a sum
 * outside the range where the kernel can be trusted is computed again in
 * double precision, whose range holds any sum of HFP_MAX_DIM squares of
 * floats: 2e-90 to 2e81.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "type/distance.h"

#include "hamnet/simd.h"

/*
 * Products that vanish in single precision are each below FLT_MIN (1.2e-38),
 * so all of them together are below 2e-34: not even a rounding error of
 * a double at this size, had the other products been exact.
 */
#define TRUSTED_SUM 1e-17

bool
HfpIsComparable(const Hfp *a, const Hfp *b)
{
	return a->dim == b->dim &&
		(a->model == b->model || a->model == HFP_UNKNOWN_MODEL || b->model == HFP_UNKNOWN_MODEL);
}

void
CheckHfpComparable(const Hfp *a, const Hfp *b)
{
	if (unlikely(a->dim != b->dim))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("different hfp dimensions %d and %d", a->dim, b->dim)));

	if (unlikely(!HfpIsComparable(a, b)))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("fingerprints of different models %08x and %08x cannot be compared",
						a->model, b->model),
				 errhint("Recompute one of them with the model of the other.")));
}

/* True if a kernel's sum neither overflowed (NaN included) nor may have lost what counts. */
static inline bool
IsTrusted(double sum)
{
	return fabs(sum) >= TRUSTED_SUM && fabs(sum) <= DBL_MAX;
}

static double
WideL2Squared(const float *a, const float *b, int n)
{
	double		sum = 0;

	for (int i = 0; i < n; i++)
	{
		double		difference = (double) a[i] - b[i];

		sum += difference * difference;
	}

	return sum;
}

static double
WideDot(const float *a, const float *b, int n)
{
	double		sum = 0;

	for (int i = 0; i < n; i++)
		sum += (double) a[i] * b[i];

	return sum;
}

static double
Dot(const Hfp *a, const Hfp *b)
{
	double		sum = hn_simd()->dot(a->x, b->x, a->dim);

	return likely(IsTrusted(sum)) ? sum : WideDot(a->x, b->x, a->dim);
}

/* out = a·b, a·a, b·b, all computed the same way so that equal vectors give equal sums. */
static void
Dot3(const Hfp *a, const Hfp *b, double out[3])
{
	hn_simd()->dot3(a->x, b->x, a->dim, out);

	/* |a·b| <= |a| |b|, so it can be small only if they are orthogonal, where 0 is right */
	if (unlikely(!(IsTrusted(out[1]) && IsTrusted(out[2]) && fabs(out[0]) <= DBL_MAX)))
	{
		out[0] = WideDot(a->x, b->x, a->dim);
		out[1] = WideDot(a->x, a->x, a->dim);
		out[2] = WideDot(b->x, b->x, a->dim);
	}
}

double
HfpL2Distance(const Hfp *a, const Hfp *b)
{
	double		sum;

	CheckHfpComparable(a, b);

	sum = hn_simd()->l2_squared(a->x, b->x, a->dim);
	if (unlikely(!IsTrusted(sum)))
		sum = WideL2Squared(a->x, b->x, a->dim);

	return sqrt(sum);
}

double
HfpInnerProduct(const Hfp *a, const Hfp *b)
{
	CheckHfpComparable(a, b);

	return Dot(a, b);
}

double
HfpNegativeInnerProduct(const Hfp *a, const Hfp *b)
{
	/* A subtraction, for 0 - 0 is 0 where -(0) is -0 */
	return 0.0 - HfpInnerProduct(a, b);
}

double
HfpCosineDistance(const Hfp *a, const Hfp *b)
{
	double		dot[3];
	double		similarity;

	CheckHfpComparable(a, b);

	Dot3(a, b, dot);
	if (dot[1] == 0 || dot[2] == 0)
		return dot[1] == dot[2] ? 0 : 1;

	/* One root of the product: for equal vectors it is exact, sqrt(s * s) = s */
	similarity = dot[0] / sqrt(dot[1] * dot[2]);

	/* Keep rounding errors within the range */
	return 1 - Max(-1, Min(1, similarity));
}

double
HfpTanimotoDistance(const Hfp *a, const Hfp *b)
{
	double		dot[3];
	double		similarity;

	CheckHfpComparable(a, b);

	Dot3(a, b, dot);
	if (dot[1] == 0 && dot[2] == 0)
		return 0;

	/* The denominator is at least (|a|² + |b|²) / 2 > 0, as 2 a·b <= |a|² + |b|² */
	similarity = dot[0] / (dot[1] + dot[2] - dot[0]);

	/* Keep rounding errors within the range */
	return 1 - Max(-1.0 / 3, Min(1, similarity));
}

double
HfpNorm(const Hfp *a)
{
	return sqrt(Dot(a, a));
}
