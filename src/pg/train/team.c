/*
 * train/team.c: the gradients and predictions of a training set, computed by the
 * calling backend and background workers together.
 *
 * Everything that the processes share lies in one segment: dynamic shared
 * memory if there are workers, else memory of the leader. It begins with a
 * TeamShared; the other arrays follow at the places that it names.
 *
 * The leader writes a command, raises its number, wakes the workers and does
 * its own part; each worker does its part, sets the number that it has done,
 * and wakes the leader. Nobody waits without an end: the leader learns from
 * the postmaster when a worker is gone, the workers from the segment when the
 * leader is, and everybody from its latch when the postmaster is.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/procsignal.h"
#include "storage/shmem.h"		/* for add_size()/mul_size() */
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#if PG_VERSION_NUM >= 140000
#include "utils/wait_event.h"
#endif

#include "server/core.h"
#include "server/guc.h"
#include "hamnet/predict.h"
#include "train/team.h"

/* Arrays of the segment begin at cache lines of their own. */
#define SEGMENT_ALIGN(size) TYPEALIGN(PG_CACHE_LINE_SIZE, (size))

typedef enum TeamCommand
{
	TEAM_FREEZE,
	TEAM_GRADIENT,
	TEAM_PREDICT,
	TEAM_ERRORS
} TeamCommand;

/* One process of the team; the leader is the first. */
typedef struct TeamMember
{
	Latch	   *latch;			/* NULL until the worker is there */
	pg_atomic_uint64 done;		/* number of the last command that it finished */
	HnStatus	status;			/* of that command */
	char		message[HN_MESSAGE_SIZE];
} TeamMember;

typedef struct TeamShared
{
	Oid			database;
	Oid			user;
	int			shares;
	int			processes;
	int			example_count;
	int			target_count;
	Size		set_size;
	Size		model_size;
	int64		parameter_count;

	/* Where the arrays begin */
	Size		members_at;		/* TeamMember [shares] */
	Size		sums_at;		/* HnLossSum [shares] */
	Size		model_at;		/* model file [model_size] */
	Size		offsets_at;		/* Size [example_count] */
	Size		set_at;			/* packed molecules [set_size] */
	Size		parameters_at;	/* real [parameter_count] */
	Size		weights_at;		/* real [parameter_count], to predict with */
	Size		gradients_at;	/* real [shares, parameter_count] */
	Size		places_at;		/* int [example_count] molecules of a command */
	Size		outputs_at;		/* double [example_count, targets], or errors */
	Size		frozen_offsets_at;	/* Size [example_count] of each molecule in frozen, in numbers */
	Size		frozen_at;		/* real: what frozen parts say */
	Size		descriptors_at; /* real [example_count, descriptor_count] */
	Size		count_lengths_at;	/* int [example_count] */
	Size		count_columns_at;	/* uint16 [entry_count] */
	Size		count_values_at;	/* uint8 [entry_count] */
	int			descriptor_count;
	int64		entry_count;	/* of counts; 0: there are none */
	bool		has_frozen;		/* whether there is room for that */

	/* The command; written before its number is raised */
	TeamCommand command;
	HnTraining	training;
	int64		step;
	int			place_count;
	bool		frozen;			/* whether TEAM_FREEZE is done */
	int64		trained_begin;	/* parameters that any gradient can touch */
	int64		trained_end;
	pg_atomic_uint64 number;

	pg_atomic_uint32 stop;		/* the leader is done or gone */
} TeamShared;

/* What each process has of its own. */
typedef struct TeamProcess
{
	TeamShared *shared;
	int			index;
	HnArena		arena;			/* for as long as the team lasts */
	HnArena		scratch;		/* for one command */
	HnContext	setup;
	HnContext	context;
	HnModel		file;			/* as read from the model file */
	HnModel		model;			/* with the shared parameters */
	HnModel		other;			/* with the shared weights to predict with */
	HnGraph    *graphs;			/* [example_count] */
	HnExample  *examples;		/* [example_count] */
	HnExample  *chosen;			/* [example_count] those of a command */
	bool		frozen;			/* whether the examples point to frozen numbers */
} TeamProcess;

