/*
 * train/split.c: the division of molecules into a training and a validation set.
 */
#include "postgres.h"

#include <math.h>

#include "utils/memutils.h"

#include "train/groups.h"
#include "train/split.h"

const char *const split_names[] = {"random", "scaffold", "none", NULL};

SplitKind
ChooseSplit(const TextOrNumber *validation, const char *query)
{
	if (query && (validation->text || validation->number > 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options \"validation\" and \"validation_query\" exclude each other")));
	if (query)
		return SPLIT_QUERY;
	if (validation->text && strcmp(validation->text, "none") == 0)
		return SPLIT_NONE;
	if (validation->text && strcmp(validation->text, "scaffold") == 0)
		return SPLIT_SCAFFOLD;
	return SPLIT_RANDOM;
}

/* Put each molecule where its query says, and notify the caller of those on both sides. */
static void
SplitByQuery(TrainingData *data)
{
	int			count = data->set.count;
	int			shared = 0;

	/* Equal molecules are neighbours. */
	for (int first = 0, end; first < count; first = end)
	{
		uint64		hash = GetMolecule(&data->set, first)->graph_hash;
		int			learned = 0;

		for (end = first; end < count && GetMolecule(&data->set, end)->graph_hash == hash; end++)
			if (GetMolecule(&data->set, end)->source == 0)
			{
				data->train[data->train_count++] = end;
				learned++;
			}
			else
				data->validation[data->validation_count++] = end;
		if (learned < end - first)
			shared += learned;
	}
	if (shared > 0)
		ereport(NOTICE,
				(errmsg_plural("%d of %d rows to learn from has a molecule that is also validated on",
							   "%d of %d rows to learn from have molecules that are also validated on",
							   shared, shared, data->train_count)));
}

/* Return what molecules that stay together share [set.count]. */
static uint64 *
GroupKeys(const TrainingData *data, SplitKind kind)
{
	uint64	   *keys = palloc_extended(data->set.count * sizeof(uint64), MCXT_ALLOC_HUGE);

	for (int i = 0; i < data->set.count; i++)
		keys[i] = kind == SPLIT_SCAFFOLD ? data->descriptions.scaffolds[i] : GetMolecule(&data->set, i)->graph_hash;
	return keys;
}

/* Divide the set by groups of molecules; returns how many there are. */
static int
SplitByGroups(TrainingData *data, SplitKind kind, double fraction, uint64 seed)
{
	int			count = data->set.count;
	bool	   *held_out = palloc_extended(count * sizeof(bool), MCXT_ALLOC_HUGE);
	int			group_count;
	MoleculeGroup *groups = MakeGroups(data, GroupKeys(data, kind), seed, &group_count);

	if (kind == SPLIT_SCAFFOLD)
		OrderBySize(groups, group_count);
	HoldOut(data, groups, group_count, Max(1, (int) rint(count * fraction)));
	for (int g = 0; g < group_count; g++)
		for (int i = 0; i < groups[g].size; i++)
			held_out[groups[g].rows[i]] = groups[g].held_out;
	for (int i = 0; i < count; i++)
		if (held_out[i])
			data->validation[data->validation_count++] = i;
		else
			data->train[data->train_count++] = i;
	pfree(groups);
	pfree(held_out);
	return group_count;
}

void
SplitTrainingData(TrainingData *data, SplitKind kind, double fraction, uint64 seed)
{
	int			count = data->set.count;
	int			group_count;

	data->train = palloc_extended(count * sizeof(int), MCXT_ALLOC_HUGE);
	data->validation = palloc_extended(count * sizeof(int), MCXT_ALLOC_HUGE);
	data->train_count = data->validation_count = 0;
	if (kind == SPLIT_NONE)
	{
		for (int i = 0; i < count; i++)
			data->train[data->train_count++] = i;
		return;
	}
	if (kind == SPLIT_QUERY)
	{
		SplitByQuery(data);
		return;
	}
	group_count = SplitByGroups(data, kind, fraction, seed);
	if (data->train_count == 0 || data->validation_count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("rows cannot be divided into a training and a validation set"),
				 errdetail("Rows: %d. Distinct %s: %d.", count,
						   kind == SPLIT_RANDOM ? "molecules" : "scaffolds", group_count)));
}

int *
AssignToFolds(const TrainingData *data, SplitKind kind, int folds, uint64 seed)
{
	int		   *fold_of_row = palloc_extended(data->set.count * sizeof(int), MCXT_ALLOC_HUGE);
	int			count;
	MoleculeGroup *groups = MakeGroups(data, GroupKeys(data, kind), seed, &count);

	if (count < folds)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("rows cannot be divided into %d folds", folds),
				 errdetail("Rows: %d. Distinct %s: %d.", data->set.count,
						   kind == SPLIT_RANDOM ? "molecules" : "scaffolds", count)));
	OrderBySize(groups, count);
	DealToFolds(data, groups, count, folds);
	for (int g = 0; g < count; g++)
		for (int i = 0; i < groups[g].size; i++)
			fold_of_row[groups[g].rows[i]] = groups[g].fold;
	pfree(groups);
	return fold_of_row;
}
