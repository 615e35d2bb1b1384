/*
 * covariance.c: the covariance between molecules.
 */
#include "covariance.h"

#include <math.h>
#include <string.h>

#include "hamnet/simd.h"
#include "standardise.h"

void
hn_gp_standardise(const HnGp *gp, const HnInputs *inputs, int row, real *steps)
{
	HnColumns	columns = {gp->fingerprint_width, gp->width, gp->center, gp->scale};

	hn_standardise(&columns, inputs, row, steps);
}

HnCounts
hn_gp_counts(const HnGp *gp, int row, int offset)
{
	return (HnCounts)
	{
		.length = gp->count_lengths[row],
		.columns = gp->count_columns + offset,
		.counts = gp->count_values + offset
	};
}

void
hn_covariance_function(HnCovariance function, real *distances, size_t count)
{
	const HnSimd *simd = hn_simd();

	/* The polynomial is kept beside the exponential, a stretch at a time. */
	for (size_t first = 0; first < count; first += HN_COVARIANCE_BLOCK)
	{
		size_t		n = count - first < HN_COVARIANCE_BLOCK ? count - first : HN_COVARIANCE_BLOCK;
		real	   *d = distances + first;
		real		polynomial[HN_COVARIANCE_BLOCK];

		for (size_t i = 0; i < n; i++)
		{
			real		squared = d[i] > 0 ? d[i] : 0;	/* rounding may leave less */
			real		r = (real) sqrt(squared);

			polynomial[i] = function == HN_GAUSSIAN ? 1 : 1 + r + squared / 3;
			d[i] = function == HN_GAUSSIAN ? -squared : -r;
		}
		simd->exp(d, n);
		for (size_t i = 0; i < n; i++)
			d[i] *= polynomial[i];
	}
}

/* log(1 + c) of every count. */
static const real *
count_logarithms(void)
{
	static real logarithms[UINT8_MAX + 1];

	/* Whoever comes first, and every thread at the same time, writes the same numbers. */
	if (logarithms[1] == 0)
		for (int i = UINT8_MAX; i >= 0; i--)
			logarithms[i] = (real) log1p(i);
	return logarithms;
}

/* Count the entries of each column and of each row. */
static HnStatus
pack_counts(HnContext *context, const HnGp *gp, HnPostings *postings)
{
	const real *logarithm = count_logarithms();
	HnArenaMark mark;
	int		   *next;			/* of each column, where its next entry goes */
	int			entry = 0;

	HN_NEW_ZERO(context, postings->starts, HN_COUNT_COLUMNS + 1);
	HN_NEW(context, postings->rows, gp->entry_count);
	HN_NEW(context, postings->values, gp->entry_count);
	HN_NEW_ZERO(context, postings->totals, gp->rows);
	HN_NEW_ZERO(context, postings->norms, gp->rows);
	mark = hn_arena_mark(context->arena);
	HN_NEW(context, next, HN_COUNT_COLUMNS);
	for (int k = 0; k < gp->entry_count; k++)
		postings->starts[gp->count_columns[k] + 1]++;
	for (int c = 0; c < HN_COUNT_COLUMNS; c++)
	{
		postings->starts[c + 1] += postings->starts[c];
		next[c] = postings->starts[c];
	}
	for (int i = 0; i < gp->rows; i++)
		for (int k = 0; k < gp->count_lengths[i]; k++, entry++)
		{
			uint8_t		value = gp->count_values[entry];
			int			slot = next[gp->count_columns[entry]]++;

			postings->rows[slot] = (uint16_t) i;
			postings->values[slot] = value;
			postings->totals[i] += value;
			postings->norms[i] += logarithm[value] * logarithm[value];
		}
	hn_arena_rewind(context->arena, mark);
	return HN_OK;
}

HnStatus
hn_covariance_pack(HnContext *context, const HnGp *gp, HnPackedGp *packed)
{
	int			D = gp->fingerprint_width;

	*packed = (HnPackedGp) {0};
	if (D > 0)
		HN_TRY(hn_byte_rows_pack(context, gp->inputs, gp->width, gp->rows, D, &packed->fingerprints));
	if (gp->width > D)
		HN_TRY(hn_byte_rows_pack(context, gp->inputs + D, gp->width, gp->rows, gp->width - D,
								 &packed->descriptors));
	if (hn_gp_uses_counts(gp))
		HN_TRY(pack_counts(context, gp, &packed->counts));
	return HN_OK;
}

/* products [n] ← Σ log(1 + c_x) log(1 + c_y) */
static void
multiply_counts(const HnPostings *postings, int n, HnCounts counts, real *products)
{
	const real *logarithm = count_logarithms();

	memset(products, 0, (size_t) n * sizeof(real));
	for (int k = 0; k < counts.length; k++)
	{
		real		own = logarithm[counts.counts[k]];
		int			end = postings->starts[counts.columns[k] + 1];

		for (int p = postings->starts[counts.columns[k]]; p < end; p++)
			products[postings->rows[p]] += own * logarithm[postings->values[p]];
	}
}

/* common [n] ← Σ min(c_x, c_y) */
static void
intersect_counts(const HnPostings *postings, int n, HnCounts counts, int *common)
{
	memset(common, 0, (size_t) n * sizeof(int));
	for (int k = 0; k < counts.length; k++)
	{
		uint8_t		own = counts.counts[k];
		int			end = postings->starts[counts.columns[k] + 1];

		for (int p = postings->starts[counts.columns[k]]; p < end; p++)
			common[postings->rows[p]] += own < postings->values[p] ? own : postings->values[p];
	}
}

