/*
 * cells.c: coarse codes, and boxes around many of them. The bounds are proven in
 * cells.h.
 *
 * Where boxes, cells and bytes are compared with a limit, floating point must
 * not order them otherwise than exact arithmetic would. What is off an interval
 * is computed by the same operations for all of them, each of which is monotone
 * when rounded. Sums are added in another order; so squares of cells are lower by
 * SHRINK, and their limit higher, and a box is lower by SHRINK_BOX than bytes,
 * which are lower by SHRINK_BYTES than what is true.
 */
#include "hamnet/cells.h"

#include <stdlib.h>

#define SHRINK 2e-5
#define SHRINK_BYTES 1e-5
#define SHRINK_BOX 1.1e-5

/* Errors of coordinates, as a share of |x - mean|. */
#define COORDINATE_ERROR 1e-10

/* Steps end at this share of a sample. */
#define INSIDE 0.998

/* Vectors so many times longer than those have no cells. */
#define REACH 100

static inline double
square(double x)
{
	return x * x;
}

static int
compare_floats(const void *a, const void *b)
{
	float		x = *(const float *) a;
	float		y = *(const float *) b;

	return (x > y) - (x < y);
}

/* What most of the values [n] are below; sorts them. */
static double
greatest_inside(float *values, int n)
{
	qsort(values, n, sizeof(float), compare_floats);
	return values[(int) ((n - 1) * INSIDE)];
}

/* A step with which values up to that take less than 255 steps; 0 if there is none. */
static float
step_of(double greatest)
{
	double		step = greatest * 1.05 / 254;

	return step > FLT_MIN && step < FLT_MAX ? (float) step : 0;
}

/* Edges such that each cell has about as many of n bytes, counted. */
static void
fit_edges(const int *counts, int n, uint8_t *edges)
{
	int			below = 0;
	int			byte = 0;
	int			least = 1;

	for (int cell = 1; cell < HN_CELLS; cell++)
	{
		while (byte < 255 && (byte < least || (int64_t) HN_CELLS * (below + counts[byte] / 2) < (int64_t) n * cell))
			below += counts[byte++];
		edges[cell - 1] = (uint8_t) byte;
		least = byte + 1;
	}
}

void
hn_cells_fit(const HnCode *codes, const float *norms, int n, float *scratch, HnCells *cells)
{
	double		length;
	double		least_step;

	memset(cells, 0, sizeof(*cells));
	for (int i = 0; i < n; i++)
		scratch[i] = codes[i].length;
	length = greatest_inside(scratch, n);
	cells->reach = (float) (REACH * length);
	for (int i = 0; i < n; i++)
		scratch[i] = codes[i].lead_height;
	least_step = 4 * HN_CODE_ROUNDING * length;
	cells->height_step = step_of(greatest_inside(scratch, n));
	if (cells->height_step < least_step)
		cells->height_step = (float) least_step;
	memcpy(scratch, norms, n * sizeof(float));
	cells->norm_step = step_of(greatest_inside(scratch, n));
	for (int p = 0; p < HN_CELL_POSITIONS; p++)
	{
		int			counts[256] = {0};

		for (int i = 0; i < n; i++)
		{
			uint8_t		bytes[HN_CELL_POSITIONS];

			if (hn_cells_measure(cells, &codes[i], norms[i], bytes))
				counts[bytes[p]]++;
		}
		fit_edges(counts, n, cells->edges[p]);
	}

	/* Nothing is known of byte 255, so it has a cell of its own */
	cells->edges[HN_CELL_HEIGHT][HN_CELLS - 2] = 255;
	cells->edges[HN_CELL_NORM][HN_CELLS - 2] = 255;
}

