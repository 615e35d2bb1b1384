/*
 * predict.c: heads of every kind, and ensembles of them.
 */
#include "hamnet/predict.h"

#include <math.h>
#include <string.h>

#include "hamnet/forest.h"
#include "hamnet/joint.h"
#include "hamnet/kernel_head.h"
#include "hamnet/kernels.h"
#include "hamnet/network.h"
#include "inputs.h"

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

/* Predictions of one member of a head's networks from what they read, before ensembles are averaged. */
static HnStatus
predict_member(HnContext *context, const HnHead *head, int member, const real *input, int count,
			   double *predictions)
{
	int			targets = head->target_count;
	real	   *output = NULL;

	HN_ASSERT(head->layer_count > 0);
	for (int l = 0; l < head->layer_count; l++)
	{
		const HnLinear *layer = &head->layers[member * head->layer_count + l];
		size_t		size = (size_t) count * layer->out;

		HN_NEW(context, output, size);
		hn_linear_forward(layer, count, input, layer->in, output, layer->out);
		if (!hn_all_finite(output, size))
			return hn_fail(context, HN_NOT_FINITE, "head \"%s\" of the model is not finite", head->name);
		if (l < head->layer_count - 1)
			hn_kernels()->relu(output, size);
		input = output;
	}
	if (head->task == HN_CLASSIFICATION)
		hn_kernels()->sigmoid(output, (size_t) count * targets);
	for (int i = 0; i < count * targets; i++)
	{
		const HnTarget *target = &head->targets[i % targets];

		predictions[i] = head->task == HN_REGRESSION ?
			output[i] * target->std + target->mean : output[i];
	}
	return HN_OK;
}

HnStatus
hn_head_predict(HnContext *context, const HnHead *head, const HnInputs *inputs, double *predictions)
{
	const real *rows = NULL;

	HN_TRY(hn_inputs_join(context, head, inputs, &rows));
	return predict_member(context, head, 0, rows, inputs->count, predictions);
}

/* Mean of the members, and their standard deviation as a sample of what training could have given. */
static HnStatus
predict_members(HnContext *context, const HnModel *model, const HnHead *head, const HnInputs *inputs,
				double *values, double *sds)
{
	int			members = head->member_count;
	int			generators = model->other_count + 1;
	int			size = inputs->count * head->target_count;
	double	   *predictions;
	const real **rows;			/* what those read that read the fingerprint of one generator */

	HN_NEW(context, predictions, (size_t) members * size);
	HN_NEW(context, rows, generators);
	for (int m = 0; m < members; m++)
	{
		int			g = m % generators;

		if (m < generators)
		{
			HnInputs	own = *inputs;

			own.fingerprints += (size_t) g * inputs->count * model->fingerprint_config.dim;
			HN_TRY(hn_inputs_join(context, head, &own, &rows[g]));
		}
		HN_TRY(predict_member(context, head, m, rows[g], inputs->count, predictions + (size_t) m * size));
	}
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
predict_joint(HnContext *context, const HnModel *model, const HnHead *head, const HnInputs *inputs,
			  double *values, double *sds)
{
	size_t		size = (size_t) inputs->count * head->target_count;
	HnParts		parts = {0};

	HN_NEW(context, parts.networks, size);
	HN_NEW(context, parts.networks_sd, size);
	HN_TRY(predict_members(context, model, head, inputs, parts.networks, parts.networks_sd));
	if (hn_has_kernel(head))
	{
		HN_NEW(context, parts.kernel, size);
		HN_NEW(context, parts.kernel_sd, size);
		HN_TRY(hn_kernel_predict(context, head, inputs, parts.kernel, parts.kernel_sd));
	}
	if (hn_has_forest(head))
	{
		HN_NEW(context, parts.forest, size);
		HN_TRY(hn_forest_predict(context, head, inputs, parts.forest));
	}
	hn_joint_combine(head, &parts, inputs->count, values, sds);
	return HN_OK;
}

static HnStatus
predict_head(HnContext *context, const HnModel *model, const HnHead *head, const HnInputs *inputs,
			 double *values, double *sds)
{
	switch (head->kind)
	{
		case HN_NETWORK_HEAD:
			return predict_members(context, model, head, inputs, values, sds);
		case HN_KERNEL_HEAD:
			return hn_kernel_predict(context, head, inputs, values, sds);
		case HN_JOINT_HEAD:
			return predict_joint(context, model, head, inputs, values, sds);
	}
	return hn_fail(context, HN_INTERNAL, "head \"%s\" is of no known kind", head->name);
}

HnStatus
hn_predict(HnContext *context, const HnModel *model, const HnHead *head, const HnInputs *inputs,
		   double *values, double *sds)
{
	size_t		count = (size_t) inputs->count * (size_t) head->target_count;

	HN_TRY(predict_head(context, model, head, inputs, values, sds));

	/* The scale of a target may be so large that a value which was finite is so no more. */
	for (size_t i = 0; i < count; i++)
		if (!isfinite(values[i]) || (sds && isinf(sds[i])))
			return hn_fail(context, HN_NOT_FINITE, "head \"%s\" of the model is not finite", head->name);
	return HN_OK;
}
