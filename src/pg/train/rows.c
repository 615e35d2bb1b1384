/*
 * train/rows.c: what a training learns from: the rows of its queries, heads for
 * their targets, and what heads read of their molecules.
 */
#include "postgres.h"

#include <math.h>

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

			if (query->targets[t].task != task)
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
}

void
PrepareQueries(Trainer *trainer, const char *query)
{
	PrepareTargetQuery(&trainer->data.query, query);
	PrepareValidationQuery(trainer);
	DescribeHeads(trainer);
}

/*
 * Files keep classes as 0 and 1, which are learned as numbers: with an RMSE, and
 * values beyond both. Few want that, so tell.
 */
static void
TellClassesAmongNumbers(const TrainingData *data)
{
	for (int t = 0; t < data->query.target_count; t++)
	{
		bool		seen[2] = {false, false};
		bool		other = data->query.targets[t].task != HN_REGRESSION;

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

/* The examples of the training part, for what is estimated from them. */
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
	HnModel		probe = {.heads = trainer->heads, .head_count = trainer->head_count};
	HnExample  *examples;

	data->standard = StandardByName(options->standardize);
	ReadTrainingData(data, trainer->model.features, MIN_TRAINING_ROWS);
	TellClassesAmongNumbers(data);
	OrderTargets(trainer);
	SplitTrainingData(data, ChooseSplit(&options->validation, options->validation_query),
					  options->validation.number > 0 ? options->validation.number : 0.1, options->seed);
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
	HnNeeds		needs = {.descriptors = &hn_descriptors_rdkit_2d, .counts = true};
	int			dim = trainer->model.fingerprint_config.dim;
	int			count = data->set.count;
	const char **smiles;

	if (trainer->described)
		return;
	ereport(NOTICE, (errmsg("describing %d molecules", count)));
	smiles = palloc_extended(count * sizeof(char *), MCXT_ALLOC_HUGE);
	trainer->valid = palloc_extended(count * sizeof(bool), MCXT_ALLOC_HUGE);
	for (int i = 0; i < count; i++)
		smiles[i] = SmilesAt(data, i);
	if (hn_model_pack(&trainer->context, &trainer->model) != HN_OK)
		ReportCoreError(&trainer->context, NULL);
	ComputeHeadInputs(&trainer->context, &trainer->model, needs, smiles, count, &trainer->inputs, trainer->valid);
	for (int i = 0; i < count; i++)
		for (int k = 0; k < dim && !trainer->valid[i]; k++)
			((real *) trainer->inputs.fingerprints)[(Size) i * dim + k] = NAN;
	pfree(smiles);
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
		int			place = data->train[i];

		for (int t = 0; t < targets && trainer->valid[place]; t++)
			labels[(Size) place * targets + t] = data->examples[place].targets[first + t];
	}
	return labels;
}