bool
hn_cells_are_sound(const HnCells *cells)
{
	for (int p = 0; p < HN_CELL_POSITIONS; p++)
		for (int i = 1; i < HN_CELLS - 1; i++)
			if (cells->edges[p][i] < cells->edges[p][i - 1])
				return false;
	return cells->height_step >= 0 && isfinite(cells->height_step) &&
		cells->norm_step >= 0 && isfinite(cells->norm_step) &&
		cells->reach >= 0 && isfinite(cells->reach) &&
		cells->edges[HN_CELL_HEIGHT][HN_CELLS - 2] == 255 && cells->edges[HN_CELL_NORM][HN_CELLS - 2] == 255;
}

/* Without a step nothing is known. */
static uint8_t
byte_of(double value, float step, double (*round) (double))
{
	double		steps = step > 0 ? round(value / step) : 255;

	return (uint8_t) (steps < 255 ? steps : 255);
}

bool
hn_cells_measure(const HnCells *cells, const HnCode *code, float norm, uint8_t *bytes)
{
	if (code->error == HN_SHORT_INFINITY || !(code->length <= cells->reach))
		return false;
	bytes[HN_CELL_HEIGHT] = 255;
	if (1.01 * HN_CODE_ROUNDING * code->length < 0.99 * cells->height_step)
		bytes[HN_CELL_HEIGHT] = byte_of(code->lead_height, cells->height_step, floor);
	bytes[HN_CELL_NORM] = byte_of(norm, cells->norm_step, ceil);
	memcpy(bytes + HN_CELL_LEAD, code->codes, HN_CODE_LEAD);
	return true;
}

void
hn_cells_store(const HnCells *cells, const uint8_t *bytes, uint8_t *columns, int stride, int i)
{
	for (int c = 0; c < HN_CELL_COLUMNS; c++)
		columns[c * stride + i] = (uint8_t) (hn_cell_of(cells, 2 * c, bytes[2 * c]) |
											 hn_cell_of(cells, 2 * c + 1, bytes[2 * c + 1]) << 4);
}

void
hn_box_begin(HnCodeBox *box)
{
	memset(box, 0, sizeof(*box));
	memset(box->low, 255, sizeof(box->low));
}

void
hn_box_add(HnCodeBox *box, const uint8_t *bytes, float norm)
{
	for (int p = 0; p < HN_CELL_POSITIONS; p++)
	{
		box->low[p] = bytes[p] < box->low[p] ? bytes[p] : box->low[p];
		box->high[p] = bytes[p] > box->high[p] ? bytes[p] : box->high[p];
	}
	box->norm = norm > box->norm ? norm : box->norm;
}

int
hn_code_record_size(HnMetric metric, int coordinates)
{
	return coordinates + 2 * (int) sizeof(uint16_t) + 1 + (hn_metric_needs_norm(metric) ? (int) sizeof(float) : 0);
}

void
hn_code_store(const HnCode *code, int coordinates, const uint8_t *bytes, float norm, bool norms, uint8_t *record)
{
	memcpy(record, code->codes, coordinates);
	record += coordinates;
	memcpy(record, &code->height, sizeof(code->height));
	memcpy(record + 2, &code->error, sizeof(code->error));
	record[4] = bytes[HN_CELL_HEIGHT];
	if (norms)
		memcpy(record + 5, &norm, sizeof(norm));
}

void
hn_code_load(const uint8_t *record, int coordinates, bool norms, HnCode *code, float *norm)
{
	memset(code, 0, sizeof(*code));
	memcpy(code->codes, record, coordinates);
	record += coordinates;
	memcpy(&code->height, record, sizeof(code->height));
	memcpy(&code->error, record + 2, sizeof(code->error));
	*norm = 0;
	if (norms)
		memcpy(norm, record + 5, sizeof(*norm));
}

/* How far the query's height is from those of bytes low to high. */
static double
off_heights(const HnCellQuery *query, int low, int high)
{
	double		step = query->cells->height_step;
	double		height = query->codes->lead_height;

	if (high == 255 || !(step > 0))
		return 0;
	if (height < step * (low - 1))
		return step * (low - 1) - height;
	return height > step * (high + 2) ? height - step * (high + 2) : 0;
}

