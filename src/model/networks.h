/*
 * networks.h: copies of networks, for models that are made of others.
 */
#ifndef HAMNET_NETWORKS_H
#define HAMNET_NETWORKS_H

#include "hamnet/model.h"

/* Copy the configuration of networks, of which there will be so many members, without weights and tables. */
extern HnStatus hn_networks_copy(HnContext *context, const HnNetworks *networks, int members, HnNetworks **copy);

#endif
