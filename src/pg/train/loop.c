/*
 * train/loop.c: the training of one network, epoch by epoch.
 *
 * A checkpoint is taken between epochs. It holds the optimiser, the best
 * weights so far and the counters below; everything else follows from the
 * data, the options and the seed, so that training goes on from it exactly as
 * if it had never stopped.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "server/clock.h"
#include "server/core.h"
#include "train/loop.h"

/*
 * The learning rate grows over the first twentieth of the steps, and weights
 * are averaged over about as many steps as a tenth of them.
 */
#define WARMUP_SHARE 20
#define AVERAGE_SHARE 10

/* The beginning of a checkpoint; the best weights and the optimiser's state follow. */
typedef struct LoopState
{
	int32		epochs;			/* planned, which a time budget may have decided */
	int32		epoch;			/* done */
	int32		best_epoch;
	int32		stale;			/* epochs since then */
	double		best;
	double		shown;
	double		seconds;
	int64		skipped;
	int64		parameter_count;
} LoopState;

/* Return the state to begin with: that of the checkpoint, or nothing done yet. */
static LoopState
FirstState(const TrainingLoop *loop, const bytea *checkpoint, int64 parameter_count)
{
	LoopState	state = {.epochs = loop->epochs, .parameter_count = parameter_count};

	if (checkpoint == NULL)
		return state;
	if (VARSIZE_ANY_EXHDR(checkpoint) >= sizeof(state))
		memcpy(&state, VARDATA_ANY(checkpoint), sizeof(state));
	if (state.parameter_count != parameter_count ||
		VARSIZE_ANY_EXHDR(checkpoint) < sizeof(state) + parameter_count * sizeof(real))
		elog(ERROR, "checkpoint %d is of another model", loop->number);
	return state;
}

/* Take the weights and the optimiser's state from a checkpoint. */
static void
Restore(TrainingLoop *loop, HnOptimiser *optimiser, HnContext *context, const bytea *checkpoint)
{
	Size		begin = sizeof(LoopState) + optimiser->count * sizeof(real);
	const char *data = VARDATA_ANY(checkpoint);

	memcpy(loop->weights, data + sizeof(LoopState), optimiser->count * sizeof(real));
	if (hn_optimiser_restore(context, optimiser, (const unsigned char *) data + begin,
							 VARSIZE_ANY_EXHDR(checkpoint) - begin) != HN_OK)
		ReportCoreError(context, NULL);
}

static void
Save(TrainingLoop *loop, const LoopState *state, const HnOptimiser *optimiser, HnContext *context)
{
	Size		weights = optimiser->count * sizeof(real);
	HnArenaMark mark = hn_arena_mark(context->arena);
	unsigned char *bytes;
	size_t		size;
	char	   *all;

	if (hn_optimiser_save(context, optimiser, &bytes, &size) != HN_OK)
		ReportCoreError(context, NULL);
	all = palloc_extended(sizeof(LoopState) + weights + size, MCXT_ALLOC_HUGE);
	memcpy(all, state, sizeof(LoopState));
	memcpy(all + sizeof(LoopState), loop->weights, weights);
	memcpy(all + sizeof(LoopState) + weights, bytes, size);
	SaveCheckpoint(loop->run, loop->number, all, sizeof(LoopState) + weights + size);
	pfree(all);
	hn_arena_rewind(context->arena, mark);
}

/* Molecules of an epoch, at most. */
static int
EpochRows(const TrainingLoop *loop)
{
	int			count = loop->data->train_count;

	return loop->epoch_rows > 0 ? Min(loop->epoch_rows, count) : count;
}

/* Members of a group that are seen together: four groups in a micro-batch of contrast. */
#define GROUP_RUN 16

/*
 * The indexes of an epoch's molecules, in their order: a part of a pass over all
 * of them, which takes one epoch or several. indexes [train_count] receives
 * those of the whole pass; returns where the epoch's begin, and sets count.
 */
