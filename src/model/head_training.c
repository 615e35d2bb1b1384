/*
 * head_training.c: heads as training sees them: with dropout, and back.
 */
#include <string.h>

#include "hamnet/backward.h"
#include "hamnet/simd.h"
#include "inputs.h"

static int
head_site(int index, int layer)
{
	return HN_DROPOUT_HEAD + 2 * HN_MAX_LAYERS * index + layer;
}

HnStatus
hn_head_forward(HnContext *context, const HnModel *model, int index, const HnInputs *inputs,
				const HnDropout *dropout, HnHeadTrace *trace)
{
	const HnHead *head = &model->heads[index];
	const HnNetworks *networks = hn_networks(head);
	int			rows = inputs->count;
	const real *input = NULL;

	HN_TRY(hn_inputs_join(context, head, inputs, &input));
	HN_NEW(context, trace->input, networks->layer_count);
	for (int l = 0; l < networks->layer_count; l++)
	{
		const HnLinear *layer = &networks->layers[l];
		size_t		size = (size_t) rows * layer->in;

		HN_NEW(context, trace->input[l], size);
		memcpy(trace->input[l], input, size * sizeof(real));
		if (l > 0)
			hn_simd()->relu(trace->input[l], size);
		hn_dropout_apply(dropout, head_site(index, l), rows, NULL, layer->in, trace->input[l], layer->in);
		HN_NEW(context, trace->output, (size_t) rows * layer->out);
		hn_linear_forward(layer, rows, trace->input[l], layer->in, trace->output, layer->out);
		if (!hn_all_finite(trace->output, (size_t) rows * layer->out))
			return hn_fail(context, HN_NOT_FINITE, "head \"%s\" of the model is not finite", head->name);
		input = trace->output;
	}
	return HN_OK;
}

HnStatus
hn_head_backward(HnContext *context, const HnModel *model, int index, const HnInputs *inputs,
				 const HnDropout *dropout, const HnHeadTrace *trace,
				 const real *d_output, real *d_fingerprints, HnModel *gradient)
{
	const HnHead *head = &model->heads[index];
	const HnNetworks *networks = hn_networks(head);
	int			rows = inputs->count;

	for (int l = networks->layer_count - 1; l >= 0; l--)
	{
		const HnLinear *layer = &networks->layers[l];
		size_t		size = (size_t) rows * layer->in;
		real	   *d_input = NULL;

		if (l > 0 || d_fingerprints)
			HN_NEW(context, d_input, size);
		hn_linear_backward(layer, rows, trace->input[l], layer->in, d_output, layer->out,
						   0, d_input, layer->in, &hn_networks(&gradient->heads[index])->layers[l]);
		if (d_input == NULL)
			break;
		hn_dropout_apply(dropout, head_site(index, l), rows, NULL, layer->in, d_input, layer->in);

		/* What dropout took is zero already; what it left is positive exactly where the ReLU let it through. */
		if (l > 0)
			hn_simd()->relu_back(trace->input[l], d_input, size);
		else
			hn_inputs_backward(head, inputs, model->fingerprint_config.dim, d_input, d_fingerprints);
		d_output = d_input;
	}
	return HN_OK;
}
