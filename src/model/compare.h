/*
 * compare.h: orders for qsort.
 */
#ifndef HAMNET_COMPARE_H
#define HAMNET_COMPARE_H

static inline int
hn_compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

#endif
