/*
 * backward.h: the way back through the network: from the derivative of a loss
 * by an output to its derivatives by everything that the output depends on.
 *
 * "d_x" is the derivative of the loss by x, of x's shape. Derivatives of
 * parameters are ADDED to what the gradient holds, so that several batches
 * sum up; those of inputs are written, unless a function says that it adds.
 *
 * A gradient is a model of the same shape whose tensors lie in a block of
 * their own: see hn_model_view.
 */
#ifndef HAMNET_BACKWARD_H
#define HAMNET_BACKWARD_H

#include "hamnet/network.h"
#include "hamnet/predict.h"

/*
 * Back through y = W x + b. x [rows, in] and d_y [rows, out], row distances
 * ldx and ldy. d_x [rows, in], row distance ldd, is beta * d_x + d_y W; NULL
 * where nobody asks for it.
 */
extern void hn_linear_backward(const HnLinear *layer, int rows, const real *x, int ldx,
							   const real *d_y, int ldy, real beta, real *d_x, int ldd,
							   HnLinear *gradient);

/* sum[k] += Σ_i x[i, k] over rows of n, row distance ldx: the derivative of a bias. */
extern void hn_add_rows(int rows, int n, const real *x, int ldx, real *sum);

/*
 * Back through hn_gru_forward. gates and recurrent as it left them, and are
 * overwritten; d_output [rows, D] dense. d_input [rows, cell->in] is written,
 * d_state [rows, D], row distance ldd, is added to.
 */
extern void hn_gru_backward(const HnCell *cell, int rows, const real *input,
							const real *state, int ldstate, real *gates, real *recurrent,
							const real *d_output, real *d_input, real *d_state, int ldd,
							HnCell *gradient);

/*
 * Back through hn_lstm_forward, with gates, memory and output as it left them;
 * gates are overwritten. d_output [N, H] is overwritten, d_input [N, cell->in]
 * written. HN_INTERRUPTED between steps.
 */
extern HnStatus hn_lstm_backward(HnContext *context, const HnCell *cell,
								 int sequence_count, const int *offset, const real *input,
								 real *gates, const real *memory, const real *output,
								 real *d_output, real *d_input, HnCell *gradient);

/*
 * Random zeros for training: each number of x [rows, n] is multiplied by 0 with
 * probability rate and by 1 / (1 − rate) otherwise. Which ones depends on
 * (seed, step, molecule, site, index within the molecule) alone, not on the
 * batch that a molecule comes in, and calling again repeats them, which is how
 * the derivative goes back.
 *
 * Sites: the atoms' states h_i at the beginning of every message layer and of
 * the read-out (numbered from 0 to L), and the input of every layer of a head.
 */
typedef struct HnDropout
{
	double		rate;			/* 0 <= rate < 1; 0 leaves everything as it is */
	uint64_t	seed;
	uint64_t	step;
	const uint64_t *molecule;	/* [B] number of each graph of the batch in the training set */
} HnDropout;

/* Where a head's sites begin: layer k of head i has HN_DROPOUT_HEAD + 32 i + k. */
#define HN_DROPOUT_HEAD 1024

/*
 * Drop from x, rows of n numbers, ldx apart, of which row_offset[g] ..
 * row_offset[g + 1] − 1 belong to graph g; NULL row_offset: row g is graph g.
 */
extern void hn_dropout_apply(const HnDropout *dropout, int site, int graph_count, const int *row_offset,
							 int n, real *x, int ldx);

/*
 * hn_fingerprint_forward with dropout; NULL for none. The states in the trace
 * are what is left after it.
 */
extern HnStatus hn_fingerprint_forward_dropout(HnContext *context, const HnModel *model, const HnBatch *batch,
											   const real *coordinates, const HnDropout *dropout,
											   HnFingerprintTrace *trace);

/*
 * Back through the generator. d_fingerprint [B, D]; d_coordinates [N, 2d] is
 * written, NULL when the engine is off or frozen: nothing is computed for it
 * then. The trace's arrays are overwritten.
 */
extern HnStatus hn_fingerprint_backward(HnContext *context, const HnModel *model, const HnBatch *batch,
										HnFingerprintTrace *trace, const HnDropout *dropout,
										const real *d_fingerprint, real *d_coordinates, HnModel *gradient);

/*
 * Back through the engine, encoder included. Either derivative, by the
 * coordinates [N, 2d] or by the positions [N, 3], may be NULL. The trace's
 * arrays are overwritten, except states, coordinates and positions.
 * HN_INTERRUPTED between steps.
 */
extern HnStatus hn_engine_backward(HnContext *context, const HnModel *model, const HnBatch *batch,
								   HnEngineTrace *trace, const real *d_coordinates, const real *d_positions,
								   HnModel *gradient);

typedef struct HnHeadTrace
{
	real	  **input;			/* [layer_count] what each layer got, after dropout [rows, in] */
	real	   *output;			/* scores of the last layer, before unit or sigmoid [rows, targets] */
} HnHeadTrace;

/* Network head `index` of the model, a row for each graph of the dropout, which may be NULL. */
extern HnStatus hn_head_forward(HnContext *context, const HnModel *model, int index, const HnInputs *inputs,
								const HnDropout *dropout, HnHeadTrace *trace);

/* d_fingerprints [rows, D] is added to, NULL where nobody asks for it. */
extern HnStatus hn_head_backward(HnContext *context, const HnModel *model, int index, const HnInputs *inputs,
								 const HnDropout *dropout, const HnHeadTrace *trace,
								 const real *d_output, real *d_fingerprints, HnModel *gradient);

#endif
