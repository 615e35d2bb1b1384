/*
 * test_model_file.c: what is read is what a model file holds, and writing is the
 * inverse of reading.
 */
#include "hamnet/half.h"
#include "model_bytes.h"

/* What is read equals the file's JSON and bytes, read here by other means. */
static void
test_golden_tensors(void **state)
{
	size_t		length = header_length(&golden);
	json_t	   *header = json_loadb((const char *) golden.data + 8, length, 0, NULL);
	HnModel		model;
	HnTensor   *tensors;
	int			count;

	(void) state;
	assert_non_null(header);
	read_ok(&golden, &model);
	assert_int_equal(hn_model_tensors(&context, &model, &tensors, &count), HN_OK);
	assert_int_equal(count, json_object_size(header) - 1);	/* __metadata__ */
	for (int i = 0; i < count; i++)
	{
		json_t	   *entry = json_object_get(header, tensors[i].name);
		json_t	   *shape = json_object_get(entry, "shape");
		json_t	   *begin = json_array_get(json_object_get(entry, "data_offsets"), 0);
		const unsigned char *raw = golden.data + 8 + length + json_integer_value(begin);

		assert_non_null(entry);
		assert_int_equal(tensors[i].dims, json_array_size(shape));
		for (int k = 0; k < tensors[i].dims; k++)
			assert_int_equal(tensors[i].shape[k], json_integer_value(json_array_get(shape, k)));
		for (int k = 0; k < tensors[i].shape[0] * tensors[i].shape[1]; k++)
		{
			uint32_t	bits = raw[4 * k] | (uint32_t) raw[4 * k + 1] << 8
				| (uint32_t) raw[4 * k + 2] << 16 | (uint32_t) raw[4 * k + 3] << 24;
			float		value;

			memcpy(&value, &bits, 4);
			assert_true((*tensors[i].data)[k] == value);
		}
	}
	json_decref(header);
}

static void
test_golden_configuration(void **state)
{
	HnModel		model;

	(void) state;
	read_ok(&golden, &model);
	assert_string_equal(model.features->name, "hamnet-2021");
	assert_true(model.engine_config.enabled);
	assert_int_equal(model.engine_config.dim, 8);
	assert_int_equal(model.engine_config.hidden, 16);
	assert_int_equal(model.engine_config.steps, 20);
	assert_true(model.engine_config.tau == 0.025);
	assert_true(model.engine_config.dissipate);
	assert_int_equal(model.engine_config.potential_width, 7);
	assert_int_equal(model.engine_config.dissipation_width, 5);
	assert_int_equal(model.fingerprint_config.dim, 24);
	assert_int_equal(model.fingerprint_config.edge_dim, 20);
	assert_int_equal(model.fingerprint_config.layers, 2);
	assert_int_equal(model.fingerprint_config.rounds, 2);
	assert_int_equal(hn_model_coordinate_width(&model), 16);
	assert_null(model.engine.kinetic.bias);
	assert_null(model.engine.dissipation.bias);
	assert_int_equal(model.head_count, 2);
	assert_string_equal(model.heads[0].name, "reg");
	assert_int_equal(model.heads[0].task, HN_REGRESSION);
	assert_int_equal(hn_networks(&model.heads[0])->layer_count, 2);
	assert_int_equal(hn_networks(&model.heads[0])->layers[0].out, 12);
	assert_int_equal(model.heads[0].target_count, 2);
	assert_string_equal(model.heads[0].targets[1].name, "lipophilicity");
	assert_string_equal(model.heads[0].targets[1].unit, "logD7.4");
	assert_true(model.heads[0].targets[0].mean == -3.05);
	assert_true(model.heads[0].targets[0].std == 2.1);
	assert_string_equal(model.heads[1].name, "cls");
	assert_int_equal(model.heads[1].task, HN_CLASSIFICATION);
}

