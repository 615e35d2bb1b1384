/*
 * inputs.h: what the networks of a head read: fingerprint, descriptors and
 * counts side by side.
 */
#ifndef HAMNET_INPUTS_H
#define HAMNET_INPUTS_H

#include "hamnet/predict.h"

/*
 * Rows [count, width] of what a head's networks read. inputs->fingerprints are
 * those of one generator [count, D]; without head->inputs the rows are these
 * themselves, else they come from the arena.
 */
extern HnStatus hn_inputs_join(HnContext *context, const HnHead *head, const HnInputs *inputs, const real **rows);

/* Add to d_fingerprints [count, D] what follows from the derivative by such rows, d_rows [count, width]. */
extern void hn_inputs_backward(const HnHead *head, const HnInputs *inputs, int dim, const real *d_rows,
							   real *d_fingerprints);

/* A copy of the configuration, to be given tables of its own; NULL for NULL. */
extern HnStatus hn_inputs_copy(HnContext *context, const HnHeadInputs *inputs, HnHeadInputs **copy);

/* The values of these tables; both may be NULL. */
extern void hn_inputs_copy_scales(const HnHeadInputs *from, HnHeadInputs *to);

/* Check the tables of a head that was read from a file. */
extern HnStatus hn_inputs_check(HnContext *context, const HnHead *head);

#endif
