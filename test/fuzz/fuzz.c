/*
 * fuzz.c: calls a fuzzer's function, and checks what must hold for all of them.
 *
 * Runs from the top of the source tree: reads test/golden.
 */
#include "fuzz.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a pass is given besides the input. */
typedef struct Surroundings
{
	int			blocks;			/* that the allocator still gives; negative: as many as wanted */
	int			live;			/* blocks given and not returned */
	int			questions;		/* that the caller answers with "go on"; negative: all */
} Surroundings;

void
fuzz_fail(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: this does not hold: %s\n", file, line, what);
	abort();
}

void
fuzz_digest(FuzzDigest *digest, const void *bytes, size_t size)
{
	const unsigned char *p = bytes;

	/* Fowler, Noll and Vo's hash */
	for (size_t i = 0; i < size; i++)
		digest->sum = (digest->sum ^ p[i]) * UINT64_C(0x100000001b3);
}

char *
fuzz_text(const uint8_t *data, size_t size)
{
	char	   *text = malloc(size + 1);

	FUZZ_CHECK(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

void
fuzz_check_finite(const real *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		FUZZ_CHECK(isfinite(values[i]));
}

bool
fuzz_is_utf8(const char *text)
{
	/* Bytes that may follow the first one of a character, by table 3-7 of the Unicode standard. */
	static const struct
	{
		unsigned char first[2];
		unsigned char second[2];
		int			length;
	}			forms[] = {
		{{0x01, 0x7f}, {0, 0}, 1},
		{{0xc2, 0xdf}, {0x80, 0xbf}, 2},
		{{0xe0, 0xe0}, {0xa0, 0xbf}, 3},
		{{0xe1, 0xec}, {0x80, 0xbf}, 3},
		{{0xed, 0xed}, {0x80, 0x9f}, 3},
		{{0xee, 0xef}, {0x80, 0xbf}, 3},
		{{0xf0, 0xf0}, {0x90, 0xbf}, 4},
		{{0xf1, 0xf3}, {0x80, 0xbf}, 4},
		{{0xf4, 0xf4}, {0x80, 0x8f}, 4},
	};
	const unsigned char *c = (const unsigned char *) text;

	while (*c != '\0')
	{
		size_t		f = 0;

		while (f < sizeof(forms) / sizeof(forms[0]) && (*c < forms[f].first[0] || *c > forms[f].first[1]))
			f++;
		if (f == sizeof(forms) / sizeof(forms[0]))
			return false;
		for (int k = 1; k < forms[f].length; k++)
			if (c[k] < (k == 1 ? forms[f].second[0] : 0x80) || c[k] > (k == 1 ? forms[f].second[1] : 0xbf))
				return false;
		c += forms[f].length;
	}
	return true;
}

bool
fuzz_from_outside(HnStatus status)
{
	return status == HN_INTERRUPTED || status == HN_OUT_OF_MEMORY;
}

void
fuzz_check_failure(const HnContext *context, HnStatus status, const HnStatus *list)
{
	FUZZ_CHECK(status != HN_OK);
	FUZZ_CHECK(context->status == status);
	FUZZ_CHECK(context->message[0] != '\0');
	FUZZ_CHECK(memchr(context->message, '\0', sizeof(context->message)) != NULL);
	FUZZ_CHECK(fuzz_is_utf8(context->message));
	if (fuzz_from_outside(status))
		return;
	while (*list != status && *list != HN_OK)
		list++;
	if (*list != status)
		fprintf(stderr, "status %d: %s\n", (int) status, context->message);
	FUZZ_CHECK(*list == status);
}

static void
read_model(const char *path, HnModel *model, HnArena *arena)
{
	HnContext	context;
	FILE	   *file = fopen(path, "rb");
	unsigned char *bytes;
	long		size;

	FUZZ_CHECK(file != NULL);
	fseek(file, 0, SEEK_END);
	size = ftell(file);
	rewind(file);
	bytes = malloc((size_t) size);
	FUZZ_CHECK(bytes != NULL && fread(bytes, 1, (size_t) size, file) == (size_t) size);
	fclose(file);
	hn_arena_init(arena, hn_malloc_allocator);
	hn_context_init(&context, arena, NULL, NULL);
	FUZZ_CHECK(hn_model_read(&context, bytes, (size_t) size, model) == HN_OK);
	free(bytes);
}

HnModel *
fuzz_model(const HnFeatureSet *features)
{
	static struct
	{
		const char *path;
		HnModel		model;
		HnArena		arena;
	}			models[] = {
		{.path = "test/golden/small.safetensors"},
		{.path = "test/golden/models-0.2.0/bonds.safetensors"}
	};
	int			k = features == &hn_features_2026;

	if (models[k].model.features == NULL)
		read_model(models[k].path, &models[k].model, &models[k].arena);
	FUZZ_CHECK(models[k].model.features == features);
	return &models[k].model;
}

static void *
give_block(void *state, size_t size)
{
	Surroundings *surroundings = state;

	if (surroundings->blocks == 0)
		return NULL;
	surroundings->blocks--;
	surroundings->live++;
	return malloc(size);
}

static void
take_block(void *state, void *block)
{
	((Surroundings *) state)->live--;
	free(block);
}

static bool
ask(void *state)
{
	Surroundings *surroundings = state;

	if (surroundings->questions == 0)
		return true;
	surroundings->questions--;
	return false;
}

/* Give an input to the fuzzer in these surroundings. */
static HnStatus
pass(const uint8_t *data, size_t size, Surroundings surroundings, FuzzDigest *digest)
{
	HnArena		arena;
	HnContext	context;
	HnStatus	status;

	digest->sum = UINT64_C(0xcbf29ce484222325);
	hn_arena_init(&arena, (HnAllocator) {give_block, take_block, &surroundings});
	hn_context_init(&context, &arena, ask, &surroundings);
	status = fuzz_input(&context, data, size, digest);
	if (status != HN_OK)
	{
		fuzz_check_failure(&context, status, fuzz_failures);
		fuzz_digest(digest, context.message, strlen(context.message));
	}
	hn_arena_destroy(&arena);
	FUZZ_CHECK(surroundings.live == 0);
	return status;
}

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const Surroundings kind = {.blocks = -1, .questions = -1};
	Surroundings hostile = kind;
	FuzzDigest	choice = {0};
	FuzzDigest	first;
	FuzzDigest	second;
	HnStatus	expected;
	HnStatus	status;

	/* The input alone decides, so that a crash can be repeated. */
	fuzz_digest(&choice, data, size);
	expected = pass(data, size, kind, &first);
	FUZZ_CHECK(!fuzz_from_outside(expected));
	switch (choice.sum >> 8 & 3)
	{
		case 0:
			break;
		case 1:
			hostile.questions = choice.sum >> 16 & 15;
			break;
		case 2:
			hostile.blocks = choice.sum >> 16 & 3;
			break;
		default:
			return 0;
	}
	status = pass(data, size, hostile, &second);
	if (!fuzz_from_outside(status))
		FUZZ_CHECK(status == expected && second.sum == first.sum);
	return 0;
}
