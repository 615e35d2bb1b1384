-- The recipe of what makes hamnet-base a fingerprint to search with: a projection
-- behind its generator, trained on assays. Run it in the repository's
-- directory, in the database in which base.sql, with rows=2000000, made the tables
-- of the library and the model "base" (hamnet-base of version 0.2.0):
--
--     psql -v data=/path/to/data -f models/fingerprint.sql
--     psql -qAtc "SELECT encode(weights, 'base64') FROM _hamnet_model WHERE name = 'search'" | base64 -d > search.safetensors
--     make models/round_model && models/round_model search.safetensors models/hamnet-base.safetensors
--
-- Whatever stops it, run it again: tables that are there stay, and training goes
-- on from its last checkpoint. Below the directory lie, beside what base.sql reads,
--
--     activity/fsmol_*.tsv.gz, activity/kinase200_*.tsv.gz    assays
--     admet/tdc/*_test.csv.gz                                 test rows that are not learned from
--     retrieval/{actives,decoys}.tsv.gz, moleculenet/muv.csv.gz   sets to search in: no label is learned from
--
-- It needs python3-numpy, python3-scipy and python3-rdkit, 12 GB of memory and two workers.
-- Variables with defaults: substructures (molecules of the library whose counts
-- begin the projection), described (those whose descriptors it learns to tell),
-- share (of the labels, up to 1), workers.

\set ON_ERROR_STOP on
\timing on
SET client_min_messages = notice;
SET hamnet.training_memory = '12GB';
SET parallel_setup_cost = 0;
SET min_parallel_table_scan_size = 0;
\if :{?share}
\else
\set share 1
\endif
\if :{?substructures}
\else
\set substructures 600000
\endif
\if :{?described}
\else
\set described 30000
\endif
\if :{?workers}
\else
\set workers 2
\endif
\setenv DATA :data

CREATE EXTENSION IF NOT EXISTS hamnet;

-- 1. Molecules whose labels are hidden: those that some split of some data set
-- validates or tests with, TDC's test rows, and all that are searched in.

SELECT to_regclass('hidden') IS NULL AS absent \gset
\if :absent
BEGIN;
CREATE TABLE evaluated_here (source text, smiles text);
\copy evaluated_here FROM PROGRAM 'for set in ESOL FreeSolv Lipophilicity BBBP Tox21 HIV QM9; do zcat "$DATA"/splits/$set.csv.gz | python3 -c "import csv, sys; w = csv.writer(sys.stdout); [w.writerow((sys.argv[1], r[\"smiles\"])) for r in csv.DictReader(sys.stdin) if r.get(\"smiles\") and {\"valid\", \"test\"} & set(r.values())]" $set; done' WITH (FORMAT csv)
\copy evaluated_here FROM PROGRAM 'for f in "$DATA"/admet/tdc/*_test.csv.gz; do zcat $f | python3 -c "import csv, sys; csv.writer(sys.stdout).writerows((\"TDC\", r[\"Drug\"]) for r in csv.DictReader(sys.stdin))"; done' WITH (FORMAT csv)
\copy evaluated_here FROM PROGRAM 'zcat "$DATA"/moleculenet/muv.csv.gz | python3 -c "import csv, sys; csv.writer(sys.stdout).writerows((\"MUV\", r[\"smiles\"]) for r in csv.DictReader(sys.stdin))"' WITH (FORMAT csv)
\copy evaluated_here FROM PROGRAM 'for f in actives decoys; do zcat "$DATA"/retrieval/$f.tsv.gz | tail -n +2 | cut -f4 | sed "s/^/retrieval,/"; done' WITH (FORMAT csv)
CREATE TABLE hidden AS
SELECT source, hamnet_canonical_smiles(smiles) AS smiles FROM evaluated_here WHERE hamnet_smiles_error(smiles) IS NULL GROUP BY 1, 2;
DROP TABLE evaluated_here;
COMMIT;
\endif

-- 2. Assays: of FS-Mol those to train on, and kinases, whose actives are below
-- 100 nM and inactives above 1 µM; without hidden molecules, and of kinases
-- without those of FS-Mol's other assays, which may be the same measurements.

SELECT to_regclass('activity') IS NULL AS absent \gset
\if :absent
BEGIN;
CREATE TABLE fsmol_compound (compound int, smiles text);
\copy fsmol_compound FROM PROGRAM 'zcat "$DATA"/activity/fsmol_compounds.tsv.gz' WITH (FORMAT csv, DELIMITER E'\t', HEADER)
CREATE TABLE fsmol_activity (assay text, compound int, active int, relation text, log_value float8);
\copy fsmol_activity FROM PROGRAM 'zcat "$DATA"/activity/fsmol_activities.tsv.gz' WITH (FORMAT csv, DELIMITER E'\t', HEADER)
CREATE TABLE fsmol_assay (assay text, split text, assay_type text, target_id text, protein_class text);
\copy fsmol_assay FROM PROGRAM 'zcat "$DATA"/activity/fsmol_assays.tsv.gz' WITH (FORMAT csv, DELIMITER E'\t', HEADER)
CREATE TABLE kinase_compound (compound int, smiles text, split_random text, split_cluster text);
\copy kinase_compound FROM PROGRAM 'zcat "$DATA"/activity/kinase200_compounds.tsv.gz' WITH (FORMAT csv, DELIMITER E'\t', HEADER)
CREATE TABLE kinase_activity (compound int, target text, px float8);
\copy kinase_activity FROM PROGRAM 'zcat "$DATA"/activity/kinase200_activities.tsv.gz' WITH (FORMAT csv, DELIMITER E'\t', HEADER)
CREATE TABLE fsmol_canonical AS SELECT compound, hamnet_canonical_smiles(smiles) AS smiles FROM fsmol_compound;
CREATE TABLE kinase_canonical AS SELECT compound, hamnet_canonical_smiles(smiles) AS smiles FROM kinase_compound;
CREATE TABLE activity AS
WITH measured AS (
	SELECT 'FS-Mol ' || assay AS assay, smiles, bool_or(active = 1) AS active
	FROM fsmol_activity JOIN fsmol_assay USING (assay) JOIN fsmol_canonical USING (compound)
	WHERE split = 'train' GROUP BY 1, 2 HAVING min(active) = max(active)
	UNION ALL
	SELECT 'kinase ' || target, smiles, bool_or(px >= 7)
	FROM kinase_activity JOIN kinase_canonical USING (compound)
	WHERE (px >= 7 OR px < 6) AND smiles NOT IN (
		SELECT smiles FROM fsmol_activity JOIN fsmol_assay USING (assay) JOIN fsmol_canonical USING (compound) WHERE split <> 'train')
	GROUP BY 1, 2 HAVING min((px >= 7)::int) = max((px >= 7)::int))
SELECT dense_rank() OVER (ORDER BY assay)::int AS assay_number, * FROM measured WHERE smiles NOT IN (SELECT smiles FROM hidden);
DELETE FROM activity WHERE assay IN (SELECT assay FROM activity GROUP BY assay HAVING count(*) FILTER (WHERE active) < 2);
COMMIT;
SELECT split_part(assay, ' ', 1) AS source, count(*) AS labels, count(*) FILTER (WHERE active) AS actives, count(DISTINCT assay) AS assays, count(DISTINCT smiles) AS molecules
FROM activity GROUP BY 1 ORDER BY 1;
SELECT source, (SELECT count(*) FROM fsmol_canonical AS f WHERE f.smiles IN (SELECT h.smiles FROM hidden AS h WHERE h.source = s.source)) AS left_out_of_fsmol,
	(SELECT count(*) FROM kinase_canonical AS k WHERE k.smiles IN (SELECT h.smiles FROM hidden AS h WHERE h.source = s.source)) AS left_out_of_kinases
FROM (SELECT DISTINCT source FROM hidden) AS s ORDER BY 1;
\endif

-- 3. The projection to begin with, from the library's substructures alone.

SELECT count(*) FILTER (WHERE name = 'start') = 0 AS absent FROM hamnet_models() \gset
\if :absent
\! mkdir -p /tmp/hamnet-fingerprint
CREATE TEMP VIEW counted AS SELECT smiles FROM molecule ORDER BY md5(smiles) LIMIT :substructures;
\copy (SELECT smiles FROM counted) TO '/tmp/hamnet-fingerprint/library.smi'
\copy (SELECT encode(weights, 'base64') FROM _hamnet_model WHERE name = 'base') TO PROGRAM 'tr -d "\\\\n" | base64 -d > /tmp/hamnet-fingerprint/base.safetensors'
\! /usr/bin/python3 models/projection.py /tmp/hamnet-fingerprint/base.safetensors /tmp/hamnet-fingerprint/start.safetensors < /tmp/hamnet-fingerprint/library.smi
\lo_import /tmp/hamnet-fingerprint/start.safetensors
SELECT hamnet_load_model('start', lo_get(:LASTOID)), lo_unlink(:LASTOID);
\! rm -r /tmp/hamnet-fingerprint
\endif

-- 4. What is learned from: labels, and molecules of the library with descriptors
-- in standard deviations, which keep the fingerprint telling of size and polarity.

SELECT to_regclass('learned') IS NULL AS absent \gset
\if :absent
CREATE TABLE learned AS
SELECT smiles, CASE WHEN active THEN assay_number ELSE -assay_number END AS assay, NULL::float8[] AS value
FROM activity WHERE ('x' || left(md5('fraction' || smiles), 8))::bit(32)::bigint / 4294967296.0 < :share
UNION ALL
SELECT smiles, NULL, (SELECT array_agg(value) FROM hamnet_descriptors(smiles))
FROM (SELECT smiles FROM molecule ORDER BY md5(smiles) LIMIT :described) AS m;
CREATE TABLE told AS
SELECT place, name, avg(v) AS mean, stddev(v) AS deviation
FROM (SELECT row_number() OVER () AS place, name FROM hamnet_descriptors('C')) AS d,
	LATERAL (SELECT value[place] AS v FROM learned WHERE value[place] < 'Infinity' AND value[place] > '-Infinity') AS s
WHERE name IN ('MolWt', 'MolLogP', 'TPSA', 'NumHAcceptors', 'NumHDonors', 'NumRotatableBonds', 'RingCount', 'FractionCSP3', 'qed', 'NumAromaticRings', 'MolMR', 'BertzCT', 'LabuteASA', 'HeavyAtomCount')
GROUP BY place, name;
\endif
SELECT format('SELECT smiles, assay, %s FROM learned', string_agg(format('greatest(-6, least(6, (value[%s] - %s) / %s)) AS %I', place, mean, deviation, name), ', ' ORDER BY place)) AS query,
	jsonb_object_agg(name, 0.02) AS weights
FROM told \gset

-- 5. The projection, and the scale of similarity from molecules that it has not learned from.

SELECT count(*) FILTER (WHERE name = 'projected') = 0 AS absent FROM hamnet_models() \gset
\if :absent
CALL hamnet_train('projected', :'query', jsonb_build_object('base', 'start', 'head', 'full', 'learn', 'projection', 'contrast', 'assay', 'keep', 1, 'weights', :'weights'::jsonb, 'units', 0, 'dropout', 0,
	'validation', 'none', 'known', 0, 'decay', 0, 'batch', 512, 'lr', 0.001, 'epochs', 10, 'workers', :workers));
\endif
SELECT hamnet_combine_models('headless', '{projected}', heads => false, replace => true);
SELECT hamnet_calibrate('search', 'headless', array_agg(smiles), replace => true) FROM (SELECT smiles FROM molecule ORDER BY md5(smiles) DESC LIMIT 3000) AS m;
