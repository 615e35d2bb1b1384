/*
 * packed_head.h: heads in the order in which a prediction passes over them.
 */
#ifndef HAMNET_PACKED_HEAD_H
#define HAMNET_PACKED_HEAD_H

#include "hamnet/linear.h"

#include "kernel.h"

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

struct HnPackedHead
{
	HnPackedKernel *kernel;		/* NULL without a kernel */
	HnByteRows *known;			/* of the table of known molecules; NULL without */
	HnFirstLayers *networks;	/* [G]; NULL without networks */
};

/* Pack the first layers of a head's networks for each of so many generators. */
extern HnStatus hn_first_layers_pack(HnContext *context, const HnHead *head, int generators, HnFirstLayers **layers);

/* out [count, layers->out] from rows [count, width] of what the networks read; counts is the number of columns of counts. */
extern void hn_first_layers_forward(const HnFirstLayers *layers, int counts, int count, const real *rows, real *out);

#endif
