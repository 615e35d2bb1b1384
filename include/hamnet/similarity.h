/*
 * similarity.h: a scale of similarity that random pairs of molecules define.
 *
 * Of a model that was calibrated, fingerprint_config.similarity[k] is the cosine
 * distance that a share 10^(−k / 4) of random pairs of molecules is nearer than;
 * the first is the farthest pair. A pair at knot k has the similarity k / 24, so
 * that 0.5, the last knot's, is nearer than 999 of 1,000 random pairs, 1/3 than
 * 99 of 100 and 1/6 than 9 of 10. In between, and from the last knot to the
 * distance 0, whose similarity is 1, it is linear in the distance.
 */
#ifndef HAMNET_SIMILARITY_H
#define HAMNET_SIMILARITY_H

#include "hamnet/model.h"

/* At least so many molecules make a scale: the last knot has a thousandth of their pairs. */
#define HN_CALIBRATION_ROWS 200

/* Return the similarity, 0 to 1, of a pair at this cosine distance. */
extern double hn_similarity(const HnFingerprintConfig *config, double cosine_distance);

/*
 * Set the scale of config by all pairs of `rows` fingerprints [rows, D] of
 * random molecules. HN_INVALID_ARGUMENT for fewer than HN_CALIBRATION_ROWS, or
 * where the distances of pairs are too much alike to tell knots apart;
 * HN_INTERRUPTED.
 */
extern HnStatus hn_similarity_calibrate(HnContext *context, const float *fingerprints, int dim, int rows,
										HnFingerprintConfig *config);

#endif
