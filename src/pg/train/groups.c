/*
 * train/groups.c: molecules that stay on one side of a division, and which of
 * them to hold out.
 */
#include "postgres.h"

#include <math.h>

#include "common/hashfn.h"
#include "utils/memutils.h"

#include "train/groups.h"

static int
CompareKeys(const void *a, const void *b, void *keys)
{
	int			left = *(const int *) a;
	int			right = *(const int *) b;
	uint64		left_key = ((const uint64 *) keys)[left];
	uint64		right_key = ((const uint64 *) keys)[right];

	if (left_key != right_key)
		return left_key < right_key ? -1 : 1;
	return left - right;
}

static int
CompareRanks(const void *a, const void *b)
{
	const MoleculeGroup *left = a;
	const MoleculeGroup *right = b;

	if (left->rank != right->rank)
		return left->rank < right->rank ? -1 : 1;
	return left->key < right->key ? -1 : left->key > right->key;
}

static int
CompareSizes(const void *a, const void *b)
{
	const MoleculeGroup *left = a;
	const MoleculeGroup *right = b;

	return left->size != right->size ? left->size - right->size : CompareRanks(a, b);
}

MoleculeGroup *
MakeGroups(const TrainingData *data, const uint64 *keys, uint64 seed, int *count)
{
	int			n = data->set.count;
	int		   *rows = palloc_extended(n * sizeof(int), MCXT_ALLOC_HUGE);
	MoleculeGroup *groups = palloc_extended(n * sizeof(MoleculeGroup), MCXT_ALLOC_HUGE);

	for (int i = 0; i < n; i++)
		rows[i] = i;
	qsort_arg(rows, n, sizeof(int), CompareKeys, (void *) keys);
	*count = 0;
	for (int i = 0; i < n; i++)
	{
		uint64		key = keys[rows[i]];

		if (*count == 0 || groups[*count - 1].key != key)
			groups[(*count)++] = (MoleculeGroup)
		{
			.key = key, .rank = hash_bytes_extended((unsigned char *) &key, sizeof(key), seed), .rows = rows + i
		};
		groups[*count - 1].size++;
	}
	qsort(groups, *count, sizeof(MoleculeGroup), CompareRanks);
	return groups;
}

void
OrderBySize(MoleculeGroup *groups, int count)
{
	qsort(groups, count, sizeof(MoleculeGroup), CompareSizes);
}

/* Kinds of labels: of each target, those that are not above its mean, and those that are. */
typedef struct LabelKinds
{
	const TrainingData *data;
	double	   *means;			/* [targets] */
	int		   *groups;			/* [targets][2] that are not held out and have such a label */
	bool	   *found;			/* [targets][2] in one group */
} LabelKinds;

/* Find the kinds of labels that a group has. */
static void
FindKinds(LabelKinds *kinds, const MoleculeGroup *group)
{
	int			targets = kinds->data->query.target_count;

	memset(kinds->found, 0, 2 * targets * sizeof(bool));
	for (int i = 0; i < group->size; i++)
		for (int t = 0; t < targets; t++)
		{
			double		label = kinds->data->examples[group->rows[i]].targets[t];

			if (!isnan(label))
				kinds->found[2 * t + (label > kinds->means[t])] = true;
		}
}

static LabelKinds
MeasureKinds(const TrainingData *data, const MoleculeGroup *groups, int count)
{
	int			targets = data->query.target_count;
	LabelKinds	kinds = {.data = data};

	kinds.means = palloc0(targets * sizeof(double));
	kinds.groups = palloc0(2 * targets * sizeof(int));
	kinds.found = palloc(2 * targets * sizeof(bool));
	for (int t = 0; t < targets; t++)
	{
		int			n = 0;

		for (int i = 0; i < data->set.count; i++)
			if (!isnan(data->examples[i].targets[t]))
				kinds.means[t] += (data->examples[i].targets[t] - kinds.means[t]) / ++n;
	}
	for (int g = 0; g < count; g++)
	{
		FindKinds(&kinds, &groups[g]);
		for (int k = 0; k < 2 * targets; k++)
			kinds.groups[k] += kinds.found[k];
	}
	return kinds;
}

/* Return whether every kind of label that a group has stands in another group too that is not held out. */
static bool
CanSpare(LabelKinds *kinds, const MoleculeGroup *group)
{
	FindKinds(kinds, group);
	for (int k = 0; k < 2 * kinds->data->query.target_count; k++)
		if (kinds->found[k] && kinds->groups[k] == 1)
			return false;
	return true;
}

