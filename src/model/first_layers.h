/*
 * first_layers.h: the first layers of networks, in the order in which a
 * prediction passes over them.
 */
#ifndef HAMNET_FIRST_LAYERS_H
#define HAMNET_FIRST_LAYERS_H

#include "hamnet/model.h"

/*
 * The first layers of all members that read the fingerprint of one generator,
 * one below another. Most counts of a molecule are 0: their weights stand
 * column by column, so that those of the others alone are read.
 */
typedef struct HnFirstLayers
{
	int			members;
	int			out;			/* of all members */
	HnPacked	dense;			/* from fingerprint and descriptors [out, in - counts] */
	real	   *counts;			/* [counts, out] */
} HnFirstLayers;

/* Pack the first layers of networks for each of so many generators. */
extern HnStatus hn_first_layers_pack(HnContext *context, const HnNetworks *networks, int generators, HnFirstLayers **layers);

/* out [count, layers->out] = rows [count, width] · Wᵀ + bias; the last `counts` columns of what networks read are counts. */
extern void hn_first_layers_forward(const HnFirstLayers *layers, int counts, int count, const real *rows, real *out);

#endif