struct Team
{
	MemoryContext memory;
	dsm_segment *segment;		/* NULL without workers */
	TeamShared *shared;
	TeamProcess process;
	BackgroundWorkerHandle **workers;	/* [shares - 1] those that could be registered */
};

/* The segment while this process is a worker: what its interrupt callback looks at. */
static TeamShared *served = NULL;

PGDLLEXPORT void hamnet_team_worker(Datum argument);

static void *
At(TeamShared *shared, Size place)
{
	return (char *) shared + place;
}

static TeamMember *
Members(TeamShared *shared)
{
	return At(shared, shared->members_at);
}

static real *
Gradient(TeamShared *shared, int share)
{
	return (real *) At(shared, shared->gradients_at) + shared->parameter_count * share;
}

/*
 * What every process does
 */

/* Let the examples point to the frozen numbers, once these are there. */
static void
UseFrozen(TeamProcess *process)
{
	TeamShared *shared = process->shared;
	Size	   *offsets = At(shared, shared->frozen_offsets_at);
	real	   *numbers = At(shared, shared->frozen_at);

	if (process->frozen || !shared->frozen)
		return;
	for (int i = 0; i < shared->example_count; i++)
		if (shared->training.trained == HN_TRAIN_HEADS)
			process->examples[i].fingerprint = numbers + offsets[i];
		else
			process->examples[i].coordinates = numbers + offsets[i];
	process->frozen = true;
}

/* Numbers that the frozen parts give for a molecule; 0 where nothing is frozen. */
static Size
FrozenSize(const HnModel *model, HnTrained trained, const HnGraph *graph)
{
	if (trained == HN_TRAIN_HEADS)
		return model->fingerprint_config.dim;
	if (trained == HN_TRAIN_GENERATOR && model->engine_config.enabled)
		return (Size) graph->atom_count * 2 * model->engine_config.dim;
	return 0;
}

/* A molecule that the frozen parts cannot take gets NaN, and is left out wherever it is used. */
static HnStatus
FreezeExample(TeamProcess *process, int place)
{
	TeamShared *shared = process->shared;
	HnTrained	trained = shared->training.trained;
	Size		size = FrozenSize(&process->model, trained, process->examples[place].graph);
	real	   *numbers = (real *) At(shared, shared->frozen_at) +
		((Size *) At(shared, shared->frozen_offsets_at))[place];
	HnExample	example = process->examples[place];
	HnStatus	status = hn_example_freeze(&process->context, &process->model, trained, &example);

	if (status == HN_OK)
		memcpy(numbers, trained == HN_TRAIN_HEADS ? example.fingerprint : example.coordinates,
			   size * sizeof(real));
	else if (status == HN_NOT_FINITE)
		for (Size i = 0; i < size; i++)
			numbers[i] = NAN;
	else
		return status;
	return HN_OK;
}

