/*
 * rdkit_ensemble.cpp: ensembles of conformations, and the distance between two.
 */
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include <Geometry/point.h>
#include <GraphMol/Bond.h>
#include <GraphMol/Descriptors/MolDescriptors.h>
#include <GraphMol/FileParsers/FileParsers.h>
#include <GraphMol/MolOps.h>
#include <GraphMol/PartialCharges/GasteigerCharges.h>
#include <GraphMol/SmilesParse/SmilesWrite.h>
#include <GraphMol/Substruct/SubstructMatch.h>
#include <RDGeneral/types.h>

#include "rdkit_conformer.h"
#include "rdkit_validity.h"

extern "C"
{
#include "hamnet/random.h"
#include "hamnet/solvation.h"
}

using namespace hamnet;

namespace
{

/*
 * Conformations to make for a number of rotatable bonds, which is what it takes
 * to come close to most bound structures (Ebejer, Morris and Deane, J. Chem.
 * Inf. Model. 52, 2012, 1146).
 */
int
conformations_wanted(const RDKit::ROMol &mol)
{
	unsigned	bonds = RDKit::Descriptors::calcNumRotatableBonds(mol);

	return bonds <= 7 ? 50 : bonds <= 12 ? 200 : 300;
}

/* A molecule of more atoms, hydrogens included, that does not embed is left alone: it would only be tangled. */
constexpr unsigned SCATTERED_ATOMS = 60;

/* RDKit multiplies seeds, and takes negative ones for none: spread ours over 1 .. 2^30. */
int
seed_of(int seed, int attempt)
{
	return static_cast<int>(hn_derive_seed(static_cast<uint64_t>(seed), static_cast<uint64_t>(attempt)) & 0x3fffffff) + 1;
}

/*
 * Make ends of resonance equal: the oxygens of a carboxylate or a nitro group
 * and the like, which differ only in how the molecule is drawn.
 */
void
equalise_resonance(RDKit::RWMol &mol)
{
	std::vector<RDKit::Bond *> ends;

	for (auto bond : mol.bonds())
	{
		RDKit::Atom *a = bond->getBeginAtom();
		RDKit::Atom *b = bond->getEndAtom();
		RDKit::Atom *end = a->getDegree() == 1 ? a : b;
		int			element = end->getAtomicNum();

		if (end->getDegree() == 1 && bond->getIsConjugated() && (element == 7 || element == 8 || element == 16) &&
			bond->getOtherAtom(end)->getDegree() > 1 && (bond->getBondType() == RDKit::Bond::DOUBLE || end->getFormalCharge() != 0))
			ends.push_back(bond);
	}
	for (auto bond : ends)
	{
		bond->setBondType(RDKit::Bond::ONEANDAHALF);
		for (auto atom : {bond->getBeginAtom(), bond->getEndAtom()})
		{
			atom->setFormalCharge(0);
			atom->setNoImplicit(true);
		}
	}
}

/* Lay one molecule on another in all ways, up to a number. No way: they are different molecules. */
HnSymmetries
find_symmetries(HnContext *context, const RDKit::ROMol &from, const RDKit::ROMol &to, unsigned limit)
{
	RDKit::RWMol pattern(from);
	RDKit::RWMol target(to);
	RDKit::SubstructMatchParameters parameters;
	HnSymmetries symmetries = {};

	if (from.getNumAtoms() != to.getNumAtoms() || from.getNumBonds() != to.getNumBonds())
		return symmetries;
	equalise_resonance(pattern);
	equalise_resonance(target);
	parameters.uniquify = false;
	parameters.recursionPossible = false;
	parameters.maxMatches = limit + 1;

	auto		matches = RDKit::SubstructMatch(target, pattern, parameters);
	size_t		n = from.getNumAtoms();
	int		   *images;
	std::vector<int> fragment_of;

	symmetries.complete = matches.size() <= limit;
	matches.resize(std::min<size_t>(matches.size(), limit));
	images = allocate<int>(context, matches.size() * n);
	for (size_t m = 0; m < matches.size(); m++)
		for (const auto &pair : matches[m])
			images[m * n + static_cast<size_t>(pair.first)] = pair.second;
	symmetries.count = static_cast<int>(matches.size());
	symmetries.images = images;
	symmetries.atom_count = static_cast<int>(n);
	symmetries.fragment_count = static_cast<int>(RDKit::MolOps::getMolFrags(from, fragment_of));

	int		   *fragments = allocate<int>(context, n);

	std::copy(fragment_of.begin(), fragment_of.end(), fragments);
	symmetries.fragments = fragments;
	return symmetries;
}

/* Positions [n, 3] of the first n atoms. */
void
write_positions(const RDKit::Conformer &conformer, size_t n, real *positions)
{
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < 3; k++)
			positions[3 * i + k] = static_cast<real>(conformer.getAtomPos(i)[k]);
}

