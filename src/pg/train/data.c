/*
 * train/data.c: the molecules of a training query, read, checked and divided.
 */
#include "postgres.h"

#include <math.h>

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/memutils.h"

#include "hamnet/conformer.h"

#include "server/core.h"
#include "server/guc.h"
#include "train/data.h"

/* So many rejected molecules are kept with their reasons, and named in the notice. */
#define MOST_REJECTS 10000
#define NAMED_REJECTS 3

static void
Reject(TrainingData *data, StringInfo named, const char *molecule, const char *reason)
{
	data->invalid++;
	if (data->invalid <= MOST_REJECTS)
	{
		appendStringInfoString(&data->rejects, data->invalid == 1 ? "{\"molecule\": " : ", {\"molecule\": ");
		if (molecule)
			escape_json(&data->rejects, molecule);
		else
			appendStringInfoString(&data->rejects, "null");
		appendStringInfoString(&data->rejects, ", \"reason\": ");
		escape_json(&data->rejects, reason);
		appendStringInfoChar(&data->rejects, '}');
	}
	if (data->invalid <= NAMED_REJECTS)
		appendStringInfo(named, "%s%.100s: %s", data->invalid == 1 ? "" : "\n", molecule ? molecule : "NULL", reason);
}

static bool
IsLabelled(const TrainingData *data, const MoleculeRow *row)
{
	for (int t = 0; t < data->query.target_count; t++)
		if (!isnan(row->targets[t]))
			return true;
	return false;
}

/* Make a row's graph, and its positions where it has coordinates. */
static HnStatus
ReadGraph(HnContext *context, const TrainingData *data, const HnFeatureSet *features,
		  const MoleculeRow *row, HnGraph *graph, real **positions)
{
	*positions = NULL;
	if (data->query.molblocks)
		return hn_graph_from_molblock(context, row->molecule, features, hamnet_max_atoms, graph, positions);
	HN_TRY(hn_graph_from_smiles(context, row->molecule, features, hamnet_max_atoms, graph));
	if (data->query.target_count > 0)
		return HN_OK;
	if (row->coordinates == NULL)
		return hn_fail(context, HN_INVALID_ARGUMENT,
					   "coordinates are not an array of three numbers for each atom");
	return hn_order_positions(context, graph, row->coordinates, row->atoms, positions);
}

static void
KeepSmiles(TrainingData *data, const MoleculeRow *row)
{
	int			place = data->set.count;

	if (place == data->row_room)
	{
		data->row_room *= 2;
		data->smiles = repalloc_huge(data->smiles, data->row_room * sizeof(char *));
	}
	data->smiles[place] = data->query.molblocks ? NULL : pstrdup(row->molecule);
}

static void
ReadRow(TrainingData *data, HnContext *context, const MoleculeRow *row, int part, StringInfo named)
{
	HnGraph		graph;
	real	   *positions;
	HnStatus	status;

	data->rows++;
	if (row->molecule == NULL)
	{
		Reject(data, named, NULL, "it is NULL");
		return;
	}
	if (data->query.target_count > 0 && !IsLabelled(data, row))
	{
		data->unlabelled++;
		return;
	}
	hn_arena_reset(context->arena);
	status = ReadGraph(context, data, data->set.features, row, &graph, &positions);
	if (status == HN_OK)
	{
		KeepSmiles(data, row);
		AddMolecule(&data->set, &graph, data->set.count, part,
					data->query.target_count > 0 ? row->targets : NULL, positions);
	}
	else if (status == HN_INVALID_SMILES || status == HN_TOO_LARGE || status == HN_INVALID_ARGUMENT ||
			 status == HN_NOT_FINITE)
		Reject(data, named, row->molecule, context->message);
	else
		ReportCoreError(context, row->molecule);
}

/* Read all rows of a query. */
static void
ReadRows(TrainingData *data, HnContext *context, MoleculeQuery *query, int part, StringInfo named)
{
	MoleculeRow row;

	StartMoleculeQuery(query);
	while (NextMolecule(query, &row))
	{
		CHECK_FOR_INTERRUPTS();
		ReadRow(data, context, &row, part, named);
	}
	EndMoleculeQuery(query);
}

