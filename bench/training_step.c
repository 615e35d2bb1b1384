/*
 * training_step.c: what a step of training costs, in forward passes of the
 * same molecules.
 *
 *     bench/training_step SMILES-FILE [bonds]
 *
 * With "bonds", messages see the features of bonds.
 *
 * Times are of this process on the processor, each the least of several passes
 * that take turns, so that other load on the machine disturbs the ratios little.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hamnet/chem.h"
#include "hamnet/linear.h"
#include "hamnet/training.h"

#include "bench.h"

#define MOLECULES 64
#define PASSES 7

typedef struct Bench
{
	HnArena		kept;			/* model and examples */
	HnArena		arena;			/* one pass */
	HnContext	kept_context;
	HnContext	context;
	HnModel		model;
	HnExample	examples[MOLECULES];
	int			count;
	real	   *gradient;
} Bench;

static void *
allocate(Bench *bench, size_t count, size_t size)
{
	void	   *block = hn_arena_alloc_zero(&bench->kept, count, size);

	if (block == NULL)
		exit(EXIT_FAILURE);
	return block;
}

/* The built-in models' sizes, with a head of one hidden layer. */
static void
make_model(Bench *bench, bool bond_messages)
{
	static HnTarget target = {.name = "y", .unit = "", .mean = 0, .std = 1};
	static HnLinear layers[2] = {{.out = 128}};
	static HnNetworks networks = {.layer_count = 2, .layers = layers};
	static HnHead head = {
		.name = "y", .task = HN_REGRESSION, .target_count = 1, .targets = &target, .parts = {&networks}
	};
	HnTensor   *tensors = NULL;
	int			count = 0;

	bench->model = (HnModel)
	{
		.features = &hn_features_2021,
			.engine_config = {
			.enabled = true, .dim = 32, .hidden = 128, .steps = 20, .tau = 0.025, .dissipate = true,
			.potential_width = 32, .dissipation_width = 32
		},
			.fingerprint_config = {.dim = 256, .edge_dim = 64, .layers = 2, .rounds = 2, .bond_messages = bond_messages},
			.head_count = 1, .heads = &head
	};
	check(hn_model_allocate(&bench->kept_context, &bench->model), &bench->kept_context);
	check(hn_model_tensors(&bench->kept_context, &bench->model, &tensors, &count), &bench->kept_context);
	hn_model_initialise(tensors, count, 1);
	bench->gradient = allocate(bench, (size_t) bench->model.parameter_count, sizeof(real));
}

/* The first drug-like molecules of the file, with made-up labels and conformations: their values cost the same. */
static void
read_examples(Bench *bench, const char *path)
{
	FILE	   *file = fopen(path, "r");
	char		line[MAX_LINE];

	if (file == NULL)
	{
		perror(path);
		exit(EXIT_FAILURE);
	}
	while (bench->count < MOLECULES && fgets(line, sizeof(line), file))
	{
		HnGraph    *graph = allocate(bench, 1, sizeof(*graph));
		HnExample  *example = &bench->examples[bench->count];
		double	   *target;
		real	   *conformation;

		line[strcspn(line, " \t\r\n")] = '\0';
		if (hn_graph_from_smiles(&bench->kept_context, line, bench->model.features, MAX_DRUG_ATOMS, graph) != HN_OK ||
			graph->atom_count < MIN_DRUG_ATOMS)
			continue;
		target = allocate(bench, 1, sizeof(*target));
		*target = bench->count % 5;
		conformation = allocate(bench, 3 * (size_t) graph->atom_count, sizeof(*conformation));
		for (int k = 0; k < 3 * graph->atom_count; k++)
			conformation[k] = (real) (k * k % 11);
		*example = (HnExample)
		{
			.graph = graph, .number = (uint64_t) bench->count, .targets = target,
				.conformation_count = 1, .conformations = conformation
		};
		bench->count++;
	}
	fclose(file);
	if (bench->count < MOLECULES)
	{
		fprintf(stderr, "training_step: %s has too few molecules of %d to %d atoms\n", path, MIN_DRUG_ATOMS, MAX_DRUG_ATOMS);
		exit(EXIT_FAILURE);
	}
}

