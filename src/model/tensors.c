/*
 * tensors.c: the tensors of a model: widths, names, memory, initial values
 * (model specification, sections 2 to 5; doc/model-format.md).
 */
#include "hamnet/forest.h"
#include "hamnet/kernel_head.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hamnet/joint.h"
#include "hamnet/json.h"
#include "hamnet/known.h"
#include "hamnet/random.h"
#include "inputs.h"

#define LSTM_GATES 4
#define GRU_GATES 3

int
hn_model_coordinate_width(const HnModel *model)
{
	return model->engine_config.enabled ? 2 * model->engine_config.dim : 0;
}

int
hn_model_bond_width(const HnModel *model)
{
	return model->fingerprint_config.bond_messages ? model->features->bond_columns : 0;
}

static HnStatus
check_range(HnContext *context, const char *name, int value, int least, int most)
{
	if (value < least || value > most)
		return hn_fail(context, HN_INVALID_MODEL, "%s is %d, it must be between %d and %d",
					   name, value, least, most);
	return HN_OK;
}

static HnStatus
check_engine(HnContext *context, const HnEngineConfig *engine)
{
	HN_TRY(check_range(context, "engine.dim", engine->dim, 1, HN_MAX_WIDTH));
	HN_TRY(check_range(context, "engine.hidden", engine->hidden, 1, HN_MAX_WIDTH));
	HN_TRY(check_range(context, "engine.steps", engine->steps, 0, HN_MAX_STEPS));
	HN_TRY(check_range(context, "the width of engine.potential", engine->potential_width, 1, HN_MAX_WIDTH));
	HN_TRY(check_range(context, "the width of engine.dissipation", engine->dissipation_width, 1, HN_MAX_WIDTH));
	if (!(engine->tau > 0 && engine->tau <= HN_MAX_TAU))
		return hn_fail(context, HN_INVALID_MODEL, "engine.tau is %g, it must be above 0 and at most %g",
					   engine->tau, HN_MAX_TAU);
	return HN_OK;
}

static HnStatus
check_fingerprint(HnContext *context, const HnModel *model)
{
	const HnFingerprintConfig *fingerprint = &model->fingerprint_config;

	HN_TRY(check_range(context, "fingerprint.dim", fingerprint->dim, 1, HN_MAX_WIDTH));
	HN_TRY(check_range(context, "fingerprint.edge_dim", fingerprint->edge_dim, 1, HN_MAX_WIDTH));
	HN_TRY(check_range(context, "fingerprint.layers", fingerprint->layers, 1, HN_MAX_LAYERS));
	/* Only a round's ReLU makes the read-out non-negative, so there is at least one. */
	HN_TRY(check_range(context, "fingerprint.rounds", fingerprint->rounds, 1, HN_MAX_STEPS));
	HN_TRY(check_range(context, "fingerprint.counts", fingerprint->counts, 0, HN_COUNT_COLUMNS));
	if (fingerprint->counts > 0 && !(fingerprint->projection && model->features->counts))
		return hn_fail(context, HN_INVALID_MODEL,
					   "fingerprint.counts is %d, but there is no projection or feature set \"%s\" has no counts",
					   fingerprint->counts, model->features->name);
	return HN_OK;
}

static HnStatus
check_target(HnContext *context, const HnHead *head, const HnTarget *target)
{
	if (!hn_is_label(target->name, HN_MAX_LABEL))
		return hn_fail(context, HN_INVALID_MODEL,
					   "target name \"%s\" of head \"%s\" is not 1 to %d bytes without control characters",
					   hn_quoted(target->name).text, head->name, HN_MAX_LABEL);
	if (target->unit[0] != '\0' && !hn_is_label(target->unit, HN_MAX_LABEL))
		return hn_fail(context, HN_INVALID_MODEL,
					   "unit \"%s\" of target \"%s\" is not at most %d bytes without control characters",
					   hn_quoted(target->unit).text, hn_quoted(target->name).text, HN_MAX_LABEL);
	if (head->task == HN_REGRESSION && !(isfinite(target->mean) && isfinite(target->std) && target->std > 0))
		return hn_fail(context, HN_INVALID_MODEL,
					   "target \"%s\" has mean %g and std %g, they must be finite and std above 0",
					   hn_quoted(target->name).text, target->mean, target->std);
	return HN_OK;
}

static HnStatus
check_layers(HnContext *context, const HnHead *head)
{
	char		what[HN_MAX_HEAD_NAME + 64];

	snprintf(what, sizeof(what), "the number of hidden layers of head \"%s\"", head->name);
	HN_TRY(check_range(context, what, head->layer_count - 1, 0, HN_MAX_LAYERS));
	snprintf(what, sizeof(what), "the number of members of head \"%s\"", head->name);
	HN_TRY(check_range(context, what, head->member_count, 1, HN_MAX_MEMBERS));
	snprintf(what, sizeof(what), "a hidden width of head \"%s\"", head->name);
	for (int k = 0; k < head->layer_count - 1; k++)
		HN_TRY(check_range(context, what, head->layers[k].out, 1, HN_MAX_WIDTH));
	if (head->inputs)
	{
		snprintf(what, sizeof(what), "the number of columns of counts of head \"%s\"", head->name);
		HN_TRY(check_range(context, what, head->inputs->counts, 0, HN_COUNT_COLUMNS));
	}
	return HN_OK;
}

