/*
 * model/svg.c: SQL functions that draw molecules.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "model/svg.h"
#include "server/core.h"
#include "server/guc.h"
#include "server/module.h"
#include "server/options.h"

/* Molecules of a grid at most. */
#define GRID_LIMIT 1000

/* Sides of a molecule's picture, in pixels. */
#define SMALLEST_SIDE 50
#define LARGEST_SIDE 2000

const HnDrawStyle default_draw_style = {.width = 300, .height = 220, .columns = 4, .bond_width = 1.8};

/* The function of the module that draws, loaded when it is first needed: see src/draw/module.c. */
static HnDraw *
DrawFunction(void)
{
	static HnDraw *draw = NULL;

	if (draw == NULL)
		draw = ((HnDraw *(*) (void)) LoadModule("hamnet_draw", "function")) ();
	return draw;
}

text *
DrawMolecules(const HnDrawing *drawings, int count, const HnDrawStyle *style)
{
	HnDraw	   *draw = DrawFunction();
	HnContext  *context = BeginCore();
	const char *svg;

	if (draw(context, drawings, count, style, hamnet_max_atoms, &svg) != HN_OK)
		ReportCoreError(context, NULL);
	return cstring_to_text(svg);
}

typedef struct SvgOptions
{
	int64		width;
	int64		height;
	int64		columns;
	double		bond_width;
	double		largest_weight;
	bool		atom_numbers;
	char	   *legend;
	char	   *smarts;
	Jsonb	   *atoms;
	Jsonb	   *weights;
} SvgOptions;

/* Those that a grid has too come first. */
static const Option svg_options[] = {
	{"width", OPTION_INTEGER, offsetof(SvgOptions, width), .integer = {300, SMALLEST_SIDE, LARGEST_SIDE}},
	{"height", OPTION_INTEGER, offsetof(SvgOptions, height), .integer = {220, SMALLEST_SIDE, LARGEST_SIDE}},
	{"bond_width", OPTION_NUMBER, offsetof(SvgOptions, bond_width), .number = {1.8, 0, 20, .above = true}},
	{"atom_numbers", OPTION_BOOLEAN, offsetof(SvgOptions, atom_numbers)},
	{"smarts", OPTION_TEXT, offsetof(SvgOptions, smarts)},
	{"columns", OPTION_INTEGER, offsetof(SvgOptions, columns), .integer = {4, 1, GRID_LIMIT}},
	{"legend", OPTION_TEXT, offsetof(SvgOptions, legend)},
	{"atoms", OPTION_JSON, offsetof(SvgOptions, atoms)},
	{"weights", OPTION_JSON, offsetof(SvgOptions, weights)},
	{"largest_weight", OPTION_NUMBER, offsetof(SvgOptions, largest_weight), .number = {0, 0, INFINITY, .above = true}},
};

#define GRID_OPTIONS 6

static HnDrawStyle
StyleOf(const SvgOptions *options)
{
	return (HnDrawStyle)
	{
		.width = options->width,
		.height = options->height,
		.columns = options->columns,
		.bond_width = options->bond_width,
		.largest_weight = options->largest_weight,
		.atom_numbers = options->atom_numbers
	};
}

/* The numbers of a JSON array; an error if it is none. */
static double *
ReadNumbers(const char *key, Jsonb *json, int *count)
{
	JsonbIterator *iterator = JsonbIteratorInit(&json->root);
	double	   *numbers = palloc(Max(JB_ROOT_COUNT(json), 1) * sizeof(double));
	JsonbValue	value;

	*count = 0;
	if (JsonbIteratorNext(&iterator, &value, true) == WJB_BEGIN_ARRAY)
		while (JsonbIteratorNext(&iterator, &value, true) == WJB_ELEM && value.type == jbvNumeric)
			numbers[(*count)++] = DatumGetFloat8(DirectFunctionCall1(numeric_float8, NumericGetDatum(value.val.numeric)));
	if (!JB_ROOT_IS_ARRAY(json) || *count != JB_ROOT_COUNT(json))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" is not an array of numbers", key)));
	return numbers;
}

/* The atoms of the option, from 0; those that cannot be atoms become -1. */
static int *
ReadAtoms(Jsonb *json, int *count)
{
	double	   *numbers = ReadNumbers("atoms", json, count);
	int		   *atoms = palloc(Max(*count, 1) * sizeof(int));

	for (int i = 0; i < *count; i++)
		atoms[i] = numbers[i] >= 1 && numbers[i] <= PG_INT32_MAX ? (int) numbers[i] - 1 : -1;
	return atoms;
}

PG_FUNCTION_INFO_V1(hamnet_svg);

/* hamnet_svg(smiles text, options jsonb) → SVG */
PGDLLEXPORT Datum
hamnet_svg(PG_FUNCTION_ARGS)
{
	HnDrawing	drawing = {.smiles = text_to_cstring(PG_GETARG_TEXT_PP(0))};
	SvgOptions	options;
	HnDrawStyle style;

	ReadOptions(PG_GETARG_JSONB_P(1), svg_options, lengthof(svg_options), &options);
	style = StyleOf(&options);
	drawing.legend = options.legend;
	drawing.smarts = options.smarts;
	if (options.atoms)
		drawing.atoms = ReadAtoms(options.atoms, &drawing.atom_count);
	if (options.weights)
		drawing.weights = ReadNumbers("weights", options.weights, &drawing.weight_count);
	PG_RETURN_TEXT_P(DrawMolecules(&drawing, 1, &style));
}

/* The texts of an array, NULL where they are. */
static char **
ReadTexts(ArrayType *array, int *count)
{
	Datum	   *values;
	bool	   *nulls;
	char	  **texts;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, count);
	texts = palloc0(Max(*count, 1) * sizeof(char *));
	for (int i = 0; i < *count; i++)
		if (!nulls[i])
			texts[i] = TextDatumGetCString(values[i]);
	return texts;
}

PG_FUNCTION_INFO_V1(hamnet_svg_grid);

/* hamnet_svg_grid(smiles text[], legends text[], options jsonb) → SVG */
PGDLLEXPORT Datum
hamnet_svg_grid(PG_FUNCTION_ARGS)
{
	SvgOptions	options = {0};
	HnDrawStyle style;
	HnDrawing  *drawings;
	char	  **smiles;
	char	  **legends;
	int			count;
	int			legend_count;

	ReadOptions(PG_GETARG_JSONB_P(2), svg_options, GRID_OPTIONS, &options);
	style = StyleOf(&options);
	smiles = ReadTexts(PG_GETARG_ARRAYTYPE_P(0), &count);
	legends = ReadTexts(PG_GETARG_ARRAYTYPE_P(1), &legend_count);
	if (legend_count != 0 && legend_count != count)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("there are %d legends for %d molecules", legend_count, count)));
	if (count > GRID_LIMIT)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%d molecules are too many for one picture, at most %d are drawn", count, GRID_LIMIT)));
	drawings = palloc0(Max(count, 1) * sizeof(HnDrawing));
	for (int i = 0; i < count; i++)
	{
		drawings[i].smiles = smiles[i];
		drawings[i].legend = legend_count > 0 ? legends[i] : NULL;
		drawings[i].smarts = options.smarts;
	}
	PG_RETURN_TEXT_P(DrawMolecules(drawings, count, &style));
}
