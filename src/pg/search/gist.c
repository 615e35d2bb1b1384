/*
 * search/gist.c: GiST operator classes for fingerprints.
 *
 * A key is a box that holds the sketches of all fingerprints below it (see
 * hamnet/sketch.h for sketches, their codes and the proof of the bound); the
 * key of one fingerprint is a box of one point. The distance of a query to the
 * box is at most its distance to any of the fingerprints, so the tree is
 * searched best first, and every row found is checked against the table: the
 * distances that order the result are the operators' own.
 *
 *	bytes 0-3	varlena length
 *	byte 4		kind: GHFP_POINT, GHFP_BOX or GHFP_ANY
 *	byte 5		n, numbers in a sketch
 *	bytes 6-7	dimensions of the fingerprints
 *	bytes 8-11	their model, HFP_UNKNOWN_MODEL if none of them knows
 *	bytes 12-15	place on a curve (points; 0 in boxes)
 *	bytes 16-19	float, not below any norm of what was sketched
 *	bytes 20-	n codes of two bytes: the point, or the low corner
 *				n codes of two bytes: the high corner (boxes)
 *
 * A key of kind GHFP_ANY has no codes and says nothing: its distance to every
 * query is 0. That is the key of fingerprints that cannot be compared with each
 * other, and of those too long to be sketched. Comparing them with a query
 * is then left to the operators, which know what to say. A new layout gets
 * new kinds, so that old keys stay readable.
 *
 * In the cosine operator class what is sketched is scaled to length 1:
 * cosine distance is half the square of the Euclidean one between such vectors.
 *
 * There is no fetch function: keys do not hold the fingerprint.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "access/gist.h"
#include "access/reloptions.h"
#include "access/skey.h"
#include "access/stratnum.h"
#include "utils/sortsupport.h"

#include "search/axes.h"
#include "search/gist.h"
#include "type/ball.h"
#include "type/distance.h"

#include "hamnet/sketch.h"

#define GHFP_POINT 1
#define GHFP_BOX 2
#define GHFP_ANY 3

typedef struct GistHfp
{
	int32		vl_len_;		/* varlena header (do not touch directly!) */
	uint8		kind;
	uint8		count;
	uint16		dim;
	uint32		model;
	uint32		order;
	float		norm;
	int16		codes[FLEXIBLE_ARRAY_MEMBER];
} GistHfp;

#define GHFP_HEADER offsetof(GistHfp, codes)
#define GHFP_MAX_SIZE (GHFP_HEADER + 2 * HN_SKETCH_MAX * sizeof(int16))

#define DatumGetGistHfp(d) ((GistHfp *) DatumGetPointer(d))

/* Corners of the box; those of a point are the same. */
#define GHFP_LOW(key) ((key)->codes)
#define GHFP_HIGH(key) ((key)->codes + ((key)->kind == GHFP_BOX ? (key)->count : 0))

/* Numbers in a sketch if the option coordinates does not say: with axes, and without. */
#define COORDINATES_OF_AXES 32
#define COORDINATES_OF_BLOCKS 64

/* Penalties, beside squares of lengths up to HN_SKETCH_MAX_NORM: below infinity, above those. */
#define PENALTY_ANY 1e36
#define PENALTY_MIXED 1e37

/* Share of its own size that counts against a box, so that of two equally fit ones the smaller is taken. */
#define PENALTY_SIZE 1e-4

/* A key with room for a box. */
typedef union GistHfpBuffer
{
	GistHfp		key;
	char		bytes[GHFP_MAX_SIZE];
} GistHfpBuffer;

/* What is kept between calls of a search with the same query: in fn_extra. */
typedef struct QueryCache
{
	struct varlena *raw;		/* the query as it was handed over */
	bool		sketched;		/* false: every key has to be searched */
	int			count;			/* numbers in the sketch */
	int			dim;
	uint32		model;
	double		norm;			/* of the query */
	double		radius;			/* of a ball */
	HnSketch	sketch;
} QueryCache;

