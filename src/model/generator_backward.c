/*
 * generator_backward.c: back through the Fingerprint Generator.
 *
 * d_state [N, D + r] walks back through the layers. Its columns of h hold the
 * derivative by the state that is being left; its columns of r add up what all
 * layers send to the coordinates, which are the same in every layer's state.
 *
 * With the split of generator.c, W z_ij + b = (W_1 h_i + W_2 r_i + b) +
 * (W_3 h_j − W_2 r_j) + W_4 E_k, the way back adds the edges' derivatives up by
 * receiver, by sender and by bond before any product.
 */
#include <string.h>

#include "hamnet/backward.h"
#include "hamnet/simd.h"
#include "hamnet/linear.h"
#include "projection.h"

typedef struct Way
{
	const HnModel *model;
	HnModel    *gradient;
	const HnBatch *batch;
	const HnDropout *dropout;
	bool		to_engine;		/* somebody asks for the derivative by r */
	int			dim;			/* D */
	int			edge_dim;		/* G */
	int			r;				/* columns of coordinates: 2d or 0 */
	int			width;			/* D + r */
	int			edge_count;		/* 2M */
	real	   *d_state;		/* [N, D + r] */
	real	   *d_output;		/* by a GRU's output [N, D] */
	real	   *d_context;		/* by a GRU's input [N, D] */
	real	   *d_edge;			/* by the edges at the end of a layer [2M, G] */
	real	   *d_attention;	/* [2M] */
	real	   *received;		/* sums over the edges of each receiver [N, max(D, G)] */
	real	   *sent;			/* and of each sender */
	real	   *bonded;			/* and of each bond [M, max(D, G)]; NULL without bond messages */
	real	   *row;			/* one edge's derivative [max(D, G)] */
	real	   *relative;		/* by w_r · r_i of the attention [N] */
} Way;

static HnStatus
way_init(HnContext *context, const HnModel *model, const HnBatch *batch, const HnDropout *dropout,
		 bool to_engine, HnModel *gradient, Way *way)
{
	size_t		atoms = (size_t) batch->atom_count;
	size_t		widest;

	way->model = model;
	way->gradient = gradient;
	way->batch = batch;
	way->dropout = dropout;
	way->to_engine = to_engine;
	way->dim = model->fingerprint_config.dim;
	way->edge_dim = model->fingerprint_config.edge_dim;
	way->r = hn_model_coordinate_width(model);
	way->width = way->dim + way->r;
	way->edge_count = 2 * batch->bond_count;
	widest = (size_t) (way->dim > way->edge_dim ? way->dim : way->edge_dim);
	HN_NEW_ZERO(context, way->d_state, atoms * way->width);
	HN_NEW(context, way->d_output, atoms * way->dim);
	HN_NEW(context, way->d_context, atoms * way->dim);
	HN_NEW(context, way->d_edge, (size_t) way->edge_count * way->edge_dim);
	HN_NEW(context, way->d_attention, way->edge_count);
	HN_NEW(context, way->received, atoms * widest);
	HN_NEW(context, way->sent, atoms * widest);
	way->bonded = NULL;
	if (model->fingerprint_config.bond_messages)
		HN_NEW(context, way->bonded, batch->bond_count * widest);
	HN_NEW(context, way->row, widest);
	HN_NEW(context, way->relative, atoms);
	return HN_OK;
}

/* From the derivative by a softmax, in d, to that by its argument: d_k ← a_k (d_k − Σ a d). */
static void
softmax_backward(const real *attention, real *d, int n)
{
	real		mean = hn_dot(attention, d, n);

	for (int k = 0; k < n; k++)
		d[k] = attention[k] * (d[k] - mean);
}

/*
 * Back through a layer on h (and r, where the layer reads the whole state),
 * into d_state.
 */
