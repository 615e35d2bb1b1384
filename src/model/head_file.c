/*
 * head_file.c: one head of a model file's configuration.
 */
#include "head_file.h"

#include <stdio.h>
#include <string.h>

#include "parts.h"

static const char *const task_names[] = {
	[HN_REGRESSION] = "regression",
	[HN_CLASSIFICATION] = "classification"
};

/* Only a regression's target has a scale. */
static HnStatus
read_target(HnContext *context, const HnSection *head, int index, json_t *value, HnTask task, HnTarget *target)
{
	static const char *const regression_keys[] = {"name", "unit", "mean", "std", NULL};
	static const char *const classification_keys[] = {"name", "unit", NULL};
	HnSection	section;

	snprintf(section.name, sizeof(section.name), "%.24s.targets[%d]", head->name, index);
	HN_TRY(hn_section_enter(context, &section, value, task == HN_REGRESSION ? regression_keys : classification_keys));
	HN_TRY(hn_section_string(context, &section, "name", &target->name));
	target->unit = "";
	if (json_object_get(value, "unit"))
		HN_TRY(hn_section_string(context, &section, "unit", &target->unit));
	target->mean = 0;
	target->std = 1;
	if (task == HN_REGRESSION)
	{
		HN_TRY(hn_section_double(context, &section, "mean", &target->mean));
		HN_TRY(hn_section_double(context, &section, "std", &target->std));
	}
	return HN_OK;
}

/*
 * Heads that a file may hold: the value of "kind", and the parts that such a head
 * must and may have. The first that fits is written.
 */
#define PART(kind) (1u << (kind))

typedef struct HeadForm
{
	const char *kind;			/* NULL: the key is absent */
	unsigned	required;
	unsigned	allowed;
} HeadForm;

static const HeadForm head_forms[] = {
	{"joint", PART(HN_NETWORKS) | PART(HN_JOINT), (1u << HN_PARTS) - 1},
	{"kernel", PART(HN_GP), PART(HN_GP) | PART(HN_KNOWN)},
	{NULL, PART(HN_NETWORKS), PART(HN_NETWORKS) | PART(HN_KNOWN)}
};

#define HEAD_FORMS (int) (sizeof(head_forms) / sizeof(head_forms[0]))

/* Keys of a head beside those of its parts, and room for these. */
#define MAX_HEAD_KEYS (5 + 3 * HN_PARTS)

/* Enter a head, which may hold the keys of the parts that its form allows. */
static HnStatus
enter_head(HnContext *context, HnSection *section, json_t *value, const HeadForm *form)
{
	const char *keys[MAX_HEAD_KEYS] = {"name", "task", "targets"};
	int			count = 3;

	if (form->kind)
		keys[count++] = "kind";
	for (int kind = 0; kind < HN_PARTS; kind++)
		for (int k = 0; (form->allowed & PART(kind)) && hn_head_parts[kind]->keys[k]; k++)
			keys[count++] = hn_head_parts[kind]->keys[k];
	HN_ASSERT(count < MAX_HEAD_KEYS);
	return hn_section_enter(context, section, value, keys);
}

static HnStatus
find_form(HnContext *context, const HnSection *section, const HeadForm **form)
{
	const char *kinds[HEAD_FORMS - 1];
	int			choice = HEAD_FORMS - 1;

	for (int i = 0; i < HEAD_FORMS - 1; i++)
		kinds[i] = head_forms[i].kind;
	if (json_object_get(section->object, "kind"))
		HN_TRY(hn_section_choice(context, section, "kind", kinds, HEAD_FORMS - 1, &choice));
	*form = &head_forms[choice];
	return HN_OK;
}

HnStatus
hn_head_read(HnContext *context, int index, json_t *value, HnHead *head)
{
	HnSection	section = {.object = value};
	const HeadForm *form = NULL;
	json_t	   *targets = NULL;
	int			choice = 0;

	memset(head, 0, sizeof(*head));
	snprintf(section.name, sizeof(section.name), "heads[%d]", index);
	HN_TRY(find_form(context, &section, &form));
	HN_TRY(enter_head(context, &section, value, form));
	HN_TRY(hn_section_string(context, &section, "name", &head->name));
	HN_TRY(hn_section_choice(context, &section, "task", task_names, 2, &choice));
	head->task = (HnTask) choice;
	HN_TRY(hn_section_array(context, &section, "targets", &targets));
	head->target_count = (int) json_array_size(targets);
	HN_NEW(context, head->targets, head->target_count);
	for (int k = 0; k < head->target_count; k++)
		HN_TRY(read_target(context, &section, k, json_array_get(targets, k), head->task, &head->targets[k]));
	for (int kind = 0; kind < HN_PARTS; kind++)
		if ((form->required & PART(kind)) ||
			((form->allowed & PART(kind)) && json_object_get(value, hn_head_parts[kind]->keys[0])))
			HN_TRY(hn_head_parts[kind]->read(context, &section, head));
	return HN_OK;
}

static json_t *
write_target(HnTask task, const HnTarget *target)
{
	if (task == HN_CLASSIFICATION)
		return json_pack("{s:s,s:s}", "name", target->name, "unit", target->unit);
	return json_pack("{s:s,s:s,s:f,s:f}", "name", target->name, "unit", target->unit,
					 "mean", target->mean, "std", target->std);
}

/* Return the value of "kind" by the parts that there are. */
static const char *
kind_of(const HnHead *head)
{
	unsigned	parts = 0;

	for (int kind = 0; kind < HN_PARTS; kind++)
		if (head->parts[kind])
			parts |= PART(kind);
	for (int i = 0; i < HEAD_FORMS; i++)
		if ((head_forms[i].required & ~parts) == 0)
			return head_forms[i].kind;
	return NULL;
}

/* Keys come in the order of files that exist: the kind after what networks have. */
json_t *
hn_head_write(const HnHead *head)
{
	json_t	   *targets = json_array();
	const char *kind_name = kind_of(head);
	json_t	   *object;

	for (int k = 0; k < head->target_count; k++)
		targets = hn_json_append(targets, write_target(head->task, &head->targets[k]));
	object = json_pack("{s:s,s:s,s:o}", "name", head->name, "task", task_names[head->task], "targets", targets);
	for (int kind = 0; kind < HN_PARTS; kind++)
	{
		if (head->parts[kind])
			object = hn_head_parts[kind]->write(head, object);
		if (kind == HN_NETWORKS && kind_name)
			object = hn_json_with(object, "kind", json_string(kind_name));
	}
	return object;
}
