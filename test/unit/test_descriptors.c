/*
 * test_descriptors.c: descriptors and substructure counts against RDKit's
 * Python module, other spellings of a molecule, and limits.
 */
#include "fixture.h"

#include <math.h>
#include <string.h>

#include "golden.h"
#include "hamnet/chem.h"
#include "hamnet/conformer.h"
#include "hamnet/descriptors.h"
#include "hamnet/geometry.h"

#define MAX_ATOMS 1000

/* From respell.cpp. */
extern char *respell(const char *smiles, unsigned seed);

static const HnNeeds everything = {.descriptors = &hn_descriptors_rdkit_2d, .counts = true};

static void
describe(const char *smiles, HnDescription *description)
{
	if (hn_describe_smiles(&context, smiles, NULL, everything, MAX_ATOMS, NULL, description) != HN_OK)
		fail_msg("%s: %s", smiles, context.message);
}

static int
place_of(const char *name)
{
	for (int i = 0; i < hn_descriptors_rdkit_2d.count; i++)
		if (strcmp(hn_descriptors_rdkit_2d.names[i], name) == 0)
			return i;
	fail_msg("there is no descriptor %s", name);
	return -1;
}

static void
check_counts(const char *smiles, json_t *expected, const HnCounts *counts)
{
	if (counts->length != (int) json_array_size(expected))
		fail_msg("%s has %d columns, not %zu", smiles, counts->length, json_array_size(expected));
	for (int k = 0; k < counts->length; k++)
	{
		json_t	   *pair = json_array_get(expected, k);

		assert_int_equal(counts->columns[k], json_integer_value(json_array_get(pair, 0)));
		assert_int_equal(counts->counts[k], json_integer_value(json_array_get(pair, 1)));
	}
}

/* From 2025.03 on RDKit takes the hydrogens off H2, too, before it computes these. */
static bool
depends_on_rdkit(const char *smiles, const char *name)
{
	return strcmp(smiles, "[H][H]") == 0 && strncmp(name, "BCUT2D_", 7) == 0 && strcmp(hn_rdkit_version(), "2025.03") >= 0;
}

static void
test_golden(void **state)
{
	json_t	   *root = golden_json("descriptors.json");
	json_t	   *names = json_object_get(root, "names");
	json_t	   *molecules = json_object_get(root, "molecules");

	(void) state;
	assert_string_equal(json_string_value(json_object_get(root, "set")), hn_descriptors_rdkit_2d.name);
	assert_int_equal(json_array_size(names), hn_descriptors_rdkit_2d.count);
	assert_true(json_array_size(molecules) > 0);
	for (size_t m = 0; m < json_array_size(molecules); m++)
	{
		json_t	   *molecule = json_array_get(molecules, m);
		json_t	   *values = json_object_get(molecule, "values");
		const char *smiles = json_string_value(json_object_get(molecule, "smiles"));
		HnDescription description;

		describe(smiles, &description);
		for (int i = 0; i < hn_descriptors_rdkit_2d.count; i++)
		{
			const char *name = json_string_value(json_array_get(names, i));
			json_t	   *value = json_array_get(values, i);
			double		expected = json_is_null(value) ? NAN : json_number_value(value);
			double		actual = description.descriptors[i];

			assert_string_equal(name, hn_descriptors_rdkit_2d.names[i]);
			if (depends_on_rdkit(smiles, name))
				continue;
			if (isnan(expected) != isnan(actual) || fabs(expected - actual) > 1e-5 * (1 + fabs(expected)))
				fail_msg("%s of %s is %.9g, not %.9g", name, smiles, actual, expected);
		}
		check_counts(smiles, json_object_get(molecule, "counts"), &description.counts);
	}
	json_decref(root);
}

/* What later versions of RDKit define otherwise is what it was when models learned from it. */
static void
test_definitions(void **state)
{
	static const struct
	{
		const char *smiles;
		const char *name;
		double		value;
	}			cases[] = {
		{"CN1C=NC2=C1C(=O)N(C(=O)N2C)C", "NumHAcceptors", 6},
		{"c1ccn2cccc2c1", "NumHAcceptors", 1},
		{"c1ccncc1", "NumHAcceptors", 1},
		{"C[n+]1ccccc1", "NumHAcceptors", 0},
		{"c1cc[nH]c1", "NumHAcceptors", 0},
		{"CCCCCC[CH]1CCCCN1", "fr_unbrch_alkane", 2},
		{"COCCOCC", "fr_unbrch_alkane", 2},
		{"NS(=O)(=O)c1ccccc1", "fr_prisulfonamd", 0},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		HnDescription description;
		double		value;

		describe(cases[i].smiles, &description);
		value = description.descriptors[place_of(cases[i].name)];
		if (value != cases[i].value)
			fail_msg("%s of %s is %g, not %g", cases[i].name, cases[i].smiles, value, cases[i].value);
	}
}

