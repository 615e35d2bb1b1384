-- A GiST index never changes an answer: for every operator class, nearest
-- neighbours and range searches are the same with the index and without, ties
-- included, on all kinds of data, however the index came to be.
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
CREATE EXTENSION IF NOT EXISTS btree_gist;
RESET client_min_messages;
SELECT * FROM no_plan();

SELECT setseed(0.5);

-- A point of dim dimensions about a centre. What is too small for real is 0.
CREATE FUNCTION random_hfp(dim integer, width double precision, centre real[] DEFAULT NULL) RETURNS hfp LANGUAGE sql VOLATILE AS $$
	SELECT array_agg((CASE WHEN abs(x) < 1e-37 THEN 0 ELSE x END)::real ORDER BY i)::hfp
	FROM (SELECT i, coalesce(centre[i], 0) + width * (random() + random() - 1) FROM generate_series(1, dim) i OFFSET 0) y (i, x)
$$;

-- Every table has an id, a fingerprint and a column to filter by.
CREATE FUNCTION fill(name text, query text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TABLE %I (id integer, fp hfp, part integer)', name);
	EXECUTE format('INSERT INTO %I SELECT row_number() OVER (), fp, floor(random() * 1000) FROM (%s) x (fp)', name, query);
END
$$;

CREATE TABLE centre AS SELECT c, random_hfp(80, 3)::real[] AS centre FROM generate_series(1, 12) c;

SELECT fill('low_dim', 'SELECT random_hfp(3, 1) FROM generate_series(1, 2000)');
SELECT fill('high_dim', 'SELECT random_hfp(200, 1) FROM generate_series(1, 800)');
SELECT fill('clustered', 'SELECT random_hfp(80, 0.2, centre) FROM centre, generate_series(1, 150)');
SELECT fill('positive', $$SELECT (SELECT array_agg(greatest(0, x) ORDER BY i) FROM unnest(random_hfp(80, 1, centre)::real[])
	WITH ORDINALITY u (x, i))::hfp FROM centre, generate_series(1, 70)$$);
SELECT fill('duplicated', 'SELECT fp FROM (SELECT random_hfp(40, 1) AS fp FROM generate_series(1, 20)) x, generate_series(1, 100)');
SELECT fill('same', 'SELECT random_hfp(1, 0) FROM generate_series(1, 1000)');
SELECT fill('line', 'SELECT array_fill(n::real, ARRAY[70])::hfp FROM generate_series(-600, 600) n');
-- one axis far longer than all others, zero vectors, the smallest and the largest numbers
SELECT fill('extreme', $$
	SELECT (ARRAY[(random() * 1e6)::real] || random_hfp(69, 1e-3)::real[])::hfp FROM generate_series(1, 300)
	UNION ALL SELECT array_fill(0::real, ARRAY[70])::hfp FROM generate_series(1, 300)
	UNION ALL SELECT random_hfp(70, 1e-37 * 10 ^ n) FROM generate_series(1, 30) n, generate_series(1, 10)
	UNION ALL SELECT random_hfp(70, 10 ^ n) FROM generate_series(1, 37) n, generate_series(1, 10)$$);

CREATE TABLE metric (class text, distance text, within text);
INSERT INTO metric VALUES
	('gist_hfp_l2_ops', '<->', 'hamnet_within'),
	('gist_hfp_cosine_ops', '<=>', 'hamnet_within_cosine'),
	('gist_hfp_tanimoto_ops', '<%>', 'hamnet_within_tanimoto');

-- Let the planner use the index, or nothing but the table.
CREATE FUNCTION use_index(wanted boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('enable_seqscan', (NOT wanted)::text, true),
		set_config('enable_indexscan', wanted::text, true), set_config('enable_bitmapscan', wanted::text, true);
END
$$;

-- What a query returns with the index, or a complaint if the plan does not use it.
CREATE FUNCTION answer(query text, with_index boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
	line text;
	plan text := '';
BEGIN
	PERFORM use_index(with_index);
	FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
		plan := plan || line || E'\n';
	END LOOP;
	IF with_index <> (plan ~ 'hfp_index') THEN
		RETURN format('with index %s: %s', with_index, plan);
	END IF;
	EXECUTE format('SELECT string_agg(x::text, '' '') FROM (%s) x', query) INTO result;
	PERFORM use_index(true);
	RETURN coalesce(result, 'nothing');
END
$$;

-- Queries: rows, points beside rows, far points, zero.
CREATE FUNCTION some_queries(name text) RETURNS SETOF hfp LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT fp FROM %I WHERE fp IS NOT NULL ORDER BY id %% 7, id LIMIT 2', name);
	RETURN QUERY EXECUTE format('SELECT (SELECT array_agg(x * 1.01 + 0.001)::hfp FROM unnest(fp::real[]) x)
		FROM (SELECT fp FROM %I WHERE hamnet_norm(fp) BETWEEN 0 AND 1e30 ORDER BY id %% 13, id LIMIT 1) y', name);
	RETURN QUERY EXECUTE format('SELECT array_fill(v, ARRAY[hamnet_dims(fp)])::hfp
		FROM (SELECT fp FROM %I WHERE fp IS NOT NULL LIMIT 1) y, unnest(ARRAY[0]::real[]) v', name);
END
$$;

-- Nearest neighbours, with filters that keep all, half, 1 % and 0.1 %, and ranges of
-- radii that are distances to rows: both ends matter. Returns what differs.
CREATE FUNCTION differences(name text, used metric) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	query hfp;
	filter text;
	radius double precision;
	statement text;
	expected text;
	found text;
BEGIN
	FOR query IN SELECT * FROM some_queries(name) LOOP
		FOREACH filter IN ARRAY ARRAY['true', 'part < 500', 'part < 10', 'part < 1'] LOOP
			-- of rows at the last distance, any may be the ones within the limit
			statement := format('SELECT d, CASE WHEN d < max(d) OVER () THEN id END AS id FROM
				(SELECT id, fp %s %L::hfp AS d FROM %I WHERE %s ORDER BY d LIMIT 20) y ORDER BY 1, 2',
				used.distance, query, name, filter);
			expected := answer(statement, false);
			found := answer(statement, true);
			IF found <> expected THEN
				RETURN NEXT format('%s: %s instead of %s', filter, found, expected);
			END IF;
		END LOOP;
		FOR radius IN EXECUTE format('SELECT unnest(ARRAY[0, -1] || array_agg(d)) FROM
			(SELECT DISTINCT fp %s %L AS d FROM %I WHERE fp IS NOT NULL ORDER BY d LIMIT 3) x', used.distance, query, name)
		LOOP
			statement := format('SELECT id FROM %I WHERE %s(fp, %L, %L) ORDER BY id', name, used.within, query, radius);
			expected := answer(statement, false);
			found := answer(statement, true);
			IF found <> expected THEN
				RETURN NEXT format('radius %s: %s instead of %s', radius, found, expected);
			END IF;
		END LOOP;
	END LOOP;
END
$$;

CREATE FUNCTION check_all(name text, description text, options text DEFAULT '') RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	used metric;
BEGIN
	FOR used IN SELECT * FROM metric LOOP
		EXECUTE format('CREATE INDEX hfp_index ON %I USING gist (fp %s%s)', name, used.class, options);
		RETURN NEXT is_empty(format('SELECT differences(%L, %L)', name, used), format('%s, %s: %s', name, used.class, description));
		DROP INDEX hfp_index;
	END LOOP;
END
$$;

-- operator classes are complete
SELECT ok(amvalidate(oid), opcname || ' is valid') FROM pg_opclass WHERE opcname ~ '^gist_hfp' ORDER BY 1;

-- without knowledge of the data, and with
SELECT check_all(name, 'blocks') FROM unnest(ARRAY['low_dim', 'high_dim', 'clustered', 'positive', 'duplicated', 'same', 'line', 'extreme']) name;
SELECT check_all(name, 'axes', format('(axes = %L)', hamnet_fit_axes(format('SELECT fp FROM %I WHERE hamnet_norm(fp) < 1e15', name))))
	FROM unnest(ARRAY['high_dim', 'clustered', 'positive', 'line', 'extreme']) name;
SELECT check_all('clustered', 'axes of other data', format('(axes = %L)', hamnet_fit_axes('SELECT fp FROM positive')));
SELECT check_all('clustered', 'few coordinates', format('(axes = %L, coordinates = 8)', hamnet_fit_axes('SELECT fp FROM clustered')));
SELECT check_all('clustered', 'axes of other dimensions', format('(axes = %L)', hamnet_fit_axes('SELECT fp FROM high_dim')));

-- the same fingerprints give the same axes
SELECT is(hamnet_fit_axes('SELECT fp FROM clustered ORDER BY id'), hamnet_fit_axes('SELECT fp FROM clustered ORDER BY id'), 'axes are stored once');

-- indexes that grew row by row, then changed
CREATE TABLE grown (id integer, fp hfp, part integer);
SELECT format('(axes = %L)', hamnet_fit_axes('SELECT fp FROM clustered')) AS options \gset
CREATE FUNCTION check_grown(options text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	used metric;
BEGIN
	FOR used IN SELECT * FROM metric LOOP
		TRUNCATE grown;
		EXECUTE format('CREATE INDEX hfp_index ON grown USING gist (fp %s%s)', used.class, options);
		INSERT INTO grown SELECT id, fp, part FROM clustered ORDER BY random();
		INSERT INTO grown SELECT 10000 + n, NULL, n FROM generate_series(1, 50) n;
		RETURN NEXT is_empty(format('SELECT differences(%L, %L)', 'grown', used), used.class || ': insertion');
		DELETE FROM grown WHERE id % 3 = 0;
		UPDATE grown SET fp = (SELECT fp FROM clustered c WHERE c.id = grown.id + 1), part = part + 1 WHERE id % 5 = 0;
		INSERT INTO grown SELECT 20000 + id, fp, part FROM clustered WHERE id % 4 = 0;
		RETURN NEXT is_empty(format('SELECT differences(%L, %L)', 'grown', used), used.class || ': deletion, update, insertion');
		DROP INDEX hfp_index;
	END LOOP;
END
$$;
SELECT check_grown('');
SELECT check_grown(:'options');

-- a tenant's rows are found in the same index
CREATE INDEX hfp_index ON clustered USING gist (part, fp);
SELECT is(answer(query, true), answer(query, false), 'a GiST index serves with a column before the fingerprint')
	FROM (SELECT format('SELECT id FROM clustered WHERE part = 42 ORDER BY fp <-> %L::hfp LIMIT 2', fp) AS query FROM clustered WHERE id < 4) x;
DROP INDEX hfp_index;

-- the radius may come from the row of another table, and either fingerprint may be the column
CREATE INDEX hfp_index ON clustered USING gist (fp);
CREATE TABLE probe AS SELECT id, fp, 0.3 + id AS radius FROM clustered WHERE id <= 4;
SELECT is(answer(query, true), answer(query, false), 'a join: ' || condition)
	FROM unnest(ARRAY['hamnet_within(c.fp, p.fp, p.radius)', 'hamnet_within(p.fp, c.fp, radius)']) condition,
		format('SELECT p.id, count(*) FROM probe p JOIN clustered c ON %s GROUP BY p.id ORDER BY p.id', condition) query;

-- what cannot be compared is an error with the index as it is without
SELECT use_index(true);
SELECT throws_ok($$SELECT id FROM clustered ORDER BY fp <-> '[1,2,3]' LIMIT 1$$, '22000', NULL, 'a GiST search by other dimensions is refused');
SELECT throws_ok($$SELECT id FROM clustered WHERE hamnet_within(fp, '[1,2,3]', -1)$$, '22000', NULL, 'a GiST range search by other dimensions is refused');
UPDATE clustered SET fp = ('0badcafe:' || fp::text)::hfp;
SELECT throws_ok(format('SELECT id FROM clustered ORDER BY fp <-> %L LIMIT 1', 'deadbeef:' || (fp::real[]::hfp)::text), '22000', NULL, 'a GiST search by another model is refused')
	FROM clustered WHERE id = 1;
SELECT throws_ok(format('SELECT id FROM clustered WHERE hamnet_within(fp, %L, 0)', 'deadbeef:' || (fp::real[]::hfp)::text), '22000', NULL, 'a GiST range search by another model is refused')
	FROM clustered WHERE id = 1;
SELECT throws_ok($$SELECT id FROM clustered WHERE hamnet_within(fp, fp, 'NaN')$$, '22023', NULL, 'a GiST range search with a radius of NaN finds nothing');
DROP INDEX hfp_index;

-- fingerprints that cannot be compared may lie in one index, if a filter tells them apart
CREATE TABLE mixed (id integer, fp hfp, part integer);
INSERT INTO mixed SELECT id, fp, 1 FROM low_dim UNION ALL SELECT id, fp, 2 FROM positive;
CREATE INDEX hfp_index ON mixed USING gist (part, fp);
SELECT is(answer(query, true), answer(query, false), 'a GiST index refuses two dimensions')
	FROM (SELECT format('SELECT id FROM mixed WHERE part = 2 ORDER BY fp <-> %L::hfp LIMIT 5', fp) AS query FROM positive WHERE id < 4) x;

-- options
SELECT throws_ok('CREATE INDEX ON clustered USING gist (fp gist_hfp_l2_ops (axes = nonsense))', '22023', NULL, 'a GiST index refuses a malformed name of axes');
CREATE TABLE no_rows (fp hfp);
SELECT throws_ok(format('CREATE INDEX ON clustered USING gist (fp gist_hfp_l2_ops (axes = %L))', repeat('0', 32)), '42704', NULL, 'a GiST index refuses axes that do not exist');
SELECT throws_ok(format('CREATE INDEX ON no_rows USING gist (fp gist_hfp_l2_ops (axes = %L))', repeat('0', 32)), '42704', NULL, 'an index of no rows refuses axes that do not exist');
SELECT throws_ok(format('CREATE INDEX ON clustered USING gist (fp gist_hfp_l2_ops (coordinates = %s))', n), '22023', NULL, format('a GiST index refuses coordinates = %s', n))
	FROM unnest(ARRAY[-1, 0, 1, 7, 65]) AS n;
SELECT lives_ok(format('CREATE INDEX ON no_rows USING gist (fp gist_hfp_l2_ops (coordinates = %s))', n), format('a GiST index takes coordinates = %s', n))
	FROM unnest(ARRAY[8, 9, 64]) AS n;
SAVEPOINT fitting;
SELECT hamnet_fit_axes('SELECT fp FROM clustered WHERE id % 2 = 0') AS taken_back \gset
CREATE INDEX taken_back ON clustered USING gist (fp gist_hfp_l2_ops (axes = :'taken_back'));
ROLLBACK TO fitting;
SELECT throws_ok(format('CREATE INDEX ON clustered USING gist (fp gist_hfp_l2_ops (axes = %L))', :'taken_back'), '42704', NULL, 'a GiST index refuses axes that were rolled back');
SELECT throws_ok('CREATE INDEX ON clustered USING gist (fp gist_hfp_l2_ops (coordinates = 65))', '22023', NULL, 'a GiST index refuses too many coordinates');
SELECT throws_ok($$SELECT hamnet_fit_axes('SELECT 1')$$, '42804', NULL, 'hamnet_fit_axes refuses a query of another type');
SELECT throws_ok($$SELECT hamnet_fit_axes('SELECT fp FROM clustered WHERE false')$$, '22000', NULL, 'hamnet_fit_axes refuses a query without rows');
SELECT throws_ok($$SELECT hamnet_fit_axes('TRUNCATE clustered')$$, '22023', NULL, 'hamnet_fit_axes refuses what is no query');

SELECT * FROM finish();
ROLLBACK;
