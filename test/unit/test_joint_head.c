/*
 * test_joint_head.c: networks that read descriptors and counts, joint heads, and
 * Gaussian processes that compare with a sample of their rows; all through the model file.
 */
#include "heads.h"
#include "refusal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hamnet/joint.h"
#include "hamnet/gp.h"
#include "hamnet/known.h"
#include "hamnet/training.h"

#define D 6						/* fingerprint */
#define ROWS 80
#define QUERIES 9
#define COUNTS 17
#define MEMBERS 3
#define TARGETS 2

/* Some descriptors are unknown, and some far off. */
static real
some_descriptor(int number)
{
	return number % 97 == 0 ? NAN : number % 89 == 0 ? 1e4f : (real) (10 * uniform());
}

static HnCounts
some_counts(void)
{
	return make_counts(4, 1000, 500);
}

static HnInputs
random_inputs(int count)
{
	return make_inputs(count, D, some_descriptor, some_counts);
}

static HnInputs
one_row(const HnInputs *inputs, int row)
{
	return (HnInputs)
	{
		1, inputs->fingerprints + row * D, inputs->descriptors + row * hn_descriptors_rdkit_2d.count,
			inputs->counts + row
	};
}

/* A model of one head with networks over everything, whose scales are those of the inputs. */
static HnModel
make_networks(HnTask task, bool standardised, const HnInputs *inputs)
{
	HnModel		base = {.features = &hn_features_2021};
	HnModel		model;
	HnHeadInputs *read = GET(HnHeadInputs, 1);
	HnNetworks	networks = {.layer_count = 2, .member_count = MEMBERS, .layers = GET(HnLinear, 2), .inputs = read};
	HnHead		head = {
		.name = "joint", .task = task, .target_count = TARGETS, .targets = make_targets(TARGETS), .parts = {&networks}
	};
	int			rows[ROWS];

	for (int i = 0; i < ROWS; i++)
		rows[i] = i;
	base.fingerprint_config = (HnFingerprintConfig)
	{
		.dim = D, .edge_dim = 4, .layers = 1, .rounds = 1
	};
	must(hn_model_allocate(&context, &base));
	memset(base.parameters, 0, (size_t) base.parameter_count * sizeof(real));
	networks.layers[0].out = 5;
	*read = (HnHeadInputs) {.standardised = standardised, .descriptors = &hn_descriptors_rdkit_2d, .counts = COUNTS};
	must(hn_inputs_measure(&context, inputs, rows, ROWS, D, read));
	must(hn_model_with_heads(&context, &base, &head, 1, 3, &model));
	return model;
}

/* What a network reads, by its definition. */
static double
naive_input(const HnHeadInputs *config, const HnInputs *inputs, int row, int column)
{
	int			width = config->descriptors->count;
	int			scaled = column - (config->standardised ? 0 : D);
	double		value = 0;

	if (column >= D + width)
	{
		for (int k = 0; k < inputs->counts[row].length; k++)
			if (inputs->counts[row].columns[k] % config->counts == column - D - width)
				value += inputs->counts[row].counts[k];
		return log(1 + value);
	}
	value = column < D ? inputs->fingerprints[row * D + column] : inputs->descriptors[row * width + column - D];
	if (column < D && !config->standardised)
		return value;
	value = ((column < D ? log(1 + value) : value) - config->center[scaled]) * config->scale[scaled];
	return isnan(value) ? 0 : fmin(fmax(value, -127), 127) / 21;
}

/* Value of one member, before its unit. */
static double
naive_output(const HnHead *head, const HnInputs *inputs, int row, int member, int target)
{
	const HnLinear *first = &hn_networks(head)->layers[2 * member];
	const HnLinear *last = first + 1;
	double		sum = last->bias[target];

	for (int h = 0; h < first->out; h++)
	{
		double		hidden = first->bias[h];

		for (int k = 0; k < first->in; k++)
			hidden += first->weight[h * first->in + k] * naive_input(hn_networks(head)->inputs, inputs, row, k);
		sum += last->weight[target * last->in + h] * fmax(hidden, 0);
	}
	return sum;
}

