/*
 * model_file.c: a model as one safetensors file (model specification, section 5;
 * doc/model-format.md).
 *
 * Reading goes from the small to the large: the container, the configuration,
 * the widths it implies, the file's tensors against those widths, and only
 * then memory for the parameters, which the file's own size bounds by now.
 */
#include "hamnet/forest.h"
#include "hamnet/kernel_head.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "hamnet/json.h"
#include "hamnet/known.h"
#include "hamnet/safetensors.h"
#include "inputs.h"

#define FORMAT 1

/* Digits that bring every double back as it was. */
#define DOUBLE_DIGITS 17

/* An object of the configuration and its name in messages, such as "heads[2]". */
typedef struct Section
{
	json_t	   *object;
	char		name[48];
} Section;

static const char *const task_names[] = {
	[HN_REGRESSION] = "regression",
	[HN_CLASSIFICATION] = "classification"
};

static const char *const function_names[] = {
	[HN_GAUSSIAN] = "gaussian",
	[HN_MATERN] = "matern"
};

/* Reading: one value */

static HnStatus
wrong_type(HnContext *context, const Section *section, const char *key, json_t *value, const char *wanted)
{
	if (value == NULL)
		return hn_fail(context, HN_INVALID_MODEL, "%s of %s is missing", key, section->name);
	return hn_fail(context, HN_INVALID_MODEL, "%s of %s is %s, not %s",
				   key, section->name, hn_json_type_name(value), wanted);
}

static HnStatus
get_bool(HnContext *context, const Section *section, const char *key, bool *result)
{
	json_t	   *value = json_object_get(section->object, key);

	if (!json_is_boolean(value))
		return wrong_type(context, section, key, value, "a boolean");
	*result = json_is_true(value);
	return HN_OK;
}

static HnStatus
to_int(HnContext *context, const Section *section, const char *key, json_t *value, int *result)
{
	if (!json_is_integer(value))
		return wrong_type(context, section, key, value, "an integer");
	if (json_integer_value(value) < INT_MIN || json_integer_value(value) > INT_MAX)
		return hn_fail(context, HN_INVALID_MODEL, "%s of %s is out of range: %" JSON_INTEGER_FORMAT,
					   key, section->name, json_integer_value(value));
	*result = (int) json_integer_value(value);
	return HN_OK;
}

static HnStatus
get_int(HnContext *context, const Section *section, const char *key, int *result)
{
	return to_int(context, section, key, json_object_get(section->object, key), result);
}

/* A number of things that is left out when it is one. */
static HnStatus
get_several(HnContext *context, const Section *section, const char *key, int *result)
{
	*result = 1;
	if (json_object_get(section->object, key) == NULL)
		return HN_OK;
	HN_TRY(get_int(context, section, key, result));
	if (*result < 2 || *result > HN_MAX_MEMBERS)
		return hn_fail(context, HN_INVALID_MODEL, "%s of %s is %d, it must be between 2 and %d, or absent for 1",
					   key, section->name, *result, HN_MAX_MEMBERS);
	return HN_OK;
}

static HnStatus
get_double(HnContext *context, const Section *section, const char *key, double *result)
{
	json_t	   *value = json_object_get(section->object, key);

	if (!json_is_number(value))
		return wrong_type(context, section, key, value, "a number");
	*result = json_number_value(value);
	return HN_OK;
}

static HnStatus
get_string(HnContext *context, const Section *section, const char *key, const char **result)
{
	json_t	   *value = json_object_get(section->object, key);
	size_t		size;
	char	   *copy;

	if (!json_is_string(value))
		return wrong_type(context, section, key, value, "a string");
	size = json_string_length(value) + 1;
	HN_NEW(context, copy, size);
	memcpy(copy, json_string_value(value), size);
	*result = copy;
	return HN_OK;
}

static HnStatus
get_array(HnContext *context, const Section *section, const char *key, json_t **result)
{
	json_t	   *value = json_object_get(section->object, key);

	if (!json_is_array(value))
		return wrong_type(context, section, key, value, "an array");
	*result = value;
	return HN_OK;
}

/* Enter an object, which may hold these keys and no others. */
static HnStatus
enter(HnContext *context, Section *section, json_t *value, const char *const *keys)
{
	section->object = value;
	if (value == NULL)
		return hn_fail(context, HN_INVALID_MODEL, "%s is missing", section->name);
	if (!json_is_object(value))
		return hn_fail(context, HN_INVALID_MODEL, "%s is %s, not an object",
					   section->name, hn_json_type_name(value));
	return hn_json_known_keys(context, section->name, value, keys);
}

/* Reading: the configuration */

static HnStatus
read_engine(HnContext *context, json_t *value, HnEngineConfig *engine)
{
	static const char *const keys[] = {"enabled", "dim", "hidden", "steps", "tau", "dissipate", NULL};
	Section		section = {.name = "engine"};

	HN_TRY(enter(context, &section, value, keys));
	HN_TRY(get_bool(context, &section, "enabled", &engine->enabled));
	if (!engine->enabled)
		return HN_OK;			/* the others mean nothing */
	HN_TRY(get_int(context, &section, "dim", &engine->dim));
	HN_TRY(get_int(context, &section, "hidden", &engine->hidden));
	HN_TRY(get_int(context, &section, "steps", &engine->steps));
	HN_TRY(get_double(context, &section, "tau", &engine->tau));
	return get_bool(context, &section, "dissipate", &engine->dissipate);
}

