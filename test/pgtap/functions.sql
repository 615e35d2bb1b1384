-- What a user relies on in the functions over molecules.
BEGIN;
SELECT plan(60);

-- valid and invalid molecules
SELECT is(hamnet_dims(hamnet_fingerprint('CCO')), 256, 'a fingerprint of the default model has 256 dimensions');
SELECT is(hamnet_model_of(hamnet_fingerprint('CCO')), left(id, 8), 'a fingerprint carries the model''s identity')
	FROM hamnet_models() WHERE name = 'hamnet-base';
SELECT ok(hamnet_norm(hamnet_fingerprint('CCO')) > 0, 'a fingerprint is not zero');
SELECT ok((SELECT bool_and(x >= 0) FROM unnest(hamnet_fingerprint('CC(=O)Oc1ccccc1C(=O)O', 'hamnet-engine')::real[]) x), 'no element of a fingerprint without a projection is negative');
SELECT throws_ok($$SELECT hamnet_fingerprint('C1CC')$$, '22P02', 'invalid SMILES "C1CC": unclosed ring', 'an invalid SMILES is refused with RDKit''s reason');
SELECT throws_ok($$SELECT hamnet_fingerprint('')$$, '22P02', NULL, 'an empty SMILES is invalid');
SELECT throws_like($$SELECT hamnet_fingerprint('CN(C)(C)(C)C')$$, '%valence%N, 5,%', 'a wrong valence is named');
SELECT throws_ok($$SELECT * FROM hamnet_engine_positions('xx')$$, '22P02', NULL, 'conformers need a valid SMILES');
SELECT throws_ok($$SELECT * FROM hamnet_trajectory('xx')$$, '22P02', NULL, 'trajectories need a valid SMILES');
SELECT throws_ok($$SELECT * FROM hamnet_atom_weights('xx')$$, '22P02', NULL, 'atom weights need a valid SMILES');
SELECT throws_ok($$SELECT hamnet_canonical_smiles('xx')$$, '22P02', NULL, 'canonical SMILES need a valid SMILES');
SELECT is(hamnet_try_fingerprint('C1CC'), NULL, 'hamnet_try_fingerprint gives NULL for an invalid SMILES');
SELECT is(hamnet_try_fingerprint('CCO'), hamnet_fingerprint('CCO'), 'hamnet_try_fingerprint gives what hamnet_fingerprint gives for a valid SMILES');
SELECT is(hamnet_smiles_error('CCO'), NULL, 'hamnet_smiles_error gives NULL for a valid SMILES');
SELECT is(hamnet_smiles_error('C1CC'), 'invalid SMILES "C1CC": unclosed ring', 'hamnet_smiles_error gives RDKit''s reason');
SELECT is(hamnet_canonical_smiles('OCC'), 'CCO', 'hamnet_canonical_smiles gives RDKit''s canonical SMILES');

-- NULL in, NULL out
SELECT is(hamnet_fingerprint(NULL), NULL, 'hamnet_fingerprint of NULL is NULL');
SELECT is(hamnet_try_fingerprint(NULL), NULL, 'hamnet_try_fingerprint of NULL is NULL');
SELECT is(hamnet_fingerprints(NULL), NULL, 'hamnet_fingerprints of NULL is NULL');
SELECT is(hamnet_smiles_error(NULL), NULL, 'hamnet_smiles_error of NULL is NULL');
SELECT is_empty($$SELECT * FROM hamnet_engine_positions(NULL)$$, 'hamnet_engine_positions of NULL has no rows');

-- one molecule, one fingerprint
SELECT is(hamnet_fingerprint(b), hamnet_fingerprint(a), a || ' = ' || b) FROM (VALUES
	('CCO', 'OCC'), ('c1ccccc1O', 'OC1=CC=CC=C1'), ('[Na+].[Cl-]', '[Cl-].[Na+]'),
	('C[C@H](N)C(=O)O', 'N[C@@H](C)C(=O)O'), ('F/C=C/F', 'F\C=C\F')) AS t(a, b);
SELECT isnt(hamnet_fingerprint('C[C@H](N)C(=O)O'), hamnet_fingerprint('C[C@@H](N)C(=O)O'), 'enantiomers have different fingerprints');
SELECT isnt(hamnet_fingerprint('F/C=C/F'), hamnet_fingerprint('F/C=C\F'), 'cis and trans have different fingerprints');

