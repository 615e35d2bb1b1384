/*
 * explain.h: which atoms a prediction comes from.
 *
 * The only thing asked of what is explained is that it predicts molecules: parts
 * of the molecule are predicted, and contributions are fitted to what is lost
 * with the rest. So it serves heads of every kind, and fingerprints too.
 *
 * The parts are, for each atom: the molecule without it, the molecule without it and
 * its neighbours, and it and its neighbours alone. Bonds that are
 * cut end in hydrogens. Contributions c of the atoms minimise
 *
 *		Σ over parts (value - value of the part - Σ c of the removed)² + Σ c²
 *
 * under Σ c = value - baseline. Atoms that are equivalent but for stereochemistry get their mean.
 */
#ifndef HAMNET_EXPLAIN_H
#define HAMNET_EXPLAIN_H

#include <stdbool.h>

#include "hamnet/context.h"

/* The molecule whose value is the baseline: methane, what is left of an organic molecule without its groups. */
#define HN_BASELINE_SMILES "C"

/* Atoms at most: the cost grows with the square. */
#define HN_EXPLAIN_ATOMS 300

/* A molecule and its parts. Everything depends on the molecule only, not on how its SMILES is written, but for source_atom. */
typedef struct HnParts
{
	int			atom_count;		/* n, in the order of the canonical SMILES */
	const char *smiles;			/* canonical */
	int		   *source_atom;	/* [n] place in the input, from 0 */
	unsigned char *element;		/* [n] atomic number, 0 for a dummy */
	int		   *symmetry;		/* [n] equal for equivalent atoms, below n */
	int			count;
	bool	   *removed;		/* [count, n] */
	const char **parts;			/* [count] canonical SMILES; NULL: nothing is left */
} HnParts;

/* Cut a molecule. Parts that RDKit rejects are left out. Errors as hn_graph_from_smiles, HN_TOO_LARGE also beyond HN_EXPLAIN_ATOMS. */
extern HnStatus hn_cut_parts(HnContext *context, const char *smiles, int max_atoms, HnParts *parts);

/*
 * Contributions [n] of the atoms, in canonical order, from the values of the molecule, of the
 * baseline and of the parts [count], NaN where one has none. They add up to value - baseline, to rounding.
 */
extern HnStatus hn_fit_contributions(HnContext *context, const HnParts *parts, double value, double baseline,
									 const double *part_values, double *contributions);

#endif
