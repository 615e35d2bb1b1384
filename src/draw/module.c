/*
 * draw/module.c: the module hamnet_draw, which is loaded when a session draws
 * its first molecule.
 *
 * RDKit's drawing brings a score of libraries along, cairo and X11 among them.
 * Loading them takes an eighth of a connection's first call, which sessions that never
 * draw need not pay.
 */
#include "postgres.h"

#include "fmgr.h"

#include "hamnet/draw.h"

PG_MODULE_MAGIC;

PGDLLEXPORT extern const char *hamnet_draw_version(void);
PGDLLEXPORT extern HnDraw *hamnet_draw_function(void);

/* The version that the module was built with. */
const char *
hamnet_draw_version(void)
{
	return HAMNET_VERSION;
}

HnDraw *
hamnet_draw_function(void)
{
	return hn_draw;
}