static HnMetric
StrategyMetric(StrategyNumber strategy)
{
	switch (strategy)
	{
		case HFP_L2_STRATEGY:
		case HFP_L2_BALL_STRATEGY:
			return HN_METRIC_L2;
		case HFP_COSINE_STRATEGY:
		case HFP_COSINE_BALL_STRATEGY:
			return HN_METRIC_COSINE;
		case HFP_TANIMOTO_STRATEGY:
		case HFP_TANIMOTO_BALL_STRATEGY:
			return HN_METRIC_TANIMOTO;
		default:
			elog(ERROR, "unrecognized strategy number: %d", strategy);
	}
}

/* The sketcher that the operator class's options ask for, for fingerprints of that dimension. */
static HnSketcher
GetSketcher(FunctionCallInfo fcinfo, int dim, bool cosine)
{
	HnSketcher	sketcher = {.dim = dim,.scale = 1};
	int			wanted = 0;

	if (PG_HAS_OPCLASS_OPTIONS())
	{
		GistHfpOptions *options = (GistHfpOptions *) PG_GET_OPCLASS_OPTIONS();
		const char *axes = GET_STRING_RELOPTION(options, axes);

		wanted = options->coordinates;

		/* Axes are for fingerprints of one dimension; keys of others are made of blocks */
		if (axes != NULL && axes[0] != '\0')
			sketcher.axes = GetAxes(axes);
		if (sketcher.axes != NULL && sketcher.axes->dim != dim)
			sketcher.axes = NULL;
	}
	if (wanted == 0)
		wanted = sketcher.axes != NULL ? COORDINATES_OF_AXES : COORDINATES_OF_BLOCKS;

	/* What is shorter than a sketch is its own sketch, and has no use for axes */
	if (dim <= wanted)
	{
		sketcher.axes = NULL;
		wanted = dim;
	}
	sketcher.count = hn_sketch_count(wanted);

	if (sketcher.axes != NULL && cosine)
	{
		double		squared = 0;

		for (int i = 0; i < dim; i++)
			squared += hn_code_mean(sketcher.axes)[i] * hn_code_mean(sketcher.axes)[i];
		sketcher.scale = squared > 0 ? 1 / sqrt(squared) : 1;
	}
	return sketcher;
}

/* Sketch a fingerprint; norm is its own, sketched_norm that of what was sketched. */
static bool
SketchHfp(const HnSketcher *sketcher, const Hfp *h, bool cosine, HnSketch *sketch,
		  double *norm, double *sketched_norm)
{
	double	   *scratch = palloc(sizeof(double) * h->dim);
	double		scale;
	bool		result;

	/* The zero vector stays what it is: hn_metric_bound knows */
	*norm = hn_norm(h->x, h->dim);
	scale = cosine && *norm > 0 ? 1 / *norm : 1;
	*sketched_norm = *norm * scale;
	result = hn_sketch(sketcher, h->x, scale, *sketched_norm, scratch, sketch);
	pfree(scratch);
	return result;
}

/* A float not below value. */
static float
FloatAbove(double value)
{
	float		result = (float) value;

	return result < value ? nextafterf(result, FLT_MAX) : result;
}

static void
SetKeySize(GistHfp *key)
{
	SET_VARSIZE(key, GHFP_HEADER + sizeof(int16) * key->count * (key->kind == GHFP_BOX ? 2 : 1));
}

/* Make a key that says nothing. */
static void
SetAny(GistHfp *key)
{
	memset(key, 0, GHFP_HEADER);
	key->kind = GHFP_ANY;
	SetKeySize(key);
}