static void
state_layer_backward(const Way *way, const HnLinear *layer, const real *state, const real *d_out,
					 HnLinear *gradient)
{
	int			atoms = way->batch->atom_count;
	int			ins = layer->in > way->dim && !way->to_engine ? way->dim : layer->in;

	hn_linear_backward(layer, atoms, state, way->width, d_out, layer->out, 0, NULL, 0, gradient);
	hn_gemm_nn(atoms, ins, layer->out, 1, d_out, layer->out, layer->weight, layer->in,
			   1, way->d_state, way->width);
}

/*
 * One round. d_fingerprint, by the M that the round made, becomes the
 * derivative by the M that it began with; d_attend [N, D] and d_own [N] add up
 * over the rounds.
 */
static HnStatus
round_backward(HnContext *context, Way *way, const HnFingerprintTrace *trace, HnRoundTrace *round,
			   real *d_fingerprint, real *d_attend, real *d_own)
{
	const HnSimd *simd = hn_simd();
	const HnBatch *batch = way->batch;
	const HnLinear *align = &way->model->readout.align;
	HnLinear   *d_align = &way->gradient->readout.align;
	size_t		dim = (size_t) way->dim;
	size_t		count = batch->graph_count * dim;
	real	   *d_context;		/* [B, D] */
	real	   *d_output;		/* [B, D] */

	HN_NEW(context, d_context, count);
	HN_NEW(context, d_output, count);
	memcpy(d_output, d_fingerprint, count * sizeof(real));
	simd->relu_back(round->gru_output, d_output, count);
	memset(d_fingerprint, 0, count * sizeof(real));
	hn_gru_backward(&way->model->readout.gru, batch->graph_count, round->context,
					round->fingerprint, way->dim, round->gru_gates, round->gru_recurrent,
					d_output, d_context, d_fingerprint, way->dim, &way->gradient->readout.gru);
	simd->elu_back(round->context, d_context, count);

	for (int g = 0; g < batch->graph_count; g++)
	{
		int			begin = batch->atom_offset[g];
		int			n = batch->atom_offset[g + 1] - begin;
		const real *d_sum = d_context + g * dim;
		real	   *d_score = way->relative;
		real		shared = 0;

		for (int i = 0; i < n; i++)
		{
			d_score[i] = hn_dot(d_sum, trace->attend + (begin + i) * dim, way->dim);
			simd->add_scaled(d_attend + (begin + i) * dim, round->attention[begin + i], d_sum, dim);
		}
		softmax_backward(round->attention + begin, d_score, n);
		simd->leaky_relu_back(round->score + begin, d_score, (size_t) n);
		for (int i = 0; i < n; i++)
		{
			d_own[begin + i] += d_score[i];
			shared += d_score[i];
		}
		d_align->bias[0] += shared;
		simd->add_scaled(d_align->weight, shared, round->fingerprint + g * dim, dim);
		simd->add_scaled(d_fingerprint + g * dim, shared, align->weight, dim);
	}
	return HN_OK;
}

/* The part of align that is the same in every round, w_h · h_i + w_r · r_i. */
static void
align_own_backward(Way *way, const real *state, const real *d_own)
{
	const HnSimd *simd = hn_simd();
	size_t		dim = (size_t) way->dim;
	size_t		r = (size_t) way->r;
	const real *weight_r = way->model->readout.align.weight + dim;
	real	   *gradient_r = way->gradient->readout.align.weight + dim;

	for (int i = 0; i < way->batch->atom_count; i++)
	{
		const real *row = state + i * (size_t) way->width;
		real	   *d_row = way->d_state + i * (size_t) way->width;

		simd->add_scaled(gradient_r + r, d_own[i], row, dim);
		simd->add_scaled(gradient_r, d_own[i], row + dim, r);
		simd->add_scaled(d_row, d_own[i], weight_r + r, dim);
		if (way->to_engine)
			simd->add_scaled(d_row + dim, d_own[i], weight_r, r);
	}
}

