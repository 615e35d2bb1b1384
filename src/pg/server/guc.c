/*
 * server/guc.c: the extension's settings.
 */
#include "postgres.h"

#include <limits.h>

#include "miscadmin.h"
#include "utils/guc.h"

#include "server/guc.h"

/*
 * No setting goes beyond this. RDKit ranks the atoms of a plain chain in cubic
 * time, in one step that cannot be cancelled: 0.7 s of it at 1,000 atoms,
 * about 5 s here.
 */
#define MAX_ATOMS 2000

int			hamnet_max_atoms = 1000;
int			hamnet_training_memory = 1024 * 1024;
char	   *hamnet_preload_models = NULL;

void
InitSettings(void)
{
	DefineCustomIntVariable("hamnet.max_atoms",
							"Sets the largest number of atoms a molecule may have.",
							"Hydrogens that a SMILES leaves implicit do not count.",
							&hamnet_max_atoms, 1000, 1, MAX_ATOMS,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("hamnet.training_memory",
							"Sets the largest size of a training set in memory.",
							"A drug-like molecule takes about 5 kB.",
							&hamnet_training_memory, 1024 * 1024, 1024, MAX_KILOBYTES,
							PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);
	/* Read when the server starts; a module that is loaded later must not define it as fixed. */
	DefineCustomStringVariable("hamnet.preload_models",
							   "Lists the models that are read when the server starts: names of built-in ones, and files.",
							   "It has an effect only where hamnet is in shared_preload_libraries.",
							   &hamnet_preload_models, "",
							   process_shared_preload_libraries_in_progress ? PGC_POSTMASTER : PGC_SIGHUP,
							   GUC_LIST_INPUT, NULL, NULL, NULL);
#if PG_VERSION_NUM >= 150000
	MarkGUCPrefixReserved("hamnet");
#else
	EmitWarningsOnPlaceholders("hamnet");
#endif
}
