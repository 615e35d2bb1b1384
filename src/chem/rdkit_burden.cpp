/*
 * rdkit_burden.cpp: extreme eigenvalues of weighted bond matrices, RDKit's
 * BCUT2D (after Pearlman and Smith, Perspect. Drug Discov. Des. 9, 1998, 339).
 *
 * Only the largest and the smallest eigenvalue are wanted: the matrix is made
 * tridiagonal by Householder's reflections, and the two are found by bisection,
 * counting eigenvalues below a number by Sturm's sequence.
 */
#include "rdkit_descriptors.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include <RDGeneral/RDConfig.h>	/* before BCUT.h, which asks it for Eigen */
#include <GraphMol/Descriptors/BCUT.h>
#include <GraphMol/Descriptors/MolDescriptors.h>
#include <GraphMol/PartialCharges/GasteigerCharges.h>

namespace hamnet
{

namespace
{

/* Entry of two atoms without a bond. */
constexpr double APART = 0.001;

/* A symmetric matrix, row by row. */
struct Matrix
{
	size_t		size;
	Values		entries;

	double *
	operator[](size_t row)
	{
		return entries.data() + row * size;
	}
};

struct Tridiagonal
{
	Values		diagonal;
	Values		below;			/* [size - 1] */
};

struct Extremes
{
	double		largest;
	double		smallest;
};

/* Bonds by 1 / sqrt(order). */
double
bond_entry(const RDKit::Bond &bond)
{
	switch (bond.getBondType())
	{
		case RDKit::Bond::SINGLE:
			return 1.0;
		case RDKit::Bond::AROMATIC:
			return 0.8164965809277261;
		case RDKit::Bond::DOUBLE:
			return 0.7071067811865475;
		case RDKit::Bond::TRIPLE:
			return 0.5773502691896258;
		default:
			throw std::invalid_argument("not defined for this type of bond");
	}
}

Matrix
burden_matrix(const RDKit::ROMol &mol)
{
	size_t		n = mol.getNumAtoms();
	Matrix		matrix{n, Values(n * n, APART)};

	for (const auto bond : mol.bonds())
		matrix[bond->getBeginAtomIdx()][bond->getEndAtomIdx()] =
			matrix[bond->getEndAtomIdx()][bond->getBeginAtomIdx()] = bond_entry(*bond);
	return matrix;
}

/* A := A - v wᵀ - w vᵀ below row k and beyond column k, for the reflection that clears column k; v is left in work. */
void
reflect(Matrix &a, size_t k, double norm, Values &v, Values &w)
{
	size_t		n = a.size;
	double		scale;
	double		dot = 0;

	for (size_t i = k + 1; i < n; i++)
		v[i] = a[i][k];
	v[k + 1] += std::copysign(norm, v[k + 1]);
	/* 2 / |v|² */
	scale = 1 / (norm * std::fabs(v[k + 1]));
	for (size_t i = k + 1; i < n; i++)
	{
		double		sum = 0;

		for (size_t j = k + 1; j < n; j++)
			sum += a[i][j] * v[j];
		w[i] = sum * scale;
		dot += w[i] * v[i];
	}
	for (size_t i = k + 1; i < n; i++)
		w[i] -= scale / 2 * dot * v[i];
	for (size_t i = k + 1; i < n; i++)
		for (size_t j = k + 1; j < n; j++)
			a[i][j] -= v[i] * w[j] + w[i] * v[j];
}

Tridiagonal
tridiagonalise(Matrix a)
{
	size_t		n = a.size;
	Tridiagonal result{Values(n), Values(n - 1)};
	Values		v(n);
	Values		w(n);

	for (size_t k = 0; k + 1 < n; k++)
	{
		double		head = a[k + 1][k];
		double		tail = 0;
		double		norm;

		for (size_t i = k + 2; i < n; i++)
			tail += a[i][k] * a[i][k];
		norm = std::sqrt(head * head + tail);
		result.below[k] = tail > 0 ? norm : head;	/* its sign does not matter */
		if (tail > 0)
			reflect(a, k, norm, v, w);
	}
	for (size_t k = 0; k < n; k++)
		result.diagonal[k] = a[k][k];
	return result;
}

/* How many eigenvalues are below x. */
size_t
count_below(const Tridiagonal &t, double x)
{
	size_t		count = 0;
	double		pivot = 1;

	for (size_t i = 0; i < t.diagonal.size(); i++)
	{
		double		below = i > 0 ? t.below[i - 1] : 0;

		pivot = t.diagonal[i] - x - below * below / pivot;
		if (pivot == 0)
			pivot = std::numeric_limits<double>::min();
		count += pivot < 0;
	}
	return count;
}

/* The number between low and high below which there are less than count eigenvalues, and from which on there are. */
double
bisect(const Tridiagonal &t, double low, double high, size_t count)
{
	for (;;)
	{
		double		middle = low + (high - low) / 2;

		if (!(low < middle && middle < high))
			return middle;
		(count_below(t, middle) < count ? low : high) = middle;
	}
}

Extremes
extreme_eigenvalues(const Matrix &matrix)
{
	Tridiagonal t = tridiagonalise(matrix);
	size_t		n = matrix.size;
	double		low = std::numeric_limits<double>::infinity();
	double		high = -low;

	/* Gershgorin's discs */
	for (size_t i = 0; i < n; i++)
	{
		double		radius = (i > 0 ? std::fabs(t.below[i - 1]) : 0) + (i + 1 < n ? std::fabs(t.below[i]) : 0);

		low = std::min(low, t.diagonal[i] - radius);
		high = std::max(high, t.diagonal[i] + radius);
	}
	return {bisect(t, low, high, n), bisect(t, low, high, 1)};
}

}								/* namespace */

Values
burden_descriptors(const RDKit::ROMol &mol)
{
	size_t		n = mol.getNumAtoms();
	Matrix		matrix = burden_matrix(mol);
	Values		properties[4] = {Values(n), Values(n), Values(n), Values(n)};
	Values		results;

	/* RDKit takes hydrogens off first. */
	for (const auto atom : mol.atoms())
		if (atom->getAtomicNum() == 1)
			return RDKit::Descriptors::BCUT2D(mol);
	RDKit::computeGasteigerCharges(mol, properties[1], 12, true /* throw for elements without parameters */);
	for (const auto atom : mol.atoms())
		properties[0][atom->getIdx()] = atom->getMass();
	RDKit::Descriptors::getCrippenAtomContribs(mol, properties[2], properties[3]);
	for (const Values &property : properties)
	{
		for (size_t i = 0; i < n; i++)
			matrix[i][i] = property[i];

		Extremes	extremes = extreme_eigenvalues(matrix);

		results.push_back(extremes.largest);
		results.push_back(extremes.smallest);
	}
	return results;
}

}								/* namespace hamnet */