/* The key of one fingerprint. */
static GistHfp *
MakePoint(FunctionCallInfo fcinfo, const Hfp *h, bool cosine)
{
	HnSketcher	sketcher = GetSketcher(fcinfo, h->dim, cosine);
	GistHfp    *key = palloc0(GHFP_HEADER + sizeof(int16) * sketcher.count);
	HnSketch	sketch;
	double		norm;
	double		sketched_norm;

	if (!SketchHfp(&sketcher, h, cosine, &sketch, &norm, &sketched_norm))
	{
		SetAny(key);
		return key;
	}

	key->kind = GHFP_POINT;
	key->count = sketcher.count;
	key->dim = h->dim;
	key->model = h->model;
	key->order = hn_sketch_order(&sketcher, &sketch, sketched_norm);
	key->norm = FloatAbove(sketched_norm);
	for (int i = 0; i < key->count; i++)
		key->codes[i] = hn_code_of(sketch.values[i]);
	SetKeySize(key);
	return key;
}

static Datum
CallCompress(FunctionCallInfo fcinfo, bool cosine)
{
	GISTENTRY  *entry = (GISTENTRY *) PG_GETARG_POINTER(0);
	GISTENTRY  *result;
	Hfp		   *h;

	if (!entry->leafkey)
		PG_RETURN_POINTER(entry);

	h = DatumGetHfp(entry->key);
	result = palloc(sizeof(GISTENTRY));
	gistentryinit(*result, PointerGetDatum(MakePoint(fcinfo, h, cosine)),
				  entry->rel, entry->page, entry->offset, false);
	if ((Pointer) h != DatumGetPointer(entry->key))
		pfree(h);
	PG_RETURN_POINTER(result);
}

PG_FUNCTION_INFO_V1(ghfp_compress);
PGDLLEXPORT Datum
ghfp_compress(PG_FUNCTION_ARGS)
{
	return CallCompress(fcinfo, false);
}

PG_FUNCTION_INFO_V1(ghfp_cosine_compress);
PGDLLEXPORT Datum
ghfp_cosine_compress(PG_FUNCTION_ARGS)
{
	return CallCompress(fcinfo, true);
}

/* Whether fingerprints of two keys can be compared, as far as the keys know. */
static bool
AreComparable(const GistHfp *a, const GistHfp *b)
{
	return a->kind != GHFP_ANY && b->kind != GHFP_ANY &&
		a->dim == b->dim && a->count == b->count &&
		(a->model == b->model || a->model == HFP_UNKNOWN_MODEL || b->model == HFP_UNKNOWN_MODEL);
}

/* Extend a box by a key. */
static void
ExtendBox(GistHfp *box, const GistHfp *key)
{
	const int16 *low = GHFP_LOW(key);
	const int16 *high = GHFP_HIGH(key);

	if (!AreComparable(box, key))
	{
		SetAny(box);
		return;
	}

	if (box->model == HFP_UNKNOWN_MODEL)
		box->model = key->model;
	box->norm = Max(box->norm, key->norm);
	for (int i = 0; i < box->count; i++)
	{
		box->codes[i] = Min(box->codes[i], low[i]);
		box->codes[box->count + i] = Max(box->codes[box->count + i], high[i]);
	}
}

/* The box of one key. */
static void
StartBox(GistHfp *box, const GistHfp *key)
{
	memcpy(box, key, GHFP_HEADER);
	if (key->kind == GHFP_ANY)
		return;

	box->kind = GHFP_BOX;
	box->order = 0;
	memcpy(box->codes, GHFP_LOW(key), sizeof(int16) * key->count);
	memcpy(box->codes + key->count, GHFP_HIGH(key), sizeof(int16) * key->count);
	SetKeySize(box);
}

/* A palloc'd copy of a key at its own size. */
static Datum
CopyKey(const GistHfp *key)
{
	void	   *copy = palloc(VARSIZE(key));

	memcpy(copy, key, VARSIZE(key));
	return PointerGetDatum(copy);
}

PG_FUNCTION_INFO_V1(ghfp_union);
PGDLLEXPORT Datum
ghfp_union(PG_FUNCTION_ARGS)
{
	GistEntryVector *entries = (GistEntryVector *) PG_GETARG_POINTER(0);
	int		   *size = (int *) PG_GETARG_POINTER(1);
	GistHfpBuffer box;
	Datum		result;

	StartBox(&box.key, DatumGetGistHfp(entries->vector[0].key));
	for (int i = 1; i < entries->n; i++)
		ExtendBox(&box.key, DatumGetGistHfp(entries->vector[i].key));

	result = CopyKey(&box.key);
	*size = VARSIZE(DatumGetPointer(result));
	PG_RETURN_DATUM(result);
}

