/*
 * explain.c: contributions of atoms, fitted to the values of a molecule's parts.
 */
#include "hamnet/explain.h"

#include <math.h>

/* LAPACK has no header in a BLAS package. Solves A X = B; matrices are column-major. */
extern void dposv_(const char *triangle, const int *n, const int *columns, double *a, const int *lda, double *b,
				   const int *ldb, int *info);

/* Normal equations of one part: A += m mᵀ and b += m loss for its mask m [n]. */
static void
add_part(int n, const bool *removed, double loss, double *a, double *b)
{
	for (int i = 0; i < n; i++)
	{
		if (!removed[i])
			continue;
		b[i] += loss;
		for (int j = 0; j < n; j++)
			a[i * n + j] += removed[j];
	}
}

/* Give equivalent atoms their mean. */
static HnStatus
symmetrise(HnContext *context, const HnParts *parts, double *contributions)
{
	int			n = parts->atom_count;
	double	   *sums;
	int		   *counts;

	HN_NEW_ZERO(context, sums, n);
	HN_NEW_ZERO(context, counts, n);
	for (int i = 0; i < n; i++)
	{
		sums[parts->symmetry[i]] += contributions[i];
		counts[parts->symmetry[i]]++;
	}
	for (int i = 0; i < n; i++)
		contributions[i] = sums[parts->symmetry[i]] / counts[parts->symmetry[i]];
	return HN_OK;
}

HnStatus
hn_fit_contributions(HnContext *context, const HnParts *parts, double value, double baseline,
					 const double *part_values, double *contributions)
{
	int			n = parts->atom_count;
	int			columns = 2;
	int			info;
	double		sum = 0;
	double		ones = 0;
	double	   *a;
	double	   *b;

	/* A = I + Σ m mᵀ; its solutions for b, and for ones, the direction in which the sum changes at least cost */
	HN_NEW_ZERO(context, a, (size_t) n * n);
	HN_NEW_ZERO(context, b, 2 * (size_t) n);
	for (int i = 0; i < n; i++)
	{
		a[i * n + i] = 1;
		b[n + i] = 1;
	}
	for (int p = 0; p < parts->count; p++)
	{
		double		left = parts->parts[p] ? part_values[p] : baseline;

		if (isfinite(left))
			add_part(n, parts->removed + (size_t) p * n, value - left, a, b);
	}
	if (hn_interrupted(context))
		return HN_INTERRUPTED;
	dposv_("U", &n, &columns, a, &n, b, &n, &info);
	if (info != 0)
		return hn_fail(context, HN_NOT_FINITE, "contributions of the atoms are not finite");
	for (int i = 0; i < n; i++)
	{
		sum += b[i];
		ones += b[n + i];
	}
	for (int i = 0; i < n; i++)
		contributions[i] = b[i] + b[n + i] * (value - baseline - sum) / ones;
	return symmetrise(context, parts, contributions);
}
