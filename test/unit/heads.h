/*
 * heads.h: heads as tests take them apart.
 */
#ifndef HAMNET_TEST_HEADS_H
#define HAMNET_TEST_HEADS_H

#include "hamnet/model.h"

/* Return a head with one of the parts of another. */
static inline HnHead
only_part(const HnHead *head, HnPartKind kind)
{
	HnHead		only = *head;

	for (int k = 0; k < HN_PARTS; k++)
		if ((HnPartKind) k != kind)
			only.parts[k] = NULL;
	only.packed = NULL;
	return only;
}

#endif