/*
 * The atoms of a molecule as those of its canonical SMILES. Conformations are
 * made of the latter, so that they do not depend on how the molecule was
 * written.
 */
struct Canonical
{
	std::unique_ptr<RDKit::RWMol> heavy;
	std::unique_ptr<RDKit::RWMol> full;	/* with hydrogens, which come last */
	std::vector<unsigned> places;	/* of each atom of the molecule as it was written, hydrogens included */
};

/* The hydrogens of an atom that come after the first n atoms. */
std::vector<unsigned>
hydrogens_of(const RDKit::ROMol &full, unsigned atom, unsigned n)
{
	std::vector<unsigned> hydrogens;

	for (const auto neighbour : full.atomNeighbors(full.getAtomWithIdx(atom)))
		if (neighbour->getIdx() >= n)
			hydrogens.push_back(neighbour->getIdx());
	return hydrogens;
}

/* Where each atom of full is found in the canonical molecule; false if that is not the same molecule. */
bool
find_places(const RDKit::ROMol &full, const std::vector<unsigned> &order, Canonical &canonical)
{
	unsigned	n = canonical.heavy->getNumAtoms();

	if (order.size() != n || canonical.full->getNumAtoms() != full.getNumAtoms())
		return false;
	canonical.places.resize(full.getNumAtoms());
	for (unsigned k = 0; k < n; k++)
	{
		std::vector<unsigned> written = hydrogens_of(full, order[k], n);
		std::vector<unsigned> found = hydrogens_of(*canonical.full, k, n);

		if (written.size() != found.size() ||
			full.getAtomWithIdx(order[k])->getAtomicNum() != canonical.heavy->getAtomWithIdx(k)->getAtomicNum())
			return false;
		canonical.places[order[k]] = k;
		for (size_t h = 0; h < found.size(); h++)
			canonical.places[written[h]] = found[h];
	}
	return true;
}

/* The canonical molecule of mol, whose form with hydrogens is full; mol itself where RDKit reads its own SMILES as another. */
HnStatus
canonicalise(HnContext *context, const RDKit::RWMol &mol, const RDKit::RWMol &full, int max_atoms,
			 const LogCapture &log, Canonical &canonical)
{
	const char *smiles;
	std::vector<unsigned> order;

	HN_TRY(write_smiles(context, mol, true, &smiles));
	mol.getProp(RDKit::common_properties::_smilesAtomOutputOrder, order);
	HN_TRY(read_smiles(context, Input(smiles), max_atoms, log, canonical.heavy));
	canonical.full = std::make_unique<RDKit::RWMol>(*canonical.heavy);
	HN_TRY(add_hydrogens(context, *canonical.full));
	if (find_places(full, order, canonical))
		return HN_OK;
	canonical.heavy = std::make_unique<RDKit::RWMol>(mol);
	canonical.full = std::make_unique<RDKit::RWMol>(full);
	canonical.places.resize(full.getNumAtoms());
	std::iota(canonical.places.begin(), canonical.places.end(), 0U);
	return HN_OK;
}

/* Conformations as they are made. */
struct Made
{
	std::vector<RDGeom::POINT3D_VECT> positions;	/* with hydrogens */
	std::vector<double> energies;
	const char *fault = nullptr;	/* of the last one that failed a check */
};

/* Makes the conformations of one molecule. */
class Maker
{
public:
	Maker(HnContext *context, const RDKit::ROMol &heavy, RDKit::RWMol &full, const HnConformerOptions &options)
	: context(context), full(full), options(options), validity(heavy, full),
	  wanted(options.conformations > 0 ? options.conformations : conformations_wanted(heavy))
	{
	}

	HnStatus make(Made &made);

	const char *force_field() const
	{
		return relaxation ? relaxation->name() : "none";
	}

private:
	HnContext  *context;
	RDKit::RWMol &full;
	const HnConformerOptions &options;
	Validity	validity;
	int			wanted;
	std::unique_ptr<Relaxation> relaxation; /* once there is a conformation */
	std::vector<double> charges;

	HnStatus add(Made &made);
	HnStatus solvate(double &energy);
	void		find_charges();
};

HnStatus
Maker::make(Made &made)
{
	int			most = std::max(HN_ATTEMPTS_LEAST, HN_ATTEMPTS_PER_CONFORMATION * wanted);
	bool		embeds = false;

	for (int attempt = 0; attempt < most && made.positions.size() < static_cast<size_t>(wanted); attempt++)
	{
		int			seed = seed_of(options.seed, attempt);

		if (interrupted(context))
			return HN_INTERRUPTED;
		if (embeds || attempt < HN_ATTEMPTS_LEAST / 2 || full.getNumAtoms() > SCATTERED_ATOMS)
		{
			if (!embed_once(full, seed, attempt >= wanted / 2))
				continue;
			embeds = true;
		}
		else
			HN_TRY(scatter(context, full, seed));
		if (full.getNumConformers() > 0)
			HN_TRY(add(made));
	}
	return HN_OK;
}