/* Inputs, networks and their spread by their definitions, in a batch and alone. */
static void
test_networks(void **state)
{
	(void) state;
	for (int standardised = 0; standardised < 2; standardised++)
	{
		HnInputs	rows = random_inputs(ROWS);
		HnInputs	queries = random_inputs(QUERIES);
		HnModel		model = make_networks(HN_REGRESSION, standardised, &rows);
		const HnHead *head = &model.heads[0];
		double		values[QUERIES * TARGETS];
		double		sds[QUERIES * TARGETS];

		assert_true(hn_model_needs(&model).descriptors == &hn_descriptors_rdkit_2d);
		assert_true(hn_model_needs(&model).counts);
		must(hn_predict(&context, &model, head, &queries, values, sds));
		for (int i = 0; i < QUERIES; i++)
		{
			HnInputs	single = one_row(&queries, i);
			double		alone[TARGETS];

			must(hn_predict(&context, &model, head, &single, alone, NULL));
			for (int t = 0; t < TARGETS; t++)
			{
				double		mean = 0;
				double		squares = 0;

				for (int m = 0; m < MEMBERS; m++)
					mean += naive_output(head, &queries, i, m, t) / MEMBERS;
				for (int m = 0; m < MEMBERS; m++)
					squares += pow(naive_output(head, &queries, i, m, t) - mean, 2);
				assert_float_equal(values[i * TARGETS + t], mean, 1e-4);
				assert_float_equal(sds[i * TARGETS + t], sqrt(squares / (MEMBERS - 1)), 1e-4);
				assert_float_equal(alone[t], mean, 1e-4);
			}
		}
	}
}

static void
test_missing_inputs(void **state)
{
	HnInputs	rows = random_inputs(ROWS);
	HnModel		model = make_networks(HN_REGRESSION, true, &rows);
	double		values[ROWS * TARGETS];

	(void) state;
	rows.descriptors = NULL;
	assert_int_equal(hn_predict(&context, &model, &model.heads[0], &rows, values, NULL), HN_INVALID_ARGUMENT);
}

/* A function of the inputs, or whether it is large; most are not. */
static real *
labels_of(const HnInputs *inputs, HnTask task)
{
	real	   *labels = GET(real, inputs->count * TARGETS);

	for (int i = 0; i < inputs->count; i++)
		for (int t = 0; t < TARGETS; t++)
		{
			double		f = 3 * inputs->fingerprints[i * D + t] + 0.5 * uniform();

			labels[i * TARGETS + t] = task == HN_REGRESSION ? (real) f : f > 9.5;
		}
	return labels;
}

static HnHead
fit_gp(const HnInputs *inputs, const real *labels, HnTask task, int rows, HnFitReport *report)
{
	HnFitOptions options = {
		.fingerprint = true, .descriptors = &hn_descriptors_rdkit_2d, .counts = true, .rows = rows
	};
	HnHead		head = {.name = "joint", .task = task, .target_count = TARGETS, .targets = make_targets(TARGETS)};

	must(hn_gp_fit(&context, inputs, D, labels, &options, &head, report));
	return head;
}

static HnModel
make_joint(HnTask task, const HnInputs *inputs)
{
	HnFitReport report;
	HnHead		gp = fit_gp(inputs, labels_of(inputs, task), task, 0, &report);
	HnModel		model = make_networks(task, true, inputs);
	HnHead	   *joint = GET(HnHead, 1);

	must(hn_joint_make(&context, (const HnHead *[]) {&model.heads[0], &gp}, 2, joint));
	hn_joint(joint)->factors[1] = 2.5;
	model.heads = joint;
	return model;
}

/* The ends of the share are the parts, and everything between is between. */
static void
test_share(void **state)
{
	(void) state;
	for (HnTask task = HN_REGRESSION; task <= HN_CLASSIFICATION; task++)
	{
		HnInputs	rows = random_inputs(ROWS);
		HnInputs	queries = random_inputs(QUERIES);
		HnModel		model = make_joint(task, &rows);
		HnHead	   *joint = &model.heads[0];
		HnHead		networks = only_part(joint, HN_NETWORKS);
		HnHead		gp = only_part(joint, HN_GP);
		double		values[3][QUERIES * TARGETS];
		double		expected[2][QUERIES * TARGETS];
		double		sds[QUERIES * TARGETS];
		double		gp_sds[QUERIES * TARGETS];

		must(hn_predict(&context, &model, &networks, &queries, expected[0], NULL));
		must(hn_predict(&context, &model, &gp, &queries, expected[1], gp_sds));
		for (int s = 0; s < 3; s++)
		{
			hn_joint(joint)->shares[HN_GP] = s / 2.0;
			hn_joint_set_rest(hn_joint(joint));
			must(hn_predict(&context, &model, joint, &queries, values[s], sds));
			for (int i = 0; i < QUERIES * TARGETS; i++)
				assert_true(sds[i] > 0);
		}
		for (int i = 0; i < QUERIES * TARGETS; i++)
		{
			assert_float_equal(values[0][i], expected[0][i], 1e-5);
			assert_float_equal(values[2][i], expected[1][i], 1e-5);
			assert_float_equal(values[1][i], (expected[0][i] + expected[1][i]) / 2, 1e-5);
			/* With all the share, the deviation of a regression is the Gaussian process's, times its factor. */
			if (task == HN_REGRESSION)
				assert_float_equal(sds[i], gp_sds[i] * hn_joint(joint)->factors[i % TARGETS], 1e-5);
		}
	}
}

