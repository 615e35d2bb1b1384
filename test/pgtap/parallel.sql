-- Fingerprints and predictions in parallel workers: the plan, and the same results.
BEGIN;
SELECT plan(6);

CREATE TABLE compound (id int, smiles text);
INSERT INTO compound SELECT i, repeat('C', 1 + i % 9) || 'O' FROM generate_series(1, 500) i;
ANALYZE compound;

/* A small table is not worth workers to the planner unless it is told so. */
ALTER TABLE compound SET (parallel_workers = 2);

CREATE FUNCTION plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE 'EXPLAIN (COSTS off, VERBOSE) ' || query;
END $$;

CREATE VIEW fingerprints AS SELECT id, hamnet_fingerprint(smiles) AS fp FROM compound;
CREATE VIEW near AS SELECT id FROM compound
	WHERE hamnet_fingerprint(smiles) <-> hamnet_fingerprint('CCCO') < 0.001;

SELECT ok(EXISTS (SELECT FROM plan_of('SELECT * FROM fingerprints') p WHERE p ~ 'Workers Planned: 2'),
	'a sequential scan that computes fingerprints is parallel without other settings');
SELECT ok((SELECT max(n) FILTER (WHERE p ~ 'Parallel Seq Scan') < max(n) FILTER (WHERE p ~ 'Output:.*hamnet_fingerprint')
		FROM (SELECT row_number() OVER () AS n, p FROM plan_of('SELECT * FROM fingerprints') p) l),
	'fingerprints are computed below the Gather, by the workers');
SELECT ok(EXISTS (SELECT FROM plan_of('SELECT * FROM near') p WHERE p ~ 'Workers Planned: 2'),
	'a filter by distance is parallel without other settings');

CREATE TEMPORARY TABLE by_workers AS SELECT * FROM fingerprints;
CREATE TEMPORARY TABLE near_by_workers AS SELECT * FROM near;
SET LOCAL max_parallel_workers_per_gather = 0;
SELECT ok(NOT EXISTS (SELECT FROM plan_of('SELECT * FROM fingerprints') p WHERE p ~ 'Workers'), 'no worker is planned when none is allowed');
SELECT set_eq('SELECT id, hfp_send(fp) FROM by_workers', 'SELECT id, hfp_send(fp) FROM fingerprints', 'workers compute fingerprints bit for bit as the leader does');
SELECT set_eq('SELECT id FROM near_by_workers', 'SELECT id FROM near', 'workers find the molecules that the leader finds');

SELECT * FROM finish();
ROLLBACK;
