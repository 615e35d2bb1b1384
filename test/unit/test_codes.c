/*
 * test_codes.c: bounds by codes never exceed what the operators compute, and
 * searches find the least of them, on data of every kind.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "hamnet/codes.h"

#define ROWS 384				/* a multiple of 8 */
#define QUERIES 7
#define K 32

static uint64_t seed = 42;

static double
uniform(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (double) (seed >> 11) * 0x1p-53;
}

static double
normal(void)
{
	return sqrt(-2 * log(1 - uniform())) * cos(6.283185307179586 * uniform());
}

/* Kinds of data: element j of row i, of dim */
typedef double (*Element) (int i, int j, int dim);

static double
element_random(int i, int j, int dim)
{
	(void) i, (void) j, (void) dim;
	return normal();
}

static double
element_network(int i, int j, int dim)
{
	double		x = normal() + sin(i % 37 * (j + 1));

	(void) dim;
	return x > 0 ? x : 0;
}

static double
element_clustered(int i, int j, int dim)
{
	return 10 * sin(i % 5 * 7.0 + j) + 0.001 * normal() + dim;
}

static double
element_line(int i, int j, int dim)
{
	(void) dim;
	return (i - 200) * (j % 3 + 1.0);
}

static double
element_equal(int i, int j, int dim)
{
	(void) i, (void) dim;
	return j * 0.1;
}

static double
element_zero(int i, int j, int dim)
{
	(void) i, (void) j, (void) dim;
	return 0;
}

static double
element_outliers(int i, int j, int dim)
{
	(void) j, (void) dim;
	return normal() * (i % 50 == 7 ? 1e4 : 1);
}

static double
element_heavy(int i, int j, int dim)
{
	(void) i, (void) j, (void) dim;
	return pow(10, 8 * normal() / 3);
}

static double
element_tiny(int i, int j, int dim)
{
	(void) i, (void) j, (void) dim;
	return 1e-25 * normal();
}

static double
element_offset(int i, int j, int dim)
{
	(void) i, (void) j, (void) dim;
	return 1e6 + normal();
}

static const struct
{
	const char *name;
	Element		element;
}			kinds[] =
{
	{"random", element_random}, {"network", element_network}, {"clustered", element_clustered},
	{"line", element_line}, {"equal", element_equal}, {"zero", element_zero}, {"outliers", element_outliers},
	{"heavy", element_heavy}, {"tiny", element_tiny}, {"offset", element_offset},
};

#define KINDS ((int) (sizeof(kinds) / sizeof(kinds[0])))

static const int dims[] = {1, 2, 7, 8, 31, 33, 40, 100, 515};

#define DIMS ((int) (sizeof(dims) / sizeof(dims[0])))

static const HnMetric metrics[] = {HN_METRIC_L2, HN_METRIC_COSINE, HN_METRIC_INNER_PRODUCT, HN_METRIC_TANIMOTO};

static void *
allocate(size_t count, size_t size)
{
	void	   *memory = calloc(count, size);

	assert_non_null(memory);
	return memory;
}

static void
fill(float *x, int rows, int dim, Element element)
{
	for (int i = 0; i < rows; i++)
		for (int j = 0; j < dim; j++)
			x[i * dim + j] = (float) element(i, j, dim);
}

static double
widen(HnMetric metric, const float *x, int dim, double *out)
{
	double		length = 0;

	for (int j = 0; j < dim; j++)
		length += (double) x[j] * x[j];
	length = sqrt(length);
	for (int j = 0; j < dim; j++)
		out[j] = metric == HN_METRIC_COSINE && length > 0 ? x[j] / length : x[j];
	return length;
}

/*
 * What the operators compute, in single precision sums as they do where those
 * can be trusted, else in double.
 */
