/*
 * test_boosting.c: boosted trees against their definition, and as parts of joint
 * heads, through the model file too.
 */
#include "naive_trees.h"
#include "refusal.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hamnet/boosting.h"
#include "hamnet/joint.h"
#include "hamnet/random.h"
#include "hamnet/training.h"

#define D 6						/* fingerprint */
#define ROWS 120
#define QUERIES 20
#define TARGETS 2
#define TREES 6

/* As boosting_fit.c has them. */
#define RATE 0.015
#define MAX_LEAVES 15
#define MIN_LEAF_ROWS 5
#define ROW_SHARE 0.7
#define COLUMN_SHARE 0.15
#define RIDGE 1.0

/* A function of the inputs, or whether it is large; some are missing. */
static real *
labels_of(const HnInputs *inputs, HnTask task)
{
	int			width = descriptor_count();
	real	   *labels = GET(real, inputs->count * TARGETS);

	for (int i = 0; i < inputs->count; i++)
		for (int t = 0; t < TARGETS; t++)
		{
			double		f = 2 * inputs->counts[i].counts[t] + 5 * uniform();

			for (int k = 0; k < width; k += 2)
				f += isnan(inputs->descriptors[i * width + k]) ? 0 : inputs->descriptors[i * width + k] / 20;
			labels[i * TARGETS + t] = uniform() < 0.2 ? NAN : task == HN_REGRESSION ? (real) f : f > 32;
		}
	return labels;
}

static HnHead
fit_boosting(const HnInputs *inputs, const real *labels, HnTask task, uint64_t seed)
{
	HnFitOptions options = {
		.descriptors = &hn_descriptors_rdkit_2d, .boosting = TREES, .seed = seed
	};
	HnHead		head = {
		.name = "joint", .task = task, .target_count = TARGETS, .targets = make_targets(TARGETS)
	};
	HnFitReport report;

	must(hn_boosting_fit(&context, inputs, D, labels, &options, &head, &report));
	assert_int_equal(report.nodes, hn_boosting(&head)->trees.node_count);
	return head;
}

/* What the twin knows of one target and of one tree. */
typedef struct Twin
{
	const HnBoosting *boosting;
	const HnInputs *inputs;
	int			columns[8192];	/* that are not the same in all rows */
	int			width;
	bool		drawn[8192];	/* by number in columns */
	bool		sampled[ROWS];
	double		gradients[ROWS];
	double		curvatures[ROWS];
} Twin;

static double
worth(double gradient, double curvature)
{
	return gradient * gradient / (curvature + RIDGE);
}

/* Return what a division of some rows by a code of a column gains; 0 if a part is too small. */
static double
naive_gain(const Twin *twin, const bool *rows, int column, int code)
{
	double		gradient[2] = {0, 0};
	double		curvature[2] = {0, 0};
	int			count[2] = {0, 0};

	for (int i = 0; i < ROWS; i++)
		if (rows[i])
		{
			int			side = naive_code(&twin->boosting->trees, twin->inputs, i, column) > code;

			gradient[side] += twin->gradients[i];
			curvature[side] += twin->curvatures[i];
			count[side]++;
		}
	if (count[0] < MIN_LEAF_ROWS || count[1] < MIN_LEAF_ROWS)
		return 0;
	return worth(gradient[0], curvature[0]) + worth(gradient[1], curvature[1])
		- worth(gradient[0] + gradient[1], curvature[0] + curvature[1]);
}

static double
best_gain(const Twin *twin, const bool *rows)
{
	double		best = 0;

	for (int k = 0; k < twin->width; k++)
		for (int code = 0; twin->drawn[k] && code < HN_TREE_CODES; code++)
			best = fmax(best, naive_gain(twin, rows, twin->columns[k], code));
	return best;
}

/* Draw columns and rows as trees do. */
static void
draw(Twin *twin, const real *labels, int t, int *order, uint64_t random)
{
	int			count = (int) ceil(COLUMN_SHARE * twin->width);
	int			labelled = 0;
	int			wanted;

	memset(twin->drawn, 0, sizeof(twin->drawn));
	memset(twin->sampled, 0, sizeof(twin->sampled));
	for (int k = 0; k < count; k++)
	{
		int			other = k + hn_random_below(&random, twin->width - k);
		int			column = order[other];

		order[other] = order[k];
		order[k] = column;
		twin->drawn[column] = true;
	}
	for (int i = 0; i < ROWS; i++)
		labelled += !isnan(labels[i * TARGETS + t]);
	wanted = (int) ceil(ROW_SHARE * labelled);
	for (int i = 0; i < ROWS; i++)
		if (!isnan(labels[i * TARGETS + t]) && hn_random_sample(&random, hn_random_below, labelled--, wanted))
		{
			twin->sampled[i] = true;
			wanted--;
		}
}

