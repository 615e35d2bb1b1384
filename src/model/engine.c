/*
 * engine.c: the Hamiltonian Engine (model specification, section 2).
 *
 * An encoder reads the graph and gives every atom a first momentum and
 * position in d dimensions; S explicit Euler steps of a learned Hamiltonian
 * system with dissipation move them.
 */
#include <math.h>
#include <string.h>

#include "hamnet/simd.h"
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
	hn_simd()->sigmoid(gates, (size_t) batch->bond_count);
	return HN_OK;
}

/*
 * out = A y for rows of `width`, where A_ij is the gate of the bond between i
 * and j, and A_ii the sum of the gates at i. y and out do not overlap.
 */
static void
adjacency_product(const HnBatch *batch, const real *gates, const real *y, int width, real *out)
{
	const HnSimd *simd = hn_simd();

	for (int i = 0; i < batch->atom_count; i++)
	{
		const real *own = y + (size_t) i * width;
		real	   *sum = out + (size_t) i * width;

		memset(sum, 0, (size_t) width * sizeof(real));
		for (int e = batch->edge_offset[i]; e < batch->edge_offset[i + 1]; e++)
		{
			const real *other = y + (size_t) batch->edges[e].sender * width;
			real		gate = gates[batch->edges[e].bond];

			simd->add_scaled(sum, gate, own, (size_t) width);
			simd->add_scaled(sum, gate, other, (size_t) width);
		}
	}
}

/* H1, H2 and Z = ELU(tanh([X ; H1 ; H2])). */
static HnStatus
encode(HnContext *context, const HnModel *model, const HnPackedEngine *packed, const HnBatch *batch,
	   HnEngineTrace *trace)
{
	const HnSimd *simd = hn_simd();
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

	HN_TRY(bond_gates(context, &model->engine.gate, batch, trace->gates));
	hn_packed_product(&packed->gcn1, batch->atom_count, batch->atom_features, columns,
					  projected, hidden);
	adjacency_product(batch, trace->gates, projected, hidden, trace->hidden1);
	simd->leaky_relu(trace->hidden1, count);
	hn_packed_product(&packed->gcn2, batch->atom_count, trace->hidden1, hidden, projected, hidden);
	adjacency_product(batch, trace->gates, projected, hidden, trace->hidden2);

	for (int i = 0; i < batch->atom_count; i++)
	{
		real	   *z = trace->encoded + (size_t) i * width;

		memcpy(z, batch->atom_features + (size_t) i * columns, (size_t) columns * sizeof(real));
		memcpy(z + columns, trace->hidden1 + (size_t) i * hidden, (size_t) hidden * sizeof(real));
		memcpy(z + columns + hidden, trace->hidden2 + (size_t) i * hidden,
			   (size_t) hidden * sizeof(real));
	}
	simd->tanh(trace->encoded, (size_t) batch->atom_count * width);
	simd->elu(trace->encoded, (size_t) batch->atom_count * width);
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
	const HnPackedEngine *packed;
	const real *bias;			/* b_U [h_u] */
	real		squared_bias;	/* |b_U|² */
	real	   *velocity;		/* p W_Tᵀ W_T and p W_Fᵀ W_F [N, 2d], or the first half alone */
	real	   *projected;		/* Y = q W_Uᵀ [N, h_u] */
	real	   *force;			/* -τ ∂U/∂Y [N, h_u] */
	/* of one molecule: */
	real	   *columns;		/* Y as weights [n, h_u] of a product, packed */
	real	   *rows;			/* Y as weights [h_u, n] of a product, packed */
	real	   *gram;			/* Y_i · Y_j, then the weights of the force [n, n] */
	real	   *slope;			/* c_ij [n, n] */
	real	   *square;			/* |Y_i|² [n] */
	real	   *offset;			/* b_U · Y_i [n] */
	real	   *other;			/* |Y_j|² + 2 b_U · Y_j [n] */
} Dynamics;

