/*
 * model/store.h: where models come from: files beside the extension, and the
 * extension's table.
 */
#ifndef HAMNET_MODEL_STORE_H
#define HAMNET_MODEL_STORE_H

#include "postgres.h"

#include "server/sha256.h"

#define MODEL_ID_LENGTH SHA256_HEX_LENGTH
#define MODEL_TABLE "_hamnet_model"

/* A model that is installed with the extension and pinned by its version. */
typedef struct BuiltinModel
{
	const char *name;
	const char *file;			/* in the server's share/extension */
	const char *id;				/* SHA-256 of the file */
	int			dim;			/* what else hamnet_models() tells of it */
	const char *features;
	int64		bytes;
	const char *const *targets; /* names, in UTF-8, up to NULL; no two models share one */
} BuiltinModel;

extern const BuiltinModel builtin_models[];
extern const int builtin_model_count;

/* The model that functions use when none is named. */
extern const BuiltinModel *DefaultModel(void);

/* Look up a built-in model; NULL if there is none of that name or identity. */
extern const BuiltinModel *FindBuiltinByName(const char *name);
extern const BuiltinModel *FindBuiltinById(const char *id);

/* The built-in model that predicts a property, whose name is in UTF-8; NULL if none does. */
extern const BuiltinModel *FindBuiltinByTarget(const char *target);

/* The file of a built-in model; an error if it is missing or is not the pinned one. */
extern bytea *ReadBuiltinModel(const BuiltinModel *model);

/* The table _hamnet_model, in whatever schema the extension lives. */
extern Oid	ModelTableOid(void);

/* Identity of a user's model, by name: false if there is none. */
extern bool FindStoredModel(const char *name, char id[MODEL_ID_LENGTH + 1]);

/* The weights of a user's model, by identity; NULL if there is none. */
extern bytea *ReadStoredModel(const char *id);

/* Identity of a user's model that begins with these eight digits: false if there is none. */
extern bool FindStoredModelByPrefix(const char *prefix, char id[MODEL_ID_LENGTH + 1]);

/* Whether a user's model of this identity is there. */
extern bool StoredModelExists(const char *id);

#endif
