/*
 * kernel_fit.c: Gaussian processes for regression and classification
 * (Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006).
 *
 * Both are written with one weight W_i a row (their algorithm 3.1): the
 * reciprocal of the noise for a measurement, p (1 - p) for a class, and 0 for a
 * row without a label. Every system to solve is then B = I + √W K √W, whose
 * eigenvalues are at least 1, so that single precision suffices and one matrix
 * serves targets that are labelled in different rows.
 *
 * That matrix lies in a square [n, n]: K above the diagonal, where it stays
 * (its diagonal is 1), and B, then its factor, in the lower triangle.
 */
#include "hamnet/kernel_head.h"

#include <cblas.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hamnet/cholesky.h"
#include "hamnet/linear.h"
#include "kernel.h"
#include "standardise.h"

#ifdef HAMNET_DOUBLE
#define cblas_symv cblas_dsymv
#else
#define cblas_symv cblas_ssymv
#endif

#define SEARCH_ROWS 1500

/* Fewer labels fit nothing. */
#define LEAST_LABELS 3

/* A column whose deviation is below this part of its size is constant but for rounding. */
#define LEAST_DEVIATION 1e-6

/* Added to the diagonal of a matrix that may be singular, and has no eigenvalue above 1. */
#define LEAST_JITTER 1e-12
#define MOST_JITTER 1e-6

#define NEWTON_STEPS 50
#define LOG_2PI 1.8378770664093453

extern void dpotrf_(const char *triangle, const int *n, double *a, const int *lda, int *info);

/* Labels of one target over the rows of a fit. */
typedef struct Labels
{
	const real *y;				/* [n] scaled value, or class 0 or 1; NaN: none */
	int			count;
	double		offset;			/* mean of the process */
} Labels;

/* A square matrix as above, and vectors of its size to work with. */
typedef struct Work
{
	int			n;
	real	   *square;			/* [n, n] */
	real	   *weight;			/* W */
	real	   *alpha;
	real	   *latent;			/* K α, times the variance */
	real	   *b;
	real	   *c;
} Work;

/* The result of fitting one target. */
typedef struct Fit
{
	double		log_likelihood; /* marginal, over all labels */
	double		variance;		/* of the process that α belongs to */
	bool		failed;			/* numerically */
} Fit;

static HnStatus
new_work(HnContext *context, int n, Work *work)
{
	work->n = n;
	HN_NEW(context, work->square, (size_t) n * n);
	HN_NEW(context, work->weight, n);
	HN_NEW_ZERO(context, work->alpha, n);
	HN_NEW(context, work->latent, n);
	HN_NEW(context, work->b, n);
	HN_NEW(context, work->c, n);
	return HN_OK;
}

/* Fill the lower triangle with I + √W v K √W and factorise it; tiles, because one side is read by columns. */
static HnStatus
factorise(HnContext *context, Work *work, double variance, bool *positive)
{
	enum
	{
		TILE = 64
	};
	int			n = work->n;

	for (int i = 0; i < n; i++)
		work->c[i] = (real) sqrt(work->weight[i]);
	for (int row = 0; row < n; row += TILE)
		for (int column = 0; column <= row; column += TILE)
			for (int i = row; i < n && i < row + TILE; i++)
				for (int j = column; j < i && j < column + TILE; j++)
					work->square[(size_t) i * n + j] = (real) variance * work->c[i] * work->c[j]
						* work->square[(size_t) j * n + i];
	for (int i = 0; i < n; i++)
		work->square[(size_t) i * n + i] = 1 + (real) variance * work->weight[i];
	return hn_cholesky(context, n, work->square, positive);
}

/* out = K x; the square's diagonal is not K's. */
static void
multiply(const Work *work, const real *x, real *out)
{
	int			n = work->n;

	cblas_symv(CblasRowMajor, CblasUpper, n, 1, work->square, n, x, 1, 0, out, 1);
	for (int i = 0; i < n; i++)
		out[i] += (1 - work->square[(size_t) i * n + i]) * x[i];
}

/* x ← √W B⁻¹ √W x, with the factor of B. */
static void
solve(const Work *work, real *x)
{
	for (int i = 0; i < work->n; i++)
		x[i] *= (real) sqrt(work->weight[i]);
	hn_cholesky_solve(work->n, work->square, x);
	for (int i = 0; i < work->n; i++)
		x[i] *= (real) sqrt(work->weight[i]);
}

static double
dot(const real *x, const real *y, int n)
{
	double		sum = 0;

	for (int i = 0; i < n; i++)
		sum += (double) x[i] * y[i];
	return sum;
}

/*
 * Regression: α = (K + λ)⁻¹ y over the labelled rows, λ = noise / variance.
 * The variance that maximises the likelihood is yᵀα / n, so it is not searched.
 */
