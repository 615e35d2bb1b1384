/*
 * ensemble.c: distances between the conformations of one molecule, and which of
 * them to keep.
 */
#include <math.h>
#include <stdlib.h>

#include "hamnet/ensemble.h"
#include "hamnet/metrics.h"

/* Damping of a force field's energies, and RT at 298.15 K in kcal/mol. */
#define DAMPING 0.4
#define THERMAL_ENERGY 0.5925

/* Memory for comparing conformations again and again. */
typedef struct Comparison
{
	const HnSymmetries *symmetries;
	real	   *own;			/* [n, 3] atoms of a fragment of one conformation */
	real	   *exchanged;		/* [n, 3] and those of the other that they become */
	real	   *mass;			/* [n] ones */
} Comparison;

static HnStatus
comparison_begin(HnContext *context, const HnSymmetries *symmetries, Comparison *comparison)
{
	size_t		n = (size_t) symmetries->atom_count;

	comparison->symmetries = symmetries;
	HN_NEW(context, comparison->own, 3 * n);
	HN_NEW(context, comparison->exchanged, 3 * n);
	HN_NEW(context, comparison->mass, n);
	for (size_t i = 0; i < n; i++)
		comparison->mass[i] = 1;
	return HN_OK;
}

/* n · RMSD² of the n atoms of one fragment when each is laid on its image. */
static double
fragment_squares(const Comparison *comparison, int fragment, const int *image, const real *a, const real *b)
{
	int			n = 0;
	double		rmsd;

	for (int i = 0; i < comparison->symmetries->atom_count; i++)
	{
		if (comparison->symmetries->fragments[i] != fragment)
			continue;
		for (int k = 0; k < 3; k++)
		{
			comparison->own[3 * n + k] = a[3 * i + k];
			comparison->exchanged[3 * n + k] = b[3 * image[i] + k];
		}
		n++;
	}
	rmsd = hn_superposed_rmsd(n, comparison->mass, comparison->own, comparison->exchanged);
	return n * rmsd * rmsd;
}

/* The distance; a value not above enough is as good as the least. */
static double
compare(const Comparison *comparison, const real *a, const real *b, double enough)
{
	const HnSymmetries *symmetries = comparison->symmetries;
	double		least = INFINITY;

	for (int s = 0; s < symmetries->count && least > enough; s++)
	{
		double		sum = 0;

		for (int f = 0; f < symmetries->fragment_count; f++)
			sum += fragment_squares(comparison, f, symmetries->images + (size_t) s * symmetries->atom_count, a, b);
		least = fmin(least, sqrt(sum / symmetries->atom_count));
	}
	return least;
}

HnStatus
hn_symmetric_rmsd(HnContext *context, const HnSymmetries *symmetries, const real *a, const real *b,
				  double *distance)
{
	Comparison	comparison;

	HN_TRY(comparison_begin(context, symmetries, &comparison));
	*distance = compare(&comparison, a, b, 0);
	return HN_OK;
}

/* A conformation and what decides its rank: energy, and where that is equal or unknown the order in which they were made. */
typedef struct Ranked
{
	double		energy;
	int			place;
} Ranked;

static int
compare_ranked(const void *a, const void *b)
{
	const Ranked *left = a;
	const Ranked *right = b;

	if (left->energy != right->energy && !isnan(left->energy) && !isnan(right->energy))
		return left->energy < right->energy ? -1 : 1;
	return (left->place > right->place) - (left->place < right->place);
}

static HnStatus
rank(HnContext *context, const HnEnsemble *ensemble, Ranked **ranked)
{
	HN_NEW(context, *ranked, ensemble->count);
	for (int i = 0; i < ensemble->count; i++)
		(*ranked)[i] = (Ranked) {ensemble->energies[i], i};
	qsort(*ranked, (size_t) ensemble->count, sizeof(Ranked), compare_ranked);
	return HN_OK;
}

static const real *
positions_of(const HnEnsemble *ensemble, int place)
{
	return ensemble->positions + (size_t) place * ensemble->symmetries->atom_count * 3;
}

