-- A hamnet index on fingerprints that vary along all axes alike, of which it keeps
-- cells only, gives the answers of a sequential scan, to the last bit and ties
-- included: for every operator class, at every stage of a table's life.
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

SELECT setseed(0.625);

-- Some of one of twenty kinds, some by themselves
CREATE FUNCTION random_hfp(dim int, scale double precision, kind int) RETURNS hfp LANGUAGE sql VOLATILE AS $$
	SELECT array_agg(scale * (random() + random() + random() - 1.5 + CASE WHEN kind > 0 THEN 0.7 * sin(kind * (j + 3) * (j % 7 + 1)) ELSE 0 END))::hfp
	FROM generate_series(1, dim) j
$$;
CREATE TABLE compound (id serial PRIMARY KEY, grp int, flag int, fp hfp);
CREATE FUNCTION fill(n int) RETURNS void LANGUAGE sql AS $$
	INSERT INTO compound (grp, flag, fp) SELECT i % 100, nullif(i % 11, 5), CASE WHEN i % 50 > 0 THEN random_hfp(130, 1, i % 40 - 20) END FROM generate_series(1, n) i;
$$;
SELECT fill(3000);
INSERT INTO compound (grp, flag, fp) SELECT grp, flag, fp FROM compound WHERE id % 40 = 1;
INSERT INTO compound (grp, flag, fp) SELECT i, i, ('[0' || repeat(',0', 129) || ']')::hfp FROM generate_series(1, 3) i;
CREATE TABLE query AS SELECT fp AS q FROM compound WHERE id IN (17, 41, 3060) UNION ALL SELECT random_hfp(130, 1, 3) UNION ALL SELECT random_hfp(130, 1000, 0)
	UNION ALL SELECT ('[0' || repeat(',0', 129) || ']')::hfp;

CREATE INDEX compound_l2 ON compound USING hamnet (fp, flag);
CREATE INDEX compound_cosine ON compound USING hamnet (fp hfp_cosine_ops);
CREATE INDEX compound_ip ON compound USING hamnet (fp hfp_ip_ops);
CREATE INDEX compound_tanimoto ON compound USING hamnet (fp hfp_tanimoto_ops, flag);
SELECT is(coordinates, 136, index || ': all coordinates are kept')
	FROM unnest(ARRAY['compound_l2', 'compound_cosine', 'compound_ip', 'compound_tanimoto']) index, hamnet_index_stats(index::regclass);

CREATE FUNCTION answers(statement text, q hfp, with_index boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	PERFORM set_config('enable_seqscan', CASE WHEN with_index THEN 'off' ELSE 'on' END, true);
	PERFORM set_config('enable_sort', CASE WHEN with_index THEN 'off' ELSE 'on' END, true);
	PERFORM set_config('enable_indexscan', CASE WHEN with_index THEN 'on' ELSE 'off' END, true);
	PERFORM set_config('enable_bitmapscan', CASE WHEN with_index THEN 'on' ELSE 'off' END, true);
	EXECUTE format('SELECT array_agg(d)::text FROM (%s) s', statement) INTO result USING q;
	RETURN result;
END $$;
CREATE FUNCTION same_answers(stage text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	op text;
	what text;
	different int;
BEGIN
	FOREACH op IN ARRAY ARRAY['<->', '<=>', '<#>', '<%>'] LOOP
		FOREACH what IN ARRAY ARRAY['ORDER BY fp %1$s $1 LIMIT 10', 'ORDER BY fp %1$s $1 LIMIT 300', 'ORDER BY fp %1$s $1',
			'WHERE flag = 7 ORDER BY fp %1$s $1 LIMIT 20', 'WHERE grp = 7 ORDER BY fp %1$s $1 LIMIT 20', 'WHERE flag > 8 ORDER BY fp %1$s $1'] LOOP
			SELECT count(*) INTO different FROM query, format('SELECT fp %1$s $1 AS d FROM compound ' || what, op) statement
				WHERE answers(statement, q, true) IS DISTINCT FROM answers(statement, q, false);
			RETURN NEXT is(different, 0, stage || ': ' || format(what, op));
		END LOOP;
	END LOOP;
	FOR op, what IN VALUES ('<->', 'hamnet_within(fp, $1, 7)'), ('<=>', 'hamnet_within_cosine(fp, $1, 0.3)'), ('<%>', 'hamnet_within_tanimoto(fp, $1, 0.5)') LOOP
		SELECT count(*) INTO different FROM query,
			unnest(ARRAY[format('SELECT fp %s $1 AS d FROM compound WHERE %s ORDER BY fp %1$s $1', op, what), 'SELECT count(*) AS d FROM compound WHERE ' || what]) statement
			WHERE answers(statement, q, true) IS DISTINCT FROM answers(statement, q, false);
		RETURN NEXT is(different, 0, stage || ': ' || what);
	END LOOP;
	SELECT count(DISTINCT hamnet_index_check(index::regclass)) INTO different
		FROM unnest(ARRAY['compound_l2', 'compound_cosine', 'compound_ip', 'compound_tanimoto']) index;
	RETURN NEXT is(different, 1, stage || ': the indexes are sound');
END $$;

SELECT same_answers('built');
SELECT fill(200);
INSERT INTO compound (grp, flag, fp) SELECT i, i, random_hfp(130, 100, 0) FROM generate_series(1, 10) i;
UPDATE compound SET fp = random_hfp(130, 1, id % 20) WHERE id % 9 = 0;
DELETE FROM compound WHERE id % 5 = 1;
SELECT same_answers('written');
VACUUM compound;
SELECT fill(300);
SELECT same_answers('vacuumed and filled up');
INSERT INTO compound (grp, flag, fp) SELECT i % 100, i % 11, ARRAY(SELECT (v * 3 + 2)::real FROM unnest(random_hfp(130, 1, i % 20)::real[]) v)::hfp FROM generate_series(1, 1000) i;
SELECT same_answers('drifted');
REINDEX TABLE compound;
SELECT same_answers('after REINDEX');

-- Of data without structure too, bounds leave most rows out
SET enable_seqscan = off;
SELECT count(*) FROM (SELECT id FROM compound ORDER BY fp <-> (SELECT fp FROM compound WHERE fp IS NOT NULL ORDER BY id LIMIT 1) LIMIT 10) s \gset
SELECT ok(rows_looked_up < 2000, 'a search looks up few of 4,000 rows') FROM hamnet_last_search();

SELECT * FROM finish();
