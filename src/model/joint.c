/*
 * joint.c: the part of a head that weighs the others.
 */
#include "hamnet/joint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "parts.h"

/* So many deviations on either side hold nine tenths of a normal distribution. */
#define NORMAL_90 1.6448536269514722

const char *
hn_share_name(HnPartKind kind)
{
	return hn_head_parts[kind]->share;
}

void
hn_joint_set_rest(HnJoint *joint)
{
	joint->shares[HN_NETWORKS] = 1;
	for (int kind = HN_NETWORKS + 1; kind < HN_PARTS; kind++)
		joint->shares[HN_NETWORKS] -= joint->shares[kind];
}

/*
 * In a model file
 */

static HnStatus
read_shares(HnContext *context, const HnSection *section, const HnHead *head, HnJoint *joint)
{
	for (int kind = 0; kind < HN_PARTS; kind++)
	{
		const char *key = hn_share_name(kind);

		/* That of a Gaussian process stands in every file. */
		if (key && (head->parts[kind] || kind == HN_GP))
			HN_TRY(hn_section_double(context, section, key, &joint->shares[kind]));
		else if (key && json_object_get(section->object, key))
			return hn_fail(context, HN_INVALID_MODEL, "%s has a share \"%s\" of a part that the head does not have",
						   section->name, key);
	}
	hn_joint_set_rest(joint);
	return HN_OK;
}

static HnStatus
read_joint(HnContext *context, const HnSection *head_section, HnHead *head)
{
	const char *own_keys[HN_PARTS + 2] = {"factors"};
	int			key_count = 1;
	HnSection	section;
	HnJoint    *joint;
	json_t	   *factors = NULL;

	for (int kind = 0; kind < HN_PARTS; kind++)
		if (hn_share_name(kind))
			own_keys[key_count++] = hn_share_name(kind);
	HN_NEW_ZERO(context, joint, 1);
	head->parts[HN_JOINT] = joint;
	HN_TRY(hn_section_enter_key(context, head_section, "joint", own_keys, &section));
	HN_TRY(read_shares(context, &section, head, joint));
	HN_TRY(hn_section_target_array(context, &section, "factors", head, &factors));
	HN_NEW(context, joint->factors, head->target_count);
	for (int t = 0; t < head->target_count; t++)
	{
		json_t	   *factor = json_array_get(factors, t);

		if (!json_is_number(factor))
			return hn_section_wrong_type(context, &section, "factors", factor, "a number");
		joint->factors[t] = json_number_value(factor);
	}
	return HN_OK;
}

static json_t *
write_joint(const HnHead *head, json_t *object)
{
	const HnJoint *joint = hn_joint(head);
	json_t	   *factors = json_array();
	json_t	   *own;

	for (int t = 0; t < head->target_count; t++)
		factors = hn_json_append(factors, json_real(joint->factors[t]));
	own = json_pack("{s:f,s:o}", hn_share_name(HN_GP), joint->shares[HN_GP], "factors", factors);
	for (int kind = HN_GP + 1; kind < HN_PARTS; kind++)
		if (hn_share_name(kind) && head->parts[kind])
			own = hn_json_with(own, hn_share_name(kind), json_real(joint->shares[kind]));
	return hn_json_with(object, "joint", own);
}

static HnStatus
check_joint(HnContext *context, const HnHead *head)
{
	const HnJoint *joint = hn_joint(head);
	double		rest = 1;

	for (int kind = 0; kind < HN_PARTS; kind++)
	{
		char		what[40];

		if (hn_share_name(kind) == NULL)
			continue;
		snprintf(what, sizeof(what), "the %s's share", hn_part_name(kind));
		HN_TRY(hn_check_number(context, head, what, joint->shares[kind], 0, head->parts[kind] ? rest : 0));
		rest -= joint->shares[kind];
	}
	for (int t = 0; t < head->target_count; t++)
		HN_TRY(hn_check_number(context, head, "a factor of the deviation", joint->factors[t], 0, HN_MAX_JOINT_FACTOR));
	return HN_OK;
}

/*
 * Combining
 */

/* What the parts of a head say of one target of one molecule, networks first. */
typedef struct Opinions
{
	int			count;
	double		values[HN_PARTS];
	double		shares[HN_PARTS];
	double		gp_sd;			/* 0: not known */
	double		networks_sd;	/* 0: a single network has no spread of its own */
} Opinions;

