/*
 * floats.h: numbers in single precision, as files and products of rows have them.
 */
#ifndef HAMNET_FLOATS_H
#define HAMNET_FLOATS_H

#include "hamnet/context.h"
#include "hamnet/real.h"

/* Return numbers [count] as floats: themselves, or converted in the context's arena where real is double. */
static inline HnStatus
hn_as_floats(HnContext *context, const real *numbers, size_t count, const float **floats)
{
#ifdef HAMNET_DOUBLE
	float	   *converted;

	HN_NEW(context, converted, count);
	for (size_t i = 0; i < count; i++)
		converted[i] = (float) numbers[i];
	*floats = converted;
#else
	(void) context;
	(void) count;
	*floats = numbers;
#endif
	return HN_OK;
}

#endif
