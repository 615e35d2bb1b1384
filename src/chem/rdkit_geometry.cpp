/*
 * rdkit_geometry.cpp: numbers that describe a conformation.
 */
#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include <Geometry/point.h>
#include <GraphMol/Atom.h>
#include <GraphMol/Descriptors/USRDescriptor.h>
#include <GraphMol/ForceFieldHelpers/MMFF/AtomTyper.h>
#include <GraphMol/MolOps.h>
#include <GraphMol/PartialCharges/GasteigerCharges.h>

#include "rdkit_conformer.h"

extern "C"
{
#include "hamnet/geometry.h"
#include "hamnet/solvation.h"
}

using namespace hamnet;

const char *const hn_geometry_names[HN_GEOMETRY_COUNT] = {
	"born_energy", "born_energy_gasteiger", "surface", "surface_abs_charge", "surface_charge",
	"surface_charge_squared", "dipole", "polar_surface", "radius_of_gyration", "asphericity", "hydrogen_bonds"
};

namespace
{

const double shape_scale[HN_SHAPE_DIM] = {
#include "shape_scale.h"
};

constexpr unsigned SHAPE_ATOMS = 3;

/* Water, and a debye in e Å. */
constexpr double WATER = 78.5;
constexpr double DEBYE = 4.80320;

/* A hydrogen bond: distance from hydrogen to acceptor in Å, cosine of the angle at hydrogen, and bonds between them at least. */
constexpr double BOND_LENGTH = 2.5;
constexpr double BOND_COSINE = -0.5;
constexpr double BOND_SEPARATION = 4;

/* A molecule with hydrogens in space, as the core's functions read it. */
struct Geometry
{
	const RDKit::ROMol &mol;
	std::vector<double> positions;
	std::vector<unsigned char> elements;
	std::vector<double> areas;

	explicit Geometry(const RDKit::ROMol &molecule)
	: mol(molecule), areas(molecule.getNumAtoms())
	{
		for (const auto atom : mol.atoms())
		{
			const RDGeom::Point3D &point = mol.getConformer().getAtomPos(atom->getIdx());

			positions.insert(positions.end(), {point.x, point.y, point.z});
			elements.push_back(static_cast<unsigned char>(atom->getAtomicNum()));
		}
	}

