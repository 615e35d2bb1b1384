/*
 * train/run.h: training runs: who trains what, what became of it, and checkpoints
 * to go on from. SPI must be connected.
 *
 * Outside a transaction block, what is written is committed from time to time,
 * so that other sessions see it and a crash does not undo it. Memory that must
 * outlive that belongs to the procedure's SPI context.
 */
#ifndef HAMNET_TRAIN_RUN_H
#define HAMNET_TRAIN_RUN_H

#include "storage/lock.h"
#include "utils/jsonb.h"

typedef struct TrainingRun
{
	int64		id;
	const char *model;
	bool		atomic;			/* in a transaction block: nothing is committed on the way */
	bool		resumed;		/* an earlier call began it */
	bool		locked;
	LOCKTAG		lock;			/* on the model's name, of the session */
	double		checkpoint_seconds; /* from one checkpoint to the next */

	/* By Seconds(): when this was done for the last time */
	double		committed;		/* progress */
	double		saved;			/* a checkpoint */
	double		noticed;		/* a line to the caller */
} TrainingRun;

/* train/run.c */

/*
 * Take the name of a model for training, until EndRun or the end of the
 * session. An error if another session trains a model of that name.
 */
extern void LockModelName(TrainingRun *run, const char *model);

/*
 * Begin a run, or resume one that another call left unfinished, if it was
 * of the same kind, by the same role, with the same digest (32 bytes) of all
 * that decides its result. Another unfinished one is abandoned, with a NOTICE.
 */
extern void BeginRun(TrainingRun *run, const char *kind, bytea *digest, Jsonb *options);

/* Commit what was written, unless in a transaction block. */
extern void CommitProgress(TrainingRun *run);

/* End a run that went well: drop its checkpoints and keep its report, a JSON object. */
extern void FinishRun(TrainingRun *run, const char *report);

/* Give the name free, also after an error. */
extern void EndRun(TrainingRun *run);

/* Return whether some session trains a model of that name. */
extern bool IsBeingTrained(const char *model);

/* train/checkpoint.c */

/*
 * Load the checkpoint of that number of a run; NULL if there is none. Saving
 * replaces the one before. CheckpointIsDue says whether it is time; in a
 * transaction block it never is.
 */
extern bytea *LoadCheckpoint(TrainingRun *run, int number);
extern void SaveCheckpoint(TrainingRun *run, int number, const char *state, Size size);
extern bool CheckpointIsDue(const TrainingRun *run);
extern void DropCheckpoints(TrainingRun *run);

#endif
