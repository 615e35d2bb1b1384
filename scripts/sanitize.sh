#!/bin/bash
#
# Run the tests with sanitizers: see "make check-sanitize".
#
# The unit tests with a core that clang builds with AddressSanitizer,
# UndefinedBehaviorSanitizer and the core's own checks, all of which end the
# program. Then the tests in SQL with a module that gcc builds with the latter
# two: a server that was not built for AddressSanitizer does not start with it.
# An error ends the backend, which the tests notice, and stands in the server's
# log, which is shown then.

set -uo pipefail
cd "$(dirname "$0")/.." || exit
. scripts/common.sh

scripts/setup.sh --tests || exit
find_server

work=$(mktemp -d)
failed=0

# Put the usual module back.
restore()
{
	rm -rf "$work"
	[ -z "${replaced:-}" ] || build_and_install
}
trap restore EXIT

make -s -j"$(nproc)" checked-unit-programs || exit
for program in test/unit/test_*.c test/unit/double/test_*.c; do
	# Leaks of RDKit's are known by functions far up the stack, as in scripts/fuzz.sh.
	ASAN_OPTIONS=fast_unwind_on_malloc=0:malloc_context_size=8 \
		LSAN_OPTIONS=suppressions=test/fuzz/leaks.supp:print_suppressions=0 "build/checked/${program%.c}" || failed=1
done

# Everything that is made there, also for the installation, needs the same flags.
flags='-O1 -fno-omit-frame-pointer -fsanitize=undefined,float-cast-overflow -fno-sanitize=vptr -fno-sanitize-recover=all'
sanitized=(make -s -C "$work/tree" "SANITIZE=$flags -DHAMNET_CHECKS" "COPT=$flags" "PG_CONFIG=$PG_CONFIG")

say "building the module with sanitizers"
mkdir "$work/tree"
tar -c --exclude-vcs --exclude='*.o' --exclude='*.a' --exclude='*.so' --exclude=./build . | tar -x -C "$work/tree"
"${sanitized[@]}" -j"$(nproc)" all || exit
replaced=yes
as_root "${sanitized[@]}" install || exit
with_cluster sh -c 'make -s installcheck || { cat regression.diffs; exit 1; }' || failed=1
with_cluster make -s check-pgtap || failed=1
exit $failed
