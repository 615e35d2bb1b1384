/*
 * conformation.c: how far predicted positions are from a measured or computed
 * conformation, and the derivative of that (model specification, section 6).
 */
#include <math.h>
#include <string.h>

#include "hamnet/metrics.h"

/* ADJ-3 counts pairs at most this many bonds apart. */
#define ADJACENCY_BONDS 3

/* An RMSD below this, in Å, is rounding; its direction means nothing. */
#define RMSD_KINK 1e-6

/* One of Jacobi's rotations: make a[p][q] zero, and turn the columns of v along. */
static void
jacobi_rotate(double a[4][4], double v[4][4], int p, int q)
{
	double		theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
	double		t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1));
	double		c = 1 / sqrt(t * t + 1);
	double		s = t * c;

	for (int k = 0; k < 4; k++)
	{
		double		kp = a[k][p];
		double		vp = v[k][p];

		a[k][p] = c * kp - s * a[k][q];
		a[k][q] = s * kp + c * a[k][q];
		v[k][p] = c * vp - s * v[k][q];
		v[k][q] = s * vp + c * v[k][q];
	}
	for (int k = 0; k < 4; k++)
	{
		double		pk = a[p][k];

		a[p][k] = c * pk - s * a[q][k];
		a[q][k] = s * pk + c * a[q][k];
	}
}

/*
 * Eigenvector of the largest eigenvalue of a symmetric 4 by 4 matrix, which is
 * overwritten. Convergence is quadratic, so that a few sweeps reach the last
 * place; the limit is for numbers that are not finite.
 */
static void
largest_eigenvector(double a[4][4], double vector[4])
{
	double		v[4][4] = {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}};
	double		off = 1;
	double		diagonal = 0;
	int			best = 0;

	for (int sweep = 0; sweep < 50 && off > 1e-34 * diagonal; sweep++)
	{
		off = 0;
		diagonal = 0;
		for (int p = 0; p < 4; p++)
		{
			diagonal += a[p][p] * a[p][p];
			for (int q = p + 1; q < 4; q++)
				if (a[p][q] != 0)
				{
					off += a[p][q] * a[p][q];
					jacobi_rotate(a, v, p, q);
				}
		}
	}
	for (int p = 1; p < 4; p++)
		if (a[p][p] > a[best][best])
			best = p;
	for (int k = 0; k < 4; k++)
		vector[k] = v[k][best];
}

/*
 * The proper rotation R (P_i R, rows) that minimises Σ w |P_i R − Q_i|², from C
 * = Σ w P_iᵀ Q_i. Horn's quaternion (Closed-form solution of absolute
 * orientation, 1987) gives what the specification's singular value
 * decomposition does, and is never a reflection.
 */
static void
best_rotation(const double c[3][3], double r[3][3])
{
	double		k[4][4];
	double		q[4];
	double		w;
	double		x;
	double		y;
	double		z;

	k[0][0] = c[0][0] + c[1][1] + c[2][2];
	k[1][1] = c[0][0] - c[1][1] - c[2][2];
	k[2][2] = c[1][1] - c[0][0] - c[2][2];
	k[3][3] = c[2][2] - c[0][0] - c[1][1];
	k[0][1] = k[1][0] = c[1][2] - c[2][1];
	k[0][2] = k[2][0] = c[2][0] - c[0][2];
	k[0][3] = k[3][0] = c[0][1] - c[1][0];
	k[1][2] = k[2][1] = c[0][1] + c[1][0];
	k[1][3] = k[3][1] = c[2][0] + c[0][2];
	k[2][3] = k[3][2] = c[1][2] + c[2][1];
	largest_eigenvector(k, q);
	w = q[0];
	x = q[1];
	y = q[2];
	z = q[3];

	/* The transpose of the usual form, which turns columns. */
	r[0][0] = w * w + x * x - y * y - z * z;
	r[0][1] = 2 * (x * y + w * z);
	r[0][2] = 2 * (x * z - w * y);
	r[1][0] = 2 * (x * y - w * z);
	r[1][1] = w * w - x * x + y * y - z * z;
	r[1][2] = 2 * (y * z + w * x);
	r[2][0] = 2 * (x * z + w * y);
	r[2][1] = 2 * (y * z - w * x);
	r[2][2] = w * w - x * x - y * y + z * z;
}

