/*
 * enrich/worker.c: background workers of hamnet_enrich.
 *
 * They are dynamic, so the module need not be preloaded, and they end with the
 * job. A worker connects as the role that logged in, takes the caller's session
 * authorization and role, and does everything with the rights of the role that
 * called, as a parallel worker does; code in triggers and policies cannot change
 * back. An error is handed to the leader, which throws it.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "enrich/enrich.h"

struct EnrichTeam
{
	EnrichJob  *job;
	int			count;
	BackgroundWorkerHandle *handles[MAX_ENRICH_WORKERS];
};

/* Settings that may change what triggers, policies, constraints and option "where" do, or how a commit is made. */
static const char *const passed_settings[] = {
	"DateStyle", "IntervalStyle", "TimeZone", "hamnet.max_atoms", "lock_timeout", "row_security",
	"search_path", "session_replication_role", "standard_conforming_strings", "synchronous_commit", "work_mem"
};

static void
AppendSetting(StringInfo settings, const char *name, const char *value)
{
	appendBinaryStringInfo(settings, name, strlen(name) + 1);
	appendBinaryStringInfo(settings, value, strlen(value) + 1);
}

char *
EnrichSettings(Size *length)
{
	StringInfoData settings;

	initStringInfo(&settings);
	/* In this order: the first decides whether the second is allowed. Policies and triggers may ask for both. */
	AppendSetting(&settings, "session_authorization", GetUserNameFromId(GetSessionUserId(), false));
	AppendSetting(&settings, "role",
				  OidIsValid(GetCurrentRoleId()) ? GetUserNameFromId(GetCurrentRoleId(), false) : "none");
	for (int i = 0; i < lengthof(passed_settings); i++)
		AppendSetting(&settings, passed_settings[i], GetConfigOption(passed_settings[i], false, false));
	*length = settings.len;
	return settings.data;
}

static void
ApplySettings(const EnrichJob *job)
{
	const char *next = (const char *) job + job->settings_at;
	const char *end = next + job->settings_length;

	while (next < end)
	{
		const char *name = next;
		const char *value = name + strlen(name) + 1;

		SetConfigOption(name, value, PGC_SUSET, PGC_S_SESSION);
		next = value + strlen(value) + 1;
	}
	/* A batch is written to rows as they are, whatever was read before. */
	SetConfigOption("default_transaction_isolation", "read committed", PGC_SUSET, PGC_S_SESSION);
}

EnrichTeam *
StartEnrichTeam(Datum segment, EnrichJob *job, int count)
{
	EnrichTeam *team = palloc0(sizeof(EnrichTeam));
	BackgroundWorker worker = {0};

	team->job = job;
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_notify_pid = MyProcPid;
	worker.bgw_main_arg = segment;
	strlcpy(worker.bgw_library_name, "hamnet", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "hamnet_enrich_worker", sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_type, "hamnet enrich", sizeof(worker.bgw_type));
	for (int i = 0; i < count; i++)
	{
		snprintf(worker.bgw_name, sizeof(worker.bgw_name), "hamnet enrich worker %d of PID %d", i + 1, MyProcPid);
		memcpy(worker.bgw_extra, &i, sizeof(i));
		if (!RegisterDynamicBackgroundWorker(&worker, &team->handles[team->count]))
			break;
		team->count++;
	}
	return team->count > 0 ? team : NULL;
}

int
EnrichTeamSize(const EnrichTeam *team)
{
	return team->count;
}

static void
ReportOutcome(const EnrichOutcome *outcome)
{
	if (!outcome->failed)
		ereport(ERROR,
				(errcode(ERRCODE_OPERATOR_INTERVENTION),
				 errmsg("a background worker of hamnet_enrich ended before its work was done"),
				 errhint("The server's log may say why. Batches that were committed stay; the same call goes on from there.")));
	ereport(ERROR,
			(errcode(outcome->sqlstate),
			 errmsg_internal("%s", outcome->message),
			 outcome->detail[0] ? errdetail_internal("%s", outcome->detail) : 0,
			 outcome->hint[0] ? errhint("%s", outcome->hint) : 0,
			 errcontext("background worker of hamnet_enrich")));
}

