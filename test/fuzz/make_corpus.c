/*
 * make_corpus.c: write the inputs that the fuzzers start from, as far as the
 * core can make them from the molecules of the golden tests: see "make
 * fuzz-corpus". The rest of test/fuzz/corpus is written by hand, or was found.
 *
 * Runs from the top of the source tree.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden.h"
#include "hamnet/chem.h"
#include "hamnet/conformer.h"
#include "hamnet/boosting.h"
#include "hamnet/forest.h"
#include "hamnet/joint.h"
#include "hamnet/gp.h"
#include "hamnet/known.h"
#include "hamnet/network.h"
#include "hamnet/optimiser.h"
#include "hamnet/training.h"

#define MAX_MOLECULES 64

static HnArena arena;
static HnContext context;

static const char *molecules[MAX_MOLECULES];
static int	molecule_count;

static void
must(HnStatus status)
{
	if (status != HN_OK)
	{
		fprintf(stderr, "make_corpus: %s\n", context.message);
		exit(1);
	}
}

static void
save(const char *fuzzer, const char *name, const void *bytes, size_t size)
{
	char		path[256];
	FILE	   *file;

	snprintf(path, sizeof(path), "test/fuzz/corpus/%s/%s", fuzzer, name);
	file = fopen(path, "wb");
	if (file == NULL || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
	{
		perror(path);
		exit(1);
	}
}

static void
save_numbered(const char *fuzzer, int number, const char *text)
{
	char		name[32];

	snprintf(name, sizeof(name), "golden-%d", number);
	save(fuzzer, name, text, strlen(text));
}

static void
save_molecules(void)
{
	for (int i = 0; i < molecule_count; i++)
	{
		const char *block;
		HnStatus	status = hn_embed(&context, molecules[i], 1, 100, &block);

		save_numbered("smiles", i, molecules[i]);
		if (status != HN_NO_CONFORMER)
		{
			must(status);
			save_numbered("molblock", i, block);
		}
	}
}

/* A model with narrow layers and no heads; where atoms have more features, messages see bonds. */
static HnModel
narrow_model(const HnFeatureSet *features, bool engine)
{
	return (HnModel)
	{
		.features = features,
		.engine_config = {
			.enabled = engine, .dim = 2, .hidden = 3, .steps = 2, .tau = 0.025, .dissipate = true,
			.potential_width = 2, .dissipation_width = 1
		},
		.fingerprint_config = {
			.dim = 3, .edge_dim = 2, .layers = 1, .rounds = 1, .bond_messages = features == &hn_features_2026
		},
	};
}

static void
allocate(HnModel *model, uint64_t seed)
{
	HnTensor   *tensors = NULL;
	int			count = 0;

	must(hn_model_allocate(&context, model));
	must(hn_model_tensors(&context, model, &tensors, &count));
	hn_model_initialise(tensors, count, seed);
}

static void
save_model(const char *name, HnModel *model)
{
	unsigned char *bytes;
	size_t		size;

	must(hn_model_write(&context, model, &bytes, &size));
	save("safetensors", name, bytes, size);
}

static HnModel
network_model(bool engine, HnHead *head, uint64_t seed)
{
	HnModel		model = narrow_model(&hn_features_2021, engine);

	model.head_count = 1;
	model.heads = head;
	allocate(&model, seed);
	return model;
}

static void
save_networks(void)
{
	HnTarget	targets[] = {{"solubility", "log10(mol/L)", -3, 2}, {"gr\xc3\xb6\xc3\x9f" "e", "", 0, 1}};
	HnLinear	layers[4][2] = {0};
	HnNetworks	networks[4];
	HnHead		heads[4];
	HnModel		models[4];
	HnModel		joined;

	for (int i = 0; i < 4; i++)
	{
		layers[i][0].out = 2;
		heads[i] = (HnHead)
		{
			.name = "head", .task = i == 1 ? HN_CLASSIFICATION : HN_REGRESSION,
			.target_count = 2, .targets = targets, .parts = {&networks[i]}
		};
		networks[i] = (HnNetworks) {.layer_count = 2, .layers = layers[i]};
		models[i] = network_model(i == 0, &heads[i], (uint64_t) i);
	}
	save_model("engine", &models[0]);
	save_model("classification", &models[1]);
	must(hn_model_join(&context, (const HnModel *[]) {&models[2], &models[3]}, 2, &joined));
	save_model("ensemble", &joined);
}

