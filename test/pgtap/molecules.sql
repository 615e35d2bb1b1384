-- Molecules as people have them.
BEGIN;
SELECT no_plan();

---------------------------------------------------------------------------
-- Atom-map numbers do not count
---------------------------------------------------------------------------

CREATE TEMP TABLE mapped (plain text, mapped text);
INSERT INTO mapped VALUES
	('CCO', '[CH3:1][CH2:2][OH:3]'), ('CCO', '[CH3:3][CH2:2][OH:1]'), ('CCO', '[CH3:0][CH2:0][OH:0]'),
	('CC(=O)Oc1ccccc1C(=O)O', '[CH3:9]C(=O)Oc1ccccc1C(=O)O'), ('*C', '[*:1]C'), ('*C*', '[*:2]C[*:1]'),
	('C[C@H](N)C(=O)O', '[CH3:4][C@H:2]([NH2:7])[C:1](=[O:3])[OH:5]'), ('F/C=C/F', '[F:1]/[CH:4]=[CH:2]/[F:3]'),
	('CC', '[H:1]C([H:2])([H:3])[CH3:4]'), ('[2H]CO', '[2H:1][CH2:2]O'),
	('CCCCN(CCCC)S(=O)(=O)c1ccccc1', '[CH3:1][CH2:9][CH2:7][CH2:6][N:2]([S:10]([c:11]1[cH:13][cH:4][cH:5][cH:16][cH:15]1)'
	 '(=[O:12])=[O:18])[CH2:17][CH2:3][CH2:8][CH3:14]');

SELECT is(hamnet_fingerprint(mapped), hamnet_fingerprint(plain), mapped || ' has the fingerprint of ' || plain) FROM mapped;
SELECT is(hamnet_predict(mapped, 'solubility'), hamnet_predict(plain, 'solubility'), mapped || ' has the solubility of ' || plain)
	FROM mapped;
SELECT is(hamnet_canonical_smiles(mapped, false), hamnet_canonical_smiles(plain), mapped || ' is ' || plain || ' without its numbers')
	FROM mapped;
SELECT is(hamnet_canonical_smiles(mapped, true), hamnet_canonical_smiles(mapped), mapped || ' keeps its numbers unless told otherwise')
	FROM mapped;
SELECT is((SELECT array_agg(value ORDER BY name) FROM hamnet_descriptors(mapped)),
	(SELECT array_agg(value ORDER BY name) FROM hamnet_descriptors(plain)), mapped || ' has the descriptors of ' || plain)
	FROM mapped WHERE plain IN ('CCO', '*C');
SELECT is((SELECT array_agg((element, weight) ORDER BY weight, element)::text FROM hamnet_atom_weights(mapped)),
	(SELECT array_agg((element, weight) ORDER BY weight, element)::text FROM hamnet_atom_weights(plain)), mapped || ' has the atom weights of ' || plain)
	FROM mapped;
SELECT is((SELECT array_agg((element, x, y, z) ORDER BY x, y, z)::text FROM hamnet_conformer(mapped)),
	(SELECT array_agg((element, x, y, z) ORDER BY x, y, z)::text FROM hamnet_conformer(plain)), mapped || ' has the conformer of ' || plain)
	FROM mapped;
SELECT is(hamnet_canonical_smiles('[CH3:1][CH2:2][OH:3]'), '[CH3:1][CH2:2][OH:3]', 'a canonical SMILES keeps atom-map numbers');
SELECT isnt(hamnet_fingerprint('[13CH3]C'), NULL, 'isotopes are no atom-map numbers');

---------------------------------------------------------------------------
-- What a fingerprint does not tell apart, and what does
---------------------------------------------------------------------------

CREATE TEMP TABLE confused (kind text, a text, b text);
INSERT INTO confused VALUES
	('cis and trans, cyclobutane', 'C[C@H]1C[C@@H](C1)O', 'C[C@H]1C[C@H](C1)O'),
	('cis and trans, tranexamic acid', 'NC[C@H]1CC[C@H](CC1)C(=O)O', 'NC[C@H]1CC[C@@H](CC1)C(=O)O'),
	('cis and trans, 1,3-dimethoxycyclobutane', 'CO[C@H]1C[C@@H](C1)OC', 'CO[C@H]1C[C@H](C1)OC'),
	('cis and trans, a spiro compound', 'CO[C@H]1CC[C@]2(CC1)Cc1ccc(-c3cncc(C(F)F)c3)cc1C21N=C(C)C(N)=N1',
	 'CO[C@@H]1CC[C@]2(CC1)Cc1ccc(-c3cncc(C(F)F)c3)cc1C21N=C(C)C(N)=N1'),
	('isotopes', 'CCO', '[13CH3]CO'), ('isotopes of an isotope', '[13CH4]', '[12CH4]'),
	('sodium and potassium ions', '[Na+]', '[K+]');

