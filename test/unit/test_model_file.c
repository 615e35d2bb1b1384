/*
 * Tests of the model file: what is read is what the file holds, writing is
 * the inverse of reading, and no damaged file gets through or does harm.
 *
 * Runs from the top of the source tree: reads test/golden.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hamnet/json.h"
#include "hamnet/model.h"
#include "hamnet/safetensors.h"

#define GOLDEN "test/golden/small.safetensors"

/* A file in memory, allocated by malloc at its exact size, so that a sanitiser sees a read beyond it. */
typedef struct Bytes
{
	unsigned char *data;
	size_t		size;
} Bytes;

static Bytes golden;

static Bytes
copy_bytes(const void *data, size_t size)
{
	/* malloc(0) may be NULL, which memcpy must not get. */
	Bytes		copy = {malloc(size ? size : 1), size};

	assert_non_null(copy.data);
	memcpy(copy.data, data, size);
	return copy;
}

static Bytes
read_file(const char *path)
{
	FILE	   *file = fopen(path, "rb");
	Bytes		bytes;
	long		size;

	if (file == NULL)
		fail_msg("could not open %s", path);
	fseek(file, 0, SEEK_END);
	size = ftell(file);
	rewind(file);
	bytes.data = malloc(size);
	bytes.size = (size_t) size;
	assert_non_null(bytes.data);
	assert_int_equal(fread(bytes.data, 1, bytes.size, file), bytes.size);
	fclose(file);
	return bytes;
}

static int
setup_group(void **state)
{
	(void) state;
	golden = read_file(GOLDEN);
	return 0;
}

static int
teardown_group(void **state)
{
	(void) state;
	free(golden.data);
	return 0;
}

static uint64_t
header_length(const Bytes *file)
{
	uint64_t	length = 0;

	for (int i = 7; i >= 0; i--)
		length = length << 8 | file->data[i];
	return length;
}

static void
set_header_length(Bytes *file, uint64_t length)
{
	for (int i = 0; i < 8; i++)
		file->data[i] = (unsigned char) (length >> (8 * i));
}

/* A file of this header and this data. */
static Bytes
file_of(const char *header, size_t header_size, const unsigned char *data, size_t data_size)
{
	Bytes		file = {malloc(8 + header_size + data_size), 8 + header_size + data_size};

	assert_non_null(file.data);
	set_header_length(&file, header_size);
	memcpy(file.data + 8, header, header_size);
	if (data_size)
		memcpy(file.data + 8 + header_size, data, data_size);
	return file;
}

static void
read_ok(const Bytes *file, HnModel *model)
{
	must(hn_model_read(&context, file->data, file->size, model));
}

