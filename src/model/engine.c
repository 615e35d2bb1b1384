/*
 * engine.c: the Hamiltonian Engine (model specification, section 2).
 *
 * An encoder reads the graph and gives every atom a first momentum and
 * position in d dimensions; S explicit Euler steps of a learned Hamiltonian
 * system with dissipation move them.
 */
#include <math.h>
#include <string.h>

#include "hamnet/kernels.h"
#include "hamnet/linear.h"
#include "hamnet/network.h"

/*
 * Gate of each bond: sigmoid of the mean of a(u,k,v) and a(v,k,u). With the
 * weight split into [first ; bond ; second], that mean is
 * ½ (first + second)·(X_u + X_v) + bond·E_k + b.
 */
static HnStatus
bond_gates(HnContext *context, const HnLinear *gate, const HnBatch *batch, real *gates)
{
	int			atom_columns = batch->features->atom_columns;
	int			bond_columns = batch->features->bond_columns;
	const real *first = gate->weight;
	const real *bond = first + atom_columns;
	const real *second = bond + bond_columns;
	real	   *half;			/* ½ (first + second) [F] */
	real	   *atom;			/* half · X_i [N] */

	HN_NEW(context, half, atom_columns);
	HN_NEW(context, atom, batch->atom_count);
	for (int k = 0; k < atom_columns; k++)
		half[k] = (first[k] + second[k]) / 2;
	for (int i = 0; i < batch->atom_count; i++)
		atom[i] = hn_dot(half, batch->atom_features + (size_t) i * atom_columns, atom_columns);
	for (int k = 0; k < batch->bond_count; k++)
		gates[k] = atom[batch->bonds[k][0]] + atom[batch->bonds[k][1]]
			+ hn_dot(bond, batch->bond_features + (size_t) k * bond_columns, bond_columns)
			+ gate->bias[0];
	hn_kernels()->sigmoid(gates, (size_t) batch->bond_count);
	return HN_OK;
}

/*
 * out = A y for rows of `width`, where A_ij is the gate of the bond between i
 * and j, and A_ii the sum of the gates at i. y and out do not overlap.
 */
static void
adjacency_product(const HnBatch *batch, const real *gates, const real *y, int width, real *out)
{
	for (int i = 0; i < batch->atom_count; i++)
	{
		const real *own = y + (size_t) i * width;
		real	   *sum = out + (size_t) i * width;

		memset(sum, 0, (size_t) width * sizeof(real));
		for (int e = batch->edge_offset[i]; e < batch->edge_offset[i + 1]; e++)
		{
			const real *other = y + (size_t) batch->edges[e].sender * width;
			real		gate = gates[batch->edges[e].bond];

			for (int k = 0; k < width; k++)
				sum[k] += gate * (own[k] + other[k]);
		}
	}
}

/* H1, H2 and Z = ELU(tanh([X ; H1 ; H2])). */
static HnStatus
encode(HnContext *context, const HnModel *model, const HnBatch *batch, HnEngineTrace *trace)
{
	const HnKernels *kernels = hn_kernels();
	const HnEngineWeights *weights = &model->engine;
	int			columns = batch->features->atom_columns;
	int			hidden = model->engine_config.hidden;
	int			width = columns + 2 * hidden;
	size_t		count = (size_t) batch->atom_count * hidden;
	real	   *projected;		/* before the product with A [N, h] */

	HN_NEW(context, trace->gates, batch->bond_count);
	HN_NEW(context, trace->hidden1, count);
	HN_NEW(context, trace->hidden2, count);
	HN_NEW(context, trace->encoded, (size_t) batch->atom_count * width);
	HN_NEW(context, projected, count);

	HN_TRY(bond_gates(context, &weights->gate, batch, trace->gates));
	hn_linear_forward(&weights->gcn1, batch->atom_count, batch->atom_features, columns,
					  projected, hidden);
	adjacency_product(batch, trace->gates, projected, hidden, trace->hidden1);
	kernels->leaky_relu(trace->hidden1, count);
	hn_linear_forward(&weights->gcn2, batch->atom_count, trace->hidden1, hidden, projected, hidden);
	adjacency_product(batch, trace->gates, projected, hidden, trace->hidden2);

	for (int i = 0; i < batch->atom_count; i++)
	{
		real	   *z = trace->encoded + (size_t) i * width;

		memcpy(z, batch->atom_features + (size_t) i * columns, (size_t) columns * sizeof(real));
		memcpy(z + columns, trace->hidden1 + (size_t) i * hidden, (size_t) hidden * sizeof(real));
		memcpy(z + columns + hidden, trace->hidden2 + (size_t) i * hidden,
			   (size_t) hidden * sizeof(real));
	}
	kernels->tanh(trace->encoded, (size_t) batch->atom_count * width);
	kernels->elu(trace->encoded, (size_t) batch->atom_count * width);
	return HN_OK;
}

