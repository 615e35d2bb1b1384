/*
 * train/train.h: the procedure that makes a model of the rows of a query, between
 * its files.
 *
 * Heads of several kinds are candidates: a Gaussian process and networks on the
 * frozen fingerprint of a base model, a network whose generator is trained too,
 * and a joint head made of the first two and perhaps of trees, which are no heads
 * of their own. Each is trained on the training set and judged on the validation
 * set by the predictions that its users would get.
 */
#ifndef HAMNET_TRAIN_TRAIN_H
#define HAMNET_TRAIN_TRAIN_H

#include "hamnet/predict.h"

#include "server/options.h"
#include "train/procedure.h"

typedef enum CandidateKind
{
	CANDIDATE_KERNEL,
	CANDIDATE_MLP,
	CANDIDATE_FULL,
	CANDIDATE_TREES,
	CANDIDATE_BOOSTING,
	CANDIDATE_JOINT,			/* made of the ones before */
	CANDIDATES
} CandidateKind;

typedef struct TrainOptions
{
	char	   *base;
	char	   *head;
	TextOrNumber validation;
	char	   *validation_query;
	char	   *standardize;
	char	   *inputs;
	int64		counts;
	int64		kernel_rows;
	char	   *kernel_fingerprint;
	int64		trees;
	int64		boosting;
	int64		epochs;
	int64		batch;
	int64		epoch_rows;
	double		lr;
	int64		seed;
	int64		members;
	int64		patience;
	char	   *generator;
	bool		engine;
	char	   *features;
	bool		bond_messages;
	bool		projection;
	int64		fingerprint_counts;
	char	   *learn;
	Jsonb	   *weights;
	char	   *contrast;
	double		contrast_weight;
	double		keep;
	int64		dim;
	int64		edge_dim;
	int64		layers;
	int64		units;
	double		dropout;
	double		decay;
	double		huber;
	int64		workers;
	double		minutes;
	double		checkpoint;
	int64		known;
	bool		skip_unusable;
	int64		folds;
	bool		refit;
} TrainOptions;

/* What became of a candidate. */
typedef struct Outcome
{
	bool		tried;
	const char *reason;			/* why not */
	double		score;			/* smaller is better */
	double		shown;			/* as a log shows it; NaN without validation */
	double		seconds;
	HnModel		model;
	double	   *values;			/* its predictions of the validation set [validation_count, targets] */
	double	   *sds;			/* and their deviations */
	StringInfoData report;		/* members of a JSON object */
} Outcome;

/* What a candidate said of the rows that it had not learned from: those of a validation set, or of all folds. */
typedef struct HeldOut
{
	bool		tried;			/* in each fold */
	const char *reason;			/* why not */
	double	   *values;			/* [held_count, targets] fold by fold */
	double	   *sds;
	double	   *scores;			/* [folds] as a log shows them */
	double		score;			/* mean over the folds, smaller is better */
	double		shown;
	double		seconds;
	char	   *report;			/* of the last fold */
	int			epochs;			/* planned for its networks; 0: there are none */
	int64		best_epochs;	/* sum over networks */
	int			networks;		/* of all folds */
	int			votes;			/* folds in which a kernel validated better without the fingerprint, less the others */
} HeldOut;

/* How predictions of the validation set are judged. */
typedef enum Metric
{
	METRIC_NONE,
	METRIC_RMSE,				/* mean over the targets, in standard deviations; one target: in its unit */
	METRIC_ROC_AUC,				/* mean over the targets */
	METRIC_LOSS					/* mean over the labels */
} Metric;

typedef struct Trainer
{
	Procedure	procedure;
	TrainOptions options;
	TrainingData data;
	HnArena		arena;			/* for models */
	HnContext	context;
	bool		scratch;		/* the generator is new: it has learned nothing before */
	HnModel		model;			/* engine and generator to begin with, without heads */
	HnHead	   *heads;			/* what is to be predicted: names, tasks and targets */
	int			head_count;
	int			target_count;	/* of all heads */
	bool	   *skipped;		/* [columns] that cannot be learned and are left out */
	StringInfoData skips;		/* these, a JSON array of {"target", "reason"} */
	int		   *column_of_target;	/* [columns] targets stand head by head, then the groups of contrast, then what is skipped */
	double	   *weights;		/* [targets of the heads]; NULL: 1 each */
	Metric		metric;
	bool		described;		/* whether the next two are there */
	HnInputs	inputs;			/* what heads read of every molecule of the set */
	bool	   *valid;			/* [set.count] whether the base can compute it */
	Outcome		outcomes[CANDIDATES];
	double		began;			/* by Seconds() */

	/* Passes over the data: one for each fold, and another for the final model if it learns from all rows. */
	int			pass;			/* from 0 */
	int			passes;
	bool		refitting;		/* the last pass, in which nothing is held out */
	int			folds;			/* 1: a validation set; 0: nothing is held out */
	int		   *fold_of_row;	/* [set.count] -1: learned from in every fold; NULL with one fold */
	int		   *fold_begins;	/* [folds + 1] indexes into held_rows */
	int		   *held_rows;		/* [held_count] indexes into set, fold by fold */
	int			held_count;
	HeldOut		held[CANDIDATES];
} Trainer;

/*
 * What may be tried, each in a file of its own. It judges what it makes by
 * predictions of the validation set.
 */
typedef struct Candidate
{
	const char *name;			/* as options and reports call it; NULL: as its part */
	HnPartKind	part;
	bool		of_joint;		/* a part of joint heads */
	bool		no_head;		/* and nothing else */

	/* Return why it is not tried, beside what holds for all; NULL if it is. May be NULL. */
	const char *(*reason_against) (const Trainer *trainer);

	/*
	 * Fill the outcome. Seconds may be left 0: they are those of this call.
	 * Networks are not tried, with a reason, if the time left is too short.
	 */
	void		(*train) (Trainer *trainer, Outcome *outcome);
} Candidate;

