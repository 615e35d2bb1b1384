/*
 * type/agg.c: sum and avg of fingerprints.
 *
 * The state is an array of double precision:
 *
 *	[0]		rows
 *	[1]		rows whose model is unknown
 *	[2]		the model of all other rows, 0 as long as there are none
 *	[3..]	sums of the elements; none before the first row
 *
 * The rows of unknown model are counted apart from the model, so that rows of
 * two known models are an error in whatever order they and the unknown ones
 * arrive. Sums are rounded to single precision once, at the end; in double
 * precision their last digits may still depend on the order of the rows, far
 * below what a float shows.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"

#include "type/hfp.h"

#define STATE_HEADER 3

#define STATE_ROWS(state) ((state)[0])
#define STATE_UNKNOWN(state) ((state)[1])
#define STATE_MODEL(state) ((state)[2])
#define STATE_SUMS(state) ((state) + STATE_HEADER)

/*
 * The numbers of a state. Users can call these functions with arrays of
 * their own, so the shape and what is converted to integers are checked; sums
 * may be anything, the final functions check what comes of them.
 */
static double *
CheckState(ArrayType *array, int *dim)
{
	int			length = ARR_NDIM(array) == 1 ? ARR_DIMS(array)[0] : 0;
	double	   *state = (double *) ARR_DATA_PTR(array);

	if (length < STATE_HEADER || length > STATE_HEADER + HFP_MAX_DIM ||
		ARR_HASNULL(array) || ARR_ELEMTYPE(array) != FLOAT8OID ||
		!(STATE_ROWS(state) >= 0) ||
		(STATE_ROWS(state) > 0) != (length > STATE_HEADER) ||
		!(STATE_MODEL(state) >= 0 && STATE_MODEL(state) <= PG_UINT32_MAX))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid state for an aggregate of hfp")));

	*dim = length - STATE_HEADER;
	return state;
}

/* A new array of zeros for that many dimensions. */
static ArrayType *
NewState(int dim)
{
	int			length = STATE_HEADER + dim;
	Size		size = ARR_OVERHEAD_NONULLS(1) + sizeof(double) * length;
	ArrayType  *array = palloc0(size);

	SET_VARSIZE(array, size);
	array->ndim = 1;
	array->elemtype = FLOAT8OID;
	ARR_DIMS(array)[0] = length;
	ARR_LBOUND(array)[0] = 1;

	return array;
}

/*
 * The array to add to: the state itself where the executor owns it, else a
 * copy; a new one if the state has seen no row.
 */
static ArrayType *
WritableState(FunctionCallInfo fcinfo, ArrayType *array, int state_dim, int dim)
{
	if (state_dim == 0)
		return NewState(dim);

	if (state_dim != dim)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("different hfp dimensions %d and %d in one aggregate", state_dim, dim)));

	if (AggCheckCallContext(fcinfo, NULL))
		return array;

	return DatumGetArrayTypePCopy(PointerGetDatum(array));
}

/* Join the model of some rows to a state's. */
static void
MergeModel(double *state, uint32 model)
{
	uint32		known = (uint32) STATE_MODEL(state);

	if (model == HFP_UNKNOWN_MODEL)
		return;

	if (known != HFP_UNKNOWN_MODEL && known != model)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("fingerprints of different models %08x and %08x in one aggregate", known, model),
				 errhint("Group by hamnet_model_of, or recompute the fingerprints with one model.")));

	STATE_MODEL(state) = model;
}

PG_FUNCTION_INFO_V1(hfp_accum);

/* hfp_accum(double precision[], hfp) → double precision[] */
PGDLLEXPORT Datum
hfp_accum(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	Hfp		   *h = PG_GETARG_HFP_P(1);
	int			dim;
	double	   *state;
	double	   *sums;

	CheckState(array, &dim);
	array = WritableState(fcinfo, array, dim, h->dim);
	state = (double *) ARR_DATA_PTR(array);
	sums = STATE_SUMS(state);

	MergeModel(state, h->model);
	STATE_ROWS(state) += 1;
	STATE_UNKNOWN(state) += h->model == HFP_UNKNOWN_MODEL;
	for (int i = 0; i < h->dim; i++)
		sums[i] += h->x[i];

	PG_RETURN_ARRAYTYPE_P(array);
}

PG_FUNCTION_INFO_V1(hfp_combine);

/* hfp_combine(double precision[], double precision[]) → double precision[] */
PGDLLEXPORT Datum
hfp_combine(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	ArrayType  *other_array = PG_GETARG_ARRAYTYPE_P(1);
	int			dim;
	int			other_dim;
	double	   *state;
	double	   *other;
	double	   *sums;

	CheckState(array, &dim);
	other = CheckState(other_array, &other_dim);
	if (other_dim == 0)
		PG_RETURN_ARRAYTYPE_P(array);

	array = WritableState(fcinfo, array, dim, other_dim);
	state = (double *) ARR_DATA_PTR(array);
	sums = STATE_SUMS(state);

	MergeModel(state, (uint32) STATE_MODEL(other));
	STATE_ROWS(state) += STATE_ROWS(other);
	STATE_UNKNOWN(state) += STATE_UNKNOWN(other);
	for (int i = 0; i < other_dim; i++)
		sums[i] += STATE_SUMS(other)[i];

	PG_RETURN_ARRAYTYPE_P(array);
}

/*
 * The sums over divisor, NULL on no rows. The result has a model if every row
 * had that one.
 */
static Hfp *
Finish(const double *state, int dim, double divisor)
{
	Hfp		   *h = InitHfp(dim, STATE_UNKNOWN(state) == 0 ? (uint32) STATE_MODEL(state) : HFP_UNKNOWN_MODEL);

	for (int i = 0; i < dim; i++)
	{
		double		value = STATE_SUMS(state)[i] / divisor;

		h->x[i] = (float) value;
		if (isinf(h->x[i]) && !isinf(value))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("\"%.17g\" is out of range for type hfp", value),
					 errdetail("Element %d of an aggregate is too large.", i + 1)));
	}
	FinishHfp(h, NULL);

	return h;
}

PG_FUNCTION_INFO_V1(hfp_sum_final);

/* hfp_sum_final(double precision[]) → hfp */
PGDLLEXPORT Datum
hfp_sum_final(PG_FUNCTION_ARGS)
{
	int			dim;
	double	   *state = CheckState(PG_GETARG_ARRAYTYPE_P(0), &dim);

	if (dim == 0)
		PG_RETURN_NULL();

	PG_RETURN_HFP_P(Finish(state, dim, 1));
}

PG_FUNCTION_INFO_V1(hfp_avg_final);

/* hfp_avg_final(double precision[]) → hfp */
PGDLLEXPORT Datum
hfp_avg_final(PG_FUNCTION_ARGS)
{
	int			dim;
	double	   *state = CheckState(PG_GETARG_ARRAYTYPE_P(0), &dim);

	if (dim == 0)
		PG_RETURN_NULL();

	PG_RETURN_HFP_P(Finish(state, dim, STATE_ROWS(state)));
}
