/*
 * covariance.h: the covariance between molecules, for fitting and predicting.
 */
#ifndef HAMNET_COVARIANCE_H
#define HAMNET_COVARIANCE_H

#include "hamnet/gp.h"

#include "byte_rows.h"

/* Rows of covariance that training forms at a time. */
#define HN_COVARIANCE_BLOCK 256

/*
 * The counts of all rows, column by column: a molecule is compared with those
 * rows only that have a column of its own. Entries of column c are those from
 * starts[c] to before starts[c + 1], in the order of rows.
 */
typedef struct HnPostings
{
	int		   *starts;			/* [HN_COUNT_COLUMNS + 1] */
	uint16_t   *rows;			/* [entry_count] */
	uint8_t    *values;			/* [entry_count] */
	int		   *totals;			/* [n] Σ c of each row */
	real	   *norms;			/* [n] Σ log(1 + c)² */
} HnPostings;

/* The training rows in the order in which a molecule is compared with them. */
typedef struct HnPackedGp
{
	HnByteRows	fingerprints;	/* unset where the block is not used */
	HnByteRows	descriptors;
	HnPostings	counts;
	real	   *factors;		/* R [targets, HN_TRIANGLE_PANELS(m)], see below; unset without */
} HnPackedGp;

/*
 * A lower triangle [m, m] in panels of HN_PANEL rows, as hn_simd()->product reads
 * them: panel p has its first HN_PANEL (p + 1) columns, with zeros above the diagonal
 * and below the last row.
 */
#define HN_TRIANGLE_PANELS(m) (HN_PANEL * HN_PANEL * HN_TRIANGLE(((m) + HN_PANEL - 1) / HN_PANEL))

/* Pack the rows of a covariance in the context's arena; whoever changes them later packs them again. */
extern HnStatus hn_covariance_pack(HnContext *context, const HnGp *gp, HnPackedGp *packed);

/*
 * Standardised and cut inputs of one molecule of a Gaussian process: 21 x [w],
 * not rounded.
 */
extern void hn_gp_standardise(const HnGp *gp, const HnInputs *inputs, int row, real *steps);

/* Counts of training row i; offset is the sum of the lengths before it. */
extern HnCounts hn_gp_counts(const HnGp *gp, int row, int offset);

/* g(d²) in place over distances [count]. */
extern void hn_covariance_function(HnCovariance function, real *distances, size_t count);

/*
 * Compare the counts of one molecule with those of every one of n training
 * rows: t, unless similarities is NULL, and Σ (log(1 + c_x) - log(1 + c_y))², [n]
 * each.
 */
extern HnStatus hn_covariance_compare_counts(HnContext *context, const HnPostings *postings, int n, HnCounts counts,
										 real *similarities, real *distances);

/*
 * The covariance between queries and every training row, out [count, n]. Queries
 * are steps [count, w] as hn_gp_standardise makes them, and counts [count];
 * each is NULL where the covariance does not use it. Unless nearest [count] is
 * NULL, it receives each query's least |x - r|² to the fingerprint of a row, in
 * steps and with x rounded to them; the covariance must use fingerprints then.
 */
extern HnStatus hn_covariance_rows(HnContext *context, const HnGp *gp, const HnPackedGp *packed,
							   int count, const real *steps, const HnCounts *counts, real *out, int32_t *nearest);

#endif