static HnStatus
fit_regression(HnContext *context, Work *work, const Labels *labels, double ratio, Fit *fit)
{
	int			n = work->n;
	bool		positive;
	double		determinant;

	for (int i = 0; i < n; i++)
	{
		work->weight[i] = isnan(labels->y[i]) ? 0 : (real) (1 / ratio);
		work->alpha[i] = isnan(labels->y[i]) ? 0 : labels->y[i];
	}
	memcpy(work->b, work->alpha, (size_t) n * sizeof(real));
	HN_TRY(factorise(context, work, 1, &positive));
	fit->failed = !positive;
	if (!positive)
		return HN_OK;
	solve(work, work->alpha);
	fit->variance = dot(work->b, work->alpha, n) / labels->count;
	fit->failed = !(fit->variance > 0 && isfinite(fit->variance));
	determinant = hn_cholesky_log_determinant(n, work->square) + labels->count * log(ratio);
	fit->log_likelihood = -0.5 * (labels->count * (log(fit->variance) + 1 + LOG_2PI) + determinant);
	return HN_OK;
}

/* log(1 + exp(x)) */
static double
log1p_exp(double x)
{
	return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

/* ψ = Σ log p(y | f) - ½ αᵀ v K α, with the latent values of α. */
static double
objective(const Work *work, const Labels *labels)
{
	double		sum = -0.5 * dot(work->alpha, work->latent, work->n);

	for (int i = 0; i < work->n; i++)
		if (!isnan(labels->y[i]))
		{
			double		f = work->latent[i] + labels->offset;

			sum -= log1p_exp(labels->y[i] > 0 ? -f : f);
		}
	return sum;
}

static void
set_latent(Work *work, double variance)
{
	multiply(work, work->alpha, work->latent);
	for (int i = 0; i < work->n; i++)
		work->latent[i] *= (real) variance;
}

/* W and, in b, W (f - mean) + ∇ log p(y | f). */
static void
set_newton(Work *work, const Labels *labels)
{
	for (int i = 0; i < work->n; i++)
	{
		double		p = 1 / (1 + exp(-(work->latent[i] + labels->offset)));
		bool		labelled = !isnan(labels->y[i]);

		work->weight[i] = labelled ? (real) (p * (1 - p)) : 0;
		work->b[i] = labelled ? (real) (p * (1 - p) * work->latent[i] + labels->y[i] - p) : 0;
	}
}

/*
 * Classification: the mode, by Newton's method from the present α, which
 * shortens a step that would lower the objective. At the mode α = y - p.
 */
static HnStatus
fit_classification(HnContext *context, Work *work, const Labels *labels, double variance, Fit *fit)
{
	int			n = work->n;
	real	   *before;
	double		best;
	bool		positive = true;
	HnArenaMark mark = hn_arena_mark(context->arena);

	HN_NEW(context, before, n);
	set_latent(work, variance);
	best = objective(work, labels);
	if (!isfinite(best))
	{
		memset(work->alpha, 0, (size_t) n * sizeof(real));
		set_latent(work, variance);
		best = objective(work, labels);
	}
	for (int step = 0; step < NEWTON_STEPS && positive; step++)
	{
		double		gain = -DBL_MAX;

		set_newton(work, labels);
		HN_TRY(factorise(context, work, variance, &positive));
		memcpy(before, work->alpha, (size_t) n * sizeof(real));
		/* a = b - √W B⁻¹ √W v K b */
		multiply(work, work->b, work->alpha);
		for (int i = 0; i < n; i++)
			work->alpha[i] *= (real) variance;
		solve(work, work->alpha);
		for (int i = 0; i < n; i++)
			work->alpha[i] = work->b[i] - work->alpha[i];
		for (int halving = 0; halving < 10; halving++)
		{
			set_latent(work, variance);
			gain = objective(work, labels) - best;
			if (gain >= 0)
				break;
			for (int i = 0; i < n; i++)
				work->alpha[i] = (work->alpha[i] + before[i]) / 2;
		}
		best += gain;
		if (fabs(gain) < 1e-6 * labels->count)
			break;
	}
	fit->failed = !positive || !isfinite(best);
	fit->variance = variance;
	fit->log_likelihood = best - 0.5 * hn_cholesky_log_determinant(n, work->square);
	hn_arena_rewind(context->arena, mark);
	return HN_OK;
}

/*
 * A point of the search: logarithms of the weights, of the noise ratio or, for
 * classes, of the variance, and the share itself.
 */
typedef struct Point
{
	double		fingerprint;
	double		descriptors;
	double		counts;
	double		share;
	double		scale;			/* λ, or v */
	HnKernelFunction function;
} Point;

/* What the search evaluates on. */
typedef struct Search
{
	HnTask		task;
	int			target_count;
	Labels	   *labels;			/* [targets] */
	int			n;
	real	   *fingerprint;	/* mean squared difference of each pair [n, n], upper triangle; NULL: not used */
	real	   *descriptors;
	real	   *counts;			/* squared distance of the counts of each pair */
	real	   *similarities;	/* t of each pair; NULL where counts is */
	Work		work;
	real	   *alphas;			/* of the last evaluation, from which Newton's method starts [targets, n] */
	int			evaluations;
	int			planned;
	const HnKernelOptions *options;
} Search;

static void
report(const HnKernelOptions *options, const char *step, double done)
{
	if (options->progress)
		options->progress(options->progress_state, step, done < 1 ? done : 1);
}

/* The kernel of a point, above the diagonal of the square. */
static void
set_kernel(Search *search, const Point *point)
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
		hn_kernel_function(point->function, row, count);
		for (size_t k = 0; k < count; k++)
			row[k] *= 1 - share;
		for (size_t k = 0; search->similarities && share > 0 && k < count; k++)
			row[k] += share * search->similarities[first + k];
	}
}

