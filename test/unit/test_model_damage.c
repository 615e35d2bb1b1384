/*
 * test_model_damage.c: no damaged model file gets through or does harm.
 */
#include "model_bytes.h"

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
	expect_replaced_refused("\"F32\"", "\"F64\"", "has dtype F64, only F32");
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
		{"\\\"format\\\": 1", "\\\"format\\\": 1, \\\"weight_bits\\\": 8", "weight_bits of the configuration is 8, expected 16"},
		{"\\\"format\\\": 1", "\\\"format\\\": 1, \\\"weight_bits\\\": 16", "has another dtype"},
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
		{"\\\"rounds\\\": 2", "\\\"rounds\\\": 2, \\\"similarity\\\": [1, 0.5]",
			"similarity of fingerprint has 2 numbers, not 13"},
		{"\\\"rounds\\\": 2", "\\\"rounds\\\": 2, \\\"similarity\\\": [2, 1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.06]",
			"similarity of fingerprint is not a list of numbers that fall from 2 and stay above 0"},
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
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

	return cmocka_run_group_tests_name("damaged model files", tests, setup_group, teardown_group);
}
