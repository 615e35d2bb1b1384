/*
 * markup.c: text within SVG and HTML.
 */
#include <string.h>

#include "hamnet/draw.h"

/* What stands for a character; NULL: itself. XML forbids most control characters, however they are written. */
static const char *
replacement(char c)
{
	switch (c)
	{
		case '&':
			return "&amp;";
		case '<':
			return "&lt;";
		case '>':
			return "&gt;";
		case '"':
			return "&quot;";
		case '\'':
			return "&#39;";
		default:
			return (unsigned char) c < ' ' || c == 127 ? " " : NULL;
	}
}

HnStatus
hn_escape_markup(HnContext *context, const char *text, const char **escaped)
{
	size_t		size = 1;
	char	   *out;

	for (const char *c = text; *c; c++)
		size += replacement(*c) ? strlen(replacement(*c)) : 1;
	HN_NEW(context, out, size);
	*escaped = out;
	for (const char *c = text; *c; c++)
		if (replacement(*c))
			out = stpcpy(out, replacement(*c));
		else
			*out++ = *c;
	*out = '\0';
	return HN_OK;
}
