/*
 * context.h: what the core is handed in place of a server.
 *
 * The core never calls PostgreSQL. It allocates from an arena, asks a
 * callback whether to stop, and reports failure by a status code and a
 * message; whoever called it decides what an error becomes.
 */
#ifndef HAMNET_CONTEXT_H
#define HAMNET_CONTEXT_H

#include <stdbool.h>

#include "hamnet/arena.h"
#include "hamnet/check.h"

/* Long enough for a reason with a quoted SMILES; longer messages are cut. */
#define HN_MESSAGE_SIZE 1024

typedef enum HnStatus
{
	HN_OK = 0,
	HN_INVALID_SMILES,			/* RDKit rejects the molecule */
	HN_TOO_LARGE,				/* more atoms, bonds or bytes than allowed */
	HN_INVALID_MODEL,			/* a model file that breaks its format */
	HN_INVALID_ARGUMENT,		/* a caller's mistake that data can cause */
	HN_NOT_FINITE,				/* infinity or NaN inside the network */
	HN_NO_CONFORMER,			/* RDKit finds no coordinates for the molecule */
	HN_OUT_OF_MEMORY,
	HN_INTERRUPTED,				/* the interrupt callback said stop */
	HN_INTERNAL					/* a library failed in a way we do not know */
} HnStatus;

typedef struct HnContext
{
	HnArena    *arena;
	bool		(*interrupted) (void *state);	/* NULL: never */
	void	   *interrupted_state;
	HnStatus	status;			/* of the last failure */
	char		message[HN_MESSAGE_SIZE];	/* lower case, no final period */
	const char *hint;			/* what helps, a static sentence; NULL where nothing is known to */
} HnContext;

/* Prepare a context; interrupted may be NULL. */
extern void hn_context_init(HnContext *context, HnArena *arena,
							bool (*interrupted) (void *state), void *state);

/* Record a failure and return its status, so that callers can `return hn_fail(...)`. */
extern HnStatus hn_fail(HnContext *context, HnStatus status, const char *format,...)
			__attribute__((format(printf, 3, 4)));

/* Add what helps to the failure just recorded, and return its status. */
extern HnStatus hn_hint(HnContext *context, const char *hint);

/* The failure that every NULL from the arena becomes. */
extern HnStatus hn_fail_memory(HnContext *context);

/* True, with the failure recorded, once the caller wants the work stopped. */
extern bool hn_interrupted(HnContext *context);

/* Return the failure of a call from the calling function. */
#define HN_TRY(call) \
	do { \
		HnStatus	hn_try_status = (call); \
		if (hn_try_status != HN_OK) \
			return hn_try_status; \
	} while (0)

/* Allocate count elements of *pointer from the context's arena, or return the failure. */
#define HN_NEW(context, pointer, count) \
	do { \
		(pointer) = hn_arena_alloc((context)->arena, (size_t) (count), sizeof(*(pointer))); \
		if ((pointer) == NULL) \
		{ \
			hn_fail_memory(context); \
			return HN_OUT_OF_MEMORY; \
		} \
	} while (0)

/* The same, cleared. */
#define HN_NEW_ZERO(context, pointer, count) \
	do { \
		(pointer) = hn_arena_alloc_zero((context)->arena, (size_t) (count), sizeof(*(pointer))); \
		if ((pointer) == NULL) \
		{ \
			hn_fail_memory(context); \
			return HN_OUT_OF_MEMORY; \
		} \
	} while (0)

#endif
