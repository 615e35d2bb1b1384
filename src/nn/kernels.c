/*
 * kernels.c: the vectorised inner loops, compiled once for each instruction set.
 *
 * HN_KERNEL_SET names the set; the only symbol that leaves an object is its
 * table hn_kernels_<set>, so no instruction of one set reaches another's code.
 * Everything is C that gcc and clang turn into vectors without relaxed floating
 * point: the elementwise functions have no branches and no calls, and the sums
 * keep LANES accumulators apart. Compiled without fused multiply-add, every set
 * rounds after the same operations and computes the same bits.
 */
#include "hamnet/kernels.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#ifdef __AVX2__
#include <immintrin.h>
#endif

#ifdef HAMNET_DOUBLE
#include "activations_libm.h"
#else
#include "activations_float.h"
#endif

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

/*
 * Sums over pairs of vectors: element i goes to accumulator i mod LANES, which
 * keeps enough sums apart to hide the latency of an addition and gives the
 * result one order of addition whatever the width of a register. A block ends
 * after BLOCK elements, so that a float accumulator takes BLOCK / LANES
 * additions, and log2(LANES) more when the accumulators are added up; across
 * blocks the sum is in double.
 *
 * Products commute and (a - b)² = (b - a)² exactly, so every sum is symmetric
 * in its arguments bit for bit; and all of them add in the same order, so a·a
 * comes out the same from dot and from dot3.
 *
 * The accumulators are vectors of the compiler's own because gcc 12 keeps an
 * array of floats in memory, through which every addition then waits. They
 * stay at 32 bytes with AVX-512 too: the data of a fingerprint is not aligned
 * to 64 bytes, so that every wider load would straddle two cache lines.
 */
#define LANES 32
#define BLOCK ((size_t) 512)

#ifdef __AVX2__
#define WIDTH 8
#else
#define WIDTH 4
#endif
#define VECTORS (LANES / WIDTH)

typedef float Vector __attribute__((vector_size(WIDTH * sizeof(float))));
typedef Vector Lanes[VECTORS];

/* Add LANES pairs of elements to one or more sums. */
typedef void (*AddLanes) (Lanes *sums, const float *a, const float *b);

#define ALWAYS_INLINE inline __attribute__((always_inline))

static ALWAYS_INLINE Vector
load(const float *elements)
{
	Vector		vector;

	memcpy(&vector, elements, sizeof(vector));
	return vector;
}

static ALWAYS_INLINE void
add_squared_differences(Lanes *sums, const float *a, const float *b)
{
	for (int v = 0; v < VECTORS; v++)
	{
		Vector		difference = load(a + v * WIDTH) - load(b + v * WIDTH);

		sums[0][v] += difference * difference;
	}
}

static ALWAYS_INLINE void
add_products(Lanes *sums, const float *a, const float *b)
{
	for (int v = 0; v < VECTORS; v++)
		sums[0][v] += load(a + v * WIDTH) * load(b + v * WIDTH);
}

static ALWAYS_INLINE void
add_three_products(Lanes *sums, const float *a, const float *b)
{
	add_products(&sums[0], a, b);
	add_products(&sums[1], a, a);
	add_products(&sums[2], b, b);
}

/* Add the accumulators up by halves. */
static ALWAYS_INLINE float
sum_of_lanes(Lanes lanes)
{
	float		elements[WIDTH];

	for (int half = VECTORS / 2; half > 0; half /= 2)
		for (int v = 0; v < half; v++)
			lanes[v] += lanes[v + half];
	memcpy(elements, lanes, sizeof(elements));
	for (int half = WIDTH / 2; half > 0; half /= 2)
		for (int j = 0; j < half; j++)
			elements[j] += elements[j + half];
	return elements[0];
}

/* out[k] = sum k over all n pairs. Inlined with constant count and add. */
static ALWAYS_INLINE void
sum_pairs(const float *a, const float *b, size_t n, int count, AddLanes add, double *out)
{
	for (int k = 0; k < count; k++)
		out[k] = 0;
	while (n > 0)
	{
		size_t		length = n < BLOCK ? n : BLOCK;
		size_t		whole = length - length % LANES;
		Lanes		sums[3] = {0};

		for (size_t i = 0; i < whole; i += LANES)
			add(sums, a + i, b + i);
		if (whole < length)
		{
			/* Zeros in place of the missing elements add nothing. */
			float		rest_a[LANES] = {0};
			float		rest_b[LANES] = {0};

			memcpy(rest_a, a + whole, (length - whole) * sizeof(float));
			memcpy(rest_b, b + whole, (length - whole) * sizeof(float));
			add(sums, rest_a, rest_b);
		}
		for (int k = 0; k < count; k++)
			out[k] += sum_of_lanes(sums[k]);
		a += length;
		b += length;
		n -= length;
	}
}

