/*
 * test_explain.c: parts of molecules, and contributions fitted to their values.
 */
#include <math.h>
#include <string.h>

#include "hamnet/chem.h"
#include "hamnet/explain.h"

#include "fixture.h"

#define MAX_ATOMS 1000

static HnParts
cut(const char *smiles)
{
	HnParts		parts;

	if (hn_cut_parts(&context, smiles, MAX_ATOMS, &parts) != HN_OK)
		fail_msg("%s: %s", smiles, context.message);
	return parts;
}

static bool
has_part(const HnParts *parts, const char *smiles)
{
	for (int p = 0; p < parts->count; p++)
		if (parts->parts[p] && strcmp(parts->parts[p], smiles) == 0)
			return true;
	return false;
}

/* How much of a molecule is there: the sum of its atomic numbers. */
static double
weigh(const char *smiles)
{
	HnGraph		graph;
	double		sum = 0;

	if (hn_graph_from_smiles(&context, smiles, &hn_features_2026, MAX_ATOMS, &graph) != HN_OK)
		fail_msg("%s", context.message);
	for (int i = 0; i < graph.atom_count; i++)
		sum += graph.element[i];
	return sum;
}

static double *
fit(const HnParts *parts, double value, double baseline, const double *part_values)
{
	double	   *contributions = GET(double, parts->atom_count);

	must(hn_fit_contributions(&context, parts, value, baseline, part_values, contributions));
	return contributions;
}

static double
sum_of(const double *numbers, int count)
{
	double		sum = 0;

	for (int i = 0; i < count; i++)
		sum += numbers[i];
	return sum;
}

static void
test_parts(void **state)
{
	HnParts		parts = cut("OCC");

	(void) state;
	assert_int_equal(parts.atom_count, 3);
	assert_string_equal(parts.smiles, "CCO");
	assert_int_equal(parts.element[2], 8);
	assert_int_equal(parts.source_atom[2], 0);
	assert_true(has_part(&parts, "CO") && has_part(&parts, "CC") && has_part(&parts, "C.O"));
	assert_true(has_part(&parts, "C") && has_part(&parts, "O"));
}

/* A charge that was there for a bond goes with it; aromatic rings are opened. */
static void
test_healing(void **state)
{
	HnParts		nitro = cut("C[N+](=O)[O-]");
	HnParts		pyrrole = cut("c1cc[nH]c1");
	HnParts		betaine = cut("C[N+](C)(C)CC([O-])=O");

	(void) state;
	assert_true(has_part(&nitro, "CN=O"));
	assert_true(has_part(&nitro, "C.O.O"));
	assert_true(has_part(&pyrrole, "C=CC=C"));
	assert_true(has_part(&betaine, "CN(C)CC(=O)[O-]"));
}

/* Every part is a molecule, whatever it was cut from. */
static void
test_unusual(void **state)
{
	static const char *const smiles[] = {"C", "*", "[H][H]", "[Na+].[Cl-]", "c1cc*cc1", "[13CH4]", "F/C=C/F", "C[C@H](N)C(=O)O", "C1CC2CCC1C2",
		"C->[Cu]", "OS(=O)(=O)O", "c1ccc2c(c1)[nH]c1ccccc12", "[CH3]", "C#N", "[U+6]", "[Fe+2].c1cc[cH-]c1.c1cc[cH-]c1", "C1=CC=CN=C1", "N#[N+][O-]",
		"O=c1[nH]c(=O)[nH]c2[nH]cnc12", "C[Si](C)(C)C", "F[P-](F)(F)(F)(F)F", "[O-][Cl+3]([O-])([O-])[O-]", "C[S@](=O)c1ccccc1", "[2H]C([2H])O"};

	(void) state;
	for (size_t i = 0; i < sizeof(smiles) / sizeof(*smiles); i++)
	{
		HnParts		parts = cut(smiles[i]);
		double	   *values = GET(double, parts.count + 1);

		assert_true(parts.count > 0);
		for (int p = 0; p < parts.count; p++)
			values[p] = parts.parts[p] ? weigh(parts.parts[p]) : 0;
		assert_float_equal(sum_of(fit(&parts, 7, 3, values), parts.atom_count), 4, 1e-9);
	}
}

