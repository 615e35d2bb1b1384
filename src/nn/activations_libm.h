/*
 * activations_libm.h: the activations as they are defined, in double through libm.
 *
 * The reference for the tests, and what a build with HAMNET_DOUBLE computes with.
 */
#ifndef HAMNET_ACTIVATIONS_LIBM_H
#define HAMNET_ACTIVATIONS_LIBM_H

#include <math.h>

static inline double
exp_one(double x)
{
	return exp(x);
}

static inline double
sigmoid_one(double x)
{
	return 1 / (1 + exp(-x));
}

static inline double
tanh_one(double x)
{
	return tanh(x);
}

static inline double
elu_one(double x)
{
	return x >= 0 ? x : expm1(x);
}

static inline double
log1p_one(double x)
{
	return log1p(x);
}

/* log(1 + exp(x)), with the larger part taken out so that exp cannot overflow. */
static inline double
softplus_one(double x)
{
	return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

#endif