SELECT is(hamnet_fingerprint(a), hamnet_fingerprint(b), kind || ': one fingerprint') FROM confused;
SELECT isnt(hamnet_canonical_smiles(a), hamnet_canonical_smiles(b), kind || ': two canonical SMILES') FROM confused;
SELECT isnt(hamnet_fingerprint('N[C@@H](C)C(=O)O'), hamnet_fingerprint('N[C@H](C)C(=O)O'), 'enantiomers have two fingerprints');
SELECT isnt(hamnet_fingerprint('F/C=C/F'), hamnet_fingerprint('F/C=C\F'), 'cis and trans of a double bond have two fingerprints');

---------------------------------------------------------------------------
-- One rule for what lenient forms survive
---------------------------------------------------------------------------

CREATE TEMP TABLE bad (kind text, smiles text, sqlstate text);
INSERT INTO bad VALUES
	('no SMILES', 'C1CC', '22P02'), ('a wrong valence', 'CN(C)(C)(C)C', '22P02'), ('nothing', '', '22P02'),
	('a molecule beyond hamnet.max_atoms', repeat('C', 1001), '54000'), ('a text beyond it', repeat('C', 100000), '54000'),
	('dummies in rings', 'c1' || repeat('*', 28) || '1', '54000'), ('an atom of 65 bonds', '*' || repeat('(F)', 65), '54000'),
	('a name after the SMILES', 'CCO ethanol', '22P02'), ('CXSMILES', 'C[C@H](F)Cl |&1:1|', '22P02');

SELECT ok(hamnet_smiles_error(smiles) IS NOT NULL, kind || ' has a reason') FROM bad;
SELECT throws_ok(format('SELECT hamnet_fingerprint(%L)', smiles), sqlstate, NULL, kind || ' has no fingerprint') FROM bad;
SELECT is(hamnet_try_smiles(smiles), NULL, kind || ': try_smiles') FROM bad;
SELECT is(hamnet_try_fingerprint(smiles), NULL, kind || ': try_fingerprint') FROM bad;
SELECT is(hamnet_try_fingerprint(smiles, 'hamnet-untrained'), NULL, kind || ': try_fingerprint by a model') FROM bad;
SELECT is(array_length(array_remove(hamnet_fingerprints(ARRAY['CCO', smiles, 'CCN']), NULL), 1), 2, kind || ': fingerprints') FROM bad;
SELECT is(hamnet_try_predict(smiles, 'solubility'), NULL, kind || ': try_predict') FROM bad;
SELECT is(hamnet_try_predict(smiles, 'solubility', 'hamnet-properties'), NULL, kind || ': try_predict by a model') FROM bad;
SELECT is((SELECT count(*) FROM hamnet_try_predictions(smiles)), 0::bigint, kind || ': try_predictions') FROM bad;
SELECT is((SELECT count(*) FROM hamnet_try_predictions(smiles, 'hamnet-properties')), 0::bigint, kind || ': try_predictions by a model')
	FROM bad;
SELECT is(hamnet_try_embed(smiles), NULL, kind || ': try_embed') FROM bad;
SELECT is((SELECT count(*) FROM hamnet_try_descriptors(smiles)), 0::bigint, kind || ': try_descriptors') FROM bad;
SELECT results_eq($$SELECT smiles, fp IS NULL FROM hamnet_fingerprint_query('SELECT smiles FROM bad') AS (smiles text, fp hfp)$$,
	'SELECT smiles, true FROM bad', 'fingerprint_query keeps every row');

