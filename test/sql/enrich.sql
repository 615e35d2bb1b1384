-- what hamnet_enrich refuses, and how it says so
CREATE TABLE compound (
	id int PRIMARY KEY, smiles text, number int, fp hfp, small hfp(8), why text, n numeric,
	made hfp GENERATED ALWAYS AS (hamnet_try_fingerprint(smiles)) STORED);
INSERT INTO compound (id, smiles) VALUES (1, 'CCO'), (2, 'C1CC'), (3, NULL), (4, 'c1ccccc1');

-- arguments
CALL hamnet_enrich(NULL, 'smiles', 'fp');
CALL hamnet_enrich('compound', NULL, 'fp');
CALL hamnet_enrich('compound', 'smiles', NULL);
CALL hamnet_enrich('compound', 'smiles', 'fp', NULL);
CALL hamnet_enrich('nothing', 'smiles', 'fp');
CALL hamnet_enrich(4294967295, 'smiles', 'fp');
CALL hamnet_enrich('compound', 'smile', 'fp');
CALL hamnet_enrich('compound', 'number', 'fp');
CALL hamnet_enrich('compound', 'smiles', 'pf');
CALL hamnet_enrich('compound', 'smiles', 'why');
CALL hamnet_enrich('compound', 'smiles', 'small');
CALL hamnet_enrich('compound', 'smiles', 'made');
CALL hamnet_enrich('compound', 'tableoid', 'fp');

-- options
CALL hamnet_enrich('compound', 'smiles', 'fp', '[]');
CALL hamnet_enrich('compound', 'smiles', 'fp', '{"wrokers": 2}');
CALL hamnet_enrich('compound', 'smiles', 'fp', '{"workers": -1}');
CALL hamnet_enrich('compound', 'smiles', 'fp', '{"workers": 65}');
CALL hamnet_enrich('compound', 'smiles', 'fp', '{"workers": 1.5}');
CALL hamnet_enrich('compound', 'smiles', 'fp', '{"workers": 99999999999999999999}');
CALL hamnet_enrich('compound', 'smiles', 'fp', '{"workers": "many"}');
CALL hamnet_enrich('compound', 'smiles', 'fp', '{"retry": 1}');
CALL hamnet_enrich('compound', 'smiles', 'fp', '{"notice_seconds": -0.1}');
CALL hamnet_enrich('compound', 'smiles', 'fp', '{"notice_seconds": 1e400}');
CALL hamnet_enrich('compound', 'smiles', 'fp', '{"model": ""}');
CALL hamnet_enrich('compound', 'smiles', 'fp', '{"model": {"name": ["a long value is cut where it has been read for long enough to know which it is", 1, 2, 3]}}');
CALL hamnet_enrich('compound', 'smiles', 'fp', '{"model": "none"}');
CALL hamnet_enrich('compound', 'smiles', 'fp', '{"error_column": "number"}');
CALL hamnet_enrich('compound', 'smiles', 'fp', '{"error_column": "y"}');
CALL hamnet_enrich('compound', 'smiles', 'fp', '{"predictions": "logS"}');
CALL hamnet_enrich('compound', 'smiles', 'fp', '{"predictions": {"logS": 1}}');
CALL hamnet_enrich('compound', 'smiles', 'fp', '{"predictions": ["logS of a planet"]}');

-- relations that have no rows of their own
CREATE VIEW seen AS SELECT * FROM compound;
CREATE MATERIALIZED VIEW kept AS SELECT * FROM compound;
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER far FOREIGN DATA WRAPPER nowhere;
CREATE FOREIGN TABLE abroad (id int, smiles text, fp hfp) SERVER far;
CREATE TABLE parts (id int, smiles text, fp hfp) PARTITION BY RANGE (id);
CREATE FOREIGN TABLE part_abroad PARTITION OF parts FOR VALUES FROM (0) TO (10) SERVER far;
CALL hamnet_enrich('seen', 'smiles', 'fp');
CALL hamnet_enrich('kept', 'smiles', 'fp');
CALL hamnet_enrich('abroad', 'smiles', 'fp');
CALL hamnet_enrich('parts', 'smiles', 'fp');
CALL hamnet_enrich('compound_pkey', 'smiles', 'fp');
DROP FOREIGN DATA WRAPPER nowhere CASCADE;

