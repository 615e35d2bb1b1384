/*
 * context.c: failures and interrupts, as the core reports them.
 */
#include "hamnet/context.h"

#include <stdarg.h>
#include <stdio.h>

void
hn_context_init(HnContext *context, HnArena *arena,
				bool (*interrupted) (void *state), void *state)
{
	context->arena = arena;
	context->interrupted = interrupted;
	context->interrupted_state = state;
	context->status = HN_OK;
	context->message[0] = '\0';
	context->hint = NULL;
}

HnStatus
hn_fail(HnContext *context, HnStatus status, const char *format,...)
{
	va_list		arguments;

	va_start(arguments, format);
	vsnprintf(context->message, sizeof(context->message), format, arguments);
	va_end(arguments);
	context->status = status;
	context->hint = NULL;
	return status;
}

HnStatus
hn_hint(HnContext *context, const char *hint)
{
	context->hint = hint;
	return context->status;
}

HnStatus
hn_fail_memory(HnContext *context)
{
	return hn_fail(context, HN_OUT_OF_MEMORY, "out of memory");
}

bool
hn_interrupted(HnContext *context)
{
	if (context->interrupted == NULL || !context->interrupted(context->interrupted_state))
		return false;
	hn_fail(context, HN_INTERRUPTED, "interrupted");
	return true;
}
