/*
 * server/options.c: the jsonb argument that carries a procedure's options.
 */
#include "postgres.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/numeric.h"

#include "server/options.h"

/* Values are quoted in messages up to so many bytes. */
#define MAX_QUOTED 100

/* What a value of the option must be, as the end of a sentence. */
static char *
Expectation(const Option *option)
{
	StringInfoData words;

	initStringInfo(&words);
	switch (option->type)
	{
		case OPTION_BOOLEAN:
			appendStringInfoString(&words, "true or false");
			break;
		case OPTION_INTEGER:
			appendStringInfo(&words, "an integer from " INT64_FORMAT " to " INT64_FORMAT,
							 option->integer.min, option->integer.max);
			break;
		case OPTION_TEXT_OR_NUMBER:
		case OPTION_TEXT:
			if (option->text.choices == NULL)
				appendStringInfoString(&words, "a text that is not empty");
			else
				for (const char *const *choice = option->text.choices; *choice; choice++)
					appendStringInfo(&words, "%s\"%s\"", choice == option->text.choices ? "" : " or ", *choice);
			if (option->type == OPTION_TEXT)
				break;
			appendStringInfoString(&words, ", or ");
			/* FALLTHROUGH */
		case OPTION_NUMBER:
			appendStringInfoString(&words, "a number");
			if (isfinite(option->number.min))
				appendStringInfo(&words, " %s %g", option->number.above ? "greater than" : "not less than",
								 option->number.min);
			if (isfinite(option->number.max))
				appendStringInfo(&words, "%s not greater than %g", isfinite(option->number.min) ? " and" : "",
								 option->number.max);
			break;
		case OPTION_JSON:
			appendStringInfoString(&words, "an object or an array");
			break;
	}
	return words.data;
}

static void
RejectValue(const Option *option, JsonbValue *value)
{
	Jsonb	   *json = JsonbValueToJsonb(value);
	char	   *quoted = JsonbToCString(NULL, &json->root, VARSIZE(json));
	int			length = strlen(quoted);

	if (length > MAX_QUOTED)
		strcpy(quoted + pg_mbcliplen(quoted, length, MAX_QUOTED - 3), "...");
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for option \"%s\": %s", option->key, quoted),
			 errdetail("It must be %s.", Expectation(option))));
}

static void
RejectKey(const char *key, const Option *known, int count)
{
	StringInfoData keys;

	initStringInfo(&keys);
	for (int i = 0; i < count; i++)
		appendStringInfo(&keys, "%s%s", i == 0 ? "" : ", ", known[i].key);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unrecognized option \"%s\"", key),
			 errhint("Options are: %s.", keys.data)));
}

/* The decimal digits of a JSON number, which never have an exponent. */
static char *
NumberText(JsonbValue *value)
{
	return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
}

/* False for a fraction, and for what no int64 holds. */
static bool
ReadInteger(JsonbValue *value, const Option *option, int64 *result)
{
	char	   *text;
	char	   *end;

	if (value->type != jbvNumeric)
		return false;
	text = NumberText(value);
	errno = 0;
	*result = strtoll(text, &end, 10);
	if (errno != 0)
		return false;
	if (*end == '.')
		end += 1 + strspn(end + 1, "0");
	return *end == '\0' && *result >= option->integer.min && *result <= option->integer.max;
}

static bool
ReadNumber(JsonbValue *value, const Option *option, double *result)
{
	if (value->type != jbvNumeric)
		return false;
	*result = strtod(NumberText(value), NULL);
	return isfinite(*result) && *result <= option->number.max &&
		(option->number.above ? *result > option->number.min : *result >= option->number.min);
}

static bool
ReadText(JsonbValue *value, const Option *option, char **result)
{
	if (value->type != jbvString || value->val.string.len == 0)
		return false;
	*result = pnstrdup(value->val.string.val, value->val.string.len);
	if (option->text.choices == NULL)
		return true;
	for (const char *const *choice = option->text.choices; *choice; choice++)
		if (strcmp(*choice, *result) == 0)
			return true;
	return false;
}

