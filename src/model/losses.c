/*
 * losses.c: losses of a head's scores (model specification, section 6).
 */
#include "losses.h"

#include <math.h>

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
			 double huber, real *d_scores, HnLossSum *sum)
{
	int			targets = head->target_count;

	for (int i = 0; i < rows; i++)
		for (int t = 0; t < targets; t++)
		{
			const HnTarget *target = &head->targets[t];
			double		y = scores[(size_t) i * targets + t];
			double		label = labels[i][t];
			double		derivative = 0;

			if (!isnan(label))
			{
				sum->loss += head->task == HN_CLASSIFICATION ?
					classification_loss(y, label, &derivative) :
					regression_loss(y - (label - target->mean) / target->std, huber, &derivative);
				sum->count += 1;
			}
			if (d_scores)
				d_scores[(size_t) i * targets + t] = (real) derivative;
		}
}
