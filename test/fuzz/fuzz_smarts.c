/*
 * fuzz_smarts.c: patterns in SMARTS, parsed and searched for in some molecules.
 */
#include <stdlib.h>

#include "fuzz.h"
#include "hamnet/substructure.h"

#define MAX_ATOMS 60

const HnStatus fuzz_failures[] = {HN_INVALID_ARGUMENT, HN_INVALID_SMILES, HN_TOO_LARGE, HN_INTERNAL, HN_OK};

static HnStatus
search(HnContext *context, const HnPattern *pattern, FuzzDigest *digest)
{
	static const char *const molecules[] = {"CC(=O)Oc1ccccc1C(=O)O", "C[C@H](N)C([O-])=O.[Na+]", "F/C=C/F", "*[2H]"};

	for (size_t i = 0; i < sizeof(molecules) / sizeof(molecules[0]); i++)
	{
		bool		found;
		int			count;

		HN_TRY(hn_has_substructure(context, molecules[i], pattern, MAX_ATOMS, &found));
		HN_TRY(hn_count_substructure(context, molecules[i], pattern, MAX_ATOMS, &count));
		FUZZ_CHECK(found == (count > 0));
		fuzz_digest(digest, &count, sizeof(count));
	}
	return HN_OK;
}

HnStatus
fuzz_input(HnContext *context, const uint8_t *data, size_t size, FuzzDigest *digest)
{
	char	   *smarts = fuzz_text(data, size);
	HnPattern  *pattern;
	HnStatus	status = hn_pattern_parse(context, smarts, &pattern);

	if (status == HN_OK)
		status = search(context, pattern, digest);
	hn_pattern_free(pattern);
	free(smarts);
	return status;
}