/* Tell the caller what was left out, and refuse too little. */
static void
CheckRows(const TrainingData *data, int usable, const char *named, int fewest)
{
	if (data->invalid > 0)
		ereport(NOTICE,
				(errmsg_plural("%lld of %lld rows cannot be used and is left out",
							   "%lld of %lld rows cannot be used and are left out",
							   (unsigned long) data->invalid,
							   (long long) data->invalid, (long long) data->rows),
				 errdetail("%s", named)));
	if (data->rows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("query returned no rows")));
	if (usable < fewest)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("too few usable rows: %d", usable),
				 errdetail("The query returned %lld rows: %lld without a label, %lld without a valid molecule. "
						   "At least %d are needed.", (long long) data->rows, (long long) data->unlabelled,
						   (long long) data->invalid, fewest)));
	if (data->validation_query && data->set.count == usable)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("validation query returned no usable row")));
}

void
ReadTrainingData(TrainingData *data, const HnFeatureSet *features, int fewest)
{
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "hamnet parsing", ALLOCSET_DEFAULT_SIZES);
	HnArena		arena;
	HnContext	context;
	StringInfoData named;
	int			usable;

	hn_arena_init(&arena, ContextAllocator(memory));
	InitCoreContext(&context, &arena);
	InitTrainingSet(&data->set, features, data->query.target_count);
	data->row_room = 256;
	data->smiles = palloc(data->row_room * sizeof(char *));
	initStringInfo(&data->rejects);
	appendStringInfoChar(&data->rejects, '[');
	initStringInfo(&named);

	ReadRows(data, &context, &data->query, 0, &named);
	usable = data->set.count;
	if (data->validation_query)
		ReadRows(data, &context, data->validation_query, 1, &named);
	appendStringInfoChar(&data->rejects, ']');
	MemoryContextDelete(memory);
	CheckRows(data, usable, named.data, fewest);

	SortTrainingSet(&data->set);
	data->graphs = palloc_extended(data->set.count * sizeof(HnGraph), MCXT_ALLOC_HUGE);
	data->examples = palloc_extended(data->set.count * sizeof(HnExample), MCXT_ALLOC_HUGE);
	for (int i = 0; i < data->set.count; i++)
		PointExample(&data->set, i, &data->graphs[i], &data->examples[i]);
}

const char *
SmilesAt(const TrainingData *data, int place)
{
	return data->smiles[GetMolecule(&data->set, place)->row];
}

bytea *
DigestTrainingData(const TrainingData *data, const char *text)
{
	Size		length = strlen(text);
	Size		size = VARHDRSZ + length + data->set.count * (2 * sizeof(uint64) + sizeof(int32));
	bytea	   *bytes = palloc_extended(size, MCXT_ALLOC_HUGE);
	char	   *next = VARDATA(bytes);
	bytea	   *digest;

	SET_VARSIZE(bytes, size);
	memcpy(next, text, length);
	next += length;
	for (int i = 0; i < data->set.count; i++)
	{
		PackedMolecule *molecule = GetMolecule(&data->set, i);

		memcpy(next, &molecule->graph_hash, sizeof(uint64));
		memcpy(next + sizeof(uint64), &molecule->label_hash, sizeof(uint64));
		memcpy(next + 2 * sizeof(uint64), &molecule->part, sizeof(int32));
		next += 2 * sizeof(uint64) + sizeof(int32);
	}
	digest = DatumGetByteaPCopy(DirectFunctionCall1(sha256_bytea, PointerGetDatum(bytes)));
	pfree(bytes);
	return digest;
}

/*
 * Dividing
 */

void
CheckValidation(const TextOrNumber *validation, const char *query)
{
	if (query && (validation->text || validation->number > 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options \"validation\" and \"validation_query\" exclude each other")));
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

/* Order in which a scaffold split fills the training part: the largest first. */
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
	MoleculeGroup	   *groups = palloc_extended(data->set.count * sizeof(MoleculeGroup), MCXT_ALLOC_HUGE);

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
	MoleculeGroup	   *groups;
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
		MoleculeGroup		key = {.key = keys[i]};
		MoleculeGroup	   *group = bsearch(&key, groups, group_count, sizeof(MoleculeGroup), CompareKeys);

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
				 errmsg("rows cannot be divided into a training and a validation part"),
				 errdetail("Rows: %d. Distinct %s: %d.", count,
						   kind == SPLIT_RANDOM ? "molecules" : "scaffolds", group_count)));
}
