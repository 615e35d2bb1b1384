/*
 * substructure.h: searching molecules for a pattern in SMARTS, by RDKit.
 *
 * As in chem.h: no C++ exception leaves these functions, and two threads must
 * not be in them at once.
 */
#ifndef HAMNET_SUBSTRUCTURE_H
#define HAMNET_SUBSTRUCTURE_H

#include "hamnet/context.h"

/* Bytes of a SMARTS pattern at most. */
#define HN_SMARTS_BYTES 1000

/* Matches that are counted at most: a pattern of single bonds between any atoms has more in a large molecule. */
#define HN_MAX_MATCHES 100000

/* A pattern that was parsed. Its memory is not the arena's. */
typedef struct HnPattern HnPattern;

/*
 * Parse a SMARTS; to be freed, which NULL may be too. HN_INVALID_ARGUMENT with
 * RDKit's reason, or beyond HN_SMARTS_BYTES.
 */
extern HnStatus hn_pattern_parse(HnContext *context, const char *smarts, HnPattern **pattern);
extern void hn_pattern_free(HnPattern *pattern);

/*
 * Whether the molecule has the pattern, and how many different sets of its atoms
 * match it. Stereochemistry in the pattern is ignored, as RDKit does by default.
 * A search may take exponential time: the interrupt callback is asked during it.
 *
 * Errors as those of hn_graph_from_smiles; HN_TOO_LARGE also beyond HN_MAX_MATCHES matches.
 */
extern HnStatus hn_has_substructure(HnContext *context, const char *smiles, const HnPattern *pattern, int max_atoms,
									bool *found);
extern HnStatus hn_count_substructure(HnContext *context, const char *smiles, const HnPattern *pattern, int max_atoms,
									  int *count);

#endif
