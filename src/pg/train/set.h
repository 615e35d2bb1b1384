/*
 * train/set.h: molecules with what is to be learned from them, in one
 * block of memory without pointers, which can lie in shared memory.
 */
#ifndef HAMNET_TRAIN_SET_H
#define HAMNET_TRAIN_SET_H

#include "hamnet/training.h"

/*
 * Molecules one after another, each a PackedMolecule with its arrays. What
 * a molecule needs beside its graph is either targets or one conformation.
 */
typedef struct TrainingSet
{
	const HnFeatureSet *features;
	int			target_count;	/* of each molecule; 0 where conformations are learned */
	int			count;
	int			max_offsets;	/* allocated */
	Size	   *offsets;		/* [count] of the molecules in data */
	Size		size;			/* of data in use */
	Size		capacity;
	char	   *data;
} TrainingSet;

typedef struct PackedMolecule
{
	uint64		graph_hash;		/* the same for every spelling of a molecule */
	uint64		label_hash;
	int32		atom_count;
	int32		bond_count;
	int32		target_count;	/* 0: a conformation */
	int32		count_length;	/* columns of substructure counts; 0 unless the features have them */
	int32		row;			/* where it came from, for the caller */
	int32		source;			/* which of several queries that was, for the caller */
} PackedMolecule;

/* Begin an empty set in the current memory context. */
extern void InitTrainingSet(TrainingSet *set, const HnFeatureSet *features, int target_count);

/*
 * Add a molecule with its targets [target_count], or its positions [n, 3]. An
 * error once the set is larger than hamnet.training_memory.
 */
extern void AddMolecule(TrainingSet *set, const HnGraph *graph, int row, int source, const double *targets,
						const real *positions);

/*
 * Order the molecules by what they are, so that a set does not depend on the
 * order in which a query returned its rows. Equal molecules become neighbours.
 */
extern void SortTrainingSet(TrainingSet *set);

/* Return molecule i. */
extern PackedMolecule *GetMolecule(const TrainingSet *set, int i);

/* Return the targets [target_count] of molecule i. */
extern double *MoleculeTargets(const TrainingSet *set, int i);

/* Let an example and its graph point to molecule i, whose number that becomes. */
extern void PointExample(const TrainingSet *set, int i, HnGraph *graph, HnExample *example);

/* Return the SHA-256 of everything in the set, in its order and with its queries, with a text beside it. */
extern bytea *DigestTrainingSet(const TrainingSet *set, const char *text);

#endif
