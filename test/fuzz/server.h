/*
 * server.h: enough of a PostgreSQL server to call type hfp's input and output
 * from a fuzzer.
 *
 * Both are all reporting of errors with the server's own functions, and little
 * would be left of them in a form without. So the files of the type are
 * compiled as they are, against the server's headers, and server.c stands in
 * for what they call: memory comes from the context's arena, and an error ends
 * the call with a status.
 */
#ifndef HAMNET_FUZZ_SERVER_H
#define HAMNET_FUZZ_SERVER_H

#include "postgres.h"

#include "fmgr.h"
#include "fuzz.h"
#include "type/hfp.h"

/* A SQL function bound to C, with its arguments. HN_INVALID_ARGUMENT for an error that data may cause. */
extern HnStatus server_call(HnContext *context, PGFunction function, const Datum *arguments, int count,
							Datum *result);

/* The functions of type/io.c. */
extern PGDLLEXPORT Datum hfp_recv(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum hfp_send(PG_FUNCTION_ARGS);

/* hfp_in and hfp_recv for type hfp with that modifier. */
extern HnStatus server_read_text(HnContext *context, const char *text, int32 typmod, Hfp **value);
extern HnStatus server_read_binary(HnContext *context, const char *bytes, size_t size, int32 typmod, Hfp **value);

/* A value that was read must be sound, and come back from both of its forms. */
extern HnStatus server_check_hfp(HnContext *context, const Hfp *value, FuzzDigest *digest);

#endif
