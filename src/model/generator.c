/*
 * generator.c: the Fingerprint Generator (model specification, section 3).
 *
 * A linear layer over [h_i ; r_i − r_j ; h_j ; E_k] is split into what depends
 * on the receiver, on the sender and, with bond messages, on the bond k between
 * them, so that products run over atoms and bonds, and edges only add rows:
 *
 *   W z_ij + b = (W_1 h_i + W_2 r_i + b) + (W_3 h_j − W_2 r_j) + W_4 E_k
 *
 * With [h_i ; r_i] lying side by side as the state, both parts, for messages
 * and for edges, are one product with the state; see HnPackedLayer.
 */
#include <string.h>

#include "hamnet/backward.h"
#include "projection.h"
#include "hamnet/simd.h"
#include "hamnet/linear.h"

typedef struct Generator
{
	const HnModel *model;
	const HnBatch *batch;
	const HnDropout *dropout;	/* NULL outside of training */
	int			dim;			/* D */
	int			edge_dim;		/* G */
	int			r;				/* columns of coordinates: 2d or 0 */
	int			width;			/* columns of the state: D + r */
	int			edge_count;		/* 2M */
	const HnPackedGenerator *packed;
	real	   *parts;			/* what a layer's messages and edges are sums of [N, 2D + 2G] */
	real	   *bond_parts;		/* and what the bonds add to them [M, D + G]; NULL without bond messages */
	real	   *row;			/* one edge's sum, of a message or an edge */
	real	   *relative;		/* w_r · r_i of the attention [N] */
} Generator;

/* Fail unless x [n] is finite; where says what it is. */
static HnStatus
check_finite(HnContext *context, const real *x, size_t n, const char *where)
{
	if (!hn_all_finite(x, n))
		return hn_fail(context, HN_NOT_FINITE,
					   "the model's %s is not finite for this molecule", where);
	return HN_OK;
}

/* Drop from the atoms' columns of state [N, D + r] at the beginning of a layer. */
static void
drop_states(const Generator *generator, int layer, real *state)
{
	const HnBatch *batch = generator->batch;

	hn_dropout_apply(generator->dropout, layer, batch->graph_count, batch->atom_offset,
					 generator->dim, state, generator->width);
}

/* state [N, D + r] = LeakyReLU(X [N, F] · atomᵀ) beside coordinates [N, r]: the first layer's. */
static void
initial_state(const Generator *generator, const real *coordinates, real *state)
{
	const HnBatch *batch = generator->batch;

	hn_packed_product(&generator->packed->atom, batch->atom_count, batch->atom_features,
					  batch->features->atom_columns, state, generator->width);
	for (int i = 0; i < batch->atom_count; i++)
	{
		real	   *row = state + (size_t) i * generator->width;

		hn_simd()->leaky_relu(row, (size_t) generator->dim);
		if (generator->r > 0)
			memcpy(row + generator->dim, coordinates + (size_t) i * generator->r,
				   (size_t) generator->r * sizeof(real));
	}
}

/* edge [2M, G] = LeakyReLU(E [M, B] · bondᵀ), equal in both directions. */
static HnStatus
initial_edges(HnContext *context, const Generator *generator, real *edge)
{
	const HnBatch *batch = generator->batch;
	size_t		edge_dim = (size_t) generator->edge_dim;
	real	   *bond;			/* [M, G] */

	HN_NEW(context, bond, batch->bond_count * edge_dim);
	hn_packed_product(&generator->packed->bond, batch->bond_count, batch->bond_features,
					  batch->features->bond_columns, bond, generator->edge_dim);
	hn_simd()->leaky_relu(bond, batch->bond_count * edge_dim);
	for (int e = 0; e < generator->edge_count; e++)
		memcpy(edge + e * edge_dim, bond + batch->edges[e].bond * edge_dim, edge_dim * sizeof(real));
	return HN_OK;
}

/*
 * out_e = LeakyReLU(W z_ij + b) for every edge [2M, columns]. A row of the
 * bonds' parts has `width` columns, this layer's begin at `first`; a row of the
 * atoms' parts has twice as many, the receiver's begin at 2 `first`, and the
 * sender's lie beside them.
 */
static void
join_edges(const Generator *generator, int width, int first, int columns, real *out)
{
	const HnSimd *simd = hn_simd();
	const HnEdge *edges = generator->batch->edges;

	for (int e = 0; e < generator->edge_count; e++)
	{
		const real *to = generator->parts + 2 * ((size_t) edges[e].receiver * width + first);
		const real *from = generator->parts + 2 * ((size_t) edges[e].sender * width + first) + columns;

		if (generator->bond_parts)
		{
			memcpy(generator->row, to, (size_t) columns * sizeof(real));
			simd->add_scaled(generator->row, 1, generator->bond_parts + (size_t) edges[e].bond * width + first,
								(size_t) columns);
			to = generator->row;
		}
		simd->add_leaky_relu(out + (size_t) e * columns, to, from, (size_t) columns);
	}
}

