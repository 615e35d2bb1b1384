/*
 * inchi.h: standard InChI and InChIKey of molecules, by the InChI Trust's library.
 *
 * As in chem.h: no C++ exception leaves these functions, and two threads must
 * not be in them at once. Texts are in the context's arena. Builds without the
 * library lack them.
 */
#ifndef HAMNET_INCHI_H
#define HAMNET_INCHI_H

#include "hamnet/formats.h"

/* Seconds that the library takes for a molecule at most: it cannot be interrupted. */
#define HN_INCHI_SECONDS 5

/*
 * The standard InChI of a molecule, or its InChIKey of 27 letters. Errors as
 * hn_graph_from_smiles; HN_INVALID_SMILES also for a molecule that InChI does
 * not describe, such as one with "*", and HN_TOO_LARGE for one that it takes too
 * long for, or that has more atoms or bonds than its library allows.
 */
extern HnStatus hn_inchi_from_smiles(HnContext *context, const char *smiles, int max_atoms, const char **inchi);
extern HnStatus hn_inchikey_from_smiles(HnContext *context, const char *smiles, int max_atoms, const char **key);

/* What the module hamnet_inchi offers. */
typedef struct HnInchiFunctions
{
	HnConvert  *inchi;
	HnConvert  *inchikey;
} HnInchiFunctions;

#endif
