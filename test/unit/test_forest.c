/*
 * test_forest.c: forests against their definition, and as parts of joint heads,
 * through the model file too.
 */
#include "naive_trees.h"
#include "refusal.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hamnet/forest.h"
#include "hamnet/joint.h"
#include "hamnet/gp.h"
#include "hamnet/training.h"

#define D 6						/* fingerprint */
#define ROWS 150
#define QUERIES 20
#define MEMBERS 3
#define TARGETS 2
#define TREES 7
#define LEAF_ROWS 2				/* that a leaf has at least, of so few rows */

/* A function of the inputs, or whether it is large; some are missing. */
static real *
labels_of(const HnInputs *inputs, HnTask task)
{
	int			width = descriptor_count();
	real	   *labels = GET(real, inputs->count * TARGETS);

	for (int i = 0; i < inputs->count; i++)
		for (int t = 0; t < TARGETS; t++)
		{
			real		x = inputs->descriptors[i * width + 10 + t];
			double		f = 3 * (isnan(x) ? 0 : x) + 2 * inputs->counts[i].counts[t] + 5 * uniform();

			labels[i * TARGETS + t] = uniform() < 0.2 ? NAN : task == HN_REGRESSION ? (real) f : f > 22;
		}
	return labels;
}

static HnHead
fit_forest(const HnInputs *inputs, const real *labels, HnTask task, uint64_t seed)
{
	HnFitOptions options = {
		.descriptors = &hn_descriptors_rdkit_2d, .trees = TREES, .seed = seed
	};
	HnHead		head = {
		.name = "joint", .task = task, .target_count = TARGETS, .targets = make_targets(TARGETS)
	};
	HnFitReport report;

	must(hn_forest_fit(&context, inputs, D, labels, &options, &head, &report));
	assert_int_equal(report.nodes, hn_forest(&head)->trees.node_count);
	return head;
}

/* Every leaf is the mean of the labelled rows that come to it, and they are enough. */
static void
test_leaves(void **state)
{
	(void) state;
	for (HnTask task = HN_REGRESSION; task <= HN_CLASSIFICATION; task++)
	{
		HnInputs	rows = random_inputs(ROWS, D);
		real	   *labels = labels_of(&rows, task);
		HnHead		head = fit_forest(&rows, labels, task, 1);
		const HnForest *forest = hn_forest(&head);
		double	   *sums = GET(double, forest->trees.node_count);
		int		   *counts = GET(int, forest->trees.node_count);

		assert_true(forest->trees.node_count > TARGETS * TREES * 3);
		for (int k = 0; k < TARGETS * TREES; k++)
			for (int i = 0; i < ROWS; i++)
			{
				double		label = labels[i * TARGETS + k / TREES];
				int			leaf = isnan(label) ? -1 : naive_leaf(&forest->trees, &rows, i, naive_root(&forest->trees, k));

				if (leaf >= 0)
				{
					sums[leaf] += label;
					counts[leaf]++;
				}
			}
		for (int node = 0, k = 0; node < forest->trees.node_count; node++)
		{
			HnLeafRange range;

			while (k + 1 < TARGETS * TREES && node >= naive_root(&forest->trees, k + 1))
				k++;
			range = forest->ranges[k / TREES];
			if (forest->trees.columns[node] != HN_TREE_LEAF)
				continue;
			assert_true(counts[node] >= LEAF_ROWS);
			assert_float_equal(range.least + (range.most - range.least) * forest->trees.codes[node] / 255,
							   sums[node] / counts[node], (range.most - range.least) / 509);
		}
	}
}

/* Predictions are the means over the trees; constant columns are in none. */
static void
test_predictions(void **state)
{
	HnInputs	rows = random_inputs(ROWS, D);
	HnInputs	queries = random_inputs(QUERIES, D);
	HnHead		head = fit_forest(&rows, labels_of(&rows, HN_REGRESSION), HN_REGRESSION, 1);
	const HnForest *forest = hn_forest(&head);
	double		values[QUERIES * TARGETS];

	(void) state;
	must(hn_predict(&context, NULL, &head, &queries, values, NULL));
	for (int i = 0; i < QUERIES; i++)
		for (int t = 0; t < TARGETS; t++)
		{
			double		sum = 0;

			for (int k = 0; k < TREES; k++)
				sum += forest->trees.codes[naive_leaf(&forest->trees, &queries, i, naive_root(&forest->trees, t * TREES + k))] / 255.0;
			assert_float_equal(values[i * TARGETS + t], forest->ranges[t].least
							   + sum / TREES * (forest->ranges[t].most - forest->ranges[t].least), 1e-6);
		}
	for (int node = 0; node < forest->trees.node_count; node++)
	{
		assert_int_not_equal(forest->trees.columns[node], 3);
		assert_int_not_equal(forest->trees.columns[node], 5);
		assert_int_not_equal(forest->trees.columns[node], descriptor_count() + 4000);
	}
}