static HnStatus
read_fingerprint(HnContext *context, json_t *value, HnFingerprintConfig *fingerprint, int *other_count)
{
	static const char *const keys[] = {"dim", "edge_dim", "layers", "rounds", "bond_messages", "generators",
		"projection", "counts", NULL};
	Section		section = {.name = "fingerprint"};
	int			generators = 1;

	HN_TRY(enter(context, &section, value, keys));
	HN_TRY(get_several(context, &section, "generators", &generators));
	*other_count = generators - 1;
	if (json_object_get(section.object, "bond_messages"))
		HN_TRY(get_bool(context, &section, "bond_messages", &fingerprint->bond_messages));
	if (json_object_get(section.object, "projection"))
		HN_TRY(get_bool(context, &section, "projection", &fingerprint->projection));
	if (json_object_get(section.object, "counts"))
		HN_TRY(get_int(context, &section, "counts", &fingerprint->counts));
	HN_TRY(get_int(context, &section, "dim", &fingerprint->dim));
	HN_TRY(get_int(context, &section, "edge_dim", &fingerprint->edge_dim));
	HN_TRY(get_int(context, &section, "layers", &fingerprint->layers));
	return get_int(context, &section, "rounds", &fingerprint->rounds);
}

/* Only a regression's target has a scale. */
static HnStatus
read_target(HnContext *context, const Section *head, int index, json_t *value, HnTask task, HnTarget *target)
{
	static const char *const regression_keys[] = {"name", "unit", "mean", "std", NULL};
	static const char *const classification_keys[] = {"name", "unit", NULL};
	Section		section;

	snprintf(section.name, sizeof(section.name), "%.24s.targets[%d]", head->name, index);
	HN_TRY(enter(context, &section, value, task == HN_REGRESSION ? regression_keys : classification_keys));
	HN_TRY(get_string(context, &section, "name", &target->name));
	target->unit = "";
	if (json_object_get(value, "unit"))
		HN_TRY(get_string(context, &section, "unit", &target->unit));
	target->mean = 0;
	target->std = 1;
	if (task == HN_REGRESSION)
	{
		HN_TRY(get_double(context, &section, "mean", &target->mean));
		HN_TRY(get_double(context, &section, "std", &target->std));
	}
	return HN_OK;
}

/* Which of the names a string is. */
static HnStatus
get_choice(HnContext *context, const Section *section, const char *key, const char *const *names, int count,
		   int *choice)
{
	const char *name = NULL;
	char		expected[100] = "";

	HN_TRY(get_string(context, section, key, &name));
	HN_ASSERT(name != NULL);
	for (int i = 0; i < count; i++)
	{
		size_t		used = strlen(expected);

		if (strcmp(name, names[i]) == 0)
		{
			*choice = i;
			return HN_OK;
		}
		snprintf(expected + used, sizeof(expected) - used, "%s%s", i > 0 ? " or " : "", names[i]);
	}
	return hn_fail(context, HN_INVALID_MODEL, "unrecognized %s \"%s\" of %s, expected %s",
				   key, hn_quoted(name).text, section->name, expected);
}

static HnStatus
read_layers(HnContext *context, const Section *section, HnHead *head)
{
	json_t	   *hidden = NULL;

	HN_TRY(get_array(context, section, "hidden", &hidden));
	HN_TRY(get_several(context, section, "members", &head->member_count));
	/* The count is bounded by the header's length here, and by its limit in hn_model_shape. */
	head->layer_count = (int) json_array_size(hidden) + 1;
	HN_NEW_ZERO(context, head->layers, head->layer_count);
	for (int k = 0; k < head->layer_count - 1; k++)
		HN_TRY(to_int(context, section, "hidden", json_array_get(hidden, k), &head->layers[k].out));
	return HN_OK;
}

static HnStatus
get_descriptors(HnContext *context, const Section *section, const char *key, const HnDescriptorSet **set)
{
	const char *name = NULL;

	HN_TRY(get_string(context, section, key, &name));
	*set = hn_descriptor_set(name);
	if (*set == NULL)
		return hn_fail(context, HN_INVALID_MODEL, "unrecognized descriptor set \"%s\", expected \"%s\"",
					   hn_quoted(name).text, hn_descriptors_rdkit_2d.name);
	return HN_OK;
}

