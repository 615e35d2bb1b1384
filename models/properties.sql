-- One row of the report: train a model on the training set of a split, with the
-- validation set to choose by, and measure it once. models/properties.sh calls
-- this for each row, with the variables
--
--     data       folder of the data sets
--     dataset    a table of the schema dataset, see datasets.sql
--     split      random0 .. random4, scaffold
--     variant    see variants.sql
--     part       test, or valid for trials
--     commit     what was measured
--
-- and appends what is printed, CSV, to the results. The model stays, as
-- DATASET_SPLIT_VARIANT; it is trained again only if base or options are others.
-- A base that is to be tuned is made by trunk.sql first, unless it is there.
-- Times are by the clock, and leave out how long a training was stopped. Memory
-- is the peak of the backend, with what it touched of shared memory, and without
-- background workers.

\set ON_ERROR_STOP on
\pset format csv
\pset tuples_only on
SET client_min_messages = notice;
\ir datasets.sql
\ir variants.sql

-- Seconds, memory and inputs of the models that were trained here.
SELECT pg_advisory_lock(hashtext('hamnet models/properties.sql')) IS NULL AS locked \gset
CREATE TABLE IF NOT EXISTS dataset.trained (model text PRIMARY KEY, id text NOT NULL, base_id text NOT NULL, options jsonb NOT NULL, seconds float8 NOT NULL, mib float8 NOT NULL);

CREATE OR REPLACE FUNCTION dataset.peak_mib() RETURNS float8 LANGUAGE sql AS $$
	SELECT substring(pg_read_file('/proc/self/status', 0, 8192) FROM 'VmHWM:\s+(\d+) kB')::float8 / 1024
$$;
SELECT pg_advisory_unlock(hashtext('hamnet models/properties.sql')) AS unlocked \gset

-- 1. What to train on.

SELECT count(*) = 0 AS unknown FROM variant WHERE variant = :'variant' \gset
\if :unknown
DO $$ BEGIN RAISE 'unrecognized variant; models/variants.sql has them all'; END $$;
\endif
SELECT base AS start, tuned, CASE WHEN tuned THEN concat_ws('_', 'trunk', :'split', nullif(base, 'hamnet-base-0.2.0')) ELSE base END AS base
FROM variant WHERE variant = :'variant' AND base IS NOT NULL AND dataset IN ('*', :'dataset') ORDER BY dataset = '*' LIMIT 1 \gset
SELECT replace(concat_ws('_', :'dataset', :'split', :'variant'), ' ', '_') AS model,
	(SELECT jsonb_object_agg(key, value)
		FROM (SELECT DISTINCT ON (key) key, value
			FROM variant, jsonb_each(options)
			WHERE variant IN ('ours', :'variant') AND dataset IN ('*', :'dataset')
			ORDER BY key, variant = :'variant' DESC, dataset = '*') AS o
		WHERE value <> 'null') AS options,
	string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS targets,
	string_agg(concat(quote_ident(attname), ' AS ' || quote_ident(attname || ' [' || col_description(attrelid, attnum) || ']')), ', ' ORDER BY attnum) AS units,
	format('dataset.%I', :'dataset') AS source
FROM pg_attribute
WHERE attrelid = format('dataset.%I', :'dataset')::regclass AND attnum > 2 AND attname !~ '^(random\d|scaffold)$' \gset
SELECT :'start' <> 'scratch' AND NOT EXISTS (SELECT FROM hamnet_models() WHERE name = :'start') AS start_absent \gset
\if :start_absent
\warn There is no model named :start (see properties.sh about base_no_engine).
DO $$ BEGIN RAISE 'no base model'; END $$;
\endif

