-- Rows at the same distance come in no promised order; pages as doc/index-hamnet.md shows them have each row once all the same.
BEGIN;
SELECT plan(12);
SET LOCAL client_min_messages = warning;

-- 90 rows at 30 distances: each fingerprint three times, far from each other in the table
CREATE TABLE tied AS SELECT n AS id, ARRAY[n % 30, 1, 0, (n % 30) / 7.0]::real[]::hfp AS fp FROM generate_series(1, 90) AS n ORDER BY n % 7, n;
CREATE TABLE expected AS SELECT id, row_number() OVER (ORDER BY fp <-> '[3,1,0,0]', id) AS position FROM tied;

CREATE FUNCTION page(p int, rows int) RETURNS int[] LANGUAGE sql AS $$
	SELECT array_agg(id ORDER BY distance, id) FROM (
		SELECT id, distance FROM (
			SELECT id, fp <-> '[3,1,0,0]' AS distance FROM tied ORDER BY fp <-> '[3,1,0,0]' FETCH FIRST (p * rows) ROWS WITH TIES) AS nearest
		ORDER BY distance, id OFFSET (p - 1) * rows LIMIT rows) AS page $$;
CREATE FUNCTION check_pages(kind text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT is(ARRAY(SELECT id FROM generate_series(1, (90 + rows - 1) / rows) AS p, unnest(page(p, rows)) WITH ORDINALITY AS i (id, n) ORDER BY p, n),
		ARRAY(SELECT id FROM expected ORDER BY position), format('pages of %s rows have each row once, in order: %s', rows, kind))
	FROM unnest(ARRAY[1, 7, 45]) AS rows $$;

SELECT check_pages('no index');
CREATE INDEX tied_gist ON tied USING gist (fp);
SET LOCAL enable_seqscan = off;
SELECT check_pages('GiST');
DROP INDEX tied_gist;
CREATE INDEX tied_hamnet ON tied USING hamnet (fp);
SELECT check_pages('hamnet');

-- a cursor is another way: its pages are of one search
DECLARE pages CURSOR FOR SELECT id FROM tied ORDER BY fp <-> '[3,1,0,0]';
CREATE TABLE fetched (id int);
CREATE FUNCTION fetch_page() RETURNS int LANGUAGE plpgsql AS $f$
DECLARE
	c refcursor := 'pages';
	next int;
	n int := 0;
BEGIN
	LOOP
		FETCH c INTO next;
		EXIT WHEN NOT FOUND;
		INSERT INTO fetched VALUES (next);
		n := n + 1;
		EXIT WHEN n = 40;
	END LOOP;
	RETURN n;
END$f$;
SELECT is(fetch_page(), 40, 'a page of a cursor');
SELECT is(fetch_page() + fetch_page(), 50, 'the next pages');
SELECT is((SELECT count(DISTINCT id) FROM fetched), 90::bigint, 'pages of a cursor have each row once');

SELECT finish();
ROLLBACK;
