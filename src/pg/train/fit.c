/*
 * train/fit.c: the candidates that are fitted in one go: Gaussian processes and,
 * for joint heads only, trees.
 *
 * Gaussian processes compare descriptors, counts and, where that is of use,
 * fingerprints. A random fingerprint tells them nothing. One that was trained on
 * the same rows tells them apart by what it learned by heart, which the likelihood
 * over these rows does not see: the validation set does.
 */
#include "postgres.h"

#include "hamnet/fit.h"
#include "hamnet/gp.h"

#include "server/clock.h"
#include "server/core.h"
#include "train/train.h"

/* Report what the search for hyper-parameters came to, in the words of gp.h. */
static void
ReportProcess(const HnHead *head, const HnFitReport *report, StringInfo json)
{
	const HnGp *gp = hn_gp(head);

	appendStringInfo(json, ", \"log_likelihood\": %g, \"fingerprint_weight\": %g, \"descriptor_weight\": %g, "
					 "\"count_weight\": %g, \"count_share\": %g, \"variances\": [", report->log_likelihood,
					 gp->fingerprint_weight, gp->descriptor_weight, gp->count_weight, gp->count_share);
	for (int t = 0; t < head->target_count; t++)
		appendStringInfo(json, "%s%g", t > 0 ? ", " : "", gp->processes[t].variance);
	appendStringInfoString(json, "], \"noises\": [");
	for (int t = 0; t < head->target_count; t++)
		appendStringInfo(json, "%s%g", t > 0 ? ", " : "", gp->processes[t].noise);
	appendStringInfoString(json, "]}");
}

/* Report a fit of a candidate's head, which had a sample of the rows perhaps. */
static void
ReportHead(HnPartKind kind, const HnFitOptions *options, const HnHead *head, const HnFitReport *report,
		   StringInfo json)
{
	appendStringInfo(json, ", \"%s\": {\"rows\": %d, \"labelled_rows\": %d", head->name, report->rows,
					 report->labelled_rows);
	if (kind == HN_GP)
		ReportProcess(head, report, json);
	else
		appendStringInfo(json, ", \"trees\": %d, \"nodes\": %d}",
						 kind == HN_FOREST ? options->trees : options->boosting, report->nodes);
	if (report->rows < report->labelled_rows)
		ereport(NOTICE,
				(errmsg("%s: learns from a sample of %d of %d rows", hn_part_name(kind), report->rows,
						report->labelled_rows)));
}

/* Fit heads with one part to the training set, and judge them. */
static void
FitHeads(Trainer *trainer, HnPartKind kind, const HnFitOptions *options, Outcome *outcome)
{
	int			first = 0;

	DescribeMolecules(trainer);
	trainer->procedure.run.noticed = Seconds();
	outcome->tried = true;
	outcome->model = trainer->model;
	outcome->model.head_count = trainer->head_count;
	outcome->model.heads = palloc(trainer->head_count * sizeof(HnHead));
	for (int h = 0; h < trainer->head_count; h++)
	{
		HnHead	   *head = &outcome->model.heads[h];
		real	   *labels = HeadLabels(trainer, h, first);
		HnFitReport report;

		*head = trainer->heads[h];
		head->targets = palloc(head->target_count * sizeof(HnTarget));
		memcpy(head->targets, trainer->heads[h].targets, head->target_count * sizeof(HnTarget));
		if (hn_fit(&trainer->context, kind, &trainer->inputs, trainer->model.fingerprint_config.dim, labels, options,
				   head, &report) != HN_OK)
			ReportCoreError(&trainer->context, NULL);
		ReportHead(kind, options, head, &report, &outcome->report);
		first += head->target_count;
		pfree(labels);
	}
	JudgeModel(trainer, outcome);
}

static void
NotifyKernel(void *state, const char *step, double done)
{
	NotifyFit(state, CandidateName(CANDIDATE_KERNEL), step, done);
}

static void
FitKernel(Trainer *trainer, bool fingerprint, Outcome *outcome)
{
	HnFitOptions options = {
		.fingerprint = fingerprint,
		.descriptors = trainer->data.descriptions.needs.descriptors, .counts = true, .rows = trainer->options.kernel_rows,
		.seed = trainer->options.seed, .progress = NotifyKernel, .progress_state = &trainer->procedure.run
	};

	appendStringInfo(&outcome->report, ", \"fingerprint\": %s", fingerprint ? "true" : "false");
	FitHeads(trainer, HN_GP, &options, outcome);
}

static void
TrainKernel(Trainer *trainer, Outcome *outcome)
{
	const char *wanted = trainer->options.kernel_fingerprint;
	bool		choose = !trainer->scratch && strcmp(wanted, "best") == 0 && trainer->metric != METRIC_NONE;
	int		   *votes = &trainer->held[CANDIDATE_KERNEL].votes;
	Outcome		without = {0};

	FitKernel(trainer, !trainer->scratch && strcmp(wanted, "never") != 0 && !(choose && trainer->refitting && *votes > 0),
			  outcome);
	if (!choose || trainer->refitting)
		return;
	initStringInfo(&without.report);
	FitKernel(trainer, false, &without);
	*votes += without.score < outcome->score ? 1 : -1;
	if (without.score < outcome->score)
		*outcome = without;
}

static void
NotifyTrees(void *state, const char *step, double done)
{
	NotifyFit(state, CandidateName(CANDIDATE_TREES), step, done);
}

/* Return why trees of a kind, so many, are not tried; NULL if they are. */
static const char *
ReasonAgainst(const Trainer *trainer, int64 trees)
{
	return trees == 0 ? "it has no trees" : trainer->scratch ? "there are no joint heads of a new generator" : NULL;
}

static const char *
ReasonAgainstTrees(const Trainer *trainer)
{
	return ReasonAgainst(trainer, trainer->options.trees);
}

static void
TrainTrees(Trainer *trainer, Outcome *outcome)
{
	HnFitOptions options = {
		.descriptors = trainer->data.descriptions.needs.descriptors, .trees = trainer->options.trees, .seed = trainer->options.seed,
		.progress = NotifyTrees, .progress_state = &trainer->procedure.run
	};

	FitHeads(trainer, HN_FOREST, &options, outcome);
}

static void
NotifyBoosting(void *state, const char *step, double done)
{
	NotifyFit(state, CandidateName(CANDIDATE_BOOSTING), step, done);
}

static const char *
ReasonAgainstBoosting(const Trainer *trainer)
{
	return ReasonAgainst(trainer, trainer->options.boosting);
}

static void
TrainBoosting(Trainer *trainer, Outcome *outcome)
{
	HnFitOptions options = {
		.descriptors = trainer->data.descriptions.needs.descriptors, .boosting = trainer->options.boosting, .seed = trainer->options.seed,
		.progress = NotifyBoosting, .progress_state = &trainer->procedure.run
	};

	FitHeads(trainer, HN_BOOSTING, &options, outcome);
}

const Candidate KernelCandidate = {.part = HN_GP, .of_joint = true, .train = TrainKernel};
const Candidate TreesCandidate = {
	.part = HN_FOREST, .of_joint = true, .no_head = true, .reason_against = ReasonAgainstTrees, .train = TrainTrees
};
const Candidate BoostingCandidate = {
	.part = HN_BOOSTING, .of_joint = true, .no_head = true, .reason_against = ReasonAgainstBoosting, .train = TrainBoosting
};
