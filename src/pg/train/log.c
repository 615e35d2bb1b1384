/*
 * train/log.c: what is written about training runs.
 *
 * The tables are written as their owner on behalf of the caller. A run whose
 * state is "running" while nobody holds the lock of its model's name was
 * interrupted, and the same call takes it up again.
 */
#include "postgres.h"

#include <math.h>

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "server/clock.h"
#include "server/extension.h"
#include "server/srf.h"
#include "server/table_owner.h"
#include "train/log.h"

/* Seconds between two commits of progress, and between two lines to the caller. */
#define COMMIT_SECONDS 1
#define NOTICE_SECONDS 2

/* Run a statement on one of the tables, or on two of them, as the owner of the first. */
static void
ExecuteAsOwner(const char *table_name, const char *other_name, const char *format, int count, Oid *types,
			   Datum *values, const char *nulls, int expected)
{
	Relation	table = OpenExtensionTable(table_name, AccessShareLock);
	Relation	other = other_name ? OpenExtensionTable(other_name, AccessShareLock) : NULL;
	Impersonation before = ActAsTableOwner(table);

	ExecuteOnTables(table, other, format, count, types, values, nulls, expected);
	ActAsSelf(before);
	table_close(table, NoLock);
	if (other)
		table_close(other, NoLock);
}

/*
 * The lock on a model's name: an object of the training table, which nothing
 * else locks so.
 */
static LOCKTAG
NameLock(const char *model)
{
	LOCKTAG		tag;
	uint32		hash = DatumGetUInt32(DirectFunctionCall1Coll(hashtext, C_COLLATION_OID,
															  CStringGetTextDatum(model)));

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, ExtensionRelation("_hamnet_training"), hash, 0);
	return tag;
}

void
LockModelName(TrainingRun *run, const char *model)
{
	run->lock = NameLock(model);

	/* Of the session, because the procedure commits on its way. */
	if (LockAcquire(&run->lock, ExclusiveLock, true, true) == LOCKACQUIRE_NOT_AVAIL)
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("model \"%s\" is being trained by another session", model),
				 errhint("See hamnet_training_log() for how far it is.")));
	run->model = model;
	run->locked = true;
}

void
EndRun(TrainingRun *run)
{
	if (run->locked)
		LockRelease(&run->lock, ExclusiveLock, true);
	run->locked = false;
}

/* Whether some session trains a model of that name. */
static bool
IsBeingTrained(const char *model)
{
	LOCKTAG		tag = NameLock(model);
	int			count;

	(void) GetLockConflicts(&tag, ExclusiveLock, &count);
	return count > 0;
}

/* Look for an unfinished run of this model by the caller; false if there is none. */
static bool
FindUnfinished(TrainingRun *run, bytea *digest, bool *same)
{
	Oid			types[3] = {TEXTOID, NAMEOID, BYTEAOID};
	Datum		values[3] = {CStringGetTextDatum(run->model),
	CStringGetDatum(GetUserNameFromId(GetUserId(), false)), PointerGetDatum(digest)};
	bool		isnull;

	ExecuteAsOwner("_hamnet_training", NULL,
				   "SELECT id, digest = $3 FROM %s WHERE model = $1 AND owner = $2 AND state = 'running' "
				   "ORDER BY id DESC", 3, types, values, NULL, SPI_OK_SELECT);
	if (SPI_processed == 0)
		return false;
	run->id = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	*same = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	return true;
}

static void
DropCheckpoints(TrainingRun *run)
{
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {Int64GetDatum(run->id)};

	ExecuteAsOwner("_hamnet_checkpoint", NULL, "DELETE FROM %s WHERE run = $1", 1, types, values, NULL, SPI_OK_DELETE);
}

static void
AbandonRun(TrainingRun *run)
{
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {Int64GetDatum(run->id)};

	ereport(NOTICE,
			(errmsg("an unfinished training of model \"%s\" with another query, options or data is given up",
					run->model)));
	ExecuteAsOwner("_hamnet_training", NULL,
				   "UPDATE %s SET state = 'given up', finished = pg_catalog.clock_timestamp() WHERE id = $1",
				   1, types, values, NULL, SPI_OK_UPDATE);
	DropCheckpoints(run);
}

