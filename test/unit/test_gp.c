/*
 * test_gp.c: Gaussian processes against their definitions, and through the model
 * file.
 */
#include "heads.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hamnet/gp.h"
#include "hamnet/network.h"

#include "../../src/model/gp_job.h"

#define D 6						/* fingerprint */
#define ROWS 60
#define QUERIES 7
#define COLUMNS 32				/* of counts */

/* Descriptor 3 is constant, some are unknown. */
static real
some_descriptor(int number)
{
	return number % hn_descriptors_rdkit_2d.count == 3 ? 5 : number % 97 == 0 ? NAN : (real) (10 * uniform());
}

static HnCounts
some_counts(void)
{
	return make_counts(3 + (int) (5 * uniform()), 4, 4);
}

static HnInputs
random_inputs(int count)
{
	return make_inputs(count, D, some_descriptor, some_counts);
}

/* A smooth function of the inputs with some noise, or whether it is large. */
static real *
labels_of(const HnInputs *inputs, HnTask task, int targets)
{
	real	   *labels = GET(real, inputs->count * targets);

	for (int i = 0; i < inputs->count; i++)
		for (int t = 0; t < targets; t++)
		{
			double		descriptor = inputs->descriptors[i * hn_descriptors_rdkit_2d.count + 5 + t];
			double		f = 3 * sin(inputs->fingerprints[i * D + t]) + inputs->counts[i].length
				+ (isnan(descriptor) ? 1 : 0.2 * descriptor) + 0.3 * uniform();

			labels[i * targets + t] = task == HN_REGRESSION ? (real) (100 + 20 * f) : f > 6.5;
		}
	return labels;
}

static HnHead
head_of(HnTask task, int targets)
{
	return (HnHead) {.name = "assay", .task = task, .target_count = targets, .targets = make_targets(targets)};
}

static const HnFitOptions every_block = {
	.fingerprint = true, .descriptors = &hn_descriptors_rdkit_2d, .counts = true
};

static HnStatus
fit(const HnInputs *inputs, const real *labels, const HnFitOptions *options, HnHead *head)
{
	HnFitReport report;

	return hn_gp_fit(&context, inputs, D, labels, options, head, &report);
}

/* The covariance by its definition, between standardised inputs in steps of 1 / 21. */
static double
naive_covariance(const HnGp *gp, const double *x, const HnCounts *a, const double *y, const HnCounts *b)
{
	double		squared = 0;
	double		smooth;
	double		least = 0;
	double		most = 0;
	uint8_t		dense[2][COLUMNS] = {{0}};

	for (int k = 0; k < gp->width; k++)
	{
		bool		first = k < gp->fingerprint_width;
		double		weight = first ? gp->fingerprint_weight : gp->descriptor_weight;
		int			width = first ? gp->fingerprint_width : gp->width - gp->fingerprint_width;

		squared += weight * (x[k] - y[k]) * (x[k] - y[k]) / (21.0 * 21.0) / width;
	}
	if (hn_gp_uses_counts(gp))
	{
		for (int k = 0; k < a->length; k++)
			dense[0][a->columns[k]] = a->counts[k];
		for (int k = 0; k < b->length; k++)
			dense[1][b->columns[k]] = b->counts[k];
	}
	for (int k = 0; k < COLUMNS; k++)
	{
		double		difference = log1p(dense[0][k]) - log1p(dense[1][k]);

		squared += gp->count_weight * difference * difference;
		least += dense[0][k] < dense[1][k] ? dense[0][k] : dense[1][k];
		most += dense[0][k] > dense[1][k] ? dense[0][k] : dense[1][k];
	}
	smooth = gp->function == HN_GAUSSIAN ? exp(-squared)
		: (1 + sqrt(squared) + squared / 3) * exp(-sqrt(squared));
	return (1 - gp->count_share) * smooth + (gp->count_share > 0 ? gp->count_share * least / most : 0);
}

