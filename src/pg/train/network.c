/*
 * train/network.c: the candidates that are networks: heads on a frozen
 * fingerprint, and those that train the generator too.
 */
#include "postgres.h"

#include "server/core.h"
#include "train/loop.h"
#include "train/train.h"

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
		HnNetworks *networks = palloc0(sizeof(HnNetworks));

		networks->layer_count = trainer->options.units > 0 ? 2 : 1;
		networks->layers = palloc0(networks->layer_count * sizeof(HnLinear));
		networks->layers[0].out = trainer->options.units;
		networks->inputs = inputs;
		trainer->heads[h].parts[HN_NETWORKS] = networks;
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

/* Networks of a joint head, unless the caller says otherwise. */
#define JOINT_MEMBERS 5

/* Members of a network candidate: an ensemble where it goes into a joint head, which is cheap. */
static int
MemberCount(const Trainer *trainer, CandidateKind candidate)
{
	const TrainOptions *options = &trainer->options;

	if (options->members > 0)
		return options->members;
	return candidate == CANDIDATE_MLP && (options->head == NULL || IsPartOfJoint(trainer, candidate)) ? JOINT_MEMBERS : 1;
}

/*
 * Epochs of a network: enough passes over few rows, not too many over many;
 * within a time budget as many as fit what is left of it, which may be none. The
 * first pass over the data decides.
 */
static int
PlanEpochs(Trainer *trainer, CandidateKind candidate, Team *team)
{
	int			rows = trainer->data.train_count;
	int			epochs = trainer->options.epochs;
	double		seconds;
	double		left;

	if (epochs == 0)
		epochs = candidate == CANDIDATE_MLP ? Max(20, Min(200, 200000 / rows)) : Max(10, Min(60, 75000 / rows));
	if (trainer->pass > 0)
		return trainer->held[candidate].epochs;
	if (trainer->options.head)
		return epochs;
	seconds = MeasureEpoch(team, &trainer->data, trainer->options.batch) * MemberCount(trainer, candidate);

	/* A tenth of the budget is for validation, logs and the rest. */
	left = 0.9 * trainer->options.minutes * 60 - ElapsedSeconds(trainer);
	return Max(0, Min(epochs, (int) (left / (seconds * 1.1 * trainer->passes))));
}

/* Molecules computed at once where only a head is: its rows are short. */
#define FROZEN_MICRO_BATCH 256

/* Molecules compared with one another: runs of groups, and what they are to be told from. */
#define CONTRAST_MICRO_BATCH 64

/* Networks need at least so many epochs to be worth a try. */
#define MIN_EPOCHS 3

/* Each pass has checkpoints of its own. */
static int
CheckpointNumber(const Trainer *trainer, CandidateKind candidate, int member)
{
	return (trainer->pass * CANDIDATES + candidate) * HN_MAX_MEMBERS + member;
}

/* Return after how many epochs networks did best on the rows that were held out, on average. */
static int
RefitEpochs(const HeldOut *held)
{
	return Max(1, (int) ((held->best_epochs + held->networks / 2) / held->networks));
}

/* Train one member of a network candidate; its weights become those of the model. */
static void
TrainMember(Trainer *trainer, CandidateKind candidate, Team *team, int member, int epochs, HnModel *model,
			TrainingLoop *loop)
{
	TrainOptions *options = &trainer->options;
	uint64		seed = options->seed + member;

	memcpy(TeamModel(team)->parameters, model->parameters, model->parameter_count * sizeof(real));
	TeamTraining(team)->seed = seed;
	*loop = (TrainingLoop)
	{
		.run = &trainer->procedure.run,
		.team = team,
		.data = &trainer->data,
		.name = PassName(trainer, candidate),
		.number = CheckpointNumber(trainer, candidate, member),
		.member = member + 1,
		.options = hn_optimiser_defaults,
		.epochs = epochs,
		.last_epoch = trainer->refitting ? RefitEpochs(&trainer->held[candidate]) : 0,
		.batch = options->batch,
		.epoch_rows = options->epoch_rows,
		.contrast = options->contrast ? trainer->target_count : -1,
		.patience = trainer->metric == METRIC_NONE || trainer->refitting ? 0 : options->patience,
		.seed = seed,
		.metric = trainer->refitting ? NULL : metric_names[trainer->metric],
		.score = ScoreWeights,
		.score_state = trainer
	};
	loop->options.rate = options->lr > 0 ? options->lr : candidate == CANDIDATE_FULL && !trainer->scratch ? 4e-4 : 1e-3;
	loop->options.weight_decay = options->decay;
	loop->options.averaging = HN_AVERAGE_EXPONENTIAL;
	RunTrainingLoop(loop);
	memcpy(model->parameters, loop->weights, model->parameter_count * sizeof(real));
	pfree(loop->weights);
}

