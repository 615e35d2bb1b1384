/*
 * sketch.h: short images of vectors that never enlarge a distance, and boxes
 * around them: the arithmetic of a search tree's keys.
 *
 * A sketch F maps a vector to n numbers such that, for all x and y,
 *
 *	|F(x) - F(y)| <= |x - y|										(1)
 *
 * Two kinds of them:
 *
 * Blocks. Cut the elements into n blocks; F holds the norm of each. (1) holds
 * block by block, because ||a| - |b|| <= |a - b|. A block of one element
 * keeps the element itself, sign and all. Needs no knowledge of the data.
 *
 * Axes. With n - 1 orthonormal axes and a mean m, F holds the coordinates of
 * x - m along the axes, then the norm of what is left of x - m. The coordinates
 * of x - y are differences of coordinates; what is left of x and y are vectors
 * orthogonal to the axes, whose norms differ by no more than they do; and
 * Pythagoras adds the two up. Axes along which the data varies most make the
 * image as long as it can be.
 *
 * Codes. A number is kept as the upper half of its float, rounded down: code
 * c stands for the interval [hn_code_floor(c), hn_code_ceiling(c)], which holds
 * the number. Codes are ordered as their numbers are. No scale has to be
 * chosen, and the union of boxes of codes is exact.
 *
 * Bound. For a box of codes that holds F(x), and any query q,
 *
 *	|q - x| >= |F(q) - F(x)| >= distance of F(q) to the box			(2)
 *
 * Rounding. F is computed in double precision from vectors of at most
 * HN_SKETCH_MAX_NORM. A coordinate is wrong by at most dim 2^-53 |x - m|; the
 * square of the norm of what is left, a difference, by less than 1e-10 |x - m|²,
 * so that norm by 1e-5 |x - m|. Rounding to float adds 2^-24 |F_j|. All
 * of F is therefore within HN_SKETCH_ERROR |x - m| of the truth, with |x - m|
 * <= |x| + |m|. hn_sketch_bound subtracts this for both sides from (2), and a
 * share HN_SKETCH_ERROR of the sum itself for its own arithmetic.
 */
#ifndef HAMNET_SKETCH_H
#define HAMNET_SKETCH_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "hamnet/codes.h"

/* Sketches have a multiple of HN_SKETCH_UNIT numbers, at most HN_SKETCH_MAX; those without a meaning are 0. */
#define HN_SKETCH_UNIT 8
#define HN_SKETCH_MAX 64

#define HN_SKETCH_ERROR 2e-5

/* Beyond, squares come too near to the largest float. */
#define HN_SKETCH_MAX_NORM 1e15

/* How to sketch vectors of one dimension. */
typedef struct HnSketcher
{
	int			count;			/* n */
	int			dim;
	const HnCodeSpace *axes;	/* of the same dim, at least n - 1 of them; NULL: blocks */
	double		scale;			/* of the mean: 1, or for vectors of length 1, 1 / |mean| */
} HnSketcher;

typedef struct HnSketch
{
	float		values[HN_SKETCH_MAX];
	double		reach;			/* |x| + |m|, by which errors are measured */
} HnSketch;

/* A number that is not below any with a smaller code, and not above any with a greater. */
static inline float
hn_code_to_float(int32_t ordered)
{
	int32_t		bits = ordered ^ ((ordered >> 31) & INT32_MAX);
	float		value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* The least float with that code. */
static inline float
hn_code_floor(int16_t code)
{
	return hn_code_to_float((int32_t) ((uint32_t) (uint16_t) code << 16));
}

/* The greatest float with that code. */
static inline float
hn_code_ceiling(int16_t code)
{
	return hn_code_to_float((int32_t) ((uint32_t) (uint16_t) code << 16 | 0xFFFF));
}

/* The code of a finite float. */
static inline int16_t
hn_code_of(float value)
{
	int32_t		bits;

	memcpy(&bits, &value, sizeof(bits));
	return (int16_t) ((bits ^ ((bits >> 31) & INT32_MAX)) >> 16);
}

/* |x|, in double precision. */
extern double hn_norm(const float *x, int dim);

/* Numbers in a sketch for which that many are wanted: rounded up to whole units. */
extern int	hn_sketch_count(int wanted);

/*
 * Sketch scale_x x [dim]; scratch has dim elements. norm is |scale_x x|. False
 * if that is beyond HN_SKETCH_MAX_NORM: there is no sketch.
 */
extern bool hn_sketch(const HnSketcher *sketcher, const float *x, double scale_x, double norm,
					  double *scratch, HnSketch *out);

/*
 * A place of a sketch on a curve that stays near itself: sketches with
 * neighbouring numbers are mostly near each other. For sorting only.
 */
extern uint32_t hn_sketch_order(const HnSketcher *sketcher, const HnSketch *sketch, double norm);

/*
 * A lower bound of |q - x| for every x whose codes are within low[i]..high[i]
 * and whose |x| is at most norm. count is a multiple of HN_SKETCH_UNIT.
 */
extern double hn_sketch_bound(const HnSketch *query, const int16_t *low, const int16_t *high, int count,
							  double norm);

/* The square of the diagonal of a box; and of the box of two boxes. */
extern double hn_box_diagonal(const int16_t *low, const int16_t *high, int count);
extern double hn_box_joint_diagonal(const int16_t *low_a, const int16_t *high_a,
									const int16_t *low_b, const int16_t *high_b, int count);

#endif
