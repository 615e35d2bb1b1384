/*
 * network.c: how fast the core is, as ratios to the machine's SGEMM.
 *
 *     bench/network MODEL SMILES-FILE [CHOSEN]
 *
 * Writes the molecules that it measured with to the file CHOSEN, one a line.
 * Prints Markdown. Times are of this process on the CPU, not of the clock on
 * the wall, and each is the least of several passes that take turns, so that
 * other load on the machine disturbs them little; ratios are of times taken in
 * turn.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hamnet/chem.h"
#include "hamnet/simd.h"
#include "hamnet/linear.h"
#include "hamnet/network.h"

#include "bench.h"
#include "../models/files.h"

extern int	rdkit_parse(const char *smiles);

#define MOLECULES 2000
#define PASSES 5
#define MAX_ATOMS 1000

typedef struct Bench
{
	HnArena		kept;			/* model and molecules */
	HnArena		arena;			/* one piece of work */
	HnContext	kept_context;
	HnContext	context;
	HnModel		model;
	char	   *smiles[MOLECULES];
	HnGraph		graphs[MOLECULES];
	int			count;
} Bench;

/*
 * Floating-point operations of the network for one molecule of n atoms and m
 * bonds: a multiplication and an addition for each weight and row of every
 * linear layer, in the form with one product per atom, and what sums over
 * edges, pairs and atoms need. Activation functions, gates and softmax count
 * nothing.
 */
static double
count_flop(const HnModel *model, double n, double m)
{
	const HnEngineConfig *engine = &model->engine_config;
	double		F = model->features->atom_columns;
	double		Fb = model->features->bond_columns;
	double		D = model->fingerprint_config.dim;
	double		G = model->fingerprint_config.edge_dim;
	double		L = model->fingerprint_config.layers;
	double		R = model->fingerprint_config.rounds;
	double		d = engine->enabled ? engine->dim : 0;
	double		r = 2 * d;
	double		b = model->fingerprint_config.bond_messages ? Fb : 0;
	double		flop = 0;

	if (engine->enabled)
	{
		double		h = engine->hidden;
		double		u = engine->potential_width;

		flop += 2 * n * F + 2 * m * Fb;	/* gates */
		flop += 2 * n * h * (F + h) + 2 * (2 * m * h * 3);	/* two graph convolutions */
		flop += 2 * n * 4 * r * (F + 2 * h) + 2 * (n - 1) * 4 * r * r;	/* LSTM */
		flop += engine->steps * (2 * n * d * (engine->dissipate ? 2 * d : d) /* both ∂/∂p */
								 + 2 * n * d * u	/* Y */
								 + 3 * n * (n - 1) / 2 * u	/* distances */
								 + 3 * n * (n - 1) * u	/* forces on Y */
								 + 2 * n * d * u);	/* on q */
		flop += 2 * n * 3 * d;	/* positions */
	}
	flop += 2 * n * F * D + 2 * m * Fb * G;	/* first states */
	flop += L * (2 * n * D * (2 * D + r) + 2 * m * D + 2 * m * b * D + (b > 0 ? 2 * m * D : 0)	/* messages */
				 + 2 * m * 2 * G + 2 * n * r	/* attention */
				 + 2 * m * 2 * D	/* context */
				 + 2 * n * 3 * D * 2 * D);	/* GRU */
	flop += (L - 1) * (2 * n * G * (2 * D + r) + 2 * m * G + 2 * m * b * G + (b > 0 ? 2 * m * G : 0));	/* edges; the last are not needed */
	flop += 2 * n * D * D + n * D + 2 * n * D * (D + r) + 2 * n * (D + r);	/* read-out, once */
	flop += R * (2 * D + 2 * n * D + 2 * 3 * D * 2 * D);	/* and in each round */
	return flop;
}