/* It learns: of rows that it has not seen, it orders most pairs. */
static void
test_learning(void **state)
{
	HnInputs	rows = random_inputs(4 * ROWS, D);
	HnInputs	queries = random_inputs(QUERIES, D);
	HnHead		head = fit_forest(&rows, labels_of(&rows, HN_REGRESSION), HN_REGRESSION, 1);
	real	   *truth = labels_of(&queries, HN_REGRESSION);
	double		values[QUERIES * TARGETS];
	int			right = 0;
	int			pairs = 0;

	(void) state;
	must(hn_predict(&context, NULL, &head, &queries, values, NULL));
	for (int i = 0; i < QUERIES * TARGETS; i++)
		for (int j = i % TARGETS; j < i; j += TARGETS)
			if (!isnan(truth[i]) && !isnan(truth[j]))
			{
				right += (truth[i] > truth[j]) == (values[i] > values[j]);
				pairs++;
			}
	assert_true(right > 0.6 * pairs);
}

/* One seed gives one forest, another another. */
static void
test_seed(void **state)
{
	HnInputs	rows = random_inputs(ROWS, D);
	real	   *labels = labels_of(&rows, HN_CLASSIFICATION);
	HnHead		head_a = fit_forest(&rows, labels, HN_CLASSIFICATION, 1);
	HnHead		head_b = fit_forest(&rows, labels, HN_CLASSIFICATION, 1);
	HnHead		head_c = fit_forest(&rows, labels, HN_CLASSIFICATION, 2);
	HnForest   *a = hn_forest(&head_a);
	HnForest   *b = hn_forest(&head_b);
	HnForest   *c = hn_forest(&head_c);

	(void) state;
	assert_int_equal(a->trees.node_count, b->trees.node_count);
	assert_memory_equal(a->trees.columns, b->trees.columns, a->trees.node_count * sizeof(*a->trees.columns));
	assert_memory_equal(a->trees.codes, b->trees.codes, a->trees.node_count);
	assert_true(a->trees.node_count != c->trees.node_count
				|| memcmp(a->trees.columns, c->trees.columns, a->trees.node_count * sizeof(*a->trees.columns)) != 0);
}

/* One class, one row, no label, labels that cannot be. */
static void
test_few_labels(void **state)
{
	HnInputs	rows = random_inputs(ROWS, D);
	real	   *labels = GET(real, ROWS * TARGETS);
	HnFitOptions options = {.descriptors = &hn_descriptors_rdkit_2d, .trees = TREES};
	HnHead		head;
	HnFitReport report;
	double		values[ROWS * TARGETS];

	(void) state;
	for (int i = 0; i < ROWS * TARGETS; i++)
		labels[i] = i % TARGETS == 0 ? 1 : i == 1 ? 0 : NAN;
	head = fit_forest(&rows, labels, HN_CLASSIFICATION, 1);
	assert_int_equal(hn_forest(&head)->trees.node_count, TARGETS * TREES);
	must(hn_predict(&context, NULL, &head, &rows, values, NULL));
	for (int i = 0; i < ROWS * TARGETS; i++)
		assert_true(values[i] == (i % TARGETS == 0));

	labels[1] = NAN;
	assert_int_equal(hn_forest_fit(&context, &rows, D, labels, &options, &head, &report), HN_INVALID_ARGUMENT);
	assert_non_null(strstr(context.message, "target \"b\" has no label"));
	labels[1] = 2;
	assert_int_equal(hn_forest_fit(&context, &rows, D, labels, &options, &head, &report), HN_INVALID_ARGUMENT);
	labels[1] = INFINITY;
	head.task = HN_REGRESSION;
	assert_int_equal(hn_forest_fit(&context, &rows, D, labels, &options, &head, &report), HN_INVALID_ARGUMENT);
	rows.counts = NULL;
	assert_int_equal(hn_predict(&context, NULL, &head, &rows, values, NULL), HN_INVALID_ARGUMENT);
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
	HnInputs	rows = random_inputs(ROWS, D);
	HnFitOptions options = {.descriptors = &hn_descriptors_rdkit_2d, .trees = TREES};
	HnHead		head = {.name = "h", .target_count = TARGETS, .targets = make_targets(TARGETS)};
	HnFitReport report;
	real	   *labels = labels_of(&rows, HN_REGRESSION);

	(void) state;
	context.interrupted = interrupt;
	assert_int_equal(hn_forest_fit(&context, &rows, D, labels, &options, &head, &report), HN_INTERRUPTED);
}

