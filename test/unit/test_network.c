/*
 * test_network.c: the forward pass against the golden values of an
 * independent implementation, and against itself in other batches.
 */
#include "fixture.h"

#include <math.h>
#include <string.h>

#include "golden.h"
#include "hamnet/chem.h"
#include "hamnet/training.h"

/* From respell.cpp. */
extern char *respell(const char *smiles, unsigned seed);

/* 5,000 compounds of package rdkit-data. */
#define COMPOUNDS "/usr/share/RDKit/Data/NCI/first_5K.smi"

/* Agreement that the specification asks for. */
#define ABSOLUTE 1e-4
#define RELATIVE 1e-4

#define MAX_ATOMS 1000

static HnArena model_arena;
static HnModel model;

static unsigned char *
read_file(const char *name, size_t *size)
{
	FILE	   *file = fopen(golden_path(name), "rb");
	unsigned char *bytes;

	assert_non_null(file);
	fseek(file, 0, SEEK_END);
	*size = (size_t) ftell(file);
	rewind(file);
	bytes = malloc(*size);
	assert_int_equal(fread(bytes, 1, *size, file), *size);
	fclose(file);
	return bytes;
}

static int
setup(void **state)
{
	HnContext	loading;
	size_t		size;
	unsigned char *bytes = read_file("small.safetensors", &size);

	hn_arena_init(&model_arena, hn_malloc_allocator);
	hn_context_init(&loading, &model_arena, NULL, NULL);
	assert_int_equal(hn_model_read(&loading, bytes, size, &model), HN_OK);
	free(bytes);
	return set_up(state);
}

static int
teardown(void **state)
{
	hn_arena_destroy(&model_arena);
	return tear_down(state);
}

static void
assert_close(double value, double expected, const char *what, int index)
{
	if (!(fabs(value - expected) <= ABSOLUTE + RELATIVE * fabs(expected)))
		fail_msg("%s[%d] is %.9g, expected %.9g", what, index, value, expected);
}

/* Compare an array, row by row, with nested JSON arrays or numbers. */
static int
assert_array_close(const real *values, json_t *expected, const char *what, int index)
{
	size_t		k;
	json_t	   *element;

	json_array_foreach(expected, k, element)
	{
		if (json_is_array(element))
			index = assert_array_close(values, element, what, index);
		else
		{
			assert_close(values[index], json_number_value(element), what, index);
			index++;
		}
	}
	return index;
}

