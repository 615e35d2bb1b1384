/*
 * test_draw.c: pictures of molecules.
 */
#include "fixture.h"

#include <string.h>

#include "hamnet/draw.h"

#define MAX_ATOMS 1000

static const HnDrawStyle style = {.width = 200, .height = 150, .columns = 2, .bond_width = 1.8};

static const char *
draw(const HnDrawing *drawings, int count, const HnDrawStyle *with)
{
	static const char *svg;

	if (hn_draw(&context, drawings, count, with, MAX_ATOMS, &svg) != HN_OK)
		fail_msg("%s", context.message);
	return svg;
}

static int
count(const char *text, const char *word)
{
	int			found = 0;

	for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
		found++;
	return found;
}

static void
expect_refused(HnDrawing drawing, HnStatus status, const char *message)
{
	const char *svg;

	assert_int_equal(hn_draw(&context, &drawing, 1, &style, MAX_ATOMS, &svg), status);
	if (strstr(context.message, message) == NULL)
		fail_msg("message is \"%s\"", context.message);
}

/* Every element is one that a picture needs, with as many ends as beginnings, and there is one root. */
static void
expect_harmless(const char *svg)
{
	static const char *const elements[] = {"svg", "g", "rect", "circle", "ellipse", "path", "text", "!-- "};

	assert_memory_equal(svg, "<svg xmlns='http://www.w3.org/2000/svg' ", 40);
	assert_int_equal(count(svg, "<svg "), 1);
	assert_string_equal(svg + strlen(svg) - 7, "</svg>\n");
	assert_int_equal(count(svg, "http"), 1);
	assert_int_equal(count(svg, "url"), 0);
	assert_int_equal(count(svg, "href"), 0);
	for (const char *at = strchr(svg, '<'); at; at = strchr(at + 1, '<'))
	{
		const char *name = at[1] == '/' ? at + 2 : at + 1;
		bool		known = false;

		for (size_t e = 0; e < sizeof(elements) / sizeof(*elements); e++)
			known |= strncmp(name, elements[e], strlen(elements[e])) == 0 &&
				strchr(" />", name[strlen(elements[e])]) != NULL;
		if (!known && strncmp(name, "!-- ", 4) != 0)
			fail_msg("element %.20s", at);
	}
}

static void
test_molecule(void **state)
{
	HnDrawing	drawing = {.smiles = "CC(=O)Oc1ccccc1C(=O)O", .legend = "aspirin"};
	const char *svg = draw(&drawing, 1, &style);

	(void) state;
	expect_harmless(svg);
	assert_true(count(svg, "<path") > 13);
	assert_non_null(strstr(svg, "width='200' height='150'"));
	assert_non_null(strstr(svg, ">aspirin</text>"));
	assert_string_equal(draw(&drawing, 1, &style), svg);
}

static void
test_grid(void **state)
{
	HnDrawing	drawings[3] = {{.smiles = "CCO"}, {.legend = "nothing"}, {.smiles = "c1ccccc1"}};
	const char *svg = draw(drawings, 3, &style);

	(void) state;
	expect_harmless(svg);
	assert_non_null(strstr(svg, "width='400' height='300'"));
	assert_int_equal(count(svg, "<g "), 2);
	assert_non_null(strstr(svg, "translate(0 150)"));
	assert_non_null(strstr(svg, "nothing"));
	expect_harmless(draw(NULL, 0, &style));
}

static void
test_hostile_legends(void **state)
{
	static const char *const legends[] = {"</text><script>alert(1)</script>", "' onload='alert(1)", "\" x=\"", "&#60;script>", "]]><!--", "-->",
		"a\001b\033[0m\177", "<svg onload=alert(1)>\n<image href=x>", "\xff\xfe<"};
	HnDrawing	drawing = {.smiles = "CCO"};

	(void) state;
	for (size_t i = 0; i < sizeof(legends) / sizeof(*legends); i++)
	{
		const char *svg;

		drawing.legend = legends[i];
		svg = draw(&drawing, 1, &style);
		for (const char *c = svg; *c; c++)
			assert_true((unsigned char) *c >= ' ' || *c == '\n');
		assert_null(strstr(svg, "<script"));
		assert_null(strstr(svg, "<image"));
		assert_null(strstr(svg, "' onload"));
		assert_null(strstr(svg, "<svg onload"));
		assert_int_equal(count(svg, "<!--"), 0);
	}
}

static void
test_escape(void **state)
{
	const char *escaped;

	(void) state;
	assert_int_equal(hn_escape_markup(&context, "a<b>&'\"\x01\xc3\xa9", &escaped), HN_OK);
	assert_string_equal(escaped, "a&lt;b&gt;&amp;&#39;&quot; \xc3\xa9");
	assert_int_equal(hn_escape_markup(&context, "", &escaped), HN_OK);
	assert_string_equal(escaped, "");
}

