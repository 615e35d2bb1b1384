/*
 * rdkit_graph.cpp: SMILES to graphs, by RDKit.
 */
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <GraphMol/Atom.h>
#include <GraphMol/Bond.h>
#include <GraphMol/PeriodicTable.h>
#include <GraphMol/RingInfo.h>
#include <GraphMol/SmilesParse/SmilesWrite.h>
#include <GraphMol/new_canon.h>
#include <RDGeneral/types.h>
#include <RDGeneral/versions.h>

#include "rdkit_common.h"

extern "C"
{
#include "features.h"
#include "hamnet/chem.h"
}

using namespace hamnet;

namespace
{

constexpr int LAST_ELEMENT = 118;

HnHybridisation
hybridisation_of(const RDKit::Atom &atom)
{
	switch (atom.getHybridization())
	{
		case RDKit::Atom::SP:
			return HN_SP;
		case RDKit::Atom::SP2:
			return HN_SP2;
		case RDKit::Atom::SP3:
			return HN_SP3;
		case RDKit::Atom::SP3D:
			return HN_SP3D;
		case RDKit::Atom::SP3D2:
			return HN_SP3D2;
		default:
			return HN_HYBRIDISATION_OTHER;
	}
}

/*
 * Of the rings through an atom only the size of the smallest is stated, because
 * it does not depend on which smallest set of smallest rings was found, and so
 * not on how the molecule was written, as cages' sets do. Such a set is a basis
 * of all cycles in which every cycle is a sum of cycles that are not longer. One
 * of those that a shortest cycle through a bond is the sum of has that bond, and
 * cannot be shorter; so the smallest ring of each bond, and of each atom, is in
 * every set.
 */
HnAtomFacts
facts_of(const RDKit::Atom &atom, const RDKit::RingInfo &rings)
{
	HnAtomFacts facts;
	std::string code;

	facts.element = atom.getAtomicNum();
	facts.degree = static_cast<int>(atom.getDegree());
	facts.charge = atom.getFormalCharge();
	facts.radicals = static_cast<int>(atom.getNumRadicalElectrons());
	facts.hybridisation = hybridisation_of(atom);
	facts.aromatic = atom.getIsAromatic();
	facts.cip = 0;
	if (atom.getPropIfPresent(RDKit::common_properties::_CIPCode, code) && code.size() == 1)
		facts.cip = code[0];
	facts.chirality_possible = atom.hasProp(RDKit::common_properties::_ChiralityPossible);
	facts.hydrogens = static_cast<int>(atom.getTotalNumHs(true));
	facts.ring_size = static_cast<int>(rings.minAtomRingSize(atom.getIdx()));
	return facts;
}

HnBondType
type_of(const RDKit::Bond &bond)
{
	switch (bond.getBondType())
	{
		case RDKit::Bond::SINGLE:
			return HN_BOND_SINGLE;
		case RDKit::Bond::DOUBLE:
			return HN_BOND_DOUBLE;
		case RDKit::Bond::TRIPLE:
			return HN_BOND_TRIPLE;
		case RDKit::Bond::AROMATIC:
			return HN_BOND_AROMATIC;
		default:
			return HN_BOND_OTHER;
	}
}

HnBondStereo
stereo_of(const RDKit::Bond &bond)
{
	switch (bond.getStereo())
	{
		case RDKit::Bond::STEREONONE:
			return HN_STEREO_NONE;
		case RDKit::Bond::STEREOANY:
			return HN_STEREO_ANY;
		case RDKit::Bond::STEREOZ:
			return HN_STEREO_Z;
		default:
			return HN_STEREO_E;
	}
}

HnBondFacts
facts_of(const RDKit::Bond &bond, const RDKit::RingInfo &rings)
{
	HnBondFacts facts;

	facts.type = type_of(bond);
	facts.conjugated = bond.getIsConjugated();
	facts.in_ring = rings.numBondRings(bond.getIdx()) != 0;
	facts.stereo = stereo_of(bond);
	return facts;
}

/* A bond of the molecule between places of the canonical order, u < v. */
struct PlacedBond
{
	int			u;
	int			v;
	const RDKit::Bond *bond;

