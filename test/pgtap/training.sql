-- Training, evaluation and their log, on tiny data. All of it in one
-- transaction, where nothing is committed on the way.
BEGIN;
SELECT plan(130);
SET LOCAL client_min_messages = warning;

-- alcohols, amines, halides and acids whose label follows from their atoms
CREATE TABLE assay AS
	SELECT repeat('C', n) || suffix AS smiles, n * 0.5 + ascii(suffix) / 20.0::float8 AS y, n > 5 AS active, n
	FROM generate_series(1, 10) AS n, unnest(ARRAY['O', 'N', 'Cl', 'F', 'C(=O)O', 'c1ccccc1']) AS suffix;
GRANT SELECT ON assay TO PUBLIC;
CREATE FUNCTION id_of(text) RETURNS text LANGUAGE sql AS 'SELECT id FROM hamnet_models() WHERE name = $1';
CREATE FUNCTION metric_of(model text, query text, metric text) RETURNS double precision LANGUAGE sql AS
	'SELECT min(value) FROM hamnet_evaluate($1, $2) AS e WHERE e.metric = $3';
CREATE FUNCTION report_of(text) RETURNS jsonb LANGUAGE sql AS
	'SELECT report FROM hamnet_training_runs() WHERE model = $1 ORDER BY run DESC LIMIT 1';

-- from scratch
SELECT lives_ok($$CALL hamnet_train('a', 'SELECT smiles, y FROM assay',
	'{"head": "full", "base": "scratch", "dim": 24, "units": 16, "epochs": 25, "lr": 0.01, "batch": 8, "dropout": 0}')$$, 'training from scratch');
SELECT results_eq($$SELECT built_in, dim, targets, owner FROM hamnet_models() WHERE name = 'a'$$,
	$$VALUES (false, 24, ARRAY['y'], current_user)$$, 'training makes a model');
SELECT cmp_ok(metric_of('a', 'SELECT smiles, y FROM assay', 'rmse'), '<', (SELECT 0.5 * stddev(y) FROM assay), 'a model trained from scratch has learned something');
SELECT is(hamnet_predict('CCCCO', 'a'), hamnet_predict('OCCCC', 'y', 'a'), 'a model trained from scratch predicts whatever the spelling');
SELECT is((SELECT count(*) FROM hamnet_predictions('CCO', 'a')), 1::bigint, 'hamnet_predictions by a model of one target has one row');

-- metrics are what they are called
SELECT results_eq($$SELECT metric, round(value::numeric, 4), n FROM hamnet_evaluate('a', 'SELECT smiles, y FROM assay')$$,
	$$WITH p AS (SELECT y, hamnet_predict(smiles, 'a') AS p FROM assay)
	SELECT 'rmse', round(sqrt(avg((y - p) ^ 2))::numeric, 4), count(*) FROM p
	UNION ALL SELECT 'mae', round(avg(abs(y - p))::numeric, 4), count(*) FROM p
	UNION ALL SELECT 'r2', round((1 - sum((y - p) ^ 2) / (var_pop(y) * count(*)))::numeric, 4), count(*) FROM p$$, 'hamnet_evaluate gives rmse, mae and r2 of the predictions');
SELECT results_eq($$SELECT target, metric, value, n FROM hamnet_evaluate('a', 'SELECT smiles, y FROM assay WHERE false')$$,
	$$VALUES ('y', 'rmse', NULL::float8, 0::bigint), ('y', 'mae', NULL, 0), ('y', 'r2', NULL, 0)$$,
	'no rows give no values, and a single target is named');
SELECT throws_ok($$SELECT hamnet_evaluate('a', 'SELECT smiles, active AS y FROM assay')$$, '42804', NULL, 'hamnet_evaluate refuses a class for a number');

-- the log
SELECT is((SELECT count(*) FROM hamnet_training_log() WHERE model = 'a'), 25::bigint, 'hamnet_training_log has a row for each epoch');
SELECT is_empty($$SELECT FROM hamnet_training_log() WHERE network <> 'full' OR member <> 1 OR epochs <> 25 OR metric <> 'rmse'
	OR value IS NULL OR NOT loss > 0 OR NOT molecules_per_second > 0 OR learning_rate > 0.01 OR estimated_end IS NULL$$, 'rows of hamnet_training_log are complete');
