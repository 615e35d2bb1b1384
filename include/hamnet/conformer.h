/*
 * conformer.h: coordinates of atoms, made by RDKit or read from MOL blocks,
 * in the order of the model's atoms.
 *
 * As in chem.h: no C++ exception leaves these functions, and two threads must
 * not be in them at once.
 */
#ifndef HAMNET_CONFORMER_H
#define HAMNET_CONFORMER_H

#include "hamnet/graph.h"

/* Atoms, hydrogens included, that a conformation is made of at most: the cost grows with the cube. */
#define HN_EMBED_ATOMS 200

/*
 * Make one conformation of a molecule by RDKit's ETKDGv3, refined by the MMFF94
 * force field where that has parameters for every atom, and write it as a V2000
 * MOL block (V3000 from 1,000 atoms or bonds). Atoms stand in the order of the
 * SMILES; the hydrogens that the calculation needs are left out of the result.
 * Fragments lie side by side.
 * One seed >= 0 gives one result for one RDKit and one SMILES.
 *
 * HN_NO_CONFORMER when no attempt gives coordinates: some molecules have none
 * that RDKit can find. HN_TOO_LARGE also beyond HN_EMBED_ATOMS atoms. The
 * interrupt callback is asked between attempts. Other errors as those of
 * hn_graph_from_smiles.
 */
extern HnStatus hn_embed(HnContext *context, const char *smiles, int seed, int max_atoms,
						 const char **molblock);

/*
 * Read a MOL block (V2000 or V3000) with 3D coordinates: the graph, as
 * hn_graph_from_smiles would give it for the same molecule with its
 * stereochemistry taken from the coordinates, and positions [n, 3] in angstrom
 * of its atoms in canonical order. Hydrogens are made implicit like those of a
 * SMILES.
 *
 * HN_INVALID_SMILES for a text that RDKit rejects or that is only 2D, with the
 * reason; HN_TOO_LARGE as hn_graph_from_smiles.
 */
extern HnStatus hn_graph_from_molblock(HnContext *context, const char *molblock,
									   const HnFeatureSet *features, int max_atoms,
									   HnGraph *graph, real **positions);

/*
 * Bring coordinates [count, 3], in angstrom and in the order of the atoms of
 * the SMILES that graph was made from, into canonical order: positions [n, 3].
 *
 * HN_INVALID_ARGUMENT unless count is the number of the graph's atoms and all
 * coordinates are finite. Hydrogens that were made implicit do not count.
 */
extern HnStatus hn_order_positions(HnContext *context, const HnGraph *graph,
								   const double *coordinates, int count, real **positions);

#endif
