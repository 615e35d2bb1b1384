/*
 * search/axes.h: principal axes, which index keys are computed with.
 *
 * Keys in an index are right only as long as the axes they were computed with
 * stay what they are. So axes are known by a SHA-256 of their content, which
 * is checked whenever they are read: they may go missing, which is an error,
 * but can never change.
 */
#ifndef HAMNET_SEARCH_AXES_H
#define HAMNET_SEARCH_AXES_H

#include "hamnet/codes.h"

/*
 * Hexadecimal digits of a name: half of a SHA-256. pg_get_indexdef writes an
 * option that begins with a letter as an identifier, of which only the first
 * NAMEDATALEN - 1 bytes count: all of a SHA-256 would be one too many.
 */
#define AXES_ID_LENGTH 32

/*
 * The axes with that identity. They stay in memory as long as the backend
 * does; those that the present transaction has stored go if it or one of its
 * subtransactions is rolled back. Errors: there are none of that name, or they are damaged.
 */
extern const HnCodeSpace *GetAxes(const char *id);

/* Load axes, if there are sound ones of that name, so that GetAxes will read no table. */
extern void LoadAxes(const char *id);

#endif
