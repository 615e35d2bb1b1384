/*
 * packed_head.c: heads in the order in which a prediction passes over them.
 */
#include "packed_head.h"

#include <string.h>

#include "hamnet/simd.h"
#include "hamnet/known.h"

/* Put the first layer of one member in place `first` of the outputs. */
static void
pack_member(const HnLinear *layer, int first, HnFirstLayers *layers)
{
	int			dense = layers->dense.in;
	size_t		in = (size_t) layer->in;

	hn_pack(layers->dense.panels, dense, first, 0, layer->out, dense, 1, layer->weight, in, 1);
	memcpy(layers->dense.bias + first, layer->bias, (size_t) layer->out * sizeof(real));
	for (int o = 0; o < layer->out; o++)
		for (int k = dense; k < layer->in; k++)
			layers->counts[(size_t) (k - dense) * layers->out + first + o] = layer->weight[(size_t) o * in + k];
}

HnStatus
hn_first_layers_pack(HnContext *context, const HnHead *head, int generators, HnFirstLayers **layers)
{
	const HnLinear *first = &head->layers[0];
	int			counts = head->inputs ? head->inputs->counts : 0;

	HN_NEW_ZERO(context, *layers, generators);
	for (int g = 0; g < generators && g < head->member_count; g++)
	{
		HnFirstLayers *own = *layers + g;

		own->members = (head->member_count - g + generators - 1) / generators;
		own->out = own->members * first->out;
		HN_TRY(hn_packed_allocate(context, own->out, first->in - counts, true, &own->dense));
		HN_NEW(context, own->counts, (size_t) counts * own->out);
		for (int k = 0; k < own->members; k++)
			pack_member(&head->layers[(g + k * generators) * head->layer_count], k * first->out, own);
	}
	return HN_OK;
}

void
hn_first_layers_forward(const HnFirstLayers *layers, int counts, int count, const real *rows, real *out)
{
	int			dense = layers->dense.in;

	hn_packed_product(&layers->dense, count, rows, dense + counts, out, layers->out);
	for (int i = 0; i < count; i++)
	{
		const real *own = rows + (size_t) i * (dense + counts) + dense;

		for (int k = 0; k < counts; k++)
			if (own[k] != 0)
				hn_simd()->add_scaled(out + (size_t) i * layers->out, own[k],
										 layers->counts + (size_t) k * layers->out, (size_t) layers->out);
	}
}

static HnStatus
pack_head(HnContext *context, int generators, HnHead *head)
{
	HnPackedHead *packed;
	const HnKnown *known = head->known;

	HN_NEW_ZERO(context, packed, 1);
	if (hn_has_kernel(head))
	{
		HN_NEW(context, packed->kernel, 1);
		HN_TRY(hn_kernel_pack(context, head->kernel, packed->kernel));
		HN_TRY(hn_kernel_pack_factors(context, head->kernel, head->target_count, packed->kernel));
	}
	if (head->kind != HN_KERNEL_HEAD)
		HN_TRY(hn_first_layers_pack(context, head, generators, &packed->networks));
	if (known && known->rows > 0)
	{
		HN_NEW(context, packed->known, 1);
		HN_TRY(hn_byte_rows_pack(context, known->inputs, known->width, known->rows, known->width, packed->known));
	}
	head->packed = packed;
	return HN_OK;
}

HnStatus
hn_heads_pack(HnContext *context, HnModel *model)
{
	for (int h = 0; h < model->head_count; h++)
		HN_TRY(pack_head(context, model->other_count + 1, &model->heads[h]));
	return HN_OK;
}
