/*
 * draw.h: molecules as pictures, drawn by RDKit, in SVG.
 *
 * As in chem.h: no C++ exception leaves this function, and two threads must
 * not be in it at once.
 */
#ifndef HAMNET_DRAW_H
#define HAMNET_DRAW_H

#include <stdbool.h>

#include "hamnet/substructure.h"

/* One molecule. Atoms count from 0, in the order of the SMILES. */
typedef struct HnDrawing
{
	const char *smiles;			/* NULL: an empty cell with its legend */
	const char *legend;			/* text below it, line feeds allowed; NULL: none */
	const char *smarts;			/* what it matches is highlighted; NULL: nothing */
	const int  *atoms;			/* [atom_count] highlighted */
	int			atom_count;
	const double *weights;		/* [weight_count] colour of each atom; NULL: none */
	int			weight_count;
} HnDrawing;

/* What is the same for all molecules of a picture. */
typedef struct HnDrawStyle
{
	int			width;			/* of a molecule, legend included, in pixels */
	int			height;
	int			columns;		/* of the grid */
	double		bond_width;		/* in pixels */
	double		largest_weight; /* drawn in full colour; 0: the largest of each molecule */
	bool		atom_numbers;	/* counted from 1 */
} HnDrawStyle;

/* Atoms of a molecule at most: beyond them nothing could be recognised. */
#define HN_DRAW_ATOMS 300

/*
 * Draw count molecules, from left to right and from top to bottom, as one
 * <svg> element that refers to nothing outside it. Legends may hold any text,
 * in any encoding whose bytes below 128 are ASCII.
 *
 * A positive weight is green, a negative one purple. Weights are relative to
 * the largest: a molecule of small ones is as colourful as one of large ones,
 * unless the style says what full colour means.
 *
 * Errors as hn_graph_from_smiles, HN_TOO_LARGE also beyond HN_DRAW_ATOMS,
 * HN_INVALID_ARGUMENT for a SMARTS that RDKit rejects, an atom that the
 * molecule does not have, or another number of weights than atoms. The interrupt
 * callback is asked between molecules, and while a pattern is searched for.
 */
typedef HnStatus HnDraw(HnContext *context, const HnDrawing *drawings, int count, const HnDrawStyle *style,
						int max_atoms, const char **svg);
extern HnDraw hn_draw;

/* Text as it may stand in an element or an attribute of SVG or HTML: markup escaped, control characters blank. */
extern HnStatus hn_escape_markup(HnContext *context, const char *text, const char **escaped);

#endif
