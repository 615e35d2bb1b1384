/*
 * test_training.c: whole steps of training: that they learn, that they can be
 * repeated, split and resumed, and what they refuse.
 */
#include "training_model.h"

#define BATCH 8
#define STEPS_AN_EPOCH ((MOLECULES + BATCH - 1) / BATCH)

typedef struct Run
{
	HnTraining	training;
	int			workers;
	HnOptimiser optimiser;
	HnLossSum	epoch;			/* of the last epoch */
} Run;

static void
begin_run(Run *run, HnTrained trained, int epochs, int workers)
{
	HnOptimiserOptions options = hn_optimiser_defaults;
	HnParameterGroup *groups = NULL;
	int			group_count = 0;

	memset(run, 0, sizeof(*run));
	run->training = hn_training_defaults;
	run->training.trained = trained;
	run->training.dropout = 0.05;
	run->training.seed = 3;
	run->training.micro_batch = 3;
	run->workers = workers;
	options.rate = 1e-2;
	options.total_steps = epochs * STEPS_AN_EPOCH;
	options.averaging = HN_AVERAGE_EXPONENTIAL;
	must(hn_training_groups(&context, &model, &run->training, &groups, &group_count));
	must(hn_optimiser_init(&context, &options, groups, group_count, model.parameters, model.parameter_count,
						   &run->optimiser));
}

/* One step as a server makes it: a block for each worker, their sum, one optimiser. */
static void
run_step(Run *run, const int *order, int first)
{
	int			count = MOLECULES - first < BATCH ? MOLECULES - first : BATCH;
	size_t		size = (size_t) model.parameter_count;
	HnArenaMark mark = hn_arena_mark(&arena);
	HnExample	batch[BATCH];
	real	   *blocks[4];
	HnLossSum	sum = {0};

	for (int i = 0; i < count; i++)
		batch[i] = examples[order[first + i]];
	for (int w = 0; w < run->workers; w++)
	{
		int			begin;
		int			end;

		blocks[w] = get(size, sizeof(real));
		hn_share(count, run->workers, w, &begin, &end);
		must(hn_gradient_add(&context, &model, &run->training, run->optimiser.step, batch + begin, end - begin,
							 blocks[w], &sum));
	}
	hn_gradient_sum((const real *const *) blocks, run->workers, 0, model.parameter_count, blocks[0]);
	must(hn_optimiser_step(&context, &run->optimiser, blocks[0], sum.count, NULL));
	run->epoch.loss += sum.loss;
	run->epoch.count += sum.count;
	run->epoch.skipped += sum.skipped;
	hn_arena_rewind(&arena, mark);
}

static void
run_epochs(Run *run, int first, int last)
{
	for (int epoch = first; epoch < last; epoch++)
	{
		int			order[MOLECULES];

		memset(&run->epoch, 0, sizeof(run->epoch));
		hn_epoch_order(run->training.seed, epoch, MOLECULES, order);
		for (int begin = 0; begin < MOLECULES; begin += BATCH)
			run_step(run, order, begin);
	}
}

static double
mean_loss(const Run *run)
{
	HnTraining	plain = run->training;
	HnLossSum	sum = {0};
	HnArenaMark mark = hn_arena_mark(&arena);
	real	   *gradient = GET(real, (size_t) model.parameter_count);

	plain.dropout = 0;
	must(hn_gradient_add(&context, &model, &plain, 0, examples, MOLECULES, gradient, &sum));
	hn_arena_rewind(&arena, mark);
	assert_int_equal(sum.skipped, 0);
	return sum.loss / sum.count;
}

static real *
copy_parameters(void)
{
	real	   *copy = get((size_t) model.parameter_count, sizeof(real));

	memcpy(copy, model.parameters, (size_t) model.parameter_count * sizeof(real));
	return copy;
}

static void
set_parameters(const real *values)
{
	memcpy(model.parameters, values, (size_t) model.parameter_count * sizeof(real));
}

static void
assert_same_parameters(const real *expected)
{
	assert_memory_equal(model.parameters, expected, (size_t) model.parameter_count * sizeof(real));
}

