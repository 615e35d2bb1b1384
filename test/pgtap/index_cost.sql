-- The planner's choice among 200,000 fingerprints: of a hamnet and a GiST index the
-- hamnet index, a sequential scan where a filter discards too many rows, and an
-- index of the filter's column where it keeps few.
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
SET max_parallel_workers_per_gather = 0;
SELECT no_plan();
SELECT is((hamnet_last_search()).passes, NULL, 'there is no last search before the first');

-- As large on disk as fingerprints of 256 dimensions; few numbers vary, so that it is quickly made
CREATE TABLE library (id int, thousandth int, half int, fp hfp);
INSERT INTO library SELECT i, i % 1000, i % 2, (ARRAY[random(), random(), random(), random()]::real[] || array_fill(0::real, ARRAY[252]))::hfp
	FROM generate_series(1, 200000) i;
-- All rows are the sample, so that the estimates, and with them the plans, are the same every time
ALTER TABLE library ALTER thousandth SET STATISTICS 1000;
ANALYZE library;
CREATE FUNCTION plan(condition text, size int DEFAULT 10) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	result text := '';
BEGIN
	FOR line IN EXECUTE format('EXPLAIN SELECT id FROM library WHERE %s ORDER BY fp <-> (SELECT fp FROM library LIMIT 1) LIMIT %s', condition, size) LOOP
		result := result || line || E'\n';
	END LOOP;
	RETURN result;
END $$;

CREATE INDEX library_hamnet ON library USING hamnet (fp);
SELECT matches(plan('true'), 'Index Scan using library_hamnet', 'ten nearest: the index');
SELECT matches(plan('true', 1000), 'Index Scan using library_hamnet', 'a thousand nearest: the index');
SELECT doesnt_match(plan('true', 100000), 'Index Scan', 'half of the table: no index');
SELECT matches(plan('half = 0'), 'Index Scan using library_hamnet', 'a filter that keeps half: the index');
SELECT doesnt_match(plan('thousandth = 7'), 'Index Scan', 'a filter that keeps a thousandth, without help: a sequential scan');
SELECT doesnt_match(plan('thousandth < 2'), 'Index Scan', 'a filter that keeps two thousandths, without help: a sequential scan');
SELECT matches(plan('thousandth < 6'), 'Index Scan using library_hamnet', 'a filter that keeps six thousandths, without help: the index');

CREATE INDEX library_filter ON library USING hamnet (fp, thousandth);
SELECT matches(plan('thousandth = 7'), 'Index Scan using library_filter', 'a filter that keeps a thousandth, in the index: the index');
SELECT matches(plan('thousandth < 10'), 'Index Scan using library_filter', 'a filter that keeps a hundredth, in the index: the index');
DROP INDEX library_filter;

CREATE INDEX library_id ON library (id);
SELECT matches(plan('id < 10'), 'library_id', 'a filter that keeps ten rows, with a B-tree: the B-tree');
CREATE INDEX library_gist ON library USING gist (fp);
SELECT matches(plan('true'), 'Index Scan using library_hamnet', 'ten nearest, beside GiST: the hamnet index');
SELECT matches(plan('true', 100), 'Index Scan using library_hamnet', 'a hundred nearest, beside GiST: the hamnet index');
SELECT matches(plan('half = 0'), 'Index Scan using library_hamnet', 'a filter that keeps half, beside GiST: the hamnet index');
SELECT matches(plan('id < 10'), 'library_id', 'a filter that keeps ten rows, beside GiST and a B-tree: the B-tree');
DROP INDEX library_gist;

-- What a search did
SELECT count(*) > 0 FROM (SELECT id FROM library ORDER BY fp <-> (SELECT fp FROM library LIMIT 1) LIMIT 10) s \g /dev/null
SELECT is(index, 'library_hamnet'::regclass, 'the last search is of its index') FROM hamnet_last_search();
SELECT ok(pages > 0 AND rows_coded >= rows_looked_up AND rows_looked_up >= 10 AND passes = 1 AND milliseconds > 0,
	'the last search read pages, codes and rows in one pass') FROM hamnet_last_search();
SELECT count(*) > 0 FROM (SELECT id FROM library ORDER BY fp <-> (SELECT fp FROM library LIMIT 1) LIMIT 1000) s \g /dev/null
SELECT ok(rows_looked_up >= 1000 AND passes > 1, 'a search for many takes more passes') FROM hamnet_last_search();

DROP TABLE library;
SELECT * FROM finish();
