/*
 * enrich/predictions.c: option "predictions" of hamnet_enrich.
 *
 *	["property", {"property": "...", "column": "...", "model": "...", "sd": "...", "novelty": "..."}, ...]
 *	{"property": "column", "property": {"column": "...", ...}, ...}
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "enrich/enrich.h"
#include "model/compute.h"
#include "model/predict.h"
#include "model/target.h"
#include "server/options.h"

typedef struct PredictionOptions
{
	char	   *property;
	char	   *column;			/* NULL: one named as the property */
	char	   *model;
	char	   *sd;				/* columns, NULL: not wanted */
	char	   *novelty;
} PredictionOptions;

/* The first stands in an array only: in an object it is the key. */
static const Option prediction_options[] = {
	{"property", OPTION_TEXT, offsetof(PredictionOptions, property)},
	{"column", OPTION_TEXT, offsetof(PredictionOptions, column)},
	{"model", OPTION_TEXT, offsetof(PredictionOptions, model)},
	{"sd", OPTION_TEXT, offsetof(PredictionOptions, sd)},
	{"novelty", OPTION_TEXT, offsetof(PredictionOptions, novelty)},
};

int
AddModel(EnrichRequest *request, const char *id)
{
	int			index = 0;

	while (index < request->model_count && strcmp(request->models[index], id) != 0)
		index++;
	if (index == MAX_ENRICH_MODELS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("more than %d models", MAX_ENRICH_MODELS)));
	if (index == request->model_count)
		strlcpy(request->models[request->model_count++], id, sizeof(request->models[0]));
	return index;
}

static void
AddColumn(EnrichRequest *request, int model, int target, PredictionKind kind, const char *column)
{
	if (request->prediction_count == MAX_ENRICH_PREDICTIONS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("more than %d predictions", MAX_ENRICH_PREDICTIONS)));
	request->predictions[request->prediction_count] = (EnrichPrediction) {.model = model, .target = target, .kind = kind};
	namestrcpy(&request->predictions[request->prediction_count].column, column);
	request->prediction_count++;
}

/* Find the model that is to predict, and the target's index among those of all heads. */
static const CachedModel *
FindModel(const char *name, const char *property, int *index)
{
	const HnHead *head;
	int			target;
	const CachedModel *model = name ? GetModelByName(name, false) : ModelForProperty(NULL, property, &head, &target);

	*index = FindTarget(&model->model, property, &head, &target);
	if (*index < 0 && name)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" does not predict \"%s\"", name, property),
				 errhint("See column \"targets\" of hamnet_models().")));
	*index = Max(*index, 0);	/* the property may be the name of a model with one target */
	return model;
}

/* Report a deviation or novelty that is asked for and that the head of a target never knows. */
static void
RequireKnown(const CachedModel *model, int target, const PredictionOptions *options)
{
	const char *smiles = "CCO";
	Hfp		   *fingerprint;
	double	   *prediction;
	double	   *sd;
	double	   *novelty;
	const char *unknown;

	ComputeMolecules(model, &(Molecules) {.count = 1, .smiles = &smiles}, true,
					 &(MoleculeResults) {&fingerprint, &prediction, &sd, &novelty});
	if (fingerprint == NULL)
		return;
	unknown = options->sd && isnan(sd[target]) ? "standard deviation" :
		options->novelty && isnan(novelty[target]) ? "novelty" : NULL;
	if (unknown)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the model gives no %s with \"%s\"", unknown, options->property),
				 errhint("hamnet_predictions() shows what models give.")));
}

/* Add the columns that options ask for. */
static void
AddPrediction(EnrichRequest *request, const char *model_name, const PredictionOptions *options)
{
	int			target;
	const CachedModel *model;
	int			index;

	if (options->property == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for option \"predictions\""),
				 errdetail("An object in an array needs the key \"property\".")));
	model = FindModel(options->model ? options->model : model_name, options->property, &target);
	index = AddModel(request, model->id);
	if (options->sd || options->novelty)
		RequireKnown(model, target, options);
	AddColumn(request, index, target, PREDICTION_VALUE, options->column ? options->column : options->property);
	if (options->sd)
		AddColumn(request, index, target, PREDICTION_SD, options->sd);
	if (options->novelty)
		AddColumn(request, index, target, PREDICTION_NOVELTY, options->novelty);
}

/* Read what stands under a property, or, where this is NULL, in an array. */
static void
ReadPrediction(const char *property, const JsonbValue *value, PredictionOptions *options)
{
	int			skipped = property ? 1 : 0;

	memset(options, 0, sizeof(*options));
	if (value->type == jbvString)
	{
		options->column = pnstrdup(value->val.string.val, value->val.string.len);
		options->property = options->column;
	}
	else if (value->type == jbvBinary && JsonContainerIsObject(value->val.binary.data))
		ReadOptions(JsonbValueToJsonb((JsonbValue *) value), prediction_options + skipped,
					lengthof(prediction_options) - skipped, options);
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for option \"predictions\""),
				 errdetail("It must be {\"property\": \"column\", ...} or [\"property\", ...], with an object for more than a column.")));
	if (property)
		options->property = pstrdup(property);
}

void
ReadPredictions(EnrichRequest *request, const char *model_name, Jsonb *predictions)
{
	JsonbIterator *iterator = JsonbIteratorInit(&predictions->root);
	JsonbIteratorToken token;
	JsonbValue	value;
	char	   *property = NULL;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		PredictionOptions options;

		if (token == WJB_KEY)
			property = pnstrdup(value.val.string.val, value.val.string.len);
		if (token != WJB_VALUE && token != WJB_ELEM)
			continue;
		ReadPrediction(property, &value, &options);
		AddPrediction(request, model_name, &options);
	}
}
