/*
 * test_chem.c: SMILES to graphs, what is refused and why, and batches.
 */
#include "fixture.h"

#include <math.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "golden.h"
#include "hamnet/chem.h"

#define NCI_FILE "/usr/share/RDKit/Data/NCI/first_5K.smi"
#define MAX_ATOMS 1000

/* From respell.cpp. */
extern char *respell(const char *smiles, unsigned seed);
extern char *map_atoms(const char *smiles, unsigned seed);

static HnStatus
read_graph(const char *smiles, HnGraph *graph)
{
	return hn_graph_from_smiles(&context, smiles, &hn_features_2021, MAX_ATOMS, graph);
}

static void
read_valid(const char *smiles, HnGraph *graph)
{
	if (read_graph(smiles, graph) != HN_OK)
		fail_msg("%s: %s", smiles, context.message);
}

/* With everything that atoms and bonds may be described by. */
static void
read_richly(const char *smiles, HnGraph *graph)
{
	if (hn_graph_from_smiles(&context, smiles, &hn_features_2026, MAX_ATOMS, graph) != HN_OK)
		fail_msg("%s: %s", smiles, context.message);
}

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

/* Compare everything but the places in the input. */
static bool
same_graph(const HnGraph *a, const HnGraph *b)
{
	size_t		n = (size_t) a->atom_count;
	size_t		m = (size_t) a->bond_count;
	size_t		atom_row = (size_t) a->features->atom_columns * sizeof(real);
	size_t		bond_row = (size_t) a->features->bond_columns * sizeof(real);

	return a->features == b->features
		&& a->atom_count == b->atom_count
		&& a->bond_count == b->bond_count
		&& memcmp(a->element, b->element, n) == 0
		&& memcmp(a->bonds, b->bonds, m * sizeof(a->bonds[0])) == 0
		&& memcmp(a->atom_features, b->atom_features, n * atom_row) == 0
		&& memcmp(a->bond_features, b->bond_features, m * bond_row) == 0
		&& memcmp(a->mass, b->mass, n * sizeof(real)) == 0;
}

/* Check an array of numbers, nested in rows or not, against values. */
static const real *
check_numbers(json_t *expected, const real *values)
{
	size_t		i;
	json_t	   *item;

	json_array_foreach(expected, i, item)
	{
		if (json_is_array(item))
			values = check_numbers(item, values);
		else
			assert_true(fabs(json_number_value(item) - (double) *values++) < 1e-6);
	}
	return values;
}

static void
check_golden(json_t *molecule)
{
	json_t	   *order = json_object_get(molecule, "order");
	json_t	   *bonds = json_object_get(molecule, "bonds");
	HnGraph		graph;
	size_t		n;
	size_t		m;

	read_valid(json_string_value(json_object_get(molecule, "smiles")), &graph);
	n = (size_t) graph.atom_count;
	m = (size_t) graph.bond_count;
	assert_int_equal(n, json_array_size(order));
	assert_int_equal(m, json_array_size(bonds));
	for (size_t i = 0; i < n; i++)
		assert_int_equal(graph.source_atom[i], json_integer_value(json_array_get(order, i)));
	for (size_t k = 0; k < m; k++)
	{
		for (size_t end = 0; end < 2; end++)
			assert_int_equal(graph.bonds[k][end],
							 json_integer_value(json_array_get(json_array_get(bonds, k), end)));
	}
	assert_ptr_equal(check_numbers(json_object_get(molecule, "atoms"), graph.atom_features),
					 graph.atom_features + n * (size_t) graph.features->atom_columns);
	assert_ptr_equal(check_numbers(json_object_get(molecule, "bond_features"), graph.bond_features),
					 graph.bond_features + m * (size_t) graph.features->bond_columns);
	assert_ptr_equal(check_numbers(json_object_get(molecule, "mass"), graph.mass), graph.mass + n);
}

static void
test_golden_features(void **state)
{
	json_t	   *root = golden_json("features.json");
	json_t	   *molecule;
	size_t		i;

	(void) state;
	assert_int_equal(json_integer_value(json_object_get(root, "atom_columns")),
					 hn_features_2021.atom_columns);
	assert_int_equal(json_integer_value(json_object_get(root, "bond_columns")),
					 hn_features_2021.bond_columns);
	assert_int_equal(json_array_size(json_object_get(root, "cases")), 15);
	json_array_foreach(json_object_get(root, "cases"), i, molecule)
		check_golden(molecule);
	json_decref(root);
}

