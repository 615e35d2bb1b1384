-- A hamnet index gives the answers of a sequential scan, to the last bit and
-- ties included: for every operator class, at every stage of a table's life.
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
SELECT no_plan();

SELECT setseed(0.125);

-- Fingerprints like a network's, of a latent space of six dimensions; some
-- twice, some far away, some zero, some NULL.
CREATE FUNCTION random_hfp(scale double precision) RETURNS hfp LANGUAGE sql VOLATILE AS $$
	SELECT array_agg(greatest(0, scale * (a * sin(j) + b * cos(j * 2) + c * sin(j * 3) + d * cos(j * 5) + e * sin(j * 7) + random() * 0.1)))::hfp
	FROM (SELECT random() * 2 - 1 AS a, random() * 2 - 1 AS b, random() AS c, random() AS d, random() AS e) latent,
		generate_series(1, 40) j
$$;
CREATE TABLE compound (id serial PRIMARY KEY, grp int, fp hfp);
INSERT INTO compound (grp, fp) SELECT i % 1000, random_hfp(1) FROM generate_series(1, 6000) i;
INSERT INTO compound (grp, fp) SELECT grp, fp FROM compound WHERE id % 40 = 0;
INSERT INTO compound (grp, fp) SELECT i, random_hfp(100) FROM generate_series(1, 30) i;
INSERT INTO compound (grp, fp) SELECT i, ('[0' || repeat(',0', 39) || ']')::hfp FROM generate_series(1, 3) i;
INSERT INTO compound (grp, fp) SELECT i, NULL FROM generate_series(1, 300) i;

-- Rows of the table, one that is not in it, one that is far from it, zero
CREATE TABLE query (id serial, q hfp);
INSERT INTO query (q) SELECT fp FROM compound WHERE id IN (17, 40, 2500, 6160);
INSERT INTO query (q) SELECT random_hfp(1) UNION ALL SELECT random_hfp(1000) UNION ALL
	SELECT ('[0' || repeat(',0', 39) || ']')::hfp;

CREATE INDEX compound_l2 ON compound USING hamnet (fp);
CREATE INDEX compound_cosine ON compound USING hamnet (fp hfp_cosine_ops);
CREATE INDEX compound_ip ON compound USING hamnet (fp hfp_ip_ops) WITH (coordinates = 16);
CREATE INDEX compound_tanimoto ON compound USING hamnet (fp hfp_tanimoto_ops) WITH (coordinates = 40);

-- The distances that a statement returns in $1, as an array, without or with the index
CREATE FUNCTION answers(statement text, q hfp, with_index boolean) RETURNS double precision[] LANGUAGE plpgsql AS $$
DECLARE
	result double precision[];
BEGIN
	PERFORM set_config('enable_seqscan', CASE WHEN with_index THEN 'off' ELSE 'on' END, true);
	PERFORM set_config('enable_sort', CASE WHEN with_index THEN 'off' ELSE 'on' END, true);
	PERFORM set_config('enable_indexscan', CASE WHEN with_index THEN 'on' ELSE 'off' END, true);
	PERFORM set_config('enable_bitmapscan', CASE WHEN with_index THEN 'on' ELSE 'off' END, true);
	EXECUTE format('SELECT array_agg(d) FROM (%s) s', statement) INTO result USING q;
	RETURN result;
END $$;

