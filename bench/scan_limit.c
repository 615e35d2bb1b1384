/*
 * scan_limit.c: the physical limit of the index: its search as a bare loop
 * over codes in memory, with no server around it.
 *
 * usage: scan_limit FILE [NEAREST [COORDINATES [QUERIES]]]
 *
 * FILE is what COPY (SELECT fp FROM ...) TO ... (FORMAT binary) writes. Prints
 * the time of a search for what may be among the NEAREST (32, as the index
 * estimates at first), and how much of the index it reads; and how many rows a
 * search for the ten nearest would have to look up.
 */
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "hamnet/cells.h"
#include "hamnet/linear.h"

#define ROWS 320				/* of a group, as on a page */
#define SAMPLE 16384
#define K_NEAREST 10

static void
die(const char *message)
{
	fprintf(stderr, "scan_limit: %s\n", message);
	exit(1);
}

static void *
allocate(size_t count, size_t size)
{
	void	   *memory = aligned_alloc(64, (count * size + 127) / 64 * 64);

	if (memory == NULL)
		die("out of memory");
	return memory;
}

static uint32_t
big_endian(FILE *file, int bytes)
{
	uint32_t	value = 0;

	while (bytes-- > 0)
		value = value << 8 | (uint32_t) (getc_unlocked(file) & 255);
	return value;
}

/* Read fingerprints [*n, *dim] from the binary format of COPY. */
static float *
read_copy(const char *name, int *n, int *dim)
{
	FILE	   *file = fopen(name, "rb");
	float	   *x = NULL;
	size_t		room = 0;

	if (file == NULL || fseek(file, 19, SEEK_SET) != 0)
		die("cannot read the file");
	*dim = 0;
	for (*n = 0; big_endian(file, 2) == 1; (*n)++)
	{
		uint32_t	length = big_endian(file, 4);

		if (*n == 0)
			*dim = (int) (length - 8) / 4;
		if (length != 8 + 4 * (uint32_t) *dim)
			die("expected fingerprints of one size");
		big_endian(file, 4);
		big_endian(file, 4);
		if ((size_t) *n == room)
		{
			room = room ? 2 * room : 65536;
			x = realloc(x, room * *dim * sizeof(float));
			if (x == NULL)
				die("out of memory");
		}
		for (int j = 0; j < *dim; j++)
		{
			uint32_t	bits = big_endian(file, 4);

			memcpy(&x[(size_t) *n * *dim + j], &bits, sizeof(bits));
		}
	}
	fclose(file);
	return x;
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1e3 + t.tv_nsec * 1e-6;
}

static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

static void
widen(const float *x, size_t n, double *out)
{
	for (size_t i = 0; i < n; i++)
		out[i] = x[i];
}

static void
fit(HnCodeSpace *space, const float *x, int n)
{
	int			taken = n < SAMPLE ? n : SAMPLE;
	double	   *sample = allocate((size_t) taken * space->dim, sizeof(double));
	HnArena		arena;
	HnContext	context;

	hn_arena_init(&arena, hn_malloc_allocator);
	hn_context_init(&context, &arena, NULL, NULL);
	for (int i = 0; i < taken; i++)
		widen(x + (size_t) i * (n / taken) * space->dim, space->dim, sample + (size_t) i * space->dim);
	if (hn_code_space_fit(&context, sample, taken, space) != HN_OK)
		die(context.message);
	hn_arena_destroy(&arena);
	free(sample);
}

/* Vectors that lie together. */
typedef struct Group
{
	int			count;
	uint8_t		cells[HN_CELL_COLUMNS(HN_CODE_MAX) * ROWS];
	uint32_t	numbers[ROWS];
	HnCodeBox	box;
	uint8_t    *records;
} Group;

typedef struct Index
{
	HnCodeSpace space;
	HnCells		cells;
	int			record_size;
	int			group_count;
	Group	   *groups;
} Index;

static HnCellColumns
columns_of(const Index *index, const Group *group)
{
	int			near = HN_CELL_COLUMNS(index->space.lead);

	return (HnCellColumns) {(uint8_t *) group->cells, (uint8_t *) group->cells + near * ROWS, near, ROWS};
}

/* What one search took. */
typedef struct Measures
{
	double		ms;
	double		groups;			/* visited */
	double		near;			/* rows whose codes were read */
	double		lookups;
} Measures;

#define BATCH 256

