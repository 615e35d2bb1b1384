/*
 * boosting.c: the part of a head that is boosted trees.
 */
#include "hamnet/boosting.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "trees.h"

static double
sum_of_leaves(const HnHead *head, int t, const int32_t *leaves)
{
	const HnBoosting *boosting = hn_boosting(head);
	double		sum = boosting->starts[t];

	for (int k = 0; k < boosting->trees.tree_count; k++)
		sum += boosting->values[leaves[k]];
	return head->task == HN_CLASSIFICATION ? 1 / (1 + exp(-sum)) : sum;
}

static HnStatus
predict_boosting(HnContext *context, const HnModel *model, const HnHead *head, const HnInputs *inputs,
				 const HnPrediction *prediction)
{
	(void) model;
	return hn_trees_predict(context, head, &hn_boosting(head)->trees, inputs, sum_of_leaves, prediction);
}

HnStatus
hn_boosting_link(HnContext *context, const HnHead *head)
{
	HnBoosting *boosting = hn_boosting(head);
	int			leaf = 0;

	HN_TRY(hn_trees_link(context, head, "boosting", &boosting->trees));
	HN_NEW_ZERO(context, boosting->values, boosting->trees.node_count);
	for (int node = 0; node < boosting->trees.node_count; node++)
		if (boosting->trees.columns[node] == HN_TREE_LEAF)
			boosting->values[node] = boosting->leaves[leaf++];
	return HN_OK;
}

/*
 * In a model file
 */

static HnStatus
read_boosting(HnContext *context, const HnSection *head_section, HnHead *head)
{
	static const char *const own_keys[] = {"descriptors", "trees", "nodes", "starts", NULL};
	HnSection	section;
	HnBoosting *boosting;
	json_t	   *starts = NULL;

	HN_NEW_ZERO(context, boosting, 1);
	head->parts[HN_BOOSTING] = boosting;
	HN_TRY(hn_section_enter_key(context, head_section, "boosting", own_keys, &section));
	HN_TRY(hn_trees_read(context, &section, &boosting->trees));
	HN_TRY(hn_section_target_array(context, &section, "starts", head, &starts));
	HN_NEW(context, boosting->starts, head->target_count);
	for (int t = 0; t < head->target_count; t++)
	{
		json_t	   *start = json_array_get(starts, t);

		if (!json_is_number(start))
			return hn_section_wrong_type(context, &section, "starts", start, "a number");
		boosting->starts[t] = json_number_value(start);
	}
	return HN_OK;
}

static json_t *
write_boosting(const HnHead *head, json_t *object)
{
	const HnBoosting *boosting = hn_boosting(head);
	json_t	   *starts = json_array();

	for (int t = 0; t < head->target_count; t++)
		starts = hn_json_append(starts, json_real(boosting->starts[t]));
	return hn_json_with(object, "boosting", hn_json_with(hn_trees_write(&boosting->trees), "starts", starts));
}

static HnStatus
check_boosting(HnContext *context, const HnHead *head)
{
	const HnBoosting *boosting = hn_boosting(head);

	HN_TRY(hn_trees_check(context, head, &boosting->trees));
	for (int t = 0; t < head->target_count; t++)
		if (!isfinite(boosting->starts[t]))
			return hn_fail(context, HN_INVALID_MODEL, "the boosting of head \"%s\" starts from %g, which is not finite",
						   head->name, boosting->starts[t]);
	return HN_OK;
}

static void
list_tables(HnTableList *list, const HnHead *head)
{
	HnBoosting *boosting = hn_boosting(head);
	const HnTrees *trees = &boosting->trees;

	hn_trees_list(list, head, "boosting", &boosting->trees);

	/* A binary tree has one leaf more than inner nodes. */
	hn_list_table(list, head, "boosting.leaves", HN_F32, 1, (trees->node_count + trees->tree_count * head->target_count) / 2,
				  1, &boosting->leaves);
}

static void
add_needs(const HnHead *head, HnNeeds *needs)
{
	*needs = (HnNeeds) {.descriptors = hn_boosting(head)->trees.descriptors, .counts = true};
}

static const char *const keys[] = {"boosting", NULL};

extern const HnHeadPart hn_boosting_part;
const HnHeadPart hn_boosting_part = {
	.keys = keys,
	.share = "boosting",
	.read = read_boosting,
	.write = write_boosting,
	.check = check_boosting,
	.list_tables = list_tables,
	.link = hn_boosting_link,
	.add_needs = add_needs,
	.fit = hn_boosting_fit,
	.predict = predict_boosting
};
