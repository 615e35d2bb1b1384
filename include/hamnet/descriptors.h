/*
 * descriptors.h: numbers that describe a molecule without any training, by
 * RDKit: whole-molecule descriptors and counts of substructures. Heads of a
 * model may use them beside the fingerprint.
 *
 * As in chem.h: no C++ exception leaves these functions, and two threads must
 * not be in them at once.
 */
#ifndef HAMNET_DESCRIPTORS_H
#define HAMNET_DESCRIPTORS_H

#include <stdbool.h>
#include <stdint.h>

#include "hamnet/graph.h"

/*
 * A fixed list of descriptors; a model names the one its heads were trained
 * with. A list never changes: another list gets another name. The values are
 * those of the RDKit that hamnet is linked to.
 */
typedef struct HnDescriptorSet
{
	const char *name;
	int			count;
	const char *const *names;	/* [count], as in RDKit's Python module Descriptors, or in geometry.h */
} HnDescriptorSet;

/* RDKit's two-dimensional descriptors. */
extern const HnDescriptorSet hn_descriptors_rdkit_2d;

/*
 * The same, then those of geometry.h of one conformation, which takes a hundred
 * times as long: NaN for a molecule that has none.
 */
extern const HnDescriptorSet hn_descriptors_conformer;

/* The descriptor set of that name, or NULL. */
extern const HnDescriptorSet *hn_descriptor_set(const char *name);

/* What is needed of a molecule beside its graph: by heads, or to divide molecules by their scaffolds. */
typedef struct HnNeeds
{
	const HnDescriptorSet *descriptors; /* NULL: none */
	bool		counts;
	bool		scaffold;
} HnNeeds;

typedef struct HnDescription
{
	real	   *descriptors;	/* [set->count] NaN where RDKit gives no finite value; NULL if not needed */
	HnCounts	counts;			/* length 0 if not needed */
	const char *scaffold;		/* as hn_scaffold gives it; NULL if not needed */
} HnDescription;

/*
 * Parse a SMILES once for all that a model needs of it: the graph by a feature
 * set, unless graph is NULL, and what needs says. Memory comes from the
 * context's arena. Errors as those of hn_graph_from_smiles.
 *
 * Descriptors that take the cube of the number of atoms are NaN beyond
 * HN_CUBIC_ATOMS atoms. Both results depend on the molecule only, not on how
 * its SMILES is written, up to the last digits of sums.
 */
extern HnStatus hn_describe_smiles(HnContext *context, const char *smiles,
								   const HnFeatureSet *features, HnNeeds needs, int max_atoms,
								   HnGraph *graph, HnDescription *description);

#define HN_CUBIC_ATOMS 200

/*
 * One descriptor of hn_descriptors_rdkit_2d, by its place in names: the same
 * value, computed with as few others as RDKit allows. Errors as above.
 */
extern HnStatus hn_describe_one(HnContext *context, const char *smiles, int descriptor, int max_atoms, double *value);

#endif
