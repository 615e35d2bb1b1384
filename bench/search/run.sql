-- Build one method and measure it, in one session; see bench/search.sh.
DROP INDEX IF EXISTS bench_index, bench_part;
\set skip 0
SELECT clock_timestamp() AS started \gset
\i :file
\if :skip
\echo not available here
\else
INSERT INTO built SELECT :'data', (SELECT count(*) FROM compound), :'method',
	extract(epoch FROM clock_timestamp() - :'started'::timestamptz),
	pg_relation_size(to_regclass('bench_index')), pg_table_size('compound');
CALL measure(:'data', :'method');
\endif
