/*
 * train/data.c: the molecules of a training query, read and checked.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/memutils.h"

#include "hamnet/conformer.h"

#include "server/clock.h"
#include "server/core.h"
#include "server/guc.h"
#include "train/data.h"

/* Rejected molecules that are kept with their reasons, and that are named in the notice. */
#define MAX_REJECTS 10000
#define NAMED_REJECTS 3

/* Name a molecule and what is wrong with it on one line: texts of users may have several. */
static void
NameReject(const TrainingData *data, StringInfo named, const char *molecule, const char *reason)
{
	int			start;

	if (data->invalid > 1)
		appendStringInfoChar(named, '\n');
	start = named->len;
	appendStringInfo(named, "%.100s: %s", molecule ? molecule : "NULL", ReasonBeside(reason));
	for (int i = start; i < named->len; i++)
		if ((unsigned char) named->data[i] < ' ')
			named->data[i] = ' ';
}

static void
Reject(TrainingData *data, StringInfo named, const char *molecule, const char *reason)
{
	data->invalid++;
	if (data->invalid <= MAX_REJECTS)
	{
		appendStringInfoString(&data->rejects, data->invalid == 1 ? "{\"molecule\": " : ", {\"molecule\": ");
		if (molecule)
			escape_json(&data->rejects, molecule);
		else
			appendStringInfoString(&data->rejects, "null");
		appendStringInfoString(&data->rejects, ", \"reason\": ");
		escape_json(&data->rejects, ReasonBeside(reason));
		appendStringInfoChar(&data->rejects, '}');
	}
	if (data->invalid <= NAMED_REJECTS)
		NameReject(data, named, molecule, reason);
}

static bool
IsLabelled(const TrainingData *data, const MoleculeRow *row)
{
	for (int t = 0; t < data->query.target_count; t++)
		if (!isnan(row->targets[t]))
			return true;
	return false;
}

/*
 * Bring a SMILES into the standard and parse it, with its description where one
 * is needed. A molecule that has a graph but cannot be described is used as far
 * as that goes: *described is false.
 */
static HnStatus
ReadSmiles(HnContext *context, const TrainingData *data, const char **smiles, HnGraph *graph,
		   HnDescription *description, bool *described)
{
	HnNeeds		needs = data->descriptions.needs;
	HnStatus	status;

	HN_TRY(hn_standardize(context, *smiles, data->standard, hamnet_max_atoms, smiles));
	status = hn_describe_smiles(context, *smiles, data->set.features, needs, hamnet_max_atoms, graph, description);
	*described = status == HN_OK;
	if (IsMoleculeError(status) && (needs.descriptors || needs.counts))
		status = hn_graph_from_smiles(context, *smiles, data->set.features, hamnet_max_atoms, graph);
	return status;
}

/* Make a row's graph, its description, and its positions where it has coordinates. */
static HnStatus
ReadMolecule(HnContext *context, const TrainingData *data, MoleculeRow *row, HnGraph *graph,
			 HnDescription *description, bool *described, real **positions)
{
	*positions = NULL;
	*described = false;
	if (data->query.molblocks)
	{
		HN_TRY(hn_graph_from_molblock(context, row->molecule, data->set.features, hamnet_max_atoms, graph, positions));
		return hn_check_positions(context, graph, *positions);
	}
	HN_TRY(ReadSmiles(context, data, &row->molecule, graph, description, described));
	if (data->query.target_count > 0)
		return HN_OK;
	if (row->coordinates == NULL)
		return hn_fail(context, HN_INVALID_ARGUMENT,
					   "coordinates are not an array of three numbers for each atom");
	HN_TRY(hn_order_positions(context, graph, row->coordinates, row->atoms, positions));
	return hn_check_positions(context, graph, *positions);
}

