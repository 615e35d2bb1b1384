/*
 * test_cholesky.c: Cholesky's factors against products, and what has none.
 */
#include "heads.h"

#include "hamnet/cholesky.h"

static void
test_cholesky(void **state)
{
	enum
	{
		N = 300					/* more than one block */
	};
	real	   *a = GET(real, N * N);
	double	   *original = GET(double, N * N);
	real	   *x = GET(real, N);
	bool		positive;

	(void) state;
	for (int i = 0; i < N; i++)
	{
		x[i] = (real) uniform();
		for (int j = 0; j <= i; j++)
		{
			a[i * N + j] = (real) (i == j ? N : uniform());
			a[j * N + i] = i == j ? a[i * N + i] : -7;
			original[i * N + j] = original[j * N + i] = a[i * N + j];
		}
	}
	must(hn_cholesky(&context, N, a, &positive));
	assert_true(positive);
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++)
		{
			double		sum = 0;

			if (j > i)
			{
				assert_true(a[i * N + j] == -7);
				continue;
			}
			for (int k = 0; k <= j; k++)
				sum += (double) a[i * N + k] * a[j * N + k];
			expect_close("an element of L Lᵀ", sum, original[i * N + j], 1e-3);
		}

	real	   *solution = GET(real, N);

	memcpy(solution, x, N * sizeof(real));
	hn_cholesky_solve(N, a, solution);
	for (int i = 0; i < N; i++)
	{
		double		sum = 0;

		for (int j = 0; j < N; j++)
			sum += original[i * N + j] * solution[j];
		expect_close("an element of A x", sum, x[i], 1e-4);
	}

	a[0] = 1;
	a[N] = 2;
	a[N + 1] = 1;				/* [1 2; 2 1] is not positive definite */
	must(hn_cholesky(&context, N, a, &positive));
	assert_false(positive);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_cholesky, set_up, tear_down)
	};

	return cmocka_run_group_tests_name("Cholesky", tests, NULL, NULL);
}
