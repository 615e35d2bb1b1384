/*
 * engine_backward.c: back through the Hamiltonian Engine.
 *
 * The states of all steps were kept; what a step computed between them is
 * computed again, so that memory grows with steps times atoms and not with
 * pairs. A step holds the first derivatives of U, so the way back holds its
 * second derivatives.
 */
#include <string.h>

#include "hamnet/backward.h"
#include "hamnet/simd.h"
#include "hamnet/linear.h"

/* Scratch and constants of the steps; "of one molecule" has room for the largest. */
typedef struct Back
{
	const HnBatch *batch;
	int			dim;			/* d */
	int			width;			/* h_u */
	bool		dissipate;
	real		tau;
	const HnLinear *potential;	/* W_U, b_U */
	HnLinear   *gradient;		/* of W_U, b_U */
	real	   *kinetic;		/* W_Tᵀ W_T [d, d] */
	real	   *dissipation;	/* W_Fᵀ W_F [d, d] */
	real	   *d_kinetic;		/* derivatives by both [d, d] */
	real	   *d_dissipation;
	real	   *d_velocity;		/* (2 τ / m) times the derivative by new q [N, d] */
	real	   *d_drag;			/* −(2 τ / m) times that by new p [N, d] */
	real	   *pair;			/* [Y ; G]: Y = q W_Uᵀ and the derivative by the force ∂U/∂Y [N, 2 h_u] */
	real	   *result;			/* [∂U/∂Y ; derivative by Y] [N, 2 h_u] */
	/* of one molecule: */
	real	   *gram;			/* Y_i · Y_j [n, n], then c_ij + c_ji */
	real	   *product;		/* Y_i · G_j + G_i · Y_j [n, n], then e_ij + e_ji */
	real	   *slope;			/* c_ij [n, n] */
	real	   *bend;			/* e_ij [n, n] */
	real	   *row;			/* six rows of n */
} Back;

/* form [d, d] = Wᵀ W of a layer W [h, d], and room for its derivative. */
static HnStatus
quadratic_form(HnContext *context, const HnLinear *layer, real **form, real **d_form)
{
	size_t		dim = (size_t) layer->in;

	HN_NEW(context, *form, dim * dim);
	HN_NEW_ZERO(context, *d_form, dim * dim);
	hn_gemm_tn(layer->in, layer->in, layer->out, 1, layer->weight, layer->in, layer->weight, layer->in,
			   0, *form, layer->in);
	return HN_OK;
}

static HnStatus
back_init(HnContext *context, const HnModel *model, const HnBatch *batch, HnModel *gradient, Back *back)
{
	const HnEngineWeights *weights = &model->engine;
	size_t		atoms = (size_t) batch->atom_count;
	size_t		largest = (size_t) batch->largest;
	size_t		width = (size_t) weights->potential.out;

	back->batch = batch;
	back->dim = model->engine_config.dim;
	back->width = weights->potential.out;
	back->dissipate = model->engine_config.dissipate;
	back->tau = (real) model->engine_config.tau;
	back->potential = &weights->potential;
	back->gradient = &gradient->engine.potential;
	HN_TRY(quadratic_form(context, &weights->kinetic, &back->kinetic, &back->d_kinetic));
	HN_TRY(quadratic_form(context, &weights->dissipation, &back->dissipation, &back->d_dissipation));
	HN_NEW(context, back->d_velocity, atoms * back->dim);
	HN_NEW(context, back->d_drag, atoms * back->dim);
	HN_NEW(context, back->pair, atoms * 2 * width);
	HN_NEW(context, back->result, atoms * 2 * width);
	HN_NEW(context, back->gram, largest * largest);
	HN_NEW(context, back->product, largest * largest);
	HN_NEW(context, back->slope, largest * largest);
	HN_NEW(context, back->bend, largest * largest);
	HN_NEW(context, back->row, 6 * largest);
	return HN_OK;
}

