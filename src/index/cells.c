/*
 * cells.c: coarse codes, and boxes around many of them. The bounds are proven in
 * cells.h.
 *
 * Where boxes, cells and bytes are compared with a limit, floating point must
 * not order them otherwise than exact arithmetic would. What is off an interval
 * is computed by the same operations for boxes and bytes, each of which is
 * monotone when rounded; a box is lower by SHRINK_BOX than bytes, which are lower
 * by SHRINK_BYTES than what is true. Sums are added in another order; so sums over
 * cells are lower by 2 SHRINK, and their limit is higher by SHRINK.
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

/* Sums that are kept apart; coordinates are a multiple of it. */
#define SUMS 8

/* Units of a limit for each coordinate of a flat space: more round less away, and cut the leading coordinates' squares off. */
#define UNITS_PER_COORDINATE 4

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

/* Count the bytes at a position of codes [n] with norms [n], and choose edges by it. */
static void
fit_position(const HnCodeSpace *space, const HnCode *codes, const float *norms, int n, int p, HnCells *cells)
{
	int			counts[256] = {0};
	int			counted = 0;

	for (int i = 0; i < n; i++)
	{
		uint8_t		bytes[HN_BOX_POSITIONS];

		if (hn_cells_measure(space, cells, &codes[i], norms[i], bytes))
		{
			counts[bytes[p]]++;
			counted++;
		}
	}
	fit_edges(counts, counted, cells->edges[p]);
}

/* The greatest error of codes in a flat space: half a step of each coordinate. */
static double
greatest_error(const HnCodeSpace *space, float reach)
{
	double		sum = 0;

	for (int j = 0; j < space->coordinates; j++)
		sum += square(hn_code_step(space)[j] / 2);
	return sqrt(sum) * (1 + 1e-3) + 2 * HN_CODE_ROUNDING * reach;
}

void
hn_cells_fit(const HnCodeSpace *space, HnMetric metric, const HnCode *codes, const float *norms, int n, float *scratch,
			 HnCells *cells)
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
	if (space->flat)
	{
		/* Vectors of greater norms have no cells, so that there must be few */
		cells->norm_step = hn_metric_needs_norm(metric) ? step_of(2 * scratch[n - 1]) : FLT_MAX / 512;
		cells->error_step = (float) (greatest_error(space, cells->reach) / 255);
	}
	for (int p = 0; p < (space->flat ? HN_CELL_LEAD : HN_BOX_POSITIONS); p++)
		fit_position(space, codes, norms, n, p, cells);

	/* Nothing is known of byte 255, so it has a cell of its own */
	cells->edges[HN_CELL_HEIGHT][HN_CELLS - 2] = 255;
	cells->edges[HN_CELL_NORM][HN_CELLS - 2] = 255;
}

