/*
 * search/filter.c: columns after the fingerprint, by which a search is filtered.
 *
 * A value is kept as a signed integer of its own width such that integers are
 * ordered as the type's btree operator class orders values; equal ones are equal.
 * So every condition is a range of integers, conditions of one column are one
 * range, and rows are tested without a call of a function. Of a value that is too
 * wide the leading bytes are kept, and conditions are widened to what these tell:
 * the executor tests the rows that are left.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "port/pg_bswap.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "hamnet/filter.h"
#include "search/am.h"

/* What a value is. */
typedef enum FilterType
{
	FILTER_INTEGER,				/* int2, int4, int8, and what is stored as one */
	FILTER_BOOLEAN,
	FILTER_UNSIGNED,			/* oid */
	FILTER_UUID,				/* its leading eight bytes */
	FILTER_FLOAT4,
	FILTER_FLOAT8
} FilterType;

/* The support functions by which types are known, and the bytes of their values. */
static const struct
{
	PGFunction	compare;
	FilterType	type;
	int			width;
}			filter_types[] =
{
	{btint2cmp, FILTER_INTEGER, 2},
	{btint4cmp, FILTER_INTEGER, 4},
	{btint8cmp, FILTER_INTEGER, 8},
	{date_cmp, FILTER_INTEGER, 4},
	{timestamp_cmp, FILTER_INTEGER, 8},
	{btoidcmp, FILTER_UNSIGNED, 4},
	{btfloat4cmp, FILTER_FLOAT4, 4},
	{btfloat8cmp, FILTER_FLOAT8, 8},
	{btboolcmp, FILTER_BOOLEAN, 2},
	{uuid_cmp, FILTER_UUID, 8},
};

/* The entry of a comparison in the table; -1 if it is not there. */
static int
FindType(PGFunction compare)
{
	for (int i = 0; i < lengthof(filter_types); i++)
		if (filter_types[i].compare == compare)
			return i;
	return -1;
}

bool
HamnetIsFilterComparison(PGFunction compare)
{
	return FindType(compare) >= 0;
}

static int
TypeOfColumn(Relation index, int column)
{
	int			type = -1;

	if (OidIsValid(index_getprocid(index, column + 2, HAMNET_COMPARE_PROC)))
		type = FindType(index_getprocinfo(index, column + 2, HAMNET_COMPARE_PROC)->fn_addr);
	if (type < 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("column %d of index \"%s\" cannot be a filter", column + 2, RelationGetRelationName(index)),
				 errhint("A hamnet index has one fingerprint, its first column, and numbers or times after it.")));
	return type;
}

void
HamnetDescribeFilters(Relation index, HamnetMeta *meta)
{
	int			count = IndexRelationGetNumberOfKeyAttributes(index) - 1;

	if (count > HAMNET_MAX_FILTERS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("index \"%s\" has %d filter columns, at most %d are possible",
						RelationGetRelationName(index), count, HAMNET_MAX_FILTERS)));
	meta->filters = count;
	for (int i = 0; i < count; i++)
		meta->filter_width[i] = filter_types[TypeOfColumn(index, i)].width;
}

/* The leading eight bytes of a UUID, as an integer in the order of UUIDs. */
static int64
LeadingBytes(const pg_uuid_t *uuid)
{
	uint64		leading;

	memcpy(&leading, uuid->data, sizeof(leading));
	return (int64) (pg_ntoh64(leading) ^ (UINT64CONST(1) << 63));
}

/* A value of a type that is known by its size and nature as an integer. */
static int64
OrderOf(FilterType type, int width, Datum value)
{
	switch (type)
	{
		case FILTER_UNSIGNED:
			return (int64) DatumGetObjectId(value) - ((int64) 1 << 31);
		case FILTER_BOOLEAN:
			return DatumGetBool(value);
		case FILTER_UUID:
			return LeadingBytes(DatumGetUUIDP(value));
		case FILTER_FLOAT4:
			return hn_order_of_float(DatumGetFloat4(value));
		case FILTER_FLOAT8:
			return hn_order_of_double(DatumGetFloat8(value));
		default:
			return width == 2 ? DatumGetInt16(value) :
				width == 4 ? DatumGetInt32(value) : DatumGetInt64(value);
	}
}

void
HamnetFormFilters(Relation index, const Datum *values, const bool *isnull, HamnetRow *row)
{
	int			count = IndexRelationGetNumberOfKeyAttributes(index) - 1;

	row->nulls = 0;
	for (int i = 0; i < count; i++)
	{
		int			type = TypeOfColumn(index, i);

		row->nulls |= isnull[i + 1] << i;
		row->filters[i] = isnull[i + 1] ? 0 : OrderOf(filter_types[type].type, filter_types[type].width, values[i + 1]);
	}
}

/*
 * The greatest integer of a column that stands for a value at most the
 * argument, and the least for one at least it; they are the same if the type has
 * a value equal to the argument. Beyond the type they are beyond its integers.
 */