/* Two models of the same configuration and the same parameters. */
static void
assert_models_equal(const HnModel *a, const HnModel *b)
{
	assert_ptr_equal(a->features, b->features);
	assert_int_equal(a->engine_config.enabled, b->engine_config.enabled);
	assert_int_equal(a->engine_config.dim, b->engine_config.dim);
	assert_int_equal(a->engine_config.hidden, b->engine_config.hidden);
	assert_int_equal(a->engine_config.steps, b->engine_config.steps);
	assert_true(a->engine_config.tau == b->engine_config.tau);
	assert_int_equal(a->engine_config.dissipate, b->engine_config.dissipate);
	assert_int_equal(a->engine_config.potential_width, b->engine_config.potential_width);
	assert_int_equal(a->engine_config.dissipation_width, b->engine_config.dissipation_width);
	assert_ptr_equal(a->features, b->features);
	assert_int_equal(a->fingerprint_config.dim, b->fingerprint_config.dim);
	assert_int_equal(a->fingerprint_config.edge_dim, b->fingerprint_config.edge_dim);
	assert_int_equal(a->fingerprint_config.layers, b->fingerprint_config.layers);
	assert_int_equal(a->fingerprint_config.rounds, b->fingerprint_config.rounds);
	assert_int_equal(a->fingerprint_config.bond_messages, b->fingerprint_config.bond_messages);
	assert_int_equal(a->fingerprint_config.projection, b->fingerprint_config.projection);
	assert_int_equal(a->fingerprint_config.counts, b->fingerprint_config.counts);
	assert_int_equal(a->fingerprint_config.calibrated, b->fingerprint_config.calibrated);
	for (int k = 0; k < HN_SIMILARITY_KNOTS && a->fingerprint_config.calibrated; k++)
		assert_true(a->fingerprint_config.similarity[k] == b->fingerprint_config.similarity[k]);
	assert_int_equal(a->head_count, b->head_count);
	for (int i = 0; i < a->head_count; i++)
	{
		assert_string_equal(a->heads[i].name, b->heads[i].name);
		assert_int_equal(a->heads[i].task, b->heads[i].task);
		assert_int_equal(hn_networks(&a->heads[i])->layer_count, hn_networks(&b->heads[i])->layer_count);
		assert_int_equal(a->heads[i].target_count, b->heads[i].target_count);
		for (int k = 0; k < hn_networks(&a->heads[i])->layer_count; k++)
			assert_int_equal(hn_networks(&a->heads[i])->layers[k].out, hn_networks(&b->heads[i])->layers[k].out);
		for (int k = 0; k < a->heads[i].target_count; k++)
		{
			assert_string_equal(a->heads[i].targets[k].name, b->heads[i].targets[k].name);
			assert_string_equal(a->heads[i].targets[k].unit, b->heads[i].targets[k].unit);
			assert_true(a->heads[i].targets[k].mean == b->heads[i].targets[k].mean);
			assert_true(a->heads[i].targets[k].std == b->heads[i].targets[k].std);
		}
	}
	assert_int_equal(a->parameter_count, b->parameter_count);
	assert_memory_equal(a->parameters, b->parameters, a->parameter_count * sizeof(real));
}

/* Write a model and read it again: the same model, and the same bytes when it is written again. */
static void
check_round_trip(HnModel *model)
{
	Bytes		first;
	Bytes		second;
	HnModel		again;

	if (hn_model_write(&context, model, &first.data, &first.size) != HN_OK)
		fail_msg("%s", context.message);
	assert_int_equal(header_length(&first) % 8, 0);
	read_ok(&first, &again);
	assert_models_equal(model, &again);
	assert_int_equal(hn_model_write(&context, &again, &second.data, &second.size), HN_OK);
	assert_int_equal(first.size, second.size);
	assert_memory_equal(first.data, second.data, first.size);
}

static void
test_round_trip_golden(void **state)
{
	HnModel		model;

	(void) state;
	read_ok(&golden, &model);
	check_round_trip(&model);
}

/* Every double, odd names and an engine that is off come back as they were. */
static void
test_round_trip_odd_values(void **state)
{
	HnModel		model = small_model();

	(void) state;
	initialise(&model, 1);
	assert_int_equal(hn_model_coordinate_width(&model), 0);
	check_round_trip(&model);
}

