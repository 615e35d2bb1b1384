/*
 * model/predict.c: SQL functions that predict properties.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "nodes/makefuncs.h"
#include "nodes/supportnodes.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "hamnet/predict.h"

#include "model/compute.h"
#include "model/predict.h"
#include "model/target.h"
#include "server/srf.h"

/* Whether a text is what a caller would name as a property. */
static bool
IsProperty(const char *text)
{
	return FindBuiltinByTarget(LabelFromServer(text)) || GetModelByName(text, true);
}

const CachedModel *
ModelForProperty(const char *smiles, const char *property, const HnHead **head, int *target)
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
				 smiles && IsProperty(smiles) ? errhint("The arguments are (smiles, property), and \"%s\" is a property.", smiles) :
				 errhint("See column \"targets\" of hamnet_models() for what can be predicted.")));
	if (model->model.head_count != 1 || model->model.heads[0].target_count != 1)
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_PARAMETER),
				 errmsg("model \"%s\" does not have exactly one target", property),
				 errhint("It predicts %s: name one of them and the model, as (smiles, property, model).", ListTargets(&model->model))));
	*head = &model->model.heads[0];
	*target = 0;
	return model;
}

static void
ReportNoTarget(const CachedModel *model, const char *name, const char *property)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("model \"%s\" does not predict \"%s\"", name, property),
			 errhint("It predicts %s.", ListTargets(&model->model))));
}

static const CachedModel *
NamedModelForProperty(const char *name, const char *property, const HnHead **head, int *target)
{
	const CachedModel *model = GetModelByName(name, true);
	const CachedModel *swapped = model == NULL ? GetModelByName(property, true) : NULL;

	if (swapped)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" does not exist", name),
				 errhint("The arguments are (smiles, property, model), and \"%s\" is a model. It predicts %s.", property,
						 ListTargets(&swapped->model))));
	if (model == NULL)
		model = GetModelByName(name, false);
	if (FindTarget(&model->model, property, head, target) < 0)
		ReportNoTarget(model, name, property);
	return model;
}

const CachedModel *
GetTargetArgument(FunctionCallInfo fcinfo, int n, const HnHead **head, int *target)
{
	char	   *property = text_to_cstring(PG_GETARG_TEXT_PP(n));

	if (PG_NARGS() > n + 1)
		return NamedModelForProperty(text_to_cstring(PG_GETARG_TEXT_PP(n + 1)), property, head, target);
	return ModelForProperty(text_to_cstring(PG_GETARG_TEXT_PP(n - 1)), property, head, target);
}

/* Predict one target. For a failure that lies in the molecule, a lenient call returns false. */
static bool
PredictTarget(const CachedModel *model, const HnHead *head, int target, const char *smiles, bool lenient, double *value)
{
	ParsedMolecule molecule;
	HnInputs	inputs;
	double	   *values = palloc(head->target_count * sizeof(double));

	if (ParseForModels(&model, 1, smiles, &molecule) != HN_OK ||
		ComputeModelInputs(model, &molecule, &inputs) != HN_OK ||
		hn_predict(molecule.context, &model->model, head, &inputs, values, NULL) != HN_OK)
	{
		ReportFailure(molecule.context, smiles, lenient);
		return false;
	}
	*value = values[target];
	return true;
}

/* Predict the target that the arguments (smiles, property [, model]) name. */
static bool
PredictArguments(FunctionCallInfo fcinfo, bool lenient, double *value)
{
	const HnHead *head;
	int			target;
	const CachedModel *model = GetTargetArgument(fcinfo, 1, &head, &target);

	return PredictTarget(model, head, target, text_to_cstring(PG_GETARG_TEXT_PP(0)), lenient, value);
}

PG_FUNCTION_INFO_V1(hamnet_predict);

/* hamnet_predict(smiles text, property text [, model text]) → double precision */
PGDLLEXPORT Datum
hamnet_predict(PG_FUNCTION_ARGS)
{
	double		value;

	PredictArguments(fcinfo, false, &value);
	PG_RETURN_FLOAT8(value);
}

PG_FUNCTION_INFO_V1(hamnet_try_predict);

/* hamnet_try_predict(smiles text, property text [, model text]) → double precision, or NULL */
PGDLLEXPORT Datum
hamnet_try_predict(PG_FUNCTION_ARGS)
{
	double		value;

	if (!PredictArguments(fcinfo, true, &value))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(value);
}

PG_FUNCTION_INFO_V1(hamnet_predict_pinned);

/* hamnet_predict_pinned(smiles text, property text, model_id text) → double precision */
PGDLLEXPORT Datum
hamnet_predict_pinned(PG_FUNCTION_ARGS)
{
	char	   *property = text_to_cstring(PG_GETARG_TEXT_PP(1));
	const CachedModel *model = GetModelById(text_to_cstring(PG_GETARG_TEXT_PP(2)), false);
	const HnHead *head;
	int			target;
	double		value;

	if (FindTarget(&model->model, property, &head, &target) < 0)
		ReportNoTarget(model, model->id, property);
	PredictTarget(model, head, target, text_to_cstring(PG_GETARG_TEXT_PP(0)), false, &value);
	PG_RETURN_FLOAT8(value);
}

/* Return the function hamnet_predict_pinned beside another one, which is found by the OID of its schema. */
static Oid
PinnedFunction(Oid beside)
{
	Oid			types[3] = {TEXTOID, TEXTOID, TEXTOID};

	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum("hamnet_predict_pinned"),
						   PointerGetDatum(buildoidvector(types, lengthof(types))),
						   ObjectIdGetDatum(get_func_namespace(beside)));
}

