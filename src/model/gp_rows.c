/*
 * gp_rows.c: the rows that a Gaussian process is fitted to: their
 * labels, scaled, a sample of them, their inputs as the head stores them, and
 * the covariance between them.
 */
#include "gp_job.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hamnet/random.h"
#include "standardise.h"

/* Fewer labels fit nothing. */
#define MIN_LABELS 3

HnStatus
hn_gp_collect_rows(HnContext *context, HnGpJob *job)
{
	int			targets = job->head->target_count;

	HN_NEW(context, job->rows, job->inputs->count);
	for (int i = 0; i < job->inputs->count; i++)
	{
		bool		labelled = false;

		for (int t = 0; t < targets; t++)
			labelled |= !isnan(job->labels[(size_t) i * targets + t]);
		if (labelled)
			job->rows[job->n++] = i;
	}
	return HN_OK;
}

HnStatus
hn_gp_scale_target(HnContext *context, HnGpJob *job, int t)
{
	HnHead	   *head = job->head;
	HnTarget   *target = &head->targets[t];
	real	   *y = job->y + (size_t) t * job->n;
	double		sum = 0;
	double		squares = 0;
	int			count = 0;

	for (int i = 0; i < job->n; i++)
	{
		y[i] = job->labels[(size_t) job->rows[i] * head->target_count + t];
		if (isnan(y[i]))
			continue;
		if (isinf(y[i]))
			return hn_fail(context, HN_INVALID_ARGUMENT, "a value of target \"%s\" is infinite", target->name);
		if (head->task == HN_CLASSIFICATION && y[i] != 0 && y[i] != 1)
			return hn_fail(context, HN_INVALID_ARGUMENT, "target \"%s\" has class %g, only 0 and 1 are classes",
						   target->name, (double) y[i]);
		sum += y[i];
		count++;
	}
	if (count < MIN_LABELS)
		return hn_fail(context, HN_INVALID_ARGUMENT, "target \"%s\" has %d labels, at least %d are needed",
					   target->name, count, MIN_LABELS);
	job->label_counts[t] = count;
	target->mean = 0;
	target->std = 1;
	if (head->task == HN_CLASSIFICATION)
	{
		if (sum == 0 || sum == count)
			return hn_fail(context, HN_INVALID_ARGUMENT, "target \"%s\" has only one class", target->name);
		job->gp->processes[t].offset = log(sum / (count - sum));
		return HN_OK;
	}

	target->mean = sum / count;
	for (int i = 0; i < job->n; i++)
		if (!isnan(y[i]))
			squares += (y[i] - target->mean) * (y[i] - target->mean);
	target->std = sqrt(squares / count);
	if (!(target->std > HN_MIN_LABEL_SPREAD / 2 * fabs(target->mean)))
		return hn_fail(context, HN_INVALID_ARGUMENT, "target \"%s\" is constant", target->name);
	for (int i = 0; i < job->n; i++)
	{
		HnProcess  *process = &job->gp->processes[t];

		y[i] = (real) ((y[i] - target->mean) / target->std);
		/* Not by fmin() and fmax(), for which gcc 12 ends with an internal error on arm64. */
		if (y[i] < process->least)
			process->least = y[i];
		if (y[i] > process->most)
			process->most = y[i];
	}
	return HN_OK;
}

HnStatus
hn_gp_store_inputs(HnContext *context, HnGpJob *job)
{
	HnGp *gp = job->gp;
	real	   *steps;
	int			entry = 0;

	HN_NEW(context, steps, gp->width);
	for (int i = 0; i < job->n; i++)
	{
		hn_gp_standardise(gp, job->inputs, job->rows[i], steps);
		for (int k = 0; k < gp->width; k++)
			gp->inputs[(size_t) i * gp->width + k] = (int8_t) lrint(steps[k]);
		if (hn_gp_uses_counts(gp))
		{
			const HnCounts *counts = &job->inputs->counts[job->rows[i]];

			gp->count_lengths[i] = (uint16_t) counts->length;
			memcpy(gp->count_columns + entry, counts->columns, (size_t) counts->length * sizeof(uint16_t));
			memcpy(gp->count_values + entry, counts->counts, (size_t) counts->length);
			entry += counts->length;
		}
	}
	return HN_OK;
}

