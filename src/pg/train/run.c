/*
 * train/run.c: training runs: who trains what, and what became of it.
 *
 * The tables are written as their owner on behalf of the caller. A run whose
 * state is "running" while nobody holds the lock of its model's name was
 * interrupted, and the same call resumes it.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "server/clock.h"
#include "server/extension.h"
#include "server/table_owner.h"
#include "train/run.h"

/*
 * Return the lock on a model's name: an object of the training table, which nothing
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

bool
IsBeingTrained(const char *model)
{
	LOCKTAG		tag = NameLock(model);
	int			count;

	(void) GetLockConflicts(&tag, ExclusiveLock, &count);
	return count > 0;
}

/* Find an unfinished run of this model by the caller; false if there is none. */
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

/* Mark an unfinished run as abandoned. */
static void
AbandonRun(TrainingRun *run)
{
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {Int64GetDatum(run->id)};

	ereport(NOTICE,
			(errmsg("discarding unfinished training of model \"%s\"", run->model),
			 errdetail("Its query, options or data differ.")));
	ExecuteAsOwner("_hamnet_training", NULL,
				   "UPDATE %s SET state = 'abandoned', finished = pg_catalog.clock_timestamp() WHERE id = $1",
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
				(errmsg("resuming unfinished training of model \"%s\"", run->model)));
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
