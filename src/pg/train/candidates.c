/*
 * train/candidates.c: what a training may try, and which candidate is kept.
 */
#include "postgres.h"

#include <math.h>

#include "hamnet/fit.h"

#include "server/clock.h"
#include "train/train.h"

/* In the order in which they are tried. */
static const Candidate *const candidates[CANDIDATES] = {
	[CANDIDATE_KERNEL] = &KernelCandidate,
	[CANDIDATE_MLP] = &MlpCandidate,
	[CANDIDATE_FULL] = &FullCandidate,
	[CANDIDATE_TREES] = &TreesCandidate,
	[CANDIDATE_BOOSTING] = &BoostingCandidate,
	[CANDIDATE_JOINT] = &JointCandidate
};

const char *
CandidateName(CandidateKind kind)
{
	return candidates[kind]->name ? candidates[kind]->name : hn_part_name(candidates[kind]->part);
}

const char *
PassName(const Trainer *trainer, CandidateKind kind)
{
	if (trainer->refitting)
		return psprintf("%s, all rows", CandidateName(kind));
	if (trainer->folds > 1 && kind != CANDIDATE_JOINT)
		return psprintf("%s, fold %d", CandidateName(kind), trainer->pass + 1);
	return CandidateName(kind);
}

double
ElapsedSeconds(const Trainer *trainer)
{
	return Seconds() - trainer->began;
}

bool
IsPartOfJoint(const Trainer *trainer, CandidateKind kind)
{
	const char *head = trainer->options.head;

	return head && candidates[kind]->of_joint && strcmp(head, CandidateName(CANDIDATE_JOINT)) == 0;
}

/* Return why a candidate is not tried; NULL if it is. */
static const char *
ReasonAgainst(const Trainer *trainer, CandidateKind kind)
{
	const TrainOptions *options = &trainer->options;
	const char *reason = NULL;

	/* The first pass decides for all, but joint heads come after the last. */
	if (trainer->pass > 0 && kind != CANDIDATE_JOINT)
		return trainer->held[kind].reason;
	if (options->head && strcmp(options->head, CandidateName(kind)) != 0 && !IsPartOfJoint(trainer, kind))
		return "another was asked for";
	if (candidates[kind]->reason_against)
		reason = candidates[kind]->reason_against(trainer);
	if (reason || options->head || kind == CANDIDATE_JOINT)
		return reason;
	return ElapsedSeconds(trainer) > 0.9 * options->minutes * 60 ? "the time is spent" : NULL;
}

void
TryCandidate(Trainer *trainer, CandidateKind kind)
{
	Outcome    *outcome = &trainer->outcomes[kind];
	double		before = ElapsedSeconds(trainer);
	double		seconds;

	initStringInfo(&outcome->report);
	outcome->reason = ReasonAgainst(trainer, kind);
	if (outcome->reason)
		return;
	candidates[kind]->train(trainer, outcome);
	seconds = ElapsedSeconds(trainer) - before;
	if (outcome->seconds == 0)
		outcome->seconds = seconds;
	if (outcome->tried && trainer->refitting && kind != CANDIDATE_JOINT)
		ereport(NOTICE,
				(errmsg("%s: learned from all rows, %.0f s", CandidateName(kind), seconds)));
	else if (outcome->tried && !trainer->refitting && trainer->metric != METRIC_NONE)
		ereport(NOTICE,
				(errmsg("%s: %s %.4g on the validation set, %.0f s", PassName(trainer, kind),
						metric_names[trainer->metric], outcome->shown, seconds)));
}

/*
 * A validation set of fewer than a thousand rows, a tenth of all, chooses by
 * chance; the parts of a joint head err differently, and their mean rarely loses.
 */
#define FEW_ROWS 10000

bool
HasFewRows(const Trainer *trainer)
{
	return !trainer->scratch && trainer->data.set.count <= FEW_ROWS;
}

CandidateKind
ChooseCandidate(const Trainer *trainer)
{
	int			best = -1;

	if (HasFewRows(trainer) && trainer->outcomes[CANDIDATE_JOINT].tried)
		return CANDIDATE_JOINT;

	for (int c = 0; c < CANDIDATES; c++)
	{
		const Outcome *outcome = &trainer->outcomes[c];

		if (!outcome->tried || IsPartOfJoint(trainer, c) || candidates[c]->no_head)
			continue;
		if (best < 0 || outcome->score < trainer->outcomes[best].score ||
			(isnan(trainer->outcomes[best].score) && !isnan(outcome->score)))
			best = c;
	}
	if (best < 0)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("no head can be trained in %g minutes", trainer->options.minutes),
				 errhint("Raise option \"minutes\", or name the head.")));
	return best;
}
