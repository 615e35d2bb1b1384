/*
 * chem/geometry.c: SQL functions that describe a conformation.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "utils/builtins.h"

#include "hamnet/conformer.h"
#include "hamnet/geometry.h"
#include "server/core.h"
#include "server/guc.h"
#include "server/srf.h"
#include "type/hfp.h"

/* For a failure that lies in the MOL block, a lenient call returns NULL. */
static Hfp *
ShapeOf(FunctionCallInfo fcinfo, bool lenient)
{
	char	   *molblock = text_to_cstring(PG_GETARG_TEXT_PP(0));
	HnContext  *context = BeginCore();
	float		shape[HN_SHAPE_DIM];

	if (hn_shape(context, molblock, hamnet_max_atoms, shape) == HN_OK)
		return MakeHfp(shape, HN_SHAPE_DIM, HN_SHAPE_TAG);
	ReportFailure(context, NULL, lenient);
	return NULL;
}

PG_FUNCTION_INFO_V1(hamnet_shape);

/* hamnet_shape(molblock text) → hfp */
PGDLLEXPORT Datum
hamnet_shape(PG_FUNCTION_ARGS)
{
	PG_RETURN_HFP_P(ShapeOf(fcinfo, false));
}

PG_FUNCTION_INFO_V1(hamnet_try_shape);

/* hamnet_try_shape(molblock text) → hfp, or NULL */
PGDLLEXPORT Datum
hamnet_try_shape(PG_FUNCTION_ARGS)
{
	Hfp		   *shape = ShapeOf(fcinfo, true);

	if (shape == NULL)
		PG_RETURN_NULL();
	PG_RETURN_HFP_P(shape);
}

PG_FUNCTION_INFO_V1(hamnet_geometry_descriptors);

/* hamnet_geometry_descriptors(molblock text) → (name, value) */
PGDLLEXPORT Datum
hamnet_geometry_descriptors(PG_FUNCTION_ARGS)
{
	char	   *molblock = text_to_cstring(PG_GETARG_TEXT_PP(0));
	RowSet		rows = BeginRows(fcinfo);
	HnContext  *context = BeginCore();
	double		values[HN_GEOMETRY_COUNT];

	if (hn_geometry_descriptors(context, molblock, hamnet_max_atoms, values) != HN_OK)
		ReportCoreError(context, NULL);
	for (int i = 0; i < HN_GEOMETRY_COUNT; i++)
	{
		bool		nulls[2] = {false, isnan(values[i])};
		Datum		row[2];

		row[0] = CStringGetTextDatum(hn_geometry_names[i]);
		row[1] = Float8GetDatum(values[i]);
		AddRow(&rows, row, nulls);
	}
	return (Datum) 0;
}

/*
 * Σ w A / Σ w over an ensemble, A the polar surface of each of its members. The
 * MOL blocks lie in the core's arena, which the next call resets: copy them.
 */
static double
MeanPolarSurface(const char *smiles, const HnConformers *conformers)
{
	int			count = conformers->count;
	char	  **molblocks = palloc(count * sizeof(char *));
	double	   *weights = palloc(count * sizeof(double));
	double		sum = 0;
	double		total = 0;

	for (int c = 0; c < count; c++)
	{
		molblocks[c] = pstrdup(conformers->members[c].molblock);
		weights[c] = conformers->members[c].weight;
	}
	for (int c = 0; c < count; c++)
	{
		HnContext  *context = BeginCore();
		double		values[HN_GEOMETRY_COUNT];

		if (hn_geometry_descriptors(context, molblocks[c], hamnet_max_atoms, values) != HN_OK)
			ReportCoreError(context, smiles);
		sum += weights[c] * values[HN_POLAR_SURFACE];
		total += weights[c];
	}
	return sum / total;
}

PG_FUNCTION_INFO_V1(hamnet_polar_surface);

/* hamnet_polar_surface(smiles text, epsilon double precision) → double precision */
PGDLLEXPORT Datum
hamnet_polar_surface(PG_FUNCTION_ARGS)
{
	char	   *smiles = text_to_cstring(PG_GETARG_TEXT_PP(0));
	HnConformerOptions options = {
		.rule = {HN_CONFORMATIONS_MAX, HN_WINDOW, HN_RMSD, HN_PICK_LOWEST},
		.epsilon = PG_GETARG_FLOAT8(1), .hydrogens = true
	};
	HnContext  *context = BeginCore();
	HnConformers conformers;

	if (!(options.epsilon >= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("dielectric constant is %g, it must be at least 1", options.epsilon)));
	if (hn_conformers(context, smiles, &options, hamnet_max_atoms, &conformers) != HN_OK)
		ReportCoreError(context, smiles);
	PG_RETURN_FLOAT8(MeanPolarSurface(smiles, &conformers));
}
