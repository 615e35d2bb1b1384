/*
 * forest.c: predictions of a forest, and the shape of its trees.
 */
#include "hamnet/forest.h"

#include <string.h>

#define THRESHOLDS (HN_FOREST_CODES - 1)

int
hn_forest_width(const HnForest *forest)
{
	return forest->descriptors->count + HN_COUNT_COLUMNS;
}

/* How many thresholds are below a value; none are below NaN. */
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

HnStatus
hn_forest_predict(HnContext *context, const HnHead *head, const HnInputs *inputs, double *values)
{
	const HnForest *forest = head->forest;
	uint8_t    *codes;

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
			double		place;

			for (int k = 0; k < forest->tree_count; k += ABREAST)
				sum += descend(forest->nodes, roots + k,
							   forest->tree_count - k < ABREAST ? forest->tree_count - k : ABREAST, codes);
			place = sum / (255.0 * forest->tree_count);
			values[(size_t) i * head->target_count + t] =
				(1 - place) * forest->ranges[t].least + place * forest->ranges[t].most;
		}
	}
	return HN_OK;
}

static HnStatus
check_thresholds(HnContext *context, const HnHead *head)
{
	const HnForest *forest = head->forest;

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
	HnForest   *forest = head->forest;
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
	HnForest   *forest = head->forest;
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
