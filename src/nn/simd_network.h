/*
 * simd_network.h: activations, gates and the rest of the network's arithmetic,
 * forward and back. Included by simd.c.
 */
#ifndef HAMNET_SIMD_NETWORK_H
#define HAMNET_SIMD_NETWORK_H

/* Comparisons are written so that NaN falls through to the branch that keeps it. */

static inline real
leaky_relu_one(real x)
{
	return x < 0 ? (real) 0.01 * x : x;
}

static inline real
relu_one(real x)
{
	return x < 0 ? 0 : x;
}

/* Define NAME, which applies NAME_one to every element of an array. */
#define ELEMENTWISE(name) \
	static void \
	name##_all(real *x, size_t n) \
	{ \
		for (size_t i = 0; i < n; i++) \
			x[i] = name##_one(x[i]); \
	}

ELEMENTWISE(sigmoid)
ELEMENTWISE(tanh)
ELEMENTWISE(elu)
ELEMENTWISE(leaky_relu)
ELEMENTWISE(relu)
ELEMENTWISE(exp)
ELEMENTWISE(softplus)
ELEMENTWISE(log1p)

static void
add_scaled(real *restrict x, real factor, const real *restrict y, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] += factor * y[i];
}

static void
add_leaky_relu(real *restrict out, const real *restrict a, const real *restrict b, size_t n)
{
	for (size_t k = 0; k < n; k++)
		out[k] = leaky_relu_one(a[k] + b[k]);
}

static void
gru_gates(int dim, real *restrict gates, const real *restrict recurrent,
		  const real *restrict state, real *restrict output)
{
	real	   *restrict r = gates;
	real	   *restrict z = gates + dim;
	real	   *restrict n = gates + 2 * (size_t) dim;

	for (int k = 0; k < dim; k++)
	{
		real		reset = sigmoid_one(r[k]);
		real		update = sigmoid_one(z[k]);
		real		candidate = tanh_one(n[k] + reset * recurrent[k]);

		r[k] = reset;
		z[k] = update;
		n[k] = candidate;
		output[k] = candidate + update * (state[k] - candidate);
	}
}

static void
lstm_gates(int hidden, real *restrict gates, const real *restrict previous,
		   real *restrict memory, real *restrict output)
{
	real	   *restrict i = gates;
	real	   *restrict f = gates + hidden;
	real	   *restrict g = gates + 2 * (size_t) hidden;
	real	   *restrict o = gates + 3 * (size_t) hidden;

	for (int k = 0; k < hidden; k++)
	{
		i[k] = sigmoid_one(i[k]);
		f[k] = sigmoid_one(f[k]);
		g[k] = tanh_one(g[k]);
		o[k] = sigmoid_one(o[k]);
		memory[k] = i[k] * g[k];
	}
	if (previous)
		for (int k = 0; k < hidden; k++)
			memory[k] += f[k] * previous[k];
	for (int k = 0; k < hidden; k++)
		output[k] = o[k] * tanh_one(memory[k]);
}

static void
pair_slopes(int n, const real *restrict gram, real own, const real *restrict other,
			real scale, const real *restrict weight, real *restrict out)
{
	for (int j = 0; j < n; j++)
	{
		real		v = own + other[j] - 2 * gram[j];
		real		s = softplus_one(v);

		out[j] = scale * weight[j] * (s - 2) * sigmoid_one(v) / (s * s * s);
	}
}

/* Derivatives by the value: ELU's, exp(x) below zero, is one more than its value there. */

static inline real
elu_back_one(real y)
{
	return y < 0 ? y + 1 : 1;
}

static inline real
leaky_relu_back_one(real y)
{
	return y < 0 ? (real) 0.01 : 1;
}

static inline real
relu_back_one(real y)
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
		real		v = own + other[j] - 2 * gram[j];
		real		t = 1 / softplus_one(v);
		real		sigma = sigmoid_one(v);
		real		factor = scale * weight[j] * t * t * sigma;
		real		first = factor * (1 - 2 * t);

		slope[j] = first;
		curve[j] = (factor * sigma * t * (6 * t - 2) + first * (1 - sigma));
	}
}

#endif
