/*
 * model_bytes.h: the bytes of model files, as tests exchange and damage them.
 *
 * Tests run from the top of the source tree: they read test/golden.
 */
#ifndef HAMNET_TEST_MODEL_BYTES_H
#define HAMNET_TEST_MODEL_BYTES_H

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

static inline Bytes
copy_bytes(const void *data, size_t size)
{
	/* malloc(0) may be NULL, which memcpy must not get. */
	Bytes		copy = {malloc(size ? size : 1), size};

	assert_non_null(copy.data);
	memcpy(copy.data, data, size);
	return copy;
}

static inline Bytes
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

static inline int
setup_group(void **state)
{
	(void) state;
	golden = read_file(GOLDEN);
	return 0;
}

static inline int
teardown_group(void **state)
{
	(void) state;
	free(golden.data);
	return 0;
}

static inline uint64_t
header_length(const Bytes *file)
{
	uint64_t	length = 0;

	for (int i = 7; i >= 0; i--)
		length = length << 8 | file->data[i];
	return length;
}

static inline void
set_header_length(Bytes *file, uint64_t length)
{
	for (int i = 0; i < 8; i++)
		file->data[i] = (unsigned char) (length >> (8 * i));
}

/* A file of this header and this data. */
static inline Bytes
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

static inline void
read_ok(const Bytes *file, HnModel *model)
{
	must(hn_model_read(&context, file->data, file->size, model));
}

/* The file must be refused as an invalid model, by a message with these words. Frees it. */
static inline void
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
static inline Bytes
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

static inline void
expect_replaced_refused(const char *from, const char *to, const char *words)
{
	expect_refused(replaced(from, to), words);
}

static HnLinear test_layers[2];
static HnTarget test_targets[2];
static HnHead test_head;
static HnNetworks test_networks;

/* An allocated and initialised model without engine, with a head that a test may change first. */
static inline HnModel
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

static inline void
initialise(HnModel *model, uint64_t seed)
{
	HnTensor   *tensors;
	int			count;

	if (hn_model_allocate(&context, model) != HN_OK)
		fail_msg("%s", context.message);
	assert_int_equal(hn_model_tensors(&context, model, &tensors, &count), HN_OK);
	hn_model_initialise(tensors, count, seed);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

#endif
