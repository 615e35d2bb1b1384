/*
 * rdkit_substructure.cpp: searching molecules for a pattern, by RDKit.
 *
 * RDKit's search asks nobody whether to go on. So every atom of a pattern, and
 * of the patterns within it, gets one more condition, which asks, and is true until
 * the answer is to stop: from then on nothing matches, and the search soon ends.
 */
#include <algorithm>
#include <memory>
#include <string>

#include <RDGeneral/RDConfig.h>	/* before QueryOps.h, whose classes it gives a mutex */
#include <GraphMol/QueryAtom.h>
#include <GraphMol/QueryOps.h>

#include "rdkit_substructure.h"

extern "C"
{
#include "hamnet/substructure.h"
}

using namespace hamnet;

struct HnPattern
{
	std::unique_ptr<RDKit::RWMol> mol;
};

namespace
{

/* Atoms compared between two questions: some tenths of a millisecond. */
constexpr unsigned ATOMS_BETWEEN = 4096;

/* The search that runs. */
struct
{
	HnContext  *context;
	unsigned	compared;
	bool		stopped;
}			search;

int
ask(const RDKit::Atom *)
{
	if (!search.stopped && ++search.compared % ATOMS_BETWEEN == 0)
		search.stopped = interrupted(search.context);
	return !search.stopped;
}

void		make_ask(RDKit::ROMol &mol);

/* The same for patterns within a condition, as in [$(CC)]. */
void
make_ask(const RDKit::Atom::QUERYATOM_QUERY &condition)
{
	auto		recursive = dynamic_cast<const RDKit::RecursiveStructureQuery *>(&condition);

	/* It is ours alone: the pattern was just parsed. */
	if (recursive != nullptr)
		make_ask(const_cast<RDKit::ROMol &>(*recursive->getQueryMol()));
	for (auto child = condition.beginChildren(); child != condition.endChildren(); ++child)
		make_ask(**child);
}

void
make_ask(RDKit::ROMol &mol)
{
	for (const auto atom : mol.atoms())
	{
		if (!atom->hasQuery())
			continue;
		make_ask(*atom->getQuery());

		auto		question = std::make_unique<RDKit::ATOM_EQUALS_QUERY>(1);

		question->setDataFunc(ask);
		question->setDescription("Ask");
		atom->expandQuery(question.release(), Queries::COMPOSITE_AND);
	}
}

/* The pattern; none where RDKit rejects it, by an exception too. */
std::unique_ptr<RDKit::RWMol>
parse(const std::string &smarts)
{
	try
	{
		return std::unique_ptr<RDKit::RWMol>(RDKit::SmartsToMol(smarts));
	}
	catch (const std::bad_alloc &)
	{
		throw;
	}
	catch (const std::exception &)
	{
		return nullptr;
	}
}

/*
 * HN_INVALID_ARGUMENT, which lenient forms do not forgive, with what RDKit
 * logged: "[12:34:56] SMARTS Parse Error: REASON while parsing: SMARTS".
 */
HnStatus
reject_pattern(HnContext *context, const char *smarts, const char *log)
{
	static const char heading[] = "SMARTS Parse Error: ";
	const char *words = strstr(log, heading);
	const char *end;

	words = words != nullptr ? words + strlen(heading) : log;
	end = strstr(words, " while parsing");
	if (end == nullptr)
		end = words + strcspn(words, "\n");

	Reason		reason(words, static_cast<size_t>(end - words));
	Reason		shown(smarts, std::min(strlen(smarts), SHOWN_LENGTH));

	return hn_fail(context, HN_INVALID_ARGUMENT, "invalid SMARTS \"%s\": %s", shown.text,
				   reason.text[0] != '\0' ? reason.text : "it has no atoms");
}

/* Count the matches of a pattern, up to a limit. */
HnStatus
count_matches(HnContext *context, const char *smiles, const HnPattern *pattern, int max_atoms, unsigned limit, int *count)
{
	Input		input(smiles);

	return guarded(context, input, [&] (const LogCapture &log) -> HnStatus
	{
		std::unique_ptr<RDKit::RWMol> mol;
		std::vector<RDKit::MatchVectType> matches;

		HN_TRY(read_smiles(context, input, max_atoms, log, mol));
		HN_TRY(match_pattern(context, *mol, *pattern->mol, limit, matches));
		*count = static_cast<int>(matches.size());
		return HN_OK;
	});
}

}								/* namespace */

HnStatus
hamnet::parse_pattern(HnContext *context, const char *smarts, const LogCapture &log, std::unique_ptr<RDKit::RWMol> &pattern)
{
	size_t		length = strlen(smarts);

	if (length > HN_SMARTS_BYTES)
		return hn_fail(context, HN_INVALID_ARGUMENT, "SMARTS has %zu bytes, at most %d are read", length, HN_SMARTS_BYTES);
	pattern = parse(smarts);
	if (pattern == nullptr || pattern->getNumAtoms() == 0)
		return reject_pattern(context, smarts, log.text());
	make_ask(*pattern);
	return HN_OK;
}

HnStatus
hamnet::match_pattern(HnContext *context, const RDKit::ROMol &mol, const RDKit::ROMol &pattern, unsigned limit,
					  std::vector<RDKit::MatchVectType> &matches)
{
	RDKit::SubstructMatchParameters params;

	params.maxMatches = limit;
	search = {context, 0, false};
	matches = RDKit::SubstructMatch(mol, pattern, params);
	return search.stopped ? HN_INTERRUPTED : HN_OK;
}

HnStatus
hn_pattern_parse(HnContext *context, const char *smarts, HnPattern **pattern)
{
	*pattern = nullptr;
	return guarded(context, Input(smarts), [&] (const LogCapture &log) -> HnStatus
	{
		auto		parsed = std::make_unique<HnPattern>();

		HN_TRY(parse_pattern(context, smarts, log, parsed->mol));
		*pattern = parsed.release();
		return HN_OK;
	});
}

void
hn_pattern_free(HnPattern *pattern)
{
	delete pattern;
}

HnStatus
hn_has_substructure(HnContext *context, const char *smiles, const HnPattern *pattern, int max_atoms, bool *found)
{
	int			count;

	HN_TRY(count_matches(context, smiles, pattern, max_atoms, 1, &count));
	*found = count > 0;
	return HN_OK;
}

HnStatus
hn_count_substructure(HnContext *context, const char *smiles, const HnPattern *pattern, int max_atoms, int *count)
{
	HN_TRY(count_matches(context, smiles, pattern, max_atoms, HN_MAX_MATCHES + 1, count));
	if (*count > HN_MAX_MATCHES)
		return hn_fail(context, HN_TOO_LARGE, "molecule matches the SMARTS more than %d times", HN_MAX_MATCHES);
	return HN_OK;
}
