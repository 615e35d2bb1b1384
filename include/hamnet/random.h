/*
 * random.h: numbers that are a function of a seed, the same on every machine.
 *
 * Steele, Lea and Flood's SplitMix64: a counter that grows by an odd constant,
 * seen through a bijection that mixes all its bits.
 */
#ifndef HAMNET_RANDOM_H
#define HAMNET_RANDOM_H

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

/* A new seed from a seed and what it is for: a step, a molecule, a row. */
static inline uint64_t
hn_derive_seed(uint64_t seed, uint64_t what)
{
	uint64_t	state = hn_mix(seed) + what;

	return hn_next_random(&state);
}

#endif
