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
SELECT is((SELECT array_agg((element, x, y, z) ORDER BY x, y, z)::text FROM hamnet_engine_positions(mapped)),
	(SELECT array_agg((element, x, y, z) ORDER BY x, y, z)::text FROM hamnet_engine_positions(plain)), mapped || ' has the positions of ' || plain)
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
	('isotopes', 'CCO', '[13CH3]CO'), ('isotopes of an isotope', '[13CH4]', '[12CH4]');

SELECT is(hamnet_fingerprint(a), hamnet_fingerprint(b), kind || ': one fingerprint') FROM confused;
SELECT isnt(hamnet_canonical_smiles(a), hamnet_canonical_smiles(b), kind || ': two canonical SMILES') FROM confused;
-- whether RDKit writes the geometry of metals depends on its version
SELECT is(hamnet_fingerprint(a), hamnet_fingerprint(b), 'cis and trans at a metal have one fingerprint: ' || a) FROM (VALUES
	('N[Pt@SP1](Cl)(Cl)N', 'N[Pt@SP2](Cl)(Cl)N'), ('Cl[Pd@SP1](Cl)(P)P', 'Cl[Pd@SP2](Cl)(P)P'), ('N[Pt@SP1](Cl)(Cl)N', 'N[Pt](Cl)(Cl)N')) AS v (a, b);
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
SELECT is(hamnet_try_standardize(smiles), NULL, kind || ': try_standardize') FROM bad;
SELECT is(hamnet_try_parent(smiles), NULL, kind || ': try_parent') FROM bad;
SELECT is(hamnet_try_tautomer(smiles), NULL, kind || ': try_tautomer') FROM bad;
SELECT results_eq($$SELECT smiles, fp IS NULL FROM hamnet_fingerprint_query('SELECT smiles FROM bad') AS (smiles text, fp hfp)$$,
	'SELECT smiles, true FROM bad', 'fingerprint_query keeps every row');

SELECT is(hamnet_try_smiles(' CCO'), ' CCO', 'try_smiles returns a SMILES as it is');
SELECT is(hamnet_try_predict('CCO', 'solubility'), hamnet_predict('CCO', 'solubility'), 'try_predict predicts');
SELECT bag_eq($$SELECT * FROM hamnet_try_predictions('CCO')$$, $$SELECT * FROM hamnet_predictions('CCO')$$, 'try_predictions predicts');
SELECT is(hamnet_try_embed('CCO', 1), hamnet_embed('CCO', 1), 'try_embed embeds');
SELECT bag_eq($$SELECT * FROM hamnet_try_descriptors('CCO')$$, $$SELECT * FROM hamnet_descriptors('CCO')$$, 'try_descriptors describes');
SELECT is(hamnet_try_embed('F[C@@]12CC[C@](Cl)(C1)C2'), NULL, 'an impossible molecule has no conformation');
SELECT is(hamnet_try_embed(repeat('C', 100)), NULL, 'a molecule too large to embed has no conformation');
SELECT throws_ok($$SELECT hamnet_try_predict('C1CC', 'taste')$$, '42704', NULL, 'hamnet_try_predict refuses an unrecognized property');
SELECT throws_ok($$SELECT hamnet_try_fingerprint('C1CC', 'no model')$$, '42704', NULL, 'hamnet_try_fingerprint refuses an unrecognized model');
SELECT throws_ok($$SELECT hamnet_try_embed('CCO', -1)$$, '22023', NULL, 'hamnet_try_embed refuses a negative seed');