static double
l2_squared(const float *a, const float *b, size_t n)
{
	double		sum;

	sum_pairs(a, b, n, 1, add_squared_differences, &sum);
	return sum;
}

static double
dot(const float *a, const float *b, size_t n)
{
	double		sum;

	sum_pairs(a, b, n, 1, add_products, &sum);
	return sum;
}

static void
dot3(const float *a, const float *b, size_t n, double out[3])
{
	sum_pairs(a, b, n, 3, add_three_products, out);
}

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

/* Twice eight sums apart, whatever the width of a register. */
static double
wide_dot(const float *a, const float *b, size_t n)
{
	typedef float Floats __attribute__((vector_size(8 * sizeof(float))));
	typedef double Doubles __attribute__((vector_size(8 * sizeof(double))));
	enum {LENGTH = 16};
	Doubles		sums[2] = {0};
	double		sum = 0;

	for (; n >= LENGTH; n -= LENGTH, a += LENGTH, b += LENGTH)
		for (int v = 0; v < 2; v++)
		{
			Floats		x;
			Floats		y;

			memcpy(&x, a + 8 * v, sizeof(x));
			memcpy(&y, b + 8 * v, sizeof(y));
			sums[v] += __builtin_convertvector(x, Doubles) * __builtin_convertvector(y, Doubles);
		}
	for (int lane = 0; lane < 8; lane++)
		sum += sums[0][lane] + sums[1][lane];
	for (size_t k = 0; k < n; k++)
		sum += (double) a[k] * b[k];
	return sum;
}

/*
 * Codes. Widening bytes and collecting bits are the two things that gcc does
 * one element at a time, so here are intrinsics, each beside its plain twin.
 */
typedef int32_t Ints __attribute__((vector_size(WIDTH * sizeof(int32_t))));

#ifdef __AVX2__
static ALWAYS_INLINE Vector
load_codes(const uint8_t *codes)
{
	return (Vector) _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *) codes)));
}

static ALWAYS_INLINE Vector
load_shorts(const uint16_t *values)
{
	__m256i		wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *) values));

	return (Vector) _mm256_slli_epi32(wide, 16);
}

/* Bit i is set where lane i, all bits 1 or all 0, is. */
static ALWAYS_INLINE unsigned
bits_of(Ints lanes)
{
	return (unsigned) _mm256_movemask_ps((__m256) lanes);
}

static ALWAYS_INLINE Vector
square_roots(Vector x)
{
	return (Vector) _mm256_sqrt_ps((__m256) x);
}
#else
static ALWAYS_INLINE Vector
load_codes(const uint8_t *codes)
{
	Vector		vector = {0};

	for (int lane = 0; lane < WIDTH; lane++)
		vector[lane] = codes[lane];
	return vector;
}

static ALWAYS_INLINE Vector
load_shorts(const uint16_t *values)
{
	Ints		wide = {0};

	for (int lane = 0; lane < WIDTH; lane++)
		wide[lane] = (int32_t) ((uint32_t) values[lane] << 16);
	return (Vector) wide;
}

static ALWAYS_INLINE unsigned
bits_of(Ints lanes)
{
	unsigned	bits = 0;

	for (int lane = 0; lane < WIDTH; lane++)
		bits |= ((unsigned) lanes[lane] & 1) << lane;
	return bits;
}

static ALWAYS_INLINE Vector
square_roots(Vector x)
{
	for (int lane = 0; lane < WIDTH; lane++)
		x[lane] = __builtin_sqrtf(x[lane]);
	return x;
}
#endif

