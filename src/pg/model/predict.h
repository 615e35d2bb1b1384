/*
 * model/predict.h: what a call asks to have predicted.
 */
#ifndef HAMNET_MODEL_PREDICT_H
#define HAMNET_MODEL_PREDICT_H

#include "model/cache.h"

/*
 * The target that arguments (property text [, model text]) name, the first of which
 * is argument n: its model, head and place there. An error if there is none.
 */
extern const CachedModel *GetTargetArgument(FunctionCallInfo fcinfo, int n, const HnHead **head, int *target);

/*
 * Find the model that predicts a property when none is named: a built-in model with
 * such a target, or a user's model of that name with a single target; an error if there is none,
 * with a hint where the text before it in the caller's arguments, or NULL, is a property.
 */
extern const CachedModel *ModelForProperty(const char *smiles, const char *property, const HnHead **head, int *target);

#endif
