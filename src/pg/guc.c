/*
 * guc.c: the extension's settings.
 */
#include "postgres.h"

#include "utils/guc.h"

#include "guc.h"

/*
 * The engine needs memory for the square of the atoms and RDKit's ring
 * perception may need much time, so even a superuser is held to a bound: at
 * 10,000 atoms the square takes 400 MB.
 */
#define MOST_ATOMS 10000

int			hamnet_max_atoms = 1000;

void
InitSettings(void)
{
	DefineCustomIntVariable("hamnet.max_atoms",
							"Sets the largest number of atoms a molecule may have.",
							"Hydrogens that a SMILES leaves implicit do not count.",
							&hamnet_max_atoms, 1000, 1, MOST_ATOMS,
							PGC_USERSET, 0, NULL, NULL, NULL);
#if PG_VERSION_NUM >= 150000
	MarkGUCPrefixReserved("hamnet");
#else
	EmitWarningsOnPlaceholders("hamnet");
#endif
}
