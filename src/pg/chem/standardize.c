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

/* What a function of this file returns: a form, or NULL for a lenient call where the molecule has none. */
static Datum
ReturnForm(FunctionCallInfo fcinfo, HnContext *context, HnStatus status, const char *form, bool lenient)
{
	if (status == HN_OK)
		PG_RETURN_TEXT_P(cstring_to_text(form));
	ReportFailure(context, NULL, lenient);
	PG_RETURN_NULL();
}

static Datum
Clean(FunctionCallInfo fcinfo, bool lenient)
{
	char	   *smiles = text_to_cstring(PG_GETARG_TEXT_PP(0));
	HnContext  *context = BeginCore();
	const char *cleaned = NULL;
	HnStatus	status = hn_clean(context, smiles, hamnet_max_atoms, &cleaned);

	return ReturnForm(fcinfo, context, status, cleaned, lenient);
}

static Datum
Parent(FunctionCallInfo fcinfo, bool lenient)
{
	char	   *smiles = text_to_cstring(PG_GETARG_TEXT_PP(0));
	HnContext  *context = BeginCore();
	const char *parent = NULL;
	HnStatus	status = hn_parent(context, smiles, PG_GETARG_BOOL(1), PG_GETARG_BOOL(2), hamnet_max_atoms, &parent);

	return ReturnForm(fcinfo, context, status, parent, lenient);
}

static Datum
Tautomer(FunctionCallInfo fcinfo, bool lenient)
{
	char	   *smiles = text_to_cstring(PG_GETARG_TEXT_PP(0));
	HnContext  *context = BeginCore();
	const char *tautomer = NULL;
	HnStatus	status = hn_tautomer(context, smiles, hamnet_max_atoms, &tautomer);

	return ReturnForm(fcinfo, context, status, tautomer, lenient);
}

PG_FUNCTION_INFO_V1(hamnet_standardize);

/* hamnet_standardize(smiles text) → text */
PGDLLEXPORT Datum
hamnet_standardize(PG_FUNCTION_ARGS)
{
	return Clean(fcinfo, false);
}

PG_FUNCTION_INFO_V1(hamnet_try_standardize);

/* hamnet_try_standardize(smiles text) → text, or NULL */
PGDLLEXPORT Datum
hamnet_try_standardize(PG_FUNCTION_ARGS)
{
	return Clean(fcinfo, true);
}

PG_FUNCTION_INFO_V1(hamnet_parent);

/* hamnet_parent(smiles text, isotopes boolean, stereo boolean) → text */
PGDLLEXPORT Datum
hamnet_parent(PG_FUNCTION_ARGS)
{
	return Parent(fcinfo, false);
}

PG_FUNCTION_INFO_V1(hamnet_try_parent);

/* hamnet_try_parent(smiles text, isotopes boolean, stereo boolean) → text, or NULL */
PGDLLEXPORT Datum
hamnet_try_parent(PG_FUNCTION_ARGS)
{
	return Parent(fcinfo, true);
}

PG_FUNCTION_INFO_V1(hamnet_tautomer);

/* hamnet_tautomer(smiles text) → text */
PGDLLEXPORT Datum
hamnet_tautomer(PG_FUNCTION_ARGS)
{
	return Tautomer(fcinfo, false);
}

PG_FUNCTION_INFO_V1(hamnet_try_tautomer);

/* hamnet_try_tautomer(smiles text) → text, or NULL */
PGDLLEXPORT Datum
hamnet_try_tautomer(PG_FUNCTION_ARGS)
{
	return Tautomer(fcinfo, true);
}
