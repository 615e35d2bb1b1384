/*
 * train/score.c: how good predictions of the validation set are.
 */
#include "postgres.h"

#include <math.h>

#include "hamnet/metrics.h"

#include "model/head_inputs.h"
#include "model/target.h"
#include "server/core.h"
#include "train/train.h"

const char *const metric_names[] = {NULL, "rmse", "roc_auc", "loss"};

/* Return whether target t has both classes in the validation set. */
static bool
HasBothClasses(const TrainingData *data, int t)
{
	bool		seen[2] = {false, false};

	for (int i = 0; i < data->validation_count; i++)
	{
		double		label = data->examples[data->validation[i]].targets[t];

		if (!isnan(label))
			seen[label > 0.5] = true;
	}
	return seen[0] && seen[1];
}

/* Notify the caller why there is no area under a curve. */
static void
NotifyMissingClass(const Trainer *trainer, int t)
{
	ereport(NOTICE,
			(errmsg("validation rows of target \"%s\" are of one class only or have no label: validating by loss, not by ROC-AUC",
					LabelToServer(trainer->heads[0].targets[t].name)),
			 errhint("Validate on more rows, or in folds.")));
}

Metric
ChooseMetric(const Trainer *trainer)
{
	if (trainer->data.validation_count == 0)
		return METRIC_NONE;
	if (trainer->head_count == 2)
		return METRIC_LOSS;
	if (trainer->heads[0].task == HN_REGRESSION)
		return METRIC_RMSE;
	for (int t = 0; t < trainer->heads[0].target_count; t++)
		if (!HasBothClasses(&trainer->data, t))
		{
			NotifyMissingClass(trainer, t);
			return METRIC_LOSS;
		}
	return METRIC_ROC_AUC;
}

/* Labels and predictions of one target, where both are there; returns their number. */
static int
CollectPairs(const TrainingData *data, const double *predictions, int targets, int t, double *predicted, double *actual)
{
	int			n = 0;

	for (int i = 0; i < data->validation_count; i++)
	{
		double		label = data->examples[data->validation[i]].targets[t];
		double		value = predictions[(Size) i * targets + t];

		if (isnan(label) || isnan(value))
			continue;
		predicted[n] = value;
		actual[n++] = label;
	}
	return n;
}

/* Sum over n labels of the squared error in standard deviations, or of the cross-entropy. */
static double
SumLosses(const HnTarget *target, HnTask task, const double *predicted, const double *actual, int n)
{
	double		sum = 0;

	for (int i = 0; i < n; i++)
		if (task == HN_REGRESSION)
			sum += (predicted[i] - actual[i]) * (predicted[i] - actual[i]) / (target->std * target->std);
		else
			sum -= log(Max(actual[i] > 0.5 ? predicted[i] : 1 - predicted[i], 1e-12));
	return sum;
}

double
HeadScore(Trainer *trainer, const HnHead *head, int first, const double *predictions, double *terms)
{
	const TrainingData *data = &trainer->data;
	double	   *predicted = palloc(data->validation_count * sizeof(double));
	double	   *actual = palloc(data->validation_count * sizeof(double));
	HnArenaMark mark = hn_arena_mark(&trainer->arena);
	double		total = 0;

	for (int k = 0; k < head->target_count; k++)
	{
		const HnTarget *target = &head->targets[k];
		int			n = CollectPairs(data, predictions, trainer->target_count, first + k, predicted, actual);
		double		area;

		if (n == 0)
			continue;
		*terms += trainer->metric == METRIC_LOSS ? n : 1;
		if (trainer->metric == METRIC_RMSE)
			total += hn_rmse(predicted, actual, n) / (trainer->target_count > 1 ? target->std : 1);
		else if (trainer->metric == METRIC_LOSS)
			total += SumLosses(target, head->task, predicted, actual, n);
		else if (hn_roc_auc(&trainer->context, predicted, actual, n, &area) == HN_OK)
			total += area;
		else
			ReportCoreError(&trainer->context, NULL);
	}
	hn_arena_rewind(&trainer->arena, mark);
	pfree(predicted);
	pfree(actual);
	return trainer->metric == METRIC_ROC_AUC ? -total : total;
}

double
ScorePredictions(Trainer *trainer, const double *predictions, double *shown)
{
	double		total = 0;
	double		terms = 0;
	int			first = 0;

	for (int h = 0; h < trainer->head_count; h++)
	{
		total += HeadScore(trainer, &trainer->heads[h], first, predictions, &terms);
		first += trainer->heads[h].target_count;
	}
	total = terms > 0 ? total / terms : NAN;
	*shown = trainer->metric == METRIC_ROC_AUC ? -total : total;
	return total;
}

/* Predict the validation set by a finished model: values and deviations [validation_count, targets]. */
static void
PredictValidation(Trainer *trainer, HnModel *model, double **values, double **sds)
{
	const TrainingData *data = &trainer->data;
	HnNeeds		needs = hn_model_needs(model);
	HnInputs	described = DescribedInputs(&data->descriptions);
	Molecules	molecules = {
		.count = data->validation_count, .indexes = data->validation, .graphs = data->graphs,
		.described = &described, .valid = needs.descriptors || needs.counts ? data->descriptions.valid : NULL
	};

	if (hn_model_pack(&trainer->context, model) != HN_OK)
		ReportCoreError(&trainer->context, NULL);
	*values = PredictMolecules(model, &molecules, sds);
}

void
JudgeModel(Trainer *trainer, Outcome *outcome)
{
	outcome->score = outcome->shown = NAN;
	if (trainer->metric == METRIC_NONE || trainer->refitting)
		return;
	PredictValidation(trainer, &outcome->model, &outcome->values, &outcome->sds);
	outcome->score = ScorePredictions(trainer, outcome->values, &outcome->shown);
}
