/*
 * rdkit_conformer.cpp: coordinates, made by RDKit or read from MOL blocks.
 */
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <Geometry/point.h>
#include <GraphMol/Chirality.h>
#include <GraphMol/DistGeomHelpers/Embedder.h>
#include <GraphMol/FileParsers/FileParsers.h>
#include <GraphMol/ForceFieldHelpers/MMFF/Builder.h>
#include <GraphMol/ForceFieldHelpers/UFF/AtomTyper.h>
#include <GraphMol/ForceFieldHelpers/UFF/Builder.h>
#include <GraphMol/MolOps.h>

#include "rdkit_conformer.h"

extern "C"
{
#include "hamnet/random.h"
}

using namespace hamnet;

namespace
{

/* Attempts to embed; the second half starts from random coordinates, which helps cages and large rings. */
constexpr int ATTEMPTS = 60;

/* Space between the fragments of a salt, side by side, in angstrom. */
constexpr double FRAGMENT_GAP = 4;

/* Steps of the force field: in each round, between two interrupt checks, and rounds. */
constexpr int MINIMISER_STEPS = 50;
constexpr int MINIMISER_ROUNDS = 20;

/* Terms between atoms further apart than this are left out, in angstrom. */
constexpr double NONBONDED_REACH = 100;

/* Edge of the cube that atoms are scattered over, in angstrom. */
constexpr double SCATTER = 6;

/*
 * Bytes of a MOL block for each atom allowed, and for the whole: a line for the
 * atom, two for bonds, and as much for each of two hydrogens, in the longer V3000.
 */
constexpr size_t BLOCK_BYTES_PER_ATOM = 1024;
constexpr size_t BLOCK_BYTES_EXTRA = 16384;

/* RDKit multiplies seeds, and takes negative ones for none: spread ours over 1 .. 2^30. */
int
attempt_seed(int seed, int attempt)
{
	uint64_t	z = static_cast<uint64_t>(seed) * ATTEMPTS + static_cast<uint64_t>(attempt) + 1;

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return static_cast<int>((z ^ z >> 31) & 0x3fffffff) + 1;
}

HnStatus
embed(HnContext *context, const Input &input, RDKit::RWMol &mol, int seed)
{
	for (int attempt = 0; attempt < ATTEMPTS; attempt++)
	{
		if (interrupted(context))
			return HN_INTERRUPTED;
		if (embed_once(mol, attempt_seed(seed, attempt), attempt >= ATTEMPTS / 2))
			return HN_OK;
	}
	return hn_fail(context, HN_NO_CONFORMER, "no conformation found for SMILES \"%.*s%s\" in %d attempts",
				   static_cast<int>(std::min(input.length, SHOWN_LENGTH)), input.text,
				   input.length > SHOWN_LENGTH ? "..." : "", ATTEMPTS);
}

/* Minimise by a force field that was initialised. */
HnStatus
minimise(HnContext *context, ForceFields::ForceField &field)
{
	for (int round = 0; round < MINIMISER_ROUNDS; round++)
	{
		if (interrupted(context))
			return HN_INTERRUPTED;
		if (field.minimize(MINIMISER_STEPS) == 0)
			break;
	}
	return HN_OK;
}

}								/* namespace */

