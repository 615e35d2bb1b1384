/*
 * train/joint.c: the joint candidate, whose heads weigh what its parts say.
 */
#include "postgres.h"

#include <math.h>

#include "hamnet/joint.h"

#include "server/core.h"
#include "train/train.h"

/* Copy values, or deviations, of the targets of one head [validation_count, count] out of those of all. */
static double *
TakeTargets(const Trainer *trainer, const double *all, int first, int count)
{
	int			targets = trainer->target_count;
	double	   *taken = palloc((Size) trainer->data.validation_count * count * sizeof(double));

	for (int i = 0; i < trainer->data.validation_count; i++)
		memcpy(taken + (Size) i * count, all + (Size) i * targets + first, count * sizeof(double));
	return taken;
}

/* The candidates that a joint head is made of, networks first; which there are depends on the options. */
static const struct
{
	CandidateKind candidate;
	HnPartKind	part;
	int			votes;			/* that it has before validation is asked */
}			sources[] = {
	{CANDIDATE_MLP, HN_NETWORKS, 1}, {CANDIDATE_KERNEL, HN_GP, 1},
	{CANDIDATE_TREES, HN_FOREST, 2}, {CANDIDATE_BOOSTING, HN_BOOSTING, 2}
};

/* Set what the parts of a joint head, whose targets begin at `first`, predict for the validation set. */
static void
GatherParts(const Trainer *trainer, int first, int count, HnPrediction *parts)
{
	for (int s = 0; s < lengthof(sources); s++)
	{
		const Outcome *source = &trainer->outcomes[sources[s].candidate];

		if (source->tried)
			parts[sources[s].part] = (HnPrediction)
		{
			TakeTargets(trainer, source->values, first, count), TakeTargets(trainer, source->sds, first, count)
		};
	}
}

/*
 * Combine the parts of one joint head, and put the result among the predictions
 * of all targets; deviations only if they are wanted.
 */
static void
CombineParts(const Trainer *trainer, const HnHead *head, int first, const HnPrediction *parts, bool with_sds,
			 Outcome *outcome)
{
	int			count = trainer->data.validation_count;
	int			targets = trainer->target_count;
	double	   *values = palloc((Size) count * head->target_count * sizeof(double));
	double	   *sds = with_sds ? palloc((Size) count * head->target_count * sizeof(double)) : NULL;

	hn_joint_combine(head, parts, count, values, sds);
	hn_scatter_targets(head, values, count, outcome->values, targets, first);
	if (with_sds)
		hn_scatter_targets(head, sds, count, outcome->sds, targets, first);
	pfree(values);
	if (with_sds)
		pfree(sds);
}

/* Return the labels of the targets of one head in the validation set. */
static double *
ValidationLabels(const Trainer *trainer, int first, int count)
{
	const TrainingData *data = &trainer->data;
	double	   *labels = palloc((Size) data->validation_count * count * sizeof(double));

	for (int i = 0; i < data->validation_count; i++)
		memcpy(labels + (Size) i * count, data->examples[data->validation[i]].targets + first,
			   count * sizeof(double));
	return labels;
}

/* Votes that parts are given one by one. */
#define VOTES 20

/* Few rows choose by chance: the votes from before count as if so many rows told them. */
#define PRIOR_ROWS 100

/* A part with less is not worth what it costs. */
#define MIN_SHARE 0.05

/* Return how many validation rows tell of a head: labels of a target or, of classes, twice those of the rarer one. */
static double
TellingRows(const Trainer *trainer, const HnHead *head, int first)
{
	const TrainingData *data = &trainer->data;
	double		rows = 0;

	for (int t = first; t < first + head->target_count; t++)
	{
		int			labels = 0;
		int			positives = 0;

		for (int i = 0; i < data->validation_count; i++)
		{
			double		label = data->examples[data->validation[i]].targets[t];

			labels += !isnan(label);
			positives += label > 0.5;
		}
		rows += head->task == HN_REGRESSION ? labels : 2 * Min(positives, labels - positives);
	}
	return rows / head->target_count;
}

/* Score the head with a vote more for a part. */
static double
ScoreVote(Trainer *trainer, Outcome *outcome, HnHead *head, int first, const HnPrediction *parts, const int *votes,
		  int total, HnPartKind part)
{
	double		terms = 0;
	double		sum;

	for (int s = 0; s < lengthof(sources); s++)
		hn_joint(head)->shares[sources[s].part] = (votes[s] + (sources[s].part == part)) / (total + 1.0);
	CombineParts(trainer, head, first, parts, false, outcome);
	sum = HeadScore(trainer, head, first, outcome->values, &terms);
	return terms > 0 ? sum : 0;
}

/*
 * Give the parts votes, each to the one with which all votes together predict
 * best (Caruana, Niculescu-Mizil, Crew and Ksikes, Ensemble selection from
 * libraries of models, 2004). They have none before.
 */
static void
VoteForParts(Trainer *trainer, Outcome *outcome, HnHead *head, int first, const HnPrediction *parts, int *votes)
{
	for (int total = 0; total < VOTES; total++)
	{
		double		best = INFINITY;
		int			chosen = 0;

		for (int s = 0; s < lengthof(sources); s++)
		{
			double		score;

			if (head->parts[sources[s].part] == NULL)
				continue;
			score = ScoreVote(trainer, outcome, head, first, parts, votes, total, sources[s].part);
			if (score < best)
			{
				best = score;
				chosen = s;
			}
		}
		votes[chosen]++;
	}
}

