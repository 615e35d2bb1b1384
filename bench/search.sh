#!/bin/bash
#
# Compare ways to find the nearest fingerprints: what each costs to build, what
# it reads and how long it takes, as ratios to a sequential scan in the same run.
#
#	bench/search.sh [-q queries] [-m method]... DATA...
#
# DATA is a file of COPY (SELECT id, smiles, fp FROM ...) TO ... (FORMAT binary),
# or synthetic:N for N fingerprints of 256 dimensions that lie near a surface
# of ten, as those of a trained network do.
#
# A method is a file of bench/search: SQL that builds what it needs on table
# "compound", the index of it being named bench_index, and sets what makes the
# planner use it. A file may leave the method out by setting skip. Markdown goes
# to standard output, progress to standard error. The server is the one that
# PGHOST and so on name; it must have the extension.

set -euo pipefail
cd "$(dirname "$0")/.."

queries=200
methods=()
while getopts q:m: option; do
	case $option in
		q) queries=$OPTARG ;;
		m) methods+=("bench/search/$OPTARG.sql") ;;
		*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || { sed -n '3,18s/^#\t\?//p' "$0" >&2; exit 2; }
[ ${#methods[@]} -gt 0 ] || methods=(bench/search/[0-9]*.sql)

export PGDATABASE=hamnet_bench
export PGOPTIONS='-c client_min_messages=warning'
psql="psql --no-psqlrc --quiet --no-align --tuples-only --set ON_ERROR_STOP=1"

dropdb --if-exists "$PGDATABASE" 2>/dev/null
createdb "$PGDATABASE"
$psql --file bench/search/setup.sql

for data in "$@"; do
	echo "loading $data" >&2
	$psql --command 'TRUNCATE compound'
	case $data in
		synthetic:*) $psql --command "CALL make_synthetic(${data#synthetic:})" ;;
		*) $psql --command "\\copy loading FROM '$data' (FORMAT binary)" \
			--command 'CALL take_loaded()' ;;
	esac
	$psql --command 'VACUUM ANALYZE compound' --command "CALL choose_queries($queries)"
	for method in "${methods[@]}"; do
		name=$(basename "$method" .sql | sed 's/^[0-9]*_//')
		echo "$data: $name" >&2
		$psql --set data="$(basename "$data" .copy)" --set method="$name" \
			--set file="$PWD/$method" --file bench/search/run.sql >&2
	done
done
$psql --file bench/search/report.sql