PG_FUNCTION_INFO_V1(ghfp_same);
PGDLLEXPORT Datum
ghfp_same(PG_FUNCTION_ARGS)
{
	GistHfp    *a = DatumGetGistHfp(PG_GETARG_DATUM(0));
	GistHfp    *b = DatumGetGistHfp(PG_GETARG_DATUM(1));
	bool	   *result = (bool *) PG_GETARG_POINTER(2);

	*result = VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0;
	PG_RETURN_POINTER(result);
}

/* By how much the square of the diagonal would grow, and a little of what it is. */
PG_FUNCTION_INFO_V1(ghfp_penalty);
PGDLLEXPORT Datum
ghfp_penalty(PG_FUNCTION_ARGS)
{
	GistHfp    *box = DatumGetGistHfp(((GISTENTRY *) PG_GETARG_POINTER(0))->key);
	GistHfp    *added = DatumGetGistHfp(((GISTENTRY *) PG_GETARG_POINTER(1))->key);
	float	   *result = (float *) PG_GETARG_POINTER(2);

	if (AreComparable(box, added))
	{
		double		before = hn_box_diagonal(GHFP_LOW(box), GHFP_HIGH(box), box->count);
		double		after = hn_box_joint_diagonal(GHFP_LOW(box), GHFP_HIGH(box),
												  GHFP_LOW(added), GHFP_HIGH(added), box->count);

		*result = after - before + PENALTY_SIZE * before;
	}
	else
		*result = box->kind == GHFP_ANY ? PENALTY_ANY : PENALTY_MIXED;

	PG_RETURN_POINTER(result);
}

/* An entry of a page that is split. */
typedef struct SplitItem
{
	OffsetNumber offset;
	uint64		class;			/* what cannot share a box is apart */
	float		place;			/* along the axis of the split */
} SplitItem;

static int
CompareSplitItems(const void *left, const void *right)
{
	const SplitItem *a = left;
	const SplitItem *b = right;

	if (a->class != b->class)
		return a->class < b->class ? -1 : 1;
	if (a->place != b->place)
		return a->place < b->place ? -1 : 1;
	return (int) a->offset - (int) b->offset;
}

static inline float
Centre(const GistHfp *key, int i)
{
	return (hn_code_floor(GHFP_LOW(key)[i]) + hn_code_ceiling(GHFP_HIGH(key)[i])) / 2;
}

/* The coordinate along which the centres vary most. */
static int
WidestCoordinate(const GistEntryVector *entries, const SplitItem *items, int count)
{
	double		sums[HN_SKETCH_MAX] = {0};
	double		squares[HN_SKETCH_MAX] = {0};
	int			members = 0;
	int			widest = 0;

	for (int k = 0; k < count; k++)
	{
		const GistHfp *key = DatumGetGistHfp(entries->vector[items[k].offset].key);

		for (int i = 0; i < key->count; i++)
		{
			double		centre = Centre(key, i);

			sums[i] += centre;
			squares[i] += centre * centre;
		}
		members += key->kind != GHFP_ANY;
	}

	/* Variance times members, of which there may be none */
	for (int i = 0; i < HN_SKETCH_MAX; i++)
	{
		squares[i] -= members > 0 ? sums[i] * sums[i] / members : 0;
		widest = squares[i] > squares[widest] ? i : widest;
	}
	return widest;
}

/* Where to cut sorted items: between classes, as near to the middle as that allows, or else in the middle. */
static int
SplitPosition(const SplitItem *items, int count)
{
	int			position = 0;

	for (int k = 1; k < count; k++)
	{
		if (items[k].class != items[k - 1].class && abs(2 * k - count) <= abs(2 * position - count))
			position = k;
	}
	return position > 0 ? position : count / 2;
}

