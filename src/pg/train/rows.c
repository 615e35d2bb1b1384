/*
 * train/rows.c: what a training learns from: the rows of its queries, heads for
 * their targets, and what heads read of their molecules.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "chem/standard.h"
#include "model/head_inputs.h"
#include "model/target.h"
#include "server/core.h"
#include "train/split.h"
#include "train/train.h"

static void
PrepareValidationQuery(Trainer *trainer)
{
	MoleculeQuery *query;

	if (trainer->options.validation_query == NULL)
		return;
	query = palloc(sizeof(MoleculeQuery));
	PrepareTargetQuery(query, trainer->options.validation_query);
	CheckSameColumns(&trainer->data.query, query, "validation_query");
	trainer->data.validation_query = query;
}

/* The column that option "contrast" names, which is of no head; -1 without one. */
static int
ContrastColumn(const Trainer *trainer)
{
	const MoleculeQuery *query = &trainer->data.query;

	if (trainer->options.contrast == NULL)
		return -1;
	for (int t = 0; t < query->target_count; t++)
		if (strcmp(query->targets[t].name, trainer->options.contrast) == 0)
		{
			if (query->targets[t].type == INT4OID)
				return t;
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\", which option \"contrast\" names, is not of type integer",
							query->targets[t].name),
					 errdetail("It says g for a molecule that is active in group g, and -g for one that is not.")));
		}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("query has no column \"%s\", which option \"contrast\" names", trainer->options.contrast)));
}

/*
 * Heads for the targets of the query, one for the numbers and one for the
 * classes; sets the order of targets, which go head by head. Columns of the
 * set are put into this order by OrderTargets.
 */
static void
DescribeHeads(Trainer *trainer)
{
	const MoleculeQuery *query = &trainer->data.query;
	static const char *const names[] = {"regression", "classification"};
	int			groups = ContrastColumn(trainer);
	int			next = 0;

	trainer->heads = palloc0(2 * sizeof(HnHead));
	trainer->column_of_target = palloc(query->target_count * sizeof(int));
	for (HnTask task = HN_REGRESSION; task <= HN_CLASSIFICATION; task++)
	{
		HnHead	   *head = &trainer->heads[trainer->head_count];

		head->name = names[task];
		head->task = task;
		head->targets = palloc0(query->target_count * sizeof(HnTarget));
		for (int t = 0; t < query->target_count; t++)
		{
			HnTarget   *target = &head->targets[head->target_count];

			if (query->targets[t].task != task || t == groups)
				continue;
			target->name = LabelFromServer(query->targets[t].name);
			target->unit = LabelFromServer(query->targets[t].unit);
			target->std = 1;
			head->target_count++;
			trainer->column_of_target[next++] = t;
		}
		if (head->target_count > 0)
			trainer->head_count++;
	}
	if (groups >= 0)
		trainer->column_of_target[next] = groups;
	if (trainer->head_count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("query has no target beside the groups of option \"contrast\"")));
}

/* Return the index of a target among those of the heads; -1 for none. */
static int
TargetIndex(const Trainer *trainer, const char *name)
{
	int			index = 0;

	for (int h = 0; h < trainer->head_count; h++)
		for (int t = 0; t < trainer->heads[h].target_count; t++, index++)
			if (strcmp(LabelToServer(trainer->heads[h].targets[t].name), name) == 0)
				return index;
	return -1;
}

/* Read option "weights", an object of numbers by the names of targets. */
static void
ReadWeights(Trainer *trainer)
{
	int			count = trainer->data.query.target_count;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;

	if (trainer->options.weights == NULL)
		return;
	trainer->weights = palloc(count * sizeof(double));
	for (int t = 0; t < count; t++)
		trainer->weights[t] = 1;
	iterator = JsonbIteratorInit(&trainer->options.weights->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char	   *name;
		int			index;

		if (token == WJB_BEGIN_OBJECT || token == WJB_END_OBJECT)
			continue;
		name = token == WJB_KEY ? pnstrdup(value.val.string.val, value.val.string.len) : NULL;
		index = name ? TargetIndex(trainer, name) : -1;
		if (name && index < 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("query has no target \"%s\", which option \"weights\" names", name)));
		if (name)
			(void) JsonbIteratorNext(&iterator, &value, true);
		if (name == NULL || value.type != jbvNumeric)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"weights\" is not an object of numbers")));
		trainer->weights[index] = DatumGetFloat8(DirectFunctionCall1(numeric_float8,
																	NumericGetDatum(value.val.numeric)));
		if (!(trainer->weights[index] >= 0 && trainer->weights[index] <= 1e6))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("weight of target \"%s\" is %g, it must be between 0 and 1000000", name,
							trainer->weights[index])));
	}
}

void
PrepareQueries(Trainer *trainer, const char *query)
{
	PrepareTargetQuery(&trainer->data.query, query);
	PrepareValidationQuery(trainer);
	DescribeHeads(trainer);
	ReadWeights(trainer);
}

/*
 * Files keep classes as 0 and 1, which are learned as numbers: with an RMSE, and
 * values beyond both. Few want that.
 */
