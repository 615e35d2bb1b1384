/*
 * test_formats.c: MOL blocks, SD files and patterns.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hamnet/descriptors.h"
#include "hamnet/formats.h"
#include "hamnet/sdf.h"
#include "hamnet/substructure.h"

#define NCI_FILE "/usr/share/RDKit/Data/NCI/first_5K.smi"
#define MAX_ATOMS 1000

/* A molecule comes back from its MOL block. */
static void
check_round_trip(const char *smiles)
{
	const char *canonical;
	const char *block;
	const char *back;

	if (hn_canonical_smiles(&context, smiles, false, MAX_ATOMS, &canonical) != HN_OK)
		return;
	must(hn_molblock_from_smiles(&context, smiles, MAX_ATOMS, &block));
	must(hn_smiles_from_molblock(&context, block, MAX_ATOMS, &back));
	if (strcmp(canonical, back) != 0)
		fail_msg("%s comes back from its MOL block as %s", canonical, back);
}

static void
test_round_trips(void **state)
{
	static const char *const molecules[] = {
		"CCO", "C[C@H](N)C(=O)O", "F/C=C/F", "F/C=C\\F", "CC(C)[N+](C)(C)[O-]", "[13CH3]O", "[Na+].[Cl-]", "C[C@H]1C[C@@H](C1)O",
		"NC[C@H]1CC[C@H](CC1)C(=O)O", "c1ccc2[nH]ccc2c1", "[CH3:1][OH:2]", "[2H]C([2H])O", "*CC", "CC[CH2]",
	};
	FILE	   *file = fopen(NCI_FILE, "r");
	char		line[4096];

	(void) state;
	for (size_t i = 0; i < sizeof(molecules) / sizeof(molecules[0]); i++)
		check_round_trip(molecules[i]);
	if (file == NULL)
		skip();
	for (int number = 0; fgets(line, sizeof(line), file); number++)
	{
		line[strcspn(line, " \t\r\n")] = '\0';
		if (number % 50 == 0)
			check_round_trip(line);
		hn_arena_reset(&arena);
	}
	fclose(file);
}

static void
test_bad_blocks(void **state)
{
	static const char *const blocks[] = {
		"", "\n\n\n", "CCO", "name\nprogram\ncomment\n  1  0  0  0  0  0  0  0  0  0999 V2000\n",
		"\n\n\n  0  0  0  0  0  0  0  0  0  0999 V2000\nM  END\n", "\n\n\n999999  0  0  0  0  0  0  0  0  0999 V2000\nM  END\n",
		"\n\n\n  0  0  0     0  0            999 V3000\nM  V30 BEGIN CTAB\nM  V30 COUNTS 1 0 0 0 0\nM  END\n",
	};
	char		large[HN_LAYOUT_ATOMS + 2];
	const char *smiles;
	const char *block;

	(void) state;
	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++)
	{
		assert_int_equal(hn_smiles_from_molblock(&context, blocks[i], MAX_ATOMS, &smiles), HN_INVALID_SMILES);
		assert_non_null(strstr(context.message, "invalid MOL block"));
	}
	must(hn_molblock_from_smiles(&context, "CCCC", MAX_ATOMS, &block));
	assert_int_equal(hn_smiles_from_molblock(&context, block, 3, &smiles), HN_TOO_LARGE);
	assert_int_equal(hn_molblock_from_smiles(&context, "C1CC", MAX_ATOMS, &block), HN_INVALID_SMILES);
	memset(large, 'C', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	assert_int_equal(hn_molblock_from_smiles(&context, large, 2 * HN_LAYOUT_ATOMS, &block), HN_TOO_LARGE);
}

