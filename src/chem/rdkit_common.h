/*
 * rdkit_common.h: what every file that calls RDKit needs: catching what it
 * throws and logs, and reading molecules within limits.
 *
 * C++ is confined to src/chem/rdkit_*.cpp. Each public function there runs its
 * work in guarded(), which catches whatever RDKit throws, so that no exception
 * reaches C, and nothing jumps over a C++ frame: a failure is a status and a
 * message in the context.
 *
 * RDKit's loggers are global objects, redirected while a call lasts. This
 * suits a process with one thread, as a PostgreSQL backend is; calls from
 * several threads at once need a lock around them. Nothing is kept across
 * calls but empty buffers and tables that never change, so a fork between
 * calls is harmless.
 */
#ifndef HAMNET_RDKIT_COMMON_H
#define HAMNET_RDKIT_COMMON_H

#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include <GraphMol/RWMol.h>
#include <GraphMol/SmilesParse/SmilesParse.h>
#include <RDGeneral/RDLog.h>

#include "rdkit_signals.h"

extern "C"
{
#include "hamnet/graph.h"
}

namespace hamnet
{

/* As much of a rejected input as a message shows. */
constexpr size_t SHOWN_LENGTH = 200;

/* What helps against the limits that come from max_atoms. */
constexpr char HINT_MAX_ATOMS[] = "The setting \"hamnet.max_atoms\" bounds the size of molecules.";

/* As much of RDKit's reason as a message shows. */
constexpr size_t REASON_SIZE = 512;

/*
 * While one lives, RDKit's error log goes to memory and its other logs go
 * nowhere: a server's standard streams are not RDKit's to write to.
 */
class LogCapture
{
public:
	LogCapture();
	~LogCapture();
	LogCapture(const LogCapture &) = delete;
	LogCapture &operator=(const LogCapture &) = delete;

	const char *text() const;

private:
	RDLogger	error;
	RDLogger	warning;
	RDLogger	info;
	RDLogger	debug;

	void		swap_logs() noexcept;
};

/* What kind of text a molecule is read from, as messages name it. */
enum class Format
{
	SMILES,
	MOL_BLOCK
};

/* The text of a molecule, but for a MOL block without the white space around it. */
struct Input
{
	const char *text;
	size_t		length;
	Format		format;

	explicit Input(const char *text, Format format = Format::SMILES);
};

/*
 * RDKit's reason in the style of our messages: one line, lower case first
 * letter, single spaces, no final period.
 */
struct Reason
{
	char		text[REASON_SIZE];

	Reason(const char *words, size_t length);
	explicit Reason(const char *words) : Reason(words, strlen(words))
	{
	}
};

/* The molecule is not one: HN_INVALID_SMILES with the input and the reason. */
HnStatus reject(HnContext *context, const Input &input, const Reason &reason) noexcept;

/* RDKit threw what is no exception of its own or of the standard library: HN_INTERNAL. */
HnStatus fail_internal(HnContext *context, const Input &input) noexcept;

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

/* What RDKit needs for a molecule of usual size, in bytes, with room to spare. */
constexpr size_t USUAL_MEMORY = 8 << 20;

/*
 * Throw what a failed allocation throws, unless there is so much memory. From
 * 2026.09 on RDKit finds rings by a library in C which does not look whether it
 * was given memory.
 */
void expect_memory(size_t bytes);

/* A copy in the context's arena. */
const char *copy_text(HnContext *context, const std::string &text);

/* Run work, which may throw, and turn what it throws into a status. */
template <typename Work>
HnStatus
guarded(HnContext *context, const Input &input, Work work) noexcept
{
	try
	{
		SignalGuard guard;
		LogCapture	log;

		expect_memory(USUAL_MEMORY);
		return work(log);
	}
	catch (const std::bad_alloc &)
	{
		hn_fail_memory(context);
		return HN_OUT_OF_MEMORY;
	}
	catch (const std::exception &e)
	{
		/*
		 * Memory apart, it is the molecule that RDKit fails on, whether it
		 * says so by an exception of its own or, as on a short line of a MOL
		 * block, leaves it to the standard library.
		 */
		return reject(context, input, Reason(e.what()));
	}
	catch (...)
	{
		return fail_internal(context, input);
	}
}

/* Whether atoms keep their numbers in an atom-mapped reaction. */
enum class AtomMaps
{
	DROP,
	KEEP
};

/*
 * The molecule that RDKit makes of a SMILES by default, in the steps of its
 * SmilesToMol, with the limits checked as soon as they can be and before the
 * steps whose cost is more than linear. Atom-map numbers would change the
 * canonical order of atoms, and which hydrogens become implicit: they are
 * dropped first.
 */
HnStatus read_smiles(HnContext *context, const Input &input, int max_atoms, const LogCapture &log,
					 std::unique_ptr<RDKit::RWMol> &mol, AtomMaps maps = AtomMaps::DROP);

/* Drop the atom-map numbers. */
void drop_atom_maps(RDKit::ROMol &mol);

/* RDKit's canonical SMILES. HN_TOO_LARGE where the stack may be too short for it. */
HnStatus write_smiles(HnContext *context, const RDKit::ROMol &mol, bool isomeric, const char **smiles);

/* The Murcko scaffold of a molecule as SMILES, see hn_scaffold. */
HnStatus write_scaffold(HnContext *context, const RDKit::ROMol &mol, const char **scaffold);

/* Check the sizes that the cost of sanitising depends on. Hydrogens do not count. */
HnStatus check_size(HnContext *context, const RDKit::RWMol &mol, int max_atoms);

/* Check the number of atoms that are left when hydrogens have been made implicit. */
HnStatus check_atoms(HnContext *context, const RDKit::ROMol &mol, int max_atoms) noexcept;

/* Describe a sanitised molecule by a feature set, atoms in canonical order. */
void describe_graph(HnContext *context, const RDKit::ROMol &mol, const HnFeatureSet *features,
					HnGraph *graph);

/* Count the substructures of a sanitised molecule: fold 32-bit identifiers of environments into columns. */
void count_substructures(HnContext *context, const RDKit::ROMol &mol, HnCounts *counts);

}								/* namespace hamnet */

#endif
