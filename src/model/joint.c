/*
 * joint.c: a kernel and networks, weighted.
 */
#include "hamnet/joint.h"

#include <math.h>
#include <stdlib.h>

/* So many deviations on either side hold nine tenths of a normal distribution. */
#define NORMAL_90 1.6448536269514722

/* The variance of a measurement. A single network has no spread of its own. */
static double
regression_variance(double share, double kernel, double kernel_sd, double networks, double networks_sd)
{
	double		spread = isnan(networks_sd) ? 0 : networks_sd * networks_sd;
	double		difference = kernel - networks;

	return (isnan(kernel_sd) ? 0 : kernel_sd * kernel_sd) + (1 - share) * spread
		+ share * (1 - share) * difference * difference;
}

/* The sample variance of the members' probabilities and the kernel's. */
static double
class_variance(int members, double kernel, double networks, double networks_sd)
{
	double		within = isnan(networks_sd) ? 0 : networks_sd * networks_sd * (members - 1);
	double		difference = kernel - networks;

	return (within + difference * difference * members / (members + 1)) / members;
}

void
hn_joint_combine(const HnHead *head, const HnParts *parts, int count, double *values, double *sds)
{
	double		share = head->joint->share;

	for (int i = 0; i < count * head->target_count; i++)
	{
		double		kernel = parts->kernel[i];
		double		networks = parts->networks[i];

		values[i] = share * kernel + (1 - share) * networks;
		if (sds == NULL)
			continue;
		sds[i] = sqrt(head->task == HN_REGRESSION
					  ? regression_variance(share, kernel, parts->kernel_sd[i], networks, parts->networks_sd[i])
					  : class_variance(head->member_count, kernel, networks, parts->networks_sd[i]))
			* head->joint->factors[i % head->target_count];
	}
}

HnStatus
hn_joint_make(HnContext *context, const HnHead *kernel, const HnHead *networks, HnHead *joint)
{
	*joint = *networks;
	joint->kind = HN_JOINT_HEAD;
	joint->kernel = kernel->kernel;
	HN_NEW(context, joint->joint, 1);
	HN_NEW(context, joint->joint->factors, joint->target_count);
	joint->joint->share = 0.5;
	for (int t = 0; t < joint->target_count; t++)
		joint->joint->factors[t] = 1;
	return HN_OK;
}

static int
compare_numbers(const void *a, const void *b)
{
	double		left = *(const double *) a;
	double		right = *(const double *) b;

	return left < right ? -1 : left > right;
}

HnStatus
hn_joint_calibrate(HnContext *context, HnHead *head, const HnParts *parts, const double *labels, int count)
{
	HnArenaMark mark = hn_arena_mark(context->arena);
	size_t		size = (size_t) count * head->target_count;
	double	   *values;
	double	   *sds;
	double	   *ratios;

	for (int t = 0; t < head->target_count; t++)
		head->joint->factors[t] = 1;
	if (head->task == HN_CLASSIFICATION)
		return HN_OK;
	HN_NEW(context, values, size);
	HN_NEW(context, sds, size);
	HN_NEW(context, ratios, count);
	hn_joint_combine(head, parts, count, values, sds);
	for (int t = 0; t < head->target_count; t++)
	{
		int			n = 0;

		for (int i = 0; i < count; i++)
		{
			size_t		at = (size_t) i * head->target_count + t;
			double		ratio = fabs(labels[at] - values[at]) / sds[at];

			if (isfinite(ratio))
				ratios[n++] = ratio;
		}
		if (n == 0)
			continue;
		qsort(ratios, n, sizeof(*ratios), compare_numbers);
		/* The smallest of them that at least nine tenths do not exceed. */
		head->joint->factors[t] = fmax(ratios[(int) ceil(0.9 * n) - 1] / NORMAL_90, 1e-3);
	}
	hn_arena_rewind(context->arena, mark);
	return HN_OK;
}
