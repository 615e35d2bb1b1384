-- hamnet_enrich inside a transaction, where it works alone, and rows of queries with fingerprints
BEGIN;
SELECT plan(34);
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

-- columns of several models, with what is known of their predictions, in one call
\set weights `base64 --wrap=0 test/golden/small.safetensors`
SELECT hamnet_load_model('small', decode(:'weights', 'base64')) AS small_id \gset
CREATE TABLE predicted AS SELECT id, smiles, NULL::hfp AS fp, NULL::float8 AS solubility, NULL::float8 AS sd, NULL::float8 AS novelty, NULL::float8 AS small
	FROM compound WHERE smiles <> '';
INSERT INTO predicted (id, smiles) VALUES (100, 'C1CC');
CALL hamnet_enrich('predicted', 'smiles', 'fp', '{"predictions": [{"property": "solubility", "sd": "sd", "novelty": "novelty"}, {"property": "solubility", "model": "small", "column": "small"}]}');
SELECT is_empty($$SELECT id FROM predicted AS t, hamnet_predictions(t.smiles) AS p
	WHERE t.id <> 100 AND p.property = 'solubility' AND (abs(t.solubility - p.value) < 1e-4 AND abs(t.sd - p.sd) < 1e-4 AND abs(t.novelty - p.novelty) < 1e-3) IS NOT TRUE$$,
	'one call writes a prediction, its deviation and its novelty');
SELECT is_empty($$SELECT id FROM predicted WHERE id <> 100 AND (abs(small - hamnet_predict(smiles, 'solubility', 'small')) < 1e-4) IS NOT TRUE$$, 'and that of another model');
SELECT is_empty($$SELECT id FROM predicted WHERE id <> 100 AND (fp <-> hamnet_fingerprint(smiles) < 1e-4) IS NOT TRUE$$, 'and the fingerprint of the built-in one');
SELECT is((t.solubility, t.small, t.fp)::text, '(,,)', 'a row without a molecule gets nothing') FROM predicted AS t WHERE id = 100;
UPDATE predicted SET sd = NULL, solubility = -1;
CALL hamnet_enrich('predicted', 'smiles', NULL, '{"predictions": {"solubility": {"sd": "sd", "novelty": "novelty"}}}');
SELECT ok(bool_and(sd IS NOT NULL AND solubility = -1), 'a deviation that is missing is filled beside a value that is there') FROM predicted WHERE id <> 100;
SELECT throws_ok($$CALL hamnet_enrich('predicted', 'smiles', NULL, '{"model": "small", "predictions": {"solubility": {"column": "small", "sd": "sd"}}}')$$, '22023',
	'the model gives no standard deviation with "solubility"', 'a deviation that no row could have is refused');
SELECT throws_ok($$CALL hamnet_enrich('predicted', 'smiles', NULL, '{"model": "small", "predictions": {"solubility": {"column": "small", "novelty": "sd"}}}')$$, '22023',
	'the model gives no novelty with "solubility"', 'and so is a novelty');
SELECT throws_ok($$CALL hamnet_enrich('predicted', 'smiles', NULL, '{"predictions": [{"column": "small"}]}')$$, '22023',
	'invalid value for option "predictions"', 'a prediction is of a property');
SELECT throws_ok($$CALL hamnet_enrich('predicted', 'smiles', NULL, '{"predictions": {"solubility": {"property": "lipophilicity"}}}')$$, '22023',
	'unrecognized option "property"', 'of one alone');
SELECT throws_ok($$CALL hamnet_enrich('predicted', 'smiles', NULL, '{"predictions": {"solubility": 1}}')$$, '22023', NULL, 'and a number is no column');

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
