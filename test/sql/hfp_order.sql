-- a value equals what its text says: the model counts, known or not
SELECT '[1,2]'::hfp = '[1,2]' AS same, '[1,2]'::hfp = '[1,3]' AS element, '[1,2]'::hfp = '[1,2,0]' AS dimensions,
	'1a2b3c4d:[1,2]'::hfp = '1a2b3c4d:[1,2]' AS same_model, '1a2b3c4d:[1,2]'::hfp = '[1,2]' AS unknown_model,
	'1a2b3c4d:[1,2]'::hfp = '1a2b3c4e:[1,2]' AS other_model, '[0]'::hfp = '[-0]' AS zero;

-- by dimensions, then elements, then model
CREATE TABLE hfp_order (id serial, fp hfp);
INSERT INTO hfp_order (fp) VALUES
	('[2]'), ('[-1,5]'), ('ffffffff:[1]'), ('[1]'), ('1a2b3c4d:[1]'), ('[1,1,1]'), ('[-1,4]'), ('[-3e38]'), ('[0]'),
	('[1e-45]'), ('[1]'), (NULL), ('1a2b3c4d:[1]'), ('[3e38,0]'), ('[-0]');
SELECT id, fp FROM hfp_order ORDER BY fp, id;
SELECT id, fp FROM hfp_order ORDER BY fp DESC, id;

-- the six operators agree with the comparison function
SELECT count(*) FROM hfp_order a, hfp_order b
	WHERE (a.fp < b.fp) <> (hfp_cmp(a.fp, b.fp) < 0) OR (a.fp <= b.fp) <> (hfp_cmp(a.fp, b.fp) <= 0)
	OR (a.fp = b.fp) <> (hfp_cmp(a.fp, b.fp) = 0) OR (a.fp <> b.fp) <> (hfp_cmp(a.fp, b.fp) <> 0)
	OR (a.fp >= b.fp) <> (hfp_cmp(a.fp, b.fp) >= 0) OR (a.fp > b.fp) <> (hfp_cmp(a.fp, b.fp) > 0);

-- equal values have equal text, bytes and hashes; others have other bytes
SELECT count(*) FROM hfp_order a, hfp_order b
	WHERE (a.fp = b.fp) <> (a.fp::text = b.fp::text) OR (a.fp = b.fp) <> (hfp_send(a.fp) = hfp_send(b.fp))
	OR (a.fp = b.fp AND (hfp_hash(a.fp) <> hfp_hash(b.fp) OR hfp_hash_extended(a.fp, 7) <> hfp_hash_extended(b.fp, 7)));

-- the seed counts; without one the low half is the plain hash
SELECT hfp_hash_extended('[1]', 0) <> hfp_hash_extended('[1]', 1) AS seeded,
	bool_and((hfp_hash(fp)::bigint & 4294967295) = (hfp_hash_extended(fp, 0) & 4294967295)) AS low_half
	FROM hfp_order WHERE fp IS NOT NULL;

-- sorting and hashing find the same groups
SET enable_hashagg = off;
CREATE TEMP TABLE sorted AS SELECT fp, count(*) FROM hfp_order GROUP BY fp;
RESET enable_hashagg;
SET enable_sort = off;
CREATE TEMP TABLE hashed AS SELECT fp, count(*) FROM hfp_order GROUP BY fp;
RESET enable_sort;
SELECT count(*) FROM sorted;
SELECT * FROM sorted EXCEPT SELECT * FROM hashed;
SELECT * FROM hashed EXCEPT SELECT * FROM sorted;
SELECT count(DISTINCT fp) FROM hfp_order;

-- the three joins find the same pairs
SET enable_mergejoin = off;
SET enable_nestloop = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM hfp_order a JOIN hfp_order b USING (fp);
SELECT count(*) FROM hfp_order a JOIN hfp_order b USING (fp);
SET enable_hashjoin = off;
SET enable_mergejoin = on;
EXPLAIN (COSTS OFF) SELECT count(*) FROM hfp_order a JOIN hfp_order b USING (fp);
SELECT count(*) FROM hfp_order a JOIN hfp_order b USING (fp);
SET enable_mergejoin = off;
SET enable_nestloop = on;
SELECT count(*) FROM hfp_order a JOIN hfp_order b USING (fp);
RESET enable_hashjoin;
RESET enable_mergejoin;
RESET enable_nestloop;

-- indexes
SET enable_seqscan = off;
CREATE INDEX hfp_btree ON hfp_order (fp);
EXPLAIN (COSTS OFF) SELECT id FROM hfp_order WHERE fp >= '[0]' AND fp < '[2]' ORDER BY fp;
SELECT id, fp FROM hfp_order WHERE fp >= '[0]' AND fp < '[2]' ORDER BY fp, id;
SELECT fp FROM hfp_order ORDER BY fp LIMIT 1;
DROP INDEX hfp_btree;
CREATE INDEX hfp_hash ON hfp_order USING hash (fp);
EXPLAIN (COSTS OFF) SELECT id FROM hfp_order WHERE fp = '1a2b3c4d:[1]';
SELECT id FROM hfp_order WHERE fp = '1a2b3c4d:[1]' ORDER BY id;
DROP INDEX hfp_hash;
RESET enable_seqscan;
DELETE FROM hfp_order WHERE id IN (SELECT max(id) FROM hfp_order GROUP BY fp HAVING count(*) > 1);
CREATE UNIQUE INDEX hfp_unique ON hfp_order (fp);
INSERT INTO hfp_order (fp) VALUES ('[-0]');
INSERT INTO hfp_order (fp) VALUES ('abcdef01:[0]');
DROP TABLE hfp_order;

-- hash partitions
CREATE TABLE hfp_part (fp hfp) PARTITION BY HASH (fp);
CREATE TABLE hfp_part_0 PARTITION OF hfp_part FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE hfp_part_1 PARTITION OF hfp_part FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO hfp_part SELECT ARRAY[i, 0]::hfp FROM generate_series(1, 100) i;
SELECT count(*) FROM hfp_part a JOIN hfp_part b USING (fp);
DROP TABLE hfp_part;
