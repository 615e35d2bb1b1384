/*
 * standardize.h: one form of a molecule for the many that libraries have it in,
 * by RDKit's MolStandardize: what exactly is changed depends on RDKit's version.
 *
 * As in chem.h: no C++ exception leaves these functions, and two threads must
 * not be in them at once. All return canonical SMILES without atom-map numbers,
 * in the context's arena, and fail as hn_graph_from_smiles does.
 */
#ifndef HAMNET_STANDARDIZE_H
#define HAMNET_STANDARDIZE_H

#include "hamnet/context.h"

typedef enum HnStandard
{
	HN_AS_GIVEN,				/* nothing is changed */
	HN_CLEAN,					/* hn_clean */
	HN_PARENT					/* hn_parent with isotopes and stereochemistry */
} HnStandard;

/* Bring a SMILES into a standard; as given, it is returned as it is and not read. */
extern HnStatus hn_standardize(HnContext *context, const char *smiles, HnStandard standard, int max_atoms,
							   const char **standardized);

/*
 * RDKit's cleanup: bonds of metals to N, O and F become charges, functional
 * groups are written in one way (normalised), and of several acids the
 * strongest is the one that is ionised.
 */
extern HnStatus hn_clean(HnContext *context, const char *smiles, int max_atoms, const char **cleaned);

/*
 * The largest organic fragment of the cleaned molecule, uncharged as far as
 * hydrogens can do it: RDKit's charge parent. Isotopes and stereochemistry are
 * kept or removed.
 */
extern HnStatus hn_parent(HnContext *context, const char *smiles, bool isotopes, bool stereo, int max_atoms,
						  const char **parent);

/*
 * RDKit's canonical tautomer, of those that its enumeration comes to within its
 * limits: 1,000 tautomers and 1,000 transformations. Where it is not complete,
 * the choice still does not depend on the spelling. Stereochemistry that
 * another tautomer has not is removed. The interrupt callback is asked at every
 * transformation.
 */
extern HnStatus hn_tautomer(HnContext *context, const char *smiles, int max_atoms, const char **tautomer);

#endif
