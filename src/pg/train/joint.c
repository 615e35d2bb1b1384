/*
 * train/joint.c: the joint candidate, whose heads weigh what its parts say.
 */
#include "postgres.h"

#include <math.h>

#include "hamnet/joint.h"

#include "server/core.h"
#include "train/train.h"

bool
IsPartOfJoint(const Trainer *trainer, Candidate candidate)
{
	const char *head = trainer->options.head;

	return head && strcmp(head, "joint") == 0 &&
		(candidate == KERNEL || candidate == MLP || candidate == FOREST);
}

/* Values, or deviations, of the targets of one head [validation_count, count] out of those of all. */
static double *
TakeTargets(const Trainer *trainer, const double *all, int first, int count)
{
	int			targets = trainer->data.query.target_count;
	double	   *taken = palloc((Size) trainer->data.validation_count * count * sizeof(double));

	for (int i = 0; i < trainer->data.validation_count; i++)
		memcpy(taken + (Size) i * count, all + (Size) i * targets + first, count * sizeof(double));
	return taken;
}

/* What the parts of a joint head say of the validation part. */
static HnParts
JointParts(const Trainer *trainer, int first, int count)
{
	const Outcome *kernel = &trainer->outcomes[KERNEL];
	const Outcome *networks = &trainer->outcomes[MLP];
	const Outcome *forest = &trainer->outcomes[FOREST];

	return (HnParts)
	{
		.kernel = TakeTargets(trainer, kernel->values, first, count),
		.kernel_sd = TakeTargets(trainer, kernel->sds, first, count),
		.networks = TakeTargets(trainer, networks->values, first, count),
		.networks_sd = TakeTargets(trainer, networks->sds, first, count),
		.forest = forest->tried ? TakeTargets(trainer, forest->values, first, count) : NULL
	};
}

/* Combine the parts of one joint head into its place among all predictions. */
static void
CombineParts(const Trainer *trainer, const HnHead *head, int first, const HnParts *parts, Outcome *outcome)
{
	int			count = trainer->data.validation_count;
	int			targets = trainer->data.query.target_count;
	double	   *values = palloc((Size) count * head->target_count * sizeof(double));
	double	   *sds = palloc((Size) count * head->target_count * sizeof(double));

	hn_joint_combine(head, parts, count, values, sds);
	for (int i = 0; i < count; i++)
	{
		Size		from = (Size) i * head->target_count;

		memcpy(outcome->values + (Size) i * targets + first, values + from, head->target_count * sizeof(double));
		memcpy(outcome->sds + (Size) i * targets + first, sds + from, head->target_count * sizeof(double));
	}
	pfree(values);
	pfree(sds);
}

/* Labels of the targets of one head in the validation part. */
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
 * Shares that favour a part have to be better by so much of the score: what is
 * chosen among many by few rows is chosen by chance, and an even mean is hard to beat.
 */
#define FAVOUR_GAIN 0.01

/* Give the head other, less even shares if they are clearly better than the best before, which is NaN if there were none. */
static void
TryShares(Trainer *trainer, Outcome *outcome, HnHead *head, int first, const HnParts *parts,
		  HnJoint shares, double *best)
{
	HnJoint		before = *head->joint;
	double		terms = 0;
	double		score;

	*head->joint = shares;
	CombineParts(trainer, head, first, parts, outcome);
	score = HeadScore(trainer, head, first, outcome->values, &terms);
	if (isnan(*best) || score < *best - FAVOUR_GAIN * fabs(*best))
		*best = score;
	else
		*head->joint = before;
}

/*
 * Choose the shares and the factors of one joint head. Shares are quarters, the more even ones first.
 */
static void
WeighJoint(Trainer *trainer, Outcome *outcome, int h, int first)
{
	HnHead	   *head = &outcome->model.heads[h];
	HnParts		parts = JointParts(trainer, first, head->target_count);
	double		best = NAN;

	for (int squares = 0; squares <= 16; squares++)
		for (int kernel = 0; kernel <= 4; kernel++)
			for (int forest = 0; forest <= (head->forest ? 4 - kernel : 0); forest++)
			{
				int			networks = 4 - kernel - forest;

				if (kernel * kernel + forest * forest + networks * networks == squares)
					TryShares(trainer, outcome, head, first, &parts,
							  (HnJoint) {kernel / 4.0, forest / 4.0, head->joint->factors}, &best);
			}
	hn_joint_drop(head);
	if (head->kernel == NULL)
		parts.kernel = NULL;
	if (head->forest == NULL)
		parts.forest = NULL;
	if (hn_joint_calibrate(&trainer->context, head, &parts, ValidationLabels(trainer, first, head->target_count),
						   trainer->data.validation_count) != HN_OK)
		ReportCoreError(&trainer->context, NULL);
	CombineParts(trainer, head, first, &parts, outcome);
}

void
JoinHeads(Trainer *trainer, Outcome *outcome)
{
	const Outcome *kernel = &trainer->outcomes[KERNEL];
	const Outcome *networks = &trainer->outcomes[MLP];
	const Outcome *forest = &trainer->outcomes[FOREST];
	int			targets = trainer->data.query.target_count;
	Size		size = (Size) trainer->data.validation_count * targets * sizeof(double);
	int			first = 0;

	outcome->tried = true;
	outcome->score = outcome->shown = NAN;
	outcome->model = networks->model;
	outcome->model.heads = palloc(trainer->head_count * sizeof(HnHead));
	if (trainer->metric != METRIC_NONE)
	{
		outcome->values = palloc_extended(size, MCXT_ALLOC_HUGE);
		outcome->sds = palloc_extended(size, MCXT_ALLOC_HUGE);
	}
	for (int h = 0; h < trainer->head_count; h++)
	{
		HnHead	   *head = &outcome->model.heads[h];

		if (hn_joint_make(&trainer->context, kernel->model.heads[h].kernel, &networks->model.heads[h],
						  forest->tried ? forest->model.heads[h].forest : NULL, head) != HN_OK)
			ReportCoreError(&trainer->context, NULL);
		if (trainer->metric != METRIC_NONE)
			WeighJoint(trainer, outcome, h, first);
		appendStringInfo(&outcome->report, ", \"%s\": {\"share\": %g", head->name, head->joint->kernel);
		if (forest->tried)
			appendStringInfo(&outcome->report, ", \"forest\": %g", head->joint->forest);
		appendStringInfoString(&outcome->report, ", \"factors\": [");
		for (int t = 0; t < head->target_count; t++)
			appendStringInfo(&outcome->report, "%s%.4g", t > 0 ? ", " : "", head->joint->factors[t]);
		appendStringInfoString(&outcome->report, "]}");
		first += head->target_count;
	}
	if (trainer->metric != METRIC_NONE)
		outcome->score = ScorePredictions(trainer, outcome->values, &outcome->shown);
}