	bool
	operator<(const PlacedBond &other) const
	{
		return u != other.u ? u < other.u : v < other.v;
	}
};

/* Bonds sorted by their atoms; rank [n] is the canonical place of each atom. */
std::vector<PlacedBond>
place_bonds(const RDKit::ROMol &mol, const std::vector<unsigned int> &rank)
{
	std::vector<PlacedBond> placed;

	placed.reserve(mol.getNumBonds());
	for (const auto bond : mol.bonds())
	{
		int			a = static_cast<int>(rank[bond->getBeginAtomIdx()]);
		int			b = static_cast<int>(rank[bond->getEndAtomIdx()]);

		placed.push_back({std::min(a, b), std::max(a, b), bond});
	}
	std::sort(placed.begin(), placed.end());
	return placed;
}

void
describe_atoms(HnContext *context, const RDKit::ROMol &mol, const std::vector<unsigned int> &rank,
			   HnGraph *graph)
{
	const RDKit::PeriodicTable *table = RDKit::PeriodicTable::getTable();
	size_t		columns = static_cast<size_t>(graph->features->atom_columns);
	size_t		n = mol.getNumAtoms();

	graph->atom_count = static_cast<int>(n);
	graph->source_atom = allocate<int>(context, n);
	graph->element = allocate<unsigned char>(context, n);
	graph->atom_features = allocate_zero<real>(context, n * columns);
	graph->mass = allocate<real>(context, n);
	for (const auto atom : mol.atoms())
	{
		size_t		place = rank[atom->getIdx()];
		HnAtomFacts facts = facts_of(*atom, *mol.getRingInfo());
		double		weight = table->getAtomicWeight(static_cast<unsigned>(facts.element));

		graph->source_atom[place] = static_cast<int>(atom->getIdx());
		graph->element[place] = static_cast<unsigned char>(facts.element);
		graph->mass[place] = static_cast<real>(weight > 0 ? std::max(weight / 50, graph->features->least_mass) : 1);
		hn_encode_atom(graph->features, &facts, graph->atom_features + place * columns);
	}
}

void
describe_bonds(HnContext *context, const RDKit::ROMol &mol, const std::vector<unsigned int> &rank,
			   HnGraph *graph)
{
	std::vector<PlacedBond> placed = place_bonds(mol, rank);
	size_t		columns = static_cast<size_t>(graph->features->bond_columns);
	size_t		m = placed.size();

	graph->bond_count = static_cast<int>(m);
	graph->bonds = allocate<int[2]>(context, m);
	graph->bond_features = allocate_zero<real>(context, m * columns);
	for (size_t k = 0; k < m; k++)
	{
		HnBondFacts facts = facts_of(*placed[k].bond, *mol.getRingInfo());

		graph->bonds[k][0] = placed[k].u;
		graph->bonds[k][1] = placed[k].v;
		hn_encode_bond(graph->features, &facts, graph->bond_features + k * columns);
	}
}

/* RDKit's element symbols, kept because RDKit hands out copies. */
const std::array<std::string, LAST_ELEMENT + 1> &
element_symbols()
{
	static const auto symbols = [] {
		std::array<std::string, LAST_ELEMENT + 1> all;

		for (unsigned z = 0; z <= LAST_ELEMENT; z++)
			all[z] = RDKit::PeriodicTable::getTable()->getElementSymbol(z);
		return all;
	}();

	return symbols;
}

}								/* namespace */

void
hamnet::describe_graph(HnContext *context, const RDKit::ROMol &mol, const HnFeatureSet *features,
					   HnGraph *graph)
{
	std::vector<unsigned int> rank;

	RDKit::Canon::rankMolAtoms(mol, rank);
	graph->features = features;
	describe_atoms(context, mol, rank, graph);
	describe_bonds(context, mol, rank, graph);
	graph->counts = {};
	if (features->counts)
		count_substructures(context, mol, &graph->counts);
}

HnStatus
hn_graph_from_smiles(HnContext *context, const char *smiles, const HnFeatureSet *features,
					 int max_atoms, HnGraph *graph)
{
	Input		input(smiles);

	return guarded(context, input, [&] (const LogCapture &log) -> HnStatus
	{
		std::unique_ptr<RDKit::RWMol> mol;

		HN_TRY(read_smiles(context, input, max_atoms, log, mol));
		describe_graph(context, *mol, features, graph);
		return HN_OK;
	});
}

HnStatus
hn_canonical_smiles(HnContext *context, const char *smiles, bool atom_maps, int max_atoms,
					const char **canonical)
{
	Input		input(smiles);

	return guarded(context, input, [&] (const LogCapture &log) -> HnStatus
	{
		std::unique_ptr<RDKit::RWMol> mol;

		HN_TRY(read_smiles(context, input, max_atoms, log, mol, atom_maps ? AtomMaps::KEEP : AtomMaps::DROP));
		return write_smiles(context, *mol, true, canonical);
	});
}

const char *
hn_element_symbol(int atomic_number)
{
	try
	{
		if (atomic_number >= 0 && atomic_number <= LAST_ELEMENT)
			return element_symbols()[static_cast<size_t>(atomic_number)].c_str();
	}
	catch (...)
	{
		/* no memory for the table; the next call tries again */
	}
	return "?";
}

const char *
hn_rdkit_version(void)
{
	return RDKit::rdkitVersion;
}