/* The file must be refused as an invalid model, by a message with these words. Frees it. */
static void
expect_refused(Bytes file, const char *words)
{
	HnModel		model;
	HnStatus	status = hn_model_read(&context, file.data, file.size, &model);

	free(file.data);
	if (status != HN_INVALID_MODEL)
		fail_msg("status %d instead of a refusal with \"%s\"", (int) status, words);
	if (strstr(context.message, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", context.message, words);
	hn_arena_reset(&arena);
}

/* The golden file with every occurrence of a text in its header replaced; there is at least one. */
static Bytes
replaced(const char *from, const char *to)
{
	size_t		length = header_length(&golden);
	const char *old = (const char *) golden.data + 8;
	char	   *new = malloc(length * (strlen(to) / strlen(from) + 2));
	size_t		n = 0;
	int			occurrences = 0;
	Bytes		file;

	assert_non_null(new);
	for (size_t i = 0; i < length;)
	{
		if (length - i >= strlen(from) && memcmp(old + i, from, strlen(from)) == 0)
		{
			memcpy(new + n, to, strlen(to));
			n += strlen(to);
			i += strlen(from);
			occurrences++;
		}
		else
			new[n++] = old[i++];
	}
	if (occurrences == 0)
		fail_msg("the golden header does not hold %s", from);
	file = file_of(new, n, golden.data + 8 + length, golden.size - 8 - length);
	free(new);
	return file;
}

static void
expect_replaced_refused(const char *from, const char *to, const char *words)
{
	expect_refused(replaced(from, to), words);
}

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

static HnLinear test_layers[2];
static HnTarget test_targets[2];
static HnHead test_head;
static HnNetworks test_networks;

/* An allocated and initialised model without engine, with a head that a test may change first. */
static HnModel
small_model(void)
{
	HnModel		model = {
		.features = &hn_features_2021,
		.fingerprint_config = {.dim = 6, .edge_dim = 5, .layers = 1, .rounds = 1},
		.head_count = 1,
		.heads = &test_head
	};

	test_layers[0].out = 3;
	test_targets[0] = (HnTarget)
	{
		"solubility", "\xc2\xb5g/mL", 0.1, 1.0 / 3
	};
	test_targets[1] = (HnTarget)
	{
		"gr\xc3\xb6\xc3\x9f" "e \"x\\y\"", "", -1e-300, 5e-324
	};
	test_head = (HnHead)
	{
		.name = "a.0", .task = HN_REGRESSION, .target_count = 2, .targets = test_targets, .parts = {&test_networks}
	};
	test_networks = (HnNetworks) {.layer_count = 2, .layers = test_layers};
	return model;
}

static void
initialise(HnModel *model, uint64_t seed)
{
	HnTensor   *tensors;
	int			count;

	if (hn_model_allocate(&context, model) != HN_OK)
		fail_msg("%s", context.message);
	assert_int_equal(hn_model_tensors(&context, model, &tensors, &count), HN_OK);
	hn_model_initialise(tensors, count, seed);
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
		model.fingerprint_config.counts = counts;
		initialise(&model, 1);
		check_round_trip(&model);
		assert_int_equal(hn_model_write(&context, &model, &bytes.data, &bytes.size), HN_OK);
		assert_true(names_key(&bytes, "projection"));
	}
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

static void
test_truncated(void **state)
{
	size_t		length = header_length(&golden);
	const size_t sizes[] = {0, 1, 7, 8, 9, 8 + length / 2, 8 + length - 1, 8 + length,
	8 + length + 1, golden.size - 4, golden.size - 1};

	(void) state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
	{
		const char *words = sizes[i] < 8 ? "too few for the length of a header"
			: sizes[i] < 8 + length ? "but only" : "out of range";

		expect_refused(copy_bytes(golden.data, sizes[i]), words);
	}
}

static void
test_trailing_data(void **state)
{
	Bytes		file = {calloc(1, golden.size + 4), golden.size + 4};

	(void) state;
	memcpy(file.data, golden.data, golden.size);
	expect_refused(file, "but its tensors take 104796");
}

static void
test_header_length(void **state)
{
	static const struct
	{
		uint64_t	length;
		const char *words;
	}			cases[] = {
		{0, "not valid JSON"},
		{1, "not valid JSON"},
		{110869, "but only 110868 follow"},
		{HN_SAFETENSORS_MAX_HEADER, "but only"},
		{HN_SAFETENSORS_MAX_HEADER + 1, "at most 1048576"},
		{INT64_MAX, "at most 1048576"},
		{(uint64_t) INT64_MAX + 1, "at most 1048576"},
		{UINT64_MAX - 7, "at most 1048576"},
		{UINT64_MAX, "at most 1048576"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		Bytes		file = copy_bytes(golden.data, golden.size);

		set_header_length(&file, cases[i].length);
		expect_refused(file, cases[i].words);
	}
}

static void
test_header_json(void **state)
{
	static const struct
	{
		const char *header;
		const char *words;
	}			cases[] = {
		{"", "not valid JSON"},
		{"x", "not valid JSON"},
		{"{", "not valid JSON"},
		{"{} x", "not valid JSON"},
		{"[]", "not a JSON object"},
		{"{}", "__metadata__.hamnet is missing"},
		{"{\"__metadata__\":{}}", "__metadata__.hamnet is missing"},
		{"{\"__metadata__\":[]}", "__metadata__ is an array"},
		{"{\"__metadata__\":{\"hamnet\":{}}}", "__metadata__.hamnet is an object"},
		{"{\"__metadata__\":{\"hamnet\":\"\"}}", "the configuration is not valid JSON"},
		{"{\"__metadata__\":{\"hamnet\":\"[]\"}}", "the configuration is not a JSON object"},
		{"{\"__metadata__\":{\"hamnet\":\"{}\"}}", "format of the configuration is missing"},
		{"{\"__metadata__\":{\"hamnet\":\"{\\\"format\\\":1,\\\"format\\\":1}\"}}", "duplicate"},
		{"{\"__metadata__\":{\"hamnet\":\"\\u0000\"}}", "not valid JSON"},
		{"{\"a\":1}", "described by an integer"},
		{"{\"a\":{}}", "has no dtype"},
		{"{\"a\":{\"dtype\":\"F32\"}}", "shape of tensor \"a\""},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[]}}", "shape of tensor \"a\""},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1]}}", "shape of tensor \"a\""},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[0]}}", "dimension 0 of tensor \"a\""},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[2,-1]}}", "dimension 1 of tensor \"a\""},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[1.0]}}", "dimension 0 of tensor \"a\""},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904]}}", "overflows"},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296]}}", "overflows"},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[99999999999999999999]}}", "not valid JSON"},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", "data_offsets of tensor \"a\""},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", "data_offsets of tensor \"a\""},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,\"4\"]}}", "data_offsets of tensor \"a\""},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}", "out of range: [-4, 0]"},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"extra\":1}}", "unrecognized key \"extra\""},
		{"{\"a b\":{}}", "tensor name \"a b\""},
		{"{\"\":{}}", "tensor name \"\""},
		{"{\"\xc3\xa4\":{}}", "tensor name \"??\""},
		{"{\"\xff\":{}}", "not valid JSON"},
		{"{\"\xc3\":{}}", "not valid JSON"},
		{"{\"\xed\xa0\x80\":{}}", "not valid JSON"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_refused(file_of(cases[i].header, strlen(cases[i].header), NULL, 0), cases[i].words);
}

