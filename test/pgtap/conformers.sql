-- Conformers: that they are structures of the molecule that was asked for, and how far they are apart.
BEGIN;
SELECT plan(47);

-- handedness: enantiomers have opposite signs of the volume that the neighbours of the centre span
CREATE FUNCTION volume(s text) RETURNS float8 LANGUAGE sql AS $$
WITH k AS (SELECT * FROM hamnet_conformer(s)), a AS (SELECT * FROM k WHERE atom = 1), b AS (SELECT * FROM k WHERE atom = 2),
	c AS (SELECT * FROM k WHERE atom = 3), d AS (SELECT * FROM k WHERE atom = 4)
SELECT (a.x-d.x)*((b.y-d.y)*(c.z-d.z)-(b.z-d.z)*(c.y-d.y)) - (a.y-d.y)*((b.x-d.x)*(c.z-d.z)-(b.z-d.z)*(c.x-d.x))
	+ (a.z-d.z)*((b.x-d.x)*(c.y-d.y)-(b.y-d.y)*(c.x-d.x)) FROM a, b, c, d $$;
SELECT cmp_ok(volume('N[C@@H](C)C(=O)O'), '<', -1::float8, 'L-alanine has one handedness');
SELECT cmp_ok(volume('N[C@H](C)C(=O)O'), '>', 1::float8, 'D-alanine has the other handedness');
SELECT cmp_ok(volume('F[C@H](Cl)Br'), '>', 1::float8, 'one CHFClBr has one handedness');
SELECT cmp_ok(volume('F[C@@H](Cl)Br'), '<', -1::float8, 'the other CHFClBr has the other handedness');

-- one conformer, as atoms
SELECT results_eq($$SELECT atom, element FROM hamnet_conformer('OCCCl')$$,
	$$VALUES (1, 'O'), (2, 'C'), (3, 'C'), (4, 'Cl')$$, 'atoms of a conformer are in the order of the SMILES');
SELECT ok(max(sqrt((a.x - b.x) ^ 2 + (a.y - b.y) ^ 2 + (a.z - b.z) ^ 2)) < 1e-6, 'another spelling has the same positions')
	FROM hamnet_conformer('OCCCl') a JOIN hamnet_conformer('ClCCO') b ON a.atom = 5 - b.atom;
SELECT ok(bool_and(abs(sqrt((a.x - b.x) ^ 2 + (a.y - b.y) ^ 2 + (a.z - b.z) ^ 2) - 1.39) < 0.02), 'benzene is a regular hexagon')
	FROM hamnet_conformer('c1ccccc1') a JOIN hamnet_conformer('c1ccccc1') b ON b.atom = a.atom % 6 + 1;
SELECT is_empty($$SELECT * FROM hamnet_conformer(NULL)$$, 'NULL has no conformer');
SELECT throws_ok($$SELECT * FROM hamnet_conformer('xx')$$, '22P02', NULL, 'hamnet_conformer refuses an invalid SMILES');
SELECT throws_ok($$SELECT * FROM hamnet_conformer('F[C@@]12CC[C@](Cl)(C1)C2')$$, '22000', NULL, 'hamnet_conformer refuses an impossible molecule');

