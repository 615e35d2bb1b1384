/*
 * test_conformer.c: conformations made from SMILES and read from MOL blocks.
 */
#include "fixture.h"

#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "hamnet/chem.h"
#include "hamnet/conformer.h"

#define MAX_ATOMS 1000

static const char *
embed(const char *smiles, int seed)
{
	const char *molblock;

	if (hn_embed(&context, smiles, seed, MAX_ATOMS, &molblock) != HN_OK)
		fail_msg("%s: %s", smiles, context.message);
	return molblock;
}

static real *
read_block(const char *molblock, HnGraph *graph)
{
	real	   *positions;

	if (hn_graph_from_molblock(&context, molblock, &hn_features_2026, MAX_ATOMS, graph, &positions) != HN_OK)
		fail_msg("%s", context.message);
	return positions;
}

static double
distance(const real *positions, int a, int b)
{
	double		sum = 0;

	for (int k = 0; k < 3; k++)
		sum += pow(positions[3 * a + k] - positions[3 * b + k], 2);
	return sqrt(sum);
}

static void
test_seed(void **state)
{
	const char *first = embed("CCCCC(=O)NCC", 7);

	(void) state;
	assert_string_equal(embed("CCCCC(=O)NCC", 7), first);
	assert_string_not_equal(embed("CCCCC(=O)NCC", 8), first);
	assert_string_equal(embed("CCCCC(=O)NCC", 0), embed("CCCCC(=O)NCC", 0));
	assert_non_null(strstr(embed("CC", 2147483647), "V2000"));
}

static volatile sig_atomic_t sigints;

static void
count_sigint(int signal)
{
	(void) signal;
	sigints++;
}

/* As a server does that cancels a query after a while, here of processor time, lest a slow machine do nothing else. */
static void
send_sigint(int signal)
{
	(void) signal;
	kill(getpid(), SIGINT);
	kill(getpid(), SIGINT);
}

/* RDKit from 2025.03 on has a handler of its own for SIGINT: ours must see the signal, RDKit must not. */
static void
test_sigint(void **state)
{
	static const char smiles[] = "CC(C)(O)CNC(C)(O)CNC(C)(O)CNC(C)(O)CN";
	const struct itimerval often = {{0, 2000}, {0, 2000}}, never = {{0, 0}, {0, 0}};
	struct sigaction handler = {.sa_handler = count_sigint}, timer = {.sa_handler = send_sigint}, after;
	const char *expected = embed(smiles, 3);
	const char *molblock = NULL;

	(void) state;
	sigaction(SIGINT, &handler, NULL);
	sigaction(SIGVTALRM, &timer, NULL);
	setitimer(ITIMER_VIRTUAL, &often, NULL);
	for (int i = 0; i < 20; i++)
	{
		HnStatus	status = hn_embed(&context, smiles, 3, MAX_ATOMS, &molblock);

		if (status != HN_OK || strcmp(molblock, expected) != 0)
			break;
	}
	setitimer(ITIMER_VIRTUAL, &never, NULL);

	assert_int_equal(context.status, HN_OK);
	assert_string_equal(molblock, expected);
	assert_true(sigints > 0);
	sigaction(SIGINT, NULL, &after);
	assert_true(after.sa_handler == count_sigint);
}

/* The atoms of the block stand in the order of the SMILES, and the graph is that of the SMILES. */
static void
test_order(void **state)
{
	static const char *const molecules[] = {
		"OC(=O)c1ccccc1OC(C)=O", "C[C@H](N)C(=O)O", "C/C=C\\Cl", "N#CC1CC1", "[Na+].CC(=O)[O-]"
	};

	(void) state;
	for (size_t m = 0; m < sizeof(molecules) / sizeof(molecules[0]); m++)
	{
		HnGraph		from_smiles;
		HnGraph		from_block;
		real	   *positions = read_block(embed(molecules[m], 1), &from_block);
		int			n;

		assert_int_equal(hn_graph_from_smiles(&context, molecules[m], &hn_features_2026, MAX_ATOMS, &from_smiles), HN_OK);
		n = from_smiles.atom_count;
		assert_int_equal(from_block.atom_count, n);
		assert_int_equal(from_block.bond_count, from_smiles.bond_count);
		assert_memory_equal(from_block.source_atom, from_smiles.source_atom, n * sizeof(int));
		assert_memory_equal(from_block.element, from_smiles.element, n);
		assert_memory_equal(from_block.bonds, from_smiles.bonds, from_smiles.bond_count * sizeof(int[2]));
		assert_memory_equal(from_block.atom_features, from_smiles.atom_features,
							n * hn_features_2026.atom_columns * sizeof(real));
		assert_memory_equal(from_block.bond_features, from_smiles.bond_features,
							from_smiles.bond_count * hn_features_2026.bond_columns * sizeof(real));

		/* Bonds between heavy atoms are 1.1 to 2 angstrom long, and no two atoms lie closer. */
		for (int k = 0; k < from_block.bond_count; k++)
		{
			double		length = distance(positions, from_block.bonds[k][0], from_block.bonds[k][1]);

			assert_true(length > 1.1 && length < 2);
		}
		for (int a = 0; a < n; a++)
			for (int b = a + 1; b < n; b++)
				assert_true(distance(positions, a, b) > 1.1);
	}
}

