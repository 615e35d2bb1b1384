/*
 * optimiser.c: AdamW (Loshchilov and Hutter, Decoupled weight decay
 * regularization, 2019), its schedule, clipping and weight averaging.
 */
#include "hamnet/optimiser.h"

#include <math.h>
#include <string.h>

const HnOptimiserOptions hn_optimiser_defaults =
{
	.rate = 1e-3,
	.final_rate = 0.01,
	.warmup_steps = 0,
	.total_steps = 1000,
	.beta1 = 0.9,
	.beta2 = 0.999,
	.epsilon = 1e-8,
	.weight_decay = 1e-4,
	.clip = 1,
	.averaging = HN_AVERAGE_NONE,
	.average_decay = 0.999,
};

static HnStatus
check_number(HnContext *context, const char *name, double value, double least, double most, bool allow_most)
{
	if (value >= least && (value < most || (allow_most && value == most)))
		return HN_OK;
	return hn_fail(context, HN_INVALID_ARGUMENT, "%s is %g, it must be at least %g and %s %g",
				   name, value, least, allow_most ? "at most" : "below", most);
}

static HnStatus
check_options(HnContext *context, const HnOptimiserOptions *options)
{
	if (!(options->rate > 0 && options->rate <= 10))
		return hn_fail(context, HN_INVALID_ARGUMENT, "learning rate is %g, it must be above 0 and at most 10",
					   options->rate);
	if (!(options->epsilon > 0 && options->epsilon <= 1))
		return hn_fail(context, HN_INVALID_ARGUMENT, "epsilon is %g, it must be above 0 and at most 1",
					   options->epsilon);
	HN_TRY(check_number(context, "final learning rate", options->final_rate, 0, 1, true));
	HN_TRY(check_number(context, "beta1", options->beta1, 0, 1, false));
	HN_TRY(check_number(context, "beta2", options->beta2, 0, 1, false));
	HN_TRY(check_number(context, "weight decay", options->weight_decay, 0, 1, true));
	HN_TRY(check_number(context, "gradient clip", options->clip, 0, INFINITY, false));
	HN_TRY(check_number(context, "average decay", options->average_decay, 0, 1, false));
	if (options->total_steps < 1 || options->warmup_steps < 0 || options->warmup_steps >= options->total_steps)
		return hn_fail(context, HN_INVALID_ARGUMENT,
					   "%lld warm-up steps of %lld steps: there must be a step, and one after the warm-up",
					   (long long) options->warmup_steps, (long long) options->total_steps);
	return HN_OK;
}

HnStatus
hn_optimiser_init(HnContext *context, const HnOptimiserOptions *options,
				  const HnParameterGroup *groups, int group_count,
				  real *parameters, int64_t count, HnOptimiser *optimiser)
{
	HN_TRY(check_options(context, options));
	optimiser->options = *options;
	optimiser->groups = groups;
	optimiser->group_count = group_count;
	optimiser->parameters = parameters;
	optimiser->count = count;
	optimiser->step = 0;
	optimiser->averaged = 0;
	optimiser->average = NULL;
	HN_NEW_ZERO(context, optimiser->first, count);
	HN_NEW_ZERO(context, optimiser->second, count);
	if (options->averaging != HN_AVERAGE_NONE)
	{
		/* Frozen weights are their own average. */
		HN_NEW(context, optimiser->average, count);
		memcpy(optimiser->average, parameters, (size_t) count * sizeof(real));
	}
	return HN_OK;
}

double
hn_learning_rate(const HnOptimiserOptions *options, int64_t step)
{
	const double pi = 3.14159265358979323846;
	int64_t		last = options->total_steps - 1;
	double		progress;

	if (step < options->warmup_steps)
		return options->rate * (double) (step + 1) / (double) options->warmup_steps;
	if (step >= last)
		progress = last > options->warmup_steps ? 1 : 0;
	else
		progress = (double) (step - options->warmup_steps) / (double) (last - options->warmup_steps);
	return options->rate * (options->final_rate + (1 - options->final_rate) * (1 + cos(pi * progress)) / 2);
}

