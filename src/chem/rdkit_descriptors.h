/*
 * rdkit_descriptors.h: descriptors that RDKit has, too, but that are computed
 * here because a list of all of them asks for them together. Each gives the
 * numbers of RDKit's functions, in a fraction of their time.
 */
#ifndef HAMNET_RDKIT_DESCRIPTORS_H
#define HAMNET_RDKIT_DESCRIPTORS_H

#include <vector>

#include <GraphMol/ROMol.h>

namespace hamnet
{

using Values = std::vector<double>;

/*
 * Chi1n, Chi1v, Chi2n, Chi2v, Chi3n, Chi3v, Chi4n, Chi4v, HallKierAlpha,
 * Kappa1, Kappa2, Kappa3: all that walks along paths, in one walk.
 */
Values path_descriptors(const RDKit::ROMol &mol);

/*
 * BCUT2D: largest and smallest eigenvalue of the matrix of bonds with each of
 * the properties (mass, charge, contribution to logP and to the refractivity)
 * on its diagonal.
 */
Values burden_descriptors(const RDKit::ROMol &mol);

}								/* namespace hamnet */

#endif
