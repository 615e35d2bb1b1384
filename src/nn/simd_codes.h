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
cells_within(const uint8_t *cells, int stride, int columns, const uint8_t *tables)
{
	const		__m256i far = _mm256_set1_epi8((char) HN_CELL_FAR);
	__m256i		sums = _mm256_setzero_si256();
	int			c = 0;

	for (; c < columns / 2; c++)
		sums = add_cells(sums, cells + c * stride, tables + 2 * HN_CELLS * c);
	if (_mm256_testc_si256(sums, far))
		return 0;
	for (; c < columns; c++)
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
cells_within(const uint8_t *cells, int stride, int columns, const uint8_t *tables)
{
	uint32_t	within = 0;

	for (int i = 0; i < HN_CELL_ROWS; i++)
	{
		int			sum = 0;

		for (int c = 0; c < columns && sum < HN_CELL_FAR; c++)
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
cell_filter(const uint8_t *cells, int stride, int columns, int n, const uint8_t *tables, uint16_t *rows)
{
	int			kept = 0;

	for (int i = 0; i < n; i += HN_CELL_ROWS)
		for (uint32_t within = cells_within(cells + i, stride, columns, tables); within != 0; within &= within - 1)
			rows[kept++] = (uint16_t) (i + __builtin_ctz(within));

	/* The last group may reach beyond the end. */
	while (kept > 0 && rows[kept - 1] >= n)
		kept--;
	return kept;
}

/* After so many columns, and then again after some more, it is seen whether a vector is left. */
#define WIDE_FIRST 32
#define WIDE_CHECK 8

static ALWAYS_INLINE bool
is_wide_check(int c, int columns)
{
	return c == columns - 1 || (c >= WIDE_FIRST && c % WIDE_CHECK == 0);
}

/* A column of cells that are in two arrays. */
static ALWAYS_INLINE const uint8_t *
wide_column(const uint8_t *cells, const uint8_t *rest, int stride, int near, int c)
{
	return c < near ? cells + c * stride : rest + (c - near) * stride;
}

/*
 * Sums of 16 bits, apart for the vectors of even and of odd bytes: adding words
 * gives even + 256 odd, adding their upper halves gives odd.
 */
#if defined(__AVX512BW__)
#define WIDE_ROWS 64

static ALWAYS_INLINE __m512i
broadcast_table(const uint8_t *table)
{
	return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *) table));
}

/* Bit i is set if vector i of n, at most WIDE_ROWS, is within reach. */
static ALWAYS_INLINE uint64_t
wide_cells_within(const uint8_t *cells, const uint8_t *rest, int stride, int near, int columns, int n,
				  const uint8_t *tables, int far)
{
	const		__m512i half = _mm512_set1_epi8(HN_CELLS - 1);
	const		__m512i limit = _mm512_set1_epi16((short) far);
	__mmask64	rows = n >= WIDE_ROWS ? ~(__mmask64) 0 : ((__mmask64) 1 << n) - 1;
	uint64_t	within = 0;
	__m512i		all = _mm512_setzero_si512();
	__m512i		odd = _mm512_setzero_si512();

	for (int c = 0; c < columns; c++)
	{
		__m512i		both = _mm512_maskz_loadu_epi8(rows, wide_column(cells, rest, stride, near, c));
		__m512i		first = _mm512_shuffle_epi8(broadcast_table(tables + 2 * HN_CELLS * c), _mm512_and_si512(both, half));
		__m512i		second = _mm512_shuffle_epi8(broadcast_table(tables + 2 * HN_CELLS * c + HN_CELLS),
												 _mm512_and_si512(_mm512_srli_epi16(both, 4), half));
		__m512i		entries = _mm512_add_epi8(first, second);

		all = _mm512_add_epi16(all, entries);
		odd = _mm512_add_epi16(odd, _mm512_srli_epi16(entries, 8));
		if (is_wide_check(c, columns))
		{
			__m512i		even = _mm512_sub_epi16(all, _mm512_slli_epi16(odd, 8));

			even = _mm512_mask_blend_epi8(0xAAAAAAAAAAAAAAAAu, _mm512_movm_epi16(_mm512_cmplt_epi16_mask(even, limit)),
										  _mm512_movm_epi16(_mm512_cmplt_epi16_mask(odd, limit)));
			within = _mm512_movepi8_mask(even) & rows;
			if (within == 0)
				break;
		}
	}
	return within;
}
#elif defined(__AVX2__)
#define WIDE_ROWS 32

static ALWAYS_INLINE uint64_t
wide_cells_within(const uint8_t *cells, const uint8_t *rest, int stride, int near, int columns, int n,
				  const uint8_t *tables, int far)
{
	const		__m256i half = _mm256_set1_epi8(HN_CELLS - 1);
	const		__m256i limit = _mm256_set1_epi16((short) far);
	uint32_t	within = 0;
	uint32_t	rows = n >= WIDE_ROWS ? ~(uint32_t) 0 : ((uint32_t) 1 << n) - 1;
	__m256i		all = _mm256_setzero_si256();
	__m256i		odd = _mm256_setzero_si256();

	for (int c = 0; c < columns; c++)
	{
		__m256i		both = _mm256_loadu_si256((const __m256i *) wide_column(cells, rest, stride, near, c));
		__m256i		first = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *) (tables + 2 * HN_CELLS * c)));
		__m256i		second = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *) (tables + 2 * HN_CELLS * c + HN_CELLS)));
		__m256i		entries = _mm256_add_epi8(_mm256_shuffle_epi8(first, _mm256_and_si256(both, half)),
											  _mm256_shuffle_epi8(second, _mm256_and_si256(_mm256_srli_epi16(both, 4), half)));

		all = _mm256_add_epi16(all, entries);
		odd = _mm256_add_epi16(odd, _mm256_srli_epi16(entries, 8));
		if (is_wide_check(c, columns))
		{
			__m256i		even = _mm256_sub_epi16(all, _mm256_slli_epi16(odd, 8));

			even = _mm256_blendv_epi8(_mm256_cmpgt_epi16(limit, even), _mm256_cmpgt_epi16(limit, odd),
									  _mm256_set1_epi16((short) 0xFF00));
			within = (uint32_t) _mm256_movemask_epi8(even) & rows;
			if (within == 0)
				break;
		}
	}
	return within;
}
#else
#define WIDE_ROWS 32

static ALWAYS_INLINE uint64_t
wide_cells_within(const uint8_t *cells, const uint8_t *rest, int stride, int near, int columns, int n,
				  const uint8_t *tables, int far)
{
	uint64_t	within = 0;

	for (int i = 0; i < WIDE_ROWS && i < n; i++)
	{
		int			sum = 0;

		for (int c = 0; c < columns && sum < far; c++)
		{
			int			both = wide_column(cells, rest, stride, near, c)[i];

			sum += tables[2 * HN_CELLS * c + both % HN_CELLS] + tables[2 * HN_CELLS * c + HN_CELLS + both / HN_CELLS];
		}
		within |= (uint64_t) (sum < far) << i;
	}
	return within;
}
#endif

static int
wide_cell_filter(const uint8_t *cells, const uint8_t *rest, int stride, int near, int columns, int n,
				 const uint8_t *tables, int far, uint16_t *rows)
{
	int			kept = 0;

	for (int i = 0; i < n; i += WIDE_ROWS)
		for (uint64_t within = wide_cells_within(cells + i, rest + i, stride, near, columns, n - i, tables, far);
			 within != 0;
			 within &= within - 1)
			rows[kept++] = (uint16_t) (i + __builtin_ctzll(within));
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
