/*
 * sdf.c: an SD file cut into records, and records into a MOL block and properties.
 */
#include "hamnet/sdf.h"

#include <string.h>

/* Take a line off rest: without its line feed, nor a carriage return before that. False at the end. */
static bool
next_line(HnSlice *rest, HnSlice *line)
{
	const char *feed;
	size_t		taken;

	if (rest->length == 0)
		return false;
	feed = memchr(rest->text, '\n', rest->length);
	line->text = rest->text;
	line->length = feed ? (size_t) (feed - rest->text) : rest->length;
	taken = line->length + (feed != NULL);
	rest->text += taken;
	rest->length -= taken;
	if (line->length > 0 && line->text[line->length - 1] == '\r')
		line->length--;
	return true;
}

static bool
begins_with(const HnSlice *line, const char *start)
{
	size_t		length = strlen(start);

	return line->length >= length && memcmp(line->text, start, length) == 0;
}

static bool
is_blank(const HnSlice *line)
{
	for (size_t i = 0; i < line->length; i++)
		if (strchr(" \t\r\n\f\v", line->text[i]) == NULL || line->text[i] == '\0')
			return false;
	return true;
}

/* The text from one place in it to another. */
static HnSlice
slice_of(const char *from, const char *to)
{
	return (HnSlice) {from, (size_t) (to - from)};
}

/* Lines of a MOL block that hold any text: name, program and comment. */
#define HEADER_LINES 3

/* Divide what precedes "$$$$". */
static void
divide(HnSlice all, HnSdfRecord *record)
{
	HnSlice		rest = all;
	HnSlice		line;
	const char *end = all.text + all.length;

	for (int number = 0; next_line(&rest, &line); number++)
	{
		if (number < HEADER_LINES)
			continue;
		if (begins_with(&line, "M  END"))
			end = rest.text;
		else if (begins_with(&line, ">"))
			end = line.text;
		else
			continue;
		break;
	}
	record->molblock = slice_of(all.text, end);
	record->properties = slice_of(end, all.text + all.length);
}

bool
hn_sdf_next_record(HnSlice *rest, HnSdfRecord *record)
{
	const char *start = rest->text;
	HnSlice		all;
	HnSlice		line;

	while (next_line(rest, &line))
		if (begins_with(&line, "$$$$"))
		{
			divide(slice_of(start, line.text), record);
			return true;
		}
	all = slice_of(start, rest->text);
	if (is_blank(&all))
		return false;
	divide(all, record);
	return true;
}

/* Find the name in brackets in a line that begins with ">". It may have brackets of its own, and ends at the last. */
static bool
bracketed_name(const HnSlice *line, HnSlice *name)
{
	const char *open = begins_with(line, ">") ? memchr(line->text, '<', line->length) : NULL;

	if (open == NULL)
		return false;
	for (const char *close = line->text + line->length - 1; close > open; close--)
		if (*close == '>')
		{
			*name = slice_of(open + 1, close);
			return true;
		}
	return false;
}

/* The name in the line above a value. */
static HnSlice
property_name(const HnSlice *line)
{
	const char *end = line->text + line->length;
	const char *start = line->text + 1;
	HnSlice		name;

	if (bracketed_name(line, &name))
		return name;
	while (start < end && *start == ' ')
		start++;
	while (end > start && end[-1] == ' ')
		end--;
	return slice_of(start, end);
}

bool
hn_sdf_next_property(HnSlice *rest, HnSlice *name, HnSlice *value)
{
	HnSlice		line;
	HnSlice		ahead;
	HnSlice		next_name;

	do
		if (!next_line(rest, &line))
			return false;
	while (!begins_with(&line, ">"));
	*name = property_name(&line);
	*value = (HnSlice) {rest->text, 0};
	for (ahead = *rest; next_line(&ahead, &line) && !is_blank(&line) && !bracketed_name(&line, &next_name); *rest = ahead)
		value->length = (size_t) (line.text + line.length - value->text);
	return true;
}
