/*
 * code_data.h: vectors of many kinds, for tests of codes and their bounds.
 */
#ifndef CODE_DATA_H
#define CODE_DATA_H

#include <math.h>
#include <stdint.h>

static uint64_t seed = 42;

static double
uniform(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (double) (seed >> 11) * 0x1p-53;
}

static double
normal(void)
{
	return sqrt(-2 * log(1 - uniform())) * cos(6.283185307179586 * uniform());
}

/* Kinds of data: element j of row i, of dim */
typedef double (*Element) (int i, int j, int dim);

static double
element_random(int i, int j, int dim)
{
	(void) i, (void) j, (void) dim;
	return normal();
}

static double
element_network(int i, int j, int dim)
{
	double		x = normal() + sin(i % 37 * (j + 1));

	(void) dim;
	return x > 0 ? x : 0;
}

static double
element_clustered(int i, int j, int dim)
{
	return 10 * sin(i % 5 * 7.0 + j) + 0.001 * normal() + dim;
}

static double
element_line(int i, int j, int dim)
{
	(void) dim;
	return (i - 200) * (j % 3 + 1.0);
}

static double
element_equal(int i, int j, int dim)
{
	(void) i, (void) dim;
	return j * 0.1;
}

static double
element_zero(int i, int j, int dim)
{
	(void) i, (void) j, (void) dim;
	return 0;
}

static double
element_outliers(int i, int j, int dim)
{
	(void) j, (void) dim;
	return normal() * (i % 50 == 7 ? 1e4 : 1);
}

static double
element_heavy(int i, int j, int dim)
{
	(void) i, (void) j, (void) dim;
	return pow(10, 8 * normal() / 3);
}

static double
element_tiny(int i, int j, int dim)
{
	(void) i, (void) j, (void) dim;
	return 1e-25 * normal();
}

static double
element_offset(int i, int j, int dim)
{
	(void) i, (void) j, (void) dim;
	return 1e6 + normal();
}

static const struct
{
	const char *name;
	Element		element;
}			kinds[] =
{
	{"random", element_random}, {"network", element_network}, {"clustered", element_clustered},
	{"line", element_line}, {"equal", element_equal}, {"zero", element_zero}, {"outliers", element_outliers},
	{"heavy", element_heavy}, {"tiny", element_tiny}, {"offset", element_offset},
};

#define KINDS ((int) (sizeof(kinds) / sizeof(kinds[0])))

#endif
