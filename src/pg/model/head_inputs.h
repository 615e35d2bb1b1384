/*
 * model/head_inputs.h: what the heads of a model get to see of molecules, computed
 * from their SMILES as every prediction does it.
 */
#ifndef HAMNET_MODEL_HEAD_INPUTS_H
#define HAMNET_MODEL_HEAD_INPUTS_H

#include "hamnet/predict.h"

/*
 * Fingerprints of every generator of the model, and the descriptors and counts
 * that needs names. Results lie in the context's arena. valid[i] is false for a
 * molecule that cannot be parsed or is not finite; its numbers are 0.
 */
extern void ComputeHeadInputs(HnContext *context, const HnModel *model, HnNeeds needs,
						  const char *const *smiles, int count, HnInputs *inputs, bool *valid);

/*
 * Predictions of all heads, one after another, [count, targets], for molecules
 * given by SMILES; NaN where there is none. In the current memory context, as
 * their deviations, if sds is not NULL.
 */
extern double *PredictSmiles(const HnModel *model, const char *const *smiles, int count, double **sds);

#endif
