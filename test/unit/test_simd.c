/*
 * test_simd.c: every instruction set that this processor runs, against the definitions.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "simd_naive.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

typedef void (*Activation) (real *x, size_t n);

/* One activation of a set and of the definitions, with the error that simd.h states. */
typedef struct Pair
{
	const char *name;
	Activation	tested;
	Activation	defined;
	double		ulps;
} Pair;

#define ACTIVATIONS 7

static void
pairs_of(const HnSimd *set, Pair pairs[ACTIVATIONS])
{
	const HnSimd *naive = &hn_simd_naive;
	const Pair	all[ACTIVATIONS] = {
		{"sigmoid", set->sigmoid, naive->sigmoid, 2.5},
		{"tanh", set->tanh, naive->tanh, 2.5},
		{"elu", set->elu, naive->elu, 1.1},
		{"leaky_relu", set->leaky_relu, naive->leaky_relu, 1},
		{"relu", set->relu, naive->relu, 0},
		{"exp", set->exp, naive->exp, 1.1},
		{"softplus", set->softplus, naive->softplus, 2.9},
	};

	memcpy(pairs, all, sizeof(all));
}

/* The distance between floats next to x. */
static double
unit_in_last_place(double x)
{
	int			exponent;

	if (fabs(x) < FLT_MIN)
		return 0x1p-149;
	frexp(x, &exponent);
	return ldexp(1, exponent - FLT_MANT_DIG);
}

/*
 * Fail unless y is f(x) within the stated error; expected is f(x) rounded,
 * which adds half a unit.
 */
static void
check_value(const HnSimd *set, const Pair *pair, real x, real y, real expected)
{
	double		allowed = pair->ulps == 0 ? 0 : pair->ulps + 0.5;

	if (isnan(expected) ? isnan(y) : y == expected)
		return;
	if (isfinite(y) && isfinite(expected) &&
		fabs((double) y - expected) <= allowed * unit_in_last_place(expected))
		return;
	fail_msg("%s %s(%a) is %a, expected %a", set->name, pair->name, (double) x, (double) y, (double) expected);
}

static real
from_bits(uint32_t bits)
{
	float		x;

	memcpy(&x, &bits, sizeof(x));
	return x;
}

/* Run check on every available set. */
static void
for_each_set(void (*check) (const HnSimd *set))
{
	for (const HnSimd *const *set = hn_simd_available(); *set != NULL; set++)
		check(*set);
}

/* The set that every processor runs: the last. */
static const HnSimd *
portable_set(void)
{
	const HnSimd *const *set = hn_simd_available();

	while (set[1] != NULL)
		set++;
	return set[0];
}

static void
check_special_values(const HnSimd *set)
{
	const real	magnitudes[] = {
		0, 0x1p-149f, 0x1p-140f, FLT_MIN, 1e-30f, 1e-8f, 1e-4f, 0.01f, 0.3465f, 0.3466f, 0.5f, 0.6931f, 0.6932f, 1,
		2, 9, 17, 30, 44, 87.3365f, 88, 88.7228f, 88.7229f, 89, 90, 103.9f, 103.98f, 104, 105, 150, 200, 1e4f, 1e30f,
		FLT_MAX, INFINITY
	};
	Pair		pairs[ACTIVATIONS];

	pairs_of(set, pairs);
	for (int f = 0; f < ACTIVATIONS; f++)
		for (size_t i = 0; i < 2 * COUNT(magnitudes); i++)
		{
			real		x = i % 2 ? -magnitudes[i / 2] : magnitudes[i / 2];
			real		y = x;
			real		expected = x;

			pairs[f].tested(&y, 1);
			pairs[f].defined(&expected, 1);
			check_value(set, &pairs[f], x, y, expected);
			if (x == 0 && expected == 0)
				assert_int_equal(signbit(y) != 0, signbit(expected) != 0);
		}
}

/* The network looks for NaN in its results, so no function may lose one, wherever in a vector it stands. */
static void
check_nan(const HnSimd *set)
{
	Pair		pairs[ACTIVATIONS];
	float		a[70];
	float		b[70];
	real		x[70];
	double		sums[3];

	pairs_of(set, pairs);
	for (int at = 0; at < 70; at++)
	{
		for (int f = 0; f < ACTIVATIONS; f++)
		{
			for (int i = 0; i < 70; i++)
				x[i] = i == at ? NAN : (real) (i - 35);
			pairs[f].tested(x, 70);
			for (int i = 0; i < 70; i++)
				assert_int_equal(isnan(x[i]) != 0, i == at);
		}
		for (int i = 0; i < 70; i++)
		{
			a[i] = i == at ? NAN : 1;
			b[i] = 0;
		}
		assert_true(isnan(set->l2_squared(a, b, 70)));
		assert_true(isnan(set->dot(a, b, 70)));
		set->dot3(a, b, 70, sums);
		assert_true(isnan(sums[0]) && isnan(sums[1]) && sums[2] == 0);
	}
}

