/*
 * train/evaluate.c: SQL functions that measure how good a model is on the rows of a query.
 *
 * The query runs with the caller's rights. All rows are judged at once: a
 * metric is never an average over parts of the data.
 */
#include "postgres.h"

#include <math.h>

#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "model/cache.h"
#include "model/head_inputs.h"
#include "model/target.h"
#include "server/core.h"
#include "server/srf.h"
#include "train/data.h"
#include "train/evaluate.h"

/* Rows that are predicted together. */
#define CHUNK_ROWS 1000

struct Evaluation
{
	MoleculeQuery query;
	HnArena		arena;
	HnContext	context;
	HnModel		model;			/* a copy, which the query cannot make the cache drop */
	bool		deviations;		/* are wanted */
	int		   *index_of_column;	/* of each column in the model's predictions */
	const HnHead **heads;		/* of each column */
	Pairs	   *pairs;			/* of each column */
	int64		invalid;
	int			waiting;
	char	   *smiles[CHUNK_ROWS];
	double	   *labels;			/* [CHUNK_ROWS, target_count] */
};

/* Read a copy of a model that lasts as long as the call. */
static void
CopyModel(HnContext *context, const char *name, HnModel *model)
{
	const CachedModel *cached = GetModelByName(name, false);
	const BuiltinModel *builtin = FindBuiltinById(cached->id);
	bytea	   *weights = builtin ? ReadBuiltinModel(builtin) : ReadStoredModel(cached->id);

	if (weights == NULL ||
		hn_model_read(context, (const unsigned char *) VARDATA_ANY(weights), VARSIZE_ANY_EXHDR(weights), model) != HN_OK ||
		hn_model_pack(context, model) != HN_OK ||
		hn_heads_pack(context, model) != HN_OK)
		ReportCoreError(context, NULL);
	pfree(weights);
}

static void
MatchColumns(Evaluation *evaluation, const char *name)
{
	const MoleculeQuery *query = &evaluation->query;

	evaluation->index_of_column = palloc(query->target_count * sizeof(int));
	evaluation->heads = palloc(query->target_count * sizeof(HnHead *));
	evaluation->pairs = palloc0(query->target_count * sizeof(Pairs));
	for (int c = 0; c < query->target_count; c++)
	{
		const TargetColumn *column = &query->targets[c];
		int			target;
		int			index = FindTarget(&evaluation->model, column->name, &evaluation->heads[c], &target);

		if (index < 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("model \"%s\" does not predict \"%s\"", name, column->name),
					 errhint("It predicts %s. Columns of the query have the names of targets.", ListTargets(&evaluation->model))));
		if (evaluation->heads[c]->task != column->task)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" has type %s, but model \"%s\" predicts %s", column->name,
							format_type_be(column->type), name,
							column->task == HN_REGRESSION ? "a class" : "a number"),
					 column->task == HN_REGRESSION ?
					 errhint("Return a boolean: \"value = 1\" in place of \"value\".") : 0));
		evaluation->index_of_column[c] = index;
	}
}

static void
AddPair(Pairs *pairs, double predicted, double actual, double sd)
{
	if (pairs->capacity == 0)
	{
		pairs->capacity = CHUNK_ROWS;
		pairs->predicted = palloc(pairs->capacity * sizeof(double));
		pairs->actual = palloc(pairs->capacity * sizeof(double));
		pairs->sds = palloc(pairs->capacity * sizeof(double));
	}
	else if (pairs->count == pairs->capacity)
	{
		pairs->capacity *= 2;
		pairs->predicted = repalloc_huge(pairs->predicted, pairs->capacity * sizeof(double));
		pairs->actual = repalloc_huge(pairs->actual, pairs->capacity * sizeof(double));
		pairs->sds = repalloc_huge(pairs->sds, pairs->capacity * sizeof(double));
	}
	pairs->predicted[pairs->count] = predicted;
	pairs->sds[pairs->count] = sd;
	pairs->actual[pairs->count++] = actual;
}

/* Predict the rows that wait. */
static void
PredictWaiting(Evaluation *evaluation)
{
	int			columns = evaluation->query.target_count;
	int			targets = hn_model_target_count(&evaluation->model);
	double	   *sds = NULL;
	Molecules	molecules = {.count = evaluation->waiting, .smiles = (const char *const *) evaluation->smiles};
	double	   *predictions = PredictMolecules(&evaluation->model, &molecules, evaluation->deviations ? &sds : NULL);

	for (int i = 0; i < evaluation->waiting; i++)
	{
		const double *row = predictions + (Size) i * targets;

		evaluation->invalid += isnan(row[evaluation->index_of_column[0]]);
		for (int c = 0; c < columns; c++)
		{
			double		label = evaluation->labels[(Size) i * columns + c];
			int			index = evaluation->index_of_column[c];

			if (!isnan(label) && !isnan(row[index]))
				AddPair(&evaluation->pairs[c], row[index], label, sds ? sds[(Size) i * targets + index] : NAN);
		}
		pfree(evaluation->smiles[i]);
	}
	pfree(predictions);
	if (sds)
		pfree(sds);
	evaluation->waiting = 0;
}

static void
ReadRows(Evaluation *evaluation)
{
	int			columns = evaluation->query.target_count;
	MoleculeRow row;

	evaluation->labels = palloc((Size) CHUNK_ROWS * columns * sizeof(double));
	StartMoleculeQuery(&evaluation->query);
	while (NextMolecule(&evaluation->query, &row))
	{
		if (row.molecule == NULL)
		{
			evaluation->invalid++;
			continue;
		}
		evaluation->smiles[evaluation->waiting] = pstrdup(row.molecule);
		memcpy(evaluation->labels + (Size) evaluation->waiting * columns, row.targets, columns * sizeof(double));
		if (++evaluation->waiting == CHUNK_ROWS)
			PredictWaiting(evaluation);
	}
	PredictWaiting(evaluation);
	EndMoleculeQuery(&evaluation->query);
	if (evaluation->invalid > 0)
		ereport(NOTICE,
				(errmsg("rows without a valid molecule are left out: %lld", (long long) evaluation->invalid)));
}

