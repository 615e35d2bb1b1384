/*
 * test_optimiser.c: AdamW, its schedule, clipping, averages and kept state
 * against steps written out by hand.
 */
#include "fixture.h"

#include <math.h>
#include <string.h>

#include "hamnet/optimiser.h"

#define PARAMETERS 5

/* Weights 0 and 1 decay, 2 learns three times as fast and does not, 3 and 4 are frozen. */
static const HnParameterGroup groups[] = {
	{.begin = 0, .count = 2, .rate = 1, .decay = true},
	{.begin = 2, .count = 1, .rate = 3, .decay = false},
};

static HnOptimiserOptions
plain_options(void)
{
	HnOptimiserOptions options = hn_optimiser_defaults;

	options.rate = 0.1;
	options.final_rate = 1;
	options.total_steps = 100;
	options.weight_decay = 0.01;
	options.clip = 0;
	return options;
}

static void
begin(const HnOptimiserOptions *options, real *parameters, HnOptimiser *optimiser)
{
	const real	start[PARAMETERS] = {1, -2, 0.5, 7, 8};

	memcpy(parameters, start, sizeof(start));
	must(hn_optimiser_init(&context, options, groups, 2, parameters, PARAMETERS, optimiser));
}

static void
test_schedule(void **state)
{
	HnOptimiserOptions options = hn_optimiser_defaults;

	(void) state;
	options.rate = 2;
	options.final_rate = 0.1;
	options.warmup_steps = 4;
	options.total_steps = 15;
	assert_float_equal(hn_learning_rate(&options, 0), 0.5, 1e-12);
	assert_float_equal(hn_learning_rate(&options, 3), 2, 1e-12);
	assert_float_equal(hn_learning_rate(&options, 4), 2, 1e-12);
	assert_float_equal(hn_learning_rate(&options, 9), 2 * (0.1 + 0.9 / 2), 1e-12);
	assert_float_equal(hn_learning_rate(&options, 14), 0.2, 1e-12);
	assert_float_equal(hn_learning_rate(&options, 1000), 0.2, 1e-12);
	for (int step = 4; step < 14; step++)
		assert_true(hn_learning_rate(&options, step + 1) < hn_learning_rate(&options, step));

	options.warmup_steps = 0;
	options.total_steps = 1;
	assert_float_equal(hn_learning_rate(&options, 0), 2, 1e-12);
}

/* The definition, one parameter at a time and in double. */
static void
reference_step(int step, double rate, double decay, double g, double *p, double *m, double *v)
{
	*m = 0.9 * *m + 0.1 * g;
	*v = 0.999 * *v + 0.001 * g * g;
	*p -= rate * (*m / (1 - pow(0.9, step))) / (sqrt(*v / (1 - pow(0.999, step))) + 1e-8) + rate * decay * *p;
}

static void
test_steps(void **state)
{
	HnOptimiserOptions options = plain_options();
	HnOptimiser optimiser;
	real		parameters[PARAMETERS];
	const double first[3] = {4, -1, 2};
	const double second[3] = {-1, -1, 0.5};
	const double third[3] = {0.25, 3, -8};
	const double *const gradients[] = {first, second, third};
	double		p[3] = {1, -2, 0.5};
	double		m[3] = {0};
	double		v[3] = {0};

	(void) state;
	begin(&options, parameters, &optimiser);
	for (int step = 0; step < 3; step++)
	{
		/* A sum over 4 terms; what is frozen has a gradient too, which counts nowhere. */
		real		sum[PARAMETERS] = {0, 0, 0, 1e6f, INFINITY};
		HnStepReport report;
		double		norm = 0;

		for (int k = 0; k < 3; k++)
		{
			sum[k] = (real) (4 * gradients[step][k]);
			norm += gradients[step][k] * gradients[step][k];
			reference_step(step + 1, k == 2 ? 0.3 : 0.1, k == 2 ? 0 : 0.01, gradients[step][k], &p[k], &m[k], &v[k]);
		}
		must(hn_optimiser_step(&context, &optimiser, sum, 4, &report));
		assert_float_equal(report.gradient_norm, sqrt(norm), 1e-6);
		assert_float_equal(report.rate, 0.1, 1e-12);
		for (int k = 0; k < 3; k++)
			assert_float_equal(parameters[k], p[k], 2e-6);
	}
	assert_true(parameters[3] == 7 && parameters[4] == 8);
	assert_int_equal(optimiser.step, 3);

	/* By hand: the first step has the length of the learning rate whatever the gradient. */
	begin(&options, parameters, &optimiser);
	must(hn_optimiser_step(&context, &optimiser, (const real[PARAMETERS]) {4, -1, 2, 0, 0}, 1, NULL));
	assert_float_equal(parameters[0], 1 - 0.1 - 0.001, 1e-6);
	assert_float_equal(parameters[1], -2 + 0.1 + 0.002, 1e-6);
	assert_float_equal(parameters[2], 0.5 - 0.3, 1e-6);
}

