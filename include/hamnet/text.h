/*
 * text.h: strings that live as long as an arena.
 */
#ifndef HAMNET_TEXT_H
#define HAMNET_TEXT_H

#include <string.h>

#include "hamnet/context.h"

/* Copy a string into the context's arena. */
static inline HnStatus
hn_copy_string(HnContext *context, const char *text, const char **copy)
{
	size_t		size = strlen(text) + 1;
	char	   *bytes;

	HN_NEW(context, bytes, size);
	memcpy(bytes, text, size);
	*copy = bytes;
	return HN_OK;
}

#endif