static void
encode(const HnCodeSpace *space, const float *x, int n, HnCode *codes)
{
	double	   *wide = allocate((size_t) BATCH * space->dim, sizeof(double));
	double	   *scratch = allocate((size_t) BATCH * space->coordinates, sizeof(double));

	for (int i = 0; i < n; i += BATCH)
	{
		int			count = n - i < BATCH ? n - i : BATCH;

		widen(x + (size_t) i * space->dim, (size_t) count * space->dim, wide);
		hn_code_encode(space, wide, count, scratch, codes + i);
	}
	free(wide);
	free(scratch);
}

static void
build(Index *index, const float *x, int n)
{
	HnCodeSpace *space = &index->space;
	HnCode	   *codes = allocate(n, sizeof(HnCode));
	float	   *norms = calloc(n, sizeof(float));
	float	   *floats = allocate(n, sizeof(float));
	uint8_t    *bytes = allocate(n, HN_BOX_POSITIONS);
	uint32_t   *order = allocate(n, sizeof(uint32_t));
	uint32_t   *scratch = allocate(n, sizeof(uint32_t));
	HnArena		arena;
	HnContext	context;

	hn_arena_init(&arena, hn_malloc_allocator);
	hn_context_init(&context, &arena, NULL, NULL);
	encode(space, x, n, codes);
	hn_cells_fit(space, HN_METRIC_L2, codes, norms, n < SAMPLE ? n : SAMPLE, floats, &index->cells);
	for (int i = 0; i < n; i++)
		if (!hn_cells_measure(space, &index->cells, &codes[i], 0, bytes + (size_t) i * HN_BOX_POSITIONS))
			die("a fingerprint that is too long");
	if (hn_cells_order(&context, space, &index->cells, HN_METRIC_L2, bytes, n, ROWS, order, scratch) != HN_OK)
		die("no order");
	index->record_size = hn_code_record_size(HN_METRIC_L2, space->coordinates);
	index->group_count = (n + ROWS - 1) / ROWS;
	index->groups = allocate(index->group_count, sizeof(Group));
	for (int g = 0; g < index->group_count; g++)
	{
		Group	   *group = &index->groups[g];
		HnCellColumns columns;

		group->count = n - g * ROWS < ROWS ? n - g * ROWS : ROWS;
		group->records = allocate(ROWS, index->record_size);
		columns = columns_of(index, group);
		hn_box_begin(&group->box);
		for (int i = 0; i < group->count; i++)
		{
			uint32_t	row = order[g * ROWS + i];
			const uint8_t *measured = bytes + (size_t) row * HN_BOX_POSITIONS;

			group->numbers[i] = row;
			hn_box_add(&group->box, measured, 0);
			hn_cells_store(space, &index->cells, measured, codes[row].codes, &columns, i);
			hn_code_store(&codes[row], space->coordinates, measured, 0, false, group->records + i * index->record_size);
		}
	}
	free(codes);
	free(norms);
	free(floats);
	free(bytes);
	free(order);
	free(scratch);
}

/* A group and its bound. */
typedef struct Place
{
	double		bound;
	int			group;
} Place;

static int
compare_places(const void *a, const void *b)
{
	const Place *x = a;
	const Place *y = b;

	return (x->bound > y->bound) - (x->bound < y->bound);
}

static void
search_group(const Index *index, const Group *group, HnCellQuery *cells,
			 HnCandidates *candidates, Measures *measures)
{
	uint16_t	rows[ROWS];
	HnCellColumns columns = columns_of(index, group);
	int			kept = hn_cell_search(cells, &columns, group->count, 0, candidates->last.value, rows);

	measures->groups++;
	measures->near += kept;
	for (int i = 0; i < kept; i++)
		if (index->space.flat)
			hn_cell_consider(cells, &columns, rows[i], group->numbers[rows[i]] + 1, candidates);
		else
			hn_code_consider(cells, group->records + rows[i] * index->record_size, group->numbers[rows[i]] + 1, candidates);
}

