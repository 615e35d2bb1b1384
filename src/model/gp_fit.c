/*
 * gp_fit.c: fitting a Gaussian process: its rows, its hyper-parameters, and the
 * process of each target.
 */
#include "gp_job.h"

#include <math.h>
#include <string.h>

#include "gaussian_process.h"

static void
set_parameters(const HnGpJob *job, const HnGpPoint *point)
{
	HnGp *gp = job->gp;

	gp->function = HN_MATERN;
	gp->fingerprint_weight = gp->fingerprint_width > 0 ? exp(point->fingerprint) : 0;
	gp->descriptor_weight = gp->descriptors ? exp(point->descriptors) : 0;
	gp->count_weight = job->options->counts ? exp(point->counts) : 0;
	gp->count_share = job->options->counts && point->share > 1e-6 ? point->share : 0;
}

/* Fit every target to all rows; factor [n, width] is the partial factor, or NULL. */
static HnStatus
fit_targets(HnContext *context, HnGpJob *job, const HnGpPoint *point, const int *offsets,
			const real *factor, int width)
{
	HnHead	   *head = job->head;
	HnGp *gp = job->gp;
	int			n = job->n;
	HnProcessWork work;
	HnPackedGp packed;

	HN_TRY(hn_process_work(context, n, &work));
	HN_TRY(hn_covariance_pack(context, gp, &packed));
	for (int first = 0; first < n; first += HN_COVARIANCE_BLOCK)
	{
		int			count = n - first < HN_COVARIANCE_BLOCK ? n - first : HN_COVARIANCE_BLOCK;

		if (hn_interrupted(context))
			return HN_INTERRUPTED;
		HN_TRY(hn_gp_training_rows(context, gp, &packed, offsets, first, count, work.square + (size_t) first * n));
		hn_gp_progress(job->options, "comparing the training rows", (double) (first + count) / n);
	}
	for (int t = 0; t < head->target_count; t++)
	{
		HnProcess  *process = &gp->processes[t];
		HnProcessLabels labels = {
			.y = job->y + (size_t) t * n, .count = job->label_counts[t], .offset = process->offset
		};
		double		scale = exp(point->scale);
		HnProcessFit fit;

		memset(work.alpha, 0, (size_t) n * sizeof(real));
		if (head->task == HN_REGRESSION)
			HN_TRY(hn_process_regression(context, &work, &labels, scale, &fit));
		else
			HN_TRY(hn_process_classification(context, &work, &labels, scale, &fit));
		if (fit.failed)
			return hn_fail(context, HN_NOT_FINITE, "the process of target \"%s\" could not be fitted",
						   head->targets[t].name);
		process->variance = fit.variance;
		process->offset += job->corrections[t];
		process->noise = head->task == HN_REGRESSION ? fit.variance * scale : 0;
		for (int i = 0; i < n; i++)
			gp->weights[(size_t) t * n + i] = (float) (head->task == HN_REGRESSION
														   ? work.alpha[i] : fit.variance * work.alpha[i]);
		if (gp->rank > 0)
			HN_TRY(hn_gp_variance_factor(context, job, labels.y, width, factor, scale, fit.variance,
											 gp->factors + (size_t) t * HN_TRIANGLE(gp->rank)));
		hn_gp_progress(job->options, "fitting the targets", (double) (t + 1) / head->target_count);
	}
	return HN_OK;
}

/* Return the rank of the factors: classes have no deviation. */
static int
wanted_rank(const HnGpJob *job)
{
	if (job->head->task == HN_CLASSIFICATION)
		return 0;
	return job->n < HN_MAX_GP_RANK ? job->n : HN_MAX_GP_RANK;
}

HnStatus
hn_gp_fit(HnContext *context, const HnInputs *inputs, int fingerprint_dim, const real *labels,
			  const HnFitOptions *options, HnHead *head, HnFitReport *report)
{
	HnGpJob	job = {.head = head, .inputs = inputs, .labels = labels, .options = options};
	int			width;
	int			most;
	int		   *offsets = NULL;
	int		   *pivots;
	real	   *factor = NULL;
	HnGpPoint point;
	HnArenaMark mark;

	if (!options->fingerprint && !options->descriptors && !options->counts)
		return hn_fail(context, HN_INVALID_ARGUMENT, "a Gaussian process needs fingerprints, descriptors or counts");
	memset(report, 0, sizeof(*report));
	HN_NEW_ZERO(context, job.gp, 1);
	HN_NEW_ZERO(context, job.gp->processes, head->target_count);
	HN_TRY(hn_gp_collect_rows(context, &job));
	HN_NEW(context, job.y, (size_t) head->target_count * job.n);
	HN_NEW(context, job.label_counts, head->target_count);
	HN_NEW_ZERO(context, job.corrections, head->target_count);
	for (int t = 0; t < head->target_count; t++)
		HN_TRY(hn_gp_scale_target(context, &job, t));
	report->labelled_rows = job.n;
	most = options->rows > 0 && options->rows < HN_MAX_GP_ROWS ? options->rows : HN_MAX_GP_ROWS;
	if (job.n > most)
		HN_TRY(hn_gp_sample_rows(context, &job, most));
	HN_TRY(hn_gp_prepare_inputs(context, &job, fingerprint_dim));
	width = wanted_rank(&job);
	HN_NEW(context, job.gp->weights, (size_t) head->target_count * job.n);
	HN_NEW(context, job.gp->factors, (size_t) head->target_count * HN_TRIANGLE(width));

	mark = hn_arena_mark(context->arena);
	HN_TRY(hn_gp_choose_parameters(context, &job, &point, report));
	set_parameters(&job, &point);
	if (width > 0)
	{
		job.gp->rank = width;
		HN_NEW(context, pivots, width);
		HN_NEW(context, factor, (size_t) job.n * width);
		HN_TRY(hn_gp_count_offsets(context, job.gp, &offsets));
		HN_TRY(hn_gp_pivot(context, &job, offsets, &job.gp->rank, pivots, factor));
		HN_TRY(hn_gp_reorder(context, &job, pivots, job.gp->rank, factor, width));
	}
	HN_TRY(hn_gp_count_offsets(context, job.gp, &offsets));
	HN_TRY(fit_targets(context, &job, &point, offsets, factor, width));
	hn_arena_rewind(context->arena, mark);

	report->rows = job.n;
	memset(head->parts, 0, sizeof(head->parts));
	head->parts[HN_GP] = job.gp;
	head->packed = NULL;
	return HN_OK;
}
