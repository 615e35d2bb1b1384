/*
 * train.c: the procedure that makes a model of the rows of a query.
 */
#include "postgres.h"

#include <math.h>

#include "core.h"
#include "remember.h"
#include "train.h"
#include "training_part.h"

const char *const candidate_names[] = {"kernel", "mlp", "full", "forest", "joint"};

double
ElapsedSeconds(const Trainer *trainer)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, trainer->began);
	return INSTR_TIME_GET_DOUBLE(now);
}

/*
 * A model ready to be trained: the base, or a new one, with network heads that
 * read the inputs and whose first weights follow from the seed.
 */
static HnStatus
MakeModel(Trainer *trainer, HnHeadInputs *inputs, uint64 seed, HnModel *model)
{
	HnContext  *context = &trainer->context;
	HnModel		base = trainer->model;

	for (int h = 0; h < trainer->head_count; h++)
	{
		HnHead	   *head = &trainer->heads[h];

		head->layer_count = trainer->options.units > 0 ? 2 : 1;
		head->layers = palloc0(head->layer_count * sizeof(HnLinear));
		head->layers[0].out = trainer->options.units;
		head->inputs = inputs;
	}
	if (trainer->scratch)
		HN_TRY(MakeGenerator(context, &trainer->options, &trainer->model, seed, &base));
	return hn_model_with_heads(context, &base, trainer->heads, trainer->head_count, seed, model);
}

static double
ScoreWeights(void *state, Team *team, const real *weights, double *shown)
{
	Trainer    *trainer = state;
	const TrainingData *data = &trainer->data;

	return ScorePredictions(trainer, TeamPredict(team, weights, data->validation, data->validation_count), shown);
}

/*
 * The candidates
 */

/* Networks of a joint head, unless the caller says otherwise. */
#define JOINT_MEMBERS 5

/* Members of a network candidate: an ensemble where it goes into a joint head, which is cheap. */
static int
MemberCount(const Trainer *trainer, Candidate candidate)
{
	const TrainOptions *options = &trainer->options;

	if (options->members > 0)
		return options->members;
	return (options->head == NULL && candidate == MLP) || IsJointWith(trainer, candidate) ? JOINT_MEMBERS : 1;
}

/*
 * Epochs of a network: enough passes over few rows, not too many over many;
 * within a time budget as many as fit what is left of it, which may be none.
 */
static int
PlanEpochs(Trainer *trainer, Candidate candidate, Team *team)
{
	int			rows = trainer->data.train_count;
	int			epochs = trainer->options.epochs;
	double		seconds;
	double		left;

	if (epochs == 0)
		epochs = candidate == MLP ? Max(20, Min(200, 200000 / rows)) : Max(10, Min(60, 75000 / rows));
	if (trainer->options.head)
		return epochs;
	seconds = MeasureEpoch(team, &trainer->data, trainer->options.batch) * MemberCount(trainer, candidate);

	/* A tenth of the budget is for validation, logs and the rest. */
	left = 0.9 * trainer->options.minutes * 60 - ElapsedSeconds(trainer);
	return Max(0, Min(epochs, (int) (left / (seconds * 1.1))));
}

/* Molecules computed at once where only a head is: its rows are short. */
#define FROZEN_MICRO_BATCH 256

/* Networks need at least so many epochs to be worth a try. */
#define FEWEST_EPOCHS 3

/* Train one member of a network candidate; its weights become those of the model. */
static void
TrainMember(Trainer *trainer, Candidate candidate, Team *team, int member, int epochs, HnModel *model,
			TrainingPart *part)
{
	TrainOptions *options = &trainer->options;
	uint64		seed = options->seed + member;

	memcpy(TeamModel(team)->parameters, model->parameters, model->parameter_count * sizeof(real));
	TeamTraining(team)->seed = seed;
	*part = (TrainingPart)
	{
		.run = &trainer->procedure.run,
		.team = team,
		.data = &trainer->data,
		.name = candidate_names[candidate],
		.number = candidate * HN_MAX_MEMBERS + member,
		.member = member + 1,
		.options = hn_optimiser_defaults,
		.epochs = epochs,
		.batch = options->batch,
		.patience = trainer->metric == METRIC_NONE ? 0 : options->patience,
		.seed = seed,
		.metric = metric_names[trainer->metric],
		.score = ScoreWeights,
		.score_state = trainer
	};
	part->options.rate = options->lr > 0 ? options->lr : candidate == FULL && !trainer->scratch ? 4e-4 : 1e-3;
	part->options.weight_decay = options->decay;
	part->options.averaging = HN_AVERAGE_EXPONENTIAL;
	RunTrainingPart(part);
	memcpy(model->parameters, part->weights, model->parameter_count * sizeof(real));
	pfree(part->weights);
}

