/*
 * server/extension.h: where the extension's own objects are, whatever schema it is in.
 */
#ifndef HAMNET_SERVER_EXTENSION_H
#define HAMNET_SERVER_EXTENSION_H

#include "storage/lockdefs.h"
#include "utils/relcache.h"

extern Oid	ExtensionSchema(void);

/* The version to which the extension was updated in this database; NULL where it is not created. */
extern char *ExtensionVersion(void);

/* A relation of the extension by its name; an error if it is gone. */
extern Oid	ExtensionRelation(const char *name);

/* The same, opened and locked: the extension may be dropped while a lock is waited for. */
extern Relation OpenExtensionTable(const char *name, LOCKMODE mode);

/* The same, with an error (55P03) where the lock would have to be waited for. */
extern Relation OpenExtensionTableNoWait(const char *name, LOCKMODE mode);

/*
 * An index of that name of a table of the extension; InvalidOid if it is gone, for
 * the owner of the schema may drop it, and make an index of another table by
 * this name.
 */
extern Oid	IndexOfTable(Relation table, const char *name);

/* The type hfp. */
extern Oid	FingerprintType(void);

#endif
