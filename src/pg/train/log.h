/*
 * train/log.h: what is written about training runs: who trains what, how
 * far it is, and checkpoints to go on from. SPI must be connected.
 *
 * Outside a transaction block, what is written is committed from time to time,
 * so that other sessions see it and a crash does not undo it. Memory that must
 * outlive that belongs to the procedure's SPI context.
 */
#ifndef HAMNET_TRAIN_LOG_H
#define HAMNET_TRAIN_LOG_H

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

/* A row of the log. */
typedef struct EpochReport
{
	const char *part;			/* what is trained: "mlp", "full", "engine" */
	int			member;			/* of an ensemble, from 1 */
	int			epoch;			/* from 1 */
	int			epochs;			/* at most */
	double		loss;			/* mean over the labels of the training part */
	const char *metric;			/* NULL: nothing is held out */
	double		value;			/* on the validation part */
	double		rate;
	double		molecules_per_second;
	double		remaining;		/* seconds, if every epoch is run */
} EpochReport;

/*
 * Take the name of a model for training, until EndRun or the end of the
 * session. An error if another session trains a model of that name.
 */
extern void LockModelName(TrainingRun *run, const char *model);

/*
 * Begin a run, or take up one that another call left unfinished, if it was
 * of the same kind, by the same role, with the same digest (32 bytes) of all
 * that decides its result. Another unfinished one is given up, with a NOTICE.
 */
extern void BeginRun(TrainingRun *run, const char *kind, bytea *digest, Jsonb *options);

/* Log an epoch, and tell the caller unless that was done a moment ago. */
extern void LogEpoch(TrainingRun *run, const EpochReport *report);

/*
 * The checkpoint of a part of a run; NULL if there is none. Saving replaces the
 * one before. CheckpointIsDue says whether it is time; in a transaction
 * block it never is.
 */
extern bytea *LoadCheckpoint(TrainingRun *run, int part);
extern void SaveCheckpoint(TrainingRun *run, int part, const char *state, Size size);
extern bool CheckpointIsDue(const TrainingRun *run);

/* Commit what was written, unless in a transaction block. */
extern void CommitProgress(TrainingRun *run);

/* The run ended well: drop its checkpoints and keep its report, a JSON object. */
extern void FinishRun(TrainingRun *run, const char *report);

/* Give the name free, also after an error. */
extern void EndRun(TrainingRun *run);

#endif
