/*
 * rdkit_validity.cpp: whether coordinates are those of a molecule.
 */
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <memory>

#include <Geometry/point.h>
#include <GraphMol/Atom.h>
#include <GraphMol/Bond.h>
#include <GraphMol/Chirality.h>
#include <GraphMol/MolOps.h>
#include <GraphMol/PeriodicTable.h>
#include <GraphMol/RWMol.h>
#include <GraphMol/SmilesParse/SmilesWrite.h>

#include "rdkit_validity.h"

extern "C"
{
#include "covalent_radius.h"
}

namespace hamnet
{

namespace
{

/* A bond is so many times the sum of covalent radii long. */
constexpr double SHORTEST_BOND = 0.75;
constexpr double LONGEST_BOND = 1.25;

/* Atoms at least so many bonds apart are no closer than this share of the sum of van der Waals radii. */
constexpr int CONTACT_BONDS = 4;
constexpr double CONTACT = 0.7;

/* The same between a hydrogen and what it may form a hydrogen bond with: those of salicylic acid are 1.75 Å long. */
constexpr double HYDROGEN_BOND = 0.5;

/* Deviation from a plane, in angstrom. */
constexpr double FLAT = 0.1;

/* Rings beyond this need not be flat even where all their bonds are aromatic. */
constexpr size_t FLAT_RING = 6;

bool
is_polar(int element)
{
	return element == 7 || element == 8 || element == 9 || element == 16 || element == 17 || element == 35 ||
		element == 53;
}

/* Whether one is a hydrogen of nitrogen, oxygen or sulfur, and the other can accept it. */
bool
may_bind(const RDKit::Atom *hydrogen, const RDKit::Atom *acceptor)
{
	if (hydrogen->getAtomicNum() != 1 || hydrogen->getDegree() != 1 || !is_polar(acceptor->getAtomicNum()))
		return false;
	return is_polar((*hydrogen->getOwningMol().atomNeighbors(hydrogen).begin())->getAtomicNum());
}

bool
is_tetrahedral(const RDKit::Atom *atom)
{
	return atom->getChiralTag() == RDKit::Atom::CHI_TETRAHEDRAL_CW || atom->getChiralTag() == RDKit::Atom::CHI_TETRAHEDRAL_CCW;
}

/*
 * The SMILES of a molecule with stereocentres where asked has some, and none
 * elsewhere: in space every centre has a handedness, also those of which nothing
 * was said. That of double bonds is left out.
 */
std::string
centre_smiles(RDKit::RWMol mol, const RDKit::ROMol &asked)
{
	for (auto atom : mol.atoms())
		if (!is_tetrahedral(asked.getAtomWithIdx(atom->getIdx())))
			atom->setChiralTag(RDKit::Atom::CHI_UNSPECIFIED);
	for (auto bond : mol.bonds())
	{
		bond->setBondDir(RDKit::Bond::NONE);
		bond->setStereo(RDKit::Bond::STEREONONE);
	}
	RDKit::MolOps::assignStereochemistry(mol, true /* clean up */, true /* force */);
	return RDKit::MolToSmiles(mol);
}

/* The part of a vector at right angles to an axis. */
RDGeom::Point3D
across(const RDGeom::Point3D &vector, const RDGeom::Point3D &axis)
{
	return vector - axis * (vector.dotProduct(axis) / axis.lengthSq());
}

/* Greatest deviation of points from their best plane. */
double
deviation(const RDKit::Conformer &conformer, const std::vector<unsigned> &atoms)
{
	RDGeom::Point3D centre;
	RDGeom::Point3D normal;
	double		most = 0;

	for (unsigned atom : atoms)
		centre += conformer.getAtomPos(atom);
	centre /= static_cast<double>(atoms.size());
	/* Newell's normal of a polygon, which for small deviations is that of the best plane. */
	for (size_t i = 0; i < atoms.size(); i++)
	{
		RDGeom::Point3D a = conformer.getAtomPos(atoms[i]) - centre;
		RDGeom::Point3D b = conformer.getAtomPos(atoms[(i + 1) % atoms.size()]) - centre;

		normal += a.crossProduct(b);
	}
	if (normal.lengthSq() == 0)
		return 0;
	normal.normalize();
	for (unsigned atom : atoms)
		most = std::max(most, std::fabs((conformer.getAtomPos(atom) - centre).dotProduct(normal)));
	return most;
}

}								/* namespace */

void
Validity::list_sides()
{
	for (const auto bond : heavy.bonds())
	{
		const auto &ends = bond->getStereoAtoms();
		auto		stereo = bond->getStereo();

		if (ends.size() == 2 && stereo > RDKit::Bond::STEREOANY)
			sides.push_back({static_cast<unsigned>(ends[0]), bond->getBeginAtomIdx(), bond->getEndAtomIdx(),
				static_cast<unsigned>(ends[1]), stereo == RDKit::Bond::STEREOZ || stereo == RDKit::Bond::STEREOCIS});
	}
}

void
Validity::list_bonds(const RDKit::ROMol &full)
{
	for (const auto bond : full.bonds())
	{
		double		a = hn_covalent_radius(bond->getBeginAtom()->getAtomicNum());
		double		b = hn_covalent_radius(bond->getEndAtom()->getAtomicNum());

		if (a > 0 && b > 0 && bond->getBondType() <= RDKit::Bond::AROMATIC)
			bonds.push_back({bond->getBeginAtomIdx(), bond->getEndAtomIdx(), SHORTEST_BOND * (a + b), LONGEST_BOND * (a + b)});
	}
}

void
Validity::list_contacts(const RDKit::ROMol &full)
{
	const RDKit::PeriodicTable *table = RDKit::PeriodicTable::getTable();
	const double *apart = RDKit::MolOps::getDistanceMat(full);
	unsigned	n = full.getNumAtoms();

	for (unsigned i = 0; i < n; i++)
		for (unsigned j = i + 1; j < n; j++)
		{
			const RDKit::Atom *a = full.getAtomWithIdx(i);
			const RDKit::Atom *b = full.getAtomWithIdx(j);
			bool		binding = may_bind(a, b) || may_bind(b, a);

			/* Beyond n bonds lie the atoms of other fragments, which are set apart. */
			if (apart[i * n + j] < CONTACT_BONDS || apart[i * n + j] > n)
				continue;
			contacts.push_back({i, j, (binding ? HYDROGEN_BOND : CONTACT) *
				(table->getRvdw(static_cast<unsigned>(a->getAtomicNum())) + table->getRvdw(static_cast<unsigned>(b->getAtomicNum()))),
				std::numeric_limits<double>::infinity()});
		}
}

/* Aromatic rings, and in other rings carbon with a double bond with its neighbours. */
void
Validity::list_planes(const RDKit::ROMol &full)
{
	const RDKit::RingInfo *rings = full.getRingInfo();

	for (size_t r = 0; r < rings->numRings(); r++)
	{
		const auto &ring = rings->bondRings()[r];
		bool		aromatic = std::all_of(ring.begin(), ring.end(), [&] (int bond) {
			return full.getBondWithIdx(static_cast<unsigned>(bond))->getIsAromatic();
		});

		if (aromatic && ring.size() <= FLAT_RING)
			planes.emplace_back(rings->atomRings()[r].begin(), rings->atomRings()[r].end());
	}
	for (const auto atom : full.atoms())
	{
		std::vector<unsigned> around;

		if (atom->getAtomicNum() != 6 || atom->getDegree() != 3 || atom->getIsAromatic() ||
			atom->getHybridization() != RDKit::Atom::SP2 || rings->numAtomRings(atom->getIdx()) == 0)
			continue;
		for (const auto neighbour : full.atomNeighbors(atom))
			around.push_back(neighbour->getIdx());
		around.push_back(atom->getIdx());
		planes.push_back(around);
	}
}

Validity::Validity(const RDKit::ROMol &heavy, const RDKit::ROMol &full)
: heavy(heavy), centres(centre_smiles(RDKit::RWMol(heavy), heavy))
{
	list_sides();
	list_bonds(full);
	list_contacts(full);
	list_planes(full);
}

const char *
Validity::fault(const RDKit::Conformer &conformer) const
{
	auto		outside = [&] (const Range &range) {
		double		distance = (conformer.getAtomPos(range.first) - conformer.getAtomPos(range.second)).length();

		return !(distance >= range.least && distance <= range.most);
	};

	if (std::any_of(bonds.begin(), bonds.end(), outside))
		return "a bond has no possible length";
	if (std::any_of(contacts.begin(), contacts.end(), outside))
		return "atoms that are not bonded touch";
	if (std::any_of(planes.begin(), planes.end(), [&] (const auto &atoms) { return !(deviation(conformer, atoms) <= FLAT); }))
		return "a flat ring is bent";

	if (std::any_of(sides.begin(), sides.end(), [&] (const Side &side) {
		RDGeom::Point3D axis = conformer.getAtomPos(side.c) - conformer.getAtomPos(side.b);
		RDGeom::Point3D one = across(conformer.getAtomPos(side.a) - conformer.getAtomPos(side.b), axis);
		RDGeom::Point3D other = across(conformer.getAtomPos(side.d) - conformer.getAtomPos(side.c), axis);

		return (one.dotProduct(other) > 0) != side.same;
	}))
		return "a double bond has another stereochemistry";

	RDKit::RWMol placed(heavy);
	auto		copy = std::make_unique<RDKit::Conformer>(placed.getNumAtoms());

	for (unsigned i = 0; i < placed.getNumAtoms(); i++)
		copy->setAtomPos(i, conformer.getAtomPos(i));
	copy->set3D(true);
	placed.clearConformers();
	placed.addConformer(copy.release(), true);
	RDKit::MolOps::assignStereochemistryFrom3D(placed);
	return centre_smiles(placed, heavy) == centres ? nullptr : "a stereocentre is another";
}

}								/* namespace hamnet */
