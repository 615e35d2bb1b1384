/*
 * server/version.c: what this build consists of, and for which version of the
 * extension it computes.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/syscache.h"

#include "hamnet/chem.h"
#include "hamnet/simd.h"
#include "hamnet/linear.h"

#include "server/extension.h"
#include "server/version.h"

/* Whether the extension was found to be of this version since its functions last changed. */
static bool version_matches = false;

/* An update of the extension changes functions, as does its rollback. */
static void
ForgetVersion(Datum argument, int cache, uint32 hash)
{
	version_matches = false;
}

void
InitVersionCheck(void)
{
	CacheRegisterSyscacheCallback(PROCOID, ForgetVersion, (Datum) 0);
}

void
RequireExtensionVersion(void)
{
	const char *version;

	/* The postmaster, which preloads models, is in no database and keeps nothing that it computes. */
	if (version_matches || !OidIsValid(MyDatabaseId))
		return;
	version = ExtensionVersion();
	if (version != NULL && strcmp(version, HAMNET_VERSION) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("extension \"hamnet\" is of version %s, for which this library of version %s does not compute",
						version, HAMNET_VERSION),
				 errdetail("Functions may return something else than what indexes and generated columns hold."),
				 errhint("Run ALTER EXTENSION hamnet UPDATE; or reconnect, if this session began before the new version was installed.")));
	version_matches = true;
}

PG_FUNCTION_INFO_V1(hamnet_version);

/* hamnet_version() → (hamnet, rdkit, blas, simd) */
PGDLLEXPORT Datum
hamnet_version(PG_FUNCTION_ARGS)
{
	TupleDesc	descriptor;
	Datum		values[4];
	bool		nulls[4] = {false};

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = CStringGetTextDatum(HAMNET_VERSION);
	values[1] = CStringGetTextDatum(hn_rdkit_version());
	values[2] = CStringGetTextDatum(hn_blas_version());
	values[3] = CStringGetTextDatum(hn_simd()->name);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}
