/*
 * json.c: reading JSON that nobody vouches for.
 */
#include "hamnet/json.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

HnQuoted
hn_quoted(const char *text)
{
	HnQuoted	quoted;
	size_t		room = sizeof(quoted.text) - sizeof("...");
	size_t		n = 0;

	for (; n < room && text[n] != '\0'; n++)
	{
		unsigned char c = (unsigned char) text[n];

		quoted.text[n] = (c >= 0x20 && c < 0x7f) ? (char) c : '?';
	}
	snprintf(quoted.text + n, sizeof(quoted.text) - n, "%s", text[n] == '\0' ? "" : "...");
	return quoted;
}

/* Bytes of the UTF-8 character at c, or 0 if it is none or a control character. */
static size_t
character_length(const unsigned char *c)
{
	size_t		length = c[0] < 0x80 ? 1 : c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : 4;
	uint32_t	code = length == 1 ? c[0] : c[0] & (0x7f >> length);
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

	if ((c[0] >= 0x80 && c[0] < 0xc0) || c[0] >= 0xf8)
		return 0;
	for (size_t i = 1; i < length; i++)
	{
		if ((c[i] & 0xc0) != 0x80)	/* also stops at the terminating zero */
			return 0;
		code = code << 6 | (c[i] & 0x3f);
	}
	if (code < 0x20 || (code >= 0x7f && code < 0xa0))
		return 0;
	if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return 0;
	return length;
}

bool
hn_is_label(const char *text, size_t max_length)
{
	const unsigned char *c = (const unsigned char *) text;
	size_t		n = 0;

	while (c[n] != '\0')
	{
		size_t		length = character_length(c + n);

		if (length == 0 || n + length > max_length)
			return false;
		n += length;
	}
	return n > 0;
}

bool
hn_is_identifier(const char *text, size_t max_length)
{
	size_t		n = 0;

	for (; text[n] != '\0'; n++)
		if (text[n] <= 0x20 || text[n] >= 0x7f || n == max_length)
			return false;
	return n > 0;
}

/* True if brackets outside strings nest deeper than the limit. */
static bool
nests_too_deep(const char *text, size_t length)
{
	bool		in_string = false;
	int			depth = 0;

	for (size_t i = 0; i < length; i++)
	{
		char		c = text[i];

		if (in_string)
		{
			if (c == '\\')
				i++;			/* whatever is escaped does not end the string */
			else if (c == '"')
				in_string = false;
		}
		else if (c == '"')
			in_string = true;
		else if (c == '{' || c == '[')
		{
			if (++depth > HN_JSON_MAX_DEPTH)
				return true;
		}
		else if (c == '}' || c == ']')
			depth--;
	}
	return false;
}

HnStatus
hn_json_parse(HnContext *context, const char *what, const char *text, size_t length, json_t **object)
{
	json_error_t error;

	*object = NULL;

	/* jansson recurses once a level, up to 2,048: more stack than a server can spare. */
	if (nests_too_deep(text, length))
		return hn_fail(context, HN_INVALID_MODEL, "%s nests deeper than %d levels", what, HN_JSON_MAX_DEPTH);

	*object = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
	if (*object == NULL)
	{
		if (json_error_code(&error) == json_error_out_of_memory)
			return hn_fail_memory(context);
		return hn_fail(context, HN_INVALID_MODEL, "%s is not valid JSON at byte %d: %s",
					   what, error.position, hn_quoted(error.text).text);
	}
	if (!json_is_object(*object))
	{
		json_decref(*object);
		*object = NULL;
		return hn_fail(context, HN_INVALID_MODEL, "%s is not a JSON object", what);
	}
	return HN_OK;
}

HnStatus
hn_json_known_keys(HnContext *context, const char *what, json_t *object, const char *const *keys)
{
	for (void *entry = json_object_iter(object); entry != NULL; entry = json_object_iter_next(object, entry))
	{
		const char *key = json_object_iter_key(entry);
		const char *const *known = keys;

		while (*known != NULL && strcmp(*known, key) != 0)
			known++;
		if (*known == NULL)
			return hn_fail(context, HN_INVALID_MODEL, "unrecognized key \"%s\" in %s",
						   hn_quoted(key).text, what);
	}
	return HN_OK;
}

HnStatus
hn_json_text(HnContext *context, const json_t *value, size_t flags, const char **text)
{
	size_t		size = json_dumpb(value, NULL, 0, flags);
	char	   *bytes;

	if (size == 0)
		return hn_fail_memory(context);
	HN_NEW(context, bytes, size + 1);
	if (json_dumpb(value, bytes, size, flags) != size)
		return hn_fail_memory(context);
	bytes[size] = '\0';
	*text = bytes;
	return HN_OK;
}

const char *
hn_json_type_name(const json_t *value)
{
	switch (json_typeof(value))
	{
		case JSON_OBJECT:
			return "an object";
		case JSON_ARRAY:
			return "an array";
		case JSON_STRING:
			return "a string";
		case JSON_INTEGER:
			return "an integer";
		case JSON_REAL:
			return "a real number";
		case JSON_TRUE:
		case JSON_FALSE:
			return "a boolean";
		case JSON_NULL:
			break;
	}
	return "null";
}
