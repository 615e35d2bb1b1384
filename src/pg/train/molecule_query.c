/*
 * train/molecule_query.c: rows of a user's query as molecules with what is known of them.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "parser/parse_coerce.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "train/molecule_query.h"

static bool
IsText(Oid type)
{
	return type == BPCHAROID || IsBinaryCoercible(type, TEXTOID);
}

static bool
IsNumber(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID ||
		type == FLOAT4OID || type == FLOAT8OID || type == NUMERICOID;
}

/* Parse the query; returns what its rows look like. */
static TupleDesc
Prepare(MoleculeQuery *query, const char *text)
{
	memset(query, 0, sizeof(MoleculeQuery));
	PrepareUserQuery(&query->query, text);
	return query->query.columns;
}

static void
RejectColumn(TupleDesc columns, int column, const char *expected)
{
	Form_pg_attribute attribute = TupleDescAttr(columns, column);

	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("column %d (\"%s\") of the query has type %s", column + 1,
					NameStr(attribute->attname), format_type_be(attribute->atttypid)),
			 errdetail("%s", expected)));
}

/* Divide "name [unit]"; a name without a unit, or a unit without a name, is all name. */
static void
NameTarget(const char *column, TargetColumn *target)
{
	const char *unit = strrchr(column, '[');
	Size		length = strlen(column);

	target->name = pstrdup(column);
	target->unit = "";
	if (unit == NULL || unit - column < 2 || unit[-1] != ' ' || column[length - 1] != ']')
		return;
	target->name[unit - column - 1] = '\0';
	target->unit = pnstrdup(unit + 1, column + length - 1 - (unit + 1));
}

void
PrepareTargetQuery(MoleculeQuery *query, const char *text)
{
	TupleDesc	columns = Prepare(query, text);

	if (!IsText(getBaseType(TupleDescAttr(columns, 0)->atttypid)))
		RejectColumn(columns, 0, "The first column must be text: SMILES.");
	if (columns->natts < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("query has no target"),
				 errdetail("Its first column is SMILES; the columns after it are what is to be predicted.")));
	query->target_count = columns->natts - 1;
	query->targets = palloc(query->target_count * sizeof(TargetColumn));
	for (int t = 0; t < query->target_count; t++)
	{
		TargetColumn *target = &query->targets[t];
		Form_pg_attribute attribute = TupleDescAttr(columns, t + 1);

		target->type = getBaseType(attribute->atttypid);
		NameTarget(NameStr(attribute->attname), target);
		target->task = target->type == BOOLOID ? HN_CLASSIFICATION : HN_REGRESSION;
		if (target->type != BOOLOID && !IsNumber(target->type))
			RejectColumn(columns, t + 1, "A target must be a number, for regression, or boolean, for classification.");
		for (int other = 0; other < t; other++)
			if (strcmp(query->targets[other].name, target->name) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_DUPLICATE_COLUMN),
						 errmsg("target \"%s\" occurs twice in the query", target->name)));
	}
}

void
PrepareConformationQuery(MoleculeQuery *query, const char *text)
{
	TupleDesc	columns = Prepare(query, text);

	if (!IsText(getBaseType(TupleDescAttr(columns, 0)->atttypid)))
		RejectColumn(columns, 0, "The first column must be text: MOL blocks, or SMILES.");
	if (columns->natts > 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("query has %d columns", columns->natts),
				 errdetail("It must give MOL blocks, or SMILES and coordinates.")));
	query->molblocks = columns->natts == 1;
	if (query->molblocks)
		return;
	query->coordinate_type = get_element_type(getBaseType(TupleDescAttr(columns, 1)->atttypid));
	if (query->coordinate_type != FLOAT4OID && query->coordinate_type != FLOAT8OID)
		RejectColumn(columns, 1, "Coordinates must be double precision[] or real[].");
}

