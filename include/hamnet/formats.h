/*
 * formats.h: molecules from and to other formats than SMILES.
 *
 * As in chem.h: no C++ exception leaves these functions, and two threads must
 * not be in them at once. Texts are in the context's arena.
 */
#ifndef HAMNET_FORMATS_H
#define HAMNET_FORMATS_H

#include "hamnet/context.h"

/* A function from one text to another, such as those below. */
typedef HnStatus HnConvert(HnContext *context, const char *input, int max_atoms, const char **result);

/*
 * Read a MOL block (V2000 or V3000): the canonical SMILES of its molecule, its
 * stereochemistry taken from wedges, or from three-dimensional coordinates.
 * What follows the block, as in a record of an SD file, is ignored.
 *
 * HN_INVALID_SMILES for a text that RDKit rejects, with the reason, and for one
 * without atoms; HN_TOO_LARGE as hn_graph_from_smiles.
 */
extern HnStatus hn_smiles_from_molblock(HnContext *context, const char *molblock, int max_atoms, const char **smiles);

/* Atoms that are laid out at most: it takes seconds, and cannot be interrupted. */
#define HN_LAYOUT_ATOMS 1000

/*
 * A MOL block with two-dimensional coordinates, atoms in the order of the
 * SMILES: V2000, or V3000 from 1,000 atoms or bonds. Errors as
 * hn_graph_from_smiles, HN_TOO_LARGE also beyond HN_LAYOUT_ATOMS.
 */
extern HnStatus hn_molblock_from_smiles(HnContext *context, const char *smiles, int max_atoms, const char **molblock);

/* The molecular formula in the order of Hill, with the charge. Errors as hn_graph_from_smiles. */
extern HnStatus hn_formula(HnContext *context, const char *smiles, int max_atoms, const char **formula);

#endif
