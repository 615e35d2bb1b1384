/*
 * model/inspect.c: SQL functions that show what the network sees in a molecule.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "model/compute.h"
#include "server/srf.h"

/* Return the graph's atom of each atom of the input. */
static int *
AtomsOfInput(const HnGraph *graph)
{
	int		   *atom_of = palloc(graph->atom_count * sizeof(int));

	for (int i = 0; i < graph->atom_count; i++)
		atom_of[graph->source_atom[i]] = i;
	return atom_of;
}

PG_FUNCTION_INFO_V1(hamnet_engine_positions);

/* hamnet_engine_positions(smiles text [, model text]) → (atom, element, x, y, z) */
PGDLLEXPORT Datum
hamnet_engine_positions(PG_FUNCTION_ARGS)
{
	char	   *smiles = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const CachedModel *model = GetModelArgument(fcinfo, 1);
	RowSet		rows = BeginRows(fcinfo);
	Computed	computed;
	int		   *atom_of;

	ComputeEngine(model, smiles, &computed);
	atom_of = AtomsOfInput(&computed.graph);
	for (int a = 0; a < computed.graph.atom_count; a++)
	{
		const real *position = computed.engine.positions + 3 * atom_of[a];
		Datum		row[5];

		row[0] = Int32GetDatum(a + 1);
		row[1] = CStringGetTextDatum(hn_element_symbol(computed.graph.element[atom_of[a]]));
		for (int k = 0; k < 3; k++)
			row[2 + k] = Float8GetDatum(position[k]);
		AddRow(&rows, row, NULL);
	}
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(hamnet_trajectory);

/* hamnet_trajectory(smiles text [, model text]) → (step, kinetic, potential, dissipated) */
PGDLLEXPORT Datum
hamnet_trajectory(PG_FUNCTION_ARGS)
{
	char	   *smiles = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const CachedModel *model = GetModelArgument(fcinfo, 1);
	RowSet		rows = BeginRows(fcinfo);
	int			steps = model->model.engine_config.steps;
	HnEnergy   *energies = palloc((steps + 1) * sizeof(HnEnergy));
	Computed	computed;

	ComputeEngine(model, smiles, &computed);
	if (hn_engine_energies(computed.context, &model->model, &computed.batch, &computed.engine, 0,
						   energies) != HN_OK)
		ReportCoreError(computed.context, smiles);
	for (int s = 0; s <= steps; s++)
	{
		Datum		row[4];

		row[0] = Int32GetDatum(s);
		row[1] = Float8GetDatum(energies[s].kinetic);
		row[2] = Float8GetDatum(energies[s].potential);
		row[3] = Float8GetDatum(energies[s].dissipated);
		AddRow(&rows, row, NULL);
	}
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(hamnet_atom_weights);

/* hamnet_atom_weights(smiles text [, model text]) → (atom, element, weight) */
PGDLLEXPORT Datum
hamnet_atom_weights(PG_FUNCTION_ARGS)
{
	char	   *smiles = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const CachedModel *model = GetModelArgument(fcinfo, 1);
	RowSet		rows = BeginRows(fcinfo);
	Computed	computed;
	int		   *atom_of;

	ComputeAll(model, smiles, &computed);
	atom_of = AtomsOfInput(&computed.graph);
	for (int a = 0; a < computed.graph.atom_count; a++)
	{
		Datum		row[3];

		row[0] = Int32GetDatum(a + 1);
		row[1] = CStringGetTextDatum(hn_element_symbol(computed.graph.element[atom_of[a]]));
		row[2] = Float8GetDatum(computed.fingerprint.attention[atom_of[a]]);
		AddRow(&rows, row, NULL);
	}
	return (Datum) 0;
}
