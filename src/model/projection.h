/*
 * projection.h: the end of the Fingerprint Generator, for generator.c and
 * generator_backward.c: where distances are made.
 *
 * With fingerprint_config.projection, the fingerprint f of a read-out h is
 *
 *   u = P log(1 + h) + b + Σ_k log(1 + c_k) W_k     f = sqrt(D) u / |u|
 *
 * c_k are the molecule's substructure counts, folded into C columns, and W_k
 * are rows of readout.counts. All fingerprints are of one length, so that
 * Euclidean distance and cosine rank alike, and no rare feature of a molecule
 * can take it away from all others. Without, f = h.
 */
#ifndef HAMNET_PROJECTION_H
#define HAMNET_PROJECTION_H

#include "hamnet/backward.h"

/* From trace->readout to the rest of the trace, by packed weights; NULL: by those of the model. */
extern HnStatus hn_project_forward(HnContext *context, const HnModel *model, const HnBatch *batch,
								   const HnPacked *projection, HnFingerprintTrace *trace);

/* From d_fingerprint [B, D] to d_readout [B, D] and the gradient of the projection. */
extern HnStatus hn_project_backward(HnContext *context, const HnModel *model, const HnBatch *batch,
									const HnFingerprintTrace *trace, const real *d_fingerprint, real *d_readout,
									HnModel *gradient);

#endif