static void
test_feature_sets(void **state)
{
	(void) state;
	assert_ptr_equal(hn_feature_set("hamnet-2021"), &hn_features_2021);
	assert_ptr_equal(hn_feature_set("hamnet-2026"), &hn_features_2026);
	assert_null(hn_feature_set("hamnet-2020"));
	assert_null(hn_feature_set(""));
}

/* The columns of hamnet-2021 are the first of hamnet-2026, and bonds have the same in both. */
static void
check_extension(const char *smiles)
{
	HnGraph		poor;
	HnGraph		rich;

	read_valid(smiles, &poor);
	read_richly(smiles, &rich);
	assert_int_equal(poor.atom_count, rich.atom_count);
	for (int i = 0; i < poor.atom_count; i++)
		assert_memory_equal(rich.atom_features + i * hn_features_2026.atom_columns,
							poor.atom_features + i * hn_features_2021.atom_columns,
							hn_features_2021.atom_columns * sizeof(real));
	assert_memory_equal(rich.bond_features, poor.bond_features,
						(size_t) poor.bond_count * hn_features_2021.bond_columns * sizeof(real));
}

/* What hamnet-2026 adds, for each atom of the SMILES: hydrogens, size of the smallest ring or 0. */
static void
test_features_2026(void **state)
{
	static const struct
	{
		const char *smiles;
		const char *hydrogens;
		const char *ring;
	}			cases[] = {
		{"C", "4", "0"},
		{"[CH3]C(=O)O", "3001", "0000"},
		{"[NH4+].[BH4-]", "44", "00"},
		{"[2H]C([2H])O", "0301", "0000"},
		{"[H][H]", "11", "00"},
		{"C1CC1C", "2213", "3330"},
		{"C1CCC1.C1CCCC1.c1ccccc1", "222222222111111", "444455555666666"},
		{"C1CCCCCC1", "2222222", "7777777"},
		{"C1CCCCCCC1.C1CCCCCCCC1", "22222222222222222", "88888888888888888"},
		{"C12C3C4C1C5C2C3C45", "11111111", "44444444"},
		{"C1CC2CCC1C2", "2212212", "5555555"},
		{"c1ccc2c(c1)CC2", "11100122", "66644644"},
	};
	const HnFeatureSet *set = &hn_features_2026;

	(void) state;
	assert_int_equal(set->atom_columns, 46);
	assert_int_equal(set->bond_columns, hn_features_2021.bond_columns);
	assert_ptr_equal(set->extends, &hn_features_2021);
	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++)
	{
		HnGraph		graph;

		check_extension(cases[c].smiles);
		read_richly(cases[c].smiles, &graph);
		assert_int_equal(graph.atom_count, strlen(cases[c].ring));
		for (int i = 0; i < graph.atom_count; i++)
		{
			const real *row = graph.atom_features + i * set->atom_columns + hn_features_2021.atom_columns;
			real		expected[12] = {0};
			int			ring = cases[c].ring[graph.source_atom[i]] - '0';

			expected[cases[c].hydrogens[graph.source_atom[i]] - '0'] = 1;
			if (ring > 0)
				expected[5 + ring - 3] = expected[11] = 1;
			if (memcmp(row, expected, sizeof(expected)) != 0)
				fail_msg("%s: atom %d is described otherwise", cases[c].smiles, graph.source_atom[i]);
		}
	}
}

static void
expect_same_graph(const char *smiles, const char *other)
{
	HnGraph		graph;
	HnGraph		other_graph;

	read_richly(smiles, &graph);
	read_richly(other, &other_graph);
	if (!same_graph(&graph, &other_graph))
		fail_msg("%s and %s give different graphs", smiles, other);
}

/* The graph of a SMILES is the graph of every other SMILES of the molecule, with atom-map numbers too. */
static void
check_spellings(const char *smiles, unsigned seed)
{
	const char *canonical;
	char	   *spellings[] = {respell(smiles, seed), map_atoms(smiles, seed)};

	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++)
	{
		assert_non_null(spellings[i]);
		expect_same_graph(smiles, spellings[i]);
		free(spellings[i]);
	}
	assert_int_equal(hn_canonical_smiles(&context, smiles, true, MAX_ATOMS, &canonical), HN_OK);
	expect_same_graph(smiles, canonical);
}

