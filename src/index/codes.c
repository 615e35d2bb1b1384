/*
 * codes.c: encoding vectors, and bounding distances by their codes.
 *
 * The geometry is proven in codes.h. Here is what single precision adds to it.
 *
 * The kernels compute off_j = step_j c_j - origin_j for each coordinate and
 * height_x - height_q, and sum the squares: at most HN_CODE_MAX + 1 of them.
 * With u = 2^-24, the rounding of origin_j, of height_q and of the product
 * amounts to an absolute error of at most 2u of the largest origin, 255 step_j at most,
 * and of the height; the query's error covers that. All other roundings are
 * relative to an off_j or to the sum, at most HN_CODE_MAX + 4 of them: 1.6e-5,
 * or half of that after the root. SUM_ERROR is above it. Squares below 1e-38
 * lose precision or vanish; all of them together are below TINY squared.
 */
#include "hamnet/codes.h"

#include <cblas.h>

#include "hamnet/random.h"

#define SUM_ERROR 1e-5
#define TINY 1e-15

/*
 * The operators sum n products in single precision in blocks and lanes, at
 * most 24 roundings for each product: an error of 1.5e-6 of the sum of the
 * products' absolute values, which is at most |a| |b|. A quotient of such sums,
 * within [0, 2], has three times that error; these leave more than that.
 */
#define OPERATOR_RELATIVE 4e-6
#define OPERATOR_ABSOLUTE 2e-5

/* Intervals of eight bits end after so many standard deviations, or with the sample. */
#define INTERVAL 4.0

/* Those of four bits after one of so many, by which codes err least. */
static const double narrow_intervals[] = {2.2, 2.5, 2.8, 3.2, 3.6, 4};

#define NARROW_INTERVALS ((int) (sizeof(narrow_intervals) / sizeof(narrow_intervals[0])))

/* Coordinates of eight bits if HN_CODE_LEAD of them hold so much of the variance, or if there are few. */
#define STEEP_COORDINATES 96
#define STEEP_SHARE (2.0 / 3)

/* Subspace iteration: more directions than needed speed it up; so few passes
 * leave errors in the last axes, which cost no correctness. */
#define EXTRA_AXES 8
#define PASSES 6

/* LAPACK, by its Fortran names; matrices are stored by columns, and the lengths of strings come last. */
extern void dgeqrf_(const int *m, const int *n, double *a, const int *lda, double *tau,
					double *work, const int *lwork, int *info);
extern void dorgqr_(const int *m, const int *n, const int *k, double *a, const int *lda,
					const double *tau, double *work, const int *lwork, int *info);
extern void dsyev_(const char *jobz, const char *uplo, const int *n, double *a, const int *lda,
				   double *w, double *work, const int *lwork, int *info, size_t, size_t);

static inline double
square(double x)
{
	return x * x;
}

/* Make the rows of q [count, dim] orthonormal; count <= dim. */
static HnStatus
orthonormalise(HnContext *context, double *q, int count, int dim, double *tau, double *work, int lwork)
{
	int			info;

	/* Rows are columns to LAPACK. */
	dgeqrf_(&dim, &count, q, &dim, tau, work, &lwork, &info);
	if (info == 0)
		dorgqr_(&dim, &count, &count, q, &dim, tau, work, &lwork, &info);
	if (info != 0)
		return hn_fail(context, HN_INTERNAL, "LAPACK could not orthonormalise axes (%d)", info);
	return HN_OK;
}

/* Subtract the mean of each column of sample [n, dim]. */
static void
centre(double *sample, int n, int dim, double *mean)
{
	for (int j = 0; j < dim; j++)
		mean[j] = 0;
	for (int i = 0; i < n; i++)
		cblas_daxpy(dim, 1.0 / n, sample + (size_t) i * dim, 1, mean, 1);
	for (int i = 0; i < n; i++)
		cblas_daxpy(dim, -1.0, mean, 1, sample + (size_t) i * dim, 1);
}