-- One session makes a trunk, others wait for it.
SELECT pg_advisory_lock(hashtext(:'base')) IS NULL AS locked, :'tuned' AND NOT EXISTS (SELECT FROM hamnet_models() WHERE name = :'base') AS trunk_absent \gset
\if :trunk_absent
\set trunk :base
\ir trunk.sql
INSERT INTO dataset.trained
SELECT :'trunk', m.id, s.id, options, (report ->> 'seconds')::float8, dataset.peak_mib()
FROM hamnet_models() AS m, hamnet_models() AS s, (SELECT options, report::jsonb FROM hamnet_training_runs() WHERE model = :'trunk' AND state = 'done' ORDER BY run DESC LIMIT 1) AS run
WHERE m.name = :'trunk' AND s.name = :'start'
ON CONFLICT (model) DO UPDATE SET id = EXCLUDED.id, base_id = EXCLUDED.base_id, options = EXCLUDED.options, seconds = EXCLUDED.seconds, mib = EXCLUDED.mib;
\endif
SELECT pg_advisory_unlock(hashtext(:'base')) AS unlocked \gset

-- Of QM9's training set a quarter is learned from: describing all of it takes longer than all the rest.
SELECT coalesce((SELECT id FROM hamnet_models() WHERE name = :'base'), '') AS base_id,
	jsonb_set(:'options', '{base}', to_jsonb(:'base'::text)) AS options,
	format('SELECT smiles, %s FROM %s WHERE %I = ''train''%s', :'units', :'source', :'split', CASE :'dataset' WHEN 'qm9' THEN ' AND row % 4 = 0' ELSE '' END) AS training,
	format('SELECT smiles, %s FROM %s WHERE %I = ''valid''', :'units', :'source', :'split') AS validation,
	format('SELECT smiles, %s FROM %s WHERE %I = %L', :'targets', :'source', :'split', :'part') AS measured \gset

-- 2. Training, unless it was done.

SELECT NOT EXISTS (SELECT FROM dataset.trained JOIN hamnet_models() AS m USING (id)
	WHERE m.name = :'model' AND model = :'model' AND base_id = :'base_id' AND trained.options = :'options') AS train \gset
\if :train
CALL hamnet_train(:'model', :'training', jsonb_set(:'options', '{validation_query}', to_jsonb(:'validation'::text)));
INSERT INTO dataset.trained
SELECT :'model', id, :'base_id', :'options', (report ->> 'seconds')::float8, dataset.peak_mib()
FROM hamnet_models(), (SELECT report::jsonb FROM hamnet_training_runs() WHERE model = :'model' AND state = 'done' ORDER BY run DESC LIMIT 1) AS run
WHERE name = :'model'
ON CONFLICT (model) DO UPDATE SET id = EXCLUDED.id, base_id = EXCLUDED.base_id, options = EXCLUDED.options, seconds = EXCLUDED.seconds, mib = EXCLUDED.mib;
\endif

-- 3. A thousand molecules of the data set (all of a smaller one), one after the
-- other, in a session of its own; the model is in memory by then.

\connect -
SET client_min_messages = warning;
SET max_parallel_workers_per_gather = 0;
CREATE TEMP TABLE thousand AS SELECT smiles FROM :source ORDER BY md5(row::text) LIMIT 1000;
SELECT count(*) AS warm FROM hamnet_predictions('CCO', :'model') \gset
SELECT clock_timestamp() AS began \gset
SELECT count(*) AS predictions FROM thousand, LATERAL hamnet_predictions(smiles, :'model') \gset
SELECT 1000 * extract(epoch FROM clock_timestamp() - :'began') / (SELECT count(*) FROM thousand) AS predict_seconds, dataset.peak_mib() AS predict_mib \gset

-- 4. The figures. Labels and predictions meet by their names; a model without
-- novelty has none. sd of a class is compared with the distance from its label.

CREATE TEMP TABLE predicted AS
SELECT t.row, p.p ->> 'property' AS target, (p.p ->> 'value')::float8 AS value, (p.p ->> 'sd')::float8 AS sd, (p.p ->> 'novelty')::float8 AS novelty,
	jsonb_typeof(to_jsonb(t) -> (p.p ->> 'property')) = 'boolean' AS class,
	CASE jsonb_typeof(to_jsonb(t) -> (p.p ->> 'property'))
		WHEN 'boolean' THEN (to_jsonb(t) ->> (p.p ->> 'property'))::boolean::int
		WHEN 'number' THEN (to_jsonb(t) ->> (p.p ->> 'property'))::float8 END AS label
