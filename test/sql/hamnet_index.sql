-- The index access method hamnet: what may be asked of it, and what it refuses.
-- a plan, without the words by which PostgreSQL 18 marks what is switched off
CREATE FUNCTION pg_temp.plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		IF line !~ '^ *Disabled: ' THEN
			RETURN NEXT line;
		END IF;
	END LOOP;
END $$;

SET enable_seqscan = off;
SET enable_sort = off;
CREATE TABLE point (id int, fp hfp);
INSERT INTO point SELECT i, ARRAY[i % 10, i / 10, (i * 7) % 13]::real[]::hfp FROM generate_series(0, 99) i;
INSERT INTO point VALUES (100, NULL), (101, '[3,3,3]'), (102, '[3,3,3]');
CREATE INDEX point_l2 ON point USING hamnet (fp);

-- nearest first; the plan and the answer
SELECT * FROM pg_temp.plan_of($$SELECT id FROM point ORDER BY fp <-> '[3,3,3]' LIMIT 3$$);
SELECT id, fp FROM point ORDER BY fp <-> '[3,3,3]', id LIMIT 3;
SELECT round((fp <-> '[3,3,3]')::numeric, 6) FROM point ORDER BY fp <-> '[3,3,3]' LIMIT 5;

-- nothing is left out, NULLs come last
SELECT count(*), count(fp), (array_agg(id))[103] FROM (SELECT * FROM point ORDER BY fp <-> '[3,3,3]') s;
SELECT count(*), count(fp) FROM (SELECT * FROM point ORDER BY fp <-> NULL) s;

-- two distances to order by
SELECT id FROM point ORDER BY fp <-> '[3,3,3]', fp <-> '[0,0,0]' LIMIT 2;

-- no index-only scan
SELECT bool_or(line ~ 'Index Only Scan') FROM pg_temp.plan_of($$SELECT count(*) FROM point$$) AS line;

-- only the distance of the operator class
SELECT * FROM pg_temp.plan_of($$SELECT id FROM point ORDER BY fp <=> '[3,3,3]' LIMIT 3$$);

-- range search, alone and in order
SELECT * FROM pg_temp.plan_of($$SELECT id FROM point WHERE hamnet_within(fp, '[3,3,3]', 2) ORDER BY fp <-> '[3,3,3]'$$);
SELECT count(*) FROM point WHERE hamnet_within(fp, '[3,3,3]', 2);
SELECT round((fp <-> '[3,3,3]')::numeric, 6) FROM point WHERE hamnet_within(fp, '[3,3,3]', 2) ORDER BY fp <-> '[3,3,3]';
SELECT id FROM point WHERE hamnet_within(fp, '[3,3,3]', 0) AND hamnet_within(fp, '[4,3,3]', 1) ORDER BY id;
SELECT id FROM point WHERE hamnet_within(fp, '[3,3,3]', -1);
SELECT count(*) FROM point WHERE hamnet_within(fp, '[3,3,3]', 'infinity');
SELECT count(*) FROM point WHERE hamnet_within(fp, NULL, 2);

-- comparing what cannot be compared is the error it is without the index
SELECT id FROM point ORDER BY fp <-> '[1,2]' LIMIT 1;
SELECT id FROM point ORDER BY fp <-> '0000000a:[1,2,3]' LIMIT 0;
INSERT INTO point VALUES (103, '[1,2]');
SELECT id FROM point ORDER BY fp <-> '[3,3,3]' LIMIT 1;
DELETE FROM point WHERE id = 103;
SELECT count(*) FROM (SELECT id FROM point ORDER BY fp <-> '[3,3,3]' LIMIT 1) s;

-- fingerprints of a known model among others of no model, then of another
INSERT INTO point VALUES (104, '0000000a:[3,3,4]');
SELECT id FROM point ORDER BY fp <-> '0000000a:[3,3,4]' LIMIT 1;
INSERT INTO point VALUES (105, '0000000b:[900,900,900]');
SELECT id FROM point ORDER BY fp <-> '0000000a:[3,3,4]' LIMIT 1;
SELECT model, row_count, null_rows, uncoded_rows FROM hamnet_index_stats('point_l2');
DELETE FROM point WHERE id = 105;
VACUUM point;
SELECT model, row_count, null_rows, uncoded_rows FROM hamnet_index_stats('point_l2');
SELECT hamnet_index_check('point_l2');

