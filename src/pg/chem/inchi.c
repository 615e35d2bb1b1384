/*
 * chem/inchi.c: SQL functions for InChI, by the module hamnet_inchi.
 */
#include "postgres.h"

#include "fmgr.h"

#include "chem/convert.h"
#include "hamnet/inchi.h"
#include "server/module.h"

/* The module's functions. Builds without InChI's library have no module. */
static const HnInchiFunctions *
InchiFunctions(void)
{
	static const HnInchiFunctions *functions = NULL;
	MemoryContext context = CurrentMemoryContext;

	if (functions)
		return functions;
	PG_TRY();
	{
		functions = ((const HnInchiFunctions *(*) (void)) LoadModule("hamnet_inchi", "functions")) ();
	}
	PG_CATCH();
	{
		if (geterrcode() != ERRCODE_UNDEFINED_FILE)
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		FlushErrorState();
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("hamnet was built without InChI"),
				 errhint("Install libinchi-dev on the server, then build and install hamnet again.")));
	}
	PG_END_TRY();
	return functions;
}

PG_FUNCTION_INFO_V1(hamnet_inchi);

/* hamnet_inchi(smiles text) → InChI */
PGDLLEXPORT Datum
hamnet_inchi(PG_FUNCTION_ARGS)
{
	return ConvertText(fcinfo, InchiFunctions()->inchi);
}

PG_FUNCTION_INFO_V1(hamnet_inchikey);

/* hamnet_inchikey(smiles text) → InChIKey */
PGDLLEXPORT Datum
hamnet_inchikey(PG_FUNCTION_ARGS)
{
	return ConvertText(fcinfo, InchiFunctions()->inchikey);
}
