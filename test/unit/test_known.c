/*
 * test_known.c: the novelty of molecules against its definition, its scale,
 * and what heads remember through the model file.
 */
#include "heads.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hamnet/gp.h"
#include "hamnet/known.h"

#define D 70					/* more than is compared at a time */
#define KNOWN 40
#define HELD 33

/* Fingerprints of molecules that never were, none below 0; the third column is constant. */
static real *
random_fingerprints(int count, double largest)
{
	real	   *fingerprints = GET(real, count * D);

	for (int i = 0; i < count * D; i++)
		fingerprints[i] = i % D == 2 ? 5 : (real) (largest * uniform() * uniform());
	return fingerprints;
}

/* A head with nothing but a name. */
static HnHead
plain_head(void)
{
	HnHead		head = {.name = "assay", .target_count = 1};

	head.targets = GET(HnTarget, 1);
	head.targets[0] = (HnTarget){"y", "", 0, 1};
	return head;
}

static HnHead
head_that_knows(const real *known, int count, const real *held, int held_count)
{
	HnHead		head = plain_head();

	must(hn_known_make(&context, &head, D, known, count, held, held_count));
	return head;
}

/* The standardised number in steps, by the definition. */
static double
step_of(const float *center, const float *scale, const real *fingerprint, int k)
{
	double		step = ((double) log1pf((float) fingerprint[k]) - center[k]) * scale[k];

	return rint(step < -127 ? -127 : step > 127 ? 127 : step);
}

static double
distance_of(const float *center, const float *scale, const real *a, const real *b)
{
	double		sum = 0;

	for (int k = 0; k < D; k++)
		sum += pow((step_of(center, scale, a, k) - step_of(center, scale, b, k)) / 21, 2);
	return sqrt(sum / D);
}

static double
novelty_of(const HnHead *head, const real *fingerprint)
{
	double		novelty;

	must(hn_known_novelty(&context, head, fingerprint, 1, &novelty));
	return novelty;
}

static void
test_definition(void **state)
{
	real	   *known = random_fingerprints(KNOWN, 4);
	real	   *queries = random_fingerprints(HELD, 9);
	HnHead		head = head_that_knows(known, KNOWN, queries, HELD);

	(void) state;
	assert_non_null(hn_known(&head));
	for (int i = 0; i < HELD; i++)
	{
		double		least = INFINITY;

		for (int j = 0; j < KNOWN; j++)
			least = fmin(least, distance_of(hn_known(&head)->center, hn_known(&head)->scale, queries + i * D, known + j * D));
		expect_close("a novelty", novelty_of(&head, queries + i * D), least / hn_known(&head)->distance,
					 1e-9 * (1 + least / hn_known(&head)->distance));
	}
	assert_true(hn_known(&head)->scale[2] == 0);
}

static void
test_known_molecules(void **state)
{
	real	   *known = random_fingerprints(KNOWN, 4);
	real	   *far = GET(real, D);
	HnHead		head = head_that_knows(known, KNOWN, random_fingerprints(HELD, 5), HELD);

	(void) state;
	for (int i = 0; i < KNOWN; i++)
		assert_true(novelty_of(&head, known + i * D) == 0);
	for (int k = 0; k < D; k++)
		far[k] = 1e6;
	assert_true(novelty_of(&head, far) > 1);
	/* A column that never varied says nothing. */
	memcpy(far, known, D * sizeof(real));
	far[2] = 50;
	assert_true(novelty_of(&head, far) == 0);
}

/* Of so many numbers, how many are at most 1, and whether one is 1. */
static void
expect_scale(const double *novelties, int count)
{
	int			within = 0;
	int			at = 0;

	for (int i = 0; i < count; i++)
	{
		within += novelties[i] <= 1;
		at += novelties[i] == 1;
	}
	assert_true(within >= 0.95 * count && within < 0.95 * count + 1 + at);
	assert_true(at >= 1);
}

