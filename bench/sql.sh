#!/bin/bash
#
#     bench/sql.sh SMILES-FILE
#
# How fast hamnet is through SQL, on the server that PGHOST and so on name; see
# "make bench". Prints Markdown. Times of one backend are CPU time, from
# /proc/self/schedstat; those of parallel workers are by the clock on the wall.
# BENCH_ROWS sets the sizes of the library.

set -euo pipefail
file=$1
rows=${BENCH_ROWS:-1000 10000}
database=hamnet_bench

dropdb --if-exists "$database" 2>/dev/null
createdb "$database"
sql="psql --no-psqlrc --quiet --no-align --tuples-only --set ON_ERROR_STOP=1 --dbname $database"
$sql <<'SQL'
CREATE EXTENSION hamnet;
CREATE TABLE source (id serial, smiles text);
-- Nanoseconds that this backend has run.
CREATE FUNCTION cpu() RETURNS bigint LANGUAGE sql VOLATILE AS
	$$SELECT split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::bigint$$;
-- Kilobytes of this backend's memory.
CREATE FUNCTION memory(field text) RETURNS bigint LANGUAGE sql VOLATILE AS
	$$SELECT substring(pg_read_file('/proc/self/status') FROM field || ':\s+(\d+)')::bigint$$;
SQL
cut -f1 -d' ' "$file" | $sql --command 'COPY source (smiles) FROM STDIN'
$sql --command 'VACUUM ANALYZE source'

# CPU time of one statement in a warm backend, in microseconds for each of $1 rows; the least of three.
cpu_of()
{
	local least='' each
	for _ in 1 2 3; do
		each=$($sql <<-SQL
			SELECT hamnet_fingerprint('CCO') IS NULL, count(*) FROM hamnet_predictions('CCO') \g /dev/null
			SELECT cpu() AS start \gset
			$2 \g /dev/null
			SELECT ((cpu() - :start) / 1e3 / $1)::numeric(10, 1);
		SQL
		)
		least=$(printf '%s\n' $least "$each" | sort -n | head -1)
	done
	echo "$least"
}

count=$($sql --command 'SELECT count(*) FROM source')
echo "| statement, $count molecules | µs of CPU a molecule | molecules a second |"
echo '|---|---|---|'
line()
{
	echo "| $1 | $2 | $(awk "BEGIN { printf \"%.0f\", 1e6 / $2 }") |"
}
line '`SELECT hamnet_canonical_smiles(smiles)`' "$(cpu_of "$count" 'SELECT count(hamnet_canonical_smiles(smiles)) FROM source')"
line '`SELECT hamnet_fingerprint(smiles)`' "$(cpu_of "$count" 'SELECT count(hamnet_fingerprint(smiles)) FROM source')"
line '`SELECT hamnet_fingerprints(array_agg(smiles))`, 100 a call' "$(cpu_of "$count" 'SELECT count(hamnet_fingerprints(a)) FROM (SELECT array_agg(smiles) AS a FROM source GROUP BY id / 100) s')"
line '`SELECT … FROM hamnet_predictions(smiles)`' "$(cpu_of "$count" 'SELECT count(*) FROM source, hamnet_predictions(smiles)')"

echo
echo '`INSERT … SELECT` into a generated column, by the size of the library:'
echo
echo '| rows | µs of CPU a row | rows a second |'
echo '|---|---|---|'
for n in $rows; do
	each=$($sql <<-SQL
		CREATE TABLE compound (id int, smiles text, fp hfp GENERATED ALWAYS AS (hamnet_fingerprint(smiles)) STORED);
		SELECT hamnet_fingerprint('CCO') IS NULL \g /dev/null
		SELECT cpu() AS start \gset
		INSERT INTO compound SELECT i, smiles FROM generate_series(1, $n) i JOIN source ON source.id = 1 + i % $count;
		SELECT ((cpu() - :start) / 1e3 / $n)::numeric(10, 1);
		DROP TABLE compound;
	SQL
	)
	line "$n" "$each"
done

echo
echo 'Parallel query, by the clock on the wall, least of three:'
echo
echo '| workers | seconds | ratio to none |'
echo '|---|---|---|'
none=
for workers in 0 1 2; do
	$sql --command "ALTER TABLE source SET (parallel_workers = $workers)"
	least=
	for _ in 1 2 3; do
		seconds=$($sql <<-SQL
			SET max_parallel_workers_per_gather = $workers;
			SELECT clock_timestamp() AS start \gset
			SELECT count(hamnet_fingerprint(smiles)) FROM source \g /dev/null
			SELECT extract(epoch FROM clock_timestamp() - :'start'::timestamptz)::numeric(10, 3);
		SQL
		)
		least=$(printf '%s\n' $least "$seconds" | sort -n | head -1)
	done
	none=${none:-$least}
	echo "| $workers | $least | $(awk "BEGIN { printf \"%.2f\", $none / $least }") |"
done

echo
echo 'A fresh connection, least of five:'
echo
least=
for _ in 1 2 3 4 5; do
	measured=$($sql <<-'SQL'
		SELECT cpu() AS connected, memory('RssAnon') AS anonymous \gset
		LOAD 'hamnet';
		SELECT cpu() AS loaded \gset
		SELECT hamnet_fingerprint(smiles) IS NULL FROM source WHERE id = 1 \g /dev/null
		SELECT cpu() AS first \gset
		SELECT count(hamnet_fingerprint(smiles)) FROM source WHERE id BETWEEN 2 AND 101 \g /dev/null
		SELECT cpu() AS more \gset
		SELECT ((:first - :connected) / 1e6)::numeric(10, 1), ((:loaded - :connected) / 1e6)::numeric(10, 1),
			((:first - :loaded) / 1e6)::numeric(10, 1), ((:more - :first) / 1e8)::numeric(10, 2),
			((:first - :connected) / ((:more - :first) / 100.0))::numeric(10, 1),
			((memory('RssAnon') - :anonymous) / 1024.0)::numeric(10, 1);
	SQL
	)
	least=$(printf '%s\n' $least "$measured" | sort -n | head -1)
done
IFS='|' read -r first load model each ratio memory <<<"$least"
echo '| | |'
echo '|---|---|'
echo "| first fingerprint, ms of CPU | $first |"
echo "| of it: loading the libraries (none with \`shared_preload_libraries\`) | $load |"
echo "| of it: reading, checking and packing the model, RDKit's tables, the fingerprint | $model |"
echo "| each of the following 100, ms | $each |"
echo "| first in terms of the following | $ratio |"
echo "| memory that the backend gained, MiB | $memory |"

dropdb "$database"