/* score [2M] = LeakyReLU(attention [e_ij ; r_i − r_j]), and attention [2M], its softmax over the senders of i. */
static void
edge_attention(const Generator *generator, const HnLinear *attention, const HnLayerTrace *layer)
{
	const HnBatch *batch = generator->batch;
	const real *edge_weight = attention->weight;
	const real *relative_weight = attention->weight + generator->edge_dim;

	hn_simd()->row_dots(batch->atom_count, generator->r, layer->state + generator->dim,
						   (size_t) generator->width, relative_weight, generator->relative);
	hn_simd()->row_dots(generator->edge_count, generator->edge_dim, layer->edge,
						   (size_t) generator->edge_dim, edge_weight, layer->score);
	for (int e = 0; e < generator->edge_count; e++)
		layer->score[e] += generator->relative[batch->edges[e].receiver]
			- generator->relative[batch->edges[e].sender]
			+ attention->bias[0];
	hn_simd()->leaky_relu(layer->score, (size_t) generator->edge_count);
	memcpy(layer->attention, layer->score, (size_t) generator->edge_count * sizeof(real));
	for (int i = 0; i < batch->atom_count; i++)
		hn_softmax(layer->attention + batch->edge_offset[i],
				   batch->edge_offset[i + 1] - batch->edge_offset[i]);
}

/* context [N, D] = ELU(Σ_j α_ij m_ij); ELU(0) = 0 is what an atom without neighbours gets. */
static void
gather_messages(const Generator *generator, const HnLayerTrace *layer)
{
	const HnSimd *simd = hn_simd();
	const HnBatch *batch = generator->batch;
	int			dim = generator->dim;

	for (int i = 0; i < batch->atom_count; i++)
	{
		real	   *sum = layer->context + (size_t) i * dim;

		memset(sum, 0, (size_t) dim * sizeof(real));
		for (int e = batch->edge_offset[i]; e < batch->edge_offset[i + 1]; e++)
			simd->add_scaled(sum, layer->attention[e], layer->message + (size_t) e * dim, (size_t) dim);
	}
	simd->elu(layer->context, (size_t) batch->atom_count * dim);
}

static HnStatus
layer_allocate(HnContext *context, const Generator *generator, HnLayerTrace *layer)
{
	size_t		atoms = (size_t) generator->batch->atom_count;
	size_t		edges = (size_t) generator->edge_count;
	size_t		dim = (size_t) generator->dim;

	HN_NEW(context, layer->state, atoms * generator->width);
	HN_NEW(context, layer->edge, edges * generator->edge_dim);
	HN_NEW(context, layer->message, edges * dim);
	HN_NEW(context, layer->score, edges);
	HN_NEW(context, layer->attention, edges);
	HN_NEW(context, layer->context, atoms * dim);
	HN_NEW(context, layer->gru_gates, atoms * 3 * dim);
	HN_NEW(context, layer->gru_recurrent, atoms * dim);
	HN_NEW(context, layer->gru_output, atoms * dim);
	return HN_OK;
}

/* Messages, attention and the GRU of layer l, and the edges of the one after it, which the last one lacks. */
static HnStatus
layer_forward(HnContext *context, const Generator *generator, int l, const HnLayerTrace *layer,
			  real *next_edge)
{
	const HnPackedLayer *packed = &generator->packed->layers[l];
	int			atoms = generator->batch->atom_count;
	int			dim = generator->dim;
	int			width = dim + (next_edge ? generator->edge_dim : 0);

	hn_packed_product(&packed->edges, atoms, layer->state, generator->width, generator->parts, 2 * width);
	if (generator->bond_parts)
		hn_packed_product(&packed->bonds, generator->batch->bond_count, generator->batch->bond_features,
						  generator->batch->features->bond_columns, generator->bond_parts, width);
	join_edges(generator, width, 0, dim, layer->message);
	if (next_edge)
		join_edges(generator, width, dim, generator->edge_dim, next_edge);
	edge_attention(generator, &generator->model->layers[l].attention, layer);
	gather_messages(generator, layer);
	hn_gru_forward(&packed->gru, atoms, layer->context, layer->state, generator->width,
				   layer->gru_gates, layer->gru_recurrent, layer->gru_output);

	/* Checked before a ReLU can turn NaN into zero. */
	return check_finite(context, layer->gru_output, (size_t) atoms * dim, "atom state");
}

