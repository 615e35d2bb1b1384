/*
 * rdkit_descriptors.cpp: whole-molecule descriptors and substructure counts.
 *
 * Most are RDKit's own functions. Those that RDKit has in Python only are
 * computed here from their publications: electrotopological states (Hall,
 * Mohney and Kier, J. Chem. Inf. Comput. Sci. 31, 1991, 76), their sums over
 * surface areas, Balaban's J (Chem. Phys. Lett. 89, 1982, 399), and Chi0 and
 * Chi1. Left out of RDKit's 208 are qed, Ipc and BertzCT.
 */
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include <DataStructs/SparseIntVect.h>
#include <GraphMol/Atom.h>
#include <GraphMol/Bond.h>
#include <GraphMol/Descriptors/MolDescriptors.h>
#include <GraphMol/Fingerprints/MorganFingerprints.h>
#include <GraphMol/MolOps.h>
#include <GraphMol/PartialCharges/GasteigerCharges.h>
#include <GraphMol/PeriodicTable.h>
#include <GraphMol/SmilesParse/SmilesParse.h>
#include <GraphMol/Substruct/SubstructMatch.h>
#include <RDGeneral/types.h>

#include "rdkit_common.h"
#include "rdkit_descriptors.h"

extern "C"
{
#include "hamnet/descriptors.h"
#include "hamnet/geometry.h"
}

using namespace hamnet;

