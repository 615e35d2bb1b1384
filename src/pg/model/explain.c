/*
 * model/explain.c: SQL functions that say which atoms a prediction, or a distance, comes from.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "hamnet/explain.h"

#include "model/compute.h"
#include "model/molecule_batch.h"
#include "model/predict.h"
#include "model/svg.h"
#include "model/target.h"
#include "server/guc.h"
#include "server/srf.h"
#include "type/distance.h"

/* What is explained of a molecule: a number for each of many SMILES, NaN where there is none. */
typedef struct Explained
{
	double	   *(*evaluate) (const void *state, const char *const *smiles, int count);
	const void *state;
} Explained;

/* Why a molecule's number is what it is. */
typedef struct Explanation
{
	int			atom_count;
	double	   *contributions;	/* [atom_count] in the order of the SMILES */
	unsigned char *elements;
	double		value;
	double		baseline;
} Explanation;

/*
 * List what has to be evaluated, each SMILES once, so that equal parts have
 * equal numbers whatever stands beside them in a batch: first the molecule, then the
 * baseline. index[p] is that of part p, -1 where nothing is left.
 */
static const char **
ListSmiles(const HnParts *parts, int *index, int *count)
{
	const char **smiles = palloc((parts->count + 2) * sizeof(char *));

	smiles[0] = parts->smiles;
	smiles[1] = HN_BASELINE_SMILES;
	*count = 2;
	for (int p = 0; p < parts->count; p++)
	{
		index[p] = -1;
		for (int i = 0; i < *count && parts->parts[p] && index[p] < 0; i++)
			if (strcmp(smiles[i], parts->parts[p]) == 0)
				index[p] = i;
		if (parts->parts[p] && index[p] < 0)
		{
			index[p] = *count;
			smiles[(*count)++] = parts->parts[p];
		}
	}
	return smiles;
}

/* Explain the number of a molecule; reports every failure. */
static Explanation
Explain(const char *smiles, const Explained *explained)
{
	Explanation explanation;
	HnArena		arena;
	HnContext	context;
	HnParts		parts;
	const char **listed;
	double	   *numbers;
	double	   *part_values;
	double	   *contributions;
	int		   *index;
	int			count;

	/* Not the backend's core, which evaluating takes. */
	hn_arena_init(&arena, ContextAllocator(CurrentMemoryContext));
	InitCoreContext(&context, &arena);
	if (hn_cut_parts(&context, smiles, hamnet_max_atoms, &parts) != HN_OK)
		ReportCoreError(&context, smiles);
	index = palloc(Max(parts.count, 1) * sizeof(int));
	part_values = palloc(Max(parts.count, 1) * sizeof(double));
	contributions = palloc(parts.atom_count * sizeof(double));
	listed = ListSmiles(&parts, index, &count);
	numbers = explained->evaluate(explained->state, listed, count);
	if (isnan(numbers[0]) || isnan(numbers[1]))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("nothing can be explained of \"%s\": the model gives no finite number", smiles)));
	for (int p = 0; p < parts.count; p++)
		part_values[p] = index[p] < 0 ? numbers[1] : numbers[index[p]];
	if (hn_fit_contributions(&context, &parts, numbers[0], numbers[1], part_values, contributions) != HN_OK)
		ReportCoreError(&context, smiles);

	explanation.atom_count = parts.atom_count;
	explanation.value = numbers[0];
	explanation.baseline = numbers[1];
	explanation.contributions = palloc(parts.atom_count * sizeof(double));
	explanation.elements = palloc(parts.atom_count);
	for (int i = 0; i < parts.atom_count; i++)
	{
		explanation.contributions[parts.source_atom[i]] = contributions[i];
		explanation.elements[parts.source_atom[i]] = parts.element[i];
	}
	hn_arena_destroy(&arena);
	return explanation;
}

/* A target of a model. */
typedef struct Target
{
	const CachedModel *model;
	const HnHead *head;
	int			target;			/* of the head */
} Target;

/* Where predictions of a target go. */
typedef struct TargetValues
{
	const Target *target;
	double	   *values;
} TargetValues;