-- a limit of the session decides alike, in the stored column too
CREATE TEMP TABLE stored (smiles text, fp hfp GENERATED ALWAYS AS (hamnet_try_fingerprint(smiles)) STORED);
INSERT INTO stored SELECT smiles FROM bad UNION ALL SELECT 'CCCCCC';
SET LOCAL hamnet.max_atoms = 5;
INSERT INTO stored VALUES ('CCCCCC');
SELECT is(hamnet_try_fingerprint('CCCCCC'), NULL, 'a lower limit holds, also for a molecule seen before');
RESET hamnet.max_atoms;
SELECT is(count(fp), 1::bigint, 'a table is loaded whatever it holds, and what is beyond the limit has no fingerprint') FROM stored;
UPDATE stored SET smiles = smiles;
SELECT is(count(fp), 2::bigint, 'a row written with a higher limit has its fingerprint') FROM stored;

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
SELECT matches(hint_of(format('SELECT hamnet_fingerprint(%L)', repeat('C', 1001))), 'hamnet.max_atoms', 'the hint for the limit on atoms names hamnet.max_atoms');
SELECT matches(hint_of(format('SELECT hamnet_fingerprint(%L)', repeat('C', 100000))), 'hamnet.max_atoms', 'the hint for the limit on bytes names hamnet.max_atoms');
SELECT matches(hint_of(format('SELECT hamnet_fingerprint(%L)', 'c1' || repeat('*', 28) || '1')), 'Write an element', 'the hint for dummies in rings says to write an element');
SELECT is(hint_of(format('SELECT hamnet_fingerprint(%L)', '*' || repeat('(F)', 65))), '', 'an atom of 65 bonds has no hint');
SELECT is(hint_of($$SELECT hamnet_embed(repeat('C', 100))$$), '', 'a molecule too large to embed has no hint');
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
SELECT throws_ok($$SELECT hamnet_from_cxsmiles('C1CC |c:1|')$$, '22P02', NULL, 'hamnet_from_cxsmiles refuses an invalid SMILES');
SELECT throws_ok($$SELECT hamnet_from_cxsmiles(' ')$$, '22P02', NULL, 'hamnet_from_cxsmiles refuses an empty text');

---------------------------------------------------------------------------
-- One form of a molecule
---------------------------------------------------------------------------

CREATE TEMP TABLE salt (kind text, smiles text, parent text);
INSERT INTO salt VALUES
	('sildenafil citrate', 'CCCc1nn(C)c2c1[nH]c(nc2=O)-c1cc(ccc1OCC)S(=O)(=O)N1CCN(C)CC1.OC(=O)CC(O)(CC(=O)O)C(=O)O',
	 'CCCc1nn(C)c2c1[nH]c(nc2=O)-c1cc(ccc1OCC)S(=O)(=O)N1CCN(C)CC1'),
	('ibuprofen sodium', 'CC(C)Cc1ccc(cc1)C(C)C(=O)[O-].[Na+]', 'CC(C)Cc1ccc(cc1)C(C)C(=O)O'),
	('ibuprofen sodium, drawn with a bond', 'CC(C)Cc1ccc(cc1)C(C)C(=O)O[Na]', 'CC(C)Cc1ccc(cc1)C(C)C(=O)O'),
	('ibuprofen as an anion', 'CC(C)Cc1ccc(cc1)C(C)C(=O)[O-]', 'CC(C)Cc1ccc(cc1)C(C)C(=O)O'),
	('a protonated amine', 'C[NH2+]Cc1ccccc1', 'CNCc1ccccc1'), ('its hydrochloride', 'CNCc1ccccc1.Cl', 'CNCc1ccccc1'),
	('the ions of that', 'C[NH2+]Cc1ccccc1.[Cl-]', 'CNCc1ccccc1'), ('a zwitterion', '[NH3+][C@@H](C)C([O-])=O', 'N[C@@H](C)C(=O)O'),
	('a hydrate', 'Cn1cnc2c1c(=O)n(C)c(=O)n2C.O', 'Cn1cnc2c1c(=O)n(C)c(=O)n2C'), ('a nitro group of five bonds', 'CN(=O)=O', 'C[N+](=O)[O-]');

SELECT is(hamnet_fingerprint(hamnet_parent(smiles)), hamnet_fingerprint(hamnet_parent(parent)), kind || ': the fingerprint of its parent') FROM salt;
SELECT is(hamnet_parent(smiles), hamnet_canonical_smiles(parent), kind || ': its parent') FROM salt;
SELECT is(hamnet_parent('[13CH3][C@H](N)O'), '[13CH3][C@H](N)O', 'a parent keeps isotopes and stereochemistry');
SELECT is(hamnet_parent('[13CH3][C@H](N)O', isotopes => false), 'C[C@H](N)O', 'hamnet_parent removes isotopes if asked');
SELECT is(hamnet_parent('[13CH3][C@H](N)O', stereo => false), '[13CH3]C(N)O', 'hamnet_parent removes stereochemistry if asked');
SELECT is(hamnet_standardize('CC(=O)O[Na].C[NH3+]'), hamnet_standardize('CC(=O)[O-].[Na+].C[NH3+]'), 'cleaning disconnects metals, and keeps charges');
SELECT is(hamnet_tautomer('Oc1ccccn1'), hamnet_tautomer('O=c1cccc[nH]1'), 'tautomers have one canonical form');
SELECT throws_ok(format('SELECT hamnet_%s(%L)', f, 'C1CC'), '22P02', NULL, f || ' of an invalid SMILES')
	FROM unnest(ARRAY['standardize', 'parent', 'tautomer']) AS f;