/* Standardised inputs of one molecule by their definition. */
static double *
naive_steps(const HnGp *gp, const HnInputs *inputs, int row)
{
	double	   *steps = GET(double, gp->width + 1);
	int			width = gp->width - gp->fingerprint_width;

	for (int k = 0; k < gp->width; k++)
	{
		double		value = k < gp->fingerprint_width ? log(1 + inputs->fingerprints[row * D + k])
			: inputs->descriptors[row * width + k - gp->fingerprint_width];
		double		step = (value - gp->center[k]) * gp->scale[k];

		steps[k] = isnan(step) ? 0 : fmin(fmax(step, -127), 127);
	}
	return steps;
}

static double *
stored_steps(const HnGp *gp, int row)
{
	double	   *steps = GET(double, gp->width + 1);

	for (int k = 0; k < gp->width; k++)
		steps[k] = gp->inputs[row * gp->width + k];
	return steps;
}

static HnCounts
stored_counts(const HnGp *gp, int row)
{
	int			offset = 0;

	if (!hn_gp_uses_counts(gp))
		return (HnCounts)
	{
		0
	};
	for (int i = 0; i < row; i++)
		offset += gp->count_lengths[i];
	return (HnCounts)
	{
		gp->count_lengths[row], gp->count_columns + offset, gp->count_values + offset
	};
}

/* K between stored rows, in double [n, n]. */
static double *
naive_matrix(const HnGp *gp)
{
	int			n = gp->rows;
	double	   *matrix = GET(double, n * n);

	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
		{
			HnCounts	a = stored_counts(gp, i);
			HnCounts	b = stored_counts(gp, j);

			matrix[i * n + j] = naive_covariance(gp, stored_steps(gp, i), &a, stored_steps(gp, j), &b);
		}
	return matrix;
}

/* Solve A x = b for positive definite A [n, n] by elimination; A and b are lost. */
static void
eliminate(int n, double *a, double *b)
{
	for (int k = 0; k < n; k++)
		for (int i = k + 1; i < n; i++)
		{
			double		factor = a[i * n + k] / a[k * n + k];

			for (int j = k; j < n; j++)
				a[i * n + j] -= factor * a[k * n + j];
			b[i] -= factor * b[k];
		}
	for (int i = n - 1; i >= 0; i--)
	{
		for (int j = i + 1; j < n; j++)
			b[i] -= a[i * n + j] * b[j];
		b[i] /= a[i * n + i];
	}
}

/* Index of each stored row in the inputs: the pivots stand first. */
static int *
match_rows(const HnGp *gp, const HnInputs *inputs)
{
	int		   *index = GET(int, gp->rows);

	for (int i = 0; i < gp->rows; i++)
	{
		index[i] = -1;
		for (int j = 0; j < inputs->count && index[i] < 0; j++)
		{
			double	   *steps = naive_steps(gp, inputs, j);
			bool		same = true;

			for (int k = 0; k < gp->width; k++)
				same &= fabs(steps[k] - gp->inputs[i * gp->width + k]) < 0.51;
			if (same)
				index[i] = j;
		}
		assert_true(index[i] >= 0);
	}
	return index;
}

/*
 * Mean and deviation of each target against the textbook formulas in double
 * precision. A row without a label is one measured with unlimited noise.
 */