/*
 * The leading principal axes q [count, dim] of a centred sample [n, dim], and
 * the share of the variance that the first HN_CODE_LEAD hold, by subspace
 * iteration, which needs no matrix of dim². projected is [n, count].
 */
static HnStatus
principal_axes(HnContext *context, const double *sample, int n, int dim, int count,
			   double *q, double *projected, double *share)
{
	int			passes = count < dim ? PASSES : 0;	/* of all dimensions, any basis will do */
	double		total = 0;
	double		lead = 0;
	int			lwork = 64 * (count > dim ? count : dim);
	double	   *work;
	double	   *tau;
	double	   *covariance;
	double	   *variances;
	double	   *rotated;
	uint64_t	random = 1;
	int			info;

	HN_NEW(context, work, lwork);
	HN_NEW(context, tau, count);
	HN_NEW(context, covariance, count * count);
	HN_NEW(context, variances, count);
	HN_NEW(context, rotated, (size_t) count * dim);

	/* Any start will do that is not orthogonal to an axis by design. */
	for (size_t i = 0; i < (size_t) count * dim; i++)
		q[i] = (double) hn_next_congruent(&random) * 0x1p-53 - 0.5;
	for (int pass = 0; pass <= passes; pass++)
	{
		if (hn_interrupted(context))
			return HN_INTERRUPTED;
		HN_TRY(orthonormalise(context, q, count, dim, tau, work, lwork));
		cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, count, dim,
					1, sample, dim, q, dim, 0, projected, count);
		if (pass < passes)
			cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, count, dim, n,
						1, projected, count, sample, dim, 0, q, dim);
	}

	/* Within the subspace, the axes are the eigenvectors of the covariance. */
	cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, count, count, n,
				1.0 / n, projected, count, projected, count, 0, covariance, count);
	dsyev_("V", "U", &count, covariance, &count, variances, work, &lwork, &info, 1, 1);
	if (info != 0)
		return hn_fail(context, HN_INTERNAL, "LAPACK could not compute eigenvectors (%d)", info);

	for (size_t i = 0; i < (size_t) n * dim; i++)
		total += square(sample[i]) / n;
	for (int i = 0; i < HN_CODE_LEAD && i < count; i++)
		lead += variances[count - 1 - i];
	*share = total > 0 ? lead / total : 1;

	/* They come as rows here, in ascending order. */
	cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, count, dim, count,
				1, covariance, count, q, dim, 0, rotated, dim);
	for (int i = 0; i < count; i++)
		memcpy(q + (size_t) i * dim, rotated + (size_t) (count - 1 - i) * dim, dim * sizeof(double));

	/* Once more, for the products left them orthonormal but for rounding errors. */
	return orthonormalise(context, q, count, dim, tau, work, lwork);
}

/* The mean square by which codes from low on err, values [n]. */
static double
error_of(const double *values, int n, double low, double step, int greatest)
{
	double		sum = 0;

	for (int i = 0; i < n; i++)
	{
		double		steps = rint((values[i] - low) / step);

		steps = steps < 0 ? 0 : steps > greatest ? greatest : steps;
		sum += square(values[i] - low - steps * step) / n;
	}
	return sum;
}

/* The interval of codes up to greatest, of values [n]. */
static void
fit_interval(const double *values, int n, int greatest, double *low, double *step)
{
	double		least = DBL_MAX;
	double		most = -DBL_MAX;
	double		variance = 0;
	double		least_error = DBL_MAX;
	bool		narrow = greatest < 255;

	for (int i = 0; i < n; i++)
	{
		least = values[i] < least ? values[i] : least;
		most = values[i] > most ? values[i] : most;
		variance += values[i] * values[i] / n;
	}
	*low = least;
	*step = 0;
	for (int i = 0; i < (narrow ? NARROW_INTERVALS : 1); i++)
	{
		double		reach = (narrow ? narrow_intervals[i] : INTERVAL) * sqrt(variance);
		double		from = least > -reach ? least : -reach;

		/* The kernels use the step in single precision, so it must be that. */
		float		by = (float) (((most < reach ? most : reach) - from) / greatest);
		double		error = narrow && by > 0 ? error_of(values, n, from, by, greatest) : 0;

		if (by > 0 && error < least_error)
		{
			least_error = error;
			*low = from;
			*step = by;
		}
	}
}

