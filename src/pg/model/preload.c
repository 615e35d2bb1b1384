/*
 * model/preload.c: models that the postmaster reads for all backends.
 *
 * Under shared_preload_libraries the module is loaded before the postmaster
 * forks, so what it reads, checks and packs then lies in memory that backends
 * inherit and, as long as nobody writes to it, share. A model of users comes from a
 * file; its identity is the SHA-256 of its content, so it can be none but the
 * model that a database stores under that identity.
 */
#include "postgres.h"

#include "common/string.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/varlena.h"

#include "hamnet/training.h"

#include "model/compute.h"
#include "model/preload.h"
#include "server/guc.h"

/* Any molecule will do. */
static const char *const first_molecule[] = {"CC(=O)Oc1ccccc1C(=O)O"};

/* Return whether an element of the list is the path of a file. */
static bool
IsPath(const char *name)
{
	return strchr(name, '/') != NULL || pg_str_endswith(name, ".safetensors");
}

/* Say which element of the list an error is about. */
static void
NameElement(void *name)
{
	errcontext("hamnet.preload_models, element \"%s\"", (const char *) name);
}

static const CachedModel *
ReadListed(const char *name)
{
	const BuiltinModel *builtin = FindBuiltinByName(name);

	if (IsPath(name))
		return GetFileModel(name);
	if (builtin == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("hamnet.preload_models names \"%s\", which is no built-in model", name),
				 errhint("A model that users store is preloaded from a file, which hamnet_export_model() gives.")));
	return GetBuiltinModel(builtin);
}

/* Read a model, and compute with it once: libraries initialise at their first use much that backends then inherit too. */
static void
PreloadModel(char *name)
{
	ErrorContextCallback callback = {.callback = NameElement, .arg = name, .previous = error_context_stack};
	const CachedModel *model;
	Hfp		   *fingerprint;
	double	   *predictions;

	error_context_stack = &callback;
	model = ReadListed(name);
	ComputeMolecules(model, &(Molecules) {.count = 1, .smiles = first_molecule}, false,
					 &(MoleculeResults) {.fingerprints = &fingerprint,
						 .predictions = hn_model_target_count(&model->model) > 0 ? &predictions : NULL});
	error_context_stack = callback.previous;
}

void
PreloadModels(void)
{
	MemoryContext memory;
	MemoryContext caller;
	List	   *names;
	ListCell   *cell;

	if (!process_shared_preload_libraries_in_progress || hamnet_preload_models == NULL)
		return;
	memory = AllocSetContextCreate(CurrentMemoryContext, "hamnet preload", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(memory);
	if (!SplitGUCList(pstrdup(hamnet_preload_models), ',', &names))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid list of names in hamnet.preload_models: \"%s\"", hamnet_preload_models)));

	/* The postmaster has none, but hashing notes what it uses of libraries with one. */
	CurrentResourceOwner = ResourceOwnerCreate(NULL, "hamnet preload");
	foreach(cell, names)
		PreloadModel(lfirst(cell));
	ResourceOwnerRelease(CurrentResourceOwner, RESOURCE_RELEASE_BEFORE_LOCKS, true, true);
	ResourceOwnerDelete(CurrentResourceOwner);
	CurrentResourceOwner = NULL;
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(memory);
}
