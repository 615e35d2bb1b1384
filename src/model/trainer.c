/*
 * trainer.c: losses, gradients and predictions of examples.
 *
 * Examples are computed a micro-batch at a time, which bounds the memory. The
 * forward pass and the loss are checked before the way back begins, so that a
 * molecule for which they are not finite leaves no trace in the gradient.
 */
#include <math.h>
#include <string.h>

#include "hamnet/training.h"
#include "losses.h"
#include "projection.h"

const HnTraining hn_training_defaults =
{
	.trained = HN_TRAIN_GENERATOR,
	.seed = 0,
	.dropout = 0,
	.huber = 0,
	.weights = NULL,
	.contrast = 0,
	.keep = 0,
	.adj3_weight = 0.001,
	.head_rate = 1,
	.micro_batch = 16,
};

/* One micro-batch on its way through the network. */
typedef struct Pass
{
	const HnModel *model;
	const HnTraining *training;
	const HnDropout *dropout;	/* NULL: none */
	const HnExample *examples;
	int			count;
	HnBatch		batch;			/* unless all fingerprints are frozen */
	HnEngineTrace engine;		/* unless the engine is off or frozen */
	HnFingerprintTrace generator;	/* unless it is frozen */
	HnInputs	inputs;			/* of the heads; fingerprints [count, D] */
} Pass;

/* Do something with a micro-batch; what a failure must leave undone comes last. */
typedef HnStatus (*PassFunction) (HnContext *context, Pass *pass, void *state);

static HnStatus
build_batch(HnContext *context, Pass *pass)
{
	HnGraph    *graphs;

	HN_NEW(context, graphs, pass->count);
	for (int i = 0; i < pass->count; i++)
		graphs[i] = *pass->examples[i].graph;
	return hn_batch_build(context, graphs, pass->count, &pass->batch);
}

/* Whether the engine's coordinates do not change. */
static bool
has_frozen_engine(HnTrained trained)
{
	return trained == HN_TRAIN_GENERATOR || trained == HN_TRAIN_PROJECTION || trained == HN_TRAIN_HEADS;
}

/* Coordinates of the batch: frozen ones, or the engine's; NULL for a model without. */
static HnStatus
find_coordinates(HnContext *context, Pass *pass, const real **coordinates)
{
	size_t		width = (size_t) hn_model_coordinate_width(pass->model);
	bool		frozen = has_frozen_engine(pass->training->trained);
	real	   *gathered;

	*coordinates = NULL;
	if (width == 0)
		return HN_OK;
	for (int i = 0; i < pass->count; i++)
		frozen = frozen && pass->examples[i].coordinates;
	if (!frozen)
		return hn_coordinates(context, pass->model, &pass->batch, &pass->engine, coordinates);
	HN_NEW(context, gathered, pass->batch.atom_count * width);
	for (int i = 0; i < pass->count; i++)
		memcpy(gathered + pass->batch.atom_offset[i] * width, pass->examples[i].coordinates,
			   (size_t) pass->examples[i].graph->atom_count * width * sizeof(real));
	*coordinates = gathered;
	return HN_OK;
}

/* Whether all examples have the read-out that the projection learns on. */
static bool
has_readouts(const HnTraining *training, const HnExample *examples, int count)
{
	bool		frozen = training->trained == HN_TRAIN_PROJECTION;

	for (int i = 0; i < count; i++)
		frozen = frozen && examples[i].readout;
	return frozen;
}

/* Fingerprints by the projection alone, of frozen read-outs. */
static HnStatus
project_readouts(HnContext *context, Pass *pass)
{
	size_t		dim = (size_t) pass->model->fingerprint_config.dim;
	HnCounts   *counts;

	HN_NEW(context, counts, pass->count);
	HN_NEW(context, pass->generator.readout, pass->count * dim);
	for (int i = 0; i < pass->count; i++)
	{
		counts[i] = pass->examples[i].graph->counts;
		memcpy(pass->generator.readout + i * dim, pass->examples[i].readout, dim * sizeof(real));
	}
	pass->batch.graph_count = pass->count;
	pass->batch.counts = counts;
	HN_TRY(hn_project_forward(context, pass->model, &pass->batch, NULL, &pass->generator));
	pass->inputs.fingerprints = pass->generator.fingerprint;
	return HN_OK;
}

