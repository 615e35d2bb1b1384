/*
 * Tests of the arena: alignment, overflow, marks and rewinds, reuse after a
 * reset, the limit on what is kept, and an allocator that runs dry.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hamnet/arena.h"

/* An allocator that counts, and that gives no more than a budget of blocks. */
typedef struct Counter
{
	int			live;			/* blocks given out and not released */
	size_t		bytes;			/* of these */
	int			given;			/* blocks ever given out */
	int			budget;			/* blocks it may still give */
} Counter;

static void *
counted_allocate(void *state, size_t size)
{
	Counter    *counter = state;
	size_t	   *block;			/* its size comes before it */

	if (counter->budget == 0)
		return NULL;
	block = malloc(sizeof(*block) + size);
	assert_non_null(block);
	*block = size;
	counter->budget--;
	counter->given++;
	counter->live++;
	counter->bytes += size;
	return block + 1;
}

static void
counted_release(void *state, void *block)
{
	Counter    *counter = state;
	size_t	   *start = (size_t *) block - 1;

	counter->live--;
	counter->bytes -= *start;
	free(start);
}

static void
init_counted(HnArena *arena, Counter *counter, int budget)
{
	*counter = (Counter)
	{
		.budget = budget
	};
	hn_arena_init(arena, (HnAllocator) {counted_allocate, counted_release, counter});
}

/* Every allocation is aligned, writable in full, and apart from the others. */
static void
test_allocations(void **state)
{
	enum
	{
		COUNT = 3000
	};
	static unsigned char *pieces[COUNT];
	static size_t sizes[COUNT];
	HnArena		arena;
	uint32_t	random = 1;

	(void) state;
	hn_arena_init(&arena, hn_malloc_allocator);
	for (int i = 0; i < COUNT; i++)
	{
		random = random * UINT32_C(1664525) + UINT32_C(1013904223);
		sizes[i] = (random >> 16) % (i % 100 == 0 ? 60000 : 300);
		pieces[i] = hn_arena_alloc(&arena, sizes[i], 1);
		assert_non_null(pieces[i]);
		assert_int_equal((uintptr_t) pieces[i] % HN_ARENA_ALIGNMENT, 0);
		memset(pieces[i], i & 0xff, sizes[i]);
	}
	for (int i = 0; i < COUNT; i++)
		for (size_t k = 0; k < sizes[i]; k++)
			assert_int_equal(pieces[i][k], i & 0xff);
	hn_arena_destroy(&arena);
}

static void
test_zeroed(void **state)
{
	HnArena		arena;
	HnArenaMark start;
	unsigned char *piece;

	(void) state;
	hn_arena_init(&arena, hn_malloc_allocator);
	start = hn_arena_mark(&arena);
	memset(hn_arena_alloc(&arena, 1000, 7), 0xff, 7000);
	hn_arena_rewind(&arena, start);
	piece = hn_arena_alloc_zero(&arena, 1000, 7);
	for (int i = 0; i < 7000; i++)
		assert_int_equal(piece[i], 0);
	hn_arena_destroy(&arena);
}

/* Requests whose size does not fit a size_t, or that no allocator could serve, give NULL and do no harm. */
static void
test_overflow(void **state)
{
	static const size_t requests[][2] = {
		{SIZE_MAX, 1}, {1, SIZE_MAX}, {SIZE_MAX, SIZE_MAX}, {SIZE_MAX / 2 + 1, 2},
		{SIZE_MAX - HN_ARENA_ALIGNMENT, 1}, {SIZE_MAX - HN_ARENA_ALIGNMENT + 1, 1},
		{SIZE_MAX / 8, 8}, {(size_t) 1 << (sizeof(size_t) * 4), (size_t) 1 << (sizeof(size_t) * 4)},
	};
	HnArena		arena;
	Counter		counter;

	(void) state;
	init_counted(&arena, &counter, 1);
	assert_non_null(hn_arena_alloc(&arena, 10, 10));
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
	{
		assert_null(hn_arena_alloc(&arena, requests[i][0], requests[i][1]));
		assert_null(hn_arena_alloc_zero(&arena, requests[i][0], requests[i][1]));
	}
	assert_non_null(hn_arena_alloc(&arena, SIZE_MAX, 0));
	assert_non_null(hn_arena_alloc(&arena, 0, SIZE_MAX));
	assert_non_null(hn_arena_alloc(&arena, 10, 10));
	hn_arena_destroy(&arena);
	assert_int_equal(counter.live, 0);
}

/* After a rewind the same requests get the same places, and what was before the mark is untouched. */
static void
test_rewind(void **state)
{
	HnArena		arena;
	HnArenaMark mark;
	unsigned char *before;
	void	   *first[50];
	Counter		counter;
	int			given;

	(void) state;
	init_counted(&arena, &counter, -1);
	before = hn_arena_alloc(&arena, 5000, 1);
	memset(before, 0xa5, 5000);
	mark = hn_arena_mark(&arena);
	for (int i = 0; i < 50; i++)
		first[i] = hn_arena_alloc(&arena, 9000, 1);
	given = counter.given;

	for (int round = 0; round < 3; round++)
	{
		hn_arena_rewind(&arena, mark);
		for (int i = 0; i < 50; i++)
		{
			void	   *again = hn_arena_alloc(&arena, 9000, 1);

			assert_ptr_equal(again, first[i]);
			memset(again, round, 9000);
		}
	}
	assert_int_equal(counter.given, given);
	for (int i = 0; i < 5000; i++)
		assert_int_equal(before[i], 0xa5);
	hn_arena_destroy(&arena);
}