/* What is found on the way through one tree. */
typedef struct Walk
{
	int			node;			/* the next one */
	int			leaves;
	double		least_gain;		/* of the divisions that were made */
	double		most_gain;		/* of those that might have been made at leaves */
} Walk;

/*
 * Check a subtree over rows [ROWS]: each division is the best of the columns that
 * were drawn, each leaf is Newton's step.
 */
static void
check_subtree(const Twin *twin, const bool *rows, Walk *walk)
{
	const HnTrees *trees = &twin->boosting->trees;
	int			node = walk->node++;
	double		best = best_gain(twin, rows);
	bool		part[ROWS];

	if (trees->columns[node] == HN_TREE_LEAF)
	{
		double		gradient = 0;
		double		curvature = 0;

		for (int i = 0; i < ROWS; i++)
			if (rows[i])
			{
				gradient += twin->gradients[i];
				curvature += twin->curvatures[i];
			}
		expect_close("a leaf", twin->boosting->values[node], -RATE * gradient / (curvature + RIDGE), 1e-6);
		walk->leaves++;
		walk->most_gain = fmax(walk->most_gain, best);
		return;
	}
	expect_close("the gain of a division", naive_gain(twin, rows, trees->columns[node], trees->codes[node]), best,
				 1e-9 * (1 + best));
	walk->least_gain = fmin(walk->least_gain, best);
	for (int side = 0; side < 2; side++)
	{
		for (int i = 0; i < ROWS; i++)
			part[i] = rows[i] && (naive_code(trees, twin->inputs, i, trees->columns[node]) > trees->codes[node]) == side;
		check_subtree(twin, part, walk);
	}
}

/* Find the columns that are not the same in all rows. */
static void
find_columns(Twin *twin)
{
	twin->width = 0;
	for (int column = 0; column < hn_trees_width(&twin->boosting->trees); column++)
		for (int i = 1; i < ROWS; i++)
			if (naive_code(&twin->boosting->trees, twin->inputs, i, column) !=
				naive_code(&twin->boosting->trees, twin->inputs, 0, column))
			{
				twin->columns[twin->width++] = column;
				break;
			}
}

/* Check the trees of one target, one after another: each learns what those before it left. */
static void
check_target(Twin *twin, HnTask task, const real *labels, int t, uint64_t seed, int *order, Walk *walk)
{
	double		values[ROWS];

	for (int i = 0; i < ROWS; i++)
		values[i] = twin->boosting->starts[t];
	for (int k = 0; k < TREES; k++)
	{
		int			root = walk->node;

		draw(twin, labels, t, order, hn_derive_seed(seed, (uint64_t) (t * TREES + k + 1)));
		for (int i = 0; i < ROWS; i++)
		{
			double		p = task == HN_CLASSIFICATION ? 1 / (1 + exp(-values[i])) : values[i];

			twin->gradients[i] = p - labels[i * TARGETS + t];
			twin->curvatures[i] = task == HN_CLASSIFICATION ? p * (1 - p) : 1;
		}
		walk->leaves = 0;
		walk->least_gain = INFINITY;
		walk->most_gain = 0;
		check_subtree(twin, twin->sampled, walk);
		assert_true(walk->leaves <= MAX_LEAVES);
		if (walk->leaves < MAX_LEAVES && walk->most_gain > 1e-9)
			fail_msg("a tree of %d leaves does not gain %g", walk->leaves, walk->most_gain);
		for (int i = 0; i < ROWS; i++)
			values[i] += twin->boosting->values[naive_leaf(&twin->boosting->trees, twin->inputs, i, root)];
	}
}

static void
test_trees(void **state)
{
	(void) state;
	for (HnTask task = HN_REGRESSION; task <= HN_CLASSIFICATION; task++)
	{
		HnInputs	rows = random_inputs(ROWS, D);
		real	   *labels = labels_of(&rows, task);
		HnHead		head = fit_boosting(&rows, labels, task, 3);
		Twin	   *twin = GET(Twin, 1);
		Walk		walk = {.node = 0};
		int		   *order = GET(int, 8192);

		*twin = (Twin) {.boosting = hn_boosting(&head), .inputs = &rows};
		find_columns(twin);
		for (int k = 0; k < twin->width; k++)
			order[k] = k;
		for (int t = 0; t < TARGETS; t++)
			check_target(twin, task, labels, t, 3, order, &walk);
		assert_int_equal(walk.node, twin->boosting->trees.node_count);
		assert_true(walk.node > TARGETS * TREES * 5);
	}
}

