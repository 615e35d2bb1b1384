/*
 * simd.h: the inner loops that are worth a processor's vector registers.
 *
 * src/nn/simd.c is compiled once for each instruction set; hn_simd()
 * chooses the best that the processor and its operating system run. Whichever
 * it is, the results are the same, bit for bit. test/unit/simd_naive.c holds
 * the same functions, written as their definitions, for the tests to compare
 * with. Arrays need no alignment and may be empty.
 */
#ifndef HAMNET_SIMD_H
#define HAMNET_SIMD_H

#include <stddef.h>
#include <stdint.h>

#include "hamnet/real.h"

/* Outputs that a product computes side by side: packed weights are padded to multiples of it. */
#define HN_PANEL 32

/* Rows of bytes that are multiplied side by side, and their columns that are summed in one step. */
#define HN_BYTE_ROWS 32
#define HN_BYTE_COLUMNS 4

/* Bytes of each number that rows of bytes are multiplied by. */
#define HN_BYTE_DIGITS 3

/*
 * Coarse codes of a set of vectors (hamnet/cells.h): the number of a cell, below
 * HN_CELLS, for each of some measures of a vector, two in a byte.
 */
#define HN_CELLS 16

/* Vectors that are searched at once: columns of cells may be read up to the next multiple of this. */
#define HN_CELL_ROWS 32

/* A sum of table entries that is too large for cell_filter: the vector is out of reach. */
#define HN_CELL_FAR 255

/* The greatest entry of the tables of wide_cell_filter, of which two fit into a byte. */
#define HN_CELL_GREATEST 125

