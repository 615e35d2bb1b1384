-- malformed text: nothing there
SELECT ''::hfp;
SELECT E' \t\n'::hfp;
SELECT '[]'::hfp;
SELECT ' [ ] '::hfp;
SELECT '1a2b3c4d:[]'::hfp;

-- malformed text: brackets
SELECT '1,2,3'::hfp;
SELECT '{1,2,3}'::hfp;
SELECT '(1,2,3)'::hfp;
SELECT '['::hfp;
SELECT '[ '::hfp;
SELECT '[1'::hfp;
SELECT '[1,'::hfp;
SELECT '[1,2'::hfp;
SELECT '1]'::hfp;
SELECT '[[1]]'::hfp;
SELECT '[1][2]'::hfp;
SELECT '[1]]'::hfp;
SELECT '[1]x'::hfp;
SELECT '[1],'::hfp;
SELECT '[],[1]'::hfp;

-- malformed text: elements
SELECT '[,]'::hfp;
SELECT '[1,]'::hfp;
SELECT '[,1]'::hfp;
SELECT '[1,,3]'::hfp;
SELECT '[1, ,3]'::hfp;
SELECT '[a]'::hfp;
SELECT '[1,2x,3]'::hfp;
SELECT '[1 2]'::hfp;
SELECT '[1;2]'::hfp;
SELECT '[1.2.3]'::hfp;
SELECT '[--1]'::hfp;
SELECT '[1,NULL]'::hfp;
SELECT '[1,äöü]'::hfp;
SELECT '[1ä]'::hfp;

-- malformed text: values
SELECT '[NaN]'::hfp;
SELECT '[1,nan(7)]'::hfp;
SELECT '[1,2,Infinity]'::hfp;
SELECT '[-inf]'::hfp;
SELECT '[3.5e38]'::hfp;
SELECT '[1,-1e400]'::hfp;
SELECT '[1e-50]'::hfp;

-- malformed text: model
SELECT ':[1]'::hfp;
SELECT '1a2b3c4:[1]'::hfp;
SELECT '1a2b3c4d5:[1]'::hfp;
SELECT '1A2B3C4D:[1]'::hfp;
SELECT '1a2b3c4g:[1]'::hfp;
SELECT '1a2b3c4d[1]'::hfp;
SELECT '1a2b3c4d: [1]'::hfp;
SELECT '1a2b3c4d:'::hfp;
SELECT '00000000:[1]'::hfp;

-- malformed text: length; a long text is cut in the message
SELECT ('[' || repeat('1,', 16000) || '1]')::hfp;
SELECT ('[' || repeat(',', 100000000))::hfp;
SELECT ('[' || repeat('1234567890,', 10) || 'x]')::hfp;
SELECT ('[' || repeat('é', 50) || ']')::hfp;
SELECT ('[1]' || repeat('9', 100))::hfp;
SELECT ('[' || repeat('9', 100) || ']')::hfp;

-- type modifier
SELECT '[1,2]'::hfp(3);
SELECT '[1]'::hfp(0);
SELECT '[1]'::hfp(-1);
SELECT '[1]'::hfp(16001);
SELECT '[1]'::hfp(1, 2);
SELECT '[1]'::hfp('a');
CREATE TABLE hfp_typmod (fp hfp(3), free hfp);
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
	WHERE attrelid = 'hfp_typmod'::regclass AND attnum > 0 ORDER BY attnum;
INSERT INTO hfp_typmod (fp) VALUES ('[1,2]');
INSERT INTO hfp_typmod (fp) VALUES ('[1,2]'::hfp);
INSERT INTO hfp_typmod (fp) VALUES ('[1,2,3]');
INSERT INTO hfp_typmod (fp) VALUES (ARRAY[1,2,3,4]);
INSERT INTO hfp_typmod (free) VALUES ('[1]'), ('[1,2]');
COPY hfp_typmod (fp) FROM STDIN;
[1,2]
\.
SELECT * FROM hfp_typmod;
DROP TABLE hfp_typmod;

-- good text
SELECT '[1]'::hfp;
SELECT '[0.5,0,1.25]'::hfp;
SELECT '1a2b3c4d:[0.5,0,1.25]'::hfp;
SELECT 'ffffffff:[1]'::hfp, '00000001:[1]'::hfp;
SELECT '[1,2,3]'::hfp(3);
SELECT E' \t\n\x0b\f\r[ \t1 , 2\n,\x0b3\f ]\r '::hfp;
SELECT E'\n1a2b3c4d:[ 1 ] '::hfp;
SELECT '[-0,0,+0,-0.0,-0e10]'::hfp;
SELECT '[1.,.5,+2,1e3,1E-3,-7]'::hfp;

-- shortest digits that read back the same
SELECT '[0.1,0.30000004,16777217,3.4028235e38,-3.4028235e38,1.17549435e-38,1e-45,1.4e-45,123456.789]'::hfp;

-- limits
SELECT hamnet_dims(('[' || repeat('1,', 15999) || '1]')::hfp);
SELECT count(*) FROM unnest((('[' || repeat('-1.17549435e-38,', 15999) || '1]')::hfp::text::hfp)::real[]) x
	WHERE x = '-1.17549435e-38'::real;

-- text goes through input and output
SELECT ' [1, 2]'::text::hfp, '[1,2]'::hfp::text, '[1,2]'::hfp::varchar;
SELECT ARRAY['[1,2]', 'deadbeef:[3]']::hfp[];
SELECT (ROW('[1,2]'::hfp))::text;

-- binary output: dimensions, version, model, elements
SELECT hfp_send('1a2b3c4d:[1,-2.5]');
SELECT hfp_send('[0,-0]');