/* A joint head of networks that know nothing, perhaps a Gaussian process, and a forest. */
static HnModel
make_joint(HnTask task, const HnInputs *inputs, bool with_gp)
{
	HnModel		base = {.features = &hn_features_2021};
	HnModel		model;
	real	   *labels = labels_of(inputs, task);
	HnHead		head = {
		.name = "joint", .task = task, .target_count = TARGETS, .targets = make_targets(TARGETS),
		.parts = {&(HnNetworks) {.layer_count = 1, .member_count = MEMBERS, .layers = GET(HnLinear, 1)}}
	};
	HnHead		gp = {.name = "joint", .task = task, .target_count = TARGETS, .targets = make_targets(TARGETS)};
	HnFitOptions options = {.fingerprint = true, .descriptors = &hn_descriptors_rdkit_2d, .counts = true};
	HnFitReport report;
	HnHead		forest = fit_forest(inputs, labels, task, 1);
	HnHead	   *joint = GET(HnHead, 1);

	base.fingerprint_config = (HnFingerprintConfig) {.dim = D, .edge_dim = 4, .layers = 1, .rounds = 1};
	must(hn_model_allocate(&context, &base));
	memset(base.parameters, 0, (size_t) base.parameter_count * sizeof(real));
	must(hn_model_with_heads(&context, &base, &head, 1, 3, &model));
	if (with_gp)
		must(hn_gp_fit(&context, inputs, D, labels, &options, &gp, &report));
	must(hn_joint_make(&context, (const HnHead *[]) {&model.heads[0], &forest, &gp}, with_gp ? 3 : 2, joint));
	hn_joint(joint)->factors[1] = 2.5;
	model.heads = joint;
	return model;
}

/* Value and deviation of a head are those of its parts, by their definitions. */
static void
test_joint(void **state)
{
	(void) state;
	for (int kind = 0; kind < 4; kind++)
	{
		HnTask		task = kind / 2 == 0 ? HN_REGRESSION : HN_CLASSIFICATION;
		bool		with_gp = kind % 2 == 1;
		HnInputs	rows = random_inputs(ROWS, D);
		HnInputs	queries = random_inputs(QUERIES, D);
		HnModel		model = make_joint(task, &rows, with_gp);
		HnHead	   *joint = &model.heads[0];
		HnHead		part;
		double		values[QUERIES * TARGETS];
		double		sds[QUERIES * TARGETS];
		double		networks[QUERIES * TARGETS];
		double		networks_sd[QUERIES * TARGETS];
		double		gp[QUERIES * TARGETS];
		double		gp_sd[QUERIES * TARGETS];
		double		forest[QUERIES * TARGETS];

		assert_float_equal(hn_joint(joint)->shares[HN_FOREST], with_gp ? 1 / 3.0 : 0.5, 1e-9);
		hn_joint(joint)->shares[HN_FOREST] = 0.25;
		hn_joint(joint)->shares[HN_GP] = with_gp ? 0.5 : 0;
		hn_joint_set_rest(hn_joint(joint));
		must(hn_predict(&context, &model, joint, &queries, values, sds));
		part = only_part(joint, HN_FOREST);
		must(hn_predict(&context, &model, &part, &queries, forest, NULL));
		part = only_part(joint, HN_NETWORKS);
		must(hn_predict(&context, &model, &part, &queries, networks, networks_sd));
		part = only_part(joint, HN_GP);
		if (with_gp)
			must(hn_predict(&context, &model, &part, &queries, gp, gp_sd));
		for (int i = 0; i < QUERIES * TARGETS; i++)
		{
			double		w = with_gp ? 0.5 : 0;
			double		k = with_gp ? gp[i] : 0;
			double		ks = with_gp && task == HN_REGRESSION ? gp_sd[i] : 0;
			double		n = networks[i];
			double		f = forest[i];
			double		y = w * k + 0.25 * f + (0.75 - w) * n;
			double		variance = ks * ks + (0.75 - w) * networks_sd[i] * networks_sd[i] + w * (k - y) * (k - y)
				+ 0.25 * (f - y) * (f - y) + (0.75 - w) * (n - y) * (n - y);
			int			m = MEMBERS + 1 + with_gp;
			double		mean = (MEMBERS * n + f + k) / m;

			if (task == HN_CLASSIFICATION)
				variance = ((MEMBERS - 1) * networks_sd[i] * networks_sd[i] + MEMBERS * (n - mean) * (n - mean)
							+ (f - mean) * (f - mean) + with_gp * (k - mean) * (k - mean)) / (m - 1);
			assert_float_equal(values[i], y, 1e-5);
			assert_float_equal(sds[i], sqrt(variance) * hn_joint(joint)->factors[i % TARGETS], 1e-4);
		}
	}
}

