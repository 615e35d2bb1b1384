#!/bin/bash
#
# Run TAP tests that start servers of their own; see "make check-tap".
# Arguments are the test files, or options of prove.

set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

find_server
pgxs=$(dirname "$("$PG_CONFIG" --pgxs)")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# From PostgreSQL 16 on logs and data have directories of their own.
run=(env "TESTDIR=$work" "TESTDATADIR=$work/tmp_check" "TESTLOGDIR=$work/tmp_check/log" "PATH=$("$PG_CONFIG" --bindir):$PATH" PGPORT=65432
	"PG_REGRESS=$(realpath "$pgxs/../test/regress/pg_regress")"
	prove -I "$(realpath "$pgxs/../test/perl")")

# A server refuses to run as root, and another user may not be allowed to read
# this checkout, or to search the directories above it.
if [ "$(id -u)" -eq 0 ]; then
	cp -r README.md doc demo test "$work"
	chown -R postgres: "$work"
	cd "$work"
	run=(runuser -u postgres -- "${run[@]}")
fi

if ! "${run[@]}" "$@" </dev/null; then
	# What failed, and what died before its plan. A line of a log begins with its time, [23:51:37.366](0.000s) from PostgreSQL 15 on.
	line='^\[[^]]*\](\([^)]*\))?'
	{
		grep -lZE "$line (not ok|# Looks like)" "$work"/tmp_check/log/regress_log_* || true
		grep -LZE "$line 1\.\." "$work"/tmp_check/log/regress_log_* || true
	} | sort -zu | xargs -0 -r tail -n 40
	exit 1
fi
