-- A search in a hamnet index by several processes gives the answers of a sequential
-- scan, to the last bit and ties included: in flat and in steep spaces, with
-- filters, balls, NULLs, rows that came later, and when it is repeated.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
\set ON_ERROR_STOP true

SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS hamnet;
RESET client_min_messages;
SET jit = off;
SET min_parallel_index_scan_size = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SELECT no_plan();

SELECT setseed(0.375);

-- Fingerprints of 130 dimensions, of which all vary alike or the first few most
CREATE FUNCTION random_hfp(steep boolean, kind int) RETURNS hfp LANGUAGE sql VOLATILE AS $$
	SELECT array_agg((random() + random() - 1 + CASE WHEN kind > 0 THEN 0.7 * sin(kind * (j + 3) * (j % 7 + 1)) ELSE 0 END) / CASE WHEN steep THEN j ELSE 1 END)::hfp
	FROM generate_series(1, 130) j
$$;
CREATE TABLE flat (id serial PRIMARY KEY, grp int, flag int, fp hfp);
CREATE TABLE steep (LIKE flat);
CREATE FUNCTION fill(first int, last int) RETURNS void LANGUAGE sql AS $$
	INSERT INTO flat SELECT i, i % 100, nullif(i % 11, 5), CASE WHEN i % 50 > 0 THEN random_hfp(false, i % 40 - 20) END FROM generate_series(first, last) i;
	INSERT INTO steep SELECT i, i % 100, nullif(i % 11, 5), CASE WHEN i % 50 > 0 THEN random_hfp(true, i % 40 - 20) END FROM generate_series(first, last) i;
$$;
SELECT fill(1, 2500);
INSERT INTO flat SELECT id + 10000, grp, flag, fp FROM flat WHERE id % 40 = 1;
CREATE INDEX flat_fp ON flat USING hamnet (fp, flag);
CREATE INDEX steep_fp ON steep USING hamnet (fp, flag);

-- The distances that a statement returns, by several processes or by one without an index; the query is fingerprint 17
CREATE FUNCTION answers(statement text, parallel boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	PERFORM set_config('enable_seqscan', CASE WHEN parallel THEN 'off' ELSE 'on' END, true);
	PERFORM set_config('enable_sort', CASE WHEN parallel THEN 'off' ELSE 'on' END, true);
	PERFORM set_config('enable_indexscan', CASE WHEN parallel THEN 'on' ELSE 'off' END, true);
	PERFORM set_config('enable_bitmapscan', 'off', true);
	PERFORM set_config('max_parallel_workers_per_gather', CASE WHEN parallel THEN '3' ELSE '0' END, true);
	EXECUTE statement INTO result;
	RETURN result;
END $$;
CREATE FUNCTION plan(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	result text := '';
BEGIN
	PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true), set_config('enable_indexscan', 'on', true),
		set_config('enable_bitmapscan', 'off', true), set_config('max_parallel_workers_per_gather', '3', true);
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
		result := result || line || E'\n';
	END LOOP;
	RETURN result;
END $$;
CREATE FUNCTION same_answers(stage text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	relation text;
	what text;
	statement text;
BEGIN
	FOREACH relation IN ARRAY ARRAY['flat', 'steep'] LOOP
		FOREACH what IN ARRAY ARRAY['true ORDER BY 1 LIMIT 10', 'true ORDER BY 1 LIMIT 300', 'true ORDER BY 1', 'flag = 7 ORDER BY 1 LIMIT 20',
			'grp = 7 ORDER BY 1 LIMIT 20', 'hamnet_within(fp, (SELECT fp FROM query), 5) ORDER BY 1', 'fp IS NULL ORDER BY 1 LIMIT 10'] LOOP
			statement := format('SELECT array_agg(d)::text FROM (SELECT fp <-> (SELECT fp FROM query) AS d FROM %I WHERE %s) s', relation, what);
			RETURN NEXT matches(plan(statement), 'Parallel Index Scan using ' || relation || '_fp', format('%s, %s: %s is searched in parallel', stage, relation, what));
			RETURN NEXT is(answers(statement, true), answers(statement, false), format('%s, %s: %s', stage, relation, what));
		END LOOP;
		statement := format('SELECT count(*) FROM %I WHERE hamnet_within(fp, (SELECT fp FROM query), 5)', relation);
		RETURN NEXT is(answers(statement, true), answers(statement, false), format('%s, %s: rows in a ball', stage, relation));
	END LOOP;
END $$;
CREATE TABLE query AS SELECT fp FROM flat WHERE id = 17;

SELECT same_answers('built');
SELECT fill(3000, 3600);
DELETE FROM flat WHERE id % 5 = 1;
DELETE FROM steep WHERE id % 5 = 1;
VACUUM flat, steep;
SELECT fill(4000, 4100);
SELECT same_answers('written');

-- A search that is repeated begins anew in every process
CREATE FUNCTION repeated() RETURNS text LANGUAGE sql AS $$
	SELECT 'SELECT array_agg(d ORDER BY g, d)::text FROM generate_series(1, 3) g LEFT JOIN (SELECT fp <-> (SELECT fp FROM query) AS d FROM flat ORDER BY 1 LIMIT 10) s ON g <> 2'
$$;
SET enable_material = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SELECT matches(plan(repeated()), 'Nested Loop(.|\n)*Parallel Index Scan using flat_fp', 'a repeated search is parallel');
SELECT is(answers(repeated(), true), answers(repeated(), false), 'a repeated search');

-- The setting decides
SELECT set_config('max_parallel_workers_per_gather', '0', false) \g /dev/null
SET enable_seqscan = off;
SELECT count(*) FROM (SELECT id FROM flat ORDER BY fp <-> (SELECT fp FROM query) LIMIT 10) s \g /dev/null
SELECT ok(rows_looked_up >= 10, 'without workers, the search is this session''s') FROM hamnet_last_search();

SELECT * FROM finish();
