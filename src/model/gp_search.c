/*
 * gp_search.c: hyper-parameters of a Gaussian process, by the marginal
 * likelihood of some of its rows.
 */
#include "gp_job.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "hamnet/linear.h"
#include "gaussian_process.h"

#define SEARCH_ROWS 1500

/* What the search evaluates on. */
typedef struct Search
{
	HnTask		task;
	int			target_count;
	HnProcessLabels *labels;	/* [targets] */
	int			n;
	real	   *fingerprint;	/* mean squared difference of each pair [n, n], upper triangle; NULL: not used */
	real	   *descriptors;
	real	   *counts;			/* squared distance of the counts of each pair */
	real	   *similarities;	/* t of each pair; NULL where counts is */
	HnProcessWork work;
	real	   *alphas;			/* of the last evaluation, from which Newton's method starts [targets, n] */
	int			evaluations;
	int			planned;
	const HnFitOptions *options;
} Search;

/* The covariance of a point, above the diagonal of the square. */
static void
set_covariances(Search *search, const HnGpPoint *point)
{
	int			n = search->n;
	real		a = (real) exp(point->fingerprint);
	real		b = (real) exp(point->descriptors);
	real		c = (real) exp(point->counts);
	real		share = search->counts ? (real) point->share : 0;

	for (int i = 0; i < n; i++)
	{
		size_t		first = (size_t) i * n + i + 1;
		size_t		count = (size_t) (n - 1 - i);
		real	   *row = search->work.square + first;

		memset(row, 0, count * sizeof(real));
		for (size_t k = 0; search->fingerprint && k < count; k++)
			row[k] += a * search->fingerprint[first + k];
		for (size_t k = 0; search->descriptors && k < count; k++)
			row[k] += b * search->descriptors[first + k];
		for (size_t k = 0; search->counts && k < count; k++)
			row[k] += c * search->counts[first + k];
		hn_covariance_function(HN_MATERN, row, count);
		for (size_t k = 0; k < count; k++)
			row[k] *= 1 - share;
		for (size_t k = 0; search->similarities && share > 0 && k < count; k++)
			row[k] += share * search->similarities[first + k];
	}
}

/* Marginal likelihood per label of a point, over all targets; very low where the arithmetic fails. */
static HnStatus
evaluate(HnContext *context, Search *search, const HnGpPoint *point, double *likelihood)
{
	double		sum = 0;
	int			count = 0;

	set_covariances(search, point);
	for (int t = 0; t < search->target_count; t++)
	{
		const HnProcessLabels *labels = &search->labels[t];
		real	   *alpha = search->alphas + (size_t) t * search->n;
		HnProcessFit fit;

		if (labels->count == 0)
			continue;
		if (search->task == HN_REGRESSION)
			HN_TRY(hn_process_regression(context, &search->work, labels, exp(point->scale), &fit));
		else
		{
			memcpy(search->work.alpha, alpha, (size_t) search->n * sizeof(real));
			HN_TRY(hn_process_classification(context, &search->work, labels, exp(point->scale), &fit));
			memcpy(alpha, search->work.alpha, (size_t) search->n * sizeof(real));
		}
		sum += fit.failed || !isfinite(fit.log_likelihood) ? -1e6 * labels->count : fit.log_likelihood;
		count += labels->count;
	}
	*likelihood = count > 0 ? sum / count : 0;
	search->evaluations++;
	hn_gp_progress(search->options, "choosing hyper-parameters", (double) search->evaluations / search->planned);
	return HN_OK;
}

/* Limits of the search: what data can tell apart, and what single precision can solve. */
static bool
inside(const Search *search, const HnGpPoint *point)
{
	double		least = search->task == HN_REGRESSION ? 1e-4 : 1e-2;

	return fabs(point->fingerprint) <= log(1e4) && fabs(point->descriptors) <= log(1e4)
		&& fabs(point->counts) <= log(1e4)
		&& point->share >= 0 && point->share <= 0.98
		&& point->scale >= log(least) && point->scale <= log(1e3);
}

