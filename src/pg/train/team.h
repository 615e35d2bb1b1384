/*
 * train/team.h: the gradients and predictions of a training set, computed by the
 * calling backend and background workers together.
 *
 * The work is cut into a fixed number of shares, each with a gradient of its
 * own; the processes that there are take them in turn. So what comes out
 * depends on the number of shares, but not on how many workers the server
 * could start.
 */
#ifndef HAMNET_TRAIN_TEAM_H
#define HAMNET_TRAIN_TEAM_H

#include "train/set.h"

typedef struct Team Team;

/*
 * Form a team over a set, which is copied to where all processes see it, as are
 * what heads read of its molecules, if inputs is not NULL: the base's
 * fingerprints, descriptors and counts as far as they are there. model has the
 * parameters to begin with. Beside the caller, as many workers as there
 * are further shares are asked for; with none free, the caller does it all.
 *
 * The team outlives transactions. It must be ended by EndTeam, also after an
 * error, which waits until the workers are gone; team points to it before
 * anything can fail that needs ending.
 */
extern void StartTeam(Team **team, HnModel *model, const HnTraining *training, const TrainingSet *set,
					  const HnInputs *inputs, int shares);
extern void EndTeam(Team *team);

/* Return the model that learns: its parameters are those that all processes see, and may be written. */
extern HnModel *TeamModel(Team *team);

/* Return how the model is trained, which may be changed. */
extern HnTraining *TeamTraining(Team *team);

/*
 * Compute once what the frozen parts of the model say about every molecule, unless
 * that takes more memory than hamnet.training_memory.
 */
extern void TeamFreeze(Team *team);

/*
 * Compute the sum of gradients over the molecules at `indexes`, valid until the next call.
 * step seeds the dropout.
 */
extern const real *TeamGradient(Team *team, int64 step, const int *indexes, int count, HnLossSum *sum);

/*
 * Compute predictions [count, targets] of the molecules at `indexes`, or the errors of
 * their conformations [count], by other weights than the model's.
 */
extern const double *TeamPredict(Team *team, const real *weights, const int *indexes, int count);
extern const HnConformationError *TeamErrors(Team *team, const real *weights, const int *indexes, int count);

#endif
