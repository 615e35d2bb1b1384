/*
 * inchi/module.c: the module hamnet_inchi, which is loaded when a session first
 * asks for an InChI. It is built where InChI's library is installed, and hamnet
 * works without it.
 */
#include "postgres.h"

#include "fmgr.h"

#include "hamnet/inchi.h"

PG_MODULE_MAGIC;

PGDLLEXPORT extern const char *hamnet_inchi_version(void);
PGDLLEXPORT extern const HnInchiFunctions *hamnet_inchi_functions(void);

/* The version that the module was built with. */
const char *
hamnet_inchi_version(void)
{
	return HAMNET_VERSION;
}

const HnInchiFunctions *
hamnet_inchi_functions(void)
{
	static const HnInchiFunctions functions = {.inchi = hn_inchi_from_smiles, .inchikey = hn_inchikey_from_smiles};

	return &functions;
}
