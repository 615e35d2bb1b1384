/*
 * real.h: the number type of the network.
 *
 * Everything is computed in single precision. Building the core with
 * HAMNET_DOUBLE computes in double precision instead, which is what makes a
 * comparison of gradients with finite differences meaningful.
 */
#ifndef HAMNET_REAL_H
#define HAMNET_REAL_H

#ifdef HAMNET_DOUBLE
typedef double real;
#else
typedef float real;
#endif

#endif