SELECT is(hamnet_try_smiles(' CCO'), ' CCO', 'try_smiles returns a SMILES as it is');
SELECT is(hamnet_try_predict('CCO', 'solubility'), hamnet_predict('CCO', 'solubility'), 'try_predict predicts');
SELECT bag_eq($$SELECT * FROM hamnet_try_predictions('CCO')$$, $$SELECT * FROM hamnet_predictions('CCO')$$, 'try_predictions predicts');
SELECT is(hamnet_try_embed('CCO', 1), hamnet_embed('CCO', 1), 'try_embed embeds');
SELECT bag_eq($$SELECT * FROM hamnet_try_descriptors('CCO')$$, $$SELECT * FROM hamnet_descriptors('CCO')$$, 'try_descriptors describes');
SELECT is(hamnet_try_embed('F[C@@]12CC[C@](Cl)(C1)C2'), NULL, 'an impossible molecule has no conformation');
SELECT is(hamnet_try_embed(repeat('C', 100)), NULL, 'nor has one too large to embed');
SELECT throws_ok($$SELECT hamnet_try_predict('C1CC', 'taste')$$, '42704', NULL, 'what is asked wrongly stays an error');
SELECT throws_ok($$SELECT hamnet_try_fingerprint('C1CC', 'no model')$$, '42704', NULL, 'as does a model that does not exist');
SELECT throws_ok($$SELECT hamnet_try_embed('CCO', -1)$$, '22023', NULL, 'and a negative seed');

-- a limit of the session decides alike, in the stored column too
CREATE TEMP TABLE stored (smiles text, fp hfp GENERATED ALWAYS AS (hamnet_try_fingerprint(smiles)) STORED);
INSERT INTO stored SELECT smiles FROM bad UNION ALL SELECT 'CCCCCC';
SET LOCAL hamnet.max_atoms = 5;
INSERT INTO stored VALUES ('CCCCCC');
SELECT is(hamnet_try_fingerprint('CCCCCC'), NULL, 'a lower limit holds, also for a molecule seen before');
RESET hamnet.max_atoms;
SELECT is(count(fp), 1::bigint, 'a table is loaded whatever it holds, and what is beyond the limit has no fingerprint') FROM stored;
UPDATE stored SET smiles = smiles;
SELECT is(count(fp), 2::bigint, 'until its row is written with a higher limit') FROM stored;

-- hints name what helps
CREATE FUNCTION hint_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE hint text;
BEGIN
	EXECUTE query;
	RETURN NULL;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN hint;
END$$;
SELECT matches(hint_of(format('SELECT hamnet_fingerprint(%L)', repeat('C', 1001))), 'hamnet.max_atoms', 'the limit on atoms is a setting');
SELECT matches(hint_of(format('SELECT hamnet_fingerprint(%L)', repeat('C', 100000))), 'hamnet.max_atoms', 'that on bytes follows from it');
SELECT matches(hint_of(format('SELECT hamnet_fingerprint(%L)', 'c1' || repeat('*', 28) || '1')), 'Write an element', 'dummies in rings can be replaced');
SELECT is(hint_of(format('SELECT hamnet_fingerprint(%L)', '*' || repeat('(F)', 65))), '', 'nothing helps against 65 bonds');
SELECT is(hint_of($$SELECT hamnet_embed(repeat('C', 100))$$), '', 'nor against a molecule too large to embed');
SELECT matches(hint_of(format('SELECT hamnet_fingerprint(%L)', s)), 'hamnet_from_cxsmiles', 'a SMILES can be cut out of ' || s)
	FROM unnest(ARRAY['CCO |$R1;;$|', 'CCO ethanol']) AS s;

---------------------------------------------------------------------------
-- What follows a SMILES in files
---------------------------------------------------------------------------

SELECT matches(hamnet_smiles_error(s), 'CXSMILES extension at position', s || ' is recognised')
	FROM unnest(ARRAY['C[C@H](F)[C@@H](C)Cl |&1:1,3|', 'C[C@H]1CC[C@@H](O)CC1 |o1:1,4|', 'CC(=O)Oc1ccccc1C(=O)O |c:5,7,9|',
		'*CCO |$R1;;;$|', E'CCO\t|lp:2:2|', 'CCO|&1:1|', 'CCO  |$;;$| ethanol']) AS s;
SELECT is(hamnet_from_cxsmiles(s || tail), s, s || tail || ' begins with ' || s)
	FROM unnest(ARRAY['C[C@H](F)[C@@H](C)Cl', 'CCO', '*CCO']) AS s,
		unnest(ARRAY[' |&1:1|', E'\t|$R1;;;$| name', ' a name', '', ' ']) AS tail;
SELECT throws_ok($$SELECT hamnet_from_cxsmiles('C1CC |c:1|')$$, '22P02', NULL, 'what is in front must be a molecule');
SELECT throws_ok($$SELECT hamnet_from_cxsmiles(' ')$$, '22P02', NULL, 'and must not be empty');

SELECT * FROM finish();
ROLLBACK;
