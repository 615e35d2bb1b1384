/*
 * server/core.c: the bridge between the server and the core.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "server/core.h"
#include "server/guc.h"
#include "server/version.h"

static void *
AllocateInContext(void *state, size_t size)
{
	return MemoryContextAllocExtended((MemoryContext) state, size,
									  MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
}

static void
ReleaseToContext(void *state, void *block)
{
	pfree(block);
}

HnAllocator
ContextAllocator(MemoryContext context)
{
	return (HnAllocator)
	{
		AllocateInContext, ReleaseToContext, context
	};
}

/*
 * Whether CHECK_FOR_INTERRUPTS would end the query now. Asking must not jump:
 * the core may be called from C++.
 */
static bool
InterruptWaits(void *state)
{
	return (QueryCancelPending && QueryCancelHoldoffCount == 0 &&
			InterruptHoldoffCount == 0 && CritSectionCount == 0) ||
		(ProcDiePending && InterruptHoldoffCount == 0 && CritSectionCount == 0);
}

void
InitCoreContext(HnContext *context, HnArena *arena)
{
	hn_context_init(context, arena, InterruptWaits, NULL);
}

HnContext *
BeginCore(void)
{
	static HnContext context;
	static HnArena arena;
	static bool ready = false;

	RequireExtensionVersion();
	if (!ready)
	{
		MemoryContext memory = AllocSetContextCreate(TopMemoryContext, "hamnet forward pass",
													 ALLOCSET_DEFAULT_SIZES);

		hn_arena_init(&arena, ContextAllocator(memory));
		InitCoreContext(&context, &arena);
		ready = true;
	}
	hn_arena_reset(&arena);
	return &context;
}

bool
IsMoleculeError(HnStatus status)
{
	return status == HN_INVALID_SMILES || status == HN_TOO_LARGE || status == HN_NOT_FINITE ||
		status == HN_NO_CONFORMER;
}

static int
ErrorCode(HnStatus status)
{
	switch (status)
	{
		case HN_INVALID_SMILES:
			return ERRCODE_INVALID_TEXT_REPRESENTATION;
		case HN_TOO_LARGE:
			return ERRCODE_PROGRAM_LIMIT_EXCEEDED;
		case HN_INVALID_MODEL:
			return ERRCODE_INVALID_BINARY_REPRESENTATION;
		case HN_INVALID_ARGUMENT:
			return ERRCODE_INVALID_PARAMETER_VALUE;
		case HN_NOT_FINITE:
			return ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE;
		case HN_NO_CONFORMER:
			return ERRCODE_DATA_EXCEPTION;
		case HN_OUT_OF_MEMORY:
			return ERRCODE_OUT_OF_MEMORY;
		case HN_INTERRUPTED:
			return ERRCODE_QUERY_CANCELED;
		case HN_OK:
		case HN_INTERNAL:
			break;
	}
	return ERRCODE_INTERNAL_ERROR;
}

void
ReportCoreError(const HnContext *context, const char *smiles)
{
	HnStatus	status = context->status;

	if (status == HN_INTERRUPTED)
		CHECK_FOR_INTERRUPTS();
	ereport(ERROR,
			(errcode(ErrorCode(status)),
			 errmsg("%s", context->message),
			 smiles && status == HN_NOT_FINITE ? errdetail("The molecule is \"%s\".", smiles) : 0,
			 context->hint ? errhint("%s", context->hint) : 0));
	pg_unreachable();
}

void
ReportFailure(const HnContext *context, const char *smiles, bool lenient)
{
	if (!lenient || !IsMoleculeError(context->status))
		ReportCoreError(context, smiles);
}

void
ParseSmiles(HnContext *context, const char *smiles, const HnFeatureSet *features, HnGraph *graph)
{
	if (hn_graph_from_smiles(context, smiles, features, hamnet_max_atoms, graph) != HN_OK)
		ReportCoreError(context, smiles);
}

const char *
ReasonBeside(const char *message)
{
	static const char start[] = "invalid SMILES \"";
	const char *end = strncmp(message, start, strlen(start)) == 0 ? strstr(message + strlen(start), "\": ") : NULL;

	return end ? psprintf("invalid SMILES: %s", end + strlen("\": ")) : message;
}

const char *
SmilesError(const char *smiles)
{
	HnContext  *context = BeginCore();
	HnGraph		graph;
	HnStatus	status = hn_graph_from_smiles(context, smiles, &hn_features_2021, hamnet_max_atoms, &graph);

	if (status == HN_OK)
		return NULL;
	ReportFailure(context, smiles, true);
	return context->message;
}