static HnStatus
read_kernel_blocks(HnContext *context, const Section *section, HnKernelHead *kernel)
{
	static const char *const descriptor_keys[] = {"set", "weight", NULL};
	static const char *const count_keys[] = {"weight", "share", "entries", NULL};
	Section		block;

	if (json_object_get(section->object, "fingerprint"))
		HN_TRY(get_double(context, section, "fingerprint", &kernel->fingerprint_weight));

	snprintf(block.name, sizeof(block.name), "%.32s.descriptors", section->name);
	if (json_object_get(section->object, "descriptors"))
	{
		HN_TRY(enter(context, &block, json_object_get(section->object, "descriptors"), descriptor_keys));
		HN_TRY(get_descriptors(context, &block, "set", &kernel->descriptors));
		HN_TRY(get_double(context, &block, "weight", &kernel->descriptor_weight));
	}

	snprintf(block.name, sizeof(block.name), "%.32s.counts", section->name);
	if (json_object_get(section->object, "counts"))
	{
		HN_TRY(enter(context, &block, json_object_get(section->object, "counts"), count_keys));
		if (json_object_get(block.object, "weight"))
			HN_TRY(get_double(context, &block, "weight", &kernel->count_weight));
		HN_TRY(get_double(context, &block, "share", &kernel->count_share));
		HN_TRY(get_int(context, &block, "entries", &kernel->entry_count));
	}
	return HN_OK;
}

/* Measurements of a regression have noise, classes a prior probability. */
static HnStatus
read_process(HnContext *context, const Section *kernel, int index, json_t *value, HnTask task, HnProcess *process)
{
	static const char *const regression_keys[] = {"variance", "noise", "least", "most", NULL};
	static const char *const classification_keys[] = {"variance", "offset", NULL};
	Section		section;

	snprintf(section.name, sizeof(section.name), "%.24s.processes[%d]", kernel->name, index);
	HN_TRY(enter(context, &section, value, task == HN_REGRESSION ? regression_keys : classification_keys));
	HN_TRY(get_double(context, &section, "variance", &process->variance));
	if (task == HN_CLASSIFICATION)
		return get_double(context, &section, "offset", &process->offset);
	if (json_object_get(section.object, "least") || json_object_get(section.object, "most"))
	{
		HN_TRY(get_double(context, &section, "least", &process->least));
		HN_TRY(get_double(context, &section, "most", &process->most));
	}
	return get_double(context, &section, "noise", &process->noise);
}

static HnStatus
read_kernel(HnContext *context, const Section *head_section, HnHead *head)
{
	static const char *const keys[] = {
		"function", "rows", "rank", "fingerprint", "descriptors", "counts", "processes", NULL
	};
	Section		section;
	HnKernelHead *kernel;
	json_t	   *processes = NULL;
	int			function = 0;

	HN_NEW_ZERO(context, kernel, 1);
	head->kernel = kernel;
	snprintf(section.name, sizeof(section.name), "%.32s.kernel", head_section->name);
	HN_TRY(enter(context, &section, json_object_get(head_section->object, "kernel"), keys));
	HN_TRY(get_choice(context, &section, "function", function_names, 2, &function));
	kernel->function = (HnKernelFunction) function;
	HN_TRY(get_int(context, &section, "rows", &kernel->rows));
	HN_TRY(get_int(context, &section, "rank", &kernel->rank));
	HN_TRY(read_kernel_blocks(context, &section, kernel));
	HN_TRY(get_array(context, &section, "processes", &processes));
	if ((int) json_array_size(processes) != head->target_count)
		return hn_fail(context, HN_INVALID_MODEL, "%s has %d processes for %d targets",
					   section.name, (int) json_array_size(processes), head->target_count);
	HN_NEW_ZERO(context, kernel->processes, head->target_count);
	for (int k = 0; k < head->target_count; k++)
		HN_TRY(read_process(context, &section, k, json_array_get(processes, k), head->task,
							&kernel->processes[k]));
	return HN_OK;
}

/* What networks read beside the fingerprint, if the head says so. */
static HnStatus
read_inputs(HnContext *context, const Section *head_section, HnHead *head)
{
	static const char *const keys[] = {"fingerprint", "descriptors", "counts", NULL};
	static const char *const fingerprints[] = {"raw", "standardised"};
	Section		section;
	json_t	   *value = json_object_get(head_section->object, "inputs");
	int			choice = 0;

	if (value == NULL)
		return HN_OK;
	snprintf(section.name, sizeof(section.name), "%.32s.inputs", head_section->name);
	HN_TRY(enter(context, &section, value, keys));
	HN_NEW_ZERO(context, head->inputs, 1);
	HN_TRY(get_choice(context, &section, "fingerprint", fingerprints, 2, &choice));
	head->inputs->standardised = choice == 1;
	if (json_object_get(value, "descriptors"))
		HN_TRY(get_descriptors(context, &section, "descriptors", &head->inputs->descriptors));
	if (json_object_get(value, "counts"))
		HN_TRY(get_int(context, &section, "counts", &head->inputs->counts));
	return HN_OK;
}

/* The numbers between which the leaves of one target lie. Those of classes are probabilities. */
static HnStatus
read_range(HnContext *context, const Section *forest, int index, json_t *value, HnLeafRange *range)
{
	static const char *const keys[] = {"least", "most", NULL};
	Section		section;

	snprintf(section.name, sizeof(section.name), "%.24s.ranges[%d]", forest->name, index);
	HN_TRY(enter(context, &section, value, keys));
	HN_TRY(get_double(context, &section, "least", &range->least));
	return get_double(context, &section, "most", &range->most);
}