/* Do one share of the present command; scratch memory is free from mark on. */
static HnStatus
DoShare(TeamProcess *process, int share, HnArenaMark mark)
{
	TeamShared *shared = process->shared;
	HnContext  *context = &process->context;
	int		   *places = At(shared, shared->places_at);
	HnLossSum  *sum = (HnLossSum *) At(shared, shared->sums_at) + share;
	real	   *gradient = Gradient(shared, share);
	int			begin;
	int			end;

	hn_share(shared->place_count, shared->shares, share, &begin, &end);
	for (int i = begin; i < end; i++)
		process->chosen[i] = process->examples[places[i]];

	switch (shared->command)
	{
		case TEAM_FREEZE:
			for (int i = begin; i < end; i++)
			{
				hn_arena_rewind(context->arena, mark);
				HN_TRY(FreezeExample(process, places[i]));
				if (hn_interrupted(context))
					return HN_INTERRUPTED;
			}
			return HN_OK;
		case TEAM_GRADIENT:
			memset(gradient + shared->trained_begin, 0,
				   (shared->trained_end - shared->trained_begin) * sizeof(real));
			memset(sum, 0, sizeof(HnLossSum));
			return hn_gradient_add(context, &process->model, &shared->training, shared->step,
								   process->chosen + begin, end - begin, gradient, sum);
		case TEAM_PREDICT:
			return hn_examples_predict(context, &process->other, &shared->training,
									   process->chosen + begin, end - begin,
									   (double *) At(shared, shared->outputs_at) +
									   (Size) begin * shared->target_count);
		case TEAM_ERRORS:
			return hn_examples_conformation_errors(context, &process->other, &shared->training,
												   process->chosen + begin, end - begin,
												   (HnConformationError *) At(shared, shared->outputs_at) + begin);
	}
	return HN_OK;
}

/* Do this process's part of the present command. */
static HnStatus
DoCommand(TeamProcess *process)
{
	TeamShared *shared = process->shared;
	HnModel    *model = shared->command == TEAM_PREDICT || shared->command == TEAM_ERRORS ?
		&process->other : &process->model;
	HnArenaMark mark;

	UseFrozen(process);
	hn_arena_reset(&process->scratch);

	/* Weights that hold for a whole command are packed once, not for each micro-batch. */
	model->packed = NULL;
	if (shared->command != TEAM_GRADIENT)
		HN_TRY(hn_model_pack(&process->context, model));
	mark = hn_arena_mark(&process->scratch);
	for (int share = process->index; share < shared->shares; share += shared->processes)
	{
		hn_arena_rewind(&process->scratch, mark);
		HN_TRY(DoShare(process, share, mark));
	}
	model->packed = NULL;
	return HN_OK;
}

/* Let the examples point to what heads read beside the fingerprint. */
static HnStatus
PointDescriptions(TeamProcess *process)
{
	TeamShared *shared = process->shared;
	int		   *lengths = At(shared, shared->count_lengths_at);
	uint16	   *columns = At(shared, shared->count_columns_at);
	uint8	   *values = At(shared, shared->count_values_at);
	HnCounts   *counts;

	for (int i = 0; i < shared->example_count && shared->descriptor_count > 0; i++)
		process->examples[i].descriptors = (real *) At(shared, shared->descriptors_at) +
			(Size) i * shared->descriptor_count;
	if (shared->entry_count == 0)
		return HN_OK;
	HN_NEW(&process->setup, counts, shared->example_count);
	for (int i = 0; i < shared->example_count; i++)
	{
		counts[i] = (HnCounts)
		{
			lengths[i], columns, values
		};
		process->examples[i].counts = &counts[i];
		columns += lengths[i];
		values += lengths[i];
	}
	return HN_OK;
}

/* Make this process's views of what lies in the segment. */
static HnStatus
JoinSegment(TeamProcess *process, TeamShared *shared, int index, MemoryContext memory)
{
	HnContext  *context = &process->setup;
	TrainingSet set;

	process->shared = shared;
	process->index = index;
	process->frozen = false;
	hn_arena_init(&process->arena, ContextAllocator(memory));
	hn_arena_init(&process->scratch, ContextAllocator(memory));
	InitCoreContext(&process->setup, &process->arena);
	InitCoreContext(&process->context, &process->scratch);

	HN_TRY(hn_model_read(context, At(shared, shared->model_at), shared->model_size, &process->file));
	HN_TRY(hn_model_view(context, &process->file, At(shared, shared->parameters_at), &process->model));
	HN_TRY(hn_model_view(context, &process->file, At(shared, shared->weights_at), &process->other));
	HN_NEW(context, process->graphs, shared->example_count);
	HN_NEW(context, process->examples, shared->example_count);
	HN_NEW(context, process->chosen, shared->example_count);
	memset(&set, 0, sizeof(set));
	set.features = process->file.features;
	set.target_count = shared->target_count;
	set.count = shared->example_count;
	set.offsets = At(shared, shared->offsets_at);
	set.size = shared->set_size;
	set.data = At(shared, shared->set_at);
	for (int i = 0; i < set.count; i++)
		PointExample(&set, i, &process->graphs[i], &process->examples[i]);
	return PointDescriptions(process);
}