bool
EnrichTeamWorks(EnrichTeam *team)
{
	bool		works = false;

	for (int i = 0; i < team->count; i++)
	{
		pid_t		pid;
		BgwHandleStatus status = GetBackgroundWorkerPid(team->handles[i], &pid);

		if (status == BGWH_NOT_YET_STARTED || status == BGWH_STARTED)
			works = true;
		else if (!team->job->outcomes[i].finished)
			ReportOutcome(&team->job->outcomes[i]);
	}
	return works;
}

void
StopEnrichTeam(EnrichTeam *team)
{
	HOLD_INTERRUPTS();
	for (int i = 0; i < team->count; i++)
		TerminateBackgroundWorker(team->handles[i]);
	for (int i = 0; i < team->count; i++)
		(void) WaitForBackgroundWorkerShutdown(team->handles[i]);
	RESUME_INTERRUPTS();
}

static void
BeginTransaction(EnrichJob *job)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	SetUserIdAndSecContext(job->user, SECURITY_LOCAL_USERID_CHANGE);
	SPI_connect();
}

static void
EndTransaction(EnrichJob *job)
{
	SPI_finish();
	CommitTransactionCommand();
	/* No transaction may begin with another user than the session's, or under restrictions. */
	SetUserIdAndSecContext(GetOuterUserId(), 0);
	pgstat_report_stat(true);
}

static void
CommitBatch(EnrichJob *job, void *state)
{
	EndTransaction(job);
	BeginTransaction(job);
}

static void
ShowActivity(const EnrichJob *job)
{
	char		activity[NAMEDATALEN + 64];

	snprintf(activity, sizeof(activity), "hamnet_enrich: %s", get_rel_name(job->request.table));
	pgstat_report_activity(STATE_RUNNING, activity);
}

static void
WorkOn(EnrichJob *job)
{
	MemoryContext memory = AllocSetContextCreate(TopMemoryContext, "hamnet enrich worker",
												 ALLOCSET_SMALL_SIZES);

	StartTransactionCommand();
	ApplySettings(job);
	ShowActivity(job);
	CommitTransactionCommand();

	BeginTransaction(job);
	MemoryContextSwitchTo(memory);
	RunEnrichBatches(job, CommitBatch, NULL);
	EndTransaction(job);
}

static void
NoteFailure(EnrichOutcome *outcome)
{
	ErrorData  *error;

	MemoryContextSwitchTo(TopMemoryContext);
	error = CopyErrorData();
	outcome->sqlstate = error->sqlerrcode;
	strlcpy(outcome->message, error->message ? error->message : "", sizeof(outcome->message));
	strlcpy(outcome->detail, error->detail ? error->detail : "", sizeof(outcome->detail));
	strlcpy(outcome->hint, error->hint ? error->hint : "", sizeof(outcome->hint));
	outcome->failed = true;
}

PGDLLEXPORT void hamnet_enrich_worker(Datum segment);

/* Entry point of a worker: the job's segment, and in bgw_extra its number. */
void
hamnet_enrich_worker(Datum segment)
{
	dsm_segment *mapping;
	EnrichJob  *job;
	int			number;

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();

	mapping = dsm_attach(DatumGetUInt32(segment));
	if (mapping == NULL)
		return;					/* the leader is gone */
	job = dsm_segment_address(mapping);
	memcpy(&number, MyBgworkerEntry->bgw_extra, sizeof(number));
	BackgroundWorkerInitializeConnectionByOid(job->database, job->login_user, 0);

	PG_TRY();
	{
		WorkOn(job);
		job->outcomes[number].finished = true;
	}
	PG_CATCH();
	{
		NoteFailure(&job->outcomes[number]);
		PG_RE_THROW();
	}
	PG_END_TRY();
}
