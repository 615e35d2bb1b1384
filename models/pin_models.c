/*
 * pin_models.c: print src/pg/model/builtin_models.h, the array of built-in models in
 * src/pg/model/store.c.
 *
 *     pin_models PATH SHA256 [PATH SHA256 ...]
 *
 * What a server asks of a model before it needs its weights is noted here: which
 * properties it predicts, so that no other file is opened to predict one, and what
 * hamnet_models() tells. No two models may predict a property of one name, for
 * then nobody could say which is meant.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "hamnet/model.h"

typedef struct Pinned
{
	const char *file;			/* the path's last part */
	const char *sum;
	size_t		bytes;
	HnModel		model;
} Pinned;

static HnStatus
read_model(HnContext *context, const char *path, const char *sum, Pinned *pinned)
{
	const char *slash = strrchr(path, '/');
	unsigned char *bytes = NULL;

	pinned->file = slash ? slash + 1 : path;
	pinned->sum = sum;
	HN_TRY(read_file(context, path, &bytes, &pinned->bytes));
	return hn_model_read_in_place(context, bytes, pinned->bytes, &pinned->model);
}

/* The model among the first count that predicts a property of this name, or NULL. */
static const Pinned *
find_target(const Pinned *pinned, int count, const char *name)
{
	for (int i = 0; i < count; i++)
		for (int h = 0; h < pinned[i].model.head_count; h++)
			for (int t = 0; t < pinned[i].model.heads[h].target_count; t++)
				if (strcmp(pinned[i].model.heads[h].targets[t].name, name) == 0)
					return &pinned[i];
	return NULL;
}

/* Check that model number i predicts nothing that one before it does. */
static HnStatus
check_targets(HnContext *context, const Pinned *pinned, int i)
{
	const HnModel *model = &pinned[i].model;

	for (int h = 0; h < model->head_count; h++)
		for (int t = 0; t < model->heads[h].target_count; t++)
		{
			const char *name = model->heads[h].targets[t].name;
			const Pinned *other = find_target(pinned, i, name);

			if (other)
				return hn_fail(context, HN_INVALID_MODEL, "it predicts \"%s\", as %s does", name, other->file);
		}
	return HN_OK;
}

/* As a string of C, whatever the bytes. */
static void
print_string(const char *text)
{
	putchar('"');
	for (const unsigned char *c = (const unsigned char *) text; *c != '\0'; c++)
		if (*c < ' ' || *c > '~' || strchr("\"\\?", *c))
			printf("\\%03o", *c);
		else
			putchar(*c);
	putchar('"');
}

static void
print_model(const Pinned *pinned)
{
	const HnModel *model = &pinned->model;
	size_t		stem = strlen(pinned->file) - strlen(".safetensors");

	printf("{\"%.*s\", \"%s\", \"%s\",\n\t%d, \"%s\", INT64CONST(%zu), (const char *const[]) {",
		   (int) stem, pinned->file, pinned->file, pinned->sum, model->fingerprint_config.dim, model->features->name,
		   pinned->bytes);
	for (int h = 0; h < model->head_count; h++)
		for (int t = 0; t < model->heads[h].target_count; t++)
		{
			print_string(model->heads[h].targets[t].name);
			printf(", ");
		}
	printf("NULL}},\n");
}

int
main(int argc, char **argv)
{
	int			count = (argc - 1) / 2;
	HnArena		arena;
	HnContext	context;
	Pinned	   *pinned;

	hn_arena_init(&arena, hn_malloc_allocator);
	hn_context_init(&context, &arena, NULL, NULL);
	pinned = hn_arena_alloc(&arena, (size_t) count, sizeof(Pinned));
	if (pinned == NULL)
		return EXIT_FAILURE;
	for (int i = 0; i < count; i++)
		if (read_model(&context, argv[2 * i + 1], argv[2 * i + 2], &pinned[i]) != HN_OK ||
			check_targets(&context, pinned, i) != HN_OK)
		{
			fprintf(stderr, "%s: %s: %s\n", argv[0], argv[2 * i + 1], context.message);
			return EXIT_FAILURE;
		}
	printf("/* Made by models/pin_models.c from the files in models/. */\n");
	for (int i = 0; i < count; i++)
		print_model(&pinned[i]);
	hn_arena_destroy(&arena);
	return EXIT_SUCCESS;
}
