/*
 * codes.h: compact codes of vectors, and lower bounds of distances to them.
 *
 * A code space is a mean, k orthonormal axes, and for each axis an interval;
 * together a box C of k dimensions that lies in the space of the vectors, and
 * so a closed convex set. Let p(x) be the point of C that is nearest to x:
 * project x onto the axes, then clip each coordinate to its interval. A code
 * holds p(x) with eight bits a coordinate, the distance |x - p(x)| to the box,
 * and how far all this is from the truth.
 *
 * The bound. Projection onto a closed convex set is firmly non-expansive:
 *
 *	|p(x) - p(y)|² + |(x - p(x)) - (y - p(y))|² <= |x - y|²
 *
 * and the second term is at least (|x - p(x)| - |y - p(y)|)². So the map
 *
 *	F(x) = (coordinates of p(x), |x - p(x)|)		into k + 1 dimensions
 *
 * never enlarges a distance. A code decodes to a point c near F(x), and keeps
 * e >= |F(x) - c|. The triangle inequality gives, for every query q,
 *
 *	|q - x| >= |F(q) - F(x)| >= |F(q) - c| - e
 *
 * This holds for every x and q: inside or outside of the box, from the data
 * that the axes were fitted to or from any other. How the axes and intervals
 * were chosen changes how tight the bound is, never whether it holds.
 *
 * Rounding. F is computed in double precision, with axes that are orthonormal
 * within HN_CODE_SKEW; what can go wrong is below HN_CODE_ROUNDING |x|, which
 * e includes. Sums over codes are computed in single precision; see codes.c.
 */
#ifndef HAMNET_CODES_H
#define HAMNET_CODES_H

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "hamnet/context.h"
#include "hamnet/simd.h"

/* Coordinates come in multiples of this, and there are at most HN_CODE_MAX. */
#define HN_CODE_UNIT 8
#define HN_CODE_MAX 256

/* The most coordinates that may be asked for, each of eight bits. */
#define HN_CODE_MAX_WIDE 128

/* The leading coordinates, of which coarse codes are made, unless it is all of them: see cells.h. */
#define HN_CODE_LEAD 32

/* Axes p_i have |p_i·p_j - (i == j)| below this. */
#define HN_CODE_SKEW 1e-12

/*
 * Share of |x - mean| by which computed values of F may be wrong. A dot product
 * of n terms in double precision is wrong by n 2^-53 of the product of lengths:
 * for n = 16,000, by 2e-12. With k = 128 axes and their skew, the coordinates
 * together are wrong by less than 1e-10 of the length, and so is the square
 * of the distance to the box, as a share of the square of the length, of
 * which it is what is left; its root may be wrong by 1e-5.
 */
#define HN_CODE_ROUNDING 1e-5

/* A vector longer than this, or not finite, is not encoded. */
#define HN_CODE_MAX_LENGTH 1e15

typedef struct HnCodeSpace
{
	int			dim;			/* of the vectors */
	int			coordinates;	/* k, a multiple of HN_CODE_UNIT */
	double	   *values;			/* mean [dim], low [k], step [k], axes [k, dim] */
	bool		flat;			/* codes of coordinates have four bits, not eight */
	int			lead;			/* coordinates with cells: HN_CODE_LEAD, which may be more than k, or k if flat */
} HnCodeSpace;

/* What is stored of a vector, apart from who it is. */
typedef struct HnCode
{
	uint8_t		codes[HN_CODE_MAX];	/* coordinate j is low[j] + step[j] codes[j] */
	uint16_t	height;			/* distance to the box, a short float */
	uint16_t	error;			/* e, a short float; infinite: the code says nothing */

	/* For cells, and not stored with the code */
	float		lead_height;	/* distance to the box of the leading coordinates alone */
	float		lead_error;		/* at least that of the leading coordinates alone, but for rounding */
	float		length;			/* |x - mean| */
} HnCode;

