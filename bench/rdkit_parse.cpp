/*
 * rdkit_parse.cpp: RDKit's own work on a SMILES, for bench/network.c to take
 * as the part of the time that is not ours.
 */
#include <memory>
#include <string>

#include <GraphMol/RWMol.h>
#include <GraphMol/SmilesParse/SmilesParse.h>

extern "C" int rdkit_parse(const char *smiles);

/* Parse and sanitise as RDKit does by default; the number of atoms, or -1. */
int
rdkit_parse(const char *smiles)
{
	try
	{
		std::unique_ptr<RDKit::RWMol> mol(RDKit::SmilesToMol(std::string(smiles)));

		return mol ? static_cast<int>(mol->getNumAtoms()) : -1;
	}
	catch (...)
	{
		return -1;
	}
}