/* Benzene is a regular hexagon of 1.39 angstrom. */
static void
test_benzene(void **state)
{
	HnGraph		graph;
	real	   *positions = read_block(embed("c1ccccc1", 1), &graph);

	(void) state;
	for (int k = 0; k < graph.bond_count; k++)
		assert_true(fabs(distance(positions, graph.bonds[k][0], graph.bonds[k][1]) - 1.39) < 0.03);
}

static void
test_order_positions(void **state)
{
	HnGraph		graph;
	double		coordinates[9] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
	real	   *positions;

	(void) state;
	assert_int_equal(hn_graph_from_smiles(&context, "CCO", &hn_features_2026, MAX_ATOMS, &graph), HN_OK);
	assert_int_equal(hn_order_positions(&context, &graph, coordinates, 3, &positions), HN_OK);
	for (int i = 0; i < 3; i++)
		for (int k = 0; k < 3; k++)
			assert_true(positions[3 * i + k] == coordinates[3 * graph.source_atom[i] + k]);
	assert_int_equal(hn_order_positions(&context, &graph, coordinates, 2, &positions), HN_INVALID_ARGUMENT);
	coordinates[4] = NAN;
	assert_int_equal(hn_order_positions(&context, &graph, coordinates, 3, &positions), HN_INVALID_ARGUMENT);
	coordinates[4] = 1e39;		/* beyond a float */
	assert_int_equal(hn_order_positions(&context, &graph, coordinates, 3, &positions), HN_INVALID_ARGUMENT);
}

