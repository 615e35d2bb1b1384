/*
 * rdkit_adapter.cpp: SMILES to graphs, by RDKit.
 *
 * The only C++ in the core. Each public function catches whatever RDKit
 * throws, so that no exception reaches C, and nothing here jumps over a C++
 * frame: a failure is a status and a message in the context.
 *
 * RDKit's loggers are global objects, redirected while a call lasts. This
 * suits a process with one thread, as a PostgreSQL backend is; calls from
 * several threads at once need a lock around them. Nothing is kept across
 * calls but empty buffers, so a fork between calls is harmless.
 */
#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <ostream>
#include <streambuf>
#include <string>
#include <vector>

#include <GraphMol/Atom.h>
#include <GraphMol/Bond.h>
#include <GraphMol/MolOps.h>
#include <GraphMol/PeriodicTable.h>
#include <GraphMol/RWMol.h>
#include <GraphMol/RingInfo.h>
#include <GraphMol/SanitException.h>
#include <GraphMol/SmilesParse/SmilesParse.h>
#include <GraphMol/SmilesParse/SmilesParseOps.h>
#include <GraphMol/SmilesParse/SmilesWrite.h>
#include <GraphMol/new_canon.h>
#include <RDGeneral/Exceptions.h>
#include <RDGeneral/Invariant.h>
#include <RDGeneral/RDLog.h>
#include <RDGeneral/types.h>
#include <RDGeneral/versions.h>

extern "C"
{
#include "features.h"
#include "hamnet/chem.h"
}

namespace
{

/* As much of a rejected SMILES as a message shows. */
constexpr size_t SHOWN_LENGTH = 200;

/* As much of RDKit's reason as a message shows. */
constexpr size_t REASON_SIZE = 512;

/*
 * Bytes of SMILES for each atom allowed, and for the whole. A bracket atom
 * with isotope, chirality, charge and atom map, its bond and two ring closures
 * takes 30; written hydrogens take 5 each.
 */
constexpr size_t BYTES_PER_ATOM = 32;
constexpr size_t BYTES_EXTRA = 1024;

/*
 * Bonds for each atom. Twelve equal spheres touch another in space, and each
 * contact is shared by two, so that even a close-packed metal cluster stays
 * within six; a fullerene has 1.5, a boron cage at most 3. RDKit's ring
 * perception is polynomial, but far from linear, in the number of bonds.
 */
constexpr size_t BONDS_PER_ATOM = 6;

/*
 * Bonds of a single atom, the most that dummy atoms for surfaces and
 * dendrimers may need. Removing hydrogens costs the square of it.
 */
constexpr size_t BONDS_OF_ATOM = 64;

constexpr int LAST_ELEMENT = 118;

/* Charges and numbers of hydrogens that RDKit's eight bits hold. */
constexpr int LARGEST_CHARGE = 127;

/* Keeps the first bytes written to it and drops the rest, without allocating. */
class FirstBytes : public std::streambuf
{
public:
	void
	clear()
	{
		setp(bytes, bytes + sizeof(bytes) - 1);
	}

	const char *
	text()
	{
		*pptr() = '\0';
		return bytes;
	}

protected:
	int_type
	overflow(int_type c) override
	{
		return traits_type::not_eof(c);
	}

	std::streamsize
	xsputn(const char *s, std::streamsize n) override
	{
		std::streamsize kept = std::min<std::streamsize>(n, epptr() - pptr());

		memcpy(pptr(), s, static_cast<size_t>(kept));
		pbump(static_cast<int>(kept));
		return n;
	}

private:
	char		bytes[4096];
};

/*
 * While one lives, RDKit's error log goes to memory and its other logs go
 * nowhere: a server's standard streams are not RDKit's to write to.
 */
class LogCapture
{
public:
	LogCapture()
	{
		Sink	   &shared = sink();

		shared.bytes.clear();
		shared.stream.clear();
		error = shared.logger;
		swap_logs();
	}

	~LogCapture()
	{
		swap_logs();
	}

	LogCapture(const LogCapture &) = delete;
	LogCapture &operator=(const LogCapture &) = delete;

	const char *
	text() const
	{
		return sink().bytes.text();
	}

private:
	struct Sink
	{
		FirstBytes	bytes;
		std::ostream stream{&bytes};
		RDLogger	logger = std::make_shared<boost::logging::rdLogger>(&stream);
	};