-- ensembles
CREATE TABLE ensemble AS SELECT * FROM hamnet_conformers('CC(C)Cc1ccc(cc1)C(C)C(=O)O', 100);
SELECT cmp_ok(count(*), '>', 3::bigint, 'a flexible molecule has several conformers') FROM ensemble;
SELECT ok(bool_and(ordered), 'conformers are ordered by energy, lowest first') FROM (SELECT energy >= lag(energy) OVER (ORDER BY conformer) AS ordered FROM ensemble) AS e;
SELECT ok(max(energy) - min(energy) <= 10, 'conformers lie within the energy window') FROM ensemble;
SELECT ok(abs(sum(weight) - 1) < 1e-9, 'weights of all conformers sum to 1') FROM ensemble;
SELECT ok(max(abs(ln(a.weight / b.weight) - 0.4 * (b.energy - a.energy) / 0.5925)) < 1e-6, 'weights are damped') FROM ensemble a, ensemble b;
SELECT ok(min(hamnet_rmsd(a.molblock, b.molblock)) > 0.499, 'no two conformers are the same') FROM ensemble a JOIN ensemble b ON a.conformer < b.conformer;
SELECT ok(bool_and(molblock LIKE '%force field MMFF94%'), 'a block names its force field') FROM ensemble;
SELECT is((SELECT count(*) FROM hamnet_conformers('CC(C)Cc1ccc(cc1)C(C)C(=O)O', 2)), 2::bigint, 'hamnet_conformers returns no more than asked for');
SELECT results_eq($$SELECT molblock FROM hamnet_conformers('CCCO', 100)$$, $$SELECT molblock FROM hamnet_conformers('CCCO', 100, '{"seed": 0}')$$,
	'one seed gives one ensemble');
SELECT is_empty($$SELECT molblock FROM hamnet_conformers('CCCO', 9) INTERSECT SELECT molblock FROM hamnet_conformers('CCCO', 9, '{"seed": 1}')$$,
	'another seed gives another ensemble');
SELECT is(a.energy, NULL, 'a dummy atom leaves energies unknown') FROM hamnet_conformers('*CCO', 1) AS a;
SELECT matches(molblock, E'^[^\n]*\n[^\n]*3D', 'blocks say that they are three-dimensional') FROM ensemble LIMIT 1;
SELECT ok(molblock !~ ' H  ', 'hydrogens can be left out') FROM hamnet_conformers('CCO', 1, '{"hydrogens": false}');
SELECT cmp_ok(s.energy, '<', v.energy - 5, 'a solvent lowers the energy of what is polar')
	FROM hamnet_conformers('NCC(=O)O', 1) AS v, hamnet_conformers('NCC(=O)O', 1, '{"epsilon": 78.5}') AS s;
SELECT throws_ok($$SELECT * FROM hamnet_conformers('CC', 0)$$, '22023', 'number of conformers is 0, it must be at least 1', 'hamnet_conformers refuses to return none');
SELECT throws_ok($$SELECT * FROM hamnet_conformers('CC', 1, '{"epsilon": 0.5}')$$, '22023', NULL, 'a vacuum has the smallest constant');
SELECT throws_ok($$SELECT * FROM hamnet_conformers('CC', 1, '{"windows": 1}')$$, '22023', NULL, 'an option that is not known is noticed');
SELECT is_empty($$SELECT * FROM hamnet_try_conformers('xx') UNION ALL SELECT * FROM hamnet_try_conformers('F[C@@]12CC[C@](Cl)(C1)C2')$$,
	'the lenient form has no row where there is no conformer');

-- distances
SELECT ok(max(abs(hamnet_rmsd(a.molblock, b.molblock) - hamnet_rmsd(b.molblock, a.molblock))) < 1e-4, 'a distance is symmetric')
	FROM ensemble a, ensemble b WHERE a.conformer < b.conformer AND b.conformer < 6;
SELECT ok(max(hamnet_rmsd(molblock, molblock)) < 1e-6, 'a conformer has the distance 0 from itself') FROM ensemble;
SELECT ok(hamnet_rmsd(a.molblock, b.molblock) < 0.02, 'symmetric atoms can be exchanged')
	FROM hamnet_conformers('Cc1c(F)cccc1Cl', 1) AS a, hamnet_conformers('c1(C)c(Cl)cccc1F', 1) AS b;
SELECT throws_ok($$SELECT hamnet_rmsd(hamnet_embed('CCO'), hamnet_embed('CCN'))$$, '22023',
	'the MOL blocks are of different molecules: CCO and CCN', 'different molecules have no distance');
