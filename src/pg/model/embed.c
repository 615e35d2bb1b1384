/*
 * model/embed.c: SQL functions that show what RDKit computes: conformations and
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

PG_FUNCTION_INFO_V1(hamnet_embed);

/* hamnet_embed(smiles text, seed int) → MOL block */
PGDLLEXPORT Datum
hamnet_embed(PG_FUNCTION_ARGS)
{
	char	   *smiles = text_to_cstring(PG_GETARG_TEXT_PP(0));
	HnContext  *context = BeginCore();
	const char *molblock;

	if (hn_embed(context, smiles, PG_GETARG_INT32(1), hamnet_max_atoms, &molblock) != HN_OK)
		ReportCoreError(context, smiles);
	PG_RETURN_TEXT_P(cstring_to_text(molblock));
}

PG_FUNCTION_INFO_V1(hamnet_descriptors);

/* hamnet_descriptors(smiles text) → (name, value) */
PGDLLEXPORT Datum
hamnet_descriptors(PG_FUNCTION_ARGS)
{
	char	   *smiles = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const HnDescriptorSet *set = &hn_descriptors_rdkit_2d;
	HnNeeds		needs = {set, false};
	RowSet		rows = BeginRows(fcinfo);
	HnContext  *context = BeginCore();
	HnDescription description;

	if (hn_describe_smiles(context, smiles, NULL, needs, hamnet_max_atoms, NULL, &description) != HN_OK)
		ReportCoreError(context, smiles);
	for (int i = 0; i < set->count; i++)
	{
		bool		nulls[2] = {false, isnan(description.descriptors[i])};
		Datum		row[2];

		row[0] = CStringGetTextDatum(set->names[i]);
		row[1] = Float8GetDatum(description.descriptors[i]);
		AddRow(&rows, row, nulls);
	}
	return (Datum) 0;
}