	HnAtoms
	atoms() const
	{
		return {static_cast<int>(elements.size()), positions.data(), elements.data()};
	}
};

/* MMFF94's charges; all NaN where it does not know an atom. */
std::vector<double>
mmff_charges(RDKit::ROMol &mol)
{
	RDKit::MMFF::MMFFMolProperties properties(mol, "MMFF94");
	std::vector<double> charges(mol.getNumAtoms(), NAN);

	for (unsigned i = 0; properties.isValid() && i < mol.getNumAtoms(); i++)
		charges[i] = properties.getMMFFPartialCharge(i);
	return charges;
}

bool
is_polar_heavy(int element)
{
	return element == 7 || element == 8 || element == 15 || element == 16;
}

/* Whether an atom is nitrogen, oxygen, phosphorus or sulfur, or a hydrogen of one of these. */
bool
is_polar(const RDKit::ROMol &mol, const RDKit::Atom *atom)
{
	if (atom->getAtomicNum() != 1)
		return is_polar_heavy(atom->getAtomicNum());
	for (const auto neighbour : mol.atomNeighbors(atom))
		if (is_polar_heavy(neighbour->getAtomicNum()))
			return true;
	return false;
}

double
polar_surface(const Geometry &geometry)
{
	double		sum = 0;

	for (const auto atom : geometry.mol.atoms())
		if (is_polar(geometry.mol, atom))
			sum += geometry.areas[atom->getIdx()];
	return sum;
}

/* |Σ q (x − centroid)| in debye: for an ion it depends on the origin, which is why there is one. */
double
dipole(const Geometry &geometry, const std::vector<double> &charges)
{
	size_t		n = charges.size();
	double		square = 0;

	for (size_t k = 0; k < 3; k++)
	{
		double		centre = 0;
		double		sum = 0;

		for (size_t i = 0; i < n; i++)
			centre += geometry.positions[3 * i + k] / static_cast<double>(n);
		for (size_t i = 0; i < n; i++)
			sum += charges[i] * (geometry.positions[3 * i + k] - centre);
		square += sum * sum;
	}
	return DEBYE * std::sqrt(square);
}

/*
 * From the tensor of gyration S, weighted by mass, without its eigenvalues: the
 * radius √tr S, and the asphericity (3 tr S² − (tr S)²) / 2 (tr S)², which is 0
 * for a sphere and 1 for a rod (Rudnick and Gaspari, J. Phys. A 19, 1986, L191).
 */
void
gyration(const Geometry &geometry, double &radius, double &asphericity)
{
	double		total = 0;
	double		mean[3] = {0, 0, 0};
	double		trace = 0;
	double		square = 0;

	for (const auto atom : geometry.mol.atoms())
	{
		total += atom->getMass();
		for (size_t k = 0; k < 3; k++)
			mean[k] += atom->getMass() * geometry.positions[3 * atom->getIdx() + k];
	}
	for (size_t a = 0; a < 3; a++)
		for (size_t b = 0; b < 3; b++)
		{
			double		s = 0;

			for (const auto atom : geometry.mol.atoms())
				s += atom->getMass() * (geometry.positions[3 * atom->getIdx() + a] - mean[a] / total) *
					(geometry.positions[3 * atom->getIdx() + b] - mean[b] / total);
			square += s * s / (total * total);
			trace += a == b ? s / total : 0;
		}
	radius = std::sqrt(trace);
	asphericity = trace > 0 ? (3 * square - trace * trace) / (2 * trace * trace) : 0;
}

/* Whether a hydrogen of a donor points at an acceptor. */
bool
is_hydrogen_bond(const RDKit::Conformer &conformer, unsigned donor, unsigned hydrogen, unsigned acceptor)
{
	RDGeom::Point3D to_acceptor = conformer.getAtomPos(acceptor) - conformer.getAtomPos(hydrogen);
	RDGeom::Point3D to_donor = conformer.getAtomPos(donor) - conformer.getAtomPos(hydrogen);
	double		length = to_acceptor.length();

	return length > 0 && length < BOND_LENGTH && to_donor.length() > 0 &&
		to_acceptor.dotProduct(to_donor) / (length * to_donor.length()) < BOND_COSINE;
}

/* Intramolecular hydrogen bonds between nitrogens and oxygens. */
double
hydrogen_bonds(const RDKit::ROMol &mol)
{
	const double *apart = RDKit::MolOps::getDistanceMat(mol);
	unsigned	n = mol.getNumAtoms();
	double		count = 0;

	for (const auto hydrogen : mol.atoms())
	{
		if (hydrogen->getAtomicNum() != 1 || hydrogen->getDegree() != 1)
			continue;

		const RDKit::Atom *donor = *mol.atomNeighbors(hydrogen).begin();

		if (donor->getAtomicNum() != 7 && donor->getAtomicNum() != 8)
			continue;
		for (const auto acceptor : mol.atoms())
			if ((acceptor->getAtomicNum() == 7 || acceptor->getAtomicNum() == 8) && acceptor->getFormalCharge() <= 0 &&
				apart[hydrogen->getIdx() * n + acceptor->getIdx()] >= BOND_SEPARATION)
				count += is_hydrogen_bond(mol.getConformer(), donor->getIdx(), hydrogen->getIdx(), acceptor->getIdx());
	}
	return count;
}

/* Σ area · f(charge). */
template <typename Function>
double
charged_surface(const Geometry &geometry, const std::vector<double> &charges, Function f)
{
	double		sum = 0;

	for (size_t i = 0; i < charges.size(); i++)
		sum += geometry.areas[i] * f(charges[i]);
	return sum;
}

HnStatus
describe(HnContext *context, RDKit::ROMol &mol, double *values)
{
	Geometry	geometry(mol);
	HnAtoms		atoms = geometry.atoms();
	std::vector<double> charges = mmff_charges(mol);
	std::vector<double> gasteiger(mol.getNumAtoms());

	RDKit::computeGasteigerCharges(mol, gasteiger);
	HN_TRY(hn_born_energy(context, &atoms, charges.data(), WATER, &values[0]));
	HN_TRY(hn_born_energy(context, &atoms, gasteiger.data(), WATER, &values[1]));
	HN_TRY(hn_accessible_areas(context, &atoms, geometry.areas.data()));
	values[2] = charged_surface(geometry, charges, [] (double) { return 1.0; });
	values[3] = charged_surface(geometry, charges, [] (double q) { return std::fabs(q); });
	values[4] = charged_surface(geometry, charges, [] (double q) { return q; });
	values[5] = charged_surface(geometry, charges, [] (double q) { return q * q; });
	values[6] = dipole(geometry, charges);
	values[7] = polar_surface(geometry);
	gyration(geometry, values[8], values[9]);
	values[10] = hydrogen_bonds(mol);
	for (int i = 0; i < HN_GEOMETRY_COUNT; i++)
		if (!std::isfinite(values[i]))
			values[i] = NAN;
	return HN_OK;
}

/* A coordinate that is infinite makes everything so. */
HnStatus
check_finite(HnContext *context, const Input &input, const RDKit::ROMol &mol)
{
	for (const RDGeom::Point3D &point : mol.getConformer().getPositions())
		if (!std::isfinite(static_cast<float>(point.x)) || !std::isfinite(static_cast<float>(point.y)) ||
			!std::isfinite(static_cast<float>(point.z)))
			return reject(context, input, Reason("a coordinate is not finite"));
	return HN_OK;
}

}								/* namespace */

