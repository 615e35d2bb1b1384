/*
 * fuzz.h: what the fuzzers have in common.
 *
 * A fuzzer is one function, fuzz_input, that gives bytes from outside to the
 * core as a server would, and a list of the failures that such bytes may have.
 * fuzz.c is the rest: it calls the function for every input that libFuzzer
 * invents, and for some of them once more to see the same come out, with a
 * caller that wants to stop, or with too little memory. Whatever happens, a
 * failure must be one of the list, with a message that a server can print, and
 * all memory must come back.
 */
#ifndef HAMNET_FUZZ_H
#define HAMNET_FUZZ_H

#include <stdbool.h>
#include <stdint.h>

#include "hamnet/model.h"

/* End the program, which libFuzzer reports with the input, unless the condition holds. */
#define FUZZ_CHECK(condition) \
	((condition) ? (void) 0 : fuzz_fail(__FILE__, __LINE__, #condition))

extern void fuzz_fail(const char *file, int line, const char *what) __attribute__((noreturn));

/* A sum of what came out of an input: equal inputs must give equal digests. */
typedef struct FuzzDigest
{
	uint64_t	sum;
} FuzzDigest;

extern void fuzz_digest(FuzzDigest *digest, const void *bytes, size_t size);

/* To be written by each fuzzer: failures that an input may have, ending with HN_OK... */
extern const HnStatus fuzz_failures[];

/* ...and what is done with an input. It must do the same for the same bytes. */
extern HnStatus fuzz_input(HnContext *context, const uint8_t *data, size_t size, FuzzDigest *digest);

/* Helpers */

/* Check a failure: that it is one of the list, HN_OK at its end, and has a message fit for a server. */
extern void fuzz_check_failure(const HnContext *context, HnStatus status, const HnStatus *list);

/* True for a failure that comes from outside the input: an interrupt, or too little memory. */
extern bool fuzz_from_outside(HnStatus status);

/* The input as a text that ends with its last byte, so that a sanitizer sees a read beyond it. free() it. */
extern char *fuzz_text(const uint8_t *data, size_t size);

/* FUZZ_CHECK that all numbers are finite. */
extern void fuzz_check_finite(const real *values, size_t count);

/* A model of the golden tests that describes atoms so, read once. Its heads need the fingerprint alone. */
extern HnModel *fuzz_model(const HnFeatureSet *features);

/* True for text in UTF-8 without zero bytes, by another way than the core's own. */
extern bool fuzz_is_utf8(const char *text);

/* libFuzzer's own mutations, for fuzzers that mutate parts of an input. */
extern size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

#endif