/* Σ_i w_i x_i / Σ w_i. */
static void
weighted_mean(int n, const real *mass, const real *x, double mean[3])
{
	double		total = 0;

	memset(mean, 0, 3 * sizeof(*mean));
	for (int i = 0; i < n; i++)
	{
		total += mass[i];
		for (int k = 0; k < 3; k++)
			mean[k] += (double) mass[i] * x[3 * i + k];
	}
	for (int k = 0; k < 3; k++)
		mean[k] /= total;
}

/* The best superposition of two sets of weighted points: P_i R + shift lies on Q_i as well as it can. */
typedef struct Superposition
{
	double		total;			/* Σ w */
	double		r[3][3];
	double		shift[3];
} Superposition;

/* Find the rotation and the shift that bring positions [n, 3] onto reference [n, 3], weighed by mass [n]. */
static void
superpose(int n, const real *mass, const real *positions, const real *reference, Superposition *best)
{
	double		centre_p[3];
	double		centre_q[3];
	double		c[3][3] = {{0}};

	weighted_mean(n, mass, positions, centre_p);
	weighted_mean(n, mass, reference, centre_q);
	best->total = 0;
	for (int i = 0; i < n; i++)
	{
		best->total += mass[i];
		for (int a = 0; a < 3; a++)
			for (int b = 0; b < 3; b++)
				c[a][b] += mass[i] * (positions[3 * i + a] - centre_p[a]) * (reference[3 * i + b] - centre_q[b]);
	}
	best_rotation((const double (*)[3]) c, best->r);
	for (int b = 0; b < 3; b++)
	{
		best->shift[b] = centre_q[b];
		for (int a = 0; a < 3; a++)
			best->shift[b] -= centre_p[a] * best->r[a][b];
	}
}

/* error = P_i R + shift − Q_i; returns its square. */
static double
atom_error(const Superposition *best, const real *position, const real *reference, double error[3])
{
	for (int b = 0; b < 3; b++)
	{
		error[b] = best->shift[b] - reference[b];
		for (int a = 0; a < 3; a++)
			error[b] += position[a] * best->r[a][b];
	}
	return error[0] * error[0] + error[1] * error[1] + error[2] * error[2];
}

/*
 * RMSD, and scale times its derivative added to d_positions. At the best
 * rotation the error does not change with R to first order, so that
 * ∂RMSD/∂P_i = w_i (P_i R − Q_i) Rᵀ / RMSD; the centring adds nothing, because
 * these sum to zero.
 */
static double
rmsd(int n, const real *mass, const real *positions, const real *reference, double scale, real *d_positions)
{
	Superposition best;
	double		error[3];
	double		sum = 0;
	double		result;

	superpose(n, mass, positions, reference, &best);
	for (int i = 0; i < n; i++)
		sum += mass[i] * atom_error(&best, positions + 3 * (size_t) i, reference + 3 * (size_t) i, error);
	result = sqrt(sum / best.total);
	if (d_positions == NULL || !(result > RMSD_KINK))
		return result;
	for (int i = 0; i < n; i++)
	{
		double		weight = scale * mass[i] / (best.total * result);

		atom_error(&best, positions + 3 * (size_t) i, reference + 3 * (size_t) i, error);
		for (int a = 0; a < 3; a++)
			d_positions[3 * (size_t) i + a] +=
				(real) (weight * (best.r[a][0] * error[0] + best.r[a][1] * error[1] + best.r[a][2] * error[2]));
	}
	return result;
}

double
hn_superposed_rmsd(int n, const real *mass, const real *positions, const real *reference)
{
	return rmsd(n, mass, positions, reference, 0, NULL);
}

/* Neighbours of every atom: those of i are neighbour[offset[i]] .. neighbour[offset[i + 1] − 1]. */
typedef struct Adjacency
{
	int		   *offset;
	int		   *neighbour;
} Adjacency;

