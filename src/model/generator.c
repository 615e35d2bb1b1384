/*
 * generator.c: the Fingerprint Generator (model specification, section 3).
 *
 * A linear layer over [h_i ; r_i − r_j ; h_j] is split into what depends on
 * the receiver and what depends on the sender, so that products run over
 * atoms and edges only add two rows:
 *
 *   W z_ij + b = (W_1 h_i + W_2 r_i + b) + (W_3 h_j − W_2 r_j)
 *
 * With [h_i ; r_i] lying side by side as the state, the first part is one
 * product with the leading D + r columns of W.
 */
#include <string.h>

#include "hamnet/backward.h"
#include "hamnet/kernels.h"
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
	real	   *received;		/* receiver's part of a layer [N, max(D, G)] */
	real	   *sent;			/* sender's part [N, max(D, G)] */
	real	   *relative;		/* w_r · r_i of the attention [N] */
} Generator;

static HnStatus
check_finite(HnContext *context, const real *x, size_t n, const char *where)
{
	if (!hn_all_finite(x, n))
		return hn_fail(context, HN_NOT_FINITE,
					   "the model's %s is not finite for this molecule", where);
	return HN_OK;
}

/* Drop from the atoms' part of the states at the beginning of a layer. */
static void
drop_states(const Generator *generator, int layer, real *state)
{
	const HnBatch *batch = generator->batch;

	hn_dropout_apply(generator->dropout, layer, batch->graph_count, batch->atom_offset,
					 generator->dim, state, generator->width);
}

/* h_i = LeakyReLU(atom X_i) beside r_i: the state of the first layer. */
static void
initial_state(const Generator *generator, const real *coordinates, real *state)
{
	const HnBatch *batch = generator->batch;

	hn_linear_forward(&generator->model->atom, batch->atom_count, batch->atom_features,
					  batch->features->atom_columns, state, generator->width);
	for (int i = 0; i < batch->atom_count; i++)
	{
		real	   *row = state + (size_t) i * generator->width;

		hn_kernels()->leaky_relu(row, (size_t) generator->dim);
		if (generator->r > 0)
			memcpy(row + generator->dim, coordinates + (size_t) i * generator->r,
				   (size_t) generator->r * sizeof(real));
	}
}

/* e_ij = LeakyReLU(bond E_k), equal in both directions. */
static HnStatus
initial_edges(HnContext *context, const Generator *generator, real *edge)
{
	const HnBatch *batch = generator->batch;
	size_t		edge_dim = (size_t) generator->edge_dim;
	real	   *bond;			/* [M, G] */

	HN_NEW(context, bond, batch->bond_count * edge_dim);
	hn_linear_forward(&generator->model->bond, batch->bond_count, batch->bond_features,
					  batch->features->bond_columns, bond, generator->edge_dim);
	hn_kernels()->leaky_relu(bond, batch->bond_count * edge_dim);
	for (int e = 0; e < generator->edge_count; e++)
		memcpy(edge + e * edge_dim, bond + batch->edges[e].bond * edge_dim, edge_dim * sizeof(real));
	return HN_OK;
}

/* out_e = LeakyReLU(layer z_ij) for every edge [2M, layer->out]. */
static void
edge_layer(const Generator *generator, const HnLinear *layer, const real *state, real *out)
{
	const HnBatch *batch = generator->batch;
	int			dim = generator->dim;
	int			width = generator->width;
	int			columns = layer->out;

	hn_fill_rows(batch->atom_count, columns, layer->bias, generator->received, columns);
	hn_gemm_nt(batch->atom_count, columns, width, 1, state, width, layer->weight, layer->in,
			   1, generator->received, columns);
	hn_gemm_nt(batch->atom_count, columns, dim, 1, state, width, layer->weight + width, layer->in,
			   0, generator->sent, columns);
	if (generator->r > 0)
		hn_gemm_nt(batch->atom_count, columns, generator->r, -1, state + dim, width,
				   layer->weight + dim, layer->in, 1, generator->sent, columns);

	for (int e = 0; e < generator->edge_count; e++)
	{
		const real *to = generator->received + (size_t) batch->edges[e].receiver * columns;
		const real *from = generator->sent + (size_t) batch->edges[e].sender * columns;
		real	   *row = out + (size_t) e * columns;

		for (int k = 0; k < columns; k++)
			row[k] = to[k] + from[k];
	}
	hn_kernels()->leaky_relu(out, (size_t) generator->edge_count * columns);
}

