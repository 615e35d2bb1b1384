/*
 * train/report.c: what the caller and the log get to know of a training.
 */
#include "postgres.h"

#include <math.h>

#include "utils/json.h"

#include "server/clock.h"
#include "train/train.h"

/* Seconds between two lines about the progress of a fit. */
#define FIT_NOTICE_SECONDS 5

void
NotifyFit(TrainingRun *run, const char *candidate, const char *step, double done)
{
	if (Seconds() - run->noticed < FIT_NOTICE_SECONDS)
		return;
	run->noticed = Seconds();
	ereport(NOTICE, (errmsg("%s: %s, %.0f %% done", candidate, step, 100 * done)));
}

void
NotifyChoice(const Trainer *trainer, CandidateKind chosen)
{
	const char *name = trainer->procedure.run.model;

	if (trainer->metric == METRIC_NONE)
		ereport(NOTICE,
				(errmsg("model \"%s\" is ready: head %s, learned from %d rows without validation", name,
						CandidateName(chosen), trainer->data.train_count)));
	else if (trainer->folds > 1)
		ereport(NOTICE,
				(errmsg("model \"%s\" is ready: head %s, %s %.4g in %d folds, learned from all %d rows", name,
						CandidateName(chosen), metric_names[trainer->metric], trainer->outcomes[chosen].shown,
						trainer->folds, trainer->data.train_count)));
	else if (trainer->refitting)
		ereport(NOTICE,
				(errmsg("model \"%s\" is ready: head %s, %s %.4g on %d validation rows before it learned from all %d",
						name, CandidateName(chosen), metric_names[trainer->metric], trainer->outcomes[chosen].shown,
						trainer->held_count, trainer->data.train_count)));
	else
		ereport(NOTICE,
				(errmsg("model \"%s\" is ready: head %s, %s %.4g on %d validation rows, learned from %d", name,
						CandidateName(chosen), metric_names[trainer->metric], trainer->outcomes[chosen].shown,
						trainer->held_count, trainer->data.train_count)));
}

static void
AppendNumber(StringInfo json, double value)
{
	if (isfinite(value))
		appendStringInfo(json, "%.9g", value);
	else
		appendStringInfoString(json, "null");
}

/* Add the validation of a candidate in each fold. */
static void
AppendFolds(const Trainer *trainer, CandidateKind kind, StringInfo json)
{
	if (trainer->folds < 2)
		return;
	for (int f = 0; f < trainer->folds; f++)
	{
		appendStringInfoString(json, f == 0 ? ", \"folds\": [" : ", ");
		AppendNumber(json, trainer->held[kind].scores[f]);
	}
	appendStringInfoChar(json, ']');
}

char *
MakeReport(Trainer *trainer, CandidateKind chosen, const char *id)
{
	const TrainingData *data = &trainer->data;
	StringInfoData json;
	const char *separator = "";

	initStringInfo(&json);
	appendStringInfo(&json, "{\"id\": \"%s\", \"head\": \"%s\", \"seconds\": %.1f, \"metric\": ", id,
					 CandidateName(chosen), ElapsedSeconds(trainer));
	escape_json(&json, trainer->metric == METRIC_NONE ? "none" : metric_names[trainer->metric]);
	appendStringInfoString(&json, ", \"candidates\": {");
	for (int c = 0; c < CANDIDATES; c++)
	{
		const Outcome *outcome = &trainer->outcomes[c];

		if ((c == CANDIDATE_TREES || c == CANDIDATE_BOOSTING) && !outcome->tried)
			continue;
		appendStringInfo(&json, "%s\"%s\": {", separator, CandidateName(c));
		separator = ", ";
		if (outcome->tried)
		{
			appendStringInfo(&json, "\"seconds\": %.1f, \"validation\": ", outcome->seconds);
			AppendNumber(&json, outcome->shown);
			AppendFolds(trainer, c, &json);
			appendStringInfoString(&json, outcome->report.data);
		}
		else
			appendStringInfo(&json, "\"left_out\": \"%s\"", outcome->reason);
		appendStringInfoChar(&json, '}');
	}
	appendStringInfo(&json, "}, \"refit\": %s", trainer->refitting ? "true" : "false");
	ReportFolds(trainer, chosen, &json);
	appendStringInfoString(&json, ", \"options\": {");
	ReportTrainOptions(&trainer->options, &json);
	appendStringInfoChar(&json, '}');
	appendStringInfo(&json, ", \"rows\": " INT64_FORMAT ", \"unlabelled\": " INT64_FORMAT ", \"train\": %d, "
					 "\"validation\": %d, \"skipped\": [%s], \"invalid\": " INT64_FORMAT ", \"rejects\": %s}", data->rows,
					 data->unlabelled, data->train_count, trainer->held_count, trainer->skips.data, data->invalid,
					 data->rejects.data);
	return json.data;
}
