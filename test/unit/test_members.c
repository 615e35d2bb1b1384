/*
 * test_members.c: ensembles of networks, joined of models that differ in their
 * parameters.
 */
#include "heads.h"

#define D 6						/* fingerprint */
#define QUERIES 7

static const real *
random_fingerprints(int count)
{
	real	   *fingerprints = GET(real, count * D);

	for (int i = 0; i < count * D; i++)
		fingerprints[i] = (real) (4 * uniform());
	return fingerprints;
}

/* Predictions of a model's first head for a batch of real molecules would need graphs: fingerprints will do. */
static void
test_ensemble(void **state)
{
	HnModel		models[3] = {network_model(D, 1), network_model(D, 2), network_model(D, 3)};
	const HnModel *members[3] = {&models[0], &models[1], &models[2]};
	HnModel		joined;
	HnModel		again;
	HnInputs	queries = {.count = QUERIES, .fingerprints = random_fingerprints(3 * QUERIES)};	/* of each generator */
	double		single[3][QUERIES * 2];
	double		values[QUERIES * 2];
	double		sds[QUERIES * 2];

	(void) state;
	must(hn_model_join(&context, members, 3, &joined));
	assert_int_equal(joined.other_count, 2);
	assert_int_equal(hn_networks(&joined.heads[0])->member_count, 3);
	must(write_and_read(&joined, &again));
	for (int m = 0; m < 3; m++)
	{
		HnInputs	own = {.count = QUERIES, .fingerprints = queries.fingerprints + m * QUERIES * D};

		must(hn_predict(&context, &models[m], &models[m].heads[0], &own, single[m], sds));
		for (int i = 0; i < QUERIES * 2; i++)
			assert_true(isnan(sds[i]));
	}
	must(hn_predict(&context, &again, &again.heads[0], &queries, values, sds));
	for (int i = 0; i < QUERIES * 2; i++)
	{
		double		mean = (single[0][i] + single[1][i] + single[2][i]) / 3;
		double		squares = 0;

		for (int m = 0; m < 3; m++)
			squares += (single[m][i] - mean) * (single[m][i] - mean);
		expect_close("a mean", values[i], mean, 1e-9);
		expect_close("a spread", sds[i], sqrt(squares / 2), 1e-9);
	}
}

/* A view of an ensemble lies in its own block, and leaves the model where it is. */
static void
test_ensemble_view(void **state)
{
	HnModel		models[2] = {network_model(D, 1), network_model(D, 2)};
	const HnModel *members[2] = {&models[0], &models[1]};
	HnModel		joined;
	HnModel		view;
	HnTensor   *tensors[2];
	real	   *block;
	int			counts[2];

	(void) state;
	must(hn_model_join(&context, members, 2, &joined));
	block = GET(real, joined.parameter_count);
	must(hn_model_view(&context, &joined, block, &view));
	must(hn_model_tensors(&context, &joined, &tensors[0], &counts[0]));
	must(hn_model_tensors(&context, &view, &tensors[1], &counts[1]));
	assert_int_equal(counts[0], counts[1]);
	for (int i = 0; i < counts[0]; i++)
		assert_int_equal(*tensors[0][i].data - joined.parameters, *tensors[1][i].data - block);
}

/* Members on one generator share it. */
static void
test_shared_generator(void **state)
{
	HnModel		a = network_model(D, 1);
	HnModel		b = network_model(D, 1);
	const HnModel *members[2] = {&a, &b};
	HnModel		joined;
	HnModel		again;
	HnModel		ensemble;

	(void) state;
	hn_networks(&b.heads[0])->layers[0].weight[0] += 1;
	must(hn_model_join(&context, members, 2, &joined));
	assert_int_equal(joined.other_count, 0);
	assert_int_equal(hn_networks(&joined.heads[0])->member_count, 2);
	must(write_and_read(&joined, &again));
	assert_true(hn_networks(&again.heads[0])->layers[2].weight[0] == hn_networks(&b.heads[0])->layers[0].weight[0]);

	members[1] = &joined;
	assert_int_equal(hn_model_join(&context, members, 2, &ensemble), HN_INVALID_ARGUMENT);
	b.heads[0].targets[0].mean = 1;
	members[1] = &b;
	assert_int_equal(hn_model_join(&context, members, 2, &ensemble), HN_INVALID_ARGUMENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ensemble, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ensemble_view, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_shared_generator, set_up, tear_down)
	};

	return cmocka_run_group_tests_name("members", tests, NULL, NULL);
}
