#!/bin/bash
#
# Set up, build and install hamnet, then run every test. Stages after the
# build are independent: all of them run, and the last line counts the tests
# of all stages.
#
#	scripts/check.sh [--full]
#
# With --full the tests that read HAMNET_CHECK take their long forms, fuzzing
# takes FUZZ_SECONDS a fuzzer instead of 30, and static analysis, the sanitizers,
# the unit tests for arm64, the packages and the image in new systems, and the
# short tests in systems of suites of Debian come in addition.

set -uo pipefail
cd "$(dirname "$0")/.." || exit
. scripts/common.sh

fuzz_seconds=30
case "${1:-}" in
	"") ;;
	--full)
		export HAMNET_CHECK=full
		fuzz_seconds=${FUZZ_SECONDS:-600}
		;;
	*) die "usage: scripts/check.sh [--full]" ;;
esac

passed=0
failed=0
failed_stages=()

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Count the tests of a stage by what its tool prints: cmocka (since version 2
# with the name of the group), pg_regress (another form since PostgreSQL 16), prove, which also reports files that ended
# badly without a failed test. Prints "passed failed".
count_tests()
{
	awk '
		/^\[  PASSED  \] [0-9]+ test/			{ passed += $4 }
		/^\[  FAILED  \] .*[0-9]+ test\(s\), /	{ sub(/ test\(s\).*/, ""); failed += $NF }
		/^(test|    ) .* \.\.\. ok /			{ passed++ }
		/^(test|    ) .* \.\.\. FAILED /		{ failed++ }
		/^ok [0-9]+ +[-+] /						{ passed++ }
		/^not ok [0-9]+ +[-+] /					{ failed++ }
		/^Files=[0-9]+, Tests=[0-9]+/			{ split($2, n, /[=,]/); passed += n[2] }
		/^Failed [0-9]+\/[0-9]+ subtests/		{ split($2, n, "/"); failed += n[1]; passed -= n[1] }
		/^(All [0-9]+ subtests passed|No subtests run)/	{ failed++ }
		END										{ print passed + 0, failed + 0 }' "$1"
}

# stage NAME COMMAND...: run one stage. One that fails, or that ran no test at
# all, has at least one failed test.
stage()
{
	local name=$1 started=$SECONDS status=0 good bad

	shift
	echo
	say "$name"
	"$@" 2>&1 </dev/null | tee "$work/log" || status=$?
	read -r good bad < <(count_tests "$work/log")
	if [ $((good + bad)) -eq 0 ] || { [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; }; then
		bad=1
	fi
	[ "$bad" -eq 0 ] || failed_stages+=("$name")
	passed=$((passed + good))
	failed=$((failed + bad))
	say "$name: $good passed, $bad failed, $((SECONDS - started)) s"
	[ "$bad" -eq 0 ]
}

finish()
{
	echo
	[ ${#failed_stages[@]} -eq 0 ] || printf 'failed: %s\n' "${failed_stages[@]}"
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ]
	exit
}

gcc_build()
{
	build_and_install WERROR=1 && echo 'ok 1 - no warnings'
}

regression_tests()
{
	with_cluster sh -c 'make -s installcheck || { cat regression.diffs; exit 1; }'
}

# In a copy, so that it neither takes nor leaves objects here.
clang_build()
{
	mkdir "$work/clang"
	tar -c --exclude-vcs --exclude='*.o' --exclude='*.a' --exclude='*.so' --exclude=./build . | tar -x -C "$work/clang"
	make -s -C "$work/clang" -j"$(nproc)" CC=clang CXX=clang++ WERROR=1 all unit-programs &&
		echo 'ok 1 - no warnings'
}

# For the test of pg_upgrade: the module again, over the same core, for the
# older server that HAMNET_OLDER names.
older_build()
{
	local config=/usr/lib/postgresql/$HAMNET_OLDER/bin/pg_config

	mkdir "$work/older"
	tar -c --exclude-vcs --exclude=./build --exclude='src/pg/*.o' --exclude='src/draw/*.o' --exclude='*.so' . | tar -x -C "$work/older"
	make -s -C "$work/older" -j"$(nproc)" PG_CONFIG="$config" WERROR=1 all && as_root make -s -C "$work/older" PG_CONFIG="$config" install &&
		echo 'ok 1 - no warnings'
}

scripts/setup.sh --tests || exit
find_server

stage "build with gcc, warnings are errors" gcc_build || finish
[ -z "${HAMNET_OLDER:-}" ] || stage "build for PostgreSQL $HAMNET_OLDER" older_build
stage "C unit tests" make -s -j"$(nproc)" unit WERROR=1
stage "SQL regression tests (pg_regress)" regression_tests
stage "SQL behaviour tests (pgTAP)" with_cluster make -s check-pgtap
stage "server tests (TAP)" make -s check-tap
stage "models in a directory (MODELDIR)" scripts/model_directory.sh
if command -v python3 >/dev/null; then
	stage "report of the models (python3)" python3 test/report.py
fi
stage "build with clang, warnings are errors" clang_build
stage "fuzzing, $fuzz_seconds s each" scripts/fuzz.sh "$fuzz_seconds"
if [ "${HAMNET_CHECK:-}" = full ]; then
	stage "static analysis" scripts/lint.sh
	stage "sanitizers" scripts/sanitize.sh
	stage "C unit tests for arm64" scripts/arm64.sh
	stage "packages and image in new systems" scripts/check_install.sh trixie
	for suite in bookworm trixie sid; do
		stage "Debian $suite" env HAMNET_CHECK= scripts/suite.sh "$suite" make check
	done
fi
finish
