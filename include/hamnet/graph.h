/*
 * graph.h: a molecule as the network sees it (model specification, section 1).
 */
#ifndef HAMNET_GRAPH_H
#define HAMNET_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#include "hamnet/context.h"
#include "hamnet/real.h"

/* A way to describe atoms and bonds by numbers; a model names the one it was trained with. */
typedef struct HnFeatureSet
{
	const char *name;
	int			atom_columns;
	int			bond_columns;
	double		least_mass;		/* of an atom; 0: as the specification says */
	bool		counts;			/* whether substructures of the molecule are counted as well */
	const struct HnFeatureSet *extends; /* its first atom columns and all its bond columns are those of this set; or NULL */
} HnFeatureSet;

/* The feature set of the paper's code: 34 atom columns, 10 bond columns. */
extern const HnFeatureSet hn_features_2021;

/*
 * The same and, after them, hydrogens and ring sizes: 46 atom columns, 10 bond
 * columns. No atom has less than 1 / 5 of the unit of mass, about that of boron:
 * the engine divides by squares of masses, and explicit hydrogens (0.02) make
 * its steps diverge, such as those of [H+].[Cl-].
 */
extern const HnFeatureSet hn_features_2026;

/* hamnet-2026, and counts of the molecule's substructures beside it. */
extern const HnFeatureSet hn_features_2026_counts;

/* The feature set of that name, or NULL. */
extern const HnFeatureSet *hn_feature_set(const char *name);

/* Whether a model of one set can be widened to read the other: equal, or extended, in one step or several. */
extern bool hn_features_extend(const HnFeatureSet *features, const HnFeatureSet *base);

/* Substructure counts are folded into so many columns. */
#define HN_COUNT_COLUMNS 4096

/*
 * How often each atom environment of up to two bonds (ECFP4: RDKit's Morgan
 * algorithm with radius 2) occurs, as the columns that are not zero.
 */
typedef struct HnCounts
{
	int			length;
	const uint16_t *columns;	/* [length] ascending, below HN_COUNT_COLUMNS */
	const uint8_t *counts;		/* [length] 1 to 255; what exceeds that is cut */
} HnCounts;

/*
 * One molecule, atoms in RDKit's canonical order, so that the arrays do not
 * depend on how the SMILES was written. n atoms, m bonds.
 */
typedef struct HnGraph
{
	const HnFeatureSet *features;
	int			atom_count;
	int			bond_count;
	int		   *source_atom;	/* [n] RDKit's index: place in the input, from 0,
								 * not counting hydrogens made implicit */
	unsigned char *element;		/* [n] atomic number, 0 for a dummy */
	int			(*bonds)[2];	/* [m] (u, v), u < v, sorted */
	real	   *atom_features;	/* [n, atom_columns] */
	real	   *bond_features;	/* [m, bond_columns] */
	real	   *mass;			/* [n] standard atomic weight / 50, at least features->least_mass; 1 for a dummy */
	HnCounts	counts;			/* length 0 unless features->counts */
} HnGraph;

/* A directed edge receiver <- sender. */
typedef struct HnEdge
{
	int			receiver;		/* atom of the batch */
	int			sender;			/* atom of the batch */
	int			bond;			/* bond of the batch */
} HnEdge;

/*
 * Several molecules as one graph without edges between them, so that every
 * matrix product of the network serves them all. N atoms, M bonds, B graphs.
 */
typedef struct HnBatch
{
	const HnFeatureSet *features;
	int			graph_count;	/* B */
	int			atom_count;		/* N */
	int			bond_count;		/* M */
	int			largest;		/* atoms of the largest graph */
	const int  *atom_offset;	/* [B + 1] atoms of graph g: offset[g] .. offset[g + 1] - 1 */
	const int  *graph_of_atom;	/* [N] */
	const int  (*bonds)[2];		/* [M] atoms of the batch */
	const HnEdge *edges;		/* [2M] grouped by receiver, senders ascending within */
	const int  *edge_offset;	/* [N + 1] edges that atom i receives */
	const real *atom_features;	/* [N, atom_columns] */
	const real *bond_features;	/* [M, bond_columns] */
	const real *mass;			/* [N] */
	const HnCounts *counts;		/* [B]; NULL unless features->counts */
} HnBatch;

/*
 * Join count >= 1 graphs of one feature set into a batch, allocated from the
 * context's arena. Arrays of a single graph are shared, not copied, so the
 * graphs must outlive the batch.
 *
 * HN_TOO_LARGE if the atoms or edges of all graphs exceed what an int counts.
 */
extern HnStatus hn_batch_build(HnContext *context, const HnGraph *graphs, int count, HnBatch *batch);

#endif