-- batches
SELECT is(array_length(hamnet_fingerprints(ARRAY['CCO', NULL, 'nonsense', 'C']), 1), 4, 'hamnet_fingerprints returns as many elements as it gets');
SELECT is((hamnet_fingerprints(ARRAY['CCO', NULL, 'nonsense', 'C']))[2:3], ARRAY[NULL, NULL]::hfp[],
	'hamnet_fingerprints has NULL for NULL and for an invalid SMILES');
SELECT is(hamnet_fingerprints('{}'), '{}', 'hamnet_fingerprints of an empty array is empty');
SELECT is(array_dims(hamnet_fingerprints('[0:1][3:4]={{C,CC},{CCC,CCCC}}'::text[])), '[0:1][3:4]', 'hamnet_fingerprints keeps dimensions and bounds of the array');
CREATE TABLE molecule AS SELECT repeat('C', n % 17 + 1) || (ARRAY['O', 'N', 'c1ccccc1', 'C(=O)O', '.[Na+]', 'S', 'F'])[n % 7 + 1] AS smiles
	FROM generate_series(1, 700) n;
SELECT ok(max(f <-> hamnet_fingerprint(s)) < 1e-5 * sqrt(256), 'hamnet_fingerprints gives what single calls give')
	FROM (SELECT array_agg(smiles) AS batch FROM molecule) a, unnest(batch, hamnet_fingerprints(batch)) AS t(s, f);

-- atoms are counted as in the SMILES
SELECT results_eq($$SELECT atom, element FROM hamnet_engine_positions('OCCCl')$$,
	$$VALUES (1, 'O'), (2, 'C'), (3, 'C'), (4, 'Cl')$$, 'engine positions are in the order of atoms in the SMILES');
SELECT results_eq($$SELECT atom, element FROM hamnet_atom_weights('ClCCO')$$,
	$$VALUES (1, 'Cl'), (2, 'C'), (3, 'C'), (4, 'O')$$, 'atom weights are in the order of atoms in the SMILES');
SELECT ok(max(sqrt((a.x - b.x) ^ 2 + (a.y - b.y) ^ 2 + (a.z - b.z) ^ 2)) = 0, 'engine positions do not depend on the spelling of the SMILES')
	FROM hamnet_engine_positions('OCCCl') a JOIN hamnet_engine_positions('ClCCO') b ON a.atom = 5 - b.atom;
SELECT ok(abs(sum(weight) - 1) < 1e-5, 'atom weights sum to 1') FROM hamnet_atom_weights('CC(=O)Oc1ccccc1C(=O)O');
SELECT is(array_agg(step ORDER BY step), ARRAY(SELECT generate_series(0, 20)), 'a trajectory has steps 0 to S') FROM hamnet_trajectory('CCO');
SELECT ok(bool_and(kinetic >= 0 AND dissipated >= 0), 'kinetic and dissipated energies are not negative') FROM hamnet_trajectory('CCO');

-- what is predicted when no model is named
SELECT bag_eq($$SELECT property FROM hamnet_predictions('CCO')$$, $$SELECT unnest(targets) FROM hamnet_models() WHERE built_in$$,
	'hamnet_predictions lists the targets of every built-in model');
SELECT is_empty($$SELECT FROM hamnet_predictions('CCO') WHERE value IS DISTINCT FROM hamnet_predict('CCO', property)$$,
	'hamnet_predictions gives the values that hamnet_predict gives');
SELECT is_empty($$SELECT FROM hamnet_predictions('CCO', 'hamnet-untrained')$$, 'hamnet_predictions by the untrained model has no rows');
SELECT throws_ok($$SELECT hamnet_predict('CCO', 'taste')$$, '42704',
	'no built-in model predicts "taste", and no model has that name', 'hamnet_predict refuses an unrecognized property');