/* Fingerprints of the micro-batch: frozen ones, or the generator's. */
static HnStatus
find_fingerprints(HnContext *context, Pass *pass)
{
	size_t		dim = (size_t) pass->model->fingerprint_config.dim;
	bool		heads_only = pass->training->trained == HN_TRAIN_HEADS;
	bool		frozen = heads_only;
	const real *coordinates;
	real	   *gathered;

	if (has_readouts(pass->training, pass->examples, pass->count))
		return project_readouts(context, pass);
	for (int i = 0; i < pass->count; i++)
		frozen = frozen && pass->examples[i].fingerprint;
	if (!frozen)
	{
		HN_TRY(build_batch(context, pass));
		HN_TRY(find_coordinates(context, pass, &coordinates));
		HN_TRY(hn_fingerprint_forward_dropout(context, pass->model, &pass->batch, coordinates,
											  heads_only ? NULL : pass->dropout, &pass->generator));
		pass->inputs.fingerprints = pass->generator.fingerprint;
		return HN_OK;
	}
	HN_NEW(context, gathered, pass->count * dim);
	for (int i = 0; i < pass->count; i++)
		memcpy(gathered + i * dim, pass->examples[i].fingerprint, dim * sizeof(real));
	if (!hn_all_finite(gathered, pass->count * dim))
		return hn_fail(context, HN_NOT_FINITE, "a fingerprint is not finite");
	pass->inputs.fingerprints = gathered;
	return HN_OK;
}

/* Gather what heads read beside the fingerprint, as far as they do. */
static HnStatus
gather_descriptions(HnContext *context, Pass *pass)
{
	HnNeeds		needs = hn_model_needs(pass->model);
	size_t		width = needs.descriptors ? (size_t) needs.descriptors->count : 0;
	real	   *descriptors;
	HnCounts   *counts;

	pass->inputs.count = pass->count;
	for (int i = 0; i < pass->count; i++)
		if ((needs.descriptors && pass->examples[i].descriptors == NULL)
			|| (needs.counts && pass->examples[i].counts == NULL))
			return hn_fail(context, HN_INVALID_ARGUMENT, "a head needs more than the fingerprint, which an example lacks");
	if (needs.descriptors)
	{
		HN_NEW(context, descriptors, pass->count * width);
		for (int i = 0; i < pass->count; i++)
			memcpy(descriptors + i * width, pass->examples[i].descriptors, width * sizeof(real));
		pass->inputs.descriptors = descriptors;
	}
	if (needs.counts)
	{
		HN_NEW(context, counts, pass->count);
		for (int i = 0; i < pass->count; i++)
			counts[i] = *pass->examples[i].counts;
		pass->inputs.counts = counts;
	}
	return HN_OK;
}

/* The forward pass of what the training needs: positions or fingerprints. */
static HnStatus
pass_forward(HnContext *context, Pass *pass)
{
	if (pass->training->trained != HN_TRAIN_ENGINE)
	{
		HN_TRY(gather_descriptions(context, pass));
		return find_fingerprints(context, pass);
	}
	HN_TRY(build_batch(context, pass));
	return hn_engine_forward(context, pass->model, &pass->batch, &pass->engine);
}

static HnStatus
check_training(HnContext *context, const HnModel *model, const HnTraining *training)
{
	if (!(training->dropout >= 0 && training->dropout < 1))
		return hn_fail(context, HN_INVALID_ARGUMENT, "dropout is %g, it must be at least 0 and below 1",
					   training->dropout);
	if (training->micro_batch < 1)
		return hn_fail(context, HN_INVALID_ARGUMENT, "micro-batch is %d, it must be at least 1",
					   training->micro_batch);
	if (training->trained == HN_TRAIN_ENGINE && !model->engine_config.enabled)
		return hn_fail(context, HN_INVALID_ARGUMENT, "the model has no Hamiltonian Engine");
	if ((training->trained == HN_TRAIN_PROJECTION || training->contrast > 0 || training->keep > 0) &&
		!model->fingerprint_config.projection)
		return hn_fail(context, HN_INVALID_ARGUMENT, "the fingerprint of the model has no projection");
	return HN_OK;
}