void
CheckSameColumns(const MoleculeQuery *query, const MoleculeQuery *other, const char *option)
{
	if (other->target_count != query->target_count || other->molblocks != query->molblocks)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("query of option \"%s\" must return the same columns as the query to learn from", option),
				 errdetail("Number of its columns: %d, not %d.",
						   other->target_count > 0 ? other->target_count + 1 : 2 - other->molblocks,
						   query->target_count > 0 ? query->target_count + 1 : 2 - query->molblocks)));
	for (int t = 0; t < query->target_count; t++)
	{
		const TargetColumn *wanted = &query->targets[t];
		const TargetColumn *found = &other->targets[t];

		if (strcmp(wanted->name, found->name) != 0 || strcmp(wanted->unit, found->unit) != 0 ||
			wanted->type != found->type)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("query of option \"%s\" must return the same columns as the query to learn from", option),
					 errdetail("Its column %d is \"%s\" of type %s, not \"%s\" of type %s.", t + 2,
							   found->name, format_type_be(found->type), wanted->name,
							   format_type_be(wanted->type))));
	}
}

void
StartMoleculeQuery(MoleculeQuery *query)
{
	OpenUserQuery(&query->query);
	query->rows = 0;
	query->row_memory = AllocSetContextCreate(CurrentMemoryContext, "hamnet row", ALLOCSET_DEFAULT_SIZES);
}

void
EndMoleculeQuery(MoleculeQuery *query)
{
	CloseUserQuery(&query->query);
	MemoryContextDelete(query->row_memory);
}

static double
TargetValue(Datum datum, const TargetColumn *target, const MoleculeQuery *query, const MoleculeRow *row)
{
	double		value;

	switch (target->type)
	{
		case BOOLOID:
			return DatumGetBool(datum) ? 1 : 0;
		case INT2OID:
			return DatumGetInt16(datum);
		case INT4OID:
			return DatumGetInt32(datum);
		case INT8OID:
			return (double) DatumGetInt64(datum);
		case FLOAT4OID:
			value = DatumGetFloat4(datum);
			break;
		case FLOAT8OID:
			value = DatumGetFloat8(datum);
			break;
		default:
			value = DatumGetFloat8(DirectFunctionCall1(numeric_float8, datum));
			break;
	}
	if (!isfinite(value))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("target \"%s\" is %s in row %lld of the query", target->name, isnan(value) ? "NaN" : "infinite",
						(long long) query->rows),
				 row->molecule ? errdetail("The molecule is \"%.200s\".", row->molecule) : 0,
				 errhint("Leave such rows out, or make the value NULL: a row without this label.")));
	return value;
}

/* Read an array of 3n numbers, flat or [n][3]; leaves coordinates NULL for any other. */
static void
ReadCoordinates(Datum datum, Oid type, MoleculeRow *row)
{
	ArrayType  *array = DatumGetArrayTypeP(datum);
	int			count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));

	if (ARR_NDIM(array) > 2 || (ARR_NDIM(array) == 2 && ARR_DIMS(array)[1] != 3) ||
		count == 0 || count % 3 != 0 || array_contains_nulls(array))
		return;
	row->atoms = count / 3;
	row->coordinates = palloc(count * sizeof(double));
	for (int i = 0; i < count; i++)
		row->coordinates[i] = type == FLOAT8OID ? ((double *) ARR_DATA_PTR(array))[i]
			: ((float *) ARR_DATA_PTR(array))[i];
}

bool
NextMolecule(MoleculeQuery *query, MoleculeRow *row)
{
	HeapTuple	tuple = NextRow(&query->query);
	TupleDesc	columns = query->query.columns;
	MemoryContext old;
	Datum	   *values;
	bool	   *nulls;

	if (tuple == NULL)
		return false;
	query->rows++;
	MemoryContextReset(query->row_memory);
	old = MemoryContextSwitchTo(query->row_memory);

	/* All columns at once: behind a text, finding one walks over all before it. */
	values = palloc(columns->natts * sizeof(Datum));
	nulls = palloc(columns->natts * sizeof(bool));
	heap_deform_tuple(tuple, columns, values, nulls);

	memset(row, 0, sizeof(MoleculeRow));
	if (!nulls[0])
		row->molecule = TextDatumGetCString(values[0]);
	row->targets = palloc((query->target_count + 1) * sizeof(double));
	for (int t = 0; t < query->target_count; t++)
		row->targets[t] = nulls[t + 1] ? NAN : TargetValue(values[t + 1], &query->targets[t], query, row);
	if (OidIsValid(query->coordinate_type) && !nulls[1])
		ReadCoordinates(values[1], query->coordinate_type, row);
	MemoryContextSwitchTo(old);
	return true;
}
