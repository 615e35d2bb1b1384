/*
 * chem/sdf.c: hamnet_read_sdf, which returns the records of an SD file.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#include "hamnet/formats.h"
#include "hamnet/sdf.h"
#include "server/core.h"
#include "server/guc.h"
#include "server/srf.h"

#define SDF_COLUMNS 5

/* Bytes of a record's properties. Names and values may be empty, and take a hundred bytes each on the way. */
#define MAX_PROPERTIES (16 * 1024 * 1024)

/* PostgreSQL 19 keeps the result beside the state. */
#if PG_VERSION_NUM < 190000
typedef struct JsonbInState
{
	JsonbParseState *state;
	JsonbValue *result;
} JsonbInState;
#define pushJsonbValue(json, token, value) ((json)->result = pushJsonbValue(&(json)->state, token, value))
#endif

/* A jsonb string with the slice, lines ended by a line feed alone. */
static JsonbValue
StringOf(HnSlice slice)
{
	JsonbValue	value = {.type = jbvString};
	char	   *out = palloc(slice.length + 1);

	value.val.string.val = out;
	for (size_t i = 0; i < slice.length; i++)
		if (slice.text[i] != '\r' || i + 1 == slice.length || slice.text[i + 1] != '\n')
			*out++ = slice.text[i];
	value.val.string.len = out - value.val.string.val;
	return value;
}

/* The properties as an object; of two with one name, the last. */
static Jsonb *
PropertiesOf(HnSlice rest)
{
	JsonbInState json = {0};
	HnSlice		name;
	HnSlice		value;

	pushJsonbValue(&json, WJB_BEGIN_OBJECT, NULL);
	while (hn_sdf_next_property(&rest, &name, &value))
	{
		JsonbValue	key = StringOf(name);
		JsonbValue	string = StringOf(value);

		pushJsonbValue(&json, WJB_KEY, &key);
		pushJsonbValue(&json, WJB_VALUE, &string);
	}
	pushJsonbValue(&json, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(json.result);
}

/* Fill the columns of a record: what is wrong with one is told in the last, and no error. */
static void
ReadRecord(const HnSdfRecord *record, Datum *row, bool *nulls)
{
	HnContext  *context = BeginCore();
	char	   *molblock = pnstrdup(record->molblock.text, record->molblock.length);
	const char *smiles;
	bool		molecule = hn_smiles_from_molblock(context, molblock, hamnet_max_atoms, &smiles) == HN_OK;
	bool		properties = record->properties.length <= MAX_PROPERTIES;

	if (!molecule)
		ReportFailure(context, NULL, true);
	nulls[0] = nulls[2] = false;
	nulls[1] = !molecule;
	nulls[3] = !properties;
	nulls[4] = molecule && properties;
	row[1] = molecule ? CStringGetTextDatum(smiles) : (Datum) 0;
	row[2] = CStringGetTextDatum(molblock);
	row[3] = properties ? JsonbPGetDatum(PropertiesOf(record->properties)) : (Datum) 0;
	if (!molecule)
		row[4] = CStringGetTextDatum(context->message);
	else if (!properties)
		row[4] = CStringGetTextDatum(psprintf("properties have %zu bytes, more than the limit of %d",
											  record->properties.length, MAX_PROPERTIES));
}

PG_FUNCTION_INFO_V1(hamnet_read_sdf);

/* hamnet_read_sdf(sdf text) → (record, smiles, molblock, properties, problem) */
PGDLLEXPORT Datum
hamnet_read_sdf(PG_FUNCTION_ARGS)
{
	text	   *sdf = PG_GETARG_TEXT_PP(0);
	HnSlice		rest = {VARDATA_ANY(sdf), VARSIZE_ANY_EXHDR(sdf)};
	RowSet		rows = BeginRows(fcinfo);
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "hamnet SDF record", ALLOCSET_DEFAULT_SIZES);
	HnSdfRecord record;

	for (int32 number = 1; hn_sdf_next_record(&rest, &record); number++)
	{
		MemoryContext old = MemoryContextSwitchTo(memory);
		Datum		row[SDF_COLUMNS];
		bool		nulls[SDF_COLUMNS];

		CHECK_FOR_INTERRUPTS();
		ReadRecord(&record, row, nulls);
		row[0] = Int32GetDatum(number);
		AddRow(&rows, row, nulls);
		MemoryContextSwitchTo(old);
		MemoryContextReset(memory);
	}
	return (Datum) 0;
}
