/*
 * test_linear.c: the products of linear.h against loops over their definitions.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hamnet/linear.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Rows of every matrix lie this much further apart than they are wide. */
#define GAP 3

/* What stands between the rows, and must still stand there afterwards. */
#define FILLER 1e30f

/* Unit roundoff of float: the double build meets the same bound easily. */
#define ROUNDOFF 0x1p-24

typedef struct Matrix
{
	int			rows;
	int			columns;
	int			stride;
	real	   *elements;
} Matrix;

/* Which of the three products: the names of its operands' dimensions differ, not the check. */
typedef enum Product
{
	NT, NN, TN
} Product;

static unsigned int seed = 1;

static real
random_real(void)
{
	seed = seed * 1664525 + 1013904223;
	return (real) (seed >> 8) * (real) 0x1p-23 - 1;
}

/* A matrix of random numbers, or of one value if it is not NULL, with FILLER between the rows. */
static Matrix
new_matrix(int rows, int columns, const real *value)
{
	Matrix		matrix = {rows, columns, columns + GAP, NULL};

	matrix.elements = malloc(((size_t) rows * matrix.stride + 1) * sizeof(real));
	assert_non_null(matrix.elements);
	for (int i = 0; i < rows; i++)
		for (int j = 0; j < matrix.stride; j++)
			matrix.elements[i * matrix.stride + j] =
				j >= columns ? FILLER : value ? *value : random_real();
	return matrix;
}

static double
at(const Matrix *matrix, int row, int column, bool transposed)
{
	return transposed ? matrix->elements[column * matrix->stride + row]
		: matrix->elements[row * matrix->stride + column];
}

static void
multiply(Product product, int m, int n, int k, real alpha, const Matrix *a, const Matrix *b, real beta, Matrix *out)
{
	switch (product)
	{
		case NT:
			hn_gemm_nt(m, n, k, alpha, a->elements, a->stride, b->elements, b->stride,
					   beta, out->elements, out->stride);
			break;
		case NN:
			hn_gemm_nn(m, n, k, alpha, a->elements, a->stride, b->elements, b->stride,
					   beta, out->elements, out->stride);
			break;
		case TN:
			hn_gemm_tn(m, n, k, alpha, a->elements, a->stride, b->elements, b->stride,
					   beta, out->elements, out->stride);
			break;
	}
}

/*
 * out [m, n] = beta out + alpha times a product over k. Every product of k
 * terms, in whatever order it is added up, errs by at most k + 3 roundings of
 * the sum of the absolute values. With beta 0, out begins as NaN.
 */
static void
check_product(Product product, int m, int n, int k, real alpha, real beta)
{
	const real	nan_value = NAN;
	Matrix		a = product == TN ? new_matrix(k, m, NULL) : new_matrix(m, k, NULL);
	Matrix		b = product == NT ? new_matrix(n, k, NULL) : new_matrix(k, n, NULL);
	Matrix		out = new_matrix(m, n, beta == 0 ? &nan_value : NULL);
	Matrix		before = new_matrix(m, n, NULL);

	memcpy(before.elements, out.elements, (size_t) m * out.stride * sizeof(real));
	multiply(product, m, n, k, alpha, &a, &b, beta, &out);

	for (int i = 0; i < m; i++)
	{
		for (int j = 0; j < n; j++)
		{
			double		expected = beta == 0 ? 0 : beta * at(&before, i, j, false);
			double		magnitude = fabs(expected);
			double		actual = at(&out, i, j, false);

			for (int l = 0; l < k; l++)
			{
				double		term = alpha * at(&a, i, l, product == TN) * at(&b, l, j, product == NT);

				expected += term;
				magnitude += fabs(term);
			}
			if (!(fabs(actual - expected) <= (k + 3) * ROUNDOFF * magnitude))
				fail_msg("product %d [%d, %d, %d] alpha %g beta %g: [%d, %d] is %g, expected %g",
						 product, m, n, k, (double) alpha, (double) beta, i, j, actual, expected);
		}
		for (int j = n; j < out.stride; j++)
			assert_true(out.elements[i * out.stride + j] == FILLER);
	}
	free(a.elements);
	free(b.elements);
	free(out.elements);
	free(before.elements);
}

/* All three products over sizes that include nothing, one, and more than a block of BLAS. */
static void
test_products(void **state)
{
	const int	sizes[] = {0, 1, 2, 5, 17, 70};
	const real	scales[][2] = {{1, 0}, {1, 1}, {-0.5, 0}, {2, -1.5}, {0, 0.5}};

	(void) state;
	for (Product product = NT; product <= TN; product++)
		for (size_t m = 0; m < COUNT(sizes); m++)
			for (size_t n = 0; n < COUNT(sizes); n++)
				for (size_t k = 0; k < COUNT(sizes); k++)
					for (size_t s = 0; s < COUNT(scales); s++)
						check_product(product, sizes[m], sizes[n], sizes[k], scales[s][0], scales[s][1]);
}

