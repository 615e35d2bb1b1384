/*
 * fuzz_hfp_text.c: the text form of fingerprints.
 */
#include "server.h"

const HnStatus fuzz_failures[] = {HN_INVALID_ARGUMENT, HN_OK};

HnStatus
fuzz_input(HnContext *context, const uint8_t *data, size_t size, FuzzDigest *digest)
{
	char	   *text = fuzz_text(data, size);
	HnStatus	status = HN_OK;
	Hfp		   *value;

	/* A server checks the encoding of what it is sent. */
	if (fuzz_is_utf8(text))
	{
		status = server_read_text(context, text, size % 8 == 0 ? 3 : -1, &value);
		if (status == HN_OK)
			status = server_check_hfp(context, value, digest);
	}
	free(text);
	return status;
}
