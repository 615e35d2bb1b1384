/*
 * simd_sums.h: distances and products, as sums over pairs of vectors. Included
 * by simd.c.
 */
#ifndef HAMNET_SIMD_SUMS_H
#define HAMNET_SIMD_SUMS_H

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

#endif
