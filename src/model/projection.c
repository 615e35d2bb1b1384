/*
 * projection.c: from the read-out to the fingerprint, and back.
 */
#include "projection.h"

#include <math.h>
#include <string.h>

#include "hamnet/simd.h"

/* Added to |u|² / D, so that a molecule without any feature has a fingerprint: zeros. */
#define MIN_SQUARE 1e-12

/* log(1 + the sum of the counts that fall on each of the columns); the sums are exact. */
static HnStatus
fold_counts(HnContext *context, const HnCounts *counts, int columns, real **folded)
{
	HN_NEW_ZERO(context, *folded, columns);
	for (int k = 0; k < counts->length; k++)
		(*folded)[counts->columns[k] % columns] += counts->counts[k];
	hn_simd()->log1p(*folded, (size_t) columns);
	return HN_OK;
}

/* Add Σ_k log(1 + c_k) W_k of one molecule to u [D], in the order of columns. */
static HnStatus
add_counts(HnContext *context, const HnLinear *weights, const HnCounts *counts, real *u)
{
	HnArenaMark mark = hn_arena_mark(context->arena);
	real	   *folded;

	HN_TRY(fold_counts(context, counts, weights->out, &folded));
	for (int c = 0; c < weights->out; c++)
		if (folded[c] > 0)
			hn_simd()->add_scaled(u, folded[c], weights->weight + (size_t) c * weights->in, (size_t) weights->in);
	hn_arena_rewind(context->arena, mark);
	return HN_OK;
}

HnStatus
hn_project_forward(HnContext *context, const HnModel *model, const HnBatch *batch, const HnPacked *projection,
				   HnFingerprintTrace *trace)
{
	int			dim = model->fingerprint_config.dim;
	size_t		count = batch->graph_count * (size_t) dim;
	HnPacked	own;

	trace->logarithm = trace->length = NULL;
	trace->fingerprint = trace->readout;
	if (!model->fingerprint_config.projection)
		return HN_OK;
	if (projection == NULL)
	{
		HN_TRY(hn_pack_linear(context, &model->readout.projection, &own));
		projection = &own;
	}
	HN_NEW(context, trace->logarithm, count);
	HN_NEW(context, trace->length, batch->graph_count);
	HN_NEW(context, trace->fingerprint, count);
	memcpy(trace->logarithm, trace->readout, count * sizeof(real));
	hn_simd()->log1p(trace->logarithm, count);
	hn_packed_product(projection, batch->graph_count, trace->logarithm, dim, trace->fingerprint, dim);
	for (int g = 0; g < batch->graph_count; g++)
	{
		real	   *u = trace->fingerprint + g * (size_t) dim;

		if (model->fingerprint_config.counts > 0)
			HN_TRY(add_counts(context, &model->readout.counts, &batch->counts[g], u));
		trace->length[g] = (real) sqrt(hn_dot(u, u, dim) / (real) dim + MIN_SQUARE);
		for (int k = 0; k < dim; k++)
			u[k] /= trace->length[g];
	}
	if (!hn_all_finite(trace->fingerprint, count))
		return hn_fail(context, HN_NOT_FINITE, "the model's fingerprint is not finite for this molecule");
	return HN_OK;
}

/* Add log(1 + c_k) d_u to the derivative of every W_k. */
static HnStatus
counts_backward(HnContext *context, const HnCounts *counts, const real *d_u, HnLinear *gradient)
{
	HnArenaMark mark = hn_arena_mark(context->arena);
	real	   *folded;

	HN_TRY(fold_counts(context, counts, gradient->out, &folded));
	for (int c = 0; c < gradient->out; c++)
		if (folded[c] > 0)
			hn_simd()->add_scaled(gradient->weight + (size_t) c * gradient->in, folded[c], d_u, (size_t) gradient->in);
	hn_arena_rewind(context->arena, mark);
	return HN_OK;
}

/*
 * With l² = |u|² / D + ε and f = u / l, d_u = (d_f − f (f · d_f) / D) / l.
 */
HnStatus
hn_project_backward(HnContext *context, const HnModel *model, const HnBatch *batch, const HnFingerprintTrace *trace,
					const real *d_fingerprint, real *d_readout, HnModel *gradient)
{
	int			dim = model->fingerprint_config.dim;
	size_t		count = batch->graph_count * (size_t) dim;
	real	   *d_u;			/* [B, D] */

	if (!model->fingerprint_config.projection)
	{
		memcpy(d_readout, d_fingerprint, count * sizeof(real));
		return HN_OK;
	}
	HN_NEW(context, d_u, count);
	memcpy(d_u, d_fingerprint, count * sizeof(real));
	for (int g = 0; g < batch->graph_count; g++)
	{
		const real *f = trace->fingerprint + g * (size_t) dim;
		real	   *d = d_u + g * (size_t) dim;

		hn_simd()->add_scaled(d, -hn_dot(f, d, dim) / (real) dim, f, (size_t) dim);
		for (int k = 0; k < dim; k++)
			d[k] /= trace->length[g];
		if (model->fingerprint_config.counts > 0)
			HN_TRY(counts_backward(context, &batch->counts[g], d, &gradient->readout.counts));
	}
	hn_linear_backward(&model->readout.projection, batch->graph_count, trace->logarithm, dim, d_u, dim,
					   0, d_readout, dim, &gradient->readout.projection);
	for (size_t k = 0; k < count; k++)
		d_readout[k] /= 1 + trace->readout[k];
	return HN_OK;
}
