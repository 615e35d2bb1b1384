/*
 * order.c: an order of vectors in which groups of neighbours lie together: the
 * leaves of a kd-tree, from left to right. Of more vectors than memory holds, a
 * sample is divided first, then each part for itself.
 */
#include "hamnet/cells.h"

/* Rows by which the widest position is found. */
#define SPREAD_ROWS 512

typedef struct Order
{
	HnContext  *context;
	const uint8_t *bytes;		/* [n, HN_BOX_POSITIONS] */
	double		steps[HN_BOX_POSITIONS];	/* what a byte is worth; 0: never split there */
	int			group;
	uint32_t   *rows;			/* [n] */
	uint32_t   *scratch;		/* [n] */
} Order;

/* The position with the greatest variance; -1 if all vectors are the same. */
static int
widest_position(const Order *order, const uint32_t *rows, int n)
{
	double		sums[HN_BOX_POSITIONS] = {0};
	double		squares[HN_BOX_POSITIONS] = {0};
	int			count = n < SPREAD_ROWS ? n : SPREAD_ROWS;
	double		greatest = 0;
	int			widest = -1;

	for (int i = 0; i < count; i++)
	{
		const uint8_t *bytes = order->bytes + (size_t) rows[(int64_t) i * n / count] * HN_BOX_POSITIONS;

		for (int p = 0; p < HN_BOX_POSITIONS; p++)
		{
			sums[p] += bytes[p];
			squares[p] += (double) bytes[p] * bytes[p];
		}
	}
	for (int p = 0; p < HN_BOX_POSITIONS; p++)
	{
		double		variance = (squares[p] - sums[p] * sums[p] / count) * order->steps[p] * order->steps[p];

		if (variance > greatest)
		{
			greatest = variance;
			widest = p;
		}
	}
	return widest;
}

/* Sort rows by their byte at a position. */
static void
sort_by_position(const Order *order, uint32_t *rows, int n, int position)
{
	const uint8_t *bytes = order->bytes + position;
	int			starts[257] = {0};

	for (int i = 0; i < n; i++)
		starts[bytes[(size_t) rows[i] * HN_BOX_POSITIONS] + 1]++;
	for (int b = 0; b < 256; b++)
		starts[b + 1] += starts[b];
	for (int i = 0; i < n; i++)
		order->scratch[starts[bytes[(size_t) rows[i] * HN_BOX_POSITIONS]]++] = rows[i];
	memcpy(rows, order->scratch, n * sizeof(uint32_t));
}

static HnStatus
split(const Order *order, uint32_t *rows, int n)
{
	while (n > HN_CELL_ROWS)
	{
		int			unit = n > order->group ? order->group : HN_CELL_ROWS;
		int			units = (n + unit - 1) / unit;
		int			left = units / 2 * unit;
		int			position = widest_position(order, rows, n);

		if (hn_interrupted(order->context))
			return HN_INTERRUPTED;
		if (position < 0)
			break;
		sort_by_position(order, rows, n, position);
		HN_TRY(split(order, rows, left));
		rows += left;
		n -= left;
	}
	return HN_OK;
}

static Order
begin(HnContext *context, const HnCodeSpace *space, const HnCells *cells, HnMetric metric,
	  const uint8_t *bytes, int n, uint32_t *rows, uint32_t *scratch)
{
	Order		order = {.context = context,.bytes = bytes,.scratch = scratch};

	order.steps[HN_CELL_HEIGHT] = cells->height_step;
	order.steps[HN_CELL_NORM] = hn_metric_needs_norm(metric) ? cells->norm_step : 0;
	for (int j = 0; j < HN_CODE_LEAD && j < space->coordinates; j++)
		order.steps[HN_CELL_LEAD + j] = hn_code_step(space)[j];
	for (int i = 0; i < n; i++)
		rows[i] = (uint32_t) i;
	return order;
}

HnStatus
hn_cells_order(HnContext *context, const HnCodeSpace *space, const HnCells *cells, HnMetric metric,
			   const uint8_t *bytes, int n, int group, uint32_t *rows, uint32_t *scratch)
{
	Order		order = begin(context, space, cells, metric, bytes, n, rows, scratch);

	order.group = group;
	return split(&order, rows, n);
}

/* Divide rows [n] into parts: first to first + count - 1. Returns the number of the node. */
static int
divide(const Order *order, uint32_t *rows, int n, int first, int count, HnParts *parts)
{
	int			node = parts->count++;
	int			position = count > 1 ? widest_position(order, rows, n) : -1;
	int			left = (int) ((int64_t) n * (count / 2) / count);
	HnPartNode *out = &parts->nodes[node];

	/* Vectors that are all the same stay together */
	*out = (HnPartNode) {.position = -1,.part = first};
	if (position < 0)
		return node;
	sort_by_position(order, rows, n, position);
	out->position = position;
	out->byte = order->bytes[(size_t) rows[left] * HN_BOX_POSITIONS + position];
	(void) divide(order, rows, left, first, count / 2, parts);
	parts->nodes[node].right = divide(order, rows + left, n - left, first + count / 2, count - count / 2, parts);
	return node;
}

void
hn_cells_divide(const HnCodeSpace *space, const HnCells *cells, HnMetric metric,
				const uint8_t *bytes, int n, int wanted, uint32_t *rows, uint32_t *scratch, HnParts *parts)
{
	Order		order = begin(NULL, space, cells, metric, bytes, n, rows, scratch);

	parts->count = 0;
	(void) divide(&order, rows, n, 0, wanted, parts);
}

int
hn_part_of(const HnParts *parts, const uint8_t *bytes)
{
	int			node = 0;

	while (parts->nodes[node].position >= 0)
		node = bytes[parts->nodes[node].position] < parts->nodes[node].byte ? node + 1 : parts->nodes[node].right;
	return parts->nodes[node].part;
}
