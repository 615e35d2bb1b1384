/*
 * train/team.c: the leader of a team.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#include "server/core.h"
#include "train/team_segment.h"

struct Team
{
	MemoryContext memory;
	dsm_segment *segment;		/* NULL without workers */
	TeamShared *shared;
	TeamProcess process;
	BackgroundWorkerHandle **workers;	/* [shares - 1] those that could be registered */
};

/* Let the workers know that there is nothing more to do. Also called when the leader exits. */
static void
StopWorkers(dsm_segment *segment, Datum argument)
{
	TeamShared *shared = (TeamShared *) DatumGetPointer(argument);

	pg_atomic_write_u32(&shared->stop, 1);
	pg_memory_barrier();
	for (int p = 1; p < shared->processes; p++)
		if (Members(shared)[p].latch)
			SetLatch(Members(shared)[p].latch);
}

/* Ask for workers, one for each share beyond the leader's; the server may have fewer free. */
static void
RegisterWorkers(Team *team)
{
	TeamShared *shared = team->shared;

	for (int p = 1; p < shared->shares; p++)
	{
		if (!RegisterTeamWorker(dsm_segment_handle(team->segment), p, &team->workers[p - 1]))
			return;

		/* Workers read this when the first command is there. */
		shared->processes = p + 1;
	}
}

/* Find the parameters that any gradient can touch. */
static void
FindTrainedParameters(TeamShared *plan, HnContext *context, HnModel *model, const HnTraining *training)
{
	HnParameterGroup *groups;
	int			group_count;

	if (hn_training_groups(context, model, training, &groups, &group_count) != HN_OK)
		ReportCoreError(context, NULL);
	plan->trained_begin = model->parameter_count;
	for (int g = 0; g < group_count; g++)
	{
		plan->trained_begin = Min(plan->trained_begin, groups[g].begin);
		plan->trained_end = Max(plan->trained_end, groups[g].begin + groups[g].count);
	}
}

/* Plan what the segment of a team begins with. */
static TeamShared
PlanSegment(HnContext *context, HnModel *model, const HnTraining *training, const TrainingSet *set, int shares)
{
	TeamShared	plan;

	memset(&plan, 0, sizeof(plan));
	plan.database = MyDatabaseId;
	plan.user = GetAuthenticatedUserId();
	plan.shares = shares;
	plan.processes = 1;
	plan.example_count = set->count;
	plan.target_count = set->target_count;
	plan.set_size = set->size;
	plan.parameter_count = model->parameter_count;
	plan.training = *training;
	FindTrainedParameters(&plan, context, model, training);
	return plan;
}

/* Allocate the segment: shared memory if there are to be workers. */
static void
AllocateSegment(Team *team, Size size, int shares)
{
	if (shares == 1)
	{
		team->shared = (TeamShared *) TYPEALIGN(PG_CACHE_LINE_SIZE,
												MemoryContextAllocHuge(team->memory, size + PG_CACHE_LINE_SIZE));
		return;
	}
	team->segment = dsm_create(size, 0);
	/* The mapping outlives the transactions that log progress. */
	dsm_pin_mapping(team->segment);
	team->shared = dsm_segment_address(team->segment);
}

/* Make the segment and what is in it. */
static void
MakeSegment(Team *team, HnModel *model, const HnTraining *training, const TrainingSet *set,
			const HnInputs *inputs, int shares)
{
	TeamShared	plan;
	HnArena		arena;
	HnContext	context;
	unsigned char *file;
	Size		size;

	hn_arena_init(&arena, ContextAllocator(team->memory));
	InitCoreContext(&context, &arena);
	plan = PlanSegment(&context, model, training, set, shares);
	if (hn_model_write(&context, model, &file, &plan.model_size) != HN_OK)
		ReportCoreError(&context, NULL);
	size = LayOutSegment(&plan, model, set, inputs);
	AllocateSegment(team, size, shares);
	memcpy(team->shared, &plan, sizeof(plan));
	FillSegment(team->shared, model, file, set, inputs);
	hn_arena_destroy(&arena);
}

void
StartTeam(Team **result, HnModel *model, const HnTraining *training, const TrainingSet *set,
		  const HnInputs *inputs, int shares)
{
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "hamnet team", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(memory);
	Team	   *team = palloc0(sizeof(Team));

	*result = team;
	team->memory = memory;
	team->workers = palloc0(shares * sizeof(BackgroundWorkerHandle *));
	MakeSegment(team, model, training, set, inputs, shares);
	Members(team->shared)[0].latch = MyLatch;
	if (JoinSegment(&team->process, team->shared, 0, memory) != HN_OK)
		ReportCoreError(&team->process.setup, NULL);
	if (team->segment)
	{
		on_dsm_detach(team->segment, StopWorkers, PointerGetDatum(team->shared));
		RegisterWorkers(team);
	}
	MemoryContextSwitchTo(old);
}