#define CHUNK 1024

/* Beside the stated errors, every set gives the same bits. */
static void
check_chunk(const HnSimd *set, const real x[CHUNK])
{
	Pair		pairs[ACTIVATIONS];
	Pair		portable_pairs[ACTIVATIONS];
	real		y[CHUNK];
	real		expected[CHUNK];
	real		portable[CHUNK];

	pairs_of(set, pairs);
	pairs_of(portable_set(), portable_pairs);
	for (int f = 0; f < ACTIVATIONS; f++)
	{
		memcpy(y, x, sizeof(y));
		memcpy(expected, x, sizeof(expected));
		memcpy(portable, x, sizeof(portable));
		pairs[f].tested(y, CHUNK);
		pairs[f].defined(expected, CHUNK);
		portable_pairs[f].tested(portable, CHUNK);
		for (int i = 0; i < CHUNK; i++)
		{
			check_value(set, &pairs[f], x[i], y[i], expected[i]);
			assert_true(isnan(y[i]) || y[i] == portable[i]);
		}
	}
}

/* A sample of all floats: the stride is odd, so that low bits vary as well as exponents. */
static void
check_sample(const HnSimd *set)
{
	const uint64_t stride = 16381;
	real		x[CHUNK];

	for (uint64_t first = 0; first <= UINT32_MAX; first += CHUNK * stride)
	{
		for (uint64_t i = 0; i < CHUNK; i++)
			x[i] = from_bits((uint32_t) (first + i * stride));
		check_chunk(set, x);
	}
}

/* A dense sample of where the activations bend. */
static void
check_bends(const HnSimd *set)
{
	const int	chunks = 200;
	real		x[CHUNK];

	for (int chunk = 0; chunk < chunks; chunk++)
	{
		for (int i = 0; i < CHUNK; i++)
			x[i] = (real) (24.0 * (chunk * CHUNK + i) / (chunks * CHUNK) - 12);
		check_chunk(set, x);
	}
}

/* A value does not depend on its neighbours, place, length or alignment, and nothing outside is touched. */
static void
check_tails(const HnSimd *set)
{
	enum
	{
		LONGEST = 70, PLACES = 17
	};
	Pair		pairs[ACTIVATIONS];
	real		x[LONGEST];
	real		alone[LONGEST];
	real		buffer[LONGEST + PLACES + 1];

	for (int i = 0; i < LONGEST; i++)
		x[i] = (real) (12 * sin(1.7 * i));
	pairs_of(set, pairs);
	for (int f = 0; f < ACTIVATIONS; f++)
	{
		for (int i = 0; i < LONGEST; i++)
		{
			alone[i] = x[i];
			pairs[f].tested(&alone[i], 1);
		}
		for (int n = 0; n <= LONGEST; n++)
			for (int place = 0; place < PLACES; place++)
			{
				for (size_t i = 0; i < COUNT(buffer); i++)
					buffer[i] = 7;
				memcpy(buffer + place, x, n * sizeof(real));
				pairs[f].tested(buffer + place, n);
				for (int i = 0; i < (int) COUNT(buffer); i++)
				{
					bool		inside = i >= place && i < place + n;

					if (buffer[i] != (inside ? alone[i - place] : 7))
						fail_msg("%s %s: element %d of %d at place %d", set->name, pairs[f].name, i - place, n, place);
				}
			}
	}
}

/* Lengths around the widths of registers, of a step and of a block. */
static const size_t lengths[] = {
	0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 63, 64, 65, 70, 250, 256, 511, 512, 513, 1000, 1024, 4099
};

#define LONGEST_VECTOR 4099

static float *
random_vector(unsigned int seed)
{
	float	   *vector = malloc((LONGEST_VECTOR + 1) * sizeof(float));

	assert_non_null(vector);
	for (int i = 0; i <= LONGEST_VECTOR; i++)
	{
		seed = seed * 1664525 + 1013904223;
		vector[i] = (float) (seed >> 8) * 0x1p-23f - 1;
	}
	return vector;
}