/* Marginal likelihood per label of a point, over all targets; very low where the arithmetic fails. */
static HnStatus
evaluate(HnContext *context, Search *search, const Point *point, double *likelihood)
{
	double		sum = 0;
	int			count = 0;

	set_kernel(search, point);
	for (int t = 0; t < search->target_count; t++)
	{
		const Labels *labels = &search->labels[t];
		real	   *alpha = search->alphas + (size_t) t * search->n;
		Fit			fit;

		if (search->task == HN_REGRESSION)
			HN_TRY(fit_regression(context, &search->work, labels, exp(point->scale), &fit));
		else
		{
			memcpy(search->work.alpha, alpha, (size_t) search->n * sizeof(real));
			HN_TRY(fit_classification(context, &search->work, labels, exp(point->scale), &fit));
			memcpy(alpha, search->work.alpha, (size_t) search->n * sizeof(real));
		}
		sum += fit.failed || !isfinite(fit.log_likelihood) ? -1e6 * labels->count : fit.log_likelihood;
		count += labels->count;
	}
	*likelihood = sum / count;
	search->evaluations++;
	report(search->options, "choosing hyper-parameters", (double) search->evaluations / search->planned);
	return HN_OK;
}

/* Limits of the search: what data can tell apart, and what single precision can solve. */
static bool
inside(const Search *search, const Point *point)
{
	double		least = search->task == HN_REGRESSION ? 1e-4 : 1e-2;

	return fabs(point->fingerprint) <= log(1e4) && fabs(point->descriptors) <= log(1e4)
		&& fabs(point->counts) <= log(1e4)
		&& point->share >= 0 && point->share <= 0.98
		&& point->scale >= log(least) && point->scale <= log(1e3);
}

