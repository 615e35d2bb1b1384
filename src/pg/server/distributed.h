/*
 * server/distributed.h: tables of Citus, whose rows lie in tables of other names.
 */
#ifndef HAMNET_SERVER_DISTRIBUTED_H
#define HAMNET_SERVER_DISTRIBUTED_H

#include "postgres.h"

/* Return whether Citus keeps the rows of a table elsewhere: the table itself then has none, though queries find them. */
extern bool IsDistributed(Oid table);

#endif
