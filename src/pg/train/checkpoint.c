/*
 * train/checkpoint.c: checkpoints of training runs.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "server/clock.h"
#include "server/table_owner.h"
#include "train/run.h"

bytea *
LoadCheckpoint(TrainingRun *run, int number)
{
	Oid			types[2] = {INT8OID, INT4OID};
	Datum		values[2] = {Int64GetDatum(run->id), Int32GetDatum(number)};
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
SaveCheckpoint(TrainingRun *run, int number, const char *state, Size size)
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
	values[1] = Int32GetDatum(number);
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
DropCheckpoints(TrainingRun *run)
{
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {Int64GetDatum(run->id)};

	ExecuteAsOwner("_hamnet_checkpoint", NULL, "DELETE FROM %s WHERE run = $1", 1, types, values, NULL, SPI_OK_DELETE);
}
