/*
 * first_layers.c: the first layers of networks, in the order in which a
 * prediction passes over them.
 */
#include "first_layers.h"

#include <string.h>

#include "hamnet/simd.h"

/* Put the first layer of one member into the outputs from number `first` on. */
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
hn_first_layers_pack(HnContext *context, const HnNetworks *networks, int generators, HnFirstLayers **layers)
{
	const HnLinear *first = &networks->layers[0];
	int			counts = networks->inputs ? networks->inputs->counts : 0;

	HN_NEW_ZERO(context, *layers, generators);
	for (int g = 0; g < generators && g < networks->member_count; g++)
	{
		HnFirstLayers *own = *layers + g;

		own->members = (networks->member_count - g + generators - 1) / generators;
		own->out = own->members * first->out;
		HN_TRY(hn_packed_allocate(context, own->out, first->in - counts, true, &own->dense));
		HN_NEW(context, own->counts, (size_t) counts * own->out);
		for (int k = 0; k < own->members; k++)
			pack_member(&networks->layers[(g + k * generators) * networks->layer_count], k * first->out, own);
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
