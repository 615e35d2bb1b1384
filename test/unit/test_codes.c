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

#include "hamnet/cells.h"
#include "code_data.h"

#define ROWS 384
#define GROUP 64				/* rows of a group, a multiple of HN_CELL_ROWS */
#define GROUPS (ROWS / GROUP)
#define QUERIES 7
#define K 48					/* more than HN_CODE_LEAD */
#define ANY 0					/* as the data has it */

static const int dims[] = {1, 2, 7, 8, 31, 33, 40, 104, 515};

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

/* A space fitted to a sample, and cells. */
typedef struct Fitted
{
	HnMetric	metric;
	HnCodeSpace space;
	HnCells		cells;
} Fitted;

/* Encode x [rows, dim], with norms. */
static void
encode(HnMetric metric, const HnCodeSpace *space, const float *x, int rows, HnCode *codes, float *norms)
{
	double	   *wide = allocate((size_t) rows * space->dim, sizeof(double));
	double	   *scratch = allocate((size_t) rows * HN_CODE_MAX, sizeof(double));

	for (int i = 0; i < rows; i++)
		norms[i] = (float) (widen(metric, x + i * space->dim, space->dim, wide + i * space->dim) * (1 + 1e-6));
	hn_code_encode(space, wide, rows, scratch, codes);
	for (int i = 0; i < rows; i++)
	{
		widen(metric, x + i * space->dim, space->dim, wide);
		assert_true(hn_code_shortfall(space, wide, scratch, &codes[i]) <= 0);
	}
	free(wide);
	free(scratch);
}

/* Fit to sample [rows, dim], with the metric's idea of length. */
static Fitted
fit(HnMetric metric, const float *sample, int rows, int dim, int coordinates)
{
	Fitted		fitted = {
		.metric = metric,.space = {
			.dim = dim,.coordinates = coordinates,.values = allocate(hn_code_space_values(dim, HN_CODE_MAX), sizeof(double))
		}
	};
	double	   *wide = allocate((size_t) rows * dim, sizeof(double));
	HnCode	   *codes = allocate(rows, sizeof(HnCode));
	float	   *norms = allocate(rows, sizeof(float));
	float	   *scratch = allocate(rows, sizeof(float));
	HnArena		arena;
	HnContext	context;

	hn_arena_init(&arena, hn_malloc_allocator);
	hn_context_init(&context, &arena, NULL, NULL);
	for (int i = 0; i < rows; i++)
		widen(metric, sample + i * dim, dim, wide + i * dim);
	assert_int_equal(hn_code_space_fit(&context, wide, rows, &fitted.space), HN_OK);
	assert_true(hn_code_space_skew(&fitted.space) <= HN_CODE_SKEW);
	encode(metric, &fitted.space, sample, rows, codes, norms);
	hn_cells_fit(&fitted.space, metric, codes, norms, rows, scratch, &fitted.cells);
	assert_true(hn_cells_are_sound(&fitted.cells));
	hn_arena_destroy(&arena);
	free(wide);
	free(codes);
	free(norms);
	free(scratch);
	return fitted;
}

/* Rows as they lie in an index: in groups of neighbours. */
typedef struct Stored
{
	int			record_size;
	HnCode		codes[ROWS];	/* of all rows */
	float		norms[ROWS];
	uint32_t	order[ROWS];	/* the rows of the groups, one group after the other */
	bool		coded[ROWS];	/* in that order */
	uint8_t		cells[GROUPS][HN_CELL_COLUMNS(HN_CODE_MAX) * GROUP];
	int			columns;
	bool		flat;
	HnCodeBox	boxes[GROUPS];
	uint8_t		records[ROWS * (HN_CODE_MAX + 9)];
} Stored;

/* The columns of a group; of a flat space, half of them are in another place, and may not be at hand. */
static HnCellColumns
columns_of(const Stored *stored, int group, bool all)
{
	int			near = stored->flat ? stored->columns / 2 : stored->columns;
	uint8_t    *cells = (uint8_t *) stored->cells[group];

	return (HnCellColumns) {cells, all ? cells + near * GROUP : NULL, near, GROUP};
}