/* Back through the read-out: from d_fingerprint [B, D], which is overwritten, to d_state. */
static HnStatus
readout_backward(HnContext *context, Way *way, HnFingerprintTrace *trace, real *d_fingerprint)
{
	const HnReadout *readout = &way->model->readout;
	HnReadout  *gradient = &way->gradient->readout;
	const HnBatch *batch = way->batch;
	size_t		dim = (size_t) way->dim;
	real	   *d_attend;		/* [N, D] */
	real	   *d_own;			/* [N] */
	real	   *d_mapped = way->d_output;

	HN_NEW_ZERO(context, d_attend, batch->atom_count * dim);
	HN_NEW_ZERO(context, d_own, batch->atom_count);
	for (int round = way->model->fingerprint_config.rounds - 1; round >= 0; round--)
		HN_TRY(round_backward(context, way, trace, &trace->rounds[round], d_fingerprint, d_attend, d_own));

	for (int i = 0; i < batch->atom_count; i++)
		memcpy(d_mapped + i * dim, d_fingerprint + batch->graph_of_atom[i] * dim, dim * sizeof(real));
	hn_simd()->leaky_relu_back(trace->mapped, d_mapped, batch->atom_count * dim);
	state_layer_backward(way, &readout->map, trace->state, d_mapped, &gradient->map);
	state_layer_backward(way, &readout->attend, trace->state, d_attend, &gradient->attend);
	align_own_backward(way, trace->state, d_own);
	return HN_OK;
}

/* Set the sums of the edges' derivatives, of n columns, to zero. */
static void
clear_sums(const Way *way, size_t n)
{
	memset(way->received, 0, way->batch->atom_count * n * sizeof(real));
	memset(way->sent, 0, way->batch->atom_count * n * sizeof(real));
	if (way->bonded)
		memset(way->bonded, 0, way->batch->bond_count * n * sizeof(real));
}

/* Add `scale` times an edge's derivative d [n] to its receiver's, its sender's and its bond's. */
static void
add_to_sums(const Way *way, const HnEdge *edge, real scale, const real *d, size_t n)
{
	const HnSimd *simd = hn_simd();

	simd->add_scaled(way->received + edge->receiver * n, scale, d, n);
	simd->add_scaled(way->sent + edge->sender * n, scale, d, n);
	if (way->bonded)
		simd->add_scaled(way->bonded + edge->bond * n, scale, d, n);
}

/*
 * Back through W z_ij + b, from way->received, way->sent and way->bonded, which
 * hold the sums of the edges' derivatives, to d_state:
 *
 *   d_h = received W_1 + sent W_3,  d_r = (received − sent) W_2
 */
static void
edge_layer_backward(Way *way, const HnLinear *layer, const real *state, HnLinear *gradient)
{
	int			atoms = way->batch->atom_count;
	int			columns = layer->out;
	int			dim = way->dim;
	int			width = way->width;
	int			in = layer->in;

	hn_add_rows(atoms, columns, way->received, columns, gradient->bias);
	hn_gemm_tn(columns, dim, atoms, 1, way->received, columns, state, width, 1, gradient->weight, in);
	hn_gemm_tn(columns, dim, atoms, 1, way->sent, columns, state, width, 1, gradient->weight + width, in);
	hn_gemm_nn(atoms, dim, columns, 1, way->received, columns, layer->weight, in, 1, way->d_state, width);
	hn_gemm_nn(atoms, dim, columns, 1, way->sent, columns, layer->weight + width, in, 1, way->d_state, width);
	if (way->bonded)
	{
		const HnBatch *batch = way->batch;
		int			b = batch->features->bond_columns;

		hn_gemm_tn(columns, b, batch->bond_count, 1, way->bonded, columns, batch->bond_features, b,
				   1, gradient->weight + width + dim, in);
	}
	if (way->r == 0)
		return;

	hn_simd()->add_scaled(way->received, -1, way->sent, (size_t) atoms * columns);
	hn_gemm_tn(columns, way->r, atoms, 1, way->received, columns, state + dim, width,
			   1, gradient->weight + dim, in);
	if (way->to_engine)
		hn_gemm_nn(atoms, way->r, columns, 1, way->received, columns, layer->weight + dim, in,
				   1, way->d_state + dim, width);
}

