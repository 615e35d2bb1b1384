/*
 * train/cross_validation.c: what a training in folds says of itself: metrics of
 * each target with their spread, and predictions of rows by models that had not
 * learned from them.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/json.h"

#include "hamnet/metrics.h"

#include "model/target.h"
#include "server/core.h"
#include "server/table_owner.h"
#include "train/train.h"

/* Labels and predictions of one target in one fold, where both are there. */
typedef struct FoldPairs
{
	int			count;
	double	   *values;
	double	   *labels;
	double	   *sds;
	Datum	   *smiles;
} FoldPairs;

static FoldPairs
CollectFold(const Trainer *trainer, const HeldOut *held, int fold, int target)
{
	const TrainingData *data = &trainer->data;
	int			begin = trainer->fold_begins[fold];
	int			rows = trainer->fold_begins[fold + 1] - begin;
	FoldPairs	pairs = {
		.values = palloc(Max(1, rows) * sizeof(double)), .labels = palloc(Max(1, rows) * sizeof(double)),
		.sds = palloc(Max(1, rows) * sizeof(double)), .smiles = palloc(Max(1, rows) * sizeof(Datum))
	};

	for (int i = begin; i < begin + rows; i++)
	{
		int			row = trainer->held_rows[i];
		Size		at = (Size) i * trainer->target_count + target;

		if (isnan(data->examples[row].targets[target]) || isnan(held->values[at]))
			continue;
		pairs.labels[pairs.count] = data->examples[row].targets[target];
		pairs.values[pairs.count] = held->values[at];
		pairs.sds[pairs.count] = held->sds[at];
		pairs.smiles[pairs.count++] = CStringGetTextDatum(data->smiles[GetMolecule(&data->set, row)->row]);
	}
	return pairs;
}

static const char *const regression_metrics[] = {"rmse", "mae", "r2", NULL};
static const char *const class_metrics[] = {"roc_auc", "pr_auc", NULL};

/* Return metric number m of one fold; NaN where the fold gives it no meaning. */
static double
FoldMetric(Trainer *trainer, HnTask task, int m, const FoldPairs *pairs)
{
	HnArenaMark mark = hn_arena_mark(&trainer->arena);
	double		value = NAN;
	HnStatus	status = HN_OK;

	if (task == HN_REGRESSION)
		return m == 0 ? hn_rmse(pairs->values, pairs->labels, pairs->count) :
			m == 1 ? hn_mae(pairs->values, pairs->labels, pairs->count) :
			hn_r_squared(pairs->values, pairs->labels, pairs->count);
	status = (m == 0 ? hn_roc_auc : hn_pr_auc) (&trainer->context, pairs->values, pairs->labels, pairs->count, &value);
	if (status != HN_OK)
		ReportCoreError(&trainer->context, NULL);
	hn_arena_rewind(&trainer->arena, mark);
	return value;
}

/* Add the mean and the sample deviation of those folds that have a value. */
static void
AppendSpread(StringInfo json, const double *values, int folds)
{
	double		mean = 0;
	double		squares = 0;
	int			n = 0;

	for (int f = 0; f < folds; f++)
		if (isfinite(values[f]))
		{
			mean += values[f];
			n++;
		}
	mean /= n;
	for (int f = 0; f < folds; f++)
		if (isfinite(values[f]))
			squares += (values[f] - mean) * (values[f] - mean);
	if (n == 0)
		appendStringInfoString(json, "\"mean\": null, \"std\": null");
	else if (n == 1)
		appendStringInfo(json, "\"mean\": %.9g, \"std\": null", mean);
	else
		appendStringInfo(json, "\"mean\": %.9g, \"std\": %.9g", mean, sqrt(squares / (n - 1)));
	appendStringInfo(json, ", \"folds\": %d", n);
}

