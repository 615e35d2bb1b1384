/*
 * features.c: the feature sets (model specification, section 1).
 */
#include "features.h"

#include <string.h>

/*
 * Columns of hamnet-2021, and after them those that hamnet-2026 has as well.
 * One-hot blocks use their last slot for anything that is not listed.
 */
enum
{
	ATOM_ELEMENT = 0,			/* 16 */
	ATOM_DEGREE = 16,			/* 6 */
	ATOM_CHARGE = 22,
	ATOM_RADICALS,
	ATOM_HYBRIDISATION,			/* 6 */
	ATOM_AROMATIC = 30,
	ATOM_CIP_R,
	ATOM_CIP_S,
	ATOM_CHIRALITY_POSSIBLE,
	ATOM_COLUMNS_2021,
	ATOM_HYDROGENS = ATOM_COLUMNS_2021, /* 5 */
	ATOM_RING_SIZE = ATOM_HYDROGENS + 5,	/* 6; none is set outside of rings */
	ATOM_IN_RING = ATOM_RING_SIZE + 6,
	ATOM_COLUMNS_2026
};

enum
{
	BOND_TYPE = 0,				/* 4; none is set for other types */
	BOND_CONJUGATED = 4,
	BOND_IN_RING,
	BOND_STEREO,				/* 4 */
	BOND_COLUMNS = 10
};

/* B C N O F Si P S Cl As Se Br Te I At; the 16th slot is for all others. */
static const unsigned char listed_elements[] = {
	5, 6, 7, 8, 9, 14, 15, 16, 17, 33, 34, 35, 52, 53, 85
};

#define ELEMENT_OTHER ((int) sizeof(listed_elements))
#define DEGREE_OTHER 5
#define MOST_HYDROGENS 4
#define SMALLEST_RING 3
#define LARGEST_RING 8

const HnFeatureSet hn_features_2021 = {"hamnet-2021", ATOM_COLUMNS_2021, BOND_COLUMNS, 0, false, NULL};
const HnFeatureSet hn_features_2026 = {"hamnet-2026", ATOM_COLUMNS_2026, BOND_COLUMNS, 0.2, false, &hn_features_2021};
const HnFeatureSet hn_features_2026_counts = {
	"hamnet-2026-counts", ATOM_COLUMNS_2026, BOND_COLUMNS, 0.2, true, &hn_features_2026
};

static const HnFeatureSet *const feature_sets[] = {&hn_features_2021, &hn_features_2026, &hn_features_2026_counts};

const HnFeatureSet *
hn_feature_set(const char *name)
{
	for (size_t i = 0; i < sizeof(feature_sets) / sizeof(feature_sets[0]); i++)
	{
		if (strcmp(feature_sets[i]->name, name) == 0)
			return feature_sets[i];
	}
	return NULL;
}

bool
hn_features_extend(const HnFeatureSet *features, const HnFeatureSet *base)
{
	while (features && features != base)
		features = features->extends;
	return features != NULL;
}

static int
element_slot(int element)
{
	int			slot = 0;

	while (slot < ELEMENT_OTHER && listed_elements[slot] != element)
		slot++;
	return slot;
}

/* What hamnet-2026 adds. */
static void
encode_surroundings(const HnAtomFacts *atom, real *row)
{
	row[ATOM_HYDROGENS + (atom->hydrogens < MOST_HYDROGENS ? atom->hydrogens : MOST_HYDROGENS)] = 1;
	if (atom->ring_size == 0)
		return;
	row[ATOM_RING_SIZE + (atom->ring_size < LARGEST_RING ? atom->ring_size : LARGEST_RING) - SMALLEST_RING] = 1;
	row[ATOM_IN_RING] = 1;
}

void
hn_encode_atom(const HnFeatureSet *features, const HnAtomFacts *atom, real *row)
{
	row[ATOM_ELEMENT + element_slot(atom->element)] = 1;
	row[ATOM_DEGREE + (atom->degree < DEGREE_OTHER ? atom->degree : DEGREE_OTHER)] = 1;
	row[ATOM_CHARGE] = (real) atom->charge;
	row[ATOM_RADICALS] = (real) atom->radicals;
	row[ATOM_HYBRIDISATION + atom->hybridisation] = 1;
	row[ATOM_AROMATIC] = atom->aromatic;
	row[ATOM_CIP_R] = atom->cip == 'R';
	row[ATOM_CIP_S] = atom->cip == 'S';
	row[ATOM_CHIRALITY_POSSIBLE] = atom->chirality_possible;
	if (features->atom_columns == ATOM_COLUMNS_2026)
		encode_surroundings(atom, row);
}

bool
hn_has_hybridisation(const real *row, HnHybridisation hybridisation)
{
	return row[ATOM_HYBRIDISATION + hybridisation] != 0;
}

void
hn_encode_bond(const HnFeatureSet *features, const HnBondFacts *bond, real *row)
{
	(void) features;			/* all sets describe bonds alike */

	if (bond->type != HN_BOND_OTHER)
		row[BOND_TYPE + bond->type] = 1;
	row[BOND_CONJUGATED] = bond->conjugated;
	row[BOND_IN_RING] = bond->in_ring;
	row[BOND_STEREO + bond->stereo] = 1;
}
