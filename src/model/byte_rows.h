/*
 * byte_rows.h: distances of a molecule from many others that are kept as rows
 * of bytes, in the steps of standardise.h.
 *
 * The rows are packed in the order in which hn_simd()->byte_products passes
 * over them, once and in sequence. The molecule is a query of HN_BYTE_DIGITS bytes
 * a column,
 *
 *   x = c + f,  f = Σ_p digit_p / 254^p for p > 0, but for less than 1e-5 of a step,
 *
 * where c, digit 0, is x rounded to steps and half a step of a digit is a byte of
 * the next. With
 *
 *   |x - r|² = |c - r|² + 2 Σ_p (c - r) · digit_p / 254^p + |f|²,  |c - r|² = |c|² + |r|² - 2 c · r,
 *
 * every sum over r is one of integers, so that nothing is lost near 0.
 */
#ifndef HAMNET_BYTE_ROWS_H
#define HAMNET_BYTE_ROWS_H

#include "hamnet/context.h"
#include "hamnet/simd.h"
#include "hamnet/real.h"

typedef struct HnByteRows
{
	int			count;			/* n */
	int			width;			/* w */
	uint8_t    *panels;			/* [groups, steps, HN_BYTE_ROWS, HN_BYTE_COLUMNS]; 0 steps beyond n and w */
	int32_t    *norms;			/* |r|² [groups, HN_BYTE_ROWS] */
} HnByteRows;

typedef struct HnByteQuery
{
	int8_t	   *digits[HN_BYTE_DIGITS];	/* [steps, HN_BYTE_COLUMNS] */
	int32_t		crosses[HN_BYTE_DIGITS]; /* c · digit_p */
	double		rest_norm;		/* |f|² */
} HnByteQuery;

/* Pack rows [count, width], from one to the next `stride` bytes, in the context's arena. */
extern HnStatus hn_byte_rows_pack(HnContext *context, const int8_t *rows, int stride, int count, int width,
								  HnByteRows *packed);

/* Make a query of numbers [width] between -127 and 127, in the context's arena. */
extern HnStatus hn_byte_query(HnContext *context, const real *steps, int width, HnByteQuery *query);

/* Rows whose distances are formed at a time; a multiple of HN_BYTE_ROWS. */
#define HN_BYTE_BLOCK 256

/*
 * Distances from rows `first` to first + count - 1, where first is a multiple of
 * HN_BYTE_ROWS and count at most HN_BYTE_BLOCK: |c - r|² [count], and factor
 * |x - r|² added to sums [count], unless that is NULL.
 */
extern void hn_byte_distances(const HnByteRows *rows, const HnByteQuery *query, int first, int count,
							  int32_t *rounded, real factor, real *sums);

#endif
