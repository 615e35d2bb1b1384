/*
 * test_training_setup.c: what a training begins with: orders and shares, scales of
 * targets, and models made of others.
 */
#include "training_model.h"

static void
test_orders_and_shares(void **state)
{
	int			order[1000];
	int			other[1000];
	int			same = 0;

	(void) state;
	for (int n = 0; n <= 1000; n = 3 * n + 1)
	{
		bool		seen[1000] = {false};

		hn_epoch_order(5, 1, n, order);
		for (int i = 0; i < n; i++)
		{
			assert_true(order[i] >= 0 && order[i] < n);
			assert_false(seen[order[i]]);
			seen[order[i]] = true;
		}
		for (int workers = 1; workers <= 5; workers++)
		{
			int			next = 0;

			for (int w = 0; w < workers; w++)
			{
				int			begin;
				int			end;

				hn_share(n, workers, w, &begin, &end);
				assert_int_equal(begin, next);
				assert_true(end - begin >= n / workers && end - begin <= n / workers + 1);
				next = end;
			}
			assert_int_equal(next, n);
		}
	}
	hn_epoch_order(5, 1, 1000, order);
	hn_epoch_order(5, 2, 1000, other);
	for (int i = 0; i < 1000; i++)
		same += order[i] == other[i];
	assert_true(same <= 10);
}

/* Members of a group come in runs of the wanted length, each as often as before; others stay single. */
static void
test_order_in_runs(void **state)
{
	enum
	{
		N = 500, RUN = 4
	};
	double		group[N];
	int			order[N];
	int			other[N];
	bool		seen[N] = {false};
	int			length = 0;
	int			short_runs = 0;

	(void) state;
	for (int i = 0; i < N; i++)
		group[i] = i % 5 == 0 ? NAN : (i % 3 ? 1 : -1) * (1 + i % 7);
	must(hn_epoch_order_in_runs(&context, 5, 1, N, group, RUN, order));
	for (int i = 0; i < N; i++)
	{
		bool		follows = i > 0 && fabs(group[order[i]]) == fabs(group[order[i - 1]]);

		assert_false(seen[order[i]]);
		seen[order[i]] = true;
		if (!follows)
			short_runs += i > 0 && !isnan(group[order[i - 1]]) && length % RUN != 0;
		length = follows ? length + 1 : 1;
	}
	/* One of each group, at most: what is left over. */
	assert_true(short_runs <= 7);
	must(hn_epoch_order_in_runs(&context, 5, 2, N, group, RUN, other));
	assert_memory_not_equal(order, other, sizeof(order));
	for (int i = 0; i < N; i++)
		group[i] = NAN;
	must(hn_epoch_order_in_runs(&context, 5, 1, N, group, RUN, order));
	hn_epoch_order(5, 1, N, other);
	assert_memory_equal(order, other, sizeof(order));
}

