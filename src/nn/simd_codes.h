/*
 * simd_codes.h: filters and sums over the codes of an index. Included by simd.c
 * after simd_sums.h, whose vectors it uses.
 */
#ifndef HAMNET_SIMD_CODES_H
#define HAMNET_SIMD_CODES_H

/*
 * Codes. Widening bytes and collecting bits are the two things that gcc does
 * one element at a time, so here are intrinsics, each beside its plain twin.
 */
typedef int32_t Ints __attribute__((vector_size(WIDTH * sizeof(int32_t))));

#ifdef __AVX2__
static ALWAYS_INLINE Vector
load_codes(const uint8_t *codes)
{
	return (Vector) _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *) codes)));
}

static ALWAYS_INLINE Vector
load_shorts(const uint16_t *values)
{
	__m256i		wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *) values));

	return (Vector) _mm256_slli_epi32(wide, 16);
}

/* Bit i is set where lane i, all bits 1 or all 0, is. */
static ALWAYS_INLINE unsigned
bits_of(Ints lanes)
{
	return (unsigned) _mm256_movemask_ps((__m256) lanes);
}

static ALWAYS_INLINE Vector
square_roots(Vector x)
{
	return (Vector) _mm256_sqrt_ps((__m256) x);
}
#else
static ALWAYS_INLINE Vector
load_codes(const uint8_t *codes)
{
	Vector		vector = {0};

	for (int lane = 0; lane < WIDTH; lane++)
		vector[lane] = codes[lane];
	return vector;
}

static ALWAYS_INLINE Vector
load_shorts(const uint16_t *values)
{
	Ints		wide = {0};

	for (int lane = 0; lane < WIDTH; lane++)
		wide[lane] = (int32_t) ((uint32_t) values[lane] << 16);
	return (Vector) wide;
}

static ALWAYS_INLINE unsigned
bits_of(Ints lanes)
{
	unsigned	bits = 0;

	for (int lane = 0; lane < WIDTH; lane++)
		bits |= ((unsigned) lanes[lane] & 1) << lane;
	return bits;
}

static ALWAYS_INLINE Vector
square_roots(Vector x)
{
	for (int lane = 0; lane < WIDTH; lane++)
		x[lane] = __builtin_sqrtf(x[lane]);
	return x;
}
#endif

/* Inlined with constant with_norm. */
static ALWAYS_INLINE int
filter_codes(const HnCodeColumns *columns, int n, const HnCodeTarget *target, HnCodeLimit limit,
			 bool with_norm, uint16_t *rows, float *sums)
{
	const float radius = limit.constant > 0 ? __builtin_sqrtf(limit.constant) : 0;
	int			kept = 0;

	for (int i = 0; i < n; i += WIDTH)
	{
		Vector		height = load_shorts(columns->height + i) - target->height;
		Vector		most = load_shorts(columns->error + i) + limit.slack;
		Vector		sum = height * height;
		unsigned	keep;

		for (int j = 0; j < HN_CODE_LEAD; j++)
		{
			Vector		off = load_codes(columns->lead + j * columns->stride + i) * target->step[j] - target->origin[j];

			sum += off * off;
		}
		if (with_norm)
		{
			Vector		norm = load(columns->norm + i);
			Vector		squared = limit.constant + limit.factor * norm * norm;

			/* A negative square counts as 0. */
			most += square_roots((Vector) ((Ints) squared & (squared > 0)));
		}
		else
			most += radius;
		keep = bits_of(~(sum * HN_CODE_MARGIN > most * most));
		for (; keep != 0; keep &= keep - 1)
		{
			int			lane = __builtin_ctz(keep);

			rows[kept] = (uint16_t) (i + lane);
			sums[kept++] = sum[lane];
		}
	}

	/* The last group may reach beyond the end. */
	while (kept > 0 && rows[kept - 1] >= n)
		kept--;
	return kept;
}

static int
code_filter(const HnCodeColumns *columns, int n, const HnCodeTarget *target, HnCodeLimit limit,
			uint16_t *rows, float *sums)
{
	if (columns->norm != NULL)
		return filter_codes(columns, n, target, limit, true, rows, sums);
	return filter_codes(columns, n, target, limit, false, rows, sums);
}

static float
code_sum(const uint8_t *codes, const float *step, const float *origin, int n)
{
	Vector		sums = {0};
	float		sum = 0;

	for (int j = 0; j < n; j += WIDTH)
	{
		Vector		off = load_codes(codes + j) * load(step + j) - load(origin + j);

		sums += off * off;
	}
	for (int lane = 0; lane < WIDTH; lane++)
		sum += sums[lane];
	return sum;
}

#endif
