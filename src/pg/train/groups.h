/*
 * train/groups.h: molecules that stay on one side of a division, and which of
 * them to hold out.
 */
#ifndef HAMNET_TRAIN_GROUPS_H
#define HAMNET_TRAIN_GROUPS_H

#include "train/data.h"

/* Rows of the set that stay together: of equal molecules, or of those of one scaffold. */
typedef struct MoleculeGroup
{
	uint64		key;			/* what they share */
	uint64		rank;			/* order of groups that are alike otherwise, by the seed */
	int			size;
	const int  *rows;			/* [size] indexes into the set, ascending */
	bool		held_out;
	int			fold;			/* -1: none */
} MoleculeGroup;

/* Make the groups of rows with equal keys [data->set.count], in the order of their ranks. */
extern MoleculeGroup *MakeGroups(const TrainingData *data, const uint64 *keys, uint64 seed, int *count);

/* Bring groups into the order of their sizes, the smallest first. */
extern void OrderBySize(MoleculeGroup *groups, int count);

/*
 * Hold out groups with about `wanted` rows together, at least one and not all:
 * in their order those that fit, and another if that comes nearer to what is
 * wanted. A label above a target's mean stays outside, and one that is not above, where
 * groups allow it: both classes of a class, and different values of a number.
 */
extern void HoldOut(const TrainingData *data, MoleculeGroup *groups, int count, int wanted);

/*
 * Deal groups to folds, those at the end first: each to the fold that has least
 * of the labels that it brings, and of rows. The only group with a kind of label,
 * on one side of a target's mean, is dealt to none.
 */
extern void DealToFolds(const TrainingData *data, MoleculeGroup *groups, int count, int folds);

#endif
