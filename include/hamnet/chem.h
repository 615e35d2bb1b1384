/*
 * chem.h: chemistry, done by RDKit behind this C interface.
 *
 * No C++ exception leaves these functions; RDKit's own words become the
 * context's message. Strings are allocated from the context's arena.
 */
#ifndef HAMNET_CHEM_H
#define HAMNET_CHEM_H

#include "hamnet/graph.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Parse and sanitise a SMILES and describe it by a feature set.
 *
 * HN_INVALID_SMILES with RDKit's reason; HN_TOO_LARGE beyond max_atoms atoms,
 * or beyond the lengths and bond counts that no molecule of max_atoms atoms
 * reaches. Both limits are checked before the steps whose cost could explode.
 */
extern HnStatus hn_graph_from_smiles(HnContext *context, const char *smiles,
									 const HnFeatureSet *features, int max_atoms,
									 HnGraph *graph);

/* RDKit's canonical isomeric SMILES. Errors as above. */
extern HnStatus hn_canonical_smiles(HnContext *context, const char *smiles,
									int max_atoms, const char **canonical);

/* Symbol of an atomic number, "*" for 0. */
extern const char *hn_element_symbol(int atomic_number);

/* RDKit's version, as "2022.09.3". */
extern const char *hn_rdkit_version(void);

#ifdef __cplusplus
}
#endif

#endif
