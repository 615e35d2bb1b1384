/*
 * server/core.h: the bridge between the server and the core.
 *
 * The core reports by status and message and asks before it goes on; here
 * that becomes ereport and the server's interrupts.
 */
#ifndef HAMNET_SERVER_CORE_H
#define HAMNET_SERVER_CORE_H

#include "hamnet/chem.h"
#include "hamnet/network.h"

/* An allocator whose blocks lie in a memory context; NULL instead of an error without memory. */
extern HnAllocator ContextAllocator(MemoryContext context);

/* Prepare a context that stops when the backend has an interrupt to serve. */
extern void InitCoreContext(HnContext *context, HnArena *arena);

/*
 * The backend's own context for one call of one function, which is refused
 * (55000) where the extension is of another version than the library. Its arena
 * is reset here, so what an earlier call left behind, also by an error, is freed.
 * Nothing may run SQL between this and the last use of its results.
 */
extern HnContext *BeginCore(void);

/*
 * Report a failure: never returns. smiles, where it is not NULL, is the
 * molecule that failed.
 */
extern void ReportCoreError(const HnContext *context, const char *smiles) __attribute__((noreturn));

/*
 * True if the failure lies in the molecule: a lenient form ("try", batches,
 * hamnet_enrich) then answers NULL, or with no row. Molecules beyond a limit
 * are among them, hamnet.max_atoms included, so that loading a table, and
 * restoring its dump, never ends at one row.
 */
extern bool IsMoleculeError(HnStatus status);

/* Report a failure; returns only to a lenient form, where the failure lies in the molecule. */
extern void ReportFailure(const HnContext *context, const char *smiles, bool lenient);

/* Parse a SMILES within hamnet.max_atoms, or report why not. */
extern void ParseSmiles(HnContext *context, const char *smiles, const HnFeatureSet *features,
						HnGraph *graph);

/* Return a message for a place beside the molecule: without the SMILES, where it names it. */
extern const char *ReasonBeside(const char *message);

/* Return why a SMILES is no usable molecule, NULL if it is one. Valid until the core is used again. */
extern const char *SmilesError(const char *smiles);

#endif
