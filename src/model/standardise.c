/*
 * standardise.c: fingerprints and descriptors on one scale.
 */
#include "standardise.h"

#include <string.h>

#include "hamnet/simd.h"

/* A column whose deviation is below this part of its size is constant but for rounding. */
#define MIN_DEVIATION 1e-6

/* One column of a row before it is standardised. */
static double
raw_value(const HnColumns *columns, const HnInputs *inputs, int row, int column)
{
	int			D = columns->fingerprint;

	if (column < D)
		return hn_fingerprint_log(inputs->fingerprints[(size_t) row * D + column]);
	return inputs->descriptors[(size_t) row * (columns->width - D) + column - D];
}

void
hn_measure_columns(const HnColumns *columns, const HnInputs *inputs, const int *rows, int n)
{
	for (int k = 0; k < columns->width; k++)
	{
		double		sum = 0;
		double		squares = 0;
		double		deviation;
		int			count = 0;

		for (int i = 0; i < n; i++)
		{
			double		value = raw_value(columns, inputs, rows[i], k);

			sum += isnan(value) ? 0 : value;
			count += !isnan(value);
		}
		columns->center[k] = count > 0 ? (float) (sum / count) : 0;
		for (int i = 0; i < n; i++)
		{
			double		difference = raw_value(columns, inputs, rows[i], k) - columns->center[k];

			squares += isnan(difference) ? 0 : difference * difference;
		}
		deviation = count > 0 ? sqrt(squares / count) : 0;
		columns->scale[k] = deviation > MIN_DEVIATION * (1 + fabs(columns->center[k]))
			? HN_BYTE_STEPS / (float) deviation : 0;
	}
}

void
hn_standardise(const HnColumns *columns, const HnInputs *inputs, int row, real *steps)
{
	size_t		D = (size_t) columns->fingerprint;
	size_t		others = (size_t) columns->width - D;

	for (size_t k = 0; k < D; k++)
		steps[k] = (real) fabs(inputs->fingerprints[row * D + k]);
	hn_simd()->log1p(steps, D);
	for (size_t k = 0; k < D; k++)
		steps[k] = inputs->fingerprints[row * D + k] < 0 ? -steps[k] : steps[k];
	if (others > 0)
		memcpy(steps + D, inputs->descriptors + row * others, others * sizeof(real));
	for (int k = 0; k < columns->width; k++)
	{
		real		step = (steps[k] - columns->center[k]) * columns->scale[k];

		steps[k] = isnan(step) ? 0 : step < -127 ? -127 : step > 127 ? 127 : step;
	}
}
