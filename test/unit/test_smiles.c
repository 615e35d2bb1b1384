/*
 * test_smiles.c: SMILES that are refused, and why, and those that are accepted.
 */
#include "molecules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A string of count copies of unit, in the arena. */
static char *
repeat(const char *unit, int count)
{
	size_t		length = strlen(unit);
	char	   *text = hn_arena_alloc(&arena, (size_t) count * length + 1, 1);

	assert_non_null(text);
	for (int i = 0; i < count; i++)
		memcpy(text + (size_t) i * length, unit, length);
	text[(size_t) count * length] = '\0';
	return text;
}

static char *
join(const char *a, const char *b, const char *c)
{
	size_t		size = strlen(a) + strlen(b) + strlen(c) + 1;
	char	   *text = hn_arena_alloc(&arena, size, 1);

	assert_non_null(text);
	snprintf(text, size, "%s%s%s", a, b, c);
	return text;
}

/* Each invalid SMILES is refused with this message, which RDKit from 2025.03 on ends with a position. */
static void
test_reasons(void **state)
{
	static const char *const cases[][2] = {
		{"", "invalid SMILES \"\": it is empty"},
		{" \t\n", "invalid SMILES \"\": it is empty"},
		{"C1CC", "invalid SMILES \"C1CC\": unclosed ring"},
		{"CC(C", "invalid SMILES \"CC(C\": extra open parentheses"},
		{"CC)C", "invalid SMILES \"CC)C\": extra close parentheses"},
		{"c1cccc1", "invalid SMILES \"c1cccc1\": can't kekulize mol. Unkekulized atoms: 0 1 2 3 4"},
		{"cC", "invalid SMILES \"cC\": non-ring atom 0 marked aromatic"},
		{"CCO ethanol", "invalid SMILES \"CCO ethanol\": white space at position 4, "
		"where a name or another molecule may follow"},
		{"CC |$R1;$|", "invalid SMILES \"CC |$R1;$|\": CXSMILES extension at position 3"},
		{"CC\t  |$R1;$|", "invalid SMILES \"CC\\x09  |$R1;$|\": CXSMILES extension at position 3"},
		{"CC|$R1;$|", "invalid SMILES \"CC|$R1;$|\": CXSMILES extension at position 3"},
		{"CC a|b", "invalid SMILES \"CC a|b\": white space at position 3, where a name or another molecule may follow"},
		{"CC\nCC", "invalid SMILES \"CC\\x0ACC\": white space at position 3, "
		"where a name or another molecule may follow"},
		{"CC\xc3\xa4", "invalid SMILES \"CC\\xC3\\xA4\": unexpected byte \\xC3 at position 3"},
		{"\x7f", "invalid SMILES \"\\x7F\": unexpected byte \\x7F at position 1"},
	};
	HnGraph		graph;
	const char *canonical;

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		assert_int_equal(read_graph(cases[i][0], &graph), HN_INVALID_SMILES);
		assert_memory_equal(context.message, cases[i][1], strlen(cases[i][1]));
		context.message[0] = '\0';
		assert_int_equal(hn_canonical_smiles(&context, cases[i][0], true, MAX_ATOMS, &canonical),
						 HN_INVALID_SMILES);
		assert_memory_equal(context.message, cases[i][1], strlen(cases[i][1]));
	}
}