FROM :source AS t, LATERAL (SELECT to_jsonb(q) AS p FROM hamnet_predictions(t.smiles, :'model') AS q OFFSET 0) AS p
WHERE :"split" = :'part';

CREATE TEMP TABLE figure AS
SELECT metric, target, value, n FROM hamnet_evaluate(:'model', :'measured');

INSERT INTO figure
SELECT 'roc_auc', 'mean', avg(value), count(value) FROM figure WHERE metric = 'roc_auc' HAVING count(value) > 1;

-- Spearman's coefficient: correlation of ranks, equal values sharing the mean of theirs.
INSERT INTO figure
SELECT 'spearman', target, corr(sd_rank, error_rank), count(*)
FROM (SELECT target, rank() OVER (PARTITION BY target ORDER BY sd) + count(*) OVER (PARTITION BY target, sd) / 2.0 AS sd_rank,
		rank() OVER (PARTITION BY target ORDER BY abs(value - label)) + count(*) OVER (PARTITION BY target, abs(value - label)) / 2.0 AS error_rank
	FROM predicted WHERE label IS NOT NULL AND sd IS NOT NULL) AS ranked
GROUP BY target;

INSERT INTO figure
SELECT 'coverage_90', target, avg((abs(value - label) <= 1.645 * sd)::int), count(*)
FROM predicted WHERE label IS NOT NULL AND sd IS NOT NULL AND NOT class GROUP BY target;

INSERT INTO figure
SELECT 'novelty_median', '', percentile_cont(0.5) WITHIN GROUP (ORDER BY novelty), count(*)
FROM (SELECT DISTINCT row, novelty FROM predicted WHERE novelty IS NOT NULL) AS molecule HAVING count(*) > 0;

-- The metric of the table again, for molecules near the training set and for others.
INSERT INTO figure
SELECT CASE WHEN class THEN 'roc_auc' ELSE 'rmse' END || CASE WHEN far THEN '_novelty_above_1' ELSE '_novelty_to_1' END, target,
	CASE WHEN class THEN (sum(value_rank) FILTER (WHERE label = 1) - sum(label) * (sum(label) + 1) / 2) / nullif(sum(label) * sum(1 - label), 0)
		ELSE sqrt(avg((value - label) ^ 2)) END, count(*)
FROM (SELECT *, novelty > 1 AS far,
		rank() OVER (PARTITION BY target, novelty > 1 ORDER BY value) + (count(*) OVER (PARTITION BY target, novelty > 1, value) - 1) / 2.0 AS value_rank
	FROM predicted WHERE label IS NOT NULL AND novelty IS NOT NULL) AS ranked
GROUP BY target, class, far;

INSERT INTO figure
SELECT 'trunk_seconds', '', seconds, 1 FROM dataset.trained WHERE model = :'base';

SELECT :'part' = 'test' AS final \gset
\if :final
SELECT :'dataset', :'split', :'variant', metric, target, round(value::numeric, 6), n, round(seconds::numeric, 1), round(:predict_seconds, 2), round(mib), round(:predict_mib),
	options, id, :'commit', (now() AT TIME ZONE 'UTC')::date
FROM figure, dataset.trained WHERE model = :'model' AND value IS NOT NULL
ORDER BY metric, target;
\else
SELECT :'dataset', :'split', :'variant', metric, target, round(value::numeric, 6), n, options, :'commit', (now() AT TIME ZONE 'UTC')::date
FROM (SELECT *, bool_or(target = 'mean') OVER (PARTITION BY metric) AS has_mean FROM figure) AS f, dataset.trained
WHERE model = :'model' AND value IS NOT NULL AND metric IN ('rmse', 'roc_auc') AND (target = 'mean' OR NOT has_mean)
ORDER BY metric, target;
\endif
