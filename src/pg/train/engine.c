/*
 * train/engine.c: the procedure that teaches the engine conformations.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "utils/memutils.h"

#include "model/cache.h"
#include "server/core.h"
#include "server/options.h"
#include "train/loop.h"
#include "train/procedure.h"
#include "train/split.h"

typedef struct EngineOptions
{
	char	   *base;
	TextOrNumber validation;
	char	   *validation_query;
	int64		epochs;
	int64		batch;
	double		lr;
	int64		seed;
	int64		patience;
	int64		dim;
	int64		units;
	int64		steps;
	double		tau;
	double		adj3;
	int64		workers;
	double		checkpoint;
} EngineOptions;

/* An epoch count of zero, which it may not be, stands for what follows from the data. */
static const Option engine_options[] = {
	{"base", OPTION_TEXT, offsetof(EngineOptions, base), .text = {"scratch"}},
	SPLIT_OPTIONS(EngineOptions),
	{"epochs", OPTION_INTEGER, offsetof(EngineOptions, epochs), .integer = {0, 1, 100000}},
	{"batch", OPTION_INTEGER, offsetof(EngineOptions, batch), .integer = {64, 1, 100000}},
	{"lr", OPTION_NUMBER, offsetof(EngineOptions, lr), .number = {2e-3, 0, 1, true}},
	{"seed", OPTION_INTEGER, offsetof(EngineOptions, seed), .integer = {0, 0, PG_INT32_MAX}},
	{"patience", OPTION_INTEGER, offsetof(EngineOptions, patience), .integer = {20, 0, 100000}},
	{"dim", OPTION_INTEGER, offsetof(EngineOptions, dim), .integer = {32, 3, HN_MAX_WIDTH}},
	{"units", OPTION_INTEGER, offsetof(EngineOptions, units), .integer = {128, 1, HN_MAX_WIDTH}},
	{"steps", OPTION_INTEGER, offsetof(EngineOptions, steps), .integer = {20, 0, HN_MAX_STEPS}},
	{"tau", OPTION_NUMBER, offsetof(EngineOptions, tau), .number = {0.025, 0, HN_MAX_TAU, true}},
	{"adj3", OPTION_NUMBER, offsetof(EngineOptions, adj3), .number = {0.001, 0, 1000, false}},
	{"workers", OPTION_INTEGER, offsetof(EngineOptions, workers), .integer = {2, 1, 64}},
	{"checkpoint", OPTION_NUMBER, offsetof(EngineOptions, checkpoint), .number = {30, 0, 86400, false}},
};

typedef struct EngineTrainer
{
	Procedure	procedure;
	EngineOptions options;
	TrainingData data;
	HnArena		arena;
	HnContext	context;
	HnModel		model;
} EngineTrainer;

/* A new model of the default one's shape, but for what the options say. */
static HnStatus
MakeNewModel(HnContext *context, const HnModel *shape, const EngineOptions *options, HnModel *model)
{
	HnTensor   *tensors;
	int			count;

	memset(model, 0, sizeof(HnModel));
	model->features = shape->features;
	model->fingerprint_config = shape->fingerprint_config;
	model->engine_config = (HnEngineConfig)
	{
		.enabled = true, .dim = options->dim, .hidden = options->units, .steps = options->steps,
		.tau = options->tau, .dissipate = true, .potential_width = options->dim,
		.dissipation_width = options->dim
	};
	HN_TRY(hn_model_allocate(context, model));
	HN_TRY(hn_model_tensors(context, model, &tensors, &count));
	hn_model_initialise(tensors, count, options->seed);
	return HN_OK;
}

/*
 * The model to begin with, without heads: what they learned from is about to
 * change.
 */
static void
MakeModel(EngineTrainer *trainer)
{
	const EngineOptions *options = &trainer->options;
	bool		scratch = strcmp(options->base, "scratch") == 0;
	const CachedModel *base = scratch ? GetDefaultModel() : GetModelByName(options->base, false);
	HnStatus	status;

	hn_arena_init(&trainer->arena, ContextAllocator(CurrentMemoryContext));
	InitCoreContext(&trainer->context, &trainer->arena);
	if (!scratch && !base->model.engine_config.enabled)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("model \"%s\" has no engine to train", options->base)));
	if (scratch)
		status = MakeNewModel(&trainer->context, &base->model, options, &trainer->model);
	else
	{
		trainer->procedure.base_id = pstrdup(base->id);
		status = hn_model_with_heads(&trainer->context, &base->model, NULL, 0, 0, &trainer->model);
	}
	if (status != HN_OK)
		ReportCoreError(&trainer->context, NULL);
}

/* Mean over the validation set of what is learned: RMSD plus ADJ-3, as weighted. Shows the RMSD. */
static double
ScoreConformations(void *state, Team *team, const real *weights, double *shown)
{
	const TrainingData *data = state;
	const HnConformationError *errors = TeamErrors(team, weights, data->validation, data->validation_count);
	double		adj3_weight = TeamTraining(team)->adj3_weight;
	double		rmsd = 0;
	double		score = 0;
	int			n = 0;

	for (int i = 0; i < data->validation_count; i++)
		if (isfinite(errors[i].rmsd))
		{
			rmsd += errors[i].rmsd;
			score += errors[i].rmsd + adj3_weight * errors[i].adj3;
			n++;
		}
	*shown = n > 0 ? rmsd / n : NAN;
	return n > 0 ? score / n : NAN;
}

