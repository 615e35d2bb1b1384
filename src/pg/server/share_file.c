/*
 * server/share_file.c: files of models, and those that are installed with the extension.
 */
#include "postgres.h"

#include <sys/stat.h>
#include <unistd.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

#include "server/share_file.h"

#define SYSTEM_DIRECTORY "$system"

/* A file in a directory below a root and another directory: its path if it is there, else NULL. */
static char *
FileBelow(const char *root, const char *directory, const char *file)
{
	char	   *path = psprintf("%s%s/%s", root, directory, file);

	if (access(path, F_OK) == 0)
		return path;
	pfree(path);
	return NULL;
}

/*
 * The path of the file if it lies beside the control file that the setting
 * extension_control_path finds, which PostgreSQL has from 18 on, else NULL. In
 * the share directory, which others come before, nothing is looked for.
 */
static char *
FileBesideControlFile(const char *share, const char *file)
{
	const char *setting = GetConfigOption("extension_control_path", true, false);

	while (setting && *setting)
	{
		size_t		length = strcspn(setting, ":");
		char	   *entry = pnstrdup(setting, length);
		bool		system = strncmp(entry, SYSTEM_DIRECTORY, strlen(SYSTEM_DIRECTORY)) == 0;
		char	   *below = psprintf("%s/extension", system ? entry + strlen(SYSTEM_DIRECTORY) : entry);

		if (FileBelow(system ? share : "", below, "hamnet.control"))
			return strcmp(entry, SYSTEM_DIRECTORY) == 0 ? NULL : FileBelow(system ? share : "", below, file);
		setting += length + (setting[length] == ':');
	}
	return NULL;
}

/* The path of an installed file; that in the share directory if it is nowhere. */
static char *
ShareFilePath(const char *file)
{
	/* A setting of Debian's, up to 17: the root below which extensions are installed. */
	const char *destdir = GetConfigOption("extension_destdir", true, false);
	char		share[MAXPGPATH];
	char	   *directory;
	char	   *path;

	get_share_path(my_exec_path, share);
	directory = psprintf("%s/extension", share);
	path = FileBesideControlFile(share, file);
#ifdef HAMNET_MODELDIR
	if (!path && destdir && *destdir)
		path = FileBelow(destdir, HAMNET_MODELDIR, file);
#endif
	if (!path && destdir && *destdir)
		path = FileBelow(destdir, directory, file);
#ifdef HAMNET_MODELDIR
	if (!path)
		path = FileBelow("", HAMNET_MODELDIR, file);
#endif
	return path ? path : psprintf("%s/%s", directory, file);
}

bytea *
ReadModelFile(const char *path, const char *hint)
{
	FILE	   *stream = AllocateFile(path, PG_BINARY_R);
	struct stat status;
	bytea	   *content;

	if (stream == NULL || fstat(fileno(stream), &status) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open model file \"%s\": %m", path),
				 hint ? errhint("%s", hint) : 0));
	if (status.st_size > MaxAllocSize - VARHDRSZ)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("model file \"%s\" is too large", path)));
	content = palloc(VARHDRSZ + status.st_size);
	SET_VARSIZE(content, VARHDRSZ + status.st_size);
	if (fread(VARDATA(content), 1, status.st_size, stream) != (size_t) status.st_size)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read model file \"%s\": %m", path)));
	FreeFile(stream);
	return content;
}

bytea *
ReadShareFile(const char *file)
{
	return ReadModelFile(ShareFilePath(file), "The extension's files are installed together by \"make install\".");
}
