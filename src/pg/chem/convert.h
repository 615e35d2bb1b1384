/*
 * chem/convert.h: SQL functions from one text of a molecule to another.
 */
#ifndef HAMNET_CHEM_CONVERT_H
#define HAMNET_CHEM_CONVERT_H

#include "fmgr.h"

#include "hamnet/formats.h"

/* Return what convert makes of the function's first argument, or report why it cannot. */
extern Datum ConvertText(FunctionCallInfo fcinfo, HnConvert *convert);

#endif
