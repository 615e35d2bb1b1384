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
static const CandidateKind sources[] = {CANDIDATE_MLP, CANDIDATE_KERNEL, CANDIDATE_TREES};
static const HnPartKind source_parts[] = {HN_NETWORKS, HN_GP, HN_FOREST};

/* Set what the parts of a joint head, whose targets begin at `first`, predict for the validation set. */
static void
GatherParts(const Trainer *trainer, int first, int count, HnPrediction *parts)
{
	for (int s = 0; s < lengthof(sources); s++)
	{
		const Outcome *source = &trainer->outcomes[sources[s]];

		if (source->tried)
			parts[source_parts[s]] = (HnPrediction)
		{
			TakeTargets(trainer, source->values, first, count), TakeTargets(trainer, source->sds, first, count)
		};
	}
}

/* Combine the parts of one joint head, and put the result among the predictions of all targets. */
static void
CombineParts(const Trainer *trainer, const HnHead *head, int first, const HnPrediction *parts, Outcome *outcome)
{
	int			count = trainer->data.validation_count;
	int			targets = trainer->target_count;
	double	   *values = palloc((Size) count * head->target_count * sizeof(double));
	double	   *sds = palloc((Size) count * head->target_count * sizeof(double));

	hn_joint_combine(head, parts, count, values, sds);
	hn_scatter_targets(head, values, count, outcome->values, targets, first);
	hn_scatter_targets(head, sds, count, outcome->sds, targets, first);
	pfree(values);
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

/*
 * Uneven shares must beat more even ones by this fraction of the score: with few
 * validation rows, small gains are chance, and an even mean is hard to beat.
 */
#define UNEVEN_GAIN 0.01

/* Shares that are tried, in quarters of Gaussian process and trees; networks have the rest. The most even come first. */
static const int8 shares[][2] = {
	{1, 1}, {1, 2}, {2, 1},
	{0, 2}, {2, 0}, {2, 2},
	{0, 1}, {0, 3}, {1, 0}, {1, 3}, {3, 0}, {3, 1},
	{0, 0}, {0, 4}, {4, 0}
};

/* Give the head other, less even shares if they are clearly better than the best before, which is NaN if there were none. */
static void
TryShares(Trainer *trainer, Outcome *outcome, HnHead *head, int first, const HnPrediction *parts,
		  const int8 *quarters, double *best)
{
	HnJoint    *joint = hn_joint(head);
	HnJoint		before = *joint;
	double		terms = 0;
	double		score;

	joint->shares[HN_GP] = quarters[0] / 4.0;
	joint->shares[HN_FOREST] = quarters[1] / 4.0;
	hn_joint_set_rest(joint);
	CombineParts(trainer, head, first, parts, outcome);
	score = HeadScore(trainer, head, first, outcome->values, &terms);
	if (isnan(*best) || score < *best - UNEVEN_GAIN * fabs(*best))
		*best = score;
	else
		*joint = before;
}

/* Choose the shares and the factors of one joint head. */
static void
WeighJoint(Trainer *trainer, Outcome *outcome, int h, int first)
{
	HnHead	   *head = &outcome->model.heads[h];
	HnPrediction parts[HN_PARTS] = {0};
	double		best = NAN;

	GatherParts(trainer, first, head->target_count, parts);
	for (int i = 0; i < lengthof(shares); i++)
		if (shares[i][1] == 0 || head->parts[HN_FOREST])
			TryShares(trainer, outcome, head, first, parts, shares[i], &best);
	hn_joint_drop(head);
	if (hn_joint_calibrate(&trainer->context, head, parts, ValidationLabels(trainer, first, head->target_count),
						   trainer->data.validation_count) != HN_OK)
		ReportCoreError(&trainer->context, NULL);
	CombineParts(trainer, head, first, parts, outcome);
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
		if (hn_share_name(source_parts[s]) && trainer->outcomes[sources[s]].tried)
			appendStringInfo(json, ", \"%s\": %g", hn_share_name(source_parts[s]), joint->shares[source_parts[s]]);
	appendStringInfoChar(json, '}');
}

/* Make joint head number h of those of its sources. */
static void
MakeJoint(Trainer *trainer, int h, HnHead *joint)
{
	const HnHead *heads[lengthof(sources)];
	int			count = 0;

	for (int s = 0; s < lengthof(sources); s++)
		if (trainer->outcomes[sources[s]].tried)
			heads[count++] = &trainer->outcomes[sources[s]].model.heads[h];
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
		if (trainer->metric != METRIC_NONE)
			WeighJoint(trainer, outcome, h, first);
		ReportJoint(trainer, head, &outcome->report);
		first += head->target_count;
	}
	for (int s = 0; s < lengthof(sources); s++)
		outcome->seconds += trainer->outcomes[sources[s]].seconds;
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
