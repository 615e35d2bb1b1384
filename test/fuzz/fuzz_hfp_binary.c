/*
 * fuzz_hfp_binary.c: the binary form of fingerprints.
 */
#include "server.h"

const HnStatus fuzz_failures[] = {HN_INVALID_ARGUMENT, HN_OK};

HnStatus
fuzz_input(HnContext *context, const uint8_t *data, size_t size, FuzzDigest *digest)
{
	char	   *bytes = fuzz_text(data, size);
	HnStatus	status;
	Hfp		   *value;

	status = server_read_binary(context, bytes, size, size % 8 == 0 ? 3 : -1, &value);
	if (status == HN_OK)
		status = server_check_hfp(context, value, digest);
	free(bytes);
	return status;
}