/* Whether the configuration of a file names a key. */
static bool
names_key(const Bytes *file, const char *key)
{
	HnSafetensors opened;

	assert_int_equal(hn_safetensors_open(&context, file->data, file->size, &opened), HN_OK);
	return strstr(opened.metadata, key) != NULL;
}

/* The newer features and bond messages come back, and are in the file only where they are used. */
static void
test_round_trip_extensions(void **state)
{
	(void) state;
	for (int bond_messages = 0; bond_messages < 2; bond_messages++)
	{
		HnModel		model = small_model();
		Bytes		bytes;

		model.features = &hn_features_2026;
		model.fingerprint_config.layers = 2;
		model.fingerprint_config.bond_messages = bond_messages;
		initialise(&model, 1);
		assert_int_equal(model.layers[1].message.in, 2 * 6 + (bond_messages ? 10 : 0));
		assert_int_equal(model.layers[0].edge.in, model.layers[1].message.in);
		check_round_trip(&model);
		assert_int_equal(hn_model_write(&context, &model, &bytes.data, &bytes.size), HN_OK);
		assert_int_equal(names_key(&bytes, "bond_messages"), bond_messages);
	}
}

/* So does a projection, with counts or without. */
static void
test_round_trip_projection(void **state)
{
	(void) state;
	for (int counts = 0; counts <= 9; counts += 9)
	{
		HnModel		model = small_model();
		Bytes		bytes;

		model.features = &hn_features_2026_counts;
		model.fingerprint_config.projection = true;
		model.fingerprint_config.calibrated = counts > 0;
		for (int k = 0; k < HN_SIMILARITY_KNOTS; k++)
			model.fingerprint_config.similarity[k] = 1.9 / (1 + k);
		model.fingerprint_config.counts = counts;
		initialise(&model, 1);
		check_round_trip(&model);
		assert_int_equal(hn_model_write(&context, &model, &bytes.data, &bytes.size), HN_OK);
		assert_true(names_key(&bytes, "projection"));
		assert_int_equal(names_key(&bytes, "similarity"), counts > 0);
	}
}

/* Weights that all are numbers of 16 bits take 16 bits, and come back as they were; one that is not makes all take 32. */
static void
test_round_trip_halves(void **state)
{
	HnModel		model = small_model();
	HnTensor   *tensors;
	int			count;
	Bytes		halves;
	Bytes		floats;

	(void) state;
	initialise(&model, 1);
	assert_int_equal(hn_model_tensors(&context, &model, &tensors, &count), HN_OK);
	for (int64_t i = 0; i < model.parameter_count; i++)
		model.parameters[i] = hn_half_to_float(hn_half_nearest((float) model.parameters[i]));
	check_round_trip(&model);
	assert_int_equal(hn_model_write(&context, &model, &halves.data, &halves.size), HN_OK);
	assert_true(names_key(&halves, "weight_bits"));
	(*tensors[count - 1].data)[0] = 1 + 0x1p-11f;
	check_round_trip(&model);
	assert_int_equal(hn_model_write(&context, &model, &floats.data, &floats.size), HN_OK);
	assert_false(names_key(&floats, "weight_bits"));
	assert_true(floats.size >= halves.size + 2 * (size_t) model.parameter_count - 32);
}

/* The order in which tensors are handed to the writer does not show in the file. */
static void
test_write_sorts(void **state)
{
	HnSafetensors file;
	HnStoredTensor *reversed;
	Bytes		first;
	Bytes		second;

	(void) state;
	assert_int_equal(hn_safetensors_open(&context, golden.data, golden.size, &file), HN_OK);
	reversed = malloc(file.tensor_count * sizeof(*reversed));
	assert_non_null(reversed);
	for (int i = 0; i < file.tensor_count; i++)
		reversed[i] = file.tensors[file.tensor_count - 1 - i];
	assert_int_equal(hn_safetensors_write(&context, file.tensors, file.tensor_count, "{}",
										  &first.data, &first.size), HN_OK);
	assert_int_equal(hn_safetensors_write(&context, reversed, file.tensor_count, "{}",
										  &second.data, &second.size), HN_OK);
	free(reversed);
	assert_int_equal(first.size, second.size);
	assert_memory_equal(first.data, second.data, first.size);
}