/* Rows of x [N, width] minus their mean over the molecule, into out. */
static void
centre(const HnBatch *batch, const real *x, int width, real *mean, real *out)
{
	for (int g = 0; g < batch->graph_count; g++)
	{
		int			begin = batch->atom_offset[g];
		int			end = batch->atom_offset[g + 1];

		memset(mean, 0, (size_t) width * sizeof(real));
		for (int i = begin; i < end; i++)
			for (int k = 0; k < width; k++)
				mean[k] += x[(size_t) i * width + k];
		for (int k = 0; k < width; k++)
			mean[k] /= (real) (end - begin);
		for (int i = begin; i < end; i++)
			for (int k = 0; k < width; k++)
				out[(size_t) i * width + k] = x[(size_t) i * width + k] - mean[k];
	}
}

/* Scratch and constants of the steps. */
typedef struct Dynamics
{
	const HnBatch *batch;
	int			dim;			/* d */
	int			width;			/* h_u */
	const HnLinear *potential;	/* W_U, b_U */
	real	   *quadratic;		/* [W_Tᵀ W_T ; W_Fᵀ W_F], [2d, d], or the first half alone */
	int			quadratic_rows; /* 2d or d */
	real	   *velocity;		/* p times that [N, quadratic_rows] */
	real	   *projected;		/* Y = q W_Uᵀ [N, h_u] */
	real	   *force;			/* ∂U/∂Y [N, h_u] */
	real	   *transposed;		/* Y of one molecule [h_u, n] */
	real	   *offset;			/* b_U · Y_i of one molecule [n] */
	real	   *slope;			/* c_ij of one molecule [n, n] */
	real	   *row;			/* three rows of n */
} Dynamics;

static HnStatus
dynamics_init(HnContext *context, const HnModel *model, const HnBatch *batch, Dynamics *dynamics)
{
	const HnEngineWeights *weights = &model->engine;
	int			dim = model->engine_config.dim;
	size_t		atoms = (size_t) batch->atom_count;
	size_t		largest = (size_t) batch->largest;

	dynamics->batch = batch;
	dynamics->dim = dim;
	dynamics->width = weights->potential.out;
	dynamics->potential = &weights->potential;
	dynamics->quadratic_rows = model->engine_config.dissipate ? 2 * dim : dim;
	HN_NEW(context, dynamics->quadratic, dynamics->quadratic_rows * (size_t) dim);
	HN_NEW(context, dynamics->velocity, atoms * dynamics->quadratic_rows);
	HN_NEW(context, dynamics->projected, atoms * dynamics->width);
	HN_NEW(context, dynamics->force, atoms * dynamics->width);
	HN_NEW(context, dynamics->transposed, largest * dynamics->width);
	HN_NEW(context, dynamics->offset, largest);
	HN_NEW(context, dynamics->slope, largest * largest);
	HN_NEW(context, dynamics->row, 3 * largest);

	hn_gemm_tn(dim, dim, weights->kinetic.out, 1, weights->kinetic.weight, dim,
			   weights->kinetic.weight, dim, 0, dynamics->quadratic, dim);
	if (model->engine_config.dissipate)
		hn_gemm_tn(dim, dim, weights->dissipation.out, 1, weights->dissipation.weight, dim,
				   weights->dissipation.weight, dim, 0, dynamics->quadratic + (size_t) dim * dim, dim);
	return HN_OK;
}

