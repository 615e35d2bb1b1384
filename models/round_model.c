/*
 * round_model.c: round the weights of a model's networks to 16 bits.
 *
 *     round_model FILE ROUNDED
 *
 * The file of the rounded model is half as long, but for what kernels and forests
 * hold. It is another model: it has another identity, and is measured as it is.
 */
#include <stdlib.h>

#include "files.h"
#include "hamnet/half.h"
#include "hamnet/model.h"

static HnStatus
round_weights(HnContext *context, const HnTensor *tensor)
{
	for (size_t k = 0; k < (size_t) tensor->shape[0] * tensor->shape[1]; k++)
	{
		real	   *value = &(*tensor->data)[k];
		uint16_t	half = hn_half_nearest((float) *value);

		if (hn_half_is_not_finite(half))
			return hn_fail(context, HN_NOT_FINITE, "value %zu of tensor \"%s\" is %g, too large for 16 bits",
						   k, tensor->name, (double) *value);
		*value = hn_half_to_float(half);
	}
	return HN_OK;
}

static HnStatus
round_model(HnContext *context, const char *path, unsigned char **bytes, size_t *size)
{
	unsigned char *file = NULL;
	HnModel		model;
	HnTensor   *tensors = NULL;
	int			count = 0;

	HN_TRY(read_file(context, path, &file, size));
	HN_TRY(hn_model_read(context, file, *size, &model));
	HN_TRY(hn_model_tensors(context, &model, &tensors, &count));
	for (int i = 0; i < count; i++)
		HN_TRY(round_weights(context, &tensors[i]));
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

	if (argc != 3)
	{
		fprintf(stderr, "usage: %s FILE ROUNDED\n", argv[0]);
		return 2;
	}
	hn_arena_init(&arena, hn_malloc_allocator);
	hn_context_init(&context, &arena, NULL, NULL);
	failed = round_model(&context, argv[1], &bytes, &size) != HN_OK;
	if (failed)
		fprintf(stderr, "%s: %s: %s\n", argv[0], argv[1], context.message);
	else
		failed = write_file(argv[2], bytes, size);
	hn_arena_destroy(&arena);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
