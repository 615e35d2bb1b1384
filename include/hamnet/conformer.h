/*
 * conformer.h: coordinates of atoms, made by RDKit or read from MOL blocks,
 * in the order of the model's atoms.
 *
 * As in chem.h: no C++ exception leaves these functions, and two threads must
 * not be in them at once.
 */
#ifndef HAMNET_CONFORMER_H
#define HAMNET_CONFORMER_H

#include "hamnet/ensemble.h"
#include "hamnet/graph.h"

/* Atoms, hydrogens included, that a conformation is made of at most: the cost grows with the cube. */
#define HN_EMBED_ATOMS 200

/*
 * Make one conformation of a molecule by RDKit's ETKDGv3, refined by the MMFF94
 * force field where that has parameters for every atom, else by UFF where that
 * has, and write it as a V2000 MOL block (V3000 from 1,000 atoms or bonds). Atoms stand in the order of the
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

/* Attempts to embed, for each conformation that is wanted, and at least. */
#define HN_ATTEMPTS_PER_CONFORMATION 2
#define HN_ATTEMPTS_LEAST 60

/* Conformations that an ensemble may be made of. */
#define HN_CONFORMATIONS_MAX 1000

/* Symmetries that conformations of one molecule are compared under, and two MOL blocks. */
#define HN_ENSEMBLE_SYMMETRIES 64
#define HN_RMSD_SYMMETRIES 10000

/* Defaults of a selection: kcal/mol above the lowest, and Å below which two conformations are one. */
#define HN_WINDOW 10
#define HN_RMSD 0.5

typedef struct HnConformerOptions
{
	HnSelectionRule rule;
	int			conformations;	/* made; 0: 50, 200 or 300 by the number of rotatable bonds */
	int			seed;			/* >= 0 */
	double		epsilon;		/* dielectric constant of the solvent; 1: none */
	bool		hydrogens;		/* whether results have them */
} HnConformerOptions;

typedef struct HnConformer
{
	double		energy;			/* kcal/mol, NaN: the force fields do not know the molecule */
	double		weight;			/* of all conformations that were kept these sum to 1 */
	const double *positions;	/* [atom_count, 3] in Å, in the order of the SMILES, hydrogens last */
	const char *molblock;
} HnConformer;

typedef struct HnConformers
{
	int			atom_count;		/* with hydrogens if these are wanted */
	const unsigned char *elements;	/* [atom_count] atomic numbers */
	int			count;
	const HnConformer *members;	/* [count] by energy */
	int			made;			/* conformations that passed all checks */
	int			kept;			/* of these, without repetitions and what lies too high */
	bool		complete;		/* false: more symmetries than were compared */
} HnConformers;

/*
 * Make many conformations of a molecule by ETKDGv3, relax each by MMFF94 (UFF
 * where that lacks parameters), leave out what is no structure of the molecule
 * (bond lengths, flat rings, contacts, stereochemistry), and choose from the
 * rest by hn_ensemble_select, under the molecule's symmetries and without its
 * hydrogens. With a solvent, its generalised-Born term is part of the energies.
 * The third line of a MOL block names the force field.
 *
 * One seed gives one result for one RDKit and one molecule, however its SMILES
 * is written. Errors as those of hn_embed; HN_NO_CONFORMER also when no conformation passes the checks, and
 * then says which failed last.
 */
extern HnStatus hn_conformers(HnContext *context, const char *smiles, const HnConformerOptions *options,
							  int max_atoms, HnConformers *conformers);

/*
 * The RMSD in Å of the heavy atoms of two MOL blocks of one molecule: see
 * hn_symmetric_rmsd. Charges and double bonds that resonance exchanges are
 * equal, and so are enantiomers, which are compared as they lie.
 *
 * *complete is false if there are more than HN_RMSD_SYMMETRIES ways to lay one
 * molecule on the other. HN_INVALID_ARGUMENT if the molecules differ.
 */
extern HnStatus hn_molblock_rmsd(HnContext *context, const char *a, const char *b, int max_atoms,
								 double *distance, bool *complete);

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

/*
 * Check that positions [n, 3] in canonical order can be those of the graph's
 * molecule: no two atoms in one place, no bond of absurd length, and no branched
 * molecule in a plane, which is a drawing that is marked as three-dimensional.
 * Atoms in messages count from 0, in the order of the input.
 *
 * HN_INVALID_ARGUMENT with the reason.
 */
extern HnStatus hn_check_positions(HnContext *context, const HnGraph *graph, const real *positions);

#endif