/* The rings of a molecule and what joins them, whatever hangs on them and however it is written. */
static void
test_scaffolds(void **state)
{
	static const char *const cases[][2] = {
		{"CCO", ""},
		{"[Na+].[Cl-]", ""},
		{"Cc1ccccc1", "c1ccccc1"},
		{"OC(=O)c1ccccc1OC(C)=O", "c1ccccc1"},
		{"C[C@H](c1ccccc1)N1CCCC1", "c1ccc(CN2CCCC2)cc1"},
		{"C(N1CCCC1)(C)c1ccc(Cl)cc1", "c1ccc(CN2CCCC2)cc1"},
	};
	const char *scaffold;

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		assert_int_equal(hn_scaffold(&context, cases[i][0], MAX_ATOMS, &scaffold), HN_OK);
		assert_string_equal(scaffold, cases[i][1]);
	}
	assert_int_equal(hn_scaffold(&context, "C1CC", MAX_ATOMS, &scaffold), HN_INVALID_SMILES);
	assert_int_equal(hn_scaffold(&context, "CCCCC", 4, &scaffold), HN_TOO_LARGE);
}

static void
test_spellings(void **state)
{
	static const char *const molecules[] = {
		"CC(C)Cc1ccc(cc1)[C@@H](C)C(=O)O",
		"C/C=C/C=C\\C",
		"[2H]C([2H])([2H])[C@H](O)[13CH3]",
		"[Na+].[Cl-].*C#N",
		"C1C2CC3CC1CC(C2)C3",
		"OC[C@H]1OC(O)[C@H](O)[C@@H](O)[C@@H]1O",
		"C[S@](=O)c1ccccc1",
		"[Fe+2].c1cc[cH-]c1.c1cc[cH-]c1",
		"C12C3C4C1C5C2C3C45",
		"C1C2C3C4C1C5C2C3C45",
		"C12C3C4C5C1C6C7C2C8C3C4C9C5C6C7C89",
		"C1CC2CC3CC1CC(C2)C3.C1C2CC1C2.C12CC1C2",
		"P12P3P1P23",
		"C1OCCOCCOCCOCCOCCO1",
	};

	(void) state;
	for (size_t i = 0; i < sizeof(molecules) / sizeof(molecules[0]); i++)
	{
		for (unsigned seed = 0; seed < 20; seed++)
			check_spellings(molecules[i], seed);
	}
}

/* Explicit hydrogens, white space and Kekulé forms are spellings, too. */
static void
test_equivalent_inputs(void **state)
{
	static const char *const pairs[][2] = {
		{"C", "[H]C([H])([H])[H]"},
		{"CCO", "  CCO\r\n"},
		{"c1ccccc1", "C1=CC=CC=C1"},
		{"C[C@H](N)C(=O)O", "C[C@]([H])(N)C(=O)O"},
		{"CN(=O)=O", "C[N+](=O)[O-]"},
		{"C", "[#6H4]"},
		{"C1CC1", "C%11CC%11"},
		{"CO", "[H:5]C([H])([H:2])[O:1][H:3]"},
		{"[2H]C", "[2H:4]C"},
	};
	HnGraph		a;
	HnGraph		b;

	(void) state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		expect_same_graph(pairs[i][0], pairs[i][1]);
	read_valid("C[C@H](N)C(=O)O", &a);
	read_valid("C[C@@H](N)C(=O)O", &b);
	assert_false(same_graph(&a, &b));
}

/* Every fifth of 5,000 compounds: bonds that kept their order, too. */
static void
test_nci_compounds(void **state)
{
	FILE	   *file = fopen(NCI_FILE, "r");
	char		line[4096];
	int			compounds = 0;
	int			number = 0;

	(void) state;
	if (file == NULL)
		skip();
	while (fgets(line, sizeof(line), file))
	{
		HnGraph		graph;

		if (number++ % 5 != 0)
			continue;
		line[strcspn(line, " \t\r\n")] = '\0';
		if (read_graph(line, &graph) != HN_OK)
		{
			assert_int_equal(context.status, HN_INVALID_SMILES);
			continue;
		}
		for (int k = 0; k < graph.bond_count; k++)
		{
			assert_true(graph.bonds[k][0] < graph.bonds[k][1]);
			assert_true(k == 0 || graph.bonds[k - 1][0] < graph.bonds[k][0] ||
						(graph.bonds[k - 1][0] == graph.bonds[k][0] &&
						 graph.bonds[k - 1][1] < graph.bonds[k][1]));
		}
		check_spellings(line, (unsigned) number);
		hn_arena_reset(&arena);
		compounds++;
	}
	fclose(file);
	assert_true(compounds > 900);
}

