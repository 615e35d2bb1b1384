-- no rows
SELECT sum(fp), avg(fp) FROM (SELECT '[1]'::hfp WHERE false) v (fp);
SELECT sum(fp), avg(fp) FROM (VALUES (NULL::hfp)) v (fp);

-- rows that do not fit together
SELECT sum(fp) FROM (VALUES ('[1,2]'::hfp), ('[1]')) v (fp);
SELECT avg(fp) FROM (VALUES ('[1]'::hfp), ('[1,2]')) v (fp);
SELECT sum(fp) FROM (VALUES ('1a2b3c4d:[1]'::hfp), ('1a2b3c4e:[1]')) v (fp);
SELECT avg(fp) FROM (VALUES ('1a2b3c4d:[1]'::hfp), ('[1]'), ('1a2b3c4e:[1]')) v (fp);
SELECT avg(fp) FROM (VALUES ('[1]'::hfp), ('1a2b3c4d:[1]'), ('1a2b3c4e:[1]')) v (fp);
SELECT sum(fp) FROM (VALUES ('[1,-3e38]'::hfp), ('[1,-3e38]')) v (fp);

-- values
SELECT sum(fp), avg(fp) FROM (VALUES ('[1,2,3]'::hfp), ('[3,5,-7]'), (NULL)) v (fp);
SELECT avg(fp) FROM (VALUES ('[3e38]'::hfp), ('[3e38]')) v (fp);
SELECT sum(fp) FROM (VALUES ('[-1e-45]'::hfp), ('[1e-45]')) v (fp);

-- single precision would lose every one of these ones
SELECT sum(fp) FROM (SELECT '[16777216]'::hfp UNION ALL SELECT '[1]' FROM generate_series(1, 100)) v (fp);

-- the model is kept if all rows have it
SELECT sum(fp), avg(fp) FROM (VALUES ('1a2b3c4d:[1]'::hfp), ('1a2b3c4d:[3]')) v (fp);
SELECT sum(fp), avg(fp) FROM (VALUES ('1a2b3c4d:[1]'::hfp), ('[3]')) v (fp);
SELECT sum(fp), avg(fp) FROM (VALUES ('[1]'::hfp), ('1a2b3c4d:[3]')) v (fp);
SELECT sum(fp), avg(fp) FROM (VALUES ('ffffffff:[1]'::hfp)) v (fp);

-- groups, windows, and both aggregates over one state
SELECT i % 3 AS class, sum(ARRAY[i, 1]::hfp), avg(ARRAY[i, 1]::hfp) FROM generate_series(1, 9) i GROUP BY 1 ORDER BY 1;
SELECT i, sum(ARRAY[i]::hfp) OVER (ORDER BY i), avg(ARRAY[i]::hfp) OVER (ORDER BY i ROWS 1 PRECEDING)
	FROM generate_series(1, 4) i;

-- states combine; an empty one changes nothing
SELECT hfp_combine('{0,0,0}', '{0,0,0}'), hfp_combine('{2,1,7,3,4}', '{0,0,0}'), hfp_combine('{0,0,0}', '{2,1,7,3,4}'),
	hfp_combine('{2,1,7,3,4}', '{1,1,0,5,6}');
SELECT hfp_combine('{1,0,1,3}', '{1,0,2,3}');
SELECT hfp_combine('{1,0,1,3}', '{1,0,1,3,4}');
SELECT hfp_accum(state, '[1,1]'), state FROM (VALUES ('{1,1,0,3,4}'::double precision[])) v (state);

-- arrays that are no state
SELECT hfp_accum('{}', '[1]');
SELECT hfp_accum('{0,0}', '[1]');
SELECT hfp_accum('{1,0,0}', '[1]');
SELECT hfp_accum('{0,0,0,1}', '[1]');
SELECT hfp_accum('{NaN,0,0,1}', '[1]');
SELECT hfp_accum('{1,0,-1,1}', '[1]');
SELECT hfp_accum('{1,0,4294967296,1}', '[1]');
SELECT hfp_accum('{1,NULL,0,1}', '[1]');
SELECT hfp_accum('{{1,0,0,1}}', '[1]');
SELECT hfp_combine('{0,0,0}', '{1,0,NaN,1}');
SELECT hfp_sum_final(array_fill(1::double precision, ARRAY[16004]));
SELECT hfp_sum_final('{1,1,0,NaN}');
SELECT hfp_avg_final('{1,1,0,Infinity}');