static HnStatus
KeepValues(void *state, const MoleculeBatch *batch)
{
	const TargetValues *kept = state;
	const Target *target = kept->target;
	int			targets = target->head->target_count;
	double	   *predictions;

	HN_NEW(batch->context, predictions, (Size) batch->inputs.count * targets);
	HN_TRY(hn_predict(batch->context, &target->model->model, target->head, &batch->inputs, predictions, NULL));
	for (int i = 0; i < batch->inputs.count; i++)
		kept->values[batch->indexes[i]] = predictions[(Size) i * targets + target->target];
	return HN_OK;
}

/* It keeps its NaN. */
static void
PassOver(void *state, const HnContext *context, int index, const char *smiles)
{
}

/* Predict one target alone, by its head. */
static double *
PredictAll(const void *state, const char *const *smiles, int count)
{
	const Target *target = state;
	const HnModel *model = &target->model->model;
	TargetValues kept = {target, palloc(count * sizeof(double))};

	for (int i = 0; i < count; i++)
		kept.values[i] = NAN;
	VisitMolecules(model, hn_model_needs(model), model->other_count + 1,
				   &(Molecules) {.count = count, .smiles = smiles},
				   (BatchVisitor) {KeepValues, PassOver, &kept});
	return kept.values;
}

/* Explain what the arguments (smiles, property [, model]) name. */
static Explanation
ExplainArguments(FunctionCallInfo fcinfo, const char *smiles, Target *target)
{
	Explained	explained = {PredictAll, target};

	target->model = GetTargetArgument(fcinfo, 1, &target->head, &target->target);
	return Explain(smiles, &explained);
}

PG_FUNCTION_INFO_V1(hamnet_explain);

/* hamnet_explain(smiles text, property text [, model text]) → (atom, element, contribution, unit, baseline) */
PGDLLEXPORT Datum
hamnet_explain(PG_FUNCTION_ARGS)
{
	char	   *smiles = text_to_cstring(PG_GETARG_TEXT_PP(0));
	RowSet		rows = BeginRows(fcinfo);
	Target		target;
	Explanation explanation = ExplainArguments(fcinfo, smiles, &target);
	Datum		unit = CStringGetTextDatum(LabelToServer(target.head->targets[target.target].unit));

	for (int i = 0; i < explanation.atom_count; i++)
	{
		Datum		row[5];

		row[0] = Int32GetDatum(i + 1);
		row[1] = CStringGetTextDatum(hn_element_symbol(explanation.elements[i]));
		row[2] = Float8GetDatum(explanation.contributions[i]);
		row[3] = unit;
		row[4] = Float8GetDatum(explanation.baseline);
		AddRow(&rows, row, NULL);
	}
	return (Datum) 0;
}

/* The largest contribution, without its sign. */
static double
LargestContribution(const Explanation *explanation)
{
	double		largest = 0;

	for (int i = 0; i < explanation->atom_count; i++)
		largest = Max(largest, fabs(explanation->contributions[i]));
	return largest;
}

/* "lipophilicity 2.52 log D", its deviation and novelty as far as they are known, and what the colours mean. */
static char *
DescribePrediction(const Target *target, const char *smiles, const Explanation *explanation)
{
	const HnTarget *label = &target->head->targets[target->target];
	double	   *values = palloc(target->head->target_count * sizeof(double));
	double	   *sds = palloc(target->head->target_count * sizeof(double));
	double		novelty;
	ParsedMolecule molecule;
	HnInputs	inputs;
	StringInfoData legend;

	if (ParseForModels(&target->model, 1, smiles, &molecule) != HN_OK ||
		ComputeModelInputs(target->model, &molecule, &inputs) != HN_OK ||
		hn_predict_novelty(molecule.context, &target->model->model, target->head, &inputs, values, sds, &novelty) != HN_OK)
		ReportCoreError(molecule.context, smiles);
	initStringInfo(&legend);
	appendStringInfo(&legend, "%s %.2f %s\n", LabelToServer(label->name), values[target->target], LabelToServer(label->unit));
	if (!isnan(sds[target->target]))
		appendStringInfo(&legend, "sd %.2f, ", sds[target->target]);
	if (!isnan(novelty))
		appendStringInfo(&legend, "novelty %.2f, ", novelty);
	appendStringInfo(&legend, "methane %.2f\ngreen raises, purple lowers, by %.2f at most", explanation->baseline,
					 LargestContribution(explanation));
	return legend.data;
}

