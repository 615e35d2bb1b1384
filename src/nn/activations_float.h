/*
 * activations_float.h: exp and its relatives in single precision, for simd.c.
 *
 * Each takes and returns one number, without branches or calls, so that a loop
 * over it becomes vector code. All of them rest on
 *
 *     x = n ln 2 + r,  |r| <= ln(2) / 2,  exp(x) = 2^n exp(r)
 *
 * NaN gives NaN: clamps compare so that it passes, and the arithmetic keeps it.
 * The measured errors stand in simd.h. Requires a strict compiler (no
 * -ffast-math): adding and subtracting ROUNDER must round.
 */
#ifndef HAMNET_ACTIVATIONS_FLOAT_H
#define HAMNET_ACTIVATIONS_FLOAT_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* 1.5 * 2^23: adding it rounds to an integer, which its low bits then hold. */
#define ROUNDER 12582912.0f

#define LOG2_E 1.44269504f

/* ln 2 in two parts; LN2_HIGH has ten bits, so its product with any n here is exact. */
#define LN2_HIGH 0.693359375f
#define LN2_LOW (-2.12194440e-4f)

/* Where exp has rounded to 0 and to infinity: ln(2^-150) is -103.97, ln(FLT_MAX) 88.72. */
#define EXP_LOWEST (-104.0f)
#define EXP_HIGHEST 89.0f

/* Where exp(x) - 1 has long rounded to -1. */
#define EXPM1_LOWEST (-30.0f)

typedef struct Reduced
{
	int32_t		n;				/* arbitrary if x is NaN */
	float		r;
} Reduced;

/* Split x into n and r; |x| must stay below 2^21, so that adding ROUNDER leaves the exponent alone. */
static inline Reduced
reduce(float x)
{
	float		shifted = x * LOG2_E + ROUNDER;
	float		whole = shifted - ROUNDER;
	float		rounder = ROUNDER;
	uint32_t	shifted_bits;
	uint32_t	rounder_bits;

	memcpy(&shifted_bits, &shifted, sizeof(shifted_bits));
	memcpy(&rounder_bits, &rounder, sizeof(rounder_bits));
	return (Reduced)
	{
		.n = (int32_t) (shifted_bits - rounder_bits),
		.r = (x - whole * LN2_HIGH) - whole * LN2_LOW
	};
}

/* 2^n for -126 <= n <= 127. */
static inline float
power_of_two(int32_t n)
{
	uint32_t	bits = ((uint32_t) n + 127) << 23;
	float		power;

	memcpy(&power, &bits, sizeof(power));
	return power;
}

/* exp(r) - 1 for |r| <= ln(2) / 2: r + r² q(r), q minimax with weight |r|, error 1.4e-8 relative to the result. */
static inline float
expm1_reduced(float r)
{
	float		q = 1.39467244e-3f;

	q = q * r + 8.3667431e-3f;
	q = q * r + 4.16662768e-2f;
	q = q * r + 1.66665420e-1f;
	q = q * r + 0.5f;
	return r + r * r * q;
}

static inline float
exp_one(float x)
{
	Reduced		split;
	int32_t		half;

	x = x < EXP_LOWEST ? EXP_LOWEST : x;
	x = x > EXP_HIGHEST ? EXP_HIGHEST : x;
	split = reduce(x);

	/* Two factors, because 2^n itself may be too large or too small. */
	half = split.n >> 1;
	return (1.0f + expm1_reduced(split.r)) * power_of_two(half) * power_of_two(split.n - half);
}

/* exp(x) - 1 for x <= 0, accurate relative to the result. */
static inline float
expm1_of_nonpositive(float x)
{
	Reduced		split;
	float		scale;

	x = x < EXPM1_LOWEST ? EXPM1_LOWEST : x;
	split = reduce(x);
	scale = power_of_two(split.n);
	return scale * expm1_reduced(split.r) + (scale - 1.0f);
}

/* tanh(|x|) = -e / (2 + e) with e = exp(-2|x|) - 1: nothing cancels. */
static inline float
tanh_one(float x)
{
	float		e = expm1_of_nonpositive(-2.0f * fabsf(x));

	return copysignf(-e / (2.0f + e), x);
}

/* Through exp(-|x|), which neither overflows nor cancels. */
static inline float
sigmoid_one(float x)
{
	float		e = exp_one(-fabsf(x));

	return (x < 0 ? e : 1.0f) / (1.0f + e);
}

/* Not below zero: -0 comes back as it is. */
static inline float
elu_one(float x)
{
	float		below = expm1_of_nonpositive(x > 0 ? 0 : x);

	return x >= 0 ? x : below;
}

/*
 * log(1 + e) for -1/3 <= e <= 1: 2 atanh(s) with s = e / (2 + e), |s| <= 1/3, by
 * a minimax polynomial of (atanh(s) / s - 1) / s², error 5e-9 relative to the
 * result.
 */
static inline float
log1p_reduced(float e)
{
	float		s = e / (2.0f + e);
	float		w = s * s;
	float		p = 1.39965028e-1f;

	p = p * w + 1.40032843e-1f;
	p = p * w + 2.00105771e-1f;
	p = p * w + 3.33332121e-1f;
	return 2.0f * (s + s * (w * p));
}

/* max(x, 0) + log(1 + e) with e = exp(-|x|). */
static inline float
softplus_one(float x)
{
	return (x > 0 ? x : 0.0f) + log1p_reduced(exp_one(-fabsf(x)));
}

/*
 * log(1 + x) = n ln 2 + log(1 + t), 1 + t = (1 + x) / 2^n between √½ and √2. The
 * bits of a float are its exponent before its mantissa, so that n is what the
 * difference from √½ begins with. t = x / 2^n + (1 / 2^n - 1) is x itself for n = 0,
 * where 1 + x would have lost digits.
 */
static inline float
log1p_one(float x)
{
	float		sum = 1.0f + x;
	float		root = 0.707106769f;
	uint32_t	sum_bits;
	uint32_t	root_bits;
	int32_t		n;
	int32_t		half;
	float		scale;
	float		t;

	memcpy(&sum_bits, &sum, sizeof(sum_bits));
	memcpy(&root_bits, &root, sizeof(root_bits));
	n = (int32_t) (sum_bits - root_bits) >> 23;
	half = n >> 1;
	scale = power_of_two(-half) * power_of_two(half - n);
	t = x * scale + (scale - 1.0f);
	return (float) n * LN2_HIGH + ((float) n * LN2_LOW + log1p_reduced(t));
}

#endif
