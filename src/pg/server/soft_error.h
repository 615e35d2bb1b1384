/*
 * server/soft_error.h: ereturn for servers that lack it.
 *
 * PostgreSQL 16 lets an input function report bad input without an error
 * being thrown. Before that, every report is an error.
 */
#ifndef HAMNET_SERVER_SOFT_ERROR_H
#define HAMNET_SERVER_SOFT_ERROR_H

#if PG_VERSION_NUM < 160000
#define ereturn(context, dummy_value, ...) ereport(ERROR, __VA_ARGS__)
#endif

#endif
