/*
 * chem/standardize.c: SQL functions that bring a molecule into one form.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "chem/standard.h"
#include "server/core.h"
#include "server/guc.h"

const char *const standard_names[] = {"none", "clean", "parent", NULL};

HnStandard
StandardByName(const char *name)
{
	HnStandard	standard = HN_AS_GIVEN;

	while (standard_names[standard] && strcmp(standard_names[standard], name) != 0)
		standard++;
	if (standard_names[standard] == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid standard \"%s\"", name),
				 errdetail("It must be \"none\", \"clean\" or \"parent\".")));
	return standard;
}

PG_FUNCTION_INFO_V1(hamnet_standardize);

/* hamnet_standardize(smiles text) → text */
PGDLLEXPORT Datum
hamnet_standardize(PG_FUNCTION_ARGS)
{
	char	   *smiles = text_to_cstring(PG_GETARG_TEXT_PP(0));
	HnContext  *context = BeginCore();
	const char *cleaned;

	if (hn_clean(context, smiles, hamnet_max_atoms, &cleaned) != HN_OK)
		ReportCoreError(context, smiles);
	PG_RETURN_TEXT_P(cstring_to_text(cleaned));
}

PG_FUNCTION_INFO_V1(hamnet_parent);

/* hamnet_parent(smiles text, isotopes boolean, stereo boolean) → text */
PGDLLEXPORT Datum
hamnet_parent(PG_FUNCTION_ARGS)
{
	char	   *smiles = text_to_cstring(PG_GETARG_TEXT_PP(0));
	HnContext  *context = BeginCore();
	const char *parent;

	if (hn_parent(context, smiles, PG_GETARG_BOOL(1), PG_GETARG_BOOL(2), hamnet_max_atoms, &parent) != HN_OK)
		ReportCoreError(context, smiles);
	PG_RETURN_TEXT_P(cstring_to_text(parent));
}

PG_FUNCTION_INFO_V1(hamnet_tautomer);

/* hamnet_tautomer(smiles text) → text */
PGDLLEXPORT Datum
hamnet_tautomer(PG_FUNCTION_ARGS)
{
	char	   *smiles = text_to_cstring(PG_GETARG_TEXT_PP(0));
	HnContext  *context = BeginCore();
	const char *tautomer;

	if (hn_tautomer(context, smiles, hamnet_max_atoms, &tautomer) != HN_OK)
		ReportCoreError(context, smiles);
	PG_RETURN_TEXT_P(cstring_to_text(tautomer));
}
