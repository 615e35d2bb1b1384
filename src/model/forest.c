/*
 * forest.c: the part of a head that is a forest.
 */
#include "hamnet/forest.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "parts.h"

#define THRESHOLDS (HN_FOREST_CODES - 1)

int
hn_forest_width(const HnForest *forest)
{
	return forest->descriptors->count + HN_COUNT_COLUMNS;
}

/* Count the thresholds below a value; none are below NaN. */
static uint8_t
code_of(const float *thresholds, real value)
{
	int			low = 0;
	int			high = THRESHOLDS;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (thresholds[middle] < value)
			low = middle + 1;
		else
			high = middle;
	}
	return (uint8_t) low;
}

void
hn_forest_encode(const HnForest *forest, const HnInputs *inputs, int row, uint8_t *codes)
{
	int			width = forest->descriptors->count;
	const real *descriptors = inputs->descriptors + (size_t) row * width;
	HnCounts	counts = inputs->counts[row];

	for (int k = 0; k < width; k++)
		codes[k] = code_of(forest->thresholds + (size_t) k * THRESHOLDS, descriptors[k]);
	memset(codes + width, 0, HN_COUNT_COLUMNS);
	for (int k = 0; k < counts.length; k++)
		codes[width + counts.columns[k]] = counts.counts[k];
}

/* Trees that are descended side by side, so that they wait for memory together. */
#define ABREAST 8

/*
 * Add up the bytes of the leaves that a row comes to in some trees. Children
 * come after their parents, so there is an end: all stand on leaves, which
 * lead to themselves.
 */
static int
descend(const HnForestNode *nodes, const int32_t *roots, int count, const uint8_t *codes)
{
	int32_t		at[ABREAST];
	int32_t		moved;
	int			sum = 0;

	memcpy(at, roots, (size_t) count * sizeof(*at));
	do
	{
		moved = 0;
		for (int k = 0; k < count; k++)
		{
			HnForestNode node = nodes[at[k]];
			int32_t		next = codes[node.column] > node.code ? node.right : at[k] + (node.right > at[k]);

			moved |= next ^ at[k];
			at[k] = next;
		}
	} while (moved != 0);
	for (int k = 0; k < count; k++)
		sum += nodes[at[k]].code;
	return sum;
}

static HnStatus
predict_forest(HnContext *context, const HnModel *model, const HnHead *head, const HnInputs *inputs,
			   const HnPrediction *prediction)
{
	const HnForest *forest = hn_forest(head);
	uint8_t    *codes;

	(void) model;
	for (int i = 0; prediction->sds && i < inputs->count * head->target_count; i++)
		prediction->sds[i] = NAN;
	if (inputs->descriptors == NULL || inputs->counts == NULL)
		return hn_fail(context, HN_INVALID_ARGUMENT, "head \"%s\" needs more than the fingerprint", head->name);
	HN_NEW(context, codes, hn_forest_width(forest));
	for (int i = 0; i < inputs->count; i++)
	{
		if (hn_interrupted(context))
			return HN_INTERRUPTED;
		hn_forest_encode(forest, inputs, i, codes);
		for (int t = 0; t < head->target_count; t++)
		{
			const int32_t *roots = forest->roots + (size_t) t * forest->tree_count;
			int			sum = 0;
			double		share;		/* of the range */

			for (int k = 0; k < forest->tree_count; k += ABREAST)
				sum += descend(forest->nodes, roots + k,
							   forest->tree_count - k < ABREAST ? forest->tree_count - k : ABREAST, codes);
			share = sum / (255.0 * forest->tree_count);
			prediction->values[(size_t) i * head->target_count + t] =
				(1 - share) * forest->ranges[t].least + share * forest->ranges[t].most;
		}
	}
	return HN_OK;
}

static HnStatus
check_thresholds(HnContext *context, const HnHead *head)
{
	const HnForest *forest = hn_forest(head);

	for (int k = 0; k < forest->descriptors->count; k++)
	{
		const float *thresholds = forest->thresholds + (size_t) k * THRESHOLDS;

		for (int i = 1; i < THRESHOLDS; i++)
			if (thresholds[i] < thresholds[i - 1])
				return hn_fail(context, HN_INVALID_MODEL, "the thresholds of descriptor %d of head \"%s\" do not ascend",
							   k, head->name);
	}
	return HN_OK;
}

