/*
 * enrich/enrich.c: the procedure hamnet_enrich.
 *
 * The table is worked through in rounds. A round covers the blocks that the
 * table has when it begins; rows that other sessions add or move meanwhile may
 * escape it, so the rows still without a fingerprint are counted after it, and
 * another round follows if there are more than the invalid ones.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/shmem.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "chem/standard.h"
#include "enrich/enrich.h"
#include "model/cache.h"
#include "server/clock.h"
#include "server/condition.h"
#include "server/options.h"

/* Rows that keep changing are left for the next call after so many rounds. */
#define MAX_ROUNDS 3

/*
 * A worker gets at least so many chunks, so that all end at about the same
 * time, and a batch at least some, so that it does not grow far beyond the
 * rows that were asked for. Where few rows of a block lack a result, larger
 * chunks save statements, up to a size that is still no long batch if they
 * turn out to be full of them.
 */
#define CHUNKS_OF_A_WORKER 64
#define CHUNKS_OF_A_BATCH 4
#define MAX_CHUNK_BLOCKS 16

/* How often the leader looks at the counters, in milliseconds. */
#define LOOK_INTERVAL 500

typedef struct EnrichOptions
{
	int64		workers;
	int64		batch_rows;
	double		notice_seconds;
	char	   *model;
	char	   *error_column;
	char	   *standardize;
	char	   *where;
	bool		retry;
	Jsonb	   *predictions;
	Jsonb	   *conformers;
} EnrichOptions;

static const Option enrich_options[] = {
	{"model", OPTION_TEXT, offsetof(EnrichOptions, model)},
	{"predictions", OPTION_JSON, offsetof(EnrichOptions, predictions)},
	{"conformers", OPTION_JSON, offsetof(EnrichOptions, conformers)},
	{"workers", OPTION_INTEGER, offsetof(EnrichOptions, workers), .integer = {-1, 0, MAX_ENRICH_WORKERS}},
	{"batch_rows", OPTION_INTEGER, offsetof(EnrichOptions, batch_rows), .integer = {256, 1, 10000}},
	{"error_column", OPTION_TEXT, offsetof(EnrichOptions, error_column)},
	{"standardize", OPTION_TEXT, offsetof(EnrichOptions, standardize), .text = {"none", standard_names}},
	{"where", OPTION_TEXT, offsetof(EnrichOptions, where)},
	{"retry", OPTION_BOOLEAN, offsetof(EnrichOptions, retry)},
	{"notice_seconds", OPTION_NUMBER, offsetof(EnrichOptions, notice_seconds), .number = {5, 0, 86400}},
};

/* What the leader keeps from round to round. */
typedef struct EnrichRun
{
	EnrichRequest request;
	bool		atomic;			/* no transaction may end here */
	int			workers;		/* wanted; 0: the calling backend alone */
	double		notice_seconds; /* 0: no notices on the way */
	EnrichProgress progress;
	int64		filled_before;	/* in earlier rounds */
	int64		invalid_before;
	double		began;			/* by Seconds() */
	double		last_notice;
} EnrichRun;

/* Write the tables to count in, as they stand in FROM: the leaves one by one where other servers store some. */
static char *
CountedTables(const EnrichRequest *request)
{
	List	   *foreign;
	List	   *leaves = ListLeaves(request->table, &foreign);
	StringInfoData tables;
	ListCell   *cell;

	if (foreign == NIL)
		return psprintf("%s AS t WHERE %s", RelationName(request->table), WaitingCondition(request));
	initStringInfo(&tables);
	foreach(cell, leaves)
		appendStringInfo(&tables, "%s SELECT FROM ONLY %s AS t WHERE %s", foreach_current_index(cell) == 0 ? "(" : " UNION ALL",
						 RelationName(lfirst_oid(cell)), WaitingCondition(request));
	appendStringInfoString(&tables, ") AS leaves");
	return tables.data;
}

