/*
 * half.h: numbers of 16 bits (IEEE 754 binary16), as files may store weights.
 */
#ifndef HAMNET_HALF_H
#define HAMNET_HALF_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Powers of two between the exponents of both formats: 127 - 15. */
#define HN_HALF_UP 0x1p112f
#define HN_HALF_DOWN 0x1p-112f

/* Infinity or NaN: all bits of the exponent set. */
static inline bool
hn_half_is_not_finite(uint16_t half)
{
	return (half & 0x7c00) == 0x7c00;
}

/* Return the number that a finite half stands for; exact. */
static inline float
hn_half_to_float(uint16_t half)
{
	uint32_t	bits = (uint32_t) (half & 0x7fff) << 13;
	float		value;

	memcpy(&value, &bits, sizeof(value));
	value *= HN_HALF_UP;
	return half & 0x8000 ? -value : value;
}

/* Return the half nearest to a finite number, ties to the even one; infinity for one that is too large. */
static inline uint16_t
hn_half_nearest(float value)
{
	float		scaled = value * HN_HALF_DOWN;
	uint32_t	bits;
	uint32_t	half;

	memcpy(&bits, &scaled, sizeof(bits));
	half = bits & UINT32_C(0x7fffffff);
	half = (half + 0xfff + (half >> 13 & 1)) >> 13;
	return (uint16_t) (bits >> 16 & 0x8000) | (uint16_t) (half < 0x7c00 ? half : 0x7c00);
}

#endif							/* HAMNET_HALF_H */
