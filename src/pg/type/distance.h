/*
 * type/distance.h: distances between fingerprints.
 *
 * Operators, index leaves and rechecks all call these functions, so that an
 * index orders rows by exactly the numbers a sequential scan computes.
 *
 * Both arguments must have the same dimensions, and the same model where both
 * models are known; each function checks that and ereports. Every result is
 * finite, is the same with the arguments exchanged, and every distance of a
 * value to itself, except the inner product's, is exactly 0.
 */
#ifndef HAMNET_TYPE_DISTANCE_H
#define HAMNET_TYPE_DISTANCE_H

#include "type/hfp.h"

/* True if a and b may be compared; and ensure that. */
extern bool HfpIsComparable(const Hfp *a, const Hfp *b);
extern void CheckHfpComparable(const Hfp *a, const Hfp *b);

/* |a - b| */
extern double HfpL2Distance(const Hfp *a, const Hfp *b);

/* a·b */
extern double HfpInnerProduct(const Hfp *a, const Hfp *b);

/* -a·b, which sorts the most similar first; never -0 */
extern double HfpNegativeInnerProduct(const Hfp *a, const Hfp *b);

/*
 * 1 - a·b / (|a| |b|), within [0, 2]. A zero vector has no direction: its
 * distance is 0 to another zero vector and 1 to anything else.
 */
extern double HfpCosineDistance(const Hfp *a, const Hfp *b);

/*
 * 1 - a·b / (|a|² + |b|² - a·b), within [0, 4/3], and within [0, 1] where no
 * element is negative. 0 between two zero vectors.
 */
extern double HfpTanimotoDistance(const Hfp *a, const Hfp *b);

/* |a| */
extern double HfpNorm(const Hfp *a);

#endif