static void
check_regression(const HnInputs *inputs, const real *labels, int targets, const HnFitOptions *options)
{
	HnInputs	queries = random_inputs(QUERIES);
	HnHead		head = head_of(HN_REGRESSION, targets);
	const HnGp *gp;
	double		values[QUERIES * 3];
	double		sds[QUERIES * 3];
	double	   *matrix;
	double	   *copy;
	int		   *index;
	int			n;

	must(fit(inputs, labels, options, &head));
	gp = hn_gp(&head);
	n = gp->rows;
	assert_int_equal(n, inputs->count);
	assert_int_equal(gp->rank, n);
	index = match_rows(gp, inputs);
	matrix = naive_matrix(gp);
	copy = GET(double, n * n);
	must(hn_predict(&context, NULL, &head, &queries, values, sds));
	for (int t = 0; t < targets; t++)
	{
		const HnProcess *process = &gp->processes[t];
		const HnTarget *target = &head.targets[t];
		double		ratio = process->noise / process->variance;
		double	   *noise = GET(double, n);
		double	   *alpha = GET(double, n);

		for (int i = 0; i < n; i++)
		{
			real		label = labels[index[i] * targets + t];

			noise[i] = isnan(label) ? 1e12 : ratio;
			alpha[i] = isnan(label) ? 0 : (label - target->mean) / target->std;
		}
		memcpy(copy, matrix, (size_t) n * n * sizeof(double));
		for (int i = 0; i < n; i++)
			copy[i * n + i] += noise[i];
		eliminate(n, copy, alpha);
		for (int q = 0; q < QUERIES; q++)
		{
			double	   *column = GET(double, n);
			double	   *solved = GET(double, n);
			double		value = 0;
			double		variance = 1;

			for (int i = 0; i < n; i++)
			{
				HnCounts	counts = stored_counts(gp, i);

				column[i] = solved[i] = naive_covariance(gp, naive_steps(gp, &queries, q), &queries.counts[q],
													 stored_steps(gp, i), &counts);
			}
			memcpy(copy, matrix, (size_t) n * n * sizeof(double));
			for (int i = 0; i < n; i++)
				copy[i * n + i] += noise[i];
			eliminate(n, copy, solved);
			for (int i = 0; i < n; i++)
			{
				value += column[i] * alpha[i];
				variance -= column[i] * solved[i];
			}
			expect_close("a prediction", values[q * targets + t], value * target->std + target->mean,
						 2e-3 * target->std);
			expect_close("a deviation", sds[q * targets + t], target->std
						 * sqrt(process->variance * (variance + ratio)), 5e-3 * target->std);
		}
	}
}

static void
test_regression(void **state)
{
	HnFitOptions smooth = every_block;
	HnInputs	inputs = random_inputs(ROWS);

	(void) state;
	smooth.counts = false;
	check_regression(&inputs, labels_of(&inputs, HN_REGRESSION, 1), 1, &every_block);
	check_regression(&inputs, labels_of(&inputs, HN_REGRESSION, 1), 1, &smooth);
}

/*
 * Rows that a target does not label explain nothing of it, and with hardly any
 * noise that is a small difference of large numbers: each target has a third
 * of such rows.
 */
static void
test_unlabelled_pivots(void **state)
{
	HnInputs	inputs = random_inputs(150);
	HnFitOptions options = {.descriptors = &hn_descriptors_rdkit_2d, .counts = true};
	real	   *labels = GET(real, inputs.count * 3);

	(void) state;
	for (int i = 0; i < inputs.count; i++)
	{
		real		descriptor = inputs.descriptors[i * hn_descriptors_rdkit_2d.count + 5];

		for (int t = 0; t < 3; t++)
			labels[i * 3 + t] = i % 3 == t ? NAN
				: inputs.counts[i].length + (isnan(descriptor) ? 0 : descriptor / 5);
	}
	check_regression(&inputs, labels, 3, &options);
}

/*
 * Exchange the factors of a head, all of whose rows are labelled, for those of
 * its first rows, which are the pivots of any rank.
 */
static HnHead
with_rank(const HnHead *exact, int rank)
{
	HnHead		head = *exact;
	HnFitOptions options = {0};
	HnGpJob	job = {.head = &head, .options = &options, .n = hn_gp(exact)->rows};
	const HnProcess *process = &hn_gp(exact)->processes[0];
	int		   *offsets;
	int		   *pivots = GET(int, rank);
	real	   *factor = GET(real, job.n * rank);
	real	   *labels = GET(real, job.n);

	head.parts[HN_GP] = job.gp = GET(HnGp, 1);
	*job.gp = *hn_gp(exact);
	hn_gp(&head)->rank = rank;
	hn_gp(&head)->factors = GET(float, HN_TRIANGLE(rank));
	if (rank == 0)
		return head;
	must(hn_gp_count_offsets(&context, hn_gp(&head), &offsets));
	must(hn_gp_pivot(&context, &job, offsets, &hn_gp(&head)->rank, pivots, factor));
	assert_int_equal(hn_gp(&head)->rank, rank);
	for (int k = 0; k < rank; k++)
		assert_int_equal(pivots[k], k);
	must(hn_gp_variance_factor(&context, &job, labels, rank, factor, process->noise / process->variance,
									process->variance, hn_gp(&head)->factors));
	return head;
}