static void
ReadData(EngineTrainer *trainer, const char *query)
{
	const TextOrNumber *validation = &trainer->options.validation;
	SplitKind	split = ChooseSplit(validation, trainer->options.validation_query);

	PrepareConformationQuery(&trainer->data.query, query);
	if (split == SPLIT_QUERY)
	{
		trainer->data.validation_query = palloc(sizeof(MoleculeQuery));
		PrepareConformationQuery(trainer->data.validation_query, trainer->options.validation_query);
		CheckSameColumns(&trainer->data.query, trainer->data.validation_query, "validation_query");
	}
	if (split == SPLIT_SCAFFOLD && trainer->data.query.molblocks)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("MOL blocks cannot be divided by scaffold"),
				 errhint("Use validation \"random\", or give SMILES and coordinates.")));
	trainer->data.descriptions.needs.scaffold = split == SPLIT_SCAFFOLD;
	ReadTrainingData(&trainer->data, trainer->model.features, MIN_TRAINING_ROWS);
	SplitTrainingData(&trainer->data, split, validation->number > 0 ? validation->number : 0.05, trainer->options.seed);
}

/* Report what came of a run, whose model is stored under its name as that identity. */
static void
ReportEngine(EngineTrainer *trainer, const TrainingLoop *loop, const char *id)
{
	TrainingRun *run = &trainer->procedure.run;
	const TrainingData *data = &trainer->data;

	FinishRun(run,
			  psprintf("{\"id\": \"%s\", \"seconds\": %.1f, \"epochs\": %d, \"best_epoch\": %d, \"rmsd\": %s, "
					   "\"skipped\": " INT64_FORMAT ", \"rows\": " INT64_FORMAT ", \"train\": %d, \"validation\": %d, "
					   "\"invalid\": " INT64_FORMAT ", \"rejects\": %s}",
					   id, loop->seconds, loop->epochs_done, loop->best_epoch,
					   loop->metric && isfinite(loop->shown) ? psprintf("%.9g", loop->shown) : "null",
					   loop->skipped, data->rows, data->train_count, data->validation_count,
					   data->invalid, data->rejects.data));
	if (loop->metric)
		ereport(NOTICE,
				(errmsg("model \"%s\" is ready: rmsd %.4g angstrom on %d validation conformations, learned from %d",
						run->model, loop->shown, data->validation_count, data->train_count)));
	else
		ereport(NOTICE,
				(errmsg("model \"%s\" is ready: learned from %d conformations without validation",
						run->model, data->train_count)));
}

static void
TrainEngine(Procedure *procedure, const char *query, Jsonb *options)
{
	EngineTrainer *trainer = (EngineTrainer *) procedure;
	EngineOptions *chosen = &trainer->options;
	TrainingData *data = &trainer->data;
	HnTraining	training = hn_training_defaults;
	TrainingLoop loop;

	ReadOptions(options, engine_options, lengthof(engine_options), chosen);
	procedure->run.checkpoint_seconds = chosen->checkpoint;
	MakeModel(trainer);
	ReadData(trainer, query);
	BeginProcedure(procedure, "train_engine", query, options, data);

	training.trained = HN_TRAIN_ENGINE;
	training.seed = chosen->seed;
	training.adj3_weight = chosen->adj3;
	StartTeam(&procedure->team, &trainer->model, &training, &data->set, NULL, chosen->workers);
	loop = (TrainingLoop)
	{
		.run = &procedure->run,
		.team = procedure->team,
		.data = data,
		.name = "engine",
		.member = 1,
		.options = hn_optimiser_defaults,
		.epochs = chosen->epochs > 0 ? chosen->epochs : Max(5, Min(60, 500000 / data->train_count)),
		.batch = chosen->batch,
		.contrast = -1,
		.patience = data->validation_count > 0 ? chosen->patience : 0,
		.seed = chosen->seed,
		.metric = data->validation_count > 0 ? "rmsd" : NULL,
		.score = ScoreConformations,
		.score_state = data
	};
	loop.options.rate = chosen->lr;
	loop.options.averaging = HN_AVERAGE_EXPONENTIAL;
	RunTrainingLoop(&loop);
	memcpy(trainer->model.parameters, loop.weights, trainer->model.parameter_count * sizeof(real));

	ReportEngine(trainer, &loop, FinishProcedure(procedure, &trainer->context, &trainer->model));
}

PG_FUNCTION_INFO_V1(hamnet_train_engine);

/* hamnet_train_engine(model text, query text, options jsonb) */
PGDLLEXPORT Datum
hamnet_train_engine(PG_FUNCTION_ARGS)
{
	RunProcedure(fcinfo, TrainEngine, sizeof(EngineTrainer));
	PG_RETURN_VOID();
}
