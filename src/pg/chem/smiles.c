/*
 * chem/smiles.c: SQL functions about SMILES alone.
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

/* hamnet_canonical_smiles(smiles text [, atom_maps boolean]) → text */
PGDLLEXPORT Datum
hamnet_canonical_smiles(PG_FUNCTION_ARGS)
{
	char	   *smiles = text_to_cstring(PG_GETARG_TEXT_PP(0));
	HnContext  *context = BeginCore();
	bool		atom_maps = PG_NARGS() < 2 || PG_GETARG_BOOL(1);
	const char *canonical;

	if (hn_canonical_smiles(context, smiles, atom_maps, hamnet_max_atoms, &canonical) != HN_OK)
		ReportCoreError(context, smiles);
	PG_RETURN_TEXT_P(cstring_to_text(canonical));
}

PG_FUNCTION_INFO_V1(hamnet_from_cxsmiles);

/* hamnet_from_cxsmiles(text) → text: the SMILES in front of white space, which must be a molecule */
PGDLLEXPORT Datum
hamnet_from_cxsmiles(PG_FUNCTION_ARGS)
{
	static const char blanks[] = " \t\r\n\f\v";
	char	   *smiles = text_to_cstring(PG_GETARG_TEXT_PP(0));
	HnContext  *context = BeginCore();
	HnGraph		graph;

	smiles += strspn(smiles, blanks);
	smiles[strcspn(smiles, blanks)] = '\0';
	ParseSmiles(context, smiles, &hn_features_2021, &graph);
	PG_RETURN_TEXT_P(cstring_to_text(smiles));
}

PG_FUNCTION_INFO_V1(hamnet_try_smiles);

/* hamnet_try_smiles(text) → the same, or NULL where it is no usable molecule */
PGDLLEXPORT Datum
hamnet_try_smiles(PG_FUNCTION_ARGS)
{
	if (SmilesError(text_to_cstring(PG_GETARG_TEXT_PP(0))) != NULL)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}
