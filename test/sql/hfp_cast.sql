-- arrays that are no fingerprint
SELECT '{}'::real[]::hfp;
SELECT '{NULL}'::real[]::hfp;
SELECT '{1,NULL,3}'::double precision[]::hfp;
SELECT '{{1,2},{3,4}}'::real[]::hfp;
SELECT '{1,NaN}'::real[]::hfp;
SELECT '{Infinity}'::real[]::hfp;
SELECT '{1,-Infinity}'::double precision[]::hfp;
SELECT '{NaN}'::numeric[]::hfp;
SELECT '{3.5e38}'::double precision[]::hfp;
SELECT '{1,-1e308}'::double precision[]::hfp;
SELECT '{1e-50}'::double precision[]::hfp;
SELECT '{1e39}'::numeric[]::hfp;
SELECT '{1e-50}'::numeric[]::hfp;
SELECT array_fill(1::real, ARRAY[16001])::hfp;
SELECT array_fill(1, ARRAY[20000000])::hfp;
SELECT '{1,2}'::real[]::hfp(3);
SELECT '{1,2}'::double precision[]::hfp(3);
SELECT '{1,2}'::numeric[]::hfp(3);
SELECT '{1,2}'::integer[]::hfp(3);
SELECT '{1,2}'::bigint[]::hfp(3);
SELECT '[1,2]'::hfp::hfp(3);
SELECT '{1}'::text[]::hfp;

-- arrays to fingerprints
SELECT '{0.5,-0,1e-45,3.4028235e38}'::real[]::hfp;
SELECT '{0.1,-0,1e-45,3.4028235e38}'::double precision[]::hfp;
SELECT '{0.1,-0.0,1e10}'::numeric[]::hfp;
SELECT '{1,-2,16777217}'::integer[]::hfp;
SELECT '{-32768,32767}'::smallint[]::hfp, '{1,-2,9223372036854775807}'::bigint[]::hfp;
SELECT ARRAY[1,2]::hfp, ARRAY[0.5,2]::hfp, '[5:6]={1,2}'::real[]::hfp;
SELECT array_fill(1::real, ARRAY[16000])::hfp = array_fill(1, ARRAY[16000])::hfp AS same;

-- fingerprints to arrays
SELECT '1a2b3c4d:[0.1,0,3]'::hfp::real[], '1a2b3c4d:[0.1,0,3]'::hfp::double precision[];
SELECT '1a2b3c4d:[0.1,0,3]'::hfp::real[]::hfp;

-- a model is not lost unasked: no function of arrays takes a fingerprint
SELECT array_length('[1]'::hfp, 1);
SELECT pg_typeof('1a2b3c4d:[1]'::hfp(1));

-- assignment
CREATE TABLE hfp_cast (fp hfp(2), r real[], d double precision[]);
INSERT INTO hfp_cast (fp) VALUES (ARRAY[1,2]), ('{3,4}'::real[]), ('{5,6}'::double precision[]), (ARRAY[7,8.5]);
INSERT INTO hfp_cast (fp) VALUES ('{1,2,3}'::real[]);
UPDATE hfp_cast SET r = fp, d = fp;
SELECT * FROM hfp_cast ORDER BY fp;
DROP TABLE hfp_cast;

SELECT castsource::regtype, casttarget::regtype, castcontext FROM pg_cast
	WHERE castsource = 'hfp'::regtype OR casttarget = 'hfp'::regtype ORDER BY 1, 2;
