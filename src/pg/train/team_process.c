/*
 * train/team_process.c: what every process of a team does, leader or worker.
 */
#include "postgres.h"

#include <math.h>

#include "hamnet/predict.h"

#include "server/core.h"
#include "train/team_segment.h"

/* Let the examples point to the frozen numbers, once these are there. */
static void
UseFrozen(TeamProcess *process)
{
	TeamShared *shared = process->shared;
	Size	   *offsets = At(shared, shared->frozen_offsets_at);
	real	   *numbers = At(shared, shared->frozen_at);

	if (process->frozen || !shared->frozen)
		return;
	for (int i = 0; i < shared->example_count; i++)
	{
		HnExample  *example = &process->examples[i];
		Size		part = FrozenPart(&process->file, &shared->training, example->graph->atom_count);

		if (shared->training.trained == HN_TRAIN_HEADS)
			example->fingerprint = numbers + offsets[i];
		else if (shared->training.trained == HN_TRAIN_PROJECTION)
			example->readout = numbers + offsets[i];
		else if (part > 0)
			example->coordinates = numbers + offsets[i];
		if (shared->training.keep > 0)
			example->kept = numbers + offsets[i] + part;
	}
	process->frozen = true;
}

/* A molecule that the frozen parts cannot take gets NaN, and is left out wherever it is used. */
static HnStatus
FreezeExample(TeamProcess *process, int i)
{
	TeamShared *shared = process->shared;
	const HnTraining *training = &shared->training;
	Size		part = FrozenPart(&process->model, training, process->examples[i].graph->atom_count);
	Size		size = FrozenSize(&process->model, training, process->examples[i].graph->atom_count);
	real	   *numbers = (real *) At(shared, shared->frozen_at) +
		((Size *) At(shared, shared->frozen_offsets_at))[i];
	HnExample	example = process->examples[i];
	HnStatus	status = hn_example_freeze(&process->context, &process->model, training, &example);

	if (status == HN_OK)
	{
		if (part > 0)
			memcpy(numbers, training->trained == HN_TRAIN_HEADS ? example.fingerprint :
				   training->trained == HN_TRAIN_PROJECTION ? example.readout : example.coordinates,
				   part * sizeof(real));
		if (size > part)
			memcpy(numbers + part, example.kept, (size - part) * sizeof(real));
	}
	else if (status == HN_NOT_FINITE)
		for (Size k = 0; k < size; k++)
			numbers[k] = NAN;
	else
		return status;
	return HN_OK;
}

/* Freeze examples begin <= i < end of a command; scratch memory is free from mark on. */
static HnStatus
FreezeShare(TeamProcess *process, int begin, int end, HnArenaMark mark)
{
	const int  *indexes = At(process->shared, process->shared->indexes_at);

	for (int i = begin; i < end; i++)
	{
		hn_arena_rewind(process->context.arena, mark);
		HN_TRY(FreezeExample(process, indexes[i]));
		if (hn_interrupted(&process->context))
			return HN_INTERRUPTED;
	}
	return HN_OK;
}

/* What is trained, with pointers of this process. */
static HnTraining
LocalTraining(TeamShared *shared)
{
	HnTraining	training = shared->training;

	if (training.weights)
		training.weights = At(shared, shared->target_weights_at);
	return training;
}

/* Add the gradient of examples begin <= i < end of a command to that of a share. */
static HnStatus
GradientShare(TeamProcess *process, int share, int begin, int end)
{
	TeamShared *shared = process->shared;
	HnLossSum  *sum = (HnLossSum *) At(shared, shared->sums_at) + share;
	real	   *gradient = Gradient(shared, share);
	HnTraining	training = LocalTraining(shared);

	memset(gradient + shared->trained_begin, 0, (shared->trained_end - shared->trained_begin) * sizeof(real));
	memset(sum, 0, sizeof(HnLossSum));
	return hn_gradient_add(&process->context, &process->model, &training, shared->step,
						   process->chosen + begin, end - begin, gradient, sum);
}

