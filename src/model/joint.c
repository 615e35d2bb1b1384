/*
 * joint.c: networks with a kernel, a forest or both, weighted.
 */
#include "hamnet/joint.h"

#include <math.h>
#include <stdlib.h>

/* So many deviations on either side hold nine tenths of a normal distribution. */
#define NORMAL_90 1.6448536269514722

/* What the parts of a head say of one target of one molecule. */
typedef struct Opinions
{
	int			count;
	double		values[3];		/* networks first */
	double		shares[3];
	double		kernel_sd;		/* 0: not known */
	double		networks_sd;	/* 0: a single network has no spread of its own */
} Opinions;

static void
add_opinion(Opinions *opinions, const double *values, int i, double share)
{
	if (values == NULL)
		return;
	opinions->values[opinions->count] = values[i];
	opinions->shares[opinions->count++] = share;
}

static Opinions
opinions_of(const HnJoint *joint, const HnParts *parts, int i)
{
	Opinions	opinions = {
		.kernel_sd = parts->kernel == NULL || isnan(parts->kernel_sd[i]) ? 0 : parts->kernel_sd[i],
		.networks_sd = isnan(parts->networks_sd[i]) ? 0 : parts->networks_sd[i]
	};

	add_opinion(&opinions, parts->networks, i, 1 - joint->kernel - joint->forest);
	add_opinion(&opinions, parts->kernel, i, joint->kernel);
	add_opinion(&opinions, parts->forest, i, joint->forest);
	return opinions;
}

/* The variance of a measurement. */
static double
regression_variance(const Opinions *opinions, double value)
{
	double		variance = opinions->kernel_sd * opinions->kernel_sd
		+ opinions->shares[0] * opinions->networks_sd * opinions->networks_sd;

	for (int k = 0; k < opinions->count; k++)
		variance += opinions->shares[k] * (opinions->values[k] - value) * (opinions->values[k] - value);
	return variance;
}

/* The sample variance of the probabilities of the members and of the other parts. */
static double
class_variance(const Opinions *opinions, int members)
{
	int			others = opinions->count - 1;
	double		squares = opinions->networks_sd * opinions->networks_sd * (members - 1);
	double		mean = members * opinions->values[0];

	for (int k = 1; k <= others; k++)
		mean += opinions->values[k];
	mean /= members + others;
	for (int k = 0; k <= others; k++)
		squares += (k == 0 ? members : 1) * (opinions->values[k] - mean) * (opinions->values[k] - mean);
	return squares / (members + others - 1);
}

void
hn_joint_combine(const HnHead *head, const HnParts *parts, int count, double *values, double *sds)
{
	/* A single network says nothing of its deviation. */
	bool		known = parts->kernel != NULL || parts->forest != NULL || head->member_count > 1;

	for (int i = 0; i < count * head->target_count; i++)
	{
		Opinions	opinions = opinions_of(head->joint, parts, i);
		double		value = 0;

		for (int k = 0; k < opinions.count; k++)
			value += opinions.shares[k] * opinions.values[k];
		values[i] = value;
		if (sds == NULL)
			continue;
		sds[i] = !known ? NAN
			: sqrt(head->task == HN_REGRESSION ? regression_variance(&opinions, value)
				   : class_variance(&opinions, head->member_count))
			* head->joint->factors[i % head->target_count];
	}
}

HnStatus
hn_joint_make(HnContext *context, HnKernelHead *kernel, const HnHead *networks, HnForest *forest, HnHead *joint)
{
	double		share = 1.0 / (1 + (kernel != NULL) + (forest != NULL));

	*joint = *networks;
	joint->kind = HN_JOINT_HEAD;
	joint->kernel = kernel;
	joint->forest = forest;
	joint->packed = NULL;
	HN_NEW(context, joint->joint, 1);
	HN_NEW(context, joint->joint->factors, joint->target_count);
	joint->joint->kernel = kernel ? share : 0;
	joint->joint->forest = forest ? share : 0;
	for (int t = 0; t < joint->target_count; t++)
		joint->joint->factors[t] = 1;
	return HN_OK;
}

void
hn_joint_drop(HnHead *joint)
{
	if (joint->joint->forest == 0)
		joint->forest = NULL;
	if (joint->joint->kernel == 0 && joint->task == HN_CLASSIFICATION)
		joint->kernel = NULL;
	joint->packed = NULL;
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
		head->joint->factors[t] = fmin(fmax(ratios[(int) ceil(0.9 * n) - 1] / NORMAL_90, 1e-3), HN_MAX_JOINT_FACTOR);
	}
	hn_arena_rewind(context->arena, mark);
	return HN_OK;
}
