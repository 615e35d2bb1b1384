/*
 * energy.c: the energies of the Hamiltonian Engine, for those who want to
 * watch it (model specification, section 2). The steps need only their
 * derivatives, which engine.c computes.
 */
#include <math.h>

#include "hamnet/linear.h"
#include "hamnet/network.h"

/* Σ_i m_i^power |W x_i|², x_i at the start of rows of `stride`; projected is scratch [n, W.out]. */
static double
weighted_squares(const HnLinear *layer, int n, const real *x, int stride,
				 const real *mass, int power, real *projected)
{
	double		total = 0;

	hn_gemm_nt(n, layer->out, layer->in, 1, x, stride, layer->weight, layer->in,
			   0, projected, layer->out);
	for (int i = 0; i < n; i++)
	{
		double		sum = 0;

		for (int k = 0; k < layer->out; k++)
		{
			double		y = projected[(size_t) i * layer->out + k];

			sum += y * y;
		}
		total += sum * pow(mass[i], power);
	}
	return total;
}

/* log(1 + exp(v)) without overflow. */
static double
softplus(double v)
{
	return v > 0 ? v + log1p(exp(-v)) : log1p(exp(v));
}

/* Σ over ordered pairs i != j of m_i m_j (s⁻² − s⁻¹), from Y = q W_Uᵀ [n, width]. */
static HnStatus
pair_energy(HnContext *context, const HnLinear *potential, int n, const real *y,
			const real *mass, double *total)
{
	int			width = potential->out;

	*total = 0;
	for (int i = 0; i < n; i++)
	{
		if (i % 64 == 0 && hn_interrupted(context))
			return context->status;
		for (int j = 0; j < n; j++)
		{
			double		v = 0;
			double		s;

			if (i == j)
				continue;
			for (int k = 0; k < width; k++)
			{
				double		x = (double) y[(size_t) j * width + k] - y[(size_t) i * width + k]
				+ potential->bias[k];

				v += x * x;
			}
			s = softplus(v);
			*total += (double) mass[i] * mass[j] * (1 / (s * s) - 1 / s);
		}
	}
	return HN_OK;
}

HnStatus
hn_engine_energies(HnContext *context, const HnModel *model, const HnBatch *batch,
				   const HnEngineTrace *trace, int graph, HnEnergy *energies)
{
	const HnEngineConfig *config = &model->engine_config;
	const HnEngineWeights *weights = &model->engine;
	int			begin = batch->atom_offset[graph];
	int			n = batch->atom_offset[graph + 1] - begin;
	int			stride = 2 * config->dim;
	int			widest = weights->kinetic.out;
	const real *mass = batch->mass + begin;
	real	   *projected;

	if (weights->potential.out > widest)
		widest = weights->potential.out;
	if (weights->dissipation.out > widest)
		widest = weights->dissipation.out;
	HN_NEW(context, projected, (size_t) n * widest);

	for (int s = 0; s <= config->steps; s++)
	{
		const real *p = trace->states + ((size_t) s * batch->atom_count + begin) * stride;
		const real *q = p + config->dim;
		HnEnergy   *energy = &energies[s];

		energy->kinetic = weighted_squares(&weights->kinetic, n, p, stride, mass, -1, projected);
		energy->dissipated = weighted_squares(&weights->dissipation, n, p, stride, mass, -2, projected);
		hn_gemm_nt(n, weights->potential.out, config->dim, 1, q, stride,
				   weights->potential.weight, config->dim, 0, projected, weights->potential.out);
		HN_TRY(pair_energy(context, &weights->potential, n, projected, mass, &energy->potential));
	}
	return HN_OK;
}