/* The square of how far the query is from bytes low to high of the leading coordinates and the height. */
static double
off_bytes(const HnCellQuery *query, const uint8_t *low, const uint8_t *high, int low_height, int high_height)
{
	float		sum = hn_simd()->box_sum(low, high, query->step, query->above, query->below, HN_CODE_LEAD);

	return sum + square(off_heights(query, low_height, high_height));
}

/* The first and last byte of a cell; a cell between equal edges holds none. */
static inline int
cell_low(const HnCells *cells, int p, int cell)
{
	return cell == 0 ? 0 : cells->edges[p][cell - 1];
}

static inline int
cell_high(const HnCells *cells, int p, int cell)
{
	int			low = cell_low(cells, p, cell);
	int			high = cell == HN_CELLS - 1 ? 255 : cells->edges[p][cell] - 1;

	return high > low ? high : low;
}

/* How far the query's coordinate is from bytes low to high, by the operations of box_sum. */
static float
off_coordinates(const HnCellQuery *query, int j, int low, int high)
{
	volatile float least = query->step[j] * (float) low;	/* no fused multiply-add */
	volatile float most = query->step[j] * (float) high;
	float		under = least - query->above[j];
	float		over = query->below[j] - most;
	float		off = under > over ? under : over;

	return off > 0 ? off : 0;
}

void
hn_cell_query(const HnCodeSpace *space, const HnCells *cells, const HnCodeQuery *query,
			  HnMetric metric, HnCellQuery *out)
{
	memset(out, 0, sizeof(*out));
	out->codes = query;
	out->cells = cells;
	out->metric = metric;
	for (int j = 0; j < HN_CODE_LEAD && j < space->coordinates; j++)
	{
		float		step = query->target.step[j];
		float		half = (0.5f + HN_CELL_WIDEN) * step;

		if (COORDINATE_ERROR * cells->reach > HN_CELL_WIDEN / 2 * step)
			continue;
		out->step[j] = step;
		out->above[j] = query->target.origin[j] + half;
		out->below[j] = query->target.origin[j] - half;
	}
	for (int cell = 0; cell < HN_CELLS; cell++)
	{
		double		height = off_heights(out, cell_low(cells, HN_CELL_HEIGHT, cell),
										 cell_high(cells, HN_CELL_HEIGHT, cell));

		out->squares[HN_CELL_HEIGHT][cell] = (float) (square(height) * (1 - SHRINK));
		for (int j = 0; j < HN_CODE_LEAD; j++)
		{
			float		off = off_coordinates(out, j, cell_low(cells, HN_CELL_LEAD + j, cell),
											  cell_high(cells, HN_CELL_LEAD + j, cell));

			out->squares[HN_CELL_LEAD + j][cell] = (float) (square(off) * (1 - SHRINK));
		}
	}
}

double
hn_box_bound(const HnCellQuery *query, const HnCodeBox *box)
{
	double		sum = off_bytes(query, box->low + HN_CELL_LEAD, box->high + HN_CELL_LEAD,
								box->low[HN_CELL_HEIGHT], box->high[HN_CELL_HEIGHT]);
	double		bound = sqrt(sum) * (1 - SHRINK_BOX) - query->codes->error;

	return hn_metric_bound(query->metric, query->codes->length, bound > 0 ? bound : 0, box->norm);
}

/* The square up to which vectors of that norm are within the limit. */
static double
reach_of(const HnCellQuery *query, HnCodeLimit limit, double norm)
{
	double		reach = limit.constant + (limit.factor > 0 && norm > 0 ? limit.factor * norm * norm : 0);

	if (isnan(reach))
		return INFINITY;
	return square((reach > 0 ? sqrt(reach) : 0) + query->codes->error) * (1 + SHRINK) + FLT_MIN;
}

/* The greatest norm of a cell's vectors, in a group of which query->norm is the greatest. */
static double
norm_of_cell(const HnCellQuery *query, int cell)
{
	int			high = cell_high(query->cells, HN_CELL_NORM, cell);
	double		norm = query->cells->norm_step * ((float) high + HN_CELL_WIDEN);

	return high < 255 && query->cells->norm_step > 0 && norm < query->norm ? norm : query->norm;
}