/* Return the seconds of one forward pass, or of one gradient. */
static double
time_pass(Bench *bench, HnTrained trained, bool backward)
{
	HnTraining	training = hn_training_defaults;
	HnLossSum	sum = {0};
	static HnConformationError errors[MOLECULES];
	double	   *predictions = allocate(bench, (size_t) bench->count * hn_model_target_count(&bench->model), sizeof(double));
	double		start = cpu_seconds();
	double		seconds;

	training.trained = trained;
	if (backward)
	{
		memset(bench->gradient, 0, (size_t) bench->model.parameter_count * sizeof(real));
		check(hn_gradient_add(&bench->context, &bench->model, &training, 0, bench->examples, bench->count,
							  bench->gradient, &sum), &bench->context);
	}
	else if (trained == HN_TRAIN_ENGINE)
		check(hn_examples_conformation_errors(&bench->context, &bench->model, &training, bench->examples,
											  bench->count, errors), &bench->context);
	else
		check(hn_examples_predict(&bench->context, &bench->model, &training, bench->examples, bench->count,
								  predictions), &bench->context);
	seconds = cpu_seconds() - start;
	hn_arena_reset(&bench->arena);
	return seconds;
}

/* Seconds of one optimiser step over all parameters. */
static double
time_step(Bench *bench)
{
	HnTraining	training = hn_training_defaults;
	HnOptimiserOptions options = hn_optimiser_defaults;
	HnParameterGroup *groups = NULL;
	int			group_count = 0;
	HnOptimiser optimiser;
	double		start;
	double		seconds;

	training.trained = HN_TRAIN_ALL;
	options.rate = 1e-9;
	check(hn_training_groups(&bench->context, &bench->model, &training, &groups, &group_count), &bench->context);
	check(hn_optimiser_init(&bench->context, &options, groups, group_count, bench->model.parameters,
							bench->model.parameter_count, &optimiser), &bench->context);
	start = cpu_seconds();
	check(hn_optimiser_step(&bench->context, &optimiser, bench->gradient, bench->count, NULL), &bench->context);
	seconds = cpu_seconds() - start;
	hn_arena_reset(&bench->arena);
	return seconds;
}

static double
lesser(double a, double b)
{
	return a < b ? a : b;
}

int
main(int argc, char **argv)
{
	static const struct
	{
		HnTrained	trained;
		const char *name;
	}			kinds[] = {
		{HN_TRAIN_GENERATOR, "generator and heads, engine frozen but computed"},
		{HN_TRAIN_ALL, "engine, generator and heads"},
		{HN_TRAIN_ENGINE, "engine alone, by conformations"},
	};
	static Bench bench;

	if (argc != 2 && (argc != 3 || strcmp(argv[2], "bonds") != 0))
	{
		fprintf(stderr, "usage: %s SMILES-FILE [bonds]\n", argv[0]);
		return EXIT_FAILURE;
	}
	hn_blas_single_thread();
	hn_arena_init(&bench.kept, hn_malloc_allocator);
	hn_arena_init(&bench.arena, hn_malloc_allocator);
	hn_context_init(&bench.kept_context, &bench.kept, NULL, NULL);
	hn_context_init(&bench.context, &bench.arena, NULL, NULL);
	make_model(&bench, argc == 3);
	read_examples(&bench, argv[1]);

	printf("%d molecules, %lld parameters\n\n", bench.count, (long long) bench.model.parameter_count);
	printf("| trained | forward, ms | forward and backward, ms | optimiser, ms | step : forward |\n|---|---|---|---|---|\n");
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
	{
		double		forward = 1e9;
		double		gradient = 1e9;
		double		step = 1e9;

		for (int pass = 0; pass < PASSES; pass++)
		{
			forward = lesser(forward, time_pass(&bench, kinds[k].trained, false));
			gradient = lesser(gradient, time_pass(&bench, kinds[k].trained, true));
			step = lesser(step, time_step(&bench));
		}
		printf("| %s | %.1f | %.1f | %.1f | %.2f |\n", kinds[k].name, 1e3 * forward, 1e3 * gradient, 1e3 * step,
			   (gradient + step) / forward);
	}
	hn_arena_destroy(&bench.arena);
	hn_arena_destroy(&bench.kept);
	return EXIT_SUCCESS;
}
