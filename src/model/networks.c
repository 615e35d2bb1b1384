/*
 * networks.c: the part of a head that is an ensemble of networks.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "hamnet/network.h"
#include "hamnet/simd.h"
#include "first_layers.h"
#include "inputs.h"
#include "networks.h"
#include "parts.h"

/*
 * In a model file
 */

static HnStatus
read_networks(HnContext *context, const HnSection *section, HnHead *head)
{
	HnNetworks *networks;
	json_t	   *hidden = NULL;

	HN_NEW_ZERO(context, networks, 1);
	head->parts[HN_NETWORKS] = networks;
	HN_TRY(hn_section_array(context, section, "hidden", &hidden));
	HN_TRY(hn_section_several(context, section, "members", &networks->member_count));
	/* The count is bounded by the header's length here, and by its limit in hn_model_shape. */
	networks->layer_count = (int) json_array_size(hidden) + 1;
	HN_NEW_ZERO(context, networks->layers, networks->layer_count);
	for (int k = 0; k < networks->layer_count - 1; k++)
		HN_TRY(hn_section_to_int(context, section, "hidden", json_array_get(hidden, k), &networks->layers[k].out));
	return hn_inputs_read(context, section, &networks->inputs);
}

static json_t *
write_networks(const HnHead *head, json_t *object)
{
	const HnNetworks *networks = hn_networks(head);
	json_t	   *hidden = json_array();

	for (int k = 0; k < networks->layer_count - 1; k++)
		hidden = hn_json_append(hidden, json_integer(networks->layers[k].out));
	object = hn_json_with(object, "hidden", hidden);
	if (networks->member_count > 1)
		object = hn_json_with(object, "members", json_integer(networks->member_count));
	if (networks->inputs)
		object = hn_json_with(object, "inputs", hn_inputs_write(networks->inputs));
	return object;
}

static HnStatus
check_networks(HnContext *context, const HnHead *head)
{
	HnNetworks *networks = hn_networks(head);

	if (networks->member_count == 0)
		networks->member_count = 1;
	HN_TRY(hn_check_count(context, head, "number of hidden layers", networks->layer_count - 1, 0, HN_MAX_LAYERS));
	HN_TRY(hn_check_count(context, head, "number of members", networks->member_count, 1, HN_MAX_MEMBERS));
	for (int k = 0; k < networks->layer_count - 1; k++)
		HN_TRY(hn_check_count(context, head, "width of a hidden layer", networks->layers[k].out, 1, HN_MAX_WIDTH));
	if (networks->inputs)
		HN_TRY(hn_check_count(context, head, "number of columns of counts", networks->inputs->counts, 0,
							  HN_COUNT_COLUMNS));
	return HN_OK;
}

/* Set the widths of all members' layers: the first member has the hidden widths of all. */
static HnStatus
shape_networks(HnContext *context, const HnModel *model, HnHead *head)
{
	HnNetworks *networks = hn_networks(head);
	const HnLinear *first = networks->layers;

	if (networks->inputs)
	{
		hn_inputs_shape(model, networks->inputs);
		HN_TRY(hn_check_count(context, head, "number of inputs", networks->inputs->width, 1, HN_MAX_WIDTH));
	}
	HN_NEW(context, networks->layers, networks->member_count * networks->layer_count);
	for (int m = 0; m < networks->member_count; m++)
	{
		int			in = networks->inputs ? networks->inputs->width : model->fingerprint_config.dim;

		for (int k = 0; k < networks->layer_count; k++)
		{
			bool		last = k == networks->layer_count - 1;
			HnLinear   *layer = &networks->layers[m * networks->layer_count + k];

			*layer = (HnLinear) {.out = last ? head->target_count : first[k].out, .in = in};
			in = layer->out;
		}
	}
	return HN_OK;
}