/* a_ij = LeakyReLU(attention [e_ij ; r_i − r_j]) and its softmax over the senders of i. */
static void
edge_attention(const Generator *generator, const HnLinear *attention, const HnLayerTrace *layer)
{
	const HnBatch *batch = generator->batch;
	const real *edge_weight = attention->weight;
	const real *relative_weight = attention->weight + generator->edge_dim;

	for (int i = 0; i < batch->atom_count; i++)
		generator->relative[i] = hn_dot(relative_weight,
										layer->state + (size_t) i * generator->width + generator->dim,
										generator->r);
	for (int e = 0; e < generator->edge_count; e++)
		layer->score[e] = hn_dot(edge_weight, layer->edge + (size_t) e * generator->edge_dim,
								 generator->edge_dim)
			+ generator->relative[batch->edges[e].receiver]
			- generator->relative[batch->edges[e].sender]
			+ attention->bias[0];
	hn_kernels()->leaky_relu(layer->score, (size_t) generator->edge_count);
	memcpy(layer->attention, layer->score, (size_t) generator->edge_count * sizeof(real));
	for (int i = 0; i < batch->atom_count; i++)
		hn_softmax(layer->attention + batch->edge_offset[i],
				   batch->edge_offset[i + 1] - batch->edge_offset[i]);
}

/* c_i = ELU(Σ_j α_ij m_ij); ELU(0) = 0 is what an atom without neighbours gets. */
static void
gather_messages(const Generator *generator, const HnLayerTrace *layer)
{
	const HnBatch *batch = generator->batch;
	int			dim = generator->dim;

	for (int i = 0; i < batch->atom_count; i++)
	{
		real	   *sum = layer->context + (size_t) i * dim;

		memset(sum, 0, (size_t) dim * sizeof(real));
		for (int e = batch->edge_offset[i]; e < batch->edge_offset[i + 1]; e++)
		{
			const real *message = layer->message + (size_t) e * dim;
			real		alpha = layer->attention[e];

			for (int k = 0; k < dim; k++)
				sum[k] += alpha * message[k];
		}
	}
	hn_kernels()->elu(layer->context, (size_t) batch->atom_count * dim);
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

/* Messages, attention and the GRU of one layer. */
static HnStatus
layer_forward(HnContext *context, const Generator *generator, const HnMessageLayer *weights,
			  const HnLayerTrace *layer)
{
	int			atoms = generator->batch->atom_count;

	edge_layer(generator, &weights->message, layer->state, layer->message);
	edge_attention(generator, &weights->attention, layer);
	gather_messages(generator, layer);
	hn_gru_forward(&weights->gru, atoms, layer->context, layer->state, generator->width,
				   layer->gru_gates, layer->gru_recurrent, layer->gru_output);

	/* Checked before a ReLU can turn NaN into zero. */
	return check_finite(context, layer->gru_output, (size_t) atoms * generator->dim, "atom state");
}

/* The next layer's state: h' with r beside it. */
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
			hn_kernels()->relu(row, dim);
		memcpy(row + dim, layer->state + i * width + dim, (width - dim) * sizeof(real));
	}
}