static void
ReadArgument(int type, Oid argument_type, Datum argument, int64 *below, int64 *above)
{
	FilterType	column = filter_types[type].type;
	int			width = filter_types[type].width;

	switch (argument_type)
	{
		case INT2OID:
			*below = *above = DatumGetInt16(argument);
			break;
		case INT4OID:
			*below = *above = DatumGetInt32(argument);
			break;
		case INT8OID:
			*below = *above = DatumGetInt64(argument);
			break;
		case FLOAT4OID:
			*below = *above = column == FILTER_FLOAT4 ? hn_order_of_float(DatumGetFloat4(argument)) :
				hn_order_of_double(DatumGetFloat4(argument));
			break;
		case FLOAT8OID:
			if (column == FILTER_FLOAT4)
			{
				double		exact = DatumGetFloat8(argument);
				float		nearest = (float) exact;

				*below = *above = hn_order_of_float(nearest);
				*below -= nearest > exact;
				*above += nearest < exact;
			}
			else
				*below = *above = hn_order_of_double(DatumGetFloat8(argument));
			break;
		default:
			*below = *above = OrderOf(column, width, argument);
			break;
	}
}

/* Narrow a range to what meets a condition. Returns false if nothing does. */
static bool
Narrow(HamnetFilter *filter, StrategyNumber strategy, int64 below, int64 above)
{
	int64		low = PG_INT64_MIN;
	int64		high = PG_INT64_MAX;

	switch (strategy)
	{
		case BTLessStrategyNumber:
			if (above == PG_INT64_MIN)
				return false;
			high = above - 1;
			break;
		case BTLessEqualStrategyNumber:
			high = below;
			break;
		case BTEqualStrategyNumber:
			low = above;
			high = below;
			break;
		case BTGreaterEqualStrategyNumber:
			low = above;
			break;
		case BTGreaterStrategyNumber:
			if (below == PG_INT64_MAX)
				return false;
			low = below + 1;
			break;
		default:
			elog(ERROR, "unrecognized strategy number: %d", strategy);
	}
	filter->low = Max(filter->low, low);
	filter->high = Min(filter->high, high);
	return filter->low <= filter->high;
}

bool
HamnetReadFilter(Relation index, ScanKey key, HamnetFilters *filters)
{
	int			column = key->sk_attno - 2;
	int			type = TypeOfColumn(index, column);
	Oid			argument_type = OidIsValid(key->sk_subtype) ? key->sk_subtype : index->rd_opcintype[column + 1];
	StrategyNumber strategy = key->sk_strategy;
	bool		nulls = (key->sk_flags & SK_SEARCHNULL) != 0;
	HamnetFilter *filter = NULL;
	int64		below;
	int64		above;

	/* A condition for NULLs is apart from the others of its column; no row meets both */
	for (int i = 0; i < filters->count; i++)
		if (filters->filter[i].column == column && filters->filter[i].nulls == nulls)
			filter = &filters->filter[i];
	if (filter == NULL)
	{
		filter = &filters->filter[filters->count++];
		*filter = (HamnetFilter) {.column = column,.nulls = nulls,.low = PG_INT64_MIN,.high = PG_INT64_MAX};
	}
	if (key->sk_flags & (SK_SEARCHNULL | SK_SEARCHNOTNULL))
		return true;
	ReadArgument(type, argument_type, key->sk_argument, &below, &above);
	if (filter_types[type].type == FILTER_UUID)
	{
		/* Greater ones may have the same leading bytes */
		filters->recheck = true;
		strategy = strategy == BTLessStrategyNumber ? BTLessEqualStrategyNumber :
			strategy == BTGreaterStrategyNumber ? BTGreaterEqualStrategyNumber : strategy;
	}
	return Narrow(filter, strategy, below, above);
}

void
HamnetFilterRows(Page page, const HamnetLayout *layout, const HamnetFilters *filters, int count, uint8 *keep)
{
	const char *contents = PageGetContents(page);
	const uint8 *nulls = (const uint8 *) contents + layout->null_start;

	memset(keep, 1, count);
	for (int f = 0; f < filters->count; f++)
	{
		const HamnetFilter *filter = &filters->filter[f];
		uint8		bit = 1 << filter->column;

		hn_filter_range(contents + layout->filter_start[filter->column], layout->filter_width[filter->column],
						filter->low, filter->high, count, keep);
		for (int i = 0; i < count; i++)
			keep[i] &= ((nulls[i] & bit) != 0) == filter->nulls;
	}
}

/* Copy an integer of a row to or from where a page keeps it. */
static char *
FilterAddress(Page page, const HamnetLayout *layout, int column, int i)
{
	return PageGetContents(page) + layout->filter_start[column] + i * layout->filter_width[column];
}

void
HamnetPagePutFilters(Page page, const HamnetLayout *layout, int i, const HamnetRow *row)
{
	for (int column = 0; column < layout->filters; column++)
	{
		char	   *address = FilterAddress(page, layout, column, i);
		int64		value = row->filters[column];

		switch (layout->filter_width[column])
		{
			case 2:
				*(int16 *) address = value;
				break;
			case 4:
				*(int32 *) address = value;
				break;
			default:
				*(int64 *) address = value;
				break;
		}
	}
	if (layout->filters > 0)
		((uint8 *) PageGetContents(page))[layout->null_start + i] = row->nulls;
}

void
HamnetPageGetFilters(Page page, const HamnetLayout *layout, int i, HamnetRow *row)
{
	for (int column = 0; column < layout->filters; column++)
	{
		const char *address = FilterAddress(page, layout, column, i);

		row->filters[column] = layout->filter_width[column] == 2 ? *(const int16 *) address :
			layout->filter_width[column] == 4 ? *(const int32 *) address : *(const int64 *) address;
	}
	if (layout->filters > 0)
		row->nulls = ((const uint8 *) PageGetContents(page))[layout->null_start + i];
}