/* The forest of a joint head, if it has one. */
static HnStatus
read_forest(HnContext *context, const Section *head_section, HnHead *head)
{
	static const char *const regression_keys[] = {"descriptors", "trees", "nodes", "ranges", NULL};
	static const char *const classification_keys[] = {"descriptors", "trees", "nodes", NULL};
	Section		section;
	HnForest   *forest;
	json_t	   *ranges = NULL;

	if (json_object_get(head_section->object, "forest") == NULL)
		return HN_OK;
	HN_NEW_ZERO(context, forest, 1);
	head->forest = forest;
	snprintf(section.name, sizeof(section.name), "%.32s.forest", head_section->name);
	HN_TRY(enter(context, &section, json_object_get(head_section->object, "forest"),
				 head->task == HN_REGRESSION ? regression_keys : classification_keys));
	HN_TRY(get_descriptors(context, &section, "descriptors", &forest->descriptors));
	HN_TRY(get_int(context, &section, "trees", &forest->tree_count));
	HN_TRY(get_int(context, &section, "nodes", &forest->node_count));
	HN_NEW(context, forest->ranges, head->target_count);
	for (int t = 0; t < head->target_count; t++)
		forest->ranges[t] = (HnLeafRange) {0, 1};
	if (head->task == HN_CLASSIFICATION)
		return HN_OK;
	HN_TRY(get_array(context, &section, "ranges", &ranges));
	if ((int) json_array_size(ranges) != head->target_count)
		return hn_fail(context, HN_INVALID_MODEL, "%s has %d ranges for %d targets",
					   section.name, (int) json_array_size(ranges), head->target_count);
	for (int t = 0; t < head->target_count; t++)
		HN_TRY(read_range(context, &section, t, json_array_get(ranges, t), &forest->ranges[t]));
	return HN_OK;
}

/* How the parts of a joint head are weighed. */
static HnStatus
read_joint(HnContext *context, const Section *head_section, HnHead *head)
{
	static const char *const keys[] = {"share", "forest", "factors", NULL};
	Section		section;
	json_t	   *factors = NULL;

	snprintf(section.name, sizeof(section.name), "%.32s.joint", head_section->name);
	HN_TRY(enter(context, &section, json_object_get(head_section->object, "joint"), keys));
	HN_NEW_ZERO(context, head->joint, 1);
	HN_NEW(context, head->joint->factors, head->target_count);
	HN_TRY(get_double(context, &section, "share", &head->joint->kernel));
	if (head->forest)
		HN_TRY(get_double(context, &section, "forest", &head->joint->forest));
	else if (json_object_get(section.object, "forest"))
		return hn_fail(context, HN_INVALID_MODEL, "%s has the share of a forest that the head has not", section.name);
	HN_TRY(get_array(context, &section, "factors", &factors));
	if ((int) json_array_size(factors) != head->target_count)
		return hn_fail(context, HN_INVALID_MODEL, "%s has %d factors for %d targets",
					   section.name, (int) json_array_size(factors), head->target_count);
	for (int t = 0; t < head->target_count; t++)
	{
		json_t	   *factor = json_array_get(factors, t);

		if (!json_is_number(factor))
			return wrong_type(context, &section, "factors", factor, "a number");
		head->joint->factors[t] = json_number_value(factor);
	}
	return HN_OK;
}

/* The molecules that the head remembers, if it does; rows are absent where a kernel part has them. */
static HnStatus
read_known(HnContext *context, const Section *head_section, HnHead *head)
{
	static const char *const keys[] = {"distance", "rows", NULL};
	Section		section;
	json_t	   *value = json_object_get(head_section->object, "known");

	if (value == NULL)
		return HN_OK;
	snprintf(section.name, sizeof(section.name), "%.32s.known", head_section->name);
	HN_TRY(enter(context, &section, value, keys));
	HN_NEW_ZERO(context, head->known, 1);
	HN_TRY(get_double(context, &section, "distance", &head->known->distance));
	if (!hn_known_by_kernel(head))
		return get_int(context, &section, "rows", &head->known->rows);
	if (json_object_get(value, "rows"))
		return hn_fail(context, HN_INVALID_MODEL, "%s has rows, which its kernel has already", section.name);
	return HN_OK;
}

static HnStatus
read_head(HnContext *context, int index, json_t *value, HnHead *head)
{
	static const char *const keys[][12] = {
		[HN_NETWORK_HEAD] = {"name", "task", "hidden", "members", "inputs", "known", "targets", NULL},
		[HN_KERNEL_HEAD] = {"name", "task", "kind", "kernel", "known", "targets", NULL},
		[HN_JOINT_HEAD] = {"name", "task", "kind", "kernel", "forest", "hidden", "members", "inputs", "joint", "known",
		"targets", NULL}
	};
	static const char *const kinds[] = {"kernel", "joint"};
	Section		section = {.object = value};
	json_t	   *targets = NULL;
	int			choice = 0;

	memset(head, 0, sizeof(*head));
	snprintf(section.name, sizeof(section.name), "heads[%d]", index);
	if (json_object_get(value, "kind"))
	{
		HN_TRY(get_choice(context, &section, "kind", kinds, 2, &choice));
		head->kind = choice == 0 ? HN_KERNEL_HEAD : HN_JOINT_HEAD;
	}
	HN_TRY(enter(context, &section, value, keys[head->kind]));
	HN_TRY(get_string(context, &section, "name", &head->name));
	HN_TRY(get_choice(context, &section, "task", task_names, 2, &choice));
	head->task = (HnTask) choice;
	if (head->kind != HN_KERNEL_HEAD)
	{
		HN_TRY(read_layers(context, &section, head));
		HN_TRY(read_inputs(context, &section, head));
	}

	HN_TRY(get_array(context, &section, "targets", &targets));
	head->target_count = (int) json_array_size(targets);
	HN_NEW(context, head->targets, head->target_count);
	for (int k = 0; k < head->target_count; k++)
		HN_TRY(read_target(context, &section, k, json_array_get(targets, k), head->task, &head->targets[k]));

	if (head->kind == HN_KERNEL_HEAD || (head->kind == HN_JOINT_HEAD && json_object_get(value, "kernel")))
		HN_TRY(read_kernel(context, &section, head));
	if (head->kind == HN_JOINT_HEAD)
		HN_TRY(read_forest(context, &section, head));
	HN_TRY(read_known(context, &section, head));
	return head->kind == HN_JOINT_HEAD ? read_joint(context, &section, head) : HN_OK;
}

