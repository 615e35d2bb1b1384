-- InChI and InChIKey, or where hamnet was built without their library, that it says so.
BEGIN;
SELECT no_plan();

CREATE FUNCTION state_of(query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE query;
	RETURN '00000';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END$$;
SELECT state_of($$SELECT hamnet_inchi('C')$$) = '0A000' AS missing \gset
\if :missing

SELECT throws_ok($$SELECT hamnet_inchi('C')$$, '0A000', 'hamnet was built without InChI', 'hamnet_inchi says that it is not there');
SELECT throws_ok($$SELECT hamnet_inchikey('C')$$, '0A000', 'hamnet was built without InChI', 'hamnet_inchikey says that it is not there');
SELECT is(state_of($$SELECT hamnet_inchi('C')$$), '0A000', 'it says so each time');

\else

SELECT is(hamnet_inchi('N[C@@H](C)C(=O)O'), 'InChI=1S/C3H7NO2/c1-2(4)3(5)6/h2H,4H2,1H3,(H,5,6)/t2-/m0/s1', 'the InChI of L-alanine');
SELECT is(hamnet_inchikey('N[C@@H](C)C(=O)O'), 'QNAYBMKLOCPYGJ-REOHCLBHSA-N', 'the InChIKey of L-alanine');
SELECT is(hamnet_inchikey(NULL), NULL, 'no molecule has no key');

-- molecules that a fingerprint does not tell apart
CREATE TEMP TABLE confused (kind text, a text, b text);
INSERT INTO confused VALUES
	('cis and trans, cyclobutane', 'C[C@H]1C[C@@H](C1)O', 'C[C@H]1C[C@H](C1)O'),
	('cis and trans, tranexamic acid', 'NC[C@H]1CC[C@H](CC1)C(=O)O', 'NC[C@H]1CC[C@@H](CC1)C(=O)O'),
	('cis and trans, 1,3-dimethoxycyclobutane', 'CO[C@H]1C[C@@H](C1)OC', 'CO[C@H]1C[C@H](C1)OC'),
	('cis and trans, a spiro compound', 'CO[C@H]1CC[C@]2(CC1)Cc1ccc(-c3cncc(C(F)F)c3)cc1C21N=C(C)C(N)=N1',
	 'CO[C@@H]1CC[C@]2(CC1)Cc1ccc(-c3cncc(C(F)F)c3)cc1C21N=C(C)C(N)=N1'),
	('isotopes', 'CCO', '[13CH3]CO');
SELECT is(hamnet_fingerprint(a), hamnet_fingerprint(b), kind || ': one fingerprint') FROM confused;
SELECT isnt(hamnet_inchikey(a), hamnet_inchikey(b), kind || ': two keys') FROM confused;

-- spellings, tautomers that InChI takes for one, atom-map numbers
SELECT is(hamnet_inchikey(a), hamnet_inchikey(b), a || ' and ' || b || ' have one key') FROM (VALUES
	('OCC', 'CCO'), ('Oc1ccccn1', 'O=c1cccc[nH]1'), ('C[N+](=O)[O-]', 'CN(=O)=O'), ('[CH3:1][OH:2]', 'CO'), (' CCO ', 'CCO'),
	('C[C@@H]1C[C@@H](C1)O', 'O[C@@H]1C[C@@H](C1)C')) AS v (a, b);
SELECT is(count(*) FILTER (WHERE hamnet_inchikey(smiles) <> hamnet_inchikey(hamnet_canonical_smiles(smiles))), 0::bigint,
	'a key does not depend on the spelling')
	FROM unnest(ARRAY['CC(=O)Oc1ccccc1C(=O)O', 'F/C=C/F', 'CC(C)C[C@H](N)C(=O)O', 'OC[C@H]1O[C@@H](O)[C@H](O)[C@@H](O)[C@@H]1O', 'C[S@](=O)CC']) AS smiles;

SELECT throws_ok(format('SELECT %s(%L)', f, smiles), sqlstate, NULL, f || ' of ' || left(smiles, 10)) FROM
	unnest(ARRAY['hamnet_inchi', 'hamnet_inchikey']) AS f,
	(VALUES ('C1CC', '22P02'), ('', '22P02'), ('*C', '22P02'), (repeat('C', 1001), '54000'), ('C |c:0|', '22P02')) AS v (smiles, sqlstate);
SELECT throws_ok($$SELECT hamnet_inchi('*C')$$, '22P02', NULL, 'a molecule that InChI has no words for is an invalid SMILES');
SELECT throws_like($$SELECT hamnet_inchi('*C')$$, 'invalid SMILES "*C": no InChI: un%', 'the library says why it has none');
SELECT is(hamnet_inchi(hamnet_try_smiles('C1CC')), NULL, 'a row that is no molecule has no InChI');
SET LOCAL hamnet.max_atoms = 2000;
SELECT throws_ok($$SELECT hamnet_inchi(repeat('C', 1100))$$, '54000', 'molecule has 1100 atoms, more than the limit of 1023 for InChI', 'InChI has a limit of its own');
RESET hamnet.max_atoms;

\endif

SELECT * FROM finish();
ROLLBACK;
