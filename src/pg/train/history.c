/*
 * train/history.c: SQL functions that show training runs and their epochs.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "server/srf.h"
#include "server/table_owner.h"
#include "train/run.h"

/*
 * Add the rows of a query on one of the tables, for runs of the caller's roles, or all
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

/* True if the caller ($1, or $2 for all) may see a run; the role may be gone. */
#define VISIBLE_RUNS \
	"($2 OR EXISTS (SELECT FROM pg_catalog.pg_roles r " \
	"WHERE r.rolname = t.owner AND pg_catalog.pg_has_role($1, r.oid, 'USAGE')))"

PG_FUNCTION_INFO_V1(hamnet_training_runs);

/*
 * hamnet_training_runs() → (run, kind, model, state, owner, started, finished, options, report)
 *
 * Abandoned runs were "given up" before 0.3.0, and are so in what was dumped then.
 */
PGDLLEXPORT Datum
hamnet_training_runs(PG_FUNCTION_ARGS)
{
	RowSet		rows = BeginRows(fcinfo);

	AddRuns(&rows, "_hamnet_training", NULL,
			"SELECT t.id, t.kind, t.model, CASE t.state WHEN 'given up' THEN 'abandoned' ELSE t.state END, t.owner, t.started, t.finished, t.options, t.report "
			"FROM %s AS t WHERE " VISIBLE_RUNS " ORDER BY t.id", 3);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(hamnet_training_predictions);

/* hamnet_training_predictions(run bigint) → (smiles, target, fold, label, value, sd) */
PGDLLEXPORT Datum
hamnet_training_predictions(PG_FUNCTION_ARGS)
{
	RowSet		rows = BeginRows(fcinfo);

	AddRuns(&rows, "_hamnet_training_prediction", "_hamnet_training",
			psprintf("SELECT p.smiles, p.target, p.fold, p.label, p.value, p.sd "
					 "FROM %%s AS p JOIN %%s AS t ON t.id = p.run WHERE p.run = " INT64_FORMAT " AND " VISIBLE_RUNS
					 " ORDER BY p.target, p.fold", PG_GETARG_INT64(0)), 0);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(hamnet_training_log);

/*
 * hamnet_training_log() → (run, model, network, member, epoch, epochs, loss,
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
