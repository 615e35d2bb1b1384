-- Shapes and other numbers of conformations.
BEGIN;
SELECT plan(24);

CREATE TABLE conformation AS
	SELECT smiles, k.conformer, k.molblock, hamnet_shape(k.molblock) AS shape
	FROM unnest(ARRAY['OC(=O)c1ccccc1O', 'CCCCC(=O)NCC', 'CC(C)CC(N)C(=O)O']) AS smiles,
		hamnet_conformers(smiles, 4, '{"conformations": 8}') AS k;

-- shapes
SELECT is(array_agg(DISTINCT hamnet_dims(shape)), '{60}', 'a shape has 60 numbers') FROM conformation;
SELECT is(array_agg(DISTINCT hamnet_model_of(shape)), '{f1298b0f}', 'a shape has an identity of its own') FROM conformation;
SELECT throws_ok($$SELECT shape <-> hamnet_fingerprint('CCO') FROM conformation$$, NULL, NULL, 'a shape cannot be compared with a fingerprint');
SELECT ok(max(a.shape <-> b.shape) > 1, 'conformers differ in shape') FROM conformation a JOIN conformation b USING (smiles) WHERE a.conformer < b.conformer;
SELECT ok(max(shape <-> hamnet_shape(k.molblock)) < 1e-3, 'a shape does not depend on hydrogens')
	FROM conformation AS c, hamnet_conformers(smiles, 4, '{"conformations": 8, "hydrogens": false}') AS k WHERE k.conformer = c.conformer;
SELECT ok(max(c.shape <-> hamnet_shape(k.molblock)) < 1e-3, 'a shape does not depend on the numbering of atoms')
	FROM conformation AS c, hamnet_conformers('CCNC(=O)CCCC', 4, '{"conformations": 8}') AS k WHERE c.smiles = 'CCCCC(=O)NCC' AND k.conformer = c.conformer;

-- a molecule moved and turned has the same shape: x, y, z become y + 3, z - 2, x
CREATE FUNCTION moved(molblock text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(CASE WHEN line ~ '^ *-?\d+\.\d{4} +-?\d+\.\d{4} ' THEN
		lpad((substr(line, 11, 10)::numeric + 3)::text, 10) || lpad((substr(line, 21, 10)::numeric - 2)::text, 10) || lpad(substr(line, 1, 10), 10) || substr(line, 31)
		ELSE line END, E'\n' ORDER BY n) FROM regexp_split_to_table(molblock, E'\n') WITH ORDINALITY AS t (line, n) $$;
SELECT ok(bool_and(moved(molblock) <> molblock), 'atoms were moved') FROM conformation;
SELECT ok(max(shape <-> hamnet_shape(moved(molblock))) < 1e-3, 'a shape does not depend on position and orientation') FROM conformation;
SELECT ok(max(hamnet_rmsd(molblock, moved(molblock))) < 1e-3, 'hamnet_rmsd does not depend on position and orientation') FROM conformation;
SELECT throws_ok($$SELECT hamnet_shape(hamnet_embed('CO'))$$, '22P02', NULL, 'two atoms have no shape');
SELECT is(hamnet_try_shape(hamnet_embed('CO')), NULL, 'the shape of two atoms is NULL in the lenient form');
SELECT is(hamnet_try_shape('nonsense'), NULL, 'the shape of an invalid block is NULL in the lenient form');

-- other numbers
CREATE TABLE number AS SELECT c.*, d.name, d.value FROM conformation AS c, hamnet_geometry_descriptors(molblock) AS d;
SELECT is(count(DISTINCT name), 11::bigint, 'there are 11 numbers') FROM number;
SELECT is(bool_or(value IS NULL), false, 'all are known for organic molecules') FROM number;
SELECT ok(bool_and(CASE WHEN name ~ '^born' THEN value < 0 WHEN name = 'asphericity' THEN value BETWEEN 0 AND 1 WHEN name = 'surface_charge' THEN true
	ELSE value >= 0 END), 'energies of solvation are negative, sizes are not') FROM number;
SELECT ok(max(abs(n.value - d.value) / (1 + abs(n.value))) < 0.05, 'descriptors of a conformer do not depend on position and orientation, but for points on surfaces')
	FROM number AS n, hamnet_geometry_descriptors(moved(molblock)) AS d WHERE d.name = n.name AND n.name <> 'surface_charge';
SELECT ok(max(abs(n.value - d.value) / (1 + abs(n.value))) < 1e-3, 'descriptors of a conformer do not depend on the numbering of atoms')
	FROM number AS n, hamnet_conformers('CCNC(=O)CCCC', 4, '{"conformations": 8}') AS k, hamnet_geometry_descriptors(k.molblock) AS d
	WHERE n.smiles = 'CCCCC(=O)NCC' AND k.conformer = n.conformer AND d.name = n.name AND n.name !~ 'surface';
SELECT ok(bool_and(value >= 1), 'salicylic acid has an internal hydrogen bond') FROM number WHERE smiles = 'OC(=O)c1ccccc1O' AND conformer = 1 AND name = 'hydrogen_bonds';
SELECT is(value, NULL, 'MMFF94 has no charges for boron') FROM hamnet_geometry_descriptors(hamnet_embed('OB(O)C')) WHERE name = 'dipole';
SELECT cmp_ok(w.value, '<', h.value, 'water dissolves acetamide better than butane')
	FROM hamnet_geometry_descriptors(hamnet_embed('CC(N)=O')) AS w, hamnet_geometry_descriptors(hamnet_embed('CCCC')) AS h WHERE w.name = 'born_energy' AND h.name = w.name;
SELECT cmp_ok(hamnet_polar_surface('CCCO'), '>', hamnet_polar_surface('CCCC') + 20, 'an alcohol has a polar surface, an alkane none');
SELECT is(hamnet_polar_surface('CCCC', 4.8), 0::float8, 'butane has no polar surface in a solvent of low permittivity');
SELECT cmp_ok(hamnet_polar_surface('OCCCCO'), '>', hamnet_polar_surface('OCCCCO', 1), 'more polar surface of a diol is outside in water than in vacuum');
SELECT throws_ok($$SELECT hamnet_polar_surface('CCO', 0.5)$$, '22023', NULL, 'a permittivity below that of vacuum is refused');
SELECT * FROM finish();
ROLLBACK;
