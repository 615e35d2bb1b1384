/*
 * losses.h: losses of a head's scores, for trainer.c.
 */
#ifndef HAMNET_LOSSES_H
#define HAMNET_LOSSES_H

#include "hamnet/training.h"

/*
 * Add the loss of scores [rows, targets] of a head to sum, against the labels
 * of row i at labels[i], NaN where there is none. If d_scores is not NULL, it
 * receives the derivative, of the same shape. weights [targets]; NULL: 1 each.
 */
extern void hn_head_loss(const HnHead *head, const real *scores, const double *const *labels, int rows,
						 double huber, const double *weights, real *d_scores, HnLossSum *sum);

/*
 * Add the contrast of groups among `rows` fingerprints [rows, D] of the length
 * sqrt(D), to sum and, unless it is NULL, to d_fingerprints. groups[i] is g for
 * an active of group g, −g for an inactive, NaN for a molecule of no group.
 * With s_ij = f_i · f_j / (D · 0.1), G the other members of i's group and A its
 * actives, every active i with another one in A adds
 *
 *   weight · mean over j in A of −s_ij + ½ log Σ_{k in G} exp s_ik + ½ log Σ_{k ≠ i} exp s_ik
 *
 * which draws it to the actives, and away from its inactives and from all else.
 */
extern HnStatus hn_contrast_loss(HnContext *context, const real *fingerprints, int dim, const double *groups, int rows,
								 double weight, real *d_fingerprints, HnLossSum *sum);

/* Add weight · |f − kept|² / D of each row to sum and, unless it is NULL, to d_fingerprints. */
extern void hn_keep_loss(const real *fingerprints, int dim, const real *const *kept, int rows, double weight,
						 real *d_fingerprints, HnLossSum *sum);

#endif
