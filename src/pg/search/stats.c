/*
 * search/stats.c: hamnet_index_stats: what an index holds, and how good its bounds are.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "search/am.h"
#include "server/distributed.h"

/* Queries by which the number of candidates is estimated, and for how many neighbours */
#define PROBES 8
#define NEIGHBOURS 10

/* When rows have moved this much further from the box, or so many have no code, REINDEX pays */
#define DRIFT_FACTOR 2
#define UNCODED_SHARE 0.01

/* And when fewer rows than this are in order */
#define MIN_ORDERED 0.7

static const char *const metric_names[] = {"l2", "cosine", "inner product", "tanimoto"};

/* A row of the index in the place of a query: distances between codes stand for the exact ones. */
typedef struct Probe
{
	HnCode		code;
	float		nearest[NEIGHBOURS];	/* in ascending order */
} Probe;

/* What hamnet_index_stats counts. */
typedef struct Statistics
{
	int64		rows;
	int64		nulls;
	int64		uncoded;
	int64		errors[65536];	/* how often each error occurs, by its bits */
	int64		heights[65536]; /* and each distance to the box */

	/* Every so many coded rows, one becomes a probe */
	int64		every;
	int			probes;
	Probe		probe[PROBES];

	/* For distances between codes */
	int			coordinates;
	double		step[HN_CODE_MAX];
	int64		candidates;		/* of all probes */
} Statistics;

static void
CountRow(const HamnetRow *row, Page page, BlockNumber block, int i, void *arg)
{
	Statistics *statistics = arg;
	int64		coded;

	statistics->rows++;
	if (row->state == HAMNET_NULL)
		statistics->nulls++;
	else if (!HamnetIsCoded(row->state))
		statistics->uncoded++;
	else
	{
		coded = statistics->rows - statistics->nulls - statistics->uncoded;
		statistics->errors[row->code.error]++;
		statistics->heights[row->code.height]++;
		if (statistics->probes < PROBES && coded > statistics->probes * statistics->every)
		{
			Probe	   *probe = &statistics->probe[statistics->probes++];

			probe->code = row->code;
			for (int j = 0; j < NEIGHBOURS; j++)
				probe->nearest[j] = INFINITY;
		}
	}
}

/* The median of coded rows, of the short floats that were counted. */
static double
Median(const Statistics *statistics, const int64 *counts)
{
	int64		coded = statistics->rows - statistics->nulls - statistics->uncoded;
	int64		below = 0;

	for (int bits = 0; bits < HN_SHORT_INFINITY; bits++)
	{
		below += counts[bits];
		if (2 * below >= coded)
			return hn_short_to_float(bits);
	}
	return 0;
}

static double
DistanceOfCodes(const Statistics *statistics, const HnCode *a, const HnCode *b)
{
	double		off = hn_short_to_float(a->height) - hn_short_to_float(b->height);
	double		sum = off * off;

	for (int j = 0; j < statistics->coordinates; j++)
	{
		off = statistics->step[j] * (a->codes[j] - b->codes[j]);
		sum += off * off;
	}
	return sqrt(sum);
}

/* Keep a distance if it is among the nearest. */
static void
AddNearest(Probe *probe, float distance)
{
	int			rank = NEIGHBOURS - 1;

	if (distance >= probe->nearest[rank])
		return;
	for (; rank > 0 && probe->nearest[rank - 1] > distance; rank--)
		probe->nearest[rank] = probe->nearest[rank - 1];
	probe->nearest[rank] = distance;
}

static void
FindNearest(const HamnetRow *row, Page page, BlockNumber block, int i, void *arg)
{
	Statistics *statistics = arg;

	for (int p = 0; p < statistics->probes && HamnetIsCoded(row->state); p++)
		AddNearest(&statistics->probe[p], DistanceOfCodes(statistics, &row->code, &statistics->probe[p].code));
}

/* Count a row for each probe whose search has to look it up. */
static void
CountCandidates(const HamnetRow *row, Page page, BlockNumber block, int i, void *arg)
{
	Statistics *statistics = arg;

	for (int p = 0; p < statistics->probes && row->state != HAMNET_NULL; p++)
		statistics->candidates += !HamnetIsCoded(row->state) ||
			DistanceOfCodes(statistics, &row->code, &statistics->probe[p].code) -
			hn_short_to_float(row->code.error) <= statistics->probe[p].nearest[NEIGHBOURS - 1];
}

/* The mean number of candidates of the probes. */
static double
MeanCandidates(Relation index, Statistics *statistics)
{
	const HamnetIndex *open = HamnetOpen(index);

	if (statistics->probes == 0)
		return 0;
	statistics->coordinates = open->layout.coordinates;
	memcpy(statistics->step, hn_code_step(&open->space), sizeof(double) * open->layout.coordinates);
	HamnetVisitRows(index, FindNearest, statistics);
	HamnetVisitRows(index, CountCandidates, statistics);
	return (double) statistics->candidates / statistics->probes;
}

