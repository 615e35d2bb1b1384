/*
 * compute.h: from SMILES to the network's results, as SQL functions need them.
 */
#ifndef HAMNET_COMPUTE_H
#define HAMNET_COMPUTE_H

#include "core.h"
#include "hamnet/predict.h"
#include "hfp.h"
#include "model_cache.h"

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

/* What the heads of a model read, for one molecule, in the backend's core arena. */
typedef struct ModelInputs
{
	HnContext  *context;
	HnInputs	inputs;			/* points into this struct: do not copy it */
	HnCounts	counts;
} ModelInputs;

/* Parse one molecule, once, and compute what the heads of a model need; reports every failure. */
extern void ComputeModelInputs(const CachedModel *model, const char *smiles, ModelInputs *inputs);

/* Copy fingerprint numbers [dim] into a new hfp that carries the model. */
extern Hfp *MakeFingerprint(const CachedModel *model, const real *numbers);

/*
 * Fingerprints of several molecules, computed in batches. results[i] is NULL
 * where smiles[i] is NULL or the molecule has no fingerprint.
 *
 * predictions, unless it is NULL, receives for each molecule that has a
 * fingerprint an array with the value of every target, in the order of heads
 * and targets. reasons, unless it is NULL, says why a molecule has
 * none, and is NULL elsewhere; molecules beyond hamnet.max_atoms are then among
 * those without, not an error.
 */
extern void ComputeFingerprints(const CachedModel *model, char **smiles, int count,
								Hfp **results, double **predictions, char **reasons);

#endif
