-- hamnet_enrich inside a transaction, where it works alone, and rows of queries with fingerprints
BEGIN;
SELECT plan(24);
SET client_min_messages = warning;

CREATE TABLE compound (id int GENERATED ALWAYS AS IDENTITY, smiles text, fp hfp, why text);
INSERT INTO compound (smiles) VALUES ('CCO'), ('OCC'), ('C1CC'), (NULL), ('c1ccccc1'), (''), ('CC(=O)Oc1ccccc1C(=O)O'), ('[Na+].[Cl-]');

-- filling
SELECT lives_ok($$CALL hamnet_enrich('compound', 'smiles', 'fp')$$, 'hamnet_enrich works inside a transaction');
SELECT results_eq('SELECT id FROM compound WHERE fp IS NULL ORDER BY id', ARRAY[3, 4, 6], 'hamnet_enrich fills every row with a usable molecule');
SELECT ok(bool_and(fp <-> hamnet_fingerprint(smiles) < 1e-4), 'hamnet_enrich writes the fingerprint of each row''s molecule') FROM compound WHERE fp IS NOT NULL;
SELECT results_eq($$SELECT ctid, reason FROM hamnet_enrich_report('compound', 'smiles', 'fp') ORDER BY ctid$$,
	$$SELECT ctid, regexp_replace(hamnet_smiles_error(smiles), ' "[^"]*": ', ': ') FROM compound WHERE id IN (3, 6) ORDER BY ctid$$, 'hamnet_enrich_report lists the rows without a fingerprint with reasons');

-- what is there stays
UPDATE compound SET fp = '[1,2,3]' WHERE id = 1;
UPDATE compound SET fp = NULL WHERE id = 2;
CREATE TABLE kept AS SELECT ctid AS place, * FROM compound WHERE fp IS NOT NULL;
CALL hamnet_enrich('compound', 'smiles', 'fp');
SELECT results_eq('SELECT id, ctid, fp FROM compound WHERE id IN (SELECT id FROM kept) ORDER BY id',
	'SELECT id, place, fp FROM kept ORDER BY id', 'hamnet_enrich leaves rows with a fingerprint alone');
SELECT isnt((SELECT fp FROM compound WHERE id = 2), NULL, 'hamnet_enrich fills a row that lost its fingerprint');

-- reasons in a column
CALL hamnet_enrich('compound', 'smiles', 'fp', '{"error_column": "why"}');
SELECT results_eq('SELECT id, why FROM compound WHERE why IS NOT NULL ORDER BY id',
	$$SELECT id, regexp_replace(hamnet_smiles_error(smiles), ' "[^"]*": ', ': ') FROM compound WHERE id IN (3, 6) ORDER BY id$$, 'the error column has the reasons of hamnet_smiles_error');
UPDATE compound SET smiles = 'C1CC1' WHERE id = 3;
CALL hamnet_enrich('compound', 'smiles', 'fp', '{"error_column": "why"}');
SELECT is((SELECT fp FROM compound WHERE id = 3), NULL, 'hamnet_enrich leaves rows with a reason alone');
CALL hamnet_enrich('compound', 'smiles', 'fp', '{"error_column": "why", "retry": true}');
SELECT ok(fp IS NOT NULL AND why IS NULL, 'hamnet_enrich tries rows with a reason again if asked') FROM compound WHERE id = 3;

-- some rows
UPDATE compound SET fp = NULL;
CALL hamnet_enrich('compound', 'smiles', 'fp', '{"where": "id < 3 OR smiles LIKE ''c%'' -- and no others"}');
SELECT results_eq('SELECT id FROM compound WHERE fp IS NOT NULL ORDER BY id', ARRAY[1, 2, 5], 'option where says which rows are filled');
CALL hamnet_enrich('compound', 'smiles', 'fp', '{"where": "smiles = ''nothing''"}');
SELECT is(count(fp)::int, 3, 'and they may be none') FROM compound;
SELECT throws_ok($$CALL hamnet_enrich('compound', 'smiles', 'fp', '{"where": "true) OR (true"}')$$, '42601', NULL, 'a condition cannot end what it is put into');
SELECT throws_ok($$CALL hamnet_enrich('compound', 'smiles', 'fp', '{"where": "true ORDER BY 1"}')$$, '22023',
	'option "where" is not a condition: "true ORDER BY 1"', 'nor be more than a condition');
