#!/bin/bash
#
# How fast a library is enriched, by form and by number of workers, in a
# throw-away server with the installed extension. Prints every run, and ratios.
#
#   bench/enrich.sh [FILE [ROWS [ROUNDS [FORMS]]]]
#
# FILE has a SMILES in the first column of each line, separated by a tab, and may be compressed
# by gzip; default is the NCI set of the package rdkit-data. FORMS is a regular
# expression that chooses among the forms. Runs of the forms are
# interleaved, so that other work on the machine hits all of them.

set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/.."
. scripts/common.sh

file=${1:-/usr/share/RDKit/Data/NCI/first_5K.smi}
rows=${2:-5000}
rounds=${3:-3}
pattern=${4:-.}

if [ -z "${PGHOST:-}" ]; then
	find_server
	pg_virtualenv -t -v "$PG_MAJOR" -o max_worker_processes=16 -c '--locale C.UTF-8 --encoding UTF8' "$0" "$file" "$rows" "$rounds" "$pattern"
	exit
fi

sql()
{
	psql --no-psqlrc --quiet --no-align --tuples-only --set ON_ERROR_STOP=1 "$@"
}

seconds()
{
	local start=$EPOCHREALTIME

	"$@" >/dev/null
	echo "$start $EPOCHREALTIME" | awk '{ printf "%.2f", $2 - $1 }'
}

# Processor time, in seconds, of all server processes that have ended so far.
processor_time()
{
	awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($14 + $15) / hz }' "/proc/$postmaster/stat"
}

# Memory of its own, in kB, of the one background worker, or of the largest.
worker_memory()
{
	local pid

	for pid in $(sql -c "SELECT pid FROM pg_stat_activity WHERE backend_type = 'hamnet enrich'"); do
		awk '/^RssAnon/ { print $2 }' "/proc/$pid/status" 2>/dev/null
	done | sort -n | tail -1
}

# The table without fingerprints, on disk, so that no run pays for another one's writes.
fresh()
{
	sql -c "SET client_min_messages = warning" -c "DROP TABLE IF EXISTS work" \
		-c "CREATE TABLE work AS SELECT id, smiles, NULL::hfp AS fp FROM library" -c "VACUUM ANALYZE work" -c CHECKPOINT
}

empty()
{
	sql -c "SET client_min_messages = warning" -c "DROP TABLE IF EXISTS work" \
		-c "CREATE TABLE work (id int, smiles text, fp hfp $1)" -c CHECKPOINT
}

enrich()
{
	sql -c "SET client_min_messages = warning" -c "CALL hamnet_enrich('work', 'smiles', 'fp', '{\"workers\": $1}')"
}

prepare()
{
	case $1 in
		hamnet_enrich*|UPDATE*) fresh ;;
		*generated*) empty "GENERATED ALWAYS AS (hamnet_try_fingerprint(smiles)) STORED" ;;
		*) empty "" ;;
	esac
}

run()
{
	case $1 in
		"hamnet_enrich, alone") seconds enrich 0 ;;
		"hamnet_enrich, "*" worker"*) seconds enrich "$(grep -o '[0-9]*' <<<"$1")" ;;
		"INSERT into a generated column") seconds sql -c "INSERT INTO work SELECT id, smiles FROM library" ;;
		"UPDATE, row by row") seconds sql -c "UPDATE work SET fp = hamnet_try_fingerprint(smiles)" ;;
		"INSERT from hamnet_fingerprint_query")
			seconds sql -c "INSERT INTO work SELECT * FROM hamnet_fingerprint_query('SELECT id, smiles FROM library') AS (id int, smiles text, fp hfp)" ;;
		"CREATE TABLE AS, parallel query")
			seconds sql -c "SET parallel_setup_cost = 0" -c "SET parallel_leader_participation = off" -c "SET min_parallel_table_scan_size = 0" \
				-c "DROP TABLE work" -c "CREATE TABLE work AS SELECT id, smiles, hamnet_try_fingerprint(smiles) AS fp FROM library" ;;
	esac
}

forms=("hamnet_enrich, 1 worker" "hamnet_enrich, 2 workers" "hamnet_enrich, 4 workers" "hamnet_enrich, 6 workers" "hamnet_enrich, 8 workers" "hamnet_enrich, alone" "INSERT into a generated column"
	"UPDATE, row by row" "INSERT from hamnet_fingerprint_query" "CREATE TABLE AS, parallel query")

sql -c "CREATE EXTENSION hamnet" -c "CREATE TABLE library (id int GENERATED ALWAYS AS IDENTITY, smiles text)"
case $file in
	*.gz) zcat "$file" ;;
	*) cat "$file" ;;
esac | cut -f 1 | awk -v rows="$rows" 'NR <= rows' | sql -c "COPY library (smiles) FROM STDIN WITH (FORMAT csv, DELIMITER E'\t', QUOTE E'\b')"
sql -c "VACUUM ANALYZE library"

postmaster=$(head -1 "$(sql -c 'SHOW data_directory')/postmaster.pid")
echo "$(sql -c 'SELECT count(*) FROM library') molecules of $(basename "$file"), $(nproc) processors; seconds of each run"
declare -A times
for _ in $(seq "$rounds"); do
	for form in "${forms[@]}"; do
		[[ $form =~ $pattern ]] || continue
		prepare "$form"
		before=$(processor_time)
		time=$(run "$form")
		sleep 0.2
		times[$form]+=" $time"
		printf '%-40s %8.2f s %8.0f molecules/s %8.2f s of processor time\n' "$form" "$time" \
			"$(awk "BEGIN { print $rows / $time }")" "$(awk "BEGIN { print $(processor_time) - $before }")"
	done
done

echo "speed as a multiple of one worker's, round by round, and of the best runs"
for form in "${forms[@]}"; do
	[[ $form =~ $pattern ]] || continue
	printf '%-40s' "$form"
	echo "${times["hamnet_enrich, 1 worker"]} / ${times[$form]}" | awk -F ' / ' '{
		n = split($1, a, " "); split($2, b, " "); least_a = least_b = 1e9
		for (i = 1; i <= n; i++) {
			printf " %5.2f", a[i] / b[i]
			if (a[i] < least_a) least_a = a[i]
			if (b[i] < least_b) least_b = b[i]
		}
		printf "   best %5.2f\n", least_a / least_b }'
done

echo "memory of a worker while it works, in kB, at so many rows"
fresh
enrich 1 &
while kill -0 $! 2>/dev/null; do
	sql -c "SELECT rows_filled FROM hamnet_enrich_progress() WHERE rows_filled > 0" | tr '\n' ' '
	worker_memory
	sleep "$(awk "BEGIN { print $rows / 4000 }")"
done | awk 'NF == 2'