SELECT is(ARRAY[hamnet_try_standardize(smiles), hamnet_try_parent(smiles), hamnet_try_tautomer(smiles)],
	ARRAY[hamnet_standardize(smiles), hamnet_parent(smiles), hamnet_tautomer(smiles)], 'lenient forms of ' || smiles || ' are the same') FROM unnest(ARRAY['C[NH3+].[Cl-]', 'Oc1ccccn1']) AS smiles;
SELECT throws_ok($$SELECT hamnet_parent('CCOC1C=C(C(=O)[O-])CC(N=[CH+](N)N)C1')$$, '22P02', NULL, 'RDKit cannot uncharge a carbon that was drawn wrongly');
SELECT is(hamnet_try_parent('CCOC1C=C(C(=O)[O-])CC(N=[CH+](N)N)C1'), NULL, 'which the lenient form survives');

-- a thousand compounds, with salts added
CREATE TEMP TABLE nci (smiles text, id int);
\copy nci FROM '/usr/share/RDKit/Data/NCI/first_5K.smi' WITH (FORMAT csv, DELIMITER E'\t')
CREATE TEMP TABLE library AS
	SELECT smiles, hamnet_parent(smiles) AS parent FROM (
		SELECT smiles FROM nci WHERE hamnet_smiles_error(smiles) IS NULL AND smiles ~ 'C.*C.*C.*C' AND smiles !~ '\.' ORDER BY id LIMIT 1000) AS s;
SELECT is(count(*), 1000::bigint, 'there are a thousand compounds') FROM library;
SELECT is((SELECT string_agg(smiles, ' ') FROM library WHERE hamnet_parent(smiles || '.' || salt) IS DISTINCT FROM parent), NULL,
	'adding ' || salt || ' does not change a parent') FROM unnest(ARRAY['Cl', '[Na+].[Cl-]', 'O', 'OS(=O)(=O)O']) AS salt;
SELECT is(count(*), 0::bigint, 'a parent is its own parent') FROM library WHERE hamnet_parent(parent) IS DISTINCT FROM parent;

-- the option of what reads many molecules
CREATE TEMP TABLE form (standard text, smiles text);
INSERT INTO form SELECT standard, smiles FROM salt, unnest(ARRAY['none', 'clean', 'parent']) AS standard;
SELECT is((SELECT string_agg(smiles, ' ')
	FROM hamnet_fingerprint_query(format('SELECT smiles FROM form WHERE standard = %L', standard), 'hamnet-base', standard) AS q (smiles text, fp hfp)
	WHERE fp IS DISTINCT FROM hamnet_fingerprint(CASE standard WHEN 'clean' THEN hamnet_standardize(smiles) WHEN 'parent' THEN hamnet_parent(smiles) ELSE smiles END)),
	NULL, 'fingerprint_query with ' || standard) FROM unnest(ARRAY['none', 'clean', 'parent']) AS standard;
SELECT throws_ok($$SELECT * FROM hamnet_fingerprint_query('SELECT smiles FROM form', 'hamnet-base', 'pure') AS q (smiles text, fp hfp)$$,
	'22023', 'invalid standard "pure"', 'an unrecognized standard is refused');

CREATE TABLE enriched (smiles text, standard text, fp hfp, problem text);
INSERT INTO enriched SELECT smiles, 'parent' FROM salt UNION ALL VALUES ('C1CC', 'parent');
CALL hamnet_enrich('enriched', 'smiles', 'fp', '{"standardize": "parent", "error_column": "problem", "workers": 0}');
SELECT is(count(*), 0::bigint, 'hamnet_enrich computes of the parent') FROM enriched
	WHERE fp IS DISTINCT FROM hamnet_fingerprint(hamnet_parent(hamnet_try_smiles(smiles)));
SELECT is(problem, 'invalid SMILES: unclosed ring', 'hamnet_enrich gives the reason of an invalid SMILES with a standard too') FROM enriched WHERE fp IS NULL;
CREATE TABLE learned AS SELECT 'C' || repeat('C', i) || CASE WHEN i % 2 = 0 THEN '[NH3+].[Cl-]' ELSE 'N' END AS smiles, i::float8 AS y
	FROM generate_series(1, 40) AS i;
