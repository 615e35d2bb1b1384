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
#define HN_CODE_MAX 64

/* Axes p_i have |p_i·p_j - (i == j)| below this. */
#define HN_CODE_SKEW 1e-12

/*
 * Share of |x - mean| by which computed values of F may be wrong. A dot product
 * of n terms in double precision is wrong by n 2^-53 of the product of lengths:
 * for n = 16,000, by 2e-12. With k = 64 axes and their skew, the coordinates
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
} HnCodeSpace;

/* What is stored of a vector, apart from who it is. */
typedef struct HnCode
{
	uint8_t		codes[HN_CODE_MAX];	/* coordinate j is low[j] + step[j] codes[j] */
	uint16_t	height;			/* distance to the box, a short float */
	uint16_t	error;			/* e, a short float; infinite: the code says nothing */
} HnCode;

/* A query against codes of one space. */
typedef struct HnCodeQuery
{
	bool		bounded;		/* false: it cannot be compared with codes, there are no bounds */
	int			coordinates;
	HnCodeTarget target;
	double		error;			/* of the target, to be added to e */
	double		length;			/* of the query */
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

/*
 * Fill space->values from a sample [n, dim], n >= 1, which is overwritten:
 * its mean, its principal axes, and an interval for each axis. Where dim is
 * less than k, the axes beyond are zero. Any finite sample will do, however
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

/* The limit with which the kernels keep every vector whose hn_metric_bound is at most value. */
extern HnCodeLimit hn_metric_limit(HnMetric metric, const HnCodeQuery *query, double value);

/* A candidate: what it may be worth at best, and who it is. */
typedef struct HnCandidate
{
	double		value;
	uint64_t	id;
} HnCandidate;

/*
 * The wanted least candidates, in the order of value and id, of those that
 * come after a given one. Room is for twice as many; whenever it is full, the
 * greater half is thrown away, so an addition takes constant time.
 */
typedef struct HnCandidates
{
	HnCandidate *items;			/* [2 * wanted] */
	int			wanted;
	int			count;
	HnCandidate after;			/* only candidates greater than this one are taken */
	HnCandidate last;			/* and only those below this one */
} HnCandidates;

/* Begin with none. */
extern void hn_candidates_begin(HnCandidates *candidates, HnCandidate *items, int wanted,
								HnCandidate after);

/* Sort, and keep the wanted ones. Returns true if any were thrown away. */
extern bool hn_candidates_finish(HnCandidates *candidates);

/* Codes that lie together, as they are stored. */
typedef struct HnCodeBlock
{
	int			count;
	HnCodeColumns columns;
	const uint8_t *rest;		/* [count, k - HN_CODE_LEAD], then 8 bytes that may be read */
	const uint8_t *ids;			/* [count, HN_CODE_ID_SIZE] */
} HnCodeBlock;

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

/* The most codes of a block: HN_CODE_BLOCK is a multiple of 8. */
#define HN_CODE_BLOCK 512

/*
 * Add to the candidates what a block holds, each with its hn_metric_bound. A
 * code with an infinite error, and every code if the query is not bounded,
 * counts as -infinity; one whose error is NaN is left out.
 */
extern void hn_code_search(const HnCodeBlock *block, const HnCodeQuery *query, HnMetric metric,
						   HnCandidates *candidates);

#endif