/*
 * Two [n, n] tables of a molecule. With v = |x|², x_ij = Y_j − Y_i + b, u(v) =
 * m_i m_j (s⁻² − s⁻¹), s = softplus(v):
 *
 *   c_ij = 2 u'(v),  e_ij = 2 c'(v) (x_ij · γ_ij),  γ_ij = G_j − G_i
 *
 * Both dot products are expanded, so that matrix products serve all pairs; what
 * v loses to cancellation is discussed with the same in engine.c. See
 * potential_backward for what the tables are for.
 */
static void
pair_tables(Back *back, const real *mass, const real *y, int n)
{
	const real *bias = back->potential->bias;
	int			width = back->width;
	int			ld = 2 * width;
	const real *g = y + width;
	real		squared_bias = hn_dot(bias, bias, width);
	real	   *offset_y = back->row;	/* b · Y_i */
	real	   *offset_g = offset_y + n;	/* b · G_i */
	real	   *other_y = offset_g + n;
	real	   *other_g = other_y + n;

	hn_gemm_nt(n, n, width, 1, y, ld, y, ld, 0, back->gram, n);
	hn_gemm_nt(n, n, width, 1, y, ld, g, ld, 0, back->product, n);
	hn_gemm_nt(n, n, width, 1, g, ld, y, ld, 1, back->product, n);
	hn_gemm_nt(1, n, width, 1, bias, width, y, ld, 0, offset_y, n);
	hn_gemm_nt(1, n, width, 1, bias, width, g, ld, 0, offset_g, n);
	for (int j = 0; j < n; j++)
	{
		other_y[j] = back->gram[(size_t) j * n + j] + 2 * offset_y[j] + squared_bias;
		other_g[j] = back->product[(size_t) j * n + j] / 2 + offset_g[j];
	}
	for (int i = 0; i < n; i++)
	{
		real	   *bend = back->bend + (size_t) i * n;
		const real *product = back->product + (size_t) i * n;
		real		own_y = back->gram[(size_t) i * n + i] - 2 * offset_y[i];
		real		own_g = product[i] / 2 - offset_g[i];

		hn_simd()->pair_curvature(n, back->gram + (size_t) i * n, own_y, other_y, 2 * mass[i], mass,
									 back->slope + (size_t) i * n, bend);
		for (int j = 0; j < n; j++)
			bend[j] *= 2 * (own_g + other_g[j] - product[j]);
		back->slope[(size_t) i * n + i] = 0;
		bend[i] = 0;
	}
}

/*
 * weight = table + tableᵀ, less its row sums on the diagonal, so that −weight Y
 * is Σ_j weight_ij (Y_i − Y_j); imbalance[i] = Σ_j (table_ij − table_ji).
 */
static void
symmetrise(int n, const real *table, real *weight, real *total, real *imbalance)
{
	for (int i = 0; i < n; i++)
	{
		total[i] = 0;
		imbalance[i] = 0;
		for (int j = 0; j < i; j++)
		{
			real		forth = table[(size_t) i * n + j];
			real		back = table[(size_t) j * n + i];

			weight[(size_t) i * n + j] = forth + back;
			weight[(size_t) j * n + i] = forth + back;
			total[i] += forth + back;
			total[j] += forth + back;
			imbalance[i] += forth - back;
			imbalance[j] -= forth - back;
		}
	}
	for (int i = 0; i < n; i++)
		weight[(size_t) i * n + i] = -total[i];
}

/*
 * Back through the force: from the direction G, which is the derivative by
 * ∂U/∂Y, to the derivatives by Y and b, which are those of
 *
 *   φ = Σ_i G_i · ∂U/∂Y_i = Σ_{i≠j} c_ij x_ij · γ_ij,  x_ij = Y_j − Y_i + b.
 *
 * ∂φ/∂x_ij = c_ij γ_ij + e_ij x_ij, and a pair holds Y_i twice:
 *
 *   ∂φ/∂Y_i = Σ_j (c_ij + c_ji)(G_i − G_j) + (e_ij + e_ji)(Y_i − Y_j) − b Σ_j (e_ij − e_ji)
 *   ∂φ/∂b   = −Σ_i G_i Σ_j (c_ij − c_ji) − Σ_i Y_i Σ_j (e_ij − e_ji) + b Σ_ij e_ij
 *
 * The force itself, which the gradient of W_U needs, falls off on the way.
 */