/* The sizes of the network, also past what a small-matrix path takes. */
static void
test_network_sizes(void **state)
{
	(void) state;
	for (Product product = NT; product <= TN; product++)
	{
		check_product(product, 1, 256, 320, 1, 0);
		check_product(product, 27, 256, 320, 1, 1);
		check_product(product, 120, 768, 256, 1, 0);
	}
}

/* An empty operand may have no address and no distance between rows. */
static void
test_empty(void **state)
{
	real		out[4] = {2, NAN, 4, 6};

	(void) state;
	hn_gemm_nt(0, 0, 0, 1, NULL, 0, NULL, 0, 0, NULL, 0);
	hn_gemm_nn(0, 0, 0, 1, NULL, 0, NULL, 0, 0, NULL, 0);
	hn_gemm_tn(0, 0, 0, 1, NULL, 0, NULL, 0, 0, NULL, 0);
	hn_fill_rows(0, 4, NULL, NULL, 0);
	hn_gemm_nt(1, 1, 0, 1, NULL, 0, NULL, 0, (real) 0.5, out, 1);
	assert_true(out[0] == 1);
	hn_gemm_nn(1, 1, 0, 1, NULL, 0, NULL, 0, 0, out + 1, 1);
	assert_true(out[1] == 0);
	hn_gemm_tn(2, 1, 0, 1, NULL, 0, NULL, 0, 2, out + 2, 1);
	assert_true(out[2] == 8 && out[3] == 12);
}

/* (W x)·y = x·(Wᵀ y): the forward product and the one that goes back are each other's transposes. */
static void
test_adjoint(void **state)
{
	Matrix		w = new_matrix(31, 45, NULL);
	Matrix		x = new_matrix(9, 45, NULL);
	Matrix		y = new_matrix(9, 31, NULL);
	Matrix		forward = new_matrix(9, 31, NULL);
	Matrix		back = new_matrix(9, 45, NULL);
	double		left = 0;
	double		right = 0;

	(void) state;
	multiply(NT, 9, 31, 45, 1, &x, &w, 0, &forward);
	multiply(NN, 9, 45, 31, 1, &y, &w, 0, &back);
	for (int i = 0; i < 9; i++)
	{
		for (int o = 0; o < 31; o++)
			left += at(&forward, i, o, false) * at(&y, i, o, false);
		for (int k = 0; k < 45; k++)
			right += at(&back, i, k, false) * at(&x, i, k, false);
	}
	assert_true(fabs(left - right) < 1e-3);
	free(w.elements);
	free(x.elements);
	free(y.elements);
	free(forward.elements);
	free(back.elements);
}

static void
test_fill_rows(void **state)
{
	const real	nan_value = NAN;
	Matrix		bias = new_matrix(1, 6, NULL);
	Matrix		out = new_matrix(4, 6, &nan_value);

	(void) state;
	for (int filled = 1; filled >= 0; filled--)
	{
		hn_fill_rows(4, 6, filled ? bias.elements : NULL, out.elements, out.stride);
		for (int i = 0; i < 4; i++)
			for (int j = 0; j < out.stride; j++)
				assert_true(out.elements[i * out.stride + j] ==
							(j >= 6 ? (real) FILLER : filled ? bias.elements[j] : 0));
	}
	free(bias.elements);
	free(out.elements);
}

/* Before BLAS has been called, in a child whose address space is full. */
static void
test_reserve(void **state)
{
	pid_t		child = fork();
	int			status;

	(void) state;
	if (child == 0)
	{
		struct rlimit none = {0, RLIM_INFINITY};
		struct rlimit set;

		alarm(60);
		/* qemu says that it has set the limit, and does not */
		if (setrlimit(RLIMIT_AS, &none) == 0 && getrlimit(RLIMIT_AS, &set) == 0 && set.rlim_cur != none.rlim_cur)
			_exit(2);
		_exit(!hn_blas_reserve() ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 2)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(hn_blas_reserve());
	assert_true(hn_blas_reserve());
}

static void
test_blas(void **state)
{
	int			major;
	int			minor;
	int			end = -1;

	(void) state;
	assert_int_equal(sscanf(hn_blas_version(), "OpenBLAS %d.%d%*[0-9.a-z]%n", &major, &minor, &end), 2);
	assert_int_equal(end, (int) strlen(hn_blas_version()));
	assert_ptr_equal(hn_blas_version(), hn_blas_version());

	/* Products are the same afterwards; that no thread appears is for a test of a server. */
	hn_blas_single_thread();
	check_product(NT, 300, 200, 100, 1, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_products),
		cmocka_unit_test(test_network_sizes),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_adjoint),
		cmocka_unit_test(test_fill_rows),
		cmocka_unit_test(test_blas),
	};

	return cmocka_run_group_tests_name("linear", tests, NULL, NULL);
}