/*
 * Follow one tree from its root to the node after its last. The nodes whose
 * right subtree is still to come are a stack, each of which points to the one
 * below until it is known where that subtree begins.
 */
static HnStatus
link_tree(HnContext *context, const HnHead *head, int32_t root, int32_t *end)
{
	HnForest   *forest = hn_forest(head);
	int32_t		top = -1;

	for (int32_t node = root; node < forest->node_count; node++)
	{
		int32_t		parent = top;

		forest->nodes[node] = (HnForestNode) {node, 0, forest->codes[node]};
		if (forest->columns[node] != HN_FOREST_LEAF)
		{
			if (forest->columns[node] >= hn_forest_width(forest))
				return hn_fail(context, HN_INVALID_MODEL, "node %d of the forest of head \"%s\" has column %d of %d",
							   node, head->name, forest->columns[node], hn_forest_width(forest));
			forest->nodes[node].column = forest->columns[node];
			forest->nodes[node].right = top;
			top = node;
			continue;
		}
		if (top < 0)
		{
			*end = node + 1;
			return HN_OK;
		}
		top = forest->nodes[parent].right;
		forest->nodes[parent].right = node + 1;
	}
	return hn_fail(context, HN_INVALID_MODEL, "the forest of head \"%s\" has no end after its %d nodes",
				   head->name, forest->node_count);
}

HnStatus
hn_forest_link(HnContext *context, const HnHead *head)
{
	HnForest   *forest = hn_forest(head);
	int			trees = head->target_count * forest->tree_count;
	int32_t		next = 0;

	HN_NEW(context, forest->nodes, forest->node_count);
	HN_NEW(context, forest->roots, trees);
	HN_TRY(check_thresholds(context, head));
	for (int k = 0; k < trees; k++)
	{
		forest->roots[k] = next;
		HN_TRY(link_tree(context, head, next, &next));
	}
	if (next != forest->node_count)
		return hn_fail(context, HN_INVALID_MODEL, "the %d trees of head \"%s\" leave %d of its %d nodes over",
					   trees, head->name, forest->node_count - next, forest->node_count);
	return HN_OK;
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
	HN_TRY(hn_section_descriptors(context, &section, "descriptors", &forest->descriptors));
	HN_TRY(hn_section_int(context, &section, "trees", &forest->tree_count));
	HN_TRY(hn_section_int(context, &section, "nodes", &forest->node_count));
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
	json_t	   *own = json_pack("{s:s,s:i,s:i}", "descriptors", forest->descriptors->name,
								"trees", forest->tree_count, "nodes", forest->node_count);
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

	HN_TRY(hn_check_count(context, head, "number of trees", forest->tree_count, 1, HN_MAX_TREES));
	/* A tree has a node at least: this bounds the trees of all targets, too. */
	HN_TRY(hn_check_count(context, head, "number of nodes", forest->node_count,
						  forest->tree_count * head->target_count, HN_MAX_FOREST_NODES));
	for (int t = 0; t < head->target_count; t++)
		if (!(isfinite(forest->ranges[t].least) && isfinite(forest->ranges[t].most)))
			return hn_fail(context, HN_INVALID_MODEL, "the leaves of head \"%s\" are from %g to %g, which is not finite",
						   head->name, forest->ranges[t].least, forest->ranges[t].most);
	return HN_OK;
}

static void
list_tables(HnTableList *list, const HnHead *head)
{
	HnForest   *forest = hn_forest(head);

	hn_list_table(list, head, "forest.thresholds", HN_F32, 2, forest->descriptors->count, HN_FOREST_CODES - 1,
				  &forest->thresholds);
	hn_list_table(list, head, "forest.columns", HN_U16, 1, forest->node_count, 1, &forest->columns);
	hn_list_table(list, head, "forest.codes", HN_U8, 1, forest->node_count, 1, &forest->codes);
}

static void
add_needs(const HnHead *head, HnNeeds *needs)
{
	*needs = (HnNeeds) {.descriptors = hn_forest(head)->descriptors, .counts = true};
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
	.link = hn_forest_link,
	.add_needs = add_needs,
	.fit = hn_forest_fit,
	.predict = predict_forest
};