/* Inlined with constant with_norm. */
static ALWAYS_INLINE int
filter_codes(const HnCodeColumns *columns, int n, const HnCodeTarget *target, HnCodeLimit limit,
			 bool with_norm, uint16_t *rows, float *sums)
{
	const float radius = limit.constant > 0 ? __builtin_sqrtf(limit.constant) : 0;
	int			kept = 0;

	for (int i = 0; i < n; i += WIDTH)
	{
		Vector		height = load_shorts(columns->height + i) - target->height;
		Vector		most = load_shorts(columns->error + i) + limit.slack;
		Vector		sum = height * height;
		unsigned	keep;

		for (int j = 0; j < HN_CODE_LEAD; j++)
		{
			Vector		off = load_codes(columns->lead + j * columns->stride + i) * target->step[j] - target->origin[j];

			sum += off * off;
		}
		if (with_norm)
		{
			Vector		norm = load(columns->norm + i);
			Vector		squared = limit.constant + limit.factor * norm * norm;

			/* A negative square counts as 0. */
			most += square_roots((Vector) ((Ints) squared & (squared > 0)));
		}
		else
			most += radius;
		keep = bits_of(~(sum * HN_CODE_MARGIN > most * most));
		for (; keep != 0; keep &= keep - 1)
		{
			int			lane = __builtin_ctz(keep);

			rows[kept] = (uint16_t) (i + lane);
			sums[kept++] = sum[lane];
		}
	}

	/* The last group may reach beyond the end. */
	while (kept > 0 && rows[kept - 1] >= n)
		kept--;
	return kept;
}

static int
code_filter(const HnCodeColumns *columns, int n, const HnCodeTarget *target, HnCodeLimit limit,
			uint16_t *rows, float *sums)
{
	if (columns->norm != NULL)
		return filter_codes(columns, n, target, limit, true, rows, sums);
	return filter_codes(columns, n, target, limit, false, rows, sums);
}

static float
code_sum(const uint8_t *codes, const float *step, const float *origin, int n)
{
	Vector		sums = {0};
	float		sum = 0;

	for (int j = 0; j < n; j += WIDTH)
	{
		Vector		off = load_codes(codes + j) * load(step + j) - load(origin + j);

		sums += off * off;
	}
	for (int lane = 0; lane < WIDTH; lane++)
		sum += sums[lane];
	return sum;
}

/*
 * Products of bytes, which compilers do not see in plain loops: four products
 * and their sum are one instruction of VNNI, two and theirs one of AVX2 on words.
 */
#if defined(__AVX512VNNI__)
static ALWAYS_INLINE __m512i
four_columns(const int8_t *query)
{
	int32_t		word;

	memcpy(&word, query, sizeof(word));
	return _mm512_set1_epi32(word);
}

/* The instruction multiplies row[k] + 128, so that 128 times the sum of the query is too much. */
static int32_t
shift_of(const int8_t *query, int steps)
{
	int32_t		sum = 0;

	for (int k = 0; k < steps * HN_BYTE_COLUMNS; k++)
		sum += query[k];
	return -128 * sum;
}

static void
byte_products(const uint8_t *panels, int groups, int steps, const int8_t *const query[HN_BYTE_PARTS],
			  int32_t *const products[HN_BYTE_PARTS])
{
	__m512i		shifts[HN_BYTE_PARTS];

	for (int p = 0; p < HN_BYTE_PARTS; p++)
		shifts[p] = _mm512_set1_epi32(shift_of(query[p], steps));
	for (int g = 0; g < groups; g++)
	{
		__m512i		sums[HN_BYTE_PARTS][2];

		for (int p = 0; p < HN_BYTE_PARTS; p++)
			sums[p][0] = sums[p][1] = shifts[p];
		for (int s = 0; s < steps; s++, panels += HN_BYTE_ROWS * HN_BYTE_COLUMNS)
		{
			__m512i		first = _mm512_loadu_si512(panels);
			__m512i		second = _mm512_loadu_si512(panels + sizeof(first));

			for (int p = 0; p < HN_BYTE_PARTS; p++)
			{
				__m512i		columns = four_columns(query[p] + s * HN_BYTE_COLUMNS);

				sums[p][0] = _mm512_dpbusd_epi32(sums[p][0], first, columns);
				sums[p][1] = _mm512_dpbusd_epi32(sums[p][1], second, columns);
			}
		}
		for (int p = 0; p < HN_BYTE_PARTS; p++)
			memcpy(products[p] + g * HN_BYTE_ROWS, sums[p], sizeof(sums[p]));
	}
}
#elif defined(__AVX2__)
static ALWAYS_INLINE __m256i
four_columns(const int8_t *query)
{
	int32_t		word;

	memcpy(&word, query, sizeof(word));
	return _mm256_broadcastq_epi64(_mm_cvtepi8_epi16(_mm_cvtsi32_si128(word)));
}