bool
hn_cells_are_sound(const HnCells *cells)
{
	for (int p = 0; p < HN_BOX_POSITIONS; p++)
		for (int i = 1; i < HN_CELLS - 1; i++)
			if (cells->edges[p][i] < cells->edges[p][i - 1])
				return false;
	return cells->height_step >= 0 && isfinite(cells->height_step) &&
		cells->norm_step >= 0 && isfinite(cells->norm_step) &&
		cells->error_step >= 0 && isfinite(cells->error_step) &&
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
hn_cells_measure(const HnCodeSpace *space, const HnCells *cells, const HnCode *code, float norm, uint8_t *bytes)
{
	double		error = code->lead_error * (1 + 1e-6) + HN_CODE_ROUNDING * code->length;

	if (code->error == HN_SHORT_INFINITY || !(code->length <= cells->reach))
		return false;
	bytes[HN_CELL_HEIGHT] = 255;
	if (1.01 * HN_CODE_ROUNDING * code->length < 0.99 * cells->height_step)
		bytes[HN_CELL_HEIGHT] = byte_of(code->lead_height, cells->height_step, floor);
	bytes[HN_CELL_NORM] = byte_of(norm, cells->norm_step, ceil);
	bytes[HN_CELL_ERROR] = space->flat ? byte_of(error, cells->error_step, ceil) : 0;
	bytes[HN_CELL_ERROR + 1] = 0;
	memcpy(bytes + HN_CELL_LEAD, code->codes, HN_CODE_LEAD);
	return !space->flat || (error <= 255 * (double) cells->error_step && bytes[HN_CELL_NORM] < 255);
}

void
hn_cells_store(const HnCodeSpace *space, const HnCells *cells, const uint8_t *bytes, const uint8_t *codes,
			   const HnCellColumns *columns, int i)
{
	for (int c = 0; c < HN_CELL_COLUMNS(space->lead); c++)
	{
		int			p = 2 * c;
		const uint8_t *pair = p < HN_CELL_LEAD ? bytes + p : codes + p - HN_CELL_LEAD;
		bool		numbered = space->flat && p >= HN_CELL_LEAD;
		uint8_t		first = numbered ? pair[0] : hn_cell_of(cells, p, pair[0]);
		uint8_t		second = numbered ? pair[1] : hn_cell_of(cells, p + 1, pair[1]);

		hn_cell_column(columns, c)[i] = (uint8_t) (first | second << 4);
	}
}

/* The greatest norm of a cell that is not the last. */
static double
greatest_norm(const HnCells *cells, int cell)
{
	return cells->norm_step * ((double) cell_high(cells, HN_CELL_NORM, cell) + HN_CELL_WIDEN);
}

/* The greatest error of a cell. */
static double
error_of_cell(const HnCells *cells, int cell)
{
	return (double) cells->error_step * cell_high(cells, HN_CELL_ERROR, cell);
}

float
hn_cells_norm(const HnCodeSpace *space, const HnCells *cells, const uint8_t *bytes, float norm)
{
	if (!space->flat)
		return norm;
	return (float) (greatest_norm(cells, hn_cell_of(cells, HN_CELL_NORM, bytes[HN_CELL_NORM])) * (1 + 1e-6));
}

void
hn_cells_load(const HnCodeSpace *space, const HnCells *cells, const HnCellColumns *columns, int i,
			  HnCode *code, float *norm)
{
	int			height = cell_low(cells, HN_CELL_HEIGHT, hn_cells_get(columns, HN_CELL_HEIGHT, i));

	memset(code, 0, sizeof(*code));
	for (int j = 0; j < space->coordinates; j++)
		code->codes[j] = hn_cells_get(columns, HN_CELL_LEAD + j, i);
	code->height = hn_short_below(cells->height_step * (float) height);
	code->error = hn_short_above(error_of_cell(cells, hn_cells_get(columns, HN_CELL_ERROR, i)));
	*norm = (float) (greatest_norm(cells, hn_cells_get(columns, HN_CELL_NORM, i)) * (1 + 1e-6));
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
	for (int p = 0; p < HN_BOX_POSITIONS; p++)
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

/* How far the query's coordinate is from the point of a cell, or from its interval. */
static double
off_cell(const HnCellQuery *query, int j, int cell)
{
	const HnCodeTarget *target = &query->codes->target;
	int			p = HN_CELL_LEAD + j;

	if (query->codes->flat)
		return (double) target->step[j] * cell - target->origin[j];
	return off_coordinates(query, j, cell_low(query->cells, p, cell), cell_high(query->cells, p, cell));
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

		out->squares[HN_CELL_HEIGHT][cell] = (float) square(height);
		for (int j = 0; j < space->lead && j < space->coordinates; j++)
			out->squares[HN_CELL_LEAD + j][cell] = (float) square(off_cell(out, j, cell));
	}
}

double
hn_box_bound(const HnCellQuery *query, const HnCodeBox *box)
{
	double		sum = off_bytes(query, box->low + HN_CELL_LEAD, box->high + HN_CELL_LEAD,
								box->low[HN_CELL_HEIGHT], query->codes->flat ? 255 : box->high[HN_CELL_HEIGHT]);
	double		bound = sqrt(sum) * (1 - SHRINK_BOX) - query->codes->error;

	return hn_metric_bound(query->metric, query->codes->length, bound > 0 ? bound : 0, box->norm);
}

/* The sum of squares up to which vectors of that norm, and of that error of their cells, are within the limit. */
static double
reach_of(const HnCellQuery *query, HnCodeLimit limit, double norm, double error)
{
	double		reach = limit.constant + (limit.factor > 0 && norm > 0 ? limit.factor * norm * norm : 0);

	if (isnan(reach))
		return INFINITY;
	return square((reach > 0 ? sqrt(reach) : 0) + query->codes->error + error) * (1 + SHRINK) + FLT_MIN;
}

/*
 * The greatest norm of a cell's vectors; where their own are stored, of a group
 * of which query->norm is the greatest.
 */
static double
norm_of_cell(const HnCellQuery *query, int cell)
{
	double		norm = greatest_norm(query->cells, cell);

	if (query->codes->flat)
		return norm;
	return cell < HN_CELLS - 1 && query->cells->norm_step > 0 && norm < query->norm ? norm : query->norm;
}

/*
 * Count the squares in units of the limit: in a flat space so many that what
 * their rounding takes away is little, else so many that one may be all.
 * Returns false if everything is within the limit.
 */
static bool
fill_tables(HnCellQuery *query)
{
	HnCodeLimit limit = hn_metric_limit(query->metric, query->codes->length, query->value);
	bool		flat = query->codes->flat;
	double		norm = flat ? norm_of_cell(query, HN_CELLS - 1) : query->norm;
	double		most = reach_of(query, limit, norm, error_of_cell(query->cells, HN_CELLS - 1));
	int			greatest = flat ? HN_CELL_GREATEST : HN_CELL_FAR;
	float		units;

	query->far = flat ? UNITS_PER_COORDINATE * query->codes->lead : HN_CELL_FAR;
	if (!(most < FLT_MAX / 1024))
		return false;
	units = (float) ((query->far - 1) / most * (1 - 2 * SHRINK));
	if (!isfinite(units))
		return false;
	for (int p = 0; p < HN_CELL_LEAD + query->codes->lead; p++)
		for (int cell = 0; cell < HN_CELLS; cell++)
		{
			float		entry = query->squares[p][cell] * units;

			query->tables[p * HN_CELLS + cell] = (uint8_t) (entry < (float) greatest ? entry : (float) greatest);
		}
	for (int cell = 0; cell < HN_CELLS; cell++)
	{
		double		of_norm = reach_of(query, limit, norm, 0) - reach_of(query, limit, norm_of_cell(query, cell), 0);
		double		of_error = most - reach_of(query, limit, norm, error_of_cell(query->cells, cell));

		of_norm *= units;
		of_error *= units;
		query->tables[HN_CELL_NORM * HN_CELLS + cell] = (uint8_t) (of_norm > 0 ? fmin(of_norm, greatest) : 0);
		query->tables[HN_CELL_ERROR * HN_CELLS + cell] = (uint8_t) (of_error > 0 ? fmin(of_error, greatest) : 0);
	}
	return true;
}

int
hn_cell_search(HnCellQuery *query, const HnCellColumns *columns, int n, float norm, double value, uint16_t *rows)
{
	bool		flat = query->codes->flat;
	int			count = columns->rest ? HN_CELL_COLUMNS(query->codes->lead) : columns->near;

	/* Tables for more than is asked serve as well, but not too far from it */
	if (!(query->filled && query->value == value &&
		  (flat || !hn_metric_needs_norm(query->metric) || (norm <= query->norm && query->norm <= 1.1f * norm))))
	{
		query->value = value;
		query->norm = norm;
		query->filled = fill_tables(query);
	}
	if (query->filled && flat)
		return hn_simd()->wide_cell_filter(columns->cells, columns->rest, columns->stride, columns->near, count, n,
										   query->tables, query->far, rows);
	if (query->filled)
		return hn_simd()->cell_filter(columns->cells, columns->stride, count, n, query->tables, rows);
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

void
hn_cell_consider(const HnCellQuery *query, const HnCellColumns *columns, int i, uint64_t id,
				 HnCandidates *candidates)
{
	const HnCodeQuery *codes = query->codes;
	const HnCells *cells = query->cells;
	double		error = error_of_cell(cells, hn_cells_get(columns, HN_CELL_ERROR, i));
	double		norm = greatest_norm(cells, hn_cells_get(columns, HN_CELL_NORM, i));
	uint8_t		cells_of[HN_CODE_MAX] = {0};
	double		sums[SUMS] = {query->squares[HN_CELL_HEIGHT][hn_cells_get(columns, HN_CELL_HEIGHT, i)]};
	double		sum = 0;
	double		bound;
	double		box;

	for (int j = 0; j < codes->coordinates; j += 2)
	{
		uint8_t		both = hn_cell_column(columns, (HN_CELL_LEAD + j) / 2)[i];

		cells_of[j] = both % HN_CELLS;
		cells_of[j + 1] = both / HN_CELLS;
	}

	/* Several sums, so that additions need not wait for each other */
	for (int j = 0; j < codes->coordinates; j += SUMS)
		for (int s = 0; s < SUMS; s++)
			sums[s] += query->squares[HN_CELL_LEAD + j + s][cells_of[j + s]];
	for (int s = 0; s < SUMS; s++)
		sum += sums[s];
	bound = sqrt(sum) * (1 - SHRINK_BYTES) - error - codes->error;
	box = sqrt(off_bytes(query, cells_of, cells_of, 0, 255)) * (1 - SHRINK_BYTES) - codes->error;
	bound = fmax(fmax(bound, box), 0);

	/* What codes are off is most likely orthogonal to the rest, as what is left beside the axes is */
	if (candidates->estimates)
	{
		double		heights = square(codes->lead_height);

		hn_candidates_add_estimate(candidates,
								   hn_metric_bound(query->metric, codes->length, sqrt(sum + 2 * heights + square(error)), norm));
	}
	hn_candidates_add(candidates, hn_metric_bound(query->metric, codes->length, bound, norm), id);
}