static void
test_formulas(void **state)
{
	static const char *const cases[][2] = {
		{"CCO", "C2H6O"}, {"[Na+].[Cl-]", "ClNa"}, {"C[NH3+]", "CH6N+"}, {"CC(=O)[O-]", "C2H3O2-"}, {"O", "H2O"},
	};
	const char *formula;

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		must(hn_formula(&context, cases[i][0], MAX_ATOMS, &formula));
		assert_string_equal(formula, cases[i][1]);
	}
}

static void
expect_slice(HnSlice slice, const char *expected)
{
	if (slice.length != strlen(expected) || memcmp(slice.text, expected, slice.length) != 0)
		fail_msg("\"%.*s\" is not \"%s\"", (int) slice.length, slice.text, expected);
}

static void
test_records(void **state)
{
	static const char text[] =
		"a\n\n\nM  END\n>  <one>\n1\n\n> 25 <two> (3)\n2\n> 3\n\n$$$$\n"
		"b\r\n\r\n\r\nM  END\r\n> <two lines>\r\nx\r\ny\r\n\r\n$$$$\r\n"
		"> c\n> <d>\n\n> <none>\n> <next>\n> DT12\nv\n$$$$ and more\n"
		"$$$$\n"
		"last";
	HnSlice		rest = {text, strlen(text)};
	HnSlice		name;
	HnSlice		value;
	HnSdfRecord record;

	(void) state;
	assert_true(hn_sdf_next_record(&rest, &record));
	expect_slice(record.molblock, "a\n\n\nM  END\n");
	assert_true(hn_sdf_next_property(&record.properties, &name, &value));
	expect_slice(name, "one");
	expect_slice(value, "1");
	assert_true(hn_sdf_next_property(&record.properties, &name, &value));
	expect_slice(name, "two");
	expect_slice(value, "2\n> 3");
	assert_false(hn_sdf_next_property(&record.properties, &name, &value));

	assert_true(hn_sdf_next_record(&rest, &record));
	expect_slice(record.molblock, "b\r\n\r\n\r\nM  END\r\n");
	assert_true(hn_sdf_next_property(&record.properties, &name, &value));
	expect_slice(name, "two lines");
	expect_slice(value, "x\r\ny");
	assert_false(hn_sdf_next_property(&record.properties, &name, &value));

	/* The three lines of a header may hold anything. */
	assert_true(hn_sdf_next_record(&rest, &record));
	expect_slice(record.molblock, "> c\n> <d>\n\n");
	assert_true(hn_sdf_next_property(&record.properties, &name, &value));
	expect_slice(name, "none");
	expect_slice(value, "");
	assert_true(hn_sdf_next_property(&record.properties, &name, &value));
	expect_slice(name, "next");
	expect_slice(value, "> DT12\nv");

	assert_true(hn_sdf_next_record(&rest, &record));
	expect_slice(record.molblock, "");
	assert_true(hn_sdf_next_record(&rest, &record));
	expect_slice(record.molblock, "last");
	assert_false(hn_sdf_next_record(&rest, &record));
}

static bool
matches(const char *smiles, const char *smarts, int *count)
{
	HnPattern  *pattern;
	bool		found;

	must(hn_pattern_parse(&context, smarts, &pattern));
	must(hn_has_substructure(&context, smiles, pattern, MAX_ATOMS, &found));
	must(hn_count_substructure(&context, smiles, pattern, MAX_ATOMS, count));
	hn_pattern_free(pattern);
	assert_true(found == (*count > 0));
	return found;
}