HnStatus
hn_shape(HnContext *context, const char *molblock, int max_atoms, float shape[HN_SHAPE_DIM])
{
	Input		input(molblock, Format::MOL_BLOCK);

	return guarded(context, input, [&] (const LogCapture &log) -> HnStatus
	{
		std::unique_ptr<RDKit::RWMol> mol;
		std::vector<double> moments(HN_SHAPE_DIM);
		std::vector<std::vector<unsigned>> classes;	/* none: those of the publication */

		HN_TRY(read_molblock(context, input, max_atoms, log, mol));
		HN_TRY(check_finite(context, input, *mol));
		if (mol->getNumAtoms() < SHAPE_ATOMS)
			return reject(context, input, Reason("a shape needs three heavy atoms"));
		RDKit::Descriptors::USRCAT(*mol, moments, classes);
		for (size_t i = 0; i < HN_SHAPE_DIM; i++)
			shape[i] = static_cast<float>(moments[i] / shape_scale[i]);
		return HN_OK;
	});
}

HnStatus
hn_geometry_descriptors(HnContext *context, const char *molblock, int max_atoms, double values[HN_GEOMETRY_COUNT])
{
	Input		input(molblock, Format::MOL_BLOCK);

	return guarded(context, input, [&] (const LogCapture &log) -> HnStatus
	{
		std::unique_ptr<RDKit::RWMol> mol;

		HN_TRY(read_molblock(context, input, max_atoms, log, mol, Hydrogens::KEEP));
		HN_TRY(check_finite(context, input, *mol));
		HN_TRY(add_hydrogens(context, *mol));
		return describe(context, *mol, values);
	});
}

HnStatus
hn_conformer_descriptors(HnContext *context, const char *smiles, int max_atoms, double values[HN_GEOMETRY_COUNT])
{
	HnConformerOptions options = {};
	HnConformers conformers;

	options.rule = {1, INFINITY, INFINITY, HN_PICK_LOWEST};
	options.conformations = 1;
	options.epsilon = 1;
	options.hydrogens = true;
	HN_TRY(hn_conformers(context, smiles, &options, max_atoms, &conformers));
	return hn_geometry_descriptors(context, conformers.members[0].molblock, max_atoms, values);
}