/* The writer refuses what the reader would refuse. */
static void
test_write_refuses(void **state)
{
	float		values[2] = {1, 2};
	HnStoredTensor tensors[2] = {
		{"a", HN_F32, 1, {2, 1}, (const unsigned char *) values},
		{"a", HN_F32, 1, {2, 1}, (const unsigned char *) values}
	};
	Bytes		file;

	(void) state;
	assert_int_equal(hn_safetensors_write(&context, tensors, 2, NULL, &file.data, &file.size), HN_INVALID_ARGUMENT);
	assert_int_equal(hn_safetensors_write(&context, tensors, 1, "\xff", &file.data, &file.size), HN_INVALID_ARGUMENT);
	tensors[1].dtype = HN_U8;	/* stored elsewhere, but still of the same name */
	assert_int_equal(hn_safetensors_write(&context, tensors, 2, NULL, &file.data, &file.size), HN_INVALID_ARGUMENT);
	tensors[1].dtype = HN_F32;
	tensors[1].name = "b c";
	assert_int_equal(hn_safetensors_write(&context, tensors, 2, NULL, &file.data, &file.size), HN_INVALID_ARGUMENT);
	tensors[1].name = "b";
	tensors[1].shape[0] = INT64_MAX;
	assert_int_equal(hn_safetensors_write(&context, tensors, 2, NULL, &file.data, &file.size), HN_INVALID_ARGUMENT);
	tensors[1].shape[0] = 2;
	assert_int_equal(hn_safetensors_write(&context, tensors, 2, NULL, &file.data, &file.size), HN_OK);
	values[1] = (float) (0x1p127 * 2);
	assert_int_equal(hn_safetensors_write(&context, tensors, 2, NULL, &file.data, &file.size), HN_NOT_FINITE);
	assert_non_null(strstr(context.message, "\"a\""));
}

/* Glorot's rule: biases zero; matrices within the bound, using its range, centred; the seed decides. */
static void
test_initialise(void **state)
{
	HnModel		model = small_model();
	HnModel		other = small_model();
	HnTensor   *tensors;
	int			count;

	(void) state;
	initialise(&model, 7);
	initialise(&other, 7);
	assert_memory_equal(model.parameters, other.parameters, model.parameter_count * sizeof(real));
	initialise(&other, 8);
	assert_memory_not_equal(model.parameters, other.parameters, model.parameter_count * sizeof(real));

	assert_int_equal(hn_model_tensors(&context, &model, &tensors, &count), HN_OK);
	for (int i = 0; i < count; i++)
	{
		int			rows = tensors[i].shape[0];
		int			columns = tensors[i].shape[1];
		double		squares = 0;

		for (int k = 0; k < rows * columns; k++)
		{
			double		value = (*tensors[i].data)[k];

			squares += value * value * (rows + columns) / 6;
			if (tensors[i].dims == 1)
				assert_true(value == 0);
			else
				assert_true(value != 0 && value * value * (rows + columns) < 6.00001);
		}
		/* The mean square of a uniform number in [-1, 1] is 1/3, its deviation over n numbers 0.3 / sqrt(n). */
		if (rows * columns >= 100)
		{
			assert_true(squares / (rows * columns) > 0.2);
			assert_true(squares / (rows * columns) < 0.47);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_golden_tensors),
		TEST(test_golden_configuration),
		TEST(test_round_trip_golden),
		TEST(test_round_trip_odd_values),
		TEST(test_round_trip_extensions),
		TEST(test_round_trip_projection),
		TEST(test_round_trip_halves),
		TEST(test_write_sorts),
		TEST(test_write_refuses),
		TEST(test_initialise),
	};

	return cmocka_run_group_tests_name("model file", tests, setup_group, teardown_group);
}
