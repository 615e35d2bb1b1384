/*
 * arena.h: memory for one piece of work, freed all at once.
 *
 * A forward pass makes many small arrays that die together. The arena cuts
 * them from large blocks, and keeps the blocks when it is reset, so that a
 * warmed-up arena serves the next molecule without asking anybody for memory.
 */
#ifndef HAMNET_ARENA_H
#define HAMNET_ARENA_H

#include <stddef.h>

/* Every allocation starts at a multiple of this: one cache line, one AVX-512 register. */
#define HN_ARENA_ALIGNMENT 64

/*
 * Where the arena gets its blocks from. allocate returns NULL when there is
 * no memory; it never jumps out. Blocks need no particular alignment.
 */
typedef struct HnAllocator
{
	void	   *(*allocate) (void *state, size_t size);
	void		(*release) (void *state, void *block);
	void	   *state;
} HnAllocator;

/* malloc and free, for programs without a server. */
extern const HnAllocator hn_malloc_allocator;

typedef struct HnArenaBlock HnArenaBlock;

typedef struct HnArena
{
	HnAllocator allocator;
	HnArenaBlock *first;		/* every block, in the order of use */
	HnArenaBlock *current;		/* the one being cut; NULL before the first */
	size_t		keep;			/* bytes that hn_arena_reset may keep */
} HnArena;

/* A position to rewind to. */
typedef struct HnArenaMark
{
	HnArenaBlock *block;
	size_t		used;
} HnArenaMark;

/* Make an empty arena. It holds no memory until the first allocation. */
extern void hn_arena_init(HnArena *arena, HnAllocator allocator);

/*
 * Cut count * size bytes, not cleared, aligned to HN_ARENA_ALIGNMENT. NULL if
 * the product overflows or the allocator has no memory. Zero bytes give a
 * valid pointer.
 */
extern void *hn_arena_alloc(HnArena *arena, size_t count, size_t size);

/* The same, cleared to zero bytes. */
extern void *hn_arena_alloc_zero(HnArena *arena, size_t count, size_t size);

/* Remember the present position; hn_arena_rewind frees all that came after it. */
extern HnArenaMark hn_arena_mark(const HnArena *arena);
extern void hn_arena_rewind(HnArena *arena, HnArenaMark mark);

/*
 * Free everything cut from the arena. Blocks are kept for reuse up to
 * arena->keep bytes (default 64 MiB); what one huge molecule needed beyond
 * that goes back to the allocator.
 */
extern void hn_arena_reset(HnArena *arena);

/* Give every block back. The arena may be used again afterwards. */
extern void hn_arena_destroy(HnArena *arena);

#endif