static void
test_highlights(void **state)
{
	int			atoms[] = {0, 1};
	HnDrawing	plain = {.smiles = "CCOC(C)=O"};
	HnDrawing	by_atom = {.smiles = "CCOC(C)=O", .atoms = atoms, .atom_count = 2};
	HnDrawing	by_smarts = {.smiles = "CCOC(C)=O", .smarts = "[CH3][CH2]"};
	HnDrawing	nothing = {.smiles = "CCOC(C)=O", .smarts = "N"};

	(void) state;
	assert_string_not_equal(draw(&by_atom, 1, &style), draw(&plain, 1, &style));
	assert_string_equal(draw(&by_atom, 1, &style), draw(&by_smarts, 1, &style));
	assert_string_equal(draw(&nothing, 1, &style), draw(&plain, 1, &style));
}

static void
test_weights(void **state)
{
	double		weights[] = {1, -0.5, 0};
	double		doubled[] = {2, -1, 0};
	HnDrawing	drawing = {.smiles = "CCO", .weights = weights, .weight_count = 3};
	const char *svg = draw(&drawing, 1, &style);
	HnDrawStyle scaled = style;

	(void) state;
	expect_harmless(svg);
	assert_int_equal(count(svg, "<circle"), 8);
	drawing.weights = doubled;
	assert_string_equal(draw(&drawing, 1, &style), svg);
	scaled.largest_weight = 2;
	assert_string_equal(draw(&drawing, 1, &scaled), svg);
	scaled.largest_weight = 4;
	assert_string_not_equal(draw(&drawing, 1, &scaled), svg);
}

static void
test_atom_numbers(void **state)
{
	HnDrawing	drawing = {.smiles = "CCO"};
	HnDrawStyle numbered = style;

	(void) state;
	numbered.atom_numbers = true;
	assert_true(count(draw(&drawing, 1, &numbered), "<path") > count(draw(&drawing, 1, &style), "<path"));
}

static void
test_refused(void **state)
{
	int			atom = 3;
	int			before = -1;
	double		weights[2] = {0};
	char		large[HN_DRAW_ATOMS + 2];
	char		pattern[HN_SMARTS_BYTES + 2];

	(void) state;
	memset(large, 'C', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	memset(pattern, 'C', sizeof(pattern) - 1);
	pattern[sizeof(pattern) - 1] = '\0';
	expect_refused((HnDrawing) {.smiles = "C1CC"}, HN_INVALID_SMILES, "C1CC");
	expect_refused((HnDrawing) {.smiles = large}, HN_TOO_LARGE, "molecule has 301 atoms, more than the limit of 300 for a picture");
	assert_null(context.hint);
	expect_refused((HnDrawing) {.smiles = "CCO", .smarts = "[C"}, HN_INVALID_ARGUMENT, "invalid SMARTS \"[C\"");
	expect_refused((HnDrawing) {.smiles = "CCO", .smarts = ""}, HN_INVALID_ARGUMENT, "it has no atoms");
	expect_refused((HnDrawing) {.smiles = "CCO", .smarts = pattern}, HN_INVALID_ARGUMENT, "SMARTS has 1001 bytes");
	expect_refused((HnDrawing) {.smiles = "CCO", .atoms = &atom, .atom_count = 1}, HN_INVALID_ARGUMENT, "atom 4 ");
	expect_refused((HnDrawing) {.smiles = "CCO", .atoms = &before, .atom_count = 1}, HN_INVALID_ARGUMENT, "atoms 1 to 3");
	expect_refused((HnDrawing) {.smiles = "CCO", .weights = weights, .weight_count = 2}, HN_INVALID_ARGUMENT,
				   "2 weights, but the molecule has 3 atoms");
}

static void
test_unusual(void **state)
{
	static const char *const smiles[] = {"[H][H]", "*", "[Na+].[Cl-]", "c1cc*cc1", "[13CH4]", "C[N+](C)(C)CC([O-])=O", "[Fe]", "F/C=C/F", "CC=CC",
		"C1CC2CCC1C2", "O=[N+]([O-])c1ccccc1", "[2H]C([2H])[2H]", "C->[Cu]", "OS(=O)(=O)O", "c1ccc2c(c1)[nH]c1ccccc12", "[CH3]", "C#N", "[U+6]"};

	(void) state;
	for (size_t i = 0; i < sizeof(smiles) / sizeof(*smiles); i++)
	{
		HnDrawing	drawing = {.smiles = smiles[i], .legend = smiles[i]};

		expect_harmless(draw(&drawing, 1, &style));
	}
}

static bool
interrupt(void *state)
{
	return ++*(int *) state > 3;
}

static void
test_interrupt(void **state)
{
	HnDrawing	drawings[100];
	int			asked = 0;
	const char *svg;

	(void) state;
	for (int i = 0; i < 100; i++)
		drawings[i] = (HnDrawing) {.smiles = "CCO"};
	hn_context_init(&context, &arena, interrupt, &asked);
	assert_int_equal(hn_draw(&context, drawings, 100, &style, MAX_ATOMS, &svg), HN_INTERRUPTED);
	assert_int_equal(asked, 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_molecule, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_grid, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hostile_legends, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_escape, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_highlights, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_weights, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_atom_numbers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unusual, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_interrupt, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