/* Set the shares of a head by votes that so many rows tell, in hundredths; without rows, by the votes from before. */
static void
SetShares(HnHead *head, const int *votes, double rows)
{
	HnJoint    *joint = hn_joint(head);
	double		total = 0;
	double		kept[lengthof(sources)];
	int			prior = 0;

	for (int s = 0; s < lengthof(sources); s++)
		prior += head->parts[sources[s].part] ? sources[s].votes : 0;
	for (int s = 0; s < lengthof(sources); s++)
	{
		kept[s] = head->parts[sources[s].part] == NULL ? 0 :
			(rows * votes[s] / VOTES + (double) PRIOR_ROWS * sources[s].votes / prior) / (rows + PRIOR_ROWS);
		kept[s] = kept[s] < MIN_SHARE ? 0 : kept[s];
		total += kept[s];
	}
	for (int s = 0; s < lengthof(sources); s++)
		joint->shares[sources[s].part] = floor(100 * kept[s] / total + 0.5) / 100;
	hn_joint_set_rest(joint);
}

/* Choose the shares of one joint head and, with validation, its factors. */
static void
WeighJoint(Trainer *trainer, Outcome *outcome, int h, int first)
{
	HnHead	   *head = &outcome->model.heads[h];
	HnPrediction parts[HN_PARTS] = {0};
	int			votes[lengthof(sources)];

	memset(votes, 0, sizeof(votes));
	if (trainer->metric == METRIC_NONE)
	{
		SetShares(head, votes, 0);
		return;
	}
	GatherParts(trainer, first, head->target_count, parts);
	VoteForParts(trainer, outcome, head, first, parts, votes);
	SetShares(head, votes, TellingRows(trainer, head, first));
	hn_joint_drop(head);
	if (hn_joint_calibrate(&trainer->context, head, parts, ValidationLabels(trainer, first, head->target_count),
						   trainer->data.validation_count) != HN_OK)
		ReportCoreError(&trainer->context, NULL);
	CombineParts(trainer, head, first, parts, true, outcome);
}

/* Report the shares and factors of a head, which had so many parts. */
static void
ReportJoint(const Trainer *trainer, const HnHead *head, StringInfo json)
{
	const HnJoint *joint = hn_joint(head);

	appendStringInfo(json, ", \"%s\": {\"factors\": [", head->name);
	for (int t = 0; t < head->target_count; t++)
		appendStringInfo(json, "%s%.4g", t > 0 ? ", " : "", joint->factors[t]);
	appendStringInfoChar(json, ']');
	for (int s = 0; s < lengthof(sources); s++)
		if (hn_share_name(sources[s].part) && trainer->outcomes[sources[s].candidate].tried)
			appendStringInfo(json, ", \"%s\": %g", hn_share_name(sources[s].part), joint->shares[sources[s].part]);
	appendStringInfoChar(json, '}');
}

/* Make joint head number h of those of its sources. */
static void
MakeJoint(Trainer *trainer, int h, HnHead *joint)
{
	const HnHead *heads[lengthof(sources)];
	int			count = 0;

	for (int s = 0; s < lengthof(sources); s++)
		if (trainer->outcomes[sources[s].candidate].tried)
			heads[count++] = &trainer->outcomes[sources[s].candidate].model.heads[h];
	if (hn_joint_make(&trainer->context, heads, count, joint) != HN_OK)
		ReportCoreError(&trainer->context, NULL);
}

static void
JoinHeads(Trainer *trainer, Outcome *outcome)
{
	Size		size = (Size) trainer->data.validation_count * trainer->target_count * sizeof(double);
	int			first = 0;

	outcome->tried = true;
	outcome->score = outcome->shown = NAN;
	outcome->model = trainer->outcomes[CANDIDATE_MLP].model;
	outcome->model.heads = palloc(trainer->head_count * sizeof(HnHead));
	if (trainer->metric != METRIC_NONE)
	{
		outcome->values = palloc_extended(size, MCXT_ALLOC_HUGE);
		outcome->sds = palloc_extended(size, MCXT_ALLOC_HUGE);
	}
	for (int h = 0; h < trainer->head_count; h++)
	{
		HnHead	   *head = &outcome->model.heads[h];

		MakeJoint(trainer, h, head);
		WeighJoint(trainer, outcome, h, first);
		ReportJoint(trainer, head, &outcome->report);
		first += head->target_count;
	}
	for (int s = 0; s < lengthof(sources); s++)
		outcome->seconds += trainer->outcomes[sources[s].candidate].seconds;
	if (trainer->metric != METRIC_NONE)
		outcome->score = ScorePredictions(trainer, outcome->values, &outcome->shown);
}

static const char *
ReasonAgainstJoint(const Trainer *trainer)
{
	return trainer->outcomes[CANDIDATE_KERNEL].tried && trainer->outcomes[CANDIDATE_MLP].tried ? NULL :
		"its parts were not tried";
}

const Candidate JointCandidate = {.name = "joint", .reason_against = ReasonAgainstJoint, .train = JoinHeads};
