/*
 * test_simd_network.c: the functions of the network's layers, of every set
 * this processor runs, against their definitions.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "simd_naive.h"
#include "hamnet/linear.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Unit roundoff of float: the double build meets the same bounds easily. */
#define ROUNDOFF 0x1p-24

/* What stands where nothing may be written. */
#define FILLER ((real) 1e30)

#define MAX_ROWS 14
#define MAX_INS 70
#define MAX_OUTS 70
#define LD (MAX_OUTS + 3)

typedef void (*Check) (const HnSimd *set);

static void
for_each_set(Check check)
{
	for (const HnSimd *const *set = hn_simd_available(); *set; set++)
		check(*set);
}

/* n numbers between -1 and 1. */
static void
fill_random(real *x, size_t n, unsigned int seed)
{
	for (size_t k = 0; k < n; k++)
	{
		seed = seed * 1664525 + 1013904223;
		x[k] = (real) (seed >> 8) * (real) 0x1p-23 - 1;
	}
}

/* Element (o, k) of packed weights with `ins` inputs. */
static real
packed_at(const real *panels, int ins, int o, int k)
{
	return panels[(size_t) (o - o % HN_PANEL) * ins + (size_t) k * HN_PANEL + o % HN_PANEL];
}

/* Two blocks and a transposed one beside them, from matrices with other distances between rows. */
static void
test_pack(void **state)
{
	enum
	{
		OUTS = 45, INS = 7
	};
	real		w[OUTS * (INS + 2)];
	real		panels[2 * HN_PANEL * (2 * INS + 1)];
	int			ins = 2 * INS + 1;

	(void) state;
	fill_random(w, COUNT(w), 1);
	assert_int_equal(hn_panels_size(OUTS, ins), COUNT(panels));
	assert_int_equal(hn_panels_size(HN_PANEL, 3), 3 * HN_PANEL);
	memset(panels, 0, sizeof(panels));
	hn_pack(panels, ins, 0, 0, 20, INS, 1, w, INS + 2, 1);
	hn_pack(panels, ins, 20, 0, OUTS - 20, INS, -2, w + 20 * (INS + 2), INS + 2, 1);
	hn_pack(panels, ins, 3, INS, INS, INS, 1, w, 1, INS + 2);
	for (int o = 0; o < 2 * HN_PANEL; o++)
		for (int k = 0; k < ins; k++)
		{
			real		expected = 0;

			if (o < OUTS && k < INS)
				expected = (o < 20 ? 1 : -2) * w[o * (INS + 2) + k];
			else if (o >= 3 && o < 3 + INS && k >= INS && k < 2 * INS)
				expected = w[(k - INS) * (INS + 2) + (o - 3)];
			assert_true(packed_at(panels, ins, o, k) == expected);
		}
}

/* The three ways to start: from zero, from one row for all, from what is there. */
static void
check_product_of(const HnSimd *set, int rows, int outs, int ins)
{
	static real x[MAX_ROWS * (MAX_INS + 1)];
	static real panels[3 * HN_PANEL * MAX_INS];
	static real start[MAX_ROWS * LD];
	static real out[MAX_ROWS * LD];
	static real expected[MAX_ROWS * LD];

	fill_random(x, COUNT(x), 2);
	fill_random(panels, COUNT(panels), 3);
	fill_random(start, COUNT(start), 4);
	for (int way = 0; way < 3; way++)
	{
		const real *from = way == 0 ? NULL : way == 1 ? start : out;
		size_t		ldfrom = way == 1 ? 0 : LD;

		for (size_t k = 0; k < COUNT(out); k++)
			out[k] = expected[k] = FILLER;
		for (int i = 0; i < rows && way == 2; i++)
		{
			memcpy(out + i * LD, start + i * LD, (size_t) outs * sizeof(real));
			memcpy(expected + i * LD, start + i * LD, (size_t) outs * sizeof(real));
		}
		set->product(rows, outs, ins, x, MAX_INS + 1, panels, from, ldfrom, out, LD);
		hn_simd_naive.product(rows, outs, ins, x, MAX_INS + 1, panels, way == 2 ? expected : from, ldfrom,
								 expected, LD);
		/* ins products and a start, each at most 1 */
		for (int i = 0; i < MAX_ROWS; i++)
			for (int o = 0; o < LD; o++)
			{
				bool		inside = i < rows && o < outs;
				double		bound = inside ? (ins + 1) * (ins + 2) * ROUNDOFF : 0;

				if (!(fabs((double) out[i * LD + o] - expected[i * LD + o]) <= bound))
					fail_msg("%s: product %d x %d x %d, start %d, element (%d, %d) is %.9g, expected %.9g",
							 set->name, rows, outs, ins, way, i, o, (double) out[i * LD + o],
							 (double) expected[i * LD + o]);
			}
	}
}

static void
check_product(const HnSimd *set)
{
	static const int outs[] = {1, 3, HN_PANEL - 1, HN_PANEL, HN_PANEL + 1, 2 * HN_PANEL, MAX_OUTS};
	static const int ins[] = {0, 1, 2, 33, MAX_INS};

	for (int rows = 0; rows <= MAX_ROWS; rows++)
		for (size_t o = 0; o < COUNT(outs); o++)
			for (size_t k = 0; k < COUNT(ins); k++)
				check_product_of(set, rows, outs[o], ins[k]);
}