static void
read_model(Bench *bench, const char *path)
{
	unsigned char *bytes = NULL;
	size_t		size;

	check(read_file(&bench->kept_context, path, &bytes, &size), &bench->kept_context);
	check(hn_model_read(&bench->kept_context, bytes, size, &bench->model), &bench->kept_context);
	check(hn_model_pack(&bench->kept_context, &bench->model), &bench->kept_context);
}

/* The first molecules of the file whose size is that of a drug. */
static void
read_molecules(Bench *bench, const char *path)
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
		HnGraph    *graph = &bench->graphs[bench->count];

		line[strcspn(line, " \t,\r\n")] = '\0';
		if (hn_graph_from_smiles(&bench->kept_context, line, bench->model.features, MAX_ATOMS, graph) == HN_OK &&
			graph->atom_count >= MIN_DRUG_ATOMS && graph->atom_count <= MAX_DRUG_ATOMS)
			bench->smiles[bench->count++] = strdup(line);
	}
	fclose(file);
	if (bench->count == 0)
	{
		fprintf(stderr, "bench: no drug-like molecule in %s\n", path);
		exit(EXIT_FAILURE);
	}
}

static void
write_molecules(const Bench *bench, const char *path)
{
	FILE	   *file = fopen(path, "w");
	bool		failed = file == NULL;

	for (int g = 0; g < bench->count && !failed; g++)
		failed = fprintf(file, "%s\n", bench->smiles[g]) < 0;
	if (failed || fclose(file) != 0)
	{
		perror(path);
		exit(EXIT_FAILURE);
	}
}

/* Operations per second of SGEMM for [rows, D] by [D, 3D], the largest product of the network. */
static double
sgemm_rate(const Bench *bench, int rows)
{
	int			in = bench->model.fingerprint_config.dim;
	int			out = 3 * in;
	double		flop = 2.0 * rows * in * out;
	int			repeats = (int) (2e8 / flop) + 1;
	real	   *x = calloc((size_t) rows * in, sizeof(real));
	real	   *y = calloc((size_t) rows * out, sizeof(real));
	double		best = INFINITY;

	for (int pass = 0; pass < 3; pass++)
	{
		double		start = cpu_seconds();

		for (int k = 0; k < repeats; k++)
			hn_gemm_nt(rows, out, in, 1, x, in, bench->model.readout.gru.weight_ih, in, 0, y, out);
		best = fmin(best, (cpu_seconds() - start) / repeats);
	}
	free(x);
	free(y);
	return flop / best;
}

/* The same product by the network's own kernel, with packed weights. */
static double
kernel_rate(const Bench *bench, int rows)
{
	const HnPacked *weights = &bench->model.packed->generator.gru.input;
	double		flop = 2.0 * rows * weights->in * weights->out;
	int			repeats = (int) (2e8 / flop) + 1;
	real	   *x = calloc((size_t) rows * weights->in, sizeof(real));
	real	   *y = calloc((size_t) rows * weights->out, sizeof(real));
	double		best = INFINITY;

	for (int pass = 0; pass < 3; pass++)
	{
		double		start = cpu_seconds();

		for (int k = 0; k < repeats; k++)
			hn_packed_product(weights, rows, x, weights->in, y, weights->out);
		best = fmin(best, (cpu_seconds() - start) / repeats);
	}
	free(x);
	free(y);
	return flop / best;
}

/* Run the network over the parsed molecules in batches of at least `atoms` atoms. */
static double
network_seconds(Bench *bench, int atoms)
{
	double		start = cpu_seconds();

	for (int begin = 0; begin < bench->count;)
	{
		int			end = begin;
		int			total = 0;
		HnBatch		batch;
		real	   *fingerprints;

		while (end < bench->count && total < atoms)
			total += bench->graphs[end++].atom_count;
		hn_arena_reset(&bench->arena);
		check(hn_batch_build(&bench->context, bench->graphs + begin, end - begin, &batch), &bench->context);
		check(hn_fingerprints(&bench->context, &bench->model, &batch, &fingerprints), &bench->context);
		begin = end;
	}
	return cpu_seconds() - start;
}

