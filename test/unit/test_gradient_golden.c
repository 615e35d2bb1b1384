/*
 * test_gradient_golden.c: losses and gradients against the golden values of an
 * independent implementation, in the precision that training has.
 */
#include "fixture.h"

#include <math.h>
#include <string.h>

#include "golden.h"
#include "hamnet/chem.h"
#include "hamnet/training.h"

/* Of a loss, and of a derivative in units of the largest one of its tensor. */
#define LOSS_TOLERANCE 1e-5
#define GRADIENT_TOLERANCE 2e-4

#define MAX_MOLECULES 8

static HnModel model;
static HnModel gradient;
static HnSafetensors expected;
static json_t *losses;

static unsigned char *
read_file(const char *name, size_t *size)
{
	FILE	   *file = fopen(golden_path(name), "rb");
	unsigned char *bytes;

	assert_non_null(file);
	fseek(file, 0, SEEK_END);
	*size = (size_t) ftell(file);
	rewind(file);
	bytes = hn_arena_alloc(&arena, *size, 1);
	assert_non_null(bytes);
	assert_int_equal(fread(bytes, 1, *size, file), *size);
	fclose(file);
	return bytes;
}

static int
setup(void **state)
{
	unsigned char *bytes;
	size_t		size;
	real	   *block;

	set_up(state);
	bytes = read_file("small.safetensors", &size);
	must(hn_model_read(&context, bytes, size, &model));
	bytes = read_file("gradients.safetensors", &size);
	must(hn_safetensors_open(&context, bytes, size, &expected));
	block = GET(real, (size_t) model.parameter_count);
	must(hn_model_view(&context, &model, block, &gradient));
	losses = golden_json("losses.json");
	return 0;
}

static int
teardown(void **state)
{
	json_decref(losses);
	return tear_down(state);
}

/* Every tensor of the gradient, divided by count, against those of the file that begin with prefix. */
static void
check_gradient(const char *prefix, double count)
{
	HnTensor   *tensors = NULL;
	int			tensor_count = 0;
	int			found = 0;

	must(hn_model_tensors(&context, &gradient, &tensors, &tensor_count));
	for (int i = 0; i < tensor_count; i++)
	{
		char		name[HN_MAX_TENSOR_NAME + 32];
		const HnStoredTensor *stored;
		size_t		size = (size_t) tensors[i].shape[0] * tensors[i].shape[1];
		const real *values = *tensors[i].data;
		real	   *wanted = hn_arena_alloc_zero(&arena, size, sizeof(real));
		double		largest;

		snprintf(name, sizeof(name), "%s/%s", prefix, tensors[i].name);
		stored = hn_safetensors_find(&expected, name);
		if (stored)
		{
			assert_int_equal(stored->shape[0] * stored->shape[1], size);
			hn_stored_values(stored, wanted);
			found++;
		}
		largest = largest_magnitude(wanted, size);
		for (size_t k = 0; k < size; k++)
			if (!(fabs(values[k] / count - wanted[k]) <= GRADIENT_TOLERANCE * largest + 1e-6))
				fail_msg("%s[%zu] is %.9g, expected %.9g, largest %.3g", name, k, values[k] / count,
						 (double) wanted[k], largest);
	}
	assert_true(found > 0);
}

static void
clear_gradient(void)
{
	memset(gradient.parameters, 0, (size_t) model.parameter_count * sizeof(real));
}

/* Half the squared norm of the fingerprint, mean over the molecules. */
static void
test_fingerprint_loss(void **state)
{
	json_t	   *golden = json_object_get(losses, "fingerprint");
	json_t	   *smiles = json_object_get(golden, "smiles");
	int			count = (int) json_array_size(smiles);
	size_t		size = (size_t) count * model.fingerprint_config.dim;
	HnGraph		graphs[MAX_MOLECULES];
	HnBatch		batch;
	HnEngineTrace engine;
	HnFingerprintTrace trace;
	real	   *d_coordinates;
	double		loss = 0;

	(void) state;
	assert_true(count >= 1 && count <= MAX_MOLECULES);
	for (int i = 0; i < count; i++)
		must(hn_graph_from_smiles(&context, json_string_value(json_array_get(smiles, (size_t) i)),
								  model.features, 1000, &graphs[i]));
	must(hn_batch_build(&context, graphs, count, &batch));
	must(hn_engine_forward(&context, &model, &batch, &engine));
	must(hn_fingerprint_forward(&context, &model, &batch, engine.coordinates, &trace));
	for (size_t k = 0; k < size; k++)
		loss += (double) trace.fingerprint[k] * trace.fingerprint[k] / 2 / count;
	assert_float_equal(loss, json_number_value(json_object_get(golden, "loss")), LOSS_TOLERANCE);

	clear_gradient();
	d_coordinates = hn_arena_alloc(&arena, (size_t) batch.atom_count * 2 * model.engine_config.dim, sizeof(real));
	must(hn_fingerprint_backward(&context, &model, &batch, &trace, NULL, trace.fingerprint, d_coordinates,
								 &gradient));
	must(hn_engine_backward(&context, &model, &batch, &engine, d_coordinates, NULL, &gradient));
	check_gradient("fingerprint", count);
}

static void
test_conformation_loss(void **state)
{
	json_t	   *golden = json_object_get(losses, "conformation");
	json_t	   *molecules = json_object_get(golden, "molecules");
	int			count = (int) json_array_size(molecules);
	HnTraining	training = hn_training_defaults;
	HnExample	examples[MAX_MOLECULES] = {{0}};
	HnConformationError errors[MAX_MOLECULES];
	HnLossSum	sum = {0};

	(void) state;
	assert_true(count >= 1 && count <= MAX_MOLECULES);
	for (int i = 0; i < count; i++)
	{
		json_t	   *molecule = json_array_get(molecules, (size_t) i);
		json_t	   *rows = json_object_get(molecule, "reference_in_canonical_order");
		HnGraph    *graph = hn_arena_alloc(&arena, 1, sizeof(*graph));
		real	   *reference = hn_arena_alloc(&arena, 3 * json_array_size(rows), sizeof(*reference));

		must(hn_graph_from_smiles(&context, json_string_value(json_object_get(molecule, "smiles")),
								  model.features, 1000, graph));
		assert_int_equal(graph->atom_count, json_array_size(rows));
		for (int k = 0; k < 3 * graph->atom_count; k++)
			reference[k] = (real) json_number_value(json_array_get(json_array_get(rows, (size_t) k / 3), (size_t) k % 3));
		examples[i].graph = graph;
		examples[i].conformation_count = 1;
		examples[i].conformations = reference;
	}

	training.trained = HN_TRAIN_ENGINE;
	clear_gradient();
	must(hn_gradient_add(&context, &model, &training, 0, examples, count, gradient.parameters, &sum));
	assert_float_equal(sum.loss / sum.count, json_number_value(json_object_get(golden, "loss")), LOSS_TOLERANCE);
	check_gradient("conformation", sum.count);

	must(hn_examples_conformation_errors(&context, &model, &training, examples, count, errors));
	for (int i = 0; i < count; i++)
	{
		json_t	   *molecule = json_array_get(molecules, (size_t) i);

		assert_float_equal(errors[i].rmsd, json_number_value(json_object_get(molecule, "rmsd")), 1e-4);
		assert_float_equal(errors[i].adj3, json_number_value(json_object_get(molecule, "adj3")), 1e-2);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fingerprint_loss),
		cmocka_unit_test(test_conformation_loss),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