/* What is trained learns, and what is frozen stays as it was, bit for bit. */
static void
check_learning(HnTrained trained, double to)
{
	real	   *start = copy_parameters();
	HnParameterGroup *groups = NULL;
	int			group_count = 0;
	int64_t		next = 0;
	Run			run;
	double		before;

	begin_run(&run, trained, 30, 1);
	before = mean_loss(&run);
	run_epochs(&run, 0, 30);
	if (!(mean_loss(&run) < to * before))
		fail_msg("loss %g after training, %g before", mean_loss(&run), before);

	must(hn_training_groups(&context, &model, &run.training, &groups, &group_count));
	for (int g = 0; g <= group_count; g++)
	{
		int64_t		end = g < group_count ? groups[g].begin : model.parameter_count;

		assert_memory_equal(model.parameters + next, start + next, (size_t) (end - next) * sizeof(real));
		next = g < group_count ? end + groups[g].count : end;
	}
	set_parameters(start);
}

static void
test_learning(void **state)
{
	(void) state;
	check_learning(HN_TRAIN_HEADS, 0.7);
	check_learning(HN_TRAIN_GENERATOR, 0.3);
	check_learning(HN_TRAIN_ALL, 0.3);
	check_learning(HN_TRAIN_ENGINE, 0.9);
}

/* The same seed and the same number of workers: the same weights, bit for bit. */
static void
test_repetition(void **state)
{
	real	   *start = copy_parameters();
	real	   *results[4];

	(void) state;
	for (int workers = 1; workers <= 3; workers++)
		for (int pass = 0; pass < 2; pass++)
		{
			Run			run;

			set_parameters(start);
			begin_run(&run, HN_TRAIN_ALL, 3, workers);
			run_epochs(&run, 0, 3);
			if (pass == 0)
				results[workers] = copy_parameters();
			else
				assert_same_parameters(results[workers]);
		}

	/* Workers only change the order of the sums, another seed the run. */
	for (int64_t k = 0; k < model.parameter_count; k++)
		assert_float_equal(results[1][k], results[2][k], 5e-3);
	{
		Run			run;

		set_parameters(start);
		begin_run(&run, HN_TRAIN_ALL, 3, 1);
		run.training.seed++;
		run_epochs(&run, 0, 3);
		assert_memory_not_equal(model.parameters, results[1], (size_t) model.parameter_count * sizeof(real));
	}
}

/* Killed after two epochs of four and resumed from the kept state: the same weights as undisturbed. */
static void
test_resuming(void **state)
{
	real	   *start = copy_parameters();
	real	   *undisturbed;
	unsigned char *bytes;
	size_t		size;
	Run			run;

	(void) state;
	begin_run(&run, HN_TRAIN_ALL, 4, 2);
	run_epochs(&run, 0, 2);
	must(hn_optimiser_save(&context, &run.optimiser, &bytes, &size));
	run_epochs(&run, 2, 4);
	undisturbed = copy_parameters();

	set_parameters(start);
	begin_run(&run, HN_TRAIN_ALL, 4, 2);
	must(hn_optimiser_restore(&context, &run.optimiser, bytes, size));
	run_epochs(&run, 2, 4);
	assert_same_parameters(undisturbed);
}

static real *
gradient_of(const HnTraining *training, const HnExample *some, int count, HnLossSum *sum)
{
	real	   *gradient = get((size_t) model.parameter_count, sizeof(real));

	must(hn_gradient_add(&context, &model, training, 1, some, count, gradient, sum));
	return gradient;
}

static void
assert_gradients_close(const real *a, const real *b)
{
	double		largest = largest_magnitude(a, (size_t) model.parameter_count);

	assert_true(largest > 0);
	for (int64_t k = 0; k < model.parameter_count; k++)
		assert_float_equal(a[k], b[k], 1e-5 * largest);
}

/* However examples are cut into batches, dropout included, their gradients and losses add up to the same. */
static void
test_cutting(void **state)
{
	HnTraining	training = hn_training_defaults;
	HnLossSum	together = {0};
	HnLossSum	apart = {0};
	real	   *one;
	real	   *parts = get((size_t) model.parameter_count, sizeof(real));

	(void) state;
	training.trained = HN_TRAIN_ALL;
	training.dropout = 0.3;
	training.micro_batch = MOLECULES;
	one = gradient_of(&training, examples, MOLECULES, &together);
	training.micro_batch = 4;
	must(hn_gradient_add(&context, &model, &training, 1, examples + 11, MOLECULES - 11, parts, &apart));
	must(hn_gradient_add(&context, &model, &training, 1, examples, 11, parts, &apart));
	assert_float_equal(apart.loss, together.loss, 1e-4);
	assert_true(apart.count == together.count);
	assert_gradients_close(one, parts);
}