/* Wording that may differ between versions of RDKit: the reason must be there. */
static void
test_reasons_loosely(void **state)
{
	static const char *const cases[][2] = {
		{"CN(C)(C)(C)C", "valence"},
		{"F[C](F)(F)(F)F", "valence"},
		{"CCO>>CC", "syntax error"},
		{"CC>", "syntax error"},
		{"[C;H1]", "syntax error"},
		{"[C&X4]", "syntax error"},
		{"[$(CC)]", "syntax error"},
		{"C=", "syntax error"},
		{"=C", "syntax error"},
		{"(", "syntax error"},
		{")", ""},
		{"[", "syntax error"},
		{"]", "syntax error"},
		{"[]", "syntax error"},
		{"[Zz]", "syntax error"},
		{"%", "syntax error"},
		{"C%", "syntax error"},
		{"C%1", "syntax error"},
		{".", "syntax error"},
		{"C..C", "syntax error"},
		{"hello", "syntax error"},
		{"C11", "ring closure"},
		{"C12CC12", "ring closure"},
		{"[99999999999999999999C]", "number at position 2 is larger than 65535"},
		{"C[65549CH3]", "number at position 3 is larger than 65535"},
		{"[C+99999999999999999999]", "number at position 4 is larger than 127"},
		{"[CH99999999999999999999]", "number at position 4 is larger than 127"},
		{"[Fe-128]", "number at position 5 is larger than 127"},
		{"C[CH256]", "number at position 5 is larger than 127"},
		{"InChI=1S/CH4/h1H4", "syntax error"},
		{"[#119]", "number at position 3 is larger than 118"},
		{"[#300]", "number at position 3 is larger than 118"},
		{"[13#0999]", "number at position 5 is larger than 118"},
	};
	HnGraph		graph;

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		context.message[0] = '\0';
		if (read_graph(cases[i][0], &graph) != HN_INVALID_SMILES)
			fail_msg("%s is accepted", cases[i][0]);
		if (strstr(context.message, cases[i][1]) == NULL || strstr(context.message, cases[i][0]) == NULL)
			fail_msg("%s: \"%s\" does not name the reason", cases[i][0], context.message);
		assert_null(strchr(context.message, '\n'));
		assert_true(context.message[strlen(context.message) - 1] != '.');
	}
}

/* Odd, but molecules. */
static void
test_accepted(void **state)
{
	static const char *const molecules[] = {
		"*", "[*]", "[#6]", "[#0]", "[#118]", "C#CC#N", "[Fe+10]", "[C--]", "C-1CC-1", "[H][H]", "[H+]", "[U]", "[Og]", "C~C", "C$C", "N->[Fe]", "[1*]C",
		"[65535*]C", "[CH3:7]C", "F[P@TB1](Cl)(Br)(I)C", "[13CH4]", "O=C=[C@]=C=O", "C1.C1", "[Fe]<-N", "C%(12345)CC%(12345)",
	};
	HnGraph		graph;

	(void) state;
	for (size_t i = 0; i < sizeof(molecules) / sizeof(molecules[0]); i++)
		read_valid(molecules[i], &graph);

	read_valid("*C", &graph);
	assert_int_equal(graph.element[0] * graph.element[1], 0);
	assert_true(graph.mass[graph.element[0] == 0 ? 0 : 1] == 1);
}

static void
expect_too_large(const char *smiles, int max_atoms, const char *message)
{
	HnGraph		graph;

	context.message[0] = '\0';
	assert_int_equal(hn_graph_from_smiles(&context, smiles, &hn_features_2021, max_atoms, &graph),
					 HN_TOO_LARGE);
	if (strstr(context.message, message) == NULL)
		fail_msg("\"%s\" does not contain \"%s\"", context.message, message);
}

/* Atoms a and b, connected to each other, of all pairs of n metal atoms. */
static char *
complete_graph(int n)
{
	char	   *text = hn_arena_alloc(&arena, (size_t) n * (size_t) n * 8, 1);
	char	   *out = text;

	assert_non_null(text);
	for (int a = 0; a < n; a++)
	{
		out += sprintf(out, a > 0 ? ".[Fe]" : "[Fe]");
		for (int b = 0; b < n; b++)
		{
			if (a != b)
				out += sprintf(out, "%%(%d)", a < b ? a * n + b : b * n + a);
		}
	}
	return text;
}

static void
test_limits(void **state)
{
	HnGraph		graph;

	(void) state;
	read_valid(repeat("C", MAX_ATOMS), &graph);
	assert_int_equal(graph.atom_count, MAX_ATOMS);
	expect_too_large(repeat("C", MAX_ATOMS + 1), MAX_ATOMS,
					 "molecule has 1001 atoms, more than the limit of 1000");
	expect_too_large("CCC", 2, "molecule has 3 atoms, more than the limit of 2");
	expect_too_large("[H][H]", 1, "molecule has 2 atoms, more than the limit of 1");
	expect_too_large(repeat("C", 100000), MAX_ATOMS,
					 "SMILES has 100000 bytes, more than the limit of 33024");
	expect_too_large(complete_graph(20), MAX_ATOMS, "molecule has 190 bonds between 20 atoms");
	expect_too_large(join("C", repeat("([H])", 6000), ""), MAX_ATOMS,
					 "atom 0 has 6000 bonds, more than the limit of 64");
	read_valid(complete_graph(13), &graph);
	assert_int_equal(graph.bond_count, 78);

	/* RDKit would look for their double bonds for minutes; those of chains cost nothing. */
	expect_too_large(join("c1cNnnnn", repeat("*", 40), "c1"), MAX_ATOMS,
					 "molecule has 40 atoms \"*\" among 48 atoms in rings, more than the limit of 10");
	read_valid(join("c1cNnnnn", repeat("*", 12), "c1"), &graph);
	read_valid(join("C", repeat("*", 40), "C1CC1"), &graph);
	assert_int_equal(graph.atom_count, 44);

	/* The limit is on the molecule, not on how hydrogens are written. */
	assert_int_equal(hn_graph_from_smiles(&context, "[H]C([H])([H])C([H])([H])[H]",
										  &hn_features_2021, 2, &graph), HN_OK);
	assert_int_equal(graph.atom_count, 2);
}