/* With few rows the variance is never below what all rows would leave. */
static void
test_low_rank(void **state)
{
	HnInputs	inputs = random_inputs(ROWS);
	HnInputs	queries = random_inputs(QUERIES);
	HnHead		exact = head_of(HN_REGRESSION, 1);
	HnHead		rough;
	HnHead		none;
	double		values[3][QUERIES];
	double		sds[3][QUERIES];

	(void) state;
	must(fit(&inputs, labels_of(&inputs, HN_REGRESSION, 1), &every_block, &exact));
	rough = with_rank(&exact, 10);
	none = with_rank(&exact, 0);
	must(hn_predict(&context, NULL, &exact, &queries, values[0], sds[0]));
	must(hn_predict(&context, NULL, &rough, &queries, values[1], sds[1]));
	must(hn_predict(&context, NULL, &none, &queries, values[2], sds[2]));
	assert_memory_equal(values[1], values[0], sizeof(values[0]));
	assert_memory_equal(values[2], values[0], sizeof(values[0]));
	for (int q = 0; q < QUERIES; q++)
	{
		assert_true(sds[1][q] >= sds[0][q] * 0.999);
		assert_true(isnan(sds[2][q]));
	}
}

/* One training row, where everything can be said by hand. */
static void
test_one_row(void **state)
{
	float		center[1] = {0};
	float		scale[1] = {21 / 2.0f};
	int8_t		input[1] = {0};
	float		weight[1] = {3};
	float		factor[1] = {1.5f};
	HnProcess	process = {.variance = 4, .noise = 0.25};
	HnGp gp = {
		.function = HN_GAUSSIAN, .fingerprint_weight = 0.5, .rows = 1, .rank = 1, .processes = &process,
		.fingerprint_width = 1, .width = 1, .center = center, .scale = scale, .inputs = input,
		.weights = weight, .factors = factor
	};
	HnTarget	target = {.name = "y", .unit = "", .mean = 10, .std = 2};
	HnHead		head = {
		.name = "h", .task = HN_REGRESSION, .target_count = 1, .targets = &target, .parts = {[HN_GP] = &gp}
	};
	real		fingerprint = (real) (exp(2.0) - 1);	/* log(1 + x) = 2: one standard deviation */
	HnInputs	inputs = {.count = 1, .fingerprints = &fingerprint};
	double		k = exp(-0.5);
	double		value;
	double		sd;

	(void) state;
	must(hn_predict(&context, NULL, &head, &inputs, &value, &sd));
	expect_close("the value", value, 10 + 2 * 3 * k, 1e-5);
	expect_close("the deviation", sd, 2 * sqrt(4 - 1.5 * 1.5 * k * k + 0.25), 1e-5);

	gp.function = HN_MATERN;
	k = (1 + sqrt(0.5) + 0.5 / 3) * exp(-sqrt(0.5));
	must(hn_predict(&context, NULL, &head, &inputs, &value, NULL));
	expect_close("the value", value, 10 + 2 * 3 * k, 1e-5);
}

/* At the mode the gradient of the objective is zero: α = y - p in labelled rows, 0 elsewhere. */
static void
test_classification(void **state)
{
	HnInputs	inputs = random_inputs(ROWS);
	real	   *labels = labels_of(&inputs, HN_CLASSIFICATION, 2);
	HnHead		head = head_of(HN_CLASSIFICATION, 2);
	double	   *matrix;
	int		   *index;
	double		values[ROWS * 2];
	double		sds[ROWS * 2];

	(void) state;
	for (int i = 0; i < ROWS; i += 5)
		labels[i * 2 + 1] = NAN;
	must(fit(&inputs, labels, &every_block, &head));
	matrix = naive_matrix(hn_gp(&head));
	index = match_rows(hn_gp(&head), &inputs);
	for (int t = 0; t < 2; t++)
		for (int i = 0; i < ROWS; i++)
		{
			const float *weights = hn_gp(&head)->weights + t * ROWS;
			double		alpha = weights[i] / hn_gp(&head)->processes[t].variance;
			real		label = labels[index[i] * 2 + t];
			double		f = hn_gp(&head)->processes[t].offset;

			for (int j = 0; j < ROWS; j++)
				f += matrix[i * ROWS + j] * weights[j];
			expect_close("a gradient", alpha, isnan(label) ? 0 : label - 1 / (1 + exp(-f)), 2e-3);
		}
	must(hn_predict(&context, NULL, &head, &inputs, values, sds));
	for (int i = 0; i < ROWS * 2; i++)
	{
		assert_true(values[i] > 0 && values[i] < 1);
		assert_true(isnan(sds[i]));
	}
}