namespace
{

/* The order in which describe() writes them. */
const char *const names_2d[] = {
	"MaxEStateIndex", "MinEStateIndex", "MaxAbsEStateIndex", "MinAbsEStateIndex",
	"EState_VSA1", "EState_VSA2", "EState_VSA3", "EState_VSA4", "EState_VSA5", "EState_VSA6",
	"EState_VSA7", "EState_VSA8", "EState_VSA9", "EState_VSA10", "EState_VSA11",
	"VSA_EState1", "VSA_EState2", "VSA_EState3", "VSA_EState4", "VSA_EState5", "VSA_EState6",
	"VSA_EState7", "VSA_EState8", "VSA_EState9", "VSA_EState10",
	"BalabanJ",
	"BCUT2D_MWHI", "BCUT2D_MWLOW", "BCUT2D_CHGHI", "BCUT2D_CHGLO", "BCUT2D_LOGPHI",
	"BCUT2D_LOGPLOW", "BCUT2D_MRHI", "BCUT2D_MRLOW",
	"MolWt", "HeavyAtomMolWt", "ExactMolWt", "NumValenceElectrons", "NumRadicalElectrons",
	"HeavyAtomCount",
	"MaxPartialCharge", "MinPartialCharge", "MaxAbsPartialCharge", "MinAbsPartialCharge",
	"PEOE_VSA1", "PEOE_VSA2", "PEOE_VSA3", "PEOE_VSA4", "PEOE_VSA5", "PEOE_VSA6", "PEOE_VSA7",
	"PEOE_VSA8", "PEOE_VSA9", "PEOE_VSA10", "PEOE_VSA11", "PEOE_VSA12", "PEOE_VSA13", "PEOE_VSA14",
	"SMR_VSA1", "SMR_VSA2", "SMR_VSA3", "SMR_VSA4", "SMR_VSA5", "SMR_VSA6", "SMR_VSA7", "SMR_VSA8",
	"SMR_VSA9", "SMR_VSA10",
	"SlogP_VSA1", "SlogP_VSA2", "SlogP_VSA3", "SlogP_VSA4", "SlogP_VSA5", "SlogP_VSA6",
	"SlogP_VSA7", "SlogP_VSA8", "SlogP_VSA9", "SlogP_VSA10", "SlogP_VSA11", "SlogP_VSA12",
	"LabuteASA", "TPSA", "MolLogP", "MolMR",
	"FractionCSP3", "NHOHCount", "NOCount", "NumAliphaticCarbocycles", "NumAliphaticHeterocycles",
	"NumAliphaticRings", "NumAromaticCarbocycles", "NumAromaticHeterocycles", "NumAromaticRings",
	"NumHAcceptors", "NumHDonors", "NumHeteroatoms", "NumRotatableBonds",
	"NumSaturatedCarbocycles", "NumSaturatedHeterocycles", "NumSaturatedRings", "RingCount",
	"FpDensityMorgan1", "FpDensityMorgan2", "FpDensityMorgan3",
	"Chi0", "Chi1", "Chi0n", "Chi0v",
	"Chi1n", "Chi1v", "Chi2n", "Chi2v", "Chi3n", "Chi3v", "Chi4n", "Chi4v", "HallKierAlpha",
	"Kappa1", "Kappa2", "Kappa3",
	"fr_Al_COO", "fr_Al_OH", "fr_Al_OH_noTert", "fr_ArN", "fr_Ar_COO", "fr_Ar_N", "fr_Ar_NH",
	"fr_Ar_OH", "fr_COO", "fr_COO2", "fr_C_O", "fr_C_O_noCOO", "fr_C_S", "fr_HOCCN", "fr_Imine",
	"fr_NH0", "fr_NH1", "fr_NH2", "fr_N_O", "fr_Ndealkylation1", "fr_Ndealkylation2",
	"fr_Nhpyrrole", "fr_SH", "fr_aldehyde", "fr_alkyl_carbamate", "fr_alkyl_halide",
	"fr_allylic_oxid", "fr_amide", "fr_amidine", "fr_aniline", "fr_aryl_methyl", "fr_azide",
	"fr_azo", "fr_barbitur", "fr_benzene", "fr_benzodiazepine", "fr_bicyclic", "fr_diazo",
	"fr_dihydropyridine", "fr_epoxide", "fr_ester", "fr_ether", "fr_furan", "fr_guanido",
	"fr_halogen", "fr_hdrzine", "fr_hdrzone", "fr_imidazole", "fr_imide", "fr_isocyan",
	"fr_isothiocyan", "fr_ketone", "fr_ketone_Topliss", "fr_lactam", "fr_lactone", "fr_methoxy",
	"fr_morpholine", "fr_nitrile", "fr_nitro", "fr_nitro_arom", "fr_nitro_arom_nonortho",
	"fr_nitroso", "fr_oxazole", "fr_oxime", "fr_para_hydroxylation", "fr_phenol",
	"fr_phenol_noOrthoHbond", "fr_phos_acid", "fr_phos_ester", "fr_piperdine", "fr_piperzine",
	"fr_priamide", "fr_prisulfonamd", "fr_pyridine", "fr_quatN", "fr_sulfide", "fr_sulfonamd",
	"fr_sulfone", "fr_term_acetylene", "fr_tetrazole", "fr_thiazole", "fr_thiocyan",
	"fr_thiophene", "fr_unbrch_alkane", "fr_urea"
};

/* Name and SMARTS of each fragment, sorted by name like the last names above. */
const struct
{
	const char *name;
	const char *smarts;
} fragments[] = {
#include "fragments.h"
};

constexpr size_t DESCRIPTORS = sizeof(names_2d) / sizeof(names_2d[0]);
constexpr size_t FRAGMENTS = sizeof(fragments) / sizeof(fragments[0]);

/* A fragment is counted up to here, as RDKit's Python functions do. */
constexpr unsigned MOST_MATCHES = 1000;

/*
 * Walks of four bonds that a molecule may have. They bound the paths that
 * connectivity indices are sums over, and how often a substructure search can
 * branch. A drug has a few hundred, an alkane of 1,000 atoms 16,000; the
 * molecules beyond are clusters and artefacts.
 */
constexpr double MOST_WALKS = 300000;

constexpr double UNREACHABLE = 1e6;	/* distances between fragments exceed this */

constexpr double NOT_KNOWN = std::numeric_limits<double>::quiet_NaN();

/* Bounds of the classes of EState_VSA and VSA_EState, as RDKit has them. */
const std::vector<double> estate_bounds = {-0.390, 0.290, 0.717, 1.165, 1.540, 1.807, 2.05, 4.69, 9.17, 15.0};
const std::vector<double> area_bounds = {4.78, 5.00, 5.410, 5.740, 6.00, 6.07, 6.45, 7.00, 11.0};

void
append(Values &values, const Values &more)
{
	values.insert(values.end(), more.begin(), more.end());
}

/* Which class a value falls into, bounds belonging to the class above. */
size_t
class_of(double value, const std::vector<double> &bounds)
{
	return static_cast<size_t>(std::upper_bound(bounds.begin(), bounds.end(), value) - bounds.begin());
}

int
principal_quantum_number(int element)
{
	int			n = 1;

	for (int last : {2, 10, 18, 36, 54, 86})
		n += element > last;
	return n;
}

/* Electrotopological state of each atom. */
Values
estate_indices(const RDKit::ROMol &mol)
{
	const RDKit::PeriodicTable *table = RDKit::PeriodicTable::getTable();
	const double *distances = RDKit::MolOps::getDistanceMat(mol);
	size_t		n = mol.getNumAtoms();
	Values		intrinsic(n, 0);
	Values		states;

	for (const auto atom : mol.atoms())
	{
		int			element = atom->getAtomicNum();
		int			quantum = principal_quantum_number(element);
		int			valence = table->getNouterElecs(static_cast<unsigned>(element))
			- static_cast<int>(atom->getTotalNumHs());

		if (atom->getDegree() > 0)
			intrinsic[atom->getIdx()] = (4.0 / (quantum * quantum) * valence + 1) / atom->getDegree();
	}
	states = intrinsic;
	for (size_t i = 0; i < n; i++)
		for (size_t j = i + 1; j < n; j++)
		{
			double		apart = distances[i * n + j] + 1;
			double		shift = (intrinsic[i] - intrinsic[j]) / (apart * apart);

			if (apart < UNREACHABLE)
			{
				states[i] += shift;
				states[j] -= shift;
			}
		}
	return states;
}

Values
estate_group(const RDKit::ROMol &mol)
{
	Values		states = estate_indices(mol);
	Values		sizes(states.size());
	Values		areas(states.size());
	Values		area_of_state(estate_bounds.size() + 1, 0);
	Values		state_of_area(area_bounds.size() + 1, 0);
	double		hydrogens = 0;
	Values		values;

	std::transform(states.begin(), states.end(), sizes.begin(), [] (double s) { return std::fabs(s); });
	RDKit::Descriptors::getLabuteAtomContribs(mol, areas, hydrogens);
	for (size_t i = 0; i < states.size(); i++)
	{
		area_of_state[class_of(states[i], estate_bounds)] += areas[i];
		state_of_area[class_of(areas[i], area_bounds)] += states[i];
	}
	values = {*std::max_element(states.begin(), states.end()), *std::min_element(states.begin(), states.end()),
		*std::max_element(sizes.begin(), sizes.end()), *std::min_element(sizes.begin(), sizes.end())};
	append(values, area_of_state);
	append(values, state_of_area);
	return values;
}

/* q bonds, mu rings; distances count a bond of order b as 1/b. */
Values
balaban_group(const RDKit::ROMol &mol)
{
	const double *distances = RDKit::MolOps::getDistanceMat(mol, true /* bond orders */, false, false, "Balaban");
	size_t		n = mol.getNumAtoms();
	double		bonds = mol.getNumBonds();
	double		rings = bonds - static_cast<double>(n) + 1;
	Values		reach(n);
	double		sum = 0;

	for (size_t i = 0; i < n; i++)
		reach[i] = std::accumulate(distances + i * n, distances + (i + 1) * n, 0.0);
	for (const auto bond : mol.bonds())
		sum += 1 / std::sqrt(reach[bond->getBeginAtomIdx()] * reach[bond->getEndAtomIdx()]);
	return {rings + 1 != 0 ? bonds / (rings + 1) * sum : 0};
}

Values
weight_group(const RDKit::ROMol &mol)
{
	const RDKit::PeriodicTable *table = RDKit::PeriodicTable::getTable();
	double		valence = 0;
	double		radicals = 0;

	for (const auto atom : mol.atoms())
	{
		valence += table->getNouterElecs(static_cast<unsigned>(atom->getAtomicNum())) - atom->getFormalCharge()
			+ static_cast<int>(atom->getTotalNumHs());
		radicals += atom->getNumRadicalElectrons();
	}
	return {RDKit::Descriptors::calcAMW(mol), RDKit::Descriptors::calcAMW(mol, true),
		RDKit::Descriptors::calcExactMW(mol), valence, radicals,
		1.0 * mol.getNumHeavyAtoms()};
}

Values
charge_group(const RDKit::ROMol &mol)
{
	Values		charges(mol.getNumAtoms());
	double		most;
	double		least;

	RDKit::computeGasteigerCharges(mol, charges);
	/* A NaN, of an element without parameters, makes all of them unknown. */
	if (std::any_of(charges.begin(), charges.end(), [] (double q) { return !std::isfinite(q); }))
		return Values(4, NOT_KNOWN);
	most = *std::max_element(charges.begin(), charges.end());
	least = *std::min_element(charges.begin(), charges.end());
	return {most, least, std::max(std::fabs(most), std::fabs(least)),
		std::min(std::fabs(most), std::fabs(least))};
}

Values
peoe_group(const RDKit::ROMol &mol)
{
	return RDKit::Descriptors::calcPEOE_VSA(mol);
}

Values
surface_group(const RDKit::ROMol &mol)
{
	Values		values = RDKit::Descriptors::calcSMR_VSA(mol);
	double		logp;
	double		refractivity;

	append(values, RDKit::Descriptors::calcSlogP_VSA(mol));
	RDKit::Descriptors::calcCrippenDescriptors(mol, logp, refractivity);
	append(values, {RDKit::Descriptors::calcLabuteASA(mol), RDKit::Descriptors::calcTPSA(mol), logp, refractivity});
	return values;
}

/*
 * Hydrogen-bond acceptors as RDKit 2022.09 counts them, by whom models have
 * learned: later ones leave out aromatic nitrogens with three neighbours.
 */
unsigned
count_acceptors(const RDKit::ROMol &mol)
{
	static const bool left_out = RDKit::Descriptors::calcNumHBA(*std::unique_ptr<RDKit::ROMol>(RDKit::SmilesToMol("Cn1cccc1"))) == 0;
	unsigned	count = RDKit::Descriptors::calcNumHBA(mol);

	if (left_out)
		for (const auto atom : mol.atoms())
			count += atom->getAtomicNum() == 7 && atom->getIsAromatic() && atom->getFormalCharge() == 0
				&& atom->getTotalNumHs() == 0 && atom->getTotalDegree() != 2;
	return count;
}

Values
count_group(const RDKit::ROMol &mol)
{
	using namespace RDKit::Descriptors;

	return {calcFractionCSP3(mol), 1.0 * calcLipinskiHBD(mol), 1.0 * calcLipinskiHBA(mol),
		1.0 * calcNumAliphaticCarbocycles(mol), 1.0 * calcNumAliphaticHeterocycles(mol),
		1.0 * calcNumAliphaticRings(mol), 1.0 * calcNumAromaticCarbocycles(mol),
		1.0 * calcNumAromaticHeterocycles(mol), 1.0 * calcNumAromaticRings(mol),
		1.0 * count_acceptors(mol), 1.0 * calcNumHBD(mol), 1.0 * calcNumHeteroatoms(mol),
		1.0 * calcNumRotatableBonds(mol), 1.0 * calcNumSaturatedCarbocycles(mol),
		1.0 * calcNumSaturatedHeterocycles(mol), 1.0 * calcNumSaturatedRings(mol), 1.0 * calcNumRings(mol)};
}

using MorganCounts = RDKit::SparseIntVect<std::uint32_t>;

/* Different environments up to each radius, for each heavy atom. */
Values
density_group(const RDKit::ROMol &mol)
{
	RDKit::MorganFingerprints::BitInfoMap places;
	Values		values(3, 0);
	double		heavy = mol.getNumHeavyAtoms();

	std::unique_ptr<MorganCounts>(RDKit::MorganFingerprints::getFingerprint(
		mol, 3, nullptr, nullptr, false, true, true, false, &places));
	for (const auto &environment : places)
	{
		unsigned	first = 3;

		for (const auto &place : environment.second)
			first = std::min(first, place.second);
		for (unsigned radius = std::max(first, 1U); radius <= 3; radius++)
			values[radius - 1]++;
	}
	for (double &value : values)
		value = heavy > 0 ? value / heavy : 0;
	return values;
}

Values
degree_group(const RDKit::ROMol &mol)
{
	double		chi0 = 0;
	double		chi1 = 0;

	for (const auto atom : mol.atoms())
		chi0 += atom->getDegree() > 0 ? std::sqrt(1.0 / atom->getDegree()) : 0;
	for (const auto bond : mol.bonds())
		chi1 += std::sqrt(1.0 / (bond->getBeginAtom()->getDegree() * bond->getEndAtom()->getDegree()));
	return {chi0, chi1, RDKit::Descriptors::calcChi0n(mol), RDKit::Descriptors::calcChi0v(mol)};
}

/* The fragments as queries, parsed once. */
const std::vector<std::unique_ptr<RDKit::ROMol>> &
fragment_queries()
{
	static const auto queries = [] {
		std::vector<std::unique_ptr<RDKit::ROMol>> all;

		for (const auto &fragment : fragments)
		{
			all.emplace_back(RDKit::SmartsToMol(fragment.smarts));
			if (all.back() == nullptr)
				throw std::runtime_error(std::string("cannot parse the SMARTS of ") + fragment.name);
		}
		return all;
	}();

	return queries;
}

double
count_fragment(const RDKit::ROMol &mol, const RDKit::ROMol &query)
{
	RDKit::SubstructMatchParameters params;

	params.maxMatches = MOST_MATCHES;
	return static_cast<double>(RDKit::SubstructMatch(mol, query, params).size());
}

Values
fragment_group(const RDKit::ROMol &mol)
{
	Values		values;

	for (const auto &query : fragment_queries())
		values.push_back(count_fragment(mol, *query));
	return values;
}

/* Walks of four bonds, which may turn back. */
double
count_walks(const RDKit::ROMol &mol)
{
	Values		walks(mol.getNumAtoms(), 1);

	for (int length = 1; length <= 4; length++)
	{
		Values		longer(walks.size(), 0);

		for (const auto bond : mol.bonds())
		{
			longer[bond->getBeginAtomIdx()] += walks[bond->getEndAtomIdx()];
			longer[bond->getEndAtomIdx()] += walks[bond->getBeginAtomIdx()];
		}
		walks = longer;
	}
	return std::accumulate(walks.begin(), walks.end(), 0.0);
}

/* A group of descriptors, and what bounds its cost. */
struct Group
{
	Values		(*compute) (const RDKit::ROMol &mol);
	size_t		count;
	bool		cubic;			/* in the number of atoms */
	bool		branches;		/* searches paths or substructures */
};

const Group groups[] = {
	{estate_group, 25, true, false},
	{balaban_group, 1, true, false},
	{burden_descriptors, 8, true, true},
	{weight_group, 6, false, false},
	{charge_group, 4, false, false},
	{peoe_group, 14, false, false},
	{surface_group, 26, false, true},
	{count_group, 17, false, true},
	{density_group, 3, false, false},
	{degree_group, 4, false, false},
	{path_descriptors, 12, false, true},
	{fragment_group, FRAGMENTS, false, true}
};

/* The values of one group; unknown where RDKit gives up on the molecule. */
Values
compute_group(const RDKit::ROMol &mol, const Group &group)
{
	try
	{
		Values		values = group.compute(mol);

		if (values.size() == group.count)
			return values;
	}
	catch (const std::bad_alloc &)
	{
		throw;
	}
	catch (const std::exception &)
	{
		/* RDKit has no parameters for an element, or the like */
	}
	return Values(group.count, NOT_KNOWN);
}

/* Whether the molecule is one for which the group may be computed. */
bool
affordable(const RDKit::ROMol &mol, const Group &group)
{
	return (!group.cubic || mol.getNumAtoms() <= HN_CUBIC_ATOMS) && (!group.branches || count_walks(mol) <= MOST_WALKS);
}

/* A value as it is given out: what a float cannot hold is not known. */
real
finite_value(double value)
{
	return static_cast<real>(std::isfinite(static_cast<float>(value)) ? value : NOT_KNOWN);
}

/* Set next [DESCRIPTORS]. */
HnStatus
describe(HnContext *context, const RDKit::ROMol &mol, real *next)
{
	for (const Group &group : groups)
	{
		if (interrupted(context))
			return HN_INTERRUPTED;
		for (double value : affordable(mol, group) ? compute_group(mol, group) : Values(group.count, NOT_KNOWN))
			*next++ = finite_value(value);
	}
	return HN_OK;
}

/* Set values [HN_GEOMETRY_COUNT] to the numbers of a conformation, NaN if the molecule has none. */
HnStatus
describe_conformer(HnContext *context, const char *smiles, int max_atoms, real *values)
{
	double		numbers[HN_GEOMETRY_COUNT];
	HnStatus	status = hn_conformer_descriptors(context, smiles, max_atoms, numbers);

	if (status == HN_INTERRUPTED || status == HN_OUT_OF_MEMORY)
		return status;
	if (status != HN_OK)
		std::fill_n(numbers, HN_GEOMETRY_COUNT, NOT_KNOWN);
	std::transform(numbers, numbers + HN_GEOMETRY_COUNT, values, finite_value);
	return HN_OK;
}

/* The value of one descriptor, with its group, but of the fragments alone. */
double
describe_one(const RDKit::ROMol &mol, size_t descriptor)
{
	const Group *group = groups;

	for (; descriptor >= group->count; group++)
		descriptor -= group->count;
	if (!affordable(mol, *group))
		return NOT_KNOWN;
	if (group->compute == fragment_group)
		return count_fragment(mol, *fragment_queries()[descriptor]);
	return compute_group(mol, *group)[descriptor];
}

}								/* namespace */

