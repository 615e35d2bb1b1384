/*
 * train/evaluate.h: predictions of a model beside what the rows of a query say. SPI must be connected.
 */
#ifndef HAMNET_TRAIN_EVALUATE_H
#define HAMNET_TRAIN_EVALUATE_H

#include "hamnet/model.h"

typedef struct Evaluation Evaluation;

/* Predictions of one target for which there is a label. */
typedef struct Pairs
{
	int64		count;
	int64		capacity;
	double	   *predicted;
	double	   *actual;
	double	   *sds;			/* of the predictions, NaN where none is known or wanted */
} Pairs;

/* Predict the rows of a query whose columns are named as the model's targets; an error where they are not. */
extern Evaluation *Evaluate(const char *model, const char *query, bool deviations);

/* What came out of it: the number of targets, and one of them. */
extern int	EvaluatedTargets(const Evaluation *evaluation);
extern const Pairs *EvaluatedPairs(const Evaluation *evaluation, int c, const char **name, HnTask *task);

#endif