/*
 * The worker
 */

/* Whether the worker's present work is for nothing. Asking must not jump. */
static bool
WorkerShouldStop(void *state)
{
	return ProcDiePending || QueryCancelPending || pg_atomic_read_u32(&served->stop) != 0;
}

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

/*
 * The leader
 */

/* Tell the workers that there is nothing more to do. Also called when the leader exits. */
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

static Size
Allot(Size *end, Size count, Size size)
{
	Size		begin = *end;

	*end = add_size(begin, SEGMENT_ALIGN(mul_size(count, size)));
	return begin;
}

/* Lay out the segment; returns its size. */
static Size
LayOutSegment(TeamShared *shared, HnModel *model, HnTrained trained, const TrainingSet *set,
			  const HnInputs *inputs)
{
	Size		end = SEGMENT_ALIGN(sizeof(TeamShared));
	Size		frozen = 0;
	Size		output = Max(shared->target_count * sizeof(double), sizeof(HnConformationError));

	shared->members_at = Allot(&end, shared->shares, sizeof(TeamMember));
	shared->sums_at = Allot(&end, shared->shares, sizeof(HnLossSum));
	shared->model_at = Allot(&end, shared->model_size, 1);
	shared->offsets_at = Allot(&end, set->count, sizeof(Size));
	shared->set_at = Allot(&end, set->size, 1);
	shared->parameters_at = Allot(&end, shared->parameter_count, sizeof(real));
	shared->weights_at = Allot(&end, shared->parameter_count, sizeof(real));
	shared->gradients_at = Allot(&end, mul_size(shared->shares, shared->parameter_count), sizeof(real));
	shared->places_at = Allot(&end, set->count, sizeof(int));
	shared->outputs_at = Allot(&end, set->count, output);
	shared->frozen_offsets_at = Allot(&end, set->count, sizeof(Size));
	for (int i = 0; i < set->count; i++)
	{
		HnGraph		graph = {.atom_count = GetMolecule(set, i)->atom_count};

		frozen += FrozenSize(model, trained, &graph);
	}
	shared->has_frozen = frozen > 0 &&
		set->size + frozen * sizeof(real) <= (Size) hamnet_training_memory * 1024;
	shared->frozen_at = Allot(&end, shared->has_frozen ? frozen : 0, sizeof(real));
	if (inputs && inputs->descriptors)
		shared->descriptor_count = hn_model_needs(model).descriptors->count;
	for (int i = 0; inputs && inputs->counts && i < set->count; i++)
		shared->entry_count += inputs->counts[i].length;
	shared->descriptors_at = Allot(&end, mul_size(set->count, shared->descriptor_count), sizeof(real));
	shared->count_lengths_at = Allot(&end, shared->entry_count > 0 ? set->count : 0, sizeof(int));
	shared->count_columns_at = Allot(&end, shared->entry_count, sizeof(uint16));
	shared->count_values_at = Allot(&end, shared->entry_count, sizeof(uint8));
	return end;
}