/*
 * c_ij for every j != i of one molecule, into slope[i]: the derivative of
 * m_i m_j (s⁻² − s⁻¹), s = softplus(v), v = |x|², x = Y_j − Y_i + b, with
 * respect to x is c_ij x with
 *
 *   c_ij = 2 m_i m_j (s − 2) s⁻³ σ(v).
 *
 * v = |Y_j − Y_i|² + 2 b·(Y_j − Y_i) + |b|² costs one pass over the
 * differences for both directions of a pair.
 */
static void
pair_slopes(Dynamics *dynamics, const real *mass, int i, int n, real squared_bias)
{
	const HnKernels *kernels = hn_kernels();
	real	   *v = dynamics->row;
	real	   *s = v + n;
	real	   *c = dynamics->slope + (size_t) i * n;

	kernels->squared_distances(dynamics->transposed, n, dynamics->width, i, v);
	for (int j = 0; j < n; j++)
		v[j] += 2 * (dynamics->offset[j] - dynamics->offset[i]) + squared_bias;
	memcpy(s, v, (size_t) n * sizeof(real));
	kernels->softplus(s, (size_t) n);
	kernels->sigmoid(v, (size_t) n);
	for (int j = 0; j < n; j++)
		c[j] = 2 * mass[i] * mass[j] * (1 - 2 / s[j]) / (s[j] * s[j]) * v[j];
	c[i] = 0;
}

/*
 * ∂U/∂Y_i of one molecule. A pair holds i twice, as x_ij = δ + b and x_ji =
 * −δ + b with δ = Y_j − Y_i, so
 *
 *   ∂U/∂Y_i = Σ_j −c_ij (δ + b) + c_ji (−δ + b)
 *           = Σ_j (c_ij + c_ji)(Y_i − Y_j) − b Σ_j (c_ij − c_ji).
 */
static void
pair_force(Dynamics *dynamics, int i, int n, real *force)
{
	const real *slope = dynamics->slope;
	const real *bias = dynamics->potential->bias;
	real	   *weight = dynamics->row;
	real		imbalance = 0;

	for (int j = 0; j < n; j++)
	{
		real		forth = slope[(size_t) i * n + j];
		real		back = slope[(size_t) j * n + i];

		weight[j] = forth + back;
		imbalance += forth - back;
	}
	hn_kernels()->weighted_differences(dynamics->transposed, n, dynamics->width, i, weight, force);
	for (int k = 0; k < dynamics->width; k++)
		force[k] -= imbalance * bias[k];
}

/* ∂U/∂Y of every molecule, from Y; both [N, h_u]. */
static HnStatus
potential_force(HnContext *context, Dynamics *dynamics)
{
	const HnBatch *batch = dynamics->batch;
	const real *bias = dynamics->potential->bias;
	int			width = dynamics->width;
	real		squared_bias = hn_dot(bias, bias, width);

	for (int g = 0; g < batch->graph_count; g++)
	{
		int			begin = batch->atom_offset[g];
		int			n = batch->atom_offset[g + 1] - begin;
		const real *y = dynamics->projected + (size_t) begin * width;

		for (int i = 0; i < n; i++)
		{
			dynamics->offset[i] = hn_dot(bias, y + (size_t) i * width, width);
			for (int k = 0; k < width; k++)
				dynamics->transposed[(size_t) k * n + i] = y[(size_t) i * width + k];
		}
		for (int i = 0; i < n; i++)
		{
			if (i % 64 == 0 && hn_interrupted(context))
				return context->status;
			pair_slopes(dynamics, batch->mass + begin, i, n, squared_bias);
		}
		for (int i = 0; i < n; i++)
			pair_force(dynamics, i, n, dynamics->force + (size_t) (begin + i) * width);
	}
	return HN_OK;
}

/*
 * One step from the old state to the new one, rows [p ; q]:
 *
 *   q' = q + τ ∂T/∂p,            ∂T/∂p_i = (2 / m_i) W_Tᵀ W_T p_i
 *   p' = p − τ (∂U/∂q + m ∂F/∂p),  m_i ∂F/∂p_i = (2 / m_i) W_Fᵀ W_F p_i
 */
