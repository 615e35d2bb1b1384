/*
 * joint.h: heads of an ensemble of networks with other parts, weighed.
 *
 * The value y is Σ w_i y_i over the parts that predict, of values or of
 * probabilities; that of networks is the mean of the members. The deviation is
 * that of the mixture of the parts times a factor for each target, which
 * calibrates it:
 *
 *   regression      σ² = σ_g² + w_n σ_n² + Σ w_i (y_i − y)²
 *   classification  the sample deviation of the probabilities of all members
 *                   with those of every other part as one more each
 *
 * σ_g is the deviation of a new measurement by the Gaussian process, which knows
 * the noise and adds it to every part, and σ_n the spread of the members, which
 * does not.
 */
#ifndef HAMNET_JOINT_H
#define HAMNET_JOINT_H

#include "hamnet/predict.h"

/* The largest factor that a head may have, and a file may hold. */
#define HN_MAX_JOINT_FACTOR 1e6

typedef struct HnJoint
{
	double		shares[HN_PARTS];	/* w; 0 for what does not predict or is not there */
	double	   *factors;		/* [targets] on the standard deviation */
} HnJoint;

static inline HnJoint *
hn_joint(const HnHead *head)
{
	return (HnJoint *) head->parts[HN_JOINT];
}

/* Return the key of a part's share in a model file; NULL for networks, which get the rest, and for what does not predict. */
extern const char *hn_share_name(HnPartKind kind);

/* Give networks what the other shares leave of 1. */
extern void hn_joint_set_rest(HnJoint *joint);

/*
 * Combine what the parts of a joint head predict, by HnPartKind, into values
 * [count, targets] and, if sds is not NULL, deviations. Of parts that the head
 * does not have nothing is read; deviations are those of networks and Gaussian
 * process.
 */
extern void hn_joint_combine(const HnHead *head, const HnPrediction *parts, int count, double *values, double *sds);

/*
 * Make a joint head of heads with one part each for the same targets, the first
 * of them networks (hn_model_shape is to follow). Equal shares and factors 1
 * until they are chosen.
 */
extern HnStatus hn_joint_make(HnContext *context, const HnHead *const *heads, int count, HnHead *joint);

/*
 * Leave out the parts without a share, but for the Gaussian process of a
 * regression, which knows the deviation.
 */
extern void hn_joint_drop(HnHead *joint);

/*
 * Set the factors so that value ± 1.645 deviations covers nine tenths of the
 * labels [count, targets], NaN where there is none, as far as
 * HN_MAX_JOINT_FACTOR goes. 1 for a target without labels, and for classes,
 * whose deviation says nothing about labels.
 */
extern HnStatus hn_joint_calibrate(HnContext *context, HnHead *head, const HnPrediction *parts, const double *labels,
								   int count);

#endif