HnStatus
hn_gp_prepare_inputs(HnContext *context, HnGpJob *job, int fingerprint_dim)
{
	const HnFitOptions *options = job->options;
	HnGp *gp = job->gp;
	HnColumns	columns;

	gp->rows = job->n;
	gp->fingerprint_width = options->fingerprint ? fingerprint_dim : 0;
	gp->descriptors = options->descriptors;
	gp->width = gp->fingerprint_width + (options->descriptors ? options->descriptors->count : 0);
	HN_NEW(context, gp->center, gp->width);
	HN_NEW(context, gp->scale, gp->width);
	HN_NEW(context, gp->inputs, (size_t) job->n * gp->width);
	if (options->counts)
	{
		gp->count_weight = 1;	/* until the search has chosen */
		for (int i = 0; i < job->n; i++)
			gp->entry_count += job->inputs->counts[job->rows[i]].length;
		HN_NEW(context, gp->count_lengths, job->n);
		HN_NEW(context, gp->count_columns, gp->entry_count);
		HN_NEW(context, gp->count_values, gp->entry_count);
	}
	columns = (HnColumns){gp->fingerprint_width, gp->width, gp->center, gp->scale};
	hn_measure_columns(&columns, job->inputs, job->rows, job->n);
	return hn_gp_store_inputs(context, job);
}

/* Return whether a row has a label of the rarer class of some target. */
static bool
is_rare(const HnGpJob *job, int row)
{
	for (int t = 0; t < job->head->target_count; t++)
	{
		real		y = job->y[(size_t) t * job->n + row];

		if (!isnan(y) && (y > 0) == (job->gp->processes[t].offset < 0))
			return true;
	}
	return false;
}

HnStatus
hn_gp_choose_rows(HnContext *context, const HnGpJob *job, int wanted, int **chosen, int *count)
{
	uint64_t	state = job->options->seed;
	int		   *order;
	int			taken = 0;

	HN_NEW(context, order, job->n);
	HN_NEW(context, *chosen, job->n);
	hn_random_order(&state, hn_random_remainder, order, job->n);
	for (int i = 0; i < job->n && job->head->task == HN_CLASSIFICATION && taken < wanted / 2; i++)
		if (is_rare(job, order[i]))
		{
			(*chosen)[taken++] = order[i];
			order[i] = -1;
		}
	for (int i = 0; i < job->n && taken < wanted; i++)
		if (order[i] >= 0)
			(*chosen)[taken++] = order[i];
	*count = taken;
	return HN_OK;
}

static int
compare_indices(const void *a, const void *b)
{
	return *(const int *) a - *(const int *) b;
}

HnStatus
hn_gp_sample_rows(HnContext *context, HnGpJob *job, int wanted)
{
	int		   *chosen = NULL;
	int			all = job->n;
	int			count = 0;

	HN_TRY(hn_gp_choose_rows(context, job, wanted, &chosen, &count));
	qsort(chosen, count, sizeof(*chosen), compare_indices);
	job->n = count;
	for (int i = 0; i < count; i++)
		job->rows[i] = job->rows[chosen[i]];
	for (int t = 0; t < job->head->target_count; t++)
	{
		const real *y = job->y + (size_t) t * all;
		real	   *kept = job->y + (size_t) t * count;
		HnProcess  *process = &job->gp->processes[t];
		double		sum = 0;
		int			labels = 0;

		for (int i = 0; i < count; i++)
		{
			kept[i] = y[chosen[i]];
			sum += isnan(kept[i]) ? 0 : kept[i];
			labels += !isnan(kept[i]);
		}
		if (labels < MIN_LABELS)
			return hn_fail(context, HN_INVALID_ARGUMENT, "target \"%s\" has %d labels in a sample of %d rows, at least %d are needed",
						   job->head->targets[t].name, labels, count, MIN_LABELS);
		job->label_counts[t] = labels;
		if (job->head->task == HN_CLASSIFICATION)
		{
			double		offset = log((sum + 0.5) / (labels - sum + 0.5));

			job->corrections[t] = process->offset - offset;
			process->offset = offset;
		}
	}
	return HN_OK;
}

HnStatus
hn_gp_count_offsets(HnContext *context, const HnGp *gp, int **offsets)
{
	int			offset = 0;

	*offsets = NULL;
	if (!hn_gp_uses_counts(gp))
		return HN_OK;
	HN_NEW(context, *offsets, gp->rows);
	for (int i = 0; i < gp->rows; i++)
	{
		(*offsets)[i] = offset;
		offset += gp->count_lengths[i];
	}
	return HN_OK;
}

HnStatus
hn_gp_training_rows(HnContext *context, const HnGp *gp, const HnPackedGp *packed,
						const int *offsets, int first, int count, real *out)
{
	HnArenaMark mark = hn_arena_mark(context->arena);
	real	   *steps;
	HnCounts   *counts = NULL;

	HN_NEW(context, steps, (size_t) count * gp->width);
	for (size_t k = 0; k < (size_t) count * gp->width; k++)
		steps[k] = gp->inputs[(size_t) first * gp->width + k];
	if (hn_gp_uses_counts(gp))
	{
		HN_ASSERT(offsets != NULL);
		HN_NEW(context, counts, count);
		for (int i = 0; i < count; i++)
			counts[i] = hn_gp_counts(gp, first + i, offsets[first + i]);
	}
	HN_TRY(hn_covariance_rows(context, gp, packed, count, steps, counts, out, NULL));
	hn_arena_rewind(context->arena, mark);
	return HN_OK;
}
