/*
 * model/smiles.c: SQL functions about SMILES alone.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "server/core.h"
#include "server/guc.h"

PG_FUNCTION_INFO_V1(hamnet_smiles_error);

/* hamnet_smiles_error(text) → why it is no usable molecule, or NULL */
PGDLLEXPORT Datum
hamnet_smiles_error(PG_FUNCTION_ARGS)
{
	const char *reason = SmilesError(text_to_cstring(PG_GETARG_TEXT_PP(0)));

	if (reason == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(reason));
}

PG_FUNCTION_INFO_V1(hamnet_canonical_smiles);

/* hamnet_canonical_smiles(text) → text */
PGDLLEXPORT Datum
hamnet_canonical_smiles(PG_FUNCTION_ARGS)
{
	char	   *smiles = text_to_cstring(PG_GETARG_TEXT_PP(0));
	HnContext  *context = BeginCore();
	const char *canonical;

	if (hn_canonical_smiles(context, smiles, hamnet_max_atoms, &canonical) != HN_OK)
		ReportCoreError(context, smiles);
	PG_RETURN_TEXT_P(cstring_to_text(canonical));
}
