/*
 * test_standardize.c: one form of a molecule, whatever it was written as.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hamnet/standardize.h"

#define NCI_FILE "/usr/share/RDKit/Data/NCI/first_5K.smi"
#define MAX_ATOMS 1000

/* From respell.cpp. */
extern char *respell(const char *smiles, unsigned seed);

typedef enum Form
{
	CLEAN,
	PARENT,
	TAUTOMER,
	FORMS
} Form;

/* The molecule in a form; NULL where it is none. */
static const char *
form_of(const char *smiles, Form form)
{
	const char *result;
	HnStatus	status = form == CLEAN ? hn_clean(&context, smiles, MAX_ATOMS, &result) :
		form == PARENT ? hn_parent(&context, smiles, true, true, MAX_ATOMS, &result) :
		hn_tautomer(&context, smiles, MAX_ATOMS, &result);

	if (status == HN_INVALID_SMILES)
		return NULL;
	if (status != HN_OK)
		fail_msg("%s: %s", smiles, context.message);
	return result;
}

static void
expect_form(const char *smiles, Form form, const char *expected)
{
	const char *result = form_of(smiles, form);

	if (result == NULL || strcmp(result, expected) != 0)
		fail_msg("form %d of %s is %s, not %s", form, smiles, result ? result : context.message, expected);
}

static void
test_parents(void **state)
{
	static const char *const cases[][2] = {
		{"CC(C)Cc1ccc(cc1)C(C)C(=O)[O-].[Na+]", "CC(C)Cc1ccc(C(C)C(=O)O)cc1"},
		{"CC(C)Cc1ccc(cc1)C(C)C(=O)O[Na]", "CC(C)Cc1ccc(C(C)C(=O)O)cc1"},
		{"C[NH3+]", "CN"},
		{"CN.Cl", "CN"},
		{"[NH3+][C@@H](C)C([O-])=O", "C[C@H](N)C(=O)O"},
		{"C[N+](C)(C)C.[Cl-]", "C[N+](C)(C)C"},
		{"CN(=O)=O", "C[N+](=O)[O-]"},
		{"[2H]C([2H])[13CH3]", "[2H]C([2H])[13CH3]"},
		{"F/C=C/F.O", "F/C=C/F"},
		{"[CH3:1][OH:2]", "CO"},
	};
	const char *result;

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_form(cases[i][0], PARENT, cases[i][1]);
	assert_int_equal(hn_parent(&context, "[2H]C([2H])[13CH3]", false, true, MAX_ATOMS, &result), HN_OK);
	assert_string_equal(result, "CC");
	assert_int_equal(hn_parent(&context, "N[C@@H](C)C(=O)O.Cl", true, false, MAX_ATOMS, &result), HN_OK);
	assert_string_equal(result, "CC(N)C(=O)O");
}

static void
test_tautomers(void **state)
{
	static const char *const cases[][2] = {
		{"Oc1ccccn1", "O=c1cccc[nH]1"},
		{"O=c1cccc[nH]1", "O=c1cccc[nH]1"},
		{"CC(O)=CC(C)=O", "CC(=O)CC(C)=O"},
		{"CCO", "CCO"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_form(cases[i][0], TAUTOMER, cases[i][1]);
}

/* Every spelling has the same form, and the form is its own. */
static void
check_forms(const char *smiles, unsigned seed, Form forms)
{
	for (Form form = CLEAN; form < forms; form++)
	{
		const char *expected = form_of(smiles, form);
		char	   *respelled = respell(smiles, seed);

		if (expected != NULL)
		{
			assert_non_null(respelled);
			expect_form(respelled, form, expected);
			expect_form(expected, form, expected);
		}
		free(respelled);
	}
}

/* Every 20th of 5,000 compounds; tautomers, which take a hundred times as long, of every 200th. */
static void
test_nci_compounds(void **state)
{
	FILE	   *file = fopen(NCI_FILE, "r");
	char		line[4096];

	(void) state;
	if (file == NULL)
		skip();
	for (unsigned number = 0; fgets(line, sizeof(line), file); number++)
	{
		if (number % 20 != 0)
			continue;
		line[strcspn(line, " \t\r\n")] = '\0';
		check_forms(line, number, number % 200 == 0 ? FORMS : TAUTOMER);
		hn_arena_reset(&arena);
	}
	fclose(file);
}

static void
test_failures(void **state)
{
	const char *result;

	(void) state;
	for (Form form = CLEAN; form < FORMS; form++)
		assert_null(form_of("C1CC", form));
	assert_int_equal(hn_clean(&context, "CCC", 2, &result), HN_TOO_LARGE);
	assert_int_equal(hn_parent(&context, "CCC.[Na+]", true, true, 3, &result), HN_TOO_LARGE);
	assert_int_equal(hn_tautomer(&context, "CCC", 2, &result), HN_TOO_LARGE);

	assert_int_equal(hn_standardize(&context, "no molecule", HN_AS_GIVEN, 1, &result), HN_OK);
	assert_string_equal(result, "no molecule");
	assert_int_equal(hn_standardize(&context, "C[NH3+]", HN_CLEAN, MAX_ATOMS, &result), HN_OK);
	assert_string_equal(result, "C[NH3+]");
	assert_int_equal(hn_standardize(&context, "C[NH3+]", HN_PARENT, MAX_ATOMS, &result), HN_OK);
	assert_string_equal(result, "CN");
}

/* Answers "stop" when it has been asked so often. */
static bool
stop_after(void *state)
{
	return (*(int *) state)-- <= 0;
}

/* A molecule of many tautomers, and an interrupt at each of its first questions. */
static void
test_interrupt(void **state)
{
	const char *result;

	(void) state;
	for (int questions = 0; questions < 30; questions++)
	{
		int			left = questions;
		HnContext	impatient;

		hn_context_init(&impatient, &arena, stop_after, &left);
		assert_int_equal(hn_tautomer(&impatient, "Oc1nc(N)nc2[nH]cnc12", MAX_ATOMS, &result), HN_INTERRUPTED);
	}
	for (int questions = 0; questions < 4; questions++)
	{
		int			left = questions;
		HnContext	impatient;

		hn_context_init(&impatient, &arena, stop_after, &left);
		assert_int_equal(hn_parent(&impatient, "CN.Cl", true, true, MAX_ATOMS, &result), HN_INTERRUPTED);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_parents, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_tautomers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nci_compounds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_failures, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_interrupt, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
