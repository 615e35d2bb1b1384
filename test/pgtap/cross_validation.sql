-- Validation in folds, and models that learn from all rows in the end.
BEGIN;
SELECT plan(38);
SET LOCAL client_min_messages = warning;

-- alcohols, amines, halides and acids whose label follows from their atoms
CREATE TABLE assay AS
	SELECT repeat('C', n) || suffix AS smiles, n * 0.5 + ascii(suffix) / 20.0::float8 AS y, n > 8 AS active, n, suffix
	FROM generate_series(1, 10) AS n, unnest(ARRAY['O', 'N', 'Cl', 'F', 'C(=O)O', 'c1ccccc1']) AS suffix;
CREATE FUNCTION id_of(text) RETURNS text LANGUAGE sql AS 'SELECT id FROM hamnet_models() WHERE name = $1';
CREATE FUNCTION learn(model text, query text, options jsonb) RETURNS jsonb LANGUAGE plpgsql AS $f$
BEGIN
	EXECUTE format('CALL hamnet_train(%L, %L, %L)', model, query, options);
	RETURN (SELECT report FROM hamnet_training_runs() AS r WHERE r.model = learn.model ORDER BY run DESC LIMIT 1);
END$f$;
CREATE FUNCTION predictions_of(model text) RETURNS TABLE (smiles text, target text, fold int, label float8, value float8, sd float8) LANGUAGE sql AS
	$$SELECT p.* FROM hamnet_training_predictions((SELECT max(run) FROM hamnet_training_runs() AS r WHERE r.model = $1)) AS p$$;
CREATE FUNCTION learn_from_scratch(model text, query text, options jsonb) RETURNS jsonb LANGUAGE sql AS
	$$SELECT learn(model, query, '{"head": "full", "base": "scratch", "dim": 4, "layers": 1, "units": 0, "epochs": 1, "workers": 1, "known": 0}' || options)$$;

-- refit
CREATE TABLE report AS SELECT 'refit' AS model, learn('refit', 'SELECT smiles, y FROM assay', '{"head": "kernel", "refit": true}') AS report
UNION ALL SELECT 'kept', learn('kept', 'SELECT smiles, y FROM assay', '{"head": "kernel"}')
UNION ALL SELECT 'all', learn('all', 'SELECT smiles, y FROM assay', '{"head": "kernel", "validation": "none"}')
UNION ALL SELECT 'folds', learn('folds', 'SELECT smiles, y FROM assay', '{"head": "kernel", "folds": 3}')
UNION ALL SELECT 'query', learn('query', 'SELECT smiles, y FROM assay WHERE n < 9', '{"head": "kernel", "validation_query": "SELECT smiles, y FROM assay WHERE n >= 9"}')
UNION ALL SELECT 'query refit', learn('query refit', 'SELECT smiles, y FROM assay WHERE n < 9', '{"head": "kernel", "refit": true, "validation_query": "SELECT smiles, y FROM assay WHERE n >= 9"}');
SELECT is(id_of('refit'), id_of('all'), 'a kernel that was validated is the one that learns from all rows');
SELECT is(id_of('folds'), id_of('all'), 'a kernel that was cross-validated is the one that learns from all rows');
SELECT is(id_of('query refit'), id_of('all'), 'a kernel learns from the rows of a validation query too if asked');
SELECT isnt(id_of('kept'), id_of('all'), 'without refit a kernel is the one that was validated');
SELECT isnt(id_of('query'), id_of('all'), 'a kernel does not learn from the rows of a validation query');
SELECT is((SELECT string_agg(concat_ws(' ', model, report ->> 'train', report ->> 'validation', report ->> 'refit'), ', ' ORDER BY model COLLATE "C") FROM report),
	'all 60 0 false, folds 60 60 true, kept 54 6 false, query 48 12 false, query refit 60 12 true, refit 60 6 true', 'reports count the rows that were learned from and validated on');
