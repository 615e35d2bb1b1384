-- not comparable
SELECT '[1,2]'::hfp <-> '[1,2,3]';
SELECT '[1,2]'::hfp <=> '[1,2,3]';
SELECT '[1,2]'::hfp <#> '[1,2,3]';
SELECT '[1,2]'::hfp <%> '[1,2,3]';
SELECT hamnet_inner_product('[1]', '[1,2]');
SELECT '1a2b3c4d:[1,2]'::hfp <-> '1a2b3c4e:[1,2]';
SELECT '1a2b3c4d:[1,2]'::hfp <=> '1a2b3c4e:[1,2]';
SELECT '1a2b3c4d:[1,2]'::hfp <#> '1a2b3c4e:[1,2]';
SELECT '1a2b3c4d:[1,2]'::hfp <%> '1a2b3c4e:[1,2]';
SELECT hamnet_inner_product('1a2b3c4d:[1]', 'ffffffff:[1]');

-- an unknown model may be compared with any
SELECT '1a2b3c4d:[1,2]'::hfp <-> '[1,2]', '[1,2]'::hfp <-> '1a2b3c4d:[1,2]',
	'1a2b3c4d:[1,2]'::hfp <-> '1a2b3c4d:[1,2]';

-- values known by hand
SELECT '[0,0]'::hfp <-> '[3,4]' AS l2, '[1,2]'::hfp <#> '[3,4]' AS negative_inner_product,
	hamnet_inner_product('[1,2]', '[3,4]');
SELECT '[1,0]'::hfp <=> '[0,2]' AS orthogonal, '[1,1]'::hfp <=> '[2,2]' AS same,
	'[1,1]'::hfp <=> '[-3,-3]' AS opposite, '[1,0]'::hfp <=> '[3,4]' AS slanted;
SELECT '[1,1,0]'::hfp <%> '[0,1,1]' AS one_of_three, '[1,0]'::hfp <%> '[0,1]' AS nothing_shared,
	'[1,2]'::hfp <%> '[1,2]' AS same, '[1]'::hfp <%> '[-1]' AS opposite;

-- operators are the functions
SELECT (a <-> b) = hamnet_l2_distance(a, b) AND (a <=> b) = hamnet_cosine_distance(a, b) AND
	(a <#> b) = hamnet_negative_inner_product(a, b) AND (a <#> b) = -hamnet_inner_product(a, b) AND
	(a <%> b) = hamnet_tanimoto_distance(a, b) AS same
	FROM (VALUES ('[1,2,3]'::hfp, '[4,5,-6]'::hfp)) v (a, b);

-- zero vectors
SELECT '[0,0]'::hfp <-> '[0,0]' AS l2, '[0,0]'::hfp <=> '[0,0]' AS cosine,
	'[0,0]'::hfp <#> '[0,0]' AS negative_inner_product, '[0,0]'::hfp <%> '[0,0]' AS tanimoto;
SELECT '[0,0]'::hfp <-> '[1,0]' AS l2, '[0,0]'::hfp <=> '[1,0]' AS cosine,
	'[0,0]'::hfp <#> '[1,0]' AS negative_inner_product, '[0,0]'::hfp <%> '[1,0]' AS tanimoto;
SELECT '[1,0]'::hfp <=> '[0,0]' AS cosine, '[1,0]'::hfp <%> '[0,0]' AS tanimoto;

-- sums that single precision cannot hold
SELECT '[3e38]'::hfp <-> '[-3e38]' AS l2, '[3e38,3e38]'::hfp <#> '[3e38,-3e38]' AS negative_inner_product;
SELECT '[3e38,1]'::hfp <=> '[3e38,2]' AS cosine, '[3e38,1]'::hfp <%> '[3e38,2]' AS tanimoto;
SELECT '[1e-45]'::hfp <-> '[0]' > 0 AS l2, '[1e-45]'::hfp <#> '[1e-45]' < 0 AS negative_inner_product,
	'[1e-45]'::hfp <=> '[2.8e-45]' AS cosine, '[1e-45]'::hfp <%> '[2.8e-45]' AS tanimoto;
SELECT '[1e-45,0]'::hfp <=> '[0,3e38]' AS cosine, '[1e-45,0]'::hfp <%> '[0,3e38]' AS tanimoto;

-- properties
SELECT hamnet_dims('[1,2,3]'), hamnet_norm('[3,4]'), hamnet_norm('[0]'), hamnet_norm('[-3e38]');
SELECT hamnet_model_of('1a2b3c4d:[1]'), hamnet_model_of('0000000a:[1]'), hamnet_model_of('[1]') IS NULL AS unknown;

-- strict
SELECT NULL::hfp <-> '[1]' IS NULL AND hamnet_dims(NULL) IS NULL AND hamnet_model_of(NULL) IS NULL AS strict;

-- nearest neighbours, from a table in which values are stored out of line too
CREATE TABLE hfp_op (id integer, fp hfp);
ALTER TABLE hfp_op ALTER fp SET STORAGE external;
INSERT INTO hfp_op SELECT i, array_fill(i, ARRAY[d])::hfp FROM generate_series(1, 5) i, (VALUES (3000)) v (d);
SELECT id, fp <-> array_fill(2.25, ARRAY[3000])::hfp < 100 AS near FROM hfp_op
	ORDER BY fp <-> array_fill(2.25, ARRAY[3000])::hfp;
DROP TABLE hfp_op;