static void
order_rows(const Fitted *fitted, const uint8_t *bytes, uint32_t *order)
{
	uint32_t	scratch[ROWS];
	bool		seen[ROWS] = {false};
	HnArena		arena;
	HnContext	context;

	hn_arena_init(&arena, hn_malloc_allocator);
	hn_context_init(&context, &arena, NULL, NULL);
	assert_int_equal(hn_cells_order(&context, &fitted->space, &fitted->cells, fitted->metric, bytes, ROWS, GROUP,
									order, scratch), HN_OK);
	hn_arena_destroy(&arena);
	for (int i = 0; i < ROWS; i++)
	{
		assert_true(order[i] < ROWS && !seen[order[i]]);
		seen[order[i]] = true;
	}
}

static Stored *
store(const Fitted *fitted, const float *x)
{
	Stored	   *stored = allocate(1, sizeof(Stored));
	uint8_t    *bytes = allocate(ROWS, HN_BOX_POSITIONS);
	bool		measured[ROWS];

	encode(fitted->metric, &fitted->space, x, ROWS, stored->codes, stored->norms);
	for (int i = 0; i < ROWS; i++)
		measured[i] = hn_cells_measure(&fitted->space, &fitted->cells, &stored->codes[i], stored->norms[i], bytes + i * HN_BOX_POSITIONS);
	order_rows(fitted, bytes, stored->order);
	stored->columns = HN_CELL_COLUMNS(fitted->space.lead);
	stored->flat = fitted->space.flat;
	stored->record_size = hn_code_record_size(fitted->metric, fitted->space.coordinates);
	for (int i = 0; i < ROWS; i++)
	{
		HnCodeBox  *box = &stored->boxes[i / GROUP];
		int			row = (int) stored->order[i];
		const HnCode *code = &stored->codes[row];
		HnCellColumns columns = columns_of(stored, i / GROUP, true);

		if (i % GROUP == 0)
			hn_box_begin(box);
		stored->coded[i] = measured[row];
		if (stored->coded[i])
			hn_box_add(box, bytes + row * HN_BOX_POSITIONS,
					   hn_cells_norm(&fitted->space, &fitted->cells, bytes + row * HN_BOX_POSITIONS, stored->norms[row]));
		hn_cells_store(&fitted->space, &fitted->cells, bytes + row * HN_BOX_POSITIONS, code->codes,
					   &columns, i % GROUP);
		hn_code_store(code, fitted->space.coordinates, bytes + row * HN_BOX_POSITIONS, stored->norms[row], hn_metric_needs_norm(fitted->metric),
					  stored->records + i * stored->record_size);
	}
	free(bytes);
	return stored;
}

/* A query against codes and cells. */
typedef struct Query
{
	HnCodeQuery codes;
	HnCellQuery cells;
} Query;

static void
prepare(const Fitted *fitted, const float *q, Query *query)
{
	double	   *wide = allocate(fitted->space.dim, sizeof(double));
	double		scratch[HN_CODE_MAX];
	double		length = widen(fitted->metric, q, fitted->space.dim, wide);

	hn_code_query(&fitted->space, wide, length, scratch, &query->codes);
	if (query->codes.bounded)
		hn_cell_query(&fitted->space, &fitted->cells, &query->codes, fitted->metric, &query->cells);
	free(wide);
}

/* The id of a row, and the row behind an id. */
static uint64_t
id_of(int row)
{
	return (uint64_t) row << 16 | 1;
}

static int
row_of(uint64_t id)
{
	return (int) (id >> 16);
}

