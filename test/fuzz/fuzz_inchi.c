/*
 * fuzz_inchi.c: InChI and InChIKey of SMILES. InChI's library itself has no
 * sanitizer: what is tried is what it is given, and what is made of its answers.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "hamnet/chem.h"
#include "hamnet/inchi.h"

#define MAX_ATOMS 60

#define KEY_LENGTH 27

const HnStatus fuzz_failures[] = {HN_INVALID_SMILES, HN_TOO_LARGE, HN_INTERNAL, HN_OK};

/* A key is three blocks of capital letters. */
static void
check_key(const char *key)
{
	FUZZ_CHECK(strlen(key) == KEY_LENGTH);
	for (int i = 0; i < KEY_LENGTH; i++)
		FUZZ_CHECK(i == 14 || i == 25 ? key[i] == '-' : key[i] >= 'A' && key[i] <= 'Z');
}

static HnStatus
try_smiles(HnContext *context, const char *smiles, FuzzDigest *digest)
{
	const char *inchi;
	const char *key;

	HN_TRY(hn_inchi_from_smiles(context, smiles, MAX_ATOMS, &inchi));
	FUZZ_CHECK(strncmp(inchi, "InChI=1S/", strlen("InChI=1S/")) == 0);
	fuzz_digest(digest, inchi, strlen(inchi));
	HN_TRY(hn_inchikey_from_smiles(context, smiles, MAX_ATOMS, &key));
	check_key(key);
	fuzz_digest(digest, key, strlen(key));
	return HN_OK;
}

HnStatus
fuzz_input(HnContext *context, const uint8_t *data, size_t size, FuzzDigest *digest)
{
	char	   *smiles = fuzz_text(data, size);
	HnStatus	status = try_smiles(context, smiles, digest);

	free(smiles);
	return status;
}
