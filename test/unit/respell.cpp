/*
 * respell.cpp: the same molecule in another SMILES, for the tests of chemistry.
 */
#include <algorithm>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <GraphMol/MolOps.h>
#include <GraphMol/RWMol.h>
#include <GraphMol/SmilesParse/SmilesParse.h>
#include <GraphMol/SmilesParse/SmilesWrite.h>

extern "C" char *respell(const char *smiles, unsigned seed);

/*
 * Write the molecule in the order of its atoms after a shuffle. To be freed;
 * NULL if the SMILES is invalid.
 */
char *
respell(const char *smiles, unsigned seed)
{
	try
	{
		std::unique_ptr<RDKit::RWMol> mol(RDKit::SmilesToMol(smiles));

		if (mol == nullptr)
			return nullptr;

		std::vector<unsigned> order(mol->getNumAtoms());

		std::iota(order.begin(), order.end(), 0);
		std::shuffle(order.begin(), order.end(), std::mt19937(seed));

		std::unique_ptr<RDKit::ROMol> shuffled(RDKit::MolOps::renumberAtoms(*mol, order));
		RDKit::SmilesWriteParams params;

		params.canonical = false;
		return strdup(RDKit::MolToSmiles(*shuffled, params).c_str());
	}
	catch (...)
	{
		return nullptr;
	}
}
