-- plans with GiST indexes, and what their options accept
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

CREATE TABLE compound (id integer, tenant integer, fp hfp);
INSERT INTO compound SELECT n, n % 3, ARRAY[sin(n), cos(n), n % 10]::hfp FROM generate_series(1, 300) n;
INSERT INTO compound VALUES (0, 0, NULL);
SELECT opcname, amvalidate(oid), opcdefault, opckeytype::regtype FROM pg_opclass WHERE opcname ~ '^gist_hfp' ORDER BY 1;

SET enable_seqscan = off;
SET enable_bitmapscan = off;

-- each operator class serves its own distance
CREATE INDEX l2 ON compound USING gist (fp);
SELECT * FROM pg_temp.plan_of($$SELECT id FROM compound ORDER BY fp <-> '[0,1,5]' LIMIT 3$$);
SELECT * FROM pg_temp.plan_of($$SELECT id FROM compound ORDER BY fp <=> '[0,1,5]' LIMIT 3$$);
SELECT * FROM pg_temp.plan_of($$SELECT id FROM compound WHERE hamnet_within(fp, '[0,1,5]', 0.5)$$);
SELECT * FROM pg_temp.plan_of($$SELECT id FROM compound WHERE hamnet_within('[0,1,5]', fp, 0.5)$$);
SELECT * FROM pg_temp.plan_of($$SELECT id FROM compound WHERE hamnet_within_cosine(fp, '[0,1,5]', 0.5)$$);
DROP INDEX l2;
CREATE INDEX cosine ON compound USING gist (fp gist_hfp_cosine_ops);
SELECT * FROM pg_temp.plan_of($$SELECT id FROM compound ORDER BY fp <=> '[0,1,5]' LIMIT 3$$);
SELECT * FROM pg_temp.plan_of($$SELECT id FROM compound WHERE hamnet_within_cosine(fp, '[0,1,5]', 0.5)$$);
DROP INDEX cosine;
CREATE INDEX tanimoto ON compound USING gist (fp gist_hfp_tanimoto_ops);
SELECT * FROM pg_temp.plan_of($$SELECT id FROM compound ORDER BY fp <%> '[0,1,5]' LIMIT 3$$);
SELECT * FROM pg_temp.plan_of($$SELECT id FROM compound WHERE hamnet_within_tanimoto(fp, '[0,1,5]', 0.5)$$);
DROP INDEX tanimoto;

-- both at once, and what is no condition of an index
CREATE INDEX l2 ON compound USING gist (fp);
SELECT * FROM pg_temp.plan_of($$SELECT id FROM compound WHERE hamnet_within(fp, '[0,1,5]', 0.5) ORDER BY fp <-> '[0,1,6]' LIMIT 3$$);
SELECT * FROM pg_temp.plan_of($$SELECT id FROM compound WHERE NOT hamnet_within(fp, '[0,1,5]', 0.5)$$);
SELECT * FROM pg_temp.plan_of($$SELECT id FROM compound WHERE hamnet_within(fp, '[0,1,5]', id)$$);
SELECT * FROM pg_temp.plan_of($$SELECT a.id, b.id FROM compound a JOIN compound b ON hamnet_within(b.fp, a.fp, 0.1) WHERE a.id < 3$$);
PREPARE search(hfp, double precision) AS SELECT id FROM compound WHERE hamnet_within(fp, $1, $2) ORDER BY id;
SET plan_cache_mode = force_generic_plan;
SELECT * FROM pg_temp.plan_of($$EXECUTE search('[0,1,5]', 0.5)$$);
EXECUTE search('[0,1,5]', 0.5);
EXECUTE search('[0,1,5]', NULL);
EXECUTE search('[0,1,5]', 'NaN');
RESET plan_cache_mode;
-- rows without a fingerprint come last
SELECT count(*), count(*) FILTER (WHERE fp IS NULL) FROM (SELECT fp FROM compound ORDER BY fp <-> '[0,1,5]') x;
SELECT id FROM (SELECT id FROM compound ORDER BY fp <-> '[0,1,5]' LIMIT 1000) x OFFSET 300;
SELECT id FROM compound WHERE hamnet_within(fp, '[0,1,5]', 'Infinity') OFFSET 300;
DROP INDEX l2;

-- options
CREATE INDEX ON compound USING gist (fp gist_hfp_l2_ops (coordinates = 8));
CREATE INDEX ON compound USING gist (fp gist_hfp_l2_ops (coordinates = 65));
CREATE INDEX ON compound USING gist (fp gist_hfp_l2_ops (axes = nonsense));
CREATE INDEX ON compound USING gist (fp gist_hfp_l2_ops (axes = '00000000000000000000000000000000'));
SELECT hamnet_fit_axes('SELECT id FROM compound');
SELECT hamnet_fit_axes('SELECT fp FROM compound WHERE false');
SELECT hamnet_fit_axes('DELETE FROM compound');
SELECT hamnet_fit_axes('SELECT fp FROM compound') ~ '^[0-9a-f]{32}$' AS fitted;

-- the index holds no fingerprints
SELECT amname, pg_index_column_has_property('compound_fp_idx', 1, 'returnable') AS returnable,
	pg_index_column_has_property('compound_fp_idx', 1, 'distance_orderable') AS distance_orderable
FROM pg_class c JOIN pg_am a ON a.oid = c.relam WHERE relname = 'compound_fp_idx';

-- balls
SELECT hfp_ball('[0,1]', 0.5), '<[0,1],0.5>'::hfp_ball, hfp_ball('1a2b3c4d:[0,1]', 'Infinity');
SELECT '[0,1]'::hfp <@-> '<[0,0],1>', '[0,1]'::hfp <@-> '<[0,0],0.9>', '[0,1]'::hfp <@=> '<[1,0],1>', '[0,1]'::hfp <@%> '<[1,0],0.9>';
SELECT ''::hfp_ball;
SELECT '[0,1]'::hfp_ball;
SELECT '<>'::hfp_ball;
SELECT '<[0,1],x>'::hfp_ball;
SELECT '<[0,1],NaN>'::hfp_ball;
SELECT hfp_ball('[0,1]', 'NaN');
SELECT 'x'::ghfp;
DROP TABLE compound;