static HnStatus
step(HnContext *context, Dynamics *dynamics, real tau, const real *old, real *new)
{
	const HnBatch *batch = dynamics->batch;
	const HnLinear *potential = dynamics->potential;
	int			dim = dynamics->dim;
	int			rows = dynamics->quadratic_rows;

	hn_gemm_nt(batch->atom_count, rows, dim, 1, old, 2 * dim, dynamics->quadratic, dim,
			   0, dynamics->velocity, rows);
	hn_gemm_nt(batch->atom_count, potential->out, dim, 1, old + dim, 2 * dim, potential->weight, dim,
			   0, dynamics->projected, potential->out);
	HN_TRY(potential_force(context, dynamics));

	for (int i = 0; i < batch->atom_count; i++)
	{
		const real *p = old + (size_t) i * 2 * dim;
		const real *q = p + dim;
		real	   *p_new = new + (size_t) i * 2 * dim;
		real	   *q_new = p_new + dim;
		const real *velocity = dynamics->velocity + (size_t) i * rows;
		const real *drag = rows > dim ? velocity + dim : NULL;
		real		scale = 2 * tau / batch->mass[i];

		for (int k = 0; k < dim; k++)
		{
			q_new[k] = q[k] + scale * velocity[k];
			p_new[k] = p[k] - (drag ? scale * drag[k] : 0);
		}
	}
	hn_gemm_nn(batch->atom_count, dim, potential->out, -tau, dynamics->force, potential->out,
			   potential->weight, dim, 1, new, 2 * dim);
	return HN_OK;
}

/* The output of the dynamics: the last state, or the mean of all where nothing dissipates. */
static void
read_out(const HnEngineConfig *config, size_t size, const real *states, real *coordinates)
{
	if (config->dissipate)
	{
		memcpy(coordinates, states + (size_t) config->steps * size, size * sizeof(real));
		return;
	}
	memset(coordinates, 0, size * sizeof(real));
	for (int s = 0; s <= config->steps; s++)
		for (size_t k = 0; k < size; k++)
			coordinates[k] += states[(size_t) s * size + k];
	for (size_t k = 0; k < size; k++)
		coordinates[k] /= (real) (config->steps + 1);
}

HnStatus
hn_engine_forward(HnContext *context, const HnModel *model, const HnBatch *batch,
				  HnEngineTrace *trace)
{
	const HnEngineConfig *config = &model->engine_config;
	int			width = 2 * config->dim;
	size_t		size = (size_t) batch->atom_count * width;
	real	   *mean;
	Dynamics	dynamics;

	HN_TRY(encode(context, model, batch, trace));

	HN_NEW(context, trace->lstm_gates, 4 * size);
	HN_NEW(context, trace->lstm_cell, size);
	HN_NEW(context, trace->lstm, size);
	HN_NEW(context, trace->states, size * (config->steps + 1));
	HN_NEW(context, trace->coordinates, size);
	HN_NEW(context, trace->positions, (size_t) batch->atom_count * 3);
	HN_NEW(context, mean, width);
	HN_TRY(hn_lstm_forward(context, &model->engine.lstm, batch->graph_count, batch->atom_offset,
						   trace->encoded, trace->lstm_gates, trace->lstm_cell, trace->lstm));
	centre(batch, trace->lstm, width, mean, trace->states);

	HN_TRY(dynamics_init(context, model, batch, &dynamics));
	for (int s = 0; s < config->steps; s++)
	{
		if (hn_interrupted(context))
			return context->status;
		HN_TRY(step(context, &dynamics, (real) config->tau,
					trace->states + (size_t) s * size, trace->states + (size_t) (s + 1) * size));
	}
	read_out(config, size, trace->states, trace->coordinates);
	if (!hn_all_finite(trace->coordinates, size))
		return hn_fail(context, HN_NOT_FINITE,
					   "the model's Hamiltonian dynamics diverge for this molecule");
	hn_linear_forward(&model->engine.position, batch->atom_count, trace->coordinates + config->dim, width,
					  trace->positions, 3);
	if (!hn_all_finite(trace->positions, (size_t) batch->atom_count * 3))
		return hn_fail(context, HN_NOT_FINITE, "the model's predicted positions are not finite");
	return HN_OK;
}
