/*
 * test_gradients.c: every derivative against central differences, in double
 * precision, through the very calls that training makes.
 */
#include "fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hamnet/chem.h"
#include "hamnet/descriptors.h"
#include "hamnet/random.h"
#include "hamnet/training.h"

/* Agreement relative to the largest derivative of the tensor. */
#define RELATIVE 1e-6

/* Parameters that are moved of each tensor; the largest derivative is always among them. */
#define SAMPLES 6

/* The fingerprint is at most so wide. */
#define MOST_DIM 8

#define COUNT(array) (int) (sizeof(array) / sizeof((array)[0]))

/* Rings, stereo, fragments, a single atom, no bonds at all, charges, a dummy atom. */
static const char *const molecules[] = {
	"CC(=O)Oc1ccccc1C(=O)O", "[Na+].[Cl-]", "C", "C[C@H](N)C(=O)O", "CCO.c1ccncc1", "F/C=C\\Cl", "*CC#N", "O.O.O"
};

static double
uniform_of(uint64_t *state)
{
	return (double) (hn_next_random(state) >> 11) * 0x1p-53;
}

/* What is varied between runs. */
typedef struct Case
{
	HnTrained	trained;
	bool		engine;
	bool		dissipate;
	bool		bond_messages;	/* and the newer features */
	bool		projection;
	int			counts;			/* columns that the projection adds */
	bool		frozen;			/* examples have what is frozen */
	double		contrast;
	double		keep;
	const double *weights;
	int			steps;
	double		dropout;
	double		huber;
	enum
	{
		FINGERPRINT, RAW, STANDARDISED
	}			inputs;			/* what the first head reads: the fingerprint alone, or more beside it */
	int			unused;			/* trained tensors that the loss does not depend on */
} Case;

static const HnFeatureSet *
features_of(const Case *which)
{
	return which->counts > 0 ? &hn_features_2026_counts : which->bond_messages ? &hn_features_2026 : &hn_features_2021;
}

static HnHeadInputs *
make_inputs(bool standardised)
{
	HnHeadInputs *inputs = get(1, sizeof(*inputs));

	inputs->standardised = standardised;
	inputs->descriptors = &hn_descriptors_rdkit_2d;
	inputs->counts = 13;
	return inputs;
}

/* A small model with random weights: a regression head with a hidden layer and a classification head. */
static void
make_model(const Case *which, HnModel *model)
{
	static HnTarget values[2] = {{"first", "", 0.5, 2}, {"second", "u", -1, 0.7}};
	static HnTarget classes[1] = {{"class", "", 0, 1}};
	HnTensor   *tensors = NULL;
	int			count = 0;
	uint64_t	state = which->bond_messages ? 2 : 7;
	uint64_t	inputs_state = 8;

	memset(model, 0, sizeof(*model));
	model->features = features_of(which);
	model->engine_config = (HnEngineConfig)
	{
		.enabled = which->engine, .dim = 3, .hidden = 5, .steps = which->steps, .tau = 0.05,
			.dissipate = which->dissipate, .potential_width = 4, .dissipation_width = 5
	};
	model->fingerprint_config = (HnFingerprintConfig)
	{
		.dim = 7, .edge_dim = 4, .layers = 2, .rounds = 2,
			.bond_messages = which->bond_messages, .projection = which->projection, .counts = which->counts
	};
	model->head_count = 2;
	model->heads = get(2, sizeof(*model->heads));
	model->heads[0] = (HnHead)
	{
		.name = "values", .task = HN_REGRESSION, .target_count = 2, .targets = values, .parts = {get(1, sizeof(HnNetworks))}
	};
	*hn_networks(&model->heads[0]) = (HnNetworks) {.layer_count = 2, .layers = get(2, sizeof(HnLinear))};
	hn_networks(&model->heads[0])->layers[0].out = 6;
	if (which->inputs != FINGERPRINT)
		hn_networks(&model->heads[0])->inputs = make_inputs(which->inputs == STANDARDISED);
	model->heads[1] = (HnHead)
	{
		.name = "classes", .task = HN_CLASSIFICATION, .target_count = 1, .targets = classes, .parts = {get(1, sizeof(HnNetworks))}
	};
	*hn_networks(&model->heads[1]) = (HnNetworks) {.layer_count = 1, .layers = get(1, sizeof(HnLinear))};
	must(hn_model_allocate(&context, model));
	for (int k = 0; which->inputs != FINGERPRINT && k < hn_networks(&model->heads[0])->inputs->scaled_width; k++)
	{
		bool		fingerprint = which->inputs == STANDARDISED && k < model->fingerprint_config.dim;

		/* One column of the fingerprint is cut for every molecule; descriptors stay small, as the loss does. */
		hn_networks(&model->heads[0])->inputs->center[k] = (float) uniform_of(&inputs_state);
		hn_networks(&model->heads[0])->inputs->scale[k] = (float) (!fingerprint ? 0.02 : k == 4 ? 2000 : 20) * (float) uniform_of(&inputs_state);
	}
	must(hn_model_tensors(&context, model, &tensors, &count));
	hn_model_initialise(tensors, count, 11);

	/* Biases too: a wrong derivative could hide behind their zeros. */
	for (int64_t k = 0; k < model->parameter_count; k++)
		model->parameters[k] += 0.2 * (uniform_of(&state) - 0.5);
}