/* The check of positions says so, or, without words, nothing. */
static void
expect_positions(const char *smiles, const double *coordinates, const char *words)
{
	HnGraph		graph;
	real	   *positions;
	HnStatus	status;

	assert_int_equal(hn_graph_from_smiles(&context, smiles, &hn_features_2021, MAX_ATOMS, &graph), HN_OK);
	assert_int_equal(hn_order_positions(&context, &graph, coordinates, graph.atom_count, &positions), HN_OK);
	status = hn_check_positions(&context, &graph, positions);
	assert_int_equal(status, words ? HN_INVALID_ARGUMENT : HN_OK);
	if (words && strstr(context.message, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", context.message, words);
}

static void
test_check_positions(void **state)
{
	static const double pyramid[12] = {1.45, 0, 0.3, 0, 0, 0, -0.72, 1.25, 0.3, -0.72, -1.25, 0.3};
	static const double flat[12] = {1.5, 0, 2, 0, 0, 2, -0.75, 1.3, 2, -0.75, -1.3, 2};
	static const double together[12] = {1.45, 0, 0.3, 0, 0, 0, -0.72, 1.25, 0.3, -0.72, 1.25, 0.4};
	static const double apart[12] = {14.5, 0, 0.3, 0, 0, 0, -0.72, 1.25, 0.3, -0.72, -1.25, 0.3};

	(void) state;
	expect_positions("CC(C)C", pyramid, NULL);
	expect_positions("CC(C)C", flat, "all atoms lie in one plane, which those around atom 1 cannot");
	expect_positions("CC(C)=C", flat, NULL);
	expect_positions("CB(C)C", flat, NULL);
	expect_positions("CC(C)C", together, "are in one place");
	expect_positions("CC(C)C", apart, "angstrom long");
}

/* What RDKit makes passes. */
static void
test_check_embedded(void **state)
{
	static const char *const molecules[] = {
		"OC(=O)c1ccccc1OC(C)=O", "C[C@H](N)C(=O)O", "N#CC1CC1", "[Na+].CC(=O)[O-]", "C", "CCCC", "c1ccccc1", "C12C3C4C1C5C2C3C45"
	};

	(void) state;
	for (size_t m = 0; m < sizeof(molecules) / sizeof(molecules[0]); m++)
	{
		HnGraph		graph;
		real	   *positions = read_block(embed(molecules[m], 1), &graph);

		if (hn_check_positions(&context, &graph, positions) != HN_OK)
			fail_msg("%s: %s", molecules[m], context.message);
	}
}

/* Hydrogens of a block become implicit, like those of a SMILES. */
static void
test_written_hydrogens(void **state)
{
	static const char water[] =
		"water\n  test             3D\n\n"
		"  3  2  0  0  0  0  0  0  0  0999 V2000\n"
		"    0.7586    0.0000    0.5043 H   0  0\n"
		"    0.0000    0.0000   -0.1170 O   0  0\n"
		"   -0.7586    0.0000    0.5043 H   0  0\n"
		"  1  2  1  0\n"
		"  2  3  1  0\n"
		"M  END\n";
	HnGraph		graph;
	real	   *positions = read_block(water, &graph);

	(void) state;
	assert_int_equal(graph.atom_count, 1);
	assert_int_equal(graph.element[0], 8);
	assert_true(fabs(positions[2] + 0.1170) < 1e-6);
}

static void
expect_block(const char *molblock, HnStatus wanted, int max_atoms, const char *words)
{
	HnGraph		graph;
	real	   *positions;

	assert_int_equal(hn_graph_from_molblock(&context, molblock, &hn_features_2026, max_atoms, &graph, &positions), wanted);
	if (strstr(context.message, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", context.message, words);
}

/* Coordinates have to be finite as the numbers that they become. */
static void
test_far_beyond(void **state)
{
	static const char block[] =
		"\n  test             3D\n\n"
		"  0  0  0  0  0  0  0  0  0  0999 V3000\n"
		"M  V30 BEGIN CTAB\n"
		"M  V30 COUNTS 1 0 0 0 0\n"
		"M  V30 BEGIN ATOM\n"
		"M  V30 1 C 1e39 0 1 0\n"
		"M  V30 END ATOM\n"
		"M  V30 END CTAB\n"
		"M  END\n";

	(void) state;
	expect_block(block, HN_INVALID_SMILES, MAX_ATOMS, "a coordinate is not finite");
}

/* However it is cut, a block is refused, or read as a molecule, without harm. */
static void
expect_cuts(const char *block)
{
	char	   *cut = hn_arena_alloc(&arena, strlen(block) + 1, 1);

	for (size_t length = 0; length < strlen(block); length++)
	{
		HnGraph		graph;
		real	   *positions;
		HnStatus	status;

		memcpy(cut, block, length);
		cut[length] = '\0';
		status = hn_graph_from_molblock(&context, cut, &hn_features_2026, MAX_ATOMS, &graph, &positions);
		if (status != HN_OK && status != HN_INVALID_SMILES)
			fail_msg("cut to %zu bytes: status %d, %s", length, (int) status, context.message);
	}
}

static bool
always(void *state)
{
	(void) state;
	return true;
}

static void
test_refusals(void **state)
{
	static const char flat[] =
		"\n  test             2D\n\n"
		"  2  1  0  0  0  0  0  0  0  0999 V2000\n"
		"    0.0000    0.0000    0.0000 C   0  0\n"
		"    1.5000    0.0000    0.0000 C   0  0\n"
		"  1  2  1  0\n"
		"M  END\n";
	const char *molblock;
	const char *good = embed("CCO", 1);

	(void) state;
	expect_block("", HN_INVALID_SMILES, MAX_ATOMS, "invalid MOL block");
	expect_block("nonsense", HN_INVALID_SMILES, MAX_ATOMS, "invalid MOL block");
	expect_block(flat, HN_INVALID_SMILES, MAX_ATOMS, "not three-dimensional");
	expect_block(good, HN_TOO_LARGE, 2, "more than the limit of 2");

	expect_cuts(good);
	expect_cuts(embed("[Na+].[Cl-]", 1));

	assert_int_equal(hn_embed(&context, "C(", 1, MAX_ATOMS, &molblock), HN_INVALID_SMILES);
	assert_int_equal(hn_embed(&context, "CC", -1, MAX_ATOMS, &molblock), HN_INVALID_ARGUMENT);
	assert_int_equal(hn_embed(&context, "CCCC", 1, 3, &molblock), HN_TOO_LARGE);

	char		chain[HN_EMBED_ATOMS / 2] = "";

	memset(chain, 'C', sizeof(chain) - 1);	/* with its hydrogens, three times as many atoms */
	assert_int_equal(hn_embed(&context, chain, 1, MAX_ATOMS, &molblock), HN_TOO_LARGE);
	/* The bridge would have to go through the cage. */
	assert_int_equal(hn_embed(&context, "F[C@@]12CC[C@](Cl)(C1)C2", 1, MAX_ATOMS, &molblock), HN_NO_CONFORMER);

	context.interrupted = always;
	assert_int_equal(hn_embed(&context, "CCO", 1, MAX_ATOMS, &molblock), HN_INTERRUPTED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_seed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_sigint, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_benzene, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_order_positions, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_check_positions, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_check_embedded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_written_hydrogens, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_far_beyond, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refusals, set_up, tear_down)
	};

	return cmocka_run_group_tests_name("conformers", tests, NULL, NULL);
}
