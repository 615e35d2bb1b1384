/*
 * server/query.h: the rows of a user's query, read by a cursor, so that memory
 * does not grow with their number. SPI must be connected; the query runs with
 * the caller's rights.
 *
 *	UserQuery	query;
 *	HeapTuple	row;
 *
 *	PrepareUserQuery(&query, "SELECT ...");
 *	OpenUserQuery(&query);
 *	while ((row = NextRow(&query)) != NULL)
 *		...;
 *	CloseUserQuery(&query);
 */
#ifndef HAMNET_SERVER_QUERY_H
#define HAMNET_SERVER_QUERY_H

#include "executor/spi.h"

/* Rows fetched at a time. */
#define FETCH_ROWS 256

typedef struct UserQuery
{
	SPIPlanPtr	plan;
	Portal		cursor;
	TupleDesc	columns;		/* of its rows */
	SPITupleTable *rows;		/* of the last fetch */
	int			count;			/* of these */
	int			next;			/* row of these for NextRow */
} UserQuery;

/* Parse a query. An error (22023) unless it is a single SELECT that returns columns, and neither changes nor locks rows. */
extern void PrepareUserQuery(UserQuery *query, const char *text);

/* Run it. */
extern void OpenUserQuery(UserQuery *query);

/* Return the next row, NULL at the end. It is valid until the next call, in which a cancel is served. */
extern HeapTuple NextRow(UserQuery *query);

/* Fetch the next rows, at most FETCH_ROWS, instead of them those before; returns their number, 0 at the end. */
extern int	FetchRows(UserQuery *query);

/*
 * In PG_CATCH: rethrow an error, without what its context says of a query that is
 * not the caller's. memory is any context that outlives the error's.
 */
extern void RethrowWithoutQuery(const char *query, MemoryContext memory) __attribute__((noreturn));

/* Close the cursor: an open one keeps the query's tables in use for the rest of the transaction. */
extern void CloseUserQuery(UserQuery *query);

#endif