/* LeakyReLU(map h_i), t_i, and M = Σ_i of the former. */
static HnStatus
readout_begin(HnContext *context, const Generator *generator, HnFingerprintTrace *trace,
			  real *fingerprint)
{
	const HnReadout *readout = &generator->model->readout;
	const HnBatch *batch = generator->batch;
	size_t		dim = (size_t) generator->dim;

	HN_NEW(context, trace->mapped, batch->atom_count * dim);
	HN_NEW(context, trace->attend, batch->atom_count * dim);
	hn_linear_forward(&readout->map, batch->atom_count, trace->state, generator->width,
					  trace->mapped, generator->dim);
	hn_kernels()->leaky_relu(trace->mapped, batch->atom_count * dim);
	hn_linear_forward(&readout->attend, batch->atom_count, trace->state, generator->width,
					  trace->attend, generator->dim);

	memset(fingerprint, 0, batch->graph_count * dim * sizeof(real));
	for (int i = 0; i < batch->atom_count; i++)
	{
		real	   *sum = fingerprint + batch->graph_of_atom[i] * dim;

		for (size_t k = 0; k < dim; k++)
			sum[k] += trace->mapped[i * dim + k];
	}
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
		hn_kernels()->leaky_relu(round->score + begin, (size_t) (end - begin));
		memcpy(round->attention + begin, round->score + begin, (size_t) (end - begin) * sizeof(real));
		hn_softmax(round->attention + begin, end - begin);
		for (int i = begin; i < end; i++)
			for (int k = 0; k < dim; k++)
				sum[k] += round->attention[i] * trace->attend[(size_t) i * dim + k];
	}
	hn_kernels()->elu(round->context, (size_t) batch->graph_count * dim);
}

/* The part of align that does not change between rounds: w_r · r_i + w_h · h_i, [N]. */
static void
align_own(const Generator *generator, const real *state, real *own_score)
{
	const real *weight_r = generator->model->readout.align.weight + generator->dim;
	const real *weight_h = weight_r + generator->r;

	for (int i = 0; i < generator->batch->atom_count; i++)
	{
		const real *row = state + (size_t) i * generator->width;

		own_score[i] = hn_dot(weight_h, row, generator->dim)
			+ hn_dot(weight_r, row + generator->dim, generator->r);
	}
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
	align_own(generator, trace->state, own_score);

	for (int round = 0; round < rounds; round++)
	{
		HnRoundTrace *now = &trace->rounds[round];

		now->fingerprint = fingerprint;
		HN_TRY(round_allocate(context, generator, now));
		round_attention(generator, trace, own_score, now);
		hn_gru_forward(&generator->model->readout.gru, batch->graph_count, now->context,
					   fingerprint, generator->dim,
					   now->gru_gates, now->gru_recurrent, now->gru_output);
		HN_TRY(check_finite(context, now->gru_output, count, "fingerprint"));

		HN_NEW(context, fingerprint, count);
		memcpy(fingerprint, now->gru_output, count * sizeof(real));
		hn_kernels()->relu(fingerprint, count);
	}
	trace->fingerprint = fingerprint;
	trace->attention = trace->rounds[rounds - 1].attention;
	return HN_OK;
}

static HnStatus
generator_init(HnContext *context, const HnModel *model, const HnBatch *batch, const HnDropout *dropout,
			   Generator *generator)
{
	int			widest;

	generator->model = model;
	generator->batch = batch;
	generator->dropout = dropout;
	generator->dim = model->fingerprint_config.dim;
	generator->edge_dim = model->fingerprint_config.edge_dim;
	generator->r = hn_model_coordinate_width(model);
	generator->width = generator->dim + generator->r;
	generator->edge_count = 2 * batch->bond_count;
	widest = generator->dim > generator->edge_dim ? generator->dim : generator->edge_dim;
	HN_NEW(context, generator->received, (size_t) batch->atom_count * widest);
	HN_NEW(context, generator->sent, (size_t) batch->atom_count * widest);
	HN_NEW(context, generator->relative, batch->atom_count);
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
		HN_TRY(layer_forward(context, &generator, &model->layers[l], layer));
		next_state(&generator, layer, !last, last ? trace->state : layer[1].state);
		drop_states(&generator, l + 1, last ? trace->state : layer[1].state);
		/* Nobody reads the edges that the last layer would make. */
		if (!last)
			edge_layer(&generator, &model->layers[l].edge, layer->state, layer[1].edge);
	}
	return readout_forward(context, &generator, trace);
}
