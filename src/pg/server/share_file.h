/*
 * server/share_file.h: files of models, and those that are installed with the extension.
 */
#ifndef HAMNET_SERVER_SHARE_FILE_H
#define HAMNET_SERVER_SHARE_FILE_H

/* Read a whole file; an error if that fails, with a hint, unless that is NULL, where it cannot be opened. */
extern bytea *ReadModelFile(const char *path, const char *hint);

/*
 * Read a whole file that is installed with the extension: beside its control
 * file, in the directory that was fixed at build, or in the server's share
 * directory, whichever has it first. An error if none has.
 */
extern bytea *ReadShareFile(const char *file);

#endif