void
EndTeam(Team *team)
{
	if (team == NULL)
		return;
	if (team->segment)
	{
		int			workers = team->shared->processes - 1;

		/* Stops the workers; those that have not begun yet find no segment. */
		dsm_detach(team->segment);

		/* Their slots are free for whatever the session trains next. */
		HOLD_INTERRUPTS();
		for (int i = 0; i < workers; i++)
			(void) WaitForBackgroundWorkerShutdown(team->workers[i]);
		RESUME_INTERRUPTS();
	}
	MemoryContextDelete(team->memory);
}

static void
ReportStopped(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_OPERATOR_INTERVENTION),
			 errmsg("a training worker has stopped"),
			 errdetail("The server's log may say why."),
			 errhint("Call again to go on from the last checkpoint.")));
}

/* Report a worker that is gone, or says that it failed. */
static void
CheckWorker(Team *team, int p)
{
	TeamMember *member = &Members(team->shared)[p];
	pid_t		pid;

	if (pg_atomic_read_u64(&member->done) == pg_atomic_read_u64(&team->shared->number))
	{
		pg_memory_barrier();
		/* Only its termination interrupts a worker, which may still be about to end. */
		if (member->status == HN_INTERRUPTED)
			ReportStopped();
		if (member->status != HN_OK)
			ereport(ERROR,
					(errcode(member->status == HN_OUT_OF_MEMORY ? ERRCODE_OUT_OF_MEMORY : ERRCODE_INTERNAL_ERROR),
					 errmsg("a training worker failed: %s", member->message)));
	}
	else
	{
		BgwHandleStatus status = GetBackgroundWorkerPid(team->workers[p - 1], &pid);

		if (status == BGWH_STOPPED || status == BGWH_POSTMASTER_DIED)
			ReportStopped();
	}
}

/* Return whether a worker has done the present command. */
static bool
IsDone(Team *team, int p)
{
	return pg_atomic_read_u64(&Members(team->shared)[p].done) == pg_atomic_read_u64(&team->shared->number);
}

/* Run a command on molecules, by all processes. */
static void
RunCommand(Team *team, TeamCommand command, const int *indexes, int count)
{
	TeamShared *shared = team->shared;
	TeamMember *members = Members(shared);

	if (indexes)
		memcpy(At(shared, shared->indexes_at), indexes, count * sizeof(int));
	shared->command = command;
	shared->count = count;
	pg_memory_barrier();
	pg_atomic_fetch_add_u64(&shared->number, 1);
	pg_memory_barrier();
	for (int p = 1; p < shared->processes; p++)
		if (members[p].latch)
			SetLatch(members[p].latch);

	if (DoCommand(&team->process) != HN_OK)
		ReportCoreError(&team->process.context, NULL);
	for (int p = 1; p < shared->processes; p++)
	{
		while (!IsDone(team, p))
		{
			CheckWorker(team, p);
			(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH, 0, PG_WAIT_EXTENSION);
			ResetLatch(MyLatch);
			CHECK_FOR_INTERRUPTS();
		}
		CheckWorker(team, p);
	}
}

HnModel *
TeamModel(Team *team)
{
	return &team->process.model;
}

HnTraining *
TeamTraining(Team *team)
{
	return &team->shared->training;
}

void
TeamFreeze(Team *team)
{
	TeamShared *shared = team->shared;
	int		   *indexes = At(shared, shared->indexes_at);

	if (!shared->has_frozen || shared->frozen)
		return;
	for (int i = 0; i < shared->example_count; i++)
		indexes[i] = i;
	RunCommand(team, TEAM_FREEZE, NULL, shared->example_count);
	shared->frozen = true;
}

const real *
TeamGradient(Team *team, int64 step, const int *indexes, int count, HnLossSum *sum)
{
	TeamShared *shared = team->shared;
	HnLossSum  *sums = At(shared, shared->sums_at);
	const real **blocks = palloc(shared->shares * sizeof(real *));

	shared->step = step;
	RunCommand(team, TEAM_GRADIENT, indexes, count);
	memset(sum, 0, sizeof(HnLossSum));
	for (int share = 0; share < shared->shares; share++)
	{
		blocks[share] = Gradient(shared, share);
		sum->loss += sums[share].loss;
		sum->count += sums[share].count;
		sum->skipped += sums[share].skipped;
	}
	hn_gradient_sum(blocks, shared->shares, shared->trained_begin, shared->trained_end, Gradient(shared, 0));
	pfree(blocks);
	return Gradient(shared, 0);
}

const double *
TeamPredict(Team *team, const real *weights, const int *indexes, int count)
{
	TeamShared *shared = team->shared;

	memcpy(At(shared, shared->weights_at), weights, shared->parameter_count * sizeof(real));
	RunCommand(team, TEAM_PREDICT, indexes, count);
	return At(shared, shared->outputs_at);
}

const HnConformationError *
TeamErrors(Team *team, const real *weights, const int *indexes, int count)
{
	TeamShared *shared = team->shared;

	memcpy(At(shared, shared->weights_at), weights, shared->parameter_count * sizeof(real));
	RunCommand(team, TEAM_ERRORS, indexes, count);
	return At(shared, shared->outputs_at);
}
