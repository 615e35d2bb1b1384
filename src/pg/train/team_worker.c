/*
 * train/team_worker.c: the background workers of a team.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#include "train/team_segment.h"

/* The segment while this process is a worker: what its interrupt callback looks at. */
static TeamShared *served = NULL;

PGDLLEXPORT void hamnet_team_worker(Datum argument);

/* Return whether the worker's present work is for nothing. Asking must not jump. */
static bool
WorkerShouldStop(void *state)
{
	return ProcDiePending || QueryCancelPending || pg_atomic_read_u32(&served->stop) != 0;
}

/* Do commands until the leader is done or gone. */
static void
Serve(TeamProcess *process)
{
	TeamShared *shared = process->shared;
	TeamMember *self = &Members(shared)[process->index];
	uint64		seen = 0;

	while (pg_atomic_read_u32(&shared->stop) == 0)
	{
		uint64		number = pg_atomic_read_u64(&shared->number);

		CHECK_FOR_INTERRUPTS();
		if (number == seen)
		{
			(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH, 0, PG_WAIT_EXTENSION);
			ResetLatch(MyLatch);
			continue;
		}
		pg_memory_barrier();
		self->status = DoCommand(process);
		if (self->status != HN_OK)
			strlcpy(self->message, process->context.message, sizeof(self->message));
		pg_memory_barrier();
		seen = number;
		pg_atomic_write_u64(&self->done, seen);
		SetLatch(Members(shared)[0].latch);
	}
}

/* Main function of a background worker; its argument is the segment, its extra bytes its index. */
void
hamnet_team_worker(Datum argument)
{
	dsm_segment *segment;
	TeamProcess process;
	TeamMember *self;
	MemoryContext memory;
	int			index;

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();

	/* A segment that is gone is that of a leader which is gone. */
	segment = dsm_attach(DatumGetUInt32(argument));
	if (segment == NULL)
		proc_exit(0);
	served = dsm_segment_address(segment);
	memcpy(&index, MyBgworkerEntry->bgw_extra, sizeof(index));
	BackgroundWorkerInitializeConnectionByOid(served->database, served->user, 0);
	memory = AllocSetContextCreate(TopMemoryContext, "hamnet training worker", ALLOCSET_DEFAULT_SIZES);

	self = &Members(served)[index];
	self->latch = MyLatch;
	pg_memory_barrier();
	if (JoinSegment(&process, served, index, memory) != HN_OK)
		ereport(ERROR, (errmsg("%s", process.setup.message)));
	process.context.interrupted = WorkerShouldStop;
	Serve(&process);
	proc_exit(0);
}

bool
RegisterTeamWorker(uint32 segment, int index, BackgroundWorkerHandle **worker)
{
	BackgroundWorker definition;

	memset(&definition, 0, sizeof(definition));
	definition.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	definition.bgw_start_time = BgWorkerStart_ConsistentState;
	definition.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(definition.bgw_library_name, "hamnet", BGW_MAXLEN);
	strlcpy(definition.bgw_function_name, "hamnet_team_worker", BGW_MAXLEN);
	snprintf(definition.bgw_name, BGW_MAXLEN, "hamnet training worker of process %d", MyProcPid);
	strlcpy(definition.bgw_type, "hamnet training worker", BGW_MAXLEN);
	definition.bgw_main_arg = UInt32GetDatum(segment);
	memcpy(definition.bgw_extra, &index, sizeof(index));
	definition.bgw_notify_pid = MyProcPid;
	return RegisterDynamicBackgroundWorker(&definition, worker);
}