	RDLogger	error;
	RDLogger	warning;
	RDLogger	info;
	RDLogger	debug;

	static Sink &
	sink()
	{
		static Sink shared;

		return shared;
	}

	void
	swap_logs() noexcept
	{
		rdErrorLog.swap(error);
		rdWarningLog.swap(warning);
		rdInfoLog.swap(info);
		rdDebugLog.swap(debug);
	}
};

/* A SMILES without the white space around it. */
struct Input
{
	const char *text;
	size_t		length;

	explicit Input(const char *smiles)
	: text(smiles + strspn(smiles, " \t\r\n\f\v")), length(strlen(text))
	{
		while (length > 0 && strchr(" \t\r\n\f\v", text[length - 1]))
			length--;
	}
};

/*
 * The SMILES as a message shows it: its beginning, with bytes outside
 * printable ASCII in hexadecimal, because we do not know their encoding and
 * must not cut a character in half.
 */
struct Shown
{
	char		text[4 * SHOWN_LENGTH + sizeof("...")];

	explicit Shown(const Input &input)
	{
		char	   *out = text;

		for (size_t i = 0; i < input.length && i < SHOWN_LENGTH; i++)
		{
			unsigned char c = static_cast<unsigned char>(input.text[i]);

			if (c >= ' ' && c <= '~')
				*out++ = static_cast<char>(c);
			else
				out += snprintf(out, 5, "\\x%02X", c);
		}
		strcpy(out, input.length > SHOWN_LENGTH ? "..." : "");
	}
};

/*
 * RDKit's reason in the style of our messages: one line, lower case first
 * letter, single spaces, no final period.
 */
struct Reason
{
	char		text[REASON_SIZE];

	Reason(const char *words, size_t length)
	{
		size_t		used = 0;

		for (size_t i = 0; i < length && used < sizeof(text) - 1; i++)
		{
			unsigned char c = static_cast<unsigned char>(words[i]);

			if (c > ' ' && c <= '~')
				text[used++] = words[i];
			else if (used > 0 && text[used - 1] != ' ')
				text[used++] = ' ';
		}
		while (used > 0 && (text[used - 1] == ' ' || text[used - 1] == '.'))
			used--;
		text[used] = '\0';
		/* "Explicit", but not "CXSMILES" */
		if (text[0] >= 'A' && text[0] <= 'Z' && !(text[1] >= 'A' && text[1] <= 'Z'))
			text[0] = static_cast<char>(text[0] - 'A' + 'a');
	}

