/*
 * training.h: learning the parameters of a model from examples
 * (model specification, section 6).
 *
 * A run alternates two calls, which is what lets a server spread it over
 * processes:
 *
 *   hn_gradient_add     a worker adds the gradients of its examples of the
 *                       batch to a block of its own, with their sum of losses
 *   hn_optimiser_step   one process applies the sum of the blocks
 *
 * Every sum has a fixed order: the weights after a run are a function of the
 * examples, the options, the seed and the number of workers, bit for bit on one
 * machine. To get it, give worker w of W the examples hn_share(...) of the
 * shuffled batch, and add the workers' blocks in the order of w, with
 * hn_gradient_sum.
 *
 *   HnTraining  training = hn_training_defaults;
 *   hn_training_groups(&context, &model, &training, &groups, &group_count);
 *   hn_optimiser_init(&context, &options, groups, group_count,
 *                     model.parameters, model.parameter_count, &optimiser);
 *   for each epoch
 *       hn_epoch_order(training.seed, epoch, n, order);
 *       for each batch of it
 *           memset(block, 0, ...);
 *           hn_gradient_add(&context, &model, &training, optimiser.step, examples, count, block, &sum);
 *           hn_optimiser_step(&context, &optimiser, block, sum.count, &report);
 *   copy hn_optimiser_weights(&optimiser) into model.parameters; hn_model_write
 */
#ifndef HAMNET_TRAINING_H
#define HAMNET_TRAINING_H

#include "hamnet/backward.h"
#include "hamnet/metrics.h"
#include "hamnet/optimiser.h"

/* What learns, and from what. No work is spent on the gradient of what does not. */
typedef enum HnTrained
{
	HN_TRAIN_HEADS,				/* heads, from targets, on frozen fingerprints */
	HN_TRAIN_PROJECTION,		/* projection of the fingerprint and heads, from targets, on a frozen read-out */
	HN_TRAIN_GENERATOR,			/* generator and heads, from targets, on a frozen engine */
	HN_TRAIN_ALL,				/* engine, generator and heads, from targets */
	HN_TRAIN_ENGINE				/* the engine, from conformations */
} HnTrained;

typedef struct HnTraining
{
	HnTrained	trained;
	uint64_t	seed;
	double		dropout;		/* rate; see HnDropout for its sites */
	double		huber;			/* error in standard deviations beyond which the squared error goes on
								 * as a straight line; 0: never */
	const double *weights;		/* [T] of the targets' losses; NULL: 1 each */
	double		contrast;		/* weight of the contrast of groups; 0: there are none, see HnExample */
	double		keep;			/* weight of the distance to the fingerprint at the start; 0: it may go anywhere */
	double		adj3_weight;	/* of ADJ-3 beside the RMSD */
	double		head_rate;		/* factor on the learning rate of the heads */
	int			micro_batch;	/* molecules computed at once; bounds the memory, not the result's meaning */
} HnTraining;

/* generator and heads, seed 0, no dropout, squared error, ADJ-3 at 0.001, head rate 1, 16 molecules. */
extern const HnTraining hn_training_defaults;

/*
 * One molecule to learn from. Targets of all heads lie one after another, T in
 * all, in their own units, or 0 and 1; NaN where there is no label. With
 * training->contrast another follows: a whole number g for a molecule that is
 * active in group g, −g for one that is not, NaN for one that is in no group.
 */
typedef struct HnExample
{
	const HnGraph *graph;
	uint64_t	number;			/* its index in the training set, on which dropout depends */
	const double *targets;		/* [T]; NULL for HN_TRAIN_ENGINE */
	int			conformation_count; /* HN_TRAIN_ENGINE: each of them counts as one term of the loss */
	const real *conformations;	/* [conformation_count, n, 3] in Å, atoms in the graph's order */

	/* What heads read beside the fingerprint; NULL where none does */
	const real *descriptors;	/* [set->count] */
	const HnCounts *counts;

	/* What frozen parts say, if it was computed before (hn_example_freeze); NULL: computed every time. */
	const real *coordinates;	/* [n, 2d], of a frozen engine */
	const real *readout;		/* [D], of a generator that is frozen but for its projection */
	const real *fingerprint;	/* [D], of a frozen generator */

	const real *kept;			/* [D] the fingerprint at the start; NULL without training->keep */
} HnExample;

/*
 * Compute what the frozen parts say about an example, and the fingerprint that
 * it is to keep, and let it point there;
 * the numbers come from the context's arena and hold as long as the frozen
 * weights do. Does nothing where nothing is frozen or kept. HN_NOT_FINITE for a
 * molecule that the frozen part cannot take.
 */
extern HnStatus hn_example_freeze(HnContext *context, const HnModel *model, const HnTraining *training,
								  HnExample *example);

