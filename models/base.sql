-- The recipe of hamnet-base: the engine of hamnet-engine, and a generator that
-- learned to predict RDKit's descriptors of compounds of a library. Run it in
-- the repository's directory, in a database of its own:
--
--     psql -v data=/path/to/data -f models/base.sql
--     psql -qAtc "SELECT encode(weights, 'base64') FROM _hamnet_model WHERE name = 'base'" |
--         base64 -d > models/hamnet-base.safetensors
--
-- Whatever stops it, run it again: tables that are there stay, and training
-- goes on from its last checkpoint. Below the directory lie
--
--     library/library.tsv.gz          compounds in random order, SMILES first
--     splits/*.csv.gz                 row, smiles, random0, …, scaffold: train, valid or test
--     qm9/qm9_targets.csv.gz          SMILES of QM9, which its split leaves out
--
-- It needs 10 GB of memory, most of it shared (/dev/shm), and two workers.
-- Variables with defaults: rows (read from the library), molecules (learned from), epochs, workers.

\set ON_ERROR_STOP on
\timing on
SET client_min_messages = notice;
SET hamnet.training_memory = '8GB';
SET parallel_setup_cost = 0;
SET min_parallel_table_scan_size = 0;
\if :{?rows}
\else
\set rows 320000
\endif
\if :{?molecules}
\else
\set molecules 255000
\endif
\if :{?epochs}
\else
\set epochs 3
\endif
\if :{?workers}
\else
\set workers 2
\endif
\setenv DATA :data
\setenv ROWS :rows

CREATE EXTENSION IF NOT EXISTS hamnet;

-- 1. Molecules that some split of some data set validates or tests with.

SELECT to_regclass('reserved') IS NULL AS absent \gset
\if :absent
BEGIN;
CREATE TABLE evaluated (data_set text, row int, smiles text, parts text[]);
\copy evaluated FROM PROGRAM 'for set in ESOL FreeSolv Lipophilicity BBBP Tox21 HIV; do zcat "$DATA"/splits/$set.csv.gz | tail -n +2 | sed -E "s/^([0-9]+),(.*),(([a-z]+,){5}[a-z]+)$/$set,\1,\2,\"{\3}\"/"; done' WITH (FORMAT csv)
CREATE TABLE qm9_smiles (row int GENERATED ALWAYS AS IDENTITY (MINVALUE 0), smiles text);
\copy qm9_smiles (smiles) FROM PROGRAM 'zcat "$DATA"/qm9/qm9_targets.csv.gz | tail -n +2 | cut -d, -f2' WITH (FORMAT csv)
CREATE TABLE qm9_parts (row int, parts text[]);
\copy qm9_parts FROM PROGRAM 'zcat "$DATA"/splits/QM9.csv.gz | tail -n +2 | sed -E "s/^([0-9]+),(.*)$/\1,\"{\2}\"/"' WITH (FORMAT csv)
INSERT INTO evaluated SELECT 'QM9', row, smiles, parts FROM qm9_smiles JOIN qm9_parts USING (row);
CREATE TABLE reserved AS
SELECT DISTINCT hamnet_canonical_smiles(smiles) AS smiles FROM evaluated WHERE parts && '{valid,test}';
DROP TABLE qm9_smiles, qm9_parts;
COMMIT;
\endif

-- 2. Molecules to learn from: a random part of the library, and its small
-- molecules, which are rare there but not in the data sets.

SELECT to_regclass('molecule') IS NULL AS absent \gset
\if :absent
BEGIN;
CREATE TABLE library (smiles text);
\copy library FROM PROGRAM 'zcat "$DATA"/library/library.tsv.gz | awk -F "\t" "NR <= $ROWS || length(\$1) <= 20 { print \$1 }"' WITH (FORMAT csv)
CREATE TABLE readable AS
SELECT CASE WHEN hamnet_smiles_error(smiles) IS NULL THEN hamnet_canonical_smiles(smiles) END AS smiles
FROM library WHERE length(smiles) <= 120;
CREATE TABLE molecule AS
SELECT DISTINCT smiles FROM readable WHERE smiles NOT IN (SELECT smiles FROM reserved);
SELECT (SELECT count(*) FROM library) AS compounds, (SELECT count(*) FROM readable WHERE smiles IS NULL) AS unreadable,
	(SELECT count(DISTINCT smiles) FROM readable) AS molecules, (SELECT count(*) FROM molecule) AS not_reserved;
COMMIT;
\endif

-- 3. Their descriptors in standard deviations, cut at six. A descriptor that a
-- molecule does not have is a missing label; one that never varies is left out.

SELECT to_regclass('descriptor') IS NULL AS absent \gset
\if :absent
BEGIN;
-- In a function, because a subquery would keep parallel workers away.
CREATE FUNCTION descriptor_values(smiles text) RETURNS double precision[] LANGUAGE sql STABLE PARALLEL SAFE COST 50000 AS
'SELECT array_agg(value) FROM hamnet_descriptors(smiles)';
CREATE TABLE raw AS SELECT smiles, descriptor_values(smiles) AS value FROM molecule;
CREATE TABLE descriptor AS
SELECT place, name, mean, deviation
FROM hamnet_descriptors('C') WITH ORDINALITY AS d (name, v, place)
	JOIN (SELECT place, avg(v) AS mean, stddev(v) AS deviation FROM raw, unnest(value) WITH ORDINALITY AS u (v, place)
		WHERE v < 'Infinity' AND v > '-Infinity' GROUP BY place) AS s USING (place)
WHERE deviation > 0;
CREATE FUNCTION standard(value double precision, mean double precision, deviation double precision)
RETURNS double precision LANGUAGE sql IMMUTABLE AS
'SELECT CASE WHEN value IS NOT NULL THEN greatest(-6, least(6, (value - mean) / deviation)) END';
COMMIT;
\endif

-- 4. The generator, and its twin that sees no positions, for comparison.

SELECT format('SELECT smiles, %s FROM raw ORDER BY md5(smiles) LIMIT %s',
	string_agg(format('standard(value[%s], %s, %s) AS %I', place, mean, deviation, name), ', ' ORDER BY place), :molecules) AS query
FROM descriptor \gset

SELECT count(*) FILTER (WHERE name = 'pretrained') = 0 AS absent, count(*) FILTER (WHERE name = 'pretrained_no_engine') = 0 AS twin_absent
FROM hamnet_models() \gset
\set shape '{"head": "full", "base": "hamnet-engine", "generator": "new", "features": "hamnet-2026", "bond_messages": true, "dim": 256, "edge_dim": 64, "layers": 3, "units": 0, "dropout": 0, "batch": 64, "validation": 0.01, "checkpoint": 0}'
\if :absent
CALL hamnet_train('pretrained', :'query', :'shape'::jsonb || jsonb_build_object('epochs', :epochs, 'workers', :workers));
\endif
\if :twin_absent
CALL hamnet_train('pretrained_no_engine', :'query', :'shape'::jsonb || jsonb_build_object('engine', false, 'epochs', :epochs, 'workers', :workers));
\endif

-- Without the head that predicts descriptors.

SELECT hamnet_combine_models('base', '{pretrained}', heads => false, replace => true),
	hamnet_combine_models('base_no_engine', '{pretrained_no_engine}', heads => false, replace => true);