/* Move to a neighbouring point if that is inside and better. */
static HnStatus
try_move(HnContext *context, Search *search, HnGpPoint *best, double *likelihood,
		 const HnGpPoint *candidate, bool *moved)
{
	double		value;

	*moved = false;
	if (!inside(search, candidate))
		return HN_OK;
	HN_TRY(evaluate(context, search, candidate, &value));
	/* A gain must be worth another evaluation. */
	if (value > *likelihood + 1e-4)
	{
		*best = *candidate;
		*likelihood = value;
		*moved = true;
	}
	return HN_OK;
}

/*
 * One coordinate: a step up or else down, and on in the direction that helps.
 * The coordinate is named by its offset in HnGpPoint.
 */
static HnStatus
search_coordinate(HnContext *context, Search *search, HnGpPoint *best, double *likelihood,
				  size_t offset, double step)
{
	for (int sign = 1; sign >= -1; sign -= 2)
	{
		bool		moved;
		bool		any = false;

		do
		{
			HnGpPoint candidate = *best;

			*(double *) ((char *) &candidate + offset) += sign * step;
			HN_TRY(try_move(context, search, best, likelihood, &candidate, &moved));
			any |= moved;
		} while (moved);
		if (any)
			return HN_OK;
	}
	return HN_OK;
}

/* Coordinate search from one start with shrinking steps: few evaluations, and always the same ones. */
static HnStatus
search_point(HnContext *context, Search *search, HnGpPoint *best, double *likelihood)
{
	static const double log_steps[] = {1.4, 0.7, 0.35};
	static const double share_steps[] = {0.24, 0.12, 0.06};

	HN_TRY(evaluate(context, search, best, likelihood));
	for (int level = 0; level < 3; level++)
	{
		HN_TRY(search_coordinate(context, search, best, likelihood, offsetof(HnGpPoint, scale), log_steps[level]));
		if (search->descriptors)
			HN_TRY(search_coordinate(context, search, best, likelihood, offsetof(HnGpPoint, descriptors),
									 log_steps[level]));
		if (search->fingerprint)
			HN_TRY(search_coordinate(context, search, best, likelihood, offsetof(HnGpPoint, fingerprint),
									 log_steps[level]));
		if (search->counts)
		{
			HN_TRY(search_coordinate(context, search, best, likelihood, offsetof(HnGpPoint, counts),
									 log_steps[level]));
			HN_TRY(search_coordinate(context, search, best, likelihood, offsetof(HnGpPoint, share),
									 share_steps[level]));
		}
	}
	return HN_OK;
}

/* Mean squared differences between rows of a block of columns, [n, n]. */
static HnStatus
block_distances(HnContext *context, const HnGpJob *job, const int *chosen, int n, int first, int width,
				real **distances)
{
	HnArenaMark mark;
	real	   *x;
	real	   *norms;

	*distances = NULL;
	if (width == 0)
		return HN_OK;
	HN_NEW(context, *distances, (size_t) n * n);
	mark = hn_arena_mark(context->arena);
	HN_NEW(context, x, (size_t) n * width);
	HN_NEW(context, norms, n);
	for (int i = 0; i < n; i++)
	{
		const int8_t *stored = job->gp->inputs + (size_t) chosen[i] * job->gp->width + first;

		norms[i] = 0;
		for (int k = 0; k < width; k++)
		{
			real		value = stored[k] / (HN_BYTE_STEPS * sqrtf((float) width));

			x[(size_t) i * width + k] = value;
			norms[i] += value * value;
		}
	}
	hn_gemm_nt(n, n, width, -2, x, width, x, width, 0, *distances, n);
	for (int i = 0; i < n; i++)
		for (int k = 0; k < n; k++)
			(*distances)[(size_t) i * n + k] += norms[i] + norms[k];
	hn_arena_rewind(context->arena, mark);
	return HN_OK;
}

