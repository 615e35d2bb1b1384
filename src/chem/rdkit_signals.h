/*
 * rdkit_signals.h: keeping SIGINT from RDKit.
 *
 * From 2025.03 on RDKit catches SIGINT while it embeds, and later also while
 * it matches: it breaks off where that may crash, and may leave its handler
 * behind. In a server SIGINT cancels a query, which is not RDKit's business.
 */
#ifndef HAMNET_RDKIT_SIGNALS_H
#define HAMNET_RDKIT_SIGNALS_H

#include <csignal>

extern "C"
{
#include "hamnet/context.h"
}

namespace hamnet
{

/*
 * While one lives, SIGINT waits; after it, the handler is the one from before.
 * For one thread, and not one within another.
 */
class SignalGuard
{
public:
	SignalGuard();
	~SignalGuard();
	SignalGuard(const SignalGuard &) = delete;
	SignalGuard &operator=(const SignalGuard &) = delete;

	/* Let a SIGINT that waits reach its handler. */
	void		deliver();

private:
	sigset_t	mask;
	struct sigaction action;
};

/* Whether the caller wants to stop, asked after a SIGINT that waits has been delivered. */
bool		interrupted(HnContext *context);

}								/* namespace hamnet */

#endif
