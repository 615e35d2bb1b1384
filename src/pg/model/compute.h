/*
 * model/compute.h: from SMILES to the network's results, as SQL functions need them.
 */
#ifndef HAMNET_MODEL_COMPUTE_H
#define HAMNET_MODEL_COMPUTE_H

#include "server/core.h"
#include "hamnet/predict.h"
#include "hamnet/standardize.h"
#include "model/cache.h"
#include "model/molecule_batch.h"
#include "type/hfp.h"

/* A molecule run through the whole network, in the backend's core arena. */
typedef struct Computed
{
	HnContext  *context;
	HnGraph		graph;
	HnBatch		batch;
	HnEngineTrace engine;		/* where the model has one */
	HnFingerprintTrace fingerprint;
} Computed;

/* Parse one molecule and run the engine, and the generator too if asked; reports every failure. */
extern void ComputeEngine(const CachedModel *model, const char *smiles, Computed *computed);
extern void ComputeAll(const CachedModel *model, const char *smiles, Computed *computed);

/* A molecule that was parsed for the heads of one or more models, in the backend's core arena. */
typedef struct ParsedMolecule
{
	HnContext  *context;
	const char *smiles;
	const HnFeatureSet *features;	/* of the batch */
	HnGraph		graph;
	HnBatch		batch;
	HnDescription description;	/* all that heads of any of the models need */
} ParsedMolecule;

/* Parse one molecule, once, for these models, of which there is at least one. */
extern HnStatus ParseForModels(const CachedModel *const *models, int count, const char *smiles,
							   ParsedMolecule *molecule);

/* Compute what the heads of one of the models read, in memory that lives as long as the molecule's. */
extern HnStatus ComputeModelInputs(const CachedModel *model, ParsedMolecule *molecule, HnInputs *inputs);

/* Copy fingerprint numbers [dim] into a new hfp that carries the model. */
extern Hfp *MakeFingerprint(const CachedModel *model, const real *numbers);

/*
 * Where results of several molecules go: arrays [count] of the caller, NULL for
 * what is not wanted, but fingerprints. A fingerprint is NULL where the SMILES is, or
 * where the molecule has none; the reason says why, and is NULL elsewhere. The
 * others are set where there is a fingerprint, each to an array with a number for
 * every target, in the order of heads and targets.
 */
typedef struct MoleculeResults
{
	Hfp		  **fingerprints;
	double	  **predictions;
	double	  **sds;			/* NaN where the head knows none; not without predictions */
	double	  **novelties;		/* NaN where the head remembers no molecules; not without predictions */
	char	  **reasons;
} MoleculeResults;

/* Compute several molecules in a standard, in batches. */
extern void ComputeMolecules(const CachedModel *model, const Molecules *molecules, bool lenient, const MoleculeResults *results);

/* The same for fingerprints alone. */
extern void ComputeFingerprints(const CachedModel *model, const Molecules *molecules, bool lenient, Hfp **fingerprints);

#endif