static void
NotifyClassesAmongNumbers(const TrainingData *data, int groups)
{
	for (int t = 0; t < data->query.target_count; t++)
	{
		bool		seen[2] = {false, false};
		bool		other = data->query.targets[t].task != HN_REGRESSION || t == groups;

		for (int i = 0; i < data->set.count && !other; i++)
		{
			double		label = MoleculeTargets(&data->set, i)[t];

			seen[0] |= label == 0;
			seen[1] |= label == 1;
			other = !isnan(label) && label != 0 && label != 1;
		}
		if (!other && seen[0] && seen[1])
			ereport(NOTICE,
					(errmsg("target \"%s\" is learned as a number, though it is always 0 or 1",
							data->query.targets[t].name),
					 errhint("To learn it as a class, return a boolean: \"value = 1\" in place of \"value\".")));
	}
}

/* Bring the targets of each molecule from the order of columns into that of the heads. */
static void
OrderTargets(Trainer *trainer)
{
	int			count = trainer->data.query.target_count;
	double	   *row = palloc(count * sizeof(double));

	for (int i = 0; i < trainer->data.set.count; i++)
	{
		double	   *targets = MoleculeTargets(&trainer->data.set, i);

		memcpy(row, targets, count * sizeof(double));
		for (int t = 0; t < count; t++)
			targets[t] = row[trainer->column_of_target[t]];
	}
	pfree(row);
}

/* Return what heads of the candidates read beside fingerprints; fine-tuned networks read it only if asked. */
static HnNeeds
DescriptionsNeeded(const TrainOptions *options)
{
	bool		network = options->head && (strcmp(options->head, "mlp") == 0 || strcmp(options->head, "full") == 0);
	const char *inputs = options->inputs ? options->inputs :
		network && strcmp(options->head, "full") == 0 ? "fingerprint" : "counts";

	if (network && strcmp(inputs, "fingerprint") == 0)
		return (HnNeeds) {.descriptors = NULL};
	return (HnNeeds) {.descriptors = &hn_descriptors_rdkit_2d, .counts = true};
}

/* Return the examples of the training set, for what is estimated from them. */
static HnExample *
TrainExamples(const TrainingData *data)
{
	HnExample  *examples = palloc_extended(data->train_count * sizeof(HnExample), MCXT_ALLOC_HUGE);

	for (int i = 0; i < data->train_count; i++)
		examples[i] = data->examples[data->train[i]];
	return examples;
}

void
PrepareData(Trainer *trainer)
{
	TrainOptions *options = &trainer->options;
	TrainingData *data = &trainer->data;
	SplitKind	split = ChooseSplit(&options->validation, options->validation_query);
	HnModel		probe = {.heads = trainer->heads, .head_count = trainer->head_count};
	HnExample  *examples;

	data->standard = StandardByName(options->standardize);
	data->descriptions.needs = DescriptionsNeeded(options);
	data->descriptions.needs.scaffold = split == SPLIT_SCAFFOLD;
	ReadTrainingData(data, trainer->model.features, MIN_TRAINING_ROWS);
	NotifyClassesAmongNumbers(data, ContrastColumn(trainer));
	OrderTargets(trainer);
	SplitTrainingData(data, split, options->validation.number > 0 ? options->validation.number : 0.1, options->seed);
	examples = TrainExamples(data);
	if (hn_training_standardise(&trainer->context, &probe, examples, data->train_count) != HN_OK)
		ReportCoreError(&trainer->context, NULL);
	pfree(examples);
	trainer->metric = ChooseMetric(trainer);
}

void
DescribeMolecules(Trainer *trainer)
{
	const TrainingData *data = &trainer->data;
	int			dim = trainer->model.fingerprint_config.dim;
	int			count = data->set.count;
	Molecules	molecules = {.count = count, .graphs = data->graphs, .valid = data->descriptions.valid};
	HnInputs	computed;
	real	   *fingerprints;

	if (trainer->described)
		return;
	Assert(data->descriptions.needs.descriptors && data->descriptions.needs.counts);
	ereport(NOTICE, (errmsg("computing fingerprints of %d molecules", count)));
	trainer->valid = palloc_extended(count * sizeof(bool), MCXT_ALLOC_HUGE);
	if (hn_model_pack(&trainer->context, &trainer->model) != HN_OK)
		ReportCoreError(&trainer->context, NULL);
	ComputeHeadInputs(&trainer->context, &trainer->model, (HnNeeds) {.descriptors = NULL}, &molecules, &computed,
					  trainer->valid);
	fingerprints = (real *) computed.fingerprints;
	for (int i = 0; i < count; i++)
		for (int k = 0; k < dim && !trainer->valid[i]; k++)
			fingerprints[(Size) i * dim + k] = NAN;
	trainer->inputs = DescribedInputs(&data->descriptions);
	trainer->inputs.fingerprints = fingerprints;
	trainer->described = true;
}

real *
HeadLabels(const Trainer *trainer, int head, int first)
{
	const TrainingData *data = &trainer->data;
	int			targets = trainer->heads[head].target_count;
	Size		size = (Size) data->set.count * targets;
	real	   *labels = palloc_extended(size * sizeof(real), MCXT_ALLOC_HUGE);

	for (Size i = 0; i < size; i++)
		labels[i] = NAN;
	for (int i = 0; i < data->train_count; i++)
	{
		int			index = data->train[i];

		for (int t = 0; t < targets && trainer->valid[index]; t++)
			labels[(Size) index * targets + t] = data->examples[index].targets[first + t];
	}
	return labels;
}