/* 10,000 levels, in the header and in the configuration within it, of arrays and of objects. */
static void
test_nesting(void **state)
{
	enum
	{
		DEPTH = 10000
	};
	static const char *const levels[] = {"[", "{\"a\":", "{\\\"a\\\":"};
	static const char *const starts[] = {"{\"a\":", "{\"a\":", "{\"__metadata__\":{\"hamnet\":\""};

	(void) state;
	for (int i = 0; i < 3; i++)
	{
		char	   *header = malloc(64 + DEPTH * strlen(levels[i]));
		char	   *end;

		assert_non_null(header);
		end = stpcpy(header, starts[i]);
		for (int k = 0; k < DEPTH; k++)
			end = stpcpy(end, levels[i]);
		if (i == 2)
			stpcpy(end, "\"}}");
		expect_refused(file_of(header, strlen(header), NULL, 0),
					   i == 2 ? "the configuration nests deeper than" : "the header nests deeper than");
		free(header);
	}
}

/* Brackets inside strings do not nest, whatever is escaped before them. */
static void
test_brackets_in_strings(void **state)
{
	json_t	   *object = NULL;
	const char *text = "{\"a\\\\\": \"[[[[[[[[[[[[[[[[[[[[\\\"{{{{{{{{{{{{{{{{{{{{\"}";

	(void) state;
	assert_int_equal(hn_json_parse(&context, "this", text, strlen(text), &object), HN_OK);
	json_decref(object);
}

static void
test_offsets(void **state)
{
	(void) state;
	expect_replaced_refused("[160, 164]", "[156, 160]", "overlap");
	expect_replaced_refused("[160, 164]", "[0, 4]", "overlap");
	expect_replaced_refused("[104692, 104700]", "[104684, 104692]", "overlap");
	expect_replaced_refused("[160, 164]", "[164, 160]", "out of range: [164, 160]");
	expect_replaced_refused("[104700, 104796]", "[104704, 104800]", "in 104796 bytes of data");
	expect_replaced_refused("[104700, 104796]", "[9223372036854775711, 9223372036854775807]", "out of range");
	expect_replaced_refused("[104700, 104796]", "[104700, 18446744073709551615]", "not valid JSON");
	expect_replaced_refused("[160, 164]", "[160, 168]", "takes 4 bytes, but its data_offsets hold 8");
	expect_replaced_refused("[160, 164]", "[160, 160]", "takes 4 bytes, but its data_offsets hold 0");
	expect_replaced_refused("\"engine.gate.bias\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [160, 164]}, ",
							"", "gap of 4 bytes before tensor \"engine.gate.weight\"");
}

