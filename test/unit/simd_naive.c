/*
 * simd_naive.c: the functions of HnSimd written as their definitions, in double.
 */
#include "simd_naive.h"

#include <math.h>
#include <string.h>

#include "../../src/nn/activations_libm.h"

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
product(int rows, int outs, int ins, const real *x, size_t ldx, const real *panels,
		const real *start, size_t ldstart, real *out, size_t ldout)
{
	for (int i = 0; i < rows; i++)
		for (int o = 0; o < outs; o++)
		{
			const real *panel = panels + (size_t) (o - o % HN_PANEL) * ins;
			double		sum = start ? start[i * ldstart + o] : 0;

			for (int k = 0; k < ins; k++)
				sum += (double) x[i * ldx + k] * panel[(size_t) k * HN_PANEL + o % HN_PANEL];
			out[i * ldout + o] = (real) sum;
		}
}

static void
row_dots(int rows, int n, const real *x, size_t ldx, const real *w, real *out)
{
	for (int i = 0; i < rows; i++)
	{
		double		sum = 0;

		for (int k = 0; k < n; k++)
			sum += (double) x[i * ldx + k] * w[k];
		out[i] = (real) sum;
	}
}

static void
add_scaled(real *x, real factor, const real *y, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] = (real) (x[i] + (double) factor * y[i]);
}

static void
add_leaky_relu(real *out, const real *a, const real *b, size_t n)
{
	for (size_t k = 0; k < n; k++)
		out[k] = (real) leaky_relu_one((double) a[k] + b[k]);
}

static void
gru_gates(int dim, real *gates, const real *recurrent, const real *state, real *output)
{
	for (int k = 0; k < dim; k++)
	{
		double		r = sigmoid_one(gates[k]);
		double		z = sigmoid_one(gates[dim + k]);
		double		n = tanh(gates[2 * dim + k] + r * recurrent[k]);

		output[k] = (real) ((1 - z) * n + z * state[k]);
		gates[k] = (real) r;
		gates[dim + k] = (real) z;
		gates[2 * dim + k] = (real) n;
	}
}

static void
lstm_gates(int hidden, real *gates, const real *previous, real *memory, real *output)
{
	for (int k = 0; k < hidden; k++)
	{
		double		i = sigmoid_one(gates[k]);
		double		f = sigmoid_one(gates[hidden + k]);
		double		g = tanh(gates[2 * hidden + k]);
		double		o = sigmoid_one(gates[3 * hidden + k]);
		double		c = i * g + (previous ? f * previous[k] : 0);

		gates[k] = (real) i;
		gates[hidden + k] = (real) f;
		gates[2 * hidden + k] = (real) g;
		gates[3 * hidden + k] = (real) o;
		memory[k] = (real) c;
		output[k] = (real) (o * tanh(c));
	}
}

static void
pair_slopes(int n, const real *gram, real own, const real *other, real scale, const real *weight, real *out)
{
	for (int j = 0; j < n; j++)
	{
		double		v = (double) own + other[j] - 2 * (double) gram[j];
		double		s = softplus_one(v);

		out[j] = (real) (scale * weight[j] * (s - 2) * sigmoid_one(v) / (s * s * s));
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

static float
code_sum(const uint8_t *codes, const float *step, const float *origin, int n)
{
	double		sum = 0;

	for (int j = 0; j < n; j++)
		sum += ((double) step[j] * codes[j] - origin[j]) * ((double) step[j] * codes[j] - origin[j]);
	return (float) sum;
}

static int
wide_cell_filter(const uint8_t *cells, const uint8_t *rest, int stride, int near, int columns, int n,
				 const uint8_t *tables, int far, uint16_t *rows)
{
	int			kept = 0;

	for (int i = 0; i < n; i++)
	{
		int			sum = 0;

		for (int p = 0; p < 2 * columns; p++)
		{
			const uint8_t *column = p / 2 < near ? cells + p / 2 * stride : rest + (p / 2 - near) * stride;

			sum += tables[p * HN_CELLS + (column[i] >> p % 2 * 4) % HN_CELLS];
		}
		if (sum < far)
			rows[kept++] = (uint16_t) i;
	}
	return kept;
}

static int
cell_filter(const uint8_t *cells, int stride, int columns, int n, const uint8_t *tables, uint16_t *rows)
{
	return wide_cell_filter(cells, cells, stride, columns, columns, n, tables, HN_CELL_FAR, rows);
}

static float
box_sum(const uint8_t *low, const uint8_t *high, const float *step, const float *above, const float *below, int n)
{
	double		sum = 0;

	for (int j = 0; j < n; j++)
	{
		double		off = fmax(0, fmax((double) step[j] * low[j] - above[j], below[j] - (double) step[j] * high[j]));

		sum += off * off;
	}
	return (float) sum;
}

static void
log1p_all(real *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] = (real) log1p((double) x[i]);
}

static void
byte_products(const uint8_t *panels, int groups, int steps, const int8_t *const query[HN_BYTE_DIGITS],
			  int32_t *const products[HN_BYTE_DIGITS])
{
	for (int p = 0; p < HN_BYTE_DIGITS; p++)
		for (int row = 0; row < groups * HN_BYTE_ROWS; row++)
		{
			products[p][row] = 0;
			for (int k = 0; k < steps * HN_BYTE_COLUMNS; k++)
			{
				size_t		step = (size_t) (row / HN_BYTE_ROWS) * steps + k / HN_BYTE_COLUMNS;
				int			value = panels[(step * HN_BYTE_ROWS + row % HN_BYTE_ROWS) * HN_BYTE_COLUMNS
										   + k % HN_BYTE_COLUMNS] - 128;

				products[p][row] += value * query[p][k];
			}
		}
}

const HnSimd hn_simd_naive =
{
	.name = "naive",
	.sigmoid = sigmoid_all,
	.tanh = tanh_all,
	.elu = elu_all,
	.leaky_relu = leaky_relu_all,
	.relu = relu_all,
	.exp = exp_all,
	.softplus = softplus_all,
	.product = product,
	.row_dots = row_dots,
	.add_scaled = add_scaled,
	.add_leaky_relu = add_leaky_relu,
	.gru_gates = gru_gates,
	.lstm_gates = lstm_gates,
	.pair_slopes = pair_slopes,
	.l2_squared = l2_squared,
	.dot = dot,
	.dot3 = dot3,
	.elu_back = elu_back_all,
	.leaky_relu_back = leaky_relu_back_all,
	.relu_back = relu_back_all,
	.dropout = dropout,
	.pair_curvature = pair_curvature,
	.cell_filter = cell_filter,
	.wide_cell_filter = wide_cell_filter,
	.box_sum = box_sum,
	.code_sum = code_sum,
	.log1p = log1p_all,
	.byte_products = byte_products,
	.wide_dot = dot,
};