/* Format and features come first: in a file of another format, other keys may be right. */
static HnStatus
read_configuration(HnContext *context, json_t *root, HnModel *model)
{
	static const char *const keys[] = {"format", "features", "engine", "fingerprint", "heads", NULL};
	Section		section = {.object = root, .name = "the configuration"};
	int			format = 0;
	const char *features = NULL;
	json_t	   *heads = NULL;

	HN_TRY(get_int(context, &section, "format", &format));
	if (format != FORMAT)
		return hn_fail(context, HN_INVALID_MODEL, "the model has format %d, only format %d is supported",
					   format, FORMAT);
	HN_TRY(get_string(context, &section, "features", &features));
	model->features = hn_feature_set(features);
	if (model->features == NULL)
		return hn_fail(context, HN_INVALID_MODEL, "unrecognized feature set \"%s\", expected \"%s\" or \"%s\"",
					   hn_quoted(features).text, hn_features_2021.name, hn_features_2026.name);
	HN_TRY(hn_json_known_keys(context, section.name, root, keys));

	HN_TRY(read_engine(context, json_object_get(root, "engine"), &model->engine_config));
	HN_TRY(read_fingerprint(context, json_object_get(root, "fingerprint"), &model->fingerprint_config,
							&model->other_count));
	HN_TRY(get_array(context, &section, "heads", &heads));
	model->head_count = (int) json_array_size(heads);
	HN_NEW(context, model->heads, model->head_count);
	for (int i = 0; i < model->head_count; i++)
		HN_TRY(read_head(context, i, json_array_get(heads, i), &model->heads[i]));
	return HN_OK;
}

/* Reading: the tensors */

/* A width that the configuration does not name: the rows of this tensor. */
static HnStatus
width_from_tensor(HnContext *context, const HnSafetensors *file, const char *name, int *width)
{
	const HnStoredTensor *tensor = hn_safetensors_find(file, name);

	if (tensor == NULL)
		return hn_fail(context, HN_INVALID_MODEL, "tensor \"%s\" is missing", name);
	if (tensor->shape[0] > HN_MAX_WIDTH)
		return hn_fail(context, HN_INVALID_MODEL, "tensor \"%s\" has %" PRId64 " rows, at most %d are allowed",
					   name, tensor->shape[0], HN_MAX_WIDTH);
	*width = (int) tensor->shape[0];
	return HN_OK;
}

/* A shape as "[2, 3]". */
typedef struct ShapeText
{
	char		text[64];
} ShapeText;

static ShapeText
shape_text(int dims, int64_t rows, int64_t columns)
{
	ShapeText	shape;

	if (dims == 1)
		snprintf(shape.text, sizeof(shape.text), "[%" PRId64 "]", rows);
	else
		snprintf(shape.text, sizeof(shape.text), "[%" PRId64 ", %" PRId64 "]", rows, columns);
	return shape;
}

/* What a model's tensors and tables are matched against. */
typedef struct Matching
{
	const HnSafetensors *file;
	bool	   *expected;		/* [file->tensor_count] */
} Matching;

/* The stored tensor of that name, which must have this type and shape. */
static HnStatus
match(HnContext *context, Matching *matching, const char *name, HnDtype dtype, int dims, const int *shape,
	  const HnStoredTensor **stored)
{
	const HnStoredTensor *found = hn_safetensors_find(matching->file, name);
	ShapeText	wanted = shape_text(dims, shape[0], shape[1]);

	if (found == NULL)
		return hn_fail(context, HN_INVALID_MODEL, "tensor \"%s\" is missing, its shape is %s", name, wanted.text);
	if (found->dims != dims || found->shape[0] != shape[0] || found->shape[1] != shape[1])
		return hn_fail(context, HN_INVALID_MODEL, "tensor \"%s\" has shape %s, the configuration implies %s",
					   name, shape_text(found->dims, found->shape[0], found->shape[1]).text, wanted.text);
	if (found->dtype != dtype)
		return hn_fail(context, HN_INVALID_MODEL, "tensor \"%s\" has another dtype than it must have", name);
	/* Names of heads and numbers of members might compose one name in two ways. */
	if (matching->expected[found - matching->file->tensors])
		return hn_fail(context, HN_INVALID_MODEL, "two tensors of the model are named \"%s\"", name);
	matching->expected[found - matching->file->tensors] = true;
	*stored = found;
	return HN_OK;
}