/* A row comes out the same, bit for bit, alone and among others. */
static void
check_rows_are_independent(const HnSimd *set)
{
	real		x[MAX_ROWS * MAX_INS];
	real		panels[3 * HN_PANEL * MAX_INS];
	real		together[MAX_ROWS * LD];
	real		alone[LD];

	fill_random(x, COUNT(x), 5);
	fill_random(panels, COUNT(panels), 6);
	for (int rows = 1; rows <= MAX_ROWS; rows++)
	{
		set->product(rows, MAX_OUTS, MAX_INS, x, MAX_INS, panels, NULL, 0, together, LD);
		for (int i = 0; i < rows; i++)
		{
			set->product(1, MAX_OUTS, MAX_INS, x + i * MAX_INS, MAX_INS, panels, NULL, 0, alone, LD);
			assert_memory_equal(together + i * LD, alone, MAX_OUTS * sizeof(real));
		}
	}
}

static void
check_sums(const HnSimd *set)
{
	real		x[3 * MAX_INS];
	real		w[MAX_INS];
	real		out[MAX_INS];
	real		expected[MAX_INS];

	fill_random(x, COUNT(x), 7);
	fill_random(w, COUNT(w), 8);
	for (int n = 0; n <= MAX_INS; n++)
	{
		set->row_dots(3, n, x, MAX_INS, w, out);
		hn_simd_naive.row_dots(3, n, x, MAX_INS, w, expected);
		for (int i = 0; i < 3; i++)
			assert_true(fabs((double) out[i] - expected[i]) <= n * (n + 1) * ROUNDOFF);

		memcpy(out, x, sizeof(out));
		memcpy(expected, x, sizeof(expected));
		set->add_scaled(out, (real) 0.7, w, (size_t) n);
		hn_simd_naive.add_scaled(expected, (real) 0.7, w, (size_t) n);
		for (int k = 0; k < MAX_INS; k++)
			assert_true(fabs((double) out[k] - expected[k]) <= 4 * ROUNDOFF);

		memcpy(out, x, sizeof(out));
		memcpy(expected, x, sizeof(expected));
		set->add_leaky_relu(out, x + MAX_INS, w, (size_t) n);
		hn_simd_naive.add_leaky_relu(expected, x + MAX_INS, w, (size_t) n);
		for (int k = 0; k < MAX_INS; k++)
			assert_true(fabs((double) out[k] - expected[k]) <= 4 * ROUNDOFF);
	}
}

static void
assert_all_near(const real *out, const real *expected, int n)
{
	for (int k = 0; k < n; k++)
		assert_true(fabs((double) out[k] - expected[k]) <= 1e-6 * (1 + fabs((double) expected[k])));
}

/* Sums of up to ±8, where the gates saturate. */
static void
check_gates(const HnSimd *set)
{
	enum
	{
		DIM = 37
	};
	real		sums[4 * DIM];
	real		other[DIM];
	real		before[DIM];
	real		gates[4 * DIM];
	real		expected[4 * DIM];
	real		memory[2][DIM];
	real		output[2][DIM];

	fill_random(sums, COUNT(sums), 9);
	fill_random(other, DIM, 10);
	fill_random(before, DIM, 11);
	for (int k = 0; k < 4 * DIM; k++)
		sums[k] *= 8;

	memcpy(gates, sums, sizeof(gates));
	memcpy(expected, sums, sizeof(expected));
	set->gru_gates(DIM, gates, other, before, output[0]);
	hn_simd_naive.gru_gates(DIM, expected, other, before, output[1]);
	assert_all_near(gates, expected, 4 * DIM);
	assert_all_near(output[0], output[1], DIM);

	for (int step = 0; step < 2; step++)
	{
		const real *previous = step == 0 ? NULL : before;

		memcpy(gates, sums, sizeof(gates));
		memcpy(expected, sums, sizeof(expected));
		set->lstm_gates(DIM, gates, previous, memory[0], output[0]);
		hn_simd_naive.lstm_gates(DIM, expected, previous, memory[1], output[1]);
		assert_all_near(gates, expected, 4 * DIM);
		assert_all_near(memory[0], memory[1], DIM);
		assert_all_near(output[0], output[1], DIM);
	}
}

/* From atoms that touch to such as are far apart, where the slope fades to zero. */
static void
check_pair_slopes(const HnSimd *set)
{
	enum
	{
		N = 41
	};
	real		gram[N];
	real		other[N];
	real		weight[N];
	real		out[N];
	real		expected[N];

	fill_random(gram, N, 12);
	fill_random(weight, N, 13);
	for (int j = 0; j < N; j++)
		other[j] = (real) pow(10, j / 4.0) - 1;
	set->pair_slopes(N, gram, 2, other, (real) 0.3, weight, out);
	hn_simd_naive.pair_slopes(N, gram, 2, other, (real) 0.3, weight, expected);
	assert_all_near(out, expected, N);
	for (int j = 0; j < N; j++)
		assert_true(isfinite(out[j]));
}

#define TEST_EACH_SET(check) \
	static void \
	test_##check(void **state) \
	{ \
		(void) state; \
		for_each_set(check_##check); \
	}

TEST_EACH_SET(product)
TEST_EACH_SET(rows_are_independent)
TEST_EACH_SET(sums)
TEST_EACH_SET(gates)
TEST_EACH_SET(pair_slopes)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pack),
		cmocka_unit_test(test_product),
		cmocka_unit_test(test_rows_are_independent),
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_gates),
		cmocka_unit_test(test_pair_slopes),
	};

	return cmocka_run_group_tests_name("simd network", tests, NULL, NULL);
}
