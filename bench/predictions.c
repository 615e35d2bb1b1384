/*
 * predictions.c: what hamnet_predictions() costs beyond the forward passes.
 *
 *     bench/predictions MODEL SMILES-FILE
 *
 * Prints Markdown. The forward pass of a model ends in the values of its
 * targets and their deviations; hamnet_predictions() adds novelty. All heads
 * share one trunk, whose pass, with what it and the heads read, stands alone
 * too. Every molecule is computed three times in a row, to each of these ends.
 * Times are of this process on the CPU, not of the clock on the wall, and each
 * is the least of several passes over all molecules, so that other load on the
 * machine disturbs the ratios little.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hamnet/chem.h"
#include "hamnet/linear.h"
#include "hamnet/network.h"
#include "hamnet/predict.h"

#include "bench.h"
#include "../models/files.h"

#define MOLECULES 2000
#define PASSES 3
#define MAX_ATOMS 1000

/* What is asked of the heads. */
typedef enum Wanted
{
	VALUES,
	DEVIATIONS,					/* too */
	NOVELTY,					/* too */
	WANTED_COUNT
} Wanted;

/* Seconds of one pass, by what was done. */
typedef struct Times
{
	double		graph;			/* SMILES to graph */
	double		description;	/* descriptors and counts, beside the graph */
	double		fingerprint;	/* every generator's */
	double		heads[WANTED_COUNT];
} Times;

typedef struct Bench
{
	HnArena		kept;			/* the model */
	HnArena		arena;			/* one molecule */
	HnContext	kept_context;
	HnContext	context;
	HnModel		model;
	HnNeeds		needs;
} Bench;

static void
read_model(Bench *bench, const char *path)
{
	unsigned char *bytes = NULL;
	size_t		size;

	check(read_file(&bench->kept_context, path, &bytes, &size), &bench->kept_context);
	/* As a server does it; the bytes stay. */
	check(hn_model_read_in_place(&bench->kept_context, bytes, size, &bench->model), &bench->kept_context);
	check(hn_model_pack(&bench->kept_context, &bench->model), &bench->kept_context);
	check(hn_heads_pack(&bench->kept_context, &bench->model), &bench->kept_context);
	bench->needs = hn_model_needs(&bench->model);
}

/* The first molecules of the file whose size is that of a drug. */
static int
read_molecules(Bench *bench, const char *path, char **smiles)
{
	FILE	   *file = fopen(path, "r");
	char		line[MAX_LINE];
	int			count = 0;

	if (file == NULL)
	{
		perror(path);
		exit(EXIT_FAILURE);
	}
	while (count < MOLECULES && fgets(line, sizeof(line), file))
	{
		HnGraph		graph;

		hn_arena_reset(&bench->arena);
		line[strcspn(line, " \t,\r\n")] = '\0';
		if (hn_graph_from_smiles(&bench->context, line, bench->model.features, MAX_ATOMS, &graph) == HN_OK &&
			graph.atom_count >= MIN_DRUG_ATOMS && graph.atom_count <= MAX_DRUG_ATOMS)
			smiles[count++] = strdup(line);
	}
	fclose(file);
	return count;
}

static void
predict_heads(Bench *bench, const HnInputs *inputs, Wanted wanted)
{
	for (int h = 0; h < bench->model.head_count; h++)
	{
		const HnHead *head = &bench->model.heads[h];
		double		values[HN_MAX_TARGETS];
		double		sds[HN_MAX_TARGETS];
		double		novelty;

		if (wanted == NOVELTY)
			check(hn_predict_novelty(&bench->context, &bench->model, head, inputs, values, sds, &novelty), &bench->context);
		else
			check(hn_predict(&bench->context, &bench->model, head, inputs, values, wanted == VALUES ? NULL : sds),
				  &bench->context);
	}
}

