/*
 * simd_bytes.h: products of rows of bytes. Included by simd.c.
 */
#ifndef HAMNET_SIMD_BYTES_H
#define HAMNET_SIMD_BYTES_H

/*
 * Products of bytes, which compilers do not see in plain loops: four products
 * and their sum are one instruction of VNNI, two and theirs one of AVX2 on words.
 */
#if defined(__AVX512VNNI__)
static ALWAYS_INLINE __m512i
four_columns(const int8_t *query)
{
	int32_t		word;

	memcpy(&word, query, sizeof(word));
	return _mm512_set1_epi32(word);
}

/* The instruction multiplies row[k] + 128, so that 128 times the sum of the query is too much. */
static int32_t
shift_of(const int8_t *query, int steps)
{
	int32_t		sum = 0;

	for (int k = 0; k < steps * HN_BYTE_COLUMNS; k++)
		sum += query[k];
	return -128 * sum;
}

static void
byte_products(const uint8_t *panels, int groups, int steps, const int8_t *const query[HN_BYTE_DIGITS],
			  int32_t *const products[HN_BYTE_DIGITS])
{
	__m512i		shifts[HN_BYTE_DIGITS];

	for (int p = 0; p < HN_BYTE_DIGITS; p++)
		shifts[p] = _mm512_set1_epi32(shift_of(query[p], steps));
	for (int g = 0; g < groups; g++)
	{
		__m512i		sums[HN_BYTE_DIGITS][2];

		for (int p = 0; p < HN_BYTE_DIGITS; p++)
			sums[p][0] = sums[p][1] = shifts[p];
		for (int s = 0; s < steps; s++, panels += HN_BYTE_ROWS * HN_BYTE_COLUMNS)
		{
			__m512i		first = _mm512_loadu_si512(panels);
			__m512i		second = _mm512_loadu_si512(panels + sizeof(first));

			for (int p = 0; p < HN_BYTE_DIGITS; p++)
			{
				__m512i		columns = four_columns(query[p] + s * HN_BYTE_COLUMNS);

				sums[p][0] = _mm512_dpbusd_epi32(sums[p][0], first, columns);
				sums[p][1] = _mm512_dpbusd_epi32(sums[p][1], second, columns);
			}
		}
		for (int p = 0; p < HN_BYTE_DIGITS; p++)
			memcpy(products[p] + g * HN_BYTE_ROWS, sums[p], sizeof(sums[p]));
	}
}
#elif defined(__AVX2__)
static ALWAYS_INLINE __m256i
four_columns(const int8_t *query)
{
	int32_t		word;

	memcpy(&word, query, sizeof(word));
	return _mm256_broadcastq_epi64(_mm_cvtepi8_epi16(_mm_cvtsi32_si128(word)));
}

/* Add up the halves of four rows, two to a register. */
static ALWAYS_INLINE void
store_rows(int32_t *products, __m256i first, __m256i second)
{
	__m256i		sums = _mm256_hadd_epi32(first, second);

	_mm256_storeu_si256((__m256i *) products, _mm256_permute4x64_epi64(sums, _MM_SHUFFLE(3, 1, 2, 0)));
}

static void
byte_products(const uint8_t *panels, int groups, int steps, const int8_t *const query[HN_BYTE_DIGITS],
			  int32_t *const products[HN_BYTE_DIGITS])
{
	const __m256i shift = _mm256_set1_epi16(128);
	const size_t step = HN_BYTE_ROWS * HN_BYTE_COLUMNS;

	/* Half a group at a time, as the registers hold the sums of no more. */
	for (int half = 0; half < 2 * groups; half++)
	{
		const uint8_t *panel = panels + half / 2 * steps * step + half % 2 * step / 2;
		/* Of four rows each, with the sums of even and odd pairs of columns. */
		__m256i		sums[HN_BYTE_DIGITS][4] = {0};

		for (int s = 0; s < steps; s++, panel += step)
			for (int v = 0; v < 4; v++)
			{
				__m256i		rows = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *) panel + v));

				rows = _mm256_sub_epi16(rows, shift);
				for (int p = 0; p < HN_BYTE_DIGITS; p++)
					sums[p][v] = _mm256_add_epi32(sums[p][v],
												  _mm256_madd_epi16(rows, four_columns(query[p] + s * HN_BYTE_COLUMNS)));
			}
		for (int p = 0; p < HN_BYTE_DIGITS; p++)
			for (int v = 0; v < 4; v += 2)
				store_rows(products[p] + half * HN_BYTE_ROWS / 2 + 4 * v, sums[p][v], sums[p][v + 1]);
	}
}
#else
static void
byte_products(const uint8_t *panels, int groups, int steps, const int8_t *const query[HN_BYTE_DIGITS],
			  int32_t *const products[HN_BYTE_DIGITS])
{
	for (int g = 0; g < groups; g++)
	{
		int32_t		sums[HN_BYTE_DIGITS][HN_BYTE_ROWS] = {0};

		for (int s = 0; s < steps; s++)
			for (int row = 0; row < HN_BYTE_ROWS; row++)
				for (int c = 0; c < HN_BYTE_COLUMNS; c++)
				{
					int			value = *panels++ - 128;

					for (int p = 0; p < HN_BYTE_DIGITS; p++)
						sums[p][row] += value * query[p][s * HN_BYTE_COLUMNS + c];
				}
		for (int p = 0; p < HN_BYTE_DIGITS; p++)
			memcpy(products[p] + g * HN_BYTE_ROWS, sums[p], sizeof(sums[p]));
	}
}
#endif

#endif