/* Each invalid SMILES is refused with exactly this message. */
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
		assert_string_equal(context.message, cases[i][1]);
		context.message[0] = '\0';
		assert_int_equal(hn_canonical_smiles(&context, cases[i][0], true, MAX_ATOMS, &canonical),
						 HN_INVALID_SMILES);
		assert_string_equal(context.message, cases[i][1]);
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

/* A batch of graphs is the graphs, shifted. */
static void
check_batch(const HnGraph *graphs, int count)
{
	HnBatch		batch;
	int			atom = 0;
	int			bond = 0;
	int			largest = 0;

	assert_int_equal(hn_batch_build(&context, graphs, count, &batch), HN_OK);
	assert_int_equal(batch.graph_count, count);
	for (int g = 0; g < count; g++)
	{
		const HnGraph *graph = &graphs[g];
		size_t		fa = (size_t) graph->features->atom_columns;
		size_t		fb = (size_t) graph->features->bond_columns;

		assert_int_equal(batch.atom_offset[g], atom);
		for (int i = 0; i < graph->atom_count; i++)
			assert_int_equal(batch.graph_of_atom[atom + i], g);
		for (int k = 0; k < graph->bond_count; k++)
		{
			assert_int_equal(batch.bonds[bond + k][0], graph->bonds[k][0] + atom);
			assert_int_equal(batch.bonds[bond + k][1], graph->bonds[k][1] + atom);
		}
		assert_memory_equal(batch.atom_features + (size_t) atom * fa, graph->atom_features,
							(size_t) graph->atom_count * fa * sizeof(real));
		if (graph->bond_count > 0)
			assert_memory_equal(batch.bond_features + (size_t) bond * fb, graph->bond_features,
								(size_t) graph->bond_count * fb * sizeof(real));
		assert_memory_equal(batch.mass + atom, graph->mass, (size_t) graph->atom_count * sizeof(real));
		atom += graph->atom_count;
		bond += graph->bond_count;
		if (graph->atom_count > largest)
			largest = graph->atom_count;
	}
	assert_int_equal(batch.atom_offset[count], atom);
	assert_int_equal(batch.atom_count, atom);
	assert_int_equal(batch.bond_count, bond);
	assert_int_equal(batch.largest, largest);

	/* 2M edges, strictly ascending in (receiver, sender), each an end of its bond: every direction once. */
	assert_int_equal(batch.edge_offset[0], 0);
	assert_int_equal(batch.edge_offset[atom], 2 * bond);
	for (int i = 0; i < atom; i++)
	{
		for (int e = batch.edge_offset[i]; e < batch.edge_offset[i + 1]; e++)
		{
			const HnEdge *edge = &batch.edges[e];
			const int  *ends = batch.bonds[edge->bond];

			assert_int_equal(edge->receiver, i);
			assert_true((ends[0] == i && ends[1] == edge->sender) ||
						(ends[1] == i && ends[0] == edge->sender));
			assert_true(e == batch.edge_offset[i] || edge[-1].sender < edge->sender);
		}
	}
}

static void
test_batches(void **state)
{
	static const char *const molecules[] = {
		"CC(=O)Oc1ccccc1C(=O)O", "C", "[Na+].[Cl-]", "F[P](F)(F)(F)(F)F", "C1C2CC3CC1CC(C2)C3", "CCO",
	};
	enum
	{
		COUNT = sizeof(molecules) / sizeof(molecules[0])
	};
	HnGraph		graphs[COUNT];
	HnBatch		batch;

	(void) state;
	for (int g = 0; g < COUNT; g++)
		read_valid(molecules[g], &graphs[g]);
	for (int count = 1; count <= COUNT; count++)
		check_batch(graphs, count);
	for (int g = 0; g < COUNT; g++)
		check_batch(&graphs[g], 1);

	assert_int_equal(hn_batch_build(&context, graphs, 1, &batch), HN_OK);
	assert_ptr_equal(batch.atom_features, graphs[0].atom_features);
	assert_ptr_equal(batch.bonds, graphs[0].bonds);
}