/* One half of a split: its offsets, how many they are, and its key. */
static Datum
FillHalf(const GistEntryVector *entries, const SplitItem *items, int count, OffsetNumber *offsets)
{
	GistHfpBuffer box;

	StartBox(&box.key, DatumGetGistHfp(entries->vector[items[0].offset].key));
	for (int k = 0; k < count; k++)
	{
		offsets[k] = items[k].offset;
		ExtendBox(&box.key, DatumGetGistHfp(entries->vector[items[k].offset].key));
	}
	return CopyKey(&box.key);
}

/*
 * Halve a page at the median of the coordinate that varies most, as a kd-tree
 * does. Of the splits that were tried (two means, with and without balance;
 * balls) it left boxes that fewest queries reach into.
 */
PG_FUNCTION_INFO_V1(ghfp_picksplit);
PGDLLEXPORT Datum
ghfp_picksplit(PG_FUNCTION_ARGS)
{
	GistEntryVector *entries = (GistEntryVector *) PG_GETARG_POINTER(0);
	GIST_SPLITVEC *split = (GIST_SPLITVEC *) PG_GETARG_POINTER(1);
	int			count = entries->n - FirstOffsetNumber;
	SplitItem  *items = palloc(sizeof(SplitItem) * count);
	int			widest;
	int			half;

	for (int k = 0; k < count; k++)
	{
		const GistHfp *key = DatumGetGistHfp(entries->vector[k + FirstOffsetNumber].key);

		items[k].offset = k + FirstOffsetNumber;
		items[k].class = key->kind == GHFP_ANY ? 0 : (uint64) key->dim << 32 | key->model;
	}
	widest = WidestCoordinate(entries, items, count);
	for (int k = 0; k < count; k++)
	{
		const GistHfp *key = DatumGetGistHfp(entries->vector[items[k].offset].key);

		items[k].place = widest < key->count ? Centre(key, widest) : 0;
	}
	qsort(items, count, sizeof(SplitItem), CompareSplitItems);
	half = SplitPosition(items, count);

	split->spl_left = palloc(sizeof(OffsetNumber) * (half + 1));
	split->spl_right = palloc(sizeof(OffsetNumber) * (count - half + 1));
	split->spl_nleft = half;
	split->spl_nright = count - half;
	split->spl_ldatum = FillHalf(entries, items, half, split->spl_left);
	split->spl_rdatum = FillHalf(entries, items + half, count - half, split->spl_right);
	pfree(items);
	PG_RETURN_POINTER(split);
}

/*
 * What is known of the query, computed again if it is not the one of the last
 * call. query is a hfp, or a hfp_ball that contains one.
 */
static QueryCache *
GetQuery(FunctionCallInfo fcinfo, struct varlena *query, bool is_ball, bool cosine)
{
	QueryCache *cache = fcinfo->flinfo->fn_extra;
	Size		size = VARSIZE_ANY(query);
	MemoryContext before;
	HfpBall    *ball = NULL;
	Hfp		   *h;
	HnSketcher	sketcher;
	double		sketched_norm;

	if (cache != NULL && cache->raw != NULL &&
		VARSIZE_ANY(cache->raw) == size && memcmp(cache->raw, query, size) == 0)
		return cache;

	before = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	if (cache == NULL)
		cache = fcinfo->flinfo->fn_extra = palloc0(sizeof(QueryCache));
	if (cache->raw != NULL)
		pfree(cache->raw);
	cache->raw = NULL;			/* until all else is known */
	MemoryContextSwitchTo(before);

	if (is_ball)
		ball = DatumGetHfpBall(PointerGetDatum(query));
	h = is_ball ? &ball->centre : DatumGetHfp(PointerGetDatum(query));
	sketcher = GetSketcher(fcinfo, h->dim, cosine);
	cache->count = sketcher.count;
	cache->dim = h->dim;
	cache->model = h->model;
	cache->radius = is_ball ? ball->radius : 0;
	cache->sketched = SketchHfp(&sketcher, h, cosine, &cache->sketch, &cache->norm, &sketched_norm);

	cache->raw = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, size);
	memcpy(cache->raw, query, size);
	return cache;
}