/* Squared distances and t between the counts of the chosen rows, [n, n]. */
static HnStatus
compare_counts(HnContext *context, const HnGpJob *job, const int *chosen, int n, real **distances,
			   real **similarities)
{
	const HnGp *gp = job->gp;
	real	   *similarity;		/* of one row with all others [covariance->rows] */
	real	   *distance;
	int		   *offsets;
	HnPackedGp packed;

	*distances = *similarities = NULL;
	if (!job->options->counts)
		return HN_OK;
	HN_NEW(context, *distances, (size_t) n * n);
	HN_NEW(context, *similarities, (size_t) n * n);
	HN_NEW(context, similarity, gp->rows);
	HN_NEW(context, distance, gp->rows);
	HN_TRY(hn_gp_count_offsets(context, gp, &offsets));
	HN_ASSERT(offsets != NULL);
	HN_TRY(hn_covariance_pack(context, gp, &packed));
	for (int i = 0; i < n; i++)
	{
		HnCounts	counts = hn_gp_counts(gp, chosen[i], offsets[chosen[i]]);

		if (hn_interrupted(context))
			return HN_INTERRUPTED;
		HN_TRY(hn_covariance_compare_counts(context, &packed.counts, gp->rows, counts, similarity, distance));
		for (int k = 0; k < n; k++)
		{
			(*similarities)[(size_t) i * n + k] = similarity[chosen[k]];
			(*distances)[(size_t) i * n + k] = distance[chosen[k]];
		}
	}
	return HN_OK;
}

/* Labels of the chosen rows; a target that is one class or constant among them still has a likelihood. */
static HnStatus
choose_labels(HnContext *context, const HnGpJob *job, const int *chosen, int n, HnProcessLabels **labels)
{
	int			targets = job->head->target_count;

	HN_NEW(context, *labels, targets);
	for (int t = 0; t < targets; t++)
	{
		real	   *y;
		double		sum = 0;
		int			count = 0;

		HN_NEW(context, y, n);
		for (int i = 0; i < n; i++)
		{
			y[i] = job->y[(size_t) t * job->n + chosen[i]];
			sum += isnan(y[i]) ? 0 : y[i];
			count += !isnan(y[i]);
		}
		(*labels)[t] = (HnProcessLabels)
		{
			.y = y, .count = count,
			.offset = job->head->task == HN_REGRESSION ? 0 : log((sum + 0.5) / (count - sum + 0.5))
		};
	}
	return HN_OK;
}

HnStatus
hn_gp_choose_parameters(HnContext *context, HnGpJob *job, HnGpPoint *best, HnFitReport *result)
{
	const HnGp *gp = job->gp;
	HnArenaMark mark = hn_arena_mark(context->arena);
	Search		search = {
		.task = job->head->task, .target_count = job->head->target_count, .options = job->options,
		.planned = job->options->counts ? 80 : 30
	};
	HnGpPoint start = {
		.fingerprint = log(0.1), .descriptors = log(0.1), .counts = log(0.01), .share = 0.24,
		.scale = job->head->task == HN_REGRESSION ? log(0.05) : log(4)
	};
	int		   *chosen = NULL;

	HN_TRY(hn_gp_choose_rows(context, job, SEARCH_ROWS, &chosen, &search.n));
	HN_TRY(choose_labels(context, job, chosen, search.n, &search.labels));
	HN_TRY(block_distances(context, job, chosen, search.n, 0, gp->fingerprint_width, &search.fingerprint));
	HN_TRY(block_distances(context, job, chosen, search.n, gp->fingerprint_width,
						   gp->width - gp->fingerprint_width, &search.descriptors));
	HN_TRY(compare_counts(context, job, chosen, search.n, &search.counts, &search.similarities));
	HN_TRY(hn_process_work(context, search.n, &search.work));
	HN_NEW_ZERO(context, search.alphas, (size_t) search.target_count * search.n);

	*best = start;
	HN_TRY(search_point(context, &search, best, &result->log_likelihood));
	if (search.counts)
	{
		/* A little of t may be a trap on the way to none. */
		HnGpPoint without = start;
		double		likelihood;

		without.share = 0;
		HN_TRY(search_point(context, &search, &without, &likelihood));
		if (likelihood > result->log_likelihood)
		{
			*best = without;
			result->log_likelihood = likelihood;
		}
	}
	result->evaluations = search.evaluations;
	hn_arena_rewind(context->arena, mark);
	return HN_OK;
}