void
hamnet::count_substructures(HnContext *context, const RDKit::ROMol &mol, HnCounts *counts)
{
	std::vector<unsigned> folded(HN_COUNT_COLUMNS, 0);
	std::unique_ptr<MorganCounts> environments(RDKit::MorganFingerprints::getFingerprint(mol, 2));
	size_t		length = 0;
	uint16_t   *columns;
	uint8_t	   *values;

	for (const auto &element : environments->getNonzeroElements())
		folded[element.first % HN_COUNT_COLUMNS] += static_cast<unsigned>(element.second);
	for (unsigned count : folded)
		length += count > 0;
	counts->columns = columns = allocate<uint16_t>(context, length);
	counts->counts = values = allocate<uint8_t>(context, length);
	counts->length = static_cast<int>(length);
	for (size_t column = 0; column < folded.size(); column++)
		if (folded[column] > 0)
		{
			*columns++ = static_cast<uint16_t>(column);
			*values++ = static_cast<uint8_t>(std::min(folded[column], 255U));
		}
}

const HnDescriptorSet hn_descriptors_rdkit_2d = {"rdkit-2d-a", static_cast<int>(DESCRIPTORS), names_2d};

static const std::array<const char *, DESCRIPTORS + HN_GEOMETRY_COUNT> names_conformer = []
{
	std::array<const char *, DESCRIPTORS + HN_GEOMETRY_COUNT> names;

	std::copy_n(hn_geometry_names, HN_GEOMETRY_COUNT, std::copy_n(names_2d, DESCRIPTORS, names.begin()));
	return names;
}();

