-- One model of several that compute the same fingerprint, and units of targets.
BEGIN;
SELECT plan(15);

CREATE TEMP TABLE assay AS
SELECT repeat('C', 1 + i % 12) || (ARRAY['O', 'N', 'F', 'Cl', 'S'])[1 + i % 5] AS smiles, i % 12 AS carbons, i % 5 < 2 AS polar
FROM generate_series(0, 59) AS i;

CALL hamnet_train('carbons', 'SELECT smiles, carbons AS "carbons [atoms]" FROM assay', '{"head": "kernel", "validation": "none"}');
CALL hamnet_train('polar', 'SELECT smiles, polar FROM assay', '{"head": "mlp", "epochs": 2, "validation": "none"}');
CALL hamnet_train('other', 'SELECT smiles, carbons FROM assay', '{"head": "full", "base": "scratch", "dim": 8, "epochs": 1, "validation": "none"}');

SELECT is(hamnet_combine_models('both', '{carbons,polar}'), (SELECT id FROM hamnet_models() WHERE name = 'both'), 'hamnet_combine_models returns the identity');
SELECT is(targets, '{carbons,polar}', 'a combined model has the targets of all its models') FROM hamnet_models() WHERE name = 'both';
SELECT is(hamnet_predict(smiles, 'carbons', 'both'), hamnet_predict(smiles, 'carbons', 'carbons'), 'a combined model predicts what the first model does for ' || smiles)
FROM (VALUES ('CCO'), ('c1ccccc1C(=O)N')) AS v (smiles);
SELECT is(hamnet_predict(smiles, 'polar', 'both'), hamnet_predict(smiles, 'polar', 'polar'), 'a combined model predicts what the second model does for ' || smiles)
FROM (VALUES ('CCO'), ('c1ccccc1C(=O)N')) AS v (smiles);
SELECT is(hamnet_fingerprint('CCO', 'both')::real[], hamnet_fingerprint('CCO')::real[], 'a combined model has the fingerprint of its models');

SELECT hamnet_combine_models('bare', '{both}', heads => false);
SELECT is(targets, '{}', 'a model combined without heads has no targets') FROM hamnet_models() WHERE name = 'bare';
SELECT is(hamnet_fingerprint('CCO', 'bare')::real[], hamnet_fingerprint('CCO')::real[], 'a model combined without heads has the same fingerprint');

SELECT throws_ok($$SELECT hamnet_combine_models('both', '{carbons}')$$, '42710', 'model "both" already exists', 'hamnet_combine_models refuses a name that is taken');
SELECT lives_ok($$SELECT hamnet_combine_models('both', '{carbons}', replace => true)$$, 'hamnet_combine_models replaces a model if asked');
SELECT throws_ok($$SELECT hamnet_combine_models('m', '{carbons,other}')$$, '22023', 'models 1 and 2 do not compute the same fingerprint',
	'models with different fingerprints cannot be combined');
SELECT throws_ok($$SELECT hamnet_combine_models('m', '{carbons,carbons}')$$, NULL, NULL, 'models with a common target cannot be combined');
SELECT throws_ok($$SELECT hamnet_combine_models('m', '{}')$$, '22023', 'no models to combine', 'no models at all cannot be combined');

SELECT is(unit, 'atoms', 'the unit of a target stands in brackets in the column''s name') FROM hamnet_predictions('CCO', 'carbons');

SELECT * FROM finish();
ROLLBACK;