/* Keep the SMILES of the row that is added next, if that is asked for. */
static void
KeepSmiles(TrainingData *data, const char *smiles)
{
	int			count = data->set.count;

	if (!data->keep_smiles)
		return;
	if (count == 0)
		data->smiles = palloc(256 * sizeof(char *));
	else if (count >= 256 && (count & (count - 1)) == 0)
		data->smiles = repalloc_huge(data->smiles, 2 * (Size) count * sizeof(char *));
	data->smiles[count] = pstrdup(smiles);
}

static void
ReadRow(TrainingData *data, HnContext *context, MoleculeRow *row, int source, StringInfo named)
{
	HnGraph		graph;
	HnDescription description;
	bool		described;
	real	   *positions;
	HnStatus	status;

	const char *molecule = row->molecule;

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
	status = ReadMolecule(context, data, row, &graph, &description, &described, &positions);
	if (status == HN_OK)
	{
		KeepSmiles(data, molecule);
		AddDescription(&data->descriptions, described ? &description : NULL);
		AddMolecule(&data->set, &graph, data->set.count, source,
					data->query.target_count > 0 ? row->targets : NULL, positions);
	}
	else if (status == HN_INVALID_SMILES || status == HN_TOO_LARGE || status == HN_INVALID_ARGUMENT ||
			 status == HN_NOT_FINITE)
		Reject(data, named, row->molecule, context->message);
	else
		ReportCoreError(context, row->molecule);
}

/* Seconds from one NOTICE to the next while rows are read: conformations take long, all else is read within it. */
#define READING_NOTICE_SECONDS 10

/* Read all rows of a query. */
static void
ReadRows(TrainingData *data, HnContext *context, MoleculeQuery *query, int source, StringInfo named)
{
	MoleculeRow row;
	double		notified = Seconds();

	StartMoleculeQuery(query);
	while (NextMolecule(query, &row))
	{
		CHECK_FOR_INTERRUPTS();
		ReadRow(data, context, &row, source, named);
		if (Seconds() - notified > READING_NOTICE_SECONDS)
		{
			notified = Seconds();
			ereport(NOTICE, (errmsg("read %lld rows", (long long) data->rows)));
		}
	}
	EndMoleculeQuery(query);
}

/* Notify the caller of what was left out, and refuse too little. */
static void
CheckRows(const TrainingData *data, int usable, const char *named, int minimum)
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
	if (usable < minimum)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("too few usable rows: %d", usable),
				 errdetail("The query returned %lld rows: %lld without a label, %lld without a valid molecule. "
						   "At least %d are needed.", (long long) data->rows, (long long) data->unlabelled,
						   (long long) data->invalid, minimum)));
	if (data->validation_query && data->set.count == usable)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("validation query returned no usable row")));
}

void
ReadTrainingData(TrainingData *data, const HnFeatureSet *features, int minimum)
{
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "hamnet parsing", ALLOCSET_DEFAULT_SIZES);
	HnArena		arena;
	HnContext	context;
	StringInfoData named;
	int			usable;

	hn_arena_init(&arena, ContextAllocator(memory));
	InitCoreContext(&context, &arena);
	InitTrainingSet(&data->set, features, data->query.target_count);
	initStringInfo(&data->rejects);
	appendStringInfoChar(&data->rejects, '[');
	initStringInfo(&named);

	ReadRows(data, &context, &data->query, 0, &named);
	usable = data->set.count;
	if (data->validation_query)
		ReadRows(data, &context, data->validation_query, 1, &named);
	appendStringInfoChar(&data->rejects, ']');
	MemoryContextDelete(memory);
	CheckRows(data, usable, named.data, minimum);

	SortTrainingSet(&data->set);
	OrderDescriptions(&data->descriptions, &data->set);
	data->graphs = palloc_extended(data->set.count * sizeof(HnGraph), MCXT_ALLOC_HUGE);
	data->examples = palloc_extended(data->set.count * sizeof(HnExample), MCXT_ALLOC_HUGE);
	for (int i = 0; i < data->set.count; i++)
		PointExample(&data->set, i, &data->graphs[i], &data->examples[i]);
}
