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
extern "C" char *map_atoms(const char *smiles, unsigned seed);

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

/*
 * Write the molecule as it stands in an atom-mapped reaction: about half of its
 * atoms have numbers, in a random order. To be freed; NULL if the SMILES is invalid.
 */
char *
map_atoms(const char *smiles, unsigned seed)
{
	try
	{
		std::unique_ptr<RDKit::RWMol> mol(RDKit::SmilesToMol(smiles));
		std::mt19937 random(seed);

		if (mol == nullptr)
			return nullptr;

		std::vector<int> numbers(mol->getNumAtoms());

		std::iota(numbers.begin(), numbers.end(), 1);
		std::shuffle(numbers.begin(), numbers.end(), random);
		for (const auto atom : mol->atoms())
			if (random() % 2 != 0)
				atom->setAtomMapNum(numbers[atom->getIdx()]);
		return strdup(RDKit::MolToSmiles(*mol).c_str());
	}
	catch (...)
	{
		return nullptr;
	}
}
