/*
 * chem/formats.c: SQL functions from and to other formats than SMILES.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "chem/convert.h"
#include "hamnet/formats.h"
#include "server/core.h"
#include "server/guc.h"

Datum
ConvertText(FunctionCallInfo fcinfo, HnConvert *convert)
{
	char	   *input = text_to_cstring(PG_GETARG_TEXT_PP(0));
	HnContext  *context = BeginCore();
	const char *result;

	if (convert(context, input, hamnet_max_atoms, &result) != HN_OK)
		ReportCoreError(context, NULL);
	PG_RETURN_TEXT_P(cstring_to_text(result));
}

PG_FUNCTION_INFO_V1(hamnet_from_molblock);

/* hamnet_from_molblock(molblock text) → SMILES */
PGDLLEXPORT Datum
hamnet_from_molblock(PG_FUNCTION_ARGS)
{
	return ConvertText(fcinfo, hn_smiles_from_molblock);
}

PG_FUNCTION_INFO_V1(hamnet_molblock);

/* hamnet_molblock(smiles text) → MOL block */
PGDLLEXPORT Datum
hamnet_molblock(PG_FUNCTION_ARGS)
{
	return ConvertText(fcinfo, hn_molblock_from_smiles);
}

PG_FUNCTION_INFO_V1(hamnet_scaffold);

/* hamnet_scaffold(smiles text) → SMILES, "" without rings */
PGDLLEXPORT Datum
hamnet_scaffold(PG_FUNCTION_ARGS)
{
	return ConvertText(fcinfo, hn_scaffold);
}

PG_FUNCTION_INFO_V1(hamnet_formula);

/* hamnet_formula(smiles text) → text */
PGDLLEXPORT Datum
hamnet_formula(PG_FUNCTION_ARGS)
{
	return ConvertText(fcinfo, hn_formula);
}
