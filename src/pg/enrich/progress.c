/*
 * enrich/progress.c: how far hamnet_enrich is, for every session to see.
 *
 * The numbers lie where those of VACUUM and CREATE INDEX do: in the backend's
 * entry of the server's activity table, which needs no shared memory of our
 * own and is cleared when the command fails or the backend ends. The core's
 * views ask for their own commands and do not see this one.
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "commands/progress.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/backend_progress.h"
#include "utils/backend_status.h"

#include "enrich/enrich.h"
#include "server/srf.h"

#if PG_VERSION_NUM < 160000
#define pgstat_get_local_beentry_by_index pgstat_fetch_stat_local_beentry
#endif

/* "HAMN": far from the numbers that the core counts up from 1. */
#define ENRICH_COMMAND ((ProgressCommandType) 0x48414d4e)

/* Columns of hamnet_enrich_progress(). */
#define PROGRESS_COLUMNS 10

static void
WriteProgress(const EnrichProgress *progress)
{
	const int	indexes[5] = {0, 1, 2, 3, 4};
	const int64 numbers[5] = {
		progress->workers, progress->total, progress->filled, progress->invalid, progress->started
	};

	pgstat_progress_update_multi_param(5, indexes, numbers);
}

void
BeginEnrichProgress(Oid table, const EnrichProgress *progress)
{
	pgstat_progress_start_command(ENRICH_COMMAND, table);
	WriteProgress(progress);
}

void
ShowEnrichProgress(const EnrichProgress *progress)
{
	WriteProgress(progress);
}

void
EndEnrichProgress(void)
{
	pgstat_progress_end_command();
}

/* Add the row of a backend that is enriching. */
static void
AddProgress(RowSet *rows, const PgBackendStatus *backend)
{
	const int64 *numbers = backend->st_progress_param;
	int64		done = numbers[2] + numbers[3];
	TimestampTz now = GetCurrentTimestamp();
	double		seconds = (now - numbers[4]) / 1e6;
	bool		nulls[PROGRESS_COLUMNS] = {false};
	Datum		row[PROGRESS_COLUMNS];

	row[0] = Int32GetDatum(backend->st_procpid);
	row[1] = ObjectIdGetDatum(backend->st_userid);
	row[2] = ObjectIdGetDatum(backend->st_progress_command_target);
	row[3] = Int32GetDatum((int32) numbers[0]);
	row[4] = Int64GetDatum(numbers[1]);
	row[5] = Int64GetDatum(numbers[2]);
	row[6] = Int64GetDatum(numbers[3]);
	row[7] = Float8GetDatum(seconds > 0 ? done / seconds : 0);
	row[8] = TimestampTzGetDatum(numbers[4]);
	nulls[9] = done <= 0;
	row[9] = nulls[9] ? (Datum) 0 :
		TimestampTzGetDatum(now + (int64) (seconds * 1e6 * Max(numbers[1] - done, 0) / done));
	AddRow(rows, row, nulls);
}

PG_FUNCTION_INFO_V1(hamnet_enrich_progress);

/* hamnet_enrich_progress() → (pid, role, relation, workers, rows_total, rows_filled, rows_invalid, …) */
PGDLLEXPORT Datum
hamnet_enrich_progress(PG_FUNCTION_ARGS)
{
	RowSet		rows = BeginRows(fcinfo);
	bool		sees_all = has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS);
	int			count = pgstat_fetch_stat_numbackends();

	for (int i = 1; i <= count; i++)
	{
		const PgBackendStatus *backend = &pgstat_get_local_beentry_by_index(i)->backendStatus;

		if (backend->st_progress_command == ENRICH_COMMAND && backend->st_databaseid == MyDatabaseId &&
			(sees_all || has_privs_of_role(GetUserId(), backend->st_userid)))
			AddProgress(&rows, backend);
	}
	return (Datum) 0;
}
