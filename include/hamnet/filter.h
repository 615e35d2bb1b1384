/*
 * filter.h: conditions on columns of numbers, as ranges of integers.
 */
#ifndef HAMNET_FILTER_H
#define HAMNET_FILTER_H

#include <stdint.h>

/*
 * Clear keep[i] unless value i, a signed integer of that many bytes (2, 4 or 8),
 * is within low..high. values is aligned to its width.
 */
extern void hn_filter_range(const void *values, int width, int64_t low, int64_t high, int n, uint8_t *keep);

/* Numbers in the order of floats: -0 is 0, and NaN is the greatest. */
extern int32_t hn_order_of_float(float value);
extern int64_t hn_order_of_double(double value);

#endif
