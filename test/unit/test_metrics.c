/*
 * test_metrics.c: metrics against small examples and against what must not
 * change them.
 */
#include "fixture.h"

#include <math.h>
#include <string.h>

#include "hamnet/chem.h"
#include "hamnet/metrics.h"
#include "hamnet/random.h"

#define PAIRS 200

static double
uniform_of(uint64_t *state)
{
	return (double) (hn_next_random(state) >> 11) * 0x1p-53;
}

static double
roc(const double *score, const double *label, size_t n)
{
	double		area;

	must(hn_roc_auc(&context, score, label, n, &area));
	return area;
}

static double
pr(const double *score, const double *label, size_t n)
{
	double		area;

	must(hn_pr_auc(&context, score, label, n, &area));
	return area;
}

static void
test_regression(void **state)
{
	const double actual[] = {1, 2, 3, 6};
	const double predicted[] = {1, 4, 3, 5};
	const double constant[] = {2, 2, 2, 2};

	(void) state;
	assert_float_equal(hn_rmse(predicted, actual, 4), sqrt(5.0 / 4), 1e-12);
	assert_float_equal(hn_mae(predicted, actual, 4), 0.75, 1e-12);
	assert_float_equal(hn_r_squared(predicted, actual, 4), 1 - 5.0 / 14, 1e-12);
	assert_float_equal(hn_r_squared(actual, actual, 4), 1, 1e-12);
	assert_true(isnan(hn_r_squared(predicted, constant, 4)));
	assert_true(isnan(hn_rmse(predicted, actual, 0)));
	assert_true(isnan(hn_mae(predicted, actual, 0)));
}

/* Labels that are all the same explain nothing, whatever their mean is rounded to. */
static void
test_constant_labels(void **state)
{
	const double values[] = {1, 0.1, -3.7, 1e-300, 1e150};
	double		actual[300];
	double		predicted[300];

	(void) state;
	for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++)
		for (size_t n = 1; n <= 300; n++)
		{
			actual[n - 1] = values[v];
			predicted[n - 1] = 0.5 * values[v];
			assert_true(isnan(hn_r_squared(predicted, actual, n)));
		}
}

static void
test_areas_of_examples(void **state)
{
	const double score[] = {0.1, 0.4, 0.35, 0.8};
	const double label[] = {0, 0, 1, 1};
	const double tied_score[] = {3, 1, 2, 2, 2, 1};
	const double tied_label[] = {1, 0, 1, 0, 0, 1};
	const double flat[] = {5, 5, 5, 5};
	const double with_nan[] = {0.1, NAN, 0.35, 0.8};

	(void) state;

	/* Of the pairs 0.35 and 0.8 against 0.1 and 0.4, one is lost. */
	assert_float_equal(roc(score, label, 4), 0.75, 1e-12);
	assert_float_equal(pr(score, label, 4), (1.0 + 2.0 / 3) / 2, 1e-12);

	/* 3 wins 3; 2 wins 1 and ties 2; 1 loses 2 and ties 1: 5.5 of 9. Precision 1 at 3, 2/4 at 2, 3/6 at 1. */
	assert_float_equal(roc(tied_score, tied_label, 6), 5.5 / 9, 1e-12);
	assert_float_equal(pr(tied_score, tied_label, 6), (1 + 0.5 + 0.5) / 3, 1e-12);

	assert_float_equal(roc(flat, label, 4), 0.5, 1e-12);
	assert_float_equal(pr(flat, label, 4), 0.5, 1e-12);
	assert_true(isnan(roc(score, flat, 4)));
	assert_float_equal(pr(score, flat, 4), 1, 1e-12);
	assert_true(isnan(roc(with_nan, label, 4)) && isnan(pr(with_nan, label, 4)));
	assert_true(isnan(roc(score, label, 0)) && isnan(pr(score, label, 0)));
}

/* Against the definition over all pairs, and under what leaves the order alone or turns it round. */
static void
test_areas_of_random_scores(void **state)
{
	double		score[PAIRS];
	double		bent[PAIRS];
	double		negated[PAIRS];
	double		label[PAIRS];
	double		won = 0;
	double		all = 0;
	uint64_t	random = 1;

	(void) state;
	for (int i = 0; i < PAIRS; i++)
	{
		label[i] = uniform_of(&random) < 0.3;
		score[i] = floor(20 * uniform_of(&random) + 5 * label[i]);
		bent[i] = exp(score[i] / 3) - 7;
		negated[i] = -score[i];
	}
	for (int i = 0; i < PAIRS; i++)
		for (int j = 0; j < PAIRS; j++)
			if (label[i] > label[j])
			{
				all += 1;
				won += score[i] > score[j] ? 1 : score[i] == score[j] ? 0.5 : 0;
			}
	assert_float_equal(roc(score, label, PAIRS), won / all, 1e-12);
	assert_float_equal(roc(bent, label, PAIRS), won / all, 1e-12);
	assert_float_equal(roc(negated, label, PAIRS), 1 - won / all, 1e-12);
	assert_float_equal(pr(bent, label, PAIRS), pr(score, label, PAIRS), 1e-12);
}

#define MAX_ATOMS 100

static HnConformationError
compare(const HnGraph *graph, const real *positions, const real *reference)
{
	HnConformationError error;

	must(hn_conformation_error(&context, graph, positions, reference, 0, 0, NULL, &error));
	return error;
}