static void
potential_backward(Back *back, const real *mass, const real *y, int n, real *result)
{
	const HnSimd *simd = hn_simd();
	const real *bias = back->potential->bias;
	real	   *d_bias = back->gradient->bias;
	size_t		width = (size_t) back->width;
	int			ld = 2 * back->width;
	real	   *slope_imbalance = back->row;
	real	   *bend_imbalance = slope_imbalance + n;
	real	   *slope_total = bend_imbalance + n;
	real	   *bend_total = slope_total + n;

	pair_tables(back, mass, y, n);
	symmetrise(n, back->slope, back->gram, slope_total, slope_imbalance);
	symmetrise(n, back->bend, back->product, bend_total, bend_imbalance);
	hn_gemm_nn(n, ld, n, -1, back->gram, n, y, ld, 0, result, ld);
	hn_gemm_nn(n, back->width, n, -1, back->product, n, y, ld, 1, result + width, ld);
	for (int i = 0; i < n; i++)
	{
		const real *y_i = y + (size_t) i * ld;
		real	   *result_i = result + (size_t) i * ld;

		simd->add_scaled(result_i, -slope_imbalance[i], bias, width);
		simd->add_scaled(result_i + width, -bend_imbalance[i], bias, width);
		simd->add_scaled(d_bias, -slope_imbalance[i], y_i + width, width);
		simd->add_scaled(d_bias, -bend_imbalance[i], y_i, width);

		/* Each of the totals holds both directions of its pairs. */
		simd->add_scaled(d_bias, bend_total[i] / 2, bias, width);
	}
}

/*
 * One step (see step in engine.c), from d_state by the new state to that by the
 * old one, in place; old is the old state, rows [p ; q]:
 *
 *   d_p ← d_p + W_Tᵀ W_T v − W_Fᵀ W_F w,  v = (2 τ / m) d_q, w = (2 τ / m) d_p
 *   d_q ← d_q + back through the force of −τ d_p
 */
static HnStatus
step_backward(HnContext *context, Back *back, const real *old, real *d_state)
{
	const HnBatch *batch = back->batch;
	const HnLinear *potential = back->potential;
	int			atoms = batch->atom_count;
	int			dim = back->dim;
	int			ld = 2 * dim;
	int			width = back->width;

	hn_gemm_nt(atoms, width, dim, 1, old + dim, ld, potential->weight, dim, 0, back->pair, 2 * width);
	hn_gemm_nt(atoms, width, dim, -back->tau, d_state, ld, potential->weight, dim, 0, back->pair + width, 2 * width);
	for (int g = 0; g < batch->graph_count; g++)
	{
		int			begin = batch->atom_offset[g];
		size_t		at = (size_t) begin * 2 * width;

		if (hn_interrupted(context))
			return context->status;
		potential_backward(back, batch->mass + begin, back->pair + at, batch->atom_offset[g + 1] - begin,
						   back->result + at);
	}

	for (int i = 0; i < atoms; i++)
	{
		const real *d_p = d_state + (size_t) i * ld;
		const real *d_q = d_p + dim;
		real		scale = 2 * back->tau / batch->mass[i];

		for (int k = 0; k < dim; k++)
		{
			back->d_velocity[(size_t) i * dim + k] = scale * d_q[k];
			back->d_drag[(size_t) i * dim + k] = -scale * d_p[k];
		}
	}

	/* The force reaches p through F W_U, so the gradient of W_U has two parts: through F's factor and through Y. */
	hn_gemm_tn(width, dim, atoms, -back->tau, back->result, 2 * width, d_state, ld,
			   1, back->gradient->weight, dim);
	hn_gemm_tn(width, dim, atoms, 1, back->result + width, 2 * width, old + dim, ld,
			   1, back->gradient->weight, dim);
	hn_gemm_nn(atoms, dim, width, 1, back->result + width, 2 * width, potential->weight, dim,
			   1, d_state + dim, ld);

	hn_gemm_tn(dim, dim, atoms, 1, back->d_velocity, dim, old, ld, 1, back->d_kinetic, dim);
	hn_gemm_nn(atoms, dim, dim, 1, back->d_velocity, dim, back->kinetic, dim, 1, d_state, ld);
	if (back->dissipate)
	{
		hn_gemm_tn(dim, dim, atoms, 1, back->d_drag, dim, old, ld, 1, back->d_dissipation, dim);
		hn_gemm_nn(atoms, dim, dim, 1, back->d_drag, dim, back->dissipation, dim, 1, d_state, ld);
	}
	return HN_OK;
}