/* Choose the number of coordinates and their bits, unless that was done. */
static void
choose_coordinates(HnCodeSpace *space, double share)
{
	int			dim = (space->dim + HN_CODE_UNIT - 1) / HN_CODE_UNIT * HN_CODE_UNIT;

	space->flat = space->coordinates == 0 && share < STEEP_SHARE && dim > STEEP_COORDINATES;
	if (space->flat)
		space->coordinates = dim < HN_CODE_MAX ? dim : HN_CODE_MAX;
	else if (space->coordinates == 0)
		space->coordinates = STEEP_COORDINATES;
	space->lead = space->flat ? space->coordinates : HN_CODE_LEAD;
}

HnStatus
hn_code_space_fit(HnContext *context, double *sample, int n, HnCodeSpace *space)
{
	int			dim = space->dim;
	int			most = space->coordinates > 0 ? space->coordinates : HN_CODE_MAX;
	int			used = most < dim ? most : dim;
	int			count = used + EXTRA_AXES < dim ? used + EXTRA_AXES : dim;
	double	   *axes;
	double	   *q;
	double	   *projected;
	double	   *values;
	double		share = 1;
	int			k;

	HN_NEW(context, q, (size_t) count * dim);
	HN_NEW(context, projected, (size_t) n * (count > most ? count : most));
	HN_NEW(context, values, n);

	for (size_t i = 0; i < (size_t) n * dim; i++)
		if (!(fabs(sample[i]) <= HN_CODE_MAX_LENGTH))
			return hn_fail(context, HN_NOT_FINITE, "element %g of a sample is too large", sample[i]);

	centre(sample, n, dim, hn_code_mean(space));
	HN_TRY(principal_axes(context, sample, n, dim, count, q, projected, &share));
	choose_coordinates(space, share);
	k = space->coordinates;
	used = k < dim ? k : dim;
	axes = hn_code_axes(space);
	memset(axes, 0, (size_t) k * dim * sizeof(double));
	memcpy(axes, q, (size_t) used * dim * sizeof(double));
	if (!(hn_code_space_skew(space) <= HN_CODE_SKEW))
		return hn_fail(context, HN_INTERNAL, "axes are not orthonormal");

	cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, k, dim,
				1, sample, dim, axes, dim, 0, projected, k);
	for (int j = 0; j < k; j++)
	{
		cblas_dcopy(n, projected + j, k, values, 1);
		fit_interval(values, n, hn_code_greatest(space), &hn_code_low(space)[j], &hn_code_step(space)[j]);
	}
	return HN_OK;
}

double
hn_code_space_skew(const HnCodeSpace *space)
{
	const double *axes = hn_code_axes(space);
	int			dim = space->dim;
	double		skew = 0;

	for (int i = 0; i < space->coordinates; i++)
		for (int j = 0; j <= i; j++)
		{
			double		product = cblas_ddot(dim, axes + (size_t) i * dim, 1, axes + (size_t) j * dim, 1);
			double		off = fabs(product - (i == j && product != 0 ? 1 : 0));

			skew = off > skew || isnan(off) ? off : skew;
		}
	return skew;
}

/* Project x [n, dim] onto the axes: z [n, k]. x loses the mean. */
static void
project(const HnCodeSpace *space, double *x, int n, double *z)
{
	int			dim = space->dim;

	for (int i = 0; i < n; i++)
		cblas_daxpy(dim, -1.0, hn_code_mean(space), 1, x + (size_t) i * dim, 1);
	cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, space->coordinates, dim,
				1, x, dim, hn_code_axes(space), dim, 0, z, space->coordinates);
}

