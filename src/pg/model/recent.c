/*
 * model/recent.c: fingerprints of the molecules that this backend was last asked
 * for, one by one.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "model/recent.h"
#include "server/guc.h"

/* Molecules kept: 80 kB of them with the default model. */
#define RECENT_MOLECULES 64

/* Longer SMILES and fingerprints are not kept. */
#define MAX_SMILES 1024
#define MAX_FINGERPRINT 8192

/* What a result depends on, and the result. */
typedef struct Recent
{
	char		model_id[MODEL_ID_LENGTH + 1];
	int			max_atoms;
	int			length;			/* of smiles */
	char		smiles[MAX_SMILES];
	Hfp		   *fingerprint;	/* NULL: nothing is kept here */
} Recent;

static Recent *recent;			/* [RECENT_MOLECULES] */
static int	next;				/* where the next one is put */

const Hfp *
RecentFingerprint(const CachedModel *model, const text *smiles)
{
	int			length = VARSIZE_ANY_EXHDR(smiles);

	for (int i = 0; recent && i < RECENT_MOLECULES; i++)
		if (recent[i].length == length && recent[i].fingerprint && recent[i].max_atoms == hamnet_max_atoms &&
			memcmp(recent[i].smiles, VARDATA_ANY(smiles), length) == 0 &&
			strcmp(recent[i].model_id, model->id) == 0)
			return recent[i].fingerprint;
	return NULL;
}

void
RememberFingerprint(const CachedModel *model, const text *smiles, const Hfp *fingerprint)
{
	int			length = VARSIZE_ANY_EXHDR(smiles);
	Size		size = VARSIZE(fingerprint);
	Recent	   *place;

	if (length > MAX_SMILES || size > MAX_FINGERPRINT)
		return;
	if (recent == NULL)
		recent = MemoryContextAllocZero(TopMemoryContext, RECENT_MOLECULES * sizeof(Recent));
	place = &recent[next];
	next = (next + 1) % RECENT_MOLECULES;

	/* An error on the way leaves the place empty. */
	if (place->fingerprint)
		pfree(place->fingerprint);
	place->fingerprint = NULL;
	strlcpy(place->model_id, model->id, sizeof(place->model_id));
	place->max_atoms = hamnet_max_atoms;
	place->length = length;
	memcpy(place->smiles, VARDATA_ANY(smiles), length);
	place->fingerprint = memcpy(MemoryContextAlloc(TopMemoryContext, size), fingerprint, size);
}