static int64
CountWaiting(const EnrichRequest *request)
{
	char	   *query = psprintf("SELECT pg_catalog.count(*) FROM %s", CountedTables(request));
	bool		isnull;

	if (SPI_execute(query, false, 0) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "unexpected result of \"%s\"", query);
	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

static void
CommitAndGoOn(const EnrichRun *run)
{
	if (run->atomic)
		return;
	SPI_commit();
	SPI_start_transaction();
}

/* Show how far the run is, to other sessions and now and then to the caller. */
static void
ShowRun(EnrichRun *run, EnrichJob *job)
{
	EnrichProgress *progress = &run->progress;
	double		seconds = Seconds() - run->began;
	int64		done;

	progress->filled = run->filled_before + pg_atomic_read_u64(&job->filled);
	progress->invalid = run->invalid_before + pg_atomic_read_u64(&job->invalid);
	ShowEnrichProgress(progress);

	done = progress->filled + progress->invalid;
	if (run->notice_seconds == 0 || Seconds() - run->last_notice < run->notice_seconds || done == 0)
		return;
	run->last_notice = Seconds();
	ereport(NOTICE,
			(errmsg("hamnet_enrich: " INT64_FORMAT " of " INT64_FORMAT " rows, %.0f molecules/s, about %.0f s left",
					done, progress->total, done / seconds, seconds * Max(progress->total - done, 0) / done)));
}

static void
BatchDoneAlone(EnrichJob *job, void *state)
{
	EnrichRun  *run = state;

	CommitAndGoOn(run);
	ShowRun(run, job);
}

/* Choose the blocks of a chunk, for a table of so many blocks in which so many rows wait. */
static int
ChunkBlocks(const EnrichJob *job, uint64 blocks, int64 waiting)
{
	uint64		balanced = blocks / (job->processes * CHUNKS_OF_A_WORKER);
	uint64		of_a_batch = blocks * job->request.batch_rows / (CHUNKS_OF_A_BATCH * Max(waiting, 1));

	return Max(1, Min(MAX_CHUNK_BLOCKS, Min(balanced, of_a_batch)));
}

/* Cut the leaves into chunks. */
static void
FillJob(EnrichJob *job, const EnrichRun *run, int64 waiting, List *leaves,
		const char *settings, Size settings_length)
{
	uint64		blocks = 0;

	job->request = run->request;
	job->processes = Max(run->workers, 1);
	job->database = MyDatabaseId;
	job->login_user = GetAuthenticatedUserId();
	job->user = GetUserId();
	job->settings_at = offsetof(EnrichJob, leaves) + sizeof(EnrichLeaf) * list_length(leaves);
	job->settings_length = settings_length;
	memcpy((char *) job + job->settings_at, settings, settings_length);
	pg_atomic_init_u64(&job->next_chunk, 0);
	pg_atomic_init_u64(&job->filled, 0);
	pg_atomic_init_u64(&job->invalid, 0);

	job->leaf_count = list_length(leaves);
	for (int i = 0; i < job->leaf_count; i++)
	{
		Relation	relation = relation_open(list_nth_oid(leaves, i), AccessShareLock);

		job->leaves[i].relation = RelationGetRelid(relation);
		job->leaves[i].blocks = RelationGetNumberOfBlocks(relation);
		blocks += job->leaves[i].blocks;
		relation_close(relation, NoLock);
	}
	job->chunk_blocks = ChunkBlocks(job, blocks, waiting);
	job->chunk_count = 0;
	for (int i = 0; i < job->leaf_count; i++)
	{
		job->leaves[i].first_chunk = job->chunk_count;
		job->chunk_count += (job->leaves[i].blocks + (uint64) job->chunk_blocks - 1) / job->chunk_blocks;
	}
}

static void
StopTeamAtExit(int code, Datum team)
{
	StopEnrichTeam((EnrichTeam *) DatumGetPointer(team));
}

/* Wait until the workers have done the job; an error or a cancel stops them. */
static void
FollowTeam(EnrichRun *run, EnrichJob *job, EnrichTeam *team)
{
	PG_ENSURE_ERROR_CLEANUP(StopTeamAtExit, PointerGetDatum(team));
	{
		run->progress.workers = EnrichTeamSize(team);
		if (run->progress.workers < run->workers)
			ereport(NOTICE,
					(errmsg("hamnet_enrich: %d of %d background workers could be started", run->progress.workers, run->workers),
					 errhint("You may need to increase max_worker_processes.")));
		while (EnrichTeamWorks(team))
		{
			ShowRun(run, job);
			(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, LOOK_INTERVAL,
							 PG_WAIT_EXTENSION);
			ResetLatch(MyLatch);
			CHECK_FOR_INTERRUPTS();
		}
	}
	PG_END_ENSURE_ERROR_CLEANUP(StopTeamAtExit, PointerGetDatum(team));
	StopEnrichTeam(team);
}

/* Let workers do the job; false if the server has none to spare. */
static bool
RunTeam(EnrichRun *run, dsm_segment *segment)
{
	EnrichJob  *job = dsm_segment_address(segment);
	EnrichTeam *team = StartEnrichTeam(UInt32GetDatum(dsm_segment_handle(segment)), job, run->workers);

	if (team == NULL)
	{
		ereport(NOTICE,
				(errmsg("hamnet_enrich: no background worker could be started, working alone"),
				 errhint("You may need to increase max_worker_processes.")));
		return false;
	}
	FollowTeam(run, job, team);
	return true;
}

/* Add what a round has done to what was done before it; returns how many rows turned out to be invalid. */
static int64
EndRound(EnrichRun *run, EnrichJob *job)
{
	int64		invalid = pg_atomic_read_u64(&job->invalid);

	run->filled_before += pg_atomic_read_u64(&job->filled);

	/* Rows with a reason beside them are not seen again by the next round. */
	if (NameStr(run->request.error_column)[0] != '\0' && !run->request.retry)
		run->invalid_before += invalid;
	return invalid;
}

/* Whoever should still work on it finds nothing more to do. */
static void
LeaveJob(EnrichJob *job, dsm_segment *segment)
{
	pg_atomic_write_u64(&job->next_chunk, job->chunk_count);
	if (segment)
		dsm_detach(segment);
}

/* Work through the table once, in which so many rows wait; returns how many rows turned out to be invalid. */
static int64
RunRound(EnrichRun *run, int64 waiting)
{
	List	   *foreign;
	List	   *leaves = ListLeaves(run->request.table, &foreign);
	Size		settings_length;
	char	   *settings = EnrichSettings(&settings_length);
	Size		size = add_size(offsetof(EnrichJob, leaves) + settings_length,
								mul_size(sizeof(EnrichLeaf), list_length(leaves)));
	dsm_segment *segment = NULL;
	EnrichJob  *job = NULL;
	int64		invalid;

	if (run->workers > 0)
	{
		segment = dsm_create(size, 0);
		job = dsm_segment_address(segment);
		memset(job, 0, size);
	}
	else
		job = palloc0(size);
	FillJob(job, run, waiting, leaves, settings, settings_length);

	/* The mapping lives through the commit, which drops locks and lets others see what this one did. */
	if (segment)
		dsm_pin_mapping(segment);
	PG_TRY();
	{
		CommitAndGoOn(run);
		if (segment == NULL || !RunTeam(run, segment))
			RunEnrichBatches(job, BatchDoneAlone, run);
		ShowRun(run, job);
	}
	PG_CATCH();
	{
		LeaveJob(job, segment);
		PG_RE_THROW();
	}
	PG_END_TRY();
	invalid = EndRound(run, job);
	LeaveJob(job, segment);
	return invalid;
}

static void
ReportRun(const EnrichRun *run, int64 total, int64 left)
{
	double		seconds = Seconds() - run->began;

	ereport(NOTICE,
			(errmsg("hamnet_enrich: filled " INT64_FORMAT " of " INT64_FORMAT " rows in %.1f s, %.0f molecules/s",
					run->progress.filled, total, seconds,
					(run->progress.filled + run->progress.invalid) / Max(seconds, 1e-3)),
			 run->progress.invalid > 0 ? errdetail(INT64_FORMAT " rows have no usable molecule.", run->progress.invalid) : 0,
			 left > 0 && OidIsValid(run->request.conformers) ? errhint("Option \"error_column\" keeps the reasons.") :
			 left > 0 ? errhint("hamnet_enrich_report() lists the " INT64_FORMAT " rows that have none, and why.", left) : 0));
}

static void
Enrich(EnrichRun *run)
{
	EnrichProgress *progress = &run->progress;
	bool		reasons_stay = NameStr(run->request.error_column)[0] != '\0' && !run->request.retry;
	int64		hopeless = 0;
	int64		left = CountWaiting(&run->request);

	run->began = run->last_notice = Seconds();
	progress->started = GetCurrentTimestamp();
	progress->total = left;
	BeginEnrichProgress(run->request.table, progress);
	for (int round = 0; round < MAX_ROUNDS && left > hopeless; round++)
	{
		int64		filled = progress->filled;
		int64		invalid;

		progress->total = left + run->filled_before + run->invalid_before;
		invalid = RunRound(run, left);
		hopeless = reasons_stay ? 0 : invalid;
		left = CountWaiting(&run->request);
		if (progress->filled == filled)
			break;
	}
	EndEnrichProgress();
	ReportRun(run, progress->total, reasons_stay ? left + progress->invalid : left);
}

/* An argument that may not be NULL. */
static Datum
RequiredArgument(FunctionCallInfo fcinfo, int n, const char *name)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" must not be NULL", name)));
	return PG_GETARG_DATUM(n);
}