CALL hamnet_train('of parents', 'SELECT smiles, y FROM learned', '{"standardize": "parent", "head": "kernel"}');
CALL hamnet_train('of their SMILES', 'SELECT hamnet_parent(smiles), y FROM learned', '{"head": "kernel"}');
SELECT is(a.id, b.id, 'hamnet_train learns of parents') FROM hamnet_models() AS a, hamnet_models() AS b
	WHERE a.name = 'of parents' AND b.name = 'of their SMILES';

---------------------------------------------------------------------------
-- Formats
---------------------------------------------------------------------------

SELECT is(hamnet_from_molblock(hamnet_molblock(smiles)), hamnet_canonical_smiles(smiles), smiles || ' comes back from its MOL block')
	FROM unnest(ARRAY['CCO', 'N[C@@H](C)C(=O)O', 'F/C=C\F', 'C[C@H]1C[C@@H](C1)O', '[Na+].[Cl-]', '[13CH3][2H]']) AS smiles;
SELECT is(hamnet_canonical_smiles(hamnet_from_molblock(hamnet_embed('N[C@@H](C)C(=O)O'))), hamnet_canonical_smiles('N[C@@H](C)C(=O)O'),
	'stereochemistry comes from three-dimensional coordinates too');
SELECT matches(split_part(hamnet_molblock('CCO'), E'\n', 4), 'V2000', 'a MOL block is V2000');
SELECT ok(split_part(block, E'\n', 4) ~ 'V3000' AND hamnet_from_molblock(block) = repeat('C', 999) || 'O', 'or V3000 for a large molecule, which can be read too')
	FROM (SELECT hamnet_molblock(repeat('C', 999) || 'O') AS block OFFSET 0) AS large;
SELECT throws_ok(format('SELECT hamnet_%s(%L)', f, 'C1CC'), '22P02', NULL, f || ' of what is none')
	FROM unnest(ARRAY['molblock', 'from_molblock', 'scaffold', 'formula']) AS f;
SELECT is(hamnet_scaffold('OC(=O)c1ccccc1OC(C)=O'), 'c1ccccc1', 'the scaffold of aspirin');
SELECT is(hamnet_scaffold('CCO'), '', 'ethanol has none');
SELECT is(hamnet_formula('CC(=O)[O-].[Na+]'), 'C2H3NaO2', 'a formula');

-- SD files
CREATE TEMP TABLE sdf AS SELECT string_agg(block, '') AS text FROM (VALUES
	(hamnet_molblock('CCO') || E'>  <id>  (1)\n1\n\n> <name>\nethyl\nalcohol\n\n$' || E'$$$\n'), (E'no molecule\n$' || E'$$$\n'),
	(replace(hamnet_molblock('CCN') || E'> <id>\n3\n\n> <id>\n4\n\n$' || E'$$$\n', E'\n', E'\r\n')), (E'\n\n$' || E'$$$\n')) AS v (block);
SELECT results_eq($q$SELECT record, smiles, properties, left(problem, 17) FROM sdf, hamnet_read_sdf(text)$q$,
	$q$VALUES (1, 'CCO', '{"id": "1", "name": "ethyl\nalcohol"}'::jsonb, NULL::text), (2, NULL, '{}', 'invalid MOL block'),
		(3, 'CCN', '{"id": "4"}', NULL), (4, NULL, '{}', 'invalid MOL block')$q$, 'records with properties and problems');
SELECT is((SELECT count(*) FROM hamnet_read_sdf('')), 0::bigint, 'no text has no record');
SELECT is((SELECT count(*) FROM hamnet_read_sdf(E' \n\n')), 0::bigint, 'nor has white space');
SELECT is((SELECT problem FROM hamnet_read_sdf((SELECT text FROM sdf)) WHERE record = 1 AND hamnet_formula(smiles) = 'C2H6O'), NULL, 'molecules can be used');
SELECT matches((SELECT problem FROM hamnet_read_sdf(repeat('x', 2000000))), '^MOL block has', 'a block too long is a problem');
SELECT is(properties ->> 'p', 'v', 'a property of a record whose others are many')
	FROM hamnet_read_sdf(hamnet_molblock('C') || repeat(E'> <a>\nb\n\n', 100000) || E'> <p>\nv\n\n');
SELECT ok(properties IS NULL AND smiles = 'C' AND problem ~ 'properties have', 'properties beyond the limit are a problem')
	FROM hamnet_read_sdf(hamnet_molblock('C') || E'> <a>\n' || repeat('b', 17000000));

---------------------------------------------------------------------------
-- Substructures, and one descriptor
---------------------------------------------------------------------------