static HnStatus
dynamics_init(HnContext *context, const HnModel *model, const HnPackedEngine *packed,
			  const HnBatch *batch, Dynamics *dynamics)
{
	size_t		atoms = (size_t) batch->atom_count;
	size_t		largest = (size_t) batch->largest;
	int			width = packed->potential.out;

	dynamics->batch = batch;
	dynamics->dim = model->engine_config.dim;
	dynamics->width = width;
	dynamics->packed = packed;
	dynamics->bias = model->engine.potential.bias;
	dynamics->squared_bias = hn_dot(dynamics->bias, dynamics->bias, width);
	HN_NEW(context, dynamics->velocity, atoms * packed->quadratic.out);
	HN_NEW(context, dynamics->projected, atoms * width);
	HN_NEW(context, dynamics->force, atoms * width);
	HN_NEW_ZERO(context, dynamics->columns, hn_panels_size((int) largest, width));
	HN_NEW_ZERO(context, dynamics->rows, hn_panels_size(width, (int) largest));
	HN_NEW(context, dynamics->gram, largest * largest);
	HN_NEW(context, dynamics->slope, largest * largest);
	HN_NEW(context, dynamics->square, largest);
	HN_NEW(context, dynamics->offset, largest);
	HN_NEW(context, dynamics->other, largest);
	return HN_OK;
}

/*
 * c_ij for every j != i of one molecule: the derivative of m_i m_j (s⁻² −
 * s⁻¹), s = softplus(v), v = |x|², x = Y_j − Y_i + b, with respect to x is
 * c_ij x with
 *
 *   c_ij = 2 m_i m_j (s − 2) s⁻³ σ(v).
 *
 * v = |Y_i|² − 2 b·Y_i + |b|² + |Y_j|² + 2 b·Y_j − 2 Y_i·Y_j leaves one matrix
 * product for all pairs. What cancels in it costs v an absolute error of a
 * few units in the last place of |Y|², which is of the order of the square of
 * the molecule's diameter, because the engine centres q; and s, not v, is what
 * is divided by.
 */
static void
pair_slopes(const Dynamics *dynamics, const real *y, const real *mass, int n)
{
	const HnSimd *simd = hn_simd();
	int			width = dynamics->width;

	hn_pack(dynamics->columns, width, 0, 0, n, width, 1, y, (size_t) width, 1);
	simd->product(n, n, width, y, (size_t) width, dynamics->columns, NULL, 0, dynamics->gram, (size_t) n);
	simd->row_dots(n, width, y, (size_t) width, dynamics->bias, dynamics->offset);
	for (int i = 0; i < n; i++)
	{
		dynamics->square[i] = dynamics->gram[(size_t) i * n + i];
		dynamics->other[i] = dynamics->square[i] + 2 * dynamics->offset[i];
	}
	for (int i = 0; i < n; i++)
	{
		real	   *slope = dynamics->slope + (size_t) i * n;
		real		own = dynamics->square[i] - 2 * dynamics->offset[i] + dynamics->squared_bias;

		simd->pair_slopes(n, dynamics->gram + (size_t) i * n, own, dynamics->other, 2 * mass[i], mass, slope);
		slope[i] = 0;
	}
}

/*
 * -τ ∂U/∂Y of one molecule. A pair holds i twice, as x_ij = δ + b and x_ji =
 * −δ + b with δ = Y_j − Y_i, so
 *
 *   ∂U/∂Y_i = Σ_j −c_ij (δ + b) + c_ji (−δ + b)
 *           = Y_i Σ_j w_ij − Σ_j w_ij Y_j − b Σ_j (c_ij − c_ji),  w_ij = c_ij + c_ji,
 *
 * which is one matrix product, with the sum of w on the diagonal, that starts
 * from the term with b.
 */
static void
pair_forces(const Dynamics *dynamics, const real *y, real tau, int n, real *force)
{
	const real *slope = dynamics->slope;
	real	   *weight = dynamics->gram;
	real	   *total = dynamics->square;	/* Σ_j w_ij */
	real	   *imbalance = dynamics->offset;	/* Σ_j (c_ij − c_ji) */
	int			width = dynamics->width;

	for (int i = 0; i < n; i++)
	{
		total[i] = 0;
		imbalance[i] = 0;
		for (int j = 0; j < i; j++)
		{
			real		forth = slope[(size_t) i * n + j];
			real		back = slope[(size_t) j * n + i];

			weight[(size_t) i * n + j] = tau * (forth + back);
			weight[(size_t) j * n + i] = tau * (forth + back);
			total[i] += forth + back;
			total[j] += forth + back;
			imbalance[i] += forth - back;
			imbalance[j] -= forth - back;
		}
	}
	for (int i = 0; i < n; i++)
	{
		weight[(size_t) i * n + i] = -tau * total[i];
		for (int k = 0; k < width; k++)
			force[(size_t) i * width + k] = tau * imbalance[i] * dynamics->bias[k];
	}
	hn_pack(dynamics->rows, n, 0, 0, width, n, 1, y, 1, (size_t) width);
	hn_simd()->product(n, width, n, weight, (size_t) n, dynamics->rows, force, (size_t) width,
						  force, (size_t) width);
}