/* Do one share of the present command; scratch memory is free from mark on. */
static HnStatus
DoShare(TeamProcess *process, int share, HnArenaMark mark)
{
	TeamShared *shared = process->shared;
	const int  *indexes = At(shared, shared->indexes_at);
	void	   *outputs = At(shared, shared->outputs_at);
	int			begin;
	int			end;

	hn_share(shared->count, shared->shares, share, &begin, &end);
	for (int i = begin; i < end; i++)
		process->chosen[i] = process->examples[indexes[i]];

	switch (shared->command)
	{
		case TEAM_FREEZE:
			return FreezeShare(process, begin, end, mark);
		case TEAM_GRADIENT:
			return GradientShare(process, share, begin, end);
		case TEAM_PREDICT:
			return hn_examples_predict(&process->context, &process->other, &shared->training,
									   process->chosen + begin, end - begin,
									   (double *) outputs + (Size) begin * hn_model_target_count(&process->file));
		case TEAM_ERRORS:
			return hn_examples_conformation_errors(&process->context, &process->other, &shared->training,
												   process->chosen + begin, end - begin,
												   (HnConformationError *) outputs + begin);
	}
	return HN_OK;
}

HnStatus
DoCommand(TeamProcess *process)
{
	TeamShared *shared = process->shared;
	HnModel    *model = shared->command == TEAM_PREDICT || shared->command == TEAM_ERRORS ?
		&process->other : &process->model;
	HnArenaMark mark;

	UseFrozen(process);
	hn_arena_reset(&process->scratch);

	/* Weights that hold for a whole command are packed once, not for each micro-batch. */
	model->packed = NULL;
	if (shared->command != TEAM_GRADIENT)
		HN_TRY(hn_model_pack(&process->context, model));
	mark = hn_arena_mark(&process->scratch);
	for (int share = process->index; share < shared->shares; share += shared->processes)
	{
		hn_arena_rewind(&process->scratch, mark);
		HN_TRY(DoShare(process, share, mark));
	}
	model->packed = NULL;
	return HN_OK;
}

/* Let the examples point to what heads read beside the fingerprint. */
static HnStatus
PointDescriptions(TeamProcess *process)
{
	TeamShared *shared = process->shared;
	int		   *lengths = At(shared, shared->count_lengths_at);
	uint16	   *columns = At(shared, shared->count_columns_at);
	uint8	   *values = At(shared, shared->count_values_at);
	HnCounts   *counts;

	for (int i = 0; i < shared->example_count && shared->descriptor_count > 0; i++)
		process->examples[i].descriptors = (real *) At(shared, shared->descriptors_at) +
			(Size) i * shared->descriptor_count;
	if (shared->entry_count == 0)
		return HN_OK;
	HN_NEW(&process->setup, counts, shared->example_count);
	for (int i = 0; i < shared->example_count; i++)
	{
		counts[i] = (HnCounts)
		{
			lengths[i], columns, values
		};
		process->examples[i].counts = &counts[i];
		columns += lengths[i];
		values += lengths[i];
	}
	return HN_OK;
}

HnStatus
JoinSegment(TeamProcess *process, TeamShared *shared, int index, MemoryContext memory)
{
	HnContext  *context = &process->setup;
	TrainingSet set;

	process->shared = shared;
	process->index = index;
	process->frozen = false;
	hn_arena_init(&process->arena, ContextAllocator(memory));
	hn_arena_init(&process->scratch, ContextAllocator(memory));
	InitCoreContext(&process->setup, &process->arena);
	InitCoreContext(&process->context, &process->scratch);

	HN_TRY(hn_model_read(context, At(shared, shared->model_at), shared->model_size, &process->file));
	HN_TRY(hn_model_view(context, &process->file, At(shared, shared->parameters_at), &process->model));
	HN_TRY(hn_model_view(context, &process->file, At(shared, shared->weights_at), &process->other));
	HN_NEW(context, process->graphs, shared->example_count);
	HN_NEW(context, process->examples, shared->example_count);
	HN_NEW(context, process->chosen, shared->example_count);
	memset(&set, 0, sizeof(set));
	set.features = process->file.features;
	set.target_count = shared->target_count;
	set.count = shared->example_count;
	set.offsets = At(shared, shared->offsets_at);
	set.size = shared->set_size;
	set.data = At(shared, shared->set_at);
	for (int i = 0; i < set.count; i++)
		PointExample(&set, i, &process->graphs[i], &process->examples[i]);
	return PointDescriptions(process);
}
