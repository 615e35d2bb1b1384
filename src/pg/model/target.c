/*
 * model/target.c: the targets of models by their names.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#include "hamnet/training.h"

#include "model/target.h"

/* Targets that a message names. */
#define MAX_LISTED 30

const char *
LabelToServer(const char *label)
{
	return pg_any_to_server(label, strlen(label), PG_UTF8);
}

const char *
LabelFromServer(const char *text)
{
	return pg_server_to_any(text, strlen(text), PG_UTF8);
}

char *
ListTargets(const HnModel *model)
{
	StringInfoData names;
	int			count = hn_model_target_count(model);
	int			listed = 0;

	if (count == 0)
		return "nothing";
	initStringInfo(&names);
	for (int h = 0; h < model->head_count; h++)
		for (int t = 0; t < model->heads[h].target_count && listed < MAX_LISTED; t++, listed++)
			appendStringInfo(&names, "%s\"%s\"", listed == 0 ? "" : ", ", LabelToServer(model->heads[h].targets[t].name));
	if (listed < count)
		appendStringInfo(&names, " and %d more", count - listed);
	return names.data;
}

int
FindTarget(const HnModel *model, const char *name, const HnHead **head, int *target)
{
	const char *label = LabelFromServer(name);
	int			first = 0;

	for (int h = 0; h < model->head_count; h++)
	{
		for (int t = 0; t < model->heads[h].target_count; t++)
			if (strcmp(model->heads[h].targets[t].name, label) == 0)
			{
				*head = &model->heads[h];
				*target = t;
				return first + t;
			}
		first += model->heads[h].target_count;
	}
	return -1;
}
