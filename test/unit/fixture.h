/*
 * fixture.h: what the tests of heads begin with: an arena and a context that
 * are new for each test, and numbers that are the same each time.
 */
#ifndef HAMNET_TEST_FIXTURE_H
#define HAMNET_TEST_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "hamnet/context.h"

static HnArena arena;
static HnContext context;
static uint64_t random_state;

static int
set_up(void **state)
{
	(void) state;
	hn_arena_init(&arena, hn_malloc_allocator);
	hn_context_init(&context, &arena, NULL, NULL);
	random_state = 1;
	return 0;
}

static int
tear_down(void **state)
{
	(void) state;
	hn_arena_destroy(&arena);
	return 0;
}

/* Uniform in 0 .. 1. */
static double
uniform(void)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (double) (random_state >> 40) / (1 << 24);
}

static void *
get(size_t count, size_t size)
{
	void	   *memory = hn_arena_alloc_zero(&arena, count, size);

	assert_non_null(memory);
	return memory;
}

#define GET(type, count) ((type *) get((count), sizeof(type)))

static void
expect_ok(HnStatus status)
{
	if (status != HN_OK)
		fail_msg("%s", context.message);
}

#endif
