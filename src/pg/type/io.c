/*
 * type/io.c: text and binary form of fingerprints, and their type modifier.
 *
 * Text: [0.5,0,1.25], after 1a2b3c4d: where the model is known. White space
 * may surround the whole and every element. Elements are read as type real
 * reads them and written with the fewest digits that read back the same.
 *
 * Binary, in network order: int16 dimensions, int16 layout version (zero),
 * int32 model, one float4 a dimension.
 */
#include "postgres.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"

#include "server/soft_error.h"
#include "type/hfp.h"

/* Hexadecimal digits that name a model, its colon not counted. */
#define MODEL_DIGITS 8

/* As much of a bad text as an error message shows. */
#define SHOWN_BYTES 60

/* The white space of array_in, whatever the locale. */
static inline bool
IsSpace(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline const char *
SkipSpace(const char *p)
{
	while (IsSpace(*p))
		p++;
	return p;
}

/* The text, or its beginning and "..." if it is long. */
static char *
CutText(const char *text)
{
	int			length = strlen(text);

	if (length <= SHOWN_BYTES)
		return pstrdup(text);

	return psprintf("%.*s...", pg_mbcliplen(text, length, SHOWN_BYTES), text);
}

/* Report a syntax error; the NULL is for the caller to return. */
static Hfp *
RejectText(Node *escontext, const char *text, const char *detail)
{
	ereturn(escontext, NULL,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input syntax for type hfp: \"%s\"", CutText(text)),
			 errdetail_internal("%s", detail)));
}

/*
 * Read the eight digits and the colon before the bracket. Returns the place
 * after them, or NULL if that is not what stands there.
 */
static const char *
ParseModel(const char *p, uint32 *model)
{
	*model = 0;
	for (int i = 0; i < MODEL_DIGITS; i++)
	{
		if (p[i] >= '0' && p[i] <= '9')
			*model = *model << 4 | (p[i] - '0');
		else if (p[i] >= 'a' && p[i] <= 'f')
			*model = *model << 4 | (p[i] - 'a' + 10);
		else
			return NULL;
	}

	return p[MODEL_DIGITS] == ':' ? p + MODEL_DIGITS + 1 : NULL;
}

/* The text of one element up to the next separator, for a message. */
static char *
ElementText(const char *p)
{
	size_t		length = strcspn(p, ",] \t\n\v\f\r");

	return CutText(pnstrdup(p, length));
}

/*
 * Read the elements between the brackets into h and advance *p to the closing
 * bracket. False after an error. h->dim is one more than there are commas
 * before the first closing bracket, so that bracket ends the loop.
 */
static bool
ParseElements(Hfp *h, const char *text, const char **p, Node *escontext)
{
	for (int i = 0; i < h->dim; i++)
	{
		char	   *end;

		*p = SkipSpace(*p);
		if (**p == ',' || **p == ']')
		{
			RejectText(escontext, text, psprintf("Element %d is empty.", i + 1));
			return false;
		}

		if (**p != '\0')
		{
			/* strtof, as in float4in, avoids rounding twice */
			errno = 0;
			h->x[i] = strtof(*p, &end);

			if (end == *p)
			{
				RejectText(escontext, text,
						   psprintf("Element %d is not a number: \"%s\".", i + 1, ElementText(*p)));
				return false;
			}

			/* As in float4in, subnormal results are no range error */
			if (errno == ERANGE && (h->x[i] == 0 || isinf(h->x[i])))
				ereturn(escontext, false,
						(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						 errmsg("\"%s\" is out of range for type hfp",
								CutText(pnstrdup(*p, end - *p))),
						 errdetail("Element %d must be a value of type real.", i + 1)));

			*p = SkipSpace(end);
		}

		if (**p == '\0')
		{
			RejectText(escontext, text, "The closing bracket is missing.");
			return false;
		}
		if (**p == ']')
			return true;
		if (**p != ',')
		{
			RejectText(escontext, text,
					   psprintf("Element %d is followed by \"%s\", not by a comma or a bracket.",
								i + 1, pnstrdup(*p, pg_mblen(*p))));
			return false;
		}
		(*p)++;
	}

	pg_unreachable();
}