/* Relax and check what was embedded, and keep it if it is sound. */
HnStatus
Maker::add(Made &made)
{
	double		energy;
	const char *fault;

	if (relaxation == nullptr)
	{
		relaxation = std::make_unique<Relaxation>(full);
		if (options.epsilon > 1)
			find_charges();
	}
	HN_TRY(relaxation->relax(context, full, energy));
	fault = validity.fault(full.getConformer());
	if (fault)
	{
		made.fault = fault;
		return HN_OK;
	}
	if (options.epsilon > 1)
		HN_TRY(solvate(energy));
	separate_fragments(full);
	made.positions.push_back(full.getConformer().getPositions());
	made.energies.push_back(energy);
	return HN_OK;
}

/* Those of MMFF94, else Gasteiger's. */
void
Maker::find_charges()
{
	for (unsigned i = 0; i < full.getNumAtoms(); i++)
		charges.push_back(relaxation->charge(i));
	if (std::isnan(charges[0]))
		RDKit::computeGasteigerCharges(full, charges);
}

/* Add the solvent's term to an energy. */
HnStatus
Maker::solvate(double &energy)
{
	std::vector<double> positions;
	std::vector<unsigned char> elements;
	double		born;

	for (const auto atom : full.atoms())
	{
		const RDGeom::Point3D &point = full.getConformer().getAtomPos(atom->getIdx());

		positions.insert(positions.end(), {point.x, point.y, point.z});
		elements.push_back(static_cast<unsigned char>(atom->getAtomicNum()));
	}

	HnAtoms		atoms = {static_cast<int>(full.getNumAtoms()), positions.data(), elements.data()};

	HN_TRY(hn_born_energy(context, &atoms, charges.data(), options.epsilon, &born));
	energy += born;
	return HN_OK;
}

HnStatus
fail_no_conformer(HnContext *context, const Input &input, const Made &made)
{
	return hn_fail(context, HN_NO_CONFORMER, "no conformation found for SMILES \"%.*s%s\"%s%s",
				   static_cast<int>(std::min(input.length, SHOWN_LENGTH)), input.text,
				   input.length > SHOWN_LENGTH ? "..." : "",
				   made.fault ? ": in those that were tried " : "", made.fault ? made.fault : "");
}

/* Where one energy is not known, none is: they are compared. */
void
blank_unknown(std::vector<double> &energies)
{
	if (std::any_of(energies.begin(), energies.end(), [] (double e) { return !std::isfinite(e); }))
		std::fill(energies.begin(), energies.end(), std::numeric_limits<double>::quiet_NaN());
}

bool
ask(void *state)
{
	return interrupted(static_cast<HnContext *>(state));
}

/* Select with a context that asks as the adapter does, because SIGINT waits while RDKit is used. */
HnStatus
select_asking(HnContext *context, const HnEnsemble &ensemble, const HnSelectionRule &rule, HnSelection *selection)
{
	HnContext	asking = *context;
	HnStatus	status;

	asking.interrupted = ask;
	asking.interrupted_state = context;
	status = hn_ensemble_select(&asking, &ensemble, &rule, selection);
	if (status == HN_OUT_OF_MEMORY)
		hn_fail_memory(context);
	return status;
}

HnStatus
select(HnContext *context, const RDKit::ROMol &heavy, Made &made, const HnSelectionRule &rule,
	   HnConformers *conformers, HnSelection *selection)
{
	size_t		n = heavy.getNumAtoms();
	HnSymmetries symmetries = find_symmetries(context, heavy, heavy, HN_ENSEMBLE_SYMMETRIES);
	HnEnsemble	ensemble = {static_cast<int>(made.positions.size()), nullptr, made.energies.data(), &symmetries};
	real	   *positions = allocate<real>(context, made.positions.size() * n * 3);

	blank_unknown(made.energies);
	for (size_t c = 0; c < made.positions.size(); c++)
		for (size_t i = 0; i < n; i++)
			for (unsigned k = 0; k < 3; k++)
				positions[(c * n + i) * 3 + k] = static_cast<real>(made.positions[c][i][k]);
	ensemble.positions = positions;
	conformers->made = ensemble.count;
	conformers->complete = symmetries.complete;
	return select_asking(context, ensemble, rule, selection);
}