/*
 * One step from the old state to the new one, rows [p ; q]:
 *
 *   q' = q + τ ∂T/∂p,            ∂T/∂p_i = (2 / m_i) W_Tᵀ W_T p_i
 *   p' = p − τ (∂U/∂q + m ∂F/∂p),  m_i ∂F/∂p_i = (2 / m_i) W_Fᵀ W_F p_i
 */
static HnStatus
step(HnContext *context, const Dynamics *dynamics, real tau, const real *old, real *new)
{
	const HnBatch *batch = dynamics->batch;
	const HnPackedEngine *packed = dynamics->packed;
	int			dim = dynamics->dim;
	int			width = dynamics->width;
	int			columns = packed->quadratic.out;

	hn_packed_product(&packed->quadratic, batch->atom_count, old, 2 * dim, dynamics->velocity, columns);
	hn_packed_product(&packed->potential, batch->atom_count, old + dim, 2 * dim, dynamics->projected, width);
	for (int g = 0; g < batch->graph_count; g++)
	{
		int			begin = batch->atom_offset[g];
		int			n = batch->atom_offset[g + 1] - begin;
		const real *y = dynamics->projected + (size_t) begin * width;

		if (hn_interrupted(context))
			return context->status;
		pair_slopes(dynamics, y, batch->mass + begin, n);
		pair_forces(dynamics, y, tau, n, dynamics->force + (size_t) begin * width);
	}
	for (int i = 0; i < batch->atom_count; i++)
	{
		const real *p = old + (size_t) i * 2 * dim;
		const real *q = p + dim;
		real	   *p_new = new + (size_t) i * 2 * dim;
		real	   *q_new = p_new + dim;
		const real *velocity = dynamics->velocity + (size_t) i * columns;
		const real *drag = columns > dim ? velocity + dim : NULL;
		real		scale = 2 * tau / batch->mass[i];

		for (int k = 0; k < dim; k++)
		{
			q_new[k] = q[k] + scale * velocity[k];
			p_new[k] = p[k] - (drag ? scale * drag[k] : 0);
		}
	}
	hn_packed_product_add(&packed->force, batch->atom_count, dynamics->force, width, new, 2 * dim);
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
	HnPackedEngine local;
	const HnPackedEngine *packed = &local;
	Dynamics	dynamics;

	if (model->packed)
		packed = &model->packed->engine;
	else
		HN_TRY(hn_pack_engine(context, model, &local));
	HN_TRY(encode(context, model, packed, batch, trace));

	HN_NEW(context, trace->lstm_gates, 4 * size);
	HN_NEW(context, trace->lstm_cell, size);
	HN_NEW(context, trace->lstm, size);
	HN_NEW(context, trace->states, size * (config->steps + 1));
	HN_NEW(context, trace->coordinates, size);
	HN_NEW(context, trace->positions, (size_t) batch->atom_count * 3);
	HN_NEW(context, mean, width);
	HN_TRY(hn_lstm_forward(context, &packed->lstm, batch->graph_count, batch->atom_offset,
						   trace->encoded, trace->lstm_gates, trace->lstm_cell, trace->lstm));
	centre(batch, trace->lstm, width, mean, trace->states);

	HN_TRY(dynamics_init(context, model, packed, batch, &dynamics));
	for (int s = 0; s < config->steps; s++)
		HN_TRY(step(context, &dynamics, (real) config->tau,
					trace->states + (size_t) s * size, trace->states + (size_t) (s + 1) * size));
	read_out(config, size, trace->states, trace->coordinates);
	if (!hn_all_finite(trace->coordinates, size))
		return hn_fail(context, HN_NOT_FINITE,
					   "the model's Hamiltonian dynamics diverge for this molecule");
	hn_packed_product(&packed->position, batch->atom_count, trace->coordinates + config->dim, width,
					  trace->positions, 3);
	if (!hn_all_finite(trace->positions, (size_t) batch->atom_count * 3))
		return hn_fail(context, HN_NOT_FINITE, "the model's predicted positions are not finite");
	return HN_OK;
}
