-- One task and one seed of the ADMET benchmark of Therapeutics Data Commons, for
-- models/tdc.sh, which says what is set: task, metric, seed, options, trial, data.
--
-- Learns from the task's train_val alone, beyond what the base has learned: the
-- seed's cut of it chooses the head and weighs its parts, then the model learns from all of
-- it (refit). Prints a line for the results, measured on the test rows; in a
-- trial on the rows of the cut, by a model that has never met them.

\set ON_ERROR_STOP on
SET client_min_messages = warning;
\setenv DATA :data
\setenv TASK :task

CREATE TEMP TABLE train_val (row int GENERATED ALWAYS AS IDENTITY (MINVALUE 0), id text, smiles text, y float8);
CREATE TEMP TABLE test (id text, smiles text, y float8);
CREATE TEMP TABLE cut (task text, row int, seed1 text, seed2 text, seed3 text, seed4 text, seed5 text);
\copy train_val (id, smiles, y) FROM PROGRAM 'zcat "$DATA/admet/tdc/$TASK"_train_val.csv.gz' WITH (FORMAT csv, HEADER)
\copy test FROM PROGRAM 'zcat "$DATA/admet/tdc/$TASK"_test.csv.gz' WITH (FORMAT csv, HEADER)
\copy cut FROM PROGRAM 'zcat "$DATA"/admet/tdc/train_valid_seeds.csv.gz' WITH (FORMAT csv, HEADER)
DELETE FROM cut WHERE task <> :'task';

-- Labels as hamnet_train's notice would have them: the logarithm of what is skewed to the right.
CREATE FUNCTION pg_temp.skewness(labels float8[]) RETURNS float8 LANGUAGE sql AS
	'SELECT avg(((y - mean) / nullif(deviation, 0)) ^ 3) FROM unnest(labels) AS y, (SELECT avg(y) AS mean, stddev_pop(y) AS deviation FROM unnest(labels) AS y) AS s';
SELECT :'metric' IN ('roc_auc', 'pr_auc') AS is_class,
	COALESCE(pg_temp.skewness(array_agg(y)) > 1
		AND abs(pg_temp.skewness(array_agg(CASE WHEN y > 0 THEN ln(y) END))) < pg_temp.skewness(array_agg(y)) / 2 AND min(y) > 0, false) AS is_skewed
FROM train_val \gset
\if :is_class
	\set label 'y = 1'
\elif :is_skewed
	\set label 'ln(y)'
\else
	\set label 'y'
\endif

CREATE TEMP TABLE learned AS SELECT smiles, y FROM train_val JOIN cut USING (row) WHERE cut.:seed = 'T';
CREATE TEMP TABLE held AS SELECT smiles, y FROM train_val JOIN cut USING (row) WHERE cut.:seed = 'V';
\set query 'SELECT smiles, ' :label ' AS y FROM '
SELECT CASE WHEN :trial THEN :'options'::jsonb
	ELSE :'options'::jsonb || jsonb_build_object('refit', true, 'validation_query', :'query' || 'held') END
	|| jsonb_build_object('seed', right(:'seed', 1)::int) AS all_options \gset
CALL hamnet_train('tdc', :'query' || 'learned', :'all_options');

\if :trial
	CREATE TEMP TABLE measured AS SELECT y, hamnet_predict(smiles, 'tdc') AS p FROM held;
\else
	CREATE TEMP TABLE measured AS SELECT y, hamnet_predict(smiles, 'tdc') AS p FROM test;
\endif
\if :is_skewed
	UPDATE measured SET p = exp(p);
\endif

-- Ties have the mean of their ranks; average precision enters equal scores together.
CREATE TEMP VIEW ranked AS
SELECT y, p, rank() OVER (ORDER BY y) + (count(*) OVER (PARTITION BY y) - 1) / 2.0 AS y_rank,
	rank() OVER (ORDER BY p) + (count(*) OVER (PARTITION BY p) - 1) / 2.0 AS p_rank,
	sum(y) OVER (ORDER BY p DESC) / count(*) OVER (ORDER BY p DESC) AS precision
FROM measured WHERE p IS NOT NULL;
\pset tuples_only on
\pset format unaligned
\pset fieldsep ,
SELECT :'task', right(:'seed', 1), :'metric', CASE :'metric' WHEN 'mae' THEN avg(abs(y - p)) WHEN 'spearman' THEN corr(y_rank, p_rank)
	WHEN 'pr_auc' THEN sum(precision * y) / sum(y)
	ELSE (sum(p_rank * y) - sum(y) * (sum(y) + 1) / 2) / (sum(y) * (count(*) - sum(y))) END,
	count(*), (SELECT report ->> 'seconds' FROM hamnet_training_runs() WHERE model = 'tdc' ORDER BY run DESC LIMIT 1), :'label',
	'"' || replace(:'options', '"', '""') || '"'
FROM ranked;