typedef struct HnSimd
{
	const char *name;			/* "portable", "avx2", "avx512", "vnni", "naive" */

	/*
	 * Activations in place. NaN stays NaN; infinities give the limits; results
	 * below the smallest normal number are as exact as the others. Errors are
	 * the largest over all 2^32 floats, in units in the last place of the exact
	 * result. A value does not depend on its index in the array.
	 */
	void		(*sigmoid) (real *x, size_t n);	/* 2.5 units */
	void		(*tanh) (real *x, size_t n);	/* 2.5 units */
	void		(*elu) (real *x, size_t n);	/* alpha 1; 1.1 units */
	void		(*leaky_relu) (real *x, size_t n);	/* slope 0.01; 1 unit */
	void		(*relu) (real *x, size_t n);	/* exact */
	void		(*exp) (real *x, size_t n);	/* 1.1 units */
	void		(*softplus) (real *x, size_t n);	/* log(1 + exp(x)); 2.9 units */

	/*
	 * out[i, o] = start[i, o] + Σ_k x[i, k] w[o, k], i < rows, o < outs, k < ins.
	 *
	 * panels holds w as [ceil(outs / HN_PANEL), ins, HN_PANEL], see hn_pack.
	 * ldstart 0 gives every row the same start, NULL starts from zero, and
	 * out itself adds to what is there. k is summed in ascending order, so a
	 * row comes out the same, bit for bit, whatever rows are beside it.
	 */
	void		(*product) (int rows, int outs, int ins, const real *x, size_t ldx, const real *panels,
							const real *start, size_t ldstart, real *out, size_t ldout);

	/* out[i] = Σ_k x[i, k] w[k] */
	void		(*row_dots) (int rows, int n, const real *x, size_t ldx, const real *w, real *out);

	/* x += factor * y */
	void		(*add_scaled) (real *x, real factor, const real *y, size_t n);

	/* out = LeakyReLU(a + b) */
	void		(*add_leaky_relu) (real *out, const real *a, const real *b, size_t n);

	/*
	 * The gates of a GRU and of an LSTM for one row, as layers.h defines them.
	 * gates holds sums and receives activations; previous is NULL in the first
	 * step of an LSTM.
	 */
	void		(*gru_gates) (int dim, real *gates, const real *recurrent, const real *state, real *output);
	void		(*lstm_gates) (int hidden, real *gates, const real *previous, real *memory, real *output);

	/*
	 * out[j] = scale weight[j] (s − 2) s⁻³ σ(v), s = softplus(v),
	 * v = own + other[j] − 2 gram[j]: the slopes of the engine's pair potential.
	 */
	void		(*pair_slopes) (int n, const real *gram, real own, const real *other,
								real scale, const real *weight, real *out);

	/*
	 * Distances between fingerprints, in float over short blocks and in double
	 * across them. Relative to the sum of the absolute values of its terms, a
	 * sum errs by less than 1.5e-6; terms or partial sums past the range of
	 * float become infinite, and terms below it 0. Symmetric in a and b bit for
	 * bit; l2_squared(a, a) is 0.
	 */
	double		(*l2_squared) (const float *a, const float *b, size_t n);
	double		(*dot) (const float *a, const float *b, size_t n);
	/* out = a·b, a·a, b·b in one pass, each the same bits as from dot */
	void		(*dot3) (const float *a, const float *b, size_t n, double out[3]);

	/* The way back: d[i] is multiplied by the derivative of the activation, told by its value y[i]. */
	void		(*elu_back) (const real *y, real *d, size_t n);
	void		(*leaky_relu_back) (const real *y, real *d, size_t n);
	void		(*relu_back) (const real *y, real *d, size_t n);

	/*
	 * x[i] becomes 0 or x[i] * scale: 0 if number i of the sequence that key
	 * begins, one of 2^32 values, is less than threshold.
	 */
	void		(*dropout) (real *x, size_t n, uint64_t key, uint32_t threshold, real scale);

	/*
	 * First and second derivatives of the engine's pair potential, for the way
	 * back. With v = own + other[j] − 2 gram[j], s = softplus(v), σ = s':
	 *
	 *   slope[j] = scale weight[j] (s − 2) s⁻³ σ
	 *   curve[j] = its derivative by v = scale weight[j] (σ² (6 − 2 s) s⁻⁴ + (s − 2) s⁻³ σ (1 − σ))
	 */
	void		(*pair_curvature) (int n, const real *gram, real own, const real *other,
								   real scale, const real *weight, real *slope, real *curve);
	/*
	 * Keep the vectors whose entries in tables [2 columns, HN_CELLS] sum to less
	 * than HN_CELL_FAR. cells is [columns, stride]: byte i of column c has the
	 * cell at position 2 c of vector i in its lower half, that at 2 c + 1 in its
	 * upper. Returns how many of n, with their numbers in rows.
	 */
	int			(*cell_filter) (const uint8_t *cells, int stride, int columns, int n, const uint8_t *tables,
								uint16_t *rows);

	/*
	 * The same with sums below far, at most 2^15 - 1; entries are at most
	 * HN_CELL_GREATEST, and columns at most 131. The columns up to `near` are in
	 * cells, the others in rest [columns - near, stride].
	 */
	int			(*wide_cell_filter) (const uint8_t *cells, const uint8_t *rest, int stride, int near, int columns, int n,
									 const uint8_t *tables, int far, uint16_t *rows);

	/*
	 * The squared distance of a point from a box of n sides, a multiple of 8:
	 * Σ max(0, step[j] low[j] - above[j], below[j] - step[j] high[j])²
	 */
	float		(*box_sum) (const uint8_t *low, const uint8_t *high, const float *step,
							const float *above, const float *below, int n);

	/* Σ (step[j] codes[j] - origin[j])², n a multiple of 8 */
	float		(*code_sum) (const uint8_t *codes, const float *step, const float *origin, int n);

	/* log(1 + x) in place, for x not below 0 and finite, or NaN; 2.3 units */
	void		(*log1p) (real *x, size_t n);

	/*
	 * products[p] = Σ_k row[k] query[p][k] of groups of HN_BYTE_ROWS rows, [groups,
	 * HN_BYTE_ROWS]. panels holds row[k] + 128 as [groups, steps, HN_BYTE_ROWS,
	 * HN_BYTE_COLUMNS], k below steps times HN_BYTE_COLUMNS, which is at most
	 * 2^16. Exact.
	 */
	void		(*byte_products) (const uint8_t *panels, int groups, int steps,
								  const int8_t *const query[HN_BYTE_DIGITS], int32_t *const products[HN_BYTE_DIGITS]);

	/* Σ a[k] b[k] in double: products are exact, so that terms may cancel. */
	double		(*wide_dot) (const float *a, const float *b, size_t n);
} HnSimd;

/* The best set that this processor runs. */
extern const HnSimd *hn_simd(void);

/* Every set this processor can run, best first, NULL-terminated, for tests and benchmarks. */
extern const HnSimd *const *hn_simd_available(void);

#endif
