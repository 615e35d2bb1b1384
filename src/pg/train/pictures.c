/*
 * train/pictures.c: SQL functions that draw how a training went and how good its model is.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "hamnet/metrics.h"

#include "server/core.h"
#include "server/extension.h"
#include "train/chart.h"
#include "train/evaluate.h"

/* Epochs of a line, and points of a chart, that are drawn at most. */
#define LINE_POINTS 500
#define CLOUD_POINTS 2000

/* Targets that are drawn at most. */
#define PARITY_CHARTS 60

/* Deviations within which nine of ten measurements are expected. */
#define NINE_TENTHS 1.645

/* Bins of probabilities. */
#define BINS 10

/* The epochs of a run, sorted by what was trained. */
typedef struct Epochs
{
	int			count;
	char	  **series;			/* "mlp 1": network and member */
	double	   *epoch;
	double	   *loss;
	double	   *value;
	char	   *metric;			/* NULL: nothing was held out */
} Epochs;

static double
FloatOf(HeapTuple tuple, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(tuple, SPI_tuptable->tupdesc, column, &isnull);

	return isnull ? NAN : DatumGetFloat8(value);
}

/* Read the epochs that the caller may see; an error if there are none. */
static void
ReadEpochs(int64 run, Epochs *epochs)
{
	Oid			type = INT8OID;
	Datum		argument = Int64GetDatum(run);
	char	   *query = psprintf("SELECT network, member, epoch, loss, value, metric FROM %s.hamnet_training_log() "
								 "WHERE run OPERATOR(pg_catalog.=) $1 ORDER BY network, member, epoch",
								 quote_identifier(get_namespace_name(ExtensionSchema())));

	if (SPI_execute_with_args(query, 1, &type, &argument, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "cannot read the epochs");
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("training run %lld has no epochs", (long long) run),
				 errdetail("There is no such run of yours, or it trained no network."),
				 errhint("See hamnet_training_runs() for your runs.")));
	epochs->count = SPI_processed;
	epochs->series = palloc(epochs->count * sizeof(char *));
	epochs->epoch = palloc(epochs->count * sizeof(double));
	epochs->loss = palloc(epochs->count * sizeof(double));
	epochs->value = palloc(epochs->count * sizeof(double));
	epochs->metric = NULL;
	for (int i = 0; i < epochs->count; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];

		bool		isnull;

		epochs->series[i] = psprintf("%s %s", SPI_getvalue(tuple, SPI_tuptable->tupdesc, 1),
									 SPI_getvalue(tuple, SPI_tuptable->tupdesc, 2));
		epochs->epoch[i] = DatumGetInt32(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 3, &isnull));
		epochs->loss[i] = FloatOf(tuple, 4);
		epochs->value[i] = FloatOf(tuple, 5);
		if (epochs->metric == NULL)
			epochs->metric = SPI_getvalue(tuple, SPI_tuptable->tupdesc, 6);
	}
}

/* An axis that holds all of the numbers. */
static Axis
AxisOf(const char *label, const double *numbers, int count)
{
	Axis		axis = {label, INFINITY, -INFINITY};

	for (int i = 0; i < count; i++)
		if (isfinite(numbers[i]))
		{
			axis.low = Min(axis.low, numbers[i]);
			axis.high = Max(axis.high, numbers[i]);
		}
	return axis;
}

/* Keep every n-th of the numbers, so that no more than LINE_POINTS are left, and the last one. */
static int
Thin(double *x, double *y, int count)
{
	int			step = (count + LINE_POINTS - 1) / LINE_POINTS;
	int			kept = 0;

	for (int i = 0; i < count; i++)
		if (i % step == 0 || i == count - 1)
		{
			x[kept] = x[i];
			y[kept++] = y[i];
		}
	return kept;
}