/* Everything that heads may learn from, of all molecules. */
static HnInputs
describe(const HnModel *model)
{
	size_t		dim = (size_t) model->fingerprint_config.dim;
	size_t		width = (size_t) hn_descriptors_rdkit_2d.count;
	HnNeeds		needs = {.descriptors = &hn_descriptors_rdkit_2d, .counts = true};
	real	   *fingerprints = hn_arena_alloc(&arena, (size_t) molecule_count, dim * sizeof(real));
	real	   *descriptors = hn_arena_alloc(&arena, (size_t) molecule_count, width * sizeof(real));
	HnCounts   *counts = hn_arena_alloc(&arena, (size_t) molecule_count, sizeof(HnCounts));

	for (int i = 0; i < molecule_count; i++)
	{
		HnGraph		graph;
		HnDescription description;
		HnBatch		batch;
		real	   *fingerprint;

		must(hn_describe_smiles(&context, molecules[i], model->features, needs, 100, &graph, &description));
		must(hn_batch_build(&context, &graph, 1, &batch));
		must(hn_fingerprints(&context, model, &batch, &fingerprint));
		memcpy(fingerprints + (size_t) i * dim, fingerprint, dim * sizeof(real));
		memcpy(descriptors + (size_t) i * width, description.descriptors, width * sizeof(real));
		counts[i] = description.counts;
	}
	return (HnInputs)
	{
		molecule_count, fingerprints, descriptors, counts
	};
}

/* A head without parts, for one target. */
static HnHead
plain_head(const char *name, HnTask task)
{
	HnHead		head = {.name = name, .task = task, .target_count = 1};

	head.targets = hn_arena_alloc(&arena, 1, sizeof(HnTarget));
	*head.targets = (HnTarget) {"activity", "", 0, 1};
	return head;
}

/* What it is fitted to [MAX_MOLECULES]. */
static const real *
make_labels(HnTask task)
{
	real	   *labels = hn_arena_alloc(&arena, MAX_MOLECULES, sizeof(real));

	for (int i = 0; i < MAX_MOLECULES; i++)
		labels[i] = task == HN_CLASSIFICATION ? (real) (i % 2) : (real) (i % 5) + (real) 0.1 * (real) i;
	return labels;
}

static HnHead
fit_gp(const HnInputs *inputs, int dim, HnTask task, HnFitOptions options)
{
	HnHead		head = plain_head("kernel", task);
	HnFitReport report;

	must(hn_gp_fit(&context, inputs, dim, make_labels(task), &options, &head, &report));
	return head;
}

static HnHead
fit_forest(const HnInputs *inputs, HnTask task)
{
	HnFitOptions options = {.descriptors = &hn_descriptors_rdkit_2d, .trees = 3};
	HnHead		head = plain_head("forest", task);
	HnFitReport report;

	must(hn_forest_fit(&context, inputs, 0, make_labels(task), &options, &head, &report));
	return head;
}

static HnHead
fit_boosting(const HnInputs *inputs, HnTask task)
{
	HnFitOptions options = {.descriptors = &hn_descriptors_rdkit_2d, .boosting = 3};
	HnHead		head = plain_head("boosting", task);
	HnFitReport report;

	must(hn_boosting_fit(&context, inputs, 0, make_labels(task), &options, &head, &report));
	return head;
}

/* Save a model of one head, which remembers the molecules. */
static void
save_head(const char *name, HnModel *model, HnHead *head, const HnInputs *inputs)
{
	must(hn_known_make(&context, head, model->fingerprint_config.dim, inputs->fingerprints, inputs->count, NULL, 0));
	if (hn_known(head) == NULL)
	{
		fprintf(stderr, "make_corpus: all fingerprints are alike\n");
		exit(1);
	}
	model->head_count = 1;
	model->heads = head;
	save_model(name, model);
}

static void
save_gp(const char *name, HnTask task, HnFitOptions options)
{
	HnModel		model = narrow_model(&hn_features_2021, false);
	HnInputs	inputs;
	HnHead		head;

	allocate(&model, 3);
	inputs = describe(&model);
	head = fit_gp(&inputs, model.fingerprint_config.dim, task, options);
	save_head(name, &model, &head, &inputs);
}