static const char *
string_of(json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void
run_one(const char *smiles, HnGraph *graph, HnBatch *batch, HnEngineTrace *engine,
		HnFingerprintTrace *fingerprint)
{
	must(hn_graph_from_smiles(&context, smiles, model.features, MAX_ATOMS, graph));
	must(hn_batch_build(&context, graph, 1, batch));
	must(hn_engine_forward(&context, &model, batch, engine));
	must(hn_fingerprint_forward(&context, &model, batch, engine->coordinates, fingerprint));
}

static void
check_energies(const HnBatch *batch, const HnEngineTrace *engine, json_t *expected)
{
	int			steps = model.engine_config.steps;
	HnEnergy	energies[HN_MAX_STEPS + 1];

	assert_int_equal(json_array_size(expected), steps + 1);
	must(hn_engine_energies(&context, &model, batch, engine, 0, energies));
	for (int s = 0; s <= steps; s++)
	{
		json_t	   *row = json_array_get(expected, (size_t) s);

		assert_close(energies[s].kinetic, json_number_value(json_array_get(row, 0)), "kinetic", s);
		assert_close(energies[s].potential, json_number_value(json_array_get(row, 1)), "potential", s);
		assert_close(energies[s].dissipated, json_number_value(json_array_get(row, 2)), "dissipated", s);
	}
}

static void
check_predictions(const real *fingerprint, json_t *expected)
{
	size_t		count = 0;

	for (int h = 0; h < model.head_count; h++)
	{
		const HnHead *head = &model.heads[h];
		double		values[HN_MAX_TARGETS];

		must(hn_head_predict(&context, head, &(HnInputs){.count = 1, .fingerprints = fingerprint}, values));
		for (int t = 0; t < head->target_count; t++, count++)
			assert_close(values[t], json_number_value(json_object_get(expected, head->targets[t].name)),
						 head->targets[t].name, t);
	}
	assert_int_equal(count, json_object_size(expected));
}

/* p and q are halves of each row of coordinates. */
static void
check_half(const real *coordinates, int offset, json_t *expected, const char *what)
{
	size_t		i;
	json_t	   *row;

	json_array_foreach(expected, i, row)
		assert_array_close(coordinates + i * 2 * model.engine_config.dim + offset, row, what, 0);
}

static void
test_golden_cases(void **state)
{
	json_t	   *root = golden_json("small.json");
	size_t		i;
	json_t	   *molecule;

	(void) state;
	assert_true(json_array_size(json_object_get(root, "cases")) >= 15);
	json_array_foreach(json_object_get(root, "cases"), i, molecule)
	{
		HnGraph		graph;
		HnBatch		batch;
		HnEngineTrace engine;
		HnFingerprintTrace fingerprint;

		if (!golden_is_read(string_of(molecule, "smiles")))
			continue;
		run_one(string_of(molecule, "smiles"), &graph, &batch, &engine, &fingerprint);
		assert_int_equal(graph.atom_count, json_integer_value(json_object_get(molecule, "atoms")));
		check_half(engine.coordinates, 0, json_object_get(molecule, "p"), "p");
		check_half(engine.coordinates, model.engine_config.dim, json_object_get(molecule, "q"), "q");
		assert_array_close(engine.positions, json_object_get(molecule, "positions"), "positions", 0);
		check_energies(&batch, &engine, json_object_get(molecule, "energies"));
		assert_array_close(fingerprint.attention, json_object_get(molecule, "attention"), "attention", 0);
		assert_array_close(fingerprint.fingerprint, json_object_get(molecule, "fingerprint"), "fingerprint", 0);
		check_predictions(fingerprint.fingerprint, json_object_get(molecule, "predictions"));
		hn_arena_reset(&arena);
	}
	json_decref(root);
}

/* Compare rows [rows, columns], ldx apart, with a tensor of the trace file. */
static void
check_trace(const HnSafetensors *file, const char *name, const real *x, int rows, int columns, int ldx)
{
	const HnStoredTensor *tensor = hn_safetensors_find(file, name);

	assert_non_null(tensor);
	assert_int_equal(tensor->shape[0] * tensor->shape[1], rows * columns);
	for (int i = 0; i < rows; i++)
		for (int k = 0; k < columns; k++)
		{
			float		expected;

			memcpy(&expected, tensor->data + sizeof(float) * ((size_t) i * columns + k), sizeof(float));
			assert_close(x[(size_t) i * ldx + k], expected, name, i * columns + k);
		}
}

/*
 * The trace file lists edges by bond, first every u <- v and then every
 * v <- u; bring rows of the batch's edges into that order.
 */
static real *
edges_by_bond(const HnBatch *batch, const real *x, int columns)
{
	real	   *sorted = hn_arena_alloc(&arena, 2 * (size_t) batch->bond_count * columns, sizeof(real));

	for (int e = 0; e < 2 * batch->bond_count; e++)
	{
		const HnEdge *edge = &batch->edges[e];
		bool		first = batch->bonds[edge->bond][0] == edge->receiver;
		int			row = first ? edge->bond : batch->bond_count + edge->bond;

		memcpy(sorted + (size_t) row * columns, x + (size_t) e * columns, (size_t) columns * sizeof(real));
	}
	return sorted;
}

static void
check_engine_trace(const HnSafetensors *file, const HnBatch *batch, const HnEngineTrace *engine)
{
	int			n = batch->atom_count;
	int			dim = model.engine_config.dim;
	int			hidden = model.engine_config.hidden;
	int			encoded = model.features->atom_columns + 2 * hidden;

	check_trace(file, "gates", engine->gates, batch->bond_count, 1, 1);
	check_trace(file, "H1", engine->hidden1, n, hidden, hidden);
	check_trace(file, "H2", engine->hidden2, n, hidden, hidden);
	check_trace(file, "Z", engine->encoded, n, encoded, encoded);
	check_trace(file, "lstm", engine->lstm, n, 2 * dim, 2 * dim);
	for (int s = 0; s <= model.engine_config.steps; s++)
	{
		const real *rows = engine->states + (size_t) s * n * 2 * dim;
		char		name[32];

		snprintf(name, sizeof(name), "p.%d", s);
		check_trace(file, name, rows, n, dim, 2 * dim);
		snprintf(name, sizeof(name), "q.%d", s);
		check_trace(file, name, rows + dim, n, dim, 2 * dim);
	}
	check_trace(file, "positions", engine->positions, n, 3, 3);
}

static void
check_fingerprint_trace(const HnSafetensors *file, const HnBatch *batch, const HnFingerprintTrace *trace)
{
	int			n = batch->atom_count;
	int			edges = 2 * batch->bond_count;
	int			dim = model.fingerprint_config.dim;
	int			width = dim + hn_model_coordinate_width(&model);
	int			layers = model.fingerprint_config.layers;
	int			rounds = model.fingerprint_config.rounds;
	char		name[32];

	for (int l = 0; l < layers; l++)
	{
		const HnLayerTrace *layer = &trace->layers[l];

		snprintf(name, sizeof(name), "h.%d", l);
		check_trace(file, name, layer->state, n, dim, width);
		snprintf(name, sizeof(name), "message.%d", l);
		check_trace(file, name, edges_by_bond(batch, layer->message, dim), edges, dim, dim);
		snprintf(name, sizeof(name), "attention.%d", l);
		check_trace(file, name, edges_by_bond(batch, layer->score, 1), edges, 1, 1);
		snprintf(name, sizeof(name), "context.%d", l);
		check_trace(file, name, layer->context, n, dim, dim);
		if (l > 0)
		{
			int			edge_dim = model.fingerprint_config.edge_dim;

			snprintf(name, sizeof(name), "edge.%d", l);
			check_trace(file, name, edges_by_bond(batch, layer->edge, edge_dim), edges, edge_dim, edge_dim);
		}
	}
	snprintf(name, sizeof(name), "h.%d", layers);
	check_trace(file, name, trace->state, n, dim, width);
	for (int r = 0; r <= rounds; r++)
	{
		snprintf(name, sizeof(name), "M.%d", r);
		check_trace(file, name, r < rounds ? trace->rounds[r].fingerprint : trace->fingerprint, 1, dim, dim);
	}
}

static void
test_golden_trace(void **state)
{
	size_t		size;
	unsigned char *bytes = read_file("trace.safetensors", &size);
	HnSafetensors file;
	HnGraph		graph;
	HnBatch		batch;
	HnEngineTrace engine;
	HnFingerprintTrace fingerprint;

	(void) state;
	/* The trace is no model, so its metadata is not the reader's; the tensors are what matters. */
	must(hn_safetensors_open(&context, bytes, size, &file));
	run_one("CC(=O)Oc1ccccc1C(=O)O", &graph, &batch, &engine, &fingerprint);
	check_engine_trace(&file, &batch, &engine);
	check_fingerprint_trace(&file, &batch, &fingerprint);
	free(bytes);
	hn_arena_reset(&arena);
}

/* A molecule's fingerprint does not depend on what else is in its batch. */
static void
test_batch_equals_single(void **state)
{
	static const char *const smiles[] = {
		"CC(=O)Oc1ccccc1C(=O)O", "C", "[Na+].[Cl-]", "CN1C=NC2=C1C(=O)N(C(=O)N2C)C",
		"C1CC2CCC1C2", "[Fe]", "OC[C@H]1OC(O)[C@H](O)[C@@H](O)[C@@H]1O", "CCCCCCCCCCCCCCCC"
	};
	enum {COUNT = sizeof(smiles) / sizeof(smiles[0])};
	HnGraph		graphs[COUNT];
	HnBatch		batch;
	real	   *together;
	size_t		dim = (size_t) model.fingerprint_config.dim;

	(void) state;
	for (int g = 0; g < COUNT; g++)
		must(hn_graph_from_smiles(&context, smiles[g], model.features, MAX_ATOMS, &graphs[g]));
	must(hn_batch_build(&context, graphs, COUNT, &batch));
	must(hn_fingerprints(&context, &model, &batch, &together));
	for (int g = 0; g < COUNT; g++)
	{
		real	   *alone;

		must(hn_batch_build(&context, &graphs[g], 1, &batch));
		must(hn_fingerprints(&context, &model, &batch, &alone));
		/* Bit for bit: what is stored does not depend on how it was computed. */
		assert_memory_equal(together + (size_t) g * dim, alone, dim * sizeof(real));
	}
	hn_arena_reset(&arena);
}

/*
 * A model whose messages see bonds, with the golden one's engine: the weights of
 * its bonds' columns are zero if plain, and each is random otherwise.
 */
static void
make_bond_model(bool plain, HnModel *bond)
{
	HnFingerprintConfig shape = model.fingerprint_config;
	HnModel		without;

	must(hn_model_with_generator(&context, &model, model.features, &shape, 3, &without));
	shape.bond_messages = true;
	must(hn_model_with_generator(&context, &model, model.features, &shape, 3, bond));
	if (!plain)
		return;
	for (int l = 0; l < shape.layers; l++)
	{
		const HnLinear *from[] = {&without.layers[l].message, &without.layers[l].edge};
		const HnLinear *to[] = {&bond->layers[l].message, &bond->layers[l].edge};

		for (int k = 0; k < 2; k++)
			for (int o = 0; o < to[k]->out; o++)
			{
				real	   *row = to[k]->weight + (size_t) o * to[k]->in;

				memset(row, 0, (size_t) to[k]->in * sizeof(real));
				memcpy(row, from[k]->weight + (size_t) o * from[k]->in, (size_t) from[k]->in * sizeof(real));
			}
		memcpy(bond->layers[l].attention.weight, without.layers[l].attention.weight,
			   (size_t) without.layers[l].attention.in * sizeof(real));
		memcpy(bond->layers[l].gru.weight_ih, without.layers[l].gru.weight_ih,
			   3 * (size_t) shape.dim * shape.dim * sizeof(real));
		memcpy(bond->layers[l].gru.weight_hh, without.layers[l].gru.weight_hh,
			   3 * (size_t) shape.dim * shape.dim * sizeof(real));
	}
	bond->atom = without.atom;
	bond->bond = without.bond;
	bond->readout = without.readout;
}

/* W z_ij + b by its definition, z_ij = [h_i ; r_i − r_j ; h_j ; E_k]. */
static double
naive_edge(const HnModel *bond, const HnLinear *layer, const HnBatch *batch, const HnLayerTrace *trace,
		   const HnEdge *edge, int out)
{
	int			dim = bond->fingerprint_config.dim;
	int			r = hn_model_coordinate_width(bond);
	int			b = batch->features->bond_columns;
	const real *receiver = trace->state + (size_t) edge->receiver * (dim + r);
	const real *sender = trace->state + (size_t) edge->sender * (dim + r);
	const real *weight = layer->weight + (size_t) out * layer->in;
	double		sum = layer->bias[out];

	assert_int_equal(layer->in, 2 * dim + r + b);
	for (int k = 0; k < dim; k++)
		sum += (double) weight[k] * receiver[k] + (double) weight[dim + r + k] * sender[k];
	for (int k = 0; k < r; k++)
		sum += (double) weight[dim + k] * (receiver[dim + k] - sender[dim + k]);
	for (int k = 0; k < b; k++)
		sum += (double) weight[2 * dim + r + k] * batch->bond_features[(size_t) edge->bond * b + k];
	return sum >= 0 ? sum : 0.01 * sum;
}

static void
check_bond_messages(const HnModel *bond, const HnBatch *batch)
{
	int			dim = bond->fingerprint_config.dim;
	int			edge_dim = bond->fingerprint_config.edge_dim;
	HnEngineTrace engine;
	HnFingerprintTrace trace;

	must(hn_engine_forward(&context, bond, batch, &engine));
	must(hn_fingerprint_forward(&context, bond, batch, engine.coordinates, &trace));
	for (int l = 0; l < bond->fingerprint_config.layers; l++)
		for (int e = 0; e < 2 * batch->bond_count; e++)
		{
			const HnLayerTrace *layer = &trace.layers[l];

			for (int o = 0; o < dim; o++)
				assert_close(layer->message[e * dim + o],
							 naive_edge(bond, &bond->layers[l].message, batch, layer, &batch->edges[e], o), "message", e);
			for (int o = 0; o < edge_dim && l < bond->fingerprint_config.layers - 1; o++)
				assert_close(layer[1].edge[e * edge_dim + o],
							 naive_edge(bond, &bond->layers[l].edge, batch, layer, &batch->edges[e], o), "edge", e);
		}
}

/*
 * Messages that see bonds are what their definition says; a batch equals its
 * molecules; and without weights for bonds all is as if there were none.
 */
static void
test_bond_messages(void **state)
{
	static const char *const smiles[] = {"CC(=O)Oc1ccccc1C(=O)O", "C", "[Na+].[Cl-]", "C/C=C/C#N"};
	enum {COUNT = sizeof(smiles) / sizeof(smiles[0])};
	HnGraph		graphs[COUNT];
	HnBatch		batch;
	HnModel		bond;
	HnModel		plain;
	HnModel		without;
	real	   *together;
	real	   *as_plain;
	real	   *as_without;
	size_t		dim = (size_t) model.fingerprint_config.dim;

	(void) state;
	make_bond_model(false, &bond);
	make_bond_model(true, &plain);
	must(hn_model_with_generator(&context, &model, model.features, &model.fingerprint_config, 3, &without));
	for (int g = 0; g < COUNT; g++)
		must(hn_graph_from_smiles(&context, smiles[g], model.features, MAX_ATOMS, &graphs[g]));
	must(hn_batch_build(&context, graphs, COUNT, &batch));
	check_bond_messages(&bond, &batch);
	must(hn_fingerprints(&context, &bond, &batch, &together));
	must(hn_fingerprints(&context, &plain, &batch, &as_plain));
	must(hn_fingerprints(&context, &without, &batch, &as_without));
	assert_memory_equal(as_plain, as_without, COUNT * dim * sizeof(real));
	assert_memory_not_equal(together, as_without, dim * sizeof(real));
	for (int g = 0; g < COUNT; g++)
	{
		real	   *alone;

		must(hn_batch_build(&context, &graphs[g], 1, &batch));
		must(hn_fingerprints(&context, &bond, &batch, &alone));
		assert_memory_equal(together + (size_t) g * dim, alone, dim * sizeof(real));
	}
	hn_arena_reset(&arena);
}

/* Weights packed once compute the same as weights packed for the call. */
static void
test_packed_once(void **state)
{
	HnContext	packing;
	HnGraph		graph;
	HnBatch		batch;
	real	   *without;
	real	   *with;
	size_t		dim = (size_t) model.fingerprint_config.dim;

	(void) state;
	must(hn_graph_from_smiles(&context, "CC(=O)Oc1ccccc1C(=O)O", model.features, MAX_ATOMS, &graph));
	must(hn_batch_build(&context, &graph, 1, &batch));
	must(hn_fingerprints(&context, &model, &batch, &without));
	hn_context_init(&packing, &model_arena, NULL, NULL);
	assert_int_equal(hn_model_pack(&packing, &model), HN_OK);
	must(hn_fingerprints(&context, &model, &batch, &with));
	assert_memory_equal(without, with, dim * sizeof(real));
	model.packed = NULL;
	hn_arena_reset(&arena);
}

/* A fingerprint from the arena; NULL for an invalid SMILES. */
static real *
fingerprint_of(const char *smiles)
{
	HnGraph		graph;
	HnBatch		batch;
	real	   *fingerprint;

	if (hn_graph_from_smiles(&context, smiles, model.features, MAX_ATOMS, &graph) == HN_INVALID_SMILES)
		return NULL;
	must(hn_batch_build(&context, &graph, 1, &batch));
	must(hn_fingerprints(&context, &model, &batch, &fingerprint));
	return fingerprint;
}

/* Five other spellings give the same bits; true if the molecule is valid. */
static bool
check_spellings(const char *smiles)
{
	real	   *fingerprint = fingerprint_of(smiles);

	for (unsigned seed = 1; fingerprint != NULL && seed <= 5; seed++)
	{
		char	   *spelling = respell(smiles, seed);

		assert_non_null(spelling);
		if (memcmp(fingerprint_of(spelling), fingerprint,
				   (size_t) model.fingerprint_config.dim * sizeof(real)) != 0)
			fail_msg("%s and %s have different fingerprints", smiles, spelling);
		free(spelling);
	}
	hn_arena_reset(&arena);
	return fingerprint != NULL;
}

static void
test_spellings_agree(void **state)
{
	static const char *const smiles[] = {
		"CC(=O)Oc1ccccc1C(=O)O", "C[C@H](N)C(=O)O", "[Na+].[Cl-]", "F/C=C/F", "C1=CC=CC=C1",
		"OC[C@H]1OC(O)[C@H](O)[C@@H](O)[C@@H]1O", "[2H]C([2H])([2H])O", "C1CC2CCC1C2"
	};

	(void) state;
	for (size_t i = 0; i < sizeof(smiles) / sizeof(smiles[0]); i++)
		assert_true(check_spellings(smiles[i]));
}

/* The same for every tenth of 5,000 real molecules. */
static void
test_spellings_of_compounds(void **state)
{
	FILE	   *file = fopen(COMPOUNDS, "r");
	char		line[4096];
	int			valid = 0;

	(void) state;
	if (file == NULL)
		skip();
	for (int i = 0; fgets(line, sizeof(line), file) != NULL; i++)
	{
		line[strcspn(line, " \t\n")] = '\0';
		if (i % 10 == 0)
			valid += check_spellings(line);
	}
	fclose(file);
	assert_true(valid > 450);
}

/* A weight far out of proportion overflows: an error, not a NaN among the results. */
static void
test_not_finite(void **state)
{
	real	   *weights[] = {model.engine.kinetic.weight, model.readout.map.weight};
	HnGraph		graph;
	HnBatch		batch;
	real	   *fingerprint;

	(void) state;
	must(hn_graph_from_smiles(&context, "CCO", model.features, MAX_ATOMS, &graph));
	must(hn_batch_build(&context, &graph, 1, &batch));
	for (size_t i = 0; i < sizeof(weights) / sizeof(weights[0]); i++)
	{
		/* Eight of them, so that no zero among the inputs hides it. */
		real		saved[8];

		memcpy(saved, weights[i], sizeof(saved));
		for (int k = 0; k < 8; k++)
			weights[i][k] = (real) 3e38;
		assert_int_equal(hn_fingerprints(&context, &model, &batch, &fingerprint), HN_NOT_FINITE);
		assert_non_null(strstr(context.message, "model's"));
		memcpy(weights[i], saved, sizeof(saved));
	}
	must(hn_fingerprints(&context, &model, &batch, &fingerprint));
	hn_arena_reset(&arena);
}

static bool
interrupt_after(void *state)
{
	int		   *left = state;

	return (*left)-- <= 0;
}

/* Stop at every point where the network asks; it always stops, and works again afterwards. */
static void
test_interrupts(void **state)
{
	HnGraph		graph;
	HnBatch		batch;
	real	   *fingerprint;
	HnStatus	status = HN_INTERRUPTED;
	int			asked = 0;

	(void) state;
	must(hn_graph_from_smiles(&context, "CC(=O)Oc1ccccc1C(=O)O", model.features, MAX_ATOMS, &graph));
	must(hn_batch_build(&context, &graph, 1, &batch));
	for (; status == HN_INTERRUPTED && asked < 10000; asked++)
	{
		int			left = asked;

		context.interrupted = interrupt_after;
		context.interrupted_state = &left;
		status = hn_fingerprints(&context, &model, &batch, &fingerprint);
	}
	context.interrupted = NULL;
	assert_int_equal(status, HN_OK);
	assert_true(asked > model.engine_config.steps);
	hn_arena_reset(&arena);
}

static void *
counted_allocate(void *state, size_t size)
{
	++*(int *) state;
	return malloc(size);
}

static void
counted_release(void *state, void *block)
{
	(void) state;
	free(block);
}

/* Once warm, the same molecule asks for no more memory. */
static void
test_memory_is_reused(void **state)
{
	int			given = 0;
	int			warm = 0;

	(void) state;
	hn_arena_destroy(&arena);
	hn_arena_init(&arena, (HnAllocator) {counted_allocate, counted_release, &given});
	for (int i = 0; i < 50; i++)
	{
		HnGraph		graph;
		HnBatch		batch;
		HnEngineTrace engine;
		HnFingerprintTrace fingerprint;

		run_one("CC(=O)Oc1ccccc1C(=O)O", &graph, &batch, &engine, &fingerprint);
		if (i == 0)
			warm = given;
		assert_int_equal(given, warm);
		hn_arena_reset(&arena);
	}
	hn_arena_destroy(&arena);
	hn_arena_init(&arena, hn_malloc_allocator);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden_cases),
		cmocka_unit_test(test_golden_trace),
		cmocka_unit_test(test_batch_equals_single),
		cmocka_unit_test(test_bond_messages),
		cmocka_unit_test(test_packed_once),
		cmocka_unit_test(test_spellings_agree),
		cmocka_unit_test(test_spellings_of_compounds),
		cmocka_unit_test(test_not_finite),
		cmocka_unit_test(test_interrupts),
		cmocka_unit_test(test_memory_is_reused),
	};

	return cmocka_run_group_tests_name("network", tests, setup, teardown);
}