/* A target with gaps is fitted as if the rows without a label were not there. */
static void
test_missing_labels(void **state)
{
	HnInputs	inputs = random_inputs(ROWS);
	real	   *labels = labels_of(&inputs, HN_REGRESSION, 2);
	HnHead		head = head_of(HN_REGRESSION, 2);
	int		   *index;

	(void) state;
	for (int i = 0; i < ROWS; i++)
	{
		if (i % 3 == 0)
			labels[i * 2] = NAN;
		if (i < 6)
			labels[i * 2] = labels[i * 2 + 1] = NAN;
	}
	must(fit(&inputs, labels, &every_block, &head));
	assert_int_equal(hn_gp(&head)->rows, ROWS - 6);
	index = match_rows(hn_gp(&head), &inputs);
	for (int i = 0; i < hn_gp(&head)->rows; i++)
	{
		assert_true(index[i] >= 6);
		assert_true((hn_gp(&head)->weights[i] == 0) == (index[i] % 3 == 0));
	}
}

/* What a choice of hyper-parameters came to, and how often it asked whether to stop, as each factorisation does. */
typedef struct Choice
{
	HnGpPoint	point;
	HnFitReport report;
	int			questions;
} Choice;

static bool
count_question(void *state)
{
	++*(int *) state;
	return false;
}

/* Choose hyper-parameters for the target that has labels among several; the others have theirs in rows that the choice leaves out. */
static Choice
choose(const HnInputs *inputs, const real *labels, HnTask task, int targets, int labelled)
{
	Choice		choice = {0};
	HnHead		head = head_of(task, targets);
	real	   *all = GET(real, ROWS * targets);
	HnGpJob		job = {
		.head = &head, .gp = GET(HnGp, 1), .inputs = inputs, .labels = all, .options = &every_block,
		.y = GET(real, ROWS * targets), .label_counts = GET(int, targets)
	};

	for (int i = 0; i < ROWS * targets; i++)
		all[i] = i % targets == labelled ? labels[i / targets] : NAN;
	job.gp->processes = GET(HnProcess, targets);
	must(hn_gp_collect_rows(&context, &job));
	assert_int_equal(job.n, ROWS);
	for (int i = 0; i < ROWS * targets; i++)
		job.y[i] = NAN;
	must(hn_gp_scale_target(&context, &job, labelled));
	must(hn_gp_prepare_inputs(&context, &job, D));
	context.interrupted = count_question;
	context.interrupted_state = &choice.questions;
	must(hn_gp_choose_parameters(&context, &job, &choice.point, &choice.report));
	context.interrupted = NULL;
	return choice;
}

/* Targets without labels among the rows of the search cost nothing, and change nothing. */
static void
test_unlabelled_search(void **state)
{
	HnInputs	inputs = random_inputs(ROWS);

	(void) state;
	for (int task = HN_REGRESSION; task <= HN_CLASSIFICATION; task++)
	{
		real	   *labels = labels_of(&inputs, (HnTask) task, 1);
		Choice		alone = choose(&inputs, labels, (HnTask) task, 1, 0);

		assert_true(alone.questions > alone.report.evaluations);
		for (int targets = 2; targets <= 4; targets++)
			for (int labelled = 0; labelled < targets; labelled++)
			{
				Choice		choice = choose(&inputs, labels, (HnTask) task, targets, labelled);

				assert_memory_equal(&choice.point, &alone.point, sizeof(HnGpPoint));
				assert_true(choice.report.log_likelihood == alone.report.log_likelihood);
				assert_int_equal(choice.report.evaluations, alone.report.evaluations);
				assert_int_equal(choice.questions, alone.questions);
			}
	}
}

