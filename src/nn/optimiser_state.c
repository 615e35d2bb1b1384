/*
 * optimiser_state.c: the state of an optimiser as bytes.
 *
 *   0   8   "hnoptim" and a zero byte
 *   8   4   version, 2
 *   12  4   bytes of a number, 4 or 8
 *   16  80  options: rate, final_rate, beta1, beta2, epsilon, weight_decay,
 *           clip, average_decay as doubles; warmup_steps, total_steps as 64-bit
 *           integers
 *   96  8   averaging
 *   104 8   count of parameters
 *   112 8   steps done
 *   120 8   steps in the average
 *   128     parameters, first moments, second moments, and average if there is
 *           one: count numbers each
 *   end 8   FNV-1a of everything before
 *
 * In the byte order of the machine: a state serves to go on where it was made.
 */
#include <math.h>
#include <string.h>

#include "hamnet/optimiser.h"

static const char magic[8] = "hnoptim";

#define VERSION 2

/* Steps that a double still counts one by one. */
#define MAX_STEPS (INT64_C(1) << 53)

typedef struct Header
{
	char		magic[8];
	uint32_t	version;
	uint32_t	number_size;
	double		numbers[8];
	int64_t		steps[2];
	int64_t		averaging;
	int64_t		count;
	int64_t		step;
	int64_t		averaged;
} Header;

_Static_assert(sizeof(Header) == 128, "the header has no padding");

/* Fowler, Noll and Vo's hash, over eight bytes at a time and the rest one by one. */
static uint64_t
checksum(const unsigned char *bytes, size_t size)
{
	const uint64_t prime = UINT64_C(0x100000001b3);
	uint64_t	hash = UINT64_C(0xcbf29ce484222325);
	size_t		i = 0;

	for (; i + sizeof(uint64_t) <= size; i += sizeof(uint64_t))
	{
		uint64_t	word;

		memcpy(&word, bytes + i, sizeof(word));
		hash = (hash ^ word) * prime;
	}
	for (; i < size; i++)
		hash = (hash ^ bytes[i]) * prime;
	return hash;
}

/* The blocks that are stored, and how many. */
static int
state_blocks(const HnOptimiser *optimiser, real *blocks[4])
{
	blocks[0] = optimiser->parameters;
	blocks[1] = optimiser->first;
	blocks[2] = optimiser->second;
	blocks[3] = optimiser->average;
	return optimiser->average ? 4 : 3;
}

static Header
state_header(const HnOptimiser *optimiser)
{
	const HnOptimiserOptions *options = &optimiser->options;
	Header		header = {
		.version = VERSION,
		.number_size = sizeof(real),
		.numbers = {options->rate, options->final_rate, options->beta1, options->beta2, options->epsilon,
		options->weight_decay, options->clip, options->average_decay},
		.steps = {options->warmup_steps, options->total_steps},
		.averaging = options->averaging,
		.count = optimiser->count,
		.step = optimiser->step,
		.averaged = optimiser->averaged,
	};

	memcpy(header.magic, magic, sizeof(magic));
	return header;
}

HnStatus
hn_optimiser_save(HnContext *context, const HnOptimiser *optimiser, unsigned char **bytes, size_t *size)
{
	Header		header = state_header(optimiser);
	size_t		block = (size_t) optimiser->count * sizeof(real);
	real	   *blocks[4];
	int			block_count = state_blocks(optimiser, blocks);
	unsigned char *next;
	uint64_t	sum;

	*size = sizeof(header) + block_count * block + sizeof(sum);
	HN_NEW(context, *bytes, *size);
	memcpy(*bytes, &header, sizeof(header));
	next = *bytes + sizeof(header);
	for (int b = 0; b < block_count; b++, next += block)
		memcpy(next, blocks[b], block);
	sum = checksum(*bytes, (size_t) (next - *bytes));
	memcpy(next, &sum, sizeof(sum));
	return HN_OK;
}

/* True if all numbers of a stored block, which need not be aligned, are finite and not below least. */
static bool
block_holds(const unsigned char *bytes, int64_t count, real least)
{
	for (int64_t k = 0; k < count; k++)
	{
		real		value;

		memcpy(&value, bytes + (size_t) k * sizeof(value), sizeof(value));
		if (!isfinite(value) || value < least)
			return false;
	}
	return true;
}

/* True if a training can have come to these counts of steps. */
static bool
steps_hold(const Header *header)
{
	return header->step >= 0 && header->step <= MAX_STEPS &&
		header->averaged >= 0 && header->averaged <= header->step &&
		(header->averaged == 0 || header->averaging != HN_AVERAGE_NONE);
}

HnStatus
hn_optimiser_restore(HnContext *context, HnOptimiser *optimiser, const unsigned char *bytes, size_t size)
{
	Header		expected = state_header(optimiser);
	Header		header;
	size_t		block = (size_t) optimiser->count * sizeof(real);
	real	   *blocks[4];
	int			block_count = state_blocks(optimiser, blocks);
	uint64_t	sum;

	if (size != sizeof(header) + block_count * block + sizeof(sum))
		return hn_fail(context, HN_INVALID_ARGUMENT,
					   "training state has %zu bytes, %zu belong to this model and these options",
					   size, sizeof(header) + block_count * block + sizeof(sum));
	memcpy(&header, bytes, sizeof(header));
	memcpy(&sum, bytes + size - sizeof(sum), sizeof(sum));
	if (memcmp(header.magic, magic, sizeof(magic)) != 0 || header.version != VERSION)
		return hn_fail(context, HN_INVALID_ARGUMENT, "not a training state of version %d", VERSION);
	if (sum != checksum(bytes, size - sizeof(sum)))
		return hn_fail(context, HN_INVALID_ARGUMENT, "training state is damaged: its checksum does not match");

	/* Everything else but the progress has to be the same. */
	expected.step = header.step;
	expected.averaged = header.averaged;
	if (memcmp(&header, &expected, sizeof(header)) != 0)
		return hn_fail(context, HN_INVALID_ARGUMENT, "training state belongs to other options or another model");

	/* A checksum does not keep anybody from writing a state of their own. */
	if (!steps_hold(&header))
		return hn_fail(context, HN_INVALID_ARGUMENT, "training state has counts of steps that cannot be");
	for (int b = 0; b < block_count; b++)
		if (!block_holds(bytes + sizeof(header) + b * block, optimiser->count,
						 blocks[b] == optimiser->second ? 0 : -INFINITY))
			return hn_fail(context, HN_INVALID_ARGUMENT, "training state has a number that cannot be");

	for (int b = 0; b < block_count; b++)
		memcpy(blocks[b], bytes + sizeof(header) + b * block, block);
	optimiser->step = header.step;
	optimiser->averaged = header.averaged;
	return HN_OK;
}
