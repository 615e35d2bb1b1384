/*
 * model/head_inputs.h: what the heads of a model read of molecules, computed as
 * every prediction does it.
 */
#ifndef HAMNET_MODEL_HEAD_INPUTS_H
#define HAMNET_MODEL_HEAD_INPUTS_H

#include "model/molecule_batch.h"

/*
 * Compute fingerprints of every generator of the model, and the descriptors and counts
 * that needs names. Results lie in the context's arena. valid[i] is false for a
 * molecule that cannot be parsed or is not finite; its numbers are 0.
 */
extern void ComputeHeadInputs(HnContext *context, const HnModel *model, HnNeeds needs,
							  const Molecules *molecules, HnInputs *inputs, bool *valid);

/*
 * Return predictions of all heads, one after another, [count, targets], NaN where
 * there is none, in the current memory context; and their deviations, if sds is
 * not NULL.
 */
extern double *PredictMolecules(const HnModel *model, const Molecules *molecules, double **sds);

#endif
