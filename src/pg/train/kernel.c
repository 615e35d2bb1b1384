/*
 * train/kernel.c: the kernel candidate.
 *
 * Its heads compare descriptors, counts and, where that is of use, fingerprints.
 * A random fingerprint tells them nothing. One that was trained on the same rows
 * tells them apart by what it learned by heart, which the likelihood over these
 * rows does not see: the validation set does.
 */
#include "postgres.h"

#include "hamnet/kernel_head.h"

#include "server/clock.h"
#include "server/core.h"
#include "train/train.h"

static void
TellKernel(void *state, const char *step, double done)
{
	TellFit(state, KERNEL, step, done);
}

/* Fit kernel heads to the training part. They see descriptors, counts and, if asked, the fingerprint. */
static void
FitKernel(Trainer *trainer, bool fingerprint, Outcome *outcome)
{
	HnKernelOptions options = {
		.fingerprint = fingerprint,
		.descriptors = &hn_descriptors_rdkit_2d, .counts = true, .rows = trainer->options.kernel_rows,
		.seed = trainer->options.seed, .progress = TellKernel, .progress_state = &trainer->procedure.run
	};
	int			first = 0;

	DescribeMolecules(trainer);
	trainer->procedure.run.noticed = Seconds();
	outcome->tried = true;
	outcome->model = trainer->model;
	outcome->model.head_count = trainer->head_count;
	outcome->model.heads = palloc(trainer->head_count * sizeof(HnHead));
	appendStringInfo(&outcome->report, ", \"fingerprint\": %s", fingerprint ? "true" : "false");
	for (int h = 0; h < trainer->head_count; h++)
	{
		HnHead	   *head = &outcome->model.heads[h];
		real	   *labels = HeadLabels(trainer, h, first);
		HnKernelReport report;

		*head = trainer->heads[h];
		head->kind = HN_KERNEL_HEAD;
		head->layer_count = 0;
		head->layers = NULL;
		head->inputs = NULL;
		head->targets = palloc(head->target_count * sizeof(HnTarget));
		memcpy(head->targets, trainer->heads[h].targets, head->target_count * sizeof(HnTarget));
		if (hn_kernel_fit(&trainer->context, &trainer->inputs, trainer->model.fingerprint_config.dim, labels,
						  &options, head, &report) != HN_OK)
			ReportCoreError(&trainer->context, NULL);
		appendStringInfo(&outcome->report, ", \"%s\": {\"rows\": %d, \"labelled_rows\": %d, \"log_likelihood\": %g}",
						 head->name, report.rows, report.labelled_rows, report.log_likelihood);
		if (report.rows < report.labelled_rows)
			ereport(NOTICE,
					(errmsg("kernel: compares with a sample of %d of %d rows", report.rows, report.labelled_rows)));
		first += head->target_count;
		pfree(labels);
	}
}

void
TrainKernel(Trainer *trainer, Outcome *outcome)
{
	const char *wanted = trainer->options.kernel_fingerprint;
	bool		usable = !trainer->scratch;
	Outcome		without = {0};

	FitKernel(trainer, usable && strcmp(wanted, "never") != 0, outcome);
	JudgeModel(trainer, outcome);
	if (!usable || strcmp(wanted, "best") != 0 || trainer->metric == METRIC_NONE)
		return;
	initStringInfo(&without.report);
	FitKernel(trainer, false, &without);
	JudgeModel(trainer, &without);
	if (without.score < outcome->score)
		*outcome = without;
}
