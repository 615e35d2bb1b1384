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
#define WARMUP_PART 20
#define AVERAGE_PART 10

/* What a checkpoint begins with; the best weights and the optimiser's state follow. */
typedef struct PartState
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
} PartState;

/* What a part begins with: its checkpoint, or nothing done yet. */
static PartState
FirstState(const TrainingPart *part, const bytea *checkpoint, int64 parameter_count)
{
	PartState	state = {.epochs = part->epochs, .parameter_count = parameter_count};

	if (checkpoint == NULL)
		return state;
	if (VARSIZE_ANY_EXHDR(checkpoint) >= sizeof(state))
		memcpy(&state, VARDATA_ANY(checkpoint), sizeof(state));
	if (state.parameter_count != parameter_count ||
		VARSIZE_ANY_EXHDR(checkpoint) < sizeof(state) + parameter_count * sizeof(real))
		elog(ERROR, "checkpoint %d is of another model", part->number);
	return state;
}

/* Take the weights and the optimiser's state from a checkpoint. */
static void
Restore(TrainingPart *part, HnOptimiser *optimiser, HnContext *context, const bytea *checkpoint)
{
	Size		begin = sizeof(PartState) + optimiser->count * sizeof(real);
	const char *data = VARDATA_ANY(checkpoint);

	memcpy(part->weights, data + sizeof(PartState), optimiser->count * sizeof(real));
	if (hn_optimiser_restore(context, optimiser, (const unsigned char *) data + begin,
							 VARSIZE_ANY_EXHDR(checkpoint) - begin) != HN_OK)
		ReportCoreError(context, NULL);
}

static void
Save(TrainingPart *part, const PartState *state, const HnOptimiser *optimiser, HnContext *context)
{
	Size		weights = optimiser->count * sizeof(real);
	HnArenaMark mark = hn_arena_mark(context->arena);
	unsigned char *bytes;
	size_t		size;
	char	   *all;

	if (hn_optimiser_save(context, optimiser, &bytes, &size) != HN_OK)
		ReportCoreError(context, NULL);
	all = palloc_extended(sizeof(PartState) + weights + size, MCXT_ALLOC_HUGE);
	memcpy(all, state, sizeof(PartState));
	memcpy(all + sizeof(PartState), part->weights, weights);
	memcpy(all + sizeof(PartState) + weights, bytes, size);
	SaveCheckpoint(part->run, part->number, all, sizeof(PartState) + weights + size);
	pfree(all);
	hn_arena_rewind(context->arena, mark);
}

/* One pass over the training part; returns the mean loss. */
static double
RunEpoch(TrainingPart *part, int epoch, int *places, HnOptimiser *optimiser, HnContext *context,
		 PartState *state, double *rate)
{
	int			count = part->data->train_count;
	double		loss = 0;
	double		labels = 0;

	state->skipped = 0;
	hn_epoch_order(part->seed, epoch, count, places);
	for (int i = 0; i < count; i++)
		places[i] = part->data->train[places[i]];
	for (int begin = 0; begin < count; begin += part->batch)
	{
		HnLossSum	sum;
		HnStepReport report;
		int			molecules = Min(part->batch, count - begin);
		const real *gradient = TeamGradient(part->team, optimiser->step, places + begin, molecules, &sum);
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
Judge(TrainingPart *part, const HnOptimiser *optimiser, PartState *state, double *shown)
{
	const real *weights = hn_optimiser_weights(optimiser);
	double		score = 0;

	*shown = 0;
	if (part->metric)
		score = part->score(part->score_state, part->team, weights, shown);
	state->stale++;
	/* A score that is NaN is better than none, and worse than any other. */
	if (part->metric == NULL || state->best_epoch == 0 || score < state->best ||
		(isnan(state->best) && !isnan(score)))
	{
		memcpy(part->weights, weights, optimiser->count * sizeof(real));
		state->best = score;
		state->shown = *shown;
		state->best_epoch = state->epoch;
		state->stale = 0;
	}
}

/* Train for one epoch more, validate and log it. */
static void
NextEpoch(TrainingPart *part, int *places, HnOptimiser *optimiser, HnContext *context, PartState *state)
{
	EpochReport report = {.part = part->name, .member = part->member, .epochs = state->epochs,
	.metric = part->metric};
	double		begin = Seconds();

	report.loss = RunEpoch(part, state->epoch, places, optimiser, context, state, &report.rate);
	report.molecules_per_second = part->data->train_count / Max((Seconds() - begin), 1e-6);
	report.epoch = ++state->epoch;
	Judge(part, optimiser, state, &report.value);
	state->seconds += Seconds() - begin;
	report.remaining = (state->epochs - state->epoch) * state->seconds / state->epoch;
	LogEpoch(part->run, &report);
}

static bool
IsFinished(const TrainingPart *part, const PartState *state)
{
	return state->epoch >= state->epochs || (part->patience > 0 && state->stale >= part->patience);
}

/* Begin the optimiser of a part over the team's model. */
static void
InitOptimiser(TrainingPart *part, int epochs, HnContext *context, HnOptimiser *optimiser)
{
	HnModel    *model = TeamModel(part->team);
	int			steps = (part->data->train_count + part->batch - 1) / part->batch;
	HnParameterGroup *groups;
	int			group_count;

	part->options.total_steps = (int64) steps * epochs;
	part->options.warmup_steps = part->options.total_steps / WARMUP_PART;
	part->options.average_decay = Max(0, Min(0.999, 1 - (double) AVERAGE_PART / part->options.total_steps));
	if (hn_training_groups(context, model, TeamTraining(part->team), &groups, &group_count) != HN_OK ||
		hn_optimiser_init(context, &part->options, groups, group_count, model->parameters,
						  model->parameter_count, optimiser) != HN_OK)
		ReportCoreError(context, NULL);
}

void
RunTrainingPart(TrainingPart *part)
{
	int64		parameter_count = TeamModel(part->team)->parameter_count;
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "hamnet training part", ALLOCSET_DEFAULT_SIZES);
	MemoryContext epoch = AllocSetContextCreate(memory, "hamnet epoch", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old;
	int		   *places = MemoryContextAllocHuge(memory, part->data->train_count * sizeof(int));
	bytea	   *checkpoint = LoadCheckpoint(part->run, part->number);
	PartState	state = FirstState(part, checkpoint, parameter_count);
	HnArena		arena;
	HnContext	context;
	HnOptimiser optimiser;

	part->weights = palloc_extended(parameter_count * sizeof(real), MCXT_ALLOC_HUGE);
	hn_arena_init(&arena, ContextAllocator(memory));
	InitCoreContext(&context, &arena);
	InitOptimiser(part, state.epochs, &context, &optimiser);
	if (checkpoint)
		Restore(part, &optimiser, &context, checkpoint);

	old = MemoryContextSwitchTo(epoch);
	while (!IsFinished(part, &state))
	{
		NextEpoch(part, places, &optimiser, &context, &state);
		/* A finished part is kept until the whole run is. */
		if (IsFinished(part, &state) || CheckpointIsDue(part->run))
			Save(part, &state, &optimiser, &context);
		MemoryContextReset(epoch);
	}
	MemoryContextSwitchTo(old);

	part->best = state.best;
	part->shown = state.shown;
	part->best_epoch = state.best_epoch;
	part->epochs_done = state.epoch;
	part->skipped = state.skipped;
	part->seconds = state.seconds;
	MemoryContextDelete(memory);
	if (checkpoint)
		pfree(checkpoint);
}

int
PlannedEpochs(TrainingRun *run, int number)
{
	bytea	   *checkpoint = LoadCheckpoint(run, number);
	PartState	state;

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