/* Large inputs return, whatever they return. */
static void
test_nasty_inputs(void **state)
{
	const char *nasty[] = {
		join(repeat("C(", 15000), "", repeat(")", 3000)),
		join(repeat("C(", 300), "C", repeat(")", 300)),
		repeat(join("[Fe]", repeat("([H])", 60), ""), 100),
		repeat("(", 33000),
		repeat(")", 33000),
		repeat("[", 33000),
		repeat("C1", 10000),
		join("C", repeat("1", 10000), ""),
		repeat("C12", 900),
		repeat("C=1C", 450),
		repeat("c1ccccc1", 120),
		join("c", repeat("1ccccc1c", 110), ""),
		repeat("[H]", 10000),
		join("C", repeat("([H])", 6000), ""),
		repeat("[C@@](F)(Cl)", 300),
		repeat("C/C=C/", 300),
		repeat(".", 33000),
		repeat("*.", 900),
		repeat("%", 33000),
		join("[", repeat("1", 30000), "C]"),
		join("[C", repeat("+", 30000), "]"),
		join("[C", repeat("@", 30000), "]"),
		join("[C@TB", repeat("9", 30000), "]"),
		repeat("\\", 33000),
	};
	HnGraph		graph;
	const char *canonical;

	(void) state;
	for (size_t i = 0; i < sizeof(nasty) / sizeof(nasty[0]); i++)
	{
		HnStatus	status;

		context.message[0] = '\0';
		status = read_graph(nasty[i], &graph);
		assert_true(status == HN_OK || status == HN_INVALID_SMILES || status == HN_TOO_LARGE);
		assert_true(status == HN_OK || context.message[0] != '\0');
		assert_int_equal(hn_canonical_smiles(&context, nasty[i], true, MAX_ATOMS, &canonical), status);
	}
}

/* Every single byte, alone, in an atom's place and in brackets, and every cut of a SMILES. */
static void
test_all_bytes(void **state)
{
	static const char whole[] = "C[C@@H]1CC/C=C\\[13C](%12)N(C)c2c%12cc[nH]2.[Na+].O1->[Fe++]";
	HnGraph		graph;
	char		text[sizeof(whole)];

	(void) state;
	for (int byte = 1; byte < 256; byte++)
	{
		static const char *const places[] = {"%c", "C%cC", "C[%c]C", "[C%c]"};

		for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		{
			HnStatus	status;

			snprintf(text, sizeof(text), places[i], byte);
			status = read_graph(text, &graph);
			assert_true(status == HN_OK || status == HN_INVALID_SMILES);
			if (byte > 127)
				assert_int_equal(status, HN_INVALID_SMILES);
		}
	}
	for (size_t length = 0; length < sizeof(whole); length++)
	{
		HnStatus	status;

		snprintf(text, length + 1, "%s", whole);
		status = read_graph(text, &graph);
		assert_true(status == HN_OK || status == HN_INVALID_SMILES);
	}
}

static void
test_long_message(void **state)
{
	HnGraph		graph;

	(void) state;
	assert_int_equal(read_graph(join(repeat("C", 500), "(", ""), &graph), HN_INVALID_SMILES);
	assert_non_null(strstr(context.message, "CCC...\": "));
	assert_true(strlen(context.message) < 300);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_reasons, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reasons_loosely, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_accepted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_limits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nasty_inputs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_all_bytes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long_message, set_up, tear_down)
	};

	return cmocka_run_group_tests_name("SMILES", tests, NULL, NULL);
}
