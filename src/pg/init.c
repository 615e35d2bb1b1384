/*
 * init.c: what happens when the server loads the module.
 */
#include "postgres.h"

#include "fmgr.h"

#include "hamnet/simd.h"
#include "hamnet/linear.h"

#include "model/cache.h"
#include "model/preload.h"
#include "search/reloptions.h"
#include "server/guc.h"
#include "server/table_owner.h"
#include "server/version.h"

#if PG_VERSION_NUM < 140000
#error "hamnet requires PostgreSQL 14 or later"
#endif

#if PG_VERSION_NUM >= 180000
PG_MODULE_MAGIC_EXT(.name = "hamnet", .version = HAMNET_VERSION);
#else
PG_MODULE_MAGIC;
#endif

PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	/* First, so that nothing is half done if it fails: the server then tries again at the next call. */
	if (!hn_blas_reserve())
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("There is no address space for the work of the BLAS library.")));
	/* Choose once; under shared_preload_libraries every backend inherits the choice. */
	hn_simd();
	hn_blas_single_thread();
	InitSettings();
	InitModelCache();
	InitIndexOptions();
	InitSearchPaths();
	InitTableOwner();
	InitVersionCheck();
	PreloadModels();
}
