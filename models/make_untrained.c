/*
 * make_untrained.c: write the built-in model that nothing was taught.
 *
 *     make_untrained FILE
 *
 * Fingerprints of random weights already separate molecules by their graphs,
 * and are what a training run starts from; there are no heads, because an
 * untrained network predicts nothing. The seed is fixed, so that every build
 * makes the same file.
 */
#include <stdio.h>
#include <stdlib.h>

#include "hamnet/model.h"

#define SEED UINT64_C(20210503)

static HnStatus
make(HnContext *context, unsigned char **bytes, size_t *size)
{
	HnModel		model = {
		.features = &hn_features_2021,
		.engine_config = {
			.enabled = true, .dim = 32, .hidden = 128, .steps = 20, .tau = 0.025, .dissipate = true,
			.potential_width = 32, .dissipation_width = 32
		},
		.fingerprint_config = {.dim = 256, .edge_dim = 64, .layers = 2, .rounds = 2}
	};
	HnTensor   *tensors = NULL;
	int			count = 0;

	HN_TRY(hn_model_allocate(context, &model));
	HN_TRY(hn_model_tensors(context, &model, &tensors, &count));
	hn_model_initialise(tensors, count, SEED);
	return hn_model_write(context, &model, bytes, size);
}

/* Write all or nothing: a half-written file must not look up to date to make. */
static int
save(const char *path, const unsigned char *bytes, size_t size)
{
	FILE	   *file = fopen(path, "wb");
	int			failed = file == NULL;

	if (file)
	{
		failed = fwrite(bytes, 1, size, file) != size;
		failed |= fclose(file) != 0;
	}
	if (failed)
	{
		perror(path);
		if (file)
			remove(path);
	}
	return failed;
}

int
main(int argc, char **argv)
{
	HnArena		arena;
	HnContext	context;
	unsigned char *bytes = NULL;
	size_t		size = 0;
	int			failed;

	if (argc != 2)
	{
		fprintf(stderr, "usage: %s FILE\n", argv[0]);
		return 2;
	}
	hn_arena_init(&arena, hn_malloc_allocator);
	hn_context_init(&context, &arena, NULL, NULL);
	failed = make(&context, &bytes, &size) != HN_OK;
	if (failed)
		fprintf(stderr, "%s: %s\n", argv[0], context.message);
	else
		failed = save(argv[1], bytes, size);
	hn_arena_destroy(&arena);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