static double
operator_value(HnMetric metric, const float *a, const float *b, int dim)
{
	double		dot[3];
	double		l2 = 0;

	hn_simd()->dot3(a, b, dim, dot);
	if (metric == HN_METRIC_L2)
	{
		l2 = hn_simd()->l2_squared(a, b, dim);
		if (!(l2 >= 1e-17 && l2 <= DBL_MAX))
		{
			l2 = 0;
			for (int j = 0; j < dim; j++)
				l2 += ((double) a[j] - b[j]) * ((double) a[j] - b[j]);
		}
	}
	else if (!(dot[1] >= 1e-17 && dot[1] <= DBL_MAX && dot[2] >= 1e-17 && dot[2] <= DBL_MAX))
	{
		dot[0] = dot[1] = dot[2] = 0;
		for (int j = 0; j < dim; j++)
		{
			dot[0] += (double) a[j] * b[j];
			dot[1] += (double) a[j] * a[j];
			dot[2] += (double) b[j] * b[j];
		}
	}
	switch (metric)
	{
		case HN_METRIC_L2:
			return sqrt(l2);
		case HN_METRIC_COSINE:
			if (dot[1] == 0 || dot[2] == 0)
				return dot[1] == dot[2] ? 0 : 1;
			return 1 - fmax(-1, fmin(1, dot[0] / sqrt(dot[1] * dot[2])));
		case HN_METRIC_INNER_PRODUCT:
			return -dot[0];
		case HN_METRIC_TANIMOTO:
			if (dot[1] == 0 && dot[2] == 0)
				return 0;
			return 1 - fmax(-1.0 / 3, fmin(1, dot[0] / (dot[1] + dot[2] - dot[0])));
	}
	return NAN;
}

/* A space fitted to sample [rows, dim], with the metric's idea of length. */
static HnCodeSpace
fit(HnMetric metric, const float *sample, int rows, int dim)
{
	HnCodeSpace space = {dim, K, allocate(hn_code_space_values(dim, K), sizeof(double))};
	double	   *wide = allocate((size_t) rows * dim, sizeof(double));
	HnArena		arena;
	HnContext	context;

	hn_arena_init(&arena, hn_malloc_allocator);
	hn_context_init(&context, &arena, NULL, NULL);
	for (int i = 0; i < rows; i++)
		widen(metric, sample + i * dim, dim, wide + i * dim);
	assert_int_equal(hn_code_space_fit(&context, wide, rows, &space), HN_OK);
	assert_true(hn_code_space_skew(&space) <= HN_CODE_SKEW);
	hn_arena_destroy(&arena);
	free(wide);
	return space;
}

/* Rows as they lie on a page. */
typedef struct Stored
{
	HnCode		codes[ROWS];
	uint8_t		lead[HN_CODE_LEAD * ROWS];
	uint16_t	height[ROWS];
	uint16_t	error[ROWS];
	float		norm[ROWS];
	uint8_t		rest[ROWS * (K - HN_CODE_LEAD) + 8];
	uint16_t	ids[3 * ROWS];
	HnCodeBlock block;
} Stored;

static Stored *
store(HnMetric metric, const HnCodeSpace *space, const float *x)
{
	Stored	   *stored = allocate(1, sizeof(Stored));
	double	   *wide = allocate((size_t) ROWS * space->dim, sizeof(double));
	double	   *scratch = allocate(ROWS * K, sizeof(double));

	for (int i = 0; i < ROWS; i++)
		stored->norm[i] = (float) (widen(metric, x + i * space->dim, space->dim, wide + i * space->dim) * (1 + 1e-6));
	hn_code_encode(space, wide, ROWS, scratch, stored->codes);
	for (int i = 0; i < ROWS; i++)
	{
		const HnCode *code = &stored->codes[i];

		widen(metric, x + i * space->dim, space->dim, wide);
		assert_true(hn_code_shortfall(space, wide, scratch, code) <= 0);
		for (int j = 0; j < HN_CODE_LEAD; j++)
			stored->lead[j * ROWS + i] = code->codes[j];
		memcpy(stored->rest + i * (K - HN_CODE_LEAD), code->codes + HN_CODE_LEAD, K - HN_CODE_LEAD);
		stored->height[i] = code->height;
		stored->error[i] = code->error;
		stored->ids[3 * i + 1] = (uint16_t) i;
		stored->ids[3 * i + 2] = 1;
	}
	stored->block = (HnCodeBlock)
	{
		ROWS,
		{
			ROWS, stored->lead, stored->height, stored->error,
			hn_metric_needs_norm(metric) ? stored->norm : NULL
		},
		stored->rest, (const uint8_t *) stored->ids
	};
	free(wide);
	free(scratch);
	return stored;
}

