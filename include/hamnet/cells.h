/*
 * cells.h: coarse codes of vectors, and boxes around many of them: what a
 * search sees of most vectors.
 *
 * The map F of codes.h may be taken for the first l axes alone:
 *
 *	F'(x) = (l coordinates of p'(x), |x - p'(x)|)
 *
 * where p' clips only these. The box of fewer axes is a closed convex set as
 * well, so F' does not enlarge distances either. Measures of x are kept as bytes:
 *
 *	position 0		height |x - p'(x)|: byte b is for [b, b + 1] steps; 255: any
 *	position 1		norm: byte b is for |x| of at most b steps; 255: any
 *	position 2		error of the coordinates' codes: at most b steps
 *	position 3		nothing, so that coordinates are aligned
 *	position 4 + j	coordinate j: code b is for low + (b - 1/2, b + 1/2) steps
 *
 * Cells. Edges divide the bytes of each position into HN_CELLS ranges; of a
 * vector, the number of the range is kept: four bits.
 *
 * Boxes. HnCodeBox is around all vectors of a group: the least and the greatest
 * byte of each position, of the first HN_CODE_LEAD coordinates. A byte stands for
 * an interval, and a range of bytes for the hull of its intervals. The distance
 * from F'(q) to a product of intervals that holds F'(x) is a lower bound of
 * |F'(q) - F'(x)|, and so of |q - x|; it is the root of a sum of squares, one for
 * each position. Leaving out positions makes it no greater.
 *
 * Steep spaces, of which few axes hold most of the variance, have l =
 * HN_CODE_LEAD, coordinates of eight bits, and codes (codes.h) beside the cells.
 * A cell stands for the interval of its range, as a box does, so that its bound
 * is below that of the bytes. The value of a vector is what the greater of the
 * bounds by its code and by its bytes gives.
 *
 * Flat spaces have l = k and coordinates of four bits, so that cells are all that
 * is kept of a vector. A cell of a coordinate is its code, and stands for a point.
 * With u for the coordinates of p'(x), c for those points, e >= |u - c|, v for
 * the coordinates of p'(q), and h for how far the query's height is from the
 * interval of the height's cell, |v - u| >= |v - c| - e, and
 *
 *	|F'(q) - F'(x)| >= root of (max(0, |v - c| - e)² + h²) >= root of (|v - c|² + h²) - e
 *
 * by the triangle inequality between (|v - c|, h), (e, 0) and the origin. The
 * value of a vector is what the greater of this bound and that of a box around
 * its coordinates alone gives; boxes leave the height out.
 *
 * Either way, what a position contributes for a query depends on the number of
 * its cell only, so there is a table of HN_CELLS squares for each, and the lower
 * bound is a sum of table entries. For a given limit, entries are counted in
 * units of it, rounded down. In flat spaces the sum is above (limit + e)² if the
 * bound is above the limit; no entry is negative, so that it is as soon as the sum
 * over some positions is. What an error below the greatest, and a norm below
 * the greatest, lower that by, are the entries of their cells: with E for the
 * greatest error, D for the limit at the greatest norm, d for that at the
 * vector's,
 *
 *	(D + E)² - (d + e)² >= ((D + E)² - (D + e)²) + (D² - d²)
 *
 * Values are never below the bounds of cells and boxes, in floating point too:
 * so whatever is left aside by these for a limit has a value above the limit, and
 * searches with growing limits find every vector once.
 *
 * Rounding. F'(x) is computed to within 1e-10 |x - mean|, but for the height, to
 * within HN_CODE_ROUNDING |x - mean| (codes.h). Vectors with |x - mean| above
 * `reach` are not given cells. For the others, intervals of coordinates are
 * widened by HN_CELL_WIDEN of a step, and coordinates whose steps are too small
 * for that to be enough are left out of account; intervals of heights are widened
 * by a step, and heights that may be wrong by more have the byte 255. Errors are
 * greater by HN_CODE_ROUNDING |x - mean|.
 */
#ifndef HAMNET_CELLS_H
#define HAMNET_CELLS_H

#include "hamnet/codes.h"