/* Fill the segment with what all processes read. */
static void
FillSegment(TeamShared *shared, const HnModel *model, const unsigned char *file, const TrainingSet *set)
{
	Size	   *frozen = At(shared, shared->frozen_offsets_at);
	Size		next = 0;

	memset(Members(shared), 0, shared->shares * sizeof(TeamMember));
	for (int p = 0; p < shared->shares; p++)
		pg_atomic_init_u64(&Members(shared)[p].done, 0);
	pg_atomic_init_u64(&shared->number, 0);
	pg_atomic_init_u32(&shared->stop, 0);
	memcpy(At(shared, shared->model_at), file, shared->model_size);
	memcpy(At(shared, shared->offsets_at), set->offsets, set->count * sizeof(Size));
	memcpy(At(shared, shared->set_at), set->data, set->size);
	memcpy(At(shared, shared->parameters_at), model->parameters, shared->parameter_count * sizeof(real));
	memset(Gradient(shared, 0), 0, shared->shares * shared->parameter_count * sizeof(real));
	for (int i = 0; i < set->count; i++)
	{
		HnGraph		graph = {.atom_count = GetMolecule(set, i)->atom_count};

		frozen[i] = next;
		next += FrozenSize(model, shared->training.trained, &graph);
	}
}

/* Fill the segment with what heads read of the molecules. */
static void
FillInputs(TeamShared *shared, const HnModel *model, const HnInputs *inputs)
{
	Size		count = shared->example_count;
	uint16	   *columns = At(shared, shared->count_columns_at);
	uint8	   *values = At(shared, shared->count_values_at);

	if (shared->descriptor_count > 0)
		memcpy(At(shared, shared->descriptors_at), inputs->descriptors,
			   count * shared->descriptor_count * sizeof(real));
	for (Size i = 0; i < count && shared->entry_count > 0; i++)
	{
		const HnCounts *counts = &inputs->counts[i];

		((int *) At(shared, shared->count_lengths_at))[i] = counts->length;
		memcpy(columns, counts->columns, counts->length * sizeof(uint16));
		memcpy(values, counts->counts, counts->length * sizeof(uint8));
		columns += counts->length;
		values += counts->length;
	}

	/* Fingerprints of a frozen generator lie one after another. */
	if (shared->has_frozen && shared->training.trained == HN_TRAIN_HEADS)
	{
		memcpy(At(shared, shared->frozen_at), inputs->fingerprints,
			   count * model->fingerprint_config.dim * sizeof(real));
		shared->frozen = true;
	}
}

/* Ask for workers, one for each share beyond the leader's; the server may have fewer free. */
static void
RegisterWorkers(Team *team)
{
	TeamShared *shared = team->shared;

	for (int p = 1; p < shared->shares; p++)
	{
		BackgroundWorker worker;

		memset(&worker, 0, sizeof(worker));
		worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
		worker.bgw_start_time = BgWorkerStart_ConsistentState;
		worker.bgw_restart_time = BGW_NEVER_RESTART;
		strlcpy(worker.bgw_library_name, "hamnet", BGW_MAXLEN);
		strlcpy(worker.bgw_function_name, "hamnet_team_worker", BGW_MAXLEN);
		snprintf(worker.bgw_name, BGW_MAXLEN, "hamnet training worker of process %d", MyProcPid);
		strlcpy(worker.bgw_type, "hamnet training worker", BGW_MAXLEN);
		worker.bgw_main_arg = UInt32GetDatum(dsm_segment_handle(team->segment));
		memcpy(worker.bgw_extra, &p, sizeof(p));
		worker.bgw_notify_pid = MyProcPid;
		if (!RegisterDynamicBackgroundWorker(&worker, &team->workers[p - 1]))
			return;

		/* Workers read this when the first command is there. */
		shared->processes = p + 1;
	}
}

