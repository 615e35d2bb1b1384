-- random fingerprints of all sizes of elements survive a binary copy bit by bit
CREATE TABLE hfp_copy (id integer, fp hfp);
SELECT setseed(0.5);
INSERT INTO hfp_copy
	SELECT id, CASE WHEN id % 3 = 0 THEN fp ELSE (lpad(to_hex(id * 7919), 8, '0') || ':' || fp::text)::hfp END
	FROM (SELECT id, array_agg((sign(random() - 0.5) * (1 + 0.999 * random()) * 2 ^ floor(random() * 277 - 149))::real)::hfp
		FROM generate_series(1, 200) id, generate_series(1, 1 + id % 17) GROUP BY id) v (id, fp);
INSERT INTO hfp_copy VALUES
	(201, NULL), (202, '[0]'), (203, 'ffffffff:[3.4028235e38,-3.4028235e38,1e-45,-1e-45,1.17549435e-38]'),
	(204, array_fill(0.1, ARRAY[16000]));
CREATE TABLE hfp_copy_back (LIKE hfp_copy);
\copy hfp_copy TO 'results/hfp_copy.bin' WITH (FORMAT binary)
\copy hfp_copy_back FROM 'results/hfp_copy.bin' WITH (FORMAT binary)
SELECT count(*) FROM hfp_copy JOIN hfp_copy_back b USING (id)
	WHERE hfp_copy.fp = b.fp AND hfp_send(hfp_copy.fp) = hfp_send(b.fp) OR hfp_copy.fp IS NULL AND b.fp IS NULL;

-- and a text copy
TRUNCATE hfp_copy_back;
\copy hfp_copy TO 'results/hfp_copy.txt'
\copy hfp_copy_back FROM 'results/hfp_copy.txt'
SELECT count(*) FROM hfp_copy JOIN hfp_copy_back b USING (id)
	WHERE hfp_copy.fp = b.fp AND hfp_send(hfp_copy.fp) = hfp_send(b.fp) OR hfp_copy.fp IS NULL AND b.fp IS NULL;
DROP TABLE hfp_copy, hfp_copy_back;

-- binary input that is no fingerprint: one field of one row with the given bytes
CREATE TABLE hfp_damaged (fp hfp);
CREATE FUNCTION damaged_copy(field bytea) RETURNS oid LANGUAGE sql AS $$
	-- signature, flags, length of the extension; one field, its length, its bytes; end
	SELECT lo_from_bytea(0, '\x5047434f50590aff0d0a000000000000000000'::bytea || '\x0001'::bytea ||
		int4send(length(field)) || field || '\xffff'::bytea);
$$;
\set VERBOSITY terse
-- empty
SELECT damaged_copy('') AS file \gset
\lo_export :file 'results/hfp_damaged.bin'
\copy hfp_damaged FROM 'results/hfp_damaged.bin' WITH (FORMAT binary)
\lo_unlink :file
-- header cut
SELECT damaged_copy('\x0001000000') AS file \gset
\lo_export :file 'results/hfp_damaged.bin'
\copy hfp_damaged FROM 'results/hfp_damaged.bin' WITH (FORMAT binary)
\lo_unlink :file
-- no dimensions
SELECT damaged_copy('\x0000000000000000') AS file \gset
\lo_export :file 'results/hfp_damaged.bin'
\copy hfp_damaged FROM 'results/hfp_damaged.bin' WITH (FORMAT binary)
\lo_unlink :file
-- too many dimensions
SELECT damaged_copy('\xffff000000000000') AS file \gset
\lo_export :file 'results/hfp_damaged.bin'
\copy hfp_damaged FROM 'results/hfp_damaged.bin' WITH (FORMAT binary)
\lo_unlink :file
-- a version to come
SELECT damaged_copy('\x00010001000000003f800000') AS file \gset
\lo_export :file 'results/hfp_damaged.bin'
\copy hfp_damaged FROM 'results/hfp_damaged.bin' WITH (FORMAT binary)
\lo_unlink :file
-- elements missing
SELECT damaged_copy('\x00020000000000003f800000') AS file \gset
\lo_export :file 'results/hfp_damaged.bin'
\copy hfp_damaged FROM 'results/hfp_damaged.bin' WITH (FORMAT binary)
\lo_unlink :file
-- elements left over
SELECT damaged_copy('\x00010000000000003f80000000') AS file \gset
\lo_export :file 'results/hfp_damaged.bin'
\copy hfp_damaged FROM 'results/hfp_damaged.bin' WITH (FORMAT binary)
\lo_unlink :file
-- NaN
SELECT damaged_copy('\x00010000000000007fc00000') AS file \gset
\lo_export :file 'results/hfp_damaged.bin'
\copy hfp_damaged FROM 'results/hfp_damaged.bin' WITH (FORMAT binary)
\lo_unlink :file
-- infinity
SELECT damaged_copy('\x0001000000000000ff800000') AS file \gset
\lo_export :file 'results/hfp_damaged.bin'
\copy hfp_damaged FROM 'results/hfp_damaged.bin' WITH (FORMAT binary)
\lo_unlink :file
-- sound, with -0
SELECT damaged_copy('\x000200001a2b3c4d3f80000080000000') AS file \gset
\lo_export :file 'results/hfp_damaged.bin'
\copy hfp_damaged FROM 'results/hfp_damaged.bin' WITH (FORMAT binary)
\lo_unlink :file
SELECT fp, hfp_send(fp) FROM hfp_damaged;
-- sound, but not for the column's type modifier
ALTER TABLE hfp_damaged ALTER fp TYPE hfp(2);
SELECT damaged_copy('\x00010000000000003f800000') AS file \gset
\lo_export :file 'results/hfp_damaged.bin'
\copy hfp_damaged FROM 'results/hfp_damaged.bin' WITH (FORMAT binary)
\lo_unlink :file
\set VERBOSITY default
DROP FUNCTION damaged_copy;
DROP TABLE hfp_damaged;