static HnStatus
refuse_others(HnContext *context, const Matching *matching)
{
	for (int i = 0; i < matching->file->tensor_count; i++)
	{
		const HnStoredTensor *tensor = &matching->file->tensors[i];

		if (!matching->expected[i])
			return hn_fail(context, HN_INVALID_MODEL, "tensor \"%s\" of shape %s does not belong to the model",
						   tensor->name, shape_text(tensor->dims, tensor->shape[0], tensor->shape[1]).text);
	}
	return HN_OK;
}

/* Point the tensors to the file's values, or to copies of those that cannot be used there. */
static HnStatus
use_in_place(HnContext *context, const HnTensor *tensors, const HnStoredTensor *const *stored, int count)
{
	for (int i = 0; i < count; i++)
	{
		const real *values = hn_stored_values_in_place(stored[i]);
		real	   *copy;

		if (values == NULL)
		{
			HN_NEW(context, copy, (size_t) tensors[i].shape[0] * tensors[i].shape[1]);
			hn_stored_values(stored[i], copy);
			values = copy;
		}
		*tensors[i].data = (real *) values;
	}
	return HN_OK;
}

/* The same for tables. */
static HnStatus
use_tables_in_place(HnContext *context, const HnTable *tables, const HnStoredTensor *const *stored, int count)
{
	for (int i = 0; i < count; i++)
	{
		const void *values = hn_stored_in_place(stored[i]);
		char	   *copy;

		if (values == NULL)
		{
			HN_NEW(context, copy, (size_t) tables[i].shape[0] * tables[i].shape[1] * hn_dtype_size(tables[i].dtype));
			hn_stored_copy(stored[i], copy);
			values = copy;
		}
		hn_table_place(&tables[i], values);
	}
	return HN_OK;
}

static HnStatus
read_tensors(HnContext *context, const HnSafetensors *file, bool in_place, HnModel *model)
{
	HnTensor   *tensors = NULL;
	HnTable    *tables = NULL;
	const HnStoredTensor **stored_tensors;
	const HnStoredTensor **stored_tables;
	Matching	matching = {.file = file};
	int			tensor_count = 0;
	int			table_count = 0;

	if (model->engine_config.enabled)
	{
		HN_TRY(width_from_tensor(context, file, "engine.potential.weight",
								 &model->engine_config.potential_width));
		HN_TRY(width_from_tensor(context, file, "engine.dissipation.weight",
								 &model->engine_config.dissipation_width));
	}
	HN_TRY(hn_model_shape(context, model));
	HN_TRY(hn_model_tensors(context, model, &tensors, &tensor_count));
	HN_TRY(hn_model_tables(context, model, &tables, &table_count));
	HN_NEW_ZERO(context, matching.expected, file->tensor_count);
	HN_NEW(context, stored_tensors, tensor_count);
	HN_NEW(context, stored_tables, table_count);
	for (int i = 0; i < tensor_count; i++)
		HN_TRY(match(context, &matching, tensors[i].name, HN_F32, tensors[i].dims, tensors[i].shape,
					 &stored_tensors[i]));
	for (int i = 0; i < table_count; i++)
		HN_TRY(match(context, &matching, tables[i].name, tables[i].dtype, tables[i].dims, tables[i].shape,
					 &stored_tables[i]));
	HN_TRY(refuse_others(context, &matching));

	if (in_place)
	{
		HN_TRY(use_in_place(context, tensors, stored_tensors, tensor_count));
		hn_model_share_engine(model);
		HN_TRY(use_tables_in_place(context, tables, stored_tables, table_count));
	}
	else
	{
		HN_TRY(hn_model_allocate(context, model));
		HN_TRY(hn_model_tensors(context, model, &tensors, &tensor_count));
		for (int i = 0; i < tensor_count; i++)
			hn_stored_values(stored_tensors[i], *tensors[i].data);
		HN_TRY(hn_model_tables(context, model, &tables, &table_count));
		for (int i = 0; i < table_count; i++)
			hn_stored_copy(stored_tables[i], hn_table_data(&tables[i]));
	}
	for (int i = 0; i < model->head_count; i++)
	{
		if (hn_has_kernel(&model->heads[i]))
			HN_TRY(hn_kernel_check(context, &model->heads[i]));
		if (hn_has_forest(&model->heads[i]))
			HN_TRY(hn_forest_link(context, &model->heads[i]));
		HN_TRY(hn_inputs_check(context, &model->heads[i]));
		HN_TRY(hn_known_check(context, &model->heads[i]));
	}
	return HN_OK;
}

static HnStatus
read_model(HnContext *context, const unsigned char *bytes, size_t size, bool in_place, HnModel *model)
{
	HnSafetensors file;
	json_t	   *root;
	HnStatus	status;

	memset(model, 0, sizeof(*model));
	HN_TRY(hn_safetensors_open(context, bytes, size, &file));
	if (file.metadata == NULL)
		return hn_fail(context, HN_INVALID_MODEL, "the file holds no hamnet model: __metadata__.hamnet is missing");

	HN_TRY(hn_json_parse(context, "the configuration", file.metadata, strlen(file.metadata), &root));
	status = read_configuration(context, root, model);
	json_decref(root);
	HN_TRY(status);
	return read_tensors(context, &file, in_place, model);
}

