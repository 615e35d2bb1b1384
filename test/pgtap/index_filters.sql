-- Filter columns of hamnet indexes: a search with conditions on them gives the
-- answers of a sequential scan, for every type and at every stage of a table's life.
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

SELECT setseed(0.375);

CREATE FUNCTION random_hfp() RETURNS hfp LANGUAGE sql VOLATILE AS $$
	SELECT array_agg(a * sin(j) + b * cos(j * 2) + c * sin(j * 3) + random() * 0.1)::hfp
	FROM (SELECT random() * 2 - 1 AS a, random() * 2 - 1 AS b, random() AS c) latent, generate_series(1, 40) j
$$;
CREATE FUNCTION special(i int) RETURNS double precision LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE i % 50 WHEN 0 THEN 'NaN' WHEN 1 THEN 'Infinity' WHEN 2 THEN '-Infinity' WHEN 3 THEN -0.0 WHEN 4 THEN NULL ELSE i % 50 * 0.1 - 2 END
$$;
CREATE TABLE compound (id serial PRIMARY KEY, fp hfp, i2 smallint, i4 int, i8 bigint, f4 real, f8 double precision, o oid,
	d date, t timestamp, z timestamptz, b boolean, u uuid);
CREATE FUNCTION fill(n int) RETURNS void LANGUAGE sql AS $$
	INSERT INTO compound (fp, i2, i4, i8, f4, f8, o, d, t, z, b, u)
	SELECT CASE WHEN i % 30 > 0 THEN random_hfp() END, i % 7 - 3, nullif(i % 100, 99), i::bigint % 10 * 1000000000000, special(i), special(i * 7),
		4294967295 - i % 5, '2020-01-01'::date + i % 60, '2020-01-01'::timestamp + i % 60 * interval '1 hour', '2020-01-01'::timestamptz + i % 90 * interval '1 hour',
		CASE i % 10 WHEN 0 THEN NULL WHEN 1 THEN true ELSE false END, (lpad(to_hex(i % 20 * 13), 2, '0') || repeat('f', 14) || lpad(to_hex(i % 3), 16, '8'))::uuid
	FROM generate_series(1, n) i
$$;
SELECT fill(4000);
CREATE INDEX compound_fp ON compound USING hamnet (fp, i2, i4, i8, f4, f8, d, t, z);
CREATE INDEX compound_cosine ON compound USING hamnet (fp hfp_cosine_ops, i4, o, b, u);
CREATE TABLE query AS SELECT random_hfp() AS q FROM generate_series(1, 2) UNION ALL (SELECT fp FROM compound WHERE fp IS NOT NULL LIMIT 1);

