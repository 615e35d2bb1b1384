/*
 * rdkit_inchi.cpp: InChI of RDKit's molecules.
 *
 * Debian 12's RDKit is built without InChI, so that this speaks to its library
 * itself, in every version alike. Stereochemistry crosses as parities of atoms
 * and double bonds, without coordinates: "0D" in the words of inchi_api.h.
 */
#include <memory>
#include <string>
#include <vector>

#include <inchi_api.h>

#include <GraphMol/MolOps.h>

#include "rdkit_common.h"

extern "C"
{
#include "hamnet/inchi.h"
}

using namespace hamnet;

namespace
{

/* Atoms, those of hydrogen that are not written apart, and bonds of one that the library has room for. */
constexpr unsigned MAX_INCHI_ATOMS = 1023;
constexpr unsigned MAX_INCHI_BONDS = MAXVAL;

/* What is freed when it goes out of scope. */
struct Output : inchi_Output
{
	Output() : inchi_Output() {}
	~Output() { FreeINCHI(this); }
};

/* A failure of the library, with its message. */
HnStatus
fail(HnContext *context, const Input &input, int status, const char *message)
{
	std::string words = std::string("no InChI: ") + Reason(message != nullptr && *message ? message : "it describes no such molecule").text;

	if (words.find("ime limit") != std::string::npos)
		return hn_fail(context, HN_TOO_LARGE, "molecule takes InChI more than %d s", HN_INCHI_SECONDS);
	if (status == inchi_Ret_FATAL && words.find("RAM") != std::string::npos)
	{
		hn_fail_memory(context);
		return HN_OUT_OF_MEMORY;
	}
	return reject(context, input, Reason(words.c_str()));
}

/* The bond's order among the library's; none for one that it does not know. */
inchi_BondType
bond_type(const RDKit::Bond &bond)
{
	switch (bond.getBondType())
	{
		case RDKit::Bond::SINGLE:
		case RDKit::Bond::DATIVE:
			return INCHI_BOND_TYPE_SINGLE;
		case RDKit::Bond::DOUBLE:
			return INCHI_BOND_TYPE_DOUBLE;
		case RDKit::Bond::TRIPLE:
			return INCHI_BOND_TYPE_TRIPLE;
		default:
			return INCHI_BOND_TYPE_NONE;
	}
}

/* An atom without its bonds. */
inchi_Atom
make_atom(const RDKit::Atom &atom)
{
	inchi_Atom	made = {};
	std::string symbol = atom.getSymbol();

	symbol.copy(made.elname, ATOM_EL_LEN - 1);
	made.isotopic_mass = static_cast<AT_NUM>(atom.getIsotope());
	made.charge = static_cast<S_CHAR>(atom.getFormalCharge());
	made.num_iso_H[0] = static_cast<S_CHAR>(atom.getTotalNumHs());
	/* One electron makes a doublet, two a triplet. */
	if (atom.getNumRadicalElectrons() > 0)
		made.radical = static_cast<S_CHAR>(atom.getNumRadicalElectrons() + 1);
	return made;
}

/* A parity of a tetrahedral atom whose neighbours are in the order of its bonds, if it has one. */
bool
make_centre(const RDKit::ROMol &mol, const RDKit::Atom &atom, inchi_Stereo0D &stereo)
{
	bool		clockwise = atom.getChiralTag() == RDKit::Atom::CHI_TETRAHEDRAL_CW;
	int			count = 0;

	if ((!clockwise && atom.getChiralTag() != RDKit::Atom::CHI_TETRAHEDRAL_CCW) || atom.getDegree() < 3 || atom.getDegree() > 4)
		return false;
	stereo = {};
	stereo.central_atom = static_cast<AT_NUM>(atom.getIdx());
	stereo.type = INCHI_StereoType_Tetrahedral;
	/* InChI has a hydrogen or a lone pair first, which to RDKit is the last neighbour: three exchanges. */
	if (atom.getDegree() == 3)
	{
		stereo.neighbor[count++] = stereo.central_atom;
		clockwise = !clockwise;
	}
	for (const auto bond : mol.atomBonds(&atom))
		stereo.neighbor[count++] = static_cast<AT_NUM>(bond->getOtherAtomIdx(atom.getIdx()));
	stereo.parity = clockwise ? INCHI_PARITY_EVEN : INCHI_PARITY_ODD;
	return true;
}

/* A parity of a double bond, if it has one. */
bool
make_double_bond(const RDKit::Bond &bond, inchi_Stereo0D &stereo)
{
	bool		same_side = bond.getStereo() == RDKit::Bond::STEREOZ || bond.getStereo() == RDKit::Bond::STEREOCIS;

	if ((!same_side && bond.getStereo() != RDKit::Bond::STEREOE && bond.getStereo() != RDKit::Bond::STEREOTRANS) ||
		bond.getStereoAtoms().size() != 2)
		return false;
	stereo = {};
	stereo.central_atom = NO_ATOM;
	stereo.type = INCHI_StereoType_DoubleBond;
	stereo.neighbor[0] = static_cast<AT_NUM>(bond.getStereoAtoms()[0]);
	stereo.neighbor[1] = static_cast<AT_NUM>(bond.getBeginAtomIdx());
	stereo.neighbor[2] = static_cast<AT_NUM>(bond.getEndAtomIdx());
	stereo.neighbor[3] = static_cast<AT_NUM>(bond.getStereoAtoms()[1]);
	stereo.parity = same_side ? INCHI_PARITY_ODD : INCHI_PARITY_EVEN;
	return true;
}

/* A molecule in the library's words. */
struct Description
{
	std::vector<inchi_Atom> atoms;
	std::vector<inchi_Stereo0D> stereo;

