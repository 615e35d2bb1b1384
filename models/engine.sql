-- The recipe of an engine that knows conformations: learned from the measured
-- geometries of QM9, and from conformations that RDKit makes of drug-sized
-- molecules. Run it in the repository's directory, in a database of its own:
--
--     psql -v data=/path/to/data -f models/engine.sql
--     psql -qAtc "SELECT encode(weights, 'base64') FROM _hamnet_model WHERE name = 'engine'" |
--         base64 -d | models/cut_engine.py > models/engine.safetensors
--
-- The generator beside the engine is what the seed, 0, drew: the build draws it
-- again, and wants to be told the SHA-256 of what comes out (see the Makefile). The
-- engine that is there was made by version 0.1.0, in which a model from scratch had
-- the shape of hamnet-untrained, as models/make_model.c wants it.
--
-- Whatever stops it, run it again: tables that are there stay, and training
-- goes on from its last checkpoint. Below the directory lie
--
--     qm9/qm9_geom.npz, qm9/qm9_targets.csv.gz                   geometries and SMILES of QM9
--     conformers/qm7_geom.npz, conformers/qm7_targets.csv.gz    the same of QM7, never trained on
--     splits/QM9.csv.gz                                          columns row, random0, …: train, valid or test
--     library/library.tsv.gz                                     drug-sized molecules, SMILES first
--
-- models/geometries.py, which reads the archives, needs python3 with numpy;
-- models/etkdg.py, for comparison, also with rdkit.
-- Variables with defaults: epochs, drugs (molecules of the library), workers.

\set ON_ERROR_STOP on
\timing on
SET client_min_messages = notice;
\if :{?epochs}
\else
\set epochs 14
\endif
\if :{?drugs}
\else
\set drugs 1200
\endif
\if :{?workers}
\else
\set workers 2
\endif
\setenv DATA :data
\setenv DRUGS :drugs

CREATE EXTENSION IF NOT EXISTS hamnet;

-- 1. Measured geometries. QM9 numbers molecules from 1, the split its rows from
-- 0. Two molecules are not bonded as their SMILES says, three are other ones.

SELECT to_regclass('qm9') IS NULL AS absent \gset
\if :absent
BEGIN;
CREATE TABLE qm7 (index int PRIMARY KEY, smiles text, xyz real[]);
\copy qm7 FROM PROGRAM '/usr/bin/python3 models/geometries.py "$DATA"/conformers/qm7_geom.npz "$DATA"/conformers/qm7_targets.csv.gz smiles_mapped' WITH (FORMAT csv)
CREATE TABLE qm9 (index int PRIMARY KEY, smiles text, xyz real[]);
\copy qm9 FROM PROGRAM '/usr/bin/python3 models/geometries.py "$DATA"/qm9/qm9_geom.npz "$DATA"/qm9/qm9_targets.csv.gz smiles' WITH (FORMAT csv)
DELETE FROM qm9 WHERE index IN (23, 24, 486, 52466, 59818);
CREATE TEMP TABLE split (row int, part text);
\copy split FROM PROGRAM 'zcat "$DATA"/splits/QM9.csv.gz | cut -d, -f1,2 | tail -n +2' WITH (FORMAT csv)
ALTER TABLE qm9 ADD part text;
UPDATE qm9 SET part = split.part FROM split WHERE split.row + 1 = qm9.index;
COMMIT;
\endif

-- 2. Conformations of drug-sized molecules. One in ten is for the report.

SELECT to_regclass('drug') IS NULL AS absent \gset
\if :absent
BEGIN;
CREATE TABLE library (id int GENERATED ALWAYS AS IDENTITY, smiles text);
\copy library (smiles) FROM PROGRAM 'zcat "$DATA"/library/library.tsv.gz | head -n "$DRUGS" | cut -f1' WITH (FORMAT csv)

-- Some molecules have no conformation that RDKit finds.
CREATE FUNCTION try_embed(smiles text, seed int) RETURNS text LANGUAGE plpgsql PARALLEL SAFE AS $$
BEGIN
	RETURN hamnet_embed(smiles, seed);
EXCEPTION WHEN OTHERS THEN
	IF SQLSTATE = '57014' THEN
		RAISE;
	END IF;
	RETURN NULL;
END
$$;

-- Coordinates of a V2000 MOL block: three fields of ten characters in each line of an atom.
CREATE FUNCTION coordinates(molblock text) RETURNS real[] LANGUAGE sql PARALLEL SAFE AS $$
	SELECT array_agg(substr(line, 10 * k + 1, 10)::real ORDER BY number, k)
	FROM regexp_split_to_table(molblock, '\n') WITH ORDINALITY AS l (line, number), generate_series(0, 2) AS k
	WHERE number BETWEEN 5 AND 4 + substr(split_part(molblock, E'\n', 4), 1, 3)::int
$$;

CREATE TABLE drug AS
SELECT id, smiles, coordinates(block) AS xyz, id % 10 = 0 AS held_out
FROM (SELECT id, smiles, try_embed(smiles, 0) AS block FROM library OFFSET 0) AS embedded
WHERE block IS NOT NULL;
COMMIT;
\endif

-- 3. The engine, and its twin without dynamics.

\set query 'SELECT smiles, xyz FROM qm9 WHERE part = ''train'' UNION ALL SELECT smiles, xyz FROM drug WHERE NOT held_out'
SELECT count(*) FILTER (WHERE name = 'engine') = 0 AS engine_absent, count(*) FILTER (WHERE name = 'static') = 0 AS static_absent
FROM hamnet_models() \gset
\if :engine_absent
CALL hamnet_train_engine('engine', :'query', jsonb_build_object('epochs', :epochs, 'batch', 100, 'lr', 0.005, 'adj3', 0.03, 'validation', 0.02, 'workers', :workers, 'checkpoint', 300));
\endif
\if :static_absent
CALL hamnet_train_engine('static', :'query', jsonb_build_object('epochs', :epochs, 'batch', 100, 'lr', 0.005, 'adj3', 0.03, 'validation', 0.02, 'workers', :workers, 'checkpoint', 300, 'steps', 0));
\endif

-- 4. The report: what neither has seen.

SELECT model, data, max(value) FILTER (WHERE metric = 'rmsd') AS rmsd, max(value) FILTER (WHERE metric = 'distance_mae') AS distance_mae, max(n) AS n
FROM (VALUES ('engine'), ('static')) AS m (model),
	(VALUES ('QM9', 'SELECT smiles, xyz FROM qm9 WHERE part = ''test'''),
		('QM7', 'SELECT smiles, xyz FROM qm7'),
		('drug-sized', 'SELECT smiles, xyz FROM drug WHERE held_out')) AS d (data, query),
	LATERAL hamnet_evaluate_engine(model, query)
GROUP BY model, data ORDER BY data, model;

-- The same of one conformation by RDKit, on molecules drawn by their numbers.
-- What drug-sized molecules are compared with is RDKit's too, from another seed.

\copy (SELECT smiles, xyz FROM qm9 WHERE part = 'test' ORDER BY md5(index::text) LIMIT 500) TO PROGRAM '/usr/bin/python3 models/etkdg.py QM9' WITH (FORMAT csv)
\copy (SELECT smiles, xyz FROM qm7 ORDER BY md5(index::text) LIMIT 500) TO PROGRAM '/usr/bin/python3 models/etkdg.py QM7' WITH (FORMAT csv)
\copy (SELECT smiles, xyz FROM drug WHERE held_out) TO PROGRAM '/usr/bin/python3 models/etkdg.py drug-sized' WITH (FORMAT csv)