Evaluation *
Evaluate(const char *name, const char *query, bool deviations)
{
	Evaluation *evaluation = palloc0(sizeof(Evaluation));

	hn_arena_init(&evaluation->arena, ContextAllocator(CurrentMemoryContext));
	InitCoreContext(&evaluation->context, &evaluation->arena);
	evaluation->deviations = deviations;
	CopyModel(&evaluation->context, name, &evaluation->model);
	PrepareTargetQuery(&evaluation->query, query);
	MatchColumns(evaluation, name);
	ReadRows(evaluation);
	return evaluation;
}

int
EvaluatedTargets(const Evaluation *evaluation)
{
	return evaluation->query.target_count;
}

const Pairs *
EvaluatedPairs(const Evaluation *evaluation, int c, const char **name, HnTask *task)
{
	*name = evaluation->query.targets[c].name;
	*task = evaluation->query.targets[c].task;
	return &evaluation->pairs[c];
}

/* A row of the result; the value is NULL where the data give it no meaning. */
static void
AddMetric(RowSet *rows, const char *target, const char *metric, double value, int64 n)
{
	bool		nulls[4] = {false, false, isnan(value), false};
	Datum		row[4] = {CStringGetTextDatum(target), CStringGetTextDatum(metric),
	Float8GetDatum(value), Int64GetDatum(n)};

	AddRow(rows, row, nulls);
}

static void
AddMetrics(RowSet *rows, HnContext *context, const TargetColumn *column, const Pairs *pairs)
{
	double		roc;
	double		pr;

	hn_arena_reset(context->arena);
	if (column->task == HN_REGRESSION)
	{
		AddMetric(rows, column->name, "rmse", hn_rmse(pairs->predicted, pairs->actual, pairs->count), pairs->count);
		AddMetric(rows, column->name, "mae", hn_mae(pairs->predicted, pairs->actual, pairs->count), pairs->count);
		AddMetric(rows, column->name, "r2", hn_r_squared(pairs->predicted, pairs->actual, pairs->count), pairs->count);
		return;
	}
	if (hn_roc_auc(context, pairs->predicted, pairs->actual, pairs->count, &roc) != HN_OK ||
		hn_pr_auc(context, pairs->predicted, pairs->actual, pairs->count, &pr) != HN_OK)
		ReportCoreError(context, NULL);
	AddMetric(rows, column->name, "roc_auc", roc, pairs->count);
	AddMetric(rows, column->name, "pr_auc", pr, pairs->count);
}

PG_FUNCTION_INFO_V1(hamnet_evaluate);

/* hamnet_evaluate(model text, query text) → (target, metric, value, n) */
PGDLLEXPORT Datum
hamnet_evaluate(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *query = text_to_cstring(PG_GETARG_TEXT_PP(1));
	RowSet		rows = BeginRows(fcinfo);
	Evaluation *evaluation;
	MemoryContext memory;
	HnArena		arena;
	HnContext	context;

	SPI_connect();
	evaluation = Evaluate(name, query, false);
	memory = AllocSetContextCreate(CurrentMemoryContext, "hamnet metrics", ALLOCSET_DEFAULT_SIZES);
	hn_arena_init(&arena, ContextAllocator(memory));
	InitCoreContext(&context, &arena);
	for (int c = 0; c < evaluation->query.target_count; c++)
		AddMetrics(&rows, &context, &evaluation->query.targets[c], &evaluation->pairs[c]);
	SPI_finish();
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(hamnet_evaluate_engine);

/* hamnet_evaluate_engine(model text, query text) → (metric, value, n) */
PGDLLEXPORT Datum
hamnet_evaluate_engine(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *query = text_to_cstring(PG_GETARG_TEXT_PP(1));
	RowSet		rows = BeginRows(fcinfo);
	HnTraining	training = hn_training_defaults;
	TrainingData *data;
	HnArena		arena;
	HnContext	context;
	HnModel		model;
	double		rmsd = 0;
	double		distance = 0;
	int64		n = 0;

	SPI_connect();
	hn_arena_init(&arena, ContextAllocator(CurrentMemoryContext));
	InitCoreContext(&context, &arena);
	CopyModel(&context, name, &model);
	if (!model.engine_config.enabled)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("model \"%s\" has no Hamiltonian Engine", name)));
	data = palloc0(sizeof(TrainingData));
	PrepareConformationQuery(&data->query, query);
	ReadTrainingData(data, model.features, 1);
	for (int i = 0; i < data->set.count; i++)
	{
		HnArenaMark mark = hn_arena_mark(&arena);
		HnConformationError error;

		CHECK_FOR_INTERRUPTS();
		if (hn_examples_conformation_errors(&context, &model, &training, &data->examples[i], 1, &error) != HN_OK)
			ReportCoreError(&context, NULL);
		hn_arena_rewind(&arena, mark);
		if (!isfinite(error.rmsd))
			continue;
		rmsd += error.rmsd;
		distance += error.distance;
		n++;
	}
	for (int m = 0; m < 2; m++)
	{
		bool		nulls[3] = {false, n == 0, false};
		Datum		row[3] = {CStringGetTextDatum(m == 0 ? "rmsd" : "distance_mae"),
		Float8GetDatum((m == 0 ? rmsd : distance) / Max(n, 1)), Int64GetDatum(n)};

		AddRow(&rows, row, nulls);
	}
	SPI_finish();
	return (Datum) 0;
}
