/*
 * positions.c: coordinates of a user's atoms: in the order of the model's, and
 * whether they can be those of a molecule.
 */
#include "hamnet/conformer.h"

#include <math.h>

#include "covalent_radius.h"
#include "features.h"

/* Atoms closer than this, in Å, are in one place: no bond is so short. */
#define COINCIDENT 0.5

/* Shortest and longest bond, as a multiple of the sum of covalent radii, and in Å where an element has none. */
#define SHORTEST_BOND 0.6
#define LONGEST_BOND 1.6
#define SHORTEST_OTHER 0.7
#define LONGEST_OTHER 4.0

/* Deviation of atoms from a plane, in Å, below which they lie in it. */
#define FLAT 0.01

/* Neighbours that, without a double bond, leave every plane. */
#define BRANCHES 3

HnStatus
hn_order_positions(HnContext *context, const HnGraph *graph, const double *coordinates, int count,
				   real **positions)
{
	if (count != graph->atom_count)
		return hn_fail(context, HN_INVALID_ARGUMENT, "there are coordinates for %d atoms, but the molecule has %d",
					   count, graph->atom_count);
	HN_NEW(context, *positions, 3 * (size_t) count);
	for (int i = 0; i < count; i++)
		for (int k = 0; k < 3; k++)
		{
			/* A real is narrower, and what it cannot hold becomes infinite. */
			real		x = (real) coordinates[3 * (size_t) graph->source_atom[i] + k];

			if (!isfinite(x))
				return hn_fail(context, HN_INVALID_ARGUMENT, "a coordinate of atom %d is not finite",
							   graph->source_atom[i]);
			(*positions)[3 * i + k] = x;
		}
	return HN_OK;
}

static double
distance(const real *positions, int i, int j)
{
	double		x = (double) positions[3 * i] - positions[3 * j];
	double		y = (double) positions[3 * i + 1] - positions[3 * j + 1];
	double		z = (double) positions[3 * i + 2] - positions[3 * j + 2];

	return sqrt(x * x + y * y + z * z);
}

static HnStatus
check_distances(HnContext *context, const HnGraph *graph, const real *positions)
{
	for (int i = 0; i < graph->atom_count; i++)
		for (int j = i + 1; j < graph->atom_count; j++)
			if (distance(positions, i, j) < COINCIDENT)
				return hn_fail(context, HN_INVALID_ARGUMENT, "atoms %d and %d are in one place",
							   graph->source_atom[i], graph->source_atom[j]);
	return HN_OK;
}

static HnStatus
check_bonds(HnContext *context, const HnGraph *graph, const real *positions)
{
	for (int b = 0; b < graph->bond_count; b++)
	{
		int			i = graph->bonds[b][0];
		int			j = graph->bonds[b][1];
		double		one = hn_covalent_radius(graph->element[i]);
		double		other = hn_covalent_radius(graph->element[j]);
		bool		known = one > 0 && other > 0;
		double		length = distance(positions, i, j);

		if (length < (known ? SHORTEST_BOND * (one + other) : SHORTEST_OTHER) ||
			length > (known ? LONGEST_BOND * (one + other) : LONGEST_OTHER))
			return hn_fail(context, HN_INVALID_ARGUMENT, "the bond between atoms %d and %d is %.3g angstrom long",
						   graph->source_atom[i], graph->source_atom[j], length);
	}
	return HN_OK;
}

/* normal = (a − origin) × (b − origin); returns its length. */
static double
cross(const real *origin, const real *a, const real *b, double normal[3])
{
	for (int k = 0; k < 3; k++)
	{
		int			u = (k + 1) % 3;
		int			v = (k + 2) % 3;

		normal[k] = ((double) a[u] - origin[u]) * ((double) b[v] - origin[v]) -
			((double) a[v] - origin[v]) * ((double) b[u] - origin[u]);
	}
	return sqrt(normal[0] * normal[0] + normal[1] * normal[1] + normal[2] * normal[2]);
}

/* Whether all atoms lie in the plane of the first, the one farthest from it, and the one farthest from their line. */
static bool
is_flat(int n, const real *positions)
{
	int			far = 0;
	double		widest = 0;
	double		normal[3] = {0};

	for (int i = 1; i < n; i++)
		if (distance(positions, 0, i) > distance(positions, 0, far))
			far = i;
	for (int i = 1; i < n; i++)
	{
		double		candidate[3];
		double		width = cross(positions, positions + 3 * far, positions + 3 * i, candidate);

		if (width > widest)
		{
			widest = width;
			for (int k = 0; k < 3; k++)
				normal[k] = candidate[k] / width;
		}
	}
	for (int i = 1; i < n; i++)
	{
		double		height = 0;

		for (int k = 0; k < 3; k++)
			height += normal[k] * ((double) positions[3 * i + k] - positions[k]);
		if (fabs(height) > FLAT)
			return false;
	}
	return true;
}

/* Whether an atom is saturated carbon that branches, whose neighbours do not lie in one plane with it. */
static bool
is_branched(const HnGraph *graph, int atom)
{
	int			neighbours = 0;

	for (int b = 0; b < graph->bond_count; b++)
		neighbours += graph->bonds[b][0] == atom || graph->bonds[b][1] == atom;
	return graph->element[atom] == 6 && neighbours >= BRANCHES &&
		hn_has_hybridisation(graph->atom_features + (size_t) atom * (size_t) graph->features->atom_columns, HN_SP3);
}

HnStatus
hn_check_positions(HnContext *context, const HnGraph *graph, const real *positions)
{
	HN_TRY(check_distances(context, graph, positions));
	HN_TRY(check_bonds(context, graph, positions));
	for (int i = 0; i < graph->atom_count; i++)
		if (is_branched(graph, i) && is_flat(graph->atom_count, positions))
			return hn_fail(context, HN_INVALID_ARGUMENT,
						   "all atoms lie in one plane, which those around atom %d cannot", graph->source_atom[i]);
	return HN_OK;
}