static void
test_scale(void **state)
{
	real	   *known = random_fingerprints(KNOWN, 4);
	double		novelties[HELD];

	(void) state;
	for (int count = 1; count <= HELD; count++)
	{
		real	   *held = random_fingerprints(count, 6);
		HnHead		head = head_that_knows(known, KNOWN, held, count);

		must(hn_known_novelty(&context, &head, held, count, novelties));
		expect_scale(novelties, count);
		/* One by one as all together. */
		for (int i = 0; i < count; i++)
			assert_true(novelty_of(&head, held + i * D) == novelties[i]);
	}
}

static void
test_scale_by_itself(void **state)
{
	real	   *known = random_fingerprints(KNOWN, 4);
	HnHead		head = head_that_knows(known, KNOWN, NULL, 0);
	double		novelties[KNOWN];

	(void) state;
	for (int i = 0; i < KNOWN; i++)
	{
		double		least = INFINITY;

		for (int j = 0; j < KNOWN; j++)
			if (j != i)
				least = fmin(least, distance_of(hn_known(&head)->center, hn_known(&head)->scale, known + i * D, known + j * D));
		novelties[i] = least / hn_known(&head)->distance;
	}
	/* Both sides are sums of the same integers, up to the division by 21. */
	for (int i = 0; i < KNOWN; i++)
		if (fabs(novelties[i] - 1) < 1e-12)
			novelties[i] = 1;
	expect_scale(novelties, KNOWN);
}

static void
test_nothing_to_measure(void **state)
{
	real	   *known = random_fingerprints(KNOWN, 4);
	HnHead		none = plain_head();
	HnHead		head;

	(void) state;
	assert_true(isnan(novelty_of(&none, known)));
	head = head_that_knows(known, 1, NULL, 0);
	assert_null(hn_known(&head));
	head = head_that_knows(known, KNOWN, known, KNOWN);
	assert_null(hn_known(&head));
	head = head_that_knows(NULL, 0, known, KNOWN);
	assert_null(hn_known(&head));
	assert_true(isnan(novelty_of(&head, known)));
}

static bool
interrupt(void *state)
{
	(void) state;
	return true;
}

static void
test_interrupt(void **state)
{
	real	   *known = random_fingerprints(KNOWN, 4);
	HnHead		head = plain_head();

	(void) state;
	context.interrupted = interrupt;
	assert_int_equal(hn_known_make(&context, &head, D, known, KNOWN, NULL, 0), HN_INTERRUPTED);
}

/* A head whose Gaussian process compares fingerprints, or only descriptors, fitted to the molecules. */
static HnHead
gp_head(const real *fingerprints, bool compares_fingerprints)
{
	HnFitOptions options = {
		.fingerprint = compares_fingerprints, .descriptors = compares_fingerprints ? NULL : &hn_descriptors_rdkit_2d
	};
	HnHead		head = plain_head();
	real	   *descriptors = GET(real, KNOWN * hn_descriptors_rdkit_2d.count);
	real	   *labels = GET(real, KNOWN);
	HnFitReport report;
	HnInputs	inputs = {KNOWN, fingerprints, descriptors, NULL};

	for (int i = 0; i < KNOWN * hn_descriptors_rdkit_2d.count; i++)
		descriptors[i] = (real) uniform();
	for (int i = 0; i < KNOWN; i++)
		labels[i] = fingerprints[i * D] + descriptors[i * hn_descriptors_rdkit_2d.count];
	must(hn_gp_fit(&context, &inputs, D, labels, &options, &head, &report));
	return head;
}

static void
test_gp(void **state)
{
	real	   *known = random_fingerprints(KNOWN, 4);
	real	   *held = random_fingerprints(HELD, 6);

	(void) state;
	for (int compares = 0; compares <= 1; compares++)
	{
		HnHead		head = gp_head(known, compares);

		assert_int_equal(hn_known_by_gp(&head), compares);
		must(hn_known_make(&context, &head, D, compares ? NULL : known, compares ? 0 : KNOWN, held, HELD));
		assert_int_equal(hn_known(&head)->rows, compares ? 0 : KNOWN);
		for (int i = 0; i < KNOWN; i++)
			assert_true(novelty_of(&head, known + i * D) == 0);
		assert_true(novelty_of(&head, held) > 0);
	}
}

