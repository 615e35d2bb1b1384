/*
 * server/module.c: the modules beside hamnet, which are loaded by the sessions that need them.
 */
#include "postgres.h"

#include <dlfcn.h>

#include "fmgr.h"

#include "server/module.h"

/*
 * The path of a module: beside this one, which need not be in $libdir, since
 * dynamic_library_path may name other directories.
 */
static char *
ModulePath(const char *module)
{
	Dl_info		self;
	char	   *path;

	if (dladdr((void *) ModulePath, &self) == 0)
		elog(ERROR, "could not find the module's own path");
	path = pstrdup(self.dli_fname);
	get_parent_directory(path);
	return psprintf("%s/%s%s", path, module, DLSUFFIX);
}

void *
LoadModule(const char *module, const char *function)
{
	char	   *path = ModulePath(module);
	const char *(*version) (void);

	version = (const char *(*) (void)) load_external_function(path, psprintf("%s_version", module), true, NULL);
	if (strcmp(version(), HAMNET_VERSION) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("module %s is of version %s, but this session has loaded hamnet %s", module, version(), HAMNET_VERSION),
				 errhint("Connect again.")));
	return load_external_function(path, psprintf("%s_%s", module, function), true, NULL);
}
