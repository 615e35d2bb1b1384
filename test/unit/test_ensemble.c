/*
 * test_ensemble.c: ensembles of conformations: what is made, kept, picked and
 * weighed, and the distance between two.
 */
#include "fixture.h"

#include <math.h>
#include <string.h>

#include "hamnet/chem.h"
#include "hamnet/conformer.h"
#include "hamnet/solvation.h"

#define MAX_ATOMS 1000

static const HnConformerOptions all = {
	.rule = {100, 10, 0.5, HN_PICK_SPREAD}, .conformations = 12, .epsilon = 1, .hydrogens = true
};

static HnConformers
make(const char *smiles, HnConformerOptions options)
{
	HnConformers conformers;

	if (hn_conformers(&context, smiles, &options, MAX_ATOMS, &conformers) != HN_OK)
		fail_msg("%s: %s", smiles, context.message);
	return conformers;
}

static double
rmsd(const char *a, const char *b)
{
	double		distance;
	bool		complete;

	if (hn_molblock_rmsd(&context, a, b, MAX_ATOMS, &distance, &complete) != HN_OK)
		fail_msg("%s", context.message);
	return distance;
}

/* The canonical SMILES that a MOL block is read back as, its stereochemistry from the coordinates: by its graph. */
static void
expect_same_molecule(const char *smiles, const char *molblock)
{
	HnGraph		wanted;
	HnGraph		got;
	real	   *positions;
	size_t		n;

	assert_int_equal(hn_graph_from_smiles(&context, smiles, &hn_features_2026, MAX_ATOMS, &wanted), HN_OK);
	assert_int_equal(hn_graph_from_molblock(&context, molblock, &hn_features_2026, MAX_ATOMS, &got, &positions), HN_OK);
	n = (size_t) wanted.atom_count;
	assert_int_equal(got.atom_count, wanted.atom_count);
	assert_memory_equal(got.element, wanted.element, n);
	assert_int_equal(got.bond_count, wanted.bond_count);
	assert_memory_equal(got.bond_features, wanted.bond_features, (size_t) wanted.bond_count * hn_features_2026.bond_columns * sizeof(real));
	assert_memory_equal(got.atom_features, wanted.atom_features, n * hn_features_2026.atom_columns * sizeof(real));
}

static void
test_molecule_is_kept(void **state)
{
	static const char *const molecules[] = {
		"N[C@@H](C)C(=O)O", "N[C@H](C)C(=O)O", "F[C@H](Cl)Br", "F[C@@H](Cl)Br", "C/C=C\\C", "C/C=C/C", "C\\C(=C/C=C/C(=C/C(=O)NCCCO)/C)\\C=C\\C1=C(C)CCCC1(C)C",
		"C[C@H]1CCC[C@@H](C)C1", "OB(O)c1ccccc1", "[Na+].CC(=O)[O-]", "C", "O=[N+]([O-])c1ccccc1", "OC(=O)c1ccccc1O",
		"N#Cc1ccccc1P(C)C", "CS(=O)(=O)C", "C1=CC=CC=C1C#C", "O=C1C2CCC1CC2", "N12CCC(CC1)CC2", "OCC12CN(C1)C2"
	};

	(void) state;
	for (size_t m = 0; m < sizeof(molecules) / sizeof(molecules[0]); m++)
	{
		HnConformers conformers = make(molecules[m], all);

		for (int c = 0; c < conformers.count; c++)
			expect_same_molecule(molecules[m], conformers.members[c].molblock);
	}
}

/* By energy, within the window, no two closer than what was asked for, and the weights of all sum to 1. */
static void
test_selection(void **state)
{
	HnConformers conformers = make("CC(C)CCOC(=O)CN", all);
	double		sum = 0;

	(void) state;
	assert_true(conformers.complete);
	assert_int_equal(conformers.count, conformers.kept);
	assert_true(conformers.count > 3);
	for (int c = 0; c < conformers.count; c++)
	{
		const HnConformer *member = &conformers.members[c];

		sum += member->weight;
		assert_true(member->energy <= conformers.members[0].energy + all.rule.window);
		for (int d = 0; d < c; d++)
		{
			assert_true(member->energy >= conformers.members[d].energy);
			assert_true(member->weight <= conformers.members[d].weight);
			assert_true(rmsd(member->molblock, conformers.members[d].molblock) > all.rule.rmsd - 1e-3);
		}
	}
	assert_true(fabs(sum - 1) < 1e-9);
}