static void
InsertRun(TrainingRun *run, const char *kind, bytea *digest, Jsonb *options)
{
	Oid			types[5] = {TEXTOID, TEXTOID, NAMEOID, BYTEAOID, JSONBOID};
	Datum		values[5] = {CStringGetTextDatum(run->model), CStringGetTextDatum(kind),
		CStringGetDatum(GetUserNameFromId(GetUserId(), false)), PointerGetDatum(digest),
	JsonbPGetDatum(options)};
	bool		isnull;

	ExecuteAsOwner("_hamnet_training", NULL,
				   "INSERT INTO %s (model, kind, owner, digest, options, state) "
				   "VALUES ($1, $2, $3, $4, $5, 'running') RETURNING id",
				   5, types, values, NULL, SPI_OK_INSERT_RETURNING);
	run->id = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

void
BeginRun(TrainingRun *run, const char *kind, bytea *digest, Jsonb *options)
{
	bool		same = false;

	run->committed = run->saved = Seconds();
	run->noticed = -INFINITY;
	run->resumed = FindUnfinished(run, digest, &same) && same;
	if (run->resumed)
		ereport(NOTICE,
				(errmsg("an unfinished training of model \"%s\" is taken up again", run->model)));
	else
	{
		if (run->id != 0)
			AbandonRun(run);
		InsertRun(run, kind, digest, options);
	}
	if (run->atomic)
		ereport(NOTICE,
				(errmsg("inside a transaction block neither progress nor checkpoints are kept on the way")));
	CommitProgress(run);
}

void
CommitProgress(TrainingRun *run)
{
	if (run->atomic)
		return;
	SPI_commit();
	SPI_start_transaction();
	run->committed = Seconds();
}

/* "1h 02m", "3m 20s", "41s" */
static const char *
Duration(double seconds)
{
	int64		s = (int64) (seconds + 0.5);

	if (s >= 3600)
		return psprintf(INT64_FORMAT "h %02dm", s / 3600, (int) (s % 3600 / 60));
	if (s >= 60)
		return psprintf(INT64_FORMAT "m %02ds", s / 60, (int) (s % 60));
	return psprintf("%ds", (int) s);
}

/* The caller's line about an epoch. */
static void
TellEpoch(TrainingRun *run, const EpochReport *report)
{
	const char *validation = report->metric ? psprintf(", %s %.4g", report->metric, report->value) : "";
	const char *member = report->member > 1 ? psprintf(" %d", report->member) : "";

	if (report->epoch < report->epochs && Seconds() - run->noticed < NOTICE_SECONDS)
		return;
	run->noticed = Seconds();
	ereport(NOTICE,
			(errmsg("%s%s: epoch %d of %d, loss %.4g%s, %.0f molecules a second, %s left",
					report->part, member, report->epoch, report->epochs, report->loss, validation,
					report->molecules_per_second, Duration(report->remaining))));
}

void
LogEpoch(TrainingRun *run, const EpochReport *report)
{
	Oid			types[11] = {INT8OID, TEXTOID, INT4OID, INT4OID, INT4OID, FLOAT8OID, TEXTOID, FLOAT8OID,
	FLOAT8OID, FLOAT8OID, FLOAT8OID};
	Datum		values[11];
	char		nulls[12] = "           ";

	values[0] = Int64GetDatum(run->id);
	values[1] = CStringGetTextDatum(report->part);
	values[2] = Int32GetDatum(report->member);
	values[3] = Int32GetDatum(report->epoch);
	values[4] = Int32GetDatum(report->epochs);
	values[5] = Float8GetDatum(report->loss);
	values[6] = CStringGetTextDatum(report->metric ? report->metric : "");
	values[7] = Float8GetDatum(report->value);
	values[8] = Float8GetDatum(report->rate);
	values[9] = Float8GetDatum(report->molecules_per_second);
	values[10] = Float8GetDatum(report->remaining);
	if (report->metric == NULL)
		nulls[6] = nulls[7] = 'n';

	/* A run that is taken up again repeats the epochs since its last checkpoint. */
	ExecuteAsOwner("_hamnet_training_epoch", NULL,
				   "INSERT INTO %s AS e (run, part, member, epoch, epochs, loss, metric, value, "
				   "learning_rate, molecules_per_second, estimated_end, logged) "
				   "SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, "
				   "clock OPERATOR(pg_catalog.+) pg_catalog.make_interval(secs => $11), clock "
				   "FROM pg_catalog.clock_timestamp() AS clock "
				   "ON CONFLICT (run, part, member, epoch) DO UPDATE SET epochs = excluded.epochs, loss = excluded.loss, "
				   "value = excluded.value, learning_rate = excluded.learning_rate, "
				   "molecules_per_second = excluded.molecules_per_second, "
				   "estimated_end = excluded.estimated_end, logged = excluded.logged",
				   11, types, values, nulls, SPI_OK_INSERT);
	TellEpoch(run, report);
	if (Seconds() - run->committed >= COMMIT_SECONDS)
		CommitProgress(run);
}

bytea *
LoadCheckpoint(TrainingRun *run, int part)
{
	Oid			types[2] = {INT8OID, INT4OID};
	Datum		values[2] = {Int64GetDatum(run->id), Int32GetDatum(part)};
	bytea	   *state = NULL;
	bool		isnull;

	if (!run->resumed)
		return NULL;
	/* To fetch what is stored out of line. */
	PushActiveSnapshot(GetTransactionSnapshot());
	ExecuteAsOwner("_hamnet_checkpoint", NULL, "SELECT state FROM %s WHERE run = $1 AND part = $2",
				   2, types, values, NULL, SPI_OK_SELECT);
	if (SPI_processed > 0)
		state = DatumGetByteaPCopy(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	PopActiveSnapshot();
	return state;
}

bool
CheckpointIsDue(const TrainingRun *run)
{
	return !run->atomic && Seconds() - run->saved >= run->checkpoint_seconds;
}

void
SaveCheckpoint(TrainingRun *run, int part, const char *state, Size size)
{
	Oid			types[3] = {INT8OID, INT4OID, BYTEAOID};
	Datum		values[3];
	bytea	   *bytes;

	if (run->atomic)
		return;
	if (size > MaxAllocSize - VARHDRSZ)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("model is too large for a checkpoint")));
	bytes = palloc(VARHDRSZ + size);
	SET_VARSIZE(bytes, VARHDRSZ + size);
	memcpy(VARDATA(bytes), state, size);
	values[0] = Int64GetDatum(run->id);
	values[1] = Int32GetDatum(part);
	values[2] = PointerGetDatum(bytes);
	ExecuteAsOwner("_hamnet_checkpoint", NULL,
				   "INSERT INTO %s (run, part, state) VALUES ($1, $2, $3) "
				   "ON CONFLICT (run, part) DO UPDATE SET state = excluded.state",
				   3, types, values, NULL, SPI_OK_INSERT);
	pfree(bytes);
	CommitProgress(run);
	run->saved = Seconds();
}