-- sessions that others cannot help
CREATE TEMP TABLE own AS SELECT id, smiles, fp FROM compound;
CALL hamnet_enrich('own', 'smiles', 'fp', '{"workers": 1}');
BEGIN;
CALL hamnet_enrich('compound', 'smiles', 'fp', '{"workers": 1}');
ROLLBACK;
BEGIN READ ONLY;
CALL hamnet_enrich('compound', 'smiles', 'fp');
ROLLBACK;

-- row-level security of a parent
CREATE ROLE regress_hamnet_chemist;
GRANT SELECT, UPDATE ON parts TO regress_hamnet_chemist;
ALTER TABLE parts ENABLE ROW LEVEL SECURITY;
SET ROLE regress_hamnet_chemist;
\set SHOW_CONTEXT never
CALL hamnet_enrich('parts', 'smiles', 'fp');
CALL hamnet_enrich('compound', 'smiles', 'fp');
RESET ROLE;
\set SHOW_CONTEXT errors
DROP TABLE parts;
DROP ROLE regress_hamnet_chemist;

-- what it does, without the notices, which tell times
SET client_min_messages = warning;
CALL hamnet_enrich('compound', 'smiles', 'fp', '{"error_column": "why", "workers": 0}');
SELECT id, smiles, fp <-> hamnet_fingerprint(smiles) < 1e-4 AS right, why FROM compound WHERE id <> 2 ORDER BY id;
SELECT id, smiles, fp, why FROM compound WHERE id = 2;
SELECT relation, c.id, r.smiles, reason FROM hamnet_enrich_report('compound', 'smiles', 'fp') AS r JOIN compound AS c ON c.ctid = r.ctid;
SELECT * FROM hamnet_enrich_report('seen', 'smiles', 'fp');
SELECT * FROM hamnet_enrich_report('compound', 'smiles', 'f"p');
SELECT count(*) FROM hamnet_enrich_progress();
RESET client_min_messages;

-- rows of a query with fingerprints
SELECT id, smiles, fp <-> hamnet_fingerprint(smiles) < 1e-4 AS right
	FROM hamnet_fingerprint_query('SELECT id, smiles FROM compound WHERE id <> 2 ORDER BY id') AS (id int, smiles text, fp hfp);
SELECT id, fp FROM hamnet_fingerprint_query('SELECT 7 AS id, repeat(''C'', 1001) AS smiles') AS (id int, smiles text, fp hfp);
SELECT id, fp FROM hamnet_fingerprint_query('SELECT id, smiles FROM compound WHERE id = 2', 'hamnet-untrained') AS (id int, smiles text, fp hfp);
SELECT count(*) FROM hamnet_fingerprint_query('SELECT smiles FROM compound WHERE false') AS (smiles text, fp hfp);
SELECT * FROM hamnet_fingerprint_query('SELECT id, smiles FROM compound') AS (id bigint, smiles text, fp hfp);
SELECT * FROM hamnet_fingerprint_query('SELECT id, smiles FROM compound') AS (id int, smiles text);
SELECT * FROM hamnet_fingerprint_query('SELECT id, smiles AS s FROM compound') AS (id int, smiles text, fp hfp);
SELECT * FROM hamnet_fingerprint_query('SELECT id AS smiles FROM compound') AS (smiles int, fp hfp);
SELECT * FROM hamnet_fingerprint_query('INSERT INTO compound (id) VALUES (9) RETURNING smiles') AS (smiles text, fp hfp);
SELECT * FROM hamnet_fingerprint_query('SELECT 1; SELECT 2') AS (smiles text, fp hfp);
SELECT * FROM hamnet_fingerprint_query('CHECKPOINT') AS (smiles text, fp hfp);
SELECT * FROM hamnet_fingerprint_query('SELECT smiles FROM compound', 'none') AS (smiles text, fp hfp);
SELECT hamnet_fingerprint_query('SELECT smiles FROM compound');
SELECT count(*) FROM compound;
DROP TABLE compound CASCADE;