static void
test_spelling(void **state)
{
	static const char *const molecules[] = {
		"CC(=O)Oc1ccccc1C(=O)O", "C1CC2CCC1C2", "CN1C=NC2=C1C(=O)N(C(=O)N2C)C", "[Na+].[Cl-]", "C#CCN(C)C/C=C/c1cccnc1"
	};

	(void) state;
	for (size_t m = 0; m < sizeof(molecules) / sizeof(molecules[0]); m++)
		for (unsigned seed = 1; seed <= 5; seed++)
		{
			char	   *other = respell(molecules[m], seed);
			HnDescription a;
			HnDescription b;

			describe(molecules[m], &a);
			describe(other, &b);
			for (int i = 0; i < hn_descriptors_rdkit_2d.count; i++)
				if (!(fabs(a.descriptors[i] - b.descriptors[i]) <= 1e-5 * (1 + fabs(a.descriptors[i])))
					&& !(isnan(a.descriptors[i]) && isnan(b.descriptors[i])))
					fail_msg("%s differs between %s and %s", hn_descriptors_rdkit_2d.names[i], molecules[m], other);
			assert_int_equal(a.counts.length, b.counts.length);
			assert_memory_equal(a.counts.columns, b.counts.columns, a.counts.length * sizeof(uint16_t));
			assert_memory_equal(a.counts.counts, b.counts.counts, a.counts.length);
			free(other);
		}
}

/* One parse gives the graph that hn_graph_from_smiles gives, and only what is asked for. */
static void
test_shared_parse(void **state)
{
	static const HnNeeds nothing = {.descriptors = NULL};
	HnDescription description;
	HnGraph		graph;
	HnGraph		alone;

	(void) state;
	assert_int_equal(hn_describe_smiles(&context, "CCO", &hn_features_2021, nothing, MAX_ATOMS, &graph, &description), HN_OK);
	assert_null(description.descriptors);
	assert_int_equal(description.counts.length, 0);
	assert_int_equal(hn_graph_from_smiles(&context, "CCO", &hn_features_2021, MAX_ATOMS, &alone), HN_OK);
	assert_int_equal(graph.atom_count, alone.atom_count);
	assert_memory_equal(graph.atom_features, alone.atom_features,
						graph.atom_count * hn_features_2021.atom_columns * sizeof(real));
	assert_memory_equal(graph.source_atom, alone.source_atom, graph.atom_count * sizeof(int));
}

static void
test_refusals(void **state)
{
	HnDescription description;

	(void) state;
	assert_int_equal(hn_describe_smiles(&context, "C(", NULL, everything, MAX_ATOMS, NULL, &description),
					 HN_INVALID_SMILES);
	assert_int_equal(hn_describe_smiles(&context, "CCCC", NULL, everything, 3, NULL, &description), HN_TOO_LARGE);
	assert_null(hn_descriptor_set("no such set"));
	assert_ptr_equal(hn_descriptor_set("rdkit-2d-a"), &hn_descriptors_rdkit_2d);
	assert_ptr_equal(hn_descriptor_set("rdkit-2d-a+conformer-a"), &hn_descriptors_conformer);
}

/* The set with a conformation has the numbers of the graph, then those of the conformation, whatever the spelling. */
static void
test_conformer(void **state)
{
	static const HnNeeds needs = {.descriptors = &hn_descriptors_conformer};
	static const char *const spellings[] = {"OC(=O)c1ccccc1O", "c1ccc(O)c(c1)C(O)=O"};
	char		chain[HN_EMBED_ATOMS / 2] = "";
	int			plain = hn_descriptors_rdkit_2d.count;
	HnDescription expected;
	HnDescription description;
	double		numbers[HN_GEOMETRY_COUNT];

	(void) state;
	assert_int_equal(hn_descriptors_conformer.count, plain + HN_GEOMETRY_COUNT);
	assert_string_equal(hn_descriptors_conformer.names[plain - 1], hn_descriptors_rdkit_2d.names[plain - 1]);
	assert_string_equal(hn_descriptors_conformer.names[plain], "born_energy");
	describe(spellings[0], &expected);
	must(hn_conformer_descriptors(&context, spellings[0], MAX_ATOMS, numbers));
	for (int s = 0; s < 2; s++)
	{
		must(hn_describe_smiles(&context, spellings[s], NULL, needs, MAX_ATOMS, NULL, &description));
		for (int k = 0; k < plain; k++)
			if (!isnan(expected.descriptors[k]))
				assert_float_equal(description.descriptors[k], expected.descriptors[k],
								   1e-4 * (1 + fabs((double) expected.descriptors[k])));
		for (int k = 0; k < HN_GEOMETRY_COUNT; k++)
			assert_float_equal(description.descriptors[plain + k], numbers[k], 1e-4 * (1 + fabs(numbers[k])));
	}

	/* A molecule that is too large for a conformation is described without one. */
	memset(chain, 'C', sizeof(chain) - 1);
	must(hn_describe_smiles(&context, chain, NULL, needs, MAX_ATOMS, NULL, &description));
	assert_false(isnan(description.descriptors[place_of("MolWt")]));
	for (int k = 0; k < HN_GEOMETRY_COUNT; k++)
		assert_true(isnan(description.descriptors[plain + k]));
}