/* Length of gradient / weight over all groups. */
static double
gradient_norm(const HnOptimiser *optimiser, const real *gradient, double weight)
{
	double		total = 0;

	for (int g = 0; g < optimiser->group_count; g++)
	{
		const HnParameterGroup *group = &optimiser->groups[g];
		const real *values = gradient + group->begin;

		for (int64_t k = 0; k < group->count; k++)
			total += (double) values[k] * values[k];
	}
	return sqrt(total) / weight;
}

/*
 * One step of one group: the moments, corrected for their start at zero, and
 * the decay, which does not pass through them.
 */
static void
group_step(HnOptimiser *optimiser, const HnParameterGroup *group, const real *gradient,
		   double scale, double rate)
{
	const HnOptimiserOptions *options = &optimiser->options;
	double		steps = (double) (optimiser->step + 1);
	real		beta1 = (real) options->beta1;
	real		beta2 = (real) options->beta2;
	real		new1 = (real) (1 - options->beta1);
	real		new2 = (real) (1 - options->beta2);
	real		factor = (real) scale;
	real		epsilon = (real) options->epsilon;
	real		correction = (real) (1 / sqrt(1 - pow(options->beta2, steps)));
	real		stride = (real) (rate / (1 - pow(options->beta1, steps)));
	real		kept = (real) (group->decay ? 1 - rate * options->weight_decay : 1);
	real	   *p = optimiser->parameters + group->begin;
	real	   *m = optimiser->first + group->begin;
	real	   *v = optimiser->second + group->begin;
	const real *g = gradient + group->begin;

	for (int64_t k = 0; k < group->count; k++)
	{
		real		d = g[k] * factor;

		m[k] = beta1 * m[k] + new1 * d;
		v[k] = beta2 * v[k] + new2 * d * d;
		p[k] = kept * p[k] - stride * m[k] / ((real) sqrt(v[k]) * correction + epsilon);
	}
}

/*
 * Take the new weights into the average, which begins with a shorter memory, so
 * that the weights before training are soon forgotten.
 */
static void
average_step(HnOptimiser *optimiser)
{
	double		n = (double) optimiser->averaged;
	double		share = 1 - fmin(optimiser->options.average_decay, (1 + n) / (10 + n));

	if (optimiser->options.averaging == HN_AVERAGE_NONE)
		return;
	for (int g = 0; g < optimiser->group_count; g++)
	{
		const HnParameterGroup *group = &optimiser->groups[g];
		real	   *average = optimiser->average + group->begin;
		const real *p = optimiser->parameters + group->begin;

		for (int64_t k = 0; k < group->count; k++)
			average[k] += (real) share * (p[k] - average[k]);
	}
	optimiser->averaged++;
}

HnStatus
hn_optimiser_step(HnContext *context, HnOptimiser *optimiser, const real *gradient,
				  double weight, HnStepReport *report)
{
	const HnOptimiserOptions *options = &optimiser->options;
	double		rate = hn_learning_rate(options, optimiser->step);
	double		norm;
	double		scale;

	if (!(weight > 0))
		return hn_fail(context, HN_INVALID_ARGUMENT, "a training step without a labelled molecule");
	norm = gradient_norm(optimiser, gradient, weight);
	if (!isfinite(norm))
		return hn_fail(context, HN_NOT_FINITE, "the gradient is not finite at step %lld; training diverges",
					   (long long) optimiser->step);
	scale = (options->clip > 0 && norm > options->clip ? options->clip / norm : 1) / weight;
	for (int g = 0; g < optimiser->group_count; g++)
		group_step(optimiser, &optimiser->groups[g], gradient, scale, rate * optimiser->groups[g].rate);
	average_step(optimiser);
	optimiser->step++;
	if (report)
		*report = (HnStepReport) {rate, norm};
	return HN_OK;
}

const real *
hn_optimiser_weights(const HnOptimiser *optimiser)
{
	return optimiser->averaged > 0 ? optimiser->average : optimiser->parameters;
}
