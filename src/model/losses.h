/*
 * losses.h: losses of a head's scores, for trainer.c.
 */
#ifndef HN_LOSSES_H
#define HN_LOSSES_H

#include "hamnet/training.h"

/*
 * Add the loss of scores [rows, targets] of a head to sum, against the labels
 * of row i at labels[i], NaN where there is none. If d_scores is not NULL, it
 * receives the derivative, of the same shape.
 */
extern void hn_head_loss(const HnHead *head, const real *scores, const double *const *labels, int rows,
						 double huber, real *d_scores, HnLossSum *sum);

#endif
