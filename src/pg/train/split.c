/*
 * train/split.c: the division of molecules into a training and a validation set.
 */
#include "postgres.h"

#include <math.h>

#include "common/hashfn.h"
#include "utils/memutils.h"

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

/* Molecules that stay together: equal ones, or those of one scaffold. */
typedef struct MoleculeGroup
{
	uint64		key;			/* what they share */
	uint64		rank;			/* order of groups that are alike otherwise */
	int			size;
	bool		validation;
} MoleculeGroup;

static int
CompareKeys(const void *a, const void *b)
{
	uint64		left = ((const MoleculeGroup *) a)->key;
	uint64		right = ((const MoleculeGroup *) b)->key;

	return left < right ? -1 : left > right;
}

/* Order in which a random split takes groups to validate on. */
static int
CompareRanks(const void *a, const void *b)
{
	const MoleculeGroup *left = a;
	const MoleculeGroup *right = b;

	if (left->rank != right->rank)
		return left->rank < right->rank ? -1 : 1;
	return CompareKeys(a, b);
}

/* Order in which a scaffold split fills the training set: the largest first. */
static int
CompareSizes(const void *a, const void *b)
{
	const MoleculeGroup *left = a;
	const MoleculeGroup *right = b;

	if (left->size != right->size)
		return left->size > right->size ? -1 : 1;
	return CompareKeys(a, b);
}

/* Return the key of a molecule's group. */
static uint64
GroupKey(const TrainingData *data, SplitKind kind, int i)
{
	return kind == SPLIT_SCAFFOLD ? data->descriptions.scaffolds[i] : GetMolecule(&data->set, i)->graph_hash;
}

/* Make the groups of all molecules, sorted by key; sets count. */
static MoleculeGroup *
MakeGroups(const TrainingData *data, SplitKind kind, uint64 seed, int *count)
{
	MoleculeGroup *groups = palloc_extended(data->set.count * sizeof(MoleculeGroup), MCXT_ALLOC_HUGE);

	for (int i = 0; i < data->set.count; i++)
		groups[i] = (MoleculeGroup)
	{
		.key = GroupKey(data, kind, i), .size = 1
	};
	qsort(groups, data->set.count, sizeof(MoleculeGroup), CompareKeys);
	*count = 0;
	for (int i = 0; i < data->set.count; i++)
		if (*count > 0 && groups[*count - 1].key == groups[i].key)
			groups[*count - 1].size++;
		else
			groups[(*count)++] = groups[i];
	for (int g = 0; g < *count; g++)
		groups[g].rank = hash_bytes_extended((unsigned char *) &groups[g].key, sizeof(uint64), seed);
	return groups;
}

/* Choose the groups to validate on; leaves them sorted by key. */
static void
ChooseGroups(MoleculeGroup *groups, int count, SplitKind kind, int64 rows, double fraction)
{
	int64		wanted = Max(1, (int64) rint(rows * fraction));
	int64		taken = 0;

	if (kind == SPLIT_RANDOM)
	{
		qsort(groups, count, sizeof(MoleculeGroup), CompareRanks);
		for (int g = 0; g < count && taken < wanted; g++)
		{
			groups[g].validation = true;
			taken += groups[g].size;
		}
	}
	else
	{
		qsort(groups, count, sizeof(MoleculeGroup), CompareSizes);
		for (int g = 0; g < count; g++)
			if (taken + groups[g].size > rows - wanted)
				groups[g].validation = true;
			else
				taken += groups[g].size;
	}
	qsort(groups, count, sizeof(MoleculeGroup), CompareKeys);
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

void
SplitTrainingData(TrainingData *data, SplitKind kind, double fraction, uint64 seed)
{
	int			count = data->set.count;
	MoleculeGroup *groups;
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
	groups = MakeGroups(data, kind, seed, &group_count);
	ChooseGroups(groups, group_count, kind, count, fraction);
	for (int i = 0; i < count; i++)
	{
		MoleculeGroup key = {.key = GroupKey(data, kind, i)};
		MoleculeGroup *group = bsearch(&key, groups, group_count, sizeof(MoleculeGroup), CompareKeys);

		if (group->validation)
			data->validation[data->validation_count++] = i;
		else
			data->train[data->train_count++] = i;
	}
	pfree(groups);
	if (data->train_count == 0 || data->validation_count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("rows cannot be divided into a training and a validation set"),
				 errdetail("Rows: %d. Distinct %s: %d.", count,
						   kind == SPLIT_RANDOM ? "molecules" : "scaffolds", group_count)));
}