/* The deviation number i of a part; 0 where the head does not have it, or it knows none. */
static double
known_sd(const HnHead *head, const HnPrediction *parts, HnPartKind kind, int i)
{
	return head->parts[kind] == NULL || isnan(parts[kind].sds[i]) ? 0 : parts[kind].sds[i];
}

static Opinions
opinions_of(const HnHead *head, const HnPrediction *parts, int i, bool with_sds)
{
	Opinions	opinions = {.count = 0};

	if (with_sds)
	{
		opinions.gp_sd = known_sd(head, parts, HN_GP, i);
		opinions.networks_sd = known_sd(head, parts, HN_NETWORKS, i);
	}
	for (int kind = 0; kind < HN_PARTS; kind++)
		if (head->parts[kind] && hn_head_parts[kind]->predict)
		{
			opinions.values[opinions.count] = parts[kind].values[i];
			opinions.shares[opinions.count++] = hn_joint(head)->shares[kind];
		}
	return opinions;
}

/* The variance of a measurement. */
static double
regression_variance(const Opinions *opinions, double value)
{
	double		variance = opinions->gp_sd * opinions->gp_sd
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
hn_joint_combine(const HnHead *head, const HnPrediction *parts, int count, double *values, double *sds)
{
	int			members = hn_networks(head)->member_count;

	for (int i = 0; i < count * head->target_count; i++)
	{
		Opinions	opinions = opinions_of(head, parts, i, sds != NULL);
		double		value = 0;

		for (int k = 0; k < opinions.count; k++)
			value += opinions.shares[k] * opinions.values[k];
		values[i] = value;
		if (sds == NULL)
			continue;
		/* A single network says nothing of its deviation. */
		sds[i] = opinions.count == 1 && members <= 1 ? NAN
			: sqrt(head->task == HN_REGRESSION ? regression_variance(&opinions, value)
				   : class_variance(&opinions, members))
			* hn_joint(head)->factors[i % head->target_count];
	}
}

/*
 * Making
 */

HnStatus
hn_joint_make(HnContext *context, const HnHead *const *heads, int count, HnHead *joint)
{
	HnJoint    *own;

	HN_NEW_ZERO(context, own, 1);
	HN_NEW(context, own->factors, heads[0]->target_count);
	*joint = *heads[0];
	joint->packed = NULL;
	joint->parts[HN_JOINT] = own;
	for (int h = 1; h < count; h++)
		for (int kind = 0; kind < HN_PARTS; kind++)
			if (hn_share_name(kind) && heads[h]->parts[kind])
			{
				joint->parts[kind] = heads[h]->parts[kind];
				own->shares[kind] = 1.0 / count;
			}
	hn_joint_set_rest(own);
	for (int t = 0; t < joint->target_count; t++)
		own->factors[t] = 1;
	return HN_OK;
}

void
hn_joint_drop(HnHead *joint)
{
	for (int kind = 0; kind < HN_PARTS; kind++)
		if (hn_share_name(kind) && hn_joint(joint)->shares[kind] == 0 &&
			!(kind == HN_GP && joint->task == HN_REGRESSION))
			joint->parts[kind] = NULL;
	joint->packed = NULL;
}

HnStatus
hn_joint_calibrate(HnContext *context, HnHead *head, const HnPrediction *parts, const double *labels, int count)
{
	HnArenaMark mark = hn_arena_mark(context->arena);
	size_t		size = (size_t) count * head->target_count;
	double	   *values;
	double	   *sds;
	double	   *ratios;

	for (int t = 0; t < head->target_count; t++)
		hn_joint(head)->factors[t] = 1;
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
		qsort(ratios, n, sizeof(*ratios), hn_compare_doubles);
		/* The smallest of them that at least nine tenths do not exceed. */
		hn_joint(head)->factors[t] = fmin(fmax(ratios[(int) ceil(0.9 * n) - 1] / NORMAL_90, 1e-3), HN_MAX_JOINT_FACTOR);
	}
	hn_arena_rewind(context->arena, mark);
	return HN_OK;
}

static const char *const keys[] = {"joint", NULL};

extern const HnHeadPart hn_joint_part;
const HnHeadPart hn_joint_part = {
	.keys = keys,
	.read = read_joint,
	.write = write_joint,
	.check = check_joint
};
