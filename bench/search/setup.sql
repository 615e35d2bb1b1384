-- Tables and functions of bench/search.sh.
CREATE EXTENSION hamnet;

-- part is for filters: 0 to 999, evenly.
CREATE TABLE compound (id integer, smiles text, fp hfp, part integer);
CREATE TABLE loading (id integer, smiles text, fp hfp);
CREATE TABLE query (n integer, fp hfp);
CREATE TABLE built (data text, "rows" bigint, method text, seconds double precision, bytes bigint, heap_bytes bigint);
CREATE TABLE measured (data text, method text, k integer, filter text, n integer,
	ms double precision, index_pages bigint, heap_rows bigint, distances double precision[]);
CREATE TABLE filter (filter text, label text, kept double precision);
INSERT INTO filter VALUES ('true', 'all', 100), ('part < 500', '50 %', 50), ('part < 10', '1 %', 1), ('part < 1', '0.1 %', 0.1);

CREATE PROCEDURE take_loaded() LANGUAGE sql AS $$
	INSERT INTO compound SELECT id, smiles, fp, abs(hashint4(id)) % 1000 FROM loading;
	TRUNCATE loading;
$$;

-- Two layers of random weights over ten numbers drawn about 300 centres; no
-- element is negative.
CREATE PROCEDURE make_synthetic(wanted integer) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM setseed(0.5);
	CREATE TEMP TABLE layer AS
		SELECT j, array_agg((random() + random() + random() + random() - 2) * 1.7 ORDER BY i) AS w, (random() - 0.5) AS bias
		FROM generate_series(1, 256) j, generate_series(1, 10) i GROUP BY j;
	CREATE TEMP TABLE centre AS
		SELECT c, array_agg((random() + random() + random() + random() - 2) * 1.7 ORDER BY i) AS z
		FROM generate_series(0, 299) c, generate_series(1, 10) i GROUP BY c;
	INSERT INTO compound
		SELECT n, NULL, (SELECT array_agg(greatest(0, bias + w[1] * z[1] + w[2] * z[2] + w[3] * z[3] + w[4] * z[4] + w[5] * z[5]
				+ w[6] * z[6] + w[7] * z[7] + w[8] * z[8] + w[9] * z[9] + w[10] * z[10])::real ORDER BY j) FROM layer)::hfp,
			n % 1000
		FROM (SELECT n, array_agg(z[i] + (random() + random() + random() + random() - 2) * 0.8) AS z
			FROM generate_series(1, wanted) n JOIN centre ON c = n % 300, generate_series(1, 10) i GROUP BY n OFFSET 0) x;
	DROP TABLE layer, centre;
END
$$;

CREATE PROCEDURE choose_queries(wanted integer) LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE query;
	PERFORM setseed(0.25);
	INSERT INTO query SELECT row_number() OVER (), fp FROM (SELECT fp FROM compound ORDER BY random() LIMIT wanted) x;
END
$$;

-- A method that orders by another expression sets bench.ranking; distances are ours in any case.
-- Time one search, and count what it read. The statistics of the running
-- transaction are this backend's own, so nobody else's work is in them; what
-- workers of a parallel query read is not either.
CREATE PROCEDURE measure_one(data text, method text, k integer, filter text, n integer) LANGUAGE plpgsql AS $$
DECLARE
	query hfp := (SELECT fp FROM query WHERE query.n = measure_one.n);
	index regclass := to_regclass('bench_index');
	pages bigint := coalesce(pg_stat_get_xact_blocks_fetched(index), 0);
	rows bigint := coalesce(pg_stat_get_xact_tuples_fetched(index), 0);
	statement text := format('SELECT array_agg(d ORDER BY d) FROM (SELECT fp <-> %L::hfp AS d FROM compound WHERE %s ORDER BY %s LIMIT %s) x',
		query, filter, format(coalesce(nullif(current_setting('bench.ranking', true), ''), 'fp <-> %L::hfp'), query), k);
	started timestamptz;
	ended timestamptz;
	distances double precision[];
BEGIN
	started := clock_timestamp();
	EXECUTE statement INTO distances;
	ended := clock_timestamp();
	INSERT INTO measured VALUES (data, method, k, filter, n, extract(epoch FROM ended - started) * 1000,
		coalesce(pg_stat_get_xact_blocks_fetched(index), 0) - pages,
		coalesce(pg_stat_get_xact_tuples_fetched(index), 0) - rows, distances);
END
$$;

-- Every search once to warm the caches, then all of them. Filters are measured with fewer queries.
CREATE PROCEDURE measure(data text, method text) LANGUAGE plpgsql AS $$
DECLARE
	used filter;
	k integer;
	queries integer := (SELECT count(*) FROM query);
BEGIN
	CALL measure_one(data, 'warm-up', 10, 'true', 1);
	FOREACH k IN ARRAY ARRAY[10, 100] LOOP
		FOR used IN SELECT * FROM filter ORDER BY kept DESC LOOP
			FOR n IN 1 .. CASE WHEN used.kept = 100 THEN queries ELSE greatest(1, queries / 10) END LOOP
				CALL measure_one(data, method, k, used.filter, n);
				COMMIT;
			END LOOP;
		END LOOP;
	END LOOP;
END
$$;
