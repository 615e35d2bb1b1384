/*
 * inputs.h: what the networks of a head read: fingerprint, descriptors and
 * counts side by side.
 */
#ifndef HAMNET_INPUTS_H
#define HAMNET_INPUTS_H

#include "hamnet/predict.h"
#include "section.h"

/*
 * Rows [count, width] of what a head's networks read. inputs->fingerprints are
 * those of one generator [count, D]; where they read nothing else the rows are these
 * themselves, else they come from the arena.
 */
extern HnStatus hn_inputs_join(HnContext *context, const HnHead *head, const HnInputs *inputs, const real **rows);

/* Add to d_fingerprints [count, D] what follows from the derivative by such rows, d_rows [count, width]. */
extern void hn_inputs_backward(const HnHead *head, const HnInputs *inputs, int dim, const real *d_rows,
							   real *d_fingerprints);

/* Read the inputs from the object of a head, NULL if it has none; and write them, NULL without memory. */
extern HnStatus hn_inputs_read(HnContext *context, const HnSection *section, HnHeadInputs **inputs);
extern json_t *hn_inputs_write(const HnHeadInputs *inputs);

/* Set the widths. */
extern void hn_inputs_shape(const HnModel *model, HnHeadInputs *inputs);

/* Copy the values of the inputs' tables; both may be NULL. */
extern void hn_inputs_copy_scales(const HnHeadInputs *from, HnHeadInputs *to);

#endif
