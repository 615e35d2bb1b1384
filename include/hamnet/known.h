/*
 * known.h: how far a molecule is from those that a head has learned from.
 *
 * A head may remember molecules of its training by their fingerprints, as rows
 * of bytes: those of the first generator, standardised and cut as Gaussian processes
 * do it, rounded to steps of 1/21 standard deviation. A Gaussian process that
 * compares fingerprints has such rows already; other heads keep a table.
 *
 *   distance(x, y) = sqrt(mean over columns of (x - y)²), in standard deviations
 *   novelty(x)     = least distance(x, known molecule) / the distance that counts as 1
 *
 * Both sides are rounded, so that the sum is one of integers, and the novelty of a
 * known molecule is 0 up to the rounding errors of the network.
 */
#ifndef HAMNET_KNOWN_H
#define HAMNET_KNOWN_H

#include "hamnet/predict.h"

/* Rows of a table. */
#define HN_MAX_KNOWN 4096

typedef struct HnKnown
{
	double		distance;		/* that counts as 1; in standard deviations, 1e-4 to 1e6 */
	int			rows;			/* of the table; 0 where a Gaussian process has them */
	int			width;			/* D, set by hn_model_shape */

	/* tables of the file */
	float	   *center;			/* [D] */
	float	   *scale;			/* [D] not negative; 0 for a constant column */
	int8_t	   *inputs;			/* [rows, D] */
} HnKnown;

static inline HnKnown *
hn_known(const HnHead *head)
{
	return (HnKnown *) head->parts[HN_KNOWN];
}

/* Return whether a head has rows of fingerprints without a table: those of its Gaussian process. */
extern bool hn_known_by_gp(const HnHead *head);

/*
 * Make a head remember molecules, given by fingerprints [count, dim], of which count
 * is at most HN_MAX_KNOWN; unless it has a Gaussian process that does, whose
 * rows are then those that count. Then set the distance that counts as 1: the 95th
 * percentile of the distances of the held molecules, fingerprints [held_count,
 * dim], or without such, of each known molecule from the nearest other.
 *
 * If that is 0, or there is nothing to measure, the head remembers nothing:
 * it has no HN_KNOWN. Tables come from the context's arena.
 */
extern HnStatus hn_known_make(HnContext *context, HnHead *head, int dim, const real *fingerprints, int count,
							  const real *held, int held_count);

/* Novelty of a molecule whose least sum of (x - y)² is that, in steps of 1/21 standard deviation; NaN if the head remembers none. */
extern double hn_known_scaled(const HnHead *head, int32_t least);

/* Novelty of molecules, fingerprints [count, D], NaN if the head remembers none. */
extern HnStatus hn_known_novelty(HnContext *context, const HnHead *head, const real *fingerprints, int count,
								 double *novelties);

#endif
