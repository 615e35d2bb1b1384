/*
 * train/log.c: the log of epochs.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "server/clock.h"
#include "server/table_owner.h"
#include "train/log.h"

/* Seconds between two commits of progress, and between two lines to the caller. */
#define COMMIT_SECONDS 1
#define NOTICE_SECONDS 2

/* Write a duration as "1h 02m", "3m 20s" or "41s". */
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

/* Notify the caller of an epoch, unless that was done a moment ago. */
static void
NotifyEpoch(TrainingRun *run, const EpochReport *report)
{
	const char *validation = report->metric ? psprintf(", %s %.4g", report->metric, report->value) : "";
	const char *member = report->member > 1 ? psprintf(" %d", report->member) : "";

	if (report->epoch < report->epochs && Seconds() - run->noticed < NOTICE_SECONDS)
		return;
	run->noticed = Seconds();
	ereport(NOTICE,
			(errmsg("%s%s: epoch %d of %d, loss %.4g%s, %.0f molecules a second, %s left",
					report->network, member, report->epoch, report->epochs, report->loss, validation,
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
	values[1] = CStringGetTextDatum(report->network);
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

	/* A resumed run repeats the epochs since its last checkpoint. */
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
	NotifyEpoch(run, report);
	if (Seconds() - run->committed >= COMMIT_SECONDS)
		CommitProgress(run);
}
