/*
 * train/split.c: the division of molecules into a training and a validation set.
 */
#include "postgres.h"

#include <math.h>

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "hamnet/chem.h"

#include "server/core.h"
#include "server/guc.h"
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

/* The key of each molecule's group. */
static uint64 *
GroupKeys(const TrainingData *data, SplitKind kind)
{
	uint64	   *keys = palloc_extended(data->set.count * sizeof(uint64), MCXT_ALLOC_HUGE);
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "hamnet scaffolds", ALLOCSET_DEFAULT_SIZES);
	HnArena		arena;
	HnContext	context;

	hn_arena_init(&arena, ContextAllocator(memory));
	InitCoreContext(&context, &arena);
	for (int i = 0; i < data->set.count; i++)
	{
		const char *scaffold;

		keys[i] = GetMolecule(&data->set, i)->graph_hash;
		if (kind != SPLIT_SCAFFOLD)
			continue;
		CHECK_FOR_INTERRUPTS();
		hn_arena_reset(&arena);
		if (hn_scaffold(&context, SmilesAt(data, i), hamnet_max_atoms, &scaffold) != HN_OK)
			ReportCoreError(&context, SmilesAt(data, i));
		keys[i] = hash_bytes_extended((const unsigned char *) scaffold, strlen(scaffold), 0);
	}
	MemoryContextDelete(memory);
	return keys;
}

/* The groups of all molecules, sorted by key; sets count. */
static MoleculeGroup *
MakeGroups(const TrainingData *data, const uint64 *keys, uint64 seed, int *count)
{
	MoleculeGroup *groups = palloc_extended(data->set.count * sizeof(MoleculeGroup), MCXT_ALLOC_HUGE);

	for (int i = 0; i < data->set.count; i++)
		groups[i] = (MoleculeGroup)
	{
		.key = keys[i], .size = 1
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

/* Put each molecule where its query says, and tell the caller of those that stand on both sides. */
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
			if (GetMolecule(&data->set, end)->part == 0)
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
	uint64	   *keys;
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
	keys = GroupKeys(data, kind);
	groups = MakeGroups(data, keys, seed, &group_count);
	ChooseGroups(groups, group_count, kind, count, fraction);
	for (int i = 0; i < count; i++)
	{
		MoleculeGroup key = {.key = keys[i]};
		MoleculeGroup *group = bsearch(&key, groups, group_count, sizeof(MoleculeGroup), CompareKeys);

		if (group->validation)
			data->validation[data->validation_count++] = i;
		else
			data->train[data->train_count++] = i;
	}
	pfree(keys);
	pfree(groups);
	if (data->train_count == 0 || data->validation_count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("rows cannot be divided into a training and a validation set"),
				 errdetail("Rows: %d. Distinct %s: %d.", count,
						   kind == SPLIT_RANDOM ? "molecules" : "scaffolds", group_count)));
}
