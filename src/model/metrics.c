/*
 * metrics.c: how good predictions are.
 */
#include <math.h>
#include <stdlib.h>

#include "hamnet/metrics.h"

double
hn_rmse(const double *predicted, const double *actual, size_t n)
{
	double		sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (predicted[i] - actual[i]) * (predicted[i] - actual[i]);
	return n > 0 ? sqrt(sum / (double) n) : NAN;
}

double
hn_mae(const double *predicted, const double *actual, size_t n)
{
	double		sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += fabs(predicted[i] - actual[i]);
	return n > 0 ? sum / (double) n : NAN;
}

double
hn_r_squared(const double *predicted, const double *actual, size_t n)
{
	double		mean = 0;
	double		error = 0;
	double		spread = 0;

	/* Labels count from the first, so that equal ones have no spread, not even of rounding errors. */
	for (size_t i = 0; i < n; i++)
		mean += (actual[i] - actual[0]) / (double) n;
	for (size_t i = 0; i < n; i++)
	{
		double		deviation = actual[i] - actual[0] - mean;

		error += (predicted[i] - actual[i]) * (predicted[i] - actual[i]);
		spread += deviation * deviation;
	}
	return spread > 0 ? 1 - error / spread : NAN;
}

typedef struct Ranked
{
	double		score;
	bool		positive;
} Ranked;

static int
compare_descending(const void *a, const void *b)
{
	double		x = ((const Ranked *) a)->score;
	double		y = ((const Ranked *) b)->score;

	return (x < y) - (x > y);
}

/*
 * The pairs by descending score, from the context's arena. NaN has no place in
 * that order: where there is one, no pair is ranked, so that every area is NaN.
 */
static HnStatus
rank(HnContext *context, const double *score, const double *label, size_t *n, Ranked **ranked, double *positives)
{
	HN_NEW(context, *ranked, *n);
	*positives = 0;
	for (size_t i = 0; i < *n; i++)
	{
		if (isnan(score[i]))
		{
			*positives = 0;
			*n = 0;
			return HN_OK;
		}
		(*ranked)[i] = (Ranked) {score[i], label[i] > 0.5};
		*positives += (*ranked)[i].positive;
	}
	qsort(*ranked, *n, sizeof(**ranked), compare_descending);
	return HN_OK;
}

/* From place i on, the positives and the negatives of one score; returns the place after them. */
static size_t
next_threshold(const Ranked *ranked, size_t n, size_t i, double *positives, double *negatives)
{
	double		score = ranked[i].score;

	*positives = 0;
	*negatives = 0;
	for (; i < n && ranked[i].score == score; i++)
		*(ranked[i].positive ? positives : negatives) += 1;
	return i;
}

HnStatus
hn_roc_auc(HnContext *context, const double *score, const double *label, size_t n, double *area)
{
	HnArenaMark mark = hn_arena_mark(context->arena);
	Ranked	   *ranked;
	double		positives;
	double		above = 0;		/* positives that score higher */
	double		won = 0;		/* pairs of which the positive does, ties half */

	HN_TRY(rank(context, score, label, &n, &ranked, &positives));
	for (size_t i = 0; i < n;)
	{
		double		here;
		double		negatives;

		i = next_threshold(ranked, n, i, &here, &negatives);
		won += negatives * (above + here / 2);
		above += here;
	}
	*area = positives > 0 && positives < (double) n ? won / (positives * ((double) n - positives)) : NAN;
	hn_arena_rewind(context->arena, mark);
	return HN_OK;
}

HnStatus
hn_pr_auc(HnContext *context, const double *score, const double *label, size_t n, double *area)
{
	HnArenaMark mark = hn_arena_mark(context->arena);
	Ranked	   *ranked;
	double		positives;
	double		found = 0;
	double		sum = 0;

	HN_TRY(rank(context, score, label, &n, &ranked, &positives));
	for (size_t i = 0; i < n;)
	{
		double		here;
		double		negatives;

		i = next_threshold(ranked, n, i, &here, &negatives);
		found += here;
		sum += here * (found / (double) i);
	}
	*area = positives > 0 ? sum / positives : NAN;
	hn_arena_rewind(context->arena, mark);
	return HN_OK;
}
