/*
 * train/split.h: the division of molecules into a training and a validation set.
 */
#ifndef HAMNET_TRAIN_SPLIT_H
#define HAMNET_TRAIN_SPLIT_H

#include "server/options.h"
#include "train/data.h"

typedef enum SplitKind
{
	SPLIT_NONE,					/* everything is learned from */
	SPLIT_RANDOM,				/* a share of the molecules */
	SPLIT_SCAFFOLD,				/* whole scaffolds, the rarest ones */
	SPLIT_QUERY					/* what the validation query returned */
} SplitKind;

/* What option "validation" may be beside a number, the fraction to validate on. */
extern const char *const split_names[];

/* Options "validation" and "validation_query" of a struct with fields of these names. */
#define SPLIT_OPTIONS(options) \
	{"validation", OPTION_TEXT_OR_NUMBER, offsetof(options, validation), \
	.number = {0, 0, 0.5, true}, .text = {NULL, split_names}}, \
	{"validation_query", OPTION_TEXT, offsetof(options, validation_query)}

/* Return the split that the options ask for; an error if both are given. */
extern SplitKind ChooseSplit(const TextOrNumber *validation, const char *query);

/*
 * Divide the set: about `fraction` of it to validate on, however its rows spread
 * over molecules or scaffolds. A molecule that occurs several times is on one
 * side only, unless queries say otherwise, which a NOTICE reports. The division
 * depends on the set and the seed alone. A division by scaffold needs the
 * scaffolds among the descriptions.
 */
extern void SplitTrainingData(TrainingData *data, SplitKind kind, double fraction, uint64 seed);

/*
 * Return the fold of each row [set.count], from 0: folds are about as large, and
 * have about as many labels of each kind (see HoldOut). -1 for rows that
 * are learned from in each, because only their group has labels of some kind.
 */
extern int *AssignToFolds(const TrainingData *data, SplitKind kind, int folds, uint64 seed);

#endif
