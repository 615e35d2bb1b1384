/*
 * files.h: files as a whole, for the programs that make, pin and measure models.
 */
#ifndef HAMNET_MODELS_FILES_H
#define HAMNET_MODELS_FILES_H

#include <stdio.h>

#include "hamnet/context.h"

/* Read a file into the context's arena. */
static inline HnStatus
read_file(HnContext *context, const char *path, unsigned char **bytes, size_t *size)
{
	FILE	   *file = fopen(path, "rb");
	long		length = -1;
	HnStatus	status = HN_OK;

	if (file && fseek(file, 0, SEEK_END) == 0)
		length = ftell(file);
	*size = length < 0 ? 0 : (size_t) length;
	*bytes = hn_arena_alloc(context->arena, *size, 1);
	if (*bytes == NULL)
		status = hn_fail_memory(context);
	else if (length < 0 || fseek(file, 0, SEEK_SET) != 0 || fread(*bytes, 1, *size, file) != *size)
		status = hn_fail(context, HN_INTERNAL, "could not read the file");
	if (file)
		fclose(file);
	return status;
}

/* Write all or nothing: a half-written file must not look up to date to make. Return whether it failed. */
static inline int
write_file(const char *path, const unsigned char *bytes, size_t size)
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

#endif
