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
	format('{"head": "%s", "validation": "none", "epochs": 2, "units": 8}', head)), 'head ' || head)
	FROM unnest(ARRAY['kernel', 'mlp', 'full', 'joint']) AS head;
SELECT cmp_ok((SELECT max(novelty_of(smiles, head)) FROM assay), '<', 0.05::float8, head || ' knows its molecules')
	FROM unnest(ARRAY['kernel', 'mlp', 'full', 'joint']) AS head;
SELECT cmp_ok(novelty_of('OC(=O)c1ccccc1OC(C)=O', head), '>', 1::float8, 'and sees that another is far')
	FROM unnest(ARRAY['kernel', 'mlp', 'full', 'joint']) AS head;
SELECT is(novelty_of('OC(=O)CCC', head), novelty_of('CCCC(=O)O', head), 'whatever the spelling')
	FROM unnest(ARRAY['kernel', 'mlp', 'full', 'joint']) AS head;

-- the two ways of keeping the same molecules agree: columns are scaled by the same rows
SELECT ok(max(abs(novelty_of(s, 'kernel') - novelty_of(s, 'mlp'))) < 1e-9, 'with rows of a kernel as with a table')
	FROM unnest(ARRAY['CCO', 'c1ccccc1', 'OC(=O)c1ccccc1OC(C)=O']) AS s;

-- scaled by what was held out
SELECT lives_ok($$CALL hamnet_train('held', 'SELECT smiles, y, active FROM assay', '{"head": "mlp", "validation": 0.4, "epochs": 1, "units": 8}')$$,
	'a model of two heads with a validation set');
SELECT cmp_ok((SELECT count(*) FROM assay WHERE (SELECT novelty FROM hamnet_predictions(smiles, 'held') WHERE property = 'y') > 1),
	'<=', (SELECT ceil(0.05 * (report ->> 'validation')::int)::bigint FROM hamnet_training_runs() WHERE model = 'held'),
	'1 is the 95th percentile of the validation set');
SELECT cmp_ok((SELECT max(novelty) FROM assay, LATERAL hamnet_predictions(smiles, 'held') WHERE property = 'y'), '>=', 1::float8, 'which some molecule reaches');
SELECT isnt_empty($$SELECT smiles FROM assay, LATERAL hamnet_predictions(smiles, 'held') AS p GROUP BY smiles HAVING count(DISTINCT novelty) = 2$$,
	'a head knows the molecules that it has a label of');

-- the file
SELECT isnt(hamnet_load_model('copy', weights), NULL, 'a model is loaded from its bytes') FROM _hamnet_model WHERE name = 'held';
SELECT results_eq($$SELECT * FROM hamnet_predictions('c1ccccc1', 'copy')$$, $$SELECT * FROM hamnet_predictions('c1ccccc1', 'held')$$,
	'and says the same');
CREATE FUNCTION with_text(weights bytea, old text, new text) RETURNS bytea LANGUAGE sql AS
	'SELECT overlay(weights PLACING convert_to(new, ''UTF8'') FROM position(convert_to(old, ''UTF8'') IN weights))';
SELECT throws_ok(format('SELECT hamnet_load_model(%L, with_text(weights, %L, %L)) FROM _hamnet_model WHERE name = %L', 'bad', old, new, 'held'),
	'22P03', NULL, format('not %s in place of %s', new, old))
	FROM (VALUES ('\"distance\":', '\"distanze\":'), ('"head.regression.known_scale"', '"head.regression.known_stale"')) AS change (old, new);

-- unknown
SELECT isnt(hamnet_load_model('small', decode(:'weights', 'base64')), NULL, 'a model without known molecules');
SELECT is((SELECT count(novelty) FROM hamnet_predictions('CCO', 'small')), 0::bigint, 'does not know how new one is');
SELECT throws_ok($$SELECT * FROM hamnet_predictions('C1CC')$$, '22P02', NULL, 'what is no molecule is an error, whether or not anything is predicted');

SELECT * FROM finish();
ROLLBACK;
