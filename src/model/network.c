/*
 * network.c: engine, generator and heads in one call.
 */
#include "hamnet/network.h"

#include "hamnet/kernels.h"

HnStatus
hn_fingerprints(HnContext *context, const HnModel *model, const HnBatch *batch,
				real **fingerprints)
{
	HnEngineTrace engine;
	HnFingerprintTrace trace;
	const real *coordinates = NULL;

	if (model->engine_config.enabled)
	{
		HN_TRY(hn_engine_forward(context, model, batch, &engine));
		coordinates = engine.coordinates;
	}
	HN_TRY(hn_fingerprint_forward(context, model, batch, coordinates, &trace));
	*fingerprints = trace.fingerprint;
	return HN_OK;
}

HnStatus
hn_head_predict(HnContext *context, const HnHead *head, const real *fingerprints,
				int count, double *predictions)
{
	const real *input = fingerprints;
	int			targets = head->target_count;
	real	   *output = NULL;

	for (int l = 0; l < head->layer_count; l++)
	{
		const HnLinear *layer = &head->layers[l];
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
