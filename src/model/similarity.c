/*
 * similarity.c: a scale of similarity that random pairs of molecules define.
 */
#include "hamnet/similarity.h"

#include <math.h>

/* Similarity of the last knot; knots are evenly spaced below it. */
#define LAST_KNOT 0.5

/* Cosine distances, from 0 to 2, are counted in so many bins. */
#define BINS 65536

double
hn_similarity(const HnFingerprintConfig *config, double cosine_distance)
{
	const double *knots = config->similarity;
	const double step = LAST_KNOT / (HN_SIMILARITY_KNOTS - 1);
	int			k = 0;

	if (!(cosine_distance < knots[0]))
		return 0;
	if (cosine_distance <= 0)
		return 1;
	while (k < HN_SIMILARITY_KNOTS - 1 && cosine_distance <= knots[k + 1])
		k++;
	if (k == HN_SIMILARITY_KNOTS - 1)
		return 1 - (1 - LAST_KNOT) * cosine_distance / knots[k];
	return step * (k + (knots[k] - cosine_distance) / (knots[k] - knots[k + 1]));
}

/* Count the cosine distances of all pairs in bins [BINS]. */
static HnStatus
count_pairs(HnContext *context, const float *fingerprints, int dim, int rows, double *bins)
{
	double	   *lengths;

	HN_NEW(context, lengths, rows);
	for (int i = 0; i < rows; i++)
	{
		const float *a = fingerprints + (size_t) i * dim;
		double		squares = 0;

		for (int k = 0; k < dim; k++)
			squares += (double) a[k] * a[k];
		lengths[i] = sqrt(squares);
		if (hn_interrupted(context))
			return context->status;
		for (int j = 0; j < i; j++)
		{
			const float *b = fingerprints + (size_t) j * dim;
			double		product = 0;
			double		cosine;

			for (int k = 0; k < dim; k++)
				product += (double) a[k] * b[k];
			cosine = lengths[i] * lengths[j] > 0 ? product / (lengths[i] * lengths[j]) : 0;
			bins[(int) fmax(0, fmin(BINS - 1, (1 - cosine) / 2 * BINS))]++;
		}
	}
	return HN_OK;
}

HnStatus
hn_similarity_calibrate(HnContext *context, const float *fingerprints, int dim, int rows, HnFingerprintConfig *config)
{
	double		pairs = (double) rows * (rows - 1) / 2;
	double	   *bins;
	double		nearer = 0;
	int			bin = 0;

	if (rows < HN_CALIBRATION_ROWS)
		return hn_fail(context, HN_INVALID_ARGUMENT, "%d molecules are too few to calibrate with, at least %d are needed",
					   rows, HN_CALIBRATION_ROWS);
	HN_NEW_ZERO(context, bins, BINS);
	HN_TRY(count_pairs(context, fingerprints, dim, rows, bins));
	for (int k = HN_SIMILARITY_KNOTS - 1; k >= 0; k--)
	{
		while (bin < BINS && nearer + bins[bin] < pow(10, -k / 4.0) * pairs)
			nearer += bins[bin++];
		config->similarity[k] = 2.0 * (bin + 1) / BINS;
		if (k < HN_SIMILARITY_KNOTS - 1 && config->similarity[k] <= config->similarity[k + 1])
			return hn_fail(context, HN_INVALID_ARGUMENT, "distances of random pairs are too much alike to make a scale");
	}
	config->calibrated = true;
	return HN_OK;
}
