/*
 * train/forest.c: forests, which are candidates only as parts of joint heads.
 */
#include "postgres.h"

#include <math.h>

#include "hamnet/forest.h"

#include "server/clock.h"
#include "server/core.h"
#include "train/train.h"

static void
TellForest(void *state, const char *step, double done)
{
	TellFit(state, FOREST, step, done);
}

/* What the forest of a head says of the validation part, of targets from `first` on. */
static void
PredictForest(Trainer *trainer, const HnHead *head, int first, double *values)
{
	const TrainingData *data = &trainer->data;
	Size		width = hn_descriptors_rdkit_2d.count;

	for (int i = 0; i < data->validation_count; i++)
	{
		int			place = data->validation[i];
		double	   *row = values + (Size) i * data->query.target_count + first;
		HnInputs	molecule = {
			.count = 1, .descriptors = trainer->inputs.descriptors + place * width,
			.counts = trainer->inputs.counts + place
		};
		HnArenaMark mark = hn_arena_mark(&trainer->arena);

		if (!trainer->valid[place])
			for (int t = 0; t < head->target_count; t++)
				row[t] = NAN;
		else if (hn_forest_predict(&trainer->context, head, &molecule, row) != HN_OK)
			ReportCoreError(&trainer->context, NULL);
		hn_arena_rewind(&trainer->arena, mark);
	}
}

void
TrainForest(Trainer *trainer, Outcome *outcome)
{
	HnForestOptions options = {
		.descriptors = &hn_descriptors_rdkit_2d, .trees = trainer->options.trees, .seed = trainer->options.seed,
		.progress = TellForest, .progress_state = &trainer->procedure.run
	};
	Size		size = (Size) trainer->data.validation_count * trainer->data.query.target_count;
	int			first = 0;

	DescribeMolecules(trainer);
	trainer->procedure.run.noticed = Seconds();
	outcome->tried = true;
	outcome->score = outcome->shown = NAN;
	outcome->values = palloc_extended(Max(size, 1) * sizeof(double), MCXT_ALLOC_HUGE);
	outcome->model.heads = palloc(trainer->head_count * sizeof(HnHead));
	for (int h = 0; h < trainer->head_count; h++)
	{
		HnHead	   *head = &outcome->model.heads[h];
		real	   *labels = HeadLabels(trainer, h, first);
		HnForestReport report;

		*head = trainer->heads[h];
		if (hn_forest_fit(&trainer->context, &trainer->inputs, labels, &options, head, &report) != HN_OK)
			ReportCoreError(&trainer->context, NULL);
		appendStringInfo(&outcome->report, ", \"%s\": {\"rows\": %d, \"labelled_rows\": %d, \"trees\": %d, \"nodes\": %d}",
						 head->name, report.rows, report.labelled_rows, head->forest->tree_count, report.nodes);
		if (report.rows < report.labelled_rows)
			ereport(NOTICE,
					(errmsg("forest: learns from a sample of %d of %d rows", report.rows, report.labelled_rows)));
		PredictForest(trainer, head, first, outcome->values);
		first += head->target_count;
		pfree(labels);
	}
	if (trainer->metric != METRIC_NONE)
		outcome->score = ScorePredictions(trainer, outcome->values, &outcome->shown);
}