static const int *
OrderEpoch(TrainingLoop *loop, int epoch, int *indexes, HnContext *context, int *count)
{
	const TrainingData *data = loop->data;
	int			rows = EpochRows(loop);
	int			epochs = (data->train_count + rows - 1) / rows; /* of a pass */
	int			first = epoch % epochs * rows;
	double	   *groups;

	if (loop->contrast < 0)
		hn_epoch_order(loop->seed, epoch / epochs, data->train_count, indexes);
	else
	{
		groups = palloc_extended(data->train_count * sizeof(double), MCXT_ALLOC_HUGE);
		for (int i = 0; i < data->train_count; i++)
			groups[i] = data->examples[data->train[i]].targets[loop->contrast];
		if (hn_epoch_order_in_runs(context, loop->seed, epoch / epochs, data->train_count, groups, GROUP_RUN,
								   indexes) != HN_OK)
			ReportCoreError(context, NULL);
		pfree(groups);
	}
	for (int i = 0; i < data->train_count; i++)
		indexes[i] = data->train[indexes[i]];
	*count = Min(rows, data->train_count - first);
	return indexes + first;
}

/* One epoch of the training part; returns the mean loss. */
static double
RunEpoch(TrainingLoop *loop, int epoch, int *indexes, HnOptimiser *optimiser, HnContext *context,
		 LoopState *state, double *rate)
{
	int			count;
	const int  *chosen = OrderEpoch(loop, epoch, indexes, context, &count);
	double		loss = 0;
	double		labels = 0;

	state->skipped = 0;
	for (int begin = 0; begin < count; begin += loop->batch)
	{
		HnLossSum	sum;
		HnStepReport report;
		int			molecules = Min(loop->batch, count - begin);
		const real *gradient = TeamGradient(loop->team, optimiser->step, chosen + begin, molecules, &sum);
		HnStatus	status;

		CHECK_FOR_INTERRUPTS();
		state->skipped += sum.skipped;
		if (sum.count <= 0)
			continue;
		status = hn_optimiser_step(context, optimiser, gradient, sum.count, &report);
		if (status == HN_NOT_FINITE)
		{
			/* No step was taken: the whole batch is left out. */
			state->skipped += molecules - sum.skipped;
			continue;
		}
		if (status != HN_OK)
			ReportCoreError(context, NULL);
		*rate = report.rate;
		loss += sum.loss;
		labels += sum.count;
	}
	if (labels <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("training diverged: the network or its gradient is not finite for any batch of molecules"),
				 errhint("Try a smaller learning rate, option \"lr\".")));
	return loss / labels;
}

/* Validate the weights and keep them if they are the best so far. */
static void
Judge(TrainingLoop *loop, const HnOptimiser *optimiser, LoopState *state, double *shown)
{
	const real *weights = hn_optimiser_weights(optimiser);
	double		score = 0;

	*shown = 0;
	if (loop->metric)
		score = loop->score(loop->score_state, loop->team, weights, shown);
	state->stale++;
	/* A score that is NaN is better than none, and worse than any other. */
	if (loop->metric == NULL || state->best_epoch == 0 || score < state->best ||
		(isnan(state->best) && !isnan(score)))
	{
		memcpy(loop->weights, weights, optimiser->count * sizeof(real));
		state->best = score;
		state->shown = *shown;
		state->best_epoch = state->epoch;
		state->stale = 0;
	}
}

/* Train for one epoch more, validate and log it. */
static void
NextEpoch(TrainingLoop *loop, int *indexes, HnOptimiser *optimiser, HnContext *context, LoopState *state)
{
	EpochReport report = {.network = loop->name, .member = loop->member, .epochs = state->epochs,
	.metric = loop->metric};
	double		begin = Seconds();

	report.loss = RunEpoch(loop, state->epoch, indexes, optimiser, context, state, &report.rate);
	report.molecules_per_second = EpochRows(loop) / Max((Seconds() - begin), 1e-6);
	report.epoch = ++state->epoch;
	Judge(loop, optimiser, state, &report.value);
	state->seconds += Seconds() - begin;
	report.remaining = (state->epochs - state->epoch) * state->seconds / state->epoch;
	LogEpoch(loop->run, &report);
}

