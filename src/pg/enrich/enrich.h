/*
 * enrich/enrich.h: filling the missing fingerprints and predictions of a table.
 *
 * The leader is the backend that calls hamnet_enrich (enrich/enrich.c): it checks the
 * request, counts, and makes a job of it, in dynamic shared memory if
 * background workers are to do it (enrich/worker.c). The job cuts the table
 * into chunks of a few blocks; whoever works on it takes the next chunk from a
 * shared counter until none is left (enrich/batch.c), one transaction for as
 * many chunks as give a batch of rows.
 *
 * No row is locked while it is computed. The results are written only where
 * the row still has none and its SMILES is the one they were computed from.
 */
#ifndef HAMNET_ENRICH_ENRICH_H
#define HAMNET_ENRICH_ENRICH_H

#include "port/atomics.h"
#include "nodes/pg_list.h"
#include "storage/block.h"
#include "utils/jsonb.h"

#include "storage/itemptr.h"

#include "hamnet/conformer.h"
#include "hamnet/model.h"

#include "hamnet/standardize.h"
#include "model/store.h"

#define MAX_ENRICH_WORKERS 64
#define MAX_ENRICH_PREDICTIONS 64	/* columns */
#define MAX_ENRICH_MODELS 16
#define MAX_ENRICH_CONDITION 8192	/* bytes, with the \0 */

/* What is predicted of a target. */
typedef enum PredictionKind
{
	PREDICTION_VALUE,
	PREDICTION_SD,
	PREDICTION_NOVELTY
} PredictionKind;

#define PREDICTION_KINDS 3

typedef struct EnrichPrediction
{
	int			model;			/* among the request's */
	int			target;			/* of the model, counted through all heads */
	PredictionKind kind;
	NameData	column;
} EnrichPrediction;

/* What the caller asked for, checked. Column names are "" where there is none. */
typedef struct EnrichRequest
{
	Oid			table;
	char		where[MAX_ENRICH_CONDITION];	/* which rows are asked for, "": all */
	NameData	smiles_column;
	NameData	fp_column;
	NameData	error_column;	/* receives the reason where there is no fingerprint */
	bool		retry;			/* try rows that have a reason again */
	HnStandard	standard;		/* that molecules are brought into first */
	int			model_count;	/* the first is that of the fingerprints, if these are wanted */
	char		models[MAX_ENRICH_MODELS][MODEL_ID_LENGTH + 1];	/* a name could change its meaning meanwhile */
	int			prediction_count;
	EnrichPrediction predictions[MAX_ENRICH_PREDICTIONS];
	Oid			conformers;		/* the table of conformers, which is then all that is filled; or InvalidOid */
	NameData	key_column;		/* of both tables */
	HnConformerOptions conformer_options;
	int			batch_rows;		/* a transaction ends with the chunk that completes so many */
} EnrichRequest;

/* A table that holds rows itself: the one named, a partition of it or a child. */
typedef struct EnrichLeaf
{
	Oid			relation;
	BlockNumber blocks;			/* when the job was made */
	uint64		first_chunk;	/* chunks are numbered through all leaves */
} EnrichLeaf;

/* How a worker ended, for the leader to report. */
typedef struct EnrichOutcome
{
	bool		finished;
	bool		failed;			/* the rest is valid */
	int			sqlstate;
	char		message[1024];
	char		detail[1024];
	char		hint[512];
} EnrichOutcome;

typedef struct EnrichJob
{
	EnrichRequest request;
	Oid			database;
	Oid			login_user;		/* who connected */
	Oid			user;			/* with whose rights the work is done */
	int			processes;		/* that work on it */
	int			chunk_blocks;
	uint64		chunk_count;
	pg_atomic_uint64 next_chunk;
	pg_atomic_uint64 filled;	/* rows, as far as committed */
	pg_atomic_uint64 invalid;	/* rows without a valid molecule */
	EnrichOutcome outcomes[MAX_ENRICH_WORKERS];
	Size		settings_at;	/* offset in bytes from here of name, value, ..., name, value, each ended by \0 */
	Size		settings_length;
	int			leaf_count;
	EnrichLeaf	leaves[FLEXIBLE_ARRAY_MEMBER];
} EnrichJob;

/* enrich/request.c */

/* Return the qualified name of a relation, quoted. */
extern char *RelationName(Oid relation);

/* Report a relation whose rows the server does not store itself: they have no ctid that stays until they change. */
extern void CheckTableKind(Oid relation);

