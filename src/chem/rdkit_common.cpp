/*
 * rdkit_common.cpp: catching what RDKit logs, and reading SMILES within limits.
 */
#include "rdkit_common.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdio>
#include <ostream>
#include <streambuf>
#include <string>

#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <GraphMol/Atom.h>
#include <GraphMol/MolOps.h>
#include <GraphMol/SmilesParse/SmilesParseOps.h>
#include <GraphMol/SmilesParse/SmilesWrite.h>

namespace hamnet
{

namespace
{

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
 * Bytes expected to be there beyond USUAL_MEMORY for each pair of atoms, which
 * the search for rings may keep distances and paths for, and at most in all.
 */
constexpr size_t BYTES_PER_PAIR = 64;
constexpr size_t MOST_MEMORY = 256 << 20;

/*
 * Bonds of a single atom, the most that dummy atoms for surfaces and
 * dendrimers may need. Removing hydrogens costs the square of it.
 */
constexpr size_t BONDS_OF_ATOM = 64;

/*
 * Dummy atoms in rings. Where an aromatic ring has them and no obvious double
 * bonds, RDKit tries each of d with one and without, which takes 2^d times what
 * the r atoms in rings cost, about r² each: 24 of 29 atoms took half a minute,
 * and 12 of 240 as long, with 2022.09. Within this many such steps nothing that
 * was tried took more than 0.05 s.
 */
constexpr size_t DOUBLE_BOND_STEPS = 1 << 22;

constexpr int LAST_ELEMENT = 118;

/* What helps where more than a SMILES is given. */
constexpr char HINT_CXSMILES[] = "hamnet_from_cxsmiles() returns the SMILES in front of a name or an extension.";

/* Charges and numbers of hydrogens that RDKit's eight bits hold. */
constexpr int LARGEST_CHARGE = 127;

/* Isotopes that its sixteen bits hold. */
constexpr int LARGEST_ISOTOPE = 65535;

/*
 * RDKit writes a SMILES by recursion from atom to atom: 0.7 kB of stack for
 * each of a chain of nested branches, measured with 2022.09. Twice that, and
 * something for the rest.
 */
constexpr size_t STACK_PER_ATOM = 1536;
constexpr size_t STACK_EXTRA = 64 * 1024;

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

/* What the error log is written to. */
struct Sink
{
	FirstBytes	bytes;
	std::ostream stream{&bytes};
	RDLogger	logger = std::make_shared<boost::logging::rdLogger>(&stream);
};

Sink &
sink()
{
	static Sink shared;

	return shared;
}

/*
 * The input as a message shows it: its beginning, with bytes outside
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

const char *
name_of(Format format)
{
	return format == Format::SMILES ? "SMILES" : "MOL block";
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
	{
		hn_fail(context, HN_TOO_LARGE, "SMILES has %zu bytes, more than the limit of %zu for molecules of at most %d atoms",
				input.length, limit, max_atoms);
		return hn_hint(context, HINT_MAX_ATOMS);
	}
	for (size_t i = 0; i < input.length; i++)
	{
		unsigned char c = static_cast<unsigned char>(input.text[i]);

		if (c == '|' || (c <= ' ' && input.text[i + strspn(input.text + i, " \t")] == '|'))
		{
			hn_fail(context, HN_INVALID_SMILES, "invalid SMILES \"%s\": CXSMILES extension at position %zu",
					Shown(input).text, i + 1);
			return hn_hint(context, HINT_CXSMILES);
		}
		if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
		{
			hn_fail(context, HN_INVALID_SMILES,
					"invalid SMILES \"%s\": white space at position %zu, where a name or another molecule may follow",
					Shown(input).text, i + 1);
			return hn_hint(context, HINT_CXSMILES);
		}
		if (c <= ' ' || c > '~')
			return hn_fail(context, HN_INVALID_SMILES,
						   "invalid SMILES \"%s\": unexpected byte \\x%02X at position %zu",
						   Shown(input).text, c, i + 1);
	}
	return HN_OK;
}

/* The largest number that may follow a character in brackets, the first of which is the bracket. */
int
limit_after(char c) noexcept
{
	return c == '[' ? LARGEST_ISOTOPE : c == '#' ? LAST_ELEMENT : LARGEST_CHARGE;
}

/*
 * Check the numbers in brackets that RDKit would silently cut to the bits it
 * has for them: [#300] would become ruthenium, [Fe+300] would have the charge
 * 44, and [65549C] would be carbon-13.
 */
HnStatus
check_numbers(HnContext *context, const Input &input) noexcept
{
	bool		bracket = false;

	for (size_t i = 0; i + 1 < input.length; i++)
	{
		char		c = input.text[i];
		int			limit = limit_after(c);
		int			number = 0;

		bracket = c == '[' || (bracket && c != ']');
		if (!bracket || strchr("[#+-H", c) == nullptr)
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
	hn_fail(context, HN_TOO_LARGE, "molecule has %zu atoms, more than the limit of %d", atoms, max_atoms);
	return hn_hint(context, HINT_MAX_ATOMS);
}

/* Rings are searched for only where there are dummies that may be in one. */
HnStatus
check_dummies(HnContext *context, const RDKit::RWMol &mol)
{
	size_t		dummies = 0;
	size_t		ring_atoms = 0;
	size_t		most = 0;

	for (const auto atom : mol.atoms())
		dummies += atom->getAtomicNum() == 0 && atom->getDegree() > 1;
	if (dummies == 0)
		return HN_OK;

	RDKit::ROMol copy(mol);

	RDKit::MolOps::fastFindRings(copy);
	dummies = 0;
	for (const auto atom : copy.atoms())
	{
		if (copy.getRingInfo()->numAtomRings(atom->getIdx()) == 0)
			continue;
		ring_atoms++;
		dummies += atom->getAtomicNum() == 0;
	}
	while (most < dummies && ring_atoms * ring_atoms << (most + 1) <= DOUBLE_BOND_STEPS)
		most++;
	if (most == dummies)
		return HN_OK;
	hn_fail(context, HN_TOO_LARGE, "molecule has %zu atoms \"*\" among %zu atoms in rings, more than the limit of %zu",
			dummies, ring_atoms, most);
	return hn_hint(context, "Write an element, such as C, in place of \"*\" in rings: RDKit would try each with and "
				   "without a double bond.");
}

/* How much deeper the stack may grow, in bytes, as far as the system tells. */
size_t
free_stack() noexcept
{
#ifdef __GLIBC__
	static const char *const top = [] () noexcept -> const char *
	{
		pthread_attr_t attributes;
		void	   *lowest = nullptr;
		size_t		size = 0;

		if (pthread_getattr_np(pthread_self(), &attributes) == 0)
		{
			pthread_attr_getstack(&attributes, &lowest, &size);
			pthread_attr_destroy(&attributes);
		}
		return static_cast<const char *>(lowest) + size;
	}();
	size_t		used = static_cast<size_t>(top - static_cast<const char *>(__builtin_frame_address(0)));
	struct rlimit limit;

	if (top != nullptr && getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
		return limit.rlim_cur > used ? limit.rlim_cur - used : 0;
#endif
	return SIZE_MAX;
}

}								/* namespace */

LogCapture::LogCapture()
{
	Sink	   &shared = sink();

	shared.bytes.clear();
	shared.stream.clear();
	error = shared.logger;
	swap_logs();
}

LogCapture::~LogCapture()
{
	swap_logs();
}

const char *
LogCapture::text() const
{
	return sink().bytes.text();
}

void
LogCapture::swap_logs() noexcept
{
	rdErrorLog.swap(error);
	rdWarningLog.swap(warning);
	rdInfoLog.swap(info);
	rdDebugLog.swap(debug);
}

Input::Input(const char *input, Format format)
: text(input), format(format)
{
	/* The lines of a MOL block's header may be blank. */
	if (format != Format::MOL_BLOCK)
		text += strspn(text, " \t\r\n\f\v");
	length = strlen(text);
	while (length > 0 && strchr(" \t\r\n\f\v", text[length - 1]))
		length--;
}

Reason::Reason(const char *words, size_t length)
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

HnStatus
reject(HnContext *context, const Input &input, const Reason &reason) noexcept
{
	return hn_fail(context, HN_INVALID_SMILES, "invalid %s \"%s\": %s",
				   name_of(input.format), Shown(input).text, reason.text);
}

HnStatus
fail_internal(HnContext *context, const Input &input) noexcept
{
	return hn_fail(context, HN_INTERNAL, "RDKit failed on %s \"%s\"", name_of(input.format), Shown(input).text);
}

void
expect_memory(size_t bytes)
{
	void	   *memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		throw std::bad_alloc();
	munmap(memory, bytes);
}

HnStatus
check_atoms(HnContext *context, const RDKit::ROMol &mol, int max_atoms) noexcept
{
	if (mol.getNumAtoms() > static_cast<size_t>(max_atoms))
		return fail_atoms(context, mol.getNumAtoms(), max_atoms);
	return HN_OK;
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
	expect_memory(std::min(USUAL_MEMORY + BYTES_PER_PAIR * atoms * atoms, MOST_MEMORY));
	return check_dummies(context, mol);
}

const char *
copy_text(HnContext *context, const std::string &text)
{
	char	   *copy = allocate<char>(context, text.size() + 1);

	memcpy(copy, text.c_str(), text.size() + 1);
	return copy;
}

HnStatus
write_smiles(HnContext *context, const RDKit::ROMol &mol, bool isomeric, const char **smiles)
{
	if (free_stack() < mol.getNumAtoms() * STACK_PER_ATOM + STACK_EXTRA)
		return hn_fail(context, HN_TOO_LARGE, "stack is too short to write the SMILES of %u atoms", mol.getNumAtoms());

	*smiles = copy_text(context, RDKit::MolToSmiles(mol, isomeric));
	return HN_OK;
}

void
drop_atom_maps(RDKit::ROMol &mol)
{
	for (const auto atom : mol.atoms())
		atom->setAtomMapNum(0);
}

HnStatus
read_smiles(HnContext *context, const Input &input, int max_atoms, const LogCapture &log,
			std::unique_ptr<RDKit::RWMol> &mol, AtomMaps maps)
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
	if (interrupted(context))
		return HN_INTERRUPTED;

	RDKit::MolOps::RemoveHsParameters hydrogens;

	if (maps == AtomMaps::DROP)
		drop_atom_maps(*mol);
	hydrogens.updateExplicitCount = true;
	RDKit::MolOps::removeHs(*mol, hydrogens, true /* sanitise */);
	RDKit::MolOps::assignStereochemistry(*mol, true /* clean up */, true /* force */,
										 true /* flag possible centres */);
	SmilesParseOps::CleanupAfterParsing(mol.get());
	HN_TRY(check_atoms(context, *mol, max_atoms));
	return interrupted(context) ? HN_INTERRUPTED : HN_OK;
}

}								/* namespace hamnet */
