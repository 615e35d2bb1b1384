/*
 * test_chem.c: SMILES to graphs, and batches.
 */
#include "molecules.h"

#include <math.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "golden.h"

#define NCI_FILE "/usr/share/RDKit/Data/NCI/first_5K.smi"

/* From respell.cpp. */
extern char *respell(const char *smiles, unsigned seed);
extern char *map_atoms(const char *smiles, unsigned seed);

/* With everything that atoms and bonds may be described by. */
static void
read_richly(const char *smiles, HnGraph *graph)
{
	if (hn_graph_from_smiles(&context, smiles, &hn_features_2026, MAX_ATOMS, graph) != HN_OK)
		fail_msg("%s: %s", smiles, context.message);
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
		if (golden_is_read(json_string_value(json_object_get(molecule, "smiles"))))
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
		"CC(=O)Oc1ccccc1C(=O)O", "C", "[Na+].[Cl-]", "F[P-](F)(F)(F)(F)F", "C1C2CC3CC1CC(C2)C3", "CCO",
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
		struct rlimit set;

		/* qemu says that it has set the limit, and does not */
		if (setrlimit(RLIMIT_STACK, &small) == 0 && getrlimit(RLIMIT_STACK, &set) == 0 && set.rlim_cur != small.rlim_cur)
			_exit(2);
		_exit(hn_canonical_smiles(&context, deep, true, MAX_ATOMS, &canonical) == HN_TOO_LARGE &&
			  hn_canonical_smiles(&context, "CCO", true, MAX_ATOMS, &canonical) == HN_OK ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 2)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
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
		cmocka_unit_test_setup_teardown(test_batches, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_batch_overflow, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_memory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_interrupt, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_scaffolds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_short_stack, set_up, tear_down)
	};

	return cmocka_run_group_tests_name("chem", tests, NULL, NULL);
}
