/*
 * json.h: reading JSON that nobody vouches for.
 *
 * Wraps jansson so that a hostile text costs no more than its length: nesting
 * is bounded before the recursive parser starts, duplicate keys are errors,
 * and whatever the text holds is quoted safely in messages.
 */
#ifndef HAMNET_JSON_H
#define HAMNET_JSON_H

#include <jansson.h>

#include "hamnet/context.h"

/* A model's header and configuration nest four deep. */
#define HN_JSON_MAX_DEPTH 16

/* Foreign text made fit for a message: printable ASCII, cut with "..." where it is long. */
typedef struct HnQuoted
{
	char		text[100];
} HnQuoted;

/* Use as hn_quoted(text).text within one call: the array lives to the end of the full expression. */
extern HnQuoted hn_quoted(const char *text);

/* True if text is 1 to max_length bytes of valid UTF-8 without control characters. */
extern bool hn_is_label(const char *text, size_t max_length);

/* The same for printable ASCII without spaces. */
extern bool hn_is_identifier(const char *text, size_t max_length);

/*
 * Parse a JSON object; what names the text in messages. The caller owns
 * *object and calls json_decref. HN_INVALID_MODEL with the parser's reason.
 */
extern HnStatus hn_json_parse(HnContext *context, const char *what, const char *text, size_t length,
							  json_t **object);

/* Fail unless every key of the object is in the NULL-terminated list. */
extern HnStatus hn_json_known_keys(HnContext *context, const char *what, json_t *object,
								   const char *const *keys);

/*
 * Write a JSON value as text in the context's arena, with jansson's flags.
 * HN_OUT_OF_MEMORY also for NULL: what jansson returns when it could not build one.
 */
extern HnStatus hn_json_text(HnContext *context, const json_t *value, size_t flags, const char **text);

/* "a string", "an integer"..., for messages about wrong types. */
extern const char *hn_json_type_name(const json_t *value);

#endif