/* Positions of measures. */
#define HN_CELL_HEIGHT 0
#define HN_CELL_NORM 1
#define HN_CELL_ERROR 2
#define HN_CELL_LEAD 4

/* As many positions has a box, and at most so many have cells. */
#define HN_BOX_POSITIONS (HN_CELL_LEAD + HN_CODE_LEAD)
#define HN_CELL_MAX_POSITIONS (HN_CELL_LEAD + HN_CODE_MAX)

/* Columns of cells, two to a byte, for that many leading coordinates. */
#define HN_CELL_COLUMNS(lead) ((HN_CELL_LEAD + (lead)) / 2)

#define HN_CELL_WIDEN 1e-3f

/* How measures become bytes, and bytes cells. */
typedef struct HnCells
{
	float		reach;			/* the greatest |x - mean| of a vector with cells */
	float		height_step;
	float		norm_step;
	float		error_step;		/* 0 in a steep space */
	uint8_t		edges[HN_BOX_POSITIONS][HN_CELLS - 1];	/* ascending: a cell is the number of edges <= byte */
} HnCells;

/* What is known of a group of vectors. */
typedef struct HnCodeBox
{
	uint8_t		low[HN_BOX_POSITIONS];	/* low > high: there are none */
	uint8_t		high[HN_BOX_POSITIONS];
	float		norm;			/* the greatest */
} HnCodeBox;

/* A query against cells and boxes of one space. */
typedef struct HnCellQuery
{
	const HnCodeQuery *codes;
	const HnCells *cells;
	HnMetric	metric;
	float		step[HN_CODE_LEAD];
	float		above[HN_CODE_LEAD];	/* half a step above the query's coordinate */
	float		below[HN_CODE_LEAD];
	float		squares[HN_CELL_MAX_POSITIONS][HN_CELLS];	/* distance of the query to each cell, squared */

	/* The tables for one limit and greatest norm; see hn_cell_search */
	bool		filled;
	double		value;
	float		norm;
	int			far;			/* sums of table entries that are not within the limit */
	uint8_t		tables[HN_CELL_MAX_POSITIONS * HN_CELLS];
} HnCellQuery;

/*
 * Choose steps and edges for codes [n] with norms [n], n >= 1. scratch
 * has n elements.
 */
extern void hn_cells_fit(const HnCodeSpace *space, HnMetric metric, const HnCode *codes, const float *norms, int n, float *scratch,
						 HnCells *cells);

/* True if they can be what hn_cells_fit makes. */
extern bool hn_cells_are_sound(const HnCells *cells);

/*
 * The bytes [HN_BOX_POSITIONS] of an encoded vector whose length is at most
 * norm; all coordinates are in the code. Returns false if it has none: it has no
 * code, or is beyond reach.
 */
extern bool hn_cells_measure(const HnCodeSpace *space, const HnCells *cells, const HnCode *code, float norm,
							 uint8_t *bytes);

/* The cell of a byte. */
static inline uint8_t
hn_cell_of(const HnCells *cells, int position, uint8_t byte)
{
	uint8_t		cell = 0;

	while (cell < HN_CELLS - 1 && cells->edges[position][cell] <= byte)
		cell++;
	return cell;
}

/*
 * The cells of a group of rows: columns [HN_CELL_COLUMNS(lead), stride] of two
 * positions, those up to `near` in one array and the rest in another.
 */
typedef struct HnCellColumns
{
	uint8_t    *cells;
	uint8_t    *rest;			/* NULL: not at hand; searches do without */
	int			near;
	int			stride;
} HnCellColumns;

static inline uint8_t *
hn_cell_column(const HnCellColumns *columns, int c)
{
	return c < columns->near ? columns->cells + c * columns->stride : columns->rest + (c - columns->near) * columns->stride;
}

/* Put the cells of bytes and of the coordinates of a code at row i. */
extern void hn_cells_store(const HnCodeSpace *space, const HnCells *cells, const uint8_t *bytes, const uint8_t *codes,
						   const HnCellColumns *columns, int i);