/* gradient of W += W (d + dᵀ), d the derivative by Wᵀ W. */
static void
quadratic_backward(const HnLinear *layer, const real *d_form, HnLinear *gradient)
{
	int			dim = layer->in;

	hn_gemm_nn(layer->out, dim, dim, 1, layer->weight, dim, d_form, dim, 1, gradient->weight, dim);
	hn_gemm_nt(layer->out, dim, dim, 1, layer->weight, dim, d_form, dim, 1, gradient->weight, dim);
}

/* Take the mean over the molecule off every row: back through the same of the forward pass. */
static void
centre_backward(const HnBatch *batch, int width, real *mean, real *d)
{
	const HnSimd *simd = hn_simd();

	for (int g = 0; g < batch->graph_count; g++)
	{
		int			begin = batch->atom_offset[g];
		int			n = batch->atom_offset[g + 1] - begin;
		real	   *rows = d + (size_t) begin * width;

		memset(mean, 0, (size_t) width * sizeof(real));
		hn_add_rows(n, width, rows, width, mean);
		for (int i = 0; i < n; i++)
			simd->add_scaled(rows + (size_t) i * width, (real) -1 / (real) n, mean, (size_t) width);
	}
}

/*
 * Back through A y (see adjacency_product in engine.c): A is symmetric, so
 * d_y = A d_out, and the gate of bond (u, v) gets (d_out_u + d_out_v) · (y_u + y_v).
 */
static void
adjacency_backward(const HnBatch *batch, const real *gates, const real *y, const real *d_out, int width,
				   real *d_y, real *d_gates)
{
	const HnSimd *simd = hn_simd();

	memset(d_y, 0, (size_t) batch->atom_count * width * sizeof(real));
	for (int k = 0; k < batch->bond_count; k++)
	{
		size_t		u = (size_t) batch->bonds[k][0] * width;
		size_t		v = (size_t) batch->bonds[k][1] * width;
		real		sum = 0;

		simd->add_scaled(d_y + u, gates[k], d_out + u, (size_t) width);
		simd->add_scaled(d_y + u, gates[k], d_out + v, (size_t) width);
		simd->add_scaled(d_y + v, gates[k], d_out + u, (size_t) width);
		simd->add_scaled(d_y + v, gates[k], d_out + v, (size_t) width);
		for (int c = 0; c < width; c++)
			sum += (d_out[u + c] + d_out[v + c]) * (y[u + c] + y[v + c]);
		d_gates[k] += sum;
	}
}