static void
prepare(HnMetric metric, const HnCodeSpace *space, const float *q, HnCodeQuery *query)
{
	double	   *wide = allocate(space->dim, sizeof(double));
	double		scratch[K];
	double		length = widen(metric, q, space->dim, wide);

	hn_code_query(space, wide, length, scratch, query);
	free(wide);
}

static HnCandidate
nothing(void)
{
	return (HnCandidate)
	{
		-INFINITY, 0
	};
}

/* The number of the row behind an id. */
static int
row_of(uint64_t id)
{
	return (int) (id >> 16);
}

/* Search for everything: each row appears once, in order, below what the operator computes. */
static void
check_all_rows(HnMetric metric, const Stored *stored, const HnCodeQuery *query,
			   const float *x, const float *q, int dim, const char *what)
{
	HnCandidate items[2 * ROWS];
	HnCandidates candidates;
	bool		seen[ROWS] = {false};

	hn_candidates_begin(&candidates, items, ROWS, nothing());
	hn_code_search(&stored->block, query, metric, &candidates);
	assert_false(hn_candidates_finish(&candidates));
	assert_int_equal(candidates.count, ROWS);
	for (int i = 0; i < ROWS; i++)
	{
		int			row = row_of(items[i].id);
		double		value = operator_value(metric, q, x + row * dim, dim);

		assert_false(seen[row]);
		seen[row] = true;
		if (i > 0)
			assert_true(items[i - 1].value <= items[i].value);
		if (!(items[i].value <= value))
			fail_msg("%s, metric %d, %d dimensions: bound %.9g above %.9g", what, metric, dim, items[i].value, value);
	}
}

/* Search in passes of a few: together they give the same rows in the same order. */
static void
check_passes(HnMetric metric, const Stored *stored, const HnCodeQuery *query, int wanted)
{
	HnCandidate all[2 * ROWS];
	HnCandidate some[2 * ROWS];
	HnCandidates candidates;
	HnCandidate after = nothing();
	bool		more = true;
	int			found = 0;

	hn_candidates_begin(&candidates, all, ROWS, after);
	hn_code_search(&stored->block, query, metric, &candidates);
	hn_candidates_finish(&candidates);
	while (more)
	{
		hn_candidates_begin(&candidates, some, wanted, after);
		/* In parts, so that the second is searched within the limits that the first has set */
		for (int part = 0; part < ROWS; part += ROWS / 6)
		{
			HnCodeBlock block = stored->block;

			block.count = ROWS / 6;
			block.columns.lead += part;
			block.columns.height += part;
			block.columns.error += part;
			if (block.columns.norm)
				block.columns.norm += part;
			block.rest += part * (K - HN_CODE_LEAD);
			block.ids += part * HN_CODE_ID_SIZE;
			hn_code_search(&block, query, metric, &candidates);
		}
		more = hn_candidates_finish(&candidates);
		for (int i = 0; i < candidates.count; i++)
		{
			assert_true(some[i].id == all[found].id);
			assert_true(some[i].value == all[found].value);
			found++;
		}
		if (candidates.count > 0)
			after = some[candidates.count - 1];
	}
	assert_int_equal(found, ROWS);
}