/* Make what the networks of a candidate read, scaled by the training set; NULL for the fingerprint alone. */
static HnHeadInputs *
MakeInputs(Trainer *trainer, CandidateKind candidate)
{
	const TrainOptions *options = &trainer->options;
	const TrainingData *data = &trainer->data;
	const char *wanted = options->inputs ? options->inputs : candidate == CANDIDATE_MLP ? "counts" : "fingerprint";
	HnHeadInputs *inputs;
	int		   *rows;
	int			count = 0;

	if (strcmp(wanted, "fingerprint") == 0)
		return NULL;
	DescribeMolecules(trainer);
	inputs = palloc0(sizeof(HnHeadInputs));
	inputs->standardised = candidate == CANDIDATE_MLP;
	inputs->descriptors = data->descriptions.needs.descriptors;
	inputs->counts = strcmp(wanted, "descriptors") == 0 ? 0 : options->counts;
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

static void
TrainNetwork(Trainer *trainer, CandidateKind candidate, Outcome *outcome)
{
	TrainOptions *options = &trainer->options;
	HnTraining	training = hn_training_defaults;
	int			member_count = MemberCount(trainer, candidate);
	HnModel    *members = palloc0(member_count * sizeof(HnModel));
	const HnModel **pointers = palloc(member_count * sizeof(HnModel *));
	HnHeadInputs *inputs = MakeInputs(trainer, candidate);
	int			epochs;

	training.trained = candidate == CANDIDATE_MLP ? HN_TRAIN_HEADS :
		strcmp(options->learn, "projection") == 0 ? HN_TRAIN_PROJECTION : HN_TRAIN_GENERATOR;
	training.dropout = options->dropout;
	training.huber = options->huber;
	training.weights = trainer->weights;
	training.contrast = options->contrast ? options->contrast_weight : 0;
	training.keep = options->keep;
	if (candidate == CANDIDATE_MLP)
		training.micro_batch = FROZEN_MICRO_BATCH;
	else if (options->contrast)
		training.micro_batch = CONTRAST_MICRO_BATCH;
	training.head_rate = candidate == CANDIDATE_FULL && !trainer->scratch ? 3 : 1;
	for (int m = 0; m < member_count; m++)
	{
		pointers[m] = &members[m];
		if (MakeModel(trainer, inputs, options->seed + m, &members[m]) != HN_OK)
			ReportCoreError(&trainer->context, NULL);
	}
	StartTeam(&trainer->procedure.team, &members[0], &training, &trainer->data.set,
			  inputs ? &trainer->inputs : NULL, options->workers);
	TeamFreeze(trainer->procedure.team);
	epochs = PlannedEpochs(&trainer->procedure.run, CheckpointNumber(trainer, candidate, 0));
	if (epochs == 0)
		epochs = PlanEpochs(trainer, candidate, trainer->procedure.team);
	trainer->held[candidate].epochs = epochs;
	outcome->tried = epochs >= Min(MIN_EPOCHS, options->epochs > 0 ? options->epochs : MIN_EPOCHS);
	outcome->reason = "the time left is too short";
	for (int m = 0; m < member_count && outcome->tried; m++)
	{
		TrainingLoop loop;

		TrainMember(trainer, candidate, trainer->procedure.team, m, epochs, &members[m], &loop);
		outcome->seconds += loop.seconds;
		trainer->held[candidate].best_epochs += loop.best_epoch;
		trainer->held[candidate].networks++;
		appendStringInfo(&outcome->report, ", \"member %d\": {\"epochs\": %d, \"best_epoch\": %d, \"skipped\": "
						 INT64_FORMAT "}", m + 1, loop.epochs_done, loop.best_epoch, loop.skipped);
	}
	EndTeam(trainer->procedure.team);
	trainer->procedure.team = NULL;
	if (!outcome->tried)
		return;
	if (member_count == 1)
		outcome->model = members[0];
	else if (hn_model_join(&trainer->context, pointers, member_count, &outcome->model) != HN_OK)
		ReportCoreError(&trainer->context, NULL);
	JudgeModel(trainer, outcome);
}

static const char *
ReasonAgainstMlp(const Trainer *trainer)
{
	return trainer->scratch ? "its fingerprint would be random" : NULL;
}

static const char *
ReasonAgainstFull(const Trainer *trainer)
{
	return trainer->options.head == NULL && HasFewRows(trainer) ? "a joint head is better for so few rows" : NULL;
}

static void
TrainMlp(Trainer *trainer, Outcome *outcome)
{
	TrainNetwork(trainer, CANDIDATE_MLP, outcome);
}

static void
TrainFull(Trainer *trainer, Outcome *outcome)
{
	TrainNetwork(trainer, CANDIDATE_FULL, outcome);
}

const Candidate MlpCandidate = {
	.name = "mlp", .of_joint = true, .reason_against = ReasonAgainstMlp, .train = TrainMlp
};
const Candidate FullCandidate = {.name = "full", .reason_against = ReasonAgainstFull, .train = TrainFull};
