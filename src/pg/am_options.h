/*
 * am_options.h: what loading the module has to do for the access method.
 */
#ifndef HAMNET_PG_AM_OPTIONS_H
#define HAMNET_PG_AM_OPTIONS_H

/* Make the storage parameters of hamnet indexes known to the server. */
extern void InitIndexOptions(void);

#endif
