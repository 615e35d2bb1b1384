-- What RDKit computes for SQL: descriptors and conformations.
BEGIN;
SELECT plan(20);

-- descriptors
SELECT is(count(*), 205::bigint, 'there are 205 descriptors') FROM hamnet_descriptors('CCO');
SELECT is(count(DISTINCT name), 205::bigint, 'of as many names') FROM hamnet_descriptors('CCO');
SELECT is(value, 3::float8, 'ethanol has three heavy atoms') FROM hamnet_descriptors('CCO') WHERE name = 'HeavyAtomCount';
SELECT ok(abs(value - 46.069) < 1e-3, 'and weighs 46') FROM hamnet_descriptors('CCO') WHERE name = 'MolWt';
SELECT is(value, 1::float8, 'and has a hydroxyl group') FROM hamnet_descriptors('CCO') WHERE name = 'fr_Al_OH';
SELECT is(value, NULL, 'a dummy atom has no partial charge') FROM hamnet_descriptors('*c1ccccc1') WHERE name = 'MaxPartialCharge';
SELECT ok(bool_and(abs(a.value - b.value) <= 1e-5 * (1 + abs(a.value))), 'another spelling has the same descriptors')
	FROM hamnet_descriptors('CC(=O)Oc1ccccc1C(=O)O') a JOIN hamnet_descriptors('OC(=O)c1ccccc1OC(C)=O') b USING (name);
SELECT throws_ok($$SELECT * FROM hamnet_descriptors('C1CC')$$, '22P02', NULL, 'an invalid SMILES has none');
SELECT is_empty($$SELECT * FROM hamnet_descriptors(NULL)$$, 'nor has NULL');

-- conformations
SELECT is(hamnet_embed('CCO', 1), hamnet_embed('CCO', 1), 'one seed, one conformation');
SELECT isnt(hamnet_embed('CCCCO', 1), hamnet_embed('CCCCO', 2), 'another seed, another one');
SELECT is(hamnet_embed('CCO'), hamnet_embed('CCO', 0), 'the seed is 0 if none is given');
SELECT matches(hamnet_embed('CCO'), 'RDKit +3D', 'the block says that it is three-dimensional');
SELECT is(split_part(hamnet_embed('OCC'), E'\n', 5) ~ ' O  ', true, 'atoms stand in the order of the SMILES');
SELECT throws_ok($$SELECT hamnet_embed('CCO', -1)$$, '22023', 'seed is -1, it must not be negative', 'a seed is not negative');
SELECT throws_ok($$SELECT hamnet_embed('C1CC')$$, '22P02', NULL, 'an invalid SMILES cannot be embedded');
SELECT throws_like($$SELECT hamnet_embed(repeat('C', 100))$$, '%at most 200 can be embedded', 'nor can a large molecule');
SELECT throws_ok($$SELECT hamnet_embed('F[C@@]12CC[C@](Cl)(C1)C2')$$, '22000', NULL, 'nor an impossible one');
SELECT is(hamnet_embed(NULL), NULL, 'NULL has no conformation');

SELECT ok(bool_and(sd >= 0 AND novelty >= 0), 'every built-in prediction has a deviation and a novelty') FROM hamnet_predictions('CCO');
SELECT * FROM finish();
ROLLBACK;
