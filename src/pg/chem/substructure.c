/*
 * chem/substructure.c: SQL functions that search molecules for a pattern.
 *
 * A pattern is parsed when it differs from that of the call before, so once a
 * statement where it is a constant.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "hamnet/substructure.h"
#include "server/core.h"
#include "server/guc.h"

/* What is kept from call to call. */
typedef struct KeptPattern
{
	MemoryContextCallback callback;
	char	   *smarts;			/* NULL: none is kept */
	HnPattern  *pattern;
} KeptPattern;

static void
FreePattern(void *state)
{
	KeptPattern *kept = state;

	hn_pattern_free(kept->pattern);
	kept->pattern = NULL;
}

static KeptPattern *
GetKeptPattern(FmgrInfo *function)
{
	KeptPattern *kept = function->fn_extra;

	if (kept == NULL)
	{
		kept = MemoryContextAllocZero(function->fn_mcxt, sizeof(KeptPattern));
		kept->callback.func = FreePattern;
		kept->callback.arg = kept;
		MemoryContextRegisterResetCallback(function->fn_mcxt, &kept->callback);
		function->fn_extra = kept;
	}
	return kept;
}

static const HnPattern *
ParsePattern(FunctionCallInfo fcinfo, const char *smarts)
{
	KeptPattern *kept = GetKeptPattern(fcinfo->flinfo);
	HnContext  *context;

	if (kept->pattern && strcmp(kept->smarts, smarts) == 0)
		return kept->pattern;
	FreePattern(kept);
	if (kept->smarts)
		pfree(kept->smarts);
	kept->smarts = NULL;
	kept->smarts = MemoryContextStrdup(fcinfo->flinfo->fn_mcxt, smarts);
	context = BeginCore();
	if (hn_pattern_parse(context, smarts, &kept->pattern) != HN_OK)
		ReportCoreError(context, NULL);
	return kept->pattern;
}

PG_FUNCTION_INFO_V1(hamnet_has_substructure);

/* hamnet_has_substructure(smiles text, smarts text) → boolean */
PGDLLEXPORT Datum
hamnet_has_substructure(PG_FUNCTION_ARGS)
{
	const HnPattern *pattern = ParsePattern(fcinfo, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	char	   *smiles = text_to_cstring(PG_GETARG_TEXT_PP(0));
	HnContext  *context = BeginCore();
	bool		found;

	if (hn_has_substructure(context, smiles, pattern, hamnet_max_atoms, &found) != HN_OK)
		ReportCoreError(context, smiles);
	PG_RETURN_BOOL(found);
}

PG_FUNCTION_INFO_V1(hamnet_count_substructure);

/* hamnet_count_substructure(smiles text, smarts text) → int */
PGDLLEXPORT Datum
hamnet_count_substructure(PG_FUNCTION_ARGS)
{
	const HnPattern *pattern = ParsePattern(fcinfo, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	char	   *smiles = text_to_cstring(PG_GETARG_TEXT_PP(0));
	HnContext  *context = BeginCore();
	int			count;

	if (hn_count_substructure(context, smiles, pattern, hamnet_max_atoms, &count) != HN_OK)
		ReportCoreError(context, smiles);
	PG_RETURN_INT32(count);
}