/* The deviation of classes is the sample deviation of all probabilities. */
static void
test_class_deviation(void **state)
{
	HnInputs	rows = random_inputs(ROWS);
	HnInputs	queries = random_inputs(QUERIES);
	HnModel		model = make_joint(HN_CLASSIFICATION, &rows);
	HnHead	   *joint = &model.heads[0];
	HnHead		gp = only_part(joint, HN_GP);
	double		values[QUERIES * TARGETS];
	double		sds[QUERIES * TARGETS];
	double		gp_values[QUERIES * TARGETS];

	(void) state;
	must(hn_predict(&context, &model, &gp, &queries, gp_values, NULL));
	must(hn_predict(&context, &model, joint, &queries, values, sds));
	for (int i = 0; i < QUERIES * TARGETS; i++)
	{
		double		all[MEMBERS + 1];
		double		mean = 0;
		double		squares = 0;

		for (int m = 0; m < MEMBERS; m++)
			all[m] = 1 / (1 + exp(-naive_output(joint, &queries, i / TARGETS, m, i % TARGETS)));
		all[MEMBERS] = gp_values[i];
		for (int m = 0; m <= MEMBERS; m++)
			mean += all[m] / (MEMBERS + 1);
		for (int m = 0; m <= MEMBERS; m++)
			squares += pow(all[m] - mean, 2);
		assert_float_equal(sds[i], sqrt(squares / MEMBERS) * hn_joint(joint)->factors[i % TARGETS], 1e-4);
	}
}

/* Nine tenths of the labels lie within 1.645 deviations, and hardly more. */
static void
test_calibration(void **state)
{
	HnInputs	rows = random_inputs(ROWS);
	HnModel		model = make_joint(HN_REGRESSION, &rows);
	HnHead	   *joint = &model.heads[0];
	double		gp[ROWS * TARGETS];
	double		gp_sd[ROWS * TARGETS];
	double		networks[ROWS * TARGETS];
	double		networks_sd[ROWS * TARGETS];
	HnPrediction parts[HN_PARTS] = {[HN_NETWORKS] = {networks, networks_sd, NULL}, [HN_GP] = {gp, gp_sd, NULL}};
	double		labels[ROWS * TARGETS];
	double		values[ROWS * TARGETS];
	double		sds[ROWS * TARGETS];
	HnHead		part = only_part(joint, HN_GP);

	(void) state;
	must(hn_predict(&context, &model, &part, &rows, gp, gp_sd));
	part = only_part(joint, HN_NETWORKS);
	must(hn_predict(&context, &model, &part, &rows, networks, networks_sd));
	for (int i = 0; i < ROWS * TARGETS; i++)
		labels[i] = i % 7 == 3 ? NAN : 30 * uniform();
	must(hn_joint_calibrate(&context, joint, parts, labels, ROWS));
	hn_joint_combine(joint, parts, ROWS, values, sds);
	for (int t = 0; t < TARGETS; t++)
	{
		int			inside = 0;
		int			count = 0;

		for (int i = t; i < ROWS * TARGETS; i += TARGETS)
		{
			inside += fabs(labels[i] - values[i]) <= 1.6448536269514722 * sds[i] * (1 + 1e-9);
			count += !isnan(labels[i]);
		}
		assert_int_equal(inside, (int) ceil(0.9 * count));
	}
}

