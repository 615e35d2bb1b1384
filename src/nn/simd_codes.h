/*
 * simd_codes.h: filters and sums over the codes of an index. Included by simd.c
 * after simd_sums.h, whose vectors it uses.
 */
#ifndef HAMNET_SIMD_CODES_H
#define HAMNET_SIMD_CODES_H

/*
 * Codes. Widening bytes and looking up bytes are things that gcc does one
 * element at a time, so here are intrinsics, each beside its plain twin.
 */
#ifdef __AVX2__
static ALWAYS_INLINE Vector
load_codes(const uint8_t *codes)
{
	return (Vector) _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *) codes)));
}

static ALWAYS_INLINE Vector
greater(Vector a, Vector b)
{
	return (Vector) _mm256_max_ps((__m256) a, (__m256) b);
}

/* Add the entries of two positions to the sums of HN_CELL_ROWS vectors, up to HN_CELL_FAR. */
static ALWAYS_INLINE __m256i
add_cells(__m256i sums, const uint8_t *cells, const uint8_t *tables)
{
	const		__m256i half = _mm256_set1_epi8(HN_CELLS - 1);
	__m256i		both = _mm256_loadu_si256((const __m256i *) cells);
	__m256i		first = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *) tables));
	__m256i		second = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *) (tables + HN_CELLS)));

	sums = _mm256_adds_epu8(sums, _mm256_shuffle_epi8(first, _mm256_and_si256(both, half)));
	return _mm256_adds_epu8(sums, _mm256_shuffle_epi8(second, _mm256_and_si256(_mm256_srli_epi16(both, 4), half)));
}

/* Bit i is set if vector i of HN_CELL_ROWS is within reach. Most are seen not to be halfway. */
static ALWAYS_INLINE uint32_t
cells_within(const uint8_t *cells, int stride, const uint8_t *tables)
{
	const		__m256i far = _mm256_set1_epi8((char) HN_CELL_FAR);
	__m256i		sums = _mm256_setzero_si256();
	int			c = 0;

	for (; c < HN_CELL_COLUMNS / 2; c++)
		sums = add_cells(sums, cells + c * stride, tables + 2 * HN_CELLS * c);
	if (_mm256_testc_si256(sums, far))
		return 0;
	for (; c < HN_CELL_COLUMNS; c++)
		sums = add_cells(sums, cells + c * stride, tables + 2 * HN_CELLS * c);
	return ~(uint32_t) _mm256_movemask_epi8(_mm256_cmpeq_epi8(sums, far));
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
greater(Vector a, Vector b)
{
	for (int lane = 0; lane < WIDTH; lane++)
		a[lane] = a[lane] > b[lane] ? a[lane] : b[lane];
	return a;
}

static ALWAYS_INLINE uint32_t
cells_within(const uint8_t *cells, int stride, const uint8_t *tables)
{
	uint32_t	within = 0;

	for (int i = 0; i < HN_CELL_ROWS; i++)
	{
		int			sum = 0;

		for (int c = 0; c < HN_CELL_COLUMNS && sum < HN_CELL_FAR; c++)
		{
			int			both = cells[c * stride + i];

			sum += tables[2 * HN_CELLS * c + both % HN_CELLS] + tables[2 * HN_CELLS * c + HN_CELLS + both / HN_CELLS];
		}
		within |= (uint32_t) (sum < HN_CELL_FAR) << i;
	}
	return within;
}
#endif

static int
cell_filter(const uint8_t *cells, int stride, int n, const uint8_t *tables, uint16_t *rows)
{
	int			kept = 0;

	for (int i = 0; i < n; i += HN_CELL_ROWS)
		for (uint32_t within = cells_within(cells + i, stride, tables); within != 0; within &= within - 1)
			rows[kept++] = (uint16_t) (i + __builtin_ctz(within));

	/* The last group may reach beyond the end. */
	while (kept > 0 && rows[kept - 1] >= n)
		kept--;
	return kept;
}

static float
box_sum(const uint8_t *low, const uint8_t *high, const float *step, const float *above, const float *below, int n)
{
	Vector		sums = {0};
	float		sum = 0;

	for (int j = 0; j < n; j += WIDTH)
	{
		Vector		under = load_codes(low + j) * load(step + j) - load(above + j);
		Vector		over = load(below + j) - load_codes(high + j) * load(step + j);
		Vector		off = greater(greater(under, over), (Vector) {0});

		sums += off * off;
	}
	for (int lane = 0; lane < WIDTH; lane++)
		sum += sums[lane];
	return sum;
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