/* Hold out a group, whose kinds were found just before. */
static void
TakeGroup(LabelKinds *kinds, MoleculeGroup *group, int *taken)
{
	group->held_out = true;
	*taken += group->size;
	for (int k = 0; k < 2 * kinds->data->query.target_count; k++)
		kinds->groups[k] -= kinds->found[k];
}

/* Find the group that brings the rows taken nearest to what is wanted; NULL if all lead away, though something is taken. */
static MoleculeGroup *
FindNearest(LabelKinds *kinds, MoleculeGroup *groups, int count, int wanted, int taken, bool spare)
{
	MoleculeGroup *nearest = NULL;
	int			distance = taken > 0 ? abs(wanted - taken) : INT_MAX;

	for (int g = 0; g < count; g++)
	{
		int			left = abs(wanted - taken - groups[g].size);

		if (left >= distance || groups[g].held_out || taken + groups[g].size == kinds->data->set.count ||
			(spare && !CanSpare(kinds, &groups[g])))
			continue;
		nearest = &groups[g];
		distance = left;
	}
	return nearest;
}

void
HoldOut(const TrainingData *data, MoleculeGroup *groups, int count, int wanted)
{
	LabelKinds	kinds = MeasureKinds(data, groups, count);
	MoleculeGroup *nearest;
	int			taken = 0;

	for (int g = 0; g < count && taken < wanted; g++)
		if (taken + groups[g].size <= wanted && CanSpare(&kinds, &groups[g]))
			TakeGroup(&kinds, &groups[g], &taken);
	nearest = FindNearest(&kinds, groups, count, wanted, taken, true);
	if (nearest == NULL && taken == 0)
		nearest = FindNearest(&kinds, groups, count, wanted, taken, false);
	if (nearest)
	{
		FindKinds(&kinds, nearest);
		TakeGroup(&kinds, nearest, &taken);
	}
	pfree(kinds.means);
	pfree(kinds.groups);
	pfree(kinds.found);
}

/* What each fold has so far, in parts of all. */
typedef struct FoldLoads
{
	int			kinds;			/* of labels: two for each target */
	double	   *labels;			/* [folds][kinds] groups */
	double	   *rows;			/* [folds] */
} FoldLoads;

/* Return the fold that has least of the kinds of labels just found, and of rows. */
static int
LeastLoaded(const FoldLoads *loads, const LabelKinds *kinds, int folds)
{
	int			least = 0;
	double		lowest = INFINITY;

	for (int f = 0; f < folds; f++)
	{
		double		load = loads->rows[f];

		for (int k = 0; k < loads->kinds; k++)
			if (kinds->found[k])
				load += loads->labels[f * loads->kinds + k];
		if (load < lowest)
		{
			least = f;
			lowest = load;
		}
	}
	return least;
}

/* Add a group, whose kinds were found just before, to a fold, or take it away again with sign -1. */
static void
AddLoad(FoldLoads *loads, const LabelKinds *kinds, const MoleculeGroup *group, int sign)
{
	loads->rows[group->fold] += sign * (double) group->size / kinds->data->set.count;
	for (int k = 0; k < loads->kinds; k++)
		if (kinds->found[k])
			loads->labels[group->fold * loads->kinds + k] += sign * 1.0 / kinds->groups[k];
}

/* Return whether a fold has all groups with some kind of label that was just found. */
static bool
HasAll(const FoldLoads *loads, const LabelKinds *kinds, int fold)
{
	for (int k = 0; k < loads->kinds; k++)
		if (kinds->found[k] && loads->labels[fold * loads->kinds + k] > 1 - 0.5 / kinds->groups[k])
			return true;
	return false;
}

void
DealToFolds(const TrainingData *data, MoleculeGroup *groups, int count, int folds)
{
	LabelKinds	kinds = MeasureKinds(data, groups, count);
	FoldLoads	loads = {.kinds = 2 * data->query.target_count};

	loads.labels = palloc0((Size) folds * loads.kinds * sizeof(double));
	loads.rows = palloc0(folds * sizeof(double));
	for (int g = count - 1; g >= 0; g--)
	{
		FindKinds(&kinds, &groups[g]);
		groups[g].fold = LeastLoaded(&loads, &kinds, folds);
		AddLoad(&loads, &kinds, &groups[g], 1);
	}
	for (int g = 0; g < count; g++)
	{
		FindKinds(&kinds, &groups[g]);
		if (!HasAll(&loads, &kinds, groups[g].fold))
			continue;
		AddLoad(&loads, &kinds, &groups[g], -1);
		groups[g].fold = -1;
	}
	pfree(loads.labels);
	pfree(loads.rows);
}