-- an index on an empty table finds everything, and says so
CREATE TABLE late (fp hfp);
CREATE INDEX late_fp ON late USING hamnet (fp);
SELECT fp FROM late ORDER BY fp <-> '[1,2]';
INSERT INTO late VALUES ('[1,2]'), (NULL), ('[2,1]'), ('[1,1]');
SELECT fp FROM late ORDER BY fp <-> '[1,2]';
SELECT metric, dim, model, row_count, null_rows, uncoded_rows, advice FROM hamnet_index_stats('late_fp');
REINDEX INDEX late_fp;
SELECT fp FROM late ORDER BY fp <-> '[1,2]';
SELECT metric, dim, model, row_count, null_rows, uncoded_rows, advice FROM hamnet_index_stats('late_fp');
SELECT hamnet_index_check('late_fp');
TRUNCATE late;
SELECT fp FROM late ORDER BY fp <-> '[1,2]';

-- unlogged and temporary tables
CREATE UNLOGGED TABLE fleeting AS SELECT * FROM point;
CREATE INDEX fleeting_fp ON fleeting USING hamnet (fp hfp_cosine_ops);
SELECT id FROM fleeting WHERE id < 100 ORDER BY fp <=> '[9,0,63]' LIMIT 1;
CREATE TEMP TABLE scratch AS SELECT * FROM point;
CREATE INDEX scratch_fp ON scratch USING hamnet (fp hfp_tanimoto_ops) WITH (coordinates = 8);
SELECT id FROM scratch ORDER BY fp <%> '[9,9,9]' LIMIT 1;
SELECT coordinates, metric FROM hamnet_index_stats('scratch_fp');

-- expression and partial indexes, built beside writers
CREATE INDEX CONCURRENTLY point_text ON point USING hamnet ((fp::text::hfp) hfp_ip_ops) WHERE id < 50;
SELECT * FROM pg_temp.plan_of($$SELECT id FROM point WHERE id < 50 ORDER BY fp::text::hfp <#> '[1,1,1]' LIMIT 1$$);
SELECT id FROM point WHERE id < 50 ORDER BY fp::text::hfp <#> '[1,1,1]', id LIMIT 1;
REINDEX INDEX CONCURRENTLY point_text;
SELECT hamnet_index_check('point_text');

-- options
CREATE INDEX ON point USING hamnet (fp) WITH (coordinates = 0);
CREATE INDEX ON point USING hamnet (fp) WITH (coordinates = 129);
CREATE INDEX ON point USING hamnet (fp) WITH (coordinates = 12);
CREATE INDEX ON point USING hamnet (fp) WITH (lists = 12);

-- what it is not for
CREATE INDEX ON point USING hamnet (id);
CREATE UNIQUE INDEX ON point USING hamnet (fp);
CREATE INDEX ON point USING hamnet (fp, fp);
CREATE INDEX ON point USING hamnet (fp) INCLUDE (id);
CREATE INDEX ON point USING hamnet (fp DESC);

-- functions about indexes
SELECT hamnet_index_stats('point');
CREATE TABLE divided (fp hfp) PARTITION BY HASH ((fp::text));
CREATE INDEX divided_fp ON divided USING hamnet (fp);
SELECT hamnet_index_stats('divided_fp');
DROP TABLE divided;
CREATE INDEX point_id ON point (id);
SELECT hamnet_index_check('point_id');
SELECT hamnet_index_check(0);
CREATE ROLE hamnet_index_nobody;
SET ROLE hamnet_index_nobody;
SELECT hamnet_index_check('point_l2');
RESET ROLE;
DROP ROLE hamnet_index_nobody;

DROP TABLE point, late, fleeting, scratch;
