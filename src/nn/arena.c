/*
 * arena.c: memory for one piece of work, freed all at once.
 */
#include "hamnet/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifndef __has_feature
#define __has_feature(feature) 0
#endif

/*
 * To AddressSanitizer a block is one allocation, which would hide that an
 * array within it is overrun. So what is not cut from a block is forbidden
 * ground, and at least one byte of it follows every array.
 */
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define FORBID(from, size) ASAN_POISON_MEMORY_REGION(from, size)
#define PERMIT(from, size) ASAN_UNPOISON_MEMORY_REGION(from, size)
#define RED_ZONE 1
#else
#define FORBID(from, size) ((void) 0)
#define PERMIT(from, size) ((void) 0)
#define RED_ZONE 0
#endif

/* Blocks grow with the arena between these sizes; larger requests get a block of their own size. */
#define FIRST_BLOCK ((size_t) 64 * 1024)
#define LARGEST_BLOCK ((size_t) 16 * 1024 * 1024)
#define DEFAULT_KEEP ((size_t) 64 * 1024 * 1024)

struct HnArenaBlock
{
	HnArenaBlock *next;
	size_t		size;			/* bytes at data */
	size_t		used;
	unsigned char *data;		/* aligned to HN_ARENA_ALIGNMENT, inside this block */
};

static void *
malloc_allocate(void *state, size_t size)
{
	(void) state;
	return malloc(size);
}

static void
malloc_release(void *state, void *block)
{
	(void) state;
	free(block);
}

const HnAllocator hn_malloc_allocator = {malloc_allocate, malloc_release, NULL};

void
hn_arena_init(HnArena *arena, HnAllocator allocator)
{
	arena->allocator = allocator;
	arena->first = NULL;
	arena->current = NULL;
	arena->keep = DEFAULT_KEEP;
}

/* A page of the larger kind, on the processors that we know. */
#define HUGE_PAGE ((size_t) 2 * 1024 * 1024)

/*
 * Ask for large pages where they fit: a prediction passes once over many
 * megabytes of a model, with a look into the page table every 4 kB otherwise. A
 * system that has none goes on as it is.
 */
static void
advise_huge_pages(const HnArenaBlock *block)
{
#ifdef MADV_HUGEPAGE
	size_t		skipped = -(uintptr_t) block->data & (HUGE_PAGE - 1);

	if (block->size >= skipped + HUGE_PAGE)
		(void) madvise(block->data + skipped, (block->size - skipped) & ~(HUGE_PAGE - 1), MADV_HUGEPAGE);
#else
	(void) block;
#endif
}

/* Append a block that can hold size bytes after the current one; NULL without memory. */
static HnArenaBlock *
add_block(HnArena *arena, size_t size)
{
	size_t		overhead = sizeof(HnArenaBlock) + HN_ARENA_ALIGNMENT;
	size_t		wanted = arena->current ? 2 * arena->current->size : FIRST_BLOCK;
	HnArenaBlock *block;

	if (wanted > LARGEST_BLOCK)
		wanted = LARGEST_BLOCK;
	if (wanted < size)
		wanted = size;
	if (wanted > SIZE_MAX - overhead)
		return NULL;

	block = arena->allocator.allocate(arena->allocator.state, wanted + overhead);
	if (block == NULL)
		return NULL;
	block->size = wanted;
	block->used = 0;
	block->data = (unsigned char *) (block + 1);
	block->data += -(uintptr_t) block->data & (HN_ARENA_ALIGNMENT - 1);
	advise_huge_pages(block);
	FORBID(block->data, block->size);
	if (arena->current)
	{
		block->next = arena->current->next;
		arena->current->next = block;
	}
	else
	{
		block->next = arena->first;
		arena->first = block;
	}
	return block;
}

void *
hn_arena_alloc(HnArena *arena, size_t count, size_t size)
{
	HnArenaBlock *block = arena->current;
	size_t		bytes;
	void	   *result;

	if (size != 0 && count > (SIZE_MAX - HN_ARENA_ALIGNMENT - RED_ZONE) / size)
		return NULL;
	bytes = (count * size + RED_ZONE + HN_ARENA_ALIGNMENT - 1) & ~(size_t) (HN_ARENA_ALIGNMENT - 1);

	if (block == NULL || block->size - block->used < bytes)
	{
		/* The next block is empty: a kept one, if it is large enough. */
		HnArenaBlock *next = block ? block->next : arena->first;

		block = (next && next->size >= bytes) ? next : add_block(arena, bytes);
		if (block == NULL)
			return NULL;
		arena->current = block;
	}
	result = block->data + block->used;
	block->used += bytes;
	PERMIT(result, count * size);
#ifdef HAMNET_CHECKS
	/* NaN, -1 or a pointer to nowhere: whoever reads this before writing it gets noticed. */
	memset(result, 0xff, count * size);
#endif
	return result;
}

void *
hn_arena_alloc_zero(HnArena *arena, size_t count, size_t size)
{
	void	   *result = hn_arena_alloc(arena, count, size);

	if (result)
		memset(result, 0, count * size);
	return result;
}

HnArenaMark
hn_arena_mark(const HnArena *arena)
{
	return (HnArenaMark)
	{
		.block = arena->current,
		.used = arena->current ? arena->current->used : 0
	};
}

void
hn_arena_rewind(HnArena *arena, HnArenaMark mark)
{
	HnArenaBlock *block = mark.block ? mark.block->next : arena->first;

	for (; block != NULL; block = block->next)
	{
		FORBID(block->data, block->used);
		block->used = 0;
	}
	if (mark.block)
	{
		FORBID(mark.block->data + mark.used, mark.block->used - mark.used);
		mark.block->used = mark.used;
	}
	arena->current = mark.block;
}

/* Give back the blocks whose sizes, added up from the first, exceed limit. */
static void
release_beyond(HnArena *arena, size_t limit)
{
	HnArenaBlock **link = &arena->first;
	size_t		total = 0;

	while (*link != NULL)
	{
		HnArenaBlock *block = *link;

		if (block->size <= limit - total)
		{
			total += block->size;
			link = &block->next;
		}
		else
		{
			*link = block->next;
			PERMIT(block->data, block->size);
			arena->allocator.release(arena->allocator.state, block);
		}
	}
}

void
hn_arena_reset(HnArena *arena)
{
	hn_arena_rewind(arena, (HnArenaMark) {NULL, 0});
	release_beyond(arena, arena->keep);
}

void
hn_arena_destroy(HnArena *arena)
{
	hn_arena_rewind(arena, (HnArenaMark) {NULL, 0});
	release_beyond(arena, 0);
}
