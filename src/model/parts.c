/*
 * parts.c: the parts that a head may have, and checks that they share.
 */
#include "parts.h"

#include <stdio.h>

extern const HnHeadPart hn_networks_part;
extern const HnHeadPart hn_gp_part;
extern const HnHeadPart hn_forest_part;
extern const HnHeadPart hn_boosting_part;
extern const HnHeadPart hn_joint_part;
extern const HnHeadPart hn_known_part;

const HnHeadPart *const hn_head_parts[HN_PARTS] = {
	[HN_NETWORKS] = &hn_networks_part,
	[HN_GP] = &hn_gp_part,
	[HN_FOREST] = &hn_forest_part,
	[HN_BOOSTING] = &hn_boosting_part,
	[HN_JOINT] = &hn_joint_part,
	[HN_KNOWN] = &hn_known_part
};

const char *
hn_part_name(HnPartKind kind)
{
	return hn_head_parts[kind]->keys[0];
}

HnStatus
hn_fit(HnContext *context, HnPartKind kind, const HnInputs *inputs, int fingerprint_dim, const real *labels,
	   const HnFitOptions *options, HnHead *head, HnFitReport *report)
{
	HN_ASSERT(hn_head_parts[kind]->fit != NULL);
	return hn_head_parts[kind]->fit(context, inputs, fingerprint_dim, labels, options, head, report);
}

HnStatus
hn_check_range(HnContext *context, const char *name, int value, int min, int max)
{
	if (value < min || value > max)
		return hn_fail(context, HN_INVALID_MODEL, "%s is %d, it must be between %d and %d", name, value, min, max);
	return HN_OK;
}

HnStatus
hn_check_count(HnContext *context, const HnHead *head, const char *name, int value, int min, int max)
{
	char		what[HN_MAX_HEAD_NAME + 64];

	snprintf(what, sizeof(what), "the %s of head \"%s\"", name, head->name);
	return hn_check_range(context, what, value, min, max);
}

HnStatus
hn_check_number(HnContext *context, const HnHead *head, const char *name, double value, double min, double max)
{
	if (!(value >= min && value <= max))
		return hn_fail(context, HN_INVALID_MODEL, "%s of head \"%s\" is %g, it must be between %g and %g",
					   name, head->name, value, min, max);
	return HN_OK;
}