/* Add the metrics of one target. */
static void
ReportTarget(Trainer *trainer, const HeldOut *held, HnTask task, const char *name, int target, StringInfo json)
{
	const char *const *metrics = task == HN_REGRESSION ? regression_metrics : class_metrics;
	FoldPairs  *pairs = palloc(trainer->folds * sizeof(FoldPairs));
	double	   *values = palloc(trainer->folds * sizeof(double));

	for (int f = 0; f < trainer->folds; f++)
		pairs[f] = CollectFold(trainer, held, f, target);
	for (int m = 0; metrics[m]; m++)
	{
		for (int f = 0; f < trainer->folds; f++)
			values[f] = FoldMetric(trainer, task, m, &pairs[f]);
		appendStringInfoString(json, target > 0 || m > 0 ? ", {\"target\": " : "{\"target\": ");
		escape_json(json, name);
		appendStringInfo(json, ", \"metric\": \"%s\", ", metrics[m]);
		AppendSpread(json, values, trainer->folds);
		appendStringInfoChar(json, '}');
	}
}

void
ReportFolds(Trainer *trainer, CandidateKind chosen, StringInfo json)
{
	int			target = 0;

	if (trainer->fold_of_row == NULL)
		return;
	appendStringInfo(json, ", \"folds\": %d, \"cross_validation\": [", trainer->folds);
	for (int h = 0; h < trainer->head_count; h++)
		for (int t = 0; t < trainer->heads[h].target_count; t++, target++)
			ReportTarget(trainer, &trainer->held[chosen], trainer->heads[h].task,
						 LabelToServer(trainer->heads[h].targets[t].name), target, json);
	appendStringInfoChar(json, ']');
}

/* Return an array of numbers, with NULL for NaN. */
static Datum
NumberArray(const double *numbers, int count)
{
	Datum	   *datums = palloc(Max(1, count) * sizeof(Datum));
	bool	   *nulls = palloc(Max(1, count) * sizeof(bool));
	int			bound = 1;

	for (int i = 0; i < count; i++)
	{
		datums[i] = Float8GetDatum(numbers[i]);
		nulls[i] = isnan(numbers[i]);
	}
	return PointerGetDatum(construct_md_array(datums, nulls, 1, &count, &bound, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL,
											  TYPALIGN_DOUBLE));
}

/* Keep the predictions of one target in one fold. */
static void
KeepFold(const Trainer *trainer, const FoldPairs *pairs, const char *target, int fold)
{
	Oid			types[7] = {INT8OID, TEXTOID, INT4OID, TEXTARRAYOID, FLOAT8ARRAYOID, FLOAT8ARRAYOID, FLOAT8ARRAYOID};
	Datum		values[7] = {Int64GetDatum(trainer->procedure.run.id), CStringGetTextDatum(target), Int32GetDatum(fold),
		PointerGetDatum(construct_array(pairs->smiles, pairs->count, TEXTOID, -1, false, TYPALIGN_INT)),
	NumberArray(pairs->labels, pairs->count), NumberArray(pairs->values, pairs->count), NumberArray(pairs->sds, pairs->count)};

	if (pairs->count > 0)
		ExecuteAsOwner("_hamnet_training_prediction", NULL,
					   "INSERT INTO %s (run, target, fold, smiles, label, value, sd) SELECT $1, $2, $3, u.smiles, u.label, u.value, u.sd "
					   "FROM ROWS FROM (pg_catalog.unnest($4), pg_catalog.unnest($5), pg_catalog.unnest($6), pg_catalog.unnest($7)) "
					   "AS u (smiles, label, value, sd)", 7, types, values, NULL, SPI_OK_INSERT);
}

void
KeepFoldPredictions(Trainer *trainer, CandidateKind chosen)
{
	int			target = 0;

	if (trainer->fold_of_row == NULL)
		return;
	for (int h = 0; h < trainer->head_count; h++)
		for (int t = 0; t < trainer->heads[h].target_count; t++, target++)
			for (int f = 0; f < trainer->folds; f++)
			{
				FoldPairs	pairs = CollectFold(trainer, &trainer->held[chosen], f, target);

				KeepFold(trainer, &pairs, LabelToServer(trainer->heads[h].targets[t].name), f + 1);
			}
}