	explicit Reason(const char *words) : Reason(words, strlen(words))
	{
	}
};

HnStatus
reject(HnContext *context, const Input &input, const Reason &reason) noexcept
{
	return hn_fail(context, HN_INVALID_SMILES, "invalid SMILES \"%s\": %s",
				   Shown(input).text, reason.text);
}

/*
 * Reject with what the parser logged. Its first line reads
 *
 *		[12:34:56] SMILES Parse Error: REASON for input: 'SMILES'
 *
 * or "REASON while parsing: SMILES"; time and SMILES are left out, for our
 * message has the SMILES. Newer versions of RDKit add a line with the position.
 */
HnStatus
reject_parse(HnContext *context, const Input &input, const char *log) noexcept
{
	static const char heading[] = "Parse Error: ";
	static const char place[] = "check for mistakes around position ";
	const char *words = strstr(log, heading);
	const char *position = strstr(log, place);
	size_t		length;
	unsigned	number;

	if (words == nullptr)
		return reject(context, input, Reason(*log ? log : "syntax error"));
	words += strlen(heading);
	length = strcspn(words, "\n");
	for (const char *tail : {" while parsing: ", " for input: '"})
	{
		const char *found = strstr(words, tail);

		if (found != nullptr)
			length = std::min(length, static_cast<size_t>(found - words));
	}

	Reason		reason(words, length);

	if (position != nullptr && sscanf(position + strlen(place), "%u", &number) == 1)
		return hn_fail(context, HN_INVALID_SMILES, "invalid SMILES \"%s\": %s around position %u",
					   Shown(input).text, reason.text, number);
	return reject(context, input, reason);
}

/* Memory from the context's arena, as C++ code wants it to fail. */
template <typename T>
T *
allocate(HnContext *context, size_t count)
{
	void	   *memory = hn_arena_alloc(context->arena, count, sizeof(T));

	if (memory == nullptr)
		throw std::bad_alloc();
	return static_cast<T *>(memory);
}

template <typename T>
T *
allocate_zero(HnContext *context, size_t count)
{
	void	   *memory = hn_arena_alloc_zero(context->arena, count, sizeof(T));

	if (memory == nullptr)
		throw std::bad_alloc();
	return static_cast<T *>(memory);
}

/* Run work, which may throw, and turn what it throws into a status. */
template <typename Work>
HnStatus
guarded(HnContext *context, const Input &input, Work work) noexcept
{
	try
	{
		LogCapture	log;

		return work(log);
	}
	catch (const std::bad_alloc &)
	{
		hn_fail_memory(context);
		return HN_OUT_OF_MEMORY;
	}
	catch (const RDKit::MolSanitizeException &e)
	{
		return reject(context, input, Reason(e.what()));
	}
	catch (const RDKit::SmilesParseException &e)
	{
		return reject(context, input, Reason(e.what()));
	}
	catch (const ValueErrorException &e)
	{
		return reject(context, input, Reason(e.what()));
	}
	catch (const Invar::Invariant &e)
	{
		return reject(context, input, Reason(e.what()));
	}
	catch (const std::exception &e)
	{
		return hn_fail(context, HN_INTERNAL, "RDKit failed on SMILES \"%s\": %s",
					   Shown(input).text, Reason(e.what()).text);
	}
	catch (...)
	{
		return hn_fail(context, HN_INTERNAL, "RDKit failed on SMILES \"%s\"", Shown(input).text);
	}
}

/*
 * Check what the parser must not be given. RDKit's scanner takes bytes above
 * 127 and line feeds for the end of the input, and would silently ignore what
 * follows them.
 */
HnStatus
check_text(HnContext *context, const Input &input, int max_atoms) noexcept
{
	size_t		limit = static_cast<size_t>(max_atoms) * BYTES_PER_ATOM + BYTES_EXTRA;

	if (input.length == 0)
		return hn_fail(context, HN_INVALID_SMILES, "invalid SMILES \"\": it is empty");
	if (input.length > limit)
		return hn_fail(context, HN_TOO_LARGE,
					   "SMILES has %zu bytes, more than the limit of %zu for molecules of at most %d atoms",
					   input.length, limit, max_atoms);
	for (size_t i = 0; i < input.length; i++)
	{
		unsigned char c = static_cast<unsigned char>(input.text[i]);

		if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
			return hn_fail(context, HN_INVALID_SMILES,
						   "invalid SMILES \"%s\": white space at position %zu, where a name or another molecule may follow",
						   Shown(input).text, i + 1);
		if (c <= ' ' || c > '~')
			return hn_fail(context, HN_INVALID_SMILES,
						   "invalid SMILES \"%s\": unexpected byte \\x%02X at position %zu",
						   Shown(input).text, c, i + 1);
	}
	return HN_OK;
}

/*
 * Check the numbers in brackets that RDKit would silently cut to eight bits:
 * [#300] would become ruthenium, and [Fe+300] would have the charge 44.
 */
HnStatus
check_numbers(HnContext *context, const Input &input) noexcept
{
	bool		bracket = false;

	for (size_t i = 0; i + 1 < input.length; i++)
	{
		char		c = input.text[i];
		int			limit = c == '#' ? LAST_ELEMENT : LARGEST_CHARGE;
		int			number = 0;

		bracket = c == '[' || (bracket && c != ']');
		if (!bracket || strchr("#+-H", c) == nullptr)
			continue;
		for (size_t k = i + 1; k < input.length && isdigit(input.text[k]) && number <= limit; k++)
			number = 10 * number + (input.text[k] - '0');
		if (number > limit)
			return hn_fail(context, HN_INVALID_SMILES,
						   "invalid SMILES \"%s\": number at position %zu is larger than %d",
						   Shown(input).text, i + 2, limit);
	}
	return HN_OK;
}

HnStatus
fail_atoms(HnContext *context, size_t atoms, int max_atoms) noexcept
{
	return hn_fail(context, HN_TOO_LARGE, "molecule has %zu atoms, more than the limit of %d",
				   atoms, max_atoms);
}

/*
 * Check the sizes that the cost of sanitising depends on. Written hydrogens
 * are not counted yet, because most of them become implicit; the length of
 * the SMILES bounds them.
 */
HnStatus
check_size(HnContext *context, const RDKit::RWMol &mol, int max_atoms)
{
	size_t		atoms = mol.getNumAtoms();
	size_t		bonds = mol.getNumBonds();
	size_t		heavy = 0;

	for (const auto atom : mol.atoms())
	{
		heavy += atom->getAtomicNum() != 1;
		if (atom->getDegree() > BONDS_OF_ATOM)
			return hn_fail(context, HN_TOO_LARGE,
						   "atom %u has %u bonds, more than the limit of %zu",
						   atom->getIdx(), atom->getDegree(), BONDS_OF_ATOM);
	}
	if (heavy > static_cast<size_t>(max_atoms))
		return fail_atoms(context, heavy, max_atoms);
	if (bonds > BONDS_PER_ATOM * atoms)
		return hn_fail(context, HN_TOO_LARGE,
					   "molecule has %zu bonds between %zu atoms, more than the limit of %zu for each atom",
					   bonds, atoms, BONDS_PER_ATOM);
	return HN_OK;
}

/*
 * The molecule that RDKit makes of a SMILES by default, in the steps of its
 * SmilesToMol, with the limits checked as soon as they can be and before the
 * steps whose cost is more than linear.
 */
HnStatus
read_molecule(HnContext *context, const Input &input, int max_atoms, const LogCapture &log,
			  std::unique_ptr<RDKit::RWMol> &mol)
{
	RDKit::SmilesParserParams params;

	params.sanitize = false;
	params.removeHs = false;
	params.allowCXSMILES = false;
	params.parseName = false;
	params.skipCleanup = true;
	HN_TRY(check_text(context, input, max_atoms));
	HN_TRY(check_numbers(context, input));
	mol.reset(RDKit::SmilesToMol(std::string(input.text, input.length), params));
	if (mol == nullptr)
		return reject_parse(context, input, log.text());
	HN_TRY(check_size(context, *mol, max_atoms));
	if (hn_interrupted(context))
		return HN_INTERRUPTED;

	RDKit::MolOps::removeHs(*mol, false /* not only implicit ones */, true /* count them */,
							true /* sanitise */);
	RDKit::MolOps::assignStereochemistry(*mol, true /* clean up */, true /* force */,
										 true /* flag possible centres */);
	SmilesParseOps::CleanupAfterParsing(mol.get());
	if (mol->getNumAtoms() > static_cast<size_t>(max_atoms))
		return fail_atoms(context, mol->getNumAtoms(), max_atoms);
	return hn_interrupted(context) ? HN_INTERRUPTED : HN_OK;
}

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

HnAtomFacts
facts_of(const RDKit::Atom &atom)
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
		HnAtomFacts facts = facts_of(*atom);
		double		weight = table->getAtomicWeight(static_cast<unsigned>(facts.element));