HnStatus
hn_model_read(HnContext *context, const unsigned char *bytes, size_t size, HnModel *model)
{
	return read_model(context, bytes, size, false, model);
}

HnStatus
hn_model_read_in_place(HnContext *context, const unsigned char *bytes, size_t size, HnModel *model)
{
	return read_model(context, bytes, size, true, model);
}

/*
 * Writing: the configuration. In json_pack's formats "o" takes a reference
 * even when it fails, and fails for a NULL, so that the memory an inner call
 * lacked makes the outer ones fail.
 */

static json_t *
pack_engine(const HnEngineConfig *engine)
{
	if (!engine->enabled)
		return json_pack("{s:b}", "enabled", 0);
	return json_pack("{s:b,s:i,s:i,s:i,s:f,s:b}", "enabled", 1,
					 "dim", engine->dim, "hidden", engine->hidden, "steps", engine->steps,
					 "tau", engine->tau, "dissipate", (int) engine->dissipate);
}

/* Set a key, or give the object up and return NULL. */
static json_t *
with(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) == 0)
		return object;
	json_decref(object);
	return NULL;
}

static json_t *
pack_fingerprint(const HnModel *model)
{
	const HnFingerprintConfig *fingerprint = &model->fingerprint_config;
	json_t	   *packed = json_pack("{s:i,s:i,s:i,s:i}", "dim", fingerprint->dim, "edge_dim", fingerprint->edge_dim,
								   "layers", fingerprint->layers, "rounds", fingerprint->rounds);

	if (fingerprint->bond_messages)
		packed = with(packed, "bond_messages", json_true());
	if (fingerprint->projection)
		packed = with(packed, "projection", json_true());
	if (fingerprint->counts > 0)
		packed = with(packed, "counts", json_integer(fingerprint->counts));
	if (model->other_count > 0)
		packed = with(packed, "generators", json_integer(model->other_count + 1));
	return packed;
}

static json_t *
pack_target(HnTask task, const HnTarget *target)
{
	if (task == HN_CLASSIFICATION)
		return json_pack("{s:s,s:s}", "name", target->name, "unit", target->unit);
	return json_pack("{s:s,s:s,s:f,s:f}", "name", target->name, "unit", target->unit,
					 "mean", target->mean, "std", target->std);
}

/* Append to an array and keep it, or give it up and return NULL. */
static json_t *
append(json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) == 0)
		return array;
	json_decref(array);
	return NULL;
}

static json_t *
pack_inputs(const HnHeadInputs *inputs)
{
	json_t	   *packed = json_pack("{s:s}", "fingerprint", inputs->standardised ? "standardised" : "raw");

	if (inputs->descriptors)
		packed = with(packed, "descriptors", json_string(inputs->descriptors->name));
	if (inputs->counts > 0)
		packed = with(packed, "counts", json_integer(inputs->counts));
	return packed;
}

/* Add what describes the networks of a head. */
static json_t *
with_layers(json_t *packed, const HnHead *head)
{
	json_t	   *hidden = json_array();

	for (int k = 0; k < head->layer_count - 1; k++)
		hidden = append(hidden, json_integer(head->layers[k].out));
	packed = with(packed, "hidden", hidden);
	if (head->member_count > 1)
		packed = with(packed, "members", json_integer(head->member_count));
	if (head->inputs)
		packed = with(packed, "inputs", pack_inputs(head->inputs));
	return packed;
}

static json_t *
pack_process(HnTask task, const HnProcess *process)
{
	if (task == HN_CLASSIFICATION)
		return json_pack("{s:f,s:f}", "variance", process->variance, "offset", process->offset);
	if (process->least < process->most)
		return json_pack("{s:f,s:f,s:f,s:f}", "variance", process->variance, "noise", process->noise,
						 "least", process->least, "most", process->most);
	return json_pack("{s:f,s:f}", "variance", process->variance, "noise", process->noise);
}

static json_t *
pack_kernel(const HnHead *head)
{
	const HnKernelHead *kernel = head->kernel;
	json_t	   *processes = json_array();
	json_t	   *packed;

	for (int t = 0; t < head->target_count; t++)
		processes = append(processes, pack_process(head->task, &kernel->processes[t]));
	packed = json_pack("{s:s,s:i,s:i,s:o}", "function", function_names[kernel->function],
					   "rows", kernel->rows, "rank", kernel->rank, "processes", processes);
	if (kernel->fingerprint_weight > 0)
		packed = with(packed, "fingerprint", json_real(kernel->fingerprint_weight));
	if (kernel->descriptors)
		packed = with(packed, "descriptors", json_pack("{s:s,s:f}", "set", kernel->descriptors->name,
													   "weight", kernel->descriptor_weight));
	if (hn_kernel_uses_counts(kernel))
	{
		json_t	   *counts = json_pack("{s:f,s:i}", "share", kernel->count_share, "entries", kernel->entry_count);

		if (kernel->count_weight > 0)
			counts = with(counts, "weight", json_real(kernel->count_weight));
		packed = with(packed, "counts", counts);
	}
	return packed;
}

