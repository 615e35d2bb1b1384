/*
 * kernels_naive.c: the kernels as their definitions, in double, for tests.
 */
#include "hamnet/kernels.h"

#include <math.h>
#include <string.h>

#include "activations_libm.h"

static inline double
leaky_relu_one(double x)
{
	return x < 0 ? 0.01 * x : x;
}

static inline double
relu_one(double x)
{
	return x < 0 ? 0 : x;
}

#define ELEMENTWISE(name) \
	static void \
	name##_all(real *x, size_t n) \
	{ \
		for (size_t i = 0; i < n; i++) \
			x[i] = (real) name##_one(x[i]); \
	}

ELEMENTWISE(sigmoid)
ELEMENTWISE(tanh)
ELEMENTWISE(elu)
ELEMENTWISE(leaky_relu)
ELEMENTWISE(relu)
ELEMENTWISE(exp)
ELEMENTWISE(softplus)

static void
squared_distances(const real *y, int n, int width, int i, real *out)
{
	for (int j = 0; j < n; j++)
	{
		double		sum = 0;

		for (int k = 0; k < width; k++)
		{
			double		difference = (double) y[(size_t) k * n + j] - y[(size_t) k * n + i];

			sum += difference * difference;
		}
		out[j] = (real) sum;
	}
}

static void
weighted_differences(const real *y, int n, int width, int i, const real *weight, real *out)
{
	for (int k = 0; k < width; k++)
	{
		double		sum = 0;

		for (int j = 0; j < n; j++)
			sum += weight[j] * ((double) y[(size_t) k * n + i] - y[(size_t) k * n + j]);
		out[k] = (real) sum;
	}
}

static double
l2_squared(const float *a, const float *b, size_t n)
{
	double		sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += ((double) a[i] - b[i]) * ((double) a[i] - b[i]);
	return sum;
}

static double
dot(const float *a, const float *b, size_t n)
{
	double		sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double) a[i] * b[i];
	return sum;
}

static void
dot3(const float *a, const float *b, size_t n, double out[3])
{
	out[0] = dot(a, b, n);
	out[1] = dot(a, a, n);
	out[2] = dot(b, b, n);
}

/* Derivatives by the value: ELU's, exp(x) below zero, is one more than its value there. */

static inline double
elu_back_one(double y)
{
	return y < 0 ? y + 1 : 1;
}

static inline double
leaky_relu_back_one(double y)
{
	return y < 0 ? (double) 0.01 : 1;
}

static inline double
relu_back_one(double y)
{
	return y > 0 ? 1 : 0;
}

/* Define NAME, which multiplies d by NAME_one of y, number by number. */
#define ELEMENTWISE_BACK(name) \
	static void \
	name##_all(const real *y, real *d, size_t n) \
	{ \
		for (size_t i = 0; i < n; i++) \
			d[i] *= (real) name##_one(y[i]); \
	}

ELEMENTWISE_BACK(elu_back)
ELEMENTWISE_BACK(leaky_relu_back)
ELEMENTWISE_BACK(relu_back)

static void
add_scaled(real *x, real factor, const real *y, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] = (real) (x[i] + (double) factor * y[i]);
}

static void
dropout(real *x, size_t n, uint64_t key, uint32_t threshold, real scale)
{
	uint32_t	low = (uint32_t) key;
	uint32_t	high = (uint32_t) (key >> 32);

	for (size_t i = 0; i < n; i++)
	{
		/* Wellons' lowbias32, entered with one half of the key and left with the other between its rounds. */
		uint32_t	h = (uint32_t) i + low;

		h = (h ^ h >> 16) * UINT32_C(0x7feb352d);
		h = ((h ^ h >> 15) + high) * UINT32_C(0x846ca68b);
		h ^= h >> 16;
		x[i] = h < threshold ? 0 : x[i] * scale;
	}
}

static void
pair_curvature(int n, const real *gram, real own, const real *other,
			   real scale, const real *weight, real *slope, real *curve)
{
	for (int j = 0; j < n; j++)
	{
		double		v = (double) own + other[j] - 2 * (double) gram[j];
		double		t = 1 / softplus_one(v);
		double		sigma = sigmoid_one(v);
		double		factor = (double) scale * weight[j] * t * t * sigma;
		double		first = factor * (1 - 2 * t);

		slope[j] = (real) first;
		curve[j] = (real) (factor * sigma * t * (6 * t - 2) + first * (1 - sigma));
	}
}

static double
short_to_double(uint16_t value)
{
	uint32_t	bits = (uint32_t) value << 16;
	float		result;

	memcpy(&result, &bits, sizeof(result));
	return result;
}

static float
code_sum(const uint8_t *codes, const float *step, const float *origin, int n)
{
	double		sum = 0;

	for (int j = 0; j < n; j++)
		sum += ((double) step[j] * codes[j] - origin[j]) * ((double) step[j] * codes[j] - origin[j]);
	return (float) sum;
}

static int
code_filter(const HnCodeColumns *columns, int n, const HnCodeTarget *target, HnCodeLimit limit,
			uint16_t *rows, float *sums)
{
	int			kept = 0;

	for (int i = 0; i < n; i++)
	{
		double		height = short_to_double(columns->height[i]) - target->height;
		double		norm = columns->norm ? columns->norm[i] : 0;
		double		square = limit.constant + limit.factor * norm * norm;
		double		most = short_to_double(columns->error[i]) + limit.slack + (square > 0 ? sqrt(square) : 0);
		uint8_t		codes[HN_CODE_LEAD];
		double		sum;

		for (int j = 0; j < HN_CODE_LEAD; j++)
			codes[j] = columns->lead[j * columns->stride + i];
		sum = code_sum(codes, target->step, target->origin, HN_CODE_LEAD) + height * height;
		if (sqrt(sum) > most)
			continue;
		rows[kept] = (uint16_t) i;
		sums[kept++] = (float) sum;
	}
	return kept;
}

const HnKernels hn_kernels_naive =
{
	.name = "naive",
	.sigmoid = sigmoid_all,
	.tanh = tanh_all,
	.elu = elu_all,
	.leaky_relu = leaky_relu_all,
	.relu = relu_all,
	.exp = exp_all,
	.softplus = softplus_all,
	.squared_distances = squared_distances,
	.weighted_differences = weighted_differences,
	.l2_squared = l2_squared,
	.dot = dot,
	.dot3 = dot3,
	.elu_back = elu_back_all,
	.leaky_relu_back = leaky_relu_back_all,
	.relu_back = relu_back_all,
	.add_scaled = add_scaled,
	.dropout = dropout,
	.pair_curvature = pair_curvature,
	.code_filter = code_filter,
	.code_sum = code_sum,
};
