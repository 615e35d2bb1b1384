/*
 * train/train.c: the procedure that makes a model of the rows of a query: the order of
 * its steps, and which candidate is kept.
 */
#include "postgres.h"

#include <math.h>

#include "server/clock.h"
#include "train/remember.h"
#include "train/train.h"

const char *const candidate_names[] = {"kernel", "mlp", "full", "forest", "joint"};

double
ElapsedSeconds(const Trainer *trainer)
{
	return Seconds() - trainer->began;
}

/* Why a candidate is not tried; NULL if it is. */
static const char *
ReasonAgainst(const Trainer *trainer, Candidate candidate)
{
	const TrainOptions *options = &trainer->options;

	if (options->head && strcmp(options->head, candidate_names[candidate]) != 0 &&
		!IsPartOfJoint(trainer, candidate))
		return "another was asked for";
	if (candidate == FOREST && options->trees == 0)
		return "it has no trees";
	if (candidate == JOINT && !(trainer->outcomes[KERNEL].tried && trainer->outcomes[MLP].tried))
		return "its parts were not tried";
	if (options->head)
		return NULL;
	if (candidate == MLP && trainer->scratch)
		return "its fingerprint would be random";
	if (ElapsedSeconds(trainer) > 0.9 * options->minutes * 60)
		return "the time is spent";
	return NULL;
}

static void
TryCandidate(Trainer *trainer, Candidate candidate)
{
	Outcome    *outcome = &trainer->outcomes[candidate];
	double		before = ElapsedSeconds(trainer);

	initStringInfo(&outcome->report);
	outcome->reason = ReasonAgainst(trainer, candidate);
	if (outcome->reason)
		return;
	if (candidate == KERNEL)
	{
		TrainKernel(trainer, outcome);
		outcome->seconds = ElapsedSeconds(trainer) - before;
	}
	else if (candidate == FOREST)
	{
		TrainForest(trainer, outcome);
		outcome->seconds = ElapsedSeconds(trainer) - before;
	}
	else if (candidate == JOINT)
	{
		JoinHeads(trainer, outcome);
		outcome->seconds = trainer->outcomes[KERNEL].seconds + trainer->outcomes[MLP].seconds +
			trainer->outcomes[FOREST].seconds;
	}
	else
		TrainNetwork(trainer, candidate, outcome);
	if (outcome->tried && trainer->metric != METRIC_NONE)
		ereport(NOTICE,
				(errmsg("%s: %s %.4g on the validation part, %.0f s", candidate_names[candidate],
						metric_names[trainer->metric], outcome->shown, ElapsedSeconds(trainer) - before)));
}

static Candidate
ChooseBest(const Trainer *trainer)
{
	int			best = -1;

	for (int c = 0; c < CANDIDATES; c++)
	{
		const Outcome *outcome = &trainer->outcomes[c];

		if (!outcome->tried || IsPartOfJoint(trainer, c))
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

/* Everything, from the options to the stored model. */
static void
Train(Procedure *procedure, const char *query, Jsonb *options)
{
	Trainer    *trainer = (Trainer *) procedure;
	Candidate	chosen;
	char	   *id;

	trainer->began = Seconds();
	ReadTrainOptions(options, &trainer->options);
	procedure->run.checkpoint_seconds = trainer->options.checkpoint;
	ReadBase(trainer);
	PrepareQueries(trainer, query);
	PrepareData(trainer);
	BeginProcedure(procedure, "train", query, options, &trainer->data);

	for (Candidate c = KERNEL; c <= JOINT; c++)
		TryCandidate(trainer, c);
	chosen = ChooseBest(trainer);
	RememberMolecules(&trainer->context, &trainer->outcomes[chosen].model, &trainer->data, trainer->options.known,
					  trainer->options.seed);
	id = FinishProcedure(procedure, &trainer->context, &trainer->outcomes[chosen].model);
	FinishRun(&procedure->run, MakeReport(trainer, chosen, id));
	TellChoice(trainer, chosen);
}

PG_FUNCTION_INFO_V1(hamnet_train);

/* hamnet_train(model text, query text, options jsonb) */
PGDLLEXPORT Datum
hamnet_train(PG_FUNCTION_ARGS)
{
	RunProcedure(fcinfo, Train, sizeof(Trainer));
	PG_RETURN_VOID();
}
