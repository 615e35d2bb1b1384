/*
 * rdkit_standardize.cpp: one form of a molecule, by RDKit's MolStandardize.
 *
 * Its tools are made once a process: to parse their reactions takes longer than
 * to use them. A tool keeps no molecule.
 */
#include <memory>
#include <string>

#include <GraphMol/MolOps.h>
#include <GraphMol/MolStandardize/Charge.h>
#include <GraphMol/MolStandardize/Fragment.h>
#include <GraphMol/MolStandardize/Metal.h>
#include <GraphMol/MolStandardize/MolStandardize.h>
#include <GraphMol/MolStandardize/Normalize.h>
#include <GraphMol/MolStandardize/Tautomer.h>

#include "rdkit_common.h"

extern "C"
{
#include "hamnet/chem.h"
#include "hamnet/standardize.h"
}

using namespace hamnet;
namespace standardize = RDKit::MolStandardize;

namespace
{

struct Tools
{
	standardize::MetalDisconnector disconnector;
	standardize::Normalizer normalizer;
	standardize::Reionizer reionizer;
	standardize::Uncharger uncharger{true /* in canonical order */};
	standardize::LargestFragmentChooser chooser{true /* prefer organic ones */};
};

Tools &
tools()
{
	static Tools shared;

	return shared;
}

/* The molecule takes the place of the one it was made from. */
void
replace(std::unique_ptr<RDKit::RWMol> &mol, RDKit::ROMol *made)
{
	std::unique_ptr<RDKit::ROMol> owner(made);

	mol = std::make_unique<RDKit::RWMol>(*owner);
}

/* RDKit's cleanup, step by step. */
HnStatus
clean(HnContext *context, std::unique_ptr<RDKit::RWMol> &mol)
{
	tools().disconnector.disconnect(*mol);
	replace(mol, tools().normalizer.normalize(*mol));
	if (interrupted(context))
		return HN_INTERRUPTED;
	replace(mol, tools().reionizer.reionize(*mol));
	RDKit::MolOps::assignStereochemistry(*mol, true /* clean up */, true /* force */);
	return interrupted(context) ? HN_INTERRUPTED : HN_OK;
}

void
remove_isotopes(RDKit::RWMol &mol)
{
	RDKit::MolOps::RemoveHsParameters hydrogens;

	for (const auto atom : mol.atoms())
		atom->setIsotope(0);
	hydrogens.updateExplicitCount = true;
	RDKit::MolOps::removeHs(mol, hydrogens, true /* sanitise */);
}

/* RDKit's charge parent, step by step. */
HnStatus
make_parent(HnContext *context, std::unique_ptr<RDKit::RWMol> &mol)
{
	HN_TRY(clean(context, mol));
	replace(mol, tools().chooser.choose(*mol));
	replace(mol, tools().uncharger.uncharge(*mol));
	return clean(context, mol);
}

/* Ends an enumeration when the caller wants to stop. */
class Interrupt : public standardize::TautomerEnumeratorCallback
{
public:
	explicit Interrupt(HnContext *context) : context(context)
	{
	}

	bool
	operator()(const RDKit::ROMol &, const standardize::TautomerEnumeratorResult &) override
	{
		return !interrupted(context);
	}

private:
	HnContext  *context;
};

HnStatus
choose_tautomer(HnContext *context, std::unique_ptr<RDKit::RWMol> &mol)
{
	static const standardize::TautomerEnumerator shared;
	standardize::TautomerEnumerator enumerator(shared);

	enumerator.setCallback(new Interrupt(context));

	standardize::TautomerEnumeratorResult tautomers = enumerator.enumerate(*mol);

	if (tautomers.status() == standardize::TautomerEnumeratorStatus::Canceled)
		return HN_INTERRUPTED;
	if (!tautomers.empty())
		replace(mol, enumerator.pickCanonical(tautomers));
	return HN_OK;
}

/*
 * Read a SMILES, have the molecule changed, and write it. It is read and written
 * once more, because what is aromatic may have changed with it.
 */
template <typename Change>
HnStatus
rewrite(HnContext *context, const char *smiles, int max_atoms, const char **written, Change change)
{
	Input		input(smiles);

	return guarded(context, input, [&] (const LogCapture &log) -> HnStatus
	{
		std::unique_ptr<RDKit::RWMol> mol;

		HN_TRY(read_smiles(context, input, max_atoms, log, mol));
		HN_TRY(change(mol));
		HN_TRY(write_smiles(context, *mol, true, written));
		HN_TRY(read_smiles(context, Input(*written), max_atoms, log, mol));
		return write_smiles(context, *mol, true, written);
	});
}

/*
 * Change a molecule in the canonical order of its atoms: where a complex is cut,
 * or an enumeration ends, depends on their order.
 */
template <typename Change>
HnStatus
rewrite_canonical(HnContext *context, const char *smiles, int max_atoms, const char **written, Change change)
{
	const char *canonical;

	HN_TRY(hn_canonical_smiles(context, smiles, false, max_atoms, &canonical));
	return rewrite(context, canonical, max_atoms, written, change);
}

}								/* namespace */

HnStatus
hn_clean(HnContext *context, const char *smiles, int max_atoms, const char **cleaned)
{
	return rewrite_canonical(context, smiles, max_atoms, cleaned, [&] (std::unique_ptr<RDKit::RWMol> &mol) -> HnStatus
	{
		return clean(context, mol);
	});
}

HnStatus
hn_parent(HnContext *context, const char *smiles, bool isotopes, bool stereo, int max_atoms, const char **parent)
{
	return rewrite_canonical(context, smiles, max_atoms, parent, [&] (std::unique_ptr<RDKit::RWMol> &mol) -> HnStatus
	{
		HN_TRY(make_parent(context, mol));
		if (!isotopes)
			remove_isotopes(*mol);
		if (!stereo)
			RDKit::MolOps::removeStereochemistry(*mol);
		return HN_OK;
	});
}

HnStatus
hn_tautomer(HnContext *context, const char *smiles, int max_atoms, const char **tautomer)
{
	return rewrite_canonical(context, smiles, max_atoms, tautomer, [&] (std::unique_ptr<RDKit::RWMol> &mol) -> HnStatus
	{
		return choose_tautomer(context, mol);
	});
}

HnStatus
hn_standardize(HnContext *context, const char *smiles, HnStandard standard, int max_atoms, const char **standardized)
{
	switch (standard)
	{
		case HN_CLEAN:
			return hn_clean(context, smiles, max_atoms, standardized);
		case HN_PARENT:
			return hn_parent(context, smiles, true, true, max_atoms, standardized);
		case HN_AS_GIVEN:
			break;
	}
	*standardized = smiles;
	return HN_OK;
}
