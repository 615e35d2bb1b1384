/*
 * predict.c: heads of every kind, and ensembles of them.
 */
#include "hamnet/predict.h"

#include <math.h>
#include <string.h>

#include "hamnet/forest.h"
#include "hamnet/joint.h"
#include "hamnet/kernel_head.h"
#include "hamnet/simd.h"
#include "hamnet/known.h"
#include "hamnet/network.h"
#include "inputs.h"
#include "packed_head.h"

HnNeeds
hn_model_needs(const HnModel *model)
{
	HnNeeds		needs = {NULL, false};

	for (int i = 0; i < model->head_count; i++)
	{
		const HnKernelHead *kernel = model->heads[i].kernel;
		const HnHeadInputs *inputs = model->heads[i].inputs;

		if (kernel && kernel->descriptors)
			needs.descriptors = kernel->descriptors;
		if (inputs && inputs->descriptors)
			needs.descriptors = inputs->descriptors;
		needs.counts |= (kernel && hn_kernel_uses_counts(kernel)) || (inputs && inputs->counts > 0);
		if (model->heads[i].forest)
			needs = (HnNeeds) {model->heads[i].forest->descriptors, true};
	}
	return needs;
}

HnStatus
hn_all_fingerprints(HnContext *context, const HnModel *model, const HnBatch *batch, real **fingerprints)
{
	size_t		size = (size_t) batch->graph_count * model->fingerprint_config.dim;
	const real *coordinates = NULL;
	HnEngineTrace engine;

	HN_NEW(context, *fingerprints, (size_t) (model->other_count + 1) * size);
	if (model->engine_config.enabled)
	{
		HN_TRY(hn_engine_forward(context, model, batch, &engine));
		coordinates = engine.coordinates;
	}
	for (int g = 0; g <= model->other_count; g++)
	{
		const HnModel *generator = g == 0 ? model : &model->others[g - 1];
		HnArenaMark mark = hn_arena_mark(context->arena);
		HnFingerprintTrace trace;

		HN_TRY(hn_fingerprint_forward(context, generator, batch, coordinates, &trace));
		memcpy(*fingerprints + g * size, trace.fingerprint, size * sizeof(real));
		hn_arena_rewind(context->arena, mark);
	}
	return HN_OK;
}

/*
 * Predictions of one member of a head's networks from the inputs of layer
 * number first [count], rows of which lie ld apart, before ensembles are averaged.
 */
