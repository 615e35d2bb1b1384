/*
 * product.c: dense products with packed weights, compiled once for each
 * instruction set as simd.c is, but with fused multiply-add where the set
 * has it: products are most of the network's work, and half of it without.
 *
 * A block of ROWS rows by HN_PANEL outputs stays in registers while k runs:
 * each step loads a row of the panel once and uses it ROWS times. ROWS is what
 * the registers of a set hold.
 */
#include "hamnet/simd.h"

#include <stdint.h>
#include <string.h>

#define PASTE(prefix, set) prefix##set
#define PRODUCT_OF(set) PASTE(hn_product_, set)
#define ROW_DOTS_OF(set) PASTE(hn_row_dots_, set)

#define ALWAYS_INLINE inline __attribute__((always_inline))

#if defined(__AVX512F__)
#define REGISTER 64
#define ROWS 6
#elif defined(__AVX2__)
#define REGISTER 32
#define ROWS 3
#elif defined(__aarch64__)
#define REGISTER 16
#define ROWS 3
#else
#define REGISTER 16
#define ROWS 1
#endif

typedef real Register __attribute__((vector_size(REGISTER)));

#define REGISTER_REALS ((int) (REGISTER / sizeof(real)))
#define REGISTERS (HN_PANEL / REGISTER_REALS)

extern void PRODUCT_OF(HN_SIMD_SET) (int rows, int outs, int ins, const real *x, size_t ldx, const real *panels,
									   const real *start, size_t ldstart, real *out, size_t ldout);
extern void ROW_DOTS_OF(HN_SIMD_SET) (int rows, int n, const real *x, size_t ldx, const real *w, real *out);

static ALWAYS_INLINE Register
load_register(const real *elements)
{
	Register	loaded;

	memcpy(&loaded, elements, sizeof(loaded));
	return loaded;
}

/* One block; inlined with a constant number of rows. start may be NULL. */
static ALWAYS_INLINE void
product_block(int rows, int ins, const real *x, size_t ldx, const real *panel,
			  const real *start, size_t ldstart, real *out, size_t ldout)
{
	Register	sums[ROWS][REGISTERS];

	for (int i = 0; i < rows; i++)
		for (int v = 0; v < REGISTERS; v++)
			sums[i][v] = start ? load_register(start + i * ldstart + v * REGISTER_REALS) : (Register) {0};
	for (int k = 0; k < ins; k++)
	{
		Register	weights[REGISTERS];

		for (int v = 0; v < REGISTERS; v++)
			weights[v] = load_register(panel + (size_t) k * HN_PANEL + v * REGISTER_REALS);
		for (int i = 0; i < rows; i++)
			for (int v = 0; v < REGISTERS; v++)
				sums[i][v] += x[i * ldx + k] * weights[v];
	}
	for (int i = 0; i < rows; i++)
		for (int v = 0; v < REGISTERS; v++)
			memcpy(out + i * ldout + v * REGISTER_REALS, &sums[i][v], sizeof(Register));
}

static void
product_rows(int rows, int ins, const real *x, size_t ldx, const real *panel,
			 const real *start, size_t ldstart, real *out, size_t ldout)
{
	switch (rows)
	{
		case 1:
			product_block(1, ins, x, ldx, panel, start, ldstart, out, ldout);
			break;
#if ROWS > 1
		case 2:
			product_block(2, ins, x, ldx, panel, start, ldstart, out, ldout);
			break;
		case 3:
			product_block(3, ins, x, ldx, panel, start, ldstart, out, ldout);
			break;
#endif
#if ROWS > 3
		case 4:
			product_block(4, ins, x, ldx, panel, start, ldstart, out, ldout);
			break;
		case 5:
			product_block(5, ins, x, ldx, panel, start, ldstart, out, ldout);
			break;
		case 6:
			product_block(6, ins, x, ldx, panel, start, ldstart, out, ldout);
			break;
#endif
	}
}

/* Multiply by a panel of which only the first `outs` outputs exist, through a copy. */
static void
product_rows_partly(int rows, int outs, int ins, const real *x, size_t ldx, const real *panel,
					const real *start, size_t ldstart, real *out, size_t ldout)
{
	real		padded[ROWS * HN_PANEL] = {0};

	if (start)
		for (int i = 0; i < rows; i++)
			memcpy(padded + i * HN_PANEL, start + i * ldstart, (size_t) outs * sizeof(real));
	product_rows(rows, ins, x, ldx, panel, padded, HN_PANEL, padded, HN_PANEL);
	for (int i = 0; i < rows; i++)
		memcpy(out + i * ldout, padded + i * HN_PANEL, (size_t) outs * sizeof(real));
}

/* Panel by panel, so that a panel stays in the nearest cache for all rows; blocks of even height. */
void
PRODUCT_OF(HN_SIMD_SET) (int rows, int outs, int ins, const real *x, size_t ldx, const real *panels,
						   const real *start, size_t ldstart, real *out, size_t ldout)
{
	int			blocks = (rows + ROWS - 1) / ROWS;

	for (int o = 0; o < outs; o += HN_PANEL)
	{
		const real *panel = panels + (size_t) o * ins;
		int			width = outs - o;
		int			begin = 0;

		for (int block = 1; block <= blocks; block++)
		{
			int			end = (int) ((int64_t) rows * block / blocks);
			const real *block_x = x + (size_t) begin * ldx;
			const real *block_start = start ? start + (size_t) begin * ldstart + o : NULL;
			real	   *block_out = out + (size_t) begin * ldout + o;

			if (width >= HN_PANEL)
				product_rows(end - begin, ins, block_x, ldx, panel, block_start, ldstart, block_out, ldout);
			else
				product_rows_partly(end - begin, width, ins, block_x, ldx, panel, block_start, ldstart,
									block_out, ldout);
			begin = end;
		}
	}
}

void
ROW_DOTS_OF(HN_SIMD_SET) (int rows, int n, const real *x, size_t ldx, const real *w, real *out)
{
	int			whole = n - n % HN_PANEL;

	for (int i = 0; i < rows; i++)
	{
		const real *row = x + i * ldx;
		Register	sums[REGISTERS] = {0};
		real		lanes[HN_PANEL];
		real		sum = 0;

		for (int k = 0; k < whole; k += HN_PANEL)
			for (int v = 0; v < REGISTERS; v++)
				sums[v] += load_register(row + k + v * REGISTER_REALS) * load_register(w + k + v * REGISTER_REALS);
		for (int k = whole; k < n; k++)
			sum += row[k] * w[k];
		for (int half = REGISTERS / 2; half > 0; half /= 2)
			for (int v = 0; v < half; v++)
				sums[v] += sums[v + half];
		memcpy(lanes, sums, sizeof(Register));
		for (int lane = 0; lane < REGISTER_REALS; lane++)
			sum += lanes[lane];
		out[i] = sum;
	}
}
