/*
 * kernels_naive.c: the kernels as their definitions, in double, for tests.
 */
#include "hamnet/kernels.h"

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
};
