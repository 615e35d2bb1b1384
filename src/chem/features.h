/*
 * features.h: from facts about atoms and bonds to rows of a feature set.
 *
 * The chemistry library states the facts; what a model sees of them is decided
 * here, so that a feature set can be read in one place.
 */
#ifndef HAMNET_FEATURES_H
#define HAMNET_FEATURES_H

#include "hamnet/graph.h"

typedef enum HnHybridisation
{
	HN_SP,
	HN_SP2,
	HN_SP3,
	HN_SP3D,
	HN_SP3D2,
	HN_HYBRIDISATION_OTHER
} HnHybridisation;

typedef enum HnBondType
{
	HN_BOND_SINGLE,
	HN_BOND_DOUBLE,
	HN_BOND_TRIPLE,
	HN_BOND_AROMATIC,
	HN_BOND_OTHER
} HnBondType;

typedef enum HnBondStereo
{
	HN_STEREO_NONE,
	HN_STEREO_ANY,
	HN_STEREO_Z,
	HN_STEREO_E
} HnBondStereo;

typedef struct HnAtomFacts
{
	int			element;		/* atomic number, 0 for a dummy */
	int			degree;			/* neighbours in the graph */
	int			charge;
	int			radicals;		/* unpaired electrons */
	HnHybridisation hybridisation;
	bool		aromatic;
	char		cip;			/* 'R', 'S', or 0 */
	bool		chirality_possible;
	int			hydrogens;		/* implicit, explicit, and neighbours in the graph */
	int			ring_size;		/* of the smallest ring that it is in; 0 outside of rings */
} HnAtomFacts;

typedef struct HnBondFacts
{
	HnBondType	type;
	bool		conjugated;
	bool		in_ring;
	HnBondStereo stereo;
} HnBondFacts;

/* Whether a row of atom features, of any set, is that of an atom of this hybridisation. */
extern bool hn_has_hybridisation(const real *row, HnHybridisation hybridisation);

/* Write the features of an atom to row [atom_columns], which holds zeros. */
extern void hn_encode_atom(const HnFeatureSet *features, const HnAtomFacts *atom, real *row);

/* Write the features of a bond to row [bond_columns], which holds zeros. */
extern void hn_encode_bond(const HnFeatureSet *features, const HnBondFacts *bond, real *row);

#endif
