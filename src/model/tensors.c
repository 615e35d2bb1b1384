/*
 * tensors.c: the tensors and tables of a model: names, memory, initial values
 * (model specification, sections 2 to 5; doc/model-format.md).
 */
#include "tensors.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "hamnet/random.h"
#include "parts.h"

static void
add_tensor(HnTensorList *list, const char *layer, const char *part, int dims, int rows, int columns, real **data)
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
add_weight(HnTensorList *list, const char *name, HnLinear *layer)
{
	add_tensor(list, name, "weight", 2, layer->out, layer->in, &layer->weight);
}

void
hn_list_linear(HnTensorList *list, const char *name, HnLinear *layer)
{
	add_weight(list, name, layer);
	add_tensor(list, name, "bias", 1, layer->out, 1, &layer->bias);
}

static void
add_cell(HnTensorList *list, const char *name, HnCell *cell)
{
	int			rows = cell->gates * cell->hidden;

	add_tensor(list, name, "weight_ih", 2, rows, cell->in, &cell->weight_ih);
	add_tensor(list, name, "weight_hh", 2, rows, cell->hidden, &cell->weight_hh);
	add_tensor(list, name, "bias_ih", 1, rows, 1, &cell->bias_ih);
	add_tensor(list, name, "bias_hh", 1, rows, 1, &cell->bias_hh);
}

static void
add_engine(HnTensorList *list, HnEngineWeights *engine)
{
	hn_list_linear(list, "engine.gate", &engine->gate);
	hn_list_linear(list, "engine.gcn1", &engine->gcn1);
	hn_list_linear(list, "engine.gcn2", &engine->gcn2);
	add_cell(list, "engine.lstm", &engine->lstm);
	add_weight(list, "engine.kinetic", &engine->kinetic);
	hn_list_linear(list, "engine.potential", &engine->potential);
	add_weight(list, "engine.dissipation", &engine->dissipation);
	hn_list_linear(list, "engine.position", &engine->position);
}

static void
add_message_layer(HnTensorList *list, const char *generator, int index, HnMessageLayer *layer)
{
	char		name[64];

	snprintf(name, sizeof(name), "%s.layer.%d.message", generator, index);
	hn_list_linear(list, name, &layer->message);
	snprintf(name, sizeof(name), "%s.layer.%d.attention", generator, index);
	hn_list_linear(list, name, &layer->attention);
	snprintf(name, sizeof(name), "%s.layer.%d.edge", generator, index);
	hn_list_linear(list, name, &layer->edge);
	snprintf(name, sizeof(name), "%s.layer.%d.gru", generator, index);
	add_cell(list, name, &layer->gru);
}

/* Generator g of a model: "fingerprint" for the first, "fingerprint.1" for the next. */
static void
add_generator(HnTensorList *list, int g, HnModel *model)
{
	char		generator[32] = "fingerprint";
	char		name[64];

	if (g > 0)
		snprintf(generator, sizeof(generator), "fingerprint.%d", g);
	snprintf(name, sizeof(name), "%s.atom", generator);
	hn_list_linear(list, name, &model->atom);
	snprintf(name, sizeof(name), "%s.bond", generator);
	hn_list_linear(list, name, &model->bond);
	for (int l = 0; l < model->fingerprint_config.layers; l++)
		add_message_layer(list, generator, l, &model->layers[l]);
	snprintf(name, sizeof(name), "%s.readout.map", generator);
	hn_list_linear(list, name, &model->readout.map);
	snprintf(name, sizeof(name), "%s.readout.attend", generator);
	hn_list_linear(list, name, &model->readout.attend);
	snprintf(name, sizeof(name), "%s.readout.align", generator);
	hn_list_linear(list, name, &model->readout.align);
	snprintf(name, sizeof(name), "%s.readout.gru", generator);
	add_cell(list, name, &model->readout.gru);
	snprintf(name, sizeof(name), "%s.projection", generator);
	if (model->fingerprint_config.projection)
		hn_list_linear(list, name, &model->readout.projection);
	snprintf(name, sizeof(name), "%s.counts", generator);
	if (model->fingerprint_config.counts > 0)
		add_weight(list, name, &model->readout.counts);
}