/* Groups of contrast: actives of two, an inactive of one, a group of one molecule, and molecules of none. */
static const double groups_of_molecules[] = {1, 2, 1, -1, 2, 3, NAN, 1};

/*
 * The molecules with random labels, some missing, and one or two random
 * conformations; a fingerprint to keep is drawn, too.
 */
static HnExample *
make_examples(const HnFeatureSet *features)
{
	HnExample  *examples = get(COUNT(molecules), sizeof(*examples));
	uint64_t	state = 3;
	uint64_t	kept_state = 4;

	for (int i = 0; i < COUNT(molecules); i++)
	{
		HnGraph    *graph = get(1, sizeof(*graph));
		double	   *targets = get(4, sizeof(*targets));
		real	   *kept = get(MOST_DIM, sizeof(*kept));
		HnDescription *description = get(1, sizeof(*description));
		real	   *conformations;

		must(hn_graph_from_smiles(&context, molecules[i], features, 100, graph));
		for (int t = 0; t < 3; t++)
			targets[t] = uniform_of(&state) < 0.3 ? NAN : 6 * uniform_of(&state) - 3;
		if (!isnan(targets[2]))
			targets[2] = targets[2] > 0;
		targets[3] = groups_of_molecules[i];
		for (int k = 0; k < MOST_DIM; k++)
			kept[k] = 2 * uniform_of(&kept_state) - 1;
		examples[i].kept = kept;
		examples[i].graph = graph;
		examples[i].number = (uint64_t) (100 + i);
		examples[i].targets = targets;
		examples[i].conformation_count = 1 + i % 2;
		conformations = get(6 * (size_t) graph->atom_count, sizeof(*conformations));
		for (int k = 0; k < 6 * graph->atom_count; k++)
			conformations[k] = 4 * uniform_of(&state);
		examples[i].conformations = conformations;
		must(hn_describe_smiles(&context, molecules[i], features,
								(HnNeeds) {.descriptors = &hn_descriptors_rdkit_2d, .counts = true}, 100, NULL, description));
		examples[i].descriptors = description->descriptors;
		examples[i].counts = &description->counts;
	}
	return examples;
}

/* Loss of the examples, and its gradient. */
static double
loss_of(const HnModel *model, const HnTraining *training, const HnExample *examples, real *gradient)
{
	HnLossSum	sum = {0};

	memset(gradient, 0, (size_t) model->parameter_count * sizeof(*gradient));
	must(hn_gradient_add(&context, model, training, 5, examples, COUNT(molecules), gradient, &sum));
	assert_int_equal(sum.skipped, 0);
	assert_true(sum.count > 0);
	return sum.loss;
}

/* Move one parameter both ways. */
static double
central_difference(const HnModel *model, const HnTraining *training, const HnExample *examples,
				   real *parameter, real *scratch)
{
	const double step = 1e-5;
	double		kept = *parameter;
	double		above;
	double		below;

	*parameter = kept + step;
	above = loss_of(model, training, examples, scratch);
	*parameter = kept - step;
	below = loss_of(model, training, examples, scratch);
	*parameter = kept;
	return (above - below) / (2 * step);
}

static int64_t
place_of_largest(const real *x, int64_t n)
{
	int64_t		largest = 0;

	for (int64_t k = 1; k < n; k++)
		if (fabs(x[k]) > fabs(x[largest]))
			largest = k;
	return largest;
}

