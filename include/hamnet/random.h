/*
 * random.h: numbers that are a function of a seed, the same on every machine.
 *
 * Steele, Lea and Flood's SplitMix64: a counter that grows by an odd constant,
 * seen through a bijection that mixes all its bits.
 */
#ifndef HAMNET_RANDOM_H
#define HAMNET_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

static inline uint64_t
hn_mix(uint64_t z)
{
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* The next of the sequence that *state counts. */
static inline uint64_t
hn_next_random(uint64_t *state)
{
	return hn_mix(*state += UINT64_C(0x9e3779b97f4a7c15));
}

/*
 * The next 53 bits of Knuth's linear congruential sequence in *state, by which the
 * samples and starts of axes are drawn. It stays, so that the same rows have the same axes.
 */
static inline uint64_t
hn_next_congruent(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 11;
}

/* A new seed from a seed and what it is for: a step, a molecule, a row. */
static inline uint64_t
hn_derive_seed(uint64_t seed, uint64_t what)
{
	uint64_t	state = hn_mix(seed) + what;

	return hn_next_random(&state);
}

/*
 * A number from 0 to bound - 1. hn_random_below takes it from the high bits, and
 * is what new code calls; hn_random_remainder takes the remainder, as rows of
 * Gaussian processes and known molecules are drawn: their sequences stay.
 */
typedef int (*HnBelow) (uint64_t *state, int bound);

static inline int
hn_random_below(uint64_t *state, int bound)
{
	return (int) ((hn_next_random(state) >> 32) * (uint64_t) bound >> 32);
}

static inline int
hn_random_remainder(uint64_t *state, int bound)
{
	return (int) (hn_next_random(state) % (uint64_t) bound);
}

/* Set order [count] to the numbers 0 .. count - 1 at random, by Fisher and Yates. */
static inline void
hn_random_order(uint64_t *state, HnBelow below, int *order, int count)
{
	for (int i = 0; i < count; i++)
		order[i] = i;
	for (int i = count - 1; i > 0; i--)
	{
		int			k = below(state, i + 1);
		int			number = order[i];

		order[i] = order[k];
		order[k] = number;
	}
}

/*
 * Return whether the next of `left` things is one of `wanted` that are still to
 * be drawn: asked of each in turn, it draws just so many, all sets as likely.
 */
static inline bool
hn_random_sample(uint64_t *state, HnBelow below, int left, int wanted)
{
	return below(state, left) < wanted;
}

#endif