/* Graphs of the feature set that has counts have those that heads get; others have none. */
static void
test_counts_of_graphs(void **state)
{
	static const char *const spellings[] = {"CC(=O)Oc1ccccc1C(=O)O", "[Na+].[Cl-]", "C", "F/C=C\\Cl"};

	(void) state;
	for (int i = 0; i < 4; i++)
	{
		HnGraph		counted;
		HnGraph		plain;
		HnDescription description;
		HnBatch		batch;

		must(hn_describe_smiles(&context, spellings[i], &hn_features_2026_counts, (HnNeeds) {.counts = true}, MAX_ATOMS,
								&counted, &description));
		must(hn_graph_from_smiles(&context, spellings[i], &hn_features_2026, MAX_ATOMS, &plain));
		assert_true(counted.counts.length > 0);
		assert_int_equal(counted.counts.length, description.counts.length);
		assert_memory_equal(counted.counts.columns, description.counts.columns,
							(size_t) description.counts.length * sizeof(uint16_t));
		assert_memory_equal(counted.counts.counts, description.counts.counts, (size_t) description.counts.length);
		assert_int_equal(plain.counts.length, 0);
		assert_memory_equal(plain.atom_features, counted.atom_features,
							(size_t) plain.atom_count * plain.features->atom_columns * sizeof(real));
		must(hn_batch_build(&context, &counted, 1, &batch));
		assert_ptr_equal(batch.counts[0].columns, counted.counts.columns);
	}
}

/* Beyond a size, what costs its cube is not known; the rest is. */
static void
test_large(void **state)
{
	char		smiles[HN_CUBIC_ATOMS + 2];
	HnDescription description;

	(void) state;
	memset(smiles, 'C', HN_CUBIC_ATOMS + 1);
	smiles[HN_CUBIC_ATOMS + 1] = '\0';
	describe(smiles, &description);
	assert_true(isnan(description.descriptors[place_of("BalabanJ")]));
	assert_true(description.descriptors[place_of("HeavyAtomCount")] == HN_CUBIC_ATOMS + 1);
	assert_true(isfinite(description.descriptors[place_of("Chi4v")]));
}

/* Hubs bonded to hubs would have RDKit list billions of paths. */
static void
test_tangled(void **state)
{
	char		smiles[4096] = "";
	HnDescription description;

	(void) state;
	/* Twelve dummy atoms, each bonded to every other, each with forty hydrogens' worth of fluorine. */
	for (int hub = 0; hub < 12; hub++)
	{
		strcat(smiles, "*");
		for (int other = 0; other < 12; other++)
			if (other != hub && abs(other - hub) > 1)
			{
				int			low = other < hub ? other : hub;
				int			high = other < hub ? hub : other;

				sprintf(smiles + strlen(smiles), "%%(%d)", 100 + 12 * low + high);
			}
		for (int leaf = 0; leaf < 40; leaf++)
			strcat(smiles, "(F)");
	}
	describe(smiles, &description);
	assert_true(isnan(description.descriptors[place_of("Chi4v")]));
	assert_true(isnan(description.descriptors[place_of("fr_halogen")]));
	assert_true(description.descriptors[place_of("HeavyAtomCount")] == 12 * 40);	/* dummies do not count */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_golden, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_definitions, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_spelling, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_shared_parse, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refusals, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_conformer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_counts_of_graphs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_large, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_tangled, set_up, tear_down)
	};

	return cmocka_run_group_tests_name("descriptors", tests, NULL, NULL);
}