namespace hamnet
{

bool
embed_once(RDKit::RWMol &mol, int seed, bool random)
{
	RDKit::DGeomHelpers::EmbedParameters params = RDKit::DGeomHelpers::ETKDGv3;

	params.randomSeed = seed;
	params.maxIterations = 1;
	params.numThreads = 1;
	params.useRandomCoords = random;
	return RDKit::DGeomHelpers::EmbedMolecule(mol, params) >= 0;
}

HnStatus
scatter(HnContext *context, RDKit::RWMol &mol, int seed)
{
	auto		conformer = std::make_unique<RDKit::Conformer>(mol.getNumAtoms());
	auto		types = RDKit::UFF::getAtomTypes(mol);
	uint64_t	state = static_cast<uint64_t>(seed);
	auto		uniform = [&] { return static_cast<double>(hn_next_random(&state) >> 11) * 0x1p-53 - 0.5; };

	if (!types.second)
		return HN_OK;
	conformer->set3D(true);
	for (auto &point : conformer->getPositions())
		point = RDGeom::Point3D(SCATTER * uniform(), SCATTER * uniform(), SCATTER * uniform());
	mol.clearConformers();
	mol.addConformer(conformer.release(), true);

	std::unique_ptr<ForceFields::ForceField> field(RDKit::UFF::constructForceField(mol, types.first, NONBONDED_REACH));

	field->initialize();
	return minimise(context, *field);
}

Relaxation::Relaxation(const RDKit::ROMol &mol)
: working(mol), properties(working, "MMFF94")
{
	if (properties.isValid())
	{
		field.reset(RDKit::MMFF::constructForceField(working, &properties, NONBONDED_REACH));
		force_field = "MMFF94";
		return;
	}

	auto		types = RDKit::UFF::getAtomTypes(working);

	if (types.second)
	{
		field.reset(RDKit::UFF::constructForceField(working, types.first, NONBONDED_REACH));
		force_field = "UFF";
	}
}

HnStatus
Relaxation::relax(HnContext *context, RDKit::ROMol &mol, double &energy)
{
	RDGeom::POINT3D_VECT &positions = working.getConformer().getPositions();

	energy = std::numeric_limits<double>::quiet_NaN();
	if (field == nullptr)
		return HN_OK;
	std::copy(mol.getConformer().getPositions().begin(), mol.getConformer().getPositions().end(), positions.begin());
	field->initialize();
	HN_TRY(minimise(context, *field));
	energy = field->calcEnergy();
	std::copy(positions.begin(), positions.end(), mol.getConformer().getPositions().begin());
	return HN_OK;
}

double
Relaxation::charge(unsigned atom)
{
	return properties.isValid() ? properties.getMMFFPartialCharge(atom) : std::numeric_limits<double>::quiet_NaN();
}

HnStatus
add_hydrogens(HnContext *context, RDKit::RWMol &mol)
{
	RDKit::MolOps::addHs(mol, false /* implicit ones too */, true /* with coordinates */);
	if (mol.getNumAtoms() > HN_EMBED_ATOMS)
		return hn_fail(context, HN_TOO_LARGE, "molecule has %u atoms with its hydrogens, at most %d can be embedded",
					   mol.getNumAtoms(), HN_EMBED_ATOMS);
	return HN_OK;
}

void
separate_fragments(RDKit::ROMol &mol)
{
	std::vector<std::vector<int>> fragments;
	RDKit::Conformer &conformer = mol.getConformer();
	double		end = 0;

	RDKit::MolOps::getMolFrags(mol, fragments);
	for (size_t f = 0; f < fragments.size() && fragments.size() > 1; f++)
	{
		auto		compare = [&] (int a, int b) {
			return conformer.getAtomPos(static_cast<unsigned>(a)).x < conformer.getAtomPos(static_cast<unsigned>(b)).x;
		};
		auto		range = std::minmax_element(fragments[f].begin(), fragments[f].end(), compare);
		double		first = conformer.getAtomPos(static_cast<unsigned>(*range.first)).x;
		double		width = conformer.getAtomPos(static_cast<unsigned>(*range.second)).x - first;

		for (int atom : fragments[f])
			conformer.getAtomPos(static_cast<unsigned>(atom)).x += end - first;
		end += width + FRAGMENT_GAP;
	}
}

void
copy_coordinates(const RDKit::ROMol &from, RDKit::ROMol &to)
{
	auto		conformer = std::make_unique<RDKit::Conformer>(to.getNumAtoms());

	conformer->set3D(true);
	for (unsigned i = 0; i < to.getNumAtoms(); i++)
		conformer->setAtomPos(i, from.getConformer().getAtomPos(i));
	to.clearConformers();
	to.addConformer(conformer.release(), true);
}

HnStatus
read_molblock(HnContext *context, const Input &input, int max_atoms, const LogCapture &log,
			  std::unique_ptr<RDKit::RWMol> &mol, Hydrogens hydrogens, Coordinates coordinates)
{
	size_t		limit = static_cast<size_t>(max_atoms) * BLOCK_BYTES_PER_ATOM + BLOCK_BYTES_EXTRA;
	std::string text(input.text, input.length);

	if (input.length > limit)
	{
		hn_fail(context, HN_TOO_LARGE, "MOL block has %zu bytes, more than the limit of %zu for molecules of at most %d atoms",
				input.length, limit, max_atoms);
		return hn_hint(context, HINT_MAX_ATOMS);
	}
	text += '\n';
	mol.reset(RDKit::MolBlockToMol(text, false, false));
	if (mol == nullptr)
		return reject(context, input, Reason(*log.text() ? log.text() : "it holds no molecule"));
	if (mol->getNumAtoms() == 0)
		return reject(context, input, Reason("it has no atoms"));
	HN_TRY(check_size(context, *mol, max_atoms));
	if (coordinates == Coordinates::THREE_DIMENSIONAL && (mol->getNumConformers() == 0 || !mol->getConformer().is3D()))
		return reject(context, input, Reason("its coordinates are not three-dimensional"));
	if (interrupted(context))
		return HN_INTERRUPTED;

	/* Again, now that the limits hold, in the steps that RDKit takes by default. */
	mol.reset(RDKit::MolBlockToMol(text, true /* sanitise */, hydrogens == Hydrogens::REMOVE));
	if (mol == nullptr)
		return reject(context, input, Reason(*log.text() ? log.text() : "it cannot be sanitised"));
	drop_atom_maps(*mol);
	if (mol->getNumConformers() > 0 && mol->getConformer().is3D())
		RDKit::MolOps::assignStereochemistryFrom3D(*mol);
	RDKit::MolOps::assignStereochemistry(*mol, true /* clean up */, true /* force */,
										 true /* flag possible centres */);
	return hydrogens == Hydrogens::REMOVE ? check_atoms(context, *mol, max_atoms) : HN_OK;
}

}								/* namespace hamnet */