/* The cell at a position of row i. */
static inline uint8_t
hn_cells_get(const HnCellColumns *columns, int position, int i)
{
	return hn_cell_column(columns, position / 2)[i] >> position % 2 * 4 & (HN_CELLS - 1);
}

/* The norm that a search takes a vector to have: in a flat space all that is known is its cell's greatest. */
extern float hn_cells_norm(const HnCodeSpace *space, const HnCells *cells, const uint8_t *bytes, float norm);

/* Of a flat space: the code of row i of cells, and its norm, as far as they are known. */
extern void hn_cells_load(const HnCodeSpace *space, const HnCells *cells, const HnCellColumns *columns, int i,
						  HnCode *code, float *norm);

/*
 * Put rows in an order in which those that follow one another lie near each
 * other: by halves along the widest position, at a multiple of group rows, and
 * within a group of HN_CELL_ROWS. bytes is [n, HN_BOX_POSITIONS], order [n]
 * takes their numbers, scratch has n elements. Errors: HN_INTERRUPTED.
 */
extern HnStatus hn_cells_order(HnContext *context, const HnCodeSpace *space, const HnCells *cells, HnMetric metric,
							   const uint8_t *bytes, int n, int group, uint32_t *order, uint32_t *scratch);

/* A division of all vectors into parts, by a tree: left is the next node. */
typedef struct HnPartNode
{
	int			position;		/* that decides; -1: this is a part */
	uint8_t		byte;			/* lesser ones go left */
	int			right;
	int			part;
} HnPartNode;

typedef struct HnParts
{
	int			count;			/* of nodes */
	HnPartNode *nodes;			/* [2 * wanted] */
} HnParts;

/*
 * Divide all vectors into as many parts as wanted, about as large, by a sample
 * of bytes [n, HN_BOX_POSITIONS], n >= wanted. Neighbouring parts lie near each
 * other. rows and scratch have n elements.
 */
extern void hn_cells_divide(const HnCodeSpace *space, const HnCells *cells, HnMetric metric,
							const uint8_t *bytes, int n, int wanted, uint32_t *rows, uint32_t *scratch,
							HnParts *parts);

/* The part of a vector, by its bytes. */
extern int	hn_part_of(const HnParts *parts, const uint8_t *bytes);

/* An empty box; and a box made to hold one more vector. */
extern void hn_box_begin(HnCodeBox *box);
extern void hn_box_add(HnCodeBox *box, const uint8_t *bytes, float norm);

/*
 * A code as it is stored: the coordinates [k], the height, the error, the byte
 * of the leading height, and for metrics that need it a norm that is at least
 * the vector's.
 */
extern int	hn_code_record_size(HnMetric metric, int coordinates);
extern void hn_code_store(const HnCode *code, int coordinates, const uint8_t *bytes, float norm, bool norms,
						  uint8_t *record);
extern void hn_code_load(const uint8_t *record, int coordinates, bool norms, HnCode *code, float *norm);

/* Prepare a bounded query. The space may go away, cells and query may not. */
extern void hn_cell_query(const HnCodeSpace *space, const HnCells *cells, const HnCodeQuery *query,
						  HnMetric metric, HnCellQuery *out);

/* A lower bound of what the operators compute for the query and any vector in the box. */
extern double hn_box_bound(const HnCellQuery *query, const HnCodeBox *box);

/*
 * Keep, of n vectors with their cells in columns, those whose value may be at
 * most the given one, as far as the columns at hand tell. norm is the greatest
 * of the group. Returns how many, with their numbers in rows.
 */
extern int	hn_cell_search(HnCellQuery *query, const HnCellColumns *columns, int n, float norm, double value,
						   uint16_t *rows);

/* Add the vector of a record to the candidates, with its value, unless it is out of their bounds. */
extern void hn_code_consider(const HnCellQuery *query, const uint8_t *record, uint64_t id, HnCandidates *candidates);

/* The same of row i of cells, in a flat space. */
extern void hn_cell_consider(const HnCellQuery *query, const HnCellColumns *columns, int i, uint64_t id,
							 HnCandidates *candidates);

#endif
