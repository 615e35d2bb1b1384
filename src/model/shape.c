/*
 * shape.c: the limits of a model's configuration, and the widths that follow from
 * it (model specification, sections 2 to 5).
 */
#include "hamnet/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hamnet/json.h"
#include "parts.h"

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
check_engine(HnContext *context, const HnEngineConfig *engine)
{
	HN_TRY(hn_check_range(context, "engine.dim", engine->dim, 1, HN_MAX_WIDTH));
	HN_TRY(hn_check_range(context, "engine.hidden", engine->hidden, 1, HN_MAX_WIDTH));
	HN_TRY(hn_check_range(context, "engine.steps", engine->steps, 0, HN_MAX_STEPS));
	HN_TRY(hn_check_range(context, "the width of engine.potential", engine->potential_width, 1, HN_MAX_WIDTH));
	HN_TRY(hn_check_range(context, "the width of engine.dissipation", engine->dissipation_width, 1, HN_MAX_WIDTH));
	if (!(engine->tau > 0 && engine->tau <= HN_MAX_TAU))
		return hn_fail(context, HN_INVALID_MODEL, "engine.tau is %g, it must be above 0 and at most %g",
					   engine->tau, HN_MAX_TAU);
	return HN_OK;
}

static HnStatus
check_fingerprint(HnContext *context, const HnModel *model)
{
	const HnFingerprintConfig *fingerprint = &model->fingerprint_config;

	HN_TRY(hn_check_range(context, "fingerprint.dim", fingerprint->dim, 1, HN_MAX_WIDTH));
	HN_TRY(hn_check_range(context, "fingerprint.edge_dim", fingerprint->edge_dim, 1, HN_MAX_WIDTH));
	HN_TRY(hn_check_range(context, "fingerprint.layers", fingerprint->layers, 1, HN_MAX_LAYERS));
	/* Only a round's ReLU makes the read-out non-negative, so there is at least one. */
	HN_TRY(hn_check_range(context, "fingerprint.rounds", fingerprint->rounds, 1, HN_MAX_STEPS));
	HN_TRY(hn_check_range(context, "fingerprint.counts", fingerprint->counts, 0, HN_COUNT_COLUMNS));
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
check_head(HnContext *context, const HnHead *head)
{
	if (!hn_is_identifier(head->name, HN_MAX_HEAD_NAME))
		return hn_fail(context, HN_INVALID_MODEL, "head name \"%s\" is not 1 to %d printable ASCII characters",
					   hn_quoted(head->name).text, HN_MAX_HEAD_NAME);
	HN_TRY(hn_check_count(context, head, "number of targets", head->target_count, 1, HN_MAX_TARGETS));
	for (int k = 0; k < head->target_count; k++)
		HN_TRY(check_target(context, head, &head->targets[k]));
	for (int kind = 0; kind < HN_PARTS; kind++)
		if (head->parts[kind] && hn_head_parts[kind]->check)
			HN_TRY(hn_head_parts[kind]->check(context, head));
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

/* Fail if heads read different descriptors: a molecule has one row of them. */
static HnStatus
check_descriptors(HnContext *context, const HnModel *model)
{
	const HnDescriptorSet *common = NULL;

	for (int h = 0; h < model->head_count; h++)
		for (int kind = 0; kind < HN_PARTS; kind++)
		{
			HnNeeds		needs = {.descriptors = NULL};

			if (model->heads[h].parts[kind] && hn_head_parts[kind]->add_needs)
				hn_head_parts[kind]->add_needs(&model->heads[h], &needs);
			if (needs.descriptors && common && needs.descriptors != common)
				return hn_fail(context, HN_INVALID_MODEL, "head \"%s\" reads descriptors \"%s\", another one \"%s\"",
							   model->heads[h].name, needs.descriptors->name, common->name);
			if (needs.descriptors)
				common = needs.descriptors;
		}
	return HN_OK;
}

static HnStatus
check_heads(HnContext *context, const HnModel *model)
{
	const char **names;
	int			targets = 0;

	HN_TRY(hn_check_range(context, "the number of heads", model->head_count, 0, HN_MAX_HEADS));
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
	HN_TRY(check_unique(context, "targets", names, targets));
	return check_descriptors(context, model);
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
	if (model->engine_config.enabled)
		HN_TRY(check_engine(context, &model->engine_config));
	HN_TRY(check_fingerprint(context, model));
	HN_TRY(hn_check_range(context, "the number of generators", model->other_count + 1, 1, HN_MAX_MEMBERS));
	HN_TRY(check_heads(context, model));

	if (model->engine_config.enabled)
		shape_engine(model);
	HN_TRY(shape_generator(context, model));
	HN_NEW(context, model->others, model->other_count);
	for (int g = 0; g < model->other_count; g++)
		HN_TRY(shape_other(context, model, &model->others[g]));
	for (int h = 0; h < model->head_count; h++)
		for (int kind = 0; kind < HN_PARTS; kind++)
			if (model->heads[h].parts[kind] && hn_head_parts[kind]->shape)
				HN_TRY(hn_head_parts[kind]->shape(context, model, &model->heads[h]));
	return HN_OK;
}