/* What one call does, timed part by part. */
static void
predict(Bench *bench, const char *smiles, Wanted wanted, Times *times)
{
	HnContext  *context = &bench->context;
	HnGraph		graph;
	HnDescription description;
	HnBatch		batch;
	real	   *fingerprints;
	HnInputs	inputs = {.count = 1};
	double		clock[5];

	hn_arena_reset(&bench->arena);
	clock[0] = cpu_seconds();
	check(hn_graph_from_smiles(context, smiles, bench->model.features, MAX_ATOMS, &graph), context);
	clock[1] = cpu_seconds();
	check(hn_describe_smiles(context, smiles, bench->model.features, bench->needs, MAX_ATOMS, &graph, &description),
		  context);
	clock[2] = cpu_seconds();
	check(hn_batch_build(context, &graph, 1, &batch), context);
	check(hn_all_fingerprints(context, &bench->model, &batch, &fingerprints), context);
	clock[3] = cpu_seconds();
	inputs.fingerprints = fingerprints;
	inputs.descriptors = description.descriptors;
	inputs.counts = &description.counts;
	predict_heads(bench, &inputs, wanted);
	clock[4] = cpu_seconds();
	times->graph += (clock[1] - clock[0]) / WANTED_COUNT;
	times->description += (clock[2] - clock[1] - (clock[1] - clock[0])) / WANTED_COUNT;
	times->fingerprint += (clock[3] - clock[2]) / WANTED_COUNT;
	times->heads[wanted] += clock[4] - clock[3];
}

static void
keep_least(double *least, double seconds)
{
	*least = fmin(*least, seconds);
}

static void
report(Bench *bench, const char *what, char **smiles, int count, int repeats)
{
	Times		least = {INFINITY, INFINITY, INFINITY, {INFINITY, INFINITY, INFINITY}};
	double		trunk;
	double		models;
	double		all;
	double		scale = 1e6 / count / repeats;

	for (int pass = 0; pass < PASSES; pass++)
	{
		Times		times = {0};

		for (int i = 0; i < count * repeats; i++)
			for (Wanted wanted = VALUES; wanted < WANTED_COUNT; wanted++)
				predict(bench, smiles[i % count], wanted, &times);
		keep_least(&least.graph, times.graph);
		keep_least(&least.description, times.description);
		keep_least(&least.fingerprint, times.fingerprint);
		for (Wanted wanted = VALUES; wanted < WANTED_COUNT; wanted++)
			keep_least(&least.heads[wanted], times.heads[wanted]);
	}
	trunk = least.graph + least.description + least.fingerprint;
	models = trunk + least.heads[DEVIATIONS];
	all = trunk + least.heads[NOVELTY];
	printf("| %s | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f | %.2f | %.2f |\n", what, scale * least.graph,
		   scale * least.description, scale * least.fingerprint, scale * least.heads[VALUES], scale * least.heads[DEVIATIONS],
		   scale * least.heads[NOVELTY], all / models, all / trunk);
}

int
main(int argc, char **argv)
{
	static Bench bench;
	static char *smiles[MOLECULES];
	static char *ethanol[] = {"CCO"};
	int			count;

	if (argc != 3)
	{
		fprintf(stderr, "usage: %s MODEL SMILES-FILE\n", argv[0]);
		return 2;
	}
	hn_blas_single_thread();
	hn_arena_init(&bench.kept, hn_malloc_allocator);
	hn_arena_init(&bench.arena, hn_malloc_allocator);
	hn_context_init(&bench.kept_context, &bench.kept, NULL, NULL);
	hn_context_init(&bench.context, &bench.arena, NULL, NULL);
	read_model(&bench, argv[1]);
	count = read_molecules(&bench, argv[2], smiles);
	printf("What every property of a molecule costs, one molecule at a time, %d of %d to %d heavy atoms and ethanol. The\n"
		   "forward passes of the models end in values and deviations; their trunk is what all heads read: graph, descriptors,\n"
		   "counts and fingerprint.\n\n", count, MIN_DRUG_ATOMS, MAX_DRUG_ATOMS);
	printf("| molecules | graph, µs | descriptors and counts, µs | fingerprint, µs | heads: values, µs | and deviations, µs "
		   "| and novelty, µs | all : forward passes | all : trunk |\n"
		   "|---|---|---|---|---|---|---|---|---|\n");
	report(&bench, "CCO", ethanol, 1, 1000);
	report(&bench, "drug-like", smiles, count, 1);
	hn_arena_destroy(&bench.arena);
	hn_arena_destroy(&bench.kept);
	return EXIT_SUCCESS;
}
