/*
 * model/predict.c: SQL functions that predict properties.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "utils/builtins.h"

#include "hamnet/predict.h"

#include "model/compute.h"
#include "server/srf.h"

/*
 * The model that predicts a property when none is named: a built-in model
 * with such a target, or a user's model of that name with a single target.
 */
static const CachedModel *
ModelForProperty(const char *property, const HnHead **head, int *target)
{
	const BuiltinModel *builtin = FindBuiltinByTarget(LabelFromServer(property));
	const CachedModel *model;

	if (builtin)
	{
		model = GetBuiltinModel(builtin);
		if (FindTarget(&model->model, property, head, target) < 0)
			elog(ERROR, "built-in model \"%s\" lacks its target \"%s\"", builtin->name, property);
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

/* What one head says of a molecule [targets]; an sd or novelty that it does not know is NaN. */
typedef struct Prediction
{
	double	   *values;
	double	   *sds;
	double		novelty;
} Prediction;

static Prediction
PredictHead(const CachedModel *model, const ParsedMolecule *molecule, const HnInputs *inputs, const HnHead *head)
{
	Prediction	prediction;

	prediction.values = palloc(head->target_count * sizeof(double));
	prediction.sds = palloc(head->target_count * sizeof(double));
	if (hn_predict_novelty(molecule->context, &model->model, head, inputs, prediction.values, prediction.sds,
						   &prediction.novelty) != HN_OK)
		ReportCoreError(molecule->context, molecule->smiles);
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
	ParsedMolecule molecule;
	HnInputs	inputs;
	double	   *values;

	if (PG_NARGS() > 2)
		model = NamedModelForProperty(text_to_cstring(PG_GETARG_TEXT_PP(2)), property, &head, &target);
	else
		model = ModelForProperty(property, &head, &target);
	ParseForModels(&model, 1, smiles, &molecule);
	inputs = ComputeModelInputs(model, &molecule);
	values = palloc(head->target_count * sizeof(double));
	if (hn_predict(molecule.context, &model->model, head, &inputs, values, NULL) != HN_OK)
		ReportCoreError(molecule.context, smiles);
	PG_RETURN_FLOAT8(values[target]);
}

/* Columns of hamnet_predictions(). */
#define PREDICTION_COLUMNS 5

/* A row for each target of a model. */
static void
AddPredictions(RowSet *rows, const CachedModel *model, ParsedMolecule *molecule)
{
	HnInputs	inputs;

	if (model->model.head_count == 0)
		return;
	inputs = ComputeModelInputs(model, molecule);
	for (int h = 0; h < model->model.head_count; h++)
	{
		const HnHead *head = &model->model.heads[h];
		Prediction	prediction = PredictHead(model, molecule, &inputs, head);

		for (int t = 0; t < head->target_count; t++)
		{
			bool		nulls[PREDICTION_COLUMNS] = {false, false, false, isnan(prediction.sds[t]), isnan(prediction.novelty)};
			Datum		row[PREDICTION_COLUMNS];

			row[0] = CStringGetTextDatum(LabelToServer(head->targets[t].name));
			row[1] = Float8GetDatum(prediction.values[t]);
			row[2] = CStringGetTextDatum(LabelToServer(head->targets[t].unit));
			row[3] = Float8GetDatum(prediction.sds[t]);
			row[4] = Float8GetDatum(prediction.novelty);
			AddRow(rows, row, nulls);
		}
	}
}

PG_FUNCTION_INFO_V1(hamnet_predictions);

/* hamnet_predictions(smiles text [, model text]) → (property, value, unit, sd, novelty) */
PGDLLEXPORT Datum
hamnet_predictions(PG_FUNCTION_ARGS)
{
	char	   *smiles = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const CachedModel **models = palloc(Max(builtin_model_count, 1) * sizeof(CachedModel *));
	int			count = 0;
	RowSet		rows = BeginRows(fcinfo);
	ParsedMolecule molecule;

	if (PG_NARGS() > 1)
		models[count++] = GetModelByName(text_to_cstring(PG_GETARG_TEXT_PP(1)), false);
	else
		for (int i = 0; i < builtin_model_count; i++)
			if (builtin_models[i].targets[0] != NULL)
				models[count++] = GetBuiltinModel(&builtin_models[i]);
	/* Where nothing is predicted, what is no molecule is an error all the same. */
	if (count == 0)
		models[count++] = GetDefaultModel();
	ParseForModels(models, count, smiles, &molecule);
	for (int i = 0; i < count; i++)
		AddPredictions(&rows, models[i], &molecule);
	return (Datum) 0;
}
