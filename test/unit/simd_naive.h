/*
 * simd_naive.h: the functions of HnSimd written as their definitions, which those
 * of every instruction set are compared with.
 */
#ifndef HAMNET_SIMD_NAIVE_H
#define HAMNET_SIMD_NAIVE_H

#include "hamnet/simd.h"

extern const HnSimd hn_simd_naive;

#endif
