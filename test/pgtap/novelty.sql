-- How far molecules are from those a model has learned from.
\set weights `base64 -w 0 test/golden/small.safetensors`
BEGIN;
SELECT plan(28);
SET LOCAL client_min_messages = warning;

-- alcohols, amines, halides and acids; half of the rows have a second label
CREATE TABLE assay AS
	SELECT repeat('C', n) || suffix AS smiles, n * 0.5 + ascii(suffix) / 20.0::float8 AS y, CASE WHEN n % 2 = 0 THEN n > 5 END AS active
	FROM generate_series(1, 10) AS n, unnest(ARRAY['O', 'N', 'Cl', 'F', 'C(=O)O']) AS suffix;
CREATE FUNCTION novelty_of(smiles text, model text) RETURNS double precision LANGUAGE sql AS
	'SELECT max(novelty) FROM hamnet_predictions($1, $2)';

-- every kind of head remembers what it has learned from: to the error of rounding, which is below a byte's step in a few columns
SELECT lives_ok(format($$CALL hamnet_train(%L, 'SELECT smiles, y FROM assay', %L)$$, head,
	format('{"head": "%s", "validation": "none"%s}', head, CASE WHEN head <> 'kernel' THEN ', "epochs": 2, "units": 8' END)), 'training ends well for head ' || head)
	FROM unnest(ARRAY['kernel', 'mlp', 'full', 'joint']) AS head;
SELECT cmp_ok((SELECT max(novelty_of(smiles, head)) FROM assay), '<', 0.05::float8, head || ' gives its training molecules a novelty near 0')
	FROM unnest(ARRAY['kernel', 'mlp', 'full', 'joint']) AS head;
SELECT cmp_ok(novelty_of('OC(=O)c1ccccc1OC(C)=O', head), '>', 1::float8, head || ' gives a strange molecule a novelty above 1')
	FROM unnest(ARRAY['kernel', 'mlp', 'full', 'joint']) AS head;
SELECT is(novelty_of('OC(=O)CCC', head), novelty_of('CCCC(=O)O', head), head || ' gives all spellings of a molecule one novelty')
	FROM unnest(ARRAY['kernel', 'mlp', 'full', 'joint']) AS head;

-- the two ways of keeping the same molecules agree: columns are scaled by the same rows
SELECT ok(max(abs(novelty_of(s, 'kernel') - novelty_of(s, 'mlp'))) < 1e-9, 'novelty by a kernel''s rows equals novelty by a table')
	FROM unnest(ARRAY['CCO', 'c1ccccc1', 'OC(=O)c1ccccc1OC(C)=O']) AS s;

-- scaled by what was held out
SELECT lives_ok($$CALL hamnet_train('held', 'SELECT smiles, y, active FROM assay', '{"head": "mlp", "validation": 0.4, "epochs": 1, "units": 8}')$$,
	'a model of two heads with a validation set is trained');
SELECT cmp_ok((SELECT count(*) FROM assay WHERE (SELECT novelty FROM hamnet_predictions(smiles, 'held') WHERE property = 'y') > 1),
	'<=', (SELECT ceil(0.05 * (report ->> 'validation')::int)::bigint FROM hamnet_training_runs() WHERE model = 'held'),
	'novelty 1 is the 95th percentile of the validation set');
SELECT cmp_ok((SELECT max(novelty) FROM assay, LATERAL hamnet_predictions(smiles, 'held') WHERE property = 'y'), '>=', 1::float8, 'some molecule of the data has a novelty of 1 or more');
SELECT isnt_empty($$SELECT smiles FROM assay, LATERAL hamnet_predictions(smiles, 'held') AS p GROUP BY smiles HAVING count(DISTINCT novelty) = 2$$,
	'a head measures novelty from the molecules that it has a label of');

-- the file
SELECT isnt(hamnet_load_model('copy', weights), NULL, 'a model is loaded from its bytes') FROM _hamnet_model WHERE name = 'held';
SELECT results_eq($$SELECT * FROM hamnet_predictions('c1ccccc1', 'copy')$$, $$SELECT * FROM hamnet_predictions('c1ccccc1', 'held')$$,
	'a copy of a model predicts and measures novelty as the original');
CREATE FUNCTION with_text(weights bytea, old text, new text) RETURNS bytea LANGUAGE sql AS
	'SELECT overlay(weights PLACING convert_to(new, ''UTF8'') FROM position(convert_to(old, ''UTF8'') IN weights))';
SELECT throws_ok(format('SELECT hamnet_load_model(%L, with_text(weights, %L, %L)) FROM _hamnet_model WHERE name = %L', 'bad', old, new, 'held'),
	'22P03', NULL, format('not %s in place of %s', new, old))
	FROM (VALUES ('\"distance\":', '\"distanze\":'), ('"head.regression.known_scale"', '"head.regression.known_stale"')) AS change (old, new);

-- unknown
SELECT isnt(hamnet_load_model('small', decode(:'weights', 'base64')), NULL, 'a model without known molecules is loaded');
SELECT is((SELECT count(novelty) FROM hamnet_predictions('CCO', 'small')), 0::bigint, 'a model without known molecules gives no novelty');
SELECT throws_ok($$SELECT * FROM hamnet_predictions('C1CC')$$, '22P02', NULL, 'hamnet_predictions refuses an invalid SMILES');

SELECT * FROM finish();
ROLLBACK;