/* A line for each of the things that were trained; the legend stands out of their way. */
static void
DrawEpochs(Picture *picture, const Epochs *epochs, const char *title, const char *subtitle, double *values)
{
	bool		rising = strcmp(title, "roc_auc") == 0;
	int			line = 0;

	BeginChart(picture, title, subtitle, AxisOf("epoch", epochs->epoch, epochs->count), AxisOf(title, values, epochs->count));
	for (int first = 0, end; first < epochs->count; first = end, line++)
	{
		const char *colour = chart_colours[line % CHART_COLOURS];
		double	   *x = palloc((epochs->count - first) * sizeof(double));

		for (end = first; end < epochs->count && strcmp(epochs->series[end], epochs->series[first]) == 0; end++)
			x[end - first] = epochs->epoch[end];
		ChartLine(picture, Thin(x, values + first, end - first), x, values + first, colour, 1.8);
		if (line < CHART_COLOURS)
			ChartKey(picture, line, !rising, epochs->series[first], colour);
		pfree(x);
	}
	EndChart(picture);
}

PG_FUNCTION_INFO_V1(hamnet_svg_training);

/* hamnet_svg_training(run bigint) → SVG */
PGDLLEXPORT Datum
hamnet_svg_training(PG_FUNCTION_ARGS)
{
	int64		run = PG_GETARG_INT64(0);
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext old;
	Epochs		epochs;
	Picture		picture;
	text	   *svg;

	SPI_connect();
	ReadEpochs(run, &epochs);
	BeginPicture(&picture, epochs.metric ? 2 : 1);
	DrawEpochs(&picture, &epochs, "loss", "of the training set", epochs.loss);
	if (epochs.metric)
		DrawEpochs(&picture, &epochs, epochs.metric, "of the validation set", epochs.value);
	old = MemoryContextSwitchTo(caller);
	svg = EndPicture(&picture);
	MemoryContextSwitchTo(old);
	SPI_finish();
	PG_RETURN_TEXT_P(svg);
}

/* Share of measurements within nine tenths' deviations; NaN where no deviation is known. */
static double
CoverageOf(const Pairs *pairs)
{
	int64		known = 0;
	int64		within = 0;

	for (int64 i = 0; i < pairs->count; i++)
		if (!isnan(pairs->sds[i]))
		{
			known++;
			within += fabs(pairs->predicted[i] - pairs->actual[i]) <= NINE_TENTHS * pairs->sds[i];
		}
	return known > 0 ? (double) within / known : NAN;
}

/* Predicted against measured, each with its interval. */
static void
DrawParity(Picture *picture, const char *name, const Pairs *pairs)
{
	Axis		x = AxisOf("measured", pairs->actual, pairs->count);
	Axis		y = AxisOf("predicted", pairs->predicted, pairs->count);
	int64		step = Max((pairs->count + CLOUD_POINTS - 1) / CLOUD_POINTS, 1);
	double		coverage = CoverageOf(pairs);
	char	   *subtitle = psprintf("RMSE %.3f, R2 %.3f, n %lld", hn_rmse(pairs->predicted, pairs->actual, pairs->count),
									hn_r_squared(pairs->predicted, pairs->actual, pairs->count), (long long) pairs->count);

	if (!isnan(coverage))
		subtitle = psprintf("%s; 90 %% interval holds %.0f %%", subtitle, 100 * coverage);
	x.low = y.low = Min(x.low, y.low);
	x.high = y.high = Max(x.high, y.high);
	BeginChart(picture, name, subtitle, x, y);
	ChartSegment(picture, picture->x.low, picture->x.low, picture->x.high, picture->x.high, CHART_GREY, 1);
	for (int64 i = 0; i < pairs->count; i += step)
		ChartSegment(picture, pairs->actual[i], Max(pairs->predicted[i] - NINE_TENTHS * pairs->sds[i], picture->y.low),
					 pairs->actual[i], Min(pairs->predicted[i] + NINE_TENTHS * pairs->sds[i], picture->y.high), chart_colours[0], 0.25);
	for (int64 i = 0; i < pairs->count; i += step)
		ChartPoint(picture, pairs->actual[i], pairs->predicted[i], 2.5, chart_colours[0], 0.7);
	EndChart(picture);
}

