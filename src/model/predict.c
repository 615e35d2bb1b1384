/*
 * predict.c: heads of every kind, and ensembles of them.
 */
#include "hamnet/predict.h"

#include <math.h>
#include <string.h>

#include "hamnet/kernel_head.h"
#include "hamnet/kernels.h"
#include "hamnet/network.h"

HnNeeds
hn_model_needs(const HnModel *model)
{
	HnNeeds		needs = {NULL, false};

	for (int i = 0; i < model->head_count; i++)
		if (model->heads[i].kind == HN_KERNEL_HEAD)
		{
			const HnKernelHead *kernel = model->heads[i].kernel;

			if (kernel->descriptors)
				needs.descriptors = kernel->descriptors;
			needs.counts |= kernel->count_share > 0;
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

/* Predictions of one member of a network head, before ensembles are averaged. */
static HnStatus
predict_member(HnContext *context, const HnHead *head, int member, const real *fingerprints, int count,
			   double *predictions)
{
	const real *input = fingerprints;
	int			targets = head->target_count;
	real	   *output = NULL;

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
hn_head_predict(HnContext *context, const HnHead *head, const real *fingerprints,
				int count, double *predictions)
{
	return predict_member(context, head, 0, fingerprints, count, predictions);
}

/* Mean of the members, and their standard deviation as a sample of what training could have given. */
static HnStatus
predict_members(HnContext *context, const HnModel *model, const HnHead *head, const HnInputs *inputs,
				double *values, double *sds)
{
	int			members = head->member_count;
	int			size = inputs->count * head->target_count;
	double	   *predictions;

	HN_NEW(context, predictions, (size_t) members * size);
	for (int m = 0; m < members; m++)
	{
		size_t		generator = (size_t) (m % (model->other_count + 1));

		HN_TRY(predict_member(context, head, m,
							  inputs->fingerprints + generator * inputs->count * model->fingerprint_config.dim,
							  inputs->count, predictions + (size_t) m * size));
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

HnStatus
hn_predict(HnContext *context, const HnModel *model, const HnHead *head, const HnInputs *inputs,
		   double *values, double *sds)
{
	if (head->kind == HN_KERNEL_HEAD)
		return hn_kernel_predict(context, head, inputs, values, sds);
	return predict_members(context, model, head, inputs, values, sds);
}
