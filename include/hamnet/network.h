/*
 * network.h: the forward pass (model specification, sections 2 to 4).
 *
 * Each stage fills a trace: every array that the specification names,
 * allocated from the context's arena. Results are read from it, tests compare
 * it, and the backward pass starts from it. Sizes are named as in model.h and
 * graph.h: N atoms, M bonds, B graphs.
 */
#ifndef HAMNET_NETWORK_H
#define HAMNET_NETWORK_H

#include "hamnet/model.h"

/* Kinetic, potential and dissipated energy of a molecule at one step. */
typedef struct HnEnergy
{
	double		kinetic;
	double		potential;
	double		dissipated;
} HnEnergy;

typedef struct HnEngineTrace
{
	real	   *gates;			/* [M] */
	real	   *hidden1;		/* H1 [N, h] */
	real	   *hidden2;		/* H2 [N, h] */
	real	   *encoded;		/* Z [N, F + 2h] */
	real	   *lstm_gates;		/* after their activations [N, 8d], in the order i, f, g, o */
	real	   *lstm_cell;		/* c [N, 2d] */
	real	   *lstm;			/* O before its mean is taken off [N, 2d] */
	real	   *states;			/* [S + 1, N, 2d], rows [p ; q] */
	real	   *coordinates;	/* the engine's output, r = [p ; q], [N, 2d] */
	real	   *positions;		/* predicted, in angstrom [N, 3] */
} HnEngineTrace;

typedef struct HnLayerTrace
{
	real	   *state;			/* [h_i ; r_i] when the layer begins [N, D + r] */
	real	   *edge;			/* e_ij when the layer begins [2M, G], in the order of batch->edges */
	real	   *message;		/* m_ij [2M, D] */
	real	   *score;			/* a_ij [2M] */
	real	   *attention;		/* α_ij [2M] */
	real	   *context;		/* c_i [N, D] */
	real	   *gru_gates;		/* r, z, n after their activations [N, 3D] */
	real	   *gru_recurrent;	/* W_hn h + b_hn, what r multiplies [N, D] */
	real	   *gru_output;		/* h' before the ReLU [N, D] */
} HnLayerTrace;

typedef struct HnRoundTrace
{
	real	   *fingerprint;	/* M when the round begins [B, D] */
	real	   *score;			/* b_i [N] */
	real	   *attention;		/* softmax of b over the molecule [N] */
	real	   *context;		/* C [B, D] */
	real	   *gru_gates;		/* [B, 3D] */
	real	   *gru_recurrent;	/* [B, D] */
	real	   *gru_output;		/* M' before the ReLU [B, D] */
} HnRoundTrace;

typedef struct HnFingerprintTrace
{
	const real *coordinates;	/* r [N, 2d], NULL when the engine is off */
	HnLayerTrace *layers;		/* [L] */
	real	   *state;			/* [h_i ; r_i] after the last layer [N, D + r] */
	real	   *mapped;			/* LeakyReLU(map h_i) [N, D] */
	real	   *attend;			/* t_i [N, D] */
	HnRoundTrace *rounds;		/* [R] */
	real	   *readout;		/* what the last round made [B, D], none negative */
	real	   *logarithm;		/* log(1 + readout) [B, D]; NULL without a projection */
	real	   *length;			/* of its projection, by which that is divided [B]; NULL without one */
	real	   *fingerprint;	/* the read-out, or its projection of the length sqrt(D) [B, D] */
	const real *attention;		/* of the last round [N] */
} HnFingerprintTrace;

/*
 * The Hamiltonian Engine: positions and momenta of every atom of the batch.
 * Molecules do not see each other. HN_NOT_FINITE when the dynamics diverge.
 */
extern HnStatus hn_engine_forward(HnContext *context, const HnModel *model, const HnBatch *batch,
								  HnEngineTrace *trace);

/* Energies of graph g before each step and at the end, [S + 1]. */
extern HnStatus hn_engine_energies(HnContext *context, const HnModel *model, const HnBatch *batch,
								   const HnEngineTrace *trace, int graph, HnEnergy *energies);

/*
 * The Fingerprint Generator. coordinates is the engine's output, or NULL for
 * a model whose engine is off. HN_NOT_FINITE if any number is.
 */
extern HnStatus hn_fingerprint_forward(HnContext *context, const HnModel *model, const HnBatch *batch,
									   const real *coordinates, HnFingerprintTrace *trace);

/* Run the engine; coordinates are its output [atoms, 2d], or NULL for a model whose engine is off. */
extern HnStatus hn_coordinates(HnContext *context, const HnModel *model, const HnBatch *batch, HnEngineTrace *engine,
							   const real **coordinates);

/* Run engine and generator: fingerprints [B, D], from the arena. */
extern HnStatus hn_fingerprints(HnContext *context, const HnModel *model, const HnBatch *batch,
								real **fingerprints);

/*
 * Run engine and every generator of a model: fingerprints [G, B, D], from the
 * arena; those of the first are what hn_fingerprints gives.
 */
extern HnStatus hn_all_fingerprints(HnContext *context, const HnModel *model, const HnBatch *batch,
									real **fingerprints);

#endif
