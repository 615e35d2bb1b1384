/*
 * train/team_segment.h: what the processes of a team share, and what each makes of it.
 *
 * Everything that they share lies in one segment: dynamic shared memory if
 * there are workers, else memory of the leader. It begins with a TeamShared;
 * the other arrays follow at the offsets that it names.
 *
 * The leader writes a command, raises its number, wakes the workers and does
 * its own shares; each worker does its shares, sets the number that it has done,
 * and wakes the leader. Nobody waits without an end: the leader learns from
 * the postmaster when a worker is gone, the workers from the segment when the
 * leader is, and everybody from its latch when the postmaster is.
 */
#ifndef HAMNET_TRAIN_TEAM_SEGMENT_H
#define HAMNET_TRAIN_TEAM_SEGMENT_H

#include "port/atomics.h"
#include "postmaster/bgworker.h"
#include "storage/latch.h"

#include "train/team.h"

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

	/* Where the arrays begin, in bytes from here */
	Size		members_at;		/* TeamMember [shares] */
	Size		sums_at;		/* HnLossSum [shares] */
	Size		model_at;		/* model file [model_size] */
	Size		offsets_at;		/* Size [example_count] */
	Size		set_at;			/* packed molecules [set_size] */
	Size		parameters_at;	/* real [parameter_count] */
	Size		weights_at;		/* real [parameter_count], to predict with */
	Size		gradients_at;	/* real [shares, parameter_count] */
	Size		indexes_at;		/* int [example_count] molecules of a command */
	Size		outputs_at;		/* double [example_count, targets], or errors */
	Size		target_weights_at;	/* double [targets of the model], if training.weights is set */
	Size		frozen_offsets_at;	/* Size [example_count] of each molecule in frozen, in numbers */
	Size		frozen_at;		/* real: what frozen parts say */
	Size		descriptors_at; /* real [example_count, descriptor_count] */
	Size		count_lengths_at;	/* int [example_count] */
	Size		count_columns_at;	/* uint16 [entry_count] */
	Size		count_values_at;	/* uint8 [entry_count] */
	int			descriptor_count;
	int64		entry_count;	/* of counts; 0: there are none */
	bool		has_frozen;		/* there is memory for frozen numbers */

	/* The command; written before its number is raised */
	TeamCommand command;
	HnTraining	training;
	int64		step;
	int			count;			/* of molecules */
	bool		frozen;			/* TEAM_FREEZE is done */
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
	bool		frozen;			/* the examples point to frozen numbers */
} TeamProcess;

static inline void *
At(TeamShared *shared, Size offset)
{
	return (char *) shared + offset;
}

static inline TeamMember *
Members(TeamShared *shared)
{
	return At(shared, shared->members_at);
}

static inline real *
Gradient(TeamShared *shared, int share)
{
	return (real *) At(shared, shared->gradients_at) + shared->parameter_count * share;
}

/* train/team_segment.c */

/*
 * Lay out the segment of a team whose counts are set; returns its size. inputs is
 * NULL if heads read the fingerprint alone.
 */
extern Size LayOutSegment(TeamShared *shared, HnModel *model, const TrainingSet *set, const HnInputs *inputs);

/* Fill a segment that was laid out with what all processes read; file is the model as written. */
extern void FillSegment(TeamShared *shared, const HnModel *model, const unsigned char *file, const TrainingSet *set,
						const HnInputs *inputs);

/* Return how many numbers the frozen parts give for a molecule, 0 where nothing is frozen. */
extern Size FrozenPart(const HnModel *model, const HnTraining *training, int atom_count);

/* The same with the fingerprint that is to be kept, if one is, which follows them. */
extern Size FrozenSize(const HnModel *model, const HnTraining *training, int atom_count);

/* train/team_process.c */

/* Make a process's views of what lies in the segment, in memory of the context. */
extern HnStatus JoinSegment(TeamProcess *process, TeamShared *shared, int index, MemoryContext memory);

/* Do a process's shares of the present command. */
extern HnStatus DoCommand(TeamProcess *process);

/* train/team_worker.c */

/* Ask the server for a worker, number `index` of the team, on a segment; returns false if it has none free. */
extern bool RegisterTeamWorker(uint32 segment, int index, BackgroundWorkerHandle **worker);

#endif
