/*
 * refusal.h: what the reader of model files says of damaged ones. To be
 * included after fixture.h.
 */
#ifndef HAMNET_TEST_REFUSAL_H
#define HAMNET_TEST_REFUSAL_H

#include <string.h>

#include "hamnet/model.h"

/* Write a model, with a text replaced by one of the same length, and expect the reader's words. */
static void
expect_refusal(const HnModel *model, const char *text, const char *replacement, const char *reason)
{
	HnModel		model_to_write = *model;
	HnModel		copy;
	unsigned char *bytes;
	size_t		size;
	bool		found = false;

	assert_int_equal(strlen(text), strlen(replacement));
	must(hn_model_write(&context, &model_to_write, &bytes, &size));
	for (size_t i = 0; i + strlen(text) <= size && !found; i++)
		if (memcmp(bytes + i, text, strlen(text)) == 0)
		{
			memcpy(bytes + i, replacement, strlen(text));
			found = true;
		}
	assert_true(found);
	assert_int_equal(hn_model_read(&context, bytes, size, &copy), HN_INVALID_MODEL);
	if (strstr(context.message, reason) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", context.message, reason);
}

#endif