/* Sums against the definitions, from an aligned and an unaligned start. */
static void
check_distances(const HnSimd *set)
{
	const double bound = 1.5e-6;
	float	   *a = random_vector(1);
	float	   *b = random_vector(2);

	for (size_t l = 0; l < COUNT(lengths); l++)
		for (int skew = 0; skew < 2; skew++)
		{
			const float *u = a + skew;
			const float *v = b;
			size_t		n = lengths[l];
			double		l2 = hn_simd_naive.l2_squared(u, v, n);
			double		sums[3];
			double		exact[3];

			hn_simd_naive.dot3(u, v, n, exact);
			set->dot3(u, v, n, sums);
			assert_true(fabs(set->l2_squared(u, v, n) - l2) <= bound * l2);
			assert_true(fabs(sums[1] - exact[1]) <= bound * exact[1]);
			assert_true(fabs(sums[2] - exact[2]) <= bound * exact[2]);
			/* The sum of |a b| is at most |a| |b|. */
			assert_true(fabs(sums[0] - exact[0]) <= bound * sqrt(exact[1] * exact[2]));
		}
	free(a);
	free(b);
}

/* The stated error holds at any length; float sums alone would drift from these equal terms. */
static void
check_long_sums(const HnSimd *set)
{
	const size_t n = 1 << 20;
	const double bound = 1.5e-6;
	float	   *a = malloc(n * sizeof(float));
	double		exact = (double) 0.1f * 0.1f * n;
	double		sums[3];

	assert_non_null(a);
	for (size_t i = 0; i < n; i++)
		a[i] = 0.1f;
	set->dot3(a, a, n, sums);
	for (int k = 0; k < 3; k++)
		assert_true(fabs(sums[k] - exact) <= bound * exact);
	assert_true(fabs(set->dot(a, a, n) - exact) <= bound * exact);
	free(a);
}

/* What exact search relies on: equalities, not bounds. */
static void
check_distance_relations(const HnSimd *set)
{
	float	   *a = random_vector(3);
	float	   *b = random_vector(4);

	for (size_t l = 0; l < COUNT(lengths); l++)
	{
		size_t		n = lengths[l];
		double		forth[3];
		double		back[3];

		assert_true(set->l2_squared(a, b, n) == set->l2_squared(b, a, n));
		assert_true(set->dot(a, b, n) == set->dot(b, a, n));
		assert_true(set->l2_squared(a, a, n) == 0);
		assert_true(set->l2_squared(a, b, n) == portable_set()->l2_squared(a, b, n));
		assert_true(set->dot(a, b, n) == portable_set()->dot(a, b, n));

		set->dot3(a, b, n, forth);
		set->dot3(b, a, n, back);
		assert_true(forth[0] == back[0] && forth[1] == back[2] && forth[2] == back[1]);
		assert_true(forth[0] == set->dot(a, b, n));
		assert_true(forth[1] == set->dot(a, a, n));
		assert_true(forth[2] == set->dot(b, b, n));

		set->dot3(a, a, n, forth);
		assert_true(forth[0] == forth[1] && forth[1] == forth[2]);
	}
	free(a);
	free(b);
}

/* Beyond the range of float a sum is infinite, never NaN from finite numbers of one sign. */
static void
check_distance_range(const HnSimd *set)
{
	float		large[40];
	float		zero[40] = {0};

	for (int i = 0; i < 40; i++)
		large[i] = FLT_MAX;
	assert_true(set->l2_squared(large, zero, 40) == INFINITY);
	assert_true(set->dot(large, large, 40) == INFINITY);
	assert_true(set->l2_squared(large, large, 40) == 0);
	assert_true(set->dot(large, zero, 40) == 0);
}

/* A float from 0 to 1. */
static float
next_fraction(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return (float) (*state >> 8) / (1 << 24);
}

#define CODES 96
#define COLUMNS 20

/* The same vectors are kept as by the definition, whatever the number of them. */
static void
check_cell_filter(const HnSimd *set)
{
	uint32_t	state = 7;
	uint8_t		cells[COLUMNS * CODES];
	uint8_t		tables[2 * COLUMNS * HN_CELLS];

	for (int round = 0; round < 400; round++)
	{
		float		range = 30 * next_fraction(&state);
		uint16_t	rows[2][CODES];
		int			n = 1 + round % CODES;
		int			columns = 1 + round % COLUMNS;
		int			kept;

		for (int i = 0; i < COLUMNS * CODES; i++)
			cells[i] = (uint8_t) (256 * next_fraction(&state));
		for (int i = 0; i < 2 * COLUMNS * HN_CELLS; i++)
			tables[i] = i % 37 == round % 37 ? HN_CELL_FAR : (uint8_t) (range * next_fraction(&state));
		kept = set->cell_filter(cells, CODES, columns, n, tables, rows[0]);
		assert_int_equal(kept, hn_simd_naive.cell_filter(cells, CODES, columns, n, tables, rows[1]));
		assert_memory_equal(rows[0], rows[1], kept * sizeof(uint16_t));
	}
}