void
FinishRun(TrainingRun *run, const char *report)
{
	Oid			types[2] = {INT8OID, TEXTOID};
	Datum		values[2] = {Int64GetDatum(run->id), CStringGetTextDatum(report)};

	ExecuteAsOwner("_hamnet_training", NULL,
				   "UPDATE %s SET state = 'done', finished = pg_catalog.clock_timestamp(), "
				   "report = $2::pg_catalog.jsonb WHERE id = $1", 2, types, values, NULL, SPI_OK_UPDATE);
	DropCheckpoints(run);
}

/*
 * Rows of a query on one of the tables, for runs of the caller's roles, or all
 * runs for the owner of the database. state_column, if not zero, is that of a
 * run's state, and the column before it that of the model's name.
 */
static void
AddRuns(RowSet *rows, const char *table_name, const char *other_name, const char *format, int state_column)
{
	Oid			types[2] = {OIDOID, BOOLOID};
	Datum		values[2] = {ObjectIdGetDatum(GetUserId()), BoolGetDatum(OwnsDatabase(GetUserId()))};
	int			columns = rows->descriptor->natts;
	Datum	   *row = palloc(columns * sizeof(Datum));
	bool	   *nulls = palloc(columns * sizeof(bool));

	SPI_connect();
	ExecuteAsOwner(table_name, other_name, format, 2, types, values, NULL, SPI_OK_SELECT);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, row, nulls);
		if (state_column > 0)
		{
			char	   *state = TextDatumGetCString(row[state_column]);

			if (strcmp(state, "running") == 0 && !IsBeingTrained(TextDatumGetCString(row[state_column - 1])))
				row[state_column] = CStringGetTextDatum("interrupted");
		}
		AddRow(rows, row, nulls);
	}
	SPI_finish();
}

/* Whether the caller ($1, or $2 for all) may see a run; the role may be gone. */
#define VISIBLE_RUNS \
	"($2 OR EXISTS (SELECT FROM pg_catalog.pg_roles r " \
	"WHERE r.rolname = t.owner AND pg_catalog.pg_has_role($1, r.oid, 'USAGE')))"

PG_FUNCTION_INFO_V1(hamnet_training_runs);

/* hamnet_training_runs() → (run, kind, model, state, owner, started, finished, options, report) */
PGDLLEXPORT Datum
hamnet_training_runs(PG_FUNCTION_ARGS)
{
	RowSet		rows = BeginRows(fcinfo);

	AddRuns(&rows, "_hamnet_training", NULL,
			"SELECT t.id, t.kind, t.model, t.state, t.owner, t.started, t.finished, t.options, t.report "
			"FROM %s AS t WHERE " VISIBLE_RUNS " ORDER BY t.id", 3);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(hamnet_training_log);

/*
 * hamnet_training_log() → (run, model, part, member, epoch, epochs, loss,
 * metric, value, learning_rate, molecules_per_second, estimated_end, logged)
 */
PGDLLEXPORT Datum
hamnet_training_log(PG_FUNCTION_ARGS)
{
	RowSet		rows = BeginRows(fcinfo);

	AddRuns(&rows, "_hamnet_training_epoch", "_hamnet_training",
			"SELECT e.run, t.model, e.part, e.member, e.epoch, e.epochs, e.loss, e.metric, e.value, "
			"e.learning_rate, e.molecules_per_second, e.estimated_end, e.logged "
			"FROM %s AS e JOIN %s AS t ON t.id = e.run WHERE " VISIBLE_RUNS
			" ORDER BY e.run, e.logged, e.epoch", 0);
	return (Datum) 0;
}