/* Set the next layer's state [N, D + r]: h' with r beside it. */
static void
next_state(const Generator *generator, const HnLayerTrace *layer, bool rectify, real *state)
{
	size_t		dim = (size_t) generator->dim;
	size_t		width = (size_t) generator->width;

	for (int i = 0; i < generator->batch->atom_count; i++)
	{
		real	   *row = state + i * width;

		memcpy(row, layer->gru_output + i * dim, dim * sizeof(real));
		if (rectify)
			hn_simd()->relu(row, dim);
		memcpy(row + dim, layer->state + i * width + dim, (width - dim) * sizeof(real));
	}
}

/* LeakyReLU(map h_i), t_i, and M = Σ_i of the former. */
static HnStatus
readout_begin(HnContext *context, const Generator *generator, HnFingerprintTrace *trace,
			  real *fingerprint)
{
	const HnBatch *batch = generator->batch;
	size_t		dim = (size_t) generator->dim;

	HN_NEW(context, trace->mapped, batch->atom_count * dim);
	HN_NEW(context, trace->attend, batch->atom_count * dim);
	hn_packed_product(&generator->packed->map, batch->atom_count, trace->state, generator->width,
					  trace->mapped, generator->dim);
	hn_simd()->leaky_relu(trace->mapped, batch->atom_count * dim);
	hn_packed_product(&generator->packed->attend, batch->atom_count, trace->state, generator->width,
					  trace->attend, generator->dim);

	memset(fingerprint, 0, batch->graph_count * dim * sizeof(real));
	for (int i = 0; i < batch->atom_count; i++)
		hn_simd()->add_scaled(fingerprint + batch->graph_of_atom[i] * dim, 1, trace->mapped + i * dim, dim);
	return HN_OK;
}

static HnStatus
round_allocate(HnContext *context, const Generator *generator, HnRoundTrace *round)
{
	size_t		atoms = (size_t) generator->batch->atom_count;
	size_t		count = generator->batch->graph_count * (size_t) generator->dim;

	HN_NEW(context, round->score, atoms);
	HN_NEW(context, round->attention, atoms);
	HN_NEW(context, round->context, count);
	HN_NEW(context, round->gru_gates, 3 * count);
	HN_NEW(context, round->gru_recurrent, count);
	HN_NEW(context, round->gru_output, count);
	return HN_OK;
}

/* b_i = LeakyReLU(align [M ; r_i ; h_i]), its softmax, and C = ELU(Σ_i softmax_i t_i). */
static void
round_attention(const Generator *generator, const HnFingerprintTrace *trace,
				const real *own_score, const HnRoundTrace *round)
{
	const HnBatch *batch = generator->batch;
	const HnLinear *align = &generator->model->readout.align;
	int			dim = generator->dim;

	memset(round->context, 0, (size_t) batch->graph_count * dim * sizeof(real));
	for (int g = 0; g < batch->graph_count; g++)
	{
		int			begin = batch->atom_offset[g];
		int			end = batch->atom_offset[g + 1];
		real	   *sum = round->context + (size_t) g * dim;
		real		shared = hn_dot(align->weight, round->fingerprint + (size_t) g * dim, dim)
			+ align->bias[0];

		for (int i = begin; i < end; i++)
			round->score[i] = own_score[i] + shared;
		hn_simd()->leaky_relu(round->score + begin, (size_t) (end - begin));
		memcpy(round->attention + begin, round->score + begin, (size_t) (end - begin) * sizeof(real));
		hn_softmax(round->attention + begin, end - begin);
		for (int i = begin; i < end; i++)
			hn_simd()->add_scaled(sum, round->attention[i], trace->attend + (size_t) i * dim, (size_t) dim);
	}
	hn_simd()->elu(round->context, (size_t) batch->graph_count * dim);
}

/*
 * The part of align that does not change between rounds: w_r · r_i + w_h · h_i,
 * [N]. The state holds h before r, the weight r before h.
 */
static HnStatus
align_own(HnContext *context, const Generator *generator, const real *state, real *own_score)
{
	const real *weight_r = generator->model->readout.align.weight + generator->dim;
	const real *weight_h = weight_r + generator->r;
	real	   *weight;			/* [w_h ; w_r] */

	HN_NEW(context, weight, generator->width);
	memcpy(weight, weight_h, (size_t) generator->dim * sizeof(real));
	memcpy(weight + generator->dim, weight_r, (size_t) generator->r * sizeof(real));
	hn_simd()->row_dots(generator->batch->atom_count, generator->width, state, (size_t) generator->width,
						   weight, own_score);
	return HN_OK;
}