/* A label as far off as one in another unit leaves a head that can be read. */
static void
test_far_label(void **state)
{
	HnInputs	rows = random_inputs(ROWS);
	HnModel		model = make_joint(HN_REGRESSION, &rows);
	HnHead	   *joint = &model.heads[0];
	double		values[TARGETS] = {0};
	double		deviations[TARGETS] = {1e-3, 1e-3};
	HnPrediction parts[HN_PARTS] = {[HN_NETWORKS] = {values, deviations, NULL}, [HN_GP] = {values, deviations, NULL}};
	double		labels[TARGETS] = {1e9, NAN};
	HnModel		copy;
	unsigned char *bytes;
	size_t		size;

	(void) state;
	must(hn_joint_calibrate(&context, joint, parts, labels, 1));
	assert_true(hn_joint(joint)->factors[0] == HN_MAX_JOINT_FACTOR);
	assert_true(hn_joint(joint)->factors[1] == 1);
	must(hn_model_write(&context, &model, &bytes, &size));
	must(hn_model_read(&context, bytes, size, &copy));
}

/* What was written is read, and predicts the same. */
static void
test_file(void **state)
{
	HnInputs	rows = random_inputs(ROWS);
	HnInputs	queries = random_inputs(QUERIES);

	(void) state;
	for (int kind = 0; kind < 3; kind++)
	{
		HnModel		model = kind == 0 ? make_networks(HN_REGRESSION, false, &rows)
			: make_joint(kind == 1 ? HN_REGRESSION : HN_CLASSIFICATION, &rows);
		HnModel		copy;

		check_file(&model, 0, &queries, &copy);
	}
}

/* Packed heads predict the same, bit for bit, and novelty is the same alone and with a prediction. */
static void
test_packed(void **state)
{
	HnInputs	rows = random_inputs(ROWS);
	HnInputs	queries = random_inputs(QUERIES);

	(void) state;
	for (int kind = 0; kind < 3; kind++)
	{
		HnModel		model = kind == 0 ? make_networks(HN_REGRESSION, false, &rows)
			: make_joint(kind == 1 ? HN_REGRESSION : HN_CLASSIFICATION, &rows);
		HnHead	   *head = &model.heads[0];
		double		values[2][QUERIES * TARGETS];
		double		sds[2][QUERIES * TARGETS];
		double		novelties[2][QUERIES];

		must(hn_known_make(&context, head, D, rows.fingerprints, ROWS, queries.fingerprints, QUERIES));
		must(hn_predict(&context, &model, head, &queries, values[0], sds[0]));
		must(hn_known_novelty(&context, head, queries.fingerprints, QUERIES, novelties[0]));
		for (int packed = 0; packed < 2; packed++)
		{
			if (packed)
				must(hn_heads_pack(&context, &model));
			must(hn_predict_novelty(&context, &model, head, &queries, values[1], sds[1], novelties[1]));
			assert_memory_equal(values[0], values[1], sizeof(values[0]));
			assert_memory_equal(sds[0], sds[1], sizeof(sds[0]));
			assert_memory_equal(novelties[0], novelties[1], sizeof(novelties[0]));
			must(hn_known_novelty(&context, head, queries.fingerprints, QUERIES, novelties[1]));
			assert_memory_equal(novelties[0], novelties[1], sizeof(novelties[0]));
			/* Values do not depend on whether deviations are wanted. */
			must(hn_predict(&context, &model, head, &queries, values[1], NULL));
			assert_memory_equal(values[0], values[1], sizeof(values[0]));
		}
	}
}

static void
test_refusals(void **state)
{
	HnInputs	rows = random_inputs(ROWS);
	HnModel		networks = make_networks(HN_REGRESSION, true, &rows);
	HnModel		joint = make_joint(HN_REGRESSION, &rows);

	(void) state;
	expect_refusal(&networks, "\\\"counts\\\": 17", "\\\"counts\\\": 18", "tensor \"head.joint.0.0.weight\" has shape [5, 228]");
	expect_refusal(&networks, "standardised", "standardized", "unrecognized fingerprint \"standardized\"");
	expect_refusal(&networks, "rdkit-2d-a", "rdkit-2d-b", "unrecognized descriptor set");
	expect_refusal(&networks, "\\\"inputs\\\"", "\\\"inputz\\\"", "inputz");
	expect_refusal(&joint, "\\\"share\\\": 0.5", "\\\"share\\\": 1.5", "the kernel's share of head \"joint\" is 1.5");
	expect_refusal(&joint, "\\\"factors\\\": [1.0, 2.5]", "\\\"factors\\\": [ 1.02555]", "has 1 factors for 2 targets");
	expect_refusal(&joint, "\\\"kind\\\": \\\"joint\\\"", "\\\"kind\\\": \\\"jaunt\\\"", "unrecognized kind \"jaunt\"");
	hn_networks(&networks.heads[0])->inputs->scale[2] = -1;
	expect_refusal(&networks, "a", "a", "input_scale 2 of head \"joint\" is negative");
}

