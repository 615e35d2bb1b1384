-- Properties of hfp over random values. Elements reach from the smallest
-- subnormal to the largest float; a third of the values are like a network's.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
\set ON_ERROR_STOP true

BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS hamnet;
RESET client_min_messages;
SELECT plan(27);

SELECT setseed(0.25);

-- A real of random sign and exponent. The exponents of float4 are -149 to 127.
CREATE FUNCTION random_real(lowest integer, highest integer) RETURNS real LANGUAGE sql VOLATILE AS $$
	SELECT (sign(random() - 0.5) * (1 + 0.999 * random()) * 2 ^ (lowest + floor(random() * (highest - lowest + 1))))::real
$$;

-- Fifteen values for each dimension, so that every pair of them can be compared.
CREATE TABLE sample (id serial, fp hfp, wild boolean);
INSERT INTO sample (fp, wild)
	SELECT array_agg(CASE n % 3
		WHEN 0 THEN greatest(0, random_real(-3, 3))
		WHEN 1 THEN random_real(-149, 127)
		ELSE random_real(-149, -120) END)::hfp, n % 3 <> 0
	FROM unnest(ARRAY[1, 2, 3, 7, 8, 31, 32, 33, 256, 515]) dim, generate_series(1, 15) n, generate_series(1, dim) i
	GROUP BY dim, n;
-- neighbours that differ in a last digit, equal values, zero vectors
INSERT INTO sample (fp, wild) SELECT ('[' || repeat('0,', hamnet_dims(fp) - 1) || '0]')::hfp, true FROM sample GROUP BY hamnet_dims(fp), 1;
INSERT INTO sample (fp, wild) SELECT fp, wild FROM sample WHERE id % 5 = 0;
INSERT INTO sample (fp, wild) SELECT ('0badcafe:' || fp::text)::hfp, wild FROM sample WHERE id % 7 = 0;

CREATE TABLE pair AS
	SELECT a.id AS a_id, b.id AS b_id, a.fp AS a, b.fp AS b, a.wild OR b.wild AS wild
	FROM sample a JOIN sample b ON hamnet_dims(a.fp) = hamnet_dims(b.fp);
SELECT cmp_ok((SELECT count(*) FROM pair), '>', 2000::bigint, 'there are pairs of fingerprints to compare');

-- input and output
SELECT is_empty('SELECT fp FROM sample WHERE hfp_send(fp::text::hfp) <> hfp_send(fp)', 'text of an hfp keeps every bit');
SELECT is_empty($$SELECT fp FROM sample WHERE hamnet_model_of(fp) IS NULL AND
	(hfp_send(fp::real[]::hfp) <> hfp_send(fp) OR hfp_send(fp::double precision[]::hfp) <> hfp_send(fp))$$,
	'an array of an hfp keeps every bit');
SELECT is_empty($$SELECT fp FROM sample WHERE fp::real[] <> (fp::double precision[])::real[]$$, 'real[] and double precision[] of an hfp agree');
SELECT is_empty($$SELECT fp FROM sample WHERE hamnet_dims(fp) <> cardinality(fp::real[])$$, 'hamnet_dims is the number of elements');

