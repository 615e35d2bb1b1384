/*
 * train/log.h: the log of epochs.
 */
#ifndef HAMNET_TRAIN_LOG_H
#define HAMNET_TRAIN_LOG_H

#include "train/run.h"

/* A row of the log. */
typedef struct EpochReport
{
	const char *network;		/* what is trained: "mlp", "full", "engine" */
	int			member;			/* of an ensemble, from 1 */
	int			epoch;			/* from 1 */
	int			epochs;			/* at most */
	double		loss;			/* mean over the labels of the training set */
	const char *metric;			/* NULL: nothing is held out */
	double		value;			/* on the validation set */
	double		rate;
	double		molecules_per_second;
	double		remaining;		/* seconds, if every epoch is run */
} EpochReport;

/* Log an epoch, and notify the caller unless that was done a moment ago. */
extern void LogEpoch(TrainingRun *run, const EpochReport *report);

#endif
