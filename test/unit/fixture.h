/*
 * fixture.h: what tests begin with: an arena and a context that are new for each
 * test, and numbers that are the same each time.
 */
#ifndef HAMNET_TEST_FIXTURE_H
#define HAMNET_TEST_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "hamnet/chem.h"
#include "hamnet/context.h"

static HnArena arena;
static HnContext context;
static uint64_t random_state;

static inline int
set_up(void **state)
{
	(void) state;
	hn_arena_init(&arena, hn_malloc_allocator);
	hn_context_init(&context, &arena, NULL, NULL);
	random_state = 1;
	return 0;
}

static inline int
tear_down(void **state)
{
	(void) state;
	hn_arena_destroy(&arena);
	return 0;
}

/* Return the next number, uniform in 0 .. 1. */
static inline double
uniform(void)
{
	random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (double) (random_state >> 40) / (1 << 24);
}

/* Return the largest magnitude among numbers; without fmax(), for which gcc 12 ends with an internal error on arm64. */
static inline double
largest_magnitude(const real *values, size_t count)
{
	double		largest = 0;

	for (size_t k = 0; k < count; k++)
	{
		double		magnitude = fabs((double) values[k]);

		if (magnitude > largest)
			largest = magnitude;
	}
	return largest;
}

/* Return cleared memory of the arena. */
static inline void *
get(size_t count, size_t size)
{
	void	   *memory = hn_arena_alloc_zero(&arena, count, size);

	assert_non_null(memory);
	return memory;
}

#define GET(type, count) ((type *) get((count), sizeof(type)))

/* Fail with the reason, where a call did. */
static inline void
must(HnStatus status)
{
	if (status != HN_OK)
		fail_msg("%s", context.message);
}

/* Golden values hold for RDKit from 2022.09 on, but for a molecule that those from 2025.03 on do not read. */
static inline bool
golden_is_read(const char *smiles)
{
	HnGraph		graph;

	return strcmp(smiles, "F[P](F)(F)(F)(F)F") != 0 ||
		hn_graph_from_smiles(&context, smiles, &hn_features_2021, 1000, &graph) == HN_OK;
}

#endif