/* Fit to one kind of data; store another; ask with rows, drifted rows and a third kind. */
static void
check_bounds(int fitted, int kept, int dim)
{
	float	   *sample = allocate((size_t) ROWS * dim, sizeof(float));
	float	   *x = allocate((size_t) ROWS * dim, sizeof(float));
	float	   *q = allocate((size_t) QUERIES * dim, sizeof(float));
	char		what[100];

	snprintf(what, sizeof(what), "fitted to %s, holding %s", kinds[fitted].name, kinds[kept].name);
	fill(sample, ROWS, dim, kinds[fitted].element);
	fill(x, ROWS, dim, kinds[kept].element);
	fill(q, QUERIES, dim, kinds[fitted].element);
	memcpy(q, x, dim * sizeof(float));
	for (int j = 0; j < dim; j++)
	{
		q[dim + j] = x[3 * dim + j] * (1 + 1e-6f);
		q[2 * dim + j] = 0;
		q[3 * dim + j] = -x[5 * dim + j];
		q[4 * dim + j] = 1000 * x[6 * dim + j];
	}
	for (int m = 0; m < 4; m++)
	{
		HnMetric	metric = metrics[m];
		HnCodeSpace space = fit(metric, sample, ROWS, dim);
		Stored	   *stored = store(metric, &space, x);

		for (int i = 0; i < QUERIES; i++)
		{
			HnCodeQuery query;

			prepare(metric, &space, q + i * dim, &query);
			check_all_rows(metric, stored, &query, x, q + i * dim, dim, what);
			check_passes(metric, stored, &query, 1 + i * 7);
		}
		free(stored);
		free(space.values);
	}
	free(sample);
	free(x);
	free(q);
}

static void
test_bounds_of_fitted_data(void **state)
{
	(void) state;
	for (int kind = 0; kind < KINDS; kind++)
		for (int d = 0; d < DIMS; d++)
			check_bounds(kind, kind, dims[d]);
}

static void
test_bounds_of_drifted_data(void **state)
{
	(void) state;
	for (int fitted = 0; fitted < KINDS; fitted++)
		for (int kept = 0; kept < KINDS; kept++)
			if (fitted != kept)
				check_bounds(fitted, kept, 40);
}

/* On data with structure, bounds leave few rows to look up. */
static void
test_bounds_are_tight(void **state)
{
	const int	dim = 100;
	float	   *x = allocate((size_t) ROWS * dim, sizeof(float));
	float		latent[ROWS][8];
	HnCodeSpace space;
	Stored	   *stored;
	int			lookups = 0;

	(void) state;
	for (int i = 0; i < ROWS; i++)
		for (int l = 0; l < 8; l++)
			latent[i][l] = (float) normal();
	for (int i = 0; i < ROWS; i++)
		for (int j = 0; j < dim; j++)
			for (int l = 0; l < 8; l++)
				x[i * dim + j] += latent[i][l] * (float) sin(1.0 + j * (l + 1) * 0.7);
	space = fit(HN_METRIC_L2, x, ROWS, dim);
	stored = store(HN_METRIC_L2, &space, x);
	for (int i = 0; i < QUERIES; i++)
	{
		HnCandidate items[2 * ROWS];
		HnCandidates candidates;
		HnCodeQuery query;
		double		nearest = INFINITY;

		prepare(HN_METRIC_L2, &space, x + i * dim, &query);
		hn_candidates_begin(&candidates, items, ROWS, nothing());
		hn_code_search(&stored->block, &query, HN_METRIC_L2, &candidates);
		hn_candidates_finish(&candidates);
		for (int row = 0; row < ROWS; row++)
			if (row != i)
				nearest = fmin(nearest, operator_value(HN_METRIC_L2, x + i * dim, x + row * dim, dim));
		for (int c = 0; c < ROWS && items[c].value <= nearest; c++)
			lookups++;
	}
	assert_true(lookups < 4 * QUERIES);
	free(stored);
	free(space.values);
	free(x);
}

