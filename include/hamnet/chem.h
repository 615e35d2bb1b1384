/*
 * chem.h: chemistry, done by RDKit behind this C interface.
 *
 * No C++ exception leaves these functions; RDKit's own words become the
 * context's message. Results are allocated from the context's arena.
 *
 * RDKit's logs are redirected during a call, so two threads must not be in
 * these functions at once.
 */
#ifndef HAMNET_CHEM_H
#define HAMNET_CHEM_H

#include "hamnet/graph.h"

/*
 * Parse and sanitise one SMILES and describe it by a feature set.
 *
 * White space around the SMILES is ignored. Anything after white space within
 * it is an error: a name, a second molecule or a CXSMILES extension would
 * otherwise be dropped in silence. Positions in messages count from 1, atoms
 * from 0. Atom-map numbers belong to a reaction, not to the molecule, and are
 * dropped.
 *
 * HN_INVALID_SMILES with RDKit's reason; HN_TOO_LARGE beyond max_atoms atoms
 * (hydrogens that RDKit makes implicit do not count), beyond 32 * max_atoms +
 * 1024 bytes, 6 bonds for each atom or 64 at one atom. The limits are checked
 * before the steps whose cost could explode; with 1,000 atoms these can take a
 * second, and the interrupt callback is asked only between them.
 */
extern HnStatus hn_graph_from_smiles(HnContext *context, const char *smiles,
									 const HnFeatureSet *features, int max_atoms,
									 HnGraph *graph);

/* RDKit's canonical isomeric SMILES, with atom-map numbers if asked. Errors as above. */
extern HnStatus hn_canonical_smiles(HnContext *context, const char *smiles, bool atom_maps,
									int max_atoms, const char **canonical);

/*
 * The Murcko scaffold of a molecule, its rings and the chains between them, as
 * SMILES without stereochemistry; "" for a molecule without rings. Errors as
 * above.
 */
extern HnStatus hn_scaffold(HnContext *context, const char *smiles, int max_atoms, const char **scaffold);

/* Symbol of an atomic number, "*" for 0, "?" beyond the periodic table. */
extern const char *hn_element_symbol(int atomic_number);

/* RDKit's version, as "2022.09.3". */
extern const char *hn_rdkit_version(void);

#endif