CREATE FUNCTION same_answers(stage text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	op text;
	what text;
	statement text;
BEGIN
	FOR op IN VALUES ('<->'), ('<=>'), ('<#>'), ('<%>') LOOP
		FOR what, statement IN VALUES
			('ten nearest', 'SELECT fp %1$s $1 AS d FROM compound ORDER BY fp %1$s $1 LIMIT 10'),
			('a thousand nearest', 'SELECT fp %1$s $1 AS d FROM compound ORDER BY fp %1$s $1 LIMIT 1000'),
			('all rows', 'SELECT fp %1$s $1 AS d FROM compound ORDER BY fp %1$s $1'),
			('a filter that keeps half', 'SELECT fp %1$s $1 AS d FROM compound WHERE grp < 500 ORDER BY fp %1$s $1 LIMIT 20'),
			('a filter that keeps 0.1 %%', 'SELECT fp %1$s $1 AS d FROM compound WHERE grp = 77 ORDER BY fp %1$s $1 LIMIT 5'),
			('a filter that keeps nothing', 'SELECT fp %1$s $1 AS d FROM compound WHERE grp = -1 ORDER BY fp %1$s $1 LIMIT 5')
		LOOP
			RETURN NEXT is_empty(format($f$SELECT id FROM query
				WHERE answers(%1$L, q, true) IS DISTINCT FROM answers(%1$L, q, false)$f$, format(statement, op)),
				format('%s: %s, %s', stage, op, format(what)));
		END LOOP;
	END LOOP;
	FOR op, what, statement IN VALUES
		('<->', 'hamnet_within', '0.5'), ('<=>', 'hamnet_within_cosine', '0.05'), ('<%>', 'hamnet_within_tanimoto', '0.1') LOOP
		RETURN NEXT is_empty(format($f$SELECT id FROM query
			WHERE answers(%1$L, q, true) IS DISTINCT FROM answers(%1$L, q, false)$f$,
			format('SELECT fp %s $1 AS d FROM compound WHERE %s(fp, $1, %s) ORDER BY fp %1$s $1', op, what, statement)),
			format('%s: %s', stage, what));
		RETURN NEXT is_empty(format($f$SELECT id FROM query
			WHERE answers(%1$L, q, true) IS DISTINCT FROM answers(%1$L, q, false)$f$,
			format('SELECT count(*)::float8 AS d FROM compound WHERE %s(fp, $1, %s)', what, statement)),
			format('%s: count of %s', stage, what));
	END LOOP;
	RETURN NEXT lives_ok($f$SELECT hamnet_index_check(indexrelid) FROM pg_index JOIN pg_class ON oid = indexrelid
		WHERE indrelid = 'compound'::regclass AND relam = (SELECT oid FROM pg_am WHERE amname = 'hamnet')$f$,
		stage || ': the indexes are sound');
END $$;

CREATE FUNCTION plan_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	lines text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
		lines := lines || line || E'\n';
	END LOOP;
	RETURN lines;
END $$;

-- The comparisons compare something
SET enable_seqscan = off;
SET enable_sort = off;
SELECT matches(plan_of(format('SELECT id FROM compound ORDER BY fp %s %L LIMIT 5', op, q)), 'Index Scan using ' || index, op || ' uses its index')
	FROM query, (VALUES ('<->', 'compound_l2'), ('<=>', 'compound_cosine'), ('<#>', 'compound_ip'), ('<%>', 'compound_tanimoto')) v (op, index)
	WHERE id = 1;
SELECT matches(plan_of(format('SELECT id FROM compound WHERE %s(fp, %L, 0.1)', f, q)), index, f || ' uses its index')
	FROM query, (VALUES ('hamnet_within', 'compound_l2'), ('hamnet_within_cosine', 'compound_cosine'), ('hamnet_within_tanimoto', 'compound_tanimoto')) v (f, index)
	WHERE id = 1;
RESET enable_seqscan;
RESET enable_sort;

SELECT same_answers('searches after the index was built');

-- Rows come, change and go; then the room of dead ones is used again
INSERT INTO compound (grp, fp) SELECT i % 1000, random_hfp(1) FROM generate_series(1, 500) i;
UPDATE compound SET fp = random_hfp(1) WHERE id % 9 = 0;
UPDATE compound SET grp = 77 WHERE id % 97 = 0;
DELETE FROM compound WHERE id % 5 = 1;
SELECT same_answers('searches after rows were written');

VACUUM compound;
CREATE TABLE size_before AS SELECT pg_relation_size('compound_l2') AS bytes;
SELECT same_answers('searches after VACUUM');
INSERT INTO compound (grp, fp) SELECT i % 1000, random_hfp(1) FROM generate_series(1, 200) i;
SELECT is(pg_relation_size('compound_l2'), bytes, 'space of rows that came later is used again') FROM size_before;
INSERT INTO compound (grp, fp) SELECT i % 1000, random_hfp(1) FROM generate_series(1, 800) i;
SELECT same_answers('searches after the index was filled up');

-- Data drifts away, and stays right; then the index is fitted to it
INSERT INTO compound (grp, fp) SELECT i % 1000, ARRAY(SELECT (v - 3 * random())::real FROM unnest(random_hfp(5)::real[]) v)::hfp
	FROM generate_series(1, 8000) i;
SELECT same_answers('searches after the data drifted');
SELECT matches(advice, 'drifted', 'hamnet_index_stats notices drift') FROM hamnet_index_stats('compound_l2');
REINDEX TABLE compound;
SELECT same_answers('searches after REINDEX');
SELECT is(advice, NULL, 'hamnet_index_check finds nothing after REINDEX') FROM hamnet_index_stats('compound_l2');
SELECT is(row_count - null_rows, (SELECT count(fp) FROM compound), 'hamnet_index_check counts all rows') FROM hamnet_index_stats('compound_l2');

-- Rows that are dead, but still in an index, do not decide what it is fitted to
BEGIN;
CREATE TABLE replaced AS SELECT ('11111111:' || random_hfp(1)::text)::hfp AS fp FROM generate_series(1, 100);
DELETE FROM replaced;
INSERT INTO replaced SELECT ('22222222:' || random_hfp(1)::text)::hfp FROM generate_series(1, 100);
CREATE INDEX replaced_fp ON replaced USING hamnet (fp);
SELECT is(model, '22222222', 'an index is for the model of the living rows') FROM hamnet_index_stats('replaced_fp');
ROLLBACK;

-- A cursor returns what a statement does, bit by bit
BEGIN;
SET LOCAL enable_seqscan = off;
CREATE FUNCTION by_cursor() RETURNS SETOF double precision LANGUAGE plpgsql AS $$
DECLARE
	target hfp := (SELECT q FROM query WHERE id = 1);
	rows CURSOR FOR SELECT fp <-> target AS d FROM compound ORDER BY fp <-> target;
	d double precision;
BEGIN
	OPEN rows;
	LOOP
		FETCH rows INTO d;
		EXIT WHEN NOT FOUND;
		RETURN NEXT d;
	END LOOP;
END $$;
SELECT results_eq('SELECT by_cursor()', 'SELECT fp <-> (SELECT q FROM query WHERE id = 1) FROM compound ORDER BY 1', 'a cursor returns all rows in order');
COMMIT;

-- Rescans: for each query its neighbours, in one statement
SET enable_seqscan = off;
SET enable_sort = off;
SELECT matches(plan_of('SELECT query.id, d FROM query, LATERAL (SELECT fp <-> q AS d FROM compound ORDER BY fp <-> q LIMIT 7) n'),
	'Index Scan using compound_l2', 'a lateral join uses the index');
SELECT set_eq('SELECT query.id, d FROM query, LATERAL (SELECT fp <-> q AS d FROM compound ORDER BY fp <-> q LIMIT 7) n',
	'SELECT id, d FROM (SELECT query.id, fp <-> q AS d, row_number() OVER (PARTITION BY query.id ORDER BY fp <-> q) FROM query, compound) s WHERE row_number <= 7',
	'a lateral join finds every query''s neighbours');
RESET enable_seqscan;
RESET enable_sort;

-- The planner: the index for a few nearest, a selective filter's own index
-- instead. The table is small and in memory, which the setting says.
ANALYZE compound;
SET random_page_cost = 1.1;
CREATE INDEX compound_grp ON compound (grp);
CREATE FUNCTION nearest_plan(condition text) RETURNS text LANGUAGE sql AS $$
	SELECT plan_of(format('SELECT id FROM compound WHERE %s ORDER BY fp <-> %L LIMIT 10', condition, (SELECT q FROM query WHERE id = 1)))
$$;
SELECT matches(nearest_plan('id > 0'), 'Index Scan using compound_l2', 'planner: the index');
SELECT matches(nearest_plan('grp > 500'), 'Index Scan using compound_l2', 'planner: the index with a filter');
SELECT doesnt_match(nearest_plan('id = 77'), 'compound_l2', 'planner: not with a filter that keeps one row');

-- Two models in one column, and two lengths: a filter that keeps one gives with
-- an index what it gives without, and no filter is the error that it is without
CREATE TABLE mixed AS
	SELECT i AS id, i % 3 AS kind, CASE i % 3 WHEN 0 THEN ('11111111:' || random_hfp(1)::text)::hfp
		WHEN 1 THEN ('22222222:' || random_hfp(1)::text)::hfp ELSE (random_hfp(1)::real[])[1:20]::hfp END AS fp
	FROM generate_series(1, 900) i;
CREATE TABLE mixed_query AS SELECT kind, fp AS q FROM mixed WHERE id IN (30, 31, 32);
CREATE FUNCTION mixed_answers(what text, kind int, q hfp, with_index boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	PERFORM set_config('enable_seqscan', CASE WHEN with_index THEN 'off' ELSE 'on' END, true);
	PERFORM set_config('enable_sort', CASE WHEN with_index THEN 'off' ELSE 'on' END, true);
	PERFORM set_config('enable_indexscan', CASE WHEN with_index THEN 'on' ELSE 'off' END, true);
	PERFORM set_config('enable_bitmapscan', CASE WHEN with_index THEN 'on' ELSE 'off' END, true);
	EXECUTE format(what, kind, q) INTO result;
	RETURN result;
EXCEPTION WHEN data_exception THEN
	RETURN 'error';
END $$;
CREATE FUNCTION same_mixed(stage text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT is(mixed_answers(what, m.kind, q, true), mixed_answers(what, m.kind, q, false), format('%s, kind %s: %s', stage, m.kind, label))
	FROM mixed_query m, (VALUES
		('a filter by another column', 'SELECT array_agg(id) FROM (SELECT id FROM mixed WHERE kind = %s ORDER BY fp <-> %L LIMIT 20) s'),
		('all rows of the filter', 'SELECT array_agg(id) FROM (SELECT id FROM mixed WHERE kind = %s ORDER BY fp <-> %L) s'),
		('a filter and a radius', 'SELECT array_agg(id ORDER BY id) FROM mixed WHERE kind = %s AND hamnet_within(fp, %L, 2)'),
		('a filter that keeps two kinds', 'SELECT array_agg(id) FROM (SELECT id FROM mixed WHERE kind <> (%s + 1) %% 3 ORDER BY fp <-> %L LIMIT 20) s'),
		('no filter', 'SELECT array_agg(id) FROM (SELECT id FROM mixed WHERE %s >= 0 ORDER BY fp <-> %L LIMIT 20) s')) v (label, what)
$$;
CREATE INDEX mixed_fp ON mixed USING hamnet (fp);
SELECT same_mixed('hamnet');
DROP INDEX mixed_fp;
CREATE INDEX mixed_fp ON mixed USING hamnet (fp, kind);
SELECT same_mixed('hamnet with a filter column');
DROP INDEX mixed_fp;
CREATE INDEX mixed_fp ON mixed USING gist (fp);
SELECT same_mixed('gist');

SELECT * FROM finish();
