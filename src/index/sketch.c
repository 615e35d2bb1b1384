/*
 * sketch.c: images of vectors for the keys of a search tree; see sketch.h.
 */
#include "hamnet/sketch.h"

#include <cblas.h>
#include <math.h>

/* Bits of a place on the curve. */
#define ORDER_BITS 32

/*
 * Squares below 1e-38 lose their precision, and may be rounded up to more than
 * they are, by 1e-45. A sum is worth something if that is nothing to it.
 */
#define LEAST_SUM 1e-30

/* What a cut at the median leaves of a normal distribution's standard deviation, roughly. */
#define SPREAD_AFTER_CUT 0.55

static inline double
square(double x)
{
	return x * x;
}

double
hn_norm(const float *x, int dim)
{
	double		sum = 0;

	for (int i = 0; i < dim; i++)
		sum += square(x[i]);
	return sqrt(sum);
}

int
hn_sketch_count(int wanted)
{
	int			count = (wanted + HN_SKETCH_UNIT - 1) / HN_SKETCH_UNIT * HN_SKETCH_UNIT;

	return count < HN_SKETCH_MAX ? count : HN_SKETCH_MAX;
}

/* Norms of blocks of x [dim], or its elements if they are no more than there is room for. */
static void
sketch_blocks(const HnSketcher *sketcher, const double *x, float *values)
{
	int			dim = sketcher->dim;
	int			count = sketcher->count;

	if (dim <= count)
	{
		for (int i = 0; i < dim; i++)
			values[i] = (float) x[i];
		return;
	}

	for (int b = 0; b < count; b++)
	{
		int			first = (int) ((int64_t) b * dim / count);
		int			end = (int) ((int64_t) (b + 1) * dim / count);

		values[b] = (float) cblas_dnrm2(end - first, x + first, 1);
	}
}

/* Coordinates along the axes, and the norm of the rest. x [dim] loses the mean. */
static void
sketch_axes(const HnSketcher *sketcher, double *x, float *values)
{
	int			dim = sketcher->dim;
	int			used = sketcher->count - 1;
	double		coordinates[HN_SKETCH_MAX];
	double		rest;

	cblas_daxpy(dim, -sketcher->scale, hn_code_mean(sketcher->axes), 1, x, 1);
	rest = cblas_ddot(dim, x, 1, x, 1);
	cblas_dgemv(CblasRowMajor, CblasNoTrans, used, dim, 1, hn_code_axes(sketcher->axes), dim,
				x, 1, 0, coordinates, 1);
	for (int i = 0; i < used; i++)
	{
		values[i] = (float) coordinates[i];
		rest -= square(coordinates[i]);
	}
	values[used] = rest > 0 ? (float) sqrt(rest) : 0;
}

bool
hn_sketch(const HnSketcher *sketcher, const float *x, double scale_x, double norm,
		  double *scratch, HnSketch *out)
{
	int			dim = sketcher->dim;

	memset(out, 0, sizeof(*out));
	out->reach = norm;
	if (sketcher->axes != NULL)
		out->reach += sketcher->scale * cblas_dnrm2(dim, hn_code_mean(sketcher->axes), 1);
	if (!(out->reach <= HN_SKETCH_MAX_NORM))
		return false;

	for (int i = 0; i < dim; i++)
		scratch[i] = scale_x * x[i];
	if (sketcher->axes != NULL)
		sketch_axes(sketcher, scratch, out->values);
	else
		sketch_blocks(sketcher, scratch, out->values);
	return true;
}

/* Stretch a number to (0, 1), about evenly if it is normally distributed with deviation 1. */
static inline double
even(double x)
{
	return 1 / (1 + exp(-1.7 * x));
}

/*
 * The numbers by which to sort, each about even in (0, 1), and how far each
 * of them spreads the data. Returns how many there are.
 */
