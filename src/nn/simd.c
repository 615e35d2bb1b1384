/*
 * simd.c: the vectorised inner loops, compiled once for each instruction set.
 *
 * HN_SIMD_SET names the set; the only symbol that leaves an object is its
 * table hn_simd_<set>, so no instruction of one set reaches another's code.
 * Everything is C that gcc and clang turn into vectors without relaxed floating
 * point: the elementwise functions have no branches and no calls, and the sums
 * keep LANES accumulators apart. Compiled without fused multiply-add, every set
 * rounds after the same operations and computes the same bits.
 */
#include "hamnet/simd.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#ifdef __AVX2__
#include <immintrin.h>
#endif

#ifdef HAMNET_DOUBLE
#include "activations_libm.h"
#else
#include "activations_float.h"
#endif
#include "simd_network.h"
#include "simd_sums.h"
#include "simd_bytes.h"
#include "simd_codes.h"

#define STRINGIZE(token) #token
#define NAME_OF(set) STRINGIZE(set)
#define PASTE(prefix, set) prefix##set
#define TABLE_OF(set) PASTE(hn_simd_, set)
#define PRODUCT_OF(set) PASTE(hn_product_, set)
#define ROW_DOTS_OF(set) PASTE(hn_row_dots_, set)

extern const HnSimd TABLE_OF(HN_SIMD_SET);

/* From product.c. */
extern void PRODUCT_OF(HN_SIMD_SET) (int rows, int outs, int ins, const real *x, size_t ldx, const real *panels,
									   const real *start, size_t ldstart, real *out, size_t ldout);
extern void ROW_DOTS_OF(HN_SIMD_SET) (int rows, int n, const real *x, size_t ldx, const real *w, real *out);

const HnSimd TABLE_OF(HN_SIMD_SET) =
{
	.name = NAME_OF(HN_SIMD_SET),
	.sigmoid = sigmoid_all,
	.tanh = tanh_all,
	.elu = elu_all,
	.leaky_relu = leaky_relu_all,
	.relu = relu_all,
	.exp = exp_all,
	.softplus = softplus_all,
	.product = PRODUCT_OF(HN_SIMD_SET),
	.row_dots = ROW_DOTS_OF(HN_SIMD_SET),
	.add_scaled = add_scaled,
	.add_leaky_relu = add_leaky_relu,
	.gru_gates = gru_gates,
	.lstm_gates = lstm_gates,
	.pair_slopes = pair_slopes,
	.l2_squared = l2_squared,
	.dot = dot,
	.dot3 = dot3,
	.elu_back = elu_back_all,
	.leaky_relu_back = leaky_relu_back_all,
	.relu_back = relu_back_all,
	.dropout = dropout,
	.pair_curvature = pair_curvature,
	.cell_filter = cell_filter,
	.wide_cell_filter = wide_cell_filter,
	.box_sum = box_sum,
	.code_sum = code_sum,
	.log1p = log1p_all,
	.byte_products = byte_products,
	.wide_dot = wide_dot,
};