/*
 * Pack the weights that the passes will multiply by, once for all micro-batches
 * and for these weights alone, which the next step changes.
 */
static HnStatus
pack_weights(HnContext *context, const HnModel *model, const HnTraining *training,
			 const HnExample *examples, int count, HnModel *ready)
{
	bool		frozen = training->trained == HN_TRAIN_HEADS;
	HnPackedModel *packed;

	for (int i = 0; i < count; i++)
		frozen = frozen && examples[i].fingerprint;
	*ready = *model;
	if (frozen || has_readouts(training, examples, count) || model->packed)
		return HN_OK;
	HN_NEW_ZERO(context, packed, 1);
	if (model->engine_config.enabled)
		HN_TRY(hn_pack_engine(context, model, &packed->engine));
	if (training->trained != HN_TRAIN_ENGINE)
		HN_TRY(hn_pack_generator(context, model, &packed->generator));
	ready->packed = packed;
	return HN_OK;
}

/* What all passes over the examples share. */
typedef struct Passes
{
	const HnModel *model;
	const HnTraining *training;
	const HnDropout *dropout;	/* NULL: none */
	PassFunction function;
	void		(*skip) (const HnExample *example, void *state);	/* is handed molecules that are not finite */
	void	   *state;
} Passes;

/* Run a micro-batch through the network and through the function. */
static HnStatus
run_pass(HnContext *context, const Passes *passes, const HnExample *examples, int count)
{
	HnArenaMark mark = hn_arena_mark(context->arena);
	HnDropout	dropout;
	Pass		pass = {.model = passes->model, .training = passes->training, .examples = examples, .count = count};
	HnStatus	status;

	if (passes->dropout)
	{
		uint64_t   *numbers;

		HN_NEW(context, numbers, count);
		for (int i = 0; i < count; i++)
			numbers[i] = examples[i].number;
		dropout = *passes->dropout;
		dropout.molecule = numbers;
		pass.dropout = &dropout;
	}
	status = pass_forward(context, &pass);
	if (status == HN_OK)
		status = passes->function(context, &pass, passes->state);
	hn_arena_rewind(context->arena, mark);
	return status;
}

/* Run a micro-batch; if it is not finite run each molecule alone, and skip those at fault. */
static HnStatus
run_or_skip(HnContext *context, const Passes *passes, const HnExample *examples, int count)
{
	HnStatus	status = run_pass(context, passes, examples, count);

	if (status != HN_NOT_FINITE)
		return status;
	for (int i = 0; i < count; i++)
	{
		if (count > 1)
			status = run_pass(context, passes, examples + i, 1);
		if (status == HN_NOT_FINITE)
			passes->skip(examples + i, passes->state);
		else
			HN_TRY(status);
	}
	return HN_OK;
}

/* Run the examples through the network, a micro-batch at a time. */
static HnStatus
for_each_pass(HnContext *context, const HnModel *model, const HnTraining *training, const HnDropout *dropout,
			  const HnExample *examples, int count, PassFunction function,
			  void (*skip) (const HnExample *example, void *state), void *state)
{
	HnArenaMark mark = hn_arena_mark(context->arena);
	HnModel		ready;
	Passes		passes = {&ready, training, dropout, function, skip, state};

	HN_TRY(check_training(context, model, training));
	HN_TRY(pack_weights(context, model, training, examples, count, &ready));
	for (int begin = 0; begin < count; begin += training->micro_batch)
		HN_TRY(run_or_skip(context, &passes, examples + begin,
						   count - begin < training->micro_batch ? count - begin : training->micro_batch));
	hn_arena_rewind(context->arena, mark);
	return HN_OK;
}