/* Another spelling differs in the places of atoms only. */
static void
test_spelling(void **state)
{
	HnParts		a = cut("CC(=O)Oc1ccccc1C(=O)O");
	HnParts		b = cut("OC(=O)c1c(OC(C)=O)cccc1");

	(void) state;
	assert_string_equal(a.smiles, b.smiles);
	assert_int_equal(a.count, b.count);
	assert_memory_equal(a.removed, b.removed, a.count * a.atom_count * sizeof(bool));
	assert_memory_equal(a.symmetry, b.symmetry, a.atom_count * sizeof(int));
	for (int p = 0; p < a.count; p++)
		assert_string_equal(a.parts[p], b.parts[p]);
	assert_memory_not_equal(a.source_atom, b.source_atom, a.atom_count * sizeof(int));
}

/* A sum over atoms is found again. */
static void
test_sum(void **state)
{
	HnParts		parts = cut("CC(=O)Oc1ccccc1C(=O)N");
	double	   *values = GET(double, parts.count);
	double	   *contributions;
	double		total = weigh(parts.smiles);

	(void) state;
	for (int p = 0; p < parts.count; p++)
		values[p] = parts.parts[p] ? weigh(parts.parts[p]) : 0;
	contributions = fit(&parts, total, 0, values);
	for (int i = 0; i < parts.atom_count; i++)
		assert_float_equal(contributions[i], parts.element[i], 0.5);
	assert_float_equal(sum_of(contributions, parts.atom_count), total, 1e-9);
}

/* Whatever the values, equivalent atoms get the same, and all add up. */
static void
test_symmetry(void **state)
{
	HnParts		parts = cut("Cc1ccccc1");
	double	   *values = GET(double, parts.count);
	double	   *contributions;
	int			pairs = 0;

	(void) state;
	for (int p = 0; p < parts.count; p++)
		values[p] = uniform();
	contributions = fit(&parts, 2, -1, values);
	assert_float_equal(sum_of(contributions, parts.atom_count), 3, 1e-12);
	for (int i = 0; i < parts.atom_count; i++)
		for (int j = 0; j < i; j++)
			if (parts.symmetry[i] == parts.symmetry[j])
			{
				assert_true(contributions[i] == contributions[j]);
				pairs++;
			}
	assert_int_equal(pairs, 2);
}

/* Atoms that a rotation exchanges are equivalent, whatever their stereochemistry is called. */
static void
test_cyclohexane(void **state)
{
	HnParts		parts = cut("N#C[C@]1(C)CC[C@@H](O)CC1");
	int			pairs = 0;

	(void) state;
	for (int i = 0; i < parts.atom_count; i++)
		for (int j = 0; j < i; j++)
			pairs += parts.symmetry[i] == parts.symmetry[j];
	assert_int_equal(pairs, 2);
}

/* A part without a value has no part in it, and without any all atoms get the same. */
static void
test_unknown(void **state)
{
	HnParts		parts = cut("CCCO");
	double	   *values = GET(double, parts.count);
	double	   *contributions;

	(void) state;
	for (int p = 0; p < parts.count; p++)
		values[p] = NAN;
	contributions = fit(&parts, 8, 0, values);
	for (int i = 0; i < 4; i++)
		assert_float_equal(contributions[i], 2, 1e-12);
}

static void
test_refused(void **state)
{
	char		large[HN_EXPLAIN_ATOMS + 2];
	HnParts		parts;

	(void) state;
	memset(large, 'C', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	assert_int_equal(hn_cut_parts(&context, "C1CC", MAX_ATOMS, &parts), HN_INVALID_SMILES);
	assert_int_equal(hn_cut_parts(&context, large, MAX_ATOMS, &parts), HN_TOO_LARGE);
	assert_string_equal(context.message, "molecule has 301 atoms, more than the limit of 300 for an explanation");
	assert_null(context.hint);
	assert_int_equal(hn_cut_parts(&context, "CCCC", 3, &parts), HN_TOO_LARGE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_parts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_healing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unusual, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_spelling, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_sum, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_symmetry, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cyclohexane, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unknown, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
