/*
 * Tests of sketches and boxes: bounds are never above the true distance,
 * whatever the data, the axes and the query; codes hold their numbers; boxes
 * are monotonic; and the bounds are worth something.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hamnet/sketch.h"

#define MAX_DIM 300
#define POINTS 200

/* What a test looks at: vectors of one dimension, and a sketcher for them. */
typedef struct Setting
{
	HnArena		arena;
	HnContext	context;
	HnCodeSpace space;
	HnSketcher	sketcher;
	float		x[POINTS][MAX_DIM];
	HnSketch	sketches[POINTS];
	bool		sketched[POINTS];
} Setting;

static uint64_t random_state = 1;

static double
uniform(void)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (double) (random_state >> 11) * 0x1p-53;
}

/* Kinds of data. */
typedef enum Kind
{
	EVEN,
	POSITIVE,					/* a third of the elements, as a network's are */
	CLUSTERED,
	DUPLICATED,
	ONE_LINE,
	LONG_AXIS,					/* one element far greater than all others */
	EXPONENTS,					/* every order of magnitude */
	ZERO,
	KINDS
} Kind;

static float
element(Kind kind, int point, int i)
{
	switch (kind)
	{
		case EVEN:
			return (float) (uniform() - 0.5);
		case POSITIVE:
			return (float) (uniform() < 0.3 ? uniform() * (1 + i % 7) : 0);
		case CLUSTERED:
			return (float) (sin(i * 7.0 + point % 5) * 10 + 0.01 * uniform());
		case DUPLICATED:
			return (float) sin(i + point % 3);
		case ONE_LINE:
			return (float) (point * (1 + 0.1 * i));
		case LONG_AXIS:
			return (float) (i == 0 ? uniform() * 1e6 : uniform() * 1e-3);
		case EXPONENTS:
			return (float) ((uniform() - 0.5) * pow(10, 70.0 * point / POINTS - 36));
		default:
			return 0;
	}
}

static double
exact_distance(const float *a, const float *b, int dim)
{
	double		sum = 0;

	for (int i = 0; i < dim; i++)
		sum += ((double) a[i] - b[i]) * ((double) a[i] - b[i]);
	return sqrt(sum);
}

/* Fit axes to vectors that are neither too long nor of the extreme kinds. */
static void
fit_axes(Setting *setting, int dim)
{
	double	   *sample = malloc(sizeof(double) * POINTS * dim);
	int			n = 0;

	setting->space.dim = dim;
	setting->space.coordinates = HN_CODE_MAX;
	setting->space.values = malloc(sizeof(double) * hn_code_space_values(dim, HN_CODE_MAX));
	for (int p = 0; p < POINTS; p++)
	{
		if (hn_norm(setting->x[p], dim) > 1e12)
			continue;
		for (int i = 0; i < dim; i++)
			sample[(size_t) n * dim + i] = setting->x[p][i];
		n++;
	}
	hn_arena_init(&setting->arena, hn_malloc_allocator);
	hn_context_init(&setting->context, &setting->arena, NULL, NULL);
	assert_int_equal(hn_code_space_fit(&setting->context, sample, n, &setting->space), HN_OK);
	hn_arena_destroy(&setting->arena);
	free(sample);
}

static Setting *
make_setting(Kind kind, int dim, int count, bool with_axes)
{
	Setting    *setting = calloc(1, sizeof(Setting));
	double		scratch[MAX_DIM];

	for (int p = 0; p < POINTS; p++)
		for (int i = 0; i < dim; i++)
			setting->x[p][i] = element(kind, p, i);
	setting->sketcher = (HnSketcher)
	{
		.count = hn_sketch_count(count),.dim = dim,.scale = 1
	};
	if (with_axes)
	{
		fit_axes(setting, dim);
		setting->sketcher.axes = &setting->space;
	}
	for (int p = 0; p < POINTS; p++)
		setting->sketched[p] = hn_sketch(&setting->sketcher, setting->x[p], 1,
										 hn_norm(setting->x[p], dim), scratch, &setting->sketches[p]);
	return setting;
}

static void
free_setting(Setting *setting)
{
	free(setting->space.values);
	free(setting);
}

/* The box of some points, by their codes; the greatest norm among them. */
static double
make_box(const Setting *setting, const int *points, int count, int16_t *low, int16_t *high)
{
	double		norm = 0;

	for (int k = 0; k < count; k++)
	{
		for (int i = 0; i < setting->sketcher.count; i++)
		{
			int16_t		code = hn_code_of(setting->sketches[points[k]].values[i]);

			low[i] = k == 0 || code < low[i] ? code : low[i];
			high[i] = k == 0 || code > high[i] ? code : high[i];
		}
		norm = fmax(norm, hn_norm(setting->x[points[k]], setting->sketcher.dim));
	}
	return norm;
}

/* Bounds of random boxes for random queries are below the distances to all that is inside. */
static void
check_bounds(Setting *setting)
{
	for (int trial = 0; trial < 400; trial++)
	{
		int			points[8];
		int			count = 1 + trial % 8;
		int			query = (int) (uniform() * POINTS);
		int16_t		low[HN_SKETCH_MAX];
		int16_t		high[HN_SKETCH_MAX];
		double		norm;
		double		bound;

		for (int k = 0; k < count; k++)
		{
			do
				points[k] = (int) (uniform() * POINTS);
			while (!setting->sketched[points[k]]);
		}
		if (!setting->sketched[query])
			continue;
		norm = make_box(setting, points, count, low, high);
		bound = hn_sketch_bound(&setting->sketches[query], low, high, setting->sketcher.count, norm);
		for (int k = 0; k < count; k++)
		{
			double		distance = exact_distance(setting->x[query], setting->x[points[k]],
												  setting->sketcher.dim);

			if (bound > distance)
				fail_msg("bound %.17g > distance %.17g, dim %d, count %d", bound, distance,
						 setting->sketcher.dim, setting->sketcher.count);
		}
	}
}