SELECT cmp_ok((SELECT loss FROM hamnet_training_log() WHERE epoch = 25), '<', (SELECT loss FROM hamnet_training_log() WHERE epoch = 1), 'the loss of a training falls');
SELECT results_eq($$SELECT kind, model, state, owner, options ->> 'base' FROM hamnet_training_runs()$$,
	$$VALUES ('train', 'a', 'done', current_user, 'scratch')$$, 'hamnet_training_runs shows a run that is done');
SELECT is((SELECT report ->> 'id' FROM hamnet_training_runs()), id_of('a'), 'the report of a run names its model');
SELECT is((SELECT (report ->> 'train')::int + (report ->> 'validation')::int FROM hamnet_training_runs()), 60, 'the report of a run counts its rows');

-- the same again
CREATE FUNCTION train(model text, query text, members int DEFAULT 1, workers int DEFAULT 2, seed int DEFAULT 7) RETURNS text LANGUAGE plpgsql AS $f$
BEGIN
	EXECUTE format('CALL hamnet_train(%L, %L, %L)', model, query,
		format('{"head": "full", "base": "scratch", "dim": 16, "units": 8, "epochs": 2, "members": %s, "workers": %s, "seed": %s}',
			members, workers, seed));
	RETURN id_of(model);
END$f$;
SELECT is(train('b', 'SELECT smiles, y FROM assay'), train('c', 'SELECT smiles, y FROM assay'), 'the same call gives the same model');
SELECT is(train('c', 'SELECT smiles, y FROM assay ORDER BY y DESC'), id_of('b'), 'the order of the rows does not change a model');
SELECT is(train('c', 'SELECT hamnet_canonical_smiles(smiles), y FROM assay'), id_of('b'), 'the spelling of SMILES does not change a model');
SELECT is(train('c', 'SELECT smiles, y::numeric FROM assay'), id_of('b'), 'the type of the numbers does not change a model');
SELECT isnt(train('c', 'SELECT smiles, y FROM assay', seed => 8), id_of('b'), 'another seed gives another model');
SELECT isnt(train('c', 'SELECT smiles, y FROM assay WHERE n < 10'), id_of('b'), 'other rows give another model');
SELECT is(train('c', 'SELECT smiles, y FROM assay', workers => 1), train('d', 'SELECT smiles, y FROM assay', workers => 1), 'training with one process gives the same model twice');
SELECT is(train('c', 'SELECT smiles, y FROM assay', workers => 3), train('d', 'SELECT smiles, y FROM assay', workers => 3), 'training with three processes gives the same model twice');
CREATE TEMP TABLE spread AS SELECT smiles, hamnet_predict(smiles, 'c') AS p FROM assay;
SELECT isnt(train('c', 'SELECT smiles, y FROM assay', seed => 9), id_of('d'), 'training with another seed replaces a model');
SELECT isnt_empty($$SELECT FROM spread WHERE p <> hamnet_predict(smiles, 'c')$$, 'a model that was replaced by training is used at once');

-- rows that teach nothing
SELECT isnt(train('d', $$SELECT smiles, y FROM assay UNION ALL VALUES ('C1CC', 1), (NULL, 2), ('CCO', NULL), ('C(C', NULL)$$), NULL, 'bad rows do not stop a training');
SELECT is(report_of('d') - 'id' - 'head' - 'seconds' - 'metric' - 'candidates',
	report_of('b') - 'id' - 'head' - 'seconds' - 'metric' - 'candidates' ||
	'{"rows": 64, "invalid": 2, "unlabelled": 2,
	"rejects": [{"molecule": "C1CC", "reason": "invalid SMILES: unclosed ring"}, {"molecule": null, "reason": "it is NULL"}]}',
	'rows that cannot be used are counted and listed');
SELECT is(id_of('d'), id_of('b'), 'rows that cannot be used change nothing');

-- several tasks with gaps
SELECT isnt(train('several', 'SELECT smiles, active, CASE WHEN n % 3 > 0 THEN y END AS y, CASE WHEN n % 2 = 0 THEN n < 4 END AS "small one", n FROM assay'),
	NULL, 'several targets are trained, some rows without some');