static void
list_tensors(HnTensorList *list, const HnHead *head)
{
	const HnNetworks *networks = hn_networks(head);

	for (int m = 0; m < networks->member_count; m++)
		for (int k = 0; k < networks->layer_count; k++)
		{
			char		name[HN_MAX_HEAD_NAME + 32];

			if (networks->member_count > 1)
				snprintf(name, sizeof(name), "head.%s.%d.%d", head->name, m, k);
			else
				snprintf(name, sizeof(name), "head.%s.%d", head->name, k);
			hn_list_linear(list, name, &networks->layers[m * networks->layer_count + k]);
		}
}

static void
list_tables(HnTableList *list, const HnHead *head)
{
	HnHeadInputs *inputs = hn_networks(head)->inputs;

	if (inputs == NULL || inputs->scaled_width == 0)
		return;
	hn_list_table(list, head, "input_center", HN_F32, 1, inputs->scaled_width, 1, &inputs->center);
	hn_list_table(list, head, "input_scale", HN_F32, 1, inputs->scaled_width, 1, &inputs->scale);
}

static HnStatus
link_networks(HnContext *context, const HnHead *head)
{
	const HnHeadInputs *inputs = hn_networks(head)->inputs;

	for (int k = 0; inputs && k < inputs->scaled_width; k++)
		if (inputs->scale[k] < 0)
			return hn_fail(context, HN_INVALID_MODEL, "input_scale %d of head \"%s\" is negative", k, head->name);
	return HN_OK;
}

static void
add_needs(const HnHead *head, HnNeeds *needs)
{
	const HnHeadInputs *inputs = hn_networks(head)->inputs;

	if (inputs && inputs->descriptors)
		needs->descriptors = inputs->descriptors;
	needs->counts |= inputs && inputs->counts > 0;
}

HnStatus
hn_networks_copy(HnContext *context, const HnNetworks *networks, int members, HnNetworks **copy)
{
	HN_NEW(context, *copy, 1);
	**copy = *networks;
	(*copy)->member_count = members;
	HN_NEW_ZERO(context, (*copy)->layers, networks->layer_count);
	for (int l = 0; l < networks->layer_count - 1; l++)
		(*copy)->layers[l].out = networks->layers[l].out;
	if (networks->inputs == NULL)
		return HN_OK;
	HN_NEW(context, (*copy)->inputs, 1);
	*(*copy)->inputs = *networks->inputs;
	return HN_OK;
}

/*
 * Predicting
 */

static HnStatus
pack_networks(HnContext *context, const HnModel *model, const HnHead *head, void **packed)
{
	HnFirstLayers *layers = NULL;

	HN_TRY(hn_first_layers_pack(context, hn_networks(head), model->other_count + 1, &layers));
	*packed = layers;
	return HN_OK;
}

/*
 * Predictions [count, targets] of one member from the inputs of layer number
 * first, input [count, ld], before ensembles are averaged.
 */
static HnStatus
predict_member(HnContext *context, const HnHead *head, int member, int first, const real *input, int ld, int count,
			   double *predictions)
{
	const HnNetworks *networks = hn_networks(head);
	int			targets = head->target_count;

	HN_ASSERT(networks->layer_count > 0);
	for (int l = first; l < networks->layer_count; l++)
	{
		const HnLinear *layer = &networks->layers[member * networks->layer_count + l];
		size_t		size = (size_t) count * layer->out;
		real	   *output;

		HN_NEW(context, output, size);
		hn_linear_forward(layer, count, input, ld, output, layer->out);
		if (!hn_all_finite(output, size))
			return hn_fail(context, HN_NOT_FINITE, "head \"%s\" of the model is not finite", head->name);
		if (l < networks->layer_count - 1)
			hn_simd()->relu(output, size);
		input = output;
		ld = layer->out;
	}
	for (int i = 0; i < count; i++)
		for (int t = 0; t < targets; t++)
		{
			real		output = input[(size_t) i * ld + t];

			if (head->task == HN_CLASSIFICATION)
				hn_simd()->sigmoid(&output, 1);
			predictions[(size_t) i * targets + t] = head->task == HN_REGRESSION
				? output * head->targets[t].std + head->targets[t].mean : output;
		}
	return HN_OK;
}

