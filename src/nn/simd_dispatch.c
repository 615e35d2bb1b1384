/*
 * simd_dispatch.c: which of the compiled sets this processor runs.
 */
#include "hamnet/simd.h"

extern const HnSimd hn_simd_portable;

#ifdef __x86_64__
extern const HnSimd hn_simd_avx2;
extern const HnSimd hn_simd_avx512;
extern const HnSimd hn_simd_vnni;

/* Best first. A processor that runs one set runs all that follow it. */
static const HnSimd *const sets[] = {
	&hn_simd_vnni, &hn_simd_avx512, &hn_simd_avx2, &hn_simd_portable, NULL
};

/*
 * The features that the Makefile compiles each set for. The builtin reads
 * what the C runtime found at startup, from CPUID and, by XGETBV, from the
 * operating system: a register that it does not save is not there.
 */
static int
first_runnable(void)
{
	if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
		return 3;
	if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
		!__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl"))
		return 2;
	return __builtin_cpu_supports("avx512vnni") ? 0 : 1;
}
#else
static const HnSimd *const sets[] = {&hn_simd_portable, NULL};

static int
first_runnable(void)
{
	return 0;
}
#endif

const HnSimd *const *
hn_simd_available(void)
{
	return sets + first_runnable();
}

const HnSimd *
hn_simd(void)
{
	return hn_simd_available()[0];
}