/* Return a call of hamnet_predict as one of hamnet_predict_pinned, NULL where a stored model may have to answer. */
static Node *
PinPrediction(const FuncExpr *call)
{
	Const	   *property = list_length(call->args) == 2 ? lsecond(call->args) : NULL;
	const BuiltinModel *builtin;
	Oid			pinned;
	Const	   *id;

	if (property == NULL || !IsA(property, Const) || property->constisnull)
		return NULL;
	builtin = FindBuiltinByTarget(LabelFromServer(TextDatumGetCString(property->constvalue)));
	pinned = PinnedFunction(call->funcid);
	if (builtin == NULL || !OidIsValid(pinned))
		return NULL;
	id = makeConst(TEXTOID, -1, call->inputcollid, -1, CStringGetTextDatum(builtin->id), false, false);
	return (Node *) makeFuncExpr(pinned, FLOAT8OID, list_make3(linitial(call->args), property, id),
								 InvalidOid, call->inputcollid, COERCE_EXPLICIT_CALL);
}

PG_FUNCTION_INFO_V1(hamnet_predict_support);

/*
 * Planner support of hamnet_predict(smiles, property). It is stable because a
 * stored model may answer. Where the property is a constant that a built-in model
 * has, none may, and the call becomes an immutable one by that model's identity:
 * it can run on another server, and stand in an index.
 */
PGDLLEXPORT Datum
hamnet_predict_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);

	if (!IsA(request, SupportRequestSimplify))
		PG_RETURN_POINTER(NULL);
	PG_RETURN_POINTER(PinPrediction(((SupportRequestSimplify *) request)->fcall));
}

/* Columns of hamnet_predictions(). */
#define PREDICTION_COLUMNS 5

/* Add a row for each target of a head; an sd or novelty that it does not know is NULL. */
static HnStatus
AddHeadPredictions(RowSet *rows, const CachedModel *model, const ParsedMolecule *molecule, const HnInputs *inputs,
				   const HnHead *head)
{
	double	   *values = palloc(head->target_count * sizeof(double));
	double	   *sds = palloc(head->target_count * sizeof(double));
	double		novelty;

	HN_TRY(hn_predict_novelty(molecule->context, &model->model, head, inputs, values, sds, &novelty));
	for (int t = 0; t < head->target_count; t++)
	{
		bool		nulls[PREDICTION_COLUMNS] = {false, false, false, isnan(sds[t]), isnan(novelty)};
		Datum		row[PREDICTION_COLUMNS];

		row[0] = CStringGetTextDatum(LabelToServer(head->targets[t].name));
		row[1] = Float8GetDatum(values[t]);
		row[2] = CStringGetTextDatum(LabelToServer(head->targets[t].unit));
		row[3] = Float8GetDatum(sds[t]);
		row[4] = Float8GetDatum(novelty);
		AddRow(rows, row, nulls);
	}
	return HN_OK;
}

/* Add the rows of all heads of a model. */
static HnStatus
AddPredictions(RowSet *rows, const CachedModel *model, ParsedMolecule *molecule)
{
	HnInputs	inputs;

	if (model->model.head_count == 0)
		return HN_OK;
	HN_TRY(ComputeModelInputs(model, molecule, &inputs));
	for (int h = 0; h < model->model.head_count; h++)
		HN_TRY(AddHeadPredictions(rows, model, molecule, &inputs, &model->model.heads[h]));
	return HN_OK;
}

/* The models asked: the one that the second argument names, or the built-in ones that predict. */
static const CachedModel **
PredictingModels(FunctionCallInfo fcinfo, int *count)
{
	const CachedModel **models = palloc(Max(builtin_model_count, 1) * sizeof(CachedModel *));

	*count = 0;
	if (PG_NARGS() > 1)
		models[(*count)++] = GetModelByName(text_to_cstring(PG_GETARG_TEXT_PP(1)), false);
	else
		for (int i = 0; i < builtin_model_count; i++)
			if (builtin_models[i].targets[0] != NULL)
				models[(*count)++] = GetBuiltinModel(&builtin_models[i]);
	/* Where nothing is predicted, what is no molecule is an error all the same. */
	if (*count == 0)
		models[(*count)++] = GetDefaultModel();
	return models;
}

/* For a failure that lies in the molecule, a lenient call gives no row at all. */
static void
PredictTargets(FunctionCallInfo fcinfo, bool lenient)
{
	char	   *smiles = text_to_cstring(PG_GETARG_TEXT_PP(0));
	RowSet		rows = BeginRows(fcinfo);
	int			count;
	const CachedModel **models = PredictingModels(fcinfo, &count);
	ParsedMolecule molecule;
	HnStatus	status = ParseForModels(models, count, smiles, &molecule);

	for (int i = 0; i < count && status == HN_OK; i++)
		status = AddPredictions(&rows, models[i], &molecule);
	if (status == HN_OK)
		return;
	ReportFailure(molecule.context, smiles, lenient);
	tuplestore_clear(rows.store);
}

PG_FUNCTION_INFO_V1(hamnet_predictions);

/* hamnet_predictions(smiles text [, model text]) → (property, value, unit, sd, novelty) */
PGDLLEXPORT Datum
hamnet_predictions(PG_FUNCTION_ARGS)
{
	PredictTargets(fcinfo, false);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(hamnet_try_predictions);

/* hamnet_try_predictions(smiles text [, model text]) → the same, or no row */
PGDLLEXPORT Datum
hamnet_try_predictions(PG_FUNCTION_ARGS)
{
	PredictTargets(fcinfo, true);
	return (Datum) 0;
}
