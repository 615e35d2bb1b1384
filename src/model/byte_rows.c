/*
 * byte_rows.c: distances of a molecule from many others that are kept as rows
 * of bytes.
 */
#include "byte_rows.h"

#include <math.h>
#include <string.h>

/* Of so many digits of so many each, how many are needed. */
static int
digits(int count, int size)
{
	return (count + size - 1) / size;
}

HnStatus
hn_byte_rows_pack(HnContext *context, const int8_t *rows, int stride, int count, int width, HnByteRows *packed)
{
	size_t		steps = (size_t) digits(width, HN_BYTE_COLUMNS);
	size_t		groups = (size_t) digits(count, HN_BYTE_ROWS);
	size_t		size = groups * steps * HN_BYTE_ROWS * HN_BYTE_COLUMNS;

	packed->count = count;
	packed->width = width;
	HN_NEW(context, packed->panels, size);
	HN_NEW_ZERO(context, packed->norms, groups * HN_BYTE_ROWS);
	memset(packed->panels, 128, size);
	for (int i = 0; i < count; i++)
	{
		const int8_t *row = rows + (size_t) i * stride;
		uint8_t    *panel = packed->panels + (size_t) (i / HN_BYTE_ROWS) * steps * HN_BYTE_ROWS * HN_BYTE_COLUMNS
			+ (size_t) (i % HN_BYTE_ROWS) * HN_BYTE_COLUMNS;
		int32_t		norm = 0;

		for (int k = 0; k < width; k++)
		{
			panel[(size_t) (k / HN_BYTE_COLUMNS) * HN_BYTE_ROWS * HN_BYTE_COLUMNS + k % HN_BYTE_COLUMNS] =
				(uint8_t) (row[k] + 128);
			norm += row[k] * row[k];
		}
		packed->norms[i] = norm;
	}
	return HN_OK;
}

/* A byte of a number is worth so many of the next. */
#define PART_STEPS 254

HnStatus
hn_byte_query(HnContext *context, const real *steps, int width, HnByteQuery *query)
{
	size_t		padded = (size_t) digits(width, HN_BYTE_COLUMNS) * HN_BYTE_COLUMNS;

	*query = (HnByteQuery) {0};
	for (int p = 0; p < HN_BYTE_DIGITS; p++)
		HN_NEW_ZERO(context, query->digits[p], padded);
	for (int k = 0; k < width; k++)
	{
		double		rest = steps[k];

		for (int p = 0; p < HN_BYTE_DIGITS; p++)
		{
			double		whole = rint(rest);

			query->digits[p][k] = (int8_t) whole;
			query->crosses[p] += query->digits[0][k] * query->digits[p][k];
			rest = (rest - whole) * PART_STEPS;
		}
		rest = steps[k] - query->digits[0][k];
		query->rest_norm += rest * rest;
	}
	return HN_OK;
}

void
hn_byte_distances(const HnByteRows *rows, const HnByteQuery *query, int first, int count,
				  int32_t *rounded, real factor, real *sums)
{
	int			steps = digits(rows->width, HN_BYTE_COLUMNS);
	int32_t		products[HN_BYTE_DIGITS][HN_BYTE_BLOCK];
	real		weight = factor;

	HN_ASSERT(count <= HN_BYTE_BLOCK);
	hn_simd()->byte_products(rows->panels + (size_t) first * steps * HN_BYTE_COLUMNS, digits(count, HN_BYTE_ROWS), steps,
								(const int8_t *const[]) {query->digits[0], query->digits[1], query->digits[2]},
								(int32_t *const[]) {products[0], products[1], products[2]});
	/* Below 2^29 for the widest rows. */
	for (int i = 0; i < count; i++)
		rounded[i] = query->crosses[0] + rows->norms[first + i] - 2 * products[0][i];
	if (sums == NULL)
		return;
	for (int i = 0; i < count; i++)
		sums[i] += factor * ((real) rounded[i] + (real) query->rest_norm);
	for (int p = 1; p < HN_BYTE_DIGITS; p++)
	{
		weight /= PART_STEPS;
		for (int i = 0; i < count; i++)
			sums[i] += 2 * weight * (real) (query->crosses[p] - products[p][i]);
	}
}
