/*
 * model/preload.c: built-in models that the postmaster reads for all backends.
 *
 * Under shared_preload_libraries the module is loaded before the postmaster
 * forks, so what it reads, checks and packs then lies in memory that backends
 * inherit and, as long as nobody writes to it, share.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/varlena.h"

#include "model/compute.h"
#include "model/preload.h"
#include "server/guc.h"

/* Any molecule will do. */
static const char *const first_molecule[] = {"CC(=O)Oc1ccccc1C(=O)O"};

/* Read a model, and compute with it once: libraries initialise at their first use much that backends then inherit too. */
static void
PreloadModel(const char *name)
{
	const BuiltinModel *builtin = FindBuiltinByName(name);
	const CachedModel *model;
	Hfp		   *fingerprint;
	double	   *predictions;

	if (builtin == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("hamnet.preload_models names \"%s\", which is no built-in model", name),
				 errhint("Models that users store belong to a database and are read by the sessions that use them.")));
	model = GetBuiltinModel(builtin);
	ComputeMolecules(model, &(Molecules) {.count = 1, .smiles = first_molecule}, false,
					 &(MoleculeResults) {.fingerprints = &fingerprint, .predictions = builtin->targets[0] ? &predictions : NULL});
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
