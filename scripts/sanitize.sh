#!/bin/bash
#
# Run the tests with sanitizers: see "make check-sanitize".
#
# The unit tests with a core that clang builds with AddressSanitizer,
# UndefinedBehaviorSanitizer and the core's own checks, all of which end the
# program. Then the tests in SQL with a module that gcc builds so: the server
# itself is the usual one and loads AddressSanitizer first; an error ends the
# backend, which the tests notice, and its report is shown.

set -uo pipefail
cd "$(dirname "$0")/.." || exit
. scripts/common.sh

scripts/setup.sh --tests || exit
find_server

work=$(mktemp -d)
chmod 755 "$work"
failed=0

# The module with sanitizers serves no server that was not told: put the usual one back.
restore()
{
	rm -rf "$work"
	[ -z "${replaced:-}" ] || build_and_install
}
trap restore EXIT

make -s -j"$(nproc)" checked-unit-programs || exit
for program in test/unit/test_*.c test/unit/double/test_*.c; do
	"build/checked/${program%.c}" || failed=1
done

# What the sanitizers of the server say, whoever the server runs as.
mkdir -m 777 "$work/reports"

build_sanitized()
{
	local flags='-O1 -fno-omit-frame-pointer -fsanitize=address,undefined,float-cast-overflow -fno-sanitize=vptr -fno-sanitize-recover=all'

	mkdir "$work/tree"
	tar -c --exclude-vcs --exclude='*.o' --exclude='*.a' --exclude='*.so' --exclude=./build . | tar -x -C "$work/tree"
	make -s -C "$work/tree" -j"$(nproc)" all SANITIZE="$flags -DHAMNET_CHECKS" COPT="$flags"
}

# In a cluster: let its server load the sanitizer, and run a command. Leaks are
# not looked for in a server, which leaves memory to the end of its processes.
with_sanitizer()
{
	local environment

	environment=$(
		echo "LD_PRELOAD = '$(gcc -print-file-name=libasan.so)'"
		echo "ASAN_OPTIONS = 'detect_leaks=0:abort_on_error=1:log_path=$work/reports/address'"
		echo "UBSAN_OPTIONS = 'print_stacktrace=1:log_path=$work/reports/undefined'"
	)
	# shellcheck disable=SC2016 # expanded within the cluster
	with_cluster sh -c '
		echo "$1" >>"$PG_CLUSTER_CONF_ROOT/$PGVERSION/regress/environment"
		shift
		pg_ctlcluster "$PGVERSION" regress restart && "$@"' sh "$environment" "$@"
}

say "building the module with sanitizers"
build_sanitized || exit
replaced=yes
as_root make -s -C "$work/tree" install PG_CONFIG="$PG_CONFIG" || exit
with_sanitizer sh -c 'make -s installcheck || { cat regression.diffs; exit 1; }' || failed=1
with_sanitizer make -s check-pgtap || failed=1
for report in "$work"/reports/*; do
	if [ -e "$report" ]; then
		head -n 60 "$report"
		failed=1
	fi
done
exit $failed