/* Predictions start from the mean and add the leaves; classes are the logistic function of that. */
static void
test_predictions(void **state)
{
	(void) state;
	for (HnTask task = HN_REGRESSION; task <= HN_CLASSIFICATION; task++)
	{
		HnInputs	rows = random_inputs(ROWS, D);
		HnInputs	queries = random_inputs(QUERIES, D);
		real	   *labels = labels_of(&rows, task);
		HnHead		head = fit_boosting(&rows, labels, task, 1);
		const HnBoosting *boosting = hn_boosting(&head);
		double		values[QUERIES * TARGETS];
		double		sds[QUERIES * TARGETS];

		must(hn_predict(&context, NULL, &head, &queries, values, sds));
		for (int t = 0; t < TARGETS; t++)
		{
			double		mean = task == HN_CLASSIFICATION ? 0.5 : 0;
			double		count = task == HN_CLASSIFICATION ? 1 : 0;

			for (int i = 0; i < ROWS; i++)
				if (!isnan(labels[i * TARGETS + t]))
				{
					mean += labels[i * TARGETS + t];
					count++;
				}
			mean /= count;
			expect_close("the start", boosting->starts[t], task == HN_CLASSIFICATION ? log(mean / (1 - mean)) : mean, 1e-6);
			for (int i = 0; i < QUERIES; i++)
			{
				double		sum = boosting->starts[t];

				for (int k = 0; k < TREES; k++)
					sum += boosting->values[naive_leaf(&boosting->trees, &queries, i, naive_root(&boosting->trees, t * TREES + k))];
				expect_close("a prediction", values[i * TARGETS + t], task == HN_CLASSIFICATION ? 1 / (1 + exp(-sum)) : sum, 1e-9);
				assert_true(isnan(sds[i * TARGETS + t]));
			}
		}
	}
}

/* One seed gives the same trees, another others. */
static void
test_seed(void **state)
{
	HnInputs	rows = random_inputs(ROWS, D);
	real	   *labels = labels_of(&rows, HN_CLASSIFICATION);
	HnHead		heads[3] = {
		fit_boosting(&rows, labels, HN_CLASSIFICATION, 1), fit_boosting(&rows, labels, HN_CLASSIFICATION, 1),
		fit_boosting(&rows, labels, HN_CLASSIFICATION, 2)
	};
	HnBoosting *a = hn_boosting(&heads[0]);
	HnBoosting *b = hn_boosting(&heads[1]);
	HnBoosting *c = hn_boosting(&heads[2]);

	(void) state;
	assert_int_equal(a->trees.node_count, b->trees.node_count);
	assert_memory_equal(a->trees.columns, b->trees.columns, a->trees.node_count * sizeof(*a->trees.columns));
	assert_memory_equal(a->values, b->values, a->trees.node_count * sizeof(*a->values));
	assert_true(a->trees.node_count != c->trees.node_count
				|| memcmp(a->trees.columns, c->trees.columns, a->trees.node_count * sizeof(*a->trees.columns)) != 0);
}

