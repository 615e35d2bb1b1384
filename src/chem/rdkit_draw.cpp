/*
 * rdkit_draw.cpp: pictures of molecules.
 *
 * RDKit draws each molecule into a cell of its own. What is around it, under it
 * and below it is written here: the grid, the colours of weights and the
 * legends, which stay text in the viewer's font. RDKit's own legends are
 * outlines of one font, which has few letters beyond ASCII.
 */
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <GraphMol/MolDraw2D/MolDraw2DSVG.h>
#include <GraphMol/MolDraw2D/MolDraw2DUtils.h>

#include "rdkit_substructure.h"

extern "C"
{
#include "hamnet/draw.h"
}

using namespace hamnet;

namespace
{

/* Height of a line of a legend, and of its letters, in pixels. */
constexpr int LINE_HEIGHT = 17;
constexpr int FONT_SIZE = 13;

/* Average width of a letter: a line that would be longer than its cell is squeezed. */
constexpr double LETTER_WIDTH = 7;

/* Matches of a pattern that are looked for. */
constexpr unsigned MATCHES = 100;

/*
 * A weight is a spot of discs of these radii, in angstrom, which fades to its
 * edge and into those of its neighbours, as contours do, in a hundredth of their size.
 */
constexpr double DISC_RADII[] = {1.05, 0.85, 0.6, 0.4};
constexpr double DISC_OPACITY = 0.24;

/* Pixels of an angstrom at most: small molecules are not drawn larger than others. */
constexpr double LARGEST_SCALE = 26;

/* Weights below this share of the largest are left without a colour. */
constexpr double FAINTEST = 0.02;

/* Green and purple, which also those tell apart who cannot tell green from red. */
constexpr char RAISES[] = "#1b9e4b";
constexpr char LOWERS[] = "#9b3fb5";

struct Cell
{
	int			x;
	int			y;
	int			width;
	int			height;			/* without the legend */
};

std::string
format(const char *format, double a, double b, double c)
{
	char		text[200];

	snprintf(text, sizeof(text), format, a, b, c);
	return text;
}

std::vector<std::string>
lines_of(const char *text)
{
	std::vector<std::string> lines;

	while (text && *text)
	{
		size_t		length = strcspn(text, "\n");

		lines.emplace_back(text, length);
		text += length;
		text += *text == '\n';
	}
	return lines;
}

/* Characters of a UTF-8 text: bytes that continue one do not count. */
size_t
letters_of(const std::string &text)
{
	return static_cast<size_t>(std::count_if(text.begin(), text.end(), [] (char c) {
		return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
	}));
}

HnStatus
draw_legend(HnContext *context, const std::vector<std::string> &lines, const Cell &cell, std::string &svg)
{
	for (size_t i = 0; i < lines.size(); i++)
	{
		const char *escaped;

		HN_TRY(hn_escape_markup(context, lines[i].c_str(), &escaped));
		svg += format("<text x='%.1f' y='%.0f'", cell.x + cell.width / 2.0,
					  cell.y + cell.height + (static_cast<double>(i) + 1) * LINE_HEIGHT - 5, 0);
		if (static_cast<double>(letters_of(lines[i])) * LETTER_WIDTH > cell.width)
			svg += format(" textLength='%.0f' lengthAdjust='spacingAndGlyphs'", cell.width - 8, 0, 0);
		if (i == 0)
			svg += " font-weight='bold'";
		svg += ">";
		svg += escaped;
		svg += "</text>\n";
	}
	return HN_OK;
}

/* Mark the atoms that a pattern matches. */
HnStatus
mark_matches(HnContext *context, const RDKit::ROMol &mol, const char *smarts, const LogCapture &log, std::set<int> &atoms)
{
	std::unique_ptr<RDKit::RWMol> pattern;
	std::vector<RDKit::MatchVectType> matches;

	HN_TRY(parse_pattern(context, smarts, log, pattern));
	HN_TRY(match_pattern(context, mol, *pattern, MATCHES, matches));
	for (const auto &match : matches)
		for (const auto &pair : match)
			atoms.insert(pair.second);
	return HN_OK;
}

HnStatus
find_highlights(HnContext *context, const RDKit::ROMol &mol, const HnDrawing &drawing, const LogCapture &log,
				std::set<int> &atoms)
{
	for (int i = 0; i < drawing.atom_count; i++)
	{
		if (drawing.atoms[i] < 0 || drawing.atoms[i] >= static_cast<int>(mol.getNumAtoms()))
			return hn_fail(context, HN_INVALID_ARGUMENT, "atom %d is to be highlighted, but the molecule has atoms 1 to %u",
						   drawing.atoms[i] + 1, mol.getNumAtoms());
		atoms.insert(drawing.atoms[i]);
	}
	if (drawing.weights && drawing.weight_count != static_cast<int>(mol.getNumAtoms()))
		return hn_fail(context, HN_INVALID_ARGUMENT, "there are %d weights, but the molecule has %u atoms",
					   drawing.weight_count, mol.getNumAtoms());
	if (drawing.smarts)
		HN_TRY(mark_matches(context, mol, drawing.smarts, log, atoms));
	return HN_OK;
}

/* Coordinates, and what else RDKit does before it draws. What cannot be written with single and double bonds stays aromatic. */
std::unique_ptr<RDKit::RWMol>
prepare(const RDKit::RWMol &mol)
{
	auto		prepared = std::make_unique<RDKit::RWMol>(mol);

	try
	{
		RDKit::MolDraw2DUtils::prepareMolForDrawing(*prepared);
	}
	catch (const RDKit::MolSanitizeException &)
	{
		prepared = std::make_unique<RDKit::RWMol>(mol);
		RDKit::MolDraw2DUtils::prepareMolForDrawing(*prepared, false);
	}
	return prepared;
}

/* Spots of colour under the atoms. */
void
draw_weights(const HnDrawing &drawing, double largest, RDKit::MolDraw2DSVG &drawer, std::string &svg)
{
	for (int i = 0; i < drawing.weight_count && largest == 0; i++)
		largest = std::max(largest, std::abs(drawing.weights[i]));
	for (double radius : DISC_RADII)
		for (int i = 0; i < drawing.weight_count; i++)
		{
			double		weight = largest > 0 ? std::min(std::max(drawing.weights[i] / largest, -1.0), 1.0) : 0;
			Point2D		centre = drawer.getDrawCoords(i);

			if (!(std::abs(weight) >= FAINTEST))
				continue;
			svg += format("<circle cx='%.1f' cy='%.1f' r='%.1f'", centre.x, centre.y, radius * drawer.scale());
			svg += std::string(" fill='") + (weight > 0 ? RAISES : LOWERS) + "'";
			svg += format(" fill-opacity='%.3f'/>\n", DISC_OPACITY * std::abs(weight), 0, 0);
		}
}

/* What RDKit has drawn, without its head and foot. */
std::string
body_of(const std::string &text)
{
	static const char head[] = "<!-- END OF HEADER -->\n";
	size_t		begin = text.find(head);
	size_t		end = text.rfind("</svg>");

	if (begin == std::string::npos || end == std::string::npos)
		throw std::runtime_error("a picture that RDKit has drawn is not as expected");
	begin += strlen(head);
	return text.substr(begin, end - begin);
}

HnStatus
draw_molecule(HnContext *context, const HnDrawing &drawing, const HnDrawStyle &style, const Cell &cell, int max_atoms,
			  const LogCapture &log, std::string &svg)
{
	std::unique_ptr<RDKit::RWMol> mol;
	std::set<int> marked;
	std::vector<int> bonds;

	HN_TRY(read_smiles(context, Input(drawing.smiles), max_atoms, log, mol));
	if (mol->getNumAtoms() > HN_DRAW_ATOMS)
		return hn_fail(context, HN_TOO_LARGE, "molecule has %u atoms, more than the limit of %d for a picture",
					   mol->getNumAtoms(), HN_DRAW_ATOMS);
	HN_TRY(find_highlights(context, *mol, drawing, log, marked));
	mol = prepare(*mol);
	if (style.atom_numbers)
		for (const auto atom : mol->atoms())
			if (atom->getAtomicNum() != 1)
				atom->setProp(RDKit::common_properties::atomNote, std::to_string(atom->getIdx() + 1));
	for (const auto bond : mol->bonds())
		if (marked.count(static_cast<int>(bond->getBeginAtomIdx())) && marked.count(static_cast<int>(bond->getEndAtomIdx())))
			bonds.push_back(static_cast<int>(bond->getIdx()));

	RDKit::MolDraw2DSVG drawer(cell.width, cell.height);
	RDKit::MolDrawOptions &options = drawer.drawOptions();
	std::vector<int> atoms(marked.begin(), marked.end());

	options.clearBackground = false;
	options.prepareMolsBeforeDrawing = false;
	options.includeMetadata = false;
	options.bondLineWidth = style.bond_width;
	options.highlightColour = RDKit::DrawColour(1, 0.85, 0.4);
	options.fixedBondLength = LARGEST_SCALE;
	options.annotationFontScale = 0.75;
	options.padding = drawing.weights ? 0.1 : 0.05;
	drawer.drawMolecule(*mol, &atoms, &bonds);
	drawer.finishDrawing();
	svg += format("<g transform='translate(%.0f %.0f)'>\n", cell.x, cell.y, 0);
	if (drawing.weights)
		draw_weights(drawing, style.largest_weight, drawer, svg);
	svg += body_of(drawer.getDrawingText());
	svg += "</g>\n";
	return HN_OK;
}

HnStatus
draw_grid(HnContext *context, const HnDrawing *drawings, int count, const HnDrawStyle &style, int max_atoms,
		  std::string &svg)
{
	int			columns = std::max(std::min(style.columns, count), 1);
	int			rows = (count + columns - 1) / columns;
	char		head[300];

	snprintf(head, sizeof(head), "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' viewBox='0 0 %d %d' "
			 "font-family='sans-serif' font-size='%d' text-anchor='middle'>\n<rect width='100%%' height='100%%' fill='#fff'/>\n",
			 columns * style.width, rows * style.height, columns * style.width, rows * style.height, FONT_SIZE);
	svg = head;
	for (int i = 0; i < count; i++)
	{
		std::vector<std::string> lines = lines_of(drawings[i].legend);
		Cell		cell = {i % columns * style.width, i / columns * style.height, style.width, style.height};

		if (hn_interrupted(context))
			return HN_INTERRUPTED;
		cell.height = std::max(cell.height - static_cast<int>(lines.size()) * LINE_HEIGHT, cell.height / 3);
		if (drawings[i].smiles)
			HN_TRY(guarded(context, Input(drawings[i].smiles), [&] (const LogCapture &log) {
				return draw_molecule(context, drawings[i], style, cell, max_atoms, log, svg);
			}));
		HN_TRY(draw_legend(context, lines, cell, svg));
	}
	svg += "</svg>\n";
	return HN_OK;
}

}								/* namespace */

HnStatus
hn_draw(HnContext *context, const HnDrawing *drawings, int count, const HnDrawStyle *style, int max_atoms, const char **svg)
{
	try
	{
		std::string text;
		char	   *copy;

		HN_TRY(draw_grid(context, drawings, count, *style, max_atoms, text));
		copy = allocate<char>(context, text.size() + 1);
		memcpy(copy, text.c_str(), text.size() + 1);
		*svg = copy;
		return HN_OK;
	}
	catch (...)
	{
		/* Out here only texts are made: RDKit works within the guard of each molecule, and guards do not nest. */
		hn_fail_memory(context);
		return HN_OUT_OF_MEMORY;
	}
}
