-- hamnet_enrich inside a transaction, where it works alone, and rows of queries with fingerprints
BEGIN;
SELECT plan(19);
SET client_min_messages = warning;

CREATE TABLE compound (id int GENERATED ALWAYS AS IDENTITY, smiles text, fp hfp, why text);
INSERT INTO compound (smiles) VALUES ('CCO'), ('OCC'), ('C1CC'), (NULL), ('c1ccccc1'), (''), ('CC(=O)Oc1ccccc1C(=O)O'), ('[Na+].[Cl-]');

-- filling
SELECT lives_ok($$CALL hamnet_enrich('compound', 'smiles', 'fp')$$, 'works inside a transaction');
SELECT results_eq('SELECT id FROM compound WHERE fp IS NULL ORDER BY id', ARRAY[3, 4, 6], 'fills every row with a usable molecule');
SELECT ok(bool_and(fp <-> hamnet_fingerprint(smiles) < 1e-4), 'with its fingerprint') FROM compound WHERE fp IS NOT NULL;
SELECT results_eq($$SELECT ctid, reason FROM hamnet_enrich_report('compound', 'smiles', 'fp') ORDER BY ctid$$,
	'SELECT ctid, hamnet_smiles_error(smiles) FROM compound WHERE id IN (3, 6) ORDER BY ctid', 'the report names the rest');

-- what is there stays
UPDATE compound SET fp = '[1,2,3]' WHERE id = 1;
UPDATE compound SET fp = NULL WHERE id = 2;
CREATE TABLE kept AS SELECT ctid AS place, * FROM compound WHERE fp IS NOT NULL;
CALL hamnet_enrich('compound', 'smiles', 'fp');
SELECT results_eq('SELECT id, ctid, fp FROM compound WHERE id IN (SELECT id FROM kept) ORDER BY id',
	'SELECT id, place, fp FROM kept ORDER BY id', 'a row with a fingerprint is not written again');
SELECT isnt((SELECT fp FROM compound WHERE id = 2), NULL, 'one without is');

-- reasons in a column
CALL hamnet_enrich('compound', 'smiles', 'fp', '{"error_column": "why"}');
SELECT results_eq('SELECT id, why FROM compound WHERE why IS NOT NULL ORDER BY id',
	'SELECT id, hamnet_smiles_error(smiles) FROM compound WHERE id IN (3, 6) ORDER BY id', 'reasons are those of hamnet_smiles_error');
UPDATE compound SET smiles = 'C1CC1' WHERE id = 3;
CALL hamnet_enrich('compound', 'smiles', 'fp', '{"error_column": "why"}');
SELECT is((SELECT fp FROM compound WHERE id = 3), NULL, 'a row with a reason is left alone');
CALL hamnet_enrich('compound', 'smiles', 'fp', '{"error_column": "why", "retry": true}');
SELECT ok(fp IS NOT NULL AND why IS NULL, 'until it is asked for') FROM compound WHERE id = 3;

-- a table that refuses
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'H0002'; END$$;
CREATE TRIGGER refuse BEFORE UPDATE ON compound FOR EACH ROW EXECUTE FUNCTION refuse();
INSERT INTO compound (smiles) VALUES ('CCN');
SELECT throws_ok($$CALL hamnet_enrich('compound', 'smiles', 'fp')$$, 'H0002', 'no', 'an error of a trigger is the caller''s');
DROP TRIGGER refuse ON compound;

-- a trigger that drops updates does not keep the call for ever
CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$;
CREATE TRIGGER refuse BEFORE UPDATE ON compound FOR EACH ROW EXECUTE FUNCTION refuse();
SELECT lives_ok($$CALL hamnet_enrich('compound', 'smiles', 'fp')$$, 'rows that cannot be written are given up');

-- an untrusted search path finds the right operators
CREATE SCHEMA evil;
CREATE FUNCTION evil.never(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.never);
DROP TRIGGER refuse ON compound;
SET LOCAL search_path = evil, public, pg_catalog;
CALL hamnet_enrich('compound', 'smiles', 'fp');
SET LOCAL search_path = public;
SELECT is((SELECT count(*) FROM compound WHERE fp IS NULL)::int, 2, 'operators of the search path are not used');

-- rows of a query
SELECT results_eq($$SELECT id, smiles, extra FROM hamnet_fingerprint_query('SELECT smiles, id, id * 2 AS extra FROM compound ORDER BY id DESC')
		AS (smiles text, id int, extra int, fp hfp)$$,
	'SELECT id, smiles, id * 2 FROM compound ORDER BY id DESC', 'a query''s rows come back in its order');
SELECT results_eq($$SELECT id, fp IS NULL FROM hamnet_fingerprint_query('SELECT id, smiles FROM compound') AS (id int, smiles text, fp hfp) ORDER BY id$$,
	'SELECT id, hamnet_try_fingerprint(smiles) IS NULL FROM compound ORDER BY id', 'NULL for NULL and for invalid rows');
SELECT ok(max(q.fp <-> hamnet_fingerprint(q.smiles)) < 1e-4, 'fingerprints are those of single calls')
	FROM hamnet_fingerprint_query('SELECT id, smiles FROM compound WHERE fp IS NOT NULL') AS q (id int, smiles text, fp hfp);
SELECT is((SELECT count(fp) FROM hamnet_fingerprint_query('SELECT ''CCO''::varchar AS smiles FROM generate_series(1, 1000)') AS (smiles varchar, fp hfp))::int,
	1000, 'more rows than a batch');
SELECT throws_ok($$SELECT * FROM hamnet_fingerprint_query('SELECT 1/0 AS id, ''C''::text AS smiles') AS (id int, smiles text, fp hfp)$$,
	'22012', NULL, 'an error of the query is the caller''s');

-- a table is free again once its rows have been read
CREATE TABLE staging AS SELECT 'CCO' AS smiles, NULL::hfp AS fp;
SELECT count(*) AS ignored FROM hamnet_fingerprint_query('SELECT smiles FROM staging') AS (smiles text, fp hfp) \gset
SELECT lives_ok('TRUNCATE staging', 'a query''s table is not in use after it');
SELECT count(*) AS ignored FROM hamnet_enrich_report('staging', 'smiles', 'fp') \gset
SELECT lives_ok('DROP TABLE staging', 'nor is one that was reported on');

SELECT finish();
ROLLBACK;
