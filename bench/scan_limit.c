/*
 * scan_limit.c: the physical limit of the index: its search as a bare loop
 * over codes in memory, with no server around it.
 *
 * usage: scan_limit FILE [CANDIDATES [COORDINATES [QUERIES]]]
 *
 * FILE is what COPY (SELECT fp FROM ...) TO ... (FORMAT binary) writes. Prints
 * the median time of a search for the CANDIDATES best lower bounds (512, as
 * many as the index collects at first), and how many rows a search for the
 * ten nearest would have to look up.
 */
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "hamnet/codes.h"
#include "hamnet/linear.h"

#define ROWS 184				/* of a block, as on a page */
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

static HnCodeBlock
encode_block(const HnCodeSpace *space, const float *x, int first, int count)
{
	int			k = space->coordinates;
	int			rest_count = k - HN_CODE_LEAD;
	double	   *wide = allocate((size_t) count * space->dim, sizeof(double));
	double	   *scratch = allocate((size_t) count * k, sizeof(double));
	HnCode	   *codes = allocate(count, sizeof(HnCode));
	/* As on a page: all in one piece, the columns first. */
	uint8_t    *page = allocate(ROWS, k + 2 * sizeof(uint16_t) + HN_CODE_ID_SIZE);
	uint16_t   *height = (uint16_t *) (page + HN_CODE_LEAD * ROWS);
	uint16_t   *error = height + ROWS;
	uint8_t    *rest = (uint8_t *) (error + ROWS);
	uint8_t    *ids = rest + ROWS * rest_count;

	widen(x + (size_t) first * space->dim, (size_t) count * space->dim, wide);
	hn_code_encode(space, wide, count, scratch, codes);
	for (int i = 0; i < count; i++)
	{
		uint16_t	id[3] = {(uint16_t) ((first + i) >> 16), (uint16_t) (first + i), 1};

		for (int j = 0; j < HN_CODE_LEAD; j++)
			page[j * ROWS + i] = codes[i].codes[j];
		memcpy(rest + i * rest_count, codes[i].codes + HN_CODE_LEAD, rest_count);
		height[i] = codes[i].height;
		error[i] = codes[i].error;
		memcpy(ids + i * HN_CODE_ID_SIZE, id, sizeof(id));
	}
	free(wide);
	free(scratch);
	free(codes);
	return (HnCodeBlock)
	{
		count, {ROWS, page, height, error, NULL}, rest, ids
	};
}

/* How many lower bounds are at most the true distance of the K_NEAREST nearest? */
static int
count_lookups(const HnCodeQuery *query, const HnCodeBlock *blocks, int block_count,
			  const float *x, int n, int dim, const float *q)
{
	double	   *distances = allocate(n, sizeof(double));
	int			wanted = 1 << 17 < n ? 1 << 17 : n;
	HnCandidate *items = allocate(2 * (size_t) wanted, sizeof(HnCandidate));
	HnCandidates candidates;
	int			lookups = 0;

	for (int i = 0; i < n; i++)
		distances[i] = sqrt(hn_simd()->l2_squared(q, x + (size_t) i * dim, dim));
	hn_candidates_begin(&candidates, items, wanted, (HnCandidate) {-INFINITY, 0});
	for (int b = 0; b < block_count; b++)
		hn_code_search(&blocks[b], query, HN_METRIC_L2, &candidates);
	hn_candidates_finish(&candidates);
	qsort(distances, n, sizeof(double), compare_doubles);
	while (lookups < candidates.count && items[lookups].value <= distances[K_NEAREST - 1])
		lookups++;
	free(distances);
	free(items);
	return lookups;
}

int
main(int argc, char **argv)
{
	int			wanted = argc > 2 ? atoi(argv[2]) : 512;
	int			coordinates = argc > 3 ? atoi(argv[3]) : 32;
	int			queries = argc > 4 ? atoi(argv[4]) : 51;
	int			n;
	int			dim;
	float	   *x;
	HnCodeSpace space;
	HnCodeBlock *blocks;
	int			block_count;
	double	   *times;
	double	   *lookups;
	HnCandidate *items;

	if (argc < 2 || wanted < 1 || queries < 1 || coordinates < HN_CODE_UNIT || coordinates > HN_CODE_MAX ||
		coordinates % HN_CODE_UNIT != 0)
		die("usage: scan_limit FILE [CANDIDATES [COORDINATES [QUERIES]]]");
	hn_blas_single_thread();
	x = read_copy(argv[1], &n, &dim);
	if (n < K_NEAREST)
		die("too few fingerprints");
	space = (HnCodeSpace)
	{
		dim, coordinates, allocate(hn_code_space_values(dim, coordinates), sizeof(double))
	};
	fit(&space, x, n);
	block_count = (n + ROWS - 1) / ROWS;
	blocks = allocate(block_count, sizeof(HnCodeBlock));
	for (int b = 0; b < block_count; b++)
		blocks[b] = encode_block(&space, x, b * ROWS, n - b * ROWS < ROWS ? n - b * ROWS : ROWS);

	times = allocate(queries, sizeof(double));
	lookups = allocate(queries, sizeof(double));
	items = allocate(2 * (size_t) wanted, sizeof(HnCandidate));
	for (int i = 0; i < queries; i++)
	{
		const float *q = x + (size_t) i * (n / queries) * dim;
		double	   *wide = allocate(dim, sizeof(double));
		double		scratch[HN_CODE_MAX];
		HnCodeQuery query;
		HnCandidates candidates;
		double		start;

		widen(q, dim, wide);
		hn_code_query(&space, wide, cblas_snrm2(dim, q, 1), scratch, &query);
		start = now();
		hn_candidates_begin(&candidates, items, wanted, (HnCandidate) {-INFINITY, 0});
		for (int b = 0; b < block_count; b++)
			hn_code_search(&blocks[b], &query, HN_METRIC_L2, &candidates);
		hn_candidates_finish(&candidates);
		times[i] = now() - start;
		lookups[i] = count_lookups(&query, blocks, block_count, x, n, dim, q);
		free(wide);
	}
	qsort(times, queries, sizeof(double), compare_doubles);
	qsort(lookups, queries, sizeof(double), compare_doubles);
	printf("%d rows, %d coordinates: %.3f ms a search (median of %d, CPU time), %.0f look-ups for %d nearest (median; %.0f at 95 %%)\n",
		   n, coordinates, times[queries / 2], queries, lookups[queries / 2], K_NEAREST, lookups[queries * 95 / 100]);
	return 0;
}