/* True if no fingerprint below a key can be compared with the query. */
static bool
IsIncomparable(const GistHfp *key, const QueryCache *query)
{
	return key->kind != GHFP_ANY &&
		(key->dim != query->dim ||
		 (key->model != query->model &&
		  key->model != HFP_UNKNOWN_MODEL && query->model != HFP_UNKNOWN_MODEL));
}

/*
 * A lower bound of what the operator computes between the query and any
 * fingerprint below a key; 0 where that would be an error, so that the row is
 * looked at and the operator reports it.
 */
static double
KeyBound(const GistHfp *key, const QueryCache *query, HnMetric metric)
{
	double		bound;

	if (key->kind == GHFP_ANY || !query->sketched || key->count != query->count || IsIncomparable(key, query))
		return 0;

	bound = hn_sketch_bound(&query->sketch, GHFP_LOW(key), GHFP_HIGH(key), key->count, key->norm);
	return hn_metric_bound(metric, query->norm, bound, key->norm);
}

PG_FUNCTION_INFO_V1(ghfp_distance);
PGDLLEXPORT Datum
ghfp_distance(PG_FUNCTION_ARGS)
{
	GISTENTRY  *entry = (GISTENTRY *) PG_GETARG_POINTER(0);
	HnMetric	metric = StrategyMetric((StrategyNumber) PG_GETARG_UINT16(2));
	bool	   *recheck = (bool *) PG_GETARG_POINTER(4);
	QueryCache *query = GetQuery(fcinfo, (struct varlena *) PG_GETARG_POINTER(1), false,
								 metric == HN_METRIC_COSINE);

	/*
	 * Of inner keys this is ignored. A row that cannot be compared comes first,
	 * with no distance computed: a filter may discard it, and if none does, the
	 * distance is computed, and is an error, when the row is returned.
	 */
	*recheck = !IsIncomparable(DatumGetGistHfp(entry->key), query);
	PG_RETURN_FLOAT8(KeyBound(DatumGetGistHfp(entry->key), query, metric));
}

PG_FUNCTION_INFO_V1(ghfp_consistent);
PGDLLEXPORT Datum
ghfp_consistent(PG_FUNCTION_ARGS)
{
	GISTENTRY  *entry = (GISTENTRY *) PG_GETARG_POINTER(0);
	HnMetric	metric = StrategyMetric((StrategyNumber) PG_GETARG_UINT16(2));
	bool	   *recheck = (bool *) PG_GETARG_POINTER(4);
	QueryCache *query = GetQuery(fcinfo, (struct varlena *) PG_GETARG_POINTER(1), true,
								 metric == HN_METRIC_COSINE);
	double		bound = KeyBound(DatumGetGistHfp(entry->key), query, metric);

	*recheck = true;

	/* A bound of 0 may stand for an error to come, which no radius may hide */
	PG_RETURN_BOOL(bound == 0 || bound <= query->radius);
}

/* By place on the curve. Keys without one come first. */
static int
ComparePlaces(Datum x, Datum y, SortSupport ssup)
{
	uint32		a = DatumGetGistHfp(x)->order;
	uint32		b = DatumGetGistHfp(y)->order;

	return a == b ? 0 : a < b ? -1 : 1;
}

PG_FUNCTION_INFO_V1(ghfp_sortsupport);
PGDLLEXPORT Datum
ghfp_sortsupport(PG_FUNCTION_ARGS)
{
	SortSupport ssup = (SortSupport) PG_GETARG_POINTER(0);

	ssup->comparator = ComparePlaces;
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(ghfp_in);
PGDLLEXPORT Datum
ghfp_in(PG_FUNCTION_ARGS)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot accept a value of type %s", "ghfp")));
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(ghfp_out);
PGDLLEXPORT Datum
ghfp_out(PG_FUNCTION_ARGS)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot display a value of type %s", "ghfp")));
	PG_RETURN_VOID();
}