/* Two networks that read more than the fingerprint, over richer features, for the target of a Gaussian process. */
static HnModel
rich_networks(const HnHead *gp, const HnModel *base, const HnInputs *inputs, bool standardised)
{
	HnHeadInputs read = {
		.standardised = standardised, .descriptors = standardised ? &hn_descriptors_rdkit_2d : NULL, .counts = 8
	};
	HnLinear	layers[2] = {{.out = 2}};
	HnHead		head = {
		.name = "rich", .task = gp->task, .target_count = gp->target_count, .targets = gp->targets,
		.parts = {&(HnNetworks) {.member_count = 2, .layer_count = 2, .layers = layers, .inputs = &read}}
	};
	HnModel		model;
	int			rows[MAX_MOLECULES];

	for (int i = 0; i < inputs->count; i++)
		rows[i] = i;
	must(hn_inputs_measure(&context, inputs, rows, inputs->count, base->fingerprint_config.dim, &read));
	must(hn_model_with_heads(&context, base, &head, 1, 6, &model));
	return model;
}

/* Such networks alone, joined with a Gaussian process, with a forest, with both, and with boosted trees. */
static void
save_rich(void)
{
	HnModel		base = narrow_model(&hn_features_2026, true);
	int			dim = base.fingerprint_config.dim;
	HnInputs	inputs;

	allocate(&base, 5);
	inputs = describe(&base);
	for (HnTask task = HN_REGRESSION; task <= HN_CLASSIFICATION; task++)
	{
		bool		classes = task == HN_CLASSIFICATION;
		HnHead		gp = fit_gp(&inputs, dim, task,
										(HnFitOptions) {.fingerprint = !classes, .counts = true});
		HnModel		model = rich_networks(&gp, &base, &inputs, !classes);
		HnHead		networks = model.heads[0];
		HnHead		forest = fit_forest(&inputs, task);
		HnHead		boosting = fit_boosting(&inputs, task);
		HnHead		joint;

		save_head(classes ? "folded" : "inputs", &model, &networks, &inputs);
		must(hn_joint_make(&context, (const HnHead *[]) {&networks, &gp}, 2, &joint));
		save_head(classes ? "joint-classes" : "joint", &model, &joint, &inputs);
		must(hn_joint_make(&context, (const HnHead *[]) {&networks, &forest, &gp}, classes ? 3 : 2, &joint));
		save_head(classes ? "three" : "forest", &model, &joint, &inputs);
		must(hn_joint_make(&context, (const HnHead *[]) {&networks, &boosting}, 2, &joint));
		save_head(classes ? "boosted-classes" : "boosted", &model, &joint, &inputs);
	}
}

/* A state of the optimiser that fuzz_state.c restores into. */
static void
save_state(const char *name, HnAveraging averaging)
{
	static const HnParameterGroup group = {.begin = 0, .count = 3, .rate = 1, .decay = true};
	static const real gradient[3] = {1, -2, 3};
	real		parameters[3] = {0};
	HnOptimiserOptions options = hn_optimiser_defaults;
	HnOptimiser optimiser;
	unsigned char *bytes;
	size_t		size;

	options.averaging = averaging;
	must(hn_optimiser_init(&context, &options, &group, 1, parameters, 3, &optimiser));
	must(hn_optimiser_step(&context, &optimiser, gradient, 1, NULL));
	must(hn_optimiser_save(&context, &optimiser, &bytes, &size));
	save("state", name, bytes, size);
}

int
main(void)
{
	json_t	   *golden = golden_json("small.json");
	json_t	   *cases = json_object_get(golden, "cases");

	hn_arena_init(&arena, hn_malloc_allocator);
	hn_context_init(&context, &arena, NULL, NULL);
	for (size_t i = 0; i < json_array_size(cases) && i < MAX_MOLECULES; i++)
		molecules[molecule_count++] = json_string_value(json_object_get(json_array_get(cases, i), "smiles"));

	save_molecules();
	save_networks();
	save_gp("process", HN_REGRESSION,
				(HnFitOptions) {.fingerprint = true, .descriptors = &hn_descriptors_rdkit_2d});
	save_gp("classifier", HN_CLASSIFICATION, (HnFitOptions) {.fingerprint = true, .counts = true});
	save_gp("substructures", HN_REGRESSION, (HnFitOptions) {.counts = true});
	save_rich();
	save_state("plain", HN_AVERAGE_NONE);
	save_state("averaged", HN_AVERAGE_EXPONENTIAL);
	hn_arena_destroy(&arena);
	json_decref(golden);
	return 0;
}