/* Move those to keep to the front, by energy; returns how many. */
static HnStatus
prune(HnContext *context, const HnEnsemble *ensemble, const HnSelectionRule *rule, Comparison *comparison,
	  Ranked *ranked, int *kept)
{
	*kept = 0;
	for (int i = 0; i < ensemble->count; i++)
	{
		bool		repeats = false;

		if (hn_interrupted(context))
			return HN_INTERRUPTED;
		if (ranked[i].energy - ranked[0].energy > rule->window)
			break;
		for (int k = 0; k < *kept && !repeats; k++)
			repeats = compare(comparison, positions_of(ensemble, ranked[k].place),
							  positions_of(ensemble, ranked[i].place), rule->rmsd) <= rule->rmsd;
		if (!repeats)
			ranked[(*kept)++] = ranked[i];
	}
	return HN_OK;
}

/* weights[k] of the conformations kept, which sum to 1. */
static void
weigh(const Ranked *ranked, int kept, double *weights)
{
	double		total = 0;

	for (int k = 0; k < kept; k++)
	{
		weights[k] = isnan(ranked[k].energy) ? 1 :
			exp(-DAMPING * (ranked[k].energy - ranked[0].energy) / THERMAL_ENERGY);
		total += weights[k];
	}
	for (int k = 0; k < kept; k++)
		weights[k] /= total;
}

/*
 * Gonzalez' farthest-first traversal: no choice of as many conformations has
 * less than half its greatest distance from any that was kept.
 */
static HnStatus
pick_spread(HnContext *context, const HnEnsemble *ensemble, Comparison *comparison, const Ranked *ranked,
			int kept, int count, bool *picked)
{
	double	   *away;			/* [kept] distance from the nearest of those picked */
	int			next = 0;

	HN_NEW(context, away, kept);
	for (int k = 0; k < kept; k++)
		away[k] = INFINITY;
	for (int c = 0; c < count; c++)
	{
		int			last = next;

		if (hn_interrupted(context))
			return HN_INTERRUPTED;
		picked[last] = true;
		for (int k = 0; k < kept; k++)
			if (!picked[k])
				away[k] = fmin(away[k], compare(comparison, positions_of(ensemble, ranked[last].place),
												positions_of(ensemble, ranked[k].place), 0));
		next = -1;
		for (int k = 0; k < kept; k++)
			if (!picked[k] && (next < 0 || away[k] > away[next]))
				next = k;
	}
	return HN_OK;
}

/* List what was picked, by energy, with weights. */
static HnStatus
list_picked(HnContext *context, const Ranked *ranked, int kept, const bool *picked, HnSelection *selection)
{
	double	   *all;
	double	   *weights;
	int		   *members;

	HN_NEW(context, all, kept);
	HN_NEW(context, weights, kept);
	HN_NEW(context, members, kept);
	weigh(ranked, kept, all);
	selection->kept = kept;
	selection->count = 0;
	for (int k = 0; k < kept; k++)
		if (picked[k])
		{
			members[selection->count] = ranked[k].place;
			weights[selection->count++] = all[k];
		}
	selection->members = members;
	selection->weights = weights;
	return HN_OK;
}

HnStatus
hn_ensemble_select(HnContext *context, const HnEnsemble *ensemble, const HnSelectionRule *rule,
				   HnSelection *selection)
{
	Comparison	comparison;
	Ranked	   *ranked;
	bool	   *picked;
	int			kept;
	int			count;

	HN_TRY(comparison_begin(context, ensemble->symmetries, &comparison));
	HN_TRY(rank(context, ensemble, &ranked));
	HN_TRY(prune(context, ensemble, rule, &comparison, ranked, &kept));
	count = kept < rule->count ? kept : rule->count;
	HN_NEW_ZERO(context, picked, kept);
	if (rule->pick == HN_PICK_SPREAD && count < kept)
		HN_TRY(pick_spread(context, ensemble, &comparison, ranked, kept, count, picked));
	else
		for (int k = 0; k < count; k++)
			picked[k] = true;
	return list_picked(context, ranked, kept, picked, selection);
}