/* A model with a network head and both kinds of Gaussian processes, all of which remember. */
static HnModel
model_that_knows(const real *known, const real *held)
{
	HnModel		model = {.features = &hn_features_2021};
	HnHead		network = plain_head();
	HnTensor   *tensors;
	int			count;

	model.fingerprint_config = (HnFingerprintConfig)
	{
		.dim = D, .edge_dim = 5, .layers = 1, .rounds = 1
	};
	network.parts[HN_NETWORKS] = GET(HnNetworks, 1);
	hn_networks(&network)->layer_count = 1;
	hn_networks(&network)->layers = GET(HnLinear, 1);
	model.head_count = 1;
	model.heads = GET(HnHead, 3);
	model.heads[0] = network;
	must(hn_model_allocate(&context, &model));
	must(hn_model_tensors(&context, &model, &tensors, &count));
	hn_model_initialise(tensors, count, 1);
	for (int i = 1; i < 3; i++)
	{
		model.heads[i] = gp_head(known, i == 1);
		model.heads[i].name = i == 1 ? "kernel" : "other";
		model.heads[i].targets[0].name = model.heads[i].name;
	}
	model.head_count = 3;
	for (int i = 0; i < 3; i++)
		must(hn_known_make(&context, &model.heads[i], D, known, KNOWN, held, HELD));
	return model;
}

static void
test_file(void **state)
{
	real	   *known = random_fingerprints(KNOWN, 4);
	real	   *held = random_fingerprints(HELD, 6);
	HnModel		model = model_that_knows(known, held);
	HnModel		again;
	HnModel		forgetful;

	(void) state;
	must(write_and_read(&model, &again));
	for (int h = 0; h < 3; h++)
		for (int i = 0; i < HELD; i++)
			assert_true(novelty_of(&again.heads[h], held + i * D) == novelty_of(&model.heads[h], held + i * D));

	/* A file without the key says that nothing is known. */
	for (int h = 0; h < 3; h++)
		model.heads[h].parts[HN_KNOWN] = NULL;
	must(write_and_read(&model, &forgetful));
	assert_true(isnan(novelty_of(&forgetful.heads[0], held)));
	assert_true(isnan(novelty_of(&forgetful.heads[1], held)));
}

static void
test_damaged_file(void **state)
{
	real	   *known = random_fingerprints(KNOWN, 4);
	HnModel		model = model_that_knows(known, random_fingerprints(HELD, 6));
	HnKnown    *table = hn_known(&model.heads[0]);
	HnKnown    *shared = hn_known(&model.heads[1]);
	double		distance = table->distance;

	(void) state;
	table->scale[3] = -1;
	expect_damage(&model, "negative");
	table->scale[3] = 1;
	table->distance = 0;
	expect_damage(&model, "distance");
	table->distance = -1;
	expect_damage(&model, "distance");
	table->distance = 1e9;
	expect_damage(&model, "distance");
	/* By this the novelty would be infinite. */
	table->distance = 1e-320;
	expect_damage(&model, "distance");
	table->distance = distance;

	/* Rows where the Gaussian process has them, none where nobody has, too many. */
	*shared = *table;
	expect_damage(&model, "rows, which its kernel has already");
	shared->rows = 0;
	table->rows = 0;
	expect_damage(&model, "rows");
	table->rows = HN_MAX_KNOWN + 1;
	assert_int_equal(hn_model_shape(&context, &model), HN_INVALID_MODEL);
	table->rows = KNOWN;
	shared->rows = KNOWN;
	assert_int_equal(hn_model_shape(&context, &model), HN_INVALID_MODEL);
	shared->rows = 0;
	must(hn_model_shape(&context, &model));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_definition, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_known_molecules, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_scale, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_scale_by_itself, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nothing_to_measure, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_interrupt, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_gp, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_damaged_file, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
