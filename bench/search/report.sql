-- The results of bench/search.sh as Markdown.
\echo '## What it costs'
\echo
\echo '| data | rows | method | build, s | index / table | build / sequential scan |'
\echo '|---|---:|---|---:|---:|---:|'
SELECT format('| %s | %s | %s | %s | %s | %s |', b.data, b.rows, b.method,
	CASE WHEN b.bytes > 0 THEN round(b.seconds::numeric, 1)::text ELSE '' END,
	CASE WHEN b.bytes > 0 THEN round(100.0 * b.bytes / b.heap_bytes, 1) || ' %' ELSE '' END,
	CASE WHEN b.bytes > 0 THEN round((b.seconds * 1000 / (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) FROM measured m
		WHERE m.data = b.data AND m.method = 'sequential' AND m.k = 10 AND m.filter = 'true'))::numeric)::text ELSE '' END)
FROM built b ORDER BY b.rows, b.data, b.method;

\echo
\echo '## What a search takes'
\echo
\echo '| data | k | rows kept | method | ms, median | ms, 95 % | index pages | of the index | rows looked up | sequential scan / this | recall |'
\echo '|---|---:|---:|---|---:|---:|---:|---:|---:|---:|---|'
WITH summary AS (
	SELECT data, method, k, filter,
		percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS median,
		percentile_cont(0.95) WITHIN GROUP (ORDER BY ms) AS p95,
		percentile_cont(0.5) WITHIN GROUP (ORDER BY index_pages) AS pages,
		percentile_cont(0.5) WITHIN GROUP (ORDER BY heap_rows) AS heap_rows
	FROM measured WHERE method <> 'warm-up' GROUP BY data, method, k, filter),
agreement AS (
	SELECT m.data, m.method, m.k, m.filter, avg((SELECT count(*) FROM unnest(m.distances) d WHERE d <= s.distances[cardinality(s.distances)])
		/ greatest(1, cardinality(s.distances))::numeric) AS recall
	FROM measured m JOIN measured s USING (data, k, filter, n) WHERE s.method = 'sequential' GROUP BY 1, 2, 3, 4)
SELECT format('| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |', s.data, s.k, f.label, s.method,
	round(s.median::numeric, 1), round(s.p95::numeric, 1),
	CASE WHEN b.bytes > 0 THEN s.pages::text ELSE '' END,
	CASE WHEN b.bytes > 0 THEN round((100 * s.pages * current_setting('block_size')::integer / b.bytes)::numeric) || ' %' ELSE '' END,
	CASE WHEN b.bytes > 0 THEN s.heap_rows::text ELSE '' END,
	round((q.median / s.median)::numeric, 1), trim_scale(round(a.recall, 4)))
FROM summary s JOIN filter f USING (filter) JOIN built b USING (data, method)
	LEFT JOIN summary q ON q.method = 'sequential' AND (q.data, q.k, q.filter) = (s.data, s.k, s.filter)
	LEFT JOIN agreement a ON (a.data, a.method, a.k, a.filter) = (s.data, s.method, s.k, s.filter)
ORDER BY b.rows, s.data, s.k, f.kept DESC, s.median DESC;
