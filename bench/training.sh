#!/bin/bash
#
# bench/training.sh: throughput of training with one process and with two, on
# the server that PGHOST and so on name, in a database of its own. The last
# line is the ratio. The molecules come with Debian's package rdkit-data.

set -euo pipefail
database=hamnet_bench_training
molecules=/usr/share/RDKit/Contrib/FreeWilson/data

psql="psql --no-psqlrc --quiet --no-align --tuples-only --set ON_ERROR_STOP=1 --dbname $database"
dropdb --if-exists "$database" 2>/dev/null
createdb "$database"
trap 'dropdb "$database"' EXIT

$psql <<SQL
SET client_min_messages = warning;
CREATE EXTENSION hamnet;
CREATE TABLE structure (smiles text, id bigint PRIMARY KEY);
CREATE TABLE measured (id bigint PRIMARY KEY, activity double precision);
\copy structure FROM '$molecules/CHEMBL2321810.smi' WITH (FORMAT csv, DELIMITER ' ')
\copy measured FROM '$molecules/CHEMBL2321810_act.csv' WITH (FORMAT csv, HEADER)
CALL hamnet_train('one', 'SELECT smiles, activity FROM structure JOIN measured USING (id)', '{"head": "full", "epochs": 3, "workers": 1}');
CALL hamnet_train('two', 'SELECT smiles, activity FROM structure JOIN measured USING (id)', '{"head": "full", "epochs": 3, "workers": 2}');

-- the fastest epoch of each, which other work on the machine disturbed least
CREATE VIEW speed AS SELECT model, max(molecules_per_second) AS rate FROM hamnet_training_log() GROUP BY model;
SELECT model || ': ' || round(rate::numeric) || ' molecules a second' FROM speed ORDER BY model;
SELECT 'two processes / one: ' || round((max(rate) FILTER (WHERE model = 'two') / max(rate) FILTER (WHERE model = 'one'))::numeric, 2) FROM speed;
SQL