/* A sum of losses, the sum of its terms' weights (of labels: 1 unless training->weights), and what was left out. */
typedef struct HnLossSum
{
	double		loss;
	double		count;
	int64_t		skipped;		/* molecules for which the network or its loss is not finite */
} HnLossSum;

/*
 * Add the derivative of Σ loss over the examples to gradient
 * [model->parameter_count], and the loss to sum. The loss of an example is the
 * sum over its labels of
 *
 *   regression      ((y − z) or beyond huber 2 huber |y − z| − huber²), squared, z the z-scored target
 *   classification  cross-entropy of sigmoid(y)
 *
 * each times the weight of its target, and, of a model with a projection,
 *
 *   contrast        see hn_contrast_loss; micro-batches bound who is compared with whom
 *   keep            |f − kept|² / D
 *
 * or over its conformations of RMSD + adj3_weight · ADJ-3. A molecule that is
 * not finite adds nothing and is counted in skipped. step seeds the dropout.
 * Scratch memory is taken from the context's arena and given back.
 * HN_INVALID_ARGUMENT for options that make no sense; HN_INTERRUPTED leaves
 * gradient and sum in an undefined state.
 */
extern HnStatus hn_gradient_add(HnContext *context, const HnModel *model, const HnTraining *training,
								int64_t step, const HnExample *examples, int count,
								real *gradient, HnLossSum *sum);

/*
 * Predictions [count, T] as hn_head_predict gives them, from examples, using
 * what was frozen; a row of NaN for a molecule that is not finite.
 */
extern HnStatus hn_examples_predict(HnContext *context, const HnModel *model, const HnTraining *training,
									const HnExample *examples, int count, double *predictions);

/*
 * The error of each conformation, in the order of the examples: errors[Σ
 * conformation_count]; NaN in all fields for a molecule that is not finite.
 */
extern HnStatus hn_examples_conformation_errors(HnContext *context, const HnModel *model,
												const HnTraining *training, const HnExample *examples,
												int count, HnConformationError *errors);

/* sum[k] = Σ_w blocks[w][k] for begin <= k < end, in the order of w; sum may be one of the blocks. */
extern void hn_gradient_sum(const real *const *blocks, int block_count, int64_t begin, int64_t end, real *sum);

/* Worker w of `workers` takes begin <= i < end of count examples. */
extern void hn_share(int count, int workers, int worker, int *begin, int *end);

/* The numbers 0 .. n − 1 in an order that depends on seed and epoch alone. */
extern void hn_epoch_order(uint64_t seed, int64_t epoch, int n, int *order);

/*
 * The same, but members of a group in runs of up to `run` of them, so that a
 * micro-batch has what contrast compares. group [n]: the absolute value says
 * which group, NaN none.
 */
extern HnStatus hn_epoch_order_in_runs(HnContext *context, uint64_t seed, int64_t epoch, int n, const double *group,
									   int run, int *order);

/* The groups of the parameters that training->trained names, from the context's arena. */
extern HnStatus hn_training_groups(HnContext *context, HnModel *model, const HnTraining *training,
								   HnParameterGroup **groups, int *group_count);

/* Number of targets of all heads. */
extern int	hn_model_target_count(const HnModel *model);

/*
 * Check that target t of the examples can be learned: HN_INVALID_ARGUMENT, with a
 * message that goes on after the target's name, if it has no label, a constant one,
 * or, for a classification, one class only or a label that is not 0 or 1.
 */
extern HnStatus hn_training_check_target(HnContext *context, HnTask task, const HnExample *examples, int count, int t);

/*
 * Set mean and std of every regression target from the labels of the examples.
 * HN_INVALID_ARGUMENT, naming the target, for one that cannot be learned.
 */
extern HnStatus hn_training_standardise(HnContext *context, HnModel *model, const HnExample *examples, int count);

/*
 * A model with the configuration and the weights of base, but with other heads:
 * name, task, targets, layer_count, the out widths of the hidden layers and what
 * they read, with its scales, are copied from heads, and their weights drawn from seed. Everything
 * comes from the context's arena; nothing points to base.
 */
extern HnStatus hn_model_with_heads(HnContext *context, const HnModel *base, const HnHead *heads, int head_count,
									uint64_t seed, HnModel *model);

/*
 * A model with the engine of base, or without one where base is NULL, and a new
 * generator of this shape, whose weights are drawn from seed; it has no heads.
 * Where features extends the set of base, the engine gets columns of zeros, and
 * its coordinates are what they were but for rounding in the gates. Everything
 * comes from the context's arena; nothing points to base.
 *
 * HN_INVALID_ARGUMENT if features neither is nor extends the set of base;
 * HN_INVALID_MODEL for a shape beyond the limits.
 */
extern HnStatus hn_model_with_generator(HnContext *context, const HnModel *base, const HnFeatureSet *features,
										const HnFingerprintConfig *shape, uint64_t seed, HnModel *model);

#endif
