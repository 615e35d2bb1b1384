/*
 * losses.c: losses of a head's scores (model specification, section 6).
 */
#include "losses.h"

#include <math.h>

#include "hamnet/simd.h"

/* Squared error, or beyond huber the straight line that continues it with the same slope. */
static double
regression_loss(double error, double huber, double *derivative)
{
	if (huber > 0 && fabs(error) > huber)
	{
		*derivative = copysign(2 * huber, error);
		return 2 * huber * fabs(error) - huber * huber;
	}
	*derivative = 2 * error;
	return error * error;
}

/* −log σ(y) for label 1, −log(1 − σ(y)) for 0: softplus(y) − label y, without overflow. */
static double
classification_loss(double y, double label, double *derivative)
{
	double		e = exp(-fabs(y));

	*derivative = (y < 0 ? e : 1) / (1 + e) - label;
	return (y > 0 ? y : 0) + log1p(e) - label * y;
}

void
hn_head_loss(const HnHead *head, const real *scores, const double *const *labels, int rows,
			 double huber, const double *weights, real *d_scores, HnLossSum *sum)
{
	int			targets = head->target_count;

	for (int i = 0; i < rows; i++)
		for (int t = 0; t < targets; t++)
		{
			const HnTarget *target = &head->targets[t];
			double		y = scores[(size_t) i * targets + t];
			double		label = labels[i][t];
			double		weight = weights ? weights[t] : 1;
			double		derivative = 0;

			if (!isnan(label))
			{
				sum->loss += weight * (head->task == HN_CLASSIFICATION ?
									   classification_loss(y, label, &derivative) :
									   regression_loss(y - (label - target->mean) / target->std, huber, &derivative));
				sum->count += weight;
			}
			if (d_scores)
				d_scores[(size_t) i * targets + t] = (real) (weight * derivative);
		}
}

/* Divides cosines: how much nearer actives have to be than all else. */
#define TEMPERATURE 0.1

/* Rows as one of them, i, sees them. */
typedef struct View
{
	const double *groups;
	int			rows;
	int			i;
	const double *similarity;	/* s_ij [rows] */
} View;

static bool
in_group(const View *view, int j)
{
	return j != view->i && fabs(view->groups[j]) == fabs(view->groups[view->i]);
}

/* Sum over the other rows, or those of the group alone, of exp(s − largest). */
static double
sum_exponentials(const View *view, bool group, double largest)
{
	double		sum = 0;

	for (int j = 0; j < view->rows; j++)
		if (group ? in_group(view, j) : j != view->i)
			sum += exp(view->similarity[j] - largest);
	return sum;
}

/*
 * The contrast of row i; d_similarity [rows] receives its derivatives by s_ij.
 * False for a row that is not active, or alone.
 */
static bool
contrast_of_row(const View *view, double *loss, double *d_similarity)
{
	double		largest = 1 / TEMPERATURE;	/* of cosines; keeps exp() within its range */
	double		all;
	double		group;
	int			actives = 0;

	for (int j = 0; j < view->rows; j++)
		actives += in_group(view, j) && view->groups[j] > 0;
	if (!(view->groups[view->i] > 0) || actives == 0)
		return false;
	all = sum_exponentials(view, false, largest);
	group = sum_exponentials(view, true, largest);
	*loss = largest + (log(all) + log(group)) / 2;
	for (int j = 0; j < view->rows; j++)
	{
		double		e = exp(view->similarity[j] - largest);

		d_similarity[j] = j == view->i ? 0 : e / all / 2 + (in_group(view, j) ? e / group / 2 : 0);
		if (!in_group(view, j) || view->groups[j] <= 0)
			continue;
		*loss -= view->similarity[j] / actives;
		d_similarity[j] -= 1.0 / actives;
	}
	return true;
}

HnStatus
hn_contrast_loss(HnContext *context, const real *fingerprints, int dim, const double *groups, int rows,
				 double weight, real *d_fingerprints, HnLossSum *sum)
{
	double		scale = 1 / (dim * TEMPERATURE);
	double	   *similarity;
	double	   *d_similarity;

	HN_NEW(context, similarity, rows);
	HN_NEW(context, d_similarity, rows);
	for (int i = 0; i < rows; i++)
	{
		const real *f = fingerprints + (size_t) i * dim;
		View		view = {groups, rows, i, similarity};
		double		loss;

		for (int j = 0; groups[i] > 0 && j < rows; j++)
			similarity[j] = scale * hn_dot(f, fingerprints + (size_t) j * dim, dim);
		if (!contrast_of_row(&view, &loss, d_similarity))
			continue;
		sum->loss += weight * loss;
		sum->count += weight;
		for (int j = 0; d_fingerprints && j < rows; j++)
		{
			real		d = (real) (weight * scale * d_similarity[j]);

			hn_simd()->add_scaled(d_fingerprints + (size_t) i * dim, d, fingerprints + (size_t) j * dim, (size_t) dim);
			hn_simd()->add_scaled(d_fingerprints + (size_t) j * dim, d, f, (size_t) dim);
		}
	}
	return HN_OK;
}

void
hn_keep_loss(const real *fingerprints, int dim, const real *const *kept, int rows, double weight,
			 real *d_fingerprints, HnLossSum *sum)
{
	for (int i = 0; i < rows; i++)
	{
		double		squares = 0;

		for (int k = 0; k < dim; k++)
		{
			double		moved = fingerprints[(size_t) i * dim + k] - kept[i][k];

			squares += moved * moved;
			if (d_fingerprints)
				d_fingerprints[(size_t) i * dim + k] += (real) (2 * weight * moved / dim);
		}
		sum->loss += weight * squares / dim;
		sum->count += weight;
	}
}
