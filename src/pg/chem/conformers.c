/*
 * chem/conformers.c: SQL functions that make and compare conformers.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "utils/builtins.h"

#include "chem/conformers.h"
#include "server/core.h"
#include "server/guc.h"
#include "server/options.h"
#include "server/srf.h"

/* What the option object of hamnet_conformers says. */
typedef struct Request
{
	int64		conformations;
	int64		seed;
	double		window;
	double		rmsd;
	double		epsilon;
	char	   *pick;
	bool		hydrogens;
} Request;

static const char *const picks[] = {"spread", "lowest", NULL};

static const Option request_options[] = {
	{"conformations", OPTION_INTEGER, offsetof(Request, conformations), .integer = {0, 1, HN_CONFORMATIONS_MAX}},
	{"seed", OPTION_INTEGER, offsetof(Request, seed), .integer = {0, 0, PG_INT32_MAX}},
	{"window", OPTION_NUMBER, offsetof(Request, window), .number = {HN_WINDOW, 0, INFINITY}},
	{"rmsd", OPTION_NUMBER, offsetof(Request, rmsd), .number = {HN_RMSD, 0, INFINITY}},
	{"epsilon", OPTION_NUMBER, offsetof(Request, epsilon), .number = {1, 1, INFINITY}},
	{"pick", OPTION_TEXT, offsetof(Request, pick), .text = {"spread", picks}},
	{"hydrogens", OPTION_BOOLEAN, offsetof(Request, hydrogens), .boolean = true},
};

HnConformerOptions
ReadConformerOptions(const Jsonb *json, int count)
{
	Request		request;

	ReadOptions(json, request_options, lengthof(request_options), &request);
	if (count < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of conformers is %d, it must be at least 1", count)));
	return (HnConformerOptions)
	{
		.rule = {
			count, request.window, request.rmsd,
			strcmp(request.pick, "lowest") == 0 ? HN_PICK_LOWEST : HN_PICK_SPREAD
		},
		.conformations = request.conformations,
		.seed = request.seed,
		.epsilon = request.epsilon,
		.hydrogens = request.hydrogens
	};
}

static Datum
ReturnConformers(FunctionCallInfo fcinfo, bool lenient)
{
	char	   *smiles = text_to_cstring(PG_GETARG_TEXT_PP(0));
	HnConformerOptions options = ReadConformerOptions(PG_GETARG_JSONB_P(2), PG_GETARG_INT32(1));
	RowSet		rows = BeginRows(fcinfo);
	HnContext  *context = BeginCore();
	HnConformers conformers;
	HnStatus	status = hn_conformers(context, smiles, &options, hamnet_max_atoms, &conformers);

	if (status != HN_OK)
		ReportFailure(context, smiles, lenient);
	for (int c = 0; status == HN_OK && c < conformers.count; c++)
	{
		const HnConformer *conformer = &conformers.members[c];
		bool		nulls[4] = {false, isnan(conformer->energy), false, false};
		Datum		row[4];

		row[0] = Int32GetDatum(c + 1);
		row[1] = Float8GetDatum(conformer->energy);
		row[2] = Float8GetDatum(conformer->weight);
		row[3] = CStringGetTextDatum(conformer->molblock);
		AddRow(&rows, row, nulls);
	}
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(hamnet_conformers);

/* hamnet_conformers(smiles text, n int, options jsonb) → (conformer, energy, weight, molblock) */
PGDLLEXPORT Datum
hamnet_conformers(PG_FUNCTION_ARGS)
{
	return ReturnConformers(fcinfo, false);
}

PG_FUNCTION_INFO_V1(hamnet_try_conformers);

/* The same, with no row for a molecule that has none. */
PGDLLEXPORT Datum
hamnet_try_conformers(PG_FUNCTION_ARGS)
{
	return ReturnConformers(fcinfo, true);
}

PG_FUNCTION_INFO_V1(hamnet_conformer);

/* hamnet_conformer(smiles text) → (atom, element, x, y, z) */
PGDLLEXPORT Datum
hamnet_conformer(PG_FUNCTION_ARGS)
{
	char	   *smiles = text_to_cstring(PG_GETARG_TEXT_PP(0));
	HnConformerOptions options = {.rule = {1, INFINITY, INFINITY, HN_PICK_LOWEST}, .epsilon = 1};
	RowSet		rows = BeginRows(fcinfo);
	HnContext  *context = BeginCore();
	HnConformers conformers;

	if (hn_conformers(context, smiles, &options, hamnet_max_atoms, &conformers) != HN_OK)
		ReportCoreError(context, smiles);
	for (int a = 0; a < conformers.atom_count; a++)
	{
		Datum		row[5];

		row[0] = Int32GetDatum(a + 1);
		row[1] = CStringGetTextDatum(hn_element_symbol(conformers.elements[a]));
		for (int k = 0; k < 3; k++)
			row[2 + k] = Float8GetDatum(conformers.members[0].positions[3 * a + k]);
		AddRow(&rows, row, NULL);
	}
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(hamnet_rmsd);

/* hamnet_rmsd(a text, b text) → double precision */
PGDLLEXPORT Datum
hamnet_rmsd(PG_FUNCTION_ARGS)
{
	char	   *a = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *b = text_to_cstring(PG_GETARG_TEXT_PP(1));
	HnContext  *context = BeginCore();
	double		distance;
	bool		complete;

	if (hn_molblock_rmsd(context, a, b, hamnet_max_atoms, &distance, &complete) != HN_OK)
		ReportCoreError(context, NULL);
	if (!complete)
		ereport(NOTICE,
				(errmsg("molecule has more than %d symmetries, the distance may be too large", HN_RMSD_SYMMETRIES)));
	PG_RETURN_FLOAT8(distance);
}
