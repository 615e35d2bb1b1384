/*
 * test_simd_backward.c: the functions of the way back, in every set this
 * processor runs, against their definitions and against differences of the
 * activations whose derivatives they are.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "simd_naive.h"
#include "hamnet/random.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Not a multiple of any register, so that every loop has a tail. */
#define LENGTH 203

static real
random_real(uint64_t *state, double scale)
{
	return (real) (scale * ((double) (hn_next_random(state) >> 11) * 0x1p-52 - 1));
}

static void
for_each_set(void (*check) (const HnSimd *set))
{
	for (const HnSimd *const *set = hn_simd_available(); *set != NULL; set++)
		check(*set);
}

/* A table lacks nothing: the compiler does not say so of designated initialisers. */
static void
check_complete(const HnSimd *set)
{
	void	   *entries[sizeof(HnSimd) / sizeof(void *)];

	assert_int_equal(sizeof(entries), sizeof(*set));
	memcpy(entries, set, sizeof(entries));
	for (size_t i = 0; i < COUNT(entries); i++)
		assert_non_null(entries[i]);
}

static void
test_complete(void **state)
{
	(void) state;
	for_each_set(check_complete);
	check_complete(&hn_simd_naive);
}

typedef struct Pair
{
	void		(*forward) (real *x, size_t n);
	void		(*back) (const real *y, real *d, size_t n);
} Pair;

/* The derivative by the value, against a difference quotient of the activation itself. */
static void
check_activations(const HnSimd *set)
{
	const Pair	pairs[] = {
		{set->elu, set->elu_back}, {set->leaky_relu, set->leaky_relu_back}, {set->relu, set->relu_back}
	};
	const real	step = (real) 1e-2;
	uint64_t	state = 1;

	for (size_t p = 0; p < COUNT(pairs); p++)
	{
		real		x[LENGTH];
		real		below[LENGTH];
		real		above[LENGTH];
		real		d[LENGTH];

		for (int i = 0; i < LENGTH; i++)
		{
			/* Not so near to zero that the kink lies between. */
			x[i] = random_real(&state, 4);
			x[i] += x[i] < 0 ? -step : step;
			below[i] = x[i] - step / 2;
			above[i] = x[i] + step / 2;
			d[i] = 3;
		}
		pairs[p].forward(x, LENGTH);
		pairs[p].forward(below, LENGTH);
		pairs[p].forward(above, LENGTH);
		pairs[p].back(x, d, LENGTH);
		for (int i = 0; i < LENGTH; i++)
			assert_float_equal(d[i], 3 * (above[i] - below[i]) / step, 1e-3);
	}
}

static void
test_activations(void **state)
{
	(void) state;
	for_each_set(check_activations);
	check_activations(&hn_simd_naive);
}

static void
check_sums(const HnSimd *set)
{
	uint64_t	state = 2;

	for (size_t n = 0; n <= LENGTH; n += 1 + n / 4)
	{
		real		x[LENGTH + 1];
		real		y[LENGTH] = {0};
		real		expected[LENGTH + 1];

		for (size_t i = 0; i < n; i++)
		{
			x[i] = expected[i] = random_real(&state, 1);
			y[i] = random_real(&state, 1);
		}
		x[n] = expected[n] = 7;
		set->add_scaled(x, (real) -0.7, y, n);
		hn_simd_naive.add_scaled(expected, (real) -0.7, y, n);
		for (size_t i = 0; i < n; i++)
			assert_float_equal(x[i], expected[i], 2e-7);
		assert_true(x[n] == 7);
	}
}

static void
test_sums(void **state)
{
	(void) state;
	for_each_set(check_sums);
}

/* The same zeros in every set: a choice must not depend on the processor. */
static void
check_dropout(const HnSimd *set)
{
	const uint32_t thresholds[] = {0, 1000000, 1u << 31, UINT32_MAX};

	for (uint64_t key = 0; key < 50; key++)
		for (size_t t = 0; t < COUNT(thresholds); t++)
		{
			real		x[LENGTH];
			real		expected[LENGTH];

			for (int i = 0; i < LENGTH; i++)
				x[i] = expected[i] = (real) (i + 1);
			set->dropout(x, LENGTH, key * UINT64_C(0x9e3779b97f4a7c15), thresholds[t], (real) 1.5);
			hn_simd_naive.dropout(expected, LENGTH, key * UINT64_C(0x9e3779b97f4a7c15), thresholds[t], (real) 1.5);
			assert_memory_equal(x, expected, sizeof(x));
		}
}

static void
test_dropout(void **state)
{
	(void) state;
	for_each_set(check_dropout);
}

/* Against the definitions, and the derivative against a difference quotient in the definitions. */
static void
check_curvature(const HnSimd *set)
{
	uint64_t	state = 3;
	real		gram[LENGTH];
	real		other[LENGTH];
	real		weight[LENGTH];
	real		slope[LENGTH];
	real		curve[LENGTH];
	real		expected_slope[LENGTH];
	real		expected_curve[LENGTH];
	real		above[LENGTH];
	real		below[LENGTH];
	real		ignored[LENGTH];

	for (int i = 0; i < LENGTH; i++)
	{
		gram[i] = random_real(&state, 1);
		other[i] = 4 + random_real(&state, 4);
		weight[i] = 1 + random_real(&state, 1);
	}
	set->pair_curvature(LENGTH, gram, 1, other, 2, weight, slope, curve);
	hn_simd_naive.pair_curvature(LENGTH, gram, 1, other, 2, weight, expected_slope, expected_curve);
	hn_simd_naive.pair_curvature(LENGTH, gram, (real) 1.01, other, 2, weight, above, ignored);
	hn_simd_naive.pair_curvature(LENGTH, gram, (real) 0.99, other, 2, weight, below, ignored);
	for (int i = 0; i < LENGTH; i++)
	{
		assert_float_equal(slope[i], expected_slope[i], 2e-6 * (1 + fabs(expected_slope[i])));
		assert_float_equal(curve[i], expected_curve[i], 1e-5 * (1 + fabs(expected_curve[i])));
		assert_float_equal(curve[i], (above[i] - below[i]) / 0.02, 1e-3 * (1 + fabs(expected_curve[i])));
	}
}

static void
test_curvature(void **state)
{
	(void) state;
	for_each_set(check_curvature);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_complete),
		cmocka_unit_test(test_activations),
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_dropout),
		cmocka_unit_test(test_curvature),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
