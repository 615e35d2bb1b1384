/*
 * train/loop.h: the training of one network, epoch by epoch, with
 * validation, a log and checkpoints.
 */
#ifndef HAMNET_TRAIN_LOOP_H
#define HAMNET_TRAIN_LOOP_H

#include "train/data.h"
#include "train/log.h"
#include "train/team.h"

/* Return how good weights are on the validation set: smaller is better; *shown is what a log shows. */
typedef double (*ScoreFunction) (void *state, Team *team, const real *weights, double *shown);

typedef struct TrainingLoop
{
	TrainingRun *run;
	Team	   *team;
	const TrainingData *data;
	const char *name;			/* "mlp", "full", "engine" */
	int			number;			/* of its checkpoint in the run */
	int			member;			/* of an ensemble, from 1 */

	HnOptimiserOptions options; /* total_steps is set from epochs and batch */
	int			epochs;			/* by which the learning rate falls */
	int			last_epoch;		/* after which it stops; 0: none before the end */
	int			batch;			/* molecules of a step */
	int			epoch_rows;		/* molecules of an epoch; 0: all. Others follow in the next ones */
	int			contrast;		/* place among the targets of the groups that are contrasted; -1: there are none */
	int			patience;		/* epochs without improvement before it stops; 0: never */
	uint64		seed;			/* of the order of examples */
	const char *metric;			/* what the score is; NULL: nothing is held out */
	ScoreFunction score;
	void	   *score_state;

	/* Results */
	real	   *weights;		/* the best ones, or the last without validation [parameter_count] */
	double		best;			/* score of these */
	double		shown;			/* as a log shows it */
	int			best_epoch;
	int			epochs_done;
	int64		skipped;		/* molecules left out in the last epoch because they are not finite */
	double		seconds;		/* spent, by calls before this one too */
} TrainingLoop;

/*
 * Train the team's model from its present parameters, or from the loop's last
 * checkpoint. The result does not depend on where that was.
 */
extern void RunTrainingLoop(TrainingLoop *loop);

/* Return the epochs that the loop with this checkpoint is planned for; 0 if there is none. */
extern int	PlannedEpochs(TrainingRun *run, int number);

/* Return the seconds that an epoch over the training set takes, measured on a few batches without a step. */
extern double MeasureEpoch(Team *team, const TrainingData *data, int batch);

#endif