/* Put a value into its field; false if the option may not have it. */
static bool
ReadValue(JsonbValue *value, const Option *option, void *field)
{
	TextOrNumber *both = field;

	switch (option->type)
	{
		case OPTION_BOOLEAN:
			if (value->type != jbvBool)
				return false;
			*(bool *) field = value->val.boolean;
			return true;
		case OPTION_INTEGER:
			return ReadInteger(value, option, field);
		case OPTION_NUMBER:
			return ReadNumber(value, option, field);
		case OPTION_TEXT:
			return ReadText(value, option, field);
		case OPTION_TEXT_OR_NUMBER:
			both->text = NULL;
			return ReadNumber(value, option, &both->number) || ReadText(value, option, &both->text);
		case OPTION_JSON:
			*(Jsonb **) field = JsonbValueToJsonb(value);
			return value->type == jbvBinary;
	}
	pg_unreachable();
}

static char *
CopyText(const char *text)
{
	return text ? pstrdup(text) : NULL;
}

static void
SetDefault(const Option *option, void *field)
{
	switch (option->type)
	{
		case OPTION_BOOLEAN:
			*(bool *) field = option->boolean;
			break;
		case OPTION_INTEGER:
			*(int64 *) field = option->integer.default_value;
			break;
		case OPTION_NUMBER:
			*(double *) field = option->number.default_value;
			break;
		case OPTION_TEXT:
			*(char **) field = CopyText(option->text.default_value);
			break;
		case OPTION_TEXT_OR_NUMBER:
			((TextOrNumber *) field)->text = CopyText(option->text.default_value);
			((TextOrNumber *) field)->number = option->number.default_value;
			break;
		case OPTION_JSON:
			*(Jsonb **) field = NULL;
			break;
	}
}

void
ReadOptions(const Jsonb *options, const Option *known, int count, void *result)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;

	if (!JB_ROOT_IS_OBJECT(options))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options must be a JSON object"),
				 errhint("Write options as '{\"option\": value}'.")));

	for (int i = 0; i < count; i++)
		SetDefault(&known[i], (char *) result + known[i].offset);

	iterator = JsonbIteratorInit((JsonbContainer *) &options->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char	   *key;
		int			i = 0;

		if (token != WJB_KEY)
			continue;
		key = pnstrdup(value.val.string.val, value.val.string.len);
		while (i < count && strcmp(known[i].key, key) != 0)
			i++;
		if (i == count)
			RejectKey(key, known, count);
		(void) JsonbIteratorNext(&iterator, &value, true);
		if (value.type != jbvNull && !ReadValue(&value, &known[i], (char *) result + known[i].offset))
			RejectValue(&known[i], &value);
	}
}

static void
AppendText(StringInfo json, const char *text)
{
	if (text)
		escape_json(json, text);
	else
		appendStringInfoString(json, "null");
}

static void
AppendValue(StringInfo json, OptionType type, const void *field)
{
	const TextOrNumber *both = field;
	Jsonb	   *object;

	switch (type)
	{
		case OPTION_BOOLEAN:
			appendStringInfoString(json, *(const bool *) field ? "true" : "false");
			break;
		case OPTION_INTEGER:
			appendStringInfo(json, INT64_FORMAT, *(const int64 *) field);
			break;
		case OPTION_NUMBER:
			appendStringInfo(json, "%.15g", *(const double *) field);
			break;
		case OPTION_TEXT:
			AppendText(json, *(char *const *) field);
			break;
		case OPTION_TEXT_OR_NUMBER:
			if (both->text == NULL && both->number > 0)
				appendStringInfo(json, "%.15g", both->number);
			else
				AppendText(json, both->text);
			break;
		case OPTION_JSON:
			object = *(Jsonb *const *) field;
			appendStringInfoString(json, object ? JsonbToCString(NULL, &object->root, VARSIZE(object)) : "null");
			break;
	}
}

void
AppendOptions(StringInfo json, const Option *known, int count, const void *values)
{
	for (int i = 0; i < count; i++)
	{
		appendStringInfo(json, "%s\"%s\": ", i > 0 ? ", " : "", known[i].key);
		AppendValue(json, known[i].type, (const char *) values + known[i].offset);
	}
}