HnStatus
hn_embed(HnContext *context, const char *smiles, int seed, int max_atoms, const char **molblock)
{
	Input		input(smiles);

	if (seed < 0)
		return hn_fail(context, HN_INVALID_ARGUMENT, "seed is %d, it must not be negative", seed);
	return guarded(context, input, [&] (const LogCapture &log) -> HnStatus
	{
		std::unique_ptr<RDKit::RWMol> mol;

		HN_TRY(read_smiles(context, input, max_atoms, log, mol));

		RDKit::RWMol full(*mol);
		double		energy;

		HN_TRY(add_hydrogens(context, full));
		HN_TRY(embed(context, input, full, seed));
		HN_TRY(Relaxation(full).relax(context, full, energy));
		separate_fragments(full);
		copy_coordinates(full, *mol);
		*molblock = copy_text(context, RDKit::MolToMolBlock(*mol));
		return HN_OK;
	});
}

HnStatus
hn_graph_from_molblock(HnContext *context, const char *molblock, const HnFeatureSet *features,
					   int max_atoms, HnGraph *graph, real **positions)
{
	Input		input(molblock, Format::MOL_BLOCK);

	return guarded(context, input, [&] (const LogCapture &log) -> HnStatus
	{
		std::unique_ptr<RDKit::RWMol> mol;

		HN_TRY(read_molblock(context, input, max_atoms, log, mol));
		describe_graph(context, *mol, features, graph);
		*positions = allocate<real>(context, 3 * static_cast<size_t>(graph->atom_count));
		for (int i = 0; i < graph->atom_count; i++)
		{
			const RDGeom::Point3D &point = mol->getConformer().getAtomPos(
				static_cast<unsigned>(graph->source_atom[i]));

			for (unsigned k = 0; k < 3; k++)
			{
				/* A real is narrower, and what it cannot hold becomes infinite. */
				real		x = static_cast<real>(point[k]);

				if (!std::isfinite(x))
					return reject(context, input, Reason("a coordinate is not finite"));
				(*positions)[3 * static_cast<unsigned>(i) + k] = x;
			}
		}
		return HN_OK;
	});
}