SELECT is(hamnet_count_substructure(smiles, smarts), n, smiles || ' has ' || n || ' ' || smarts) FROM (VALUES
	('CCO', '[OX2H]', 1), ('OCCO', '[OX2H]', 2), ('CC', '[OX2H]', 0), ('c1ccccc1', 'c1ccccc1', 1), ('CC(=O)Oc1ccccc1C(=O)O', 'C(=O)O', 2),
	('CCN(C)C', '[$(N(C)C)]', 1), ('[CH3:1][OH:2]', '[CH3:7]', 1)) AS v (smiles, smarts, n);
SELECT is(count(*) FILTER (WHERE hamnet_has_substructure(smiles, 'c1ccccc1') IS DISTINCT FROM (hamnet_count_substructure(smiles, 'c1ccccc1') > 0)), 0::bigint,
	'having is counting more than none') FROM library;
SELECT is(count(*) FILTER (WHERE hamnet_count_substructure(smiles, '[#6]C(=O)[O;H,-1]') <> hamnet_descriptor(smiles, 'fr_COO')), 0::bigint,
	'RDKit counts its fragments alike') FROM library;
SELECT is(array_agg(hamnet_count_substructure('CCO', smarts) ORDER BY n), ARRAY[2, 1, 2, 1], 'patterns may differ from row to row')
	FROM unnest(ARRAY['C', 'O', '[#6]', '[#8]']) WITH ORDINALITY AS u (smarts, n);
SELECT throws_ok(format('SELECT hamnet_has_substructure(%L, %L)', 'CCO', smarts), '22023', NULL, 'no SMARTS: ' || smarts) FROM unnest(ARRAY['C(', '', 'not one']) AS smarts;
SELECT throws_ok($$SELECT hamnet_has_substructure(hamnet_try_smiles('C1CC'), 'C(') FROM (SELECT 1) AS one WHERE hamnet_has_substructure('CCO', 'C(')$$, '22023', NULL,
	'a wrong pattern is never forgiven');
SELECT throws_ok($$SELECT hamnet_has_substructure('CCO', repeat('C', 1001))$$, '22023', NULL, 'a pattern may be too long');
SELECT is(hamnet_has_substructure(hamnet_try_smiles('C1CC'), 'C'), NULL, 'a row that is no molecule has no answer');
SELECT is(hamnet_descriptor(smiles, name), value, name || ' of ' || smiles)
	FROM unnest(ARRAY['CC(=O)Oc1ccccc1C(=O)O', '*c1ccccc1']) AS smiles, LATERAL hamnet_descriptors(smiles)
	WHERE name IN ('MolWt', 'MolLogP', 'TPSA', 'fr_COO', 'MaxPartialCharge', 'BalabanJ', 'RingCount', 'fr_urea', 'MaxEStateIndex');
SELECT throws_ok($$SELECT hamnet_descriptor('CCO', 'taste')$$, '42704', 'descriptor "taste" does not exist', 'a descriptor that does not exist');

---------------------------------------------------------------------------
-- Everyday SQL is fast
---------------------------------------------------------------------------

CREATE TEMP TABLE lib AS SELECT hamnet_fingerprint(repeat('C', 1 + i % 20)) AS fp FROM generate_series(1, 20000) AS i;
CREATE TEMP TABLE asked AS SELECT repeat('C', i) || 'O' AS smiles FROM generate_series(1, 10) AS i;
SET LOCAL statement_timeout = '30s';
SELECT is(count(*), 10::bigint, 'the fingerprint of an outer column is not computed for each inner row')
	FROM (SELECT (SELECT count(*) FROM lib WHERE fp <-> hamnet_fingerprint(asked.smiles) < 1) FROM asked OFFSET 0) AS q;
RESET statement_timeout;
SELECT is(count(*), 0::bigint, 'a fingerprint that is remembered is the one computed') FROM (
	SELECT u.* FROM generate_series(1, 2), (SELECT array_agg(smiles) AS a FROM (SELECT smiles FROM library LIMIT 100) AS s) AS batch,
		unnest(a, hamnet_fingerprints(a)) AS u (smiles, fp)) AS q
	WHERE fp IS DISTINCT FROM hamnet_fingerprint(smiles) OR fp IS DISTINCT FROM hamnet_try_fingerprint(smiles);
SELECT isnt(hamnet_fingerprint('CCO', 'hamnet-untrained'), hamnet_fingerprint('CCO'), 'a remembered fingerprint is that of its model');

SELECT * FROM finish();
ROLLBACK;
