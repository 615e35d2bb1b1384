/*
 * trees.c: decision trees in a model file and in predictions.
 */
#include "hamnet/trees.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "trees.h"

int
hn_trees_width(const HnTrees *trees)
{
	return trees->descriptors->count + HN_COUNT_COLUMNS;
}

/* Count the thresholds below a value; none are below NaN. */
static uint8_t
code_of(const float *thresholds, real value)
{
	int			low = 0;
	int			high = HN_TREE_THRESHOLDS;

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
hn_trees_encode(const HnTrees *trees, const HnInputs *inputs, int row, uint8_t *codes)
{
	int			width = trees->descriptors->count;
	const real *descriptors = inputs->descriptors + (size_t) row * width;
	HnCounts	counts = inputs->counts[row];

	for (int k = 0; k < width; k++)
		codes[k] = code_of(trees->thresholds + (size_t) k * HN_TREE_THRESHOLDS, descriptors[k]);
	memset(codes + width, 0, HN_COUNT_COLUMNS);
	for (int k = 0; k < counts.length; k++)
		codes[width + counts.columns[k]] = counts.counts[k];
}

/* Trees that are descended side by side, so that they wait for memory together. */
#define ABREAST 8

/*
 * Find the leaves that a row comes to in some trees. Children come after their
 * parents, so there is an end: all stand on leaves, which lead to themselves.
 */
static void
descend(const HnTreeNode *nodes, const int32_t *roots, int count, const uint8_t *codes, int32_t *leaves)
{
	int32_t		moved;

	memcpy(leaves, roots, (size_t) count * sizeof(*leaves));
	do
	{
		moved = 0;
		for (int k = 0; k < count; k++)
		{
			HnTreeNode	node = nodes[leaves[k]];
			int32_t		next = codes[node.column] > node.code ? node.right : leaves[k] + (node.right > leaves[k]);

			moved |= next ^ leaves[k];
			leaves[k] = next;
		}
	} while (moved != 0);
}

HnStatus
hn_trees_predict(HnContext *context, const HnHead *head, const HnTrees *trees, const HnInputs *inputs,
				 HnLeafSum sum, const HnPrediction *prediction)
{
	uint8_t    *codes;
	int32_t    *leaves;

	for (int i = 0; prediction->sds && i < inputs->count * head->target_count; i++)
		prediction->sds[i] = NAN;
	if (inputs->descriptors == NULL || inputs->counts == NULL)
		return hn_fail(context, HN_INVALID_ARGUMENT, "head \"%s\" needs more than the fingerprint", head->name);
	HN_NEW(context, codes, hn_trees_width(trees));
	HN_NEW(context, leaves, trees->tree_count);
	for (int i = 0; i < inputs->count; i++)
	{
		if (hn_interrupted(context))
			return HN_INTERRUPTED;
		hn_trees_encode(trees, inputs, i, codes);
		for (int t = 0; t < head->target_count; t++)
		{
			const int32_t *roots = trees->roots + (size_t) t * trees->tree_count;

			for (int k = 0; k < trees->tree_count; k += ABREAST)
				descend(trees->nodes, roots + k, trees->tree_count - k < ABREAST ? trees->tree_count - k : ABREAST,
						codes, leaves + k);
			prediction->values[(size_t) i * head->target_count + t] = sum(head, t, leaves);
		}
	}
	return HN_OK;
}

static HnStatus
check_thresholds(HnContext *context, const HnHead *head, const HnTrees *trees)
{
	for (int k = 0; k < trees->descriptors->count; k++)
	{
		const float *thresholds = trees->thresholds + (size_t) k * HN_TREE_THRESHOLDS;

		for (int i = 1; i < HN_TREE_THRESHOLDS; i++)
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
link_tree(HnContext *context, const HnHead *head, const char *part, HnTrees *trees, int32_t root, int32_t *end)
{
	int32_t		top = -1;

	for (int32_t node = root; node < trees->node_count; node++)
	{
		int32_t		parent = top;

		trees->nodes[node] = (HnTreeNode) {node, 0, trees->codes[node]};
		if (trees->columns[node] != HN_TREE_LEAF)
		{
			if (trees->columns[node] >= hn_trees_width(trees))
				return hn_fail(context, HN_INVALID_MODEL, "node %d of the %s of head \"%s\" has column %d of %d",
							   node, part, head->name, trees->columns[node], hn_trees_width(trees));
			trees->nodes[node].column = trees->columns[node];
			trees->nodes[node].right = top;
			top = node;
			continue;
		}
		if (top < 0)
		{
			*end = node + 1;
			return HN_OK;
		}
		top = trees->nodes[parent].right;
		trees->nodes[parent].right = node + 1;
	}
	return hn_fail(context, HN_INVALID_MODEL, "the %s of head \"%s\" has no end after its %d nodes",
				   part, head->name, trees->node_count);
}

HnStatus
hn_trees_link(HnContext *context, const HnHead *head, const char *part, HnTrees *trees)
{
	int			count = head->target_count * trees->tree_count;
	int32_t		next = 0;

	HN_NEW(context, trees->nodes, trees->node_count);
	HN_NEW(context, trees->roots, count);
	HN_TRY(check_thresholds(context, head, trees));
	for (int k = 0; k < count; k++)
	{
		trees->roots[k] = next;
		HN_TRY(link_tree(context, head, part, trees, next, &next));
	}
	if (next != trees->node_count)
		return hn_fail(context, HN_INVALID_MODEL, "the %d trees of head \"%s\" leave %d of its %d nodes over",
					   count, head->name, trees->node_count - next, trees->node_count);
	return HN_OK;
}

/*
 * In a model file
 */

HnStatus
hn_trees_read(HnContext *context, const HnSection *section, HnTrees *trees)
{
	HN_TRY(hn_section_descriptors(context, section, "descriptors", &trees->descriptors));
	HN_TRY(hn_section_int(context, section, "trees", &trees->tree_count));
	return hn_section_int(context, section, "nodes", &trees->node_count);
}

json_t *
hn_trees_write(const HnTrees *trees)
{
	return json_pack("{s:s,s:i,s:i}", "descriptors", trees->descriptors->name, "trees", trees->tree_count,
					 "nodes", trees->node_count);
}

HnStatus
hn_trees_check(HnContext *context, const HnHead *head, const HnTrees *trees)
{
	HN_TRY(hn_check_count(context, head, "number of trees", trees->tree_count, 1, HN_MAX_TREES));
	/* A tree has a node at least: this bounds the trees of all targets, too. */
	return hn_check_count(context, head, "number of nodes", trees->node_count,
						  trees->tree_count * head->target_count, HN_MAX_TREE_NODES);
}

void
hn_trees_list(HnTableList *list, const HnHead *head, const char *part, HnTrees *trees)
{
	char		name[40];

	snprintf(name, sizeof(name), "%s.thresholds", part);
	hn_list_table(list, head, name, HN_F32, 2, trees->descriptors->count, HN_TREE_THRESHOLDS, &trees->thresholds);
	snprintf(name, sizeof(name), "%s.columns", part);
	hn_list_table(list, head, name, HN_U16, 1, trees->node_count, 1, &trees->columns);
	snprintf(name, sizeof(name), "%s.codes", part);
	hn_list_table(list, head, name, HN_U8, 1, trees->node_count, 1, &trees->codes);
}
