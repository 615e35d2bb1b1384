/*
 * train/passes.c: the passes of a training over its data: one for each fold, or
 * for the validation set, and another for the model that learns from all rows.
 *
 * What candidates say of the rows that they have not learned from is kept. By
 * it one is chosen, shares are weighed, and networks know when to stop in the
 * last pass, in which nothing is held out. So memory is that of one pass.
 */
#include "postgres.h"

#include <math.h>

#include "utils/memutils.h"

#include "train/train.h"

/* Put the rows of a fold into the validation set, and all others into the training set. */
static void
TakeFold(Trainer *trainer, int fold)
{
	TrainingData *data = &trainer->data;

	if (trainer->fold_of_row == NULL)
		return;
	data->train_count = data->validation_count = 0;
	for (int i = 0; i < data->set.count; i++)
		if (trainer->fold_of_row[i] == fold)
			data->validation[data->validation_count++] = i;
		else
			data->train[data->train_count++] = i;
}

/* Let the validation set be all rows that were held out. */
static void
TakeHeldRows(Trainer *trainer)
{
	trainer->data.validation_count = trainer->held_count;
	memcpy(trainer->data.validation, trainer->held_rows, trainer->held_count * sizeof(int));
}

/* Plan the passes: which rows are held out when. */
static void
PlanPasses(Trainer *trainer)
{
	TrainingData *data = &trainer->data;

	trainer->folds = trainer->fold_of_row ? trainer->options.folds : data->validation_count > 0 ? 1 : 0;
	trainer->passes = Max(1, trainer->folds) + (trainer->options.refit ? 1 : 0);
	trainer->fold_begins = palloc0((trainer->folds + 1) * sizeof(int));
	trainer->held_rows = palloc_extended(data->set.count * sizeof(int), MCXT_ALLOC_HUGE);
	for (int f = 0; f < trainer->folds; f++)
	{
		Metric		metric;

		TakeFold(trainer, f);
		metric = ChooseMetric(trainer);
		if (f == 0 || metric == METRIC_LOSS)
			trainer->metric = metric;
		trainer->fold_begins[f] = trainer->held_count;
		memcpy(trainer->held_rows + trainer->held_count, data->validation, data->validation_count * sizeof(int));
		trainer->held_count += data->validation_count;
	}
	trainer->fold_begins[trainer->folds] = trainer->held_count;
}

/* Keep what a candidate said of the rows of this pass's fold. */
static void
KeepHeldOut(Trainer *trainer, CandidateKind kind)
{
	Outcome    *outcome = &trainer->outcomes[kind];
	HeldOut    *held = &trainer->held[kind];
	Size		targets = trainer->target_count;
	Size		first = trainer->fold_begins[trainer->pass];
	Size		count = trainer->data.validation_count * targets * sizeof(double);

	held->tried = outcome->tried;
	held->reason = outcome->tried ? NULL : outcome->reason;
	held->seconds += outcome->seconds;
	held->report = pstrdup(outcome->report.data);
	if (!outcome->tried)
		return;
	if (held->values == NULL)
	{
		held->values = palloc_extended(trainer->held_count * targets * sizeof(double), MCXT_ALLOC_HUGE);
		held->sds = palloc_extended(trainer->held_count * targets * sizeof(double), MCXT_ALLOC_HUGE);
		held->scores = palloc(trainer->folds * sizeof(double));
	}
	memcpy(held->values + first * targets, outcome->values, count);
	memcpy(held->sds + first * targets, outcome->sds, count);
}

/* Score what a candidate said of all folds: the mean of their scores. */
static void
ScoreHeldOut(Trainer *trainer, HeldOut *held)
{
	held->score = held->shown = 0;
	for (int f = 0; f < trainer->folds; f++)
	{
		int			first = trainer->fold_begins[f];
		int			count = trainer->fold_begins[f + 1] - first;

		memcpy(trainer->data.validation, trainer->held_rows + first, count * sizeof(int));
		trainer->data.validation_count = count;
		held->score += ScorePredictions(trainer, held->values + (Size) first * trainer->target_count, &held->scores[f]) /
			trainer->folds;
		held->shown += held->scores[f] / trainer->folds;
	}
	TakeHeldRows(trainer);
}

