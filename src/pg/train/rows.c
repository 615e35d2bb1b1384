/*
 * train/rows.c: what a training learns from: the rows of its queries, and what
 * heads read of their molecules.
 */
#include "postgres.h"

#include <math.h>

#include "chem/standard.h"
#include "model/head_inputs.h"
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

void
PrepareQueries(Trainer *trainer, const char *query)
{
	PrepareTargetQuery(&trainer->data.query, query);
	PrepareValidationQuery(trainer);
	trainer->skipped = palloc0(trainer->data.query.target_count * sizeof(bool));
	initStringInfo(&trainer->skips);
	DescribeHeads(trainer);
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
	return (HnNeeds)
	{
		.descriptors = ReadsConformer(options) ? &hn_descriptors_conformer : &hn_descriptors_rdkit_2d, .counts = true
	};
}

HnExample *
TrainExamples(const TrainingData *data)
{
	HnExample  *examples = palloc_extended(data->train_count * sizeof(HnExample), MCXT_ALLOC_HUGE);

	for (int i = 0; i < data->train_count; i++)
		examples[i] = data->examples[data->train[i]];
	return examples;
}

void
ScaleTargets(Trainer *trainer)
{
	HnModel		probe = {.heads = trainer->heads, .head_count = trainer->head_count};
	HnExample  *examples = TrainExamples(&trainer->data);

	if (hn_training_standardise(&trainer->context, &probe, examples, trainer->data.train_count) != HN_OK)
		ReportCoreError(&trainer->context, NULL);
	pfree(examples);
}

/* Assign the rows to folds. What is checked before they are taken sees all of them in the training set. */
static void
AssignFolds(Trainer *trainer, SplitKind split)
{
	TrainingData *data = &trainer->data;

	SplitTrainingData(data, SPLIT_NONE, 0, 0);
	trainer->fold_of_row = AssignToFolds(data, split, trainer->options.folds, trainer->options.seed);
}

void
PrepareData(Trainer *trainer)
{
	TrainOptions *options = &trainer->options;
	TrainingData *data = &trainer->data;
	SplitKind	split = ChooseSplit(&options->validation, options->validation_query);

	data->standard = StandardByName(options->standardize);
	data->descriptions.needs = DescriptionsNeeded(options);
	data->keep_smiles = options->folds > 0;
	data->descriptions.needs.scaffold = split == SPLIT_SCAFFOLD;
	ReadTrainingData(data, trainer->model.features, MIN_TRAINING_ROWS);
	if (options->folds > 0)
		AssignFolds(trainer, split);
	else
		SplitTrainingData(data, split, options->validation.number > 0 ? options->validation.number : 0.1, options->seed);
	CheckTargets(trainer);
	OrderTargets(trainer);
	ScaleTargets(trainer);
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