static void
test_tensors(void **state)
{
	(void) state;
	expect_replaced_refused("\"F32\"", "\"F16\"", "has dtype F16, only F32");
	expect_replaced_refused("\"F32\"", "\"I32\"", "has dtype I32, only F32");
	expect_replaced_refused("\"engine.gcn1.bias\"", "\"engine.gcn2.bias\"", "duplicate");
	expect_replaced_refused("\"engine.gcn1.bias\"", "\"engine.gcn3.bias\"",
							"tensor \"engine.gcn1.bias\" is missing, its shape is [16]");
	expect_replaced_refused("\"engine.potential.weight\"", "\"engine.potential.wight\"",
							"tensor \"engine.potential.weight\" is missing");
	expect_replaced_refused("[16, 34]", "[34, 16]",
							"tensor \"engine.gcn1.weight\" has shape [34, 16], the configuration implies [16, 34]");
	expect_replaced_refused("[24, 34]", "[816]",
							"tensor \"fingerprint.atom.weight\" has shape [816], the configuration implies [24, 34]");
	expect_replaced_refused("\"shape\": [3]", "\"shape\": [3, 1]",
							"tensor \"engine.position.bias\" has shape [3, 1], the configuration implies [3]");
	expect_replaced_refused("[7, 8]", "[8, 7]", "engine.potential.weight");
	expect_replaced_refused("\"layers\\\": 2", "\"layers\\\": 1", "\"fingerprint.layer.1.attention.bias\" of shape [1] "
							"does not belong to the model");
	expect_replaced_refused("\"layers\\\": 2", "\"layers\\\": 3", "\"fingerprint.layer.2.message.weight\" is missing");
	expect_replaced_refused("\\\"enabled\\\": true", "\\\"enabled\\\": false", "the configuration implies");
}

/* NaN and infinities of both signs, as the first and the last value of the file. */
static void
test_not_finite(void **state)
{
	static const uint32_t values[] = {
		UINT32_C(0x7f800000), UINT32_C(0xff800000), UINT32_C(0x7fc00000),
		UINT32_C(0xffc00000), UINT32_C(0x7f800001), UINT32_C(0xffffffff)
	};

	(void) state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
	{
		Bytes		first = copy_bytes(golden.data, golden.size);
		Bytes		last = copy_bytes(golden.data, golden.size);

		for (int k = 0; k < 4; k++)
		{
			first.data[8 + header_length(&golden) + k] = (unsigned char) (values[i] >> (8 * k));
			last.data[golden.size - 4 + k] = (unsigned char) (values[i] >> (8 * k));
		}
		expect_refused(first, "value 0 of tensor \"engine.dissipation.weight\" is NaN or infinite");
		expect_refused(last, "value 23 of tensor \"head.reg.1.weight\" is NaN or infinite");
	}
}

