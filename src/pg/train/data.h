/*
 * train/data.h: the molecules of a training query, read, checked, and
 * divided into a part to learn from and a part to validate on.
 */
#ifndef HAMNET_TRAIN_DATA_H
#define HAMNET_TRAIN_DATA_H

#include "lib/stringinfo.h"

#include "server/options.h"
#include "train/molecule_query.h"
#include "train/set.h"

/* Fewer rows are not enough to learn from. */
#define FEWEST_ROWS 10

typedef struct TrainingData
{
	MoleculeQuery query;
	MoleculeQuery *validation_query;	/* of the rows to validate on; NULL: they are a part of the query's */
	TrainingSet set;			/* sorted */
	HnGraph    *graphs;			/* [set.count] */
	HnExample  *examples;		/* [set.count] that point into set */
	int			row_room;
	char	  **smiles;			/* by PackedMolecule.row; NULL for a MOL block */
	int64		rows;			/* that the query returned */
	int64		unlabelled;		/* of them, without any target */
	int64		invalid;		/* of them, no valid molecule */
	StringInfoData rejects;		/* the first of these, a JSON array of {"molecule", "reason"} */

	int		   *train;			/* [train_count] places in set */
	int			train_count;
	int		   *validation;		/* [validation_count] */
	int			validation_count;
} TrainingData;

/*
 * Read the rows of data->query, and of the validation query if there is one,
 * which were prepared, in the current memory context. A row that holds no valid molecule is counted, not an error; the
 * first are named in a NOTICE. Fewer than `fewest` usable rows are an error.
 */
extern void ReadTrainingData(TrainingData *data, const HnFeatureSet *features, int fewest);

/* SMILES of the molecule at a place of the set. */
extern const char *SmilesAt(const TrainingData *data, int place);

/* An error if both options "validation" and "validation_query" are given. */
extern void CheckValidation(const TextOrNumber *validation, const char *query);

typedef enum SplitKind
{
	SPLIT_NONE,					/* everything is learned from */
	SPLIT_RANDOM,				/* a share of the molecules */
	SPLIT_SCAFFOLD,				/* whole scaffolds, the rarest ones */
	SPLIT_QUERY					/* what the validation query returned */
} SplitKind;

/*
 * Divide the set: about `fraction` of it to validate on. A molecule that occurs
 * several times is on one side only, unless queries say otherwise, which a
 * NOTICE tells. Depends on the set and the seed alone.
 */
extern void SplitTrainingData(TrainingData *data, SplitKind kind, double fraction, uint64 seed);

/* SHA-256 of everything in the set, in its order and with its queries, with a text beside it. */
extern bytea *DigestTrainingData(const TrainingData *data, const char *text);

#endif