/* Search the cells of a group: what a part of the columns tells leaves all that the whole does. */
static int
search_cells(HnCellQuery *query, const Stored *stored, int group, float norm, double value, uint16_t *rows)
{
	HnCellColumns part = columns_of(stored, group, false);
	HnCellColumns whole = columns_of(stored, group, true);
	uint16_t	first[GROUP];
	bool		left[GROUP] = {false};
	int			count = hn_cell_search(query, &part, GROUP, norm, value, first);
	int			kept = hn_cell_search(query, &whole, GROUP, norm, value, rows);

	for (int i = 0; i < count; i++)
		left[first[i]] = true;
	for (int i = 0; i < kept; i++)
		assert_true(left[rows[i]]);
	return kept;
}

/* Search one group as an index does. */
static void
search_group(const Stored *stored, Query *query, int group, HnCandidates *candidates)
{
	const HnCodeBox *box = &stored->boxes[group];
	HnCellColumns columns = columns_of(stored, group, true);
	uint16_t	rows[GROUP];
	int			kept = 0;

	for (int i = group * GROUP; i < (group + 1) * GROUP; i++)
		if (!stored->coded[i] || !query->codes.bounded)
			hn_candidates_add(candidates, -INFINITY, id_of((int) stored->order[i]));
	if (query->codes.bounded && hn_box_bound(&query->cells, box) <= candidates->last.value)
		kept = search_cells(&query->cells, stored, group, box->norm, candidates->last.value, rows);
	for (int i = 0; i < kept; i++)
	{
		int			slot = group * GROUP + rows[i];

		if (stored->coded[slot] && query->codes.flat)
			hn_cell_consider(&query->cells, &columns, rows[i], id_of((int) stored->order[slot]), candidates);
		else if (stored->coded[slot])
			hn_code_consider(&query->cells, stored->records + slot * stored->record_size,
							 id_of((int) stored->order[slot]), candidates);
	}
}

static void
search(const Stored *stored, Query *query, HnCandidates *candidates)
{
	for (int group = 0; group < GROUPS; group++)
		search_group(stored, query, group, candidates);
}

static HnCandidate
nothing(void)
{
	return (HnCandidate)
	{
		-INFINITY, 0
	};
}

/* Search for everything: each row appears once, in order, below what the operator computes. */
static void
check_all_rows(const Fitted *fitted, const Stored *stored, Query *query, const float *x, const float *q, const char *what)
{
	int			dim = fitted->space.dim;
	HnCandidate items[2 * ROWS + 2];
	HnCandidates candidates;
	bool		seen[ROWS] = {false};

	hn_candidates_begin(&candidates, items, ROWS + 1, nothing(), INFINITY);
	search(stored, query, &candidates);
	assert_false(hn_candidates_finish(&candidates));
	assert_int_equal(candidates.count, ROWS);
	for (int i = 0; i < ROWS; i++)
	{
		int			row = row_of(items[i].id);
		double		value = operator_value(fitted->metric, q, x + row * dim, dim);

		assert_false(seen[row]);
		seen[row] = true;
		if (i > 0)
			assert_true(items[i - 1].value <= items[i].value);
		if (!(items[i].value <= value))
			fail_msg("%s, metric %d, %d dimensions: bound %.9g above %.9g", what, fitted->metric, dim, items[i].value, value);
	}
}

/* No row of a box is nearer than the box. */
static void
check_boxes(const Fitted *fitted, const Stored *stored, const Query *query, const float *x, const float *q)
{
	int			dim = fitted->space.dim;

	for (int i = 0; i < ROWS && query->codes.bounded; i++)
		if (stored->coded[i])
			assert_true(hn_box_bound(&query->cells, &stored->boxes[i / GROUP]) <=
						operator_value(fitted->metric, q, x + stored->order[i] * dim, dim));
}

/*
 * Search in passes of a few, limited by room, or by estimates and in the end by
 * room: together they give the same rows in the same order.
 */
