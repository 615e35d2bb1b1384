/*
 * rdkit_paths.cpp: connectivity and shape indices (Hall and Kier, Reviews in
 * Computational Chemistry 2, 1991, 367).
 *
 * The index of order n is the sum, over paths of n bonds, of the product of a
 * number for each atom. As in RDKit, a path is a set of bonds that can be walked
 * without repeating an atom before the last: the last may close a ring. A ring
 * as a whole then counts each of its atoms once, a path that ends in a ring
 * counts the atom twice that its end meets. Hydrogens that are written out have
 * no part in it. Paths are visited in lexicographic order, so that sums are those of
 * RDKit to the last bit.
 */
#include "rdkit_descriptors.h"

#include <algorithm>
#include <cmath>

#include <GraphMol/Descriptors/MolDescriptors.h>
#include <GraphMol/PeriodicTable.h>

namespace hamnet
{

namespace
{

/* Bonds of the longest paths. */
constexpr unsigned LONGEST = 4;

/* What is summed along the paths of one walk. */
class PathSums
{
public:
	double		sums_n[LONGEST + 1] = {};	/* Σ over paths of so many bonds of the products of simple values */
	double		sums_v[LONGEST + 1] = {};	/* the same of valence values */
	double		counts[LONGEST + 1] = {};

	explicit PathSums(const RDKit::ROMol &mol);

private:
	std::vector<std::vector<unsigned>> neighbours;	/* of each atom, in ascending order */
	Values		simple;
	Values		valence;
	unsigned	path[LONGEST + 1];

	void		add(unsigned length, double product_n, double product_v);
	void		extend(unsigned length, double product_n, double product_v);
	void		close(unsigned length, unsigned met, unsigned atom, double product_n, double product_v);
};

/* 1 / sqrt(δ), where δ counts valence electrons that hydrogens do not take. */
double
simple_value(const RDKit::Atom &atom)
{
	double		electrons = RDKit::PeriodicTable::getTable()->getNouterElecs(static_cast<unsigned>(atom.getAtomicNum()))
		- static_cast<int>(atom.getTotalNumHs());

	return electrons != 0 ? 1 / std::sqrt(electrons) : 0;
}

PathSums::PathSums(const RDKit::ROMol &mol)
: neighbours(mol.getNumAtoms()), simple(mol.getNumAtoms()), valence(mol.getNumAtoms())
{
	RDKit::Descriptors::detail::hkDeltas(mol, valence, false);
	for (const auto atom : mol.atoms())
		simple[atom->getIdx()] = simple_value(*atom);
	for (const auto bond : mol.bonds())
		if (bond->getBeginAtom()->getAtomicNum() != 1 && bond->getEndAtom()->getAtomicNum() != 1)
		{
			neighbours[bond->getBeginAtomIdx()].push_back(bond->getEndAtomIdx());
			neighbours[bond->getEndAtomIdx()].push_back(bond->getBeginAtomIdx());
		}
	for (auto &list : neighbours)
		std::sort(list.begin(), list.end());
	for (unsigned atom = 0; atom < neighbours.size(); atom++)
	{
		path[0] = atom;
		extend(0, simple[atom], valence[atom]);
	}
}

void
PathSums::add(unsigned length, double product_n, double product_v)
{
	sums_n[length] += product_n;
	sums_v[length] += product_v;
	counts[length]++;
}

/* Walk on from a path of length bonds, whose atoms have these products. */
void
PathSums::extend(unsigned length, double product_n, double product_v)
{
	const unsigned *end = path + length;

	for (unsigned atom : neighbours[*end])
	{
		const unsigned *met = std::find(static_cast<const unsigned *>(path), end + 1, atom);

		if (met <= end)
		{
			close(length + 1, static_cast<unsigned>(met - path), atom, product_n, product_v);
			continue;
		}
		path[length + 1] = atom;
		/* Of the two directions, the one from the lower end comes first. */
		if (atom > path[0])
			add(length + 1, product_n * simple[atom], product_v * valence[atom]);
		if (length + 1 < LONGEST)
			extend(length + 1, product_n * simple[atom], product_v * valence[atom]);
	}
}

/* A path of length bonds whose last one leads back to its atom number met. */
void
PathSums::close(unsigned length, unsigned met, unsigned atom, double product_n, double product_v)
{
	unsigned	ring = length - met;

	/* Not a step back, and of the two directions around the ring the first. */
	if (ring < 3 || path[met + 1] > path[length - 1])
		return;
	if (met > 0)
		add(length, product_n * simple[atom], product_v * valence[atom]);
	else if (std::min_element(path, path + length) == path)
		add(length, product_n, product_v);
}

/* (A + α)(A + α - 1)² / (P + α)² and its like: 0 where there is no path. */
double
kappa(double first, double second, double paths, double alpha)
{
	double		denominator = (paths + alpha) * (paths + alpha);

	return denominator != 0 ? first * second * second / denominator : 0;
}

}								/* namespace */

Values
path_descriptors(const RDKit::ROMol &mol)
{
	PathSums	paths(mol);
	double		alpha = RDKit::Descriptors::calcHallKierAlpha(mol);
	double		atoms = mol.getNumHeavyAtoms();
	double		odd = mol.getNumHeavyAtoms() % 2;

	return {RDKit::Descriptors::calcChi1n(mol), RDKit::Descriptors::calcChi1v(mol),
		paths.sums_n[2], paths.sums_v[2], paths.sums_n[3], paths.sums_v[3], paths.sums_n[4], paths.sums_v[4],
		alpha,
		kappa(atoms + alpha, atoms + alpha - 1, mol.getNumBonds(), alpha),
		kappa(atoms + alpha - 1, atoms + alpha - 2, paths.counts[2], alpha),
		kappa(odd ? atoms + alpha - 1 : atoms + alpha - 2, atoms + alpha - 3, paths.counts[3], alpha)};
}

}								/* namespace hamnet */