HnStatus
hn_head_predict(HnContext *context, const HnHead *head, const HnInputs *inputs, double *predictions)
{
	const HnNetworks *networks = hn_networks(head);
	const real *rows = NULL;

	HN_TRY(hn_inputs_join(context, head, inputs, &rows));
	return predict_member(context, head, 0, 0, rows, networks->layers[0].in, inputs->count, predictions);
}

/* Predictions [members, count, targets] of the members that read the fingerprint of generator g. */
static HnStatus
predict_generator(HnContext *context, const HnModel *model, const HnHead *head, const HnFirstLayers *layers, int g,
				  const HnInputs *inputs, double *predictions)
{
	const HnNetworks *networks = hn_networks(head);
	int			generators = model->other_count + 1;
	int			count = inputs->count;
	size_t		size = (size_t) count * layers->out;
	HnInputs	own = *inputs;
	const real *rows = NULL;
	real	   *states;

	own.fingerprints += (size_t) g * count * model->fingerprint_config.dim;
	HN_TRY(hn_inputs_join(context, head, &own, &rows));
	HN_NEW(context, states, size);
	hn_first_layers_forward(layers, networks->inputs ? networks->inputs->counts : 0, count, rows, states);
	if (!hn_all_finite(states, size))
		return hn_fail(context, HN_NOT_FINITE, "head \"%s\" of the model is not finite", head->name);
	if (networks->layer_count > 1)
		hn_simd()->relu(states, size);
	for (int k = 0; k < layers->members; k++)
	{
		int			member = g + k * generators;

		HN_TRY(predict_member(context, head, member, 1, states + (size_t) k * networks->layers[0].out, layers->out,
							  count, predictions + (size_t) member * count * head->target_count));
	}
	return HN_OK;
}

/*
 * Mean of values [members, size] over the members, and if sds is not NULL their
 * deviation as a sample of what training could have given, NaN of one member.
 */
static void
average_members(const double *predictions, int members, int size, double *values, double *sds)
{
	for (int i = 0; i < size; i++)
	{
		double		sum = 0;
		double		squares = 0;

		for (int m = 0; m < members; m++)
			sum += predictions[(size_t) m * size + i];
		values[i] = sum / members;
		for (int m = 0; m < members; m++)
		{
			double		difference = predictions[(size_t) m * size + i] - values[i];

			squares += difference * difference;
		}
		if (sds)
			sds[i] = members > 1 ? sqrt(squares / (members - 1)) : NAN;
	}
}

static HnStatus
predict_networks(HnContext *context, const HnModel *model, const HnHead *head, const HnInputs *inputs,
				 const HnPrediction *prediction)
{
	int			members = hn_networks(head)->member_count;
	int			generators = model->other_count + 1;
	int			size = inputs->count * head->target_count;
	const HnFirstLayers *layers = hn_packed_part(head, HN_NETWORKS);
	double	   *predictions;

	if (layers == NULL)
	{
		HnFirstLayers *own = NULL;

		HN_TRY(hn_first_layers_pack(context, hn_networks(head), generators, &own));
		layers = own;
	}
	HN_NEW(context, predictions, (size_t) members * size);
	for (int g = 0; g < generators && g < members; g++)
		HN_TRY(predict_generator(context, model, head, &layers[g], g, inputs, predictions));
	average_members(predictions, members, size, prediction->values, prediction->sds);
	return HN_OK;
}

static const char *const keys[] = {"hidden", "members", "inputs", NULL};

extern const HnHeadPart hn_networks_part;
const HnHeadPart hn_networks_part = {
	.keys = keys,
	.read = read_networks,
	.write = write_networks,
	.check = check_networks,
	.shape = shape_networks,
	.list_tensors = list_tensors,
	.list_tables = list_tables,
	.link = link_networks,
	.add_needs = add_needs,
	.pack = pack_networks,
	.predict = predict_networks
};