/* Count the squares in units of the limit. Returns false if everything is within it. */
static bool
fill_tables(HnCellQuery *query)
{
	HnCodeLimit limit = hn_metric_limit(query->metric, query->codes->length, query->value);
	double		most = reach_of(query, limit, query->norm);
	float		units;

	if (!(most < FLT_MAX / 1024))
		return false;
	units = (float) ((HN_CELL_FAR - 1) / most * (1 - SHRINK));
	if (!isfinite(units))
		return false;
	for (int p = 0; p < HN_CELL_POSITIONS; p++)
		for (int cell = 0; cell < HN_CELLS; cell++)
		{
			float		entry = query->squares[p][cell] * units;

			query->tables[p * HN_CELLS + cell] = (uint8_t) (entry < HN_CELL_FAR ? entry : HN_CELL_FAR);
		}
	for (int cell = 0; cell < HN_CELLS; cell++)
	{
		double		less = most - reach_of(query, limit, norm_of_cell(query, cell));

		query->tables[HN_CELL_NORM * HN_CELLS + cell] = (uint8_t) (less > 0 ? less * units : 0);
	}
	return true;
}

int
hn_cell_search(HnCellQuery *query, const uint8_t *columns, int stride, int n,
			   float norm, double value, uint16_t *rows)
{
	/* Tables for more than is asked serve as well, but not too far from it */
	if (!(query->filled && query->value == value &&
		  (!hn_metric_needs_norm(query->metric) || (norm <= query->norm && query->norm <= 1.1f * norm))))
	{
		query->value = value;
		query->norm = norm;
		query->filled = fill_tables(query);
	}
	if (query->filled)
		return hn_simd()->cell_filter(columns, stride, n, query->tables, rows);
	for (int i = 0; i < n; i++)
		rows[i] = (uint16_t) i;
	return n;
}

void
hn_code_consider(const HnCellQuery *query, const uint8_t *record, uint64_t id, HnCandidates *candidates)
{
	const HnCodeQuery *codes = query->codes;
	const HnCodeTarget *target = &codes->target;
	int			k = codes->coordinates;
	int			lead = k < HN_CODE_LEAD ? k : HN_CODE_LEAD;
	float		norm = 0;
	uint16_t	stored[2];
	float		error;
	float		height;
	float		sum;
	double		bound;
	double		value;

	memcpy(stored, record + k, sizeof(stored));
	if (hn_metric_needs_norm(query->metric))
		memcpy(&norm, record + k + sizeof(stored) + 1, sizeof(norm));
	error = hn_short_to_float(stored[1]);

	/* Most are seen to be too far by their leading coordinates */
	sum = hn_simd()->code_sum(record, target->step, target->origin, lead);
	bound = hn_code_bound(codes, sum, error);
	if (hn_metric_bound(query->metric, codes->length, bound, norm) > candidates->last.value)
		return;
	sum += hn_simd()->code_sum(record + lead, target->step + lead, target->origin + lead, k - lead);
	height = hn_short_to_float(stored[0]);
	bound = hn_code_bound(codes, sum + (height - target->height) * (height - target->height), error);
	if (hn_metric_bound(query->metric, codes->length, bound, norm) > candidates->last.value)
		return;

	/* The lead of a record may be shorter than that of a box; the rest has no steps */
	bound = fmax(bound, sqrt(off_bytes(query, record, record, record[k + 4], record[k + 4])) * (1 - SHRINK_BYTES) -
				 codes->error);
	value = hn_metric_bound(query->metric, codes->length, bound, norm);

	/* What is left of two vectors beside the axes is most likely orthogonal */
	if (candidates->estimates)
		hn_candidates_add_estimate(candidates,
								   hn_metric_bound(query->metric, codes->length,
												   sqrt(sum + square(height) + square(target->height)), norm));
	hn_candidates_add(candidates, value, id);
}