/* What the networks of a candidate read, scaled by the training part; NULL for the fingerprint alone. */
static HnHeadInputs *
MakeInputs(Trainer *trainer, Candidate candidate)
{
	const TrainOptions *options = &trainer->options;
	const TrainingData *data = &trainer->data;
	const char *wanted = options->inputs ? options->inputs : candidate == MLP ? "counts" : "fingerprint";
	HnHeadInputs *inputs;
	int		   *rows;
	int			count = 0;

	if (strcmp(wanted, "fingerprint") == 0)
		return NULL;
	DescribeMolecules(trainer);
	inputs = palloc0(sizeof(HnHeadInputs));
	inputs->standardised = candidate == MLP;
	inputs->descriptors = &hn_descriptors_rdkit_2d;
	inputs->counts = strcmp(wanted, "counts") == 0 ? options->counts : 0;
	rows = palloc_extended(data->train_count * sizeof(int), MCXT_ALLOC_HUGE);
	for (int i = 0; i < data->train_count; i++)
		if (trainer->valid[data->train[i]])
			rows[count++] = data->train[i];
	if (hn_inputs_measure(&trainer->context, &trainer->inputs, rows, count,
						  trainer->model.fingerprint_config.dim, inputs) != HN_OK)
		ReportCoreError(&trainer->context, NULL);
	pfree(rows);
	return inputs;
}

/* Train the members of a network candidate and join them. */
static void
TrainNetwork(Trainer *trainer, Candidate candidate, Outcome *outcome)
{
	TrainOptions *options = &trainer->options;
	HnTraining	training = hn_training_defaults;
	int			member_count = MemberCount(trainer, candidate);
	HnModel    *members = palloc0(member_count * sizeof(HnModel));
	const HnModel **pointers = palloc(member_count * sizeof(HnModel *));
	HnHeadInputs *inputs = MakeInputs(trainer, candidate);
	int			epochs;

	training.trained = candidate == MLP ? HN_TRAIN_HEADS : HN_TRAIN_GENERATOR;
	training.dropout = options->dropout;
	training.huber = options->huber;
	if (candidate == MLP)
		training.micro_batch = FROZEN_MICRO_BATCH;
	training.head_rate = candidate == FULL && !trainer->scratch ? 3 : 1;
	for (int m = 0; m < member_count; m++)
	{
		pointers[m] = &members[m];
		if (MakeModel(trainer, inputs, options->seed + m, &members[m]) != HN_OK)
			ReportCoreError(&trainer->context, NULL);
	}
	StartTeam(&trainer->procedure.team, &members[0], &training, &trainer->data.set,
			  inputs ? &trainer->inputs : NULL, options->workers);
	TeamFreeze(trainer->procedure.team);
	epochs = PlannedEpochs(&trainer->procedure.run, candidate * HN_MAX_MEMBERS);
	if (epochs == 0)
		epochs = PlanEpochs(trainer, candidate, trainer->procedure.team);
	outcome->tried = epochs >= Min(FEWEST_EPOCHS, options->epochs > 0 ? options->epochs : FEWEST_EPOCHS);
	outcome->reason = "the time left is too short";
	for (int m = 0; m < member_count && outcome->tried; m++)
	{
		TrainingPart part;

		TrainMember(trainer, candidate, trainer->procedure.team, m, epochs, &members[m], &part);
		outcome->seconds += part.seconds;
		appendStringInfo(&outcome->report, ", \"member %d\": {\"epochs\": %d, \"best_epoch\": %d, \"skipped\": "
						 INT64_FORMAT "}", m + 1, part.epochs_done, part.best_epoch, part.skipped);
	}
	EndTeam(trainer->procedure.team);
	trainer->procedure.team = NULL;
	if (!outcome->tried)
		return;
	if (member_count == 1)
		outcome->model = members[0];
	else if (hn_model_join(&trainer->context, pointers, member_count, &outcome->model) != HN_OK)
		ReportCoreError(&trainer->context, NULL);
}

