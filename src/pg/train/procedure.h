/*
 * train/procedure.h: what the training procedures have in common: the frame that
 * commits on the way and cleans up, and the storing of the result.
 */
#ifndef HAMNET_TRAIN_PROCEDURE_H
#define HAMNET_TRAIN_PROCEDURE_H

#include "fmgr.h"

#include "train/data.h"
#include "train/run.h"
#include "train/team.h"

/* First member of what each procedure keeps of its own. */
typedef struct Procedure
{
	TrainingRun run;
	Team	   *team;			/* ended when the procedure ends, however it does */
	const char *base_id;		/* identity of the model to begin with; NULL: none */
} Procedure;

typedef void (*ProcedureBody) (Procedure *procedure, const char *query, Jsonb *options);

/*
 * Run a procedure (model text, query text, options jsonb) with a cleared struct of
 * its own, under the lock on the model's name.
 */
extern void RunProcedure(FunctionCallInfo fcinfo, ProcedureBody body, Size size);

/* Begin the run, or take it up again if everything that decides its result is the same. */
extern void BeginProcedure(Procedure *procedure, const char *kind, const char *query, Jsonb *options,
						   const TrainingData *data);

/* Store the model under the procedure's name; returns its identity. */
extern char *FinishProcedure(Procedure *procedure, HnContext *context, HnModel *model);

#endif