/* Heights of a vector over the box of all coordinates and over that of the leading ones, and its length. */
typedef struct Heights
{
	double		all;
	double		lead;
	double		length;
} Heights;

/*
 * Replace the projection z [k] of one centred x by the coordinates of p(x).
 * Returns false if x is too long or not finite.
 */
static bool
clip(const HnCodeSpace *space, const double *x, double *z, Heights *heights)
{
	double		squared = cblas_ddot(space->dim, x, 1, x, 1);
	double		rest = squared;
	double		clipped = 0;

	heights->length = sqrt(squared);
	if (!(heights->length <= HN_CODE_MAX_LENGTH))
		return false;
	for (int j = 0; j < space->coordinates; j++)
	{
		double		low = hn_code_low(space)[j];
		double		high = low + hn_code_greatest(space) * hn_code_step(space)[j];
		double		inside = z[j] < low ? low : z[j] > high ? high : z[j];

		rest -= z[j] * z[j];
		clipped += square(z[j] - inside);
		z[j] = inside;
		if (j == space->lead - 1)
			heights->lead = sqrt((rest > 0 ? rest : 0) + clipped);
	}
	heights->all = sqrt((rest > 0 ? rest : 0) + clipped);
	if (space->coordinates < space->lead)
		heights->lead = heights->all;
	return true;
}

/* The square of the distance of coordinates z to those of a code, the first of them. */
static double
off_code(const HnCodeSpace *space, const double *z, const HnCode *code, int count)
{
	double		sum = 0;

	for (int j = 0; j < count && j < space->coordinates; j++)
		sum += square(hn_code_low(space)[j] + hn_code_step(space)[j] * code->codes[j] - z[j]);
	return sum;
}

/* |F(x) - c| for a code c, where z and height are F(x). */
static double
distance_to_code(const HnCodeSpace *space, const double *z, double height, const HnCode *code)
{
	return sqrt(off_code(space, z, code, space->coordinates) + square(height - hn_short_to_float(code->height)));
}

static void
encode_one(const HnCodeSpace *space, const double *x, double *z, HnCode *code)
{
	Heights		heights;

	memset(code, 0, sizeof(*code));
	code->error = HN_SHORT_INFINITY;
	if (!clip(space, x, z, &heights))
		return;
	for (int j = 0; j < space->coordinates; j++)
	{
		double		step = hn_code_step(space)[j];
		double		steps = step > 0 ? rint((z[j] - hn_code_low(space)[j]) / step) : 0;

		code->codes[j] = (uint8_t) (steps < hn_code_greatest(space) ? steps : hn_code_greatest(space));
	}
	code->height = hn_short_below(heights.all);
	code->length = (float) heights.length;
	code->error = hn_short_above(distance_to_code(space, z, heights.all, code) + HN_CODE_ROUNDING * heights.length);
	code->lead_height = (float) heights.lead;
	code->lead_error = (float) sqrt(off_code(space, z, code, space->lead));
}

void
hn_code_encode(const HnCodeSpace *space, double *x, int n, double *scratch, HnCode *out)
{
	project(space, x, n, scratch);
	for (int i = 0; i < n; i++)
		encode_one(space, x + (size_t) i * space->dim, scratch + (size_t) i * space->coordinates, &out[i]);
}

