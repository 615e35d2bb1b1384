/*
 * rdkit_conformer.h: what the files that make or read conformations share.
 */
#ifndef HAMNET_RDKIT_CONFORMER_H
#define HAMNET_RDKIT_CONFORMER_H

#include <memory>
#include <string>

#include <ForceField/ForceField.h>
#include <GraphMol/Conformer.h>
#include <GraphMol/ForceFieldHelpers/MMFF/AtomTyper.h>

#include "rdkit_common.h"

extern "C"
{
#include "hamnet/conformer.h"
}

namespace hamnet
{

/* Add the implicit hydrogens, with coordinates where there are some. HN_TOO_LARGE beyond HN_EMBED_ATOMS atoms. */
HnStatus add_hydrogens(HnContext *context, RDKit::RWMol &mol);

/*
 * Make one attempt to embed a molecule, hydrogens included, by ETKDGv3, starting
 * from random coordinates, which helps cages and large rings, or not. The seed is
 * positive. False if the attempt gave nothing.
 */
bool embed_once(RDKit::RWMol &mol, int seed, bool random);

/*
 * Scatter the atoms of a molecule, hydrogens included, and let UFF draw them
 * together: strained cages, whose distances ETKDG finds contradictory, often come
 * out right. The result may be tangled. Does nothing where UFF does not know an
 * atom.
 */
HnStatus scatter(HnContext *context, RDKit::RWMol &mol, int seed);

/*
 * Place the fragments of a salt or a mixture side by side along the first axis:
 * RDKit embeds each around the origin, and nothing is known of how they lie.
 */
void separate_fragments(RDKit::ROMol &mol);

/* Give a molecule the coordinates of the first atoms of another. */
void copy_coordinates(const RDKit::ROMol &from, RDKit::ROMol &to);

/* Whether hydrogens that a MOL block writes stay atoms. */
enum class Hydrogens
{
	REMOVE,
	KEEP
};

/* Whether a MOL block without three-dimensional coordinates is refused. */
enum class Coordinates
{
	THREE_DIMENSIONAL,
	ANY
};

/* Read a MOL block within limits, its stereochemistry taken from wedges, or from three-dimensional coordinates. */
HnStatus read_molblock(HnContext *context, const Input &input, int max_atoms, const LogCapture &log,
					   std::unique_ptr<RDKit::RWMol> &mol, Hydrogens hydrogens = Hydrogens::REMOVE,
					   Coordinates coordinates = Coordinates::THREE_DIMENSIONAL);

/*
 * A force field of a molecule, hydrogens included: MMFF94 where that knows every
 * atom, else UFF, else none.
 */
class Relaxation
{
public:
	/* The molecule has a conformer. */
	explicit Relaxation(const RDKit::ROMol &mol);

	/* "MMFF94", "UFF" or "none". */
	const char *name() const
	{
		return force_field;
	}

	/* Relax the conformer of mol and return its energy in kcal/mol, NaN without a force field. */
	HnStatus relax(HnContext *context, RDKit::ROMol &mol, double &energy);

	/* A partial charge of MMFF94; NaN where that is not the force field. */
	double charge(unsigned atom);

private:
	RDKit::RWMol working;		/* the field moves the atoms of its conformer */
	RDKit::MMFF::MMFFMolProperties properties;
	std::unique_ptr<ForceFields::ForceField> field;
	const char *force_field = "none";
};

}								/* namespace hamnet */

#endif