/* Whether the case trains a tensor: all others must have got nothing. */
static bool
is_trained(const HnParameterGroup *groups, int group_count, int64_t begin)
{
	for (int g = 0; g < group_count; g++)
		if (groups[g].begin == begin)
			return true;
	return false;
}

static void
check_case(const Case *which)
{
	HnTraining	training = hn_training_defaults;
	HnModel		model;
	HnExample  *examples;
	HnTensor   *tensors = NULL;
	HnParameterGroup *groups = NULL;
	int			group_count = 0;
	int			tensor_count = 0;
	int			moved = 0;
	real	   *gradient;
	real	   *scratch;
	double		loss;
	uint64_t	state = 5;

	training.trained = which->trained;
	training.dropout = which->dropout;
	training.huber = which->huber;
	training.adj3_weight = 0.05;
	training.weights = which->weights;
	training.contrast = which->contrast;
	training.keep = which->keep;
	/* Contrast needs the members of a group beside each other. */
	training.micro_batch = which->contrast > 0 ? 6 : 3;
	training.seed = 9;
	make_model(which, &model);
	examples = make_examples(model.features);
	must(hn_model_tensors(&context, &model, &tensors, &tensor_count));
	must(hn_training_groups(&context, &model, &training, &groups, &group_count));
	for (int i = 0; which->frozen && i < COUNT(molecules); i++)
	{
		const real *kept = examples[i].kept;

		must(hn_example_freeze(&context, &model, &training, &examples[i]));
		/* What is kept at the start has no derivative yet. */
		examples[i].kept = kept;
	}
	gradient = get((size_t) model.parameter_count, sizeof(*gradient));
	scratch = get((size_t) model.parameter_count, sizeof(*scratch));
	loss = loss_of(&model, &training, examples, gradient);

	for (int i = 0; i < tensor_count; i++)
	{
		int64_t		begin = *tensors[i].data - model.parameters;
		int64_t		size = (int64_t) tensors[i].shape[0] * tensors[i].shape[1];
		int64_t		place = place_of_largest(gradient + begin, size);
		double		scale = fabs(gradient[begin + place]);

		if (!is_trained(groups, group_count, begin))
		{
			assert_true(scale == 0);
			continue;
		}
		moved += scale > 1e-12;
		for (int sample = 0; sample < SAMPLES; sample++)
		{
			double		expected = central_difference(&model, &training, examples,
													  &model.parameters[begin + place], scratch);
			double		error = fabs(gradient[begin + place] - expected);

			/* The difference of two losses is rounded as they are. */
			if (!(error <= RELATIVE * scale + 1e-9 + 1e-10 * loss))
				fail_msg("%s[%lld]: derivative %.12g, difference quotient %.12g, largest of the tensor %.3g",
						 tensors[i].name, (long long) place, gradient[begin + place], expected, scale);
			place = (int64_t) (uniform_of(&state) * (double) size);
		}
	}

	assert_int_equal(moved, group_count - which->unused);
	hn_arena_reset(&arena);
}

static void
check_cases(const Case *cases, int count)
{
	for (int i = 0; i < count; i++)
		check_case(&cases[i]);
}

/*
 * Unused are always the edges that the last layer would make (2 tensors), the
 * bias of the positions (an RMSD does not see it), and without dissipation or
 * without steps their weights.
 */
static void
test_everything_from_targets(void **state)
{
	const Case	cases[] = {
		{.trained = HN_TRAIN_ALL, .engine = true, .dissipate = true, .steps = 3, .unused = 2},
		{.trained = HN_TRAIN_ALL, .engine = true, .dissipate = false, .steps = 3, .unused = 3},
		{.trained = HN_TRAIN_ALL, .engine = true, .dissipate = true, .steps = 0, .unused = 6},
		{.trained = HN_TRAIN_ALL, .engine = false, .unused = 2},
	};

	(void) state;
	check_cases(cases, COUNT(cases));
}

/*
 * A read-out that is projected and scaled, with substructure counts or without,
 * and the losses that see it. In the second case all scores of an attention
 * have one sign, so that its softmax does not see their bias.
 */