/* out = turned and moved by a random rotation and translation; mirrored in one plane before, if asked. */
static void
move(int n, const real *x, uint64_t *random, bool mirrored, real *out)
{
	double		q[4];
	double		r[3][3];
	double		shift[3];
	double		norm = 0;

	for (int k = 0; k < 4; k++)
	{
		q[k] = 2 * uniform_of(random) - 1;
		norm += q[k] * q[k];
	}
	for (int k = 0; k < 4; k++)
		q[k] /= sqrt(norm);
	for (int k = 0; k < 3; k++)
		shift[k] = 20 * uniform_of(random);

	/* Columns are the images of the axes under v ↦ v + 2 w (u × v) + 2 u × (u × v). */
	for (int axis = 0; axis < 3; axis++)
	{
		const double *u = q + 1;
		double		v[3] = {axis == 0, axis == 1, axis == 2};
		double		c[3] = {u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]};
		double		d[3] = {u[1] * c[2] - u[2] * c[1], u[2] * c[0] - u[0] * c[2], u[0] * c[1] - u[1] * c[0]};

		for (int k = 0; k < 3; k++)
			r[k][axis] = v[k] + 2 * q[0] * c[k] + 2 * d[k];
	}
	for (int i = 0; i < n; i++)
	{
		double		v[3] = {mirrored ? -x[3 * i] : x[3 * i], x[3 * i + 1], x[3 * i + 2]};

		for (int k = 0; k < 3; k++)
			out[3 * i + k] = (real) (r[k][0] * v[0] + r[k][1] * v[1] + r[k][2] * v[2] + shift[k]);
	}
}

static void
test_conformations(void **state)
{
	const char *const smiles[] = {"C", "CC", "C#CC#C", "C[C@H](N)C(=O)O", "[Na+].[Cl-]", "c1ccc2ccccc2c1"};
	uint64_t	random = 4;

	(void) state;
	for (size_t m = 0; m < sizeof(smiles) / sizeof(smiles[0]); m++)
	{
		HnGraph		graph;
		real		reference[3 * MAX_ATOMS];
		real		other[3 * MAX_ATOMS];
		real		moved[3 * MAX_ATOMS];
		int			n;
		HnConformationError error;
		HnConformationError moved_error;
		double		unmoved = 0;
		double		total = 0;

		must(hn_graph_from_smiles(&context, smiles[m], &hn_features_2021, MAX_ATOMS, &graph));
		n = graph.atom_count;
		for (int k = 0; k < 3 * n; k++)
		{
			reference[k] = (real) (6 * uniform_of(&random));
			other[k] = (real) (6 * uniform_of(&random));
		}

		/* The same shape elsewhere. */
		move(n, reference, &random, false, moved);
		error = compare(&graph, moved, reference);
		assert_float_equal(error.rmsd, 0, 1e-4);
		assert_float_equal(error.distance, 0, 1e-4);
		assert_float_equal(error.adj3, 0, 1e-4);

		/* Another shape: no worse than as it lies, and where it lies does not matter. */
		error = compare(&graph, other, reference);
		move(n, other, &random, false, moved);
		moved_error = compare(&graph, moved, reference);
		assert_float_equal(moved_error.rmsd, error.rmsd, 1e-4);
		assert_float_equal(moved_error.distance, error.distance, 1e-4);
		assert_float_equal(moved_error.adj3, error.adj3, 1e-3);
		for (int k = 0; k < 3 * n; k++)
		{
			unmoved += graph.mass[k / 3] * pow((double) other[k] - reference[k], 2);
			total += graph.mass[k / 3] / 3;
		}
		assert_true(error.rmsd <= sqrt(unmoved / total) + 1e-6);
		if (n == 1)
			assert_true(error.rmsd < 1e-6 && error.distance == 0 && error.adj3 == 0);

		/* The mirror image has the same distances, but no rotation reaches it if four atoms span space. */
		move(n, reference, &random, true, moved);
		error = compare(&graph, moved, reference);
		assert_float_equal(error.distance, 0, 1e-4);
		assert_true(n < 4 ? error.rmsd < 1e-4 : error.rmsd > 0.1);
	}
}

/* Pairs of butane's chain: 1-2, 1-3 and 1-4 count in pentane, 1-5 does not. */
static void
test_adjacency(void **state)
{
	HnGraph		graph;
	real		straight[15] = {0};
	real		stretched[15] = {0};
	HnConformationError error;
	double		expected = 0;

	(void) state;
	must(hn_graph_from_smiles(&context, "CCCCC", &hn_features_2021, MAX_ATOMS, &graph));
	for (int i = 0; i < 5; i++)
	{
		straight[3 * i] = (real) graph.source_atom[i];
		stretched[3 * i] = (real) (2 * graph.source_atom[i]);
	}
	error = compare(&graph, stretched, straight);
	for (int apart = 1; apart <= 3; apart++)
		expected += (5 - apart) * apart * apart;
	assert_float_equal(error.adj3, expected, 1e-5);
	assert_float_equal(error.distance, (4 * 1 + 3 * 2 + 2 * 3 + 1 * 4) / 10.0, 1e-6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_regression),
		cmocka_unit_test(test_constant_labels),
		cmocka_unit_test(test_areas_of_examples),
		cmocka_unit_test(test_areas_of_random_scores),
		cmocka_unit_test(test_conformations),
		cmocka_unit_test(test_adjacency),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
