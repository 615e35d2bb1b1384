/*
 * standardise.h: fingerprints and descriptors as heads compare and multiply
 * them: columns v = log(1 + x), then descriptors, each as
 * clip((v - center) * scale, -127, 127), HN_BYTE_STEPS to a standard
 * deviation. A fingerprint with a projection has negative x too: v = −log(1 − x).
 */
#ifndef HAMNET_STANDARDISE_H
#define HAMNET_STANDARDISE_H

#include <math.h>

#include "hamnet/gp.h"

/* Columns: the first `fingerprint` of the width are the fingerprint's, the others descriptors. */
typedef struct HnColumns
{
	int			fingerprint;
	int			width;
	float	   *center;			/* [width] */
	float	   *scale;			/* [width] not negative; 0 for a constant column */
} HnColumns;

/* log(1 + x) in the precision of a real. */
static inline real
hn_log1p(real x)
{
	return sizeof(real) == sizeof(float) ? (real) log1pf((float) x) : (real) log1p(x);
}

/* v of a column of the fingerprint. */
static inline real
hn_fingerprint_log(real x)
{
	return x < 0 ? -hn_log1p(-x) : hn_log1p(x);
}

/* Center and scale of each column over n rows of the inputs, where its value is known. */
extern void hn_measure_columns(const HnColumns *columns, const HnInputs *inputs, const int *rows, int n);

/* One row of the inputs, [width]; 0 where a value is not known. */
extern void hn_standardise(const HnColumns *columns, const HnInputs *inputs, int row, real *steps);

#endif