static void
test_bounds(void **state)
{
	const int	dims[] = {1, 2, 7, 8, 31, 64, 65, 256, 300};

	(void) state;
	for (int kind = 0; kind < KINDS; kind++)
		for (size_t d = 0; d < sizeof(dims) / sizeof(dims[0]); d++)
			for (int count = 8; count <= HN_SKETCH_MAX; count += 28)
				for (int with_axes = 0; with_axes < 2; with_axes++)
				{
					Setting    *setting;

					/* What is no longer than a sketch has no axes */
					if (with_axes && dims[d] <= hn_sketch_count(count))
						continue;
					setting = make_setting(kind, dims[d], count, with_axes);
					check_bounds(setting);
					free_setting(setting);
				}
}

/* Vectors that are too long have no sketch; all others have finite ones. */
static void
test_range(void **state)
{
	Setting    *setting = make_setting(EXPONENTS, 256, 32, false);
	int			sketched = 0;

	(void) state;
	for (int p = 0; p < POINTS; p++)
	{
		double		norm = hn_norm(setting->x[p], 256);

		assert_int_equal(setting->sketched[p], norm <= HN_SKETCH_MAX_NORM);
		sketched += setting->sketched[p];
		for (int i = 0; setting->sketched[p] && i < 32; i++)
			assert_true(isfinite(setting->sketches[p].values[i]));
	}
	assert_true(sketched >= 1 && sketched < POINTS);
	free_setting(setting);
}

/* A code's interval holds the number, and codes are ordered as their numbers are. */
static void
test_codes(void **state)
{
	float		previous = -FLT_MAX;

	(void) state;
	for (int32_t code = hn_code_of(-FLT_MAX); code <= hn_code_of(FLT_MAX); code++)
	{
		float		low = hn_code_floor((int16_t) code);
		float		high = hn_code_ceiling((int16_t) code);

		assert_true(low <= high);
		assert_int_equal(hn_code_of(low), code);
		assert_int_equal(hn_code_of(high), code);
		assert_true(low >= previous);
		previous = high;
	}
	for (int n = 0; n < 100000; n++)
	{
		float		value = (float) ((uniform() - 0.5) * pow(10, uniform() * 76 - 38));

		assert_true(hn_code_floor(hn_code_of(value)) <= value);
		assert_true(hn_code_ceiling(hn_code_of(value)) >= value);
	}
}

/* A larger box has no larger bound, and no smaller diagonal. */
static void
test_monotony(void **state)
{
	Setting    *setting = make_setting(POSITIVE, 256, 32, true);

	(void) state;
	for (int trial = 0; trial < 1000; trial++)
	{
		int			points[6];
		int16_t		low[2][HN_SKETCH_MAX];
		int16_t		high[2][HN_SKETCH_MAX];
		const HnSketch *query = &setting->sketches[trial % POINTS];
		double		norm;

		for (int k = 0; k < 6; k++)
			points[k] = (int) (uniform() * POINTS);
		make_box(setting, points, 3, low[0], high[0]);
		norm = make_box(setting, points, 6, low[1], high[1]);
		assert_true(hn_sketch_bound(query, low[1], high[1], 32, norm) <= hn_sketch_bound(query, low[0], high[0], 32, norm));
		assert_true(hn_box_diagonal(low[1], high[1], 32) >= hn_box_diagonal(low[0], high[0], 32));
		assert_true(hn_box_joint_diagonal(low[0], high[0], low[1], high[1], 32) == hn_box_diagonal(low[1], high[1], 32));
	}
	free_setting(setting);
}

/* Where a sketch holds every element, the bound is nearly the distance. */
static void
test_tightness(void **state)
{
	Setting    *setting = make_setting(EVEN, 64, 64, false);

	(void) state;
	for (int p = 1; p < POINTS; p++)
	{
		int16_t		codes[HN_SKETCH_MAX];
		int16_t		same[HN_SKETCH_MAX];
		double		norm = make_box(setting, &p, 1, codes, same);
		double		distance = exact_distance(setting->x[0], setting->x[p], 64);

		assert_true(hn_sketch_bound(&setting->sketches[0], codes, same, 64, norm) > 0.97 * distance);
	}
	free_setting(setting);
}

/* Places on the curve keep neighbours together: consecutive ones are nearer than any two. */
static void
test_order(void **state)
{
	Setting    *setting = make_setting(EVEN, 2, 2, false);
	uint32_t	orders[POINTS];
	int			sorted[POINTS];
	double		along = 0;
	double		across = 0;

	(void) state;
	for (int p = 0; p < POINTS; p++)
	{
		orders[p] = hn_sketch_order(&setting->sketcher, &setting->sketches[p], hn_norm(setting->x[p], 2));
		sorted[p] = p;
	}
	for (int i = 1; i < POINTS; i++)
		for (int j = i; j > 0 && orders[sorted[j]] < orders[sorted[j - 1]]; j--)
		{
			int			t = sorted[j];

			sorted[j] = sorted[j - 1];
			sorted[j - 1] = t;
		}
	for (int p = 1; p < POINTS; p++)
	{
		along += exact_distance(setting->x[sorted[p]], setting->x[sorted[p - 1]], 2);
		across += exact_distance(setting->x[p], setting->x[p - 1], 2);
	}
	assert_true(along < across / 3);
	free_setting(setting);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_range),
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_monotony),
		cmocka_unit_test(test_tightness),
		cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
