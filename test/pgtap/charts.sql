-- Charts of trainings and of predictions.
BEGIN;
SELECT plan(15);
SET LOCAL client_min_messages = warning;

CREATE TABLE assay AS
	SELECT repeat('C', n) || suffix AS smiles, n * 0.5 + ascii(suffix) / 20.0::float8 AS "y [<b>]", n > 5 AS "a<script>"
	FROM generate_series(1, 12) AS n, unnest(ARRAY['O', 'N', 'Cl', 'F', 'C(=O)O']) AS suffix;
CALL hamnet_train('network', 'SELECT * FROM assay', '{"head": "mlp", "epochs": 3, "members": 2, "units": 8, "validation": 0.3}');
CALL hamnet_train('kernel', 'SELECT smiles, "y [<b>]" FROM assay', '{"head": "kernel"}');
CREATE TABLE run AS SELECT model, run FROM hamnet_training_runs();

-- Well-formed, and without anything that runs.
CREATE FUNCTION is_svg(picture text) RETURNS boolean LANGUAGE sql AS $$
	SELECT picture::xml IS DOCUMENT AND (xpath('local-name(/*)', picture::xml))[1]::text = 'svg'
		AND (xpath('count(//*[not(contains("|svg|g|rect|path|text|circle|", concat("|", local-name(), "|")))])', picture::xml))[1]::text = '0' $$;
CREATE FUNCTION elements(picture text, name text, attribute text DEFAULT '') RETURNS bigint LANGUAGE sql AS $$
	SELECT ((xpath('count(//*[local-name() = "' || name || '"]' || attribute || ')', picture::xml))[1]::text)::bigint $$;

-- a training
SELECT ok(is_svg(hamnet_svg_training(run)), 'a training is drawn') FROM run WHERE model = 'network';
SELECT is(elements(hamnet_svg_training(run), 'path', '[@stroke-width="1.8"]'), 4::bigint, 'with two lines of loss and two of the metric') FROM run WHERE model = 'network';
SELECT matches(hamnet_svg_training(run), '>mlp 2</text>', 'by their names') FROM run WHERE model = 'network';
SELECT throws_ok(format('SELECT hamnet_svg_training(%s)', run), '42704', format('training run %s has no epochs', run), 'a kernel has no epochs') FROM run WHERE model = 'kernel';
SELECT throws_ok('SELECT hamnet_svg_training(-1)', '42704', NULL, 'nor has a run that does not exist');

-- predictions
SELECT ok(is_svg(hamnet_svg_parity('network', 'SELECT * FROM assay')), 'predictions of both kinds are drawn');
SELECT matches(hamnet_svg_parity('network', 'SELECT * FROM assay'), '>a&lt;script&gt;</text>', 'names of targets cannot be markup');
SELECT is(elements(hamnet_svg_parity('kernel', 'SELECT smiles, "y [<b>]" FROM assay'), 'circle'), count(*), 'each row is a point') FROM assay;
SELECT is(elements(hamnet_svg_parity('kernel', 'SELECT smiles, "y [<b>]" FROM assay'), 'path', '[@stroke-opacity="0.25"]'), count(*), 'with its interval') FROM assay;
SELECT matches(hamnet_svg_parity('kernel', 'SELECT smiles, "y [<b>]" FROM assay'), format('RMSE %s,', round(value::numeric, 3)), 'and the error is that of hamnet_evaluate')
	FROM hamnet_evaluate('kernel', 'SELECT smiles, "y [<b>]" FROM assay') WHERE metric = 'rmse';
SELECT matches(hamnet_svg_parity('network', 'SELECT smiles, "a<script>" FROM assay'), format('ROC-AUC %s,', round(value::numeric, 3)), 'as is the area')
	FROM hamnet_evaluate('network', 'SELECT smiles, "a<script>" FROM assay') WHERE metric = 'roc_auc';
SELECT cmp_ok(elements(hamnet_svg_parity('kernel', 'SELECT smiles, "y [<b>]" FROM assay, generate_series(1, 40)'), 'circle'), '<=', 2000::bigint, 'of many rows some are drawn');
SELECT ok(is_svg(hamnet_svg_parity('kernel', 'SELECT smiles, "y [<b>]" FROM assay WHERE false')), 'a query without rows gives an empty chart');
SELECT ok(is_svg(hamnet_svg_parity('network', 'SELECT smiles, "a<script>" FROM assay WHERE "a<script>"')), 'and one class has no area');
SELECT throws_ok($$SELECT hamnet_svg_parity('kernel', 'SELECT smiles, true AS y FROM assay')$$, '42804', NULL, 'columns must be what the model predicts');

SELECT * FROM finish();
ROLLBACK;