static double
engine_seconds(Bench *bench)
{
	double		start = cpu_seconds();

	for (int g = 0; g < bench->count; g++)
	{
		HnBatch		batch;
		HnEngineTrace trace;

		hn_arena_reset(&bench->arena);
		check(hn_batch_build(&bench->context, bench->graphs + g, 1, &batch), &bench->context);
		check(hn_engine_forward(&bench->context, &bench->model, &batch, &trace), &bench->context);
	}
	return cpu_seconds() - start;
}

static double
parse_seconds(Bench *bench)
{
	double		start = cpu_seconds();

	for (int g = 0; g < bench->count; g++)
		rdkit_parse(bench->smiles[g]);
	return cpu_seconds() - start;
}

static double
graph_seconds(Bench *bench)
{
	double		start = cpu_seconds();

	for (int g = 0; g < bench->count; g++)
	{
		HnGraph		graph;

		hn_arena_reset(&bench->arena);
		check(hn_graph_from_smiles(&bench->context, bench->smiles[g], bench->model.features, MAX_ATOMS, &graph),
			  &bench->context);
	}
	return cpu_seconds() - start;
}

/* The least of the passes so far. */
static void
keep_least(double *least, double seconds)
{
	*least = fmin(*least, seconds);
}

static void
report_network(Bench *bench)
{
	static const int batch_atoms[] = {1, 64, 128, 256, 512, 1024, 2048};
	enum {BATCHES = sizeof(batch_atoms) / sizeof(batch_atoms[0])};
	static const int rate_rows[] = {27, 108, 1000};
	double		rates[3] = {0, 0, 0};
	double		kernel[3] = {0, 0, 0};
	double		seconds[BATCHES];
	double		engine = INFINITY;
	double		parse = INFINITY;
	double		graph = INFINITY;
	double		flop = 0;
	double		atoms = 0;
	double		single;

	for (int b = 0; b < BATCHES; b++)
		seconds[b] = INFINITY;
	for (int g = 0; g < bench->count; g++)
	{
		flop += count_flop(&bench->model, bench->graphs[g].atom_count, bench->graphs[g].bond_count);
		atoms += bench->graphs[g].atom_count;
	}
	for (int pass = 0; pass < PASSES; pass++)
	{
		for (int k = 0; k < 3; k++)
		{
			rates[k] = fmax(rates[k], sgemm_rate(bench, rate_rows[k]));
			kernel[k] = fmax(kernel[k], kernel_rate(bench, rate_rows[k]));
		}
		for (int b = 0; b < BATCHES; b++)
			keep_least(&seconds[b], network_seconds(bench, batch_atoms[b]));
		keep_least(&engine, engine_seconds(bench));
		keep_least(&parse, parse_seconds(bench));
		keep_least(&graph, graph_seconds(bench));
	}

	printf("| product of [rows, %d] and [%d, %d], rows | SGEMM of BLAS, GFLOP/s | the network's kernel |\n|---|---|---|\n",
		   bench->model.fingerprint_config.dim, bench->model.fingerprint_config.dim,
		   3 * bench->model.fingerprint_config.dim);
	for (int k = 0; k < 3; k++)
		printf("| %d | %.1f | %.1f |\n", rate_rows[k], rates[k] * 1e-9, kernel[k] * 1e-9);

	printf("\nThe network alone, over %d molecules of %d to %d heavy atoms (mean %.1f), "
		   "%.1f MFLOP each by count; kernels %s:\n\n",
		   bench->count, MIN_DRUG_ATOMS, MAX_DRUG_ATOMS, atoms / bench->count, 1e-6 * flop / bench->count,
		   hn_simd()->name);
	printf("| atoms in a batch | µs a molecule | GFLOP/s | of SGEMM at 27 rows | at 1,000 rows |\n|---|---|---|---|---|\n");
	for (int b = 0; b < BATCHES; b++)
	{
		double		rate = flop / seconds[b];

		if (batch_atoms[b] == 1)
			printf("| one molecule |");
		else
			printf("| %d or more |", batch_atoms[b]);
		printf(" %.0f | %.1f | %.2f | %.2f |\n", 1e6 * seconds[b] / bench->count, 1e-9 * rate,
			   rate / rates[0], rate / rates[2]);
	}

	single = seconds[0] + graph;
	printf("\nFrom SMILES to fingerprint, one molecule at a time:\n\n"
		   "| part | µs a molecule | share |\n|---|---|---|\n");
	printf("| RDKit's own SmilesToMol | %.0f | %.3f |\n", 1e6 * parse / bench->count, parse / single);
	printf("| canonical order, features | %.0f | %.3f |\n", 1e6 * (graph - parse) / bench->count, (graph - parse) / single);
	printf("| network: Hamiltonian Engine | %.0f | %.3f |\n", 1e6 * engine / bench->count, engine / single);
	printf("| network: Fingerprint Generator | %.0f | %.3f |\n", 1e6 * (seconds[0] - engine) / bench->count,
		   (seconds[0] - engine) / single);
}