static void
test_configuration(void **state)
{
	static const char *const cases[][3] = {
		{"\\\"format\\\": 1", "\\\"format\\\": 2", "has format 2, only format 1"},
		{"\\\"format\\\": 1", "\\\"format\\\": \\\"1\\\"", "format of the configuration is a string, not an integer"},
		{"\\\"format\\\": 1", "\\\"format\\\": 1.0", "is a real number, not an integer"},
		{"hamnet-2021", "hamnet-2099", "unrecognized feature set \"hamnet-2099\", expected \"hamnet-2021\" or \"hamnet-2026\""},
		{"hamnet-2021", "hamnet-2026", "the configuration implies"},
		{"\\\"hamnet-2021\\\"", "7", "features of the configuration is an integer, not a string"},
		{"\\\"format\\\"", "\\\"x\\\": 0, \\\"format\\\"", "unrecognized key \"x\" in the configuration"},
		{"\\\"steps\\\"", "\\\"stops\\\"", "unrecognized key \"stops\" in engine"},
		{"\\\"rounds\\\"", "\\\"n\\\\u000ax\\\"", "unrecognized key \"n?x\" in fingerprint"},
		{"\\\"task\\\"", "\\\"tusk\\\"", "unrecognized key \"tusk\" in heads[0]"},
		{"\\\"unit\\\"", "\\\"unity\\\"", "unrecognized key \"unity\" in heads[0].targets[0]"},
		{"\\\"heads\\\": [", "\\\"heads\\\": [7, ", "heads[0] is an integer, not an object"},
		{"\\\"heads\\\": [", "\\\"heads\\\": [[]], \\\"x\\\": [", "unrecognized key \"x\""},
		{"\\\"enabled\\\": true", "\\\"enabled\\\": 1", "enabled of engine is an integer, not a boolean"},
		{"\\\"enabled\\\": true, ", "", "enabled of engine is missing"},
		{"\\\"steps\\\": 20, ", "", "steps of engine is missing"},
		{"\\\"steps\\\": 20", "\\\"steps\\\": null", "steps of engine is null, not an integer"},
		{"\\\"steps\\\": 20", "\\\"steps\\\": -1", "engine.steps is -1, it must be between 0 and 1000"},
		{"\\\"steps\\\": 20", "\\\"steps\\\": 1001", "engine.steps is 1001"},
		{"0.025", "\\\"x\\\"", "tau of engine is a string, not a number"},
		{"0.025", "0", "engine.tau is 0, it must be above 0"},
		{"0.025", "-0.1", "engine.tau is -0.1"},
		{"0.025", "1e300", "engine.tau is 1e+300"},
		{"0.025", "1e999", "not valid JSON"},
		{"\\\"hidden\\\": 16", "\\\"hidden\\\": 4097", "engine.hidden is 4097, it must be between 1 and 4096"},
		{"\\\"hidden\\\": 16", "\\\"hidden\\\": 0", "engine.hidden is 0"},
		{"\\\"dim\\\": 24", "\\\"dim\\\": -24", "fingerprint.dim is -24, it must be between 1 and 4096"},
		{"\\\"dim\\\": 24", "\\\"dim\\\": 4294967320", "dim of fingerprint is out of range: 4294967320"},
		{"\\\"dim\\\": 24", "\\\"dim\\\": 4096", "the configuration implies"},
		{"\\\"edge_dim\\\": 20", "\\\"edge_dim\\\": 1000000000", "fingerprint.edge_dim is 1000000000"},
		{"\\\"layers\\\": 2", "\\\"layers\\\": 17", "fingerprint.layers is 17, it must be between 1 and 16"},
		{"\\\"layers\\\": 2", "\\\"layers\\\": 0", "fingerprint.layers is 0"},
		{"\\\"rounds\\\": 2", "\\\"rounds\\\": 0", "fingerprint.rounds is 0, it must be between 1 and 1000"},
		{"\\\"regression\\\"", "\\\"ranking\\\"", "unrecognized task \"ranking\" of heads[0]"},
		{"\\\"hidden\\\": [12]",
			"\\\"members\\\": 1, \\\"hidden\\\": [12]",
			"members of heads[0] is 1, it must be between 2 and 32, or absent for 1"},
		{"\\\"hidden\\\": [12]",
			"\\\"members\\\": 33, \\\"hidden\\\": [12]",
			"members of heads[0] is 33"},
		{"\\\"hidden\\\": [12]",
			"\\\"members\\\": 2, \\\"hidden\\\": [12]",
			"is missing"},
		{"\\\"rounds\\\": 2",
			"\\\"rounds\\\": 2, \\\"generators\\\": 1",
			"generators of fingerprint is 1"},
		{"\\\"rounds\\\": 2",
			"\\\"rounds\\\": 2, \\\"generators\\\": 2",
			"fingerprint.1.atom.weight"},
		{"\\\"rounds\\\": 2", "\\\"rounds\\\": 2, \\\"bond_messages\\\": 1",
			"bond_messages of fingerprint is an integer, not a boolean"},
		{"\\\"rounds\\\": 2", "\\\"rounds\\\": 2, \\\"bond_messages\\\": true",
			"fingerprint.layer.0.message.weight\" has shape [24, 64], the configuration implies [24, 74]"},
		{"\\\"rounds\\\": 2", "\\\"rounds\\\": 2, \\\"projection\\\": 1",
			"projection of fingerprint is an integer, not a boolean"},
		{"\\\"rounds\\\": 2", "\\\"rounds\\\": 2, \\\"projection\\\": true",
			"fingerprint.projection.weight\" is missing"},
		{"\\\"rounds\\\": 2", "\\\"rounds\\\": 2, \\\"projection\\\": true, \\\"counts\\\": 64",
			"fingerprint.counts is 64, but there is no projection or feature set \"hamnet-2021\" has no counts"},
		{"\\\"rounds\\\": 2", "\\\"rounds\\\": 2, \\\"counts\\\": 5000",
			"fingerprint.counts is 5000"},
		{"\\\"hidden\\\": [12]",
			"\\\"kind\\\": \\\"forest\\\"",
			"unrecognized kind"},
		{"\\\"hidden\\\": [12]",
			"\\\"kind\\\": \\\"kernel\\\"",
			"heads[0].kernel is missing"},
		{"\\\"hidden\\\": [12]",
			"\\\"kind\\\": \\\"kernel\\\", \\\"hidden\\\": [12]",
			"unrecognized key"},
		{"\\\"hidden\\\": [12]",
			"\\\"kind\\\": \\\"kernel\\\", \\\"kernel\\\": {\\\"function\\\": \\\"gaussian\\\", \\\"rows\\\": 5, \\\"rank\\\": 6, \\\"fingerprint\\\": 1, \\\"processes\\\": [{\\\"variance\\\": 1, \\\"noise\\\": 1}, {\\\"variance\\\": 1, \\\"noise\\\": 1}]}",
			"the rank of head"},
		{"\\\"hidden\\\": [12]",
			"\\\"kind\\\": \\\"kernel\\\", \\\"kernel\\\": {\\\"function\\\": \\\"gaussian\\\", \\\"rows\\\": 5, \\\"rank\\\": 0, \\\"fingerprint\\\": 1, \\\"processes\\\": [{\\\"variance\\\": 1, \\\"noise\\\": 1}]}",
			"has 1 processes for 2 targets"},
		{"\\\"hidden\\\": [12]",
			"\\\"kind\\\": \\\"kernel\\\", \\\"kernel\\\": {\\\"function\\\": \\\"gaussian\\\", \\\"rows\\\": 5, \\\"rank\\\": 0, \\\"processes\\\": [{\\\"variance\\\": 1, \\\"noise\\\": 1}, {\\\"variance\\\": 1, \\\"noise\\\": 1}]}",
			"must weigh fingerprint, descriptors or counts"},
		{"\\\"hidden\\\": [12]",
			"\\\"kind\\\": \\\"kernel\\\", \\\"kernel\\\": {\\\"function\\\": \\\"gaussian\\\", \\\"rows\\\": 5, \\\"rank\\\": 0, \\\"descriptors\\\": {\\\"set\\\": \\\"mine\\\", \\\"weight\\\": 1}, \\\"processes\\\": [{\\\"variance\\\": 1, \\\"noise\\\": 1}, {\\\"variance\\\": 1, \\\"noise\\\": 1}]}",
			"unrecognized descriptor set"},
		{"\\\"hidden\\\": [12]",
			"\\\"kind\\\": \\\"kernel\\\", \\\"kernel\\\": {\\\"function\\\": \\\"gaussian\\\", \\\"rows\\\": 5, \\\"rank\\\": 0, \\\"fingerprint\\\": 1, \\\"processes\\\": [{\\\"variance\\\": 1, \\\"noise\\\": 1}, {\\\"variance\\\": 1, \\\"noise\\\": 1}]}",
			"is missing"},
		{"\\\"hidden\\\": [12]", "\\\"hidden\\\": 12", "hidden of heads[0] is an integer, not an array"},
		{"\\\"hidden\\\": [12]", "\\\"hidden\\\": [\\\"12\\\"]", "hidden of heads[0] is a string, not an integer"},
		{"\\\"hidden\\\": [12]", "\\\"hidden\\\": [0]", "the width of a hidden layer of head \"reg\" is 0"},
		{"\\\"hidden\\\": [12]", "\\\"hidden\\\": [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "hidden layers of head \"reg\" is 17"},
		{"\\\"cls\\\"", "\\\"reg\\\"", "two heads are named \"reg\""},
		{"\\\"cls\\\"", "\\\"\\\"", "head name \"\" is not"},
		{"\\\"cls\\\"", "\\\"c s\\\"", "head name \"c s\" is not"},
		{"\\\"cls\\\"", "\\\"c\\\\ts\\\"", "head name \"c?s\" is not"},
		{"\\\"bbbp\\\"", "\\\"solubility\\\"", "two targets are named \"solubility\""},
		{"\\\"bbbp\\\"", "\\\"\\\"", "target name \"\" of head \"cls\" is not"},
		{"\\\"bbbp\\\"", "\\\"\\\\u0085\\\"", "target name \"??\" of head \"cls\" is not"},
		{"\\\"logD7.4\\\"", "\\\"\\\\u001b[0m\\\"", "unit \"?[0m\" of target \"lipophilicity\" is not"},
		{"\\\"probability\\\"", "\\\"p\\\", \\\"mean\\\": 0", "unrecognized key \"mean\" in heads[1].targets[0]"},
		{", \\\"std\\\": 2.1", "", "std of heads[0].targets[0] is missing"},
		{"\\\"std\\\": 2.1", "\\\"std\\\": 0", "target \"solubility\" has mean -3.05 and std 0"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_replaced_refused(cases[i][0], cases[i][1], cases[i][2]);
}

/* The limits on names hold at their last byte. */
static void
test_name_limits(void **state)
{
	char		name[HN_MAX_LABEL + 2];
	HnModel		model;

	(void) state;
	memset(name, 'x', sizeof(name));
	for (int excess = 0; excess < 2; excess++)
	{
		HnStatus	expected = excess ? HN_INVALID_MODEL : HN_OK;

		name[HN_MAX_HEAD_NAME + excess] = '\0';
		model = small_model();
		test_head.name = name;
		assert_int_equal(hn_model_allocate(&context, &model), expected);
		name[HN_MAX_HEAD_NAME + excess] = 'x';

		name[HN_MAX_LABEL + excess] = '\0';
		model = small_model();
		test_targets[0].name = name;
		assert_int_equal(hn_model_allocate(&context, &model), expected);
		model = small_model();
		test_targets[0].unit = name;
		assert_int_equal(hn_model_allocate(&context, &model), expected);
		name[HN_MAX_LABEL + excess] = 'x';
	}
}

/* A model whose name is no UTF-8 is refused when it is made, not when it is written. */
static void
test_name_encoding(void **state)
{
	static const char *const names[] = {
		"\xff", "\x80", "a\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80"
	};

	(void) state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		HnModel		model = small_model();

		test_targets[0].name = names[i];
		assert_int_equal(hn_model_allocate(&context, &model), HN_INVALID_MODEL);
	}
}

/* Switched off, the engine needs no other key and has no tensor. */
static void
test_engine_off(void **state)
{
	HnModel		model = small_model();
	HnSafetensors file;
	Bytes		bytes;

	(void) state;
	initialise(&model, 3);
	assert_int_equal(hn_model_write(&context, &model, &bytes.data, &bytes.size), HN_OK);
	assert_int_equal(hn_safetensors_open(&context, bytes.data, bytes.size, &file), HN_OK);
	assert_non_null(strstr(file.metadata, "\"engine\": {\"enabled\": false}"));
	assert_null(hn_safetensors_find(&file, "engine.gate.weight"));
	assert_non_null(hn_safetensors_find(&file, "head.a.0.1.weight"));
}

/* Whatever one byte of the header becomes, the reader accepts or refuses it and nothing else happens. */
static void
test_byte_flips(void **state)
{
	static const unsigned char masks[] = {0x01, 0x04, 0x20, 0x80, 0xff};
	Bytes		file = copy_bytes(golden.data, golden.size);
	size_t		end = 8 + header_length(&golden);
	int			refused = 0;

	(void) state;
	for (size_t i = 0; i < end; i++)
	{
		unsigned char mask = masks[i % sizeof(masks)];
		HnModel		model;
		HnStatus	status;

		file.data[i] ^= mask;
		status = hn_model_read(&context, file.data, file.size, &model);
		assert_true(status == HN_OK || status == HN_INVALID_MODEL);
		refused += status == HN_INVALID_MODEL;
		file.data[i] ^= mask;
		hn_arena_reset(&arena);
	}
	free(file.data);
	assert_true(refused > 5000);
}

static int	blocks_left;

static void *
limited_allocate(void *state, size_t size)
{
	(void) state;
	return blocks_left-- > 0 ? malloc(size) : NULL;
}

static void
limited_release(void *state, void *block)
{
	(void) state;
	free(block);
}

/* Without memory at any point, reading and writing say so; and both stop when they are told to. */
static void
test_out_of_memory(void **state)
{
	HnStatus	status = HN_OUT_OF_MEMORY;

	(void) state;
	for (int budget = 0; status != HN_OK; budget++)
	{
		HnArena		small;
		HnContext	limited;
		HnModel		model;
		Bytes		bytes;

		assert_true(budget < 100);
		blocks_left = budget;
		hn_arena_init(&small, (HnAllocator) {limited_allocate, limited_release, NULL});
		hn_context_init(&limited, &small, NULL, NULL);
		status = hn_model_read(&limited, golden.data, golden.size, &model);
		if (status == HN_OK)
			status = hn_model_write(&limited, &model, &bytes.data, &bytes.size);
		assert_true(status == HN_OK || status == HN_OUT_OF_MEMORY);
		hn_arena_destroy(&small);
	}
}

static int	json_blocks_left;
static int	json_blocks_live;

static void *
json_allocate(size_t size)
{
	if (json_blocks_left-- <= 0)
		return NULL;
	json_blocks_live++;
	return malloc(size);
}

static void
json_release(void *block)
{
	json_blocks_live -= block != NULL;
	free(block);
}

/* The same for the memory of the JSON library, all of which comes back. */
static void
test_json_out_of_memory(void **state)
{
	json_malloc_t old_malloc;
	json_free_t old_free;
	HnStatus	status = HN_OUT_OF_MEMORY;

	(void) state;
	json_get_alloc_funcs(&old_malloc, &old_free);
	json_set_alloc_funcs(json_allocate, json_release);
	for (int budget = 0; status != HN_OK; budget += 1 + budget / 64)
	{
		HnModel		model;
		Bytes		bytes;

		assert_true(budget < 100000);
		json_blocks_left = 100000;
		read_ok(&golden, &model);
		json_blocks_left = budget;
		status = hn_model_write(&context, &model, &bytes.data, &bytes.size);
		json_blocks_left = budget;
		if (hn_model_read(&context, golden.data, golden.size, &model) != HN_OK)
			status = context.status;
		assert_int_equal(json_blocks_live, 0);
		hn_arena_reset(&arena);
	}
	json_set_alloc_funcs(old_malloc, old_free);
}

static bool
always(void *state)
{
	(void) state;
	return true;
}

static void
test_interrupted(void **state)
{
	HnModel		model;

	(void) state;
	context.interrupted = always;
	assert_int_equal(hn_model_read(&context, golden.data, golden.size, &model), HN_INTERRUPTED);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

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
		TEST(test_write_sorts),
		TEST(test_write_refuses),
		TEST(test_initialise),
		TEST(test_truncated),
		TEST(test_trailing_data),
		TEST(test_header_length),
		TEST(test_header_json),
		TEST(test_nesting),
		TEST(test_brackets_in_strings),
		TEST(test_offsets),
		TEST(test_tensors),
		TEST(test_not_finite),
		TEST(test_configuration),
		TEST(test_name_limits),
		TEST(test_name_encoding),
		TEST(test_engine_off),
		TEST(test_byte_flips),
		TEST(test_out_of_memory),
		TEST(test_json_out_of_memory),
		TEST(test_interrupted),
	};

	return cmocka_run_group_tests_name("model file", tests, setup_group, teardown_group);
}