/* Back through the gates of the bonds (see bond_gates in engine.c), from d_gates, which is overwritten. */
static HnStatus
gates_backward(HnContext *context, const HnBatch *batch, const real *gates, real *d_gates, HnLinear *gradient)
{
	const HnSimd *simd = hn_simd();
	size_t		atom_columns = (size_t) batch->features->atom_columns;
	size_t		bond_columns = (size_t) batch->features->bond_columns;
	real	   *first = gradient->weight;
	real	   *bond = first + atom_columns;
	real	   *second = bond + bond_columns;
	real	   *half;			/* derivative by ½ (first + second), halved [F] */

	HN_NEW_ZERO(context, half, atom_columns);
	for (int k = 0; k < batch->bond_count; k++)
	{
		real		d = d_gates[k] * gates[k] * (1 - gates[k]);

		simd->add_scaled(half, d / 2, batch->atom_features + batch->bonds[k][0] * atom_columns, atom_columns);
		simd->add_scaled(half, d / 2, batch->atom_features + batch->bonds[k][1] * atom_columns, atom_columns);
		simd->add_scaled(bond, d, batch->bond_features + k * bond_columns, bond_columns);
		gradient->bias[0] += d;
	}
	simd->add_scaled(first, 1, half, atom_columns);
	simd->add_scaled(second, 1, half, atom_columns);
	return HN_OK;
}

/*
 * Derivative by H1 or H2 from that by Z = ELU(tanh(H)), whose columns begin
 * after the first offset. ELU's derivative is 1 + its value below zero; tanh is
 * computed again, because the way from Z to it is a logarithm.
 */
static void
activations_backward(int atoms, int hidden, const real *h, const real *encoded, const real *d_encoded,
					 int width, int offset, real *out)
{
	const HnSimd *simd = hn_simd();

	memcpy(out, h, (size_t) atoms * hidden * sizeof(real));
	simd->tanh(out, (size_t) atoms * hidden);
	for (int i = 0; i < atoms; i++)
	{
		const real *z = encoded + (size_t) i * width + offset;
		const real *d_z = d_encoded + (size_t) i * width + offset;
		real	   *d = out + (size_t) i * hidden;

		for (int k = 0; k < hidden; k++)
			d[k] = d_z[k] * (1 - d[k] * d[k]) * (z[k] < 0 ? 1 + z[k] : 1);
	}
}

/* Back through the encoder, from d_encoded [N, F + 2h]. */
static HnStatus
encoder_backward(HnContext *context, const HnModel *model, const HnBatch *batch,
				 const HnEngineTrace *trace, const real *d_encoded, HnModel *gradient)
{
	const HnEngineWeights *weights = &model->engine;
	int			atoms = batch->atom_count;
	int			columns = batch->features->atom_columns;
	int			hidden = model->engine_config.hidden;
	int			width = columns + 2 * hidden;
	size_t		count = (size_t) atoms * hidden;
	real	   *projected;		/* what A was multiplied with [N, h] */
	real	   *d_hidden;		/* [N, h] */
	real	   *d_first;		/* by H1 [N, h] */
	real	   *d_projected;	/* [N, h] */
	real	   *d_gates;		/* [M] */

	HN_NEW(context, projected, count);
	HN_NEW(context, d_hidden, count);
	HN_NEW(context, d_first, count);
	HN_NEW(context, d_projected, count);
	HN_NEW_ZERO(context, d_gates, batch->bond_count);

	activations_backward(atoms, hidden, trace->hidden2, trace->encoded, d_encoded, width, columns + hidden, d_hidden);
	activations_backward(atoms, hidden, trace->hidden1, trace->encoded, d_encoded, width, columns, d_first);
	hn_linear_forward(&weights->gcn2, atoms, trace->hidden1, hidden, projected, hidden);
	adjacency_backward(batch, trace->gates, projected, d_hidden, hidden, d_projected, d_gates);
	hn_linear_backward(&weights->gcn2, atoms, trace->hidden1, hidden, d_projected, hidden,
					   1, d_first, hidden, &gradient->engine.gcn2);

	hn_simd()->leaky_relu_back(trace->hidden1, d_first, count);
	hn_linear_forward(&weights->gcn1, atoms, batch->atom_features, columns, projected, hidden);
	adjacency_backward(batch, trace->gates, projected, d_first, hidden, d_projected, d_gates);
	hn_linear_backward(&weights->gcn1, atoms, batch->atom_features, columns, d_projected, hidden,
					   0, NULL, 0, &gradient->engine.gcn1);
	return gates_backward(context, batch, trace->gates, d_gates, &gradient->engine.gate);
}

