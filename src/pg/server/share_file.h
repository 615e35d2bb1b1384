/*
 * server/share_file.h: files that are installed with the extension.
 */
#ifndef HAMNET_SERVER_SHARE_FILE_H
#define HAMNET_SERVER_SHARE_FILE_H

/*
 * Read a whole file that is installed with the extension: beside its control
 * file, in the directory that was fixed at build, or in the server's share
 * directory, whichever has it first. An error if none has.
 */
extern bytea *ReadShareFile(const char *file);

#endif
