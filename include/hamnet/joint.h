/*
 * joint.h: heads of an ensemble of networks with a kernel, a forest or both.
 *
 * The value y is Σ w_i y_i over these parts, of values or of probabilities; that
 * of networks is the mean of the members. The deviation is that of the mixture
 * of the parts times a factor for each target, which calibrates it:
 *
 *   regression      σ² = σ_k² + w_n σ_n² + Σ w_i (y_i − y)²
 *   classification  the sample deviation of the probabilities of all members
 *                   with those of kernel and forest as one more each
 *
 * σ_k is the deviation of a new measurement by the process, which knows the
 * noise and adds it to every part, and σ_n the spread of the members, which does not.
 */
#ifndef HAMNET_JOINT_H
#define HAMNET_JOINT_H

#include "hamnet/predict.h"

/* The largest factor that a head may have, and a file may hold. */
#define HN_MAX_JOINT_FACTOR 1e6

/* Predictions of the parts of a head and their deviations [count, targets]; those not known are NaN. */
typedef struct HnParts
{
	double	   *kernel;			/* NULL: the head has none */
	double	   *kernel_sd;
	double	   *networks;
	double	   *networks_sd;
	double	   *forest;			/* NULL: the head has none */
} HnParts;

/* Values [count, targets] and, if sds is not NULL, deviations of a joint head from those of its parts. */
extern void hn_joint_combine(const HnHead *head, const HnParts *parts, int count, double *values, double *sds);

/*
 * Make a joint head of a network head and a kernel, a forest or both for the
 * same targets (hn_model_shape is to follow); NULL for what there is not. Equal
 * shares and factors 1 until they are chosen.
 */
extern HnStatus hn_joint_make(HnContext *context, HnKernelHead *kernel, const HnHead *networks, HnForest *forest,
							  HnHead *joint);

/*
 * Leave out the parts without a share, but for the kernel of a regression,
 * which knows the deviation.
 */
extern void hn_joint_drop(HnHead *joint);

/*
 * Set the factors so that value ± 1.645 deviations covers nine tenths of the
 * labels [count, targets], NaN where there is none, as far as
 * HN_MAX_JOINT_FACTOR goes. 1 for a target without labels, and for classes,
 * whose deviation says nothing about labels.
 */
extern HnStatus hn_joint_calibrate(HnContext *context, HnHead *head, const HnParts *parts, const double *labels,
								   int count);

#endif
