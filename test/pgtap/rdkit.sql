-- What RDKit computes for SQL: descriptors and conformations.
BEGIN;
SELECT plan(20);

-- descriptors
SELECT is(count(*), 205::bigint, 'there are 205 descriptors') FROM hamnet_descriptors('CCO');
SELECT is(count(DISTINCT name), 205::bigint, 'no two descriptors have one name') FROM hamnet_descriptors('CCO');
SELECT is(value, 3::float8, 'ethanol has three heavy atoms') FROM hamnet_descriptors('CCO') WHERE name = 'HeavyAtomCount';
SELECT ok(abs(value - 46.069) < 1e-3, 'ethanol has the molecular weight 46.069') FROM hamnet_descriptors('CCO') WHERE name = 'MolWt';
SELECT is(value, 1::float8, 'ethanol has one hydroxyl group') FROM hamnet_descriptors('CCO') WHERE name = 'fr_Al_OH';
SELECT is(value, NULL, 'a dummy atom has no partial charge') FROM hamnet_descriptors('*c1ccccc1') WHERE name = 'MaxPartialCharge';
SELECT ok(bool_and(abs(a.value - b.value) <= 1e-5 * (1 + abs(a.value))), 'another spelling has the same descriptors')
	FROM hamnet_descriptors('CC(=O)Oc1ccccc1C(=O)O') a JOIN hamnet_descriptors('OC(=O)c1ccccc1OC(C)=O') b USING (name);
SELECT throws_ok($$SELECT * FROM hamnet_descriptors('C1CC')$$, '22P02', NULL, 'hamnet_descriptors refuses an invalid SMILES');
SELECT is_empty($$SELECT * FROM hamnet_descriptors(NULL)$$, 'hamnet_descriptors of NULL has no rows');

-- conformations
SELECT is(hamnet_embed('CCO', 1), hamnet_embed('CCO', 1), 'one seed gives one conformation');
SELECT isnt(hamnet_embed('CCCCO', 1), hamnet_embed('CCCCO', 2), 'another seed gives another conformation');
SELECT is(hamnet_embed('CCO'), hamnet_embed('CCO', 0), 'the default seed of hamnet_embed is 0');
SELECT matches(hamnet_embed('CCO'), 'RDKit +3D', 'a MOL block says that it is three-dimensional');
SELECT is(split_part(hamnet_embed('OCC'), E'\n', 5) ~ ' O  ', true, 'atoms of a MOL block are in the order of the SMILES');
SELECT throws_ok($$SELECT hamnet_embed('CCO', -1)$$, '22023', 'seed is -1, it must not be negative', 'hamnet_embed refuses a negative seed');
SELECT throws_ok($$SELECT hamnet_embed('C1CC')$$, '22P02', NULL, 'hamnet_embed refuses an invalid SMILES');
SELECT throws_like($$SELECT hamnet_embed(repeat('C', 100))$$, '%at most 200 can be embedded', 'hamnet_embed refuses more than 200 atoms');
SELECT throws_ok($$SELECT hamnet_embed('F[C@@]12CC[C@](Cl)(C1)C2')$$, '22000', NULL, 'hamnet_embed refuses an impossible molecule');
SELECT is(hamnet_embed(NULL), NULL, 'hamnet_embed of NULL is NULL');

SELECT ok(bool_and(sd >= 0 AND novelty >= 0), 'every built-in prediction has a deviation and a novelty') FROM hamnet_predictions('CCO');
SELECT * FROM finish();
ROLLBACK;