/* Rows without a code come first, NULLs never, and a query without bounds finds all. */
static void
test_rows_without_code(void **state)
{
	const int	dim = 40;
	float	   *x = allocate((size_t) ROWS * dim, sizeof(float));
	HnCodeSpace space;
	Stored	   *stored;
	HnCandidate items[2 * ROWS];
	HnCandidates candidates;
	HnCodeQuery query;

	(void) state;
	fill(x, ROWS, dim, element_random);
	for (int j = 0; j < dim; j++)
		x[9 * dim + j] = 3e38f;
	for (int m = 0; m < 4; m++)
	{
		HnMetric	metric = metrics[m];
		bool		scaled = metric == HN_METRIC_COSINE;

		space = fit(metric, x + 10 * dim, ROWS - 10, dim);
		stored = store(metric, &space, x);
		assert_true(scaled || stored->error[9] == HN_SHORT_INFINITY);
		stored->error[20] = HN_SHORT_INFINITY;
		stored->error[30] = HN_SHORT_NAN;

		prepare(metric, &space, x, &query);
		assert_true(query.bounded);
		hn_candidates_begin(&candidates, items, 5, nothing());
		hn_code_search(&stored->block, &query, metric, &candidates);
		hn_candidates_finish(&candidates);
		assert_int_equal(candidates.count, 5);
		assert_true(isinf(items[0].value) && items[0].value < 0);
		assert_int_equal(row_of(items[0].id), scaled ? 20 : 9);
		if (!scaled)
			assert_int_equal(row_of(items[1].id), 20);
		assert_true(isfinite(items[2].value));

		query.bounded = false;
		hn_candidates_begin(&candidates, items, ROWS, nothing());
		hn_code_search(&stored->block, &query, metric, &candidates);
		hn_candidates_finish(&candidates);
		assert_int_equal(candidates.count, ROWS - 1);
		for (int i = 0; i < candidates.count; i++)
		{
			assert_true(isinf(items[i].value));
			assert_int_not_equal(row_of(items[i].id), 30);
		}
		free(stored);
		free(space.values);
	}
	free(x);
}

static void
test_short_floats(void **state)
{
	(void) state;
	for (int i = 0; i < 100000; i++)
	{
		double		value = ldexp(uniform(), (int) (uniform() * 300) - 170);
		float		below = hn_short_to_float(hn_short_below(value));
		float		above = hn_short_to_float(hn_short_above(value));

		assert_true(below <= value && value <= above);
		assert_true(value < 1e-37 || isinf(above) || above - below <= value / 100);
	}
	assert_true(hn_short_to_float(hn_short_above(0)) == 0);
	assert_true(isinf(hn_short_to_float(hn_short_above(1e300))));
	assert_true(isfinite(hn_short_to_float(hn_short_below(1e300))));
	assert_true(isinf(hn_short_to_float(HN_SHORT_INFINITY)));
	assert_true(isnan(hn_short_to_float(HN_SHORT_NAN)));
}

static void
test_sample_is_refused(void **state)
{
	double		sample[2] = {1, INFINITY};
	HnCodeSpace space = {1, 8, allocate(hn_code_space_values(1, 8), sizeof(double))};
	HnArena		arena;
	HnContext	context;

	(void) state;
	hn_arena_init(&arena, hn_malloc_allocator);
	hn_context_init(&context, &arena, NULL, NULL);
	assert_int_equal(hn_code_space_fit(&context, sample, 2, &space), HN_NOT_FINITE);
	hn_arena_destroy(&arena);
	free(space.values);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounds_of_fitted_data),
		cmocka_unit_test(test_bounds_of_drifted_data),
		cmocka_unit_test(test_bounds_are_tight),
		cmocka_unit_test(test_rows_without_code),
		cmocka_unit_test(test_short_floats),
		cmocka_unit_test(test_sample_is_refused),
	};

	return cmocka_run_group_tests_name("codes", tests, NULL, NULL);
}