/* What gradients and losses are added to. */
typedef struct Sums
{
	HnModel    *gradient;
	HnLossSum  *sum;
} Sums;

/* Add the losses of a micro-batch to the total. */
static HnStatus
add_losses(HnContext *context, const HnLossSum *losses, HnLossSum *total)
{
	if (!isfinite(losses->loss))
		return hn_fail(context, HN_NOT_FINITE, "the loss is not finite");
	total->loss += losses->loss;
	total->count += losses->count;
	return HN_OK;
}

static HnStatus
conformation_pass(HnContext *context, Pass *pass, void *state)
{
	Sums	   *sums = state;
	HnLossSum	losses = {0};
	real	   *d_positions;

	HN_NEW_ZERO(context, d_positions, 3 * (size_t) pass->batch.atom_count);
	for (int i = 0; i < pass->count; i++)
	{
		const HnExample *example = &pass->examples[i];
		size_t		at = 3 * (size_t) pass->batch.atom_offset[i];
		size_t		size = 3 * (size_t) example->graph->atom_count;

		for (int k = 0; k < example->conformation_count; k++)
		{
			HnConformationError error;

			HN_TRY(hn_conformation_error(context, example->graph, pass->engine.positions + at,
										 example->conformations + k * size, pass->training->adj3_weight,
										 1, d_positions + at, &error));
			losses.loss += error.rmsd + pass->training->adj3_weight * error.adj3;
			losses.count += 1;
		}
	}
	HN_TRY(add_losses(context, &losses, sums->sum));
	return hn_engine_backward(context, pass->model, &pass->batch, &pass->engine, NULL, d_positions,
							  sums->gradient);
}

/* From d_fingerprints [count, D] back through what is not frozen. */
static HnStatus
trunk_backward(HnContext *context, Pass *pass, const real *d_fingerprints, HnModel *gradient)
{
	size_t		width = (size_t) hn_model_coordinate_width(pass->model);
	bool		to_engine = pass->training->trained == HN_TRAIN_ALL && width > 0;
	real	   *d_coordinates = NULL;
	real	   *d_readout;

	if (pass->training->trained == HN_TRAIN_PROJECTION)
	{
		HN_NEW(context, d_readout, (size_t) pass->count * pass->model->fingerprint_config.dim);
		return hn_project_backward(context, pass->model, &pass->batch, &pass->generator, d_fingerprints, d_readout,
								   gradient);
	}
	if (to_engine)
		HN_NEW(context, d_coordinates, pass->batch.atom_count * width);
	HN_TRY(hn_fingerprint_backward(context, pass->model, &pass->batch, &pass->generator, pass->dropout,
								   d_fingerprints, d_coordinates, gradient));
	if (!to_engine)
		return HN_OK;
	return hn_engine_backward(context, pass->model, &pass->batch, &pass->engine, d_coordinates, NULL, gradient);
}

/* The losses that see fingerprints and no head; their derivatives are added to d_fingerprints unless it is NULL. */
static HnStatus
fingerprint_losses(HnContext *context, const Pass *pass, int target_count, real *d_fingerprints, HnLossSum *losses)
{
	const HnTraining *training = pass->training;
	int			dim = pass->model->fingerprint_config.dim;
	double	   *groups;
	const real **kept;

	if (training->contrast > 0)
	{
		HN_NEW(context, groups, pass->count);
		for (int i = 0; i < pass->count; i++)
			groups[i] = pass->examples[i].targets[target_count];
		HN_TRY(hn_contrast_loss(context, pass->inputs.fingerprints, dim, groups, pass->count, training->contrast,
								d_fingerprints, losses));
	}
	if (training->keep > 0)
	{
		HN_NEW(context, kept, pass->count);
		for (int i = 0; i < pass->count; i++)
		{
			kept[i] = pass->examples[i].kept;
			if (kept[i] == NULL)
				return hn_fail(context, HN_INVALID_ARGUMENT, "an example lacks the fingerprint that it is to keep");
		}
		hn_keep_loss(pass->inputs.fingerprints, dim, kept, pass->count, training->keep, d_fingerprints, losses);
	}
	return HN_OK;
}

