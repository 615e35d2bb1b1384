/*
 * geometry.h: numbers that describe a conformation: its shape, its surface, and
 * what a solvent makes of its charges.
 *
 * As in chem.h: no C++ exception leaves these functions, and two threads must
 * not be in them at once.
 */
#ifndef HAMNET_GEOMETRY_H
#define HAMNET_GEOMETRY_H

#include "hamnet/context.h"

#define HN_SHAPE_DIM 60

/* Identity of the shapes below, in place of a model's: the first 32 bits of the SHA-256 of "usrcat-a". */
#define HN_SHAPE_TAG 0xf1298b0fu

/*
 * The shape of a MOL block's heavy atoms: USRCAT (Schreyer and Blundell, J.
 * Cheminf. 4, 2012, 27), the mean, deviation and skewness of distances from
 * four points, of all atoms and of those that are hydrophobic, aromatic,
 * acceptors and donors; each divided by its standard deviation over conformers
 * of a library. The divisors never change: others would be another "usrcat-".
 *
 * HN_INVALID_SMILES with fewer than three heavy atoms. Other errors as those of
 * hn_graph_from_molblock.
 */
extern HnStatus hn_shape(HnContext *context, const char *molblock, int max_atoms, float shape[HN_SHAPE_DIM]);

/* The descriptor set conformer-a. Its numbers never change: others would be another "conformer-". */
#define HN_GEOMETRY_COUNT 11
#define HN_POLAR_SURFACE 7		/* place of the polar surface */

extern const char *const hn_geometry_names[HN_GEOMETRY_COUNT];

/*
 * The numbers of hn_geometry_names for a MOL block; hydrogens that it leaves out
 * are placed by RDKit. NaN where a number needs charges that MMFF94, or
 * Gasteiger's method, does not have. Energies in kcal/mol, areas in Å², charges
 * in e, the dipole in debye, from the centroid. HN_TOO_LARGE beyond
 * HN_EMBED_ATOMS atoms. Other errors as those of hn_graph_from_molblock.
 */
extern HnStatus hn_geometry_descriptors(HnContext *context, const char *molblock, int max_atoms,
										double values[HN_GEOMETRY_COUNT]);

/*
 * The same of one conformation of a SMILES, which does not depend on how it is
 * written. HN_NO_CONFORMER where there is none.
 */
extern HnStatus hn_conformer_descriptors(HnContext *context, const char *smiles, int max_atoms,
										 double values[HN_GEOMETRY_COUNT]);

#endif
