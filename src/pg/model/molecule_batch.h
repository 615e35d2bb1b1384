/*
 * model/molecule_batch.h: many molecules through the network, batch by batch.
 */
#ifndef HAMNET_MODEL_MOLECULE_BATCH_H
#define HAMNET_MODEL_MOLECULE_BATCH_H

#include "server/core.h"
#include "hamnet/standardize.h"
#include "hamnet/predict.h"

/* Molecules to compute, by SMILES or as they were parsed before. */
typedef struct Molecules
{
	int			count;
	const char *const *smiles;	/* [count] NULL where one is passed over; or NULL */
	HnStandard	standard;		/* that each SMILES is brought into */
	const int  *indexes;		/* [count] of the parsed molecules in the arrays below; NULL: all of them */
	const HnGraph *graphs;
	const HnInputs *described;	/* their descriptors and counts, where any are needed */
	const bool *valid;			/* false for those that fail; NULL: none */
} Molecules;

/* Molecules that went through the network together. */
typedef struct MoleculeBatch
{
	HnContext  *context;		/* for what else is computed of them; its arena is theirs */
	const int  *indexes;		/* [inputs.count] among the Molecules */
	HnInputs	inputs;
} MoleculeBatch;

/*
 * What becomes of them. Each molecule is passed to one of the two, and may
 * come to `computed` twice: a batch for which that returns a molecule's error
 * is passed again one by one. Neither may run SQL.
 */
typedef struct BatchVisitor
{
	HnStatus	(*computed) (void *state, const MoleculeBatch *batch);
	/* An invalid molecule, one too large, or one that is not finite, as context says. */
	void		(*failed) (void *state, const HnContext *context, int index, const char *smiles);
	void	   *state;
} BatchVisitor;

/*
 * Compute what needs says and the fingerprints of `generators` generators of
 * the model, 1 or all of them. Other errors than those of a molecule are reported.
 */
extern void VisitMolecules(const HnModel *model, HnNeeds needs, int generators,
						   const Molecules *molecules, BatchVisitor visitor);

/*
 * Predictions of all heads, one after another, [inputs->count, targets], and, unless they
 * are NULL, their deviations and the novelty that each one's head gives the molecule.
 */
extern HnStatus PredictHeads(HnContext *context, const HnModel *model, const HnInputs *inputs,
							 double *predictions, double *sds, double *novelties);

#endif