static void
check_passes(const Stored *stored, Query *query, int wanted, bool estimated)
{
	HnCandidate all[2 * ROWS + 2];
	HnCandidate some[2 * ROWS + 2];
	double		estimates[ROWS];
	HnCandidates candidates;
	HnCandidate after = nothing();
	bool		more = true;
	int			found = 0;

	hn_candidates_begin(&candidates, all, ROWS + 1, after, INFINITY);
	search(stored, query, &candidates);
	hn_candidates_finish(&candidates);
	for (int nearest = wanted; more; nearest *= 2)
	{
		hn_candidates_begin(&candidates, some, estimated ? ROWS : wanted, after, INFINITY);
		if (estimated && nearest <= ROWS)
			hn_candidates_estimate(&candidates, estimates, nearest);

		/* From a group in the middle on, which sets limits for the others */
		for (int group = 0; group < GROUPS; group++)
			search_group(stored, query, (group + GROUPS / 2) % GROUPS, &candidates);
		more = hn_candidates_finish(&candidates);
		for (int i = 0; i < candidates.count; i++)
		{
			assert_true(some[i].id == all[found].id);
			assert_true(some[i].value == all[found].value);
			found++;
		}
		after = candidates.last;
	}
	assert_int_equal(found, ROWS);
}

/* Fit to one kind of data; store another; ask with rows, drifted rows and a third kind. */
static void
check_bounds(int fitted, int kept, int dim, int coordinates)
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
		Fitted		space = fit(metric, sample, ROWS, dim, coordinates);
		Stored	   *stored = store(&space, x);

		for (int i = 0; i < QUERIES; i++)
		{
			Query		query;

			prepare(&space, q + i * dim, &query);
			check_all_rows(&space, stored, &query, x, q + i * dim, what);
			check_boxes(&space, stored, &query, x, q + i * dim);
			check_passes(stored, &query, 1 + i * 7, i % 2 == 0);
			check_passes(stored, &query, 1 + i * 7, i % 2 != 0);
		}
		free(stored);
		free(space.space.values);
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
			check_bounds(kind, kind, dims[d], dims[d] > 100 ? ANY : K);
}

static void
test_bounds_of_drifted_data(void **state)
{
	(void) state;
	for (int fitted = 0; fitted < KINDS; fitted++)
		for (int kept = 0; kept < KINDS; kept++)
			if (fitted != kept)
				check_bounds(fitted, kept, fitted % 2 == 0 ? 40 : 130, fitted % 2 == 0 ? K : ANY);
}

/* On data with structure, bounds leave few rows to look up. */
static void
test_bounds_are_tight(void **state)
{
	const int	dim = 100;
	float	   *x = allocate((size_t) ROWS * dim, sizeof(float));
	float		latent[ROWS][8];
	Fitted		space;
	Stored	   *stored;
	int			lookups = 0;
	int			decoded = 0;

	(void) state;
	for (int i = 0; i < ROWS; i++)
		for (int l = 0; l < 8; l++)
			latent[i][l] = (float) normal();
	for (int i = 0; i < ROWS; i++)
		for (int j = 0; j < dim; j++)
			for (int l = 0; l < 8; l++)
				x[i * dim + j] += latent[i][l] * (float) sin(1.0 + j * (l + 1) * 0.7);
	space = fit(HN_METRIC_L2, x, ROWS, dim, K);
	stored = store(&space, x);
	for (int i = 0; i < QUERIES; i++)
	{
		HnCandidate items[2 * ROWS + 2];
		HnCandidates candidates;
		Query		query;
		double		nearest = INFINITY;

		prepare(&space, x + i * dim, &query);
		for (int row = 0; row < ROWS; row++)
			if (row != i)
				nearest = fmin(nearest, operator_value(HN_METRIC_L2, x + i * dim, x + row * dim, dim));
		hn_candidates_begin(&candidates, items, ROWS + 1, nothing(), nearest);
		search(stored, &query, &candidates);
		hn_candidates_finish(&candidates);
		lookups += candidates.count;
		for (int group = 0; group < GROUPS; group++)
		{
			uint16_t	rows[GROUP];

			decoded += search_cells(&query.cells, stored, group, 0, nearest, rows);
		}
	}
	assert_true(lookups < 4 * QUERIES);
	assert_true(decoded < ROWS / 10 * QUERIES);
	free(stored);
	free(space.space.values);
	free(x);
}

