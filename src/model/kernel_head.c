/*
 * kernel_head.c: the kernel between molecules, and predictions with it.
 */
#include "hamnet/kernel_head.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

#include "hamnet/kernels.h"
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
	const HnKernels *kernels = hn_kernels();

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
		kernels->exp(d, n);
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

HnStatus
hn_kernel_compare_counts(HnContext *context, const HnKernelHead *kernel, HnCounts counts,
						 real *similarities, real *distances)
{
	HnArenaMark mark = hn_arena_mark(context->arena);
	const uint16_t *column = kernel->count_columns;
	const uint8_t *value = kernel->count_values;
	const real *logarithm = count_logarithms();
	uint8_t    *dense;			/* counts by column */
	int			total = 0;
	real		norm = 0;

	HN_NEW_ZERO(context, dense, HN_COUNT_COLUMNS);
	for (int k = 0; k < counts.length; k++)
	{
		dense[counts.columns[k]] = counts.counts[k];
		total += counts.counts[k];
		norm += logarithm[counts.counts[k]] * logarithm[counts.counts[k]];
	}
	for (int i = 0; i < kernel->rows; i++)
	{
		int			common = 0;
		int			sum = 0;
		real		own_norm = 0;
		real		product = 0;

		for (int k = 0; k < kernel->count_lengths[i]; k++, column++, value++)
		{
			common += *value < dense[*column] ? *value : dense[*column];
			sum += *value;
			own_norm += logarithm[*value] * logarithm[*value];
			product += logarithm[*value] * logarithm[dense[*column]];
		}
		/* Σ max = Σ a + Σ b - Σ min, above 0 because a row has an entry. */
		similarities[i] = (real) common / (real) (total + sum - common);
		distances[i] = norm + own_norm - 2 * product;
	}
	hn_arena_rewind(context->arena, mark);
	return HN_OK;
}

/* Factor of each column of steps that makes squared differences the terms of d². */
static void
block_factors(const HnKernelHead *kernel, float *factors)
{
	int			D = kernel->fingerprint_width;

	for (int k = 0; k < kernel->width; k++)
		factors[k] = (float) (k < D ? sqrt(kernel->fingerprint_weight / D)
							  : sqrt(kernel->descriptor_weight / (kernel->width - D))) / HN_KERNEL_STEPS;
}

/*
 * out [count, n] ← (1 - s) g(d²), where out holds what the counts add to d². The
 * rest is a sum over bytes as the indexes know it, of codes that are not
 * negative: both sides are moved by 128 steps.
 */
static HnStatus
smooth_rows(HnContext *context, const HnKernelHead *kernel, int count, const real *steps, real *out)
{
	size_t		w = (size_t) kernel->width;
	size_t		padded = (w + 7) / 8 * 8;
	size_t		n = (size_t) kernel->rows;
	real		share = (real) (1 - kernel->count_share);
	const int8_t *restrict inputs = kernel->inputs; /* NULL if w is 0 */
	float	   *factors;
	float	   *origins;		/* [count, padded] */
	uint8_t    *codes;			/* of a block of training rows */

	HN_NEW_ZERO(context, factors, padded);
	HN_NEW_ZERO(context, origins, (size_t) count * padded);
	HN_NEW_ZERO(context, codes, HN_KERNEL_BLOCK * padded);
	block_factors(kernel, factors);
	for (int i = 0; i < count; i++)
		for (size_t k = 0; k < w; k++)
			origins[(size_t) i * padded + k] = factors[k] * ((float) steps[(size_t) i * w + k] + 128);

	for (size_t first = 0; first < n; first += HN_KERNEL_BLOCK)
	{
		size_t		rows = n - first < HN_KERNEL_BLOCK ? n - first : HN_KERNEL_BLOCK;

		for (size_t r = 0; r < rows; r++)
		{
			uint8_t    *restrict code = codes + r * padded;

			for (size_t k = 0; k < w; k++)
				code[k] = (uint8_t) (inputs[(first + r) * w + k] + 128);
		}
		for (int i = 0; i < count; i++)
		{
			real	   *row = out + (size_t) i * n + first;

			for (size_t r = 0; r < rows; r++)
				row[r] += hn_kernels()->code_sum(codes + r * padded, factors,
													   origins + (size_t) i * padded, (int) padded);
			hn_kernel_function(kernel->function, row, rows);
			for (size_t r = 0; r < rows; r++)
				row[r] *= share;
		}
	}
	return HN_OK;
}

