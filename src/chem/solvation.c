/*
 * solvation.c: a molecule in a solvent that is a continuum.
 */
#include <math.h>

#include "hamnet/solvation.h"

/* e² / 4πε₀ in kcal/mol Å. */
#define COULOMB 332.06

/* What the model takes from radii, in Å, and the radius beyond which an atom is buried. */
#define BORN_OFFSET 0.09
#define BORN_LARGEST 30.0

/* Radius of a molecule of water in Å, and points of an atom's sphere. */
#define PROBE 1.4
#define SPHERE_POINTS 960

#define PI 3.14159265358979323846

/* Van der Waals radius in Å: Bondi's, 1.2 for hydrogen, 1.8 for what is not in his list. */
static double
radius_of(unsigned char element)
{
	switch (element)
	{
		case 1: return 1.2;
		case 5: return 1.92;
		case 6: return 1.7;
		case 7: return 1.55;
		case 8: return 1.52;
		case 9: return 1.47;
		case 14: return 2.1;
		case 17: return 1.75;
		case 34: return 1.9;
		case 35: return 1.85;
		case 53: return 1.98;
		default: return 1.8;
	}
}

/* How much of an atom's sphere screens others: those of the model. */
static double
screening_of(unsigned char element)
{
	switch (element)
	{
		case 1: return 0.85;
		case 6: return 0.72;
		case 7: return 0.79;
		case 8: return 0.85;
		case 9: return 0.88;
		case 15: return 0.86;
		case 16: return 0.96;
		default: return 0.8;
	}
}

static double
distance(const HnAtoms *atoms, int i, int j)
{
	double		sum = 0;

	for (int k = 0; k < 3; k++)
	{
		double		d = atoms->positions[3 * i + k] - atoms->positions[3 * j + k];

		sum += d * d;
	}
	return sqrt(sum);
}

/* ∫ 1/r⁴ over a sphere of radius s at distance r, outside the atom of radius own, over 2π. */
static double
descreening(double r, double own, double s)
{
	double		lower;
	double		upper = r + s;
	double		integral;

	if (own >= upper || r == 0)
		return 0;
	lower = fmax(own, fabs(r - s));
	integral = 1 / lower - 1 / upper + r / 4 * (1 / (upper * upper) - 1 / (lower * lower)) +
		log(lower / upper) / (2 * r) + s * s / (4 * r) * (1 / (lower * lower) - 1 / (upper * upper));
	if (own < s - r)
		integral += 2 * (1 / own - 1 / lower);
	return integral;
}

static double
born_radius(const HnAtoms *atoms, int i)
{
	double		own = radius_of(atoms->elements[i]) - BORN_OFFSET;
	double		inverse = 1 / own;

	for (int j = 0; j < atoms->count; j++)
		if (j != i)
			inverse -= descreening(distance(atoms, i, j), own,
								   screening_of(atoms->elements[j]) * (radius_of(atoms->elements[j]) - BORN_OFFSET)) / 2;
	return 1 / fmax(inverse, 1 / BORN_LARGEST);
}

HnStatus
hn_born_energy(HnContext *context, const HnAtoms *atoms, const double *charges, double epsilon, double *energy)
{
	double	   *born;
	double		sum = 0;

	HN_NEW(context, born, atoms->count);
	for (int i = 0; i < atoms->count; i++)
		born[i] = born_radius(atoms, i);
	for (int i = 0; i < atoms->count; i++)
		for (int j = 0; j <= i; j++)
		{
			double		r = distance(atoms, i, j);
			double		product = born[i] * born[j];

			sum += (i == j ? 1 : 2) * charges[i] * charges[j] / sqrt(r * r + product * exp(-r * r / (4 * product)));
		}
	*energy = -COULOMB / 2 * (1 - 1 / epsilon) * sum;
	return HN_OK;
}

/* Whether a point lies inside the sphere, with the probe, of any atom but i. */
static bool
is_covered(const HnAtoms *atoms, const int *near, int near_count, const double point[3])
{
	for (int n = 0; n < near_count; n++)
	{
		double		reach = radius_of(atoms->elements[near[n]]) + PROBE;
		double		sum = 0;

		for (int k = 0; k < 3; k++)
		{
			double		d = point[k] - atoms->positions[3 * near[n] + k];

			sum += d * d;
		}
		if (sum < reach * reach)
			return true;
	}
	return false;
}

/* The accessible area of atom i; near has room for all atoms. */
static double
accessible_area(const HnAtoms *atoms, int i, int *near)
{
	double		reach = radius_of(atoms->elements[i]) + PROBE;
	int			near_count = 0;
	int			free_points = 0;

	for (int j = 0; j < atoms->count; j++)
		if (j != i && distance(atoms, i, j) < reach + radius_of(atoms->elements[j]) + PROBE)
			near[near_count++] = j;
	for (int p = 0; p < SPHERE_POINTS; p++)
	{
		double		z = 1 - (2 * p + 1.0) / SPHERE_POINTS;
		double		angle = PI * (3 - sqrt(5)) * p;
		double		ring = sqrt(1 - z * z);
		double		point[3] = {
			atoms->positions[3 * i] + reach * ring * cos(angle),
			atoms->positions[3 * i + 1] + reach * ring * sin(angle),
			atoms->positions[3 * i + 2] + reach * z
		};

		free_points += !is_covered(atoms, near, near_count, point);
	}
	return 4 * PI * reach * reach * free_points / SPHERE_POINTS;
}

HnStatus
hn_accessible_areas(HnContext *context, const HnAtoms *atoms, double *areas)
{
	int		   *near;

	HN_NEW(context, near, atoms->count);
	for (int i = 0; i < atoms->count; i++)
		areas[i] = accessible_area(atoms, i, near);
	return HN_OK;
}