	HnStatus describe(HnContext *context, const Input &input, const RDKit::ROMol &mol);
};

HnStatus
Description::describe(HnContext *context, const Input &input, const RDKit::ROMol &mol)
{
	inchi_Stereo0D element;

	if (mol.getNumAtoms() > MAX_INCHI_ATOMS)
		return hn_fail(context, HN_TOO_LARGE, "molecule has %u atoms, more than the limit of %u for InChI", mol.getNumAtoms(), MAX_INCHI_ATOMS);
	for (const auto atom : mol.atoms())
	{
		if (atom->getDegree() > MAX_INCHI_BONDS)
			return hn_fail(context, HN_TOO_LARGE, "atom %u has %u bonds, more than the limit of %u for InChI",
						   atom->getIdx() + 1, atom->getDegree(), MAX_INCHI_BONDS);
		if (atom->getNumRadicalElectrons() > 2)
			return reject(context, input, Reason("no InChI: atoms have two unpaired electrons at most"));
		atoms.push_back(make_atom(*atom));
		if (make_centre(mol, *atom, element))
			stereo.push_back(element);
	}
	for (const auto bond : mol.bonds())
	{
		inchi_Atom &atom = atoms[bond->getBeginAtomIdx()];
		inchi_BondType type = bond_type(*bond);

		if (type == INCHI_BOND_TYPE_NONE)
			return reject(context, input, Reason("no InChI: bonds are single, double or triple"));
		atom.neighbor[atom.num_bonds] = static_cast<AT_NUM>(bond->getEndAtomIdx());
		atom.bond_type[atom.num_bonds++] = static_cast<S_CHAR>(type);
		if (make_double_bond(*bond, element))
			stereo.push_back(element);
	}
	return HN_OK;
}

HnStatus
write_inchi(HnContext *context, const Input &input, int max_atoms, const LogCapture &log, std::string &inchi)
{
	std::string words = "-AuxNone -W" + std::to_string(HN_INCHI_SECONDS);
	std::unique_ptr<RDKit::RWMol> mol;
	Description description;
	inchi_Input described = {};
	Output		output;

	HN_TRY(read_smiles(context, input, max_atoms, log, mol));
	RDKit::MolOps::Kekulize(*mol, true);
	HN_TRY(description.describe(context, input, *mol));
	described.atom = description.atoms.data();
	described.num_atoms = static_cast<AT_NUM>(description.atoms.size());
	described.stereo0D = description.stereo.data();
	described.num_stereo0D = static_cast<AT_NUM>(description.stereo.size());
	described.szOptions = &words[0];

	int			status = GetINCHI(&described, &output);

	if ((status != inchi_Ret_OKAY && status != inchi_Ret_WARNING) || output.szInChI == nullptr || !*output.szInChI)
		return fail(context, input, status, output.szMessage);
	inchi = output.szInChI;
	return HN_OK;
}

}								/* namespace */

HnStatus
hn_inchi_from_smiles(HnContext *context, const char *smiles, int max_atoms, const char **inchi)
{
	Input		input(smiles);

	return guarded(context, input, [&] (const LogCapture &log) -> HnStatus
	{
		std::string text;

		HN_TRY(write_inchi(context, input, max_atoms, log, text));
		*inchi = copy_text(context, text);
		return HN_OK;
	});
}

HnStatus
hn_inchikey_from_smiles(HnContext *context, const char *smiles, int max_atoms, const char **key)
{
	Input		input(smiles);

	return guarded(context, input, [&] (const LogCapture &log) -> HnStatus
	{
		std::string text;
		char		letters[28] = "";
		char		more[2][65];

		HN_TRY(write_inchi(context, input, max_atoms, log, text));
		if (GetINCHIKeyFromINCHI(text.c_str(), 0, 0, letters, more[0], more[1]) != INCHIKEY_OK)
			return fail_internal(context, input);
		*key = copy_text(context, letters);
		return HN_OK;
	});
}