PG_FUNCTION_INFO_V1(hamnet_svg_explain);

/* hamnet_svg_explain(smiles text, property text [, model text]) → SVG */
PGDLLEXPORT Datum
hamnet_svg_explain(PG_FUNCTION_ARGS)
{
	char	   *smiles = text_to_cstring(PG_GETARG_TEXT_PP(0));
	HnDrawStyle style = default_draw_style;
	Target		target;
	Explanation explanation = ExplainArguments(fcinfo, smiles, &target);
	HnDrawing	drawing = {
		.smiles = smiles,
		.legend = DescribePrediction(&target, smiles, &explanation),
		.weights = explanation.contributions,
		.weight_count = explanation.atom_count
	};

	style.width = 360;
	style.height = 290;
	PG_RETURN_TEXT_P(DrawMolecules(&drawing, 1, &style));
}

/* How near molecules are to one of a fingerprint. */
typedef struct Nearness
{
	const CachedModel *model;
	const Hfp  *to;
} Nearness;

/* Cosines of the angles between fingerprints. */
static double *
CompareAll(const void *state, const char *const *smiles, int count)
{
	const Nearness *nearness = state;
	Hfp		  **fingerprints = palloc(count * sizeof(Hfp *));
	double	   *values = palloc(count * sizeof(double));

	ComputeFingerprints(nearness->model, &(Molecules) {.count = count, .smiles = smiles}, true, fingerprints);
	for (int i = 0; i < count; i++)
		values[i] = fingerprints[i] ? 1 - HfpCosineDistance(fingerprints[i], nearness->to) : NAN;
	return values;
}

/* Draw with contributions to the nearness of the other. */
static void
ExplainNearness(HnDrawing *drawing, const CachedModel *model, const Hfp *other)
{
	Nearness	nearness = {model, other};
	Explained	explained = {CompareAll, &nearness};
	Explanation explanation = Explain(drawing->smiles, &explained);

	drawing->weights = explanation.contributions;
	drawing->weight_count = explanation.atom_count;
}

PG_FUNCTION_INFO_V1(hamnet_svg_similarity);

/* hamnet_svg_similarity(a text, b text [, model text]) → SVG */
PGDLLEXPORT Datum
hamnet_svg_similarity(PG_FUNCTION_ARGS)
{
	char	   *smiles[2] = {text_to_cstring(PG_GETARG_TEXT_PP(0)), text_to_cstring(PG_GETARG_TEXT_PP(1))};
	const CachedModel *model = GetModelArgument(fcinfo, 2);
	HnDrawStyle style = default_draw_style;
	HnDrawing	drawings[2] = {{.smiles = smiles[0]}, {.smiles = smiles[1]}};
	Hfp		   *fingerprints[2];

	for (int i = 0; i < 2; i++)
	{
		Computed	computed;

		ComputeAll(model, smiles[i], &computed);
		fingerprints[i] = MakeFingerprint(model, computed.fingerprint.fingerprint);
	}
	for (int i = 0; i < 2; i++)
		ExplainNearness(&drawings[i], model, fingerprints[1 - i]);
	drawings[0].legend = psprintf("cosine distance %.3f\nEuclidean %.2f", HfpCosineDistance(fingerprints[0], fingerprints[1]),
								  HfpL2Distance(fingerprints[0], fingerprints[1]));
	drawings[1].legend = "green: like the other\npurple: unlike it";
	style.width = 360;
	style.height = 270;
	style.columns = 2;
	PG_RETURN_TEXT_P(DrawMolecules(drawings, 2, &style));
}
