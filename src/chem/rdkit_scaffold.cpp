/*
 * rdkit_scaffold.cpp: the ring systems that molecules are grouped by.
 */
#include <memory>
#include <string>

#include <GraphMol/ChemTransforms/ChemTransforms.h>
#include <GraphMol/SmilesParse/SmilesWrite.h>

#include "rdkit_common.h"

extern "C"
{
#include "hamnet/chem.h"
}

namespace hamnet
{

HnStatus
write_scaffold(HnContext *context, const RDKit::ROMol &mol, const char **scaffold)
{
	std::unique_ptr<RDKit::ROMol> core(RDKit::MurckoDecompose(mol));

	return write_smiles(context, *core, false, scaffold);
}

}

using namespace hamnet;

HnStatus
hn_scaffold(HnContext *context, const char *smiles, int max_atoms, const char **scaffold)
{
	Input		input(smiles);

	return guarded(context, input, [&] (const LogCapture &log) -> HnStatus
	{
		std::unique_ptr<RDKit::RWMol> mol;

		HN_TRY(read_smiles(context, input, max_atoms, log, mol));
		return write_scaffold(context, *mol, scaffold);
	});
}