static bool
IsFinished(const TrainingLoop *loop, const LoopState *state)
{
	return state->epoch >= state->epochs || (loop->last_epoch > 0 && state->epoch >= loop->last_epoch) ||
		(loop->patience > 0 && state->stale >= loop->patience);
}

/* Begin the optimiser over the team's model. */
static void
InitOptimiser(TrainingLoop *loop, int epochs, HnContext *context, HnOptimiser *optimiser)
{
	HnModel    *model = TeamModel(loop->team);
	int			steps = (EpochRows(loop) + loop->batch - 1) / loop->batch;
	HnParameterGroup *groups;
	int			group_count;

	loop->options.total_steps = (int64) steps * epochs;
	loop->options.warmup_steps = loop->options.total_steps / WARMUP_SHARE;
	loop->options.average_decay = Max(0, Min(0.999, 1 - (double) AVERAGE_SHARE / loop->options.total_steps));
	if (hn_training_groups(context, model, TeamTraining(loop->team), &groups, &group_count) != HN_OK ||
		hn_optimiser_init(context, &loop->options, groups, group_count, model->parameters,
						  model->parameter_count, optimiser) != HN_OK)
		ReportCoreError(context, NULL);
}

void
RunTrainingLoop(TrainingLoop *loop)
{
	int64		parameter_count = TeamModel(loop->team)->parameter_count;
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "hamnet training loop", ALLOCSET_DEFAULT_SIZES);
	MemoryContext epoch = AllocSetContextCreate(memory, "hamnet epoch", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	int		   *indexes = MemoryContextAllocHuge(memory, loop->data->train_count * sizeof(int));
	bytea	   *checkpoint = LoadCheckpoint(loop->run, loop->number);
	LoopState	state = FirstState(loop, checkpoint, parameter_count);
	HnArena		arena;
	HnContext	context;
	HnOptimiser optimiser;

	loop->weights = palloc_extended(parameter_count * sizeof(real), MCXT_ALLOC_HUGE);
	hn_arena_init(&arena, ContextAllocator(memory));
	InitCoreContext(&context, &arena);
	InitOptimiser(loop, state.epochs, &context, &optimiser);
	if (checkpoint)
		Restore(loop, &optimiser, &context, checkpoint);

	old = MemoryContextSwitchTo(epoch);
	while (!IsFinished(loop, &state))
	{
		NextEpoch(loop, indexes, &optimiser, &context, &state);
		/* A finished loop is kept until the whole run is. */
		if (IsFinished(loop, &state) || CheckpointIsDue(loop->run))
			Save(loop, &state, &optimiser, &context);
		MemoryContextReset(epoch);
	}
	MemoryContextSwitchTo(old);

	loop->best = state.best;
	loop->shown = state.shown;
	loop->best_epoch = state.best_epoch;
	loop->epochs_done = state.epoch;
	loop->skipped = state.skipped;
	loop->seconds = state.seconds;
	MemoryContextDelete(memory);
	if (checkpoint)
		pfree(checkpoint);
}

int
PlannedEpochs(TrainingRun *run, int number)
{
	bytea	   *checkpoint = LoadCheckpoint(run, number);
	LoopState	state;

	if (checkpoint == NULL || VARSIZE_ANY_EXHDR(checkpoint) < sizeof(state))
		return 0;
	memcpy(&state, VARDATA_ANY(checkpoint), sizeof(state));
	pfree(checkpoint);
	return state.epochs;
}

double
MeasureEpoch(Team *team, const TrainingData *data, int batch)
{
	int			count = Min(batch, data->train_count);
	int			rounds = Max(1, Min(3, data->train_count / batch - 1));
	double		begin;
	HnLossSum	sum;

	/* The first one waits for the workers and warms up the memory. */
	(void) TeamGradient(team, 0, data->train, count, &sum);
	begin = Seconds();
	for (int i = 0; i < rounds; i++)
		(void) TeamGradient(team, 0, data->train + Min((i + 1) * batch, data->train_count - count), count, &sum);
	return (Seconds() - begin) / rounds * data->train_count / count;
}
