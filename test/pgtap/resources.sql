-- A backend that computes fingerprints keeps one thread and does not grow with their number.
BEGIN;
SELECT plan(4);

-- A number of /proc/self/status, or NULL where there is no such file.
CREATE FUNCTION process_status(field text) RETURNS bigint LANGUAGE sql VOLATILE AS $$
	SELECT CASE WHEN (pg_stat_file('/proc/self/status', true)).size IS NOT NULL
		THEN substring(pg_read_file('/proc/self/status') FROM field || ':\s+(\d+)')::bigint END
$$;

CREATE FUNCTION compute(count int) RETURNS bigint LANGUAGE sql VOLATILE AS $$
	SELECT count(hamnet_fingerprint(repeat('C', 1 + i % 2))) + count(hamnet_try_fingerprint('C1' || repeat('C', i % 4)))
	FROM generate_series(1, count) i
$$;

-- Several rounds first, after which every cache has its size.
SELECT is(compute(1000), 1000::bigint, 'valid molecules have a fingerprint, invalid ones none');
CREATE TEMPORARY TABLE before AS SELECT process_status('VmRSS') AS rss;
SELECT is(compute(9000), 9000::bigint, 'a batch of many molecules stays within its memory');
SELECT CASE WHEN rss IS NULL THEN skip('no /proc/self/status here')
	ELSE cmp_ok(process_status('VmRSS'), '<', rss + 2048, 'memory does not grow with their number') END FROM before;
SELECT CASE WHEN rss IS NULL THEN skip('no /proc/self/status here')
	ELSE is(process_status('Threads'), 1::bigint, 'the backend has one thread') END FROM before;

SELECT * FROM finish();
ROLLBACK;