static void
add_model(HnTensorList *list, HnModel *model)
{
	if (model->engine_config.enabled)
		add_engine(list, &model->engine);
	add_generator(list, 0, model);
	for (int g = 0; g < model->other_count; g++)
		add_generator(list, g + 1, &model->others[g]);
	for (int h = 0; h < model->head_count; h++)
		for (int kind = 0; kind < HN_PARTS; kind++)
			if (model->heads[h].parts[kind] && hn_head_parts[kind]->list_tensors)
				hn_head_parts[kind]->list_tensors(list, &model->heads[h]);
}

HnStatus
hn_model_tensors(HnContext *context, HnModel *model, HnTensor **tensors, int *count)
{
	HnTensorList list = {NULL, 0};

	add_model(&list, model);
	HN_NEW(context, list.tensors, list.count);
	list.count = 0;
	add_model(&list, model);
	*tensors = list.tensors;
	*count = list.count;
	return HN_OK;
}

HnStatus
hn_engine_tensors(HnContext *context, HnModel *model, HnTensorList *list)
{
	*list = (HnTensorList) {NULL, 0};
	if (!model->engine_config.enabled)
		return HN_OK;
	add_engine(list, &model->engine);
	HN_NEW(context, list->tensors, list->count);
	list->count = 0;
	add_engine(list, &model->engine);
	return HN_OK;
}

HnStatus
hn_generator_tensors(HnContext *context, HnModel *model, HnTensorList *list)
{
	*list = (HnTensorList) {NULL, 0};
	add_generator(list, 0, model);
	HN_NEW(context, list->tensors, list->count);
	list->count = 0;
	add_generator(list, 0, model);
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

/*
 * Tables
 */

void
hn_list_table(HnTableList *list, const HnHead *head, const char *name, HnDtype dtype, int dims, int rows, int columns,
			  void *data)
{
	if (list->tables)
	{
		HnTable    *table = &list->tables[list->count];

		snprintf(table->name, sizeof(table->name), "head.%s.%s", head->name, name);
		table->dtype = dtype;
		table->dims = dims;
		table->shape[0] = rows;
		table->shape[1] = columns;
		table->data = data;
	}
	list->count++;
}

static void
add_tables(HnTableList *list, const HnModel *model)
{
	for (int h = 0; h < model->head_count; h++)
		for (int kind = 0; kind < HN_PARTS; kind++)
			if (model->heads[h].parts[kind] && hn_head_parts[kind]->list_tables)
				hn_head_parts[kind]->list_tables(list, &model->heads[h]);
}

HnStatus
hn_model_tables(HnContext *context, HnModel *model, HnTable **tables, int *count)
{
	HnTableList list = {NULL, 0};

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

/* Give a copy of a model message layers of its own, whose tensors may lie elsewhere. */
static HnStatus
own_layers(HnContext *context, HnModel *copy)
{
	const HnMessageLayer *layers = copy->layers;
	size_t		count = (size_t) copy->fingerprint_config.layers;

	HN_NEW(context, copy->layers, count);
	memcpy(copy->layers, layers, count * sizeof(*layers));
	return HN_OK;
}

/* Give a copy of a head networks of its own. */
static HnStatus
own_networks(HnContext *context, HnHead *copy)
{
	const HnNetworks *networks = hn_networks(copy);
	HnNetworks *own;
	size_t		count;

	if (networks == NULL)
		return HN_OK;
	count = (size_t) networks->member_count * networks->layer_count;
	HN_NEW(context, own, 1);
	*own = *networks;
	HN_NEW(context, own->layers, count);
	memcpy(own->layers, networks->layers, count * sizeof(*own->layers));
	copy->parts[HN_NETWORKS] = own;
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
	for (int h = 0; h < model->head_count; h++)
	{
		view->heads[h] = model->heads[h];
		view->heads[h].packed = NULL;
		HN_TRY(own_networks(context, &view->heads[h]));
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