/* Both ways of picking begin with the lowest; the others are from the same ensemble. */
static void
test_picks(void **state)
{
	HnConformerOptions few = all;
	HnConformers whole = make("CC(C)CCOC(=O)CN", all);
	HnConformers lowest;
	HnConformers spread;

	(void) state;
	few.rule.count = 3;
	spread = make("CC(C)CCOC(=O)CN", few);
	few.rule.pick = HN_PICK_LOWEST;
	lowest = make("CC(C)CCOC(=O)CN", few);
	assert_int_equal(spread.count, 3);
	assert_int_equal(lowest.count, 3);
	assert_string_equal(spread.members[0].molblock, whole.members[0].molblock);
	for (int c = 0; c < 3; c++)
	{
		int			found = 0;

		assert_string_equal(lowest.members[c].molblock, whole.members[c].molblock);
		assert_true(lowest.members[c].weight == whole.members[c].weight);
		for (int w = 0; w < whole.count; w++)
			found += strcmp(spread.members[c].molblock, whole.members[w].molblock) == 0;
		assert_int_equal(found, 1);
	}
	assert_true(rmsd(spread.members[0].molblock, spread.members[1].molblock) >=
				rmsd(lowest.members[0].molblock, lowest.members[1].molblock) - 1e-3);
}

static void
test_seed(void **state)
{
	HnConformerOptions other = all;
	HnConformers first = make("CCCCC(=O)NCC", all);
	HnConformers second = make("CCCCC(=O)NCC", all);

	(void) state;
	assert_int_equal(first.count, second.count);
	for (int c = 0; c < first.count; c++)
		assert_string_equal(first.members[c].molblock, second.members[c].molblock);
	other.seed = 1;
	assert_string_not_equal(make("CCCCC(=O)NCC", other).members[0].molblock, first.members[0].molblock);
}

/* However the molecule is written, its conformations are the same. */
static void
test_spelling(void **state)
{
	HnConformers first = make("OC(=O)C(C)c1ccc(CC(C)C)cc1", all);
	HnConformers second = make("CC(C)Cc1ccc(cc1)C(C)C(O)=O", all);

	(void) state;
	assert_int_equal(first.count, second.count);
	for (int c = 0; c < first.count; c++)
	{
		assert_true(fabs(first.members[c].energy - second.members[c].energy) < 1e-9);
		assert_true(rmsd(first.members[c].molblock, second.members[c].molblock) < 1e-6);
	}
	assert_int_equal(second.elements[0], 6);
	assert_int_equal(first.elements[0], 8);
}

/* Hydrogens come last, or not at all. */
static void
test_hydrogens(void **state)
{
	HnConformerOptions heavy = all;
	HnConformers with = make("CCO", all);
	HnConformers without;

	(void) state;
	heavy.hydrogens = false;
	without = make("CCO", heavy);
	assert_int_equal(with.atom_count, 9);
	assert_int_equal(without.atom_count, 3);
	for (int i = 0; i < 9; i++)
		assert_int_equal(with.elements[i], i < 2 ? 6 : i == 2 ? 8 : 1);
	assert_memory_equal(with.members[0].positions, without.members[0].positions, 9 * sizeof(double));
}

/* An ensemble of one shape for a rigid molecule, also where that is the ion of a salt, and also with many symmetries. */
static void
test_repetitions(void **state)
{
	static const char *const rigid[] = {"c1ccccc1", "C1CC2CCC1C2", "[Na+].CC(=O)[O-]", "FC(F)(F)C(F)(F)F", "CC(C)(C)C", "OB(O)c1ccccc1"};

	(void) state;
	for (size_t m = 0; m < sizeof(rigid) / sizeof(rigid[0]); m++)
	{
		HnConformers conformers = make(rigid[m], all);

		if (conformers.kept != 1)
			fail_msg("%s has %d conformers", rigid[m], conformers.kept);
		assert_true(conformers.members[0].weight == 1);
	}
}

/* Energies that no force field knows are NaN, and weights then equal. */
static void
test_unknown_energies(void **state)
{
	HnConformers conformers = make("*CCCC(=O)NCC", all);

	(void) state;
	assert_true(conformers.count > 1);
	for (int c = 0; c < conformers.count; c++)
	{
		assert_true(isnan(conformers.members[c].energy));
		assert_true(fabs(conformers.members[c].weight - 1.0 / conformers.kept) < 1e-12);
	}
	assert_non_null(strstr(conformers.members[0].molblock, "force field none"));
	assert_non_null(strstr(make("OB(O)CC", all).members[0].molblock, "force field UFF"));
	assert_non_null(strstr(make("CC", all).members[0].molblock, "force field MMFF94"));
}

