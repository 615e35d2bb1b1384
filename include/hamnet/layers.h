/*
 * layers.h: the building blocks of the network: linear layers, recurrent
 * cells, and sums over the edges and atoms of a batch.
 */
#ifndef HAMNET_LAYERS_H
#define HAMNET_LAYERS_H

#include <stdbool.h>
#include <stddef.h>

#include "hamnet/context.h"
#include "hamnet/linear.h"
#include "hamnet/real.h"

/* y = W x + b */
typedef struct HnLinear
{
	int			out;
	int			in;
	real	   *weight;			/* [out, in] */
	real	   *bias;			/* [out], NULL for a layer without */
} HnLinear;

/* A recurrent cell: LSTM with 4 gates (i, f, g, o) or GRU with 3 (r, z, n). */
typedef struct HnCell
{
	int			gates;
	int			in;
	int			hidden;
	real	   *weight_ih;		/* [gates * hidden, in] */
	real	   *weight_hh;		/* [gates * hidden, hidden] */
	real	   *bias_ih;		/* [gates * hidden] */
	real	   *bias_hh;		/* [gates * hidden] */
} HnCell;

/* A GRU's weights, packed: r and z add both of their products, n keeps them apart because r stands between. */
typedef struct HnPackedGru
{
	HnPacked	input;			/* W_ih [3D, in], bias b_ir + b_hr, b_iz + b_hz, b_in */
	HnPacked	gates;			/* the r and z rows of W_hh [2D, D] */
	HnPacked	recurrent;		/* its n rows [D, D], bias b_hn */
} HnPackedGru;

/* An LSTM's weights, packed. */
typedef struct HnPackedLstm
{
	HnPacked	input;			/* W_ih [4H, in], bias b_ih + b_hh */
	HnPacked	recurrent;		/* W_hh [4H, H] */
} HnPackedLstm;

/* Pack a layer or a cell into the context's arena. */
extern HnStatus hn_pack_linear(HnContext *context, const HnLinear *layer, HnPacked *packed);
extern HnStatus hn_pack_gru(HnContext *context, const HnCell *cell, HnPackedGru *packed);
extern HnStatus hn_pack_lstm(HnContext *context, const HnCell *cell, HnPackedLstm *packed);

/* Room for a packed matrix [out, in], zero beyond out, with a bias of zeros if asked. */
extern HnStatus hn_packed_allocate(HnContext *context, int out, int in, bool biased, HnPacked *packed);

/* out [rows, layer->out] = x [rows, layer->in] Wᵀ + b; ld* are distances between rows. */
extern void hn_linear_forward(const HnLinear *layer, int rows, const real *x, int ldx,
							  real *out, int ldout);

/* Σ w_k x_k over n: a layer with a single output, without its bias. */
extern real hn_dot(const real *w, const real *x, int n);

/*
 * One step of a GRU for `rows` independent states of D numbers:
 *
 *   r = σ(W_ir x + b_ir + W_hr h + b_hr),  z likewise
 *   n = tanh(W_in x + b_in + r ∘ (W_hn h + b_hn))
 *   output = (1 − z) ∘ n + z ∘ h
 *
 * input [rows, in], dense; state [rows, D] with row distance ldstate.
 * gates receives r, z, n [rows, 3D]; recurrent W_hn h + b_hn [rows, D]; both
 * are what the way back needs. output [rows, D], dense.
 */
extern void hn_gru_forward(const HnPackedGru *cell, int rows, const real *input,
						   const real *state, int ldstate,
						   real *gates, real *recurrent, real *output);

/*
 * An LSTM over several sequences at once, each from a zero state of H
 * numbers. Sequence g is rows offset[g] .. offset[g + 1] − 1.
 *
 *   c = σ(f) ∘ c + σ(i) ∘ tanh(g),  output = σ(o) ∘ tanh(c)
 *
 * input [N, in]; gates receives i, f, g, o after their activations
 * [N, 4H]; memory receives c [N, H]; output [N, H]. HN_INTERRUPTED between
 * sequences.
 */
extern HnStatus hn_lstm_forward(HnContext *context, const HnPackedLstm *cell,
								int sequence_count, const int *offset, const real *input,
								real *gates, real *memory, real *output);

/* Replace x [n] by its softmax. Nothing happens for n = 0. */
extern void hn_softmax(real *x, int n);

/* False if any of x [n] is an infinity or NaN. */
extern bool hn_all_finite(const real *x, size_t n);

#endif