/*
 * What the engine's output sends to the states. d_output [N, 2d] is by the
 * output; d_state is by the last state. Where nothing dissipates, the output is
 * the mean of all states, and each gets its share when the way comes by.
 */
static void
output_backward(const HnModel *model, const HnBatch *batch, const HnEngineTrace *trace,
				const real *d_coordinates, const real *d_positions, real *d_output, HnModel *gradient)
{
	int			dim = model->engine_config.dim;
	size_t		size = (size_t) batch->atom_count * 2 * dim;

	if (d_coordinates)
		memcpy(d_output, d_coordinates, size * sizeof(real));
	else
		memset(d_output, 0, size * sizeof(real));
	if (d_positions)
		hn_linear_backward(&model->engine.position, batch->atom_count, trace->coordinates + dim, 2 * dim,
						   d_positions, 3, 1, d_output + dim, 2 * dim, &gradient->engine.position);
}

/* Back through all steps, from d_output by the engine's output to d_state by the first state, both [N, 2d]. */
static HnStatus
dynamics_backward(HnContext *context, const HnModel *model, const HnBatch *batch,
				  const HnEngineTrace *trace, const real *d_output, real *d_state, HnModel *gradient)
{
	const HnEngineConfig *config = &model->engine_config;
	size_t		size = (size_t) batch->atom_count * 2 * config->dim;
	real		share = config->dissipate ? 0 : (real) 1 / (real) (config->steps + 1);
	Back		back;

	HN_TRY(back_init(context, model, batch, gradient, &back));
	memset(d_state, 0, size * sizeof(real));
	hn_simd()->add_scaled(d_state, config->dissipate ? 1 : share, d_output, size);
	for (int s = config->steps - 1; s >= 0; s--)
	{
		if (hn_interrupted(context))
			return context->status;
		HN_TRY(step_backward(context, &back, trace->states + s * size, d_state));
		if (!config->dissipate)
			hn_simd()->add_scaled(d_state, share, d_output, size);
	}
	quadratic_backward(&model->engine.kinetic, back.d_kinetic, &gradient->engine.kinetic);
	if (config->dissipate)
		quadratic_backward(&model->engine.dissipation, back.d_dissipation, &gradient->engine.dissipation);
	return HN_OK;
}

HnStatus
hn_engine_backward(HnContext *context, const HnModel *model, const HnBatch *batch,
				   HnEngineTrace *trace, const real *d_coordinates, const real *d_positions,
				   HnModel *gradient)
{
	int			width = 2 * model->engine_config.dim;
	size_t		size = (size_t) batch->atom_count * width;
	real	   *d_output;		/* [N, 2d] */
	real	   *d_state;		/* [N, 2d] */
	real	   *d_encoded;		/* [N, F + 2h] */
	real	   *mean;			/* [2d] */

	HN_NEW(context, d_output, size);
	HN_NEW(context, d_state, size);
	HN_NEW(context, d_encoded, (size_t) batch->atom_count * model->engine.lstm.in);
	HN_NEW(context, mean, width);
	output_backward(model, batch, trace, d_coordinates, d_positions, d_output, gradient);
	HN_TRY(dynamics_backward(context, model, batch, trace, d_output, d_state, gradient));
	centre_backward(batch, width, mean, d_state);
	HN_TRY(hn_lstm_backward(context, &model->engine.lstm, batch->graph_count, batch->atom_offset,
							trace->encoded, trace->lstm_gates, trace->lstm_cell, trace->lstm,
							d_state, d_encoded, &gradient->engine.lstm));
	return encoder_backward(context, model, batch, trace, d_encoded, gradient);
}
