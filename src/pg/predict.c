/*
 * predict.c: SQL functions that predict properties.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "utils/builtins.h"

#include "compute.h"
#include "srf.h"

/*
 * The model that predicts a property when none is named: a built-in model
 * with such a target, or a user's model of that name with a single target.
 */
static const CachedModel *
ModelForProperty(const char *property, const HnHead **head, int *target)
{
	const CachedModel *model;

	for (int i = 0; i < builtin_model_count; i++)
	{
		model = GetBuiltinModel(&builtin_models[i]);
		if (FindTarget(&model->model, property, head, target) >= 0)
			return model;
	}
	model = GetModelByName(property, true);
	if (model == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("no built-in model predicts \"%s\", and no model has that name", property),
				 errhint("See column \"targets\" of hamnet_models() for what can be predicted.")));
	if (model->model.head_count != 1 || model->model.heads[0].target_count != 1)
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_PARAMETER),
				 errmsg("model \"%s\" does not have exactly one target", property),
				 errhint("Name the target and the model: hamnet_predict(smiles, target, model).")));
	*head = &model->model.heads[0];
	*target = 0;
	return model;
}

static const CachedModel *
NamedModelForProperty(const char *name, const char *property, const HnHead **head, int *target)
{
	const CachedModel *model = GetModelByName(name, false);

	if (FindTarget(&model->model, property, head, target) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" does not predict \"%s\"", name, property),
				 errhint("See column \"targets\" of hamnet_models() for what it predicts.")));
	return model;
}

/* What one head says of a molecule [targets]; an sd that it does not know is NaN. */
typedef struct Prediction
{
	double	   *values;
	double	   *sds;
} Prediction;

static Prediction
PredictHead(const CachedModel *model, const ModelInputs *inputs, const HnHead *head, const char *smiles)
{
	Prediction	prediction;

	prediction.values = palloc(head->target_count * sizeof(double));
	prediction.sds = palloc(head->target_count * sizeof(double));
	if (hn_predict(inputs->context, &model->model, head, &inputs->inputs, prediction.values,
				   prediction.sds) != HN_OK)
		ReportCoreError(inputs->context, smiles);
	return prediction;
}

PG_FUNCTION_INFO_V1(hamnet_predict);

/* hamnet_predict(smiles text, property text [, model text]) → double precision */
PGDLLEXPORT Datum
hamnet_predict(PG_FUNCTION_ARGS)
{
	char	   *smiles = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *property = text_to_cstring(PG_GETARG_TEXT_PP(1));
	const HnHead *head;
	int			target;
	const CachedModel *model;
	ModelInputs inputs;

	if (PG_NARGS() > 2)
		model = NamedModelForProperty(text_to_cstring(PG_GETARG_TEXT_PP(2)), property, &head, &target);
	else
		model = ModelForProperty(property, &head, &target);
	ComputeModelInputs(model, smiles, &inputs);
	PG_RETURN_FLOAT8(PredictHead(model, &inputs, head, smiles).values[target]);
}

PG_FUNCTION_INFO_V1(hamnet_predictions);

/* hamnet_predictions(smiles text [, model text]) → (property, value, unit, sd) */
PGDLLEXPORT Datum
hamnet_predictions(PG_FUNCTION_ARGS)
{
	char	   *smiles = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const CachedModel *model = GetModelArgument(fcinfo, 1);
	RowSet		rows = BeginRows(fcinfo);
	ModelInputs inputs;

	ComputeModelInputs(model, smiles, &inputs);
	for (int h = 0; h < model->model.head_count; h++)
	{
		const HnHead *head = &model->model.heads[h];
		Prediction	prediction = PredictHead(model, &inputs, head, smiles);

		for (int t = 0; t < head->target_count; t++)
		{
			bool		nulls[4] = {false, false, false, isnan(prediction.sds[t])};
			Datum		row[4];

			row[0] = CStringGetTextDatum(LabelToServer(head->targets[t].name));
			row[1] = Float8GetDatum(prediction.values[t]);
			row[2] = CStringGetTextDatum(LabelToServer(head->targets[t].unit));
			row[3] = Float8GetDatum(prediction.sds[t]);
			AddRow(&rows, row, nulls);
		}
	}
	return (Datum) 0;
}