static void
test_patterns(void **state)
{
	static const struct
	{
		const char *smiles;
		const char *smarts;
		int			count;
	}			cases[] = {
		{"CCO", "[OX2H]", 1}, {"CC", "[OX2H]", 0}, {"OCCO", "[OX2H]", 2}, {"c1ccccc1", "c", 6}, {"c1ccccc1", "c1ccccc1", 1},
		{"CC(=O)Oc1ccccc1C(=O)O", "[CX3](=O)[OX2H1]", 1}, {"CC(=O)Oc1ccccc1C(=O)O", "C(=O)O", 2}, {"CCN(C)C", "[$(N(C)C)]", 1},
		{"CCO.CCN", "[#7,#8]", 2}, {"CCO", "*", 3}, {"CCO", "[!C]", 1}, {"CC(C)C", "[C;!$(C(C)(C)C)]", 3}, {"C[C@H](N)O", "[C@@](N)(O)C", 1},
		{"CCO", "[CH3:1][CH2:2]", 1},
	};
	int			count;

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		matches(cases[i].smiles, cases[i].smarts, &count);
		if (count != cases[i].count)
			fail_msg("%s has %d times %s, not %d times", cases[i].smiles, count, cases[i].smarts, cases[i].count);
	}
}

static void
test_bad_patterns(void **state)
{
	static const char *const patterns[] = {"", "C(", "[C", "not a pattern", "C1CC", "\xc3\xa4"};
	char		large[HN_SMARTS_BYTES + 2];
	HnPattern  *pattern;

	(void) state;
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
	{
		assert_int_equal(hn_pattern_parse(&context, patterns[i], &pattern), HN_INVALID_ARGUMENT);
		assert_non_null(strstr(context.message, "invalid SMARTS"));
		assert_null(pattern);
	}
	memset(large, 'C', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	assert_int_equal(hn_pattern_parse(&context, large, &pattern), HN_INVALID_ARGUMENT);
}

/* Answers "stop" when it has been asked so often. */
static bool
stop_after(void *state)
{
	return (*(int *) state)-- <= 0;
}

/* A search that would take forever ends when asked to, also within a condition. */
static void
test_interrupt(void **state)
{
	/* Coronene is bipartite, so that it has no ring of 19 atoms. */
	static const char *const patterns[] = {
		"*1~*~*~*~*~*~*~*~*~*~*~*~*~*~*~*~*~*~*1",
		"[$(*1~*~*~*~*~*~*~*~*~*~*~*~*~*~*~*~*~*~*1)]",
	};
	static const char *const coronene = "c1cc2ccc3ccc4ccc5ccc6ccc1c7c2c3c4c5c67";

	(void) state;
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
	{
		HnContext	impatient;
		HnPattern  *pattern;
		bool		found;
		int			left = 4;

		must(hn_pattern_parse(&context, patterns[i], &pattern));
		hn_context_init(&impatient, &arena, stop_after, &left);
		assert_int_equal(hn_has_substructure(&impatient, coronene, pattern, MAX_ATOMS, &found), HN_INTERRUPTED);
		must(hn_has_substructure(&context, "C1CCCCCCCCCCCCCCCCCC1", pattern, MAX_ATOMS, &found));
		assert_true(found);
		hn_pattern_free(pattern);
	}
}

/* Each descriptor alone is what it is among all. */
static void
test_single_descriptors(void **state)
{
	static const char *const molecules[] = {"CC(=O)Oc1ccccc1C(=O)O", "*c1ccccc1", "[Na+].[Cl-]", "C"};
	const HnDescriptorSet *set = &hn_descriptors_rdkit_2d;

	(void) state;
	for (size_t m = 0; m < sizeof(molecules) / sizeof(molecules[0]); m++)
	{
		HnDescription description;

		must(hn_describe_smiles(&context, molecules[m], NULL, (HnNeeds) {.descriptors = set}, MAX_ATOMS, NULL, &description));
		for (int i = 0; i < set->count; i++)
		{
			double		all = (double) description.descriptors[i];
			double		value;

			must(hn_describe_one(&context, molecules[m], i, MAX_ATOMS, &value));
			if (memcmp(&value, &all, sizeof(value)) != 0 && !(value != value && all != all))
				fail_msg("%s of %s alone is %.9g, among others %.9g", set->names[i], molecules[m], value, all);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_round_trips, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_blocks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_formulas, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_records, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_patterns, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_patterns, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_interrupt, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_single_descriptors, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