void
hn_code_query(const HnCodeSpace *space, double *x, double length, double *scratch, HnCodeQuery *out)
{
	const double unit = 0x1p-24;
	Heights		heights;
	double		error = 0;

	memset(out, 0, sizeof(*out));
	project(space, x, 1, scratch);
	out->coordinates = space->coordinates;
	out->flat = space->flat;
	out->lead = space->lead;
	out->length = length;
	out->bounded = clip(space, x, scratch, &heights);
	if (!out->bounded)
		return;
	for (int j = 0; j < space->coordinates; j++)
	{
		double		step = hn_code_step(space)[j];

		out->target.step[j] = (float) step;
		out->target.origin[j] = (float) (scratch[j] - hn_code_low(space)[j]);
		error += square(2 * unit * 255 * step);
	}
	out->target.height = (float) heights.all;
	out->lead_height = heights.lead;
	error += square(2 * unit * heights.lead);
	out->error = sqrt(error) + HN_CODE_ROUNDING * heights.length + TINY;
}

double
hn_code_bound(const HnCodeQuery *query, double sum, float error)
{
	double		bound = sqrt(sum) * (1 - SUM_ERROR) - error - query->error;

	return bound > 0 ? bound : 0;
}

double
hn_code_shortfall(const HnCodeSpace *space, double *x, double *scratch, const HnCode *code)
{
	Heights		heights;
	float		error = hn_short_to_float(code->error);

	project(space, x, 1, scratch);
	if (isinf(error) || !clip(space, x, scratch, &heights))
		return isinf(error) ? 0 : INFINITY;
	return distance_to_code(space, scratch, heights.all, code) - error;
}

bool
hn_metric_needs_norm(HnMetric metric)
{
	return metric == HN_METRIC_INNER_PRODUCT || metric == HN_METRIC_TANIMOTO;
}

/*
 * With d = |q - x|, exactly:
 *
 *	cosine			d² / 2, for vectors of length 1
 *	inner product	(d² - |q|² - |x|²) / 2
 *	Tanimoto		q·x = (s - d²) / 2 with s = |q|² + |x|², so that
 *					1 - q·x / (s - q·x) = 1 - (s - d²) / (s + d²) = 2 d² / (s + d²)
 *
 * each of which grows with d and falls with |x|: a lower bound of d and an
 * upper bound of |x| give a lower bound. Zero vectors keep length 0 for
 * cosine; then d² / 2 is at most 1/2, below the 1 that the operator gives,
 * and 0 between two of them.
 */
double
hn_metric_bound(HnMetric metric, double length, double bound, double norm)
{
	double		squared = bound * bound;
	double		lengths = length * length + norm * norm;
	double		value = bound;

	switch (metric)
	{
		case HN_METRIC_L2:
			return bound * (1 - OPERATOR_RELATIVE);
		case HN_METRIC_INNER_PRODUCT:
			/* |q·x| is at most half of lengths */
			return (squared - lengths * (1 + OPERATOR_RELATIVE)) / 2;
		case HN_METRIC_COSINE:
			value = squared / 2 - OPERATOR_ABSOLUTE;
			break;
		case HN_METRIC_TANIMOTO:
			value = (squared > 0 ? 2 * squared / (lengths + squared) : 0) - OPERATOR_ABSOLUTE;
			break;
	}
	return value > 0 ? value : 0;
}

/* hn_metric_bound solved for the square of the bound: constant + factor norm². */
HnCodeLimit
hn_metric_limit(HnMetric metric, double length, double value)
{
	double		squared = length * length;
	HnCodeLimit limit = {0, 0};

	switch (metric)
	{
		case HN_METRIC_L2:
			limit.constant = value > 0 ? square(value * (1 + 2 * OPERATOR_RELATIVE)) : 0;
			break;
		case HN_METRIC_COSINE:
			limit.constant = 2 * (value + OPERATOR_ABSOLUTE);
			break;
		case HN_METRIC_INNER_PRODUCT:
			limit.constant = 2 * value + squared * (1 + OPERATOR_RELATIVE);
			limit.factor = 1 + OPERATOR_RELATIVE;
			break;
		case HN_METRIC_TANIMOTO:
			value += OPERATOR_ABSOLUTE;
			limit.factor = value < 2 ? value / (2 - value) : INFINITY;
			limit.constant = value < 2 ? limit.factor * squared : INFINITY;
			break;
	}
	return limit;
}