static void
expect_failure(HnStatus wanted, const HnInputs *inputs, const real *labels, HnTask task, const char *words)
{
	HnHead		head = head_of(task, 1);

	assert_int_equal(fit(inputs, labels, &every_block, &head), wanted);
	if (strstr(context.message, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", context.message, words);
}

static bool
always(void *state)
{
	(void) state;
	return true;
}

static void
test_refusals(void **state)
{
	HnInputs	inputs = random_inputs(5);
	real		labels[5] = {1, 1, 1, 1, 1};
	HnFitOptions nothing = {0};
	HnHead		head = head_of(HN_REGRESSION, 1);

	(void) state;
	expect_failure(HN_INVALID_ARGUMENT, &inputs, labels, HN_REGRESSION, "is constant");
	expect_failure(HN_INVALID_ARGUMENT, &inputs, labels, HN_CLASSIFICATION, "only one class");
	labels[0] = 2;
	expect_failure(HN_INVALID_ARGUMENT, &inputs, labels, HN_CLASSIFICATION, "only 0 and 1");
	labels[0] = INFINITY;
	expect_failure(HN_INVALID_ARGUMENT, &inputs, labels, HN_REGRESSION, "infinite");
	labels[0] = labels[1] = labels[2] = NAN;
	expect_failure(HN_INVALID_ARGUMENT, &inputs, labels, HN_REGRESSION, "at least 3");
	assert_int_equal(fit(&inputs, labels, &nothing, &head), HN_INVALID_ARGUMENT);

	for (int i = 0; i < 5; i++)
		labels[i] = (real) i;
	context.interrupted = always;
	assert_int_equal(fit(&inputs, labels, &every_block, &head), HN_INTERRUPTED);
}

/* A model whose second head is a fitted Gaussian process. */
static HnModel
gp_model(HnTask task)
{
	HnModel		model = network_model(D, 1);
	HnInputs	inputs = random_inputs(ROWS);
	HnHead	   *heads = GET(HnHead, 2);

	heads[0] = model.heads[0];
	heads[1] = head_of(task, 1);
	heads[1].targets[0].name = "activity";
	must(fit(&inputs, labels_of(&inputs, task, 1), &every_block, &heads[1]));
	model.heads = heads;
	model.head_count = 2;
	return model;
}

static void
test_file(void **state)
{
	(void) state;
	for (int task = HN_REGRESSION; task <= HN_CLASSIFICATION; task++)
	{
		HnModel		model = gp_model((HnTask) task);
		HnModel		again;
		HnInputs	queries = random_inputs(QUERIES);
		HnNeeds		needs;

		check_file(&model, 1, &queries, &again);
		needs = hn_model_needs(&again);
		assert_ptr_equal(needs.descriptors, &hn_descriptors_rdkit_2d);
		assert_int_equal(needs.counts, hn_gp_uses_counts(hn_gp(&again.heads[1])));
	}
}

static void
test_damaged_file(void **state)
{
	HnModel		model = gp_model(HN_REGRESSION);
	HnGp *gp = hn_gp(&model.heads[1]);
	HnGp good;

	(void) state;
	if (!hn_gp_uses_counts(gp))
		skip();
	good = *gp;

	gp->scale[0] = -1;
	expect_damage(&model, "negative");
	gp->scale[0] = 1;
	gp->count_columns[2] = HN_COUNT_COLUMNS;
	expect_damage(&model, "out of range");
	gp->count_columns[2] = gp->count_columns[1];
	expect_damage(&model, "out of order");
	gp->count_columns[2]++;
	gp->count_lengths[0]++;
	expect_damage(&model, "count");
	gp->count_lengths[0] -= 2;
	expect_damage(&model, "count");
	gp->count_lengths[0]++;

	gp->fingerprint_weight = 1e9;
	expect_damage(&model, "weight");
	gp->fingerprint_weight = good.fingerprint_weight;
	gp->count_share = 1.5;
	expect_damage(&model, "share");
	gp->count_share = good.count_share;
	gp->rows = HN_MAX_GP_ROWS + 1;
	assert_int_equal(hn_model_shape(&context, &model), HN_INVALID_MODEL);
	gp->rows = good.rows;
	gp->processes[0].variance = -1;
	expect_damage(&model, "variance");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_row, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_regression, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unlabelled_pivots, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_low_rank, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_classification, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_missing_labels, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unlabelled_search, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refusals, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_damaged_file, set_up, tear_down)
	};

	return cmocka_run_group_tests_name("Gaussian processes", tests, NULL, NULL);
}
