/*
 * filter.c: conditions on columns of numbers.
 */
#include "hamnet/filter.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* A loop that compilers turn into vectors. */
#define KEEP_WITHIN(type) \
static void \
keep_within_##type(const type *values, type low, type high, int n, uint8_t *keep) \
{ \
	for (int i = 0; i < n; i++) \
		keep[i] &= values[i] >= low && values[i] <= high; \
}

KEEP_WITHIN(int16_t)
KEEP_WITHIN(int32_t)
KEEP_WITHIN(int64_t)

void
hn_filter_range(const void *values, int width, int64_t low, int64_t high, int n, uint8_t *keep)
{
	int64_t		least = width == 8 ? INT64_MIN : -(INT64_C(1) << (8 * width - 1));
	int64_t		most = -(least + 1);

	if (low > most || high < least || low > high)
	{
		memset(keep, 0, n);
		return;
	}
	low = low < least ? least : low;
	high = high > most ? most : high;
	switch (width)
	{
		case 2:
			keep_within_int16_t(values, (int16_t) low, (int16_t) high, n, keep);
			break;
		case 4:
			keep_within_int32_t(values, (int32_t) low, (int32_t) high, n, keep);
			break;
		default:
			keep_within_int64_t(values, low, high, n, keep);
			break;
	}
}

int32_t
hn_order_of_float(float value)
{
	int32_t		bits;

	if (isnan(value))
		return INT32_MAX;
	value += 0;					/* -0 becomes 0 */
	memcpy(&bits, &value, sizeof(bits));
	return bits ^ ((bits >> 31) & INT32_MAX);
}

int64_t
hn_order_of_double(double value)
{
	int64_t		bits;

	if (isnan(value))
		return INT64_MAX;
	value += 0;
	memcpy(&bits, &value, sizeof(bits));
	return bits ^ ((bits >> 63) & INT64_MAX);
}
