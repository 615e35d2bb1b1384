/*
 * chem/standard.h: the option "standardize", which hamnet_enrich, hamnet_train
 * and hamnet_fingerprint_query have in common.
 */
#ifndef HAMNET_CHEM_STANDARD_H
#define HAMNET_CHEM_STANDARD_H

#include "hamnet/standardize.h"

/* The values of the option, ended by NULL, and what each means. */
extern const char *const standard_names[];
extern HnStandard StandardByName(const char *name);

#endif