/* Rows without a code come first, and a query without bounds finds all. */
static void
test_rows_without_code(void **state)
{
	const int	dim = 40;
	float	   *x = allocate((size_t) ROWS * dim, sizeof(float));
	HnCandidate items[2 * ROWS + 2];
	HnCandidates candidates;
	Query		query;

	(void) state;
	fill(x, ROWS, dim, element_random);
	for (int j = 0; j < dim; j++)
		x[9 * dim + j] = 3e38f;
	for (int m = 0; m < 4; m++)
	{
		HnMetric	metric = metrics[m];
		bool		scaled = metric == HN_METRIC_COSINE;
		Fitted		space = fit(metric, x + 10 * dim, ROWS - 10, dim, ANY);
		Stored	   *stored = store(&space, x);

		assert_true(scaled || stored->codes[9].error == HN_SHORT_INFINITY);
		prepare(&space, x, &query);
		assert_true(query.codes.bounded);
		hn_candidates_begin(&candidates, items, 5, nothing(), INFINITY);
		search(stored, &query, &candidates);
		hn_candidates_finish(&candidates);
		assert_int_equal(candidates.count, 5);
		if (!scaled)
		{
			assert_true(isinf(items[0].value) && items[0].value < 0);
			assert_int_equal(row_of(items[0].id), 9);
		}
		assert_true(isfinite(items[1].value));

		query.codes.bounded = false;
		hn_candidates_begin(&candidates, items, ROWS + 1, nothing(), INFINITY);
		search(stored, &query, &candidates);
		hn_candidates_finish(&candidates);
		assert_int_equal(candidates.count, ROWS);
		for (int i = 0; i < candidates.count; i++)
			assert_true(isinf(items[i].value));
		free(stored);
		free(space.space.values);
	}
	free(x);
}

/* Each part of a division is about as large, and a vector is where its bytes lead. */
static void
test_division(void **state)
{
	const int	dim = 40;
	const int	parts = 5;
	float	   *x = allocate((size_t) ROWS * dim, sizeof(float));
	HnCode	   *codes = allocate(ROWS, sizeof(HnCode));
	float		norms[ROWS];
	uint8_t		bytes[ROWS * HN_BOX_POSITIONS];
	uint32_t	rows[ROWS];
	uint32_t	scratch[ROWS];
	HnPartNode	nodes[2 * 5];
	HnParts		division = {0, nodes};

	(void) state;
	for (int kind = 0; kind < KINDS; kind++)
	{
		int			counts[5] = {0};
		Fitted		space;

		fill(x, ROWS, dim, kinds[kind].element);
		space = fit(HN_METRIC_L2, x, ROWS, dim, K);
		encode(HN_METRIC_L2, &space.space, x, ROWS, codes, norms);
		for (int i = 0; i < ROWS; i++)
			(void) hn_cells_measure(&space.space, &space.cells, &codes[i], norms[i], bytes + i * HN_BOX_POSITIONS);
		hn_cells_divide(&space.space, &space.cells, HN_METRIC_L2, bytes, ROWS, parts, rows, scratch, &division);
		assert_true(division.count < 2 * parts);
		for (int i = 0; i < ROWS; i++)
			counts[hn_part_of(&division, bytes + i * HN_BOX_POSITIONS)]++;
		for (int part = 0; part < parts && kinds[kind].element == element_random; part++)
			assert_true(counts[part] >= ROWS / parts / 2 && counts[part] <= 2 * ROWS / parts);
		free(space.space.values);
	}
	free(codes);
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
	HnCodeSpace space = {.dim = 1,.coordinates = 8,.values = allocate(hn_code_space_values(1, 8), sizeof(double))};
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
		cmocka_unit_test(test_division),
		cmocka_unit_test(test_short_floats),
		cmocka_unit_test(test_sample_is_refused),
	};

	return cmocka_run_group_tests_name("codes", tests, NULL, NULL);
}