/* train/fit.c */
extern const Candidate KernelCandidate;
extern const Candidate TreesCandidate;
extern const Candidate BoostingCandidate;

/* train/network.c */
extern const Candidate MlpCandidate;
extern const Candidate FullCandidate;

/* train/joint.c */
extern const Candidate JointCandidate;

/* train/candidates.c */

extern const char *CandidateName(CandidateKind kind);

/* Return whether a joint head was asked for of which a candidate is a part. */
extern bool IsPartOfJoint(const Trainer *trainer, CandidateKind kind);

/* Try a candidate, unless there is a reason against it. */
extern void TryCandidate(Trainer *trainer, CandidateKind kind);

/* Return what logs and notices call a candidate in this pass. */
extern const char *PassName(const Trainer *trainer, CandidateKind kind);

/* Return whether there are so few rows that a joint head is kept, unless another was asked for. */
extern bool HasFewRows(const Trainer *trainer);

/*
 * Choose a candidate of those that are heads of their own: the joint head where
 * there are few rows, otherwise the one that validates best.
 */
extern CandidateKind ChooseCandidate(const Trainer *trainer);

/* Return the seconds since the procedure was called. */
extern double ElapsedSeconds(const Trainer *trainer);

/* train/passes.c */

/*
 * Train the candidates, on the training set or in folds, and choose one; with
 * option "refit" it learns from all rows then, with shares and numbers of epochs
 * from what was held out.
 */
extern CandidateKind TrainCandidates(Trainer *trainer);

/* train/cross_validation.c */

/* Add what the chosen candidate said of the folds to a report: metrics of each target, with their spread. */
extern void ReportFolds(Trainer *trainer, CandidateKind chosen, StringInfo json);

/* Keep predictions of rows that were held out from folds, for hamnet_training_predictions. */
extern void KeepFoldPredictions(Trainer *trainer, CandidateKind chosen);

/* train/options.c */

/* Read the options, and refuse those that do not go together. */
extern void ReadTrainOptions(const Jsonb *json, TrainOptions *options);

/* Append the options, given or not, to a JSON object. */
extern void ReportTrainOptions(const TrainOptions *options, StringInfo json);

/* Return whether heads read descriptors of a conformation. */
extern bool ReadsConformer(const TrainOptions *options);

/* Return whether the generator is not that of the base. */
extern bool HasNewGenerator(const TrainOptions *options);

/* train/base.c */

/* Read the base into the trainer's memory, where it outlives what the cache does. */
extern void ReadBase(Trainer *trainer);

/*
 * Make a model with the engine of base and a new generator, which is to be learned.
 * Without a base, which is NULL, it has no engine: properties alone do not teach one.
 */
extern HnStatus MakeGenerator(HnContext *context, const TrainOptions *options, const HnModel *base, uint64 seed,
							  HnModel *model);

/* train/rows.c */

/* Prepare the query and that of option "validation_query", and make heads for their targets. */
extern void PrepareQueries(Trainer *trainer, const char *query);

/* Read and divide the data, and refuse what cannot be learned from. */
extern void PrepareData(Trainer *trainer);

/* Set the scales of the targets by the training set of this pass. */
extern void ScaleTargets(Trainer *trainer);

/* Return the examples of the training set, for what is estimated from them. */
extern HnExample *TrainExamples(const TrainingData *data);

/*
 * Compute what heads read of every molecule, unless it is there; NaN
 * fingerprints mark those that the base cannot compute.
 */
extern void DescribeMolecules(Trainer *trainer);

/*
 * Return labels of one head, whose targets begin at `first`, [set.count, head targets]:
 * none outside the training set and where the base fails. The molecules must
 * have been described.
 */
extern real *HeadLabels(const Trainer *trainer, int head, int first);

/* train/targets.c */

/* Make heads for the targets of the query that are not skipped, and read option "weights" for them. */
extern void DescribeHeads(Trainer *trainer);

/*
 * Notify the caller of numbers that may be classes, and refuse targets of which
 * the training set teaches nothing, all in one error; with option
 * "skip_unusable" they are left out. Targets still have the order of columns.
 */
extern void CheckTargets(Trainer *trainer);

/* train/score.c */

extern const char *const metric_names[];	/* by Metric; NULL for METRIC_NONE */

/* Choose the metric that the heads and the labels of the validation set allow. */
extern Metric ChooseMetric(const Trainer *trainer);

/*
 * Return the score of one head, whose targets begin at `first`, by predictions
 * [validation_count, targets] of the validation set: a sum, to whose number of
 * terms it adds.
 */
extern double HeadScore(Trainer *trainer, const HnHead *head, int first, const double *predictions, double *terms);

/* Return the score of all heads, as a mean over labels or targets; *shown is what a log shows. */
extern double ScorePredictions(Trainer *trainer, const double *predictions, double *shown);

/* Judge a finished candidate by the predictions that its users will get, or, where it learned from all rows, by those of the rows held out. */
extern void JudgeModel(Trainer *trainer, Outcome *outcome);

/* train/report.c */

/* Notify the caller how far the fit of a candidate is, now and then. */
extern void NotifyFit(TrainingRun *run, const char *candidate, const char *step, double done);

/* Notify the caller what was kept and why. */
extern void NotifyChoice(const Trainer *trainer, CandidateKind chosen);

/* Return the run's report, a JSON object; id is the identity of the model that was stored. */
extern char *MakeReport(Trainer *trainer, CandidateKind chosen, const char *id);

#endif