HnStatus
hn_kernel_rows(HnContext *context, const HnKernelHead *kernel, int count, const real *steps, const HnCounts *counts,
			   real *out)
{
	HnArenaMark mark = hn_arena_mark(context->arena);
	size_t		n = (size_t) kernel->rows;
	real	   *similarities = NULL;

	memset(out, 0, (size_t) count * n * sizeof(real));
	if (hn_kernel_uses_counts(kernel))
	{
		HN_ASSERT(counts != NULL);
		HN_NEW(context, similarities, (size_t) count * n);
		for (int i = 0; i < count; i++)
		{
			real	   *distances = out + (size_t) i * n;

			HN_TRY(hn_kernel_compare_counts(context, kernel, counts[i], similarities + (size_t) i * n,
											distances));
			for (size_t k = 0; k < n; k++)
				distances[k] *= (real) kernel->count_weight;
		}
	}
	HN_TRY(smooth_rows(context, kernel, count, steps, out));
	for (size_t k = 0; similarities && k < (size_t) count * n; k++)
		out[k] += (real) kernel->count_share * similarities[k];
	hn_arena_rewind(context->arena, mark);
	return HN_OK;
}

/* |R k|² of one query, k [n] of which the first m numbers count; work [m]. */
static double
explained_variance(const HnKernelHead *kernel, int target, const real *k, float *work)
{
	int			m = kernel->rank;
	double		sum = 0;

	for (int i = 0; i < m; i++)
		work[i] = (float) k[i];
	cblas_stpmv(CblasRowMajor, CblasLower, CblasNoTrans, CblasNonUnit, m,
				kernel->factors + target * HN_TRIANGLE(m), work, 1);
	for (int i = 0; i < m; i++)
		sum += (double) work[i] * work[i];
	return sum;
}

/* Values, and deviations if asked, of one target for queries whose kernel is k [count, n]. */
static HnStatus
predict_target(HnContext *context, const HnHead *head, int target, int count, const real *k,
			   double *values, double *sds)
{
	const HnKernelHead *kernel = head->kernel;
	const HnProcess *process = &kernel->processes[target];
	const HnTarget *scale = &head->targets[target];
	const float *weights = kernel->weights + (size_t) target * kernel->rows;
	bool		known = sds && kernel->rank > 0;
	float	   *work;

	HN_NEW(context, work, kernel->rank);
	for (int i = 0; i < count; i++)
	{
		const real *row = k + (size_t) i * kernel->rows;
		double		sum = process->offset;

		for (int j = 0; j < kernel->rows; j++)
			sum += (double) weights[j] * row[j];
		if (!isfinite(sum))
			return hn_fail(context, HN_NOT_FINITE, "head \"%s\" of the model is not finite", head->name);
		if (process->least < process->most)
			sum = fmin(fmax(sum, process->least), process->most);
		values[i * head->target_count + target] = head->task == HN_REGRESSION
			? sum * scale->std + scale->mean : 1 / (1 + exp(-sum));
		if (known)
			sds[i * head->target_count + target] =
				sqrt(fmax(process->variance - explained_variance(kernel, target, row, work), 0)
					 + process->noise) * scale->std;
		else if (sds)
			sds[i * head->target_count + target] = NAN;
	}
	return HN_OK;
}

HnStatus
hn_kernel_predict(HnContext *context, const HnHead *head, const HnInputs *inputs, double *values, double *sds)
{
	const HnKernelHead *kernel = head->kernel;

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
		HN_TRY(hn_kernel_rows(context, kernel, count, steps, inputs->counts ? inputs->counts + first : NULL, k));
		for (int t = 0; t < head->target_count; t++)
			HN_TRY(predict_target(context, head, t, count, k, values + done, sds ? sds + done : NULL));
		hn_arena_rewind(context->arena, mark);
	}
	return HN_OK;
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
