/*
 * chem/conformers.h: options of conformers, as SQL gives them.
 */
#ifndef HAMNET_CHEM_CONFORMERS_H
#define HAMNET_CHEM_CONFORMERS_H

#include "utils/jsonb.h"

#include "hamnet/conformer.h"

/* Read the options of hamnet_conformers, and how many conformers are wanted; errors name what is wrong. */
extern HnConformerOptions ReadConformerOptions(const Jsonb *json, int count);

#endif
