-- Similarity on the scale that random pairs define.
BEGIN;
SELECT plan(14);

CREATE TABLE molecule AS
SELECT head || chain || tail AS smiles
FROM unnest('{C,OC,NC,FC,ClC,N#CC,OC(=O)C,c1ccccc1C,c1ccncc1C,O=C1CCCN1C}'::text[]) AS head, unnest('{C,CC,C(C)C,COC,C=C}'::text[]) AS chain,
	unnest('{C,CO,c1ccccc1,c1ccsc1,S(=O)(=O)C}'::text[]) AS tail;

SELECT throws_ok($$SELECT hamnet_similarity(hamnet_fingerprint('CCO', 'hamnet-untrained'), hamnet_fingerprint('CCN', 'hamnet-untrained'))$$, '55000', NULL, 'a model has no scale by itself');
SELECT throws_ok($$SELECT hamnet_similarity('[1,2]'::hfp, '[1,2]'::hfp)$$, '42704', 'model of the fingerprint is not known', 'nor have fingerprints of no model');
SELECT throws_ok($$SELECT hamnet_similarity('0000abcd:[1,2]'::hfp, '0000abcd:[1,2]'::hfp)$$, '42704', 'model of the fingerprint is not known', 'or of a model that is not here');
SELECT throws_ok($$SELECT hamnet_calibrate('few', 'hamnet-untrained', '{C,CC}')$$, '22023', '2 molecules are too few to calibrate with, at least 200 are needed', 'two molecules make no scale');
SELECT throws_ok($$SELECT hamnet_calibrate('none', 'no such model', '{C}')$$, '42704', NULL, 'of a model that there is');
SELECT lives_ok($$SELECT hamnet_calibrate('scaled', 'hamnet-untrained', array_agg(smiles) || '{no molecule,NULL}') FROM molecule$$, 'some hundreds do; what is none is left out');
SELECT is(hamnet_fingerprint('CCO', 'scaled')::real[], hamnet_fingerprint('CCO', 'hamnet-untrained')::real[], 'the fingerprint is what it was');
SELECT isnt((SELECT id FROM hamnet_models() WHERE name = 'scaled'), (SELECT id FROM hamnet_models() WHERE name = 'hamnet-untrained'), 'but the model is another');

CREATE TABLE pair AS
SELECT hamnet_similarity(a.fp, b.fp) AS similarity, a.fp <=> b.fp AS distance
FROM (SELECT smiles, hamnet_fingerprint(smiles, 'scaled') AS fp FROM molecule) AS a, (SELECT smiles, hamnet_fingerprint(smiles, 'scaled') AS fp FROM molecule) AS b
WHERE a.smiles < b.smiles;
SELECT ok(bool_and(similarity BETWEEN 0 AND 1), 'similarity is between 0 and 1') FROM pair;
SELECT cmp_ok(avg((similarity > 0.5)::int), '<', 0.002, 'few pairs are beyond a half') FROM pair;
SELECT cmp_ok(avg((similarity > 1 / 3.0)::int), '<', 0.011, 'a hundredth beyond a third') FROM pair;
SELECT cmp_ok(abs(avg((similarity > 1 / 6.0)::int) - 0.1), '<', 0.005, 'and a tenth beyond a sixth') FROM pair;
SELECT is(count(*), 0::bigint, 'what is nearer is not less similar')
FROM (SELECT similarity, lag(similarity) OVER (ORDER BY distance) AS nearer FROM pair) AS p WHERE nearer < similarity;
SELECT is(hamnet_similarity(fp, fp), 1::float8, 'a molecule is like itself') FROM (SELECT hamnet_fingerprint('CCOc1ccccc1', 'scaled') AS fp) AS f;

SELECT * FROM finish();
ROLLBACK;
