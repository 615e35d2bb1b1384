/*
 * server/sha256.c: SHA-256 in hexadecimal, which models and axes are known by.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

#include "server/sha256.h"

void
Sha256Hex(const bytea *content, char hex[SHA256_HEX_LENGTH + 1])
{
	bytea	   *hash = DatumGetByteaPP(DirectFunctionCall1(sha256_bytea, PointerGetDatum(content)));

	Assert(VARSIZE_ANY_EXHDR(hash) * 2 == SHA256_HEX_LENGTH);
	hex_encode(VARDATA_ANY(hash), VARSIZE_ANY_EXHDR(hash), hex);
	hex[SHA256_HEX_LENGTH] = '\0';
	pfree(hash);
}
