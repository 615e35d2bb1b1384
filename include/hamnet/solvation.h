/*
 * solvation.h: a molecule in a solvent that is a continuum, from positions and
 * charges alone.
 */
#ifndef HAMNET_SOLVATION_H
#define HAMNET_SOLVATION_H

#include "hamnet/context.h"

typedef struct HnAtoms
{
	int			count;
	const double *positions;	/* [count, 3] in Å */
	const unsigned char *elements;	/* [count] atomic numbers */
} HnAtoms;

/*
 * The electrostatic energy of solvation in kcal/mol, by the generalised Born
 * model with the radii of Hawkins, Cramer and Truhlar (J. Phys. Chem. 100, 1996,
 * 19824): charges [count] in a solvent of dielectric constant epsilon >= 1. NaN
 * where a charge is.
 */
extern HnStatus hn_born_energy(HnContext *context, const HnAtoms *atoms, const double *charges,
							   double epsilon, double *energy);

/*
 * areas[i] in Å²: the surface of atom i that a sphere of 1.4 Å can touch with
 * its centre (Shrake and Rupley), by 960 points of a Fibonacci lattice an atom.
 */
extern HnStatus hn_accessible_areas(HnContext *context, const HnAtoms *atoms, double *areas);

#endif
