/*
 * train/descriptions.h: what a training keeps of molecules beside their graphs, so
 * that each is parsed once.
 */
#ifndef HAMNET_TRAIN_DESCRIPTIONS_H
#define HAMNET_TRAIN_DESCRIPTIONS_H

#include "hamnet/predict.h"

#include "server/core.h"
#include "train/set.h"

typedef struct Descriptions
{
	HnNeeds		needs;			/* what is kept, set before the first is added */
	int			count;
	int			capacity;		/* of each array */
	bool	   *valid;			/* [count] false for a molecule that cannot be described */
	real	   *descriptors;	/* [count, needs.descriptors->count] */
	HnCounts   *counts;			/* [count] */
	uint64	   *scaffolds;		/* [count] a hash of each */
} Descriptions;

/* Add what was described of the next row, NULL if it could not be. */
extern void AddDescription(Descriptions *descriptions, const HnDescription *description);

/* Bring the descriptions from the order of rows into that of a set. */
extern void OrderDescriptions(Descriptions *descriptions, const TrainingSet *set);

/* Return descriptors and counts as heads read them, without fingerprints. */
extern HnInputs DescribedInputs(const Descriptions *descriptions);

#endif