/* Write a conformation, whose points lie at places, into the positions and the MOL block of a member. */
void
write_member(HnContext *context, RDKit::ROMol &mol, const RDGeom::POINT3D_VECT &points,
			 const std::vector<unsigned> &places, HnConformer &member)
{
	unsigned	n = mol.getNumAtoms();
	auto		conformer = std::make_unique<RDKit::Conformer>(n);
	double	   *positions = allocate<double>(context, 3 * static_cast<size_t>(n));

	conformer->set3D(true);
	for (unsigned i = 0; i < n; i++)
	{
		conformer->setAtomPos(i, points[places[i]]);
		for (unsigned k = 0; k < 3; k++)
			positions[3 * i + k] = points[places[i]][k];
	}
	mol.clearConformers();
	mol.addConformer(conformer.release(), true);
	member.positions = positions;
	member.molblock = copy_text(context, RDKit::MolToMolBlock(mol));
}

void
write_selected(HnContext *context, RDKit::ROMol &mol, const char *force_field, const Made &made,
			   const HnSelection &selection, const std::vector<unsigned> &places, HnConformers *conformers)
{
	HnConformer *members = allocate<HnConformer>(context, static_cast<size_t>(selection.count));
	unsigned char *elements = allocate<unsigned char>(context, mol.getNumAtoms());

	for (const auto atom : mol.atoms())
		elements[atom->getIdx()] = static_cast<unsigned char>(atom->getAtomicNum());
	mol.setProp(RDKit::common_properties::MolFileComments, std::string("hamnet, force field ") + force_field);
	for (int c = 0; c < selection.count; c++)
	{
		size_t		place = static_cast<size_t>(selection.members[c]);

		members[c].energy = made.energies[place];
		members[c].weight = selection.weights[c];
		write_member(context, mol, made.positions[place], places, members[c]);
	}
	conformers->atom_count = static_cast<int>(mol.getNumAtoms());
	conformers->elements = elements;
	conformers->kept = selection.kept;
	conformers->count = selection.count;
	conformers->members = members;
}

}								/* namespace */

HnStatus
hn_conformers(HnContext *context, const char *smiles, const HnConformerOptions *options, int max_atoms,
			  HnConformers *conformers)
{
	Input		input(smiles);

	if (options->seed < 0)
		return hn_fail(context, HN_INVALID_ARGUMENT, "seed is %d, it must not be negative", options->seed);
	return guarded(context, input, [&] (const LogCapture &log) -> HnStatus
	{
		std::unique_ptr<RDKit::RWMol> mol;
		Canonical	canonical;
		Made		made;
		HnSelection selection;

		HN_TRY(read_smiles(context, input, max_atoms, log, mol));

		RDKit::RWMol full(*mol);

		HN_TRY(add_hydrogens(context, full));
		HN_TRY(canonicalise(context, *mol, full, max_atoms, log, canonical));

		Maker		maker(context, *canonical.heavy, *canonical.full, *options);

		HN_TRY(maker.make(made));
		if (made.positions.empty())
			return fail_no_conformer(context, input, made);
		HN_TRY(select(context, *canonical.heavy, made, options->rule, conformers, &selection));
		write_selected(context, options->hydrogens ? full : *mol, maker.force_field(), made, selection,
					   canonical.places, conformers);
		return HN_OK;
	});
}

HnStatus
hn_molblock_rmsd(HnContext *context, const char *a, const char *b, int max_atoms, double *distance, bool *complete)
{
	Input		first(a, Format::MOL_BLOCK);
	Input		second(b, Format::MOL_BLOCK);
	std::unique_ptr<RDKit::RWMol> left;
	std::unique_ptr<RDKit::RWMol> right;

	HN_TRY(guarded(context, first, [&] (const LogCapture &log) {
		return read_molblock(context, first, max_atoms, log, left);
	}));
	return guarded(context, second, [&] (const LogCapture &log) -> HnStatus
	{
		real	   *positions[2];

		HN_TRY(read_molblock(context, second, max_atoms, log, right));

		HnSymmetries symmetries = find_symmetries(context, *left, *right, HN_RMSD_SYMMETRIES);

		if (symmetries.count == 0)
			return hn_fail(context, HN_INVALID_ARGUMENT, "the MOL blocks are of different molecules: %s and %s",
						   RDKit::MolToSmiles(*left, false).c_str(), RDKit::MolToSmiles(*right, false).c_str());
		for (int i = 0; i < 2; i++)
		{
			positions[i] = allocate<real>(context, 3 * left->getNumAtoms());
			write_positions((i == 0 ? left : right)->getConformer(), left->getNumAtoms(), positions[i]);
		}
		*complete = symmetries.complete;
		return hn_symmetric_rmsd(context, &symmetries, positions[0], positions[1], distance);
	});
}
