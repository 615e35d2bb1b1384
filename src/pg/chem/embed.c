/*
 * chem/embed.c: SQL functions that show what RDKit computes: conformations and
 * descriptors.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "utils/builtins.h"

#include "server/core.h"
#include "server/guc.h"
#include "hamnet/conformer.h"
#include "hamnet/descriptors.h"
#include "server/srf.h"

/* A conformation as a MOL block; for a failure that lies in the molecule, a lenient call returns NULL. */
static const char *
Embed(FunctionCallInfo fcinfo, bool lenient)
{
	char	   *smiles = text_to_cstring(PG_GETARG_TEXT_PP(0));
	HnContext  *context = BeginCore();
	const char *molblock;

	if (hn_embed(context, smiles, PG_GETARG_INT32(1), hamnet_max_atoms, &molblock) == HN_OK)
		return molblock;
	ReportFailure(context, smiles, lenient);
	return NULL;
}

PG_FUNCTION_INFO_V1(hamnet_embed);

/* hamnet_embed(smiles text, seed int) → MOL block */
PGDLLEXPORT Datum
hamnet_embed(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(Embed(fcinfo, false)));
}

PG_FUNCTION_INFO_V1(hamnet_try_embed);

/* hamnet_try_embed(smiles text, seed int) → MOL block, or NULL */
PGDLLEXPORT Datum
hamnet_try_embed(PG_FUNCTION_ARGS)
{
	const char *molblock = Embed(fcinfo, true);

	if (molblock == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(molblock));
}

/* For a failure that lies in the molecule, a lenient call gives no row. */
static void
Describe(FunctionCallInfo fcinfo, bool lenient)
{
	char	   *smiles = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const HnDescriptorSet *set = &hn_descriptors_rdkit_2d;
	HnNeeds		needs = {.descriptors = set};
	RowSet		rows = BeginRows(fcinfo);
	HnContext  *context = BeginCore();
	HnDescription description;

	if (hn_describe_smiles(context, smiles, NULL, needs, hamnet_max_atoms, NULL, &description) != HN_OK)
	{
		ReportFailure(context, smiles, lenient);
		return;
	}
	for (int i = 0; i < set->count; i++)
	{
		bool		nulls[2] = {false, isnan(description.descriptors[i])};
		Datum		row[2];

		row[0] = CStringGetTextDatum(set->names[i]);
		row[1] = Float8GetDatum(description.descriptors[i]);
		AddRow(&rows, row, nulls);
	}
}

PG_FUNCTION_INFO_V1(hamnet_descriptors);

/* hamnet_descriptors(smiles text) → (name, value) */
PGDLLEXPORT Datum
hamnet_descriptors(PG_FUNCTION_ARGS)
{
	Describe(fcinfo, false);
	return (Datum) 0;
}

static int
FindDescriptor(const char *name)
{
	const HnDescriptorSet *set = &hn_descriptors_rdkit_2d;

	for (int i = 0; i < set->count; i++)
		if (strcmp(set->names[i], name) == 0)
			return i;
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("descriptor \"%s\" does not exist", name),
			 errhint("hamnet_descriptors() lists the descriptors.")));
	pg_unreachable();
}

PG_FUNCTION_INFO_V1(hamnet_descriptor);

/* hamnet_descriptor(smiles text, name text) → value */
PGDLLEXPORT Datum
hamnet_descriptor(PG_FUNCTION_ARGS)
{
	char	   *smiles = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int			descriptor = FindDescriptor(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	HnContext  *context = BeginCore();
	double		value;

	if (hn_describe_one(context, smiles, descriptor, hamnet_max_atoms, &value) != HN_OK)
		ReportCoreError(context, smiles);
	if (isnan(value))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(value);
}

PG_FUNCTION_INFO_V1(hamnet_try_descriptors);

/* hamnet_try_descriptors(smiles text) → (name, value), or no row */
PGDLLEXPORT Datum
hamnet_try_descriptors(PG_FUNCTION_ARGS)
{
	Describe(fcinfo, true);
	return (Datum) 0;
}
