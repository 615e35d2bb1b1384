/*
 * model/recent.h: fingerprints of the molecules that this backend was last asked
 * for, one by one.
 *
 * A query that computes the fingerprint of an outer table's molecule for every
 * row of an inner one asks for the same few over and over.
 */
#ifndef HAMNET_MODEL_RECENT_H
#define HAMNET_MODEL_RECENT_H

#include "model/cache.h"
#include "type/hfp.h"

/* The fingerprint of that SMILES by that model; NULL if it is not known. Valid until another is remembered. */
extern const Hfp *RecentFingerprint(const CachedModel *model, const text *smiles);

/* Keep a copy in place of the oldest. */
extern void RememberFingerprint(const CachedModel *model, const text *smiles, const Hfp *fingerprint);

#endif