static json_t *
pack_forest(const HnHead *head)
{
	const HnForest *forest = head->forest;
	json_t	   *packed = json_pack("{s:s,s:i,s:i}", "descriptors", forest->descriptors->name,
								   "trees", forest->tree_count, "nodes", forest->node_count);
	json_t	   *ranges;

	if (head->task == HN_CLASSIFICATION)
		return packed;
	ranges = json_array();
	for (int t = 0; t < head->target_count; t++)
		ranges = append(ranges, json_pack("{s:f,s:f}", "least", forest->ranges[t].least,
										  "most", forest->ranges[t].most));
	return with(packed, "ranges", ranges);
}

static json_t *
pack_joint(const HnHead *head)
{
	json_t	   *factors = json_array();
	json_t	   *packed;

	for (int t = 0; t < head->target_count; t++)
		factors = append(factors, json_real(head->joint->factors[t]));
	packed = json_pack("{s:f,s:o}", "share", head->joint->kernel, "factors", factors);
	if (hn_has_forest(head))
		packed = with(packed, "forest", json_real(head->joint->forest));
	return packed;
}

static json_t *
pack_known(const HnKnown *known)
{
	json_t	   *packed = json_pack("{s:f}", "distance", known->distance);

	if (known->rows > 0)
		packed = with(packed, "rows", json_integer(known->rows));
	return packed;
}

static json_t *
pack_head(const HnHead *head)
{
	json_t	   *targets = json_array();
	json_t	   *packed;

	for (int k = 0; k < head->target_count; k++)
		targets = append(targets, pack_target(head->task, &head->targets[k]));
	packed = json_pack("{s:s,s:s,s:o}", "name", head->name, "task", task_names[head->task], "targets", targets);
	if (head->kind != HN_KERNEL_HEAD)
		packed = with_layers(packed, head);
	if (head->kind != HN_NETWORK_HEAD)
		packed = with(packed, "kind", json_string(head->kind == HN_JOINT_HEAD ? "joint" : "kernel"));
	if (hn_has_kernel(head))
		packed = with(packed, "kernel", pack_kernel(head));
	if (hn_has_forest(head))
		packed = with(packed, "forest", pack_forest(head));
	if (head->kind == HN_JOINT_HEAD)
		packed = with(packed, "joint", pack_joint(head));
	if (head->known)
		packed = with(packed, "known", pack_known(head->known));
	return packed;
}

/* The configuration as JSON, which the caller releases; NULL without memory. */
static json_t *
pack_configuration(const HnModel *model)
{
	json_t	   *heads = json_array();

	for (int i = 0; i < model->head_count; i++)
		heads = append(heads, pack_head(&model->heads[i]));
	return json_pack("{s:i,s:s,s:o,s:o,s:o}", "format", FORMAT, "features", model->features->name,
					 "engine", pack_engine(&model->engine_config),
					 "fingerprint", pack_fingerprint(model),
					 "heads", heads);
}

/* Writing: the tensors */

/* The values as float32: where they lie, or converted when real is double. */
static HnStatus
float_values(HnContext *context, const real *values, size_t count, const unsigned char **floats)
{
#ifdef HAMNET_DOUBLE
	float	   *converted;

	HN_NEW(context, converted, count);
	for (size_t i = 0; i < count; i++)
		converted[i] = (float) values[i];
	*floats = (const unsigned char *) converted;
#else
	(void) context;
	(void) count;
	*floats = (const unsigned char *) values;
#endif
	return HN_OK;
}

HnStatus
hn_model_write(HnContext *context, HnModel *model, unsigned char **bytes, size_t *size)
{
	HnTensor   *tensors = NULL;
	HnTable    *tables = NULL;
	HnStoredTensor *stored;
	int			count = 0;
	int			table_count = 0;
	const char *text = NULL;
	json_t	   *configuration;
	HnStatus	status;

	HN_TRY(hn_model_tensors(context, model, &tensors, &count));
	HN_TRY(hn_model_tables(context, model, &tables, &table_count));
	HN_NEW(context, stored, (size_t) count + table_count);
	for (int i = 0; i < count; i++)
	{
		stored[i] = (HnStoredTensor)
		{
			.name = tensors[i].name,
			.dims = tensors[i].dims,
			.shape = {tensors[i].shape[0], tensors[i].shape[1]}
		};
		HN_TRY(float_values(context, *tensors[i].data,
							(size_t) tensors[i].shape[0] * tensors[i].shape[1], &stored[i].data));
	}
	for (int i = 0; i < table_count; i++)
		stored[count + i] = (HnStoredTensor)
		{
			.name = tables[i].name,
			.dtype = tables[i].dtype,
			.dims = tables[i].dims,
			.shape = {tables[i].shape[0], tables[i].shape[1]},
			.data = hn_table_data(&tables[i])
		};

	configuration = pack_configuration(model);
	status = hn_json_text(context, configuration, JSON_REAL_PRECISION(DOUBLE_DIGITS), &text);
	json_decref(configuration);
	HN_TRY(status);
	return hn_safetensors_write(context, stored, count + table_count, text, bytes, size);
}