static HnStatus
readout_forward(HnContext *context, const Generator *generator, HnFingerprintTrace *trace)
{
	int			rounds = generator->model->fingerprint_config.rounds;
	const HnBatch *batch = generator->batch;
	size_t		count = batch->graph_count * (size_t) generator->dim;
	real	   *fingerprint;
	real	   *own_score;

	HN_NEW(context, fingerprint, count);
	HN_NEW(context, own_score, batch->atom_count);
	HN_NEW(context, trace->rounds, rounds);
	HN_TRY(readout_begin(context, generator, trace, fingerprint));
	HN_TRY(check_finite(context, fingerprint, count, "read-out"));
	HN_TRY(align_own(context, generator, trace->state, own_score));

	for (int round = 0; round < rounds; round++)
	{
		HnRoundTrace *now = &trace->rounds[round];

		now->fingerprint = fingerprint;
		HN_TRY(round_allocate(context, generator, now));
		round_attention(generator, trace, own_score, now);
		hn_gru_forward(&generator->packed->gru, batch->graph_count, now->context,
					   fingerprint, generator->dim,
					   now->gru_gates, now->gru_recurrent, now->gru_output);
		HN_TRY(check_finite(context, now->gru_output, count, "fingerprint"));

		HN_NEW(context, fingerprint, count);
		memcpy(fingerprint, now->gru_output, count * sizeof(real));
		hn_simd()->relu(fingerprint, count);
	}
	trace->readout = fingerprint;
	trace->attention = trace->rounds[rounds - 1].attention;
	return hn_project_forward(context, generator->model, batch, &generator->packed->projection, trace);
}

static HnStatus
generator_init(HnContext *context, const HnModel *model, const HnBatch *batch, const HnDropout *dropout,
			   Generator *generator)
{
	generator->model = model;
	generator->batch = batch;
	generator->dropout = dropout;
	generator->dim = model->fingerprint_config.dim;
	generator->edge_dim = model->fingerprint_config.edge_dim;
	generator->r = hn_model_coordinate_width(model);
	generator->width = generator->dim + generator->r;
	generator->edge_count = 2 * batch->bond_count;
	HN_NEW(context, generator->parts,
		   (size_t) batch->atom_count * (2 * (size_t) generator->dim + 2 * (size_t) generator->edge_dim));
	generator->bond_parts = NULL;
	if (model->fingerprint_config.bond_messages)
	{
		size_t		columns = (size_t) generator->dim + generator->edge_dim;

		HN_NEW(context, generator->bond_parts, batch->bond_count * columns);
		HN_NEW(context, generator->row, columns);
	}
	HN_NEW(context, generator->relative, batch->atom_count);
	if (model->packed)
		generator->packed = &model->packed->generator;
	else
	{
		HnPackedGenerator *packed;

		HN_NEW(context, packed, 1);
		HN_TRY(hn_pack_generator(context, model, packed));
		generator->packed = packed;
	}
	return HN_OK;
}

HnStatus
hn_fingerprint_forward(HnContext *context, const HnModel *model, const HnBatch *batch,
					   const real *coordinates, HnFingerprintTrace *trace)
{
	return hn_fingerprint_forward_dropout(context, model, batch, coordinates, NULL, trace);
}

HnStatus
hn_fingerprint_forward_dropout(HnContext *context, const HnModel *model, const HnBatch *batch,
							   const real *coordinates, const HnDropout *dropout,
							   HnFingerprintTrace *trace)
{
	int			layers = model->fingerprint_config.layers;
	Generator	generator;

	HN_TRY(generator_init(context, model, batch, dropout, &generator));
	trace->coordinates = coordinates;
	HN_NEW(context, trace->layers, layers);
	for (int l = 0; l < layers; l++)
		HN_TRY(layer_allocate(context, &generator, &trace->layers[l]));
	HN_NEW(context, trace->state, (size_t) batch->atom_count * generator.width);

	initial_state(&generator, coordinates, trace->layers[0].state);
	drop_states(&generator, 0, trace->layers[0].state);
	HN_TRY(initial_edges(context, &generator, trace->layers[0].edge));
	for (int l = 0; l < layers; l++)
	{
		bool		last = l == layers - 1;
		HnLayerTrace *layer = &trace->layers[l];

		if (hn_interrupted(context))
			return context->status;
		/* Nobody reads the edges that the last layer would make. */
		HN_TRY(layer_forward(context, &generator, l, layer, last ? NULL : layer[1].edge));
		next_state(&generator, layer, !last, last ? trace->state : layer[1].state);
		drop_states(&generator, l + 1, last ? trace->state : layer[1].state);
	}
	return readout_forward(context, &generator, trace);
}
