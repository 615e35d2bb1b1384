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

#endif