static HnStatus
adjacency_build(HnContext *context, const HnGraph *graph, Adjacency *adjacency)
{
	int			n = graph->atom_count;
	int		   *offset;

	HN_NEW_ZERO(context, offset, n + 2);
	HN_NEW(context, adjacency->neighbour, 2 * (size_t) graph->bond_count);

	/* Counted two places on, so that filling them moves each begin to its place. */
	for (int k = 0; k < graph->bond_count; k++)
		for (int end = 0; end < 2; end++)
			offset[graph->bonds[k][end] + 2]++;
	for (int i = 0; i < n; i++)
		offset[i + 2] += offset[i + 1];
	for (int k = 0; k < graph->bond_count; k++)
		for (int end = 0; end < 2; end++)
			adjacency->neighbour[offset[graph->bonds[k][end] + 1]++] = graph->bonds[k][1 - end];
	adjacency->offset = offset;
	return HN_OK;
}

/* near[j] = bonds between source and j if at most ADJACENCY_BONDS, else a larger number. */
static void
bonds_apart(const HnGraph *graph, const Adjacency *adjacency, int source, int *queue, unsigned char *near)
{
	int			first = 0;
	int			last = 1;

	memset(near, ADJACENCY_BONDS + 1, (size_t) graph->atom_count);
	queue[0] = source;
	near[source] = 0;
	while (first < last)
	{
		int			i = queue[first++];

		if (near[i] == ADJACENCY_BONDS)
			break;
		for (int k = adjacency->offset[i]; k < adjacency->offset[i + 1]; k++)
		{
			int			j = adjacency->neighbour[k];

			if (near[j] > ADJACENCY_BONDS)
			{
				near[j] = (unsigned char) (near[i] + 1);
				queue[last++] = j;
			}
		}
	}
}

/* Errors of the distances from atom i to all j > i: their sum, and ADJ-3's part with scale times its derivative. */
static void
distance_errors(int n, int i, const real *positions, const real *reference, const unsigned char *near,
				double scale, real *d_positions, double *absolute, double *adj3)
{
	for (int j = i + 1; j < n; j++)
	{
		double		difference[3];
		double		predicted = 0;
		double		actual = 0;
		double		error;

		for (int k = 0; k < 3; k++)
		{
			double		other = (double) reference[3 * i + k] - reference[3 * j + k];

			difference[k] = (double) positions[3 * i + k] - positions[3 * j + k];
			predicted += difference[k] * difference[k];
			actual += other * other;
		}
		predicted = sqrt(predicted);
		error = predicted - sqrt(actual);
		*absolute += fabs(error);
		if (near[j] > ADJACENCY_BONDS)
			continue;
		*adj3 += error * error;
		for (int k = 0; d_positions && predicted > 0 && k < 3; k++)
		{
			double		d = scale * 2 * error * difference[k] / predicted;

			d_positions[3 * i + k] += (real) d;
			d_positions[3 * j + k] -= (real) d;
		}
	}
}

HnStatus
hn_conformation_error(HnContext *context, const HnGraph *graph, const real *positions,
					  const real *reference, double adj3_weight, double scale,
					  real *d_positions, HnConformationError *error)
{
	int			n = graph->atom_count;
	double		pairs = (double) n * (n - 1) / 2;
	HnArenaMark mark = hn_arena_mark(context->arena);
	Adjacency	adjacency;
	int		   *queue;
	unsigned char *near;
	double		absolute = 0;

	HN_TRY(adjacency_build(context, graph, &adjacency));
	HN_NEW(context, queue, n);
	HN_NEW(context, near, n);
	error->rmsd = rmsd(n, graph->mass, positions, reference, scale, d_positions);
	error->adj3 = 0;
	for (int i = 0; i < n; i++)
	{
		if (i % 64 == 0 && hn_interrupted(context))
			return context->status;
		bonds_apart(graph, &adjacency, i, queue, near);
		distance_errors(n, i, positions, reference, near, scale * adj3_weight, d_positions,
						&absolute, &error->adj3);
	}
	error->distance = n > 1 ? absolute / pairs : 0;
	hn_arena_rewind(context->arena, mark);
	return HN_OK;
}
