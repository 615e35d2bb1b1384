/*
 * rdkit_signals.cpp: keeping SIGINT from RDKit.
 */
#include "rdkit_signals.h"

namespace hamnet
{

namespace
{

SignalGuard *guard = nullptr;

void
block_sigint(sigset_t *before)
{
	sigset_t	sigint;

	sigemptyset(&sigint);
	sigaddset(&sigint, SIGINT);
	pthread_sigmask(SIG_BLOCK, &sigint, before);
}

}								/* namespace */

SignalGuard::SignalGuard()
{
	block_sigint(&mask);
	sigaction(SIGINT, nullptr, &action);
	guard = this;
}

SignalGuard::~SignalGuard()
{
	guard = nullptr;
	sigaction(SIGINT, &action, nullptr);
	pthread_sigmask(SIG_SETMASK, &mask, nullptr);
}

void
SignalGuard::deliver()
{
	sigset_t	waiting;

	if (sigpending(&waiting) != 0 || !sigismember(&waiting, SIGINT))
		return;
	sigaction(SIGINT, &action, nullptr);
	pthread_sigmask(SIG_SETMASK, &mask, nullptr);
	block_sigint(nullptr);
}

bool
interrupted(HnContext *context)
{
	if (guard)
		guard->deliver();
	return hn_interrupted(context);
}

}								/* namespace hamnet */