/* The query among the codes: coordinate j of code c is off by step[j] c - origin[j]. */
typedef struct HnCodeTarget
{
	float		step[HN_CODE_MAX];
	float		origin[HN_CODE_MAX];
	float		height;
} HnCodeTarget;

/* A query against codes of one space. */
typedef struct HnCodeQuery
{
	bool		bounded;		/* false: it cannot be compared with codes, there are no bounds */
	int			coordinates;
	bool		flat;
	int			lead;
	HnCodeTarget target;
	double		error;			/* of the target, to be added to e */
	double		length;			/* of the query */
	double		lead_height;	/* as in HnCode */
} HnCodeQuery;

/* Distances for which codes serve; vectors for cosine are scaled to length 1 first. */
typedef enum HnMetric
{
	HN_METRIC_L2,				/* |q - x| */
	HN_METRIC_COSINE,			/* 1 - q·x / (|q| |x|) */
	HN_METRIC_INNER_PRODUCT,	/* -q·x */
	HN_METRIC_TANIMOTO			/* 1 - q·x / (|q|² + |x|² - q·x) */
} HnMetric;

/*
 * A short float is the upper half of a float: eight bits of precision, all of
 * the range. Infinity and NaN are themselves.
 */
static inline float
hn_short_to_float(uint16_t value)
{
	uint32_t	bits = (uint32_t) value << 16;
	float		result;

	memcpy(&result, &bits, sizeof(result));
	return result;
}

/* The largest short float <= value, for value >= 0. */
static inline uint16_t
hn_short_below(double value)
{
	float		nearest = value > FLT_MAX ? FLT_MAX : (float) value;
	uint32_t	bits;

	if (nearest > value)
		nearest = nextafterf(nearest, 0);
	memcpy(&bits, &nearest, sizeof(bits));
	return (uint16_t) (bits >> 16);
}

/* The smallest short float >= value, for value >= 0. */
static inline uint16_t
hn_short_above(double value)
{
	uint16_t	below = hn_short_below(value);

	return hn_short_to_float(below) >= value ? below : (uint16_t) (below + 1);
}

#define HN_SHORT_INFINITY 0x7F80
#define HN_SHORT_NAN 0x7FC0

/* Number of doubles behind values. No overflow: both have passed their limits. */
static inline size_t
hn_code_space_values(int dim, int coordinates)
{
	return (size_t) dim + 2 * (size_t) coordinates + (size_t) dim * coordinates;
}

static inline double *
hn_code_mean(const HnCodeSpace *space)
{
	return space->values;
}

static inline double *
hn_code_low(const HnCodeSpace *space)
{
	return space->values + space->dim;
}

static inline double *
hn_code_step(const HnCodeSpace *space)
{
	return hn_code_low(space) + space->coordinates;
}

static inline double *
hn_code_axes(const HnCodeSpace *space)
{
	return hn_code_step(space) + space->coordinates;
}

/* The greatest code of a coordinate. */
static inline int
hn_code_greatest(const HnCodeSpace *space)
{
	return space->flat ? 15 : 255;
}

/*
 * Fill space from a sample [n, dim], n >= 1, which is overwritten: its mean, its
 * principal axes, and an interval for each axis. k coordinates have eight bits
 * each; or, if k is 0, it is chosen by the variances: where few axes hold most
 * of it, 96 of eight bits are best; else as many of four bits as there are, up
 * to HN_CODE_MAX. values has room for k, or for HN_CODE_MAX. Where dim is less
 * than k, the axes beyond are zero. Any finite sample will do, however
 * degenerate. Errors: HN_NOT_FINITE, HN_OUT_OF_MEMORY, HN_INTERRUPTED.
 */
extern HnStatus hn_code_space_fit(HnContext *context, double *sample, int n, HnCodeSpace *space);

/* The largest |p_i·p_j - (i == j)| over all axes but those that are zero. */
extern double hn_code_space_skew(const HnCodeSpace *space);

/*
 * Encode x [n, dim], which is overwritten. scratch has n * k elements. A
 * vector that is too long or not finite gets an infinite error.
 */
