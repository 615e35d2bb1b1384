/*
 * forest.c: the part of a head that is a forest.
 */
#include "hamnet/forest.h"

#include <math.h>
#include <stdio.h>

#include "trees.h"

/* Return the mean of the leaves, as a share of the range. */
static double
mean_leaf(const HnHead *head, int t, const int32_t *leaves)
{
	const HnForest *forest = hn_forest(head);
	const HnLeafRange *range = &forest->ranges[t];
	int			sum = 0;
	double		share;

	for (int k = 0; k < forest->trees.tree_count; k++)
		sum += forest->trees.nodes[leaves[k]].code;
	share = sum / (255.0 * forest->trees.tree_count);
	return (1 - share) * range->least + share * range->most;
}

static HnStatus
predict_forest(HnContext *context, const HnModel *model, const HnHead *head, const HnInputs *inputs,
			   const HnPrediction *prediction)
{
	(void) model;
	return hn_trees_predict(context, head, &hn_forest(head)->trees, inputs, mean_leaf, prediction);
}

static HnStatus
link_forest(HnContext *context, const HnHead *head)
{
	return hn_trees_link(context, head, "forest", &hn_forest(head)->trees);
}

/*
 * In a model file
 */

/* Read the numbers between which the leaves of one target lie. Those of classes are probabilities. */
static HnStatus
read_range(HnContext *context, const HnSection *forest, int index, json_t *value, HnLeafRange *range)
{
	static const char *const range_keys[] = {"least", "most", NULL};
	HnSection	section;

	snprintf(section.name, sizeof(section.name), "%.24s.ranges[%d]", forest->name, index);
	HN_TRY(hn_section_enter(context, &section, value, range_keys));
	HN_TRY(hn_section_double(context, &section, "least", &range->least));
	return hn_section_double(context, &section, "most", &range->most);
}

static HnStatus
read_forest(HnContext *context, const HnSection *head_section, HnHead *head)
{
	static const char *const regression_keys[] = {"descriptors", "trees", "nodes", "ranges", NULL};
	static const char *const classification_keys[] = {"descriptors", "trees", "nodes", NULL};
	HnSection	section;
	HnForest   *forest;
	json_t	   *ranges = NULL;

	HN_NEW_ZERO(context, forest, 1);
	head->parts[HN_FOREST] = forest;
	HN_TRY(hn_section_enter_key(context, head_section, "forest",
								head->task == HN_REGRESSION ? regression_keys : classification_keys, &section));
	HN_TRY(hn_trees_read(context, &section, &forest->trees));
	HN_NEW(context, forest->ranges, head->target_count);
	for (int t = 0; t < head->target_count; t++)
		forest->ranges[t] = (HnLeafRange) {0, 1};
	if (head->task == HN_CLASSIFICATION)
		return HN_OK;
	HN_TRY(hn_section_target_array(context, &section, "ranges", head, &ranges));
	for (int t = 0; t < head->target_count; t++)
		HN_TRY(read_range(context, &section, t, json_array_get(ranges, t), &forest->ranges[t]));
	return HN_OK;
}

static json_t *
write_forest(const HnHead *head, json_t *object)
{
	const HnForest *forest = hn_forest(head);
	json_t	   *own = hn_trees_write(&forest->trees);
	json_t	   *ranges;

	if (head->task == HN_REGRESSION)
	{
		ranges = json_array();
		for (int t = 0; t < head->target_count; t++)
			ranges = hn_json_append(ranges, json_pack("{s:f,s:f}", "least", forest->ranges[t].least,
													  "most", forest->ranges[t].most));
		own = hn_json_with(own, "ranges", ranges);
	}
	return hn_json_with(object, "forest", own);
}

static HnStatus
check_forest(HnContext *context, const HnHead *head)
{
	const HnForest *forest = hn_forest(head);

	HN_TRY(hn_trees_check(context, head, &forest->trees));
	for (int t = 0; t < head->target_count; t++)
		if (!(isfinite(forest->ranges[t].least) && isfinite(forest->ranges[t].most)))
			return hn_fail(context, HN_INVALID_MODEL, "the leaves of head \"%s\" are from %g to %g, which is not finite",
						   head->name, forest->ranges[t].least, forest->ranges[t].most);
	return HN_OK;
}

static void
list_tables(HnTableList *list, const HnHead *head)
{
	hn_trees_list(list, head, "forest", &hn_forest(head)->trees);
}

static void
add_needs(const HnHead *head, HnNeeds *needs)
{
	*needs = (HnNeeds) {.descriptors = hn_forest(head)->trees.descriptors, .counts = true};
}

static const char *const keys[] = {"forest", NULL};

extern const HnHeadPart hn_forest_part;
const HnHeadPart hn_forest_part = {
	.keys = keys,
	.share = "forest",
	.read = read_forest,
	.write = write_forest,
	.check = check_forest,
	.list_tables = list_tables,
	.link = link_forest,
	.add_needs = add_needs,
	.fit = hn_forest_fit,
	.predict = predict_forest
};