SELECT is(targets, ARRAY['y', 'n', 'active', 'small one'], 'targets of a model are numbers first, then classes') FROM hamnet_models() WHERE name = 'several';
SELECT results_eq($$SELECT target, metric, n FROM hamnet_evaluate('several', 'SELECT smiles, active, n, CASE WHEN n > 5 THEN n < 8 END AS "small one" FROM assay')$$,
	$$VALUES ('active', 'roc_auc', 60::bigint), ('active', 'pr_auc', 60), ('n', 'rmse', 60), ('n', 'mae', 60), ('n', 'r2', 60),
	('small one', 'roc_auc', 30), ('small one', 'pr_auc', 30)$$, 'hamnet_evaluate finds targets by name and takes labelled rows');
SELECT is(report_of('several') ->> 'metric', 'loss', 'numbers and classes together are validated by the loss');
SELECT isnt(train('class', 'SELECT smiles, active FROM assay'), NULL, 'a class alone is trained');
SELECT is(report_of('class') ->> 'metric', 'roc_auc', 'a class alone is validated by the area under the curve');
SELECT ok(bool_and(hamnet_predict(smiles, 'class') BETWEEN 0 AND 1), 'a class is predicted as a probability') FROM assay;
SELECT throws_ok($$SELECT hamnet_predict('CCO', 'several')$$, '42P08', NULL, 'hamnet_predict needs the target of a model with several');

-- ensembles
SELECT isnt(train('ensemble', 'SELECT smiles, y FROM assay', members => 3), NULL, 'an ensemble is trained');
SELECT is((SELECT count(DISTINCT member) FROM hamnet_training_log() WHERE model = 'ensemble'), 3::bigint, 'an ensemble has its members in the log');
SELECT ok(bool_and(p.sd > 0), 'predictions of an ensemble have a deviation') FROM assay, LATERAL hamnet_predictions(smiles, 'ensemble') AS p;

-- heads on a frozen base
SELECT lives_ok($$CALL hamnet_train('k', 'SELECT smiles, y FROM assay WHERE n < 9', '{"head": "kernel"}')$$, 'a kernel head is trained');
SELECT cmp_ok(metric_of('k', 'SELECT smiles, y FROM assay WHERE n < 9', 'rmse'), '<', (SELECT 0.2 * stddev(y) FROM assay), 'has learned something');
SELECT ok(bool_and(p.sd > 0), 'predictions of a kernel head have a deviation') FROM assay, LATERAL hamnet_predictions(smiles, 'k') AS p;
SELECT is(hamnet_fingerprint('CCO', 'k')::real[], hamnet_fingerprint('CCO')::real[], 'a kernel head keeps the fingerprint of its base');
SELECT lives_ok($$CALL hamnet_train('kc', 'SELECT smiles, active FROM assay', '{"head": "kernel", "validation": 0.2, "seed": 3}')$$, 'a kernel head of a class is trained');
SELECT cmp_ok(metric_of('kc', 'SELECT smiles, active FROM assay', 'roc_auc'), '>', 0.9::float8, 'a kernel head of a class has learned something');
SELECT lives_ok($$CALL hamnet_train('mlp', 'SELECT smiles, y FROM assay', '{"head": "mlp", "epochs": 5, "units": 16, "base": "hamnet-untrained"}')$$, 'a network head is trained');
SELECT is(hamnet_fingerprint('CCO', 'mlp')::real[], hamnet_fingerprint('CCO', 'hamnet-untrained')::real[], 'a network head keeps the fingerprint of its base');
SELECT lives_ok($$CALL hamnet_train('more', 'SELECT smiles, y FROM assay', '{"head": "full", "epochs": 1, "base": "a"}')$$, 'a model of one''s own can be the base');
SELECT isnt(hamnet_fingerprint('CCO', 'more')::real[], hamnet_fingerprint('CCO', 'a')::real[], 'a full network changes the fingerprint of its base');

