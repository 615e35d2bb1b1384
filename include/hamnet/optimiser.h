/*
 * optimiser.h: AdamW with a learning-rate schedule, clipping and weight
 * averaging, over one flat block of parameters; and its state as bytes.
 */
#ifndef HAMNET_OPTIMISER_H
#define HAMNET_OPTIMISER_H

#include <stdint.h>

#include "hamnet/context.h"
#include "hamnet/real.h"

typedef enum HnAveraging
{
	HN_AVERAGE_NONE,
	HN_AVERAGE_EXPONENTIAL		/* average ← decay · average + (1 − decay) · weights, after every step */
} HnAveraging;

typedef struct HnOptimiserOptions
{
	double		rate;			/* learning rate at the peak */
	double		final_rate;		/* at the last step, as a fraction of the peak */
	int64_t		warmup_steps;	/* steps of linear growth before the peak */
	int64_t		total_steps;	/* of the run; later steps keep the final rate */
	double		beta1;
	double		beta2;
	double		epsilon;
	double		weight_decay;	/* decoupled: weights shrink by rate · weight_decay a step; biases do not */
	double		clip;			/* longest gradient, over all groups together; 0 for no limit */
	HnAveraging averaging;
	double		average_decay;
} HnOptimiserOptions;

/* rate 1e-3, final 0.01, no warm-up, betas 0.9 and 0.999, epsilon 1e-8, decay 1e-4, clip 1, no averaging. */
extern const HnOptimiserOptions hn_optimiser_defaults;

/* A run of parameters that train alike. What is in no group is frozen. */
typedef struct HnParameterGroup
{
	int64_t		begin;
	int64_t		count;
	double		rate;			/* factor on the learning rate */
	bool		decay;			/* false for biases */
} HnParameterGroup;

/*
 * Everything that decides how training goes on, besides the options and the
 * data. Random choices are functions of (seed, step), so there is no state of
 * a generator to keep.
 */
typedef struct HnOptimiser
{
	HnOptimiserOptions options;
	int			group_count;
	const HnParameterGroup *groups;
	int64_t		count;			/* parameters, frozen ones included */
	real	   *parameters;		/* [count], the model's */
	real	   *first;			/* [count] mean of the gradients */
	real	   *second;			/* [count] mean of their squares */
	real	   *average;		/* [count] averaged weights; NULL without averaging */
	int64_t		step;			/* steps done */
	int64_t		averaged;		/* steps in the average */
} HnOptimiser;

/*
 * Begin at step 0 from the given parameters, which are trained in place.
 * Memory comes from the context's arena. HN_INVALID_ARGUMENT, naming the value,
 * for options that make no sense.
 */
extern HnStatus hn_optimiser_init(HnContext *context, const HnOptimiserOptions *options,
								  const HnParameterGroup *groups, int group_count,
								  real *parameters, int64_t count, HnOptimiser *optimiser);

/*
 * Learning rate of a step, from 0: linear growth to the peak over the warm-up,
 * (step + 1) / warmup_steps of it, then half a cosine down to the final rate at
 * step total_steps − 1.
 */
extern double hn_learning_rate(const HnOptimiserOptions *options, int64_t step);

typedef struct HnStepReport
{
	double		rate;			/* learning rate used */
	double		gradient_norm;	/* of the mean gradient, before clipping */
} HnStepReport;

/*
 * One step. gradient [count] is the sum over `weight` terms of the loss and is
 * divided by weight here; it is left as it is. report may be NULL.
 * HN_NOT_FINITE, with nothing changed, if the gradient is not finite;
 * HN_INVALID_ARGUMENT if weight is not positive.
 */
extern HnStatus hn_optimiser_step(HnContext *context, HnOptimiser *optimiser, const real *gradient,
								  double weight, HnStepReport *report);

/* The weights to validate and to keep: the average once there is one, the parameters otherwise. */
extern const real *hn_optimiser_weights(const HnOptimiser *optimiser);

/*
 * The state as bytes from the context's arena: parameters, both moments,
 * average, step counters and the options they belong to.
 */
extern HnStatus hn_optimiser_save(HnContext *context, const HnOptimiser *optimiser,
								  unsigned char **bytes, size_t *size);

/*
 * Restore a state into an optimiser begun with the same options over as many
 * parameters. HN_INVALID_ARGUMENT, with nothing changed, if the bytes are no
 * such state or damaged.
 */
extern HnStatus hn_optimiser_restore(HnContext *context, HnOptimiser *optimiser,
									 const unsigned char *bytes, size_t size);

#endif
