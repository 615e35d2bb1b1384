/*
 * tensors.c: the tensors of a model: widths, names, memory, initial values
 * (model specification, sections 2 to 5).
 */
#include "hamnet/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hamnet/json.h"
#include "hamnet/random.h"

#define LSTM_GATES 4
#define GRU_GATES 3

int
hn_model_coordinate_width(const HnModel *model)
{
	return model->engine_config.enabled ? 2 * model->engine_config.dim : 0;
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
check_fingerprint(HnContext *context, const HnFingerprintConfig *fingerprint)
{
	HN_TRY(check_range(context, "fingerprint.dim", fingerprint->dim, 1, HN_MAX_WIDTH));
	HN_TRY(check_range(context, "fingerprint.edge_dim", fingerprint->edge_dim, 1, HN_MAX_WIDTH));
	HN_TRY(check_range(context, "fingerprint.layers", fingerprint->layers, 1, HN_MAX_LAYERS));
	/* Only a round's ReLU makes the fingerprint non-negative, so there is at least one. */
	HN_TRY(check_range(context, "fingerprint.rounds", fingerprint->rounds, 1, HN_MAX_STEPS));
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
check_head(HnContext *context, const HnHead *head)
{
	char		what[HN_MAX_HEAD_NAME + 64];

	if (!hn_is_identifier(head->name, HN_MAX_HEAD_NAME))
		return hn_fail(context, HN_INVALID_MODEL, "head name \"%s\" is not 1 to %d printable ASCII characters",
					   hn_quoted(head->name).text, HN_MAX_HEAD_NAME);
	snprintf(what, sizeof(what), "the number of hidden layers of head \"%s\"", head->name);
	HN_TRY(check_range(context, what, head->layer_count - 1, 0, HN_MAX_LAYERS));
	snprintf(what, sizeof(what), "the number of targets of head \"%s\"", head->name);
	HN_TRY(check_range(context, what, head->target_count, 1, HN_MAX_TARGETS));
	snprintf(what, sizeof(what), "a hidden width of head \"%s\"", head->name);
	for (int k = 0; k < head->layer_count - 1; k++)
		HN_TRY(check_range(context, what, head->layers[k].out, 1, HN_MAX_WIDTH));
	for (int k = 0; k < head->target_count; k++)
		HN_TRY(check_target(context, head, &head->targets[k]));
	return HN_OK;
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

static void
shape_head(HnModel *model, HnHead *head)
{
	int			in = model->fingerprint_config.dim;

	for (int k = 0; k < head->layer_count; k++)
	{
		bool		last = k == head->layer_count - 1;

		head->layers[k] = linear(last ? head->target_count : head->layers[k].out, in);
		in = head->layers[k].out;
	}
}

HnStatus
hn_model_shape(HnContext *context, HnModel *model)
{
	int			r = hn_model_coordinate_width(model);
	int			D = model->fingerprint_config.dim;
	int			G = model->fingerprint_config.edge_dim;

	if (model->engine_config.enabled)
		HN_TRY(check_engine(context, &model->engine_config));
	HN_TRY(check_fingerprint(context, &model->fingerprint_config));
	HN_TRY(check_heads(context, model));

	if (model->engine_config.enabled)
		shape_engine(model);
	model->atom = linear(D, model->features->atom_columns);
	model->bond = linear(G, model->features->bond_columns);
	HN_NEW(context, model->layers, model->fingerprint_config.layers);
	for (int l = 0; l < model->fingerprint_config.layers; l++)
	{
		model->layers[l].message = linear(D, 2 * D + r);
		model->layers[l].attention = linear(1, G + r);
		model->layers[l].edge = linear(G, 2 * D + r);
		model->layers[l].gru = cell(GRU_GATES, D, D);
	}
	model->readout.map = linear(D, D);
	model->readout.attend = linear(D, D + r);
	model->readout.align = linear(1, 2 * D + r);
	model->readout.gru = cell(GRU_GATES, D, D);
	for (int i = 0; i < model->head_count; i++)
		shape_head(model, &model->heads[i]);
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
add_message_layer(TensorList *list, int index, HnMessageLayer *layer)
{
	char		name[64];

	snprintf(name, sizeof(name), "fingerprint.layer.%d.message", index);
	add_linear(list, name, &layer->message);
	snprintf(name, sizeof(name), "fingerprint.layer.%d.attention", index);
	add_linear(list, name, &layer->attention);
	snprintf(name, sizeof(name), "fingerprint.layer.%d.edge", index);
	add_linear(list, name, &layer->edge);
	snprintf(name, sizeof(name), "fingerprint.layer.%d.gru", index);
	add_cell(list, name, &layer->gru);
}

static void
add_head(TensorList *list, HnHead *head)
{
	for (int k = 0; k < head->layer_count; k++)
	{
		char		name[HN_MAX_HEAD_NAME + 32];

		snprintf(name, sizeof(name), "head.%s.%d", head->name, k);
		add_linear(list, name, &head->layers[k]);
	}
}

static void
add_model(TensorList *list, HnModel *model)
{
	if (model->engine_config.enabled)
		add_engine(list, &model->engine);
	add_linear(list, "fingerprint.atom", &model->atom);
	add_linear(list, "fingerprint.bond", &model->bond);
	for (int l = 0; l < model->fingerprint_config.layers; l++)
		add_message_layer(list, l, &model->layers[l]);
	add_linear(list, "fingerprint.readout.map", &model->readout.map);
	add_linear(list, "fingerprint.readout.attend", &model->readout.attend);
	add_linear(list, "fingerprint.readout.align", &model->readout.align);
	add_cell(list, "fingerprint.readout.gru", &model->readout.gru);
	for (int i = 0; i < model->head_count; i++)
		add_head(list, &model->heads[i]);
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

HnStatus
hn_model_allocate(HnContext *context, HnModel *model)
{
	HnTensor   *tensors = NULL;
	int			count = 0;
	int64_t		total = 0;

	HN_TRY(hn_model_shape(context, model));
	HN_TRY(hn_model_tensors(context, model, &tensors, &count));

	/* Within the limits no tensor has more than 2^31 values and no model 10,000 tensors. */
	for (int i = 0; i < count; i++)
		total += (int64_t) tensors[i].shape[0] * tensors[i].shape[1];
	if ((uint64_t) total > SIZE_MAX / sizeof(real))
		return hn_fail_memory(context);
	HN_NEW(context, model->parameters, total);
	model->parameter_count = total;
	place_tensors(tensors, count, model->parameters);
	return HN_OK;
}

HnStatus
hn_model_view(HnContext *context, const HnModel *model, real *parameters, HnModel *view)
{
	size_t		layers = (size_t) model->fingerprint_config.layers;
	HnTensor   *tensors = NULL;
	int			count = 0;

	*view = *model;
	view->parameters = parameters;
	HN_NEW(context, view->layers, layers);
	memcpy(view->layers, model->layers, layers * sizeof(*view->layers));
	HN_NEW(context, view->heads, model->head_count);
	for (int i = 0; i < model->head_count; i++)
	{
		HnHead	   *head = &view->heads[i];
		const HnLinear *shapes = model->heads[i].layers;

		*head = model->heads[i];
		HN_NEW(context, head->layers, head->layer_count);
		memcpy(head->layers, shapes, (size_t) head->layer_count * sizeof(*shapes));
	}
	HN_TRY(hn_model_tensors(context, view, &tensors, &count));
	place_tensors(tensors, count, parameters);
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