-- Text with characters exchanged, lost and doubled: refused as data, or read
-- as a value that its own text repeats.
CREATE FUNCTION outcome(damaged text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN CASE WHEN hfp_send(damaged::hfp::text::hfp) = hfp_send(damaged::hfp) THEN 'read' ELSE 'changed' END;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
CREATE TABLE damage AS
	SELECT damaged, outcome(damaged) FROM (
		SELECT CASE n % 3
			WHEN 0 THEN overlay(sound PLACING substr('[],:.-+eExXnaif 0123456789\ü', 1 + floor(random() * 27)::integer, 1) FROM place FOR 1)
			WHEN 1 THEN overlay(sound PLACING '' FROM place FOR 1)
			ELSE overlay(sound PLACING substr(sound, place, 2) FROM place FOR 1) END
		FROM (SELECT n, sound, 1 + floor(random() * length(sound))::integer
			FROM generate_series(1, 3000) n, (VALUES ('1a2b3c4d:[0.5,-1.25e-7,1e+38,42]'), (' [1, 2,3 ]')) v (sound)) w (n, sound, place)
		) x (damaged);
SELECT is_empty($$SELECT * FROM damage WHERE outcome NOT IN ('read', '22P02', '22003', '22000')$$,
	'damaged text of an hfp is refused as data, or read');
SELECT cmp_ok((SELECT count(*) FROM damage WHERE outcome = '22P02'), '>', 1000::bigint, 'much of the damaged text of an hfp is refused');

-- distances are symmetric, to the last bit
SELECT is_empty('SELECT a, b FROM pair WHERE a <-> b <> b <-> a', 'l2 is symmetric');
SELECT is_empty('SELECT a, b FROM pair WHERE a <=> b <> b <=> a', 'cosine is symmetric');
SELECT is_empty('SELECT a, b FROM pair WHERE a <#> b <> b <#> a', 'the inner product is symmetric');
SELECT is_empty('SELECT a, b FROM pair WHERE a <%> b <> b <%> a', 'Tanimoto is symmetric');

-- a value is at distance 0 from itself, whatever is known about its model
SELECT is_empty('SELECT fp FROM sample WHERE fp <-> fp <> 0 OR fp <=> fp <> 0 OR fp <%> fp <> 0',
	'the distance of a fingerprint to itself is exactly 0');
SELECT is_empty('SELECT fp FROM sample WHERE fp <-> fp::real[]::hfp <> 0', 'a fingerprint''s model adds no distance');
SELECT is_empty($$SELECT a, b FROM pair WHERE a <-> b = 0 AND a::real[] <> b::real[]$$, 'different fingerprints have a distance above 0');

-- ranges; NaN is greater than every number
SELECT is_empty($$SELECT a, b FROM pair WHERE NOT (a <-> b BETWEEN 0 AND 1e41) OR NOT (a <#> b BETWEEN -1e81 AND 1e81)$$,
	'l2 and inner product are finite');
SELECT is_empty('SELECT a, b FROM pair WHERE NOT (a <=> b BETWEEN 0 AND 2)', 'cosine is within 0 and 2');
SELECT is_empty('SELECT a, b FROM pair WHERE NOT (a <%> b BETWEEN 0 AND 4.0::double precision / 3)', 'Tanimoto is within 0 and 4/3');
SELECT is_empty('SELECT a, b FROM pair WHERE NOT wild AND NOT (a <%> b BETWEEN 0 AND 1)',
	'Tanimoto of values that are never negative is within 0 and 1');

-- relations between distances, within rounding
SELECT is_empty($$SELECT x.a_id, y.a_id, y.b_id FROM pair x JOIN pair y ON x.b_id = y.a_id JOIN pair z ON z.a_id = x.a_id AND z.b_id = y.b_id
	WHERE x.a_id <= 150 AND x.b_id <= 150 AND y.b_id <= 150
	AND (z.a <-> z.b) > ((x.a <-> x.b) + (y.a <-> y.b)) * (1 + 1e-5)$$, 'l2 obeys the triangle inequality');
SELECT is_empty($$SELECT a, b FROM pair WHERE abs(a <#> b) > hamnet_norm(a) * hamnet_norm(b) * (1 + 1e-5)$$,
	'the inner product obeys the inequality of Cauchy and Schwarz');
SELECT is_empty($$SELECT a, b FROM pair WHERE NOT wild AND
	abs((a <-> b) ^ 2 - (hamnet_norm(a) ^ 2 + hamnet_norm(b) ^ 2 - 2 * hamnet_inner_product(a, b)))
	> 1e-5 * (hamnet_norm(a) ^ 2 + hamnet_norm(b) ^ 2)$$, 'l2 and inner product agree');

-- the order is total, and equality, order, text and hash agree
SELECT is_empty($$SELECT a.id, b.id FROM sample a, sample b WHERE
	(a.fp < b.fp)::int + (a.fp = b.fp)::int + (a.fp > b.fp)::int <> 1
	OR hfp_cmp(a.fp, b.fp) <> -hfp_cmp(b.fp, a.fp) OR (a.fp = b.fp) <> (a.fp::text = b.fp::text)
	OR a.fp = b.fp AND hfp_hash(a.fp) <> hfp_hash(b.fp)$$, 'exactly one of <, =, > holds');
SELECT is_empty($$WITH sorted AS (SELECT fp, row_number() OVER (ORDER BY fp) FROM sample)
	SELECT 1 FROM sorted a JOIN sorted b ON a.row_number < b.row_number WHERE a.fp > b.fp$$, 'sorting is transitive');

-- parallel aggregates equal serial ones: sums of multiples of 1/8 are exact
CREATE TABLE many AS
	SELECT i % 5 AS class, CASE WHEN i % 5 = 0 THEN fp ELSE ('1a2b3c4d:' || fp::text)::hfp END AS fp
	FROM (SELECT i, ARRAY[i, -i, (i * 7919 % 1000) / 8.0]::hfp AS fp FROM generate_series(1, 20000) i) v;
ANALYZE many;
SET LOCAL max_parallel_workers_per_gather = 0;
CREATE TEMP TABLE serial AS SELECT class, sum(fp), avg(fp) FROM many GROUP BY class;
INSERT INTO serial SELECT -1, sum(fp), avg(fp) FROM many;
SET LOCAL max_parallel_workers_per_gather = 2;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;

CREATE FUNCTION plan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	lines text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		lines := lines || line || E'\n';
	END LOOP;
	RETURN lines;
END $$;
SELECT matches(plan_of('SELECT sum(fp), avg(fp) FROM many'), 'Partial Aggregate.*Parallel Seq Scan', 'aggregates run in parallel');
SELECT results_eq('SELECT sum(fp)::text, avg(fp)::text FROM many', 'SELECT sum::text, avg::text FROM serial WHERE class = -1',
	'parallel sums and means equal serial ones');
SELECT bag_eq('SELECT class, sum(fp), avg(fp) FROM many GROUP BY class', 'SELECT * FROM serial WHERE class >= 0',
	'parallel sums and means equal serial ones in groups');
SELECT results_eq('SELECT class, hamnet_model_of(sum) FROM serial ORDER BY class',
	$$VALUES (-1, NULL), (0, NULL), (1, '1a2b3c4d'), (2, '1a2b3c4d'), (3, '1a2b3c4d'), (4, '1a2b3c4d')$$,
	'aggregates keep the model where all rows have it');

SELECT * FROM finish();
ROLLBACK;
