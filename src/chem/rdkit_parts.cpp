/*
 * rdkit_parts.cpp: parts of molecules, with hydrogens where bonds were cut.
 */
#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <GraphMol/MolOps.h>
#include <GraphMol/SanitException.h>
#include <GraphMol/SmilesParse/SmilesWrite.h>
#include <GraphMol/new_canon.h>

#include "rdkit_common.h"

extern "C"
{
#include "hamnet/explain.h"
}

using namespace hamnet;

namespace
{

/* Atoms by their numbers. */
using Atoms = std::set<unsigned>;

Atoms
with_neighbours(const RDKit::ROMol &mol, unsigned atom)
{
	Atoms		atoms = {atom};

	for (const auto neighbour : mol.atomNeighbors(mol.getAtomWithIdx(atom)))
		atoms.insert(neighbour->getIdx());
	return atoms;
}

Atoms
all_but(const RDKit::ROMol &mol, const Atoms &atoms)
{
	Atoms		others;

	for (unsigned i = 0; i < mol.getNumAtoms(); i++)
		if (atoms.count(i) == 0)
			others.insert(others.end(), i);
	return others;
}

/*
 * Make good what an atom loses with some of its neighbours: charges that were
 * there for a bond go with it, as those of a nitro group do, and hydrogens take
 * the place of the rest.
 */
void
heal(const RDKit::RWMol &mol, RDKit::Atom &atom, const Atoms &removed)
{
	int			lost = 0;
	bool		positive_lost = false;

	for (const auto bond : mol.atomBonds(&atom))
	{
		const RDKit::Atom *other = bond->getOtherAtom(&atom);

		if (removed.count(other->getIdx()) == 0)
			continue;
		lost += static_cast<int>(bond->getValenceContrib(&atom));
		positive_lost |= other->getFormalCharge() > 0;
	}
	if (lost == 0)
		return;
	atom.setChiralTag(RDKit::Atom::CHI_UNSPECIFIED);
	if (atom.getFormalCharge() > 0)
	{
		int			less = std::min(atom.getFormalCharge(), lost);

		atom.setFormalCharge(atom.getFormalCharge() - less);
		lost -= less;
	}
	else if (atom.getFormalCharge() < 0 && positive_lost)
	{
		atom.setFormalCharge(atom.getFormalCharge() + 1);
		lost++;
	}
	if (atom.getNoImplicit())
		atom.setNumExplicitHs(atom.getNumExplicitHs() + static_cast<unsigned>(lost));
}

/* SMILES of what is left of a molecule without aromatic bonds; "" where RDKit rejects it. */
std::string
remove(const RDKit::RWMol &kekulised, const Atoms &removed)
{
	RDKit::RWMol mol(kekulised);

	try
	{
		for (const auto atom : mol.atoms())
			if (removed.count(atom->getIdx()) == 0)
				heal(mol, *atom, removed);
		for (auto i = removed.rbegin(); i != removed.rend(); ++i)
			mol.removeAtom(*i);
		RDKit::MolOps::sanitizeMol(mol);
		RDKit::MolOps::assignStereochemistry(mol, true, true);
		return RDKit::MolToSmiles(mol);
	}
	catch (const RDKit::MolSanitizeException &)
	{
		return "";
	}
}

const char *
keep_text(HnContext *context, const std::string &text)
{
	char	   *copy = allocate<char>(context, text.size() + 1);

	memcpy(copy, text.c_str(), text.size() + 1);
	return copy;
}

void
add_part(HnContext *context, const RDKit::RWMol &kekulised, const Atoms &removed, HnParts *parts)
{
	bool		nothing = removed.size() == kekulised.getNumAtoms();
	std::string smiles = nothing ? "" : remove(kekulised, removed);
	bool	   *mask = parts->removed + static_cast<size_t>(parts->count) * static_cast<size_t>(parts->atom_count);

	if (removed.empty() || (!nothing && smiles.empty()))
		return;
	std::fill(mask, mask + parts->atom_count, false);
	for (unsigned atom : removed)
		mask[atom] = true;
	parts->parts[parts->count++] = nothing ? nullptr : keep_text(context, smiles);
}

HnStatus
cut(HnContext *context, const RDKit::RWMol &mol, HnParts *parts)
{
	size_t		n = mol.getNumAtoms();
	RDKit::RWMol kekulised(mol);

	RDKit::MolOps::Kekulize(kekulised, true);
	parts->count = 0;
	parts->removed = allocate<bool>(context, 3 * n * n);
	parts->parts = allocate<const char *>(context, 3 * n);
	for (unsigned i = 0; i < n; i++)
	{
		Atoms		environment = with_neighbours(mol, i);

		if (interrupted(context))
			return HN_INTERRUPTED;
		add_part(context, kekulised, {i}, parts);
		add_part(context, kekulised, environment, parts);
		add_part(context, kekulised, all_but(mol, environment), parts);
	}
	return HN_OK;
}

/*
 * Elements, and classes of atoms that are equivalent but for stereochemistry: by that RDKit
 * tells apart what a rotation makes equal, as the sides of a disubstituted cyclohexane.
 */
void
describe_atoms(HnContext *context, const RDKit::ROMol &mol, HnParts *parts)
{
	std::vector<unsigned> ranks;

	parts->element = allocate<unsigned char>(context, mol.getNumAtoms());
	for (const auto atom : mol.atoms())
		parts->element[atom->getIdx()] = static_cast<unsigned char>(atom->getAtomicNum());
	RDKit::Canon::rankMolAtoms(mol, ranks, false /* leave ties */, false /* without chirality */);
	parts->symmetry = allocate<int>(context, ranks.size());
	std::copy(ranks.begin(), ranks.end(), parts->symmetry);
}

}								/* namespace */

HnStatus
hn_cut_parts(HnContext *context, const char *smiles, int max_atoms, HnParts *parts)
{
	Input		input(smiles);

	return guarded(context, input, [&] (const LogCapture &log) -> HnStatus
	{
		std::unique_ptr<RDKit::RWMol> mol;
		std::vector<unsigned> order;

		HN_TRY(read_smiles(context, input, max_atoms, log, mol));
		if (mol->getNumAtoms() > HN_EXPLAIN_ATOMS)
			return hn_fail(context, HN_TOO_LARGE, "molecule has %u atoms, more than the limit of %d for an explanation",
						   mol->getNumAtoms(), HN_EXPLAIN_ATOMS);
		HN_TRY(write_smiles(context, *mol, true, &parts->smiles));
		mol->getProp(RDKit::common_properties::_smilesAtomOutputOrder, order);
		parts->atom_count = static_cast<int>(mol->getNumAtoms());
		parts->source_atom = allocate<int>(context, order.size());
		std::copy(order.begin(), order.end(), parts->source_atom);

		/* From here on, nothing of the spelling is left. */
		HN_TRY(read_smiles(context, Input(parts->smiles), max_atoms, log, mol));
		if (static_cast<int>(mol->getNumAtoms()) != parts->atom_count)
			return hn_fail(context, HN_INTERNAL, "RDKit reads other atoms of \"%s\" than it has written", parts->smiles);
		describe_atoms(context, *mol, parts);
		return cut(context, *mol, parts);
	});
}
