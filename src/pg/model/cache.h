/*
 * model/cache.h: parsed models, kept by each backend.
 */
#ifndef HAMNET_MODEL_CACHE_H
#define HAMNET_MODEL_CACHE_H

#include "hamnet/model.h"
#include "model/store.h"

/*
 * A model ready for use. Valid until the next call of a function below. Models are
 * not given out (55000) where the extension is of another version than the library.
 */
typedef struct CachedModel
{
	char		id[MODEL_ID_LENGTH + 1];
	uint32		tag;			/* first 32 bits of the identity, never 0: what an hfp carries */
	bool		kept;			/* a built-in model, or one that the server has preloaded */
	Size		bytes;			/* of the file */
	HnModel		model;
} CachedModel;

/* The default model. */
extern const CachedModel *GetDefaultModel(void);

/* A built-in model. */
extern const CachedModel *GetBuiltinModel(const BuiltinModel *builtin);

/*
 * A model in a file, under the identity of its content: from then on a model
 * of that identity which a database stores is this one.
 */
extern const CachedModel *GetFileModel(const char *path);

/*
 * A model by name, built-in or a user's. Returns NULL for an unrecognized
 * name if missing_ok; else that is an error.
 */
extern const CachedModel *GetModelByName(const char *name, bool missing_ok);

/* The same by its full identity, which must be well-formed. */
extern const CachedModel *GetModelById(const char *id, bool missing_ok);

/* The model that an optional text argument names: argument n if the call has it, else the default. */
#define GetModelArgument(fcinfo, n) \
	(PG_NARGS() > (n) ? GetModelByName(text_to_cstring(PG_GETARG_TEXT_PP(n)), false) : GetDefaultModel())

/* The model whose fingerprints carry this tag; NULL if it is unknown here. */
extern const CachedModel *GetModelByTag(uint32 tag);

extern void InitModelCache(void);

#endif