static HnStatus
check_number(HnContext *context, const HnHead *head, const char *what, double value, double least, double most)
{
	if (!(value >= least && value <= most))
		return hn_fail(context, HN_INVALID_MODEL, "%s of head \"%s\" is %g, it must be between %g and %g",
					   what, head->name, value, least, most);
	return HN_OK;
}

/* Block weights and variances beyond this overflow what is computed from them. */
#define MOST_WEIGHT 1e6

/* One step in one column of the widest fingerprint is farther than this: 1 / (21 · 64). */
#define LEAST_DISTANCE 1e-4

static HnStatus
check_kernel(HnContext *context, const HnHead *head)
{
	const HnKernelHead *kernel = head->kernel;
	char		what[HN_MAX_HEAD_NAME + 64];

	snprintf(what, sizeof(what), "the number of rows of head \"%s\"", head->name);
	HN_TRY(check_range(context, what, kernel->rows, 1, HN_MAX_KERNEL_ROWS));
	snprintf(what, sizeof(what), "the rank of head \"%s\"", head->name);
	HN_TRY(check_range(context, what, kernel->rank, 0,
					   head->task == HN_CLASSIFICATION ? 0 :
					   kernel->rows < HN_MAX_KERNEL_RANK ? kernel->rows : HN_MAX_KERNEL_RANK));
	HN_TRY(check_number(context, head, "the fingerprint's weight", kernel->fingerprint_weight, 0, MOST_WEIGHT));
	HN_TRY(check_number(context, head, "the descriptors' weight", kernel->descriptor_weight, 0, MOST_WEIGHT));
	HN_TRY(check_number(context, head, "the counts' weight", kernel->count_weight, 0, MOST_WEIGHT));
	HN_TRY(check_number(context, head, "the counts' share", kernel->count_share, 0, 1));
	if ((kernel->descriptors != NULL) != (kernel->descriptor_weight > 0))
		return hn_fail(context, HN_INVALID_MODEL, "the descriptors' weight of head \"%s\" must be above 0 where it uses them",
					   head->name);
	if ((kernel->entry_count != 0) != hn_kernel_uses_counts(kernel))
		return hn_fail(context, HN_INVALID_MODEL, "the counts' share or weight of head \"%s\" must be above 0 where it uses them",
					   head->name);
	if ((kernel->count_share < 1) !=
		(kernel->fingerprint_weight > 0 || kernel->descriptor_weight > 0 || kernel->count_weight > 0))
		return hn_fail(context, HN_INVALID_MODEL,
					   "head \"%s\" must weigh fingerprint, descriptors or counts unless the counts' share is 1",
					   head->name);
	if (hn_kernel_uses_counts(kernel))
	{
		/* An environment for each atom at least, and every column at most. */
		snprintf(what, sizeof(what), "the number of count entries of head \"%s\"", head->name);
		HN_TRY(check_range(context, what, kernel->entry_count, kernel->rows, kernel->rows * HN_COUNT_COLUMNS));
	}
	for (int t = 0; t < head->target_count; t++)
	{
		const HnProcess *process = &kernel->processes[t];

		HN_TRY(check_number(context, head, "a variance", process->variance, 0, MOST_WEIGHT));
		HN_TRY(check_number(context, head, "a noise", process->noise, 0, MOST_WEIGHT));
		HN_TRY(check_number(context, head, "an offset", process->offset, -MOST_WEIGHT, MOST_WEIGHT));
		HN_TRY(check_number(context, head, "the smallest label", process->least, -MOST_WEIGHT, 0));
		HN_TRY(check_number(context, head, "the largest label", process->most, 0, MOST_WEIGHT));
	}
	return HN_OK;
}

static HnStatus
check_forest(HnContext *context, const HnHead *head)
{
	const HnForest *forest = head->forest;
	char		what[HN_MAX_HEAD_NAME + 64];

	snprintf(what, sizeof(what), "the number of trees of head \"%s\"", head->name);
	HN_TRY(check_range(context, what, forest->tree_count, 1, HN_MAX_TREES));
	/* A tree has a node at least: this bounds the trees of all targets, too. */
	snprintf(what, sizeof(what), "the number of nodes of head \"%s\"", head->name);
	HN_TRY(check_range(context, what, forest->node_count, forest->tree_count * head->target_count,
					   HN_MAX_FOREST_NODES));
	for (int t = 0; t < head->target_count; t++)
		if (!(isfinite(forest->ranges[t].least) && isfinite(forest->ranges[t].most)))
			return hn_fail(context, HN_INVALID_MODEL, "the leaves of head \"%s\" are from %g to %g, which is not finite",
						   head->name, forest->ranges[t].least, forest->ranges[t].most);
	return HN_OK;
}

static HnStatus
check_joint(HnContext *context, const HnHead *head)
{
	const HnJoint *joint = head->joint;

	HN_TRY(check_number(context, head, "the kernel's share", joint->kernel, 0, hn_has_kernel(head) ? 1 : 0));
	HN_TRY(check_number(context, head, "the forest's share", joint->forest, 0,
						hn_has_forest(head) ? 1 - joint->kernel : 0));
	for (int t = 0; t < head->target_count; t++)
		HN_TRY(check_number(context, head, "a factor of the deviation", head->joint->factors[t], 0, HN_MAX_JOINT_FACTOR));
	return HN_OK;
}