static void
test_standardising(void **state)
{
	double		sum = 0;
	double		squares = 0;
	int			n = 0;
	HnExample	bad[3] = {examples[0], examples[1], examples[2]};
	double		labels[3][TARGETS] = {{1, 0}, {2, 1}, {3, 1}};

	(void) state;
	for (int i = 0; i < MOLECULES; i++)
		if (!isnan(examples[i].targets[0]))
		{
			sum += examples[i].targets[0];
			squares += examples[i].targets[0] * examples[i].targets[0];
			n++;
		}
	assert_float_equal(model.heads[0].targets[0].mean, sum / n, 1e-9);
	assert_float_equal(model.heads[0].targets[0].std, sqrt(squares / n - sum / n * sum / n), 1e-9);
	assert_true(model.heads[1].targets[0].mean == 0 && model.heads[1].targets[0].std == 1);

	for (int i = 0; i < 3; i++)
		bad[i].targets = labels[i];
	must(hn_training_standardise(&context, &model, bad, 3));
	labels[0][0] = labels[1][0] = labels[2][0] = 0.1;
	assert_int_equal(hn_training_standardise(&context, &model, bad, 3), HN_INVALID_ARGUMENT);
	assert_non_null(strstr(context.message, "\"size\" has the same value, 0.1, in all 3"));
	labels[0][0] = labels[1][0] = labels[2][0] = NAN;
	assert_int_equal(hn_training_standardise(&context, &model, bad, 3), HN_INVALID_ARGUMENT);
	assert_non_null(strstr(context.message, "\"size\" has no label"));
	labels[0][0] = 1;
	labels[1][0] = INFINITY;
	assert_int_equal(hn_training_standardise(&context, &model, bad, 3), HN_INVALID_ARGUMENT);
	labels[1][0] = 2;
	labels[0][1] = 1;
	assert_int_equal(hn_training_standardise(&context, &model, bad, 3), HN_INVALID_ARGUMENT);
	assert_non_null(strstr(context.message, "one class only, 1"));
	labels[0][1] = 0.5;
	assert_int_equal(hn_training_standardise(&context, &model, bad, 3), HN_INVALID_ARGUMENT);
	assert_non_null(strstr(context.message, "0.5"));
}

/* Other heads on the same trunk: the same fingerprints, a file that reads back, nothing left of the base. */
static void
test_other_heads(void **state)
{
	HnTarget	targets[] = {{"a", "u", 0, 1}, {"b", "", 2, 3}};
	HnLinear	layers[] = {{.out = 12}, {.out = 0}};
	HnHead		head = {
		.name = "assay", .task = HN_REGRESSION, .target_count = 2, .targets = targets,
		.parts = {&(HnNetworks) {.layer_count = 2, .layers = layers}}
	};
	HnModel		other;
	HnModel		again;
	HnModel		reseeded;
	HnBatch		batch;
	unsigned char *bytes;
	size_t		size;
	real	   *expected;
	real	   *fingerprint;

	(void) state;
	must(hn_batch_build(&context, examples[29].graph, 1, &batch));
	must(hn_fingerprints(&context, &model, &batch, &expected));
	must(hn_model_with_heads(&context, &model, &head, 1, 8, &other));
	must(hn_model_with_heads(&context, &model, &head, 1, 9, &reseeded));
	memset(model.parameters, 0, (size_t) model.parameter_count * sizeof(real));
	memset(targets, 0, sizeof(targets));
	assert_int_equal(hn_model_target_count(&other), 2);
	must(hn_model_write(&context, &other, &bytes, &size));
	must(hn_model_read(&context, bytes, size, &again));
	must(hn_fingerprints(&context, &again, &batch, &fingerprint));
	assert_memory_equal(fingerprint, expected, (size_t) model.fingerprint_config.dim * sizeof(real));
	assert_string_equal(again.heads[0].targets[1].name, "b");
	assert_int_equal(hn_networks(&again.heads[0])->layers[0].out, 12);
	assert_memory_not_equal(hn_networks(&other.heads[0])->layers[0].weight,
							hn_networks(&reseeded.heads[0])->layers[0].weight, 12 * sizeof(real));

	/* Without any head, too, and from a model read in place: the base of other models. */
	must(hn_model_read_in_place(&context, bytes, size, &again));
	must(hn_model_with_heads(&context, &again, NULL, 0, 0, &other));
	must(hn_fingerprints(&context, &other, &batch, &fingerprint));
	assert_memory_equal(fingerprint, expected, (size_t) model.fingerprint_config.dim * sizeof(real));
}

/* A copy of the examples' molecules in another feature set. */
static HnGraph *
describe_again(const HnFeatureSet *features)
{
	HnGraph    *graphs = get(MOLECULES, sizeof(*graphs));

	for (int i = 0; i < MOLECULES; i++)
		must(hn_graph_from_smiles(&context, molecules[i], features, 100, &graphs[i]));
	return graphs;
}

