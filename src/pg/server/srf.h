/*
 * server/srf.h: functions that return rows all at once.
 */
#ifndef HAMNET_SERVER_SRF_H
#define HAMNET_SERVER_SRF_H

#include "fmgr.h"
#include "utils/tuplestore.h"

typedef struct RowSet
{
	Tuplestorestate *store;
	TupleDesc	descriptor;
} RowSet;

/* Prepare to return rows of the type that the query expects. */
extern RowSet BeginRows(FunctionCallInfo fcinfo);

/* Add one row; nulls may be NULL when no column is. */
extern void AddRow(RowSet *rows, const Datum *values, const bool *nulls);

#endif