SELECT is(hamnet_rmsd(NULL, hamnet_embed('CCO')), NULL, 'hamnet_rmsd of NULL is NULL');
-- tables
CREATE TABLE molecule (id int, smiles text, problem text);
INSERT INTO molecule VALUES (1, 'CCO'), (2, 'CCCCCO'), (3, 'C1CC'), (4, NULL), (NULL, 'CC');
CREATE TABLE conformation (id int, conformer int, energy float8, weight float8, molblock text, PRIMARY KEY (id, conformer));
CREATE FUNCTION fill() RETURNS text LANGUAGE sql AS $$SELECT $q$CALL hamnet_enrich('molecule', 'smiles', NULL,
	'{"conformers": {"table": "conformation", "n": 2, "options": {"conformations": 4}}, "error_column": "problem"}')$q$ $$;
SET client_min_messages = warning;
SELECT lives_ok(fill(), 'a table of conformers is filled');
SELECT results_eq('SELECT id, count(*) FROM conformation GROUP BY id ORDER BY id', $$VALUES (1, 1::bigint), (2, 2)$$, 'hamnet_enrich makes conformers of every molecule with a key');
SELECT results_eq('SELECT molblock FROM conformation WHERE id = 2 ORDER BY conformer', $$SELECT molblock FROM hamnet_conformers('CCCCCO', 2, '{"conformations": 4}')$$,
	'hamnet_enrich writes the conformers of hamnet_conformers');
SELECT matches(problem, 'unclosed ring', 'a molecule without conformers has its reason') FROM molecule WHERE id = 3;
DELETE FROM conformation WHERE id = 1;
SELECT lives_ok(fill(), 'a second call of hamnet_enrich goes on');
SELECT is(count(*), 3::bigint, 'a second call of hamnet_enrich makes the conformers that are missing') FROM conformation;
SELECT throws_ok($$CALL hamnet_enrich('molecule', 'smiles', 'problem', '{"conformers": {"table": "conformation"}}')$$, '22023', NULL, 'hamnet_enrich refuses fingerprints and conformers at a time');
SELECT throws_ok($$CALL hamnet_enrich('molecule', 'smiles', NULL, '{"conformers": {"table": "molecule"}}')$$, '42703', NULL, 'the table has the columns of conformers');

-- models that read a conformer
CREATE TABLE charged AS
SELECT smiles, (SELECT value FROM hamnet_geometry_descriptors((SELECT molblock FROM hamnet_conformers(smiles, 1, '{"conformations": 1}'))) WHERE name = 'born_energy') AS born
FROM unnest(ARRAY['CCO', 'CCN', 'CCC', 'CC(=O)O', 'CC(=O)N', 'c1ccccc1', 'c1ccncc1', 'Oc1ccccc1', 'CS(C)=O', 'CC#N', 'CC(C)=O', 'COC', 'CCCl', 'OCCO', 'NCC(=O)O', 'CCCCCC', 'O=C1CCCN1', 'Cn1ccnc1', 'CCOC=O', 'FC(F)F']) AS smiles;
SELECT lives_ok($$CALL hamnet_train('conformer', 'SELECT * FROM charged', '{"head": "kernel", "inputs": "conformer", "validation": "none"}')$$, 'a kernel learns from conformers');
SELECT lives_ok($$CALL hamnet_train('plain', 'SELECT smiles, born AS energy FROM charged', '{"head": "kernel", "validation": "none"}')$$, 'a kernel learns without conformers');
SELECT cmp_ok(sqrt(avg((hamnet_predict(smiles, 'conformer') - born) ^ 2)), '<', 0.2 * stddev(born), 'a model that reads conformers learns what is computed from them') FROM charged;
SELECT ok(abs(hamnet_predict('OCC', 'conformer') - hamnet_predict('CCO', 'conformer')) < 1e-3, 'another spelling has the same prediction by a conformer');
SELECT ok(hamnet_predict(repeat('C', 120), 'conformer') IS NOT NULL, 'a molecule that is too large for a conformer is predicted without one');
SELECT throws_like($$SELECT hamnet_combine_models('both', '{conformer,plain}')$$, '%reads descriptors%', 'heads that read different descriptors are not combined');
SELECT * FROM finish();
ROLLBACK;