/* Marks nest: rewinding to the inner one and then to the outer one frees all after the outer one. */
static void
test_nested_marks(void **state)
{
	HnArena		arena;
	HnArenaMark outer;
	HnArenaMark inner;
	void	   *after_outer;
	void	   *after_inner;

	(void) state;
	hn_arena_init(&arena, hn_malloc_allocator);
	outer = hn_arena_mark(&arena);
	after_outer = hn_arena_alloc(&arena, 70000, 1);
	inner = hn_arena_mark(&arena);
	after_inner = hn_arena_alloc(&arena, 200000, 1);

	hn_arena_rewind(&arena, inner);
	assert_ptr_equal(hn_arena_alloc(&arena, 200000, 1), after_inner);
	hn_arena_rewind(&arena, inner);
	hn_arena_rewind(&arena, outer);
	assert_ptr_equal(hn_arena_alloc(&arena, 70000, 1), after_outer);
	hn_arena_destroy(&arena);
}

/* A warmed-up arena serves the same work again without asking for memory. */
static void
test_reuse_after_reset(void **state)
{
	HnArena		arena;
	Counter		counter;
	int			given = 0;

	(void) state;
	init_counted(&arena, &counter, -1);
	for (int round = 0; round < 5; round++)
	{
		for (int i = 0; i < 200; i++)
			assert_non_null(hn_arena_alloc(&arena, 1000 + 37 * i, sizeof(float)));
		if (round == 0)
			given = counter.given;
		assert_int_equal(counter.given, given);
		hn_arena_reset(&arena);
	}
	assert_true(given > 0);
	hn_arena_destroy(&arena);
	assert_int_equal(counter.live, 0);
}

/* A reset keeps no more than the limit, and the arena works on. */
static void
test_keep_limit(void **state)
{
	static const size_t limits[] = {0, 1, 100 * 1024, 1024 * 1024, SIZE_MAX};

	(void) state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
	{
		HnArena		arena;
		Counter		counter;
		size_t		full;

		init_counted(&arena, &counter, -1);
		arena.keep = limits[i];
		for (int k = 0; k < 20; k++)
			assert_non_null(hn_arena_alloc(&arena, 50000, 1));
		assert_non_null(hn_arena_alloc(&arena, 3000000, 1));
		full = counter.bytes;
		hn_arena_reset(&arena);
		assert_true(counter.bytes <= limits[i] + limits[i] / 100);
		if (limits[i] >= full)
			assert_int_equal(counter.bytes, full);
		if (limits[i] == 0)
			assert_int_equal(counter.live, 0);
		assert_non_null(hn_arena_alloc(&arena, 3000000, 1));
		hn_arena_destroy(&arena);
		assert_int_equal(counter.live, 0);
		assert_non_null(hn_arena_alloc(&arena, 10, 1));
		hn_arena_destroy(&arena);
		assert_int_equal(counter.live, 0);
	}
}

/* Without memory an allocation gives NULL, what was cut before stays, and later requests may succeed. */
static void
test_failing_allocator(void **state)
{
	(void) state;
	for (int budget = 0; budget < 4; budget++)
	{
		HnArena		arena;
		Counter		counter;
		unsigned char *last = NULL;
		unsigned char *piece;

		init_counted(&arena, &counter, budget);
		while ((piece = hn_arena_alloc(&arena, 30000, 1)) != NULL)
		{
			last = piece;
			memset(last, 0x5a, 30000);
		}
		assert_int_equal(counter.given, budget);
		assert_null(hn_arena_alloc_zero(&arena, 30000, 1));
		if (last)
			for (int i = 0; i < 30000; i++)
				assert_int_equal(last[i], 0x5a);
		counter.budget = 1;
		assert_non_null(hn_arena_alloc(&arena, 30000, 1));
		hn_arena_destroy(&arena);
		assert_int_equal(counter.live, 0);
	}
}

#ifdef HAMNET_CHECKS
#include <sanitizer/asan_interface.h>

/* In a build with checks, no byte is readable but those that were asked for, and those are no zeros. */
static void
test_forbidden(void **state)
{
	static const size_t sizes[] = {1, 7, 8, 63, 64, 65, 1000, 100000};
	HnArena		arena;
	HnArenaMark mark;
	unsigned char *last = NULL;

	(void) state;
	hn_arena_init(&arena, hn_malloc_allocator);
	mark = hn_arena_mark(&arena);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
	{
		last = hn_arena_alloc(&arena, sizes[i], 1);
		assert_null(__asan_region_is_poisoned(last, sizes[i]));
		assert_true(__asan_address_is_poisoned(last + sizes[i]));
		assert_int_equal(last[sizes[i] - 1], 0xff);
	}
	hn_arena_rewind(&arena, mark);
	assert_true(__asan_address_is_poisoned(last));
	hn_arena_destroy(&arena);
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef HAMNET_CHECKS
		cmocka_unit_test(test_forbidden),
#endif
		cmocka_unit_test(test_allocations),
		cmocka_unit_test(test_zeroed),
		cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_rewind),
		cmocka_unit_test(test_nested_marks),
		cmocka_unit_test(test_reuse_after_reset),
		cmocka_unit_test(test_keep_limit),
		cmocka_unit_test(test_failing_allocator),
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