SELECT throws_ok(format($$CALL hamnet_enrich('compound', 'smiles', 'fp', '{"where": "%s"}')$$, repeat(' ', 9000) || 'true'), '54000',
	'option "where" has 9004 bytes, more than the limit of 8191', 'its length has a limit');
CALL hamnet_enrich('compound', 'smiles', 'fp');

-- a table that refuses
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'H0002'; END$$;
CREATE TRIGGER refuse BEFORE UPDATE ON compound FOR EACH ROW EXECUTE FUNCTION refuse();
INSERT INTO compound (smiles) VALUES ('CCN');
SELECT throws_ok($$CALL hamnet_enrich('compound', 'smiles', 'fp')$$, 'H0002', 'no', 'hamnet_enrich passes on the error of a trigger');
DROP TRIGGER refuse ON compound;

-- a trigger that drops updates does not keep the call for ever
CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$;
CREATE TRIGGER refuse BEFORE UPDATE ON compound FOR EACH ROW EXECUTE FUNCTION refuse();
SELECT lives_ok($$CALL hamnet_enrich('compound', 'smiles', 'fp')$$, 'hamnet_enrich ends although a trigger drops every update');

-- an untrusted search path finds the right operators
CREATE SCHEMA evil;
CREATE FUNCTION evil.never(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.never);
DROP TRIGGER refuse ON compound;
SET LOCAL search_path = evil, public, pg_catalog;
CALL hamnet_enrich('compound', 'smiles', 'fp');
SET LOCAL search_path = public;
SELECT is((SELECT count(*) FROM compound WHERE fp IS NULL)::int, 2, 'hamnet_enrich does not use operators of the search path');

-- rows of a query
SELECT results_eq($$SELECT id, smiles, extra FROM hamnet_fingerprint_query('SELECT smiles, id, id * 2 AS extra FROM compound ORDER BY id DESC')
		AS (smiles text, id int, extra int, fp hfp)$$,
	'SELECT id, smiles, id * 2 FROM compound ORDER BY id DESC', 'hamnet_fingerprint_query returns rows in the query''s order');
SELECT results_eq($$SELECT id, fp IS NULL FROM hamnet_fingerprint_query('SELECT id, smiles FROM compound') AS (id int, smiles text, fp hfp) ORDER BY id$$,
	'SELECT id, hamnet_try_fingerprint(smiles) IS NULL FROM compound ORDER BY id', 'hamnet_fingerprint_query has NULL for NULL and invalid SMILES');
SELECT ok(max(q.fp <-> hamnet_fingerprint(q.smiles)) < 1e-4, 'hamnet_fingerprint_query gives the fingerprints of single calls')
	FROM hamnet_fingerprint_query('SELECT id, smiles FROM compound WHERE fp IS NOT NULL') AS q (id int, smiles text, fp hfp);
SELECT is((SELECT count(fp) FROM hamnet_fingerprint_query('SELECT ''CCO''::varchar AS smiles FROM generate_series(1, 1000)') AS (smiles varchar, fp hfp))::int,
	1000, 'hamnet_fingerprint_query returns more rows than a batch');
SELECT throws_ok($$SELECT * FROM hamnet_fingerprint_query('SELECT 1/0 AS id, ''C''::text AS smiles') AS (id int, smiles text, fp hfp)$$,
	'22012', NULL, 'hamnet_fingerprint_query passes on an error of the query');

-- a table is free again once its rows have been read
CREATE TABLE staging AS SELECT 'CCO' AS smiles, NULL::hfp AS fp;
SELECT count(*) AS ignored FROM hamnet_fingerprint_query('SELECT smiles FROM staging') AS (smiles text, fp hfp) \gset
SELECT lives_ok('TRUNCATE staging', 'hamnet_fingerprint_query leaves no table in use');
SELECT count(*) AS ignored FROM hamnet_enrich_report('staging', 'smiles', 'fp') \gset
SELECT lives_ok('DROP TABLE staging', 'hamnet_enrich_report leaves no table in use');

SELECT finish();
ROLLBACK;
