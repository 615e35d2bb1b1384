/*
 * test_half.c: numbers of 16 bits are what IEEE 754 says.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "hamnet/half.h"

/* The value by the definition: sign, exponent, fraction. */
static float
defined_value(uint16_t half)
{
	int			exponent = half >> 10 & 31;
	int			fraction = half & 0x3ff;
	float		value = exponent == 0 ? ldexpf((float) fraction, -24) : ldexpf((float) (fraction | 0x400), exponent - 25);

	return half & 0x8000 ? -value : value;
}

static void
test_every_half_comes_back(void **state)
{
	(void) state;
	for (int half = 0; half < 0x10000; half++)
	{
		if (hn_half_is_not_finite((uint16_t) half))
			continue;
		assert_true(hn_half_to_float((uint16_t) half) == defined_value((uint16_t) half));
		assert_int_equal(hn_half_nearest(hn_half_to_float((uint16_t) half)), half);
	}
}

/* Between two halves the nearer is chosen, in the middle the even one. */
static void
test_nearest(void **state)
{
	(void) state;
	for (int half = 0; half < 0x7bff; half++)
	{
		float		low = hn_half_to_float((uint16_t) half);
		float		high = hn_half_to_float((uint16_t) (half + 1));
		float		middle = (low + high) / 2;

		assert_int_equal(hn_half_nearest(middle), half + (half & 1));
		assert_int_equal(hn_half_nearest(low + (high - low) / 4), half);
		assert_int_equal(hn_half_nearest(high - (high - low) / 4), half + 1);
		assert_int_equal(hn_half_nearest(-middle), 0x8000 | (half + (half & 1)));
	}
}

static void
test_too_large(void **state)
{
	(void) state;
	assert_int_equal(hn_half_nearest(65504), 0x7bff);
	assert_true(hn_half_is_not_finite(hn_half_nearest(65520)));
	assert_true(hn_half_is_not_finite(hn_half_nearest(-3e38f)));
	assert_true(hn_half_is_not_finite(0x7e00));
	assert_false(hn_half_is_not_finite(0x7bff));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_half_comes_back),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_too_large)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