/* Make the outcome of a candidate what it said of all folds; its model stays that of the last. */
static void
ShowHeldOut(Trainer *trainer, CandidateKind kind)
{
	Outcome    *outcome = &trainer->outcomes[kind];
	HeldOut    *held = &trainer->held[kind];

	if (!held->tried)
		return;
	ScoreHeldOut(trainer, held);
	outcome->values = held->values;
	outcome->sds = held->sds;
	outcome->score = held->score;
	outcome->shown = held->shown;
}

/* Join the parts of a joint head, and score what it says of each fold. */
static void
TryJoint(Trainer *trainer)
{
	Outcome    *outcome = &trainer->outcomes[CANDIDATE_JOINT];
	HeldOut    *held = &trainer->held[CANDIDATE_JOINT];

	TryCandidate(trainer, CANDIDATE_JOINT);
	held->tried = outcome->tried;
	if (!outcome->tried || trainer->folds == 0)
		return;
	held->values = outcome->values;
	held->sds = outcome->sds;
	if (held->scores == NULL)
		held->scores = palloc(trainer->folds * sizeof(double));
	ShowHeldOut(trainer, CANDIDATE_JOINT);
}

/* Train the candidates on all but one fold. */
static void
RunFold(Trainer *trainer)
{
	TakeFold(trainer, trainer->pass);
	ScaleTargets(trainer);
	for (CandidateKind kind = 0; kind < CANDIDATE_JOINT; kind++)
		TryCandidate(trainer, kind);
}

/* Run the passes in which rows are held out, each in memory of its own, and choose a candidate by them. */
static CandidateKind
ChooseByFolds(Trainer *trainer)
{
	CandidateKind chosen = CANDIDATE_JOINT;

	for (trainer->pass = 0; trainer->pass < trainer->folds; trainer->pass++)
	{
		MemoryContext pass = AllocSetContextCreate(CurrentMemoryContext, "hamnet pass", ALLOCSET_DEFAULT_SIZES);
		MemoryContext old = MemoryContextSwitchTo(pass);
		HnArenaMark mark = hn_arena_mark(&trainer->arena);

		RunFold(trainer);
		MemoryContextSwitchTo(old);
		for (CandidateKind kind = 0; kind < CANDIDATE_JOINT; kind++)
			KeepHeldOut(trainer, kind);
		if (trainer->pass == trainer->folds - 1)
		{
			for (CandidateKind kind = 0; kind < CANDIDATE_JOINT; kind++)
				ShowHeldOut(trainer, kind);
			TryJoint(trainer);
			chosen = ChooseCandidate(trainer);
		}
		hn_arena_rewind(&trainer->arena, mark);
		MemoryContextDelete(pass);
	}
	return chosen;
}

/* Return whether the chosen candidate needs this one. */
static bool
IsNeeded(CandidateKind kind, CandidateKind chosen, const Trainer *trainer)
{
	return kind == chosen || (chosen == CANDIDATE_JOINT && trainer->held[kind].tried && kind != CANDIDATE_FULL);
}

/* Train the chosen candidate on all rows; the others stay what the folds said of them. */
static void
Refit(Trainer *trainer, CandidateKind chosen)
{
	TrainingData *data = &trainer->data;

	trainer->refitting = true;
	data->train_count = 0;
	for (int i = 0; i < data->set.count; i++)
		data->train[data->train_count++] = i;
	ScaleTargets(trainer);
	for (CandidateKind kind = 0; kind < CANDIDATE_JOINT; kind++)
	{
		Outcome    *outcome = &trainer->outcomes[kind];
		HeldOut    *held = &trainer->held[kind];

		memset(outcome, 0, sizeof(Outcome));
		if (IsNeeded(kind, chosen, trainer))
			TryCandidate(trainer, kind);
		else
		{
			initStringInfo(&outcome->report);
			appendStringInfoString(&outcome->report, held->report);
		}
		outcome->tried = held->tried;
		outcome->reason = held->reason;
		outcome->seconds += held->seconds;
		ShowHeldOut(trainer, kind);
	}
	if (chosen == CANDIDATE_JOINT)
		TryJoint(trainer);
}

CandidateKind
TrainCandidates(Trainer *trainer)
{
	CandidateKind chosen;

	PlanPasses(trainer);
	if (trainer->data.descriptions.needs.descriptors)
		DescribeMolecules(trainer);
	if (!trainer->options.refit)
	{
		RunFold(trainer);
		TryJoint(trainer);
		return ChooseCandidate(trainer);
	}
	chosen = ChooseByFolds(trainer);
	Refit(trainer, chosen);

	/* The model knows these rows now. */
	trainer->data.validation_count = 0;
	return chosen;
}
