/*
 * extension.h: where the extension's own objects are, whatever schema it is in.
 */
#ifndef HAMNET_PG_EXTENSION_H
#define HAMNET_PG_EXTENSION_H

extern Oid	ExtensionSchema(void);

/* A relation of the extension by its name; an error if it is gone. */
extern Oid	ExtensionRelation(const char *name);

/* The type hfp. */
extern Oid	FingerprintType(void);

#endif
