/*
 * bench.h: what the programs that measure begin with.
 */
#ifndef HAMNET_BENCH_H
#define HAMNET_BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "hamnet/context.h"

#define MIN_DRUG_ATOMS 15			/* of a molecule that counts as drug-like */
#define MAX_DRUG_ATOMS 45
#define MAX_LINE 4096

/* Of this process, so that other load on the machine disturbs little. */
static double
cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double) now.tv_sec + 1e-9 * (double) now.tv_nsec;
}

static void
check(HnStatus status, const HnContext *context)
{
	if (status != HN_OK)
	{
		fprintf(stderr, "bench: %s\n", context->message);
		exit(EXIT_FAILURE);
	}
}

#endif