/* A new generator over the engine of another model: the engine says what it said, with more features too. */
static void
test_other_generator(void **state)
{
	static const HnFeatureSet *const sets[] = {&hn_features_2021, &hn_features_2026};
	const HnFingerprintConfig shape = {.dim = 24, .edge_dim = 6, .layers = 3, .rounds = 2, .bond_messages = true};

	(void) state;
	for (int s = 0; s < 2; s++)
	{
		HnGraph    *old_graphs = describe_again(&hn_features_2021);
		HnGraph    *new_graphs = describe_again(sets[s]);
		HnModel		renewed;
		HnModel		reseeded;
		HnModel		same;

		must(hn_model_with_generator(&context, &model, sets[s], &shape, 8, &renewed));
		must(hn_model_with_generator(&context, &model, sets[s], &shape, 9, &reseeded));
		must(hn_model_with_generator(&context, &renewed, sets[s], &shape, 8, &same));
		assert_int_equal(renewed.parameter_count, same.parameter_count);
		assert_memory_equal(renewed.parameters, same.parameters, (size_t) same.parameter_count * sizeof(real));
		assert_memory_not_equal(renewed.atom.weight, reseeded.atom.weight, 24 * sizeof(real));
		assert_ptr_equal(renewed.features, sets[s]);
		assert_int_equal(renewed.head_count, 0);
		assert_int_equal(renewed.layers[2].message.in, 2 * 24 + 8 + 10);
		for (int i = 0; i < MOLECULES; i++)
		{
			HnBatch		old_batch;
			HnBatch		new_batch;
			HnEngineTrace old;
			HnEngineTrace new;
			real	   *fingerprint;

			must(hn_batch_build(&context, &old_graphs[i], 1, &old_batch));
			must(hn_batch_build(&context, &new_graphs[i], 1, &new_batch));
			must(hn_engine_forward(&context, &model, &old_batch, &old));
			must(hn_engine_forward(&context, &renewed, &new_batch, &new));
			for (int k = 0; k < 3 * old_batch.atom_count; k++)
				assert_float_equal(new.positions[k], old.positions[k], 1e-6);
			must(hn_fingerprints(&context, &renewed, &new_batch, &fingerprint));
		}
	}
}

/* Without an engine, and what cannot be. */
static void
test_generator_alone(void **state)
{
	HnFingerprintConfig shape = {.dim = 24, .edge_dim = 6, .layers = 3, .rounds = 2};
	HnModel		alone;
	HnModel		other;

	(void) state;
	must(hn_model_with_generator(&context, NULL, &hn_features_2026, &shape, 8, &alone));
	assert_false(alone.engine_config.enabled);
	assert_int_equal(alone.layers[0].message.in, 2 * 24);
	must(hn_model_with_generator(&context, &alone, &hn_features_2026, &shape, 8, &other));
	assert_memory_equal(other.parameters, alone.parameters, (size_t) alone.parameter_count * sizeof(real));
	assert_int_equal(hn_model_with_generator(&context, &alone, &hn_features_2021, &shape, 8, &other),
					 HN_INVALID_ARGUMENT);
	assert_non_null(strstr(context.message, "feature set \"hamnet-2026\" cannot read feature set \"hamnet-2021\""));
	shape.layers = HN_MAX_LAYERS + 1;
	assert_int_equal(hn_model_with_generator(&context, NULL, &hn_features_2026, &shape, 8, &other), HN_INVALID_MODEL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_orders_and_shares, setup, tear_down),
		cmocka_unit_test_setup_teardown(test_order_in_runs, setup, tear_down),
		cmocka_unit_test_setup_teardown(test_standardising, setup, tear_down),
		cmocka_unit_test_setup_teardown(test_other_heads, setup, tear_down),
		cmocka_unit_test_setup_teardown(test_other_generator, setup, tear_down),
		cmocka_unit_test_setup_teardown(test_generator_alone, setup, tear_down)
	};

	return cmocka_run_group_tests_name("training setup", tests, NULL, NULL);
}