/* Parts without a share go, but for the Gaussian process that knows the deviation of numbers. */
static void
test_drop(void **state)
{
	(void) state;
	for (HnTask task = HN_REGRESSION; task <= HN_CLASSIFICATION; task++)
	{
		HnInputs	rows = random_inputs(ROWS, D);
		HnModel		model = make_joint(task, &rows, true);
		HnHead	   *joint = &model.heads[0];

		hn_joint_drop(joint);
		assert_non_null(hn_forest(joint));
		assert_non_null(hn_gp(joint));
		hn_joint(joint)->shares[HN_FOREST] = hn_joint(joint)->shares[HN_GP] = 0;
		hn_joint_drop(joint);
		assert_null(hn_forest(joint));
		assert_int_equal(hn_gp(joint) == NULL, task == HN_CLASSIFICATION);
	}
}

/* What was written is read, and predicts the same. */
static void
test_file(void **state)
{
	HnInputs	rows = random_inputs(ROWS, D);
	HnInputs	queries = random_inputs(QUERIES, D);

	(void) state;
	for (int kind = 0; kind < 4; kind++)
	{
		HnModel		model = make_joint(kind / 2 == 0 ? HN_REGRESSION : HN_CLASSIFICATION, &rows, kind % 2 == 1);
		HnModel		copy;

		check_file(&model, 0, &queries, &copy);
		assert_true(hn_model_needs(&copy).descriptors == &hn_descriptors_rdkit_2d);
		assert_true(hn_model_needs(&copy).counts);
	}
}

static void
test_refusals(void **state)
{
	HnInputs	rows = random_inputs(ROWS, D);
	HnModel		model = make_joint(HN_CLASSIFICATION, &rows, false);
	HnForest   *forest = hn_forest(&model.heads[0]);
	int			last = forest->trees.node_count - 1;
	uint16_t	column = forest->trees.columns[0];

	(void) state;
	expect_refusal(&model, "\\\"forest\\\": 0.5", "\\\"forest\\\": 1.5", "the forest's share of head \"joint\" is 1.5");
	expect_refusal(&model, "\\\"share\\\": 0.0", "\\\"share\\\": 0.5", "the kernel's share of head \"joint\" is 0.5");
	expect_refusal(&model, "\\\"trees\\\": 7", "\\\"trees\\\": 8", "has no end after its");
	expect_refusal(&model, "\\\"trees\\\": 7", "\\\"trees\\\": 6", "nodes over");
	expect_refusal(&model, "\\\"trees\\\": 7", "\\\"trees\\\": 0", "the number of trees of head \"joint\" is 0");
	expect_refusal(&model, "\\\"trees\\\"", "\\\"treez\\\"", "treez");
	expect_refusal(&model, "rdkit-2d-a", "rdkit-2d-b", "unrecognized descriptor set");

	forest->trees.columns[0] = (uint16_t) hn_trees_width(&forest->trees);
	expect_refusal(&model, "a", "a", "node 0 of the forest of head \"joint\" has column");
	forest->trees.columns[0] = HN_TREE_LEAF;
	expect_refusal(&model, "a", "a", "nodes over");
	forest->trees.columns[0] = column;
	forest->trees.columns[last] = 0;
	expect_refusal(&model, "a", "a", "has no end after its");
	forest->trees.columns[last] = HN_TREE_LEAF;
	forest->trees.thresholds[1] = forest->trees.thresholds[0] - 1;
	expect_refusal(&model, "a", "a", "the thresholds of descriptor 0 of head \"joint\" do not ascend");

	model = make_joint(HN_REGRESSION, &rows, false);
	expect_refusal(&model, "\\\"least\\\"", "\\\"laest\\\"", "laest");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_leaves, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_predictions, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_learning, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_seed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_few_labels, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_interrupt, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_joint, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_drop, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refusals, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
