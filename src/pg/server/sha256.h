/*
 * server/sha256.h: SHA-256 in hexadecimal, which models and axes are known by.
 */
#ifndef HAMNET_SERVER_SHA256_H
#define HAMNET_SERVER_SHA256_H

#include "postgres.h"

#define SHA256_HEX_LENGTH 64

/* Write the SHA-256 of a value's content in lower-case hexadecimal, with a terminating zero. */
extern void Sha256Hex(const bytea *content, char hex[SHA256_HEX_LENGTH + 1]);

#endif
