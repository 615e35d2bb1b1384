/*
 * chem/split.c: a number for each molecule, to divide rows by.
 */
#include "postgres.h"

#include <math.h>

#include "common/hashfn.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "server/core.h"
#include "server/guc.h"

/* Return what molecules that stay together share: their SMILES, or their scaffold. */
static const char *
SharedText(HnContext *context, const char *smiles, const char *kind)
{
	const char *shared = NULL;
	HnStatus	status;

	if (strcmp(kind, "random") == 0)
		status = hn_canonical_smiles(context, smiles, false, hamnet_max_atoms, &shared);
	else if (strcmp(kind, "scaffold") == 0)
		status = hn_scaffold(context, smiles, hamnet_max_atoms, &shared);
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized kind of split: \"%s\"", kind),
				 errhint("Valid kinds are \"random\" and \"scaffold\".")));
	if (status != HN_OK)
		ReportCoreError(context, smiles);
	return shared;
}

PG_FUNCTION_INFO_V1(hamnet_split);

/* hamnet_split(smiles text, kind text, seed int) → a number in [0, 1) */
PGDLLEXPORT Datum
hamnet_split(PG_FUNCTION_ARGS)
{
	char	   *smiles = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *kind = text_to_cstring(PG_GETARG_TEXT_PP(1));
	const char *shared = SharedText(BeginCore(), smiles, kind);
	uint64		hash = hash_bytes_extended((const unsigned char *) shared, strlen(shared), PG_GETARG_INT32(2));

	/* As many bits as a double holds. */
	PG_RETURN_FLOAT8(ldexp((double) (hash >> 11), -53));
}
