/*
 * cells.h: coarse codes of vectors, and boxes around many of them: what a
 * search sees of most vectors.
 *
 * The map F of codes.h may be taken for the first l = HN_CODE_LEAD axes alone:
 *
 *	F'(x) = (l coordinates of p'(x), |x - p'(x)|)
 *
 * where p' clips only these. The box of fewer axes is a closed convex set as
 * well, so F' does not enlarge distances either. Each component of F'(x), and an
 * upper bound of |x|, is a measure of x, kept as a byte:
 *
 *	position 0		height |x - p'(x)|: byte b is for [b, b + 1] steps; 255: any
 *	position 1		norm: byte b is for at most b steps; 255: any
 *	position 2 + j	coordinate j: byte b is for low + (b - 1/2, b + 1/2) steps
 *
 * A byte therefore stands for an interval, and a range of bytes for the hull of
 * its intervals. The distance from F'(q) to a product of intervals that holds
 * F'(x) is a lower bound of |F'(q) - F'(x)|, and so of |q - x|; it is the root of
 * a sum of squares, one for each position. It is used at three widths:
 *
 * HnCodeBox, around all vectors of a group: the least and the greatest byte of
 * each position.
 *
 * Cells. Edges divide the bytes of each position into HN_CELLS ranges; of a
 * vector, the number of the range is kept: four bits. For a query, the square
 * that a position contributes depends on that number only, so there is a table
 * of HN_CELLS squares for each position, and the lower bound is a sum of table
 * entries. For a given limit, entries are counted in units of limit / 254,
 * rounded down; sums that reach HN_CELL_FAR = 255 are above the limit. Where the
 * limit depends on the norm of x, what a norm lowers it by is the entry of the
 * norm's cell.
 *
 * The bytes themselves, which are stored with the code. The value of a vector is
 * what the greater of this bound and the code's bound gives. It is never below
 * that of its cells or its box, in floating point too: so whatever is left
 * aside by these for a limit has a value above the limit, and searches with
 * growing limits find every vector once.
 *
 * Rounding. F'(x) is computed to within 1e-10 |x - mean|, but for the height, to
 * within HN_CODE_ROUNDING |x - mean| (codes.h). Vectors with |x - mean| above
 * `reach` are not given cells. For the others, intervals of coordinates are
 * widened by HN_CELL_WIDEN of a step, and coordinates whose steps are too small
 * for that to be enough are left out of account; intervals of heights are widened
 * by a step, and heights that may be wrong by more have the byte 255.
 */
#ifndef HAMNET_CELLS_H
#define HAMNET_CELLS_H

#include "hamnet/codes.h"

/* Positions of measures. */
#define HN_CELL_HEIGHT 0
#define HN_CELL_NORM 1
#define HN_CELL_LEAD 2

#define HN_CELL_WIDEN 1e-3f

/* How measures become bytes, and bytes cells. */
typedef struct HnCells
{
	float		reach;			/* the greatest |x - mean| of a vector with cells */
	float		height_step;
	float		norm_step;
	uint8_t		edges[HN_CELL_POSITIONS][HN_CELLS - 1];	/* ascending: a cell is the number of edges <= byte */
} HnCells;

/* What is known of a group of vectors. */
typedef struct HnCodeBox
{
	uint8_t		low[HN_CELL_POSITIONS];	/* low > high: there are none */
	uint8_t		high[HN_CELL_POSITIONS];
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
	float		squares[HN_CELL_POSITIONS][HN_CELLS];	/* distance of the query to each cell, squared */

	/* The tables for one limit and greatest norm; see hn_cell_search */
	bool		filled;
	double		value;
	float		norm;
	uint8_t		tables[HN_CELL_POSITIONS * HN_CELLS];
} HnCellQuery;

/*
 * Choose steps and edges for codes [n] with norms [n], n >= 1, so that cells
 * hold about as many. scratch has n elements.
 */
extern void hn_cells_fit(const HnCode *codes, const float *norms, int n, float *scratch, HnCells *cells);

/* True if they can be what hn_cells_fit makes. */
extern bool hn_cells_are_sound(const HnCells *cells);

/*
 * The bytes [HN_CELL_POSITIONS] of an encoded vector whose length is at most
 * norm. Returns false if it has none: it has no code, or is beyond reach.
 */
extern bool hn_cells_measure(const HnCells *cells, const HnCode *code, float norm, uint8_t *bytes);

/* The cell of a byte. */
static inline uint8_t
hn_cell_of(const HnCells *cells, int position, uint8_t byte)
{
	uint8_t		cell = 0;

	while (cell < HN_CELLS - 1 && cells->edges[position][cell] <= byte)
		cell++;
	return cell;
}

/* Put the cells of bytes at row i of cells [HN_CELL_COLUMNS, stride]. */
extern void hn_cells_store(const HnCells *cells, const uint8_t *bytes, uint8_t *columns, int stride, int i);

/*
 * Put rows in an order in which those that follow one another lie near each
 * other: by halves along the widest position, at a multiple of group rows, and
 * within a group of HN_CELL_ROWS. bytes is [n, HN_CELL_POSITIONS], order [n]
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
 * of bytes [n, HN_CELL_POSITIONS], n >= wanted. Neighbouring parts lie near each
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
 * most the given one. norm is the greatest of the group. Returns how many, with
 * their numbers in rows.
 */
extern int	hn_cell_search(HnCellQuery *query, const uint8_t *columns, int stride, int n,
						   float norm, double value, uint16_t *rows);

/* Add the vector of a record to the candidates, with its value, unless it is out of their bounds. */
extern void hn_code_consider(const HnCellQuery *query, const uint8_t *record, uint64_t id, HnCandidates *candidates);

#endif
