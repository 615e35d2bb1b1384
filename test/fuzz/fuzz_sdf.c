/*
 * fuzz_sdf.c: an SD file cut into records and properties, and their MOL blocks
 * read, as hamnet_read_sdf does.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "hamnet/chem.h"
#include "hamnet/formats.h"
#include "hamnet/sdf.h"

#define MAX_ATOMS 60

const HnStatus fuzz_failures[] = {HN_INVALID_SMILES, HN_TOO_LARGE, HN_INTERNAL, HN_OK};

/* A slice lies in the text, behind what came before it. */
static void
check_slice(HnSlice slice, const char **after, const char *end)
{
	FUZZ_CHECK(slice.text >= *after && slice.text <= end && slice.length <= (size_t) (end - slice.text));
	*after = slice.text + slice.length;
}

/* The SMILES that came out is one, and is canonical. */
static HnStatus
check_molecule(HnContext *context, const char *smiles, FuzzDigest *digest)
{
	const char *canonical;
	HnStatus	status = hn_canonical_smiles(context, smiles, true, MAX_ATOMS, &canonical);

	fuzz_digest(digest, smiles, strlen(smiles));
	FUZZ_CHECK(status == HN_OK || fuzz_from_outside(status));
	return status;
}

static HnStatus
read_record(HnContext *context, const HnSdfRecord *record, const char *end, FuzzDigest *digest)
{
	HnSlice		properties = record->properties;
	HnSlice		name;
	HnSlice		value;
	const char *after = record->properties.text;
	char	   *molblock = fuzz_text((const uint8_t *) record->molblock.text, record->molblock.length);
	const char *smiles;
	HnStatus	status = hn_smiles_from_molblock(context, molblock, MAX_ATOMS, &smiles);

	free(molblock);
	while (hn_sdf_next_property(&properties, &name, &value))
	{
		check_slice(name, &after, end);
		check_slice(value, &after, end);
		fuzz_digest(digest, value.text, value.length);
	}
	if (status == HN_OK)
		return check_molecule(context, smiles, digest);
	if (fuzz_from_outside(status))
		return status;
	fuzz_check_failure(context, status, fuzz_failures);
	return HN_OK;
}

HnStatus
fuzz_input(HnContext *context, const uint8_t *data, size_t size, FuzzDigest *digest)
{
	char	   *text = fuzz_text(data, size);
	HnSlice		rest = {text, size};
	const char *end = text + size;
	const char *after = text;
	HnStatus	status = HN_OK;
	HnSdfRecord record;

	while (status == HN_OK && hn_sdf_next_record(&rest, &record))
	{
		check_slice(record.molblock, &after, end);
		check_slice(record.properties, &after, end);
		status = read_record(context, &record, end, digest);
	}
	free(text);
	return status;
}