extern void hn_code_encode(const HnCodeSpace *space, double *x, int n, double *scratch, HnCode *out);

/*
 * Prepare a query x [dim], which is overwritten. scratch has k elements. One
 * that is too long or not finite is not bounded. length is the query's own,
 * before anything was done to it.
 */
extern void hn_code_query(const HnCodeSpace *space, double *x, double length, double *scratch,
						  HnCodeQuery *out);

/*
 * A lower bound of |q - x|, from the sum over all coordinates and the height as
 * the kernels compute it, and the code's error.
 */
extern double hn_code_bound(const HnCodeQuery *query, double sum, float error);

/*
 * How much the distance from F(x) to what the code decodes to exceeds the code's
 * error: at most 0 for a sound code, and infinite for one of a vector that
 * cannot have any. x and scratch as for hn_code_encode.
 */
extern double hn_code_shortfall(const HnCodeSpace *space, double *x, double *scratch, const HnCode *code);

/*
 * A lower bound of what the operators compute, in floating point, for a query
 * of the given length and a vector of at most the given norm whose distance is
 * at least bound. For HN_METRIC_COSINE, bound is between vectors of length 1.
 */
extern double hn_metric_bound(HnMetric metric, double length, double bound, double norm);

/* True if the metric's bound needs the norms of the vectors. */
extern bool hn_metric_needs_norm(HnMetric metric);

/*
 * What hn_metric_bound is at most value for: vectors whose distance bound is at
 * most sqrt(constant + factor norm²), where a negative sum counts as 0.
 */
typedef struct HnCodeLimit
{
	double		constant;
	double		factor;
} HnCodeLimit;

extern HnCodeLimit hn_metric_limit(HnMetric metric, double length, double value);

/* A candidate: what it may be worth at best, and who it is. */
typedef struct HnCandidate
{
	double		value;
	uint64_t	id;
} HnCandidate;

/*
 * The least candidates, in the order of value and id, of those that come after
 * a given one. Room is for twice as many as are wanted; whenever it is full,
 * the greater half is thrown away, so an addition takes constant time.
 *
 * With estimates of the exact values, candidates are also limited to those
 * that may be among the `nearest` least exact ones: whatever the estimates
 * are, all candidates up to `last` have been collected.
 */
typedef struct HnCandidates
{
	HnCandidate *items;			/* [2 * wanted] */
	int			wanted;
	int			count;
	HnCandidate after;			/* only candidates greater than this one are taken */
	HnCandidate last;			/* and only those up to this one */
	HnCandidate limit;			/* what last began with */
	double	   *estimates;		/* [nearest] the least, as a heap, or NULL */
	int			nearest;
	int			estimated;		/* of them known */
} HnCandidates;

/* Begin with none, of those after one and with a value of at most limit. */
extern void hn_candidates_begin(HnCandidates *candidates, HnCandidate *items, int wanted,
								HnCandidate after, double limit);

/* Limit them by the least estimates, as many as nearest, which have room at estimates. */
extern void hn_candidates_estimate(HnCandidates *candidates, double *estimates, int nearest);

/* Sort, and keep those up to last. Returns true if there may be more, which come after last. */
extern bool hn_candidates_finish(HnCandidates *candidates);

/* Take note of an estimate of an exact value. */
extern void hn_candidates_add_estimate(HnCandidates *candidates, double estimate);

/* Add one, unless it is out of bounds. */
extern void hn_candidates_add(HnCandidates *candidates, double value, uint64_t id);

/*
 * An id as three numbers of 16 bits in the machine's order: how PostgreSQL
 * stores tuple identifiers. Their order is that of the table's blocks.
 */
#define HN_CODE_ID_SIZE 6

static inline uint64_t
hn_code_id(const uint8_t *stored)
{
	uint16_t	parts[3];

	memcpy(parts, stored, sizeof(parts));
	return (uint64_t) parts[0] << 32 | (uint64_t) parts[1] << 16 | parts[2];
}

#endif