/* What was frozen before says what would have been computed. */
static void
test_freezing(void **state)
{
	const HnTrained kinds[] = {HN_TRAIN_HEADS, HN_TRAIN_GENERATOR};

	(void) state;
	for (int k = 0; k < COUNT(kinds); k++)
	{
		HnTraining	training = hn_training_defaults;
		HnExample	frozen[MOLECULES];
		HnLossSum	computed_sum = {0};
		HnLossSum	frozen_sum = {0};
		double		computed_values[MOLECULES * TARGETS];
		double		frozen_values[MOLECULES * TARGETS];
		real	   *computed;

		training.trained = kinds[k];
		training.dropout = 0.2;
		memcpy(frozen, examples, sizeof(frozen));
		for (int i = 0; i < MOLECULES; i++)
		{
			must(hn_example_freeze(&context, &model, &training, &frozen[i]));
			assert_non_null(kinds[k] == HN_TRAIN_HEADS ? frozen[i].fingerprint : frozen[i].coordinates);
		}
		computed = gradient_of(&training, examples, MOLECULES, &computed_sum);
		assert_gradients_close(computed, gradient_of(&training, frozen, MOLECULES, &frozen_sum));
		assert_float_equal(computed_sum.loss, frozen_sum.loss, 1e-4);

		must(hn_examples_predict(&context, &model, &training, examples, MOLECULES, computed_values));
		must(hn_examples_predict(&context, &model, &training, frozen, MOLECULES, frozen_values));
		for (int i = 0; i < MOLECULES * TARGETS; i++)
			assert_float_equal(computed_values[i], frozen_values[i], 1e-4);
	}
}

/* Predictions of training are those of inference. */
static void
test_predictions(void **state)
{
	HnTraining	training = hn_training_defaults;
	double		values[MOLECULES * TARGETS];

	(void) state;
	training.dropout = 0.5;
	training.micro_batch = 7;
	must(hn_examples_predict(&context, &model, &training, examples, MOLECULES, values));
	for (int i = 0; i < MOLECULES; i++)
	{
		HnBatch		batch;
		real	   *fingerprint;
		double		expected;

		must(hn_batch_build(&context, examples[i].graph, 1, &batch));
		must(hn_fingerprints(&context, &model, &batch, &fingerprint));
		for (int h = 0; h < TARGETS; h++)
		{
			must(hn_head_predict(&context, &model.heads[h], &(HnInputs){.count = 1, .fingerprints = fingerprint}, &expected));
			assert_float_equal(values[i * TARGETS + h], expected, 1e-4);
		}
	}
}

/*
 * Steps so large that the dynamics explode: only single atoms, which stay at
 * their centre, survive. The rest is skipped and leaves no trace.
 */
static void
test_skipping(void **state)
{
	HnTraining	training = hn_training_defaults;
	HnExample	some[] = {examples[1], examples[0], examples[18], examples[26], examples[19]};
	HnExample	survivors[] = {examples[0], examples[26]};
	double		values[COUNT(some) * TARGETS];
	HnConformationError errors[COUNT(some)];
	HnLossSum	all = {0};
	HnLossSum	few = {0};
	real	   *a;
	real	   *b;

	(void) state;
	model.engine_config.tau = 1000;
	model.engine_config.steps = 60;
	training.trained = HN_TRAIN_ALL;
	training.micro_batch = 4;
	a = gradient_of(&training, some, COUNT(some), &all);
	b = gradient_of(&training, survivors, COUNT(survivors), &few);
	assert_int_equal(all.skipped, 3);
	assert_int_equal(few.skipped, 0);
	assert_true(all.count == few.count && few.count > 0);
	assert_gradients_close(a, b);

	must(hn_examples_predict(&context, &model, &training, some, COUNT(some), values));
	must(hn_examples_conformation_errors(&context, &model, &training, some, COUNT(some), errors));
	for (int i = 0; i < COUNT(some); i++)
	{
		bool		finite = some[i].graph->atom_count == 1;

		assert_int_equal(isfinite(values[i * TARGETS]) != 0, finite);
		assert_int_equal(isfinite(values[i * TARGETS + 1]) != 0, finite);
		assert_int_equal(isfinite(errors[i].rmsd) != 0, finite);
	}
}

static bool
interrupt(void *state)
{
	int		   *left = state;

	return --*left < 0;
}

