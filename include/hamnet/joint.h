/*
 * joint.h: heads of two parts: a kernel and an ensemble of networks.
 *
 * The value is share · kernel + (1 − share) · networks, of values or of
 * probabilities; networks is the mean of the members. The deviation is that of
 * the mixture of the parts times a factor for each target, which calibrates it:
 *
 *   regression      σ² = share σ_k² + (1 − share) (σ_k² + σ_n²) + share (1 − share) (y_k − y_n)²
 *   classification  the sample deviation of the probabilities of all members
 *                   with that of the kernel as one more
 *
 * σ_k is the deviation of a new measurement by the process, which knows the
 * noise, and σ_n the spread of the members, which does not.
 */
#ifndef HAMNET_JOINT_H
#define HAMNET_JOINT_H

#include "hamnet/predict.h"

/* Predictions of both parts of a head and their deviations [count, targets]; those not known are NaN. */
typedef struct HnParts
{
	double	   *kernel;
	double	   *kernel_sd;
	double	   *networks;
	double	   *networks_sd;
} HnParts;

/* Values [count, targets] and, if sds is not NULL, deviations of a joint head from those of its parts. */
extern void hn_joint_combine(const HnHead *head, const HnParts *parts, int count, double *values, double *sds);

/*
 * Make a joint head of a kernel head and a network head for the same targets
 * (hn_model_shape is to follow). Share 1/2 and factors 1 until they are chosen.
 */
extern HnStatus hn_joint_make(HnContext *context, const HnHead *kernel, const HnHead *networks, HnHead *joint);

/*
 * Set the factors so that value ± 1.645 deviations covers nine tenths of the
 * labels [count, targets], NaN where there is none. 1 for a target without
 * labels, and for classes, whose deviation says nothing about labels.
 */
extern HnStatus hn_joint_calibrate(HnContext *context, HnHead *head, const HnParts *parts, const double *labels,
								   int count);

#endif