/* Wilson's interval for a share of n, which holds it nine times of ten. */
static void
WilsonInterval(double share, int64 n, double *low, double *high)
{
	double		z2 = NINE_TENTHS * NINE_TENTHS;
	double		centre = (share + z2 / (2 * n)) / (1 + z2 / n);
	double		half = NINE_TENTHS * sqrt(share * (1 - share) / n + z2 / (4.0 * n * n)) / (1 + z2 / n);

	*low = centre - half;
	*high = centre + half;
}

/* How often what is predicted with a probability is so. */
static void
DrawReliability(Picture *picture, const char *name, const Pairs *pairs)
{
	double		predicted[BINS] = {0};
	double		positive[BINS] = {0};
	int64		count[BINS] = {0};
	double		x[BINS];
	double		y[BINS];
	double		brier = 0;
	double		area;
	int			bins = 0;
	HnContext  *context = BeginCore();

	if (hn_roc_auc(context, pairs->predicted, pairs->actual, pairs->count, &area) != HN_OK)
		ReportCoreError(context, NULL);
	for (int64 i = 0; i < pairs->count; i++)
	{
		int			bin = Min((int) (pairs->predicted[i] * BINS), BINS - 1);

		predicted[bin] += pairs->predicted[i];
		positive[bin] += pairs->actual[i];
		count[bin]++;
		brier += (pairs->predicted[i] - pairs->actual[i]) * (pairs->predicted[i] - pairs->actual[i]) / pairs->count;
	}
	BeginChart(picture, name, psprintf("ROC-AUC %.3f, Brier score %.3f, n %lld", area, brier, (long long) pairs->count),
			   (Axis) {"predicted probability", 0, 1}, (Axis) {"share that is so", 0, 1});
	ChartSegment(picture, 0, 0, 1, 1, CHART_GREY, 1);
	for (int b = 0; b < BINS; b++)
	{
		double		low;
		double		high;

		if (count[b] == 0)
			continue;
		x[bins] = predicted[b] / count[b];
		y[bins] = positive[b] / count[b];
		WilsonInterval(y[bins], count[b], &low, &high);
		ChartSegment(picture, x[bins], low, x[bins], high, chart_colours[0], 0.5);
		ChartPoint(picture, x[bins], y[bins], 2 + 8 * sqrt((double) count[b] / pairs->count), chart_colours[0], 0.8);
		bins++;
	}
	ChartLine(picture, bins, x, y, chart_colours[0], 1.5);
	EndChart(picture);
}

PG_FUNCTION_INFO_V1(hamnet_svg_parity);

/* hamnet_svg_parity(model text, query text) → SVG */
PGDLLEXPORT Datum
hamnet_svg_parity(PG_FUNCTION_ARGS)
{
	char	   *model = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *query = text_to_cstring(PG_GETARG_TEXT_PP(1));
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext old;
	Evaluation *evaluation;
	Picture		picture;
	text	   *svg;
	int			targets;

	SPI_connect();
	evaluation = Evaluate(model, query, true);
	targets = Min(EvaluatedTargets(evaluation), PARITY_CHARTS);
	BeginPicture(&picture, targets);
	for (int c = 0; c < targets; c++)
	{
		const char *name;
		HnTask		task;
		const Pairs *pairs = EvaluatedPairs(evaluation, c, &name, &task);

		if (task == HN_REGRESSION)
			DrawParity(&picture, name, pairs);
		else
			DrawReliability(&picture, name, pairs);
	}
	old = MemoryContextSwitchTo(caller);
	svg = EndPicture(&picture);
	MemoryContextSwitchTo(old);
	SPI_finish();
	PG_RETURN_TEXT_P(svg);
}