/* Why a candidate is not tried; NULL if it is. */
static const char *
ReasonAgainst(const Trainer *trainer, Candidate candidate)
{
	const TrainOptions *options = &trainer->options;

	if (options->head && strcmp(options->head, candidate_names[candidate]) != 0 &&
		!IsPartOfJoint(trainer, candidate))
		return "another was asked for";
	if (candidate == FOREST && options->trees == 0)
		return "it has no trees";
	if (candidate == JOINT && !(trainer->outcomes[KERNEL].tried && NetworksOfJoint(trainer)->tried))
		return "its parts were not tried";
	if (options->head)
		return NULL;
	if (candidate == MLP && trainer->scratch)
		return "its fingerprint would be random";
	if (ElapsedSeconds(trainer) > 0.9 * options->minutes * 60)
		return "the time is spent";
	return NULL;
}

static void
TryCandidate(Trainer *trainer, Candidate candidate)
{
	Outcome    *outcome = &trainer->outcomes[candidate];
	double		before = ElapsedSeconds(trainer);

	initStringInfo(&outcome->report);
	outcome->reason = ReasonAgainst(trainer, candidate);
	if (outcome->reason)
		return;
	if (candidate == KERNEL)
	{
		outcome->tried = true;
		TrainKernel(trainer, outcome);
		outcome->seconds = ElapsedSeconds(trainer) - before;
	}
	else if (candidate == FOREST)
	{
		outcome->tried = true;
		TrainForest(trainer, outcome);
		outcome->seconds = ElapsedSeconds(trainer) - before;
	}
	else if (candidate == JOINT)
	{
		JoinHeads(trainer, outcome);
		outcome->seconds = trainer->outcomes[KERNEL].seconds + NetworksOfJoint(trainer)->seconds +
			trainer->outcomes[FOREST].seconds;
	}
	else
		TrainNetwork(trainer, candidate, outcome);
	if (!outcome->tried)
		return;
	if (candidate == MLP || candidate == FULL)
		JudgeModel(trainer, outcome);
	if (trainer->metric != METRIC_NONE)
		ereport(NOTICE,
				(errmsg("%s: %s %.4g on the validation part, %.0f s", candidate_names[candidate],
						metric_names[trainer->metric], outcome->shown, ElapsedSeconds(trainer) - before)));
}

/* Whether a candidate was tried as a part of the joint head that was asked for. */
static bool
IsOnlyPart(const Trainer *trainer, Candidate candidate)
{
	return candidate != JOINT && IsPartOfJoint(trainer, candidate);
}

static Candidate
ChooseBest(const Trainer *trainer)
{
	int			best = -1;

	for (int c = 0; c < CANDIDATES; c++)
	{
		const Outcome *outcome = &trainer->outcomes[c];

		if (!outcome->tried || IsOnlyPart(trainer, c))
			continue;
		if (best < 0 || outcome->score < trainer->outcomes[best].score ||
			(isnan(trainer->outcomes[best].score) && !isnan(outcome->score)))
			best = c;
	}
	if (best < 0)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("no head can be trained in %g minutes", trainer->options.minutes),
				 errhint("Raise option \"minutes\", or name the head.")));
	return best;
}

/* Everything, from the options to the stored model. */
static void
Train(Procedure *procedure, const char *query, Jsonb *options)
{
	Trainer    *trainer = (Trainer *) procedure;
	Candidate	chosen;
	char	   *id;

	INSTR_TIME_SET_CURRENT(trainer->began);
	ReadTrainOptions(options, &trainer->options);
	procedure->run.checkpoint_seconds = trainer->options.checkpoint;
	ReadBase(trainer);
	PrepareQueries(trainer, query);
	PrepareData(trainer);
	BeginProcedure(procedure, "train", query, options, &trainer->data);

	for (Candidate c = KERNEL; c <= JOINT; c++)
		TryCandidate(trainer, c);
	chosen = ChooseBest(trainer);
	RememberMolecules(&trainer->context, &trainer->outcomes[chosen].model, &trainer->data, trainer->options.known,
					  trainer->options.seed);
	id = FinishProcedure(procedure, &trainer->context, &trainer->outcomes[chosen].model);
	FinishRun(&procedure->run, MakeReport(trainer, chosen, id));
	TellChoice(trainer, chosen);
}

PG_FUNCTION_INFO_V1(hamnet_train);

/* hamnet_train(model text, query text, options jsonb) */
PGDLLEXPORT Datum
hamnet_train(PG_FUNCTION_ARGS)
{
	RunProcedure(fcinfo, Train, sizeof(Trainer));
	PG_RETURN_VOID();
}
