/*
 * model/target.h: the targets of models by their names.
 */
#ifndef HAMNET_MODEL_TARGET_H
#define HAMNET_MODEL_TARGET_H

#include "hamnet/model.h"

/*
 * Convert a name or unit, which is UTF-8 in a model whatever the database's
 * encoding. The result is in the current memory context, or the argument itself
 * where nothing changes; an error if a character has no equivalent.
 */
extern const char *LabelToServer(const char *label);
extern const char *LabelFromServer(const char *text);

/* The targets of a model in words, quoted, in the database's encoding; of very many the first. */
extern char *ListTargets(const HnModel *model);

/*
 * Find a target by its name in the database's encoding. Return its index among
 * the targets of all heads, -1 if the model has none; set its head and its index there.
 */
extern int	FindTarget(const HnModel *model, const char *name, const HnHead **head, int *target);

#endif