static void
search(const Index *index, const float *q, int nearest, Place *places, HnCandidates *candidates, Measures *measures)
{
	double	   *wide = allocate(index->space.dim, sizeof(double));
	double		scratch[HN_CODE_MAX];
	static HnCodeQuery query;
	static HnCellQuery cells;
	double		start = now();

	(void) nearest;
	widen(q, index->space.dim, wide);
	hn_code_query(&index->space, wide, cblas_snrm2(index->space.dim, q, 1), scratch, &query);
	hn_cell_query(&index->space, &index->cells, &query, HN_METRIC_L2, &cells);
	for (int g = 0; g < index->group_count; g++)
		places[g] = (Place) {hn_box_bound(&cells, &index->groups[g].box), g};
	qsort(places, index->group_count, sizeof(Place), compare_places);
	for (int g = 0; g < index->group_count && places[g].bound <= candidates->last.value; g++)
		search_group(index, &index->groups[places[g].group], &cells, candidates, measures);
	hn_candidates_finish(candidates);
	measures->ms = now() - start;
	free(wide);
}

/* How many lower bounds are at most the true distance of the K_NEAREST nearest? */
static double
count_lookups(const HnCandidates *candidates, const float *x, int n, int dim, const float *q)
{
	double	   *distances = allocate(n, sizeof(double));
	int			lookups = 0;

	for (int i = 0; i < n; i++)
		distances[i] = sqrt(hn_simd()->l2_squared(q, x + (size_t) i * dim, dim));
	qsort(distances, n, sizeof(double), compare_doubles);
	while (lookups < candidates->count && candidates->items[lookups].value <= distances[K_NEAREST - 1])
		lookups++;
	free(distances);
	return lookups;
}

/* Print the median of a measure of all queries, and its 95th percentile. */
static void
report(const char *what, const Measures *measures, size_t offset, int queries)
{
	double	   *values = allocate(queries, sizeof(double));

	for (int i = 0; i < queries; i++)
		values[i] = *(const double *) ((const char *) &measures[i] + offset);
	qsort(values, queries, sizeof(double), compare_doubles);
	printf(" %s %.3f (95 %%: %.3f)", what, values[queries / 2], values[queries * 95 / 100]);
	free(values);
}

int
main(int argc, char **argv)
{
	int			nearest = argc > 2 ? atoi(argv[2]) : 32;
	int			coordinates = argc > 3 ? atoi(argv[3]) : 0;
	int			queries = argc > 4 ? atoi(argv[4]) : 51;
	int			n;
	int			dim;
	float	   *x;
	Index		index = {0};
	Measures   *measures;
	HnCandidate *items;
	Place	   *places;
	double	   *estimates;
	double		start;

	if (argc < 2 || nearest < 1 || queries < 1 || coordinates < 0 || coordinates > HN_CODE_MAX_WIDE ||
		coordinates % HN_CODE_UNIT != 0)
		die("usage: scan_limit FILE [NEAREST [COORDINATES [QUERIES]]]");
	hn_blas_single_thread();
	x = read_copy(argv[1], &n, &dim);
	if (n < K_NEAREST)
		die("too few fingerprints");
	index.space = (HnCodeSpace)
	{
		dim, coordinates, allocate(hn_code_space_values(dim, HN_CODE_MAX), sizeof(double)), false, 0
	};
	start = now();
	fit(&index.space, x, n);
	printf("axes fitted in %.0f ms, ", now() - start);
	start = now();
	build(&index, x, n);
	printf("built in %.0f ms\n", now() - start);

	measures = calloc(queries, sizeof(Measures));
	items = allocate(2 * (size_t) n, sizeof(HnCandidate));
	places = allocate(index.group_count, sizeof(Place));
	estimates = allocate(nearest, sizeof(double));
	for (int i = 0; i < queries; i++)
	{
		const float *q = x + (size_t) i * (n / queries) * dim;
		HnCandidates candidates;

		hn_candidates_begin(&candidates, items, n, (HnCandidate) {-INFINITY, 0}, INFINITY);
		hn_candidates_estimate(&candidates, estimates, nearest);
		search(&index, q, nearest, places, &candidates, &measures[i]);
		measures[i].lookups = count_lookups(&candidates, x, n, dim, q);
	}
	printf("%d rows, %d coordinates of %d bits, %d nearest:", n, index.space.coordinates, index.space.flat ? 4 : 8, nearest);
	report("ms", measures, offsetof(Measures, ms), queries);
	report("groups", measures, offsetof(Measures, groups), queries);
	report("rows decoded", measures, offsetof(Measures, near), queries);
	report("looked up for ten", measures, offsetof(Measures, lookups), queries);
	printf(" of %d groups\n", index.group_count);
	return 0;
}
