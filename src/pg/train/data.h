/*
 * train/data.h: the molecules of a training query, read and checked. See split.h
 * for how they are divided into a training and a validation set.
 */
#ifndef HAMNET_TRAIN_DATA_H
#define HAMNET_TRAIN_DATA_H

#include "lib/stringinfo.h"

#include "hamnet/standardize.h"

#include "train/descriptions.h"
#include "train/molecule_query.h"
#include "train/set.h"

/* Fewer rows are not enough to learn from. */
#define MIN_TRAINING_ROWS 10

typedef struct TrainingData
{
	MoleculeQuery query;
	HnStandard	standard;		/* that SMILES are brought into */
	MoleculeQuery *validation_query;	/* of the rows to validate on; NULL: they are some of the query's */
	TrainingSet set;			/* sorted */
	bool		keep_smiles;		/* whether SMILES are kept as the query gives them */
	char	  **smiles;			/* [set.count] by the number of a molecule's row */
	HnGraph    *graphs;			/* [set.count] */
	HnExample  *examples;		/* [set.count] that point into set */
	Descriptions descriptions;	/* of the set; what they need is set by the caller */
	int64		rows;			/* that the query returned */
	int64		unlabelled;		/* of them, without any target */
	int64		invalid;		/* of them, no valid molecule */
	StringInfoData rejects;		/* the first of these, a JSON array of {"molecule", "reason"} */

	int		   *train;			/* [train_count] indexes into set */
	int			train_count;
	int		   *validation;		/* [validation_count] */
	int			validation_count;
} TrainingData;

/*
 * Read the rows of data->query, and of the validation query if there is one,
 * which were prepared, into the current memory context. A row that holds no valid
 * molecule is counted, not an error; the first are named in a NOTICE. Less than
 * `minimum` usable rows are an error.
 */
extern void ReadTrainingData(TrainingData *data, const HnFeatureSet *features, int minimum);

#endif