/* One class, one row, no label, labels that cannot be. */
static void
test_few_labels(void **state)
{
	HnInputs	rows = random_inputs(ROWS, D);
	real	   *labels = GET(real, ROWS * TARGETS);
	HnFitOptions options = {.descriptors = &hn_descriptors_rdkit_2d, .boosting = TREES};
	HnHead		head;
	HnFitReport report;
	double		values[ROWS * TARGETS];

	(void) state;
	for (int i = 0; i < ROWS * TARGETS; i++)
		labels[i] = i % TARGETS == 0 ? 1 : i == 1 ? 0 : NAN;
	head = fit_boosting(&rows, labels, HN_CLASSIFICATION, 1);
	assert_int_equal(hn_boosting(&head)->trees.node_count, TARGETS * TREES);
	must(hn_predict(&context, NULL, &head, &rows, values, NULL));
	for (int i = 0; i < ROWS * TARGETS; i++)
		assert_true(i % TARGETS == 0 ? values[i] > 0.99 && values[i] <= 1 : values[i] < 0.5 && values[i] >= 0);

	labels[1] = NAN;
	assert_int_equal(hn_boosting_fit(&context, &rows, D, labels, &options, &head, &report), HN_INVALID_ARGUMENT);
	assert_non_null(strstr(context.message, "target \"b\" has no label"));
	labels[1] = 2;
	assert_int_equal(hn_boosting_fit(&context, &rows, D, labels, &options, &head, &report), HN_INVALID_ARGUMENT);
	labels[1] = INFINITY;
	head.task = HN_REGRESSION;
	assert_int_equal(hn_boosting_fit(&context, &rows, D, labels, &options, &head, &report), HN_INVALID_ARGUMENT);
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
	HnFitOptions options = {.descriptors = &hn_descriptors_rdkit_2d, .boosting = TREES};
	HnHead		head = {.name = "h", .target_count = TARGETS, .targets = make_targets(TARGETS)};
	HnFitReport report;
	real	   *labels = labels_of(&rows, HN_REGRESSION);

	(void) state;
	context.interrupted = interrupt;
	assert_int_equal(hn_boosting_fit(&context, &rows, D, labels, &options, &head, &report), HN_INTERRUPTED);
}

/* A joint head of a network that knows nothing and boosted trees. */
static HnModel
make_joint(HnTask task, const HnInputs *inputs)
{
	HnModel		base = {.features = &hn_features_2021};
	HnModel		model;
	HnHead		head = {
		.name = "joint", .task = task, .target_count = TARGETS, .targets = make_targets(TARGETS),
		.parts = {&(HnNetworks) {.layer_count = 1, .layers = GET(HnLinear, 1)}}
	};
	HnHead		boosting = fit_boosting(inputs, labels_of(inputs, task), task, 1);
	HnHead	   *joint = GET(HnHead, 1);

	base.fingerprint_config = (HnFingerprintConfig) {.dim = D, .edge_dim = 4, .layers = 1, .rounds = 1};
	must(hn_model_allocate(&context, &base));
	memset(base.parameters, 0, (size_t) base.parameter_count * sizeof(real));
	must(hn_model_with_heads(&context, &base, &head, 1, 3, &model));
	must(hn_joint_make(&context, (const HnHead *[]) {&model.heads[0], &boosting}, 2, joint));
	model.heads = joint;
	return model;
}

/* What was written is read, and predicts the same. */
static void
test_file(void **state)
{
	HnInputs	rows = random_inputs(ROWS, D);
	HnInputs	queries = random_inputs(QUERIES, D);

	(void) state;
	for (HnTask task = HN_REGRESSION; task <= HN_CLASSIFICATION; task++)
	{
		HnModel		model = make_joint(task, &rows);
		HnModel		copy;

		assert_float_equal(hn_joint(&model.heads[0])->shares[HN_BOOSTING], 0.5, 1e-9);
		check_file(&model, 0, &queries, &copy);
		assert_true(hn_model_needs(&copy).descriptors == &hn_descriptors_rdkit_2d);
		assert_true(hn_model_needs(&copy).counts);
	}
}

static void
test_refusals(void **state)
{
	HnInputs	rows = random_inputs(ROWS, D);
	HnModel		model = make_joint(HN_CLASSIFICATION, &rows);
	HnBoosting *boosting = hn_boosting(&model.heads[0]);
	uint16_t	column = boosting->trees.columns[0];

	(void) state;
	expect_refusal(&model, "\\\"boosting\\\": 0.5", "\\\"boosting\\\": 1.5", "the boosting's share of head \"joint\" is 1.5");
	expect_refusal(&model, "\\\"trees\\\": 6", "\\\"trees\\\": 0", "the number of trees of head \"joint\" is 0");
	expect_refusal(&model, "\\\"starts\\\"", "\\\"startz\\\"", "startz");
	boosting->trees.columns[0] = (uint16_t) hn_trees_width(&boosting->trees);
	expect_refusal(&model, "a", "a", "node 0 of the boosting of head \"joint\" has column");
	boosting->trees.columns[0] = HN_TREE_LEAF;
	expect_refusal(&model, "a", "a", "nodes over");
	boosting->trees.columns[0] = column;
	boosting->trees.thresholds[1] = boosting->trees.thresholds[0] - 1;
	expect_refusal(&model, "a", "a", "the thresholds of descriptor 0 of head \"joint\" do not ascend");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_trees, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_predictions, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_seed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_few_labels, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_interrupt, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refusals, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
