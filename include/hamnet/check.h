/*
 * check.h: what a function takes for granted.
 *
 * HN_ASSERT states something that its callers or the code before it see to,
 * never anything that data from outside could make false. It is checked in
 * builds with HAMNET_CHECKS, which the tests with sanitizers and the fuzzers
 * are, and it is what static analysis goes by; elsewhere it costs nothing.
 */
#ifndef HAMNET_CHECK_H
#define HAMNET_CHECK_H

#ifdef HAMNET_CHECKS
#include <stdlib.h>
#define HN_ASSERT(condition) ((condition) ? (void) 0 : abort())
#else
#define HN_ASSERT(condition) ((void) sizeof((condition) ? 1 : 0))
#endif

#endif
