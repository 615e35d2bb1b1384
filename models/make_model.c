/*
 * make_model.c: write a built-in model whose weights a seed draws.
 *
 *     make_model FILE SEED [TENSORS]
 *
 * Fingerprints of random weights already separate molecules by their graphs,
 * and are what a training run starts from; there are no heads, because an
 * untrained network predicts nothing. What was learned, such as an engine, is
 * in the safetensors file TENSORS: each of its tensors takes the place of the
 * one of its name that was drawn. Equal arguments give equal files.
 */
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "hamnet/model.h"

/* Put the tensors of a file in the place of the model's. */
static HnStatus
put_tensors(HnContext *context, const char *path, const HnTensor *tensors, int count)
{
	HnSafetensors file;
	unsigned char *bytes = NULL;
	size_t		size = 0;
	int			found = 0;

	HN_TRY(read_file(context, path, &bytes, &size));
	HN_TRY(hn_safetensors_open(context, bytes, size, &file));
	for (int i = 0; i < count; i++)
	{
		const HnStoredTensor *stored = hn_safetensors_find(&file, tensors[i].name);

		if (stored == NULL)
			continue;
		if (stored->dtype != HN_F32 || stored->dims != tensors[i].dims ||
			stored->shape[0] != tensors[i].shape[0] || stored->shape[1] != tensors[i].shape[1])
			return hn_fail(context, HN_INVALID_MODEL, "tensor \"%s\" has another type or shape than the model's",
						   stored->name);
		hn_stored_values(stored, *tensors[i].data);
		found++;
	}
	if (found < file.tensor_count)
		return hn_fail(context, HN_INVALID_MODEL, "%d of its %d tensors do not belong to the model",
					   file.tensor_count - found, file.tensor_count);
	return HN_OK;
}

static HnStatus
make(HnContext *context, uint64_t seed, const char *path, unsigned char **bytes, size_t *size)
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
	hn_model_initialise(tensors, count, seed);
	if (path)
		HN_TRY(put_tensors(context, path, tensors, count));
	return hn_model_write(context, &model, bytes, size);
}

int
main(int argc, char **argv)
{
	HnArena		arena;
	HnContext	context;
	unsigned char *bytes = NULL;
	size_t		size = 0;
	int			failed;

	if (argc < 3 || argc > 4)
	{
		fprintf(stderr, "usage: %s FILE SEED [TENSORS]\n", argv[0]);
		return 2;
	}
	hn_arena_init(&arena, hn_malloc_allocator);
	hn_context_init(&context, &arena, NULL, NULL);
	failed = make(&context, strtoull(argv[2], NULL, 10), argv[3], &bytes, &size) != HN_OK;
	if (failed)
		fprintf(stderr, "%s: %s: %s\n", argv[0], argv[3] ? argv[3] : argv[1], context.message);
	else
		failed = write_file(argv[1], bytes, size);
	hn_arena_destroy(&arena);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