static HnStatus
target_pass(HnContext *context, Pass *pass, void *state)
{
	Sums	   *sums = state;
	HnLossSum	losses = {0};
	size_t		dim = (size_t) pass->model->fingerprint_config.dim;
	bool		heads_only = pass->training->trained == HN_TRAIN_HEADS;
	int			first = 0;
	HnHeadTrace *traces;
	const double **labels;
	real	  **d_scores;
	real	   *d_fingerprints = NULL;

	HN_NEW(context, traces, pass->model->head_count);
	HN_NEW(context, labels, pass->count);
	HN_NEW_ZERO(context, d_scores, pass->model->head_count);
	for (int h = 0; h < pass->model->head_count; h++)
	{
		const HnHead *head = &pass->model->heads[h];

		for (int i = 0; i < pass->count; i++)
			labels[i] = pass->examples[i].targets + first;
		HN_NEW(context, d_scores[h], (size_t) pass->count * head->target_count);
		HN_TRY(hn_head_forward(context, pass->model, h, &pass->inputs, pass->dropout, &traces[h]));
		hn_head_loss(head, traces[h].output, labels, pass->count, pass->training->huber,
					 pass->training->weights ? pass->training->weights + first : NULL, d_scores[h], &losses);
		first += head->target_count;
	}
	if (!heads_only)
		HN_NEW_ZERO(context, d_fingerprints, pass->count * dim);
	HN_TRY(fingerprint_losses(context, pass, first, d_fingerprints, &losses));
	HN_TRY(add_losses(context, &losses, sums->sum));

	for (int h = 0; h < pass->model->head_count; h++)
		HN_TRY(hn_head_backward(context, pass->model, h, &pass->inputs, pass->dropout, &traces[h],
								d_scores[h], d_fingerprints, sums->gradient));
	return heads_only ? HN_OK : trunk_backward(context, pass, d_fingerprints, sums->gradient);
}

static void
count_skipped(const HnExample *example, void *state)
{
	Sums	   *sums = state;

	(void) example;
	sums->sum->skipped++;
}

HnStatus
hn_gradient_add(HnContext *context, const HnModel *model, const HnTraining *training,
				int64_t step, const HnExample *examples, int count,
				real *gradient, HnLossSum *sum)
{
	HnArenaMark mark = hn_arena_mark(context->arena);
	bool		engine = training->trained == HN_TRAIN_ENGINE;
	HnDropout	dropout = {.rate = training->dropout, .seed = training->seed, .step = (uint64_t) step};
	HnModel		view;
	Sums		sums = {&view, sum};

	HN_TRY(hn_model_view(context, model, gradient, &view));
	HN_TRY(for_each_pass(context, model, training, training->dropout > 0 ? &dropout : NULL, examples, count,
						 engine ? conformation_pass : target_pass, count_skipped, &sums));
	hn_arena_rewind(context->arena, mark);
	return HN_OK;
}

/* Where the results of examples go, which come in their order. */
typedef struct Results
{
	double	   *predictions;	/* the next row */
	int			targets;
	HnConformationError *errors;	/* the next one */
} Results;

static HnStatus
predict_pass(HnContext *context, Pass *pass, void *state)
{
	Results    *results = state;
	int			first = 0;

	for (int h = 0; h < pass->model->head_count; h++)
	{
		const HnHead *head = &pass->model->heads[h];
		double	   *values;

		HN_NEW(context, values, (size_t) pass->count * head->target_count);
		HN_TRY(hn_head_predict(context, head, &pass->inputs, values));
		hn_scatter_targets(head, values, pass->count, results->predictions, results->targets, first);
		first += head->target_count;
	}
	results->predictions += (size_t) pass->count * results->targets;
	return HN_OK;
}

static void
predict_nothing(const HnExample *example, void *state)
{
	Results    *results = state;

	(void) example;
	for (int t = 0; t < results->targets; t++)
		*results->predictions++ = NAN;
}