/* Report a column that the table has not, or that is no text. */
extern void CheckColumn(Oid table, const char *name);
extern void CheckSmilesColumn(Oid table, const char *name);

/* Check all that can be checked before work begins, for fingerprints of `dim` dimensions; returns the leaves. */
extern List *CheckRequest(const EnrichRequest *request, int dim);

/*
 * List the tables below one, and itself, that hold rows, as OIDs, and the
 * foreign ones, which do not; each is locked against changes of its shape.
 */
extern List *ListLeaves(Oid table, List **foreign);

/* enrich/predictions.c */

/* Add a model, unless it is there; returns its index. */
extern int	AddModel(EnrichRequest *request, const char *id);

/*
 * Add what option "predictions" asks for, each by the model that it names, by that
 * called model_name, or, if this is NULL, by the one that hamnet_predict would choose.
 */
extern void ReadPredictions(EnrichRequest *request, const char *model_name, Jsonb *predictions);

/* enrich/lock.c */

/*
 * Keep other calls of the kind off the leaves, through the ends of transactions if `session`
 * is true, until UnlockLeaves or an error; an error if one works on any of them.
 */
extern void LockLeaves(const EnrichRequest *request, List *leaves, bool session);
extern void UnlockLeaves(const EnrichRequest *request, List *leaves);

/* enrich/batch.c */

/* Write which rows lack a result, as an SQL condition on the table's alias t. */
extern char *EnrichCondition(const EnrichRequest *request);

/* Write which of them are to be done: those that the caller asks for. */
extern char *WaitingCondition(const EnrichRequest *request);

/* Write the SMILES of a row of the table's alias t, as an SQL expression. */
extern char *EnrichSmiles(const EnrichRequest *request);

/* Report a statement on the leaf that the caller may not run, or that cannot work. */
extern void CheckEnrichLeaf(const EnrichRequest *request, Oid leaf);

/*
 * Take chunks until none is left. batch_done is called after each batch, to end
 * its transaction and start the next, or to do neither. SPI is connected.
 */
extern void RunEnrichBatches(EnrichJob *job, void (*batch_done) (EnrichJob *job, void *state), void *state);

/* enrich/conformers.c */

/* Read and check option "conformers": {"table": name, "key": column, "n": number, "options": object}. */
extern void ReadConformers(EnrichRequest *request, const Jsonb *json);

/* Write which rows have no conformers, as an SQL condition on the table's alias t. */
extern char *ConformerCondition(const EnrichRequest *request);

/* Report an insert for rows of the leaf of that name that the caller may not run, or that cannot work. */
extern void CheckConformerLeaf(const EnrichRequest *request, const char *leaf);

/*
 * Make and insert the conformers of count rows of a leaf. reasons[i] says why
 * one has none, and is NULL elsewhere. Returns the number of rows that were as
 * they had been read, and got some.
 */
extern uint64 FillConformers(const EnrichRequest *request, const char *leaf, const ItemPointer *ctids, text **smiles,
							 int count, char **reasons);

/* enrich/worker.c */

typedef struct EnrichTeam EnrichTeam;

/*
 * Start up to count workers on a job in dynamic shared memory; NULL if the
 * server has no slot for any. StopEnrichTeam must follow, also after errors.
 */
extern EnrichTeam *StartEnrichTeam(Datum segment, EnrichJob *job, int count);
extern int	EnrichTeamSize(const EnrichTeam *team);

/* True while any works; the failure of one is thrown as an error of the caller. */
extern bool EnrichTeamWorks(EnrichTeam *team);

/* Stop those that still work, and wait until they are gone. Does not throw. */
extern void StopEnrichTeam(EnrichTeam *team);

/* Settings of this session that code in triggers and policies may see, as EnrichJob holds them. */
extern char *EnrichSettings(Size *length);

/* enrich/progress.c */

typedef struct EnrichProgress
{
	int			workers;		/* 0: the calling backend alone */
	int64		total;			/* rows that lacked a fingerprint */
	int64		filled;
	int64		invalid;
	int64		started;		/* TimestampTz */
} EnrichProgress;

/* Make this backend's progress visible to hamnet_enrich_progress(), until the end or an error. */
extern void BeginEnrichProgress(Oid table, const EnrichProgress *progress);
extern void ShowEnrichProgress(const EnrichProgress *progress);
extern void EndEnrichProgress(void);

#endif