/* Back through e_ij ← LeakyReLU(edge z_ij), from way->d_edge by its outcome `edge` [2M, G]. */
static void
edge_update_backward(Way *way, const HnLinear *layer, const real *state, const real *edge, HnLinear *gradient)
{
	size_t		columns = (size_t) way->edge_dim;

	hn_simd()->leaky_relu_back(edge, way->d_edge, way->edge_count * columns);
	clear_sums(way, columns);
	for (int e = 0; e < way->edge_count; e++)
		add_to_sums(way, &way->batch->edges[e], 1, way->d_edge + e * columns, columns);
	edge_layer_backward(way, layer, state, gradient);
}

/*
 * Back through Σ_j α_ij m_ij, from way->d_context by that sum: the attention's
 * derivatives into way->d_attention, and the messages' through their layer.
 */
static void
messages_backward(Way *way, const HnLinear *message, const HnLayerTrace *layer, HnLinear *gradient)
{
	const HnSimd *simd = hn_simd();
	size_t		dim = (size_t) way->dim;

	clear_sums(way, dim);
	for (int e = 0; e < way->edge_count; e++)
	{
		const HnEdge *edge = &way->batch->edges[e];
		const real *d_sum = way->d_context + edge->receiver * dim;

		way->d_attention[e] = hn_dot(d_sum, layer->message + e * dim, way->dim);
		memcpy(way->row, d_sum, dim * sizeof(real));
		simd->leaky_relu_back(layer->message + e * dim, way->row, dim);
		add_to_sums(way, edge, layer->attention[e], way->row, dim);
	}
	edge_layer_backward(way, message, layer->state, gradient);
}

/*
 * Back through the attention of the edges, from way->d_attention by the
 * softmax. What the edge states get is added to way->d_edge.
 */
static void
attention_backward(Way *way, const HnLinear *attention, const HnLayerTrace *layer, HnLinear *gradient)
{
	const HnSimd *simd = hn_simd();
	const HnBatch *batch = way->batch;
	size_t		edge_dim = (size_t) way->edge_dim;
	real	   *d = way->d_attention;

	for (int i = 0; i < batch->atom_count; i++)
	{
		int			begin = batch->edge_offset[i];

		softmax_backward(layer->attention + begin, d + begin, batch->edge_offset[i + 1] - begin);
	}
	simd->leaky_relu_back(layer->score, d, (size_t) way->edge_count);

	memset(way->relative, 0, (size_t) batch->atom_count * sizeof(real));
	for (int e = 0; e < way->edge_count; e++)
	{
		gradient->bias[0] += d[e];
		simd->add_scaled(gradient->weight, d[e], layer->edge + e * edge_dim, edge_dim);
		simd->add_scaled(way->d_edge + e * edge_dim, d[e], attention->weight, edge_dim);
		way->relative[batch->edges[e].receiver] += d[e];
		way->relative[batch->edges[e].sender] -= d[e];
	}
	for (int i = 0; i < batch->atom_count; i++)
	{
		size_t		at = i * (size_t) way->width + way->dim;

		simd->add_scaled(gradient->weight + edge_dim, way->relative[i], layer->state + at, (size_t) way->r);
		if (way->to_engine)
			simd->add_scaled(way->d_state + at, way->relative[i], attention->weight + edge_dim,
								(size_t) way->r);
	}
}

/*
 * One layer, from d_state by the state that it made to d_state by the one that
 * it began with; the same for d_edge.
 */
