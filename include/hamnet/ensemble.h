/*
 * ensemble.h: the conformations of one molecule: how far they are from one
 * another, which of them to keep, and how much each counts.
 */
#ifndef HAMNET_ENSEMBLE_H
#define HAMNET_ENSEMBLE_H

#include "hamnet/context.h"
#include "hamnet/real.h"

/*
 * The ways in which the atoms of a molecule can be exchanged for one another
 * without changing it, the identity first.
 */
typedef struct HnSymmetries
{
	int			count;
	int			atom_count;
	const int  *images;			/* [count, atom_count] the atom that each atom becomes */
	int			fragment_count;
	const int  *fragments;		/* [atom_count] the fragment that each atom belongs to */
	bool		complete;		/* false: there are more than were looked for */
} HnSymmetries;

/*
 * The distance of two conformations a, b [n, 3] of one molecule in Å: root mean
 * square over atoms, after the best proper rotation and under the best of the
 * symmetries, so that it depends on neither orientation nor numbering. Each
 * fragment of a salt or a mixture is laid on its counterpart by itself.
 */
extern HnStatus hn_symmetric_rmsd(HnContext *context, const HnSymmetries *symmetries,
								  const real *a, const real *b, double *distance);

typedef struct HnEnsemble
{
	int			count;			/* conformations */
	const real *positions;		/* [count, atom_count, 3] in Å */
	const double *energies;		/* [count] in kcal/mol; all NaN if unknown */
	const HnSymmetries *symmetries;
} HnEnsemble;

typedef enum HnPick
{
	HN_PICK_SPREAD,				/* start from the lowest, then add the one farthest from those picked */
	HN_PICK_LOWEST				/* in order of energy */
} HnPick;

typedef struct HnSelectionRule
{
	int			count;			/* picked at most, > 0 */
	double		window;			/* above the lowest energy, kcal/mol */
	double		rmsd;			/* conformations closer than this are one, Å */
	HnPick		pick;
} HnSelectionRule;

typedef struct HnSelection
{
	int			kept;			/* conformations within the window that are no repetitions */
	int			count;			/* picked from them */
	const int  *members;		/* [count] in order of energy */
	const double *weights;		/* [count]; those of all kept sum to 1 */
} HnSelection;

/*
 * Choose from an ensemble: leave out what lies beyond the window or repeats a
 * conformation of lower energy, weigh what is left, and pick from that.
 *
 * A weight is proportional to exp(−β (E − min E) / RT) at 298 K with β = 0.4.
 * The factor damps: energies of a force field tell high from low, but order
 * conformations within 1 to 2 kcal/mol no better than chance, so that undamped
 * populations would be noise. Without energies all weights are equal.
 *
 * HN_INTERRUPTED between conformations.
 */
extern HnStatus hn_ensemble_select(HnContext *context, const HnEnsemble *ensemble,
								   const HnSelectionRule *rule, HnSelection *selection);

#endif
