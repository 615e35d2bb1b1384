/*
 * test_inchi.c: InChI and InChIKey.
 */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

#include "hamnet/inchi.h"

#define NCI_FILE "/usr/share/RDKit/Data/NCI/first_5K.smi"
#define MAX_ATOMS 1000

static const char *
inchi_of(const char *smiles)
{
	const char *inchi;

	if (hn_inchi_from_smiles(&context, smiles, MAX_ATOMS, &inchi) != HN_OK)
		fail_msg("%s: %s", smiles, context.message);
	return inchi;
}

/* As published for these compounds: PubChem's, for alanine, omeprazole's enantiomer and others. */
static void
test_published(void **state)
{
	static const char *const cases[][2] = {
		{"C", "InChI=1S/CH4/h1H4"},
		{"CCO", "InChI=1S/C2H6O/c1-2-3/h3H,2H2,1H3"},
		{"N[C@@H](C)C(=O)O", "InChI=1S/C3H7NO2/c1-2(4)3(5)6/h2H,4H2,1H3,(H,5,6)/t2-/m0/s1"},
		{"N[C@H](C)C(=O)O", "InChI=1S/C3H7NO2/c1-2(4)3(5)6/h2H,4H2,1H3,(H,5,6)/t2-/m1/s1"},
		{"CC1=CN=C(C(=C1OC)C)C[S@](=O)C2=NC3=C(N2)C=C(C=C3)OC",
			"InChI=1S/C17H19N3O3S/c1-10-8-18-15(11(2)16(10)23-4)9-24(21)17-19-13-6-5-12(22-3)7-14(13)20-17/h5-8H,9H2,1-4H3,(H,19,20)/t24-/m0/s1"},
		{"F/C=C/F", "InChI=1S/C2H2F2/c3-1-2-4/h1-2H/b2-1+"},
		{"F/C=C\\F", "InChI=1S/C2H2F2/c3-1-2-4/h1-2H/b2-1-"},
		{"FC=CF", "InChI=1S/C2H2F2/c3-1-2-4/h1-2H"},
		{"[13CH3]O", "InChI=1S/CH4O/c1-2/h2H,1H3/i1+1"},
		{"[2H]C([2H])O", "InChI=1S/CH4O/c1-2/h2H,1H3/i1D2"},
		{"[Na+].[Cl-]", "InChI=1S/ClH.Na/h1H;/q;+1/p-1"},
		{"[CH3]", "InChI=1S/CH3/h1H3"},
		{"CC(=O)Oc1ccccc1C(=O)O", "InChI=1S/C9H8O4/c1-6(10)13-8-5-3-2-4-7(8)9(11)12/h2-5H,1H3,(H,11,12)"},
		{"[CH3:7][OH:3]", "InChI=1S/CH4O/c1-2/h2H,1H3"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(inchi_of(cases[i][0]), cases[i][1]);
}

static void
test_keys(void **state)
{
	static const char *const cases[][2] = {
		{"N[C@@H](C)C(=O)O", "QNAYBMKLOCPYGJ-REOHCLBHSA-N"},
		{"CC(=O)Oc1ccccc1C(=O)O", "BSYNRYMUTXBXSQ-UHFFFAOYSA-N"},
		{"CC1=CN=C(C(=C1OC)C)C[S@](=O)C2=NC3=C(N2)C=C(C=C3)OC", "SUBDBMMJDZJVOS-DEOSSOPVSA-N"},
		{"[Na+].[Cl-]", "FAPWRFPIFSIZLT-UHFFFAOYSA-M"},
	};
	const char *key;

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		assert_int_equal(hn_inchikey_from_smiles(&context, cases[i][0], MAX_ATOMS, &key), HN_OK);
		assert_string_equal(key, cases[i][1]);
	}
}

/* What a fingerprint does not tell apart, InChI does; tautomers and spellings it does not. */
static void
test_identity(void **state)
{
	static const char *const different[][2] = {
		{"C[C@H]1C[C@@H](C1)O", "C[C@H]1C[C@H](C1)O"}, {"C[C@H]1CC[C@@H](O)CC1", "C[C@H]1CC[C@H](O)CC1"},
		{"C", "[13CH4]"}, {"F[C@](Cl)(Br)I", "F[C@@](Cl)(Br)I"}, {"C[C@@H](O)[C@H](O)C", "C[C@@H](O)[C@@H](O)C"},
	};
	static const char *const same[][2] = {
		{"Oc1ccccn1", "O=c1cccc[nH]1"}, {"OCC", "C(O)C"}, {"C[N+](=O)[O-]", "CN(=O)=O"}, {"[nH]1cnc2c1cccc2", "c1cccc2nc[nH]c12"},
		{"C[C@@H]1C[C@@H](C1)O", "O[C@@H]1C[C@@H](C1)C"}, {"F[C@](Cl)(Br)I", "Cl[C@](F)(I)Br"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(different) / sizeof(different[0]); i++)
		assert_string_not_equal(inchi_of(different[i][0]), inchi_of(different[i][1]));
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		assert_string_equal(inchi_of(same[i][0]), inchi_of(same[i][1]));
}

/* An InChI does not depend on how the SMILES is written. */
static void
test_spellings(void **state)
{
	FILE	   *file = fopen(NCI_FILE, "r");
	char		line[4096];

	(void) state;
	if (file == NULL)
		skip();
	for (int number = 0; fgets(line, sizeof(line), file); number++)
	{
		const char *canonical;

		line[strcspn(line, " \t\r\n")] = '\0';
		hn_arena_reset(&arena);
		if (number % 10 == 0 && hn_canonical_smiles(&context, line, true, MAX_ATOMS, &canonical) == HN_OK)
			assert_string_equal(inchi_of(line), inchi_of(canonical));
	}
	fclose(file);
}

static void
test_refused(void **state)
{
	char		large[1026];
	const char *inchi;

	(void) state;
	memset(large, 'C', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	assert_int_equal(hn_inchi_from_smiles(&context, "C1CC", MAX_ATOMS, &inchi), HN_INVALID_SMILES);
	assert_int_equal(hn_inchi_from_smiles(&context, "*C", MAX_ATOMS, &inchi), HN_INVALID_SMILES);
	/* The reason is the library's, which has another one since version 1.07. */
	assert_non_null(strstr(context.message, "invalid SMILES \"*C\": no InChI: un"));
	assert_int_equal(hn_inchi_from_smiles(&context, large, 2000, &inchi), HN_TOO_LARGE);
	assert_string_equal(context.message, "molecule has 1025 atoms, more than the limit of 1023 for InChI");
	assert_int_equal(hn_inchikey_from_smiles(&context, "CCCC", 3, &inchi), HN_TOO_LARGE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_published, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_keys, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_identity, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_spellings, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