/* Chains of glycine: 4 atoms a unit and one more. */
static void
report_sizes(Bench *bench)
{
	static const int units[] = {1, 2, 4, 6, 10, 15, 25, 35, 50};

	printf("\nBy the size of the molecule (glycine chains):\n\n"
		   "| atoms | SMILES to graph, µs | network, µs | MFLOP | GFLOP/s |\n|---|---|---|---|---|\n");
	for (size_t k = 0; k < sizeof(units) / sizeof(units[0]); k++)
	{
		char		smiles[MAX_LINE] = "";
		double		graph_time = INFINITY;
		double		network_time = INFINITY;
		HnGraph		graph;
		double		flop;

		for (int u = 0; u < units[k]; u++)
			strcat(smiles, "NCC(=O)");
		strcat(smiles, "O");
		for (int pass = 0; pass < 30; pass++)
		{
			HnBatch		batch;
			real	   *fingerprints;
			double		start = cpu_seconds();
			double		middle;

			hn_arena_reset(&bench->arena);
			check(hn_graph_from_smiles(&bench->context, smiles, bench->model.features, MAX_ATOMS, &graph),
				  &bench->context);
			middle = cpu_seconds();
			check(hn_batch_build(&bench->context, &graph, 1, &batch), &bench->context);
			check(hn_fingerprints(&bench->context, &bench->model, &batch, &fingerprints), &bench->context);
			keep_least(&network_time, cpu_seconds() - middle);
			keep_least(&graph_time, middle - start);
		}
		flop = count_flop(&bench->model, graph.atom_count, graph.bond_count);
		printf("| %d | %.0f | %.0f | %.1f | %.1f |\n", graph.atom_count, 1e6 * graph_time, 1e6 * network_time,
			   1e-6 * flop, 1e-9 * flop / network_time);
	}
}

int
main(int argc, char **argv)
{
	static Bench bench;

	if (argc != 3 && argc != 4)
	{
		fprintf(stderr, "usage: %s MODEL SMILES-FILE [CHOSEN]\n", argv[0]);
		return 2;
	}
	hn_blas_single_thread();
	hn_arena_init(&bench.kept, hn_malloc_allocator);
	hn_arena_init(&bench.arena, hn_malloc_allocator);
	hn_context_init(&bench.kept_context, &bench.kept, NULL, NULL);
	hn_context_init(&bench.context, &bench.arena, NULL, NULL);
	read_model(&bench, argv[1]);
	read_molecules(&bench, argv[2]);
	if (argc == 4)
		write_molecules(&bench, argv[3]);
	report_network(&bench);
	report_sizes(&bench);
	hn_arena_destroy(&bench.arena);
	hn_arena_destroy(&bench.kept);
	return EXIT_SUCCESS;
}