static HnStatus
predict_member(HnContext *context, const HnHead *head, int member, int first, const real *input, int ld, int count,
			   double *predictions)
{
	int			targets = head->target_count;

	HN_ASSERT(head->layer_count > 0);
	for (int l = first; l < head->layer_count; l++)
	{
		const HnLinear *layer = &head->layers[member * head->layer_count + l];
		size_t		size = (size_t) count * layer->out;
		real	   *output;

		HN_NEW(context, output, size);
		hn_linear_forward(layer, count, input, ld, output, layer->out);
		if (!hn_all_finite(output, size))
			return hn_fail(context, HN_NOT_FINITE, "head \"%s\" of the model is not finite", head->name);
		if (l < head->layer_count - 1)
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
	const real *rows = NULL;

	HN_TRY(hn_inputs_join(context, head, inputs, &rows));
	return predict_member(context, head, 0, 0, rows, head->layers[0].in, inputs->count, predictions);
}

/* Predictions [members, count, targets] of the members that read the fingerprint of generator g. */
static HnStatus
predict_generator(HnContext *context, const HnModel *model, const HnHead *head, const HnFirstLayers *layers, int g,
				  const HnInputs *inputs, double *predictions)
{
	int			generators = model->other_count + 1;
	int			count = inputs->count;
	size_t		size = (size_t) count * layers->out;
	HnInputs	own = *inputs;
	const real *rows = NULL;
	real	   *states;

	own.fingerprints += (size_t) g * count * model->fingerprint_config.dim;
	HN_TRY(hn_inputs_join(context, head, &own, &rows));
	HN_NEW(context, states, size);
	hn_first_layers_forward(layers, head->inputs ? head->inputs->counts : 0, count, rows, states);
	if (!hn_all_finite(states, size))
		return hn_fail(context, HN_NOT_FINITE, "head \"%s\" of the model is not finite", head->name);
	if (head->layer_count > 1)
		hn_simd()->relu(states, size);
	for (int k = 0; k < layers->members; k++)
	{
		int			member = g + k * generators;

		HN_TRY(predict_member(context, head, member, 1, states + (size_t) k * head->layers[0].out, layers->out, count,
							  predictions + (size_t) member * count * head->target_count));
	}
	return HN_OK;
}

/* Mean of the members, and their standard deviation as a sample of what training could have given. */
static HnStatus
predict_members(HnContext *context, const HnModel *model, const HnHead *head, const HnInputs *inputs,
				double *values, double *sds)
{
	int			members = head->member_count;
	int			generators = model->other_count + 1;
	int			size = inputs->count * head->target_count;
	HnFirstLayers *layers;
	double	   *predictions;

	if (head->packed)
		layers = head->packed->networks;
	else
		HN_TRY(hn_first_layers_pack(context, head, generators, &layers));
	HN_NEW(context, predictions, (size_t) members * size);
	for (int g = 0; g < generators && g < members; g++)
		HN_TRY(predict_generator(context, model, head, &layers[g], g, inputs, predictions));
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
	return HN_OK;
}

static HnStatus
predict_kernel(HnContext *context, const HnHead *head, const HnInputs *inputs, double *values, double *sds,
			   int32_t *nearest)
{
	return hn_kernel_predict_near(context, head, head->packed ? head->packed->kernel : NULL, inputs, values, sds, nearest);
}

/*
 * A part whose share is 0 is left out where only values are wanted, and the
 * networks of a regression also where deviations are: see joint.h.
 */
static HnStatus
predict_joint(HnContext *context, const HnModel *model, const HnHead *head, const HnInputs *inputs,
			  double *values, double *sds, int32_t *nearest)
{
	size_t		size = (size_t) inputs->count * head->target_count;
	const HnJoint *joint = head->joint;
	HnParts		parts = {0};

	HN_NEW_ZERO(context, parts.networks, size);
	HN_NEW_ZERO(context, parts.networks_sd, size);
	if (1 - joint->kernel - joint->forest != 0 || (sds && head->task == HN_CLASSIFICATION))
		HN_TRY(predict_members(context, model, head, inputs, parts.networks, parts.networks_sd));
	if (hn_has_kernel(head))
	{
		HN_NEW_ZERO(context, parts.kernel, size);
		HN_NEW_ZERO(context, parts.kernel_sd, size);
		if (joint->kernel > 0 || sds || nearest)
			HN_TRY(predict_kernel(context, head, inputs, parts.kernel, sds ? parts.kernel_sd : NULL, nearest));
	}
	if (hn_has_forest(head))
	{
		HN_NEW_ZERO(context, parts.forest, size);
		if (joint->forest > 0 || sds)
			HN_TRY(hn_forest_predict(context, head, inputs, parts.forest));
	}
	hn_joint_combine(head, &parts, inputs->count, values, sds);
	return HN_OK;
}

static HnStatus
predict_head(HnContext *context, const HnModel *model, const HnHead *head, const HnInputs *inputs,
			 double *values, double *sds, int32_t *nearest)
{
	switch (head->kind)
	{
		case HN_NETWORK_HEAD:
			return predict_members(context, model, head, inputs, values, sds);
		case HN_KERNEL_HEAD:
			return predict_kernel(context, head, inputs, values, sds, nearest);
		case HN_JOINT_HEAD:
			return predict_joint(context, model, head, inputs, values, sds, nearest);
	}
	return hn_fail(context, HN_INTERNAL, "head \"%s\" is of no known kind", head->name);
}

/* Predictions and, where the kernel finds them, the nearest rows. */
static HnStatus
predict(HnContext *context, const HnModel *model, const HnHead *head, const HnInputs *inputs,
		double *values, double *sds, int32_t *nearest)
{
	size_t		count = (size_t) inputs->count * (size_t) head->target_count;

	HN_TRY(predict_head(context, model, head, inputs, values, sds, nearest));

	/* The scale of a target may be so large that a value which was finite is so no more. */
	for (size_t i = 0; i < count; i++)
		if (!isfinite(values[i]) || (sds && isinf(sds[i])))
			return hn_fail(context, HN_NOT_FINITE, "head \"%s\" of the model is not finite", head->name);
	return HN_OK;
}

HnStatus
hn_predict(HnContext *context, const HnModel *model, const HnHead *head, const HnInputs *inputs,
		   double *values, double *sds)
{
	return predict(context, model, head, inputs, values, sds, NULL);
}

HnStatus
hn_predict_novelty(HnContext *context, const HnModel *model, const HnHead *head, const HnInputs *inputs,
				   double *values, double *sds, double *novelties)
{
	int32_t    *nearest;

	if (head->known == NULL || !hn_known_by_kernel(head))
	{
		HN_TRY(predict(context, model, head, inputs, values, sds, NULL));
		return hn_known_novelty(context, head, inputs->fingerprints, inputs->count, novelties);
	}
	HN_NEW(context, nearest, inputs->count);
	HN_TRY(predict(context, model, head, inputs, values, sds, nearest));
	for (int i = 0; i < inputs->count; i++)
		novelties[i] = hn_known_scaled(head, nearest[i]);
	return HN_OK;
}
