/*
 * rdkit_formats.cpp: MOL blocks and formulas, by RDKit.
 */
#include <memory>
#include <string>

#include <GraphMol/Depictor/RDDepictor.h>
#include <GraphMol/Descriptors/MolDescriptors.h>
#include <GraphMol/FileParsers/FileParsers.h>

#include "rdkit_conformer.h"

extern "C"
{
#include "hamnet/formats.h"
}

using namespace hamnet;

HnStatus
hn_smiles_from_molblock(HnContext *context, const char *molblock, int max_atoms, const char **smiles)
{
	Input		input(molblock, Format::MOL_BLOCK);

	return guarded(context, input, [&] (const LogCapture &log) -> HnStatus
	{
		std::unique_ptr<RDKit::RWMol> mol;

		HN_TRY(read_molblock(context, input, max_atoms, log, mol, Hydrogens::REMOVE, Coordinates::ANY));
		HN_TRY(write_smiles(context, *mol, true, smiles));

		/* A block may hold queries, which no SMILES has, and coordinates that say more than one can. */
		HN_TRY(read_smiles(context, Input(*smiles), max_atoms, log, mol));
		return write_smiles(context, *mol, true, smiles);
	});
}

HnStatus
hn_molblock_from_smiles(HnContext *context, const char *smiles, int max_atoms, const char **molblock)
{
	Input		input(smiles);

	return guarded(context, input, [&] (const LogCapture &log) -> HnStatus
	{
		std::unique_ptr<RDKit::RWMol> mol;

		HN_TRY(read_smiles(context, input, max_atoms, log, mol));
		if (mol->getNumAtoms() > HN_LAYOUT_ATOMS)
			return hn_fail(context, HN_TOO_LARGE, "molecule has %u atoms, more than the limit of %d for a layout",
						   mol->getNumAtoms(), HN_LAYOUT_ATOMS);
		RDDepict::compute2DCoords(*mol, nullptr, true /* in a canonical orientation */);
		*molblock = copy_text(context, RDKit::MolToMolBlock(*mol));
		return HN_OK;
	});
}

HnStatus
hn_formula(HnContext *context, const char *smiles, int max_atoms, const char **formula)
{
	Input		input(smiles);

	return guarded(context, input, [&] (const LogCapture &log) -> HnStatus
	{
		std::unique_ptr<RDKit::RWMol> mol;

		HN_TRY(read_smiles(context, input, max_atoms, log, mol));
		*formula = copy_text(context, RDKit::Descriptors::calcMolFormula(*mol));
		return HN_OK;
	});
}