/* Moments tell what gradient arrived: clipping shortens it to the limit, and never stretches it. */
static void
test_clipping(void **state)
{
	HnOptimiserOptions options = plain_options();
	HnOptimiser optimiser;
	real		parameters[PARAMETERS];

	(void) state;
	options.clip = 1;
	begin(&options, parameters, &optimiser);
	must(hn_optimiser_step(&context, &optimiser, (const real[PARAMETERS]) {6, 0, 8, 100, 0}, 2, NULL));
	assert_float_equal(optimiser.first[0], 0.1 * 0.6, 1e-7);
	assert_float_equal(optimiser.first[2], 0.1 * 0.8, 1e-7);
	begin(&options, parameters, &optimiser);
	must(hn_optimiser_step(&context, &optimiser, (const real[PARAMETERS]) {0.6f, 0, 0.2f, 100, 0}, 2, NULL));
	assert_float_equal(optimiser.first[0], 0.1 * 0.3, 1e-7);
	assert_float_equal(optimiser.first[2], 0.1 * 0.1, 1e-7);
}

static void
test_refused_steps(void **state)
{
	HnOptimiserOptions options = plain_options();
	HnOptimiser optimiser;
	real		parameters[PARAMETERS];

	(void) state;
	begin(&options, parameters, &optimiser);
	assert_int_equal(hn_optimiser_step(&context, &optimiser, (const real[PARAMETERS]) {NAN, 0, 0, 0, 0}, 1, NULL),
					 HN_NOT_FINITE);
	assert_int_equal(hn_optimiser_step(&context, &optimiser, (const real[PARAMETERS]) {1, 0, 0, 0, 0}, 0, NULL),
					 HN_INVALID_ARGUMENT);
	assert_true(parameters[0] == 1 && optimiser.step == 0 && optimiser.first[0] == 0);
}

static void
test_refused_options(void **state)
{
	HnOptimiserOptions bad[10];
	HnOptimiser optimiser;
	real		parameters[PARAMETERS] = {0};

	(void) state;
	for (int i = 0; i < 10; i++)
		bad[i] = plain_options();
	bad[0].rate = 0;
	bad[1].rate = NAN;
	bad[2].beta1 = 1;
	bad[3].beta2 = -0.1;
	bad[4].epsilon = 0;
	bad[5].weight_decay = NAN;
	bad[6].clip = -1;
	bad[7].total_steps = 0;
	bad[8].warmup_steps = bad[8].total_steps;
	bad[9].final_rate = 2;
	for (int i = 0; i < 10; i++)
		assert_int_equal(hn_optimiser_init(&context, &bad[i], groups, 2, parameters, PARAMETERS, &optimiser),
						 HN_INVALID_ARGUMENT);
}

/* The average against that of the weights that the steps made; frozen ones are their own. */
static void
test_averages(void **state)
{
	HnOptimiserOptions options = plain_options();
	HnOptimiser optimiser;
	real		parameters[PARAMETERS];
	double		average = 1;

	(void) state;
	begin(&options, parameters, &optimiser);
	must(hn_optimiser_step(&context, &optimiser, (const real[PARAMETERS]) {1, 1, 1, 1, 1}, 1, NULL));
	assert_ptr_equal(hn_optimiser_weights(&optimiser), parameters);

	options.averaging = HN_AVERAGE_EXPONENTIAL;
	options.average_decay = 0.3;
	begin(&options, parameters, &optimiser);
	for (int step = 0; step < 6; step++)
	{
		double		decay = fmin(0.3, (1 + step) / (10.0 + step));

		must(hn_optimiser_step(&context, &optimiser, (const real[PARAMETERS]) {1, 1, 1, 1, 1}, 1, NULL));
		average = decay * average + (1 - decay) * parameters[0];
	}
	assert_float_equal(hn_optimiser_weights(&optimiser)[0], average, 1e-6);
	assert_true(hn_optimiser_weights(&optimiser)[3] == 7);
	assert_true(hn_optimiser_weights(&optimiser)[4] == 8);
}

static void
some_steps(HnOptimiser *optimiser, int count)
{
	for (int k = 0; k < count; k++)
	{
		int64_t		s = optimiser->step;
		real		gradient[PARAMETERS] = {(real) (s % 3), (real) (1 - s % 2), (real) s, 0, 0};

		must(hn_optimiser_step(&context, optimiser, gradient, 1, NULL));
	}
}

