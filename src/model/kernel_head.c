/*
 * kernel_head.c: the kernel between molecules, and predictions with it.
 */
#include "hamnet/kernel_head.h"

#include <math.h>
#include <string.h>

#include "hamnet/simd.h"
#include "kernel.h"
#include "standardise.h"

/* Queries that are compared with the training rows at a time: bounds memory to so many rows of kernel. */
#define QUERY_BLOCK 64

void
hn_kernel_standardise(const HnKernelHead *kernel, const HnInputs *inputs, int row, real *steps)
{
	HnColumns	columns = {kernel->fingerprint_width, kernel->width, kernel->center, kernel->scale};

	hn_standardise(&columns, inputs, row, steps);
}

HnCounts
hn_kernel_counts(const HnKernelHead *kernel, int row, int offset)
{
	return (HnCounts)
	{
		.length = kernel->count_lengths[row],
		.columns = kernel->count_columns + offset,
		.counts = kernel->count_values + offset
	};
}

void
hn_kernel_function(HnKernelFunction function, real *distances, size_t count)
{
	const HnSimd *simd = hn_simd();

	/* The polynomial is kept beside the exponential, a stretch at a time. */
	for (size_t first = 0; first < count; first += HN_KERNEL_BLOCK)
	{
		size_t		n = count - first < HN_KERNEL_BLOCK ? count - first : HN_KERNEL_BLOCK;
		real	   *d = distances + first;
		real		polynomial[HN_KERNEL_BLOCK];

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
pack_counts(HnContext *context, const HnKernelHead *kernel, HnPostings *postings)
{
	const real *logarithm = count_logarithms();
	HnArenaMark mark;
	int		   *next;			/* of each column, where its next entry goes */
	int			entry = 0;

	HN_NEW_ZERO(context, postings->starts, HN_COUNT_COLUMNS + 1);
	HN_NEW(context, postings->rows, kernel->entry_count);
	HN_NEW(context, postings->values, kernel->entry_count);
	HN_NEW_ZERO(context, postings->totals, kernel->rows);
	HN_NEW_ZERO(context, postings->norms, kernel->rows);
	mark = hn_arena_mark(context->arena);
	HN_NEW(context, next, HN_COUNT_COLUMNS);
	for (int k = 0; k < kernel->entry_count; k++)
		postings->starts[kernel->count_columns[k] + 1]++;
	for (int c = 0; c < HN_COUNT_COLUMNS; c++)
	{
		postings->starts[c + 1] += postings->starts[c];
		next[c] = postings->starts[c];
	}
	for (int i = 0; i < kernel->rows; i++)
		for (int k = 0; k < kernel->count_lengths[i]; k++, entry++)
		{
			uint8_t		value = kernel->count_values[entry];
			int			place = next[kernel->count_columns[entry]]++;

			postings->rows[place] = (uint16_t) i;
			postings->values[place] = value;
			postings->totals[i] += value;
			postings->norms[i] += logarithm[value] * logarithm[value];
		}
	hn_arena_rewind(context->arena, mark);
	return HN_OK;
}

HnStatus
hn_kernel_pack(HnContext *context, const HnKernelHead *kernel, HnPackedKernel *packed)
{
	int			D = kernel->fingerprint_width;

	*packed = (HnPackedKernel) {0};
	if (D > 0)
		HN_TRY(hn_byte_rows_pack(context, kernel->inputs, kernel->width, kernel->rows, D, &packed->fingerprints));
	if (kernel->width > D)
		HN_TRY(hn_byte_rows_pack(context, kernel->inputs + D, kernel->width, kernel->rows, kernel->width - D,
								 &packed->descriptors));
	if (hn_kernel_uses_counts(kernel))
		HN_TRY(pack_counts(context, kernel, &packed->counts));
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
hn_kernel_compare_counts(HnContext *context, const HnPostings *postings, int n, HnCounts counts,
						 real *similarities, real *distances)
{
	HnArenaMark mark = hn_arena_mark(context->arena);
	const real *logarithm = count_logarithms();
	int			total = 0;
	real		norm = 0;

	/* Packed, because the kernel uses counts. */
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

static HnStatus
make_queries(HnContext *context, const HnKernelHead *kernel, int count, const real *steps, Query *queries)
{
	int			D = kernel->fingerprint_width;

	for (int i = 0; i < count; i++)
	{
		const real *own = steps + (size_t) i * kernel->width;

		HN_TRY(hn_byte_query(context, own, D, &queries[i].fingerprint));
		HN_TRY(hn_byte_query(context, own + D, kernel->width - D, &queries[i].descriptors));
	}
	return HN_OK;
}

/* What makes squared differences of steps the terms of d², for a block of so many columns. */
static real
step_factor(double weight, int width)
{
	return (real) (weight / width / (HN_KERNEL_STEPS * HN_KERNEL_STEPS));
}

/* Add to sums what fingerprint and descriptors of a block of rows add to d². */
static void
add_distances(const HnKernelHead *kernel, const HnPackedKernel *packed, const Query *query, int first, int count,
			  real *sums, int32_t *nearest)
{
	int			D = kernel->fingerprint_width;
	int32_t		rounded[HN_BYTE_BLOCK];

	if (kernel->width > D)
		hn_byte_distances(&packed->descriptors, &query->descriptors, first, count, rounded,
						  step_factor(kernel->descriptor_weight, kernel->width - D), sums);
	if (D > 0)
		hn_byte_distances(&packed->fingerprints, &query->fingerprint, first, count, rounded,
						  step_factor(kernel->fingerprint_weight, D), sums);
	if (nearest)
		for (int i = 0; i < count; i++)
			*nearest = rounded[i] < *nearest ? rounded[i] : *nearest;
}

/* out [count, n] ← (1 - s) g(d²), where out holds what the counts add to d² */
static HnStatus
smooth_rows(HnContext *context, const HnKernelHead *kernel, const HnPackedKernel *packed, int count,
			const real *steps, real *out, int32_t *nearest)
{
	real		share = (real) (1 - kernel->count_share);
	Query	   *queries;

	HN_NEW(context, queries, count);
	HN_TRY(make_queries(context, kernel, count, steps, queries));
	for (int i = 0; nearest && i < count; i++)
		nearest[i] = INT32_MAX;

	/* A block of rows stays in the nearest cache for all queries. */
	for (int first = 0; first < kernel->rows; first += HN_BYTE_BLOCK)
	{
		int			rows = kernel->rows - first < HN_BYTE_BLOCK ? kernel->rows - first : HN_BYTE_BLOCK;

		for (int i = 0; i < count; i++)
		{
			real	   *row = out + (size_t) i * kernel->rows + first;

			add_distances(kernel, packed, &queries[i], first, rows, row, nearest ? nearest + i : NULL);
			hn_kernel_function(kernel->function, row, (size_t) rows);
			for (int r = 0; r < rows; r++)
				row[r] *= share;
		}
	}
	return HN_OK;
}

HnStatus
hn_kernel_rows(HnContext *context, const HnKernelHead *kernel, const HnPackedKernel *packed, int count,
			   const real *steps, const HnCounts *counts, real *out, int32_t *nearest)
{
	HnArenaMark mark = hn_arena_mark(context->arena);
	size_t		n = (size_t) kernel->rows;
	real	   *similarities = NULL;

	if (!hn_kernel_uses_counts(kernel))
		memset(out, 0, (size_t) count * n * sizeof(real));
	else
	{
		HN_ASSERT(counts != NULL);
		if (kernel->count_share > 0)
			HN_NEW(context, similarities, (size_t) count * n);
		for (int i = 0; i < count; i++)
			HN_TRY(hn_kernel_compare_counts(context, &packed->counts, kernel->rows, counts[i],
											similarities ? similarities + (size_t) i * n : NULL,
											out + (size_t) i * n));
		for (size_t k = 0; k < (size_t) count * n; k++)
			out[k] *= (real) kernel->count_weight;
	}
	HN_TRY(smooth_rows(context, kernel, packed, count, steps, out, nearest));
	for (size_t k = 0; similarities && k < (size_t) count * n; k++)
		out[k] += (real) kernel->count_share * similarities[k];
	hn_arena_rewind(context->arena, mark);
	return HN_OK;
}

HnStatus
hn_kernel_pack_factors(HnContext *context, const HnKernelHead *kernel, int targets, HnPackedKernel *packed)
{
	int			m = kernel->rank;
	size_t		size = HN_TRIANGLE_PANELS((size_t) m);
	const float *factor = kernel->factors;

	HN_NEW_ZERO(context, packed->factors, targets * size);
	for (int t = 0; t < targets; t++)
		for (int i = 0; i < m; i++)
		{
			real	   *panel = packed->factors + t * size + HN_TRIANGLE_PANELS((size_t) i / HN_PANEL * HN_PANEL);

			for (int k = 0; k <= i; k++)
				panel[(size_t) k * HN_PANEL + i % HN_PANEL] = *factor++;
		}
	return HN_OK;
}

/* |R k|² of queries [count] of one target, from their kernel k [count, n], of which the first m numbers count. */
static void
explained_variances(const HnKernelHead *kernel, const HnPackedKernel *packed, int target, int count, const real *k,
					double *explained)
{
	const real *panel = packed->factors + target * HN_TRIANGLE_PANELS((size_t) kernel->rank);
	real		products[QUERY_BLOCK * HN_PANEL];

	memset(explained, 0, (size_t) count * sizeof(double));
	for (int first = 0; first < kernel->rank; first += HN_PANEL)
	{
		int			end = first + HN_PANEL < kernel->rank ? first + HN_PANEL : kernel->rank;

		hn_simd()->product(count, HN_PANEL, end, k, (size_t) kernel->rows, panel, NULL, 0, products, HN_PANEL);
		for (int i = 0; i < count; i++)
			for (int lane = 0; lane < HN_PANEL; lane++)
			{
				double		product = products[i * HN_PANEL + lane];

				explained[i] += product * product;
			}
		panel += (size_t) HN_PANEL * (first + HN_PANEL);
	}
}

/* The numbers as floats: themselves, or converted when real is double. */
static HnStatus
as_floats(HnContext *context, const real *numbers, int count, const float **floats)
{
#ifdef HAMNET_DOUBLE
	float	   *converted;

	HN_NEW(context, converted, count);
	for (int i = 0; i < count; i++)
		converted[i] = (float) numbers[i];
	*floats = converted;
#else
	(void) context;
	(void) count;
	*floats = numbers;
#endif
	return HN_OK;
}

/* Values of every target for a query whose kernel is k [n]. */
static HnStatus
predict_values(HnContext *context, const HnHead *head, const real *k, double *values)
{
	const HnKernelHead *kernel = head->kernel;
	const float *row;

	HN_TRY(as_floats(context, k, kernel->rows, &row));
	for (int t = 0; t < head->target_count; t++)
	{
		const HnProcess *process = &kernel->processes[t];
		const HnTarget *scale = &head->targets[t];
		double		sum = process->offset
			+ hn_simd()->wide_dot(kernel->weights + (size_t) t * kernel->rows, row, (size_t) kernel->rows);

		if (!isfinite(sum))
			return hn_fail(context, HN_NOT_FINITE, "head \"%s\" of the model is not finite", head->name);
		if (process->least < process->most)
			sum = fmin(fmax(sum, process->least), process->most);
		values[t] = head->task == HN_REGRESSION ? sum * scale->std + scale->mean : 1 / (1 + exp(-sum));
	}
	return HN_OK;
}

/* Deviations of every target for queries [count] whose kernel is k [count, n]. */
static void
predict_deviations(const HnHead *head, const HnPackedKernel *packed, int count, const real *k, double *sds)
{
	const HnKernelHead *kernel = head->kernel;
	bool		known = kernel->rank > 0;
	double		explained[QUERY_BLOCK];

	for (int t = 0; t < head->target_count; t++)
	{
		const HnProcess *process = &kernel->processes[t];

		if (known)
			explained_variances(kernel, packed, t, count, k, explained);
		for (int i = 0; i < count; i++)
			sds[(size_t) i * head->target_count + t] = !known ? NAN
				: sqrt(fmax(process->variance - explained[i], 0) + process->noise) * head->targets[t].std;
	}
}

HnStatus
hn_kernel_predict_near(HnContext *context, const HnHead *head, const HnPackedKernel *packed, const HnInputs *inputs,
					   double *values, double *sds, int32_t *nearest)
{
	const HnKernelHead *kernel = head->kernel;
	HnArenaMark packed_mark = hn_arena_mark(context->arena);
	HnPackedKernel own;

	if (packed == NULL)
	{
		HN_TRY(hn_kernel_pack(context, kernel, &own));
		if (sds)
			HN_TRY(hn_kernel_pack_factors(context, kernel, head->target_count, &own));
		packed = &own;
	}
	for (int first = 0; first < inputs->count; first += QUERY_BLOCK)
	{
		HnArenaMark mark = hn_arena_mark(context->arena);
		int			count = inputs->count - first < QUERY_BLOCK ? inputs->count - first : QUERY_BLOCK;
		size_t		done = (size_t) first * head->target_count;
		real	   *steps;
		real	   *k;

		if (hn_interrupted(context))
			return HN_INTERRUPTED;
		HN_NEW(context, steps, (size_t) count * kernel->width);
		HN_NEW(context, k, (size_t) count * kernel->rows);
		for (int i = 0; i < count; i++)
			hn_kernel_standardise(kernel, inputs, first + i, steps + (size_t) i * kernel->width);
		HN_TRY(hn_kernel_rows(context, kernel, packed, count, steps, inputs->counts ? inputs->counts + first : NULL, k,
							  nearest ? nearest + first : NULL));
		for (int i = 0; i < count; i++)
			HN_TRY(predict_values(context, head, k + (size_t) i * kernel->rows,
								  values + done + (size_t) i * head->target_count));
		if (sds)
			predict_deviations(head, packed, count, k, sds + done);
		hn_arena_rewind(context->arena, mark);
	}
	hn_arena_rewind(context->arena, packed_mark);
	return HN_OK;
}

HnStatus
hn_kernel_predict(HnContext *context, const HnHead *head, const HnInputs *inputs, double *values, double *sds)
{
	return hn_kernel_predict_near(context, head, NULL, inputs, values, sds, NULL);
}

HnStatus
hn_kernel_check(HnContext *context, const HnHead *head)
{
	const HnKernelHead *kernel = head->kernel;
	int			offset = 0;

	for (int k = 0; k < kernel->width; k++)
		if (kernel->scale[k] < 0)
			return hn_fail(context, HN_INVALID_MODEL, "scale %d of head \"%s\" is negative", k, head->name);
	if (!hn_kernel_uses_counts(kernel))
		return HN_OK;
	for (int i = 0; i < kernel->rows; i++)
	{
		if (kernel->count_lengths[i] == 0 || kernel->count_lengths[i] > kernel->entry_count - offset)
			return hn_fail(context, HN_INVALID_MODEL, "count_lengths of head \"%s\" do not fit its %d entries",
						   head->name, kernel->entry_count);
		for (int k = offset; k < offset + kernel->count_lengths[i]; k++)
			if (kernel->count_columns[k] >= HN_COUNT_COLUMNS || kernel->count_values[k] == 0
				|| (k > offset && kernel->count_columns[k] <= kernel->count_columns[k - 1]))
				return hn_fail(context, HN_INVALID_MODEL,
							   "entry %d of the counts of head \"%s\" is out of range or out of order", k, head->name);
		offset += kernel->count_lengths[i];
	}
	if (offset != kernel->entry_count)
		return hn_fail(context, HN_INVALID_MODEL, "count_lengths of head \"%s\" leave %d of its %d entries over",
					   head->name, kernel->entry_count - offset, kernel->entry_count);
	return HN_OK;
}