/* Add up the halves of four rows, two to a register. */
static ALWAYS_INLINE void
store_rows(int32_t *products, __m256i first, __m256i second)
{
	__m256i		sums = _mm256_hadd_epi32(first, second);

	_mm256_storeu_si256((__m256i *) products, _mm256_permute4x64_epi64(sums, _MM_SHUFFLE(3, 1, 2, 0)));
}

static void
byte_products(const uint8_t *panels, int groups, int steps, const int8_t *const query[HN_BYTE_PARTS],
			  int32_t *const products[HN_BYTE_PARTS])
{
	const __m256i shift = _mm256_set1_epi16(128);
	const size_t step = HN_BYTE_ROWS * HN_BYTE_COLUMNS;

	/* Half a group at a time, as the registers hold the sums of no more. */
	for (int half = 0; half < 2 * groups; half++)
	{
		const uint8_t *panel = panels + half / 2 * steps * step + half % 2 * step / 2;
		/* Of four rows each, with the sums of even and odd pairs of columns. */
		__m256i		sums[HN_BYTE_PARTS][4] = {0};

		for (int s = 0; s < steps; s++, panel += step)
			for (int v = 0; v < 4; v++)
			{
				__m256i		rows = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *) panel + v));

				rows = _mm256_sub_epi16(rows, shift);
				for (int p = 0; p < HN_BYTE_PARTS; p++)
					sums[p][v] = _mm256_add_epi32(sums[p][v],
												  _mm256_madd_epi16(rows, four_columns(query[p] + s * HN_BYTE_COLUMNS)));
			}
		for (int p = 0; p < HN_BYTE_PARTS; p++)
			for (int v = 0; v < 4; v += 2)
				store_rows(products[p] + half * HN_BYTE_ROWS / 2 + 4 * v, sums[p][v], sums[p][v + 1]);
	}
}
#else
static void
byte_products(const uint8_t *panels, int groups, int steps, const int8_t *const query[HN_BYTE_PARTS],
			  int32_t *const products[HN_BYTE_PARTS])
{
	for (int g = 0; g < groups; g++)
	{
		int32_t		sums[HN_BYTE_PARTS][HN_BYTE_ROWS] = {0};

		for (int s = 0; s < steps; s++)
			for (int row = 0; row < HN_BYTE_ROWS; row++)
				for (int c = 0; c < HN_BYTE_COLUMNS; c++)
				{
					int			value = *panels++ - 128;

					for (int p = 0; p < HN_BYTE_PARTS; p++)
						sums[p][row] += value * query[p][s * HN_BYTE_COLUMNS + c];
				}
		for (int p = 0; p < HN_BYTE_PARTS; p++)
			memcpy(products[p] + g * HN_BYTE_ROWS, sums[p], sizeof(sums[p]));
	}
}
#endif

#define STRINGIZE(token) #token
#define NAME_OF(set) STRINGIZE(set)
#define PASTE(prefix, set) prefix##set
#define TABLE_OF(set) PASTE(hn_kernels_, set)
#define PRODUCT_OF(set) PASTE(hn_product_, set)
#define ROW_DOTS_OF(set) PASTE(hn_row_dots_, set)

extern const HnKernels TABLE_OF(HN_KERNEL_SET);

/* From product.c. */
extern void PRODUCT_OF(HN_KERNEL_SET) (int rows, int outs, int ins, const real *x, size_t ldx, const real *panels,
									   const real *start, size_t ldstart, real *out, size_t ldout);
extern void ROW_DOTS_OF(HN_KERNEL_SET) (int rows, int n, const real *x, size_t ldx, const real *w, real *out);

const HnKernels TABLE_OF(HN_KERNEL_SET) =
{
	.name = NAME_OF(HN_KERNEL_SET),
	.sigmoid = sigmoid_all,
	.tanh = tanh_all,
	.elu = elu_all,
	.leaky_relu = leaky_relu_all,
	.relu = relu_all,
	.exp = exp_all,
	.softplus = softplus_all,
	.product = PRODUCT_OF(HN_KERNEL_SET),
	.row_dots = ROW_DOTS_OF(HN_KERNEL_SET),
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
	.code_filter = code_filter,
	.code_sum = code_sum,
	.log1p = log1p_all,
	.byte_products = byte_products,
	.wide_dot = wide_dot,
};