		graph->source_atom[place] = static_cast<int>(atom->getIdx());
		graph->element[place] = static_cast<unsigned char>(facts.element);
		graph->mass[place] = static_cast<real>(weight > 0 ? weight / 50 : 1);
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

HnStatus
hn_graph_from_smiles(HnContext *context, const char *smiles, const HnFeatureSet *features,
					 int max_atoms, HnGraph *graph)
{
	Input		input(smiles);

	return guarded(context, input, [&] (const LogCapture &log) -> HnStatus
	{
		std::unique_ptr<RDKit::RWMol> mol;
		std::vector<unsigned int> rank;

		HN_TRY(read_molecule(context, input, max_atoms, log, mol));
		RDKit::Canon::rankMolAtoms(*mol, rank);
		graph->features = features;
		describe_atoms(context, *mol, rank, graph);
		describe_bonds(context, *mol, rank, graph);
		return HN_OK;
	});
}

HnStatus
hn_canonical_smiles(HnContext *context, const char *smiles, int max_atoms, const char **canonical)
{
	Input		input(smiles);

	return guarded(context, input, [&] (const LogCapture &log) -> HnStatus
	{
		std::unique_ptr<RDKit::RWMol> mol;

		HN_TRY(read_molecule(context, input, max_atoms, log, mol));

		std::string text = RDKit::MolToSmiles(*mol);
		char	   *copy = allocate<char>(context, text.size() + 1);

		memcpy(copy, text.c_str(), text.size() + 1);
		*canonical = copy;
		return HN_OK;
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
