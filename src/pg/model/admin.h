/*
 * model/admin.h: storing models on behalf of a caller. SPI must be connected.
 */
#ifndef HAMNET_MODEL_ADMIN_H
#define HAMNET_MODEL_ADMIN_H

#include "hamnet/model.h"

/* The file of a model, as a value of type bytea. */
extern bytea *ModelFile(HnContext *context, HnModel *model);

/* An error unless the name is one that a user's model may have; a NOTICE if a built-in model predicts what is called so. */
extern void CheckModelName(const char *name);

/* An error if a model has this name and the caller may not replace it. */
extern void CheckModelReplaceable(const char *name);

/*
 * Store a model file, which model was read from or written to, under a name
 * for the caller. Without replace, a name that is taken is an error.
 */
extern void StoreModel(const char *name, bytea *weights, const HnModel *model, bool replace);

#endif