/* Move to a neighbouring point if that is inside and better. */
static HnStatus
try_move(HnContext *context, Search *search, Point *best, double *likelihood, const Point *candidate, bool *moved)
{
	double		value;

	*moved = false;
	if (!inside(search, candidate))
		return HN_OK;
	HN_TRY(evaluate(context, search, candidate, &value));
	/* What is gained must be worth another evaluation. */
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
 * The coordinate is named by its place in Point.
 */
static HnStatus
search_coordinate(HnContext *context, Search *search, Point *best, double *likelihood, size_t place, double step)
{
	for (int sign = 1; sign >= -1; sign -= 2)
	{
		bool		moved;
		bool		any = false;

		do
		{
			Point		candidate = *best;

			*(double *) ((char *) &candidate + place) += sign * step;
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
search_point(HnContext *context, Search *search, Point *best, double *likelihood)
{
	static const double log_steps[] = {1.4, 0.7, 0.35};
	static const double share_steps[] = {0.24, 0.12, 0.06};
	bool		moved;

	HN_TRY(evaluate(context, search, best, likelihood));
	for (int level = 0; level < 3; level++)
	{
		Point		candidate;

		HN_TRY(search_coordinate(context, search, best, likelihood, offsetof(Point, scale), log_steps[level]));
		if (search->descriptors)
			HN_TRY(search_coordinate(context, search, best, likelihood, offsetof(Point, descriptors),
									 log_steps[level]));
		if (search->fingerprint)
			HN_TRY(search_coordinate(context, search, best, likelihood, offsetof(Point, fingerprint),
									 log_steps[level]));
		if (search->counts)
		{
			HN_TRY(search_coordinate(context, search, best, likelihood, offsetof(Point, counts),
									 log_steps[level]));
			HN_TRY(search_coordinate(context, search, best, likelihood, offsetof(Point, share),
									 share_steps[level]));
		}
		candidate = *best;
		candidate.function = best->function == HN_MATERN ? HN_GAUSSIAN : HN_MATERN;
		HN_TRY(try_move(context, search, best, likelihood, &candidate, &moved));
	}
	return HN_OK;
}

/* Everything about one fit. */
typedef struct Job
{
	HnHead	   *head;
	HnKernelHead *kernel;
	const HnInputs *inputs;
	const real *labels;			/* [inputs->count, targets] */
	const HnKernelOptions *options;
	int			n;
	int		   *rows;			/* places in inputs of the rows used [n] */
	real	   *y;				/* scaled labels [targets, n] */
	int		   *label_counts;	/* [targets] */
	double	   *corrections;	/* [targets] of a class's offset for what a sample of the rows holds too much of */
} Job;

/* Collect the rows that have a label. */
static HnStatus
collect_rows(HnContext *context, Job *job)
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

/* Check the labels of one target, and scale them. */
static HnStatus
scale_target(HnContext *context, Job *job, int t)
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
	if (count < LEAST_LABELS)
		return hn_fail(context, HN_INVALID_ARGUMENT, "target \"%s\" has %d labels, at least %d are needed",
					   target->name, count, LEAST_LABELS);
	job->label_counts[t] = count;
	target->mean = 0;
	target->std = 1;
	if (head->task == HN_CLASSIFICATION)
	{
		if (sum == 0 || sum == count)
			return hn_fail(context, HN_INVALID_ARGUMENT, "target \"%s\" has only one class", target->name);
		job->kernel->processes[t].offset = log(sum / (count - sum));
		return HN_OK;
	}

	target->mean = sum / count;
	for (int i = 0; i < job->n; i++)
		if (!isnan(y[i]))
			squares += (y[i] - target->mean) * (y[i] - target->mean);
	target->std = sqrt(squares / count);
	if (!(target->std > LEAST_DEVIATION * fabs(target->mean)))
		return hn_fail(context, HN_INVALID_ARGUMENT, "target \"%s\" is constant", target->name);
	for (int i = 0; i < job->n; i++)
	{
		HnProcess  *process = &job->kernel->processes[t];

		y[i] = (real) ((y[i] - target->mean) / target->std);
		process->least = fmin(process->least, y[i]);
		process->most = fmax(process->most, y[i]);
	}
	return HN_OK;
}

/* Store the inputs of the rows in the kernel, in the order of job->rows. */
static HnStatus
store_inputs(HnContext *context, Job *job)
{
	HnKernelHead *kernel = job->kernel;
	real	   *steps;
	int			entry = 0;

	HN_NEW(context, steps, kernel->width);
	for (int i = 0; i < job->n; i++)
	{
		hn_kernel_standardise(kernel, job->inputs, job->rows[i], steps);
		for (int k = 0; k < kernel->width; k++)
			kernel->inputs[(size_t) i * kernel->width + k] = (int8_t) lrint(steps[k]);
		if (hn_kernel_uses_counts(kernel))
		{
			const HnCounts *counts = &job->inputs->counts[job->rows[i]];

			kernel->count_lengths[i] = (uint16_t) counts->length;
			memcpy(kernel->count_columns + entry, counts->columns, (size_t) counts->length * sizeof(uint16_t));
			memcpy(kernel->count_values + entry, counts->counts, (size_t) counts->length);
			entry += counts->length;
		}
	}
	return HN_OK;
}

/* Allocate the kernel's tables but for weights and factors, and fill them. */
static HnStatus
prepare_inputs(HnContext *context, Job *job, int fingerprint_dim)
{
	const HnKernelOptions *options = job->options;
	HnKernelHead *kernel = job->kernel;
	HnColumns	columns;

	kernel->rows = job->n;
	kernel->fingerprint_width = options->fingerprint ? fingerprint_dim : 0;
	kernel->descriptors = options->descriptors;
	kernel->width = kernel->fingerprint_width + (options->descriptors ? options->descriptors->count : 0);
	HN_NEW(context, kernel->center, kernel->width);
	HN_NEW(context, kernel->scale, kernel->width);
	HN_NEW(context, kernel->inputs, (size_t) job->n * kernel->width);
	if (options->counts)
	{
		kernel->count_weight = 1;	/* until the search has chosen */
		for (int i = 0; i < job->n; i++)
			kernel->entry_count += job->inputs->counts[job->rows[i]].length;
		HN_NEW(context, kernel->count_lengths, job->n);
		HN_NEW(context, kernel->count_columns, kernel->entry_count);
		HN_NEW(context, kernel->count_values, kernel->entry_count);
	}
	columns = (HnColumns){kernel->fingerprint_width, kernel->width, kernel->center, kernel->scale};
	hn_measure_columns(&columns, job->inputs, job->rows, job->n);
	return store_inputs(context, job);
}

/* The next of a sequence of random numbers (SplitMix64). */
static uint64_t
next_random(uint64_t *state)
{
	uint64_t	z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Whether a row has a label of the rarer class of some target. */
static bool
is_rare(const Job *job, int row)
{
	for (int t = 0; t < job->head->target_count; t++)
	{
		real		y = job->y[(size_t) t * job->n + row];

		if (!isnan(y) && (y > 0) == (job->kernel->processes[t].offset < 0))
			return true;
	}
	return false;
}

/*
 * Choose rows for the search at random. For classes, up to half of them hold a
 * rare label: with one active in thirty, a plain sample would tell little.
 */
static HnStatus
choose_rows(HnContext *context, const Job *job, int wanted, int **chosen, int *count)
{
	uint64_t	state = job->options->seed;
	int		   *order;
	int			taken = 0;

	HN_NEW(context, order, job->n);
	HN_NEW(context, *chosen, job->n);
	for (int i = 0; i < job->n; i++)
		order[i] = i;
	for (int i = job->n - 1; i > 0; i--)
	{
		int			k = (int) (next_random(&state) % (uint64_t) (i + 1));
		int			swap = order[i];

		order[i] = order[k];
		order[k] = swap;
	}
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
compare_places(const void *a, const void *b)
{
	return *(const int *) a - *(const int *) b;
}

/*
 * Fit to a sample of so many rows. It holds more of the rarer class than all
 * rows do, which adds the same number to the logarithm of the odds everywhere.
 */
static HnStatus
sample_rows(HnContext *context, Job *job, int wanted)
{
	int		   *chosen = NULL;
	int			all = job->n;
	int			count = 0;

	HN_TRY(choose_rows(context, job, wanted, &chosen, &count));
	qsort(chosen, count, sizeof(*chosen), compare_places);
	job->n = count;
	for (int i = 0; i < count; i++)
		job->rows[i] = job->rows[chosen[i]];
	for (int t = 0; t < job->head->target_count; t++)
	{
		const real *y = job->y + (size_t) t * all;
		real	   *kept = job->y + (size_t) t * count;
		HnProcess  *process = &job->kernel->processes[t];
		double		sum = 0;
		int			labels = 0;

		for (int i = 0; i < count; i++)
		{
			kept[i] = y[chosen[i]];
			sum += isnan(kept[i]) ? 0 : kept[i];
			labels += !isnan(kept[i]);
		}
		if (labels < LEAST_LABELS)
			return hn_fail(context, HN_INVALID_ARGUMENT, "target \"%s\" has %d labels in a sample of %d rows, at least %d are needed",
						   job->head->targets[t].name, labels, count, LEAST_LABELS);
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

/* Mean squared differences between rows of a block of columns, [n, n]. */
static HnStatus
block_distances(HnContext *context, const Job *job, const int *chosen, int n, int first, int width, real **distances)
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
		const int8_t *stored = job->kernel->inputs + (size_t) chosen[i] * job->kernel->width + first;

		norms[i] = 0;
		for (int k = 0; k < width; k++)
		{
			real		value = stored[k] / (HN_KERNEL_STEPS * sqrtf((float) width));

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

/* Where the counts of each row begin [n]; NULL without counts. */
static HnStatus
count_offsets(HnContext *context, const HnKernelHead *kernel, int **offsets)
{
	int			offset = 0;

	*offsets = NULL;
	if (!hn_kernel_uses_counts(kernel))
		return HN_OK;
	HN_NEW(context, *offsets, kernel->rows);
	for (int i = 0; i < kernel->rows; i++)
	{
		(*offsets)[i] = offset;
		offset += kernel->count_lengths[i];
	}
	return HN_OK;
}

/* Squared distances and t between the counts of the chosen rows, [n, n]. */
static HnStatus
compare_counts(HnContext *context, const Job *job, const int *chosen, int n, real **distances, real **similarities)
{
	const HnKernelHead *kernel = job->kernel;
	real	   *similarity;		/* of one row with all others [kernel->rows] */
	real	   *distance;
	int		   *offsets;
	HnPackedKernel packed;

	*distances = *similarities = NULL;
	if (!job->options->counts)
		return HN_OK;
	HN_NEW(context, *distances, (size_t) n * n);
	HN_NEW(context, *similarities, (size_t) n * n);
	HN_NEW(context, similarity, kernel->rows);
	HN_NEW(context, distance, kernel->rows);
	HN_TRY(count_offsets(context, kernel, &offsets));
	HN_ASSERT(offsets != NULL);
	HN_TRY(hn_kernel_pack(context, kernel, &packed));
	for (int i = 0; i < n; i++)
	{
		HnCounts	counts = hn_kernel_counts(kernel, chosen[i], offsets[chosen[i]]);

		if (hn_interrupted(context))
			return HN_INTERRUPTED;
		HN_TRY(hn_kernel_compare_counts(context, &packed.counts, kernel->rows, counts, similarity, distance));
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
choose_labels(HnContext *context, const Job *job, const int *chosen, int n, Labels **labels)
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
		(*labels)[t] = (Labels)
		{
			.y = y, .count = count,
			.offset = job->head->task == HN_REGRESSION ? 0 : log((sum + 0.5) / (count - sum + 0.5))
		};
	}
	return HN_OK;
}

/* Choose the hyper-parameters on a part of the rows. */
static HnStatus
choose_parameters(HnContext *context, Job *job, Point *best, HnKernelReport *result)
{
	const HnKernelHead *kernel = job->kernel;
	int			wanted = job->options->search_rows > 0 ? job->options->search_rows : SEARCH_ROWS;
	HnArenaMark mark = hn_arena_mark(context->arena);
	Search		search = {
		.task = job->head->task, .target_count = job->head->target_count, .options = job->options,
		.planned = job->options->counts ? 80 : 30
	};
	Point		start = {
		.fingerprint = log(0.1), .descriptors = log(0.1), .counts = log(0.01), .share = 0.24,
		.scale = job->head->task == HN_REGRESSION ? log(0.05) : log(4), .function = HN_MATERN
	};
	int		   *chosen = NULL;

	HN_TRY(choose_rows(context, job, wanted, &chosen, &search.n));
	HN_TRY(choose_labels(context, job, chosen, search.n, &search.labels));
	HN_TRY(block_distances(context, job, chosen, search.n, 0, kernel->fingerprint_width, &search.fingerprint));
	HN_TRY(block_distances(context, job, chosen, search.n, kernel->fingerprint_width,
						   kernel->width - kernel->fingerprint_width, &search.descriptors));
	HN_TRY(compare_counts(context, job, chosen, search.n, &search.counts, &search.similarities));
	HN_TRY(new_work(context, search.n, &search.work));
	HN_NEW_ZERO(context, search.alphas, (size_t) search.target_count * search.n);

	*best = start;
	HN_TRY(search_point(context, &search, best, &result->log_likelihood));
	if (search.counts)
	{
		/* A little of t may be a trap on the way to none. */
		Point		without = start;
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

static void
set_parameters(const Job *job, const Point *point)
{
	HnKernelHead *kernel = job->kernel;

	kernel->function = point->function;
	kernel->fingerprint_weight = kernel->fingerprint_width > 0 ? exp(point->fingerprint) : 0;
	kernel->descriptor_weight = kernel->descriptors ? exp(point->descriptors) : 0;
	kernel->count_weight = job->options->counts ? exp(point->counts) : 0;
	kernel->count_share = job->options->counts && point->share > 1e-6 ? point->share : 0;
}

/* The kernel between training rows first .. first + count - 1 and all of them, out [count, n]. */
static HnStatus
training_rows(HnContext *context, const HnKernelHead *kernel, const HnPackedKernel *packed, const int *offsets,
			  int first, int count, real *out)
{
	HnArenaMark mark = hn_arena_mark(context->arena);
	real	   *steps;
	HnCounts   *counts = NULL;

	HN_NEW(context, steps, (size_t) count * kernel->width);
	for (size_t k = 0; k < (size_t) count * kernel->width; k++)
		steps[k] = kernel->inputs[(size_t) first * kernel->width + k];
	if (hn_kernel_uses_counts(kernel))
	{
		HN_ASSERT(offsets != NULL);
		HN_NEW(context, counts, count);
		for (int i = 0; i < count; i++)
			counts[i] = hn_kernel_counts(kernel, first + i, offsets[first + i]);
	}
	HN_TRY(hn_kernel_rows(context, kernel, packed, count, steps, counts, out, NULL));
	hn_arena_rewind(context->arena, mark);
	return HN_OK;
}

/*
 * Partial Cholesky factor of K with pivots: each step takes the row that the
 * ones before explain least. The factor [n, rank] approximates K = L Lᵀ, and is
 * exact in the pivots' rows and columns; rank is set to the steps taken.
 */
static HnStatus
pivot(HnContext *context, const Job *job, const int *offsets, int *rank, int *pivots, real *factor)
{
	int			n = job->n;
	int			most = *rank;
	real	   *rest;			/* variance of each row that is not yet explained */
	real	   *column;
	HnPackedKernel packed;
	int			taken = 0;

	HN_NEW(context, rest, n);
	HN_NEW(context, column, n);
	HN_TRY(hn_kernel_pack(context, job->kernel, &packed));
	for (int i = 0; i < n; i++)
		rest[i] = 1;
	while (taken < most)
	{
		int			best = 0;
		real		root;

		for (int i = 1; i < n; i++)
			if (rest[i] > rest[best])
				best = i;
		if (rest[best] < 1e-4)	/* rounding of the kernel is near */
			break;
		root = (real) sqrt(rest[best]);
		if (hn_interrupted(context))
			return HN_INTERRUPTED;
		HN_TRY(training_rows(context, job->kernel, &packed, offsets, best, 1, column));
		hn_gemm_nt(1, n, taken, -1, factor + (size_t) best * most, most, factor, most, 1, column, n);
		for (int i = 0; i < n; i++)
		{
			real		value = i == best ? root : column[i] / root;

			factor[(size_t) i * most + taken] = value;
			rest[i] -= value * value;
		}
		rest[best] = 0;
		pivots[taken++] = best;
		report(job->options, "choosing rows for the deviation", (double) taken / most);
	}
	*rank = taken;
	return HN_OK;
}

/* Bring the pivots to the front of job->rows, of the labels and of the factor. */
static HnStatus
reorder(HnContext *context, Job *job, const int *pivots, int rank, real *factor, int width)
{
	int			n = job->n;
	int		   *order;
	bool	   *is_pivot;
	int		   *rows;
	real	   *y;
	real	   *copy;
	int			next = rank;

	HN_NEW(context, order, n);
	HN_NEW_ZERO(context, is_pivot, n);
	HN_NEW(context, rows, n);
	HN_NEW(context, y, (size_t) n * job->head->target_count);
	HN_NEW(context, copy, (size_t) n * width);
	for (int i = 0; i < rank; i++)
	{
		order[i] = pivots[i];
		is_pivot[pivots[i]] = true;
	}
	for (int i = 0; i < n; i++)
		if (!is_pivot[i])
			order[next++] = i;
	for (int i = 0; i < n; i++)
	{
		rows[i] = job->rows[order[i]];
		memcpy(copy + (size_t) i * width, factor + (size_t) order[i] * width, (size_t) width * sizeof(real));
		for (int t = 0; t < job->head->target_count; t++)
			y[(size_t) t * n + i] = job->y[(size_t) t * n + order[i]];
	}
	memcpy(factor, copy, (size_t) n * width * sizeof(real));
	memcpy(job->rows, rows, (size_t) n * sizeof(int));
	memcpy(job->y, y, (size_t) n * job->head->target_count * sizeof(real));
	return store_inputs(context, job);
}

/*
 * The lower triangular factor of M = I - XᵀX, X [m, m]. M is singular where a
 * target labels fewer rows than m: what pivots without a label would explain,
 * those with one leave nothing of. Where an eigenvalue is 0 the computed one is
 * the rounding error of XᵀX = (I + A W Aᵀ)⁻¹, about ε |I + A W Aᵀ| ≤ ε (1 + n / λ),
 * so that more than this has to be added: the smallest power of ten that makes M
 * positive definite. It takes as much of v off a variance, for |a|² is not above
 * 1: at most a hundredth of the least noise, which is in every deviation.
 */
static HnStatus
explained_factor(HnContext *context, int m, const double *x, double *factor)
{
	int			info = 1;

	for (double jitter = LEAST_JITTER; info != 0 && jitter <= MOST_JITTER; jitter *= 10)
	{
		memset(factor, 0, (size_t) m * m * sizeof(double));
		for (int k = 0; k < m; k++)
			factor[(size_t) k * m + k] = 1 + jitter;
		cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, m, m, -1, x, m, 1, factor, m);
		dpotrf_("U", &m, factor, &m, &info);
	}
	if (info != 0)
		return hn_fail(context, HN_INTERNAL, "the explained part of rank %d is not positive definite", m);
	return HN_OK;
}

/*
 * R of one target. With A = L_m⁻¹ K_mn, which is the transpose of the partial
 * factor, the process conditioned on the data through the m pivots has the
 * variance v (1 - |a|² + aᵀ (I + A W Aᵀ)⁻¹ a) at x, a = L_m⁻¹ k_m(x) and W = 1/λ
 * in labelled rows. Through fewer rows than all, it is never less than what the
 * exact process leaves, and far from the data it is v. So
 * R = √v C L_m⁻¹ with CᵀC = I - (I + A W Aᵀ)⁻¹, and C lower triangular makes
 * R so.
 */
static HnStatus
variance_factor(HnContext *context, const Job *job, const real *y, int width, const real *factor, double ratio,
				double variance, float *r)
{
	HnArenaMark mark = hn_arena_mark(context->arena);
	int			n = job->n;
	int			m = job->kernel->rank;
	double	   *labelled;		/* rows of A Lᵀ that have a label */
	double	   *matrix;
	double	   *inverse;
	double	   *reversed;
	int			count = 0;
	int			info;

	HN_ASSERT(factor != NULL);
	HN_NEW(context, labelled, (size_t) n * m);
	HN_NEW_ZERO(context, matrix, (size_t) m * m);
	HN_NEW_ZERO(context, inverse, (size_t) m * m);
	HN_NEW(context, reversed, (size_t) m * m);
	for (int i = 0; i < n; i++)
		if (!isnan(y[i]))
		{
			for (int k = 0; k < m; k++)
				labelled[(size_t) count * m + k] = factor[(size_t) i * width + k];
			count++;
		}
	for (int k = 0; k < m; k++)
		matrix[(size_t) k * m + k] = inverse[(size_t) k * m + k] = 1;
	if (count > 0)
		cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, m, count, 1 / ratio, labelled, m, 1, matrix, m);
	dpotrf_("U", &m, matrix, &m, &info);	/* lower of our order */
	if (info != 0)
		return hn_fail(context, HN_INTERNAL, "the deviation's matrix of rank %d is not positive definite", m);
	cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, m, m, 1, matrix, m, inverse, m);
	/*
	 * inverse = L⁻¹, so that (I + A W Aᵀ)⁻¹ = L⁻ᵀ L⁻¹. Cholesky's factor L' of
	 * M = CᵀC with rows and columns reversed gives C, reversed and transposed.
	 */
	for (int i = 0; i < m; i++)
		for (int k = 0; k < m; k++)
			reversed[(size_t) i * m + k] = inverse[(size_t) i * m + m - 1 - k];
	HN_TRY(explained_factor(context, m, reversed, matrix));
	for (int i = 0; i < m; i++)
		for (int k = 0; k < m; k++)
		{
			inverse[(size_t) i * m + k] = k <= i ? matrix[(size_t) (m - 1 - k) * m + m - 1 - i] : 0;
			reversed[(size_t) i * m + k] = k <= i ? factor[(size_t) i * width + k] : 0;
		}
	/* R = √v C L_m⁻¹, of which the lower triangle is stored, row by row */
	cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasNoTrans, CblasNonUnit, m, m, sqrt(variance),
				reversed, m, inverse, m);
	for (int i = 0; i < m; i++)
		for (int k = 0; k <= i; k++)
			*r++ = (float) inverse[(size_t) i * m + k];
	hn_arena_rewind(context->arena, mark);
	return HN_OK;
}

/* Fit every target to all rows; factor [n, width] is the partial factor, or NULL. */
static HnStatus
fit_targets(HnContext *context, Job *job, const Point *point, const int *offsets, const real *factor, int width)
{
	HnHead	   *head = job->head;
	HnKernelHead *kernel = job->kernel;
	int			n = job->n;
	Work		work;
	HnPackedKernel packed;

	HN_TRY(new_work(context, n, &work));
	HN_TRY(hn_kernel_pack(context, kernel, &packed));
	for (int first = 0; first < n; first += HN_KERNEL_BLOCK)
	{
		int			count = n - first < HN_KERNEL_BLOCK ? n - first : HN_KERNEL_BLOCK;

		if (hn_interrupted(context))
			return HN_INTERRUPTED;
		HN_TRY(training_rows(context, kernel, &packed, offsets, first, count, work.square + (size_t) first * n));
		report(job->options, "comparing the training rows", (double) (first + count) / n);
	}
	for (int t = 0; t < head->target_count; t++)
	{
		HnProcess  *process = &kernel->processes[t];
		Labels		labels = {
			.y = job->y + (size_t) t * n, .count = job->label_counts[t], .offset = process->offset
		};
		double		scale = exp(point->scale);
		Fit			fit;

		memset(work.alpha, 0, (size_t) n * sizeof(real));
		if (head->task == HN_REGRESSION)
			HN_TRY(fit_regression(context, &work, &labels, scale, &fit));
		else
			HN_TRY(fit_classification(context, &work, &labels, scale, &fit));
		if (fit.failed)
			return hn_fail(context, HN_NOT_FINITE, "the process of target \"%s\" could not be fitted",
						   head->targets[t].name);
		process->variance = fit.variance;
		process->offset += job->corrections[t];
		process->noise = head->task == HN_REGRESSION ? fit.variance * scale : 0;
		for (int i = 0; i < n; i++)
			kernel->weights[(size_t) t * n + i] = (float) (head->task == HN_REGRESSION
														   ? work.alpha[i] : fit.variance * work.alpha[i]);
		if (kernel->rank > 0)
			HN_TRY(variance_factor(context, job, labels.y, width, factor, scale, fit.variance,
								   kernel->factors + (size_t) t * HN_TRIANGLE(kernel->rank)));
		report(job->options, "fitting the targets", (double) (t + 1) / head->target_count);
	}
	return HN_OK;
}

static int
wanted_rank(const Job *job)
{
	int			rank = job->options->rank == 0 ? HN_MAX_KERNEL_RANK : job->options->rank;

	if (job->head->task == HN_CLASSIFICATION || rank < 0)
		return 0;
	if (rank > HN_MAX_KERNEL_RANK)
		rank = HN_MAX_KERNEL_RANK;
	return rank < job->n ? rank : job->n;
}

HnStatus
hn_kernel_fit(HnContext *context, const HnInputs *inputs, int fingerprint_dim, const real *labels,
			  const HnKernelOptions *options, HnHead *head, HnKernelReport *report)
{
	Job			job = {.head = head, .inputs = inputs, .labels = labels, .options = options};
	int			width;
	int			most;
	int		   *offsets = NULL;
	int		   *pivots;
	real	   *factor = NULL;
	Point		point;
	HnArenaMark mark;

	if (!options->fingerprint && !options->descriptors && !options->counts)
		return hn_fail(context, HN_INVALID_ARGUMENT, "a kernel head needs fingerprints, descriptors or counts");
	memset(report, 0, sizeof(*report));
	HN_NEW_ZERO(context, job.kernel, 1);
	HN_NEW_ZERO(context, job.kernel->processes, head->target_count);
	HN_TRY(collect_rows(context, &job));
	HN_NEW(context, job.y, (size_t) head->target_count * job.n);
	HN_NEW(context, job.label_counts, head->target_count);
	HN_NEW_ZERO(context, job.corrections, head->target_count);
	for (int t = 0; t < head->target_count; t++)
		HN_TRY(scale_target(context, &job, t));
	report->labelled_rows = job.n;
	most = options->rows > 0 && options->rows < HN_MAX_KERNEL_ROWS ? options->rows : HN_MAX_KERNEL_ROWS;
	if (job.n > most)
		HN_TRY(sample_rows(context, &job, most));
	HN_TRY(prepare_inputs(context, &job, fingerprint_dim));
	width = wanted_rank(&job);
	HN_NEW(context, job.kernel->weights, (size_t) head->target_count * job.n);
	HN_NEW(context, job.kernel->factors, (size_t) head->target_count * HN_TRIANGLE(width));

	mark = hn_arena_mark(context->arena);
	HN_TRY(choose_parameters(context, &job, &point, report));
	set_parameters(&job, &point);
	if (width > 0)
	{
		job.kernel->rank = width;
		HN_NEW(context, pivots, width);
		HN_NEW(context, factor, (size_t) job.n * width);
		HN_TRY(count_offsets(context, job.kernel, &offsets));
		HN_TRY(pivot(context, &job, offsets, &job.kernel->rank, pivots, factor));
		HN_TRY(reorder(context, &job, pivots, job.kernel->rank, factor, width));
	}
	HN_TRY(count_offsets(context, job.kernel, &offsets));
	HN_TRY(fit_targets(context, &job, &point, offsets, factor, width));
	hn_arena_rewind(context->arena, mark);

	report->rows = job.n;
	head->kind = HN_KERNEL_HEAD;
	head->member_count = 0;
	head->layer_count = 0;
	head->layers = NULL;
	head->kernel = job.kernel;
	head->packed = NULL;
	return HN_OK;
}