static void
test_batch_overflow(void **state)
{
	HnGraph		graphs[3];
	HnBatch		batch;

	(void) state;
	read_valid("C", &graphs[0]);
	graphs[1] = graphs[2] = graphs[0];
	graphs[1].atom_count = graphs[2].atom_count = INT32_MAX / 2 + 1;
	assert_int_equal(hn_batch_build(&context, graphs, 3, &batch), HN_TOO_LARGE);
	graphs[1].atom_count = graphs[2].atom_count = 1;
	graphs[1].bond_count = INT32_MAX / 2 + 1;
	assert_int_equal(hn_batch_build(&context, graphs, 2, &batch), HN_TOO_LARGE);
}

static void *
allocate_nothing(void *state, size_t size)
{
	(void) state;
	(void) size;
	return NULL;
}

static void
release_nothing(void *state, void *block)
{
	(void) state;
	(void) block;
}

static void
test_no_memory(void **state)
{
	HnArena		empty;
	HnContext	poor;
	HnGraph		graph;
	const char *canonical;

	(void) state;
	hn_arena_init(&empty, (HnAllocator) {allocate_nothing, release_nothing, NULL});
	hn_context_init(&poor, &empty, NULL, NULL);
	assert_int_equal(hn_graph_from_smiles(&poor, "CCO", &hn_features_2021, MAX_ATOMS, &graph),
					 HN_OUT_OF_MEMORY);
	assert_int_equal(hn_canonical_smiles(&poor, "CCO", true, MAX_ATOMS, &canonical), HN_OUT_OF_MEMORY);
}

static bool
always(void *state)
{
	++*(int *) state;
	return true;
}

static void
test_interrupt(void **state)
{
	HnContext	stopped;
	HnGraph		graph;
	int			asked = 0;

	(void) state;
	hn_context_init(&stopped, &arena, always, &asked);
	assert_int_equal(hn_graph_from_smiles(&stopped, "CCO", &hn_features_2021, MAX_ATOMS, &graph),
					 HN_INTERRUPTED);
	assert_int_equal(asked, 1);
}

static void
test_names(void **state)
{
	int			year;
	int			month;

	(void) state;
	assert_string_equal(hn_element_symbol(0), "*");
	assert_string_equal(hn_element_symbol(6), "C");
	assert_string_equal(hn_element_symbol(118), "Og");
	assert_string_equal(hn_element_symbol(119), "?");
	assert_string_equal(hn_element_symbol(-1), "?");
	assert_int_equal(sscanf(hn_rdkit_version(), "%d.%d.", &year, &month), 2);
	assert_true(year >= 2022);
}

/* In a child, whose stack would not do for the recursion. */
static void
test_short_stack(void **state)
{
	char		deep[3 * 900 + 1];
	const char *canonical;
	int			status;
	pid_t		child;

	(void) state;
	for (int i = 0; i < 900; i++)
	{
		memcpy(deep + 2 * i, "C(", 2);
		deep[1800 + i] = ')';
	}
	memcpy(deep + 2 * 899, "CC", 2);
	deep[sizeof(deep) - 2] = '\0';	/* the innermost has no branch */
	assert_int_equal(hn_canonical_smiles(&context, deep, true, MAX_ATOMS, &canonical), HN_OK);

	child = fork();
	if (child == 0)
	{
		struct rlimit small = {512 * 1024, RLIM_INFINITY};

		_exit(setrlimit(RLIMIT_STACK, &small) == 0 &&
			  hn_canonical_smiles(&context, deep, true, MAX_ATOMS, &canonical) == HN_TOO_LARGE &&
			  hn_canonical_smiles(&context, "CCO", true, MAX_ATOMS, &canonical) == HN_OK ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_golden_features, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_feature_sets, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_features_2026, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_spellings, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_equivalent_inputs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nci_compounds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reasons, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reasons_loosely, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_accepted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_limits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nasty_inputs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_all_bytes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long_message, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_batches, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_batch_overflow, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_memory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_interrupt, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_scaffolds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_short_stack, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("chem", tests, NULL, NULL);
}