static int
order_coordinates(const HnSketcher *sketcher, const HnSketch *sketch, double norm,
				  double *place, double *spread)
{
	int			count = sketcher->count;

	if (sketcher->axes != NULL)
	{
		/* The interval of an axis is about eight deviations wide */
		for (int i = 0; i < count - 1; i++)
		{
			spread[i] = hn_code_step(sketcher->axes)[i] * 255 / 8 * sketcher->scale;
			place[i] = spread[i] > 0 ? even(sketch->values[i] / spread[i]) : 0;
		}
		return count - 1;
	}

	/* The scale of the data is not known: elements as they are, norms of blocks against their mean */
	for (int i = 0; i < count; i++)
	{
		spread[i] = i < sketcher->dim ? 1 : 0;
		place[i] = sketcher->dim <= count ? even(sketch->values[i]) :
			norm > 0 ? even(2 * (sketch->values[i] * sqrt(count) / norm - 1)) : 0;
	}
	return count;
}

/*
 * Halve the most spread coordinate, again and again; the place is the
 * sequence of the halves. A half is written as a digit of a Gray code, so that
 * two neighbours on the curve differ in one coordinate only.
 */
uint32_t
hn_sketch_order(const HnSketcher *sketcher, const HnSketch *sketch, double norm)
{
	double		place[HN_SKETCH_MAX] = {0};
	double		spread[HN_SKETCH_MAX] = {0};
	int			count = order_coordinates(sketcher, sketch, norm, place, spread);
	uint32_t	order = 0;
	uint32_t	previous = 0;

	for (int bit = 0; bit < ORDER_BITS; bit++)
	{
		int			widest = 0;
		uint32_t	half;

		for (int i = 1; i < count; i++)
			widest = spread[i] > spread[widest] ? i : widest;
		spread[widest] *= SPREAD_AFTER_CUT;
		half = place[widest] >= 0.5;
		place[widest] = 2 * place[widest] - half;
		previous ^= half;
		order = order << 1 | previous;
	}
	return order;
}

double
hn_sketch_bound(const HnSketch *query, const int16_t *low, const int16_t *high, int count, double norm)
{
	float		sums[HN_SKETCH_UNIT] = {0};
	double		sum = 0;
	double		bound;

	/* One sum for each place in a unit, so that the compiler can keep them in a register */
	for (int i = 0; i < count; i += HN_SKETCH_UNIT)
		for (int j = 0; j < HN_SKETCH_UNIT; j++)
		{
			float		q = query->values[i + j];
			float		below = hn_code_floor(low[i + j]) - q;
			float		above = q - hn_code_ceiling(high[i + j]);
			float		outside = below > above ? below : above;

			outside = outside > 0 ? outside : 0;
			sums[j] += outside * outside;
		}
	for (int j = 0; j < HN_SKETCH_UNIT; j++)
		sum += sums[j];

	if (sum < LEAST_SUM)
		return 0;

	/*
	 * |m| is in reach, so norm + reach is at least |x| + |m| or |q| + |m|,
	 * whichever is greater, and twice that covers both sides.
	 */
	bound = sqrt(sum) * (1 - HN_SKETCH_ERROR) - 2 * HN_SKETCH_ERROR * (norm + query->reach);
	return bound > 0 ? bound : 0;
}

double
hn_box_diagonal(const int16_t *low, const int16_t *high, int count)
{
	return hn_box_joint_diagonal(low, high, low, high, count);
}

double
hn_box_joint_diagonal(const int16_t *low_a, const int16_t *high_a,
					  const int16_t *low_b, const int16_t *high_b, int count)
{
	float		sums[HN_SKETCH_UNIT] = {0};
	double		sum = 0;

	for (int i = 0; i < count; i += HN_SKETCH_UNIT)
		for (int j = 0; j < HN_SKETCH_UNIT; j++)
		{
			int16_t		low = low_a[i + j] < low_b[i + j] ? low_a[i + j] : low_b[i + j];
			int16_t		high = high_a[i + j] > high_b[i + j] ? high_a[i + j] : high_b[i + j];
			float		side = hn_code_ceiling(high) - hn_code_floor(low);

			sums[j] += side * side;
		}
	for (int j = 0; j < HN_SKETCH_UNIT; j++)
		sum += sums[j];
	return sum;
}