-- The distances of a statement with the index, or without, and whether it serves the condition
CREATE FUNCTION answers(statement text, with_index boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	PERFORM set_config('enable_seqscan', CASE WHEN with_index THEN 'off' ELSE 'on' END, true);
	PERFORM set_config('enable_sort', CASE WHEN with_index THEN 'off' ELSE 'on' END, true);
	PERFORM set_config('enable_indexscan', CASE WHEN with_index THEN 'on' ELSE 'off' END, true);
	PERFORM set_config('enable_bitmapscan', CASE WHEN with_index THEN 'on' ELSE 'off' END, true);
	EXECUTE format('SELECT array_agg(d)::text FROM (%s) s', statement) INTO result;
	RETURN result;
END $$;
CREATE FUNCTION is_filtered(statement text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	line text;
	plan text := '';
BEGIN
	PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true);
	FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || statement LOOP
		plan := plan || line;
	END LOOP;
	RETURN plan LIKE '%Index Scan using compound_%' AND plan LIKE '%Index Cond%' AND plan NOT LIKE '%Filter%';
END $$;

CREATE TABLE condition (condition text);
INSERT INTO condition VALUES ('i2 = 2'), ('i2 = 2::bigint'), ('i2 < 0::int'), ('i2 > 40000'), ('i2 < 40000'), ('i2 >= -3 AND i2 <= -3'),
	('i4 = 5'), ('i4 = 5::smallint'), ('i4 > 96'), ('i4 >= 98 '), ('i4 < 3000000000'), ('i4 > 3000000000'), ('i4 = 3000000000'), ('i4 BETWEEN 10 AND 20 AND i4 <> 15'),
	('i8 = 3000000000000'), ('i8 = 0::smallint'), ('i8 > 9223372036854775806'), ('i8 > 9223372036854775807'), ('i8 < -9223372036854775807'), ('i8 < -9223372036854775808'), ('i8 <= 1000000000000 AND i4 < 50'),
	('f4 = 0.5'), ('f4 = 0.5::real'), ('f4 = 0.1'), ('f4 < 0.1'), ('f4 <= 0.1'), ('f4 > 0.1'), ('f4 >= 0.1::real'), ('f4 = 0'), ('f4 < 0'), ('f4 = ''NaN'''), ('f4 < ''NaN'''), ('f4 >= ''NaN''::double precision'), ('f4 > 1e300'), ('f4 < -1e300'), ('f4 >= ''Infinity'''),
	('f8 = 0'), ('f8 > ''Infinity'''), ('f8 <= ''-Infinity'''), ('f8 < 0.3::real'), ('f8 = ''NaN'''), ('f8 > -1 AND f8 < 1 AND i2 = 0'),
	('d = ''2020-01-05'''), ('d < ''2020-01-03'''), ('d > ''infinity'''), ('t >= ''2020-01-03'' AND t < ''2020-01-03 03:00'''), ('z = ''2020-01-02'''), ('i4 = NULL'),
	('i4 IS NULL'), ('i4 IS NULL AND i2 > 0'), ('i4 IS NOT NULL AND i2 = 0'), ('i4 IS NULL AND i4 = 5'), ('fp IS NULL'), ('fp IS NOT NULL AND i2 = 0'), ('fp IS NULL AND i4 < 50');

CREATE FUNCTION same_answers(stage text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	what text;
	statement text;
	op text;
	different int;
BEGIN
	FOR what IN SELECT condition FROM condition UNION ALL SELECT unnest(ARRAY['o = 4294967295', 'o < 4294967293', 'o > 4294967294 AND i4 > 50',
		'b', 'NOT b', 'b = true AND i4 < 50', 'b < true', 'b IS NULL', 'u = ''1affffff-ffff-ffff-8888-888888888882''', 'u < ''1affffff-ffff-ffff-8888-888888888881''', 'u <= ''1affffff-ffff-ffff-8888-888888888881''',
		'u > ''eaffffff-ffff-ffff-8888-888888888881''', 'u >= ''eaffffff-ffff-ffff-8888-888888888881'' AND b IS NOT NULL', 'u = ''1affffff-ffff-ffff-8888-888888888889''']) LOOP
		different := 0;
		FOR statement IN
			SELECT format('SELECT fp %1$s %2$L::hfp AS d FROM compound WHERE %3$s ORDER BY fp %1$s %2$L::hfp%4$s', CASE WHEN what ~ '^(o |u |b|NOT b)' THEN '<=>' ELSE '<->' END, q, what, size)
			FROM query, unnest(ARRAY[' LIMIT 10', '']) size
		LOOP
			different := different + (answers(statement, true) IS DISTINCT FROM answers(statement, false))::int;
		END LOOP;
		RETURN NEXT is(different, 0, format('%s: %s', stage, what));
	END LOOP;
	SELECT count(*) INTO different FROM query, condition c
		WHERE answers(format('SELECT id AS d FROM compound WHERE hamnet_within(fp, %L, 2) AND %s ORDER BY 1', q, condition), true)
			IS DISTINCT FROM answers(format('SELECT id AS d FROM compound WHERE hamnet_within(fp, %L, 2) AND %s ORDER BY 1', q, condition), false);
	RETURN NEXT is(different, 0, stage || ': within a radius');
	SELECT count(*) INTO different FROM condition c
		WHERE answers(format('SELECT id AS d FROM compound WHERE %s ORDER BY 1', condition), true)
			IS DISTINCT FROM answers(format('SELECT id AS d FROM compound WHERE %s ORDER BY 1', condition), false);
	RETURN NEXT is(different, 0, stage || ': without a distance');
END $$;

SELECT ok(is_filtered(format('SELECT id FROM compound WHERE %s ORDER BY fp <-> %L LIMIT 5', condition, q)), condition || ' is tested in the index')
	FROM condition, (SELECT q FROM query LIMIT 1) q WHERE condition NOT LIKE '%<>%' AND condition NOT LIKE '%NULL%';
SELECT ok(is_filtered(format('SELECT id FROM compound WHERE %s ORDER BY fp <=> %L LIMIT 5', condition, q)), condition || ' is tested in the index')
	FROM unnest(ARRAY['b < true', 'b IS NULL', 'b IS NOT NULL', 'u = ''1affffff-ffff-ffff-8888-888888888882''', 'u > ''1affffff-ffff-ffff-8888-888888888882''', 'fp IS NULL', 'i4 IS NULL']) condition, (SELECT q FROM query LIMIT 1) q;

SELECT same_answers('built');
SELECT fill(900);
UPDATE compound SET i4 = 5, f4 = 0.1 WHERE id % 9 = 0;
DELETE FROM compound WHERE id % 5 = 1;
SELECT same_answers('written');
VACUUM compound;
SELECT same_answers('vacuumed');
SELECT fill(300);
SELECT same_answers('filled up');
SELECT is(hamnet_index_check('compound_fp'), (SELECT count(*) FROM compound), 'the index is sound');
SELECT is(hamnet_index_check('compound_cosine'), (SELECT count(*) FROM compound), 'the index of another class is sound');

-- Built without data, then filled
CREATE TABLE later (LIKE compound);
SET client_min_messages = warning;
CREATE INDEX later_fp ON later USING hamnet (fp, i4);
INSERT INTO later SELECT * FROM compound;
SELECT is(answers(format('SELECT fp <-> %L AS d FROM later WHERE i4 = 7 ORDER BY fp <-> %1$L LIMIT 20', q), true),
	answers(format('SELECT fp <-> %L AS d FROM later WHERE i4 = 7 ORDER BY fp <-> %1$L LIMIT 20', q), false), 'an index without axes filters too')
	FROM query;
RESET client_min_messages;

-- What cannot be
SELECT throws_ok('CREATE INDEX ON compound USING hamnet (i4, fp)', '0A000', NULL, 'the fingerprint comes first');
SELECT throws_ok('CREATE INDEX ON compound USING hamnet (fp, fp hfp_cosine_ops)', '0A000', NULL, 'one fingerprint');
SELECT throws_ok('CREATE INDEX ON compound USING hamnet (fp, i2, i4, i8, f4, f8, o, d, t, z)', '54000', NULL, 'eight filter columns');
SELECT throws_ok('CREATE INDEX ON compound USING hamnet (fp, (id::text))', '42704', NULL, 'text has no class');

SELECT * FROM finish();