/* With sums that are larger. */
static void
check_wide_cell_filter(const HnSimd *set)
{
	uint32_t	state = 17;
	uint8_t		cells[COLUMNS * CODES];
	uint8_t		other[COLUMNS * CODES];
	uint8_t		tables[2 * COLUMNS * HN_CELLS];

	for (int round = 0; round < 400; round++)
	{
		uint16_t	rows[2][CODES];
		int			n = 1 + round % CODES;
		int			columns = 1 + round % COLUMNS;
		int			far = 1 + (int) (2 * 127 * columns * next_fraction(&state));
		int			near = (int) ((columns + 1) * next_fraction(&state));
		const uint8_t *rest = other + near * CODES;
		int			kept;

		for (int i = 0; i < COLUMNS * CODES; i++)
			cells[i] = other[i] = (uint8_t) (256 * next_fraction(&state));
		memset(cells + near * CODES, 0, (COLUMNS - near) * CODES);
		for (int i = 0; i < 2 * COLUMNS * HN_CELLS; i++)
			tables[i] = (uint8_t) ((HN_CELL_GREATEST + 1) * next_fraction(&state));
		kept = set->wide_cell_filter(cells, rest, CODES, near, columns, n, tables, far, rows[0]);
		assert_int_equal(kept, hn_simd_naive.wide_cell_filter(cells, rest, CODES, near, columns, n, tables, far, rows[1]));
		assert_memory_equal(rows[0], rows[1], kept * sizeof(uint16_t));
	}
}

static void
check_box_sum(const HnSimd *set)
{
	uint32_t	state = 13;
	uint8_t		low[64];
	uint8_t		high[64];
	float		step[64];
	float		above[64];
	float		below[64];

	for (int round = 0; round < 200; round++)
	{
		int			n = round % 9 * 8;
		float		sum;
		float		expected;

		for (int j = 0; j < 64; j++)
		{
			low[j] = (uint8_t) (256 * next_fraction(&state));
			high[j] = (uint8_t) (low[j] + (256 - low[j]) * next_fraction(&state));
			step[j] = next_fraction(&state);
			above[j] = 256 * step[j] * next_fraction(&state);
			below[j] = above[j] - step[j];
		}
		sum = set->box_sum(low, high, step, above, below, n);
		expected = hn_simd_naive.box_sum(low, high, step, above, below, n);
		assert_true(fabsf(sum - expected) <= 1e-5f * expected + 1e-3f * sqrtf(expected) + 1e-6f);
	}
}

static void
check_code_sum(const HnSimd *set)
{
	uint32_t	state = 11;
	uint8_t		codes[64];
	float		step[64];
	float		origin[64];

	for (int round = 0; round < 200; round++)
	{
		int			n = round % 9 * 8;
		float		sum;
		float		expected;

		for (int j = 0; j < 64; j++)
		{
			codes[j] = (uint8_t) (256 * next_fraction(&state));
			step[j] = next_fraction(&state);
			origin[j] = 200 * next_fraction(&state);
		}
		sum = set->code_sum(codes, step, origin, n);
		expected = hn_simd_naive.code_sum(codes, step, origin, n);
		assert_true(fabsf(sum - expected) <= 1e-5f * expected);
	}
}

static void
check_log1p(const HnSimd *set)
{
	const Pair	pair = {"log1p", set->log1p, hn_simd_naive.log1p, 2.3};
	const real	special[] = {
		0, 0x1p-149f, FLT_MIN, 1e-30f, 1e-8f, 0.41421354f, 0.41421357f, 0.43f, 1, 2, 1e4f, 0x1p24f, 1e30f, FLT_MAX, NAN
	};

	for (size_t i = 0; i < COUNT(special); i++)
	{
		real		y = special[i];
		real		expected = special[i];

		set->log1p(&y, 1);
		hn_simd_naive.log1p(&expected, 1);
		check_value(set, &pair, special[i], y, expected);
	}
	/* A sample of all exponents, and a value is the same wherever it stands. */
	for (uint32_t bits = 0; bits < 0x7f800000; bits += 99991)
	{
		real		x = from_bits(bits);
		real		y[37];
		real		expected = x;

		for (size_t i = 0; i < COUNT(y); i++)
			y[i] = x;
		set->log1p(y, COUNT(y));
		hn_simd_naive.log1p(&expected, 1);
		check_value(set, &pair, x, y[0], expected);
		assert_true(y[36] == y[0]);
	}
}