HnStatus
hn_covariance_compare_counts(HnContext *context, const HnPostings *postings, int n, HnCounts counts,
						 real *similarities, real *distances)
{
	HnArenaMark mark = hn_arena_mark(context->arena);
	const real *logarithm = count_logarithms();
	int			total = 0;
	real		norm = 0;

	/* Packed, because the covariance uses counts. */
	HN_ASSERT(postings->starts != NULL && postings->norms != NULL && postings->totals != NULL);
	for (int k = 0; k < counts.length; k++)
	{
		total += counts.counts[k];
		norm += logarithm[counts.counts[k]] * logarithm[counts.counts[k]];
	}
	multiply_counts(postings, n, counts, distances);
	for (int i = 0; i < n; i++)
		distances[i] = norm + postings->norms[i] - 2 * distances[i];
	if (similarities)
	{
		int		   *common;

		HN_NEW(context, common, n);
		intersect_counts(postings, n, counts, common);
		/* Σ max = Σ a + Σ b - Σ min, above 0 because a row has an entry. */
		for (int i = 0; i < n; i++)
			similarities[i] = (real) common[i] / (real) (total + postings->totals[i] - common[i]);
	}
	hn_arena_rewind(context->arena, mark);
	return HN_OK;
}

/* The bytes of one query. */
typedef struct Query
{
	HnByteQuery fingerprint;	/* unset where the block is not used */
	HnByteQuery descriptors;
} Query;

/* Make queries [count] of steps [count, w]. */
static HnStatus
make_queries(HnContext *context, const HnGp *gp, int count, const real *steps, Query *queries)
{
	int			D = gp->fingerprint_width;

	for (int i = 0; i < count; i++)
	{
		const real *own = steps + (size_t) i * gp->width;

		HN_TRY(hn_byte_query(context, own, D, &queries[i].fingerprint));
		HN_TRY(hn_byte_query(context, own + D, gp->width - D, &queries[i].descriptors));
	}
	return HN_OK;
}

/* Return the factor that makes squared differences of steps the terms of d², for a block of so many columns. */
static real
step_factor(double weight, int width)
{
	return (real) (weight / width / (HN_BYTE_STEPS * HN_BYTE_STEPS));
}

/* Add to sums what fingerprint and descriptors of a block of rows add to d². */
static void
add_distances(const HnGp *gp, const HnPackedGp *packed, const Query *query, int first, int count,
			  real *sums, int32_t *nearest)
{
	int			D = gp->fingerprint_width;
	int32_t		rounded[HN_BYTE_BLOCK];

	if (gp->width > D)
		hn_byte_distances(&packed->descriptors, &query->descriptors, first, count, rounded,
						  step_factor(gp->descriptor_weight, gp->width - D), sums);
	if (D == 0)
		return;
	hn_byte_distances(&packed->fingerprints, &query->fingerprint, first, count, rounded,
					  step_factor(gp->fingerprint_weight, D), sums);
	for (int i = 0; nearest && i < count; i++)
		*nearest = rounded[i] < *nearest ? rounded[i] : *nearest;
}

/* out [count, n] ← (1 - s) g(d²), where out holds what the counts add to d² */
static HnStatus
smooth_rows(HnContext *context, const HnGp *gp, const HnPackedGp *packed, int count,
			const real *steps, real *out, int32_t *nearest)
{
	real		share = (real) (1 - gp->count_share);
	Query	   *queries;

	HN_NEW(context, queries, count);
	HN_TRY(make_queries(context, gp, count, steps, queries));
	for (int i = 0; nearest && i < count; i++)
		nearest[i] = INT32_MAX;

	/* A block of rows stays in the nearest cache for all queries. */
	for (int first = 0; first < gp->rows; first += HN_BYTE_BLOCK)
	{
		int			rows = gp->rows - first < HN_BYTE_BLOCK ? gp->rows - first : HN_BYTE_BLOCK;

		for (int i = 0; i < count; i++)
		{
			real	   *row = out + (size_t) i * gp->rows + first;

			add_distances(gp, packed, &queries[i], first, rows, row, nearest ? nearest + i : NULL);
			hn_covariance_function(gp->function, row, (size_t) rows);
			for (int r = 0; r < rows; r++)
				row[r] *= share;
		}
	}
	return HN_OK;
}

HnStatus
hn_covariance_rows(HnContext *context, const HnGp *gp, const HnPackedGp *packed, int count,
			   const real *steps, const HnCounts *counts, real *out, int32_t *nearest)
{
	HnArenaMark mark = hn_arena_mark(context->arena);
	size_t		n = (size_t) gp->rows;
	real	   *similarities = NULL;

	if (!hn_gp_uses_counts(gp))
		memset(out, 0, (size_t) count * n * sizeof(real));
	else
	{
		HN_ASSERT(counts != NULL);
		if (gp->count_share > 0)
			HN_NEW(context, similarities, (size_t) count * n);
		for (int i = 0; i < count; i++)
			HN_TRY(hn_covariance_compare_counts(context, &packed->counts, gp->rows, counts[i],
											similarities ? similarities + (size_t) i * n : NULL,
											out + (size_t) i * n));
		for (size_t k = 0; k < (size_t) count * n; k++)
			out[k] *= (real) gp->count_weight;
	}
	HN_TRY(smooth_rows(context, gp, packed, count, steps, out, nearest));
	for (size_t k = 0; similarities && k < (size_t) count * n; k++)
		out[k] += (real) gp->count_share * similarities[k];
	hn_arena_rewind(context->arena, mark);
	return HN_OK;
}
