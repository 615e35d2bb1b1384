/*
 * fuzz_state.c: the state of a training, which a server keeps in a table and
 * hands back when the training goes on.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "hamnet/optimiser.h"

#define PARAMETERS 3
#define CHECKSUM_BYTES 8

const HnStatus fuzz_failures[] = {HN_INVALID_ARGUMENT, HN_OK};

/* What one step may say of a state that was made up. */
static const HnStatus step_failures[] = {HN_NOT_FINITE, HN_OK};

/* Where a state says how weights are averaged. */
#define AVERAGING_AT 96

/* The optimiser that the state may belong to. */
static HnStatus
begin(HnContext *context, const unsigned char *bytes, size_t size, HnOptimiser *optimiser)
{
	static const HnParameterGroup group = {.begin = 0, .count = PARAMETERS, .rate = 1, .decay = true};
	HnOptimiserOptions options = hn_optimiser_defaults;
	real	   *parameters;

	if (size > AVERAGING_AT && bytes[AVERAGING_AT] <= HN_AVERAGE_EXPONENTIAL)
		options.averaging = (HnAveraging) bytes[AVERAGING_AT];
	HN_NEW_ZERO(context, parameters, PARAMETERS);
	return hn_optimiser_init(context, &options, &group, 1, parameters, PARAMETERS, optimiser);
}

static HnStatus
try_state(HnContext *context, const unsigned char *bytes, size_t size, FuzzDigest *digest)
{
	static const real gradient[PARAMETERS] = {1, -2, 0};
	HnOptimiser optimiser;
	unsigned char *saved;
	size_t		saved_size;
	HnStatus	status;

	HN_TRY(begin(context, bytes, size, &optimiser));
	HN_TRY(hn_optimiser_restore(context, &optimiser, bytes, size));

	/* What was restored saves as the same bytes... */
	HN_TRY(hn_optimiser_save(context, &optimiser, &saved, &saved_size));
	FUZZ_CHECK(saved_size == size && memcmp(saved, bytes, size) == 0);

	/* ...and goes on, though moments that were made up may drive the weights anywhere. */
	fuzz_check_finite(hn_optimiser_weights(&optimiser), PARAMETERS);
	FUZZ_CHECK(hn_learning_rate(&optimiser.options, optimiser.step) > 0);
	status = hn_optimiser_step(context, &optimiser, gradient, 1, NULL);
	if (status != HN_OK)
		fuzz_check_failure(context, status, step_failures);
	fuzz_digest(digest, hn_optimiser_weights(&optimiser), PARAMETERS * sizeof(real));
	return HN_OK;
}

HnStatus
fuzz_input(HnContext *context, const uint8_t *data, size_t size, FuzzDigest *digest)
{
	char	   *bytes = fuzz_text(data, size);
	HnStatus	status = try_state(context, (const unsigned char *) bytes, size, digest);

	free(bytes);
	return status;
}

/* The checksum of a state: FNV-1a over eight bytes at a time and the rest one by one. */
static uint64_t
checksum(const uint8_t *bytes, size_t size)
{
	uint64_t	hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < size;)
	{
		uint64_t	word = bytes[i];
		size_t		step = size - i < sizeof(word) ? 1 : sizeof(word);

		if (step > 1)
			memcpy(&word, bytes + i, sizeof(word));
		hash = (hash ^ word) * UINT64_C(0x100000001b3);
		i += step;
	}
	return hash;
}

extern size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

/* Mutate the state, but most often keep its size and make its checksum right again, which no chance would. */
size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	uint64_t	sum;

	if (seed % 8 == 0 || size <= CHECKSUM_BYTES)
		return LLVMFuzzerMutate(data, size, max_size);
	LLVMFuzzerMutate(data, size - CHECKSUM_BYTES, size - CHECKSUM_BYTES);
	sum = checksum(data, size - CHECKSUM_BYTES);
	memcpy(data + size - CHECKSUM_BYTES, &sum, sizeof(sum));
	return size;
}