SELECT is((SELECT report #> '{candidates,kernel,validation}' FROM report WHERE model = 'refit'), (SELECT report #> '{candidates,kernel,validation}' FROM report WHERE model = 'kept'),
	'the validation of a model that learns from all rows is the one without them');

-- predictions are those of models that have not learned from the rows
SELECT is((SELECT count(*) FROM predictions_of('folds')), 60::bigint, 'each row is predicted once');
SELECT is((SELECT count(*) FROM predictions_of('folds') AS p JOIN assay AS a USING (smiles) WHERE p.label = a.y AND p.target = 'y' AND p.sd > 0), 60::bigint, 'predictions come with SMILES, label and deviation');
SELECT is((SELECT array_agg(n ORDER BY fold) FROM (SELECT fold, count(*) AS n FROM predictions_of('folds') GROUP BY fold) AS f), ARRAY[20, 20, 20]::bigint[], 'folds are of one size');
CREATE TABLE fold AS SELECT * FROM predictions_of('folds');
SELECT isnt(learn('other folds', 'SELECT smiles, y FROM assay JOIN fold USING (smiles) WHERE fold <> 2', '{"head": "kernel", "validation": "none"}'), NULL, 'a kernel is trained without a fold');
SELECT cmp_ok((SELECT max(abs(value - hamnet_predict(smiles, 'other folds'))) FROM fold WHERE fold = 2), '<', 1e-6::float8, 'a fold is predicted by the model of the others');

-- metrics with their spread
CREATE FUNCTION spread(model text, metric text) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', round((m ->> 'mean')::numeric, 6), round((m ->> 'std')::numeric, 6), m ->> 'folds') FROM report AS r, jsonb_array_elements(report -> 'cross_validation') AS m
	WHERE r.model = $1 AND m ->> 'metric' = $2$$;
SELECT is(spread('folds', 'rmse'), (SELECT concat_ws(' ', round(avg(rmse)::numeric, 6), round(stddev_samp(rmse)::numeric, 6), 3) FROM (SELECT sqrt(avg((value - label) ^ 2)) AS rmse FROM fold GROUP BY fold) AS f),
	'the report has mean and deviation of the RMSE');
SELECT is(spread('folds', 'mae'), (SELECT concat_ws(' ', round(avg(mae)::numeric, 6), round(stddev_samp(mae)::numeric, 6), 3) FROM (SELECT avg(abs(value - label)) AS mae FROM fold GROUP BY fold) AS f),
	'the report has mean and deviation of the MAE');
SELECT is((SELECT jsonb_array_length(report #> '{candidates,kernel,folds}') FROM report WHERE model = 'folds'), 3, 'the report has the validation of each fold');

-- what was used, given or not
SELECT is((SELECT report -> 'options' FROM report WHERE model = 'folds') -> 'folds', '3', 'the report has the options that were given');
SELECT is((SELECT report -> 'options' FROM report WHERE model = 'folds') - '{folds,refit,head}'::text[], (SELECT report -> 'options' FROM report WHERE model = 'all') - '{folds,refit,head}'::text[] || '{"validation": null}',
	'the report has the options that were not given');
SELECT ok(bool_and((k -> 'descriptor_weight')::float8 > 0 AND (k -> 'noises' -> 0)::float8 > 0 AND (k -> 'variances' -> 0)::float8 > 0), 'the report has the hyper-parameters of kernels')
FROM report, LATERAL (SELECT report #> '{candidates,kernel,regression}') AS r (k) WHERE model IN ('folds', 'all');

-- molecules, scaffolds and classes
SELECT isnt(learn_from_scratch('twice', 'SELECT smiles, y FROM assay UNION ALL SELECT hamnet_canonical_smiles(smiles), y + 1 FROM assay', '{"folds": 4}'), NULL, 'rows of equal molecules are cross-validated');
SELECT is((SELECT count(*) FROM (SELECT FROM predictions_of('twice') GROUP BY hamnet_canonical_smiles(smiles) HAVING count(DISTINCT fold) > 1) AS m), 0::bigint, 'rows of one molecule are in one fold');
SELECT is((SELECT array_agg(n ORDER BY fold) FROM (SELECT fold, count(*) AS n FROM predictions_of('twice') GROUP BY fold) AS f), ARRAY[30, 30, 30, 30]::bigint[], 'folds are of one size with rows of equal molecules');
SELECT isnt(learn_from_scratch('rings', 'SELECT ''C1'' || repeat(''C'', n) || ''C1'' || suffix AS smiles, y FROM assay', '{"folds": 5, "validation": "scaffold"}'), NULL, 'scaffolds are cross-validated');
SELECT is((SELECT count(*) FROM (SELECT FROM predictions_of('rings') GROUP BY hamnet_scaffold(smiles) HAVING count(DISTINCT fold) > 1) AS m), 0::bigint, 'molecules of one scaffold are in one fold');
SELECT isnt(learn_from_scratch('classes', 'SELECT smiles, active FROM assay', '{"folds": 4}'), NULL, 'a class is cross-validated');
SELECT is((SELECT array_agg(n ORDER BY fold) FROM (SELECT fold, sum(label) AS n FROM predictions_of('classes') GROUP BY fold) AS f), ARRAY[3, 3, 3, 3]::float8[], 'each fold has its part of a class');
SELECT is((SELECT jsonb_agg(m -> 'metric') FROM hamnet_training_runs(), jsonb_array_elements(report -> 'cross_validation') AS m WHERE model = 'classes'), '["roc_auc", "pr_auc"]', 'the report has the areas of a class');
SELECT isnt(learn_from_scratch('only', 'SELECT smiles, smiles = ''CCCO'' AS only, n <= 1 AS few FROM assay', '{"folds": 3}'), NULL, 'a class with one molecule is cross-validated');
SELECT is((SELECT string_agg(n::text, ' ' ORDER BY target) FROM (SELECT target, count(*) AS n FROM predictions_of('only') GROUP BY target) AS t), '59 59', 'the only molecule of a class is in no fold');

-- joint heads and networks
INSERT INTO report SELECT 'joint', learn('joint', 'SELECT smiles, y, active FROM assay', '{"head": "joint", "trees": 8, "boosting": 0, "folds": 2, "epochs": 4, "members": 2, "units": 8, "counts": 32}');
SELECT is((SELECT count(*) FROM predictions_of('joint')), 120::bigint, 'each row is predicted once for each target');
SELECT is((SELECT array_agg(key ORDER BY key COLLATE "C") FROM report, jsonb_each(report -> 'candidates') WHERE model = 'joint' AND jsonb_array_length(value -> 'folds') = 2), ARRAY['forest', 'joint', 'kernel', 'mlp'],
	'the report has the folds of each part of a joint head');
SELECT cmp_ok((SELECT (report #>> '{candidates,mlp,member 1,epochs}')::int FROM report WHERE model = 'joint'), '<=', 4, 'networks of the last pass stop where those of the folds were best');
SELECT is((SELECT string_agg(DISTINCT network, ', ' ORDER BY network) FROM hamnet_training_log() WHERE model = 'joint'), 'mlp, all rows, mlp, fold 1, mlp, fold 2', 'the log tells passes apart');

-- what does not go together
SELECT throws_ok(format($$CALL hamnet_train('no', 'SELECT smiles, y FROM assay', '{"head": "kernel", "folds": 3, %s}')$$, option), '22023', message, 'folds and ' || option || ' are refused')
FROM (VALUES ('"validation": 0.2', 'options "validation" and "folds" exclude each other'), ('"validation": "none"', 'options "validation" and "folds" exclude each other'),
	('"validation_query": "SELECT smiles, y FROM assay"', 'options "validation_query" and "folds" exclude each other'), ('"refit": false', 'option "folds" needs "refit"')) AS o (option, message);
SELECT throws_ok($$CALL hamnet_train('no', 'SELECT smiles, y FROM assay', '{"head": "kernel", "folds": 61}')$$, '22000', 'rows cannot be divided into 61 folds', 'more folds than molecules are refused');

-- whose predictions
CREATE ROLE folds_alice;
SELECT max(run) AS run FROM hamnet_training_runs() WHERE model = 'folds' \gset
SET ROLE folds_alice;
SELECT is((SELECT count(*) FROM hamnet_training_predictions(:run)), 0::bigint, 'predictions of another role''s run are not shown');
RESET ROLE;

SELECT finish();
ROLLBACK;