/* Members that are joined keep what they read; other scales make other members. */
static void
test_join(void **state)
{
	HnInputs	rows = random_inputs(ROWS);
	HnInputs	queries = random_inputs(QUERIES);
	HnModel		base = make_networks(HN_REGRESSION, true, &rows);
	HnHead		head = base.heads[0];
	HnModel		members[2];
	const HnModel *pointers[] = {&members[0], &members[1]};
	HnModel		joined;
	double		values[3][QUERIES * TARGETS];

	(void) state;
	hn_networks(&head)->member_count = 1;
	must(hn_model_with_heads(&context, &base, &head, 1, 1, &members[0]));
	must(hn_model_with_heads(&context, &base, &head, 1, 2, &members[1]));
	must(hn_model_join(&context, pointers, 2, &joined));
	for (int m = 0; m < 2; m++)
		must(hn_predict(&context, &members[m], &members[m].heads[0], &queries, values[m], NULL));
	must(hn_predict(&context, &joined, &joined.heads[0], &queries, values[2], NULL));
	for (int i = 0; i < QUERIES * TARGETS; i++)
		assert_float_equal(values[2][i], (values[0][i] + values[1][i]) / 2, 1e-5);
	hn_networks(&members[1].heads[0])->inputs->center[0] += 1;
	assert_int_equal(hn_model_join(&context, pointers, 2, &joined), HN_INVALID_ARGUMENT);
}

/* A sample of the rows: so many of them, the rare class first, and probabilities that fit all rows. */
static void
test_sample(void **state)
{
	enum
	{
		MANY = 400, SAMPLE = 60
	};
	HnInputs	rows = random_inputs(MANY);
	real	   *labels = labels_of(&rows, HN_CLASSIFICATION);
	HnFitReport report;
	HnHead		all = fit_gp(&rows, labels, HN_CLASSIFICATION, 0, &report);
	HnHead		head;
	double	   *values = GET(double, MANY * TARGETS);
	double		sums[2][TARGETS] = {{0}};
	double		rare = 0;

	(void) state;
	assert_int_equal(report.rows, MANY);
	head = fit_gp(&rows, labels, HN_CLASSIFICATION, SAMPLE, &report);
	assert_int_equal(report.rows, SAMPLE);
	assert_int_equal(report.labelled_rows, MANY);
	assert_int_equal(hn_gp(&head)->rows, SAMPLE);
	for (int i = 0; i < MANY * TARGETS; i++)
		rare += labels[i];
	assert_true(rare > 0 && rare < 0.3 * MANY * TARGETS);

	/* A weight of a class is y - p: positive for the rarer one. */
	for (int i = 0, positive = 0; i < SAMPLE; i++)
	{
		positive += hn_gp(&head)->weights[i] > 0 || hn_gp(&head)->weights[SAMPLE + i] > 0;
		if (i == SAMPLE - 1)
			assert_true(positive >= SAMPLE / 3);
	}
	must(hn_predict(&context, NULL, &head, &rows, values, NULL));
	for (int i = 0; i < MANY * TARGETS; i++)
		sums[0][i % TARGETS] += values[i];
	must(hn_predict(&context, NULL, &all, &rows, values, NULL));
	for (int i = 0; i < MANY * TARGETS; i++)
		sums[1][i % TARGETS] += values[i];
	for (int t = 0; t < TARGETS; t++)
		assert_true(fabs(sums[0][t] - sums[1][t]) < 0.5 * sums[1][t]);

	/* Numbers keep the scale of all rows. */
	labels = labels_of(&rows, HN_REGRESSION);
	all = fit_gp(&rows, labels, HN_REGRESSION, 0, &report);
	head = fit_gp(&rows, labels, HN_REGRESSION, SAMPLE, &report);
	assert_float_equal(head.targets[0].mean, all.targets[0].mean, 1e-9);
	assert_float_equal(head.targets[1].std, all.targets[1].std, 1e-9);
	assert_int_equal(hn_gp(&head)->rows, SAMPLE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_networks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_missing_inputs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_share, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_class_deviation, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_calibration, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_far_label, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_packed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refusals, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_join, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_sample, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