/* Wherever it is interrupted, training ends at once and says so. */
static void
test_interrupting(void **state)
{
	HnTraining	training = hn_training_defaults;
	real	   *gradient = get((size_t) model.parameter_count, sizeof(real));
	bool		finished = false;

	(void) state;
	training.trained = HN_TRAIN_ALL;
	for (int steps = 0; steps < 10000 && !finished; steps += 7)
	{
		int			left = steps;
		HnContext	interrupted;
		HnLossSum	sum = {0};
		HnStatus	status;

		hn_context_init(&interrupted, &arena, interrupt, &left);
		status = hn_gradient_add(&interrupted, &model, &training, 0, examples, MOLECULES, gradient, &sum);
		finished = status == HN_OK;
		assert_true(finished || status == HN_INTERRUPTED);
	}
	assert_true(finished);
}

static void
test_refused_options(void **state)
{
	HnTraining	bad[4];
	real	   *gradient = get((size_t) model.parameter_count, sizeof(real));
	HnLossSum	sum = {0};

	(void) state;
	for (int i = 0; i < 4; i++)
		bad[i] = hn_training_defaults;
	bad[0].dropout = 1;
	bad[1].dropout = NAN;
	bad[2].micro_batch = 0;
	bad[3].trained = HN_TRAIN_ENGINE;
	for (int i = 0; i < 4; i++)
	{
		model.engine_config.enabled = i < 3;
		assert_int_equal(hn_gradient_add(&context, &model, &bad[i], 0, examples, 1, gradient, &sum),
						 HN_INVALID_ARGUMENT);
	}
}

/* Same share of zeros whatever the rate; what is left keeps the mean; nothing depends on the batch. */
static void
test_dropout(void **state)
{
	enum {ROWS = 400, WIDTH = 50};
	static real x[ROWS * WIDTH];
	static real again[ROWS * WIDTH];
	const uint64_t numbers[] = {5, 9};
	const int	offset[] = {0, 150, ROWS};
	HnDropout	dropout = {.rate = 0.3, .seed = 1, .step = 2, .molecule = numbers};
	HnDropout	second = {.rate = 0.3, .seed = 1, .step = 2, .molecule = numbers + 1};
	const int	second_offset[] = {0, ROWS - 150};
	double		sum = 0;
	int			dropped = 0;
	int			changed = 0;

	(void) state;
	for (int k = 0; k < ROWS * WIDTH; k++)
		x[k] = again[k] = 1;
	hn_dropout_apply(&dropout, 0, 2, offset, WIDTH, x, WIDTH);
	for (int k = 0; k < ROWS * WIDTH; k++)
	{
		dropped += x[k] == 0;
		sum += x[k];
	}
	assert_float_equal((double) dropped / (ROWS * WIDTH), 0.3, 0.02);
	assert_float_equal(sum / (ROWS * WIDTH), 1, 0.03);

	hn_dropout_apply(&second, 0, 1, second_offset, WIDTH, again + 150 * WIDTH, WIDTH);
	assert_memory_equal(again + 150 * WIDTH, x + 150 * WIDTH, (ROWS - 150) * WIDTH * sizeof(real));

	/* Another site, step or seed: another choice, agreeing in 0.7² + 0.3² of the places. */
	for (int change = 0; change < 3; change++)
	{
		HnDropout	other = dropout;

		other.step += change == 1;
		other.seed += change == 2;
		for (int k = 0; k < ROWS * WIDTH; k++)
			again[k] = 1;
		hn_dropout_apply(&other, change == 0, 2, offset, WIDTH, again, WIDTH);
		changed = 0;
		for (int k = 0; k < ROWS * WIDTH; k++)
			changed += x[k] != again[k];
		assert_float_equal((double) changed / (ROWS * WIDTH), 0.42, 0.02);
	}

	hn_dropout_apply(NULL, 0, 2, offset, WIDTH, again, WIDTH);
	dropout.rate = 0;
	memcpy(x, again, sizeof(x));
	hn_dropout_apply(&dropout, 0, 2, offset, WIDTH, again, WIDTH);
	assert_memory_equal(x, again, sizeof(x));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_learning, setup, tear_down),
		cmocka_unit_test_setup_teardown(test_repetition, setup, tear_down),
		cmocka_unit_test_setup_teardown(test_resuming, setup, tear_down),
		cmocka_unit_test_setup_teardown(test_cutting, setup, tear_down),
		cmocka_unit_test_setup_teardown(test_freezing, setup, tear_down),
		cmocka_unit_test_setup_teardown(test_predictions, setup, tear_down),
		cmocka_unit_test_setup_teardown(test_skipping, setup, tear_down),
		cmocka_unit_test_setup_teardown(test_interrupting, setup, tear_down),
		cmocka_unit_test_setup_teardown(test_refused_options, setup, tear_down),
		cmocka_unit_test_setup_teardown(test_dropout, setup, tear_down)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