-- projections
SELECT lives_ok($$CALL hamnet_train('near', 'SELECT smiles, y, CASE WHEN active THEN 1 ELSE -1 END AS side FROM assay', '{"head": "full", "epochs": 20, "lr": 0.01, "dropout": 0, "units": 8, "base": "scratch",
	"features": "hamnet-2026-counts", "dim": 16, "layers": 1, "fingerprint_counts": 64, "contrast": "side", "contrast_weight": 5, "weights": {"y": 0.5}, "validation": "none"}')$$, 'a projection learns from groups');
SELECT ok(bool_and(abs(hamnet_norm(hamnet_fingerprint(smiles, 'near')) - 4) < 1e-4), 'all fingerprints have one length') FROM assay;
SELECT cmp_ok(avg(f <-> g) FILTER (WHERE a.active AND b.active), '<', avg(f <-> g) FILTER (WHERE a.active <> b.active), 'actives are nearer to each other than to others')
FROM assay AS a, assay AS b, LATERAL hamnet_fingerprint(a.smiles, 'near') AS f, LATERAL hamnet_fingerprint(b.smiles, 'near') AS g WHERE a.smiles < b.smiles;
SELECT lives_ok($$CALL hamnet_train('nearer', 'SELECT smiles, y FROM assay', '{"head": "full", "learn": "projection", "keep": 100, "epochs": 3, "base": "near", "epoch_rows": 10}')$$, 'the projection alone is trained on');
SELECT throws_ok($$CALL hamnet_train('no', 'SELECT smiles, y FROM assay', '{"head": "full", "contrast": "side"}')$$, '42703', 'query has no column "side", which option "contrast" names', 'groups need a column');
SELECT throws_ok($$CALL hamnet_train('no', 'SELECT smiles, y, y AS side FROM assay', '{"head": "full", "contrast": "side"}')$$, '42804', 'column "side", which option "contrast" names, is not of type integer', 'of integers');
SELECT throws_ok($$CALL hamnet_train('no', 'SELECT smiles, 1 AS side FROM assay', '{"head": "full", "contrast": "side"}')$$, '22023', 'query has no target beside the groups of option "contrast"', 'beside a target');
SELECT throws_ok($$CALL hamnet_train('no', 'SELECT smiles, y FROM assay', '{"head": "full", "weights": {"z": 1}}')$$, '42703', 'query has no target "z", which option "weights" names', 'weights are of targets');
SELECT throws_ok($$CALL hamnet_train('no', 'SELECT smiles, y FROM assay', '{"head": "full", "weights": {"y": -1}}')$$, '22023', 'weight of target "y" is -1, it must be between 0 and 1000000', 'and not negative');
SELECT throws_ok($$CALL hamnet_train('no', 'SELECT smiles, y FROM assay', '{"head": "kernel", "keep": 1}')$$, '22023', 'option "keep" requires head "full"', 'a frozen fingerprint is kept anyway');
SELECT throws_ok($$CALL hamnet_train('no', 'SELECT smiles, y FROM assay', '{"head": "full", "keep": 1, "base": "hamnet-untrained"}')$$, NULL, 'only a projection can be kept');

-- new generators
SELECT lives_ok($$CALL hamnet_train('rich', 'SELECT smiles, y FROM assay', '{"head": "full", "epochs": 30, "lr": 0.01, "dropout": 0, "units": 8, "batch": 8, "base": "hamnet-untrained",
	"generator": "new", "features": "hamnet-2026", "bond_messages": true, "dim": 24, "edge_dim": 6, "layers": 2}')$$, 'a new generator on the engine of a base is trained');
SELECT results_eq($$SELECT dim, features FROM hamnet_models() WHERE name = 'rich'$$, $$VALUES (24, 'hamnet-2026')$$, 'a new generator has the dimension and features that were asked for');
SELECT cmp_ok(metric_of('rich', 'SELECT smiles, y FROM assay', 'rmse'), '<', (SELECT 0.5 * stddev(y) FROM assay), 'a new generator has learned something');
SELECT is(hamnet_fingerprint('CCCc1ccccc1', 'rich'), hamnet_fingerprint('c1ccccc1CCC', 'rich'), 'a new generator gives one fingerprint whatever the spelling');
SELECT cmp_ok((SELECT max(greatest(abs(a.x - b.x), abs(a.y - b.y), abs(a.z - b.z)))
	FROM hamnet_engine_positions('CC(=O)Oc1ccccc1C(=O)O', 'rich') AS a JOIN hamnet_engine_positions('CC(=O)Oc1ccccc1C(=O)O', 'hamnet-untrained') AS b USING (atom)),
	'<', 1e-4::float8, 'a new generator leaves the engine of its base alone');
SELECT lives_ok($$CALL hamnet_train('richer', 'SELECT smiles, y FROM assay', '{"head": "full", "epochs": 1, "base": "rich"}')$$, 'a model with a new generator can be the base');
SELECT results_eq($$SELECT dim, features FROM hamnet_models() WHERE name = 'richer'$$, $$VALUES (24, 'hamnet-2026')$$, 'a model trained on a new generator has its shape');
SELECT lives_ok($$CALL hamnet_train('three', 'SELECT smiles, y FROM assay', '{"head": "full", "epochs": 1, "dim": 8, "base": "rich", "generator": "new", "members": 3}')$$, 'an ensemble of new generators is trained');
SELECT isnt(hamnet_fingerprint('CCO', 'three')::real[], hamnet_fingerprint('CCO', 'rich')::real[], 'new generators give other fingerprints than the base');
SELECT lives_ok($$CALL hamnet_train('plain', 'SELECT smiles, y FROM assay', '{"head": "full", "epochs": 1, "dim": 8, "base": "rich", "generator": "new", "engine": false}')$$, 'a new generator without the engine of its base is trained');
SELECT throws_ok($$SELECT FROM hamnet_engine_positions('CCO', 'plain')$$, NULL, 'a model without an engine has no positions');

SELECT lives_ok($$CALL hamnet_train('on', 'SELECT smiles, y FROM assay', '{"head": "mlp", "epochs": 1, "base": "ensemble"}')$$, 'an ensemble can be the base');
SELECT is(hamnet_fingerprint('CCO', 'on')::real[], hamnet_fingerprint('CCO', 'ensemble')::real[], 'the fingerprint of an ensemble as base is that of its first generator');

-- networks that read more, and joint heads
SELECT lives_ok($$CALL hamnet_train('md', 'SELECT smiles, y FROM assay',
	'{"head": "mlp", "inputs": "descriptors", "huber": 1, "epochs": 30, "units": 16, "lr": 0.01}')$$, 'a network head that reads descriptors is trained');
SELECT cmp_ok(metric_of('md', 'SELECT smiles, y FROM assay', 'rmse'), '<', (SELECT 0.5 * stddev(y) FROM assay), 'has learned something');
SELECT is(hamnet_predict('CCCCO', 'md'), hamnet_predict('OCCCC', 'md'), 'a network head that reads descriptors predicts whatever the spelling');
SELECT lives_ok($$CALL hamnet_train('fd', 'SELECT smiles, y FROM assay',
	'{"head": "full", "base": "a", "inputs": "counts", "counts": 64, "epochs": 2, "members": 2}')$$, 'full networks that read counts are trained');
SELECT isnt(hamnet_fingerprint('CCO', 'fd')::real[], hamnet_fingerprint('CCO', 'a')::real[], 'full networks that read counts change the fingerprint');
CREATE FUNCTION join_heads(model text, query text) RETURNS text LANGUAGE plpgsql AS $f$
BEGIN
	EXECUTE format('CALL hamnet_train(%L, %L, %L)', model, query,
		'{"head": "joint", "base": "a", "epochs": 4, "members": 2, "units": 8, "counts": 32, "validation": 0.2}');
	RETURN id_of(model);
END$f$;
SELECT is(join_heads('j', 'SELECT smiles, y, CASE WHEN n % 3 > 0 THEN n < 6 END AS short FROM assay'),
	join_heads('j2', 'SELECT smiles, y, CASE WHEN n % 3 > 0 THEN n < 6 END AS short FROM assay'), 'joint heads are trained the same twice');
SELECT ok(bool_and(p.sd > 0 AND (p.property = 'y' OR p.value BETWEEN 0 AND 1)), 'predictions of a joint head have a deviation')
	FROM assay, LATERAL hamnet_predictions(smiles, 'j') AS p;
SELECT results_eq($$SELECT key, value ? 'validation' FROM jsonb_each(report_of('j') -> 'candidates') ORDER BY key COLLATE "C"$$,
	$$VALUES ('boosting', true), ('forest', true), ('full', false), ('joint', true), ('kernel', true), ('mlp', true)$$, 'the report of a joint head has the validation of its candidates');
SELECT cmp_ok((report_of('j') #>> '{candidates,joint,validation}')::float8, '<=',
	(SELECT max((value ->> 'validation')::float8) FROM jsonb_each(report_of('j') -> 'candidates') WHERE key <> 'joint'),
	'a joint head validates no worse than its worst part');
SELECT isnt(join_heads('jc', 'SELECT smiles, active FROM assay'), NULL, 'a joint head of classes is trained');
SELECT cmp_ok(metric_of('jc', 'SELECT smiles, active FROM assay', 'roc_auc'), '>', 0.9::float8, 'a joint head learns classes');

-- joint heads with trees
CREATE FUNCTION grow(model text, more text) RETURNS text LANGUAGE plpgsql AS $f$
BEGIN
	EXECUTE format('CALL hamnet_train(%L, %L, %L)', model, 'SELECT smiles, y, CASE WHEN n % 3 > 0 THEN n < 6 END AS short FROM assay',
		'{"head": "joint", "base": "a", "epochs": 2, "members": 2, "units": 8, "counts": 32, "trees": 20, "boosting": 10, ' || more || '}');
	RETURN id_of(model);
END$f$;
SELECT is(grow('t', '"validation": 0.2'), grow('t2', '"validation": 0.2'), 'joint heads with trees are trained the same twice');
SELECT results_eq($$SELECT key FROM jsonb_each(report_of('t') -> 'candidates') WHERE value ? 'validation' ORDER BY key COLLATE "C"$$,
	$$VALUES ('boosting'), ('forest'), ('joint'), ('kernel'), ('mlp')$$, 'the report of a joint head has the validation of its trees');
SELECT cmp_ok((report_of('t') #>> '{candidates,joint,validation}')::float8, '<=',
	(SELECT max((value ->> 'validation')::float8) FROM jsonb_each(report_of('t') -> 'candidates') WHERE key <> 'joint'), 'a joint head with trees validates no worse than its worst part');
SELECT ok(bool_and(share BETWEEN 0.12 AND 0.45), 'a dozen validation rows leave shares near those without validation')
	FROM jsonb_each(report_of('t') #> '{candidates,joint}') AS head (name, value), unnest(ARRAY['share', 'forest', 'boosting']) AS part, to_number(value ->> part, '0.99') AS share
	WHERE jsonb_typeof(value) = 'object';
SELECT isnt(grow('tn', '"validation": "none"'), NULL, 'a joint head with trees is trained without validation');
SELECT is((SELECT array_agg(concat_ws(' ', value ->> 'share', value ->> 'forest', value ->> 'boosting')) FROM jsonb_each(report_of('tn') #> '{candidates,joint}') WHERE value ? 'share'),
	ARRAY['0.17 0.33 0.33', '0.17 0.33 0.33'], 'trees count twice in a joint head trained without validation');
SELECT ok(bool_and(p.sd > 0 AND (p.property = 'y' OR p.value BETWEEN 0 AND 1)), 'predictions of a joint head trained without validation have a deviation')
	FROM assay, LATERAL hamnet_predictions(smiles, 'tn') AS p;
SELECT is(hamnet_predict('Oc1ccccc1CCCC', 'y', 'tn'), hamnet_predict('CCCCc1c(O)cccc1', 'y', 'tn'), 'a joint head with trees predicts whatever the spelling');
SELECT lives_ok($$SELECT hamnet_combine_models('tc', '{tn}')$$, 'a joint head can be combined');
SELECT set_eq($$SELECT property, value, sd FROM hamnet_predictions('CCCCO', 'tc')$$,
	$$SELECT property, value, sd FROM hamnet_predictions('CCCCO', 'tn')$$, 'a combined joint head predicts the same');

SELECT lives_ok($$CALL hamnet_train('kr', 'SELECT smiles, active FROM assay', '{"head": "kernel", "kernel_rows": 20}')$$, 'a kernel on a sample of rows is trained');
SELECT ok(report_of('kr') #> '{candidates,kernel,classification}' @> '{"rows": 20, "labelled_rows": 54}', 'the report of a kernel on a sample counts its rows');

SELECT lives_ok($$CALL hamnet_train('kn', 'SELECT smiles, y FROM assay', '{"head": "kernel", "base": "a", "kernel_fingerprint": "never", "known": 0}')$$, 'a kernel without the fingerprint is trained');
SELECT lives_ok($$CALL hamnet_train('ku', 'SELECT smiles, y FROM assay', '{"head": "kernel", "base": "hamnet-untrained", "kernel_fingerprint": "never", "known": 0}')$$, 'a kernel without the fingerprint is trained on another base');
SELECT is(hamnet_predict('CCCCO', 'y', 'kn'), hamnet_predict('CCCCO', 'y', 'ku'), 'a kernel without the fingerprint does not depend on its base');
SELECT lives_ok($$CALL hamnet_train('kb', 'SELECT smiles, y FROM assay', '{"head": "kernel", "base": "a", "kernel_fingerprint": "best", "known": 0}')$$, 'a kernel with or without the fingerprint is chosen');
SELECT lives_ok($$CALL hamnet_train('ka', 'SELECT smiles, y FROM assay', '{"head": "kernel", "base": "a", "known": 0}')$$, 'a kernel with the fingerprint is trained');
SELECT is((report_of('kb') #>> '{candidates,kernel,validation}')::float8,
	least((report_of('ka') #>> '{candidates,kernel,validation}')::float8, (report_of('kn') #>> '{candidates,kernel,validation}')::float8), 'the kernel that validates better is chosen');

-- rows to validate on
SELECT lives_ok($$CALL hamnet_train('vq', 'SELECT smiles, y FROM assay WHERE n <> 5',
	'{"head": "kernel", "known": 0, "validation_query": "SELECT smiles, y FROM assay WHERE n IN (4, 5)"}')$$, 'a validation query is used');
SELECT is(report_of('vq') - '{id,head,seconds,metric,candidates,rejects,refit,options}'::text[],
	'{"rows": 66, "train": 54, "validation": 12, "invalid": 0, "unlabelled": 0, "skipped": []}', 'with a validation query all rows of the first query are learned from');
SELECT lives_ok($$CALL hamnet_train('vk', 'SELECT smiles, y FROM assay WHERE n <> 5', '{"head": "kernel", "known": 0, "validation": "none"}')$$, 'a kernel is trained without validation');
SELECT is(id_of('vk'), id_of('vq'), 'a validation query does not change a kernel');
SELECT lives_ok($$CALL hamnet_train_engine('ve', 'SELECT ''CC'' AS smiles, ARRAY[0, 0, 0, 1.5, 0, 0]::float8[] AS xyz FROM generate_series(1, 10)',
	'{"epochs": 1, "dim": 4, "units": 8, "validation_query": "SELECT ''CCC'', ARRAY[0, 0, 0, 1.5, 0, 0, 2.0, 1.4, 0]::float8[]"}')$$, 'a validation query is used for an engine');
SELECT is((report_of('ve') ->> 'validation')::int, 1, 'conformations of a validation query are counted');

-- the choice
SELECT lives_ok($$CALL hamnet_train('auto', 'SELECT smiles, y FROM assay', '{"base": "a", "epochs": 3}')$$, 'training without option head ends well');
SELECT is(report_of('auto') ->> 'head', 'joint', 'training on few rows without option head makes a joint head');
SELECT is((SELECT array_agg(key ORDER BY key COLLATE "C") FROM jsonb_each(report_of('auto') -> 'candidates') WHERE value ? 'validation'),
	ARRAY['boosting', 'forest', 'joint', 'kernel', 'mlp'], 'such a joint head has all its parts');
SELECT lives_ok($$CALL hamnet_train('scratch_auto', 'SELECT smiles, y FROM assay', '{"base": "scratch", "dim": 4, "epochs": 3}')$$, 'training from scratch without option head ends well');
SELECT is((SELECT min((value ->> 'validation')::float8) FROM jsonb_each(report_of('scratch_auto') -> 'candidates')),
	(report_of('scratch_auto') #>> ARRAY['candidates', report_of('scratch_auto') ->> 'head', 'validation'])::float8, 'without joint heads the one that validates best is kept');
SELECT lives_ok($$CALL hamnet_train('all', 'SELECT smiles, y FROM assay', '{"head": "kernel", "validation": "none"}')$$, 'training without validation ends well');
SELECT is((report_of('all') ->> 'train')::int, 60, 'training without validation learns from all rows');
SELECT lives_ok($$CALL hamnet_train('sc', 'SELECT smiles, y FROM assay', '{"head": "kernel", "validation": "scaffold"}')$$, 'a scaffold split is used');
SELECT is((report_of('sc') ->> 'validation')::int, 10, 'a scaffold split validates on the rarest scaffold');

-- engines: straight chains, atoms 1.5 angstrom apart
CREATE TABLE shape AS SELECT repeat('C', n) AS smiles, (SELECT array_agg(v ORDER BY i, k) FROM generate_series(1, n) AS i,
	LATERAL (VALUES (1, i * 1.3), (2, i % 2 * 0.75), (3, 0.0)) AS c (k, v))::float8[] AS xyz FROM generate_series(2, 25) AS n;
SELECT lives_ok($$CALL hamnet_train_engine('e0', 'SELECT smiles, xyz FROM shape', '{"epochs": 1, "lr": 1e-9, "dim": 8, "units": 16, "validation": 0.2}')$$, 'an engine with a tiny learning rate is trained');
SELECT lives_ok($$CALL hamnet_train_engine('e', 'SELECT smiles, xyz FROM shape', '{"epochs": 20, "lr": 0.01, "dim": 8, "units": 16, "batch": 4, "validation": 0.2}')$$, 'an engine with a useful learning rate is trained');
SELECT cmp_ok((SELECT value FROM hamnet_evaluate_engine('e', 'SELECT smiles, xyz::real[] FROM shape') WHERE metric = 'rmsd'), '<',
	(SELECT 0.7 * value FROM hamnet_evaluate_engine('e0', 'SELECT smiles, xyz::real[] FROM shape') WHERE metric = 'rmsd'), 'an engine that learns comes nearer to the conformations');
SELECT is((SELECT n FROM hamnet_evaluate_engine('e', 'SELECT smiles, xyz FROM shape UNION ALL SELECT smiles, xyz FROM shape') WHERE metric = 'distance_mae'), 48::bigint, 'hamnet_evaluate_engine counts each conformation');
CREATE TABLE drawn AS SELECT * FROM shape UNION ALL VALUES ('CC(C)C', '{1.5,0,0, 0,0,0, -0.75,1.3,0, -0.75,-1.3,0}'::float8[]),
	('CCO', '{0,0,0, 0,0,0, 0,1.4,0}'), ('CCN', '{0,0,0, 9,0,0, 9,1.4,0}');
SELECT lives_ok($$CALL hamnet_train_engine('e4', 'SELECT * FROM drawn', '{"epochs": 1, "dim": 8, "units": 16}')$$, 'coordinates that no molecule has are left out');
SELECT is((report_of('e4') ->> 'invalid')::int, 3, 'and counted');
SELECT cmp_ok((SELECT count(*) FROM hamnet_engine_positions('CCCCC', 'e')), '=', 5::bigint, 'a trained engine gives positions');
SELECT lives_ok($$CALL hamnet_train_engine('e2', 'SELECT smiles, xyz FROM shape', '{"epochs": 1, "base": "e", "validation": "none"}')$$, 'a trained engine can be the base');
SELECT throws_ok($$CALL hamnet_train_engine('e3', 'SELECT smiles, xyz FROM shape', '{"base": "a"}')$$, '0A000', 'model "a" has no engine to train', 'a model without an engine cannot be the base of an engine');

-- who may
CREATE ROLE hamnet_test_alice;
CREATE TABLE secret AS SELECT * FROM assay;
GRANT CREATE ON SCHEMA public TO hamnet_test_alice;
SET LOCAL ROLE hamnet_test_alice;
SELECT throws_ok($$CALL hamnet_train('alice', 'SELECT smiles, y FROM secret')$$, '42501', 'permission denied for table secret', 'a training query has the rights of its caller');
SELECT throws_ok($$CALL hamnet_train('alice', 'SELECT smiles, y FROM assay', '{"validation_query": "SELECT smiles, y FROM secret"}')$$,
	'42501', 'permission denied for table secret', 'a validation query has the rights of its caller');
SELECT throws_ok($$CALL hamnet_train('b', 'SELECT smiles, y FROM assay')$$, '42501', 'must be owner of model "b"', 'training does not replace the model of another role');
SELECT is_empty($$SELECT FROM hamnet_training_runs()$$, 'hamnet_training_runs does not show the runs of others');
SELECT throws_ok($$SELECT FROM _hamnet_checkpoint$$, '42501', NULL, '_hamnet_checkpoint cannot be read');

SELECT * FROM finish();
ROLLBACK;