/* Decide how many workers to ask for: they are no use where only this session or transaction sees the rows. */
static int
WantedWorkers(const EnrichRun *run, int64 workers)
{
	bool		temporary = get_rel_persistence(run->request.table) == RELPERSISTENCE_TEMP;

	if (!run->atomic && !temporary)
		return workers >= 0 ? workers : Min(max_parallel_maintenance_workers, MAX_ENRICH_WORKERS);
	if (workers > 0)
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 temporary ? errmsg("hamnet_enrich cannot use background workers for a temporary table") :
				 errmsg("hamnet_enrich cannot use background workers inside a transaction block"),
				 errdetail("They do not see what only this session sees."),
				 errhint("Set option \"workers\" to 0, or leave it out.")));
	if (workers < 0 && run->atomic)
		ereport(NOTICE,
				(errmsg("hamnet_enrich runs as one process and without commits inside a transaction block"),
				 errhint("Call it outside of one, in a client that commits by itself for one, and workers fill the table, with a commit after each batch.")));
	return 0;
}

/* Refuse to fill a table of conformers and columns at once: their rows are done at different times. */
static void
CheckPurpose(const EnrichRequest *request)
{
	if (OidIsValid(request->conformers) && (NameStr(request->fp_column)[0] != '\0' || request->prediction_count > 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"conformers\" goes with neither a column of fingerprints nor predictions"),
				 errhint("Call hamnet_enrich once for each, with NULL as the column of fingerprints for conformers.")));
}

