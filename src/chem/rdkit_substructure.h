/*
 * rdkit_substructure.h: patterns in SMARTS, for those who search molecules that they have.
 */
#ifndef HAMNET_RDKIT_SUBSTRUCTURE_H
#define HAMNET_RDKIT_SUBSTRUCTURE_H

#include <memory>
#include <vector>

#include <GraphMol/Substruct/SubstructMatch.h>

#include "rdkit_common.h"

namespace hamnet
{

/* Parse a SMARTS within its limit. Errors as hn_pattern_parse. */
HnStatus parse_pattern(HnContext *context, const char *smarts, const LogCapture &log, std::unique_ptr<RDKit::RWMol> &pattern);

/* The matches of a pattern that parse_pattern made, limit of them at most. HN_INTERRUPTED where the caller wants to stop. */
HnStatus match_pattern(HnContext *context, const RDKit::ROMol &mol, const RDKit::ROMol &pattern, unsigned limit,
					   std::vector<RDKit::MatchVectType> &matches);

}								/* namespace hamnet */

#endif