const HnDescriptorSet hn_descriptors_conformer = {
	"rdkit-2d-a+conformer-a", static_cast<int>(names_conformer.size()), names_conformer.data()
};

const HnDescriptorSet *
hn_descriptor_set(const char *name)
{
	for (const HnDescriptorSet *set : {&hn_descriptors_rdkit_2d, &hn_descriptors_conformer})
		if (strcmp(name, set->name) == 0)
			return set;
	return nullptr;
}

HnStatus
hn_describe_smiles(HnContext *context, const char *smiles, const HnFeatureSet *features, HnNeeds needs,
				   int max_atoms, HnGraph *graph, HnDescription *description)
{
	Input		input(smiles);

	HN_TRY(guarded(context, input, [&] (const LogCapture &log) -> HnStatus
	{
		std::unique_ptr<RDKit::RWMol> mol;

		HN_TRY(read_smiles(context, input, max_atoms, log, mol));
		if (graph != nullptr)
			describe_graph(context, *mol, features, graph);
		memset(description, 0, sizeof(*description));
		if (needs.scaffold)
			HN_TRY(write_scaffold(context, *mol, &description->scaffold));
		if (needs.descriptors != nullptr)
		{
			description->descriptors = allocate<real>(context, static_cast<size_t>(needs.descriptors->count));
			HN_TRY(describe(context, *mol, description->descriptors));
		}
		if (needs.counts)
			count_substructures(context, *mol, &description->counts);
		return HN_OK;
	}));
	if (needs.descriptors == &hn_descriptors_conformer)
		HN_TRY(describe_conformer(context, smiles, max_atoms, description->descriptors + DESCRIPTORS));
	return HN_OK;
}

HnStatus
hn_describe_one(HnContext *context, const char *smiles, int descriptor, int max_atoms, double *value)
{
	Input		input(smiles);

	return guarded(context, input, [&] (const LogCapture &log) -> HnStatus
	{
		std::unique_ptr<RDKit::RWMol> mol;

		HN_TRY(read_smiles(context, input, max_atoms, log, mol));
		*value = static_cast<double>(finite_value(describe_one(*mol, static_cast<size_t>(descriptor))));
		return HN_OK;
	});
}
