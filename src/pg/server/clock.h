/*
 * server/clock.h: elapsed time, by a clock that nobody sets.
 */
#ifndef HAMNET_SERVER_CLOCK_H
#define HAMNET_SERVER_CLOCK_H

#include "portability/instr_time.h"

/* Return the time in seconds. Only differences mean something. */
static inline double
Seconds(void)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	return INSTR_TIME_GET_DOUBLE(now);
}

#endif
