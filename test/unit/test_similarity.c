/*
 * test_similarity.c: the scale that random pairs define, against its definition.
 */
#include "fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hamnet/similarity.h"

#define D 12
#define ROWS 400
#define PAIRS (ROWS * (ROWS - 1) / 2)

static float fingerprints[ROWS * D];
static double distances[PAIRS];

static int
compare_numbers(const void *a, const void *b)
{
	double		left = *(const double *) a;
	double		right = *(const double *) b;

	return left < right ? -1 : left > right;
}

/* Random directions, and the distances of all pairs, sorted. */
static void
draw_pairs(void)
{
	int			pair = 0;

	for (int i = 0; i < ROWS * D; i++)
		fingerprints[i] = (float) (uniform() - 0.4);
	for (int i = 0; i < ROWS; i++)
		for (int j = 0; j < i; j++)
		{
			double		ab = 0;
			double		aa = 0;
			double		bb = 0;

			for (int k = 0; k < D; k++)
			{
				double		a = fingerprints[i * D + k];
				double		b = fingerprints[j * D + k];

				ab += a * b;
				aa += a * a;
				bb += b * b;
			}
			distances[pair++] = 1 - ab / sqrt(aa * bb);
		}
	qsort(distances, PAIRS, sizeof(*distances), compare_numbers);
}

/* 0.5 is nearer than 999 of 1,000 random pairs, a third than 99 of 100, a sixth than 9 of 10. */
static void
test_shares_of_pairs(void **state)
{
	const double similarity[] = {0.5, 1 / 3.0, 1 / 6.0};
	HnFingerprintConfig config = {0};

	(void) state;
	draw_pairs();
	must(hn_similarity_calibrate(&context, fingerprints, D, ROWS, &config));
	assert_true(config.calibrated);
	for (int k = 0; k < 3; k++)
	{
		int			nearer = 0;

		for (int pair = 0; pair < PAIRS; pair++)
			nearer += hn_similarity(&config, distances[pair]) > similarity[k];
		assert_float_equal((double) nearer / PAIRS, pow(10, k - 3), 0.1 * pow(10, k - 3));
	}
}

static void
test_ends_and_order(void **state)
{
	HnFingerprintConfig config = {0};
	double		last = 1;

	(void) state;
	draw_pairs();
	must(hn_similarity_calibrate(&context, fingerprints, D, ROWS, &config));
	assert_true(hn_similarity(&config, 0) == 1);
	assert_true(hn_similarity(&config, 2) == 0);
	assert_true(hn_similarity(&config, NAN) == 0);
	for (double distance = 0; distance <= 2; distance += 0.001)
	{
		double		similarity = hn_similarity(&config, distance);

		assert_true(similarity <= last && similarity >= 0);
		assert_true(last - similarity < 0.05);
		last = similarity;
	}
}

static void
test_refusals(void **state)
{
	HnFingerprintConfig config = {0};
	float	   *equal = GET(float, ROWS * D);

	(void) state;
	draw_pairs();
	assert_int_equal(hn_similarity_calibrate(&context, fingerprints, D, HN_CALIBRATION_ROWS - 1, &config), HN_INVALID_ARGUMENT);
	for (int i = 0; i < ROWS * D; i++)
		equal[i] = 1;
	assert_int_equal(hn_similarity_calibrate(&context, equal, D, ROWS, &config), HN_INVALID_ARGUMENT);
	assert_false(config.calibrated);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_shares_of_pairs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ends_and_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refusals, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