HnStatus
hn_examples_predict(HnContext *context, const HnModel *model, const HnTraining *training,
					const HnExample *examples, int count, double *predictions)
{
	Results		results = {.predictions = predictions, .targets = hn_model_target_count(model)};
	HnTraining	targets = *training;

	if (targets.trained == HN_TRAIN_ENGINE)
		targets.trained = HN_TRAIN_ALL;
	return for_each_pass(context, model, &targets, NULL, examples, count, predict_pass, predict_nothing, &results);
}

static HnStatus
errors_pass(HnContext *context, Pass *pass, void *state)
{
	Results    *results = state;

	for (int i = 0; i < pass->count; i++)
	{
		const HnExample *example = &pass->examples[i];
		size_t		size = 3 * (size_t) example->graph->atom_count;

		for (int k = 0; k < example->conformation_count; k++)
			HN_TRY(hn_conformation_error(context, example->graph,
										 pass->engine.positions + 3 * (size_t) pass->batch.atom_offset[i],
										 example->conformations + k * size, 0, 0, NULL, results->errors++));
	}
	return HN_OK;
}

static void
no_errors(const HnExample *example, void *state)
{
	Results    *results = state;

	for (int k = 0; k < example->conformation_count; k++)
		*results->errors++ = (HnConformationError) {NAN, NAN, NAN};
}

HnStatus
hn_examples_conformation_errors(HnContext *context, const HnModel *model, const HnTraining *training,
								const HnExample *examples, int count, HnConformationError *errors)
{
	HnTraining	engine = *training;
	Results		results = {.errors = errors};

	engine.trained = HN_TRAIN_ENGINE;
	return for_each_pass(context, model, &engine, NULL, examples, count, errors_pass, no_errors, &results);
}

/* Keep n numbers beyond a rewind of the arena to a mark set after room was taken. */
static const real *
keep_numbers(real *room, const real *numbers, size_t n)
{
	HN_ASSERT(numbers != NULL);
	memcpy(room, numbers, n * sizeof(real));
	return room;
}

HnStatus
hn_example_freeze(HnContext *context, const HnModel *model, const HnTraining *training, HnExample *example)
{
	HnTraining	plain = hn_training_defaults;
	Pass		pass = {.model = model, .training = &plain, .examples = example, .count = 1};
	size_t		dim = (size_t) model->fingerprint_config.dim;
	size_t		width = (size_t) hn_model_coordinate_width(model) * example->graph->atom_count;
	bool		coordinates = training->trained == HN_TRAIN_GENERATOR && width > 0;
	bool		fingerprint = training->trained == HN_TRAIN_HEADS;
	bool		readout = training->trained == HN_TRAIN_PROJECTION;
	bool		kept = training->keep > 0;
	HnArenaMark mark;
	real	   *frozen;
	real	   *at_start;

	if (!coordinates && !fingerprint && !readout && !kept)
		return HN_OK;
	plain.trained = training->trained == HN_TRAIN_ALL ? HN_TRAIN_GENERATOR : training->trained;
	HN_NEW(context, frozen, coordinates ? width : dim);
	HN_NEW(context, at_start, dim);
	mark = hn_arena_mark(context->arena);
	if (coordinates && !kept)
	{
		HN_TRY(build_batch(context, &pass));
		HN_TRY(find_coordinates(context, &pass, &pass.generator.coordinates));
	}
	else
		HN_TRY(find_fingerprints(context, &pass));
	if (coordinates)
		example->coordinates = keep_numbers(frozen, pass.generator.coordinates, width);
	if (readout)
		example->readout = keep_numbers(frozen, pass.generator.readout, dim);
	if (fingerprint)
		example->fingerprint = keep_numbers(frozen, pass.inputs.fingerprints, dim);
	if (kept)
		example->kept = keep_numbers(at_start, pass.inputs.fingerprints, dim);
	hn_arena_rewind(context->arena, mark);
	return HN_OK;
}
