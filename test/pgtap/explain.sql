-- Contributions of atoms to predictions, for heads of every kind.
BEGIN;
SELECT plan(26);
SET LOCAL client_min_messages = warning;

-- Whether contributions add up to the prediction's difference from that for methane.
CREATE FUNCTION adds_up(smiles text, property text, model text) RETURNS boolean LANGUAGE sql AS $$
	SELECT abs(sum(contribution) + max(baseline) - hamnet_predict($1, $2, $3)) < 1e-4 * (1 + abs(max(baseline)))
		AND abs(max(baseline) - hamnet_predict('C', $2, $3)) < 1e-4 * (1 + abs(max(baseline))) AND min(baseline) = max(baseline)
	FROM hamnet_explain($1, $2, $3) $$;

-- Contributions in ascending order, which does not depend on that of the atoms.
CREATE FUNCTION sorted(smiles text, property text, model text) RETURNS double precision[] LANGUAGE sql AS $$
	SELECT array_agg(contribution ORDER BY contribution) FROM hamnet_explain($1, $2, $3) $$;

-- the built-in model
SELECT ok(adds_up('CC(=O)Oc1ccccc1C(=O)O', property, 'hamnet-properties'), property || ' adds up')
	FROM unnest(ARRAY['lipophilicity', 'solubility', 'bbb_permeable']) AS property;
SELECT results_eq($$SELECT atom, element FROM hamnet_explain('OC(=O)CN', 'solubility')$$,
	$$VALUES (1, 'O'), (2, 'C'), (3, 'O'), (4, 'C'), (5, 'N')$$, 'atoms stand in the order of the SMILES');
SELECT is(max(unit), (SELECT unit FROM hamnet_predictions('CCO') WHERE property = 'lipophilicity'), 'contributions have the unit of the property')
	FROM hamnet_explain('CCO', 'lipophilicity');
SELECT is(sorted('CC(=O)Oc1ccccc1C(=O)O', 'lipophilicity', 'hamnet-properties'), sorted('OC(=O)c1c(OC(C)=O)cccc1', 'lipophilicity', 'hamnet-properties'),
	'another spelling has the same contributions, bit for bit');
SELECT is(max(contribution) FILTER (WHERE atom = 3), max(contribution) FILTER (WHERE atom = 7), 'equivalent atoms have the same contribution')
	FROM hamnet_explain('Cc1ccccc1', 'lipophilicity');
SELECT is(array_agg(contribution), ARRAY[0]::float8[], 'methane is what others are compared with') FROM hamnet_explain('C', 'lipophilicity');
SELECT cmp_ok(sum(contribution) FILTER (WHERE element = 'C'), '>', sum(contribution) FILTER (WHERE element = 'O'), 'carbon is more lipophilic than oxygen')
	FROM hamnet_explain('OCCCCCCO', 'lipophilicity');

-- heads of every kind
CREATE TABLE assay AS
	SELECT repeat('C', n) || suffix AS smiles, n * 0.5 + ascii(suffix) / 20.0::float8 AS y, n % 3 = 0 AS active
	FROM generate_series(1, 10) AS n, unnest(ARRAY['O', 'N', 'Cl', 'F', 'C(=O)O']) AS suffix;
SELECT lives_ok(format($$CALL hamnet_train(%L, 'SELECT smiles, y, active FROM assay', %L)$$, name, options), name)
	FROM (VALUES ('kernel', '{"head": "kernel"}'), ('network', '{"head": "mlp", "epochs": 2, "units": 8}'),
		('forest', '{"head": "joint", "trees": 10, "epochs": 2, "units": 8, "members": 2}')) AS m (name, options);
SELECT ok(adds_up('CCCC(N)CC(=O)O', property, model), property || ' of a ' || model || ' adds up')
	FROM unnest(ARRAY['kernel', 'network', 'forest']) AS model, unnest(ARRAY['y', 'active']) AS property;
CREATE TABLE one AS SELECT smiles, y FROM assay;
SELECT lives_ok($$CALL hamnet_train('one', 'SELECT * FROM one', '{"head": "kernel"}')$$, 'a model of one target is trained');
SELECT is((SELECT array_agg(contribution) FROM hamnet_explain('CCN', 'one')), (SELECT array_agg(contribution) FROM hamnet_explain('CCN', 'y', 'one')),
	'a model of one target is explained by its name, as it is predicted');

-- pictures
SELECT matches(hamnet_svg_explain('CCO', 'solubility'), '<svg.*>solubility -?[0-9.]+ log10\(mol/L\)</text>.*>sd [0-9.]+, novelty [0-9.]+, methane -?[0-9.]+</text>',
	'a picture tells value, deviation, novelty and baseline');
SELECT matches(hamnet_svg_explain('CCO', 'y', 'forest'), '<circle', 'a picture explains a model of one''s own');
SELECT matches(hamnet_svg_similarity('CCO', 'CCN'), '<svg.*>cosine distance [0-9.]+</text>.*<circle', 'a picture says what makes two molecules alike');

-- errors are those of hamnet_predict
SELECT throws_ok($$SELECT hamnet_explain('C1CC', 'solubility')$$, '22P02', NULL, 'hamnet_explain refuses an invalid SMILES');
SELECT throws_ok($$SELECT hamnet_explain('CCO', 'nothing')$$, '42704', NULL, 'what nothing predicts cannot be explained');
SELECT throws_like($$SELECT hamnet_explain(repeat('C', 301), 'solubility')$$, '%more than the limit of 300 for a%', 'hamnet_explain refuses what is too large');

SELECT * FROM finish();
ROLLBACK;