void
StartTeam(Team **result, HnModel *model, const HnTraining *training, const TrainingSet *set,
		  const HnInputs *inputs, int shares)
{
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "hamnet team", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(memory);
	Team	   *team = palloc0(sizeof(Team));
	TeamShared	plan;
	HnArena		arena;
	HnContext	context;
	HnParameterGroup *groups;
	int			group_count;
	unsigned char *file;
	Size		size;

	*result = team;
	team->memory = memory;
	team->workers = palloc0(shares * sizeof(BackgroundWorkerHandle *));
	hn_arena_init(&arena, ContextAllocator(memory));
	InitCoreContext(&context, &arena);
	memset(&plan, 0, sizeof(plan));
	if (hn_model_write(&context, model, &file, &plan.model_size) != HN_OK ||
		hn_training_groups(&context, model, training, &groups, &group_count) != HN_OK)
		ReportCoreError(&context, NULL);

	plan.database = MyDatabaseId;
	plan.user = GetAuthenticatedUserId();
	plan.shares = shares;
	plan.processes = 1;
	plan.example_count = set->count;
	plan.target_count = set->target_count;
	plan.set_size = set->size;
	plan.parameter_count = model->parameter_count;
	plan.training = *training;
	plan.trained_begin = model->parameter_count;
	for (int g = 0; g < group_count; g++)
	{
		plan.trained_begin = Min(plan.trained_begin, groups[g].begin);
		plan.trained_end = Max(plan.trained_end, groups[g].begin + groups[g].count);
	}
	size = LayOutSegment(&plan, model, training->trained, set, inputs);

	if (shares > 1)
	{
		team->segment = dsm_create(size, 0);
		/* The mapping outlives the transactions that log progress. */
		dsm_pin_mapping(team->segment);
		team->shared = dsm_segment_address(team->segment);
	}
	else
		team->shared = (TeamShared *) TYPEALIGN(PG_CACHE_LINE_SIZE,
												MemoryContextAllocHuge(memory, size + PG_CACHE_LINE_SIZE));
	memcpy(team->shared, &plan, sizeof(plan));
	FillSegment(team->shared, model, file, set);
	if (inputs)
		FillInputs(team->shared, model, inputs);
	hn_arena_destroy(&arena);
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

		/* Their places are free for whatever the session trains next. */
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

/* An error if a worker is gone, or says that it failed. */
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

/* Whether a worker has done the present command. */
static bool
IsDone(Team *team, int p)
{
	return pg_atomic_read_u64(&Members(team->shared)[p].done) == pg_atomic_read_u64(&team->shared->number);
}

/* Run a command on molecules, by all processes. */
static void
RunCommand(Team *team, TeamCommand command, const int *places, int count)
{
	TeamShared *shared = team->shared;
	TeamMember *members = Members(shared);

	if (places)
		memcpy(At(shared, shared->places_at), places, count * sizeof(int));
	shared->command = command;
	shared->place_count = count;
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
	int		   *places = At(shared, shared->places_at);

	if (!shared->has_frozen || shared->frozen)
		return;
	for (int i = 0; i < shared->example_count; i++)
		places[i] = i;
	RunCommand(team, TEAM_FREEZE, NULL, shared->example_count);
	shared->frozen = true;
}

const real *
TeamGradient(Team *team, int64 step, const int *places, int count, HnLossSum *sum)
{
	TeamShared *shared = team->shared;
	HnLossSum  *sums = At(shared, shared->sums_at);
	const real **blocks = palloc(shared->shares * sizeof(real *));

	shared->step = step;
	RunCommand(team, TEAM_GRADIENT, places, count);
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
TeamPredict(Team *team, const real *weights, const int *places, int count)
{
	TeamShared *shared = team->shared;

	memcpy(At(shared, shared->weights_at), weights, shared->parameter_count * sizeof(real));
	RunCommand(team, TEAM_PREDICT, places, count);
	return At(shared, shared->outputs_at);
}

const HnConformationError *
TeamErrors(Team *team, const real *weights, const int *places, int count)
{
	TeamShared *shared = team->shared;

	memcpy(At(shared, shared->weights_at), weights, shared->parameter_count * sizeof(real));
	RunCommand(team, TEAM_ERRORS, places, count);
	return At(shared, shared->outputs_at);
}