/* Exact, also where every byte is the largest. */
static void
check_byte_products(const HnSimd *set)
{
	enum
	{
		GROUPS = 3, STEPS = 9
	};
	uint32_t	state = 12;
	uint8_t		panels[GROUPS * STEPS * HN_BYTE_ROWS * HN_BYTE_COLUMNS];
	int8_t		query[HN_BYTE_DIGITS][STEPS * HN_BYTE_COLUMNS];
	int32_t		products[2][HN_BYTE_DIGITS][GROUPS * HN_BYTE_ROWS];
	const int8_t *parts[HN_BYTE_DIGITS];
	int32_t    *places[2][HN_BYTE_DIGITS];

	for (int p = 0; p < HN_BYTE_DIGITS; p++)
	{
		parts[p] = query[p];
		places[0][p] = products[0][p];
		places[1][p] = products[1][p];
	}
	for (int round = 0; round < 4; round++)
		for (int groups = 0; groups <= GROUPS; groups++)
			for (int steps = 0; steps <= STEPS; steps++)
			{
				for (size_t k = 0; k < sizeof(panels); k++)
					panels[k] = round == 0 ? 255 : round == 1 ? 0 : (uint8_t) (256 * next_fraction(&state));
				for (int p = 0; p < HN_BYTE_DIGITS; p++)
					for (int k = 0; k < STEPS * HN_BYTE_COLUMNS; k++)
						query[p][k] = (int8_t) (round < 2 ? (p == 0 ? -127 : 127) : (int) (255 * next_fraction(&state)) - 127);
				set->byte_products(panels, groups, steps, parts, places[0]);
				hn_simd_naive.byte_products(panels, groups, steps, parts, places[1]);
				for (int p = 0; p < HN_BYTE_DIGITS; p++)
					assert_memory_equal(products[0][p], products[1][p], (size_t) groups * HN_BYTE_ROWS * sizeof(int32_t));
			}
}

/* Terms of 1e6 that cancel but for a ten-thousandth. */
static void
check_wide_dot(const HnSimd *set)
{
	uint32_t	state = 13;
	float		a[100] = {0};
	float		b[100] = {0};

	for (size_t n = 0; n <= COUNT(a); n++)
	{
		for (size_t k = 0; k < n; k++)
		{
			a[k] = (float) ((k % 2 ? -1 : 1) * (1000 + (double) next_fraction(&state)));
			b[k] = 1000 + next_fraction(&state);
		}
		assert_true(fabs(set->wide_dot(a, b, n) - hn_simd_naive.wide_dot(a, b, n)) <= 1e-7);
		assert_true(set->wide_dot(a, b, n) == portable_set()->wide_dot(a, b, n));
	}
}

static void
test_available(void **state)
{
	(void) state;
	assert_ptr_equal(hn_simd_available()[0], hn_simd());
	assert_string_equal(portable_set()->name, "portable");
	assert_string_equal(hn_simd_naive.name, "naive");
}

#define TEST_EACH_SET(check) \
	static void \
	test_##check(void **state) \
	{ \
		(void) state; \
		for_each_set(check_##check); \
	}

TEST_EACH_SET(special_values)
TEST_EACH_SET(nan)
TEST_EACH_SET(sample)
TEST_EACH_SET(bends)
TEST_EACH_SET(tails)
TEST_EACH_SET(distances)
TEST_EACH_SET(long_sums)
TEST_EACH_SET(distance_relations)
TEST_EACH_SET(distance_range)
TEST_EACH_SET(cell_filter)
TEST_EACH_SET(wide_cell_filter)
TEST_EACH_SET(box_sum)
TEST_EACH_SET(code_sum)
TEST_EACH_SET(log1p)
TEST_EACH_SET(byte_products)
TEST_EACH_SET(wide_dot)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_available),
		cmocka_unit_test(test_special_values),
		cmocka_unit_test(test_nan),
		cmocka_unit_test(test_sample),
		cmocka_unit_test(test_bends),
		cmocka_unit_test(test_tails),
		cmocka_unit_test(test_distances),
		cmocka_unit_test(test_long_sums),
		cmocka_unit_test(test_distance_relations),
		cmocka_unit_test(test_distance_range),
		cmocka_unit_test(test_cell_filter),
		cmocka_unit_test(test_wide_cell_filter),
		cmocka_unit_test(test_box_sum),
		cmocka_unit_test(test_code_sum),
		cmocka_unit_test(test_log1p),
		cmocka_unit_test(test_byte_products),
		cmocka_unit_test(test_wide_dot),
	};

	return cmocka_run_group_tests_name("simd", tests, NULL, NULL);
}
