/*
 * packed.c: the weights of a model in the order in which they are multiplied by.
 */
#include "hamnet/model.h"

#include <string.h>

/* Wᵀ W of a layer without bias, into rows first .. first + d - 1 of packed. */
static HnStatus
pack_quadratic(HnContext *context, const HnLinear *layer, int first, HnPacked *packed)
{
	int			dim = layer->in;
	real	   *square;

	HN_NEW(context, square, (size_t) dim * dim);
	hn_gemm_tn(dim, dim, layer->out, 1, layer->weight, dim, layer->weight, dim, 0, square, dim);
	hn_pack(packed->panels, dim, first, 0, dim, dim, 1, square, (size_t) dim, 1);
	return HN_OK;
}

HnStatus
hn_pack_engine(HnContext *context, const HnModel *model, HnPackedEngine *packed)
{
	const HnEngineWeights *weights = &model->engine;
	bool		dissipate = model->engine_config.dissipate;
	int			dim = model->engine_config.dim;
	HnLinear	potential = weights->potential;

	HN_TRY(hn_pack_linear(context, &weights->gcn1, &packed->gcn1));
	HN_TRY(hn_pack_linear(context, &weights->gcn2, &packed->gcn2));
	HN_TRY(hn_pack_lstm(context, &weights->lstm, &packed->lstm));
	HN_TRY(hn_pack_linear(context, &weights->position, &packed->position));

	HN_TRY(hn_packed_allocate(context, dissipate ? 2 * dim : dim, dim, false, &packed->quadratic));
	HN_TRY(pack_quadratic(context, &weights->kinetic, 0, &packed->quadratic));
	if (dissipate)
		HN_TRY(pack_quadratic(context, &weights->dissipation, dim, &packed->quadratic));

	potential.bias = NULL;
	HN_TRY(hn_pack_linear(context, &potential, &packed->potential));
	HN_TRY(hn_packed_allocate(context, dim, potential.out, false, &packed->force));
	hn_pack(packed->force.panels, potential.out, 0, 0, dim, potential.out, 1, potential.weight, 1, (size_t) dim);
	return HN_OK;
}

/*
 * The receiver's rows [W_1, W_2] of a layer over [h_i ; r_i - r_j ; h_j ; E_k],
 * beginning at 2 `first`, and the sender's [W_3, -W_2] after them; the bond's
 * W_4, where there are, at `first` of theirs.
 */
static void
pack_edge_layer(const HnLinear *layer, int first, int dim, int r, HnPackedLayer *packed)
{
	HnPacked   *edges = &packed->edges;
	size_t		step = (size_t) layer->in;
	int			out = layer->out;
	int			bond = layer->in - 2 * dim - r;

	hn_pack(edges->panels, edges->in, 2 * first, 0, out, dim + r, 1, layer->weight, step, 1);
	hn_pack(edges->panels, edges->in, 2 * first + out, 0, out, dim, 1, layer->weight + dim + r, step, 1);
	hn_pack(edges->panels, edges->in, 2 * first + out, dim, out, r, -1, layer->weight + dim, step, 1);
	memcpy(edges->bias + 2 * first, layer->bias, (size_t) out * sizeof(real));
	if (bond > 0)
		hn_pack(packed->bonds.panels, bond, first, 0, out, bond, 1, layer->weight + 2 * dim + r, step, 1);
}

static HnStatus
pack_layer(HnContext *context, const HnModel *model, int index, HnPackedLayer *packed)
{
	const HnMessageLayer *layer = &model->layers[index];
	bool		last = index == model->fingerprint_config.layers - 1;
	int			dim = model->fingerprint_config.dim;
	int			r = hn_model_coordinate_width(model);
	int			b = hn_model_bond_width(model);
	int			out = dim + (last ? 0 : layer->edge.out);

	HN_TRY(hn_packed_allocate(context, 2 * out, dim + r, true, &packed->edges));
	if (b > 0)
		HN_TRY(hn_packed_allocate(context, out, b, false, &packed->bonds));
	pack_edge_layer(&layer->message, 0, dim, r, packed);
	if (!last)
		pack_edge_layer(&layer->edge, dim, dim, r, packed);
	return hn_pack_gru(context, &layer->gru, &packed->gru);
}

HnStatus
hn_pack_generator(HnContext *context, const HnModel *model, HnPackedGenerator *packed)
{
	int			layers = model->fingerprint_config.layers;

	HN_TRY(hn_pack_linear(context, &model->atom, &packed->atom));
	HN_TRY(hn_pack_linear(context, &model->bond, &packed->bond));
	HN_NEW(context, packed->layers, layers);
	for (int l = 0; l < layers; l++)
		HN_TRY(pack_layer(context, model, l, &packed->layers[l]));
	HN_TRY(hn_pack_linear(context, &model->readout.map, &packed->map));
	HN_TRY(hn_pack_linear(context, &model->readout.attend, &packed->attend));
	if (model->fingerprint_config.projection)
		HN_TRY(hn_pack_linear(context, &model->readout.projection, &packed->projection));
	return hn_pack_gru(context, &model->readout.gru, &packed->gru);
}

HnStatus
hn_model_pack(HnContext *context, HnModel *model)
{
	HnPackedModel *packed;		/* of each generator; the engine is the same */

	HN_NEW_ZERO(context, packed, model->other_count + 1);
	if (model->engine_config.enabled)
		HN_TRY(hn_pack_engine(context, model, &packed->engine));
	HN_TRY(hn_pack_generator(context, model, &packed->generator));
	model->packed = packed;
	for (int g = 0; g < model->other_count; g++)
	{
		HnModel    *other = &model->others[g];

		packed[g + 1].engine = packed->engine;
		HN_TRY(hn_pack_generator(context, other, &packed[g + 1].generator));
		other->packed = &packed[g + 1];
	}
	return HN_OK;
}