/* The share of coded rows that were there when the index was built, and are in order. */
static double
OrderedShare(Relation index, const Statistics *statistics)
{
	HamnetMeta	meta = HamnetOpen(index)->meta;
	int64		coded = statistics->rows - statistics->nulls - statistics->uncoded;
	int64		ordered = 0;

	for (uint32 group = 0; group < meta.ordered_groups; group++)
	{
		Buffer		buffer = ReadBuffer(index, HamnetGroupBlock(HamnetOpen(index), group));

		CHECK_FOR_INTERRUPTS();
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		if (HamnetPageHasRows(BufferGetPage(buffer)))
			ordered += HamnetPageGetOpaque(BufferGetPage(buffer))->in_use;
		UnlockReleaseBuffer(buffer);
	}
	return coded > 0 ? Min(1, (double) ordered / coded) : 1;
}

static const char *
Advice(const HamnetMeta *meta, const Statistics *statistics, double ordered)
{
	int64		filled = statistics->rows - statistics->nulls;

	if (meta->dim == 0)
		return filled > 0 ? "REINDEX: the index was built without data" : NULL;
	if (statistics->uncoded > UNCODED_SHARE * filled)
		return "REINDEX: many fingerprints are of another model or size than the index is for";
	if (Median(statistics, statistics->heights) > DRIFT_FACTOR * meta->built_height)
		return "REINDEX: the data has drifted away from what the index is fitted to";
	if (ordered < MIN_ORDERED)
		return "REINDEX: many fingerprints came after the index was built and are not in order";
	return NULL;
}

#define STATS_COLUMNS 16

PG_FUNCTION_INFO_V1(hamnet_index_stats);
PGDLLEXPORT Datum
hamnet_index_stats(PG_FUNCTION_ARGS)
{
	Relation	heap;
	Relation	index = OpenHamnetIndex(PG_GETARG_OID(0), &heap);
	HamnetMeta	meta = HamnetOpen(index)->meta;
	uint32		model = HamnetGetModel(index);
	uint32		groups = HamnetGroupCount(HamnetOpen(index), RelationGetNumberOfBlocks(index));
	int			capacity = HamnetOpen(index)->layout.capacity;
	Statistics *statistics = palloc0(sizeof(Statistics));
	const char *advice;
	double		ordered;
	TupleDesc	descriptor;
	Datum		values[STATS_COLUMNS];
	bool		nulls[STATS_COLUMNS] = {false};
	int			next = 0;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");

	statistics->every = Max(1, (int64) Max(meta.built_rows, 0) / PROBES);
	HamnetVisitRows(index, CountRow, statistics);
	ordered = OrderedShare(index, statistics);
	advice = IsDistributed(RelationGetRelid(heap)) ?
		"the rows are in the shards of a distributed table: SELECT run_command_on_shards() with the index of each" :
		Advice(&meta, statistics, ordered);

	values[next++] = Int32GetDatum(meta.version);
	values[next++] = CStringGetTextDatum(metric_names[meta.metric]);
	nulls[next] = meta.dim == 0;
	values[next++] = Int32GetDatum(meta.dim);
	nulls[next] = model == HFP_UNKNOWN_MODEL;
	values[next++] = CStringGetTextDatum(psprintf("%08x", model));
	values[next++] = Int32GetDatum(meta.coordinates);
	values[next++] = Int64GetDatum(statistics->rows);
	values[next++] = Int64GetDatum(statistics->nulls);
	values[next++] = Int64GetDatum(statistics->uncoded);
	values[next++] = Int64GetDatum((int64) RelationGetNumberOfBlocks(index) * BLCKSZ);
	values[next++] = Float8GetDatum(groups == 0 ? 0 : (double) statistics->rows / ((double) groups * capacity));
	nulls[next] = meta.dim == 0;
	values[next++] = Float8GetDatum(ordered);
	for (int i = 0; i < 4; i++)
		nulls[next + i] = statistics->probes == 0;
	values[next++] = Float8GetDatum(Median(statistics, statistics->errors));
	values[next++] = Float8GetDatum(meta.built_height);
	values[next++] = Float8GetDatum(Median(statistics, statistics->heights));
	values[next++] = Float8GetDatum(MeanCandidates(index, statistics));
	nulls[next] = advice == NULL;
	values[next++] = advice ? CStringGetTextDatum(advice) : (Datum) 0;
	Assert(next == STATS_COLUMNS);

	CloseHamnetIndex(index, heap);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}
