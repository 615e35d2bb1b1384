/*
 * train/train.c: the procedure that makes a model of the rows of a query: the order of
 * its steps.
 */
#include "postgres.h"

#include "server/clock.h"
#include "train/remember.h"
#include "train/train.h"

/* Make a model: everything, from the options to the stored model. */
static void
Train(Procedure *procedure, const char *query, Jsonb *options)
{
	Trainer    *trainer = (Trainer *) procedure;
	CandidateKind chosen;
	char	   *id;

	trainer->began = Seconds();
	ReadTrainOptions(options, &trainer->options);
	procedure->run.checkpoint_seconds = trainer->options.checkpoint;
	ReadBase(trainer);
	PrepareQueries(trainer, query);
	PrepareData(trainer);
	BeginProcedure(procedure, "train", query, options, &trainer->data);

	chosen = TrainCandidates(trainer);
	RememberMolecules(&trainer->context, &trainer->outcomes[chosen].model, &trainer->data, trainer->options.known,
					  trainer->options.seed);
	id = FinishProcedure(procedure, &trainer->context, &trainer->outcomes[chosen].model);
	KeepFoldPredictions(trainer, chosen);
	FinishRun(&procedure->run, MakeReport(trainer, chosen, id));
	NotifyChoice(trainer, chosen);
}

PG_FUNCTION_INFO_V1(hamnet_train);

/* hamnet_train(model text, query text, options jsonb) */
PGDLLEXPORT Datum
hamnet_train(PG_FUNCTION_ARGS)
{
	RunProcedure(fcinfo, Train, sizeof(Trainer));
	PG_RETURN_VOID();
}