static void
test_projection(void **state)
{
	static const double weights[] = {0.3, 2, 0.7};
	const Case	cases[] = {
		{.trained = HN_TRAIN_ALL, .engine = true, .dissipate = true, .projection = true, .steps = 2, .unused = 2},
		{.trained = HN_TRAIN_GENERATOR, .projection = true, .counts = 5, .dropout = 0.2, .unused = 3},
		{.trained = HN_TRAIN_GENERATOR, .engine = true, .dissipate = true, .bond_messages = true, .projection = true,
		.counts = 40, .steps = 2, .frozen = true, .contrast = 0.2, .keep = 0.4, .weights = weights, .unused = 2},
		{.trained = HN_TRAIN_GENERATOR, .projection = true, .inputs = STANDARDISED, .unused = 2},
		{.trained = HN_TRAIN_PROJECTION, .engine = true, .dissipate = true, .projection = true, .counts = 40, .steps = 2,
		.contrast = 2, .keep = 0.5},
		{.trained = HN_TRAIN_PROJECTION, .projection = true, .counts = 40, .frozen = true, .contrast = 2, .keep = 0.5,
		.weights = weights},
	};

	(void) state;
	check_cases(cases, COUNT(cases));
}

static void
test_bond_messages(void **state)
{
	const Case	cases[] = {
		{.trained = HN_TRAIN_ALL, .engine = true, .dissipate = true, .bond_messages = true, .steps = 2, .unused = 2},
		{.trained = HN_TRAIN_GENERATOR, .engine = true, .dissipate = true, .bond_messages = true, .steps = 2,
		.dropout = 0.2, .unused = 2},
		{.trained = HN_TRAIN_GENERATOR, .engine = false, .bond_messages = true, .unused = 2},
		{.trained = HN_TRAIN_HEADS, .engine = false, .bond_messages = true},
	};

	(void) state;
	check_cases(cases, COUNT(cases));
}

static void
test_frozen_parts(void **state)
{
	const Case	cases[] = {
		{.trained = HN_TRAIN_GENERATOR, .engine = true, .dissipate = true, .steps = 2, .unused = 2},
		{.trained = HN_TRAIN_HEADS, .engine = true, .dissipate = true, .steps = 2},
		{.trained = HN_TRAIN_HEADS, .engine = false},
	};

	(void) state;
	check_cases(cases, COUNT(cases));
}

static void
test_dropout_and_huber(void **state)
{
	const Case	cases[] = {
		{.trained = HN_TRAIN_ALL, .engine = true, .dissipate = true, .steps = 2, .dropout = 0.3, .unused = 2},
		{.trained = HN_TRAIN_GENERATOR, .engine = false, .dropout = 0.2, .huber = 0.5, .unused = 2},
		{.trained = HN_TRAIN_HEADS, .engine = false, .dropout = 0.4, .huber = 0.2},
	};

	(void) state;
	check_cases(cases, COUNT(cases));
}

static void
test_inputs(void **state)
{
	const Case	cases[] = {
		{.trained = HN_TRAIN_ALL, .engine = true, .dissipate = true, .steps = 2, .inputs = RAW, .unused = 2},
		{.trained = HN_TRAIN_GENERATOR, .engine = false, .dropout = 0.2, .inputs = STANDARDISED, .unused = 2},
		{.trained = HN_TRAIN_HEADS, .engine = false, .inputs = STANDARDISED},
	};

	(void) state;
	check_cases(cases, COUNT(cases));
}

static void
test_engine_from_conformations(void **state)
{
	const Case	cases[] = {
		{.trained = HN_TRAIN_ENGINE, .engine = true, .dissipate = true, .steps = 4, .unused = 1},
		{.trained = HN_TRAIN_ENGINE, .engine = true, .dissipate = false, .steps = 4, .unused = 2},
		{.trained = HN_TRAIN_ENGINE, .engine = true, .dissipate = false, .steps = 0, .unused = 5},
	};

	(void) state;
	check_cases(cases, COUNT(cases));
}

static int
setup(void **state)
{
	(void) state;
	hn_arena_init(&arena, hn_malloc_allocator);
	hn_context_init(&context, &arena, NULL, NULL);
	return 0;
}

static int
teardown(void **state)
{
	(void) state;
	hn_arena_destroy(&arena);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything_from_targets),
		cmocka_unit_test(test_bond_messages),
		cmocka_unit_test(test_projection),
		cmocka_unit_test(test_frozen_parts),
		cmocka_unit_test(test_dropout_and_huber),
		cmocka_unit_test(test_inputs),
		cmocka_unit_test(test_engine_from_conformations),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
