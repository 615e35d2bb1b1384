/*
 * server/version.h: for which version of the extension this library computes.
 */
#ifndef HAMNET_SERVER_VERSION_H
#define HAMNET_SERVER_VERSION_H

/*
 * Report an error unless the extension of this database is of the library's
 * version: another version's functions may have returned something else, which
 * indexes and generated columns hold.
 */
extern void RequireExtensionVersion(void);

extern void InitVersionCheck(void);

#endif