/* A solvent lowers the energy of what is polar, and leaves the conformations as they are. */
static void
test_solvent(void **state)
{
	HnConformerOptions water = all;
	HnConformers vacuum = make("NCC(=O)O", all);
	HnConformers solvated;

	(void) state;
	water.epsilon = 78.5;
	solvated = make("NCC(=O)O", water);
	assert_int_equal(solvated.made, vacuum.made);
	assert_true(solvated.members[0].energy < vacuum.members[0].energy - 5);
}

static void
test_rmsd(void **state)
{
	HnConformers toluene = make("Cc1ccccc1", all);
	HnConformers acid = make("CCCCC(=O)[O-]", all);

	(void) state;
	/* other numberings, by symmetry and by spelling, with hydrogens and without */
	assert_true(rmsd(toluene.members[0].molblock, make("c1ccccc1C", all).members[0].molblock) < 0.02);
	assert_true(rmsd(make("CC(=O)[O-]", all).members[0].molblock, make("[O-]C(C)=O", all).members[0].molblock) < 0.02);
	assert_true(acid.count > 1);
	for (int c = 0; c < acid.count; c++)
		for (int d = 0; d < acid.count; d++)
		{
			double		there = rmsd(acid.members[c].molblock, acid.members[d].molblock);

			assert_true(fabs(there - rmsd(acid.members[d].molblock, acid.members[c].molblock)) < 1e-4);
			assert_true(c == d ? there < 1e-6 : there > 0.4);
		}
}

static void
test_refusals(void **state)
{
	HnConformers conformers;
	HnConformerOptions options = all;
	double		distance;
	bool		complete;
	const char *ethanol = make("CCO", all).members[0].molblock;

	(void) state;
	assert_int_equal(hn_molblock_rmsd(&context, ethanol, make("COC", all).members[0].molblock, MAX_ATOMS, &distance, &complete),
					 HN_INVALID_ARGUMENT);
	assert_non_null(strstr(context.message, "different molecules: CCO and COC"));
	assert_int_equal(hn_molblock_rmsd(&context, ethanol, "nonsense", MAX_ATOMS, &distance, &complete), HN_INVALID_SMILES);
	assert_int_equal(hn_conformers(&context, "C(", &options, MAX_ATOMS, &conformers), HN_INVALID_SMILES);
	assert_int_equal(hn_conformers(&context, "F[C@@]12CC[C@](Cl)(C1)C2", &options, MAX_ATOMS, &conformers), HN_NO_CONFORMER);
	options.seed = -1;
	assert_int_equal(hn_conformers(&context, "CC", &options, MAX_ATOMS, &conformers), HN_INVALID_ARGUMENT);
}

/* Born's formula for an ion alone, nothing for what has no charge, and twice as much for twice the charge squared. */
static void
test_solvation(void **state)
{
	static const double origin[] = {0, 0, 0, 3, 0, 0};
	static const unsigned char elements[] = {17, 6};
	double		charges[] = {-1, 0};
	HnAtoms		one = {1, origin, elements};
	HnAtoms		two = {2, origin, elements};
	double		alone;
	double		beside;
	double		areas[2];

	(void) state;
	assert_int_equal(hn_born_energy(&context, &one, charges, 78.5, &alone), HN_OK);
	assert_true(fabs(alone + 332.06 / 2 * (1 - 1 / 78.5) / (1.75 - 0.09)) < 1e-9);
	assert_int_equal(hn_born_energy(&context, &two, charges, 78.5, &beside), HN_OK);
	assert_true(beside > alone);	/* the other atom keeps the solvent away */
	assert_int_equal(hn_born_energy(&context, &one, charges, 1, &alone), HN_OK);
	assert_true(alone == 0);
	assert_int_equal(hn_accessible_areas(&context, &one, areas), HN_OK);
	assert_true(fabs(areas[0] - 4 * M_PI * 3.15 * 3.15) < 1e-9);
	assert_int_equal(hn_accessible_areas(&context, &two, areas), HN_OK);
	assert_true(areas[0] < 4 * M_PI * 3.15 * 3.15 && areas[1] > 0);
}

/* Stop after so many questions. */
static bool
count_down(void *state)
{
	return --*(int *) state < 0;
}

static void
test_interrupt(void **state)
{
	HnConformers conformers;
	int			questions = 20;

	(void) state;
	context.interrupted = count_down;
	context.interrupted_state = &questions;
	assert_int_equal(hn_conformers(&context, "CCCCCCO", &all, MAX_ATOMS, &conformers), HN_INTERRUPTED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_molecule_is_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_selection, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_picks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_seed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_spelling, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hydrogens, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_repetitions, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unknown_energies, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_solvent, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rmsd, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refusals, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_solvation, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_interrupt, set_up, tear_down)
	};

	return cmocka_run_group_tests_name("ensembles of conformations", tests, NULL, NULL);
}
