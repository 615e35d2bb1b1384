/*
 * predictions.c: what hamnet_predictions() costs beyond the forward pass.
 *
 *     bench/predictions MODEL SMILES-FILE
 *
 * Prints Markdown. Times are of this process on the CPU, not of the clock on
 * the wall, and each is the least of several passes over the same molecules
 * that take turns with the other parts, so that other load on the machine
 * disturbs the ratio little.
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

#define MOLECULES 1000
#define PASSES 5
#define MAX_ATOMS 1000

/* Seconds of one pass, by what was done. */
typedef struct Times
{
	double		graph;			/* SMILES to graph */
	double		description;	/* descriptors and counts, beside the graph */
	double		fingerprint;	/* every generator's */
	double		heads;			/* with novelty */
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
			graph.atom_count >= LEAST_ATOMS && graph.atom_count <= MOST_ATOMS)
			smiles[count++] = strdup(line);
	}
	fclose(file);
	return count;
}

/* What one call does, timed part by part. */
static void
predict(Bench *bench, const char *smiles, Times *times)
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
	for (int h = 0; h < bench->model.head_count; h++)
	{
		const HnHead *head = &bench->model.heads[h];
		double		values[HN_MAX_TARGETS];
		double		sds[HN_MAX_TARGETS];
		double		novelty;

		check(hn_predict_novelty(context, &bench->model, head, &inputs, values, sds, &novelty), context);
	}
	clock[4] = cpu_seconds();
	times->graph += clock[1] - clock[0];
	times->description += clock[2] - clock[1] - (clock[1] - clock[0]);
	times->fingerprint += clock[3] - clock[2];
	times->heads += clock[4] - clock[3];
}

static void
keep_least(double *least, double seconds)
{
	*least = fmin(*least, seconds);
}

static void
report(Bench *bench, const char *what, char **smiles, int count, int repeats)
{
	Times		least = {INFINITY, INFINITY, INFINITY, INFINITY};
	double		forward;
	double		scale = 1e6 / count / repeats;

	for (int pass = 0; pass < PASSES; pass++)
	{
		Times		times = {0};

		for (int i = 0; i < count * repeats; i++)
			predict(bench, smiles[i % count], &times);
		keep_least(&least.graph, times.graph);
		keep_least(&least.description, times.description);
		keep_least(&least.fingerprint, times.fingerprint);
		keep_least(&least.heads, times.heads);
	}
	forward = least.graph + least.description + least.fingerprint;
	printf("| %s | %.0f | %.0f | %.0f | %.0f | %.2f |\n", what, scale * least.graph, scale * least.description,
		   scale * least.fingerprint, scale * least.heads, (forward + least.heads) / forward);
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
	printf("What every property of a molecule costs, one molecule at a time, %d of %d to %d heavy atoms and ethanol. The forward\n"
		   "pass is what the heads read: graph, descriptors, counts and fingerprint.\n\n", count, LEAST_ATOMS, MOST_ATOMS);
	printf("| molecules | graph, µs | descriptors and counts, µs | fingerprint, µs | heads and novelty, µs | all : forward |\n"
		   "|---|---|---|---|---|---|\n");
	report(&bench, "CCO", ethanol, 1, 1000);
	report(&bench, "drug-like", smiles, count, 1);
	hn_arena_destroy(&bench.arena);
	hn_arena_destroy(&bench.kept);
	return EXIT_SUCCESS;
}