static void
layer_backward(Way *way, int index, const HnFingerprintTrace *trace)
{
	const HnSimd *simd = hn_simd();
	const HnMessageLayer *weights = &way->model->layers[index];
	HnMessageLayer *gradient = &way->gradient->layers[index];
	const HnLayerTrace *layer = &trace->layers[index];
	const HnBatch *batch = way->batch;
	bool		last = index == way->model->fingerprint_config.layers - 1;
	size_t		dim = (size_t) way->dim;
	size_t		count = batch->atom_count * dim;

	hn_dropout_apply(way->dropout, index + 1, batch->graph_count, batch->atom_offset,
					 way->dim, way->d_state, way->width);
	for (int i = 0; i < batch->atom_count; i++)
	{
		real	   *d_h = way->d_state + i * (size_t) way->width;

		memcpy(way->d_output + i * dim, d_h, dim * sizeof(real));
		memset(d_h, 0, dim * sizeof(real));
	}
	if (!last)
		simd->relu_back(layer->gru_output, way->d_output, count);
	hn_gru_backward(&weights->gru, batch->atom_count, layer->context, layer->state, way->width,
					layer->gru_gates, layer->gru_recurrent, way->d_output,
					way->d_context, way->d_state, way->width, &gradient->gru);
	simd->elu_back(layer->context, way->d_context, count);

	if (!last)
		edge_update_backward(way, &weights->edge, layer->state, layer[1].edge, &gradient->edge);
	memset(way->d_edge, 0, (size_t) way->edge_count * way->edge_dim * sizeof(real));
	messages_backward(way, &weights->message, layer, &gradient->message);
	attention_backward(way, &weights->attention, layer, &gradient->attention);
}

/* Back through LeakyReLU(atom X_i) and LeakyReLU(bond E_k). */
static HnStatus
embedding_backward(HnContext *context, Way *way, const HnFingerprintTrace *trace)
{
	const HnSimd *simd = hn_simd();
	const HnBatch *batch = way->batch;
	const HnLayerTrace *first = &trace->layers[0];
	size_t		edge_dim = (size_t) way->edge_dim;
	real	   *d_bond;			/* [M, G] */

	HN_NEW_ZERO(context, d_bond, batch->bond_count * edge_dim);
	hn_dropout_apply(way->dropout, 0, batch->graph_count, batch->atom_offset,
					 way->dim, way->d_state, way->width);
	for (int i = 0; i < batch->atom_count; i++)
	{
		size_t		at = i * (size_t) way->width;

		simd->leaky_relu_back(first->state + at, way->d_state + at, (size_t) way->dim);
	}
	hn_linear_backward(&way->model->atom, batch->atom_count, batch->atom_features,
					   batch->features->atom_columns, way->d_state, way->width, 0, NULL, 0,
					   &way->gradient->atom);

	simd->leaky_relu_back(first->edge, way->d_edge, way->edge_count * edge_dim);
	for (int e = 0; e < way->edge_count; e++)
		simd->add_scaled(d_bond + batch->edges[e].bond * edge_dim, 1, way->d_edge + e * edge_dim, edge_dim);
	hn_linear_backward(&way->model->bond, batch->bond_count, batch->bond_features,
					   batch->features->bond_columns, d_bond, way->edge_dim, 0, NULL, 0,
					   &way->gradient->bond);
	return HN_OK;
}

HnStatus
hn_fingerprint_backward(HnContext *context, const HnModel *model, const HnBatch *batch,
						HnFingerprintTrace *trace, const HnDropout *dropout,
						const real *d_fingerprint, real *d_coordinates, HnModel *gradient)
{
	size_t		count = batch->graph_count * (size_t) model->fingerprint_config.dim;
	real	   *d_last;
	Way			way;

	HN_TRY(way_init(context, model, batch, dropout, d_coordinates != NULL, gradient, &way));
	HN_NEW(context, d_last, count);
	HN_TRY(hn_project_backward(context, model, batch, trace, d_fingerprint, d_last, gradient));
	HN_TRY(readout_backward(context, &way, trace, d_last));
	for (int l = model->fingerprint_config.layers - 1; l >= 0; l--)
	{
		if (hn_interrupted(context))
			return context->status;
		layer_backward(&way, l, trace);
	}
	HN_TRY(embedding_backward(context, &way, trace));

	for (int i = 0; d_coordinates && i < batch->atom_count; i++)
		memcpy(d_coordinates + (size_t) i * way.r, way.d_state + (size_t) i * way.width + way.dim,
			   (size_t) way.r * sizeof(real));
	return HN_OK;
}