-- limits
SELECT throws_ok(format('SELECT hamnet_fingerprint(%L)', repeat('C', 1001)), '54000', NULL, 'hamnet_fingerprint refuses more than hamnet.max_atoms atoms');
SELECT is(hamnet_try_fingerprint(repeat('C', 1001)), NULL, 'hamnet_try_fingerprint gives NULL for more than hamnet.max_atoms atoms');
SELECT is(hamnet_fingerprints(ARRAY[repeat('C', 1001)]), ARRAY[NULL]::hfp[], 'hamnet_fingerprints has NULL for more than hamnet.max_atoms atoms');
SELECT ok(hamnet_smiles_error(repeat('C', 1001)) IS NOT NULL, 'hamnet_smiles_error has a reason for more than hamnet.max_atoms atoms');
SET LOCAL hamnet.max_atoms = 5;
SELECT lives_ok($$SELECT hamnet_fingerprint('CCCCC')$$, 'as many as hamnet.max_atoms atoms are allowed');
SELECT throws_ok($$SELECT hamnet_fingerprint('CCCCCC')$$, '54000', NULL, 'one more than hamnet.max_atoms atoms is refused');
RESET hamnet.max_atoms;
SELECT throws_ok($$SET hamnet.max_atoms = 1000000$$, '22023', NULL, 'hamnet.max_atoms has an upper bound');
SELECT throws_ok($$SET hamnet.max_atom = 10$$, '42602', NULL, 'an unrecognized setting hamnet.* is refused');

-- what the planner is told
SELECT is(string_agg(oid::regprocedure::text, ', ' ORDER BY oid::regprocedure::text), NULL, 'no function with a model''s name is immutable')
	FROM pg_proc WHERE proname ~ '^hamnet_' AND 'model' = ANY (proargnames) AND provolatile = 'i';
SELECT is(array_agg(DISTINCT provolatile), '{i}', 'fingerprints by the default or a pinned model are immutable')
	FROM pg_proc WHERE oid IN ('hamnet_fingerprint(text)'::regprocedure, 'hamnet_try_fingerprint(text)'::regprocedure,
		'hamnet_fingerprints(text[])'::regprocedure, 'hamnet_fingerprint_pinned(text, text)'::regprocedure);
SELECT ok(min(procost) >= 1000, 'the planner knows that computing is expensive')
	FROM pg_proc WHERE proname ~ '^hamnet_(try_)?(fingerprint|predict|engine_positions|trajectory|atom)' AND prorettype <> 'internal'::regtype;

-- generated columns and expression indexes
CREATE TABLE compound (id int PRIMARY KEY, smiles text, fp hfp GENERATED ALWAYS AS (hamnet_fingerprint(smiles)) STORED);
INSERT INTO compound VALUES (1, 'CCO'), (2, NULL);
SELECT is(array_agg(fp ORDER BY id), ARRAY[hamnet_fingerprint('CCO'), NULL], 'a generated column has the fingerprint') FROM compound;
UPDATE compound SET smiles = 'CCN' WHERE id = 1;
SELECT is(fp, hamnet_fingerprint('CCN'), 'a generated column follows an update of the SMILES') FROM compound WHERE id = 1;
SELECT throws_ok($$INSERT INTO compound VALUES (3, 'C1CC')$$, '22P02', NULL, 'a generated column refuses an invalid SMILES');
CREATE INDEX ON compound (hamnet_fingerprint(smiles));
SET LOCAL enable_seqscan = off;
SELECT is(array_agg(id), '{1}', 'an expression index on hamnet_fingerprint finds another spelling') FROM compound WHERE hamnet_fingerprint(smiles) = hamnet_fingerprint('NCC');

-- cancelling; throws_ok does not catch it
CREATE FUNCTION cancelled(query text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE query;
	RETURN false;
EXCEPTION WHEN query_canceled THEN
	RETURN true;
END$$;
SET LOCAL statement_timeout = '20ms';
SELECT ok(cancelled($$SELECT count(hamnet_fingerprint(repeat('CC(C)', 60 + n % 2))) FROM generate_series(1, 100000) n$$),
	'statement_timeout ends a long query');
SELECT ok(cancelled($$SELECT hamnet_fingerprints(array_agg(repeat('CC(C)', 60 + n % 2))) FROM generate_series(1, 10000) n$$),
	'statement_timeout ends a long batch');
RESET statement_timeout;

SELECT * FROM finish();
ROLLBACK;