/* Going on from a kept state is the same as never having stopped, bit for bit. */
static void
test_kept_state(void **state)
{
	HnOptimiserOptions options = plain_options();
	HnOptimiser undisturbed;
	HnOptimiser resumed;
	real		a[PARAMETERS];
	real		b[PARAMETERS];
	unsigned char *bytes;
	size_t		size;

	(void) state;
	options.averaging = HN_AVERAGE_EXPONENTIAL;
	begin(&options, a, &undisturbed);
	some_steps(&undisturbed, 3);
	must(hn_optimiser_save(&context, &undisturbed, &bytes, &size));
	some_steps(&undisturbed, 4);

	begin(&options, b, &resumed);
	must(hn_optimiser_restore(&context, &resumed, bytes, size));
	assert_int_equal(resumed.step, 3);
	some_steps(&resumed, 4);
	assert_memory_equal(a, b, sizeof(a));
	assert_memory_equal(undisturbed.average, resumed.average, sizeof(a));
	assert_memory_equal(undisturbed.first, resumed.first, sizeof(a));
	assert_memory_equal(undisturbed.second, resumed.second, sizeof(a));
}

/* Every damaged byte, every wrong length and other options are noticed, and nothing changes. */
static void
test_damaged_state(void **state)
{
	HnOptimiserOptions options = plain_options();
	HnOptimiser optimiser;
	HnOptimiser other;
	real		parameters[PARAMETERS];
	real		untouched[PARAMETERS];
	unsigned char *bytes;
	size_t		size;

	(void) state;
	begin(&options, parameters, &optimiser);
	some_steps(&optimiser, 2);
	must(hn_optimiser_save(&context, &optimiser, &bytes, &size));
	begin(&options, untouched, &other);
	for (size_t k = 0; k < size; k++)
	{
		bytes[k] ^= 0x10;
		assert_int_equal(hn_optimiser_restore(&context, &other, bytes, size), HN_INVALID_ARGUMENT);
		bytes[k] ^= 0x10;
		assert_int_equal(hn_optimiser_restore(&context, &other, bytes, k), HN_INVALID_ARGUMENT);
	}
	assert_int_equal(hn_optimiser_restore(&context, &other, bytes, size + 1), HN_INVALID_ARGUMENT);
	assert_true(untouched[0] == 1 && other.step == 0 && other.first[0] == 0);

	options.rate = 0.2;
	begin(&options, untouched, &other);
	assert_int_equal(hn_optimiser_restore(&context, &other, bytes, size), HN_INVALID_ARGUMENT);
	must(hn_optimiser_restore(&context, &optimiser, bytes, size));
}

/* A state whose checksum is right, but that no training comes to, is refused, and nothing changes. */
static void
expect_forgery_refused(const HnOptimiser *forged, const HnOptimiserOptions *options)
{
	HnOptimiser other;
	real		untouched[PARAMETERS];
	unsigned char *bytes;
	size_t		size;

	must(hn_optimiser_save(&context, forged, &bytes, &size));
	begin(options, untouched, &other);
	assert_int_equal(hn_optimiser_restore(&context, &other, bytes, size), HN_INVALID_ARGUMENT);
	assert_non_null(strstr(context.message, "cannot be"));
	assert_true(untouched[0] == 1 && other.step == 0 && other.averaged == 0 && other.first[0] == 0);
}

static void
test_forged_state(void **state)
{
	static const int64_t steps[][2] = {{-1, 0}, {INT64_MAX, 0}, {INT64_MIN, 0}, {1, -1}, {1, 2}, {2, 1}};
	static const real numbers[] = {(real) NAN, (real) INFINITY, (real) -INFINITY};
	HnOptimiserOptions options = plain_options();
	HnOptimiser optimiser;
	real		parameters[PARAMETERS];

	(void) state;
	begin(&options, parameters, &optimiser);
	some_steps(&optimiser, 2);
	/* the last of them without an average */
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
	{
		HnOptimiser forged = optimiser;

		forged.step = steps[i][0];
		forged.averaged = steps[i][1];
		expect_forgery_refused(&forged, &options);
	}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
	{
		real	   *places[] = {&optimiser.parameters[1], &optimiser.first[PARAMETERS - 1], &optimiser.second[0]};

		for (int k = 0; k < 3; k++)
		{
			real		kept = *places[k];

			*places[k] = numbers[i];
			expect_forgery_refused(&optimiser, &options);
			*places[k] = kept;
		}
	}
	optimiser.second[0] = -1;
	expect_forgery_refused(&optimiser, &options);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_schedule),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_clipping),
		cmocka_unit_test(test_refused_steps),
		cmocka_unit_test(test_refused_options),
		cmocka_unit_test(test_averages),
		cmocka_unit_test(test_kept_state),
		cmocka_unit_test(test_damaged_state),
		cmocka_unit_test(test_forged_state),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
