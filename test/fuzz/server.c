/*
 * server.c: what type hfp's input and output call of a server.
 */
#include "server.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"

/* The call under way. */
static struct
{
	HnContext  *context;
	jmp_buf		end;			/* where an error goes */
	int			sqlstate;
	HnStatus	status;
}			call;

/* Memory */

void *
palloc(Size size)
{
	void	   *memory = hn_arena_alloc(call.context->arena, size, 1);

	if (memory == NULL)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	return memory;
}

void *
palloc0(Size size)
{
	return memset(palloc(size), 0, size);
}

/* The arena gives everything back at once. */
void
pfree(void *pointer)
{
	(void) pointer;
}

char *
pnstrdup(const char *text, Size length)
{
	char	   *copy;

	length = strnlen(text, length);
	copy = palloc(length + 1);
	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

char *
pstrdup(const char *text)
{
	return pnstrdup(text, strlen(text));
}

/* Values are never compressed or stored elsewhere here. */
struct varlena *
pg_detoast_datum(struct varlena *datum)
{
	return datum;
}

/* Errors */

bool
errstart(int elevel, const char *domain)
{
	(void) domain;
	FUZZ_CHECK(elevel == ERROR);
	call.sqlstate = ERRCODE_INTERNAL_ERROR;
	return true;
}

#if PG_VERSION_NUM >= 140000
bool
errstart_cold(int elevel, const char *domain)
{
	return errstart(elevel, domain);
}
#endif

int
errcode(int sqlerrcode)
{
	call.sqlstate = sqlerrcode;
	return 0;
}

/* A message must be fit for the client, whatever was quoted in it. */
static void
check_message(const char *format, va_list arguments, char *message, size_t size)
{
	vsnprintf(message, size, format, arguments);
	FUZZ_CHECK(message[0] != '\0' && strlen(message) < size - 1);
	FUZZ_CHECK(fuzz_is_utf8(message));
}

int
errmsg(const char *format,...)
{
	va_list		arguments;

	va_start(arguments, format);
	check_message(format, arguments, call.context->message, sizeof(call.context->message));
	va_end(arguments);
	return 0;
}

static void
check_detail(const char *format, va_list arguments)
{
	char		detail[HN_MESSAGE_SIZE];

	check_message(format, arguments, detail, sizeof(detail));
	FUZZ_CHECK(detail[strlen(detail) - 1] == '.');
}

int
errdetail(const char *format,...)
{
	va_list		arguments;

	va_start(arguments, format);
	check_detail(format, arguments);
	va_end(arguments);
	return 0;
}

int
errdetail_internal(const char *format,...)
{
	va_list		arguments;

	va_start(arguments, format);
	check_detail(format, arguments);
	va_end(arguments);
	return 0;
}

static HnStatus
status_of(int sqlstate)
{
	switch (sqlstate)
	{
		case ERRCODE_INVALID_TEXT_REPRESENTATION:
		case ERRCODE_INVALID_BINARY_REPRESENTATION:
		case ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE:
		case ERRCODE_DATA_EXCEPTION:
		case ERRCODE_PROGRAM_LIMIT_EXCEEDED:
		case ERRCODE_PROTOCOL_VIOLATION:
			return HN_INVALID_ARGUMENT;
		case ERRCODE_OUT_OF_MEMORY:
			return HN_OUT_OF_MEMORY;
		default:
			return HN_INTERNAL;
	}
}

void
errfinish(const char *filename, int lineno, const char *funcname)
{
	(void) filename;
	(void) lineno;
	(void) funcname;
	call.context->status = call.status = status_of(call.sqlstate);
	longjmp(call.end, 1);
}

#if PG_VERSION_NUM >= 160000
/* Nobody here asks for soft errors. */
bool
errsave_start(struct Node *context, const char *domain)
{
	FUZZ_CHECK(context == NULL);
	return errstart(ERROR, domain);
}

void
errsave_finish(struct Node *context, const char *filename, int lineno, const char *funcname)
{
	(void) context;
	errfinish(filename, lineno, funcname);
}
#endif

/* Characters of UTF-8, which the server has checked before a function sees them. */

int
pg_mblen(const char *character)
{
	unsigned char first = (unsigned char) *character;

	return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

int
pg_mbcliplen(const char *text, int length, int limit)
{
	int			clipped = 0;

	while (clipped < length && clipped + pg_mblen(text + clipped) <= limit)
		clipped += pg_mblen(text + clipped);
	return clipped;
}

/* Messages of the binary protocol */

static const char *
message_bytes(StringInfo message, int count)
{
	const char *bytes = message->data + message->cursor;

	if (count > message->len - message->cursor)
		ereport(ERROR,
				(errcode(ERRCODE_PROTOCOL_VIOLATION), errmsg("insufficient data left in message")));
	message->cursor += count;
	return bytes;
}

unsigned int
pq_getmsgint(StringInfo message, int size)
{
	const unsigned char *bytes = (const unsigned char *) message_bytes(message, size);
	unsigned int value = 0;

	for (int i = 0; i < size; i++)
		value = value << 8 | bytes[i];
	return value;
}

float4
pq_getmsgfloat4(StringInfo message)
{
	unsigned int bits = pq_getmsgint(message, sizeof(float4));
	float4		value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

void
enlargeStringInfo(StringInfo message, int needed)
{
	int			size = 2 * (message->len + needed + 1);
	char	   *data;

	if (message->len + needed < message->maxlen)
		return;
	data = palloc(size);
	memcpy(data, message->data, message->len);
	message->data = data;
	message->maxlen = size;
}

void
pq_begintypsend(StringInfo message)
{
	message->data = palloc(VARHDRSZ + 1);
	message->maxlen = VARHDRSZ + 1;
	message->len = VARHDRSZ;
	message->cursor = 0;
}

void
pq_sendfloat4(StringInfo message, float4 value)
{
	unsigned int bits;

	memcpy(&bits, &value, sizeof(bits));
	pq_sendint32(message, bits);
}

bytea *
pq_endtypsend(StringInfo message)
{
	SET_VARSIZE(message->data, message->len);
	return (bytea *) message->data;
}

/* Only hfp_typmod_in calls it, and nobody here calls that. */
int32 *
ArrayGetIntegerTypmods(ArrayType *array, int *count)
{
	(void) array;
	(void) count;
	abort();
}

/* For the fuzzers */

HnStatus
server_call(HnContext *context, PGFunction function, const Datum *arguments, int count, Datum *result)
{
	LOCAL_FCINFO(fcinfo, 4);

	FUZZ_CHECK(count <= 4);
	call.context = context;
	call.status = HN_OK;
	if (setjmp(call.end) != 0)
		return call.status;
	InitFunctionCallInfoData(*fcinfo, NULL, count, InvalidOid, NULL, NULL);
	for (int i = 0; i < count; i++)
		fcinfo->args[i] = (NullableDatum)
	{
		arguments[i], false
	};
	*result = function(fcinfo);
	FUZZ_CHECK(!fcinfo->isnull);
	return HN_OK;
}

HnStatus
server_read_text(HnContext *context, const char *text, int32 typmod, Hfp **value)
{
	Datum		arguments[] = {CStringGetDatum(text), ObjectIdGetDatum(InvalidOid), Int32GetDatum(typmod)};
	Datum		result;

	HN_TRY(server_call(context, hfp_in, arguments, 3, &result));
	*value = DatumGetHfp(result);
	return HN_OK;
}

HnStatus
server_read_binary(HnContext *context, const char *bytes, size_t size, int32 typmod, Hfp **value)
{
	StringInfoData message = {.data = unconstify(char *, bytes), .len = (int) size, .maxlen = (int) size};
	Datum		arguments[] = {PointerGetDatum(&message), ObjectIdGetDatum(InvalidOid), Int32GetDatum(typmod)};
	Datum		result;

	HN_TRY(server_call(context, hfp_recv, arguments, 3, &result));
	FUZZ_CHECK(message.cursor == message.len);
	*value = DatumGetHfp(result);
	return HN_OK;
}

static void
check_same(const Hfp *a, const Hfp *b)
{
	FUZZ_CHECK(VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0);
}

HnStatus
server_check_hfp(HnContext *context, const Hfp *value, FuzzDigest *digest)
{
	Datum		argument = PointerGetDatum(value);
	Datum		text;
	Datum		binary;
	Hfp		   *again;

	FUZZ_CHECK(value->dim >= 1 && value->dim <= HFP_MAX_DIM && value->version == 0);
	FUZZ_CHECK(VARSIZE(value) == HFP_SIZE(value->dim));
	for (int i = 0; i < value->dim; i++)
		FUZZ_CHECK(isfinite(value->x[i]) && !(value->x[i] == 0 && signbit(value->x[i])));
	fuzz_digest(digest, value, VARSIZE(value));

	HN_TRY(server_call(context, hfp_out, &argument, 1, &text));
	HN_TRY(server_read_text(context, DatumGetCString(text), value->dim, &again));
	check_same(value, again);
	HN_TRY(server_call(context, hfp_send, &argument, 1, &binary));
	HN_TRY(server_read_binary(context, VARDATA(DatumGetPointer(binary)),
							  VARSIZE(DatumGetPointer(binary)) - VARHDRSZ, value->dim, &again));
	check_same(value, again);
	return HN_OK;
}
