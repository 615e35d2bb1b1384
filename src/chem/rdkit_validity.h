/*
 * rdkit_validity.h: whether coordinates are those of a molecule.
 */
#ifndef HAMNET_RDKIT_VALIDITY_H
#define HAMNET_RDKIT_VALIDITY_H

#include <string>
#include <utility>
#include <vector>

#include <GraphMol/Conformer.h>
#include <GraphMol/ROMol.h>

namespace hamnet
{

/*
 * The checks that every conformation of a molecule has to pass. They ask for no
 * more than what holds in all sound structures, so that what fails is wrong.
 */
class Validity
{
public:
	/* A molecule without and with its hydrogens, which come last; neither needs coordinates, both outlive this. */
	Validity(const RDKit::ROMol &heavy, const RDKit::ROMol &full);

	/* What is wrong with a conformation of the molecule with hydrogens, as the end of a sentence; NULL: nothing. */
	const char *fault(const RDKit::Conformer &conformer) const;

private:
	struct Range
	{
		unsigned	first;
		unsigned	second;
		double		least;
		double		most;
	};

	const RDKit::ROMol &heavy;
	/* A double bond from b to c whose neighbours a and d lie on the same side, or on opposite ones. */
	struct Side
	{
		unsigned	a;
		unsigned	b;
		unsigned	c;
		unsigned	d;
		bool		same;
	};

	std::string centres;		/* the SMILES with the stereocentres that were asked for, and no double bonds' */
	std::vector<Side> sides;
	std::vector<Range> bonds;
	std::vector<Range> contacts;
	std::vector<std::vector<unsigned>> planes;	/* atoms that lie in one plane */

	void		list_sides();
	void		list_bonds(const RDKit::ROMol &full);
	void		list_contacts(const RDKit::ROMol &full);
	void		list_planes(const RDKit::ROMol &full);
};

}								/* namespace hamnet */

#endif