/* Read the whole text; NULL after a soft error. */
static Hfp *
ParseHfp(const char *text, int32 typmod, Node *escontext)
{
	uint32		model = HFP_UNKNOWN_MODEL;
	int			dim = 1;
	const char *p = SkipSpace(text);
	Hfp		   *h;

	if (*p == '\0')
		return RejectText(escontext, text, "The text is empty.");

	if (*p != '[')
	{
		p = ParseModel(p, &model);
		if (p == NULL)
			return RejectText(escontext, text,
							  "It must start with \"[\", or with eight lower-case hexadecimal digits and a colon.");
		if (model == HFP_UNKNOWN_MODEL)
			return RejectText(escontext, text,
							  "Model 00000000 means an unknown model, which is written without a prefix.");
		if (*p != '[')
			return RejectText(escontext, text, "The model must be followed by \"[\".");
	}
	p = SkipSpace(p + 1);

	/* An empty list is a complete one, so that is a matter of dimensions, not of syntax */
	if (*p == ']' && *SkipSpace(p + 1) == '\0')
	{
		CheckHfpDim(0, typmod, escontext);
		return NULL;
	}

	/* Stop early: a text of 1 GB must not count to 500 million */
	for (const char *q = p; *q != '\0' && *q != ']' && dim <= HFP_MAX_DIM; q++)
		dim += *q == ',';
	if (!CheckHfpDim(dim, -1, escontext))
		return NULL;

	h = InitHfp(dim, model);
	if (!ParseElements(h, text, &p, escontext))
		return NULL;
	if (*SkipSpace(p + 1) != '\0')
		return RejectText(escontext, text,
						  psprintf("Only white space may follow the closing bracket, not \"%s\".",
								   CutText(SkipSpace(p + 1))));

	if (!CheckHfpDim(h->dim, typmod, escontext) || !FinishHfp(h, escontext))
		return NULL;

	return h;
}

PG_FUNCTION_INFO_V1(hfp_in);

/* hfp_in(cstring, oid, integer) → hfp */
PGDLLEXPORT Datum
hfp_in(PG_FUNCTION_ARGS)
{
	Hfp		   *h = ParseHfp(PG_GETARG_CSTRING(0), PG_GETARG_INT32(2), fcinfo->context);

	/* After a soft error the result is not looked at */
	if (h == NULL)
		PG_RETURN_NULL();

	PG_RETURN_HFP_P(h);
}

PG_FUNCTION_INFO_V1(hfp_out);

/* hfp_out(hfp) → cstring */
PGDLLEXPORT Datum
hfp_out(PG_FUNCTION_ARGS)
{
	Hfp		   *h = PG_GETARG_HFP_P(0);

	/*
	 * FLOAT_SHORTEST_DECIMAL_LEN counts a terminator, in whose place stands
	 * the comma or the closing bracket.
	 */
	char	   *text = palloc(MODEL_DIGITS + strlen(":[") + FLOAT_SHORTEST_DECIMAL_LEN * h->dim + 1);
	char	   *p = text;

	if (h->model != HFP_UNKNOWN_MODEL)
		p += sprintf(p, "%08x:", h->model);

	*p++ = '[';
	for (int i = 0; i < h->dim; i++)
	{
		if (i > 0)
			*p++ = ',';
		p += float_to_shortest_decimal_bufn(h->x[i], p);
	}
	*p++ = ']';
	*p = '\0';

	PG_FREE_IF_COPY(h, 0);
	PG_RETURN_CSTRING(text);
}

PG_FUNCTION_INFO_V1(hfp_typmod_in);

/* hfp_typmod_in(cstring[]) → integer */
PGDLLEXPORT Datum
hfp_typmod_in(PG_FUNCTION_ARGS)
{
	int			n;
	int32	   *typmods = ArrayGetIntegerTypmods(PG_GETARG_ARRAYTYPE_P(0), &n);

	if (n != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("type hfp takes one modifier, its dimensions, not %d", n)));

	if (typmods[0] < 1 || typmods[0] > HFP_MAX_DIM)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("dimensions for type hfp must be between 1 and %d, not %d",
						HFP_MAX_DIM, typmods[0])));

	PG_RETURN_INT32(typmods[0]);
}

PG_FUNCTION_INFO_V1(hfp_recv);

/* hfp_recv(internal, oid, integer) → hfp */
PGDLLEXPORT Datum
hfp_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int32		typmod = PG_GETARG_INT32(2);
	int			dim = pq_getmsgint(message, sizeof(uint16));
	int			version = pq_getmsgint(message, sizeof(uint16));
	uint32		model = pq_getmsgint(message, sizeof(uint32));
	int			rest = message->len - message->cursor;
	Hfp		   *h;

	if (version != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("unrecognized hfp layout version %d", version)));

	CheckHfpDim(dim, typmod, NULL);

	/* Checked before the memory is taken */
	if (rest != dim * (int) sizeof(float))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("hfp of %d dimensions must have %d bytes of elements, not %d",
						dim, dim * (int) sizeof(float), rest)));

	h = InitHfp(dim, model);
	for (int i = 0; i < dim; i++)
		h->x[i] = pq_getmsgfloat4(message);
	FinishHfp(h, NULL);

	PG_RETURN_HFP_P(h);
}

PG_FUNCTION_INFO_V1(hfp_send);

/* hfp_send(hfp) → bytea */
PGDLLEXPORT Datum
hfp_send(PG_FUNCTION_ARGS)
{
	Hfp		   *h = PG_GETARG_HFP_P(0);
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendint16(&message, h->dim);
	pq_sendint16(&message, h->version);
	pq_sendint32(&message, h->model);
	for (int i = 0; i < h->dim; i++)
		pq_sendfloat4(&message, h->x[i]);

	PG_FREE_IF_COPY(h, 0);
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}