static HnStatus
check_known(HnContext *context, const HnHead *head)
{
	const HnKnown *known = head->known;
	char		what[HN_MAX_HEAD_NAME + 64];

	if (known == NULL)
		return HN_OK;
	HN_TRY(check_number(context, head, "the distance of known molecules", known->distance, LEAST_DISTANCE, MOST_WEIGHT));
	snprintf(what, sizeof(what), "the number of known molecules of head \"%s\"", head->name);
	return check_range(context, what, known->rows, hn_known_by_kernel(head) ? 0 : 1,
					   hn_known_by_kernel(head) ? 0 : HN_MAX_KNOWN);
}

static HnStatus
check_head(HnContext *context, const HnHead *head)
{
	char		what[HN_MAX_HEAD_NAME + 64];

	if (!hn_is_identifier(head->name, HN_MAX_HEAD_NAME))
		return hn_fail(context, HN_INVALID_MODEL, "head name \"%s\" is not 1 to %d printable ASCII characters",
					   hn_quoted(head->name).text, HN_MAX_HEAD_NAME);
	snprintf(what, sizeof(what), "the number of targets of head \"%s\"", head->name);
	HN_TRY(check_range(context, what, head->target_count, 1, HN_MAX_TARGETS));
	for (int k = 0; k < head->target_count; k++)
		HN_TRY(check_target(context, head, &head->targets[k]));
	if (hn_has_kernel(head))
		HN_TRY(check_kernel(context, head));
	if (hn_has_forest(head))
		HN_TRY(check_forest(context, head));
	if (head->kind != HN_KERNEL_HEAD)
		HN_TRY(check_layers(context, head));
	HN_TRY(check_known(context, head));
	return head->kind == HN_JOINT_HEAD ? check_joint(context, head) : HN_OK;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* Fail if a name, of which there are count, occurs twice. Sorts them. */
static HnStatus
check_unique(HnContext *context, const char *what, const char **names, int count)
{
	if (count > 0)
		qsort(names, count, sizeof(*names), compare_names);
	for (int i = 1; i < count; i++)
		if (strcmp(names[i - 1], names[i]) == 0)
			return hn_fail(context, HN_INVALID_MODEL, "two %s are named \"%s\"", what, hn_quoted(names[i]).text);
	return HN_OK;
}

static HnStatus
check_heads(HnContext *context, const HnModel *model)
{
	const char **names;
	int			targets = 0;

	HN_TRY(check_range(context, "the number of heads", model->head_count, 0, HN_MAX_HEADS));
	for (int i = 0; i < model->head_count; i++)
	{
		HN_TRY(check_head(context, &model->heads[i]));
		targets += model->heads[i].target_count;
	}

	/* Each head has a target, so that this has room for the heads' names as well. */
	HN_NEW(context, names, targets);
	for (int i = 0; i < model->head_count; i++)
		names[i] = model->heads[i].name;
	HN_TRY(check_unique(context, "heads", names, model->head_count));

	targets = 0;
	for (int i = 0; i < model->head_count; i++)
		for (int k = 0; k < model->heads[i].target_count; k++)
			names[targets++] = model->heads[i].targets[k].name;
	return check_unique(context, "targets", names, targets);
}

static HnLinear
linear(int out, int in)
{
	return (HnLinear)
	{
		.out = out, .in = in
	};
}

static HnCell
cell(int gates, int in, int hidden)
{
	return (HnCell)
	{
		.gates = gates, .in = in, .hidden = hidden
	};
}

static void
shape_engine(HnModel *model)
{
	const HnEngineConfig *config = &model->engine_config;
	HnEngineWeights *engine = &model->engine;
	int			atom_columns = model->features->atom_columns;

	engine->gate = linear(1, 2 * atom_columns + model->features->bond_columns);
	engine->gcn1 = linear(config->hidden, atom_columns);
	engine->gcn2 = linear(config->hidden, config->hidden);
	engine->lstm = cell(LSTM_GATES, atom_columns + 2 * config->hidden, 2 * config->dim);
	engine->kinetic = linear(config->hidden, config->dim);
	engine->potential = linear(config->potential_width, config->dim);
	engine->dissipation = linear(config->dissipation_width, config->dim);
	engine->position = linear(3, config->dim);
}

/* Widths of what the networks of a head read. */
static HnStatus
shape_inputs(HnContext *context, const HnModel *model, const HnHead *head)
{
	HnHeadInputs *inputs = head->inputs;
	char		what[HN_MAX_HEAD_NAME + 64];

	inputs->fingerprint_width = model->fingerprint_config.dim;
	inputs->scaled_width = (inputs->standardised ? inputs->fingerprint_width : 0)
		+ (inputs->descriptors ? inputs->descriptors->count : 0);
	inputs->width = inputs->fingerprint_width + (inputs->descriptors ? inputs->descriptors->count : 0)
		+ inputs->counts;
	snprintf(what, sizeof(what), "the number of inputs of head \"%s\"", head->name);
	return check_range(context, what, inputs->width, 1, HN_MAX_WIDTH);
}

/* The first member tells the hidden widths of all. */
static HnStatus
shape_layers(HnContext *context, const HnModel *model, HnHead *head)
{
	const HnLinear *first = head->layers;

	if (head->inputs)
		HN_TRY(shape_inputs(context, model, head));
	HN_NEW(context, head->layers, head->member_count * head->layer_count);
	for (int m = 0; m < head->member_count; m++)
	{
		int			in = head->inputs ? head->inputs->width : model->fingerprint_config.dim;

		for (int k = 0; k < head->layer_count; k++)
		{
			bool		last = k == head->layer_count - 1;
			HnLinear   *layer = &head->layers[m * head->layer_count + k];

			*layer = linear(last ? head->target_count : first[k].out, in);
			in = layer->out;
		}
	}
	return HN_OK;
}

static void
shape_kernel(const HnModel *model, HnKernelHead *kernel)
{
	kernel->fingerprint_width = kernel->fingerprint_weight > 0 ? model->fingerprint_config.dim : 0;
	kernel->width = kernel->fingerprint_width + (kernel->descriptors ? kernel->descriptors->count : 0);
}

static HnStatus
shape_generator(HnContext *context, HnModel *model)
{
	int			r = hn_model_coordinate_width(model);
	int			b = hn_model_bond_width(model);
	int			D = model->fingerprint_config.dim;
	int			G = model->fingerprint_config.edge_dim;

	model->atom = linear(D, model->features->atom_columns);
	model->bond = linear(G, model->features->bond_columns);
	HN_NEW(context, model->layers, model->fingerprint_config.layers);
	for (int l = 0; l < model->fingerprint_config.layers; l++)
	{
		model->layers[l].message = linear(D, 2 * D + r + b);
		model->layers[l].attention = linear(1, G + r);
		model->layers[l].edge = linear(G, 2 * D + r + b);
		model->layers[l].gru = cell(GRU_GATES, D, D);
	}
	model->readout.map = linear(D, D);
	model->readout.attend = linear(D, D + r);
	model->readout.align = linear(1, 2 * D + r);
	model->readout.gru = cell(GRU_GATES, D, D);
	model->readout.projection = linear(D, D);
	model->readout.counts = linear(model->fingerprint_config.counts, D);
	return HN_OK;
}

/* A view of the model with a generator of its own. */
static HnStatus
shape_other(HnContext *context, const HnModel *model, HnModel *other)
{
	*other = *model;
	other->other_count = 0;
	other->others = NULL;
	other->head_count = 0;
	other->heads = NULL;
	return shape_generator(context, other);
}

HnStatus
hn_model_shape(HnContext *context, HnModel *model)
{
	for (int i = 0; i < model->head_count; i++)
		if (model->heads[i].kind != HN_KERNEL_HEAD && model->heads[i].member_count == 0)
			model->heads[i].member_count = 1;

	if (model->engine_config.enabled)
		HN_TRY(check_engine(context, &model->engine_config));
	HN_TRY(check_fingerprint(context, model));
	HN_TRY(check_range(context, "the number of generators", model->other_count + 1, 1, HN_MAX_MEMBERS));
	HN_TRY(check_heads(context, model));

	if (model->engine_config.enabled)
		shape_engine(model);
	HN_TRY(shape_generator(context, model));
	HN_NEW(context, model->others, model->other_count);
	for (int g = 0; g < model->other_count; g++)
		HN_TRY(shape_other(context, model, &model->others[g]));
	for (int i = 0; i < model->head_count; i++)
	{
		if (hn_has_kernel(&model->heads[i]))
			shape_kernel(model, model->heads[i].kernel);
		if (model->heads[i].kind != HN_KERNEL_HEAD)
			HN_TRY(shape_layers(context, model, &model->heads[i]));
		if (model->heads[i].known)
			model->heads[i].known->width = model->fingerprint_config.dim;
	}
	return HN_OK;
}

/* The list under construction; tensors is NULL while they are only counted. */
typedef struct TensorList
{
	HnTensor   *tensors;
	int			count;
} TensorList;

static void
add_tensor(TensorList *list, const char *layer, const char *part, int dims, int rows, int columns, real **data)
{
	if (list->tensors)
	{
		HnTensor   *tensor = &list->tensors[list->count];

		/* Names fit: the longest holds a head's name, of HN_MAX_HEAD_NAME bytes. */
		snprintf(tensor->name, sizeof(tensor->name), "%s.%s", layer, part);
		tensor->dims = dims;
		tensor->shape[0] = rows;
		tensor->shape[1] = columns;
		tensor->data = data;
	}
	list->count++;
}

static void
add_weight(TensorList *list, const char *name, HnLinear *layer)
{
	add_tensor(list, name, "weight", 2, layer->out, layer->in, &layer->weight);
}

static void
add_linear(TensorList *list, const char *name, HnLinear *layer)
{
	add_weight(list, name, layer);
	add_tensor(list, name, "bias", 1, layer->out, 1, &layer->bias);
}

static void
add_cell(TensorList *list, const char *name, HnCell *cell)
{
	int			rows = cell->gates * cell->hidden;

	add_tensor(list, name, "weight_ih", 2, rows, cell->in, &cell->weight_ih);
	add_tensor(list, name, "weight_hh", 2, rows, cell->hidden, &cell->weight_hh);
	add_tensor(list, name, "bias_ih", 1, rows, 1, &cell->bias_ih);
	add_tensor(list, name, "bias_hh", 1, rows, 1, &cell->bias_hh);
}

static void
add_engine(TensorList *list, HnEngineWeights *engine)
{
	add_linear(list, "engine.gate", &engine->gate);
	add_linear(list, "engine.gcn1", &engine->gcn1);
	add_linear(list, "engine.gcn2", &engine->gcn2);
	add_cell(list, "engine.lstm", &engine->lstm);
	add_weight(list, "engine.kinetic", &engine->kinetic);
	add_linear(list, "engine.potential", &engine->potential);
	add_weight(list, "engine.dissipation", &engine->dissipation);
	add_linear(list, "engine.position", &engine->position);
}

static void
add_message_layer(TensorList *list, const char *generator, int index, HnMessageLayer *layer)
{
	char		name[64];

	snprintf(name, sizeof(name), "%s.layer.%d.message", generator, index);
	add_linear(list, name, &layer->message);
	snprintf(name, sizeof(name), "%s.layer.%d.attention", generator, index);
	add_linear(list, name, &layer->attention);
	snprintf(name, sizeof(name), "%s.layer.%d.edge", generator, index);
	add_linear(list, name, &layer->edge);
	snprintf(name, sizeof(name), "%s.layer.%d.gru", generator, index);
	add_cell(list, name, &layer->gru);
}

/* Generator g of a model: "fingerprint" for the first, "fingerprint.1" for the next. */
static void
add_generator(TensorList *list, int g, HnModel *model)
{
	char		generator[32] = "fingerprint";
	char		name[64];

	if (g > 0)
		snprintf(generator, sizeof(generator), "fingerprint.%d", g);
	snprintf(name, sizeof(name), "%s.atom", generator);
	add_linear(list, name, &model->atom);
	snprintf(name, sizeof(name), "%s.bond", generator);
	add_linear(list, name, &model->bond);
	for (int l = 0; l < model->fingerprint_config.layers; l++)
		add_message_layer(list, generator, l, &model->layers[l]);
	snprintf(name, sizeof(name), "%s.readout.map", generator);
	add_linear(list, name, &model->readout.map);
	snprintf(name, sizeof(name), "%s.readout.attend", generator);
	add_linear(list, name, &model->readout.attend);
	snprintf(name, sizeof(name), "%s.readout.align", generator);
	add_linear(list, name, &model->readout.align);
	snprintf(name, sizeof(name), "%s.readout.gru", generator);
	add_cell(list, name, &model->readout.gru);
	snprintf(name, sizeof(name), "%s.projection", generator);
	if (model->fingerprint_config.projection)
		add_linear(list, name, &model->readout.projection);
	snprintf(name, sizeof(name), "%s.counts", generator);
	if (model->fingerprint_config.counts > 0)
		add_weight(list, name, &model->readout.counts);
}

static void
add_member(TensorList *list, HnHead *head, int member)
{
	for (int k = 0; k < head->layer_count; k++)
	{
		char		name[HN_MAX_HEAD_NAME + 32];

		if (head->member_count > 1)
			snprintf(name, sizeof(name), "head.%s.%d.%d", head->name, member, k);
		else
			snprintf(name, sizeof(name), "head.%s.%d", head->name, k);
		add_linear(list, name, &head->layers[member * head->layer_count + k]);
	}
}

static void
add_model(TensorList *list, HnModel *model)
{
	if (model->engine_config.enabled)
		add_engine(list, &model->engine);
	add_generator(list, 0, model);
	for (int g = 0; g < model->other_count; g++)
		add_generator(list, g + 1, &model->others[g]);
	for (int i = 0; i < model->head_count; i++)
		if (model->heads[i].kind != HN_KERNEL_HEAD)
			for (int m = 0; m < model->heads[i].member_count; m++)
				add_member(list, &model->heads[i], m);
}

HnStatus
hn_model_tensors(HnContext *context, HnModel *model, HnTensor **tensors, int *count)
{
	TensorList	list = {NULL, 0};

	add_model(&list, model);
	HN_NEW(context, list.tensors, list.count);
	list.count = 0;
	add_model(&list, model);
	*tensors = list.tensors;
	*count = list.count;
	return HN_OK;
}

/* Let the tensors lie in parameters, one after another. */
static void
place_tensors(const HnTensor *tensors, int count, real *parameters)
{
	for (int i = 0; i < count; i++)
	{
		*tensors[i].data = parameters;
		parameters += (size_t) tensors[i].shape[0] * tensors[i].shape[1];
	}
}

/* The same for tables. */
typedef struct TableList
{
	HnTable    *tables;
	int			count;
} TableList;

static void
add_table(TableList *list, const char *head, const char *part, HnDtype dtype, int dims, int rows, int columns,
		  void *data)
{
	if (list->tables)
	{
		HnTable    *table = &list->tables[list->count];

		snprintf(table->name, sizeof(table->name), "head.%s.%s", head, part);
		table->dtype = dtype;
		table->dims = dims;
		table->shape[0] = rows;
		table->shape[1] = columns;
		table->data = data;
	}
	list->count++;
}

static void
add_kernel(TableList *list, const HnHead *head)
{
	HnKernelHead *kernel = head->kernel;
	int			n = kernel->rows;
	int			m = kernel->rank;

	if (kernel->width > 0)
	{
		add_table(list, head->name, "center", HN_F32, 1, kernel->width, 1, &kernel->center);
		add_table(list, head->name, "scale", HN_F32, 1, kernel->width, 1, &kernel->scale);
		add_table(list, head->name, "inputs", HN_I8, 2, n, kernel->width, &kernel->inputs);
	}
	if (hn_kernel_uses_counts(kernel))
	{
		add_table(list, head->name, "count_lengths", HN_U16, 1, n, 1, &kernel->count_lengths);
		add_table(list, head->name, "count_columns", HN_U16, 1, kernel->entry_count, 1, &kernel->count_columns);
		add_table(list, head->name, "count_values", HN_U8, 1, kernel->entry_count, 1, &kernel->count_values);
	}
	add_table(list, head->name, "weights", HN_F32, 2, head->target_count, n, &kernel->weights);
	if (m > 0)
		add_table(list, head->name, "factors", HN_F32, 2, head->target_count, (int) HN_TRIANGLE(m),
				  &kernel->factors);
}

static void
add_forest(TableList *list, const HnHead *head)
{
	HnForest   *forest = head->forest;

	add_table(list, head->name, "forest.thresholds", HN_F32, 2, forest->descriptors->count, HN_FOREST_CODES - 1,
			  &forest->thresholds);
	add_table(list, head->name, "forest.columns", HN_U16, 1, forest->node_count, 1, &forest->columns);
	add_table(list, head->name, "forest.codes", HN_U8, 1, forest->node_count, 1, &forest->codes);
}

static void
add_inputs(TableList *list, const HnHead *head)
{
	HnHeadInputs *inputs = head->inputs;

	if (inputs == NULL || inputs->scaled_width == 0)
		return;
	add_table(list, head->name, "input_center", HN_F32, 1, inputs->scaled_width, 1, &inputs->center);
	add_table(list, head->name, "input_scale", HN_F32, 1, inputs->scaled_width, 1, &inputs->scale);
}

static void
add_known(TableList *list, const HnHead *head)
{
	HnKnown    *known = head->known;

	if (known == NULL || known->rows == 0)
		return;
	add_table(list, head->name, "known_center", HN_F32, 1, known->width, 1, &known->center);
	add_table(list, head->name, "known_scale", HN_F32, 1, known->width, 1, &known->scale);
	add_table(list, head->name, "known_inputs", HN_I8, 2, known->rows, known->width, &known->inputs);
}

static void
add_tables(TableList *list, const HnModel *model)
{
	for (int i = 0; i < model->head_count; i++)
	{
		if (hn_has_kernel(&model->heads[i]))
			add_kernel(list, &model->heads[i]);
		if (hn_has_forest(&model->heads[i]))
			add_forest(list, &model->heads[i]);
		if (model->heads[i].kind != HN_KERNEL_HEAD)
			add_inputs(list, &model->heads[i]);
		add_known(list, &model->heads[i]);
	}
}

HnStatus
hn_model_tables(HnContext *context, HnModel *model, HnTable **tables, int *count)
{
	TableList	list = {NULL, 0};

	add_tables(&list, model);
	HN_NEW(context, list.tables, list.count);
	list.count = 0;
	add_tables(&list, model);
	*tables = list.tables;
	*count = list.count;
	return HN_OK;
}

void *
hn_table_data(const HnTable *table)
{
	void	   *values;

	memcpy(&values, table->data, sizeof(values));
	return values;
}

void
hn_table_place(const HnTable *table, const void *values)
{
	memcpy(table->data, &values, sizeof(values));
}

static HnStatus
allocate_tables(HnContext *context, HnModel *model)
{
	HnTable    *tables = NULL;
	int			count = 0;

	HN_TRY(hn_model_tables(context, model, &tables, &count));
	for (int i = 0; i < count; i++)
	{
		/* Within the limits no table has more than 2^31 values. */
		char	   *memory;

		HN_NEW(context, memory, (size_t) tables[i].shape[0] * tables[i].shape[1] * hn_dtype_size(tables[i].dtype));
		hn_table_place(&tables[i], memory);
	}
	return HN_OK;
}

void
hn_model_share_engine(HnModel *model)
{
	for (int g = 0; g < model->other_count; g++)
		model->others[g].engine = model->engine;
}

HnStatus
hn_model_allocate(HnContext *context, HnModel *model)
{
	HnTensor   *tensors = NULL;
	int			count = 0;
	int64_t		total = 0;

	HN_TRY(hn_model_shape(context, model));
	HN_TRY(hn_model_tensors(context, model, &tensors, &count));

	/* Within the limits no tensor has more than 2^31 values and no model 2^20 tensors. */
	for (int i = 0; i < count; i++)
		total += (int64_t) tensors[i].shape[0] * tensors[i].shape[1];
	if ((uint64_t) total > SIZE_MAX / sizeof(real))
		return hn_fail_memory(context);
	HN_NEW(context, model->parameters, total);
	model->parameter_count = total;
	place_tensors(tensors, count, model->parameters);
	hn_model_share_engine(model);
	return allocate_tables(context, model);
}

/* Give a copy of a model message layers of its own, to be placed elsewhere. */
static HnStatus
own_layers(HnContext *context, HnModel *copy)
{
	const HnMessageLayer *layers = copy->layers;
	size_t		count = (size_t) copy->fingerprint_config.layers;

	HN_NEW(context, copy->layers, count);
	memcpy(copy->layers, layers, count * sizeof(*layers));
	return HN_OK;
}

HnStatus
hn_model_view(HnContext *context, const HnModel *model, real *parameters, HnModel *view)
{
	HnTensor   *tensors = NULL;
	int			count = 0;

	*view = *model;
	view->parameters = parameters;
	view->packed = NULL;
	HN_TRY(own_layers(context, view));
	HN_NEW(context, view->others, model->other_count);
	for (int g = 0; g < model->other_count; g++)
	{
		view->others[g] = model->others[g];
		view->others[g].packed = NULL;
		HN_TRY(own_layers(context, &view->others[g]));
	}
	HN_NEW(context, view->heads, model->head_count);
	for (int i = 0; i < model->head_count; i++)
	{
		HnHead	   *head = &view->heads[i];
		size_t		layers = (size_t) model->heads[i].member_count * model->heads[i].layer_count;

		*head = model->heads[i];
		head->packed = NULL;
		HN_NEW(context, head->layers, layers);
		if (layers > 0)
			memcpy(head->layers, model->heads[i].layers, layers * sizeof(*head->layers));
	}
	HN_TRY(hn_model_tensors(context, view, &tensors, &count));
	place_tensors(tensors, count, parameters);
	hn_model_share_engine(view);
	return HN_OK;
}

/*
 * A number between -1 and 1, symmetric around 0: one of the 2^24 odd multiples
 * of 2^-24, all of which a float represents exactly.
 */
static double
next_uniform(uint64_t *state)
{
	int32_t		k = (int32_t) (hn_next_random(state) >> 40);

	return (2 * k + 1 - (1 << 24)) * 0x1p-24;
}

void
hn_model_initialise(HnTensor *tensors, int count, uint64_t seed)
{
	for (int i = 0; i < count; i++)
	{
		size_t		values = (size_t) tensors[i].shape[0] * tensors[i].shape[1];
		real	   *data = *tensors[i].data;
		double		bound = sqrt(6.0 / ((double) tensors[i].shape[0] + tensors[i].shape[1]));

		/* Rounded to float in every build, so that a file does not depend on what real is. */
		for (size_t k = 0; k < values; k++)
			data[k] = tensors[i].dims == 1 ? 0 : (float) (bound * next_uniform(&seed));
	}
}

/* Joining models */

/* The tensors that one part of a model adds, in their order. */
static HnStatus
list_generator(HnContext *context, HnModel *model, TensorList *list)
{
	*list = (TensorList){NULL, 0};
	add_generator(list, 0, model);
	HN_NEW(context, list->tensors, list->count);
	list->count = 0;
	add_generator(list, 0, model);
	return HN_OK;
}

static HnStatus
list_engine(HnContext *context, HnModel *model, TensorList *list)
{
	*list = (TensorList){NULL, 0};
	if (!model->engine_config.enabled)
		return HN_OK;
	add_engine(list, &model->engine);
	HN_NEW(context, list->tensors, list->count);
	list->count = 0;
	add_engine(list, &model->engine);
	return HN_OK;
}

static size_t
tensor_bytes(const HnTensor *tensor)
{
	return (size_t) tensor->shape[0] * tensor->shape[1] * sizeof(real);
}

/* Whether two lists of the same shapes hold the same values. */
static bool
same_values(const TensorList *a, const TensorList *b)
{
	HN_ASSERT(a->count == b->count);
	for (int i = 0; i < a->count; i++)
		if (memcmp(*a->tensors[i].data, *b->tensors[i].data, tensor_bytes(&a->tensors[i])) != 0)
			return false;
	return true;
}

static void
copy_values(const TensorList *from, const TensorList *to)
{
	for (int i = 0; i < from->count; i++)
		memcpy(*to->tensors[i].data, *from->tensors[i].data, tensor_bytes(&from->tensors[i]));
}

static bool
same_inputs(const HnHeadInputs *a, const HnHeadInputs *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return a->standardised == b->standardised && a->descriptors == b->descriptors && a->counts == b->counts
		&& memcmp(a->center, b->center, (size_t) a->scaled_width * sizeof(*a->center)) == 0
		&& memcmp(a->scale, b->scale, (size_t) a->scaled_width * sizeof(*a->scale)) == 0;
}

static bool
same_shape(const HnModel *a, const HnModel *b)
{
	const HnEngineConfig *e = &a->engine_config;
	const HnEngineConfig *f = &b->engine_config;
	const HnFingerprintConfig *p = &a->fingerprint_config;
	const HnFingerprintConfig *q = &b->fingerprint_config;

	if (a->features != b->features || a->head_count != b->head_count || e->enabled != f->enabled
		|| p->dim != q->dim || p->edge_dim != q->edge_dim || p->layers != q->layers || p->rounds != q->rounds
		|| p->bond_messages != q->bond_messages || p->projection != q->projection || p->counts != q->counts)
		return false;
	if (e->enabled && (e->dim != f->dim || e->hidden != f->hidden || e->steps != f->steps || e->tau != f->tau
					   || e->dissipate != f->dissipate || e->potential_width != f->potential_width
					   || e->dissipation_width != f->dissipation_width))
		return false;
	for (int i = 0; i < a->head_count; i++)
	{
		const HnHead *g = &a->heads[i];
		const HnHead *h = &b->heads[i];

		if (strcmp(g->name, h->name) != 0 || g->task != h->task || g->layer_count != h->layer_count
			|| g->target_count != h->target_count || !same_inputs(g->inputs, h->inputs))
			return false;
		for (int k = 0; k < g->layer_count; k++)
			if (g->layers[k].out != h->layers[k].out)
				return false;
		for (int k = 0; k < g->target_count; k++)
			if (strcmp(g->targets[k].name, h->targets[k].name) != 0
				|| strcmp(g->targets[k].unit, h->targets[k].unit) != 0
				|| g->targets[k].mean != h->targets[k].mean || g->targets[k].std != h->targets[k].std)
				return false;
	}
	return true;
}

/* Check that a model is a member that can be joined with the first. */
static HnStatus
check_member(HnContext *context, const HnModel *first, const HnModel *member, int index)
{
	if (member->other_count > 0)
		return hn_fail(context, HN_INVALID_ARGUMENT, "member %d of the ensemble is itself an ensemble", index);
	for (int i = 0; i < member->head_count; i++)
		if (member->heads[i].kind != HN_NETWORK_HEAD || member->heads[i].member_count > 1)
			return hn_fail(context, HN_INVALID_ARGUMENT, "head \"%s\" of member %d is not a single network",
						   member->heads[i].name, index);
	if (!same_shape(first, member))
		return hn_fail(context, HN_INVALID_ARGUMENT, "member %d of the ensemble differs from member 0 in its configuration",
					   index);
	return HN_OK;
}

/* The joined model without values: the first member's configuration, with members. */
static HnStatus
prepare_joined(HnContext *context, const HnModel *first, int count, bool generators_differ, HnModel *joined)
{
	*joined = *first;
	joined->other_count = generators_differ ? count - 1 : 0;
	HN_NEW(context, joined->heads, joined->head_count);
	for (int i = 0; i < joined->head_count; i++)
	{
		joined->heads[i] = first->heads[i];
		joined->heads[i].member_count = count;
		joined->heads[i].known = NULL;
		HN_TRY(hn_inputs_copy(context, first->heads[i].inputs, &joined->heads[i].inputs));
	}
	HN_TRY(hn_model_allocate(context, joined));
	for (int i = 0; i < joined->head_count; i++)
		hn_inputs_copy_scales(first->heads[i].inputs, joined->heads[i].inputs);
	return HN_OK;
}

HnStatus
hn_model_join(HnContext *context, const HnModel *const *members, int count, HnModel *joined)
{
	TensorList	engine;
	TensorList	generator;
	TensorList	other;
	bool		generators_differ = false;
	bool		engines_differ = false;

	HN_TRY(check_range(context, "the number of members", count, 1, HN_MAX_MEMBERS));
	HN_TRY(list_engine(context, (HnModel *) members[0], &engine));
	HN_TRY(list_generator(context, (HnModel *) members[0], &generator));
	for (int m = 0; m < count; m++)
	{
		HN_TRY(check_member(context, members[0], members[m], m));
		HN_TRY(list_generator(context, (HnModel *) members[m], &other));
		generators_differ |= !same_values(&generator, &other);
		HN_TRY(list_engine(context, (HnModel *) members[m], &other));
		engines_differ |= !same_values(&engine, &other);
	}
	if (engines_differ)
		return hn_fail(context, HN_INVALID_ARGUMENT, "the members of the ensemble have different engines");

	HN_TRY(prepare_joined(context, members[0], count, generators_differ, joined));
	HN_TRY(list_engine(context, joined, &other));
	copy_values(&engine, &other);
	for (int g = 0; g <= joined->other_count; g++)
	{
		HN_TRY(list_generator(context, (HnModel *) members[g], &generator));
		HN_TRY(list_generator(context, g == 0 ? joined : &joined->others[g - 1], &other));
		copy_values(&generator, &other);
	}
	for (int i = 0; i < joined->head_count; i++)
		for (int m = 0; m < count; m++)
			for (int k = 0; k < joined->heads[i].layer_count; k++)
			{
				const HnLinear *from = &members[m]->heads[i].layers[k];
				HnLinear   *to = &joined->heads[i].layers[m * joined->heads[i].layer_count + k];

				memcpy(to->weight, from->weight, (size_t) to->out * to->in * sizeof(real));
				memcpy(to->bias, from->bias, (size_t) to->out * sizeof(real));
			}
	return HN_OK;
}