static void
ReadWhere(EnrichRequest *request, const char *where)
{
	if (strlen(where) >= sizeof(request->where))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("option \"where\" has %zu bytes, more than the limit of %zu", strlen(where), sizeof(request->where) - 1),
				 errhint("Put what it asks for into a column, or into a function.")));
	CheckCondition("option \"where\"", where);
	strlcpy(request->where, where, sizeof(request->where));
}

PG_FUNCTION_INFO_V1(hamnet_enrich);

/* hamnet_enrich(table regclass, smiles_column name, fp_column name, options jsonb) */
PGDLLEXPORT Datum
hamnet_enrich(PG_FUNCTION_ARGS)
{
	CallContext *call = (CallContext *) fcinfo->context;
	EnrichRun	run = {0};
	EnrichOptions options;
	const CachedModel *model;
	List	   *leaves;
	int			dim;

	run.atomic = call == NULL || !IsA(call, CallContext) || call->atomic;
	run.request.table = DatumGetObjectId(RequiredArgument(fcinfo, 0, "table"));
	CheckTableKind(run.request.table);
	namestrcpy(&run.request.smiles_column, NameStr(*DatumGetName(RequiredArgument(fcinfo, 1, "smiles_column"))));
	if (!PG_ARGISNULL(2))
		namestrcpy(&run.request.fp_column, NameStr(*PG_GETARG_NAME(2)));
	ReadOptions(DatumGetJsonbP(RequiredArgument(fcinfo, 3, "options")), enrich_options,
				lengthof(enrich_options), &options);
	if (options.where)
		ReadWhere(&run.request, options.where);
	if (options.error_column)
		namestrcpy(&run.request.error_column, options.error_column);
	run.request.standard = StandardByName(options.standardize);
	run.request.retry = options.retry;
	run.request.batch_rows = options.batch_rows;
	run.notice_seconds = options.notice_seconds;
	run.workers = WantedWorkers(&run, options.workers);
	PreventCommandIfReadOnly("CALL hamnet_enrich");

	model = options.model ? GetModelByName(options.model, false) : GetDefaultModel();
	dim = model->model.fingerprint_config.dim;
	if (!PG_ARGISNULL(2))
		(void) AddModel(&run.request, model->id);
	if (options.predictions)
		ReadPredictions(&run.request, options.model, options.predictions);
	if (options.conformers)
		ReadConformers(&run.request, options.conformers);
	CheckPurpose(&run.request);
	if (run.request.prediction_count == 0 && !OidIsValid(run.request.conformers))
		(void) RequiredArgument(fcinfo, 2, "fp_column");

	SPI_connect_ext(run.atomic ? 0 : SPI_OPT_NONATOMIC);
	leaves = CheckRequest(&run.request, dim);
	LockLeaves(&run.request, leaves, !run.atomic);
	Enrich(&run);
	if (!run.atomic)
		UnlockLeaves(&run.request, leaves);
	SPI_finish();
	PG_RETURN_VOID();
}
